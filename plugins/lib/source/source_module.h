/* SPDX-License-Identifier: Apache-2.0
 *
 * source_module.h - what the three source modules share: the ABI over exchange.h. A module is a
 * table of options, a profile and a descriptor; the rest is here.
 */
#ifndef EASG_SOURCE_MODULE_H
#define EASG_SOURCE_MODULE_H

#include <easgate/source.h>

#include "auth_config.h"
#include "exchange.h"
#include "http_config.h"
#include "plugin_opt.h"
#include "proxy_logon.h"
#include "strbuf.h"

/* ---- options, for a module's table ---- */

extern const easg_option source_opt_server, source_opt_redirect, source_opt_parallel,
    source_opt_connect, source_opt_operation, source_opt_envelope, source_opt_forest,
    source_opt_columns;
/* Those that every module has, beside `server`, `parallel` and auth.*. */
#define SOURCE_OPTIONS                                                                             \
    HTTP_CONFIG_OPTIONS, &source_opt_redirect, &source_opt_connect, &source_opt_operation,         \
        &source_opt_envelope, &source_opt_columns

#define SOURCE_OPTION(type_, flags_, name_, default_, allowed_, doc_)                              \
    {                                                                                              \
        .struct_size = sizeof(easg_option), .type = (type_), .flags = (flags_), .name = (name_),   \
        .default_value = (default_), .allowed = (allowed_), .doc = (doc_)                          \
    }

/* ---- what distinguishes a module ---- */

struct easg_instance;

struct source_profile {
    int entire_forest; /* it has the option view_entire_forest */
    int alone;         /* its servers cannot be asked for others */
    int partly;        /* they may be asked, but RBAC may not grant that */
    /* Reads the module's own options; may set self->own. NULL: it has none. */
    easg_status (*read)(struct easg_instance *self, const easg_config *cfg, easg_error *err);
    void (*forget)(struct easg_instance *self); /* frees self->own; NULL: nothing to free */
    /* Without `server`: writes the URL of the endpoint. NULL: not possible. Without `log_on` no
     * credentials are sent. */
    easg_status (*locate)(struct easg_instance *self, const easg_run *run, int log_on,
                          struct strbuf *url, easg_error *err);
    const char *(*rights)(void); /* script for an administrator */
};

struct easg_instance {
    const easg_host *host;
    const struct source_profile *profile;
    easg_str server; /* borrowed from the configuration, which outlives the instance */
    struct http_config way;
    struct auth_config auth;
    char *redirect_allow; /* "a,.b"; allocated */
    int64_t connect_ms;
    int64_t operation_ms;
    int64_t max_envelope;
    int64_t parallel;
    int view_entire_forest;
    int select_columns;
    const char *organization; /* -Organization of each Get-; NULL: none; borrowed */
    char *url_query;          /* "?DelegatedOrg=..."; NULL: none; allocated */
    void *own;                /* the profile's */
    uint32_t needs;           /* EASG_NEED_*, of expect() */
    struct strbuf script;     /* what rights() gave with them */
};

/* For create() and destroy() of a module. */
easg_status source_create(const struct source_profile *profile, const easg_host *host,
                          const easg_config *cfg, easg_instance **out, easg_error *err);
void EASG_CALL source_destroy(easg_instance *self);

/* With and without discover(). */
extern const easg_source_ops source_ops, source_ops_alone;
/* easg.probe/1 */
const void *EASG_CALL source_extension(easg_instance *self, const char *id);

#define SOURCE_MODULE(id_, summary_, options_, ops_, create_)                                      \
    {                                                                                              \
        .struct_size = sizeof(easg_module), .kind = EASG_KIND_SOURCE, .id = (id_),                 \
        .summary = (summary_), .options = (options_), .ops = (ops_), .create = (create_),          \
        .destroy = source_destroy, .get_extension = source_extension                               \
    }
/* The rest of a plugin of one module `module`. */
#define SOURCE_PLUGIN(name_)                                                                       \
    static const easg_module *const modules[] = { &module, NULL };                                 \
    static const easg_plugin plugin = {                                                            \
        EASG_PLUGIN_HEADER(0),   .name = (name_), .version = "0.1.0", .vendor = "easgate",         \
        .license = "Apache-2.0", .url = "",       .modules = modules,                              \
    };                                                                                             \
    const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)                        \
    {                                                                                              \
        return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR        \
                   ? &plugin                                                                       \
                   : NULL;                                                                         \
    }

/* ---- within the room ---- */

/* Who we are, to server and proxy; must outlive the clients made with it. */
struct source_logon {
    struct auth *auth;
    struct proxy_logon *proxy;
    struct auth_certificate certificate; /* may be wiped once the client is made */
};
/* Makes it; secrets are lent for that long. `http` gets the members that belong to it. */
easg_status source_logon(const struct easg_instance *self, struct http_options *http,
                         struct source_logon *out, easg_error *err);
void source_logoff(struct source_logon *l);

/* How every connection is made; borrows from the instance. */
struct http_options source_http(const struct easg_instance *self);
/* The URL of an endpoint: what it says, or the configured server, or what locate() finds; https and
 * /powershell. */
easg_status source_url(struct easg_instance *self, const easg_run *run, int log_on,
                       const easg_endpoint *endpoint, struct strbuf *out, easg_error *err);
/* Completes a host, host:port or URL to one of remote PowerShell. */
easg_status source_complete(const struct easg_instance *self, const char *from, struct strbuf *out,
                            easg_error *err);
/* Whose call it is that runs. */
struct source_run {
    const struct easg_instance *self;
    const easg_run *run;
};
struct exch_env source_env(struct source_run *r);
/* Options of a session, but for url, http and auth. */
struct exch_options source_session(const struct easg_instance *self, struct source_run *run);
/* EASG_E_CONFIG unless it is a host name or host:port. */
easg_status source_check_host(const struct easg_instance *self, const easg_config *cfg,
                              const char *path, const easg_str *host, easg_error *err);

#endif
