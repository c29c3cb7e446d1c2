/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange-hosted: the source module for an organisation that is a tenant of somebody's Exchange.
 * Basic or certificate, a front door that sends sessions on, listings confined to one organisation,
 * no servers to discover, and a tenant's few sessions. The rest is plugins/lib/source.
 */
#include <string.h>

#include "source_module.h"

#include "err.h"
#include "text.h"

static const easg_option o_method =
    SOURCE_OPTION(EASG_OPT_ENUM, 0, "auth.method", "basic", "basic|certificate",
                  "How to log on. Never another than this.");
static const easg_option o_parallel =
    SOURCE_OPTION(EASG_OPT_INT, 0, "parallel", "1", "1..3",
                  "Cmdlets in flight at the same time; a tenant's account has three sessions.");
static const easg_option o_organization = SOURCE_OPTION(
    EASG_OPT_STRING, 0, "organization", NULL, NULL,
    "Tenant that each listing is confined to by -Organization: its name or first domain.");
static const easg_option o_delegated = SOURCE_OPTION(
    EASG_OPT_STRING, 0, "delegated_org", NULL, NULL,
    "Tenant for which a partner's account opens its session: ?DelegatedOrg= in the URL.");

static const easg_option *const options[] = {
    &source_opt_server,
    &o_method,
    &auth_opt_user,
    &auth_opt_password,
    SOURCE_OPTIONS,
    &o_parallel,
    &auth_opt_certificate,
    &auth_opt_passphrase,
    &o_organization,
    &o_delegated,
    NULL,
};

/* What both may hold: it goes into a URL, and into a parameter where a wildcard would widen it. */
static easg_status read_tenant(struct easg_instance *self, const easg_config *cfg, const char *path,
                               const char **out, easg_error *err)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    easg_str name = opt_str(self->host, cfg, path);

    if (!name.ptr)
        return EASG_OK;
    if (name.len == 0 || name.len > 255 || strspn(name.ptr, good) != name.len)
        return opt_error(self->host, cfg, path, err,
                         "source.%s is the name or domain of a tenant: letters, digits, . - _",
                         path);
    *out = name.ptr;
    return EASG_OK;
}

static easg_status read(struct easg_instance *self, const easg_config *cfg, easg_error *err)
{
    const char *delegated = NULL;
    struct strbuf query = STRBUF_INIT(300);
    easg_status st = read_tenant(self, cfg, "organization", &self->organization, err);

    if (st == EASG_OK)
        st = read_tenant(self, cfg, "delegated_org", &delegated, err);
    if (st != EASG_OK || !delegated)
        return st;
    if (self->organization)
        return opt_error(self->host, cfg, "delegated_org", err,
                         "source.delegated_org opens the session within a tenant: remove "
                         "source.organization");
    strbuf_addf(&query, "?DelegatedOrg=%s", delegated);
    if (strbuf_status(&query) == EASG_OK)
        self->url_query = mem_strdup(query.ptr);
    strbuf_clear(&query);
    return self->url_query ? EASG_OK : err_nomem(err);
}

static const struct source_profile profile = { .alone = 1,
                                               .read = read,
                                               .rights = exch_role_script };

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    return source_create(&profile, host, cfg, out, err);
}

static const easg_module module =
    SOURCE_MODULE("exchange-hosted",
                  "A tenant's organisation on somebody's Exchange, over remote PowerShell", options,
                  &source_ops_alone, create);

SOURCE_PLUGIN("exchange-hosted")
