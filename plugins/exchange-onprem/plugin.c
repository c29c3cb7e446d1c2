/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange-onprem: the source module for Exchange in the organisation's own data centre, over
 * remote PowerShell. What it says to Exchange is in plugins/lib/exchange; this file fits that to
 * the ABI.
 */
#include <string.h>

#include "onprem.h"

#include "err.h"
#include "plugin_opt.h"
#include "strbuf.h"
#include "text.h"

struct easg_session {
    const struct easg_instance *self;
    const easg_run *run; /* of the call that is running */
    struct onprem_logon logon;
    struct exch *exch;
};

/* ---- what the session may ask ---- */

static void env_log(void *user, int level, const char *text)
{
    const struct easg_session *s = user;
    const easg_host *host = s->self->host;

    if (host->log_enabled(host, level))
        host->log(host, level, text, strlen(text), NULL, 0);
}

static int env_cancelled(void *user)
{
    const struct easg_session *s = user;

    return s->self->host->cancelled(s->self->host, s->run) != 0;
}

static int64_t env_remaining(void *user)
{
    const struct easg_session *s = user;

    return s->self->host->remaining_ms(s->self->host, s->run);
}

static easg_status env_sleep(void *user, int64_t ms)
{
    const struct easg_session *s = user;

    return s->self->host->sleep_ms(s->self->host, s->run, ms);
}

/* ---- instance ---- */

static void EASG_CALL destroy(easg_instance *self)
{
    http_config_clear(&self->way);
    mem_free(self->redirect_allow);
    mem_free(self);
}

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    struct easg_instance *self = mem_alloc(sizeof(*self));
    easg_status st;

    if (!self)
        return err_nomem(err);
    self->host = host;
    st = onprem_read(self, cfg, err);
    if (st != EASG_OK) {
        destroy(self);
        return opt_place(host, cfg, st, err);
    }
    *out = self;
    return EASG_OK;
}

/* ---- session ---- */

easg_status onprem_url(const struct easg_instance *self, const easg_endpoint *endpoint,
                       struct strbuf *out, easg_error *err)
{
    static const char https[] = "https://";
    easg_str from = self->server;
    const char *path;

    if (endpoint && EASG_HAS_FIELD(endpoint, url) && !text_blank(&endpoint->url))
        from = endpoint->url;
    if (strstr(from.ptr, "://") && !text_ieq(from.ptr, strnlen(from.ptr, 8), https, 8)) {
        char safe[200];

        return err_set(err, EASG_E_CONFIG, "%s: remote PowerShell is spoken over https only",
                       text_safe(from.ptr, from.len, safe, sizeof(safe)));
    }
    if (!strstr(from.ptr, "://"))
        strbuf_adds(out, https);
    strbuf_add(out, from.ptr, from.len);
    if (strbuf_status(out) != EASG_OK)
        return err_nomem(err);
    path = strchr(out->ptr + strlen(https), '/');
    if (!path)
        strbuf_adds(out, "/powershell");
    else if (path[1] == '\0')
        strbuf_adds(out, "powershell");
    return strbuf_status(out) == EASG_OK ? EASG_OK : err_nomem(err);
}

static void EASG_CALL session_close(easg_session *s)
{
    if (!s)
        return;
    exch_close(s->exch);
    onprem_logoff(&s->logon);
    mem_free(s);
}

static easg_status EASG_CALL session_open(easg_instance *self, const easg_run *run,
                                          const easg_endpoint *endpoint, easg_session **out,
                                          easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf url = STRBUF_INIT(2048);
    struct easg_session *s = mem_alloc(sizeof(*s));
    struct http_options http = onprem_http(self);
    struct exch_options options = { .http = &http,
                                    .env = { s, env_log, env_cancelled, env_remaining, env_sleep },
                                    .operation_timeout_ms = self->operation_ms,
                                    .max_envelope = (size_t)self->max_envelope,
                                    .view_entire_forest = self->view_entire_forest,
                                    .select_columns = self->select_columns };
    easg_status st;

    if (!s)
        return err_nomem(err);
    s->self = self;
    s->run = run;
    st = onprem_url(self, endpoint, &url, err);
    if (st == EASG_OK)
        st = onprem_logon(self, &http, &s->logon, err);
    if (st == EASG_OK) {
        options.url = url.ptr;
        options.auth = s->logon.auth;
        options.redirect_allow = self->redirect_allow;
        st = exch_open(&options, &s->exch, err);
        auth_certificate_wipe(&s->logon.certificate);
    }
    if (st != EASG_OK) {
        session_close(s);
        return st;
    }
    *out = s;
    return EASG_OK;
}

/* ---- listing ---- */

static easg_status to_org(void *user, const easg_org_settings *settings)
{
    const easg_source_receiver *const *to = user;

    return (*to)->org(*to, settings);
}

static easg_status to_mailbox(void *user, const easg_mailbox *mailbox)
{
    const easg_source_receiver *const *to = user;

    return (*to)->mailbox(*to, mailbox);
}

static easg_status to_device(void *user, const easg_device *device)
{
    const easg_source_receiver *const *to = user;

    return (*to)->device(*to, device);
}

static easg_status EASG_CALL session_list(easg_session *s, const easg_run *run,
                                          const easg_query *query, const easg_source_receiver *to,
                                          easg_error *err)
{
    struct exch_receiver receiver = { &to, to_org, to_mailbox, to_device };

    s->run = run;
    switch (query->scope) {
    case EASG_SCOPE_FULL: return exch_list_full(s->exch, &receiver, err);
    case EASG_SCOPE_QUICK: return exch_list_quick(s->exch, query->since, &receiver, err);
    case EASG_SCOPE_MAILBOX: return exch_list_mailbox(s->exch, &query->mailbox_id, &receiver, err);
    default: return err_set(err, EASG_E_UNSUPPORTED, "unknown scope %u", (unsigned)query->scope);
    }
}

/* ---- changes and discovery ---- */

static easg_status to_result(void *user, const easg_item_result *result)
{
    const easg_result_receiver *const *to = user;

    return (*to)->emit(*to, result);
}

static easg_status EASG_CALL session_apply(easg_session *s, const easg_run *run,
                                           const easg_change *const *items, size_t n,
                                           const easg_result_receiver *to, easg_error *err)
{
    s->run = run;
    return exch_apply(s->exch, items, n, to_result, &to, err);
}

static easg_status to_endpoint(void *user, const easg_endpoint *endpoint)
{
    const easg_endpoint_receiver *const *to = user;

    return (*to)->emit(*to, endpoint);
}

static easg_status EASG_CALL session_discover(easg_session *s, const easg_run *run,
                                              const easg_endpoint_receiver *to, easg_error *err)
{
    s->run = run;
    return exch_discover(s->exch, to_endpoint, &to, err);
}

static const easg_source_ops ops = {
    .struct_size = sizeof(ops),
    .verbs = 1u << EASG_VERB_ALLOW | 1u << EASG_VERB_BLOCK | 1u << EASG_VERB_WITHDRAW,
    .open = session_open,
    .close = session_close,
    .list = session_list,
    .apply = session_apply,
    .discover = session_discover,
};

static const easg_module module = {
    .struct_size = sizeof(module),
    .kind = EASG_KIND_SOURCE,
    .id = "exchange-onprem",
    .summary = "Exchange in the organisation's own data centre, over remote PowerShell",
    .options = onprem_options,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
    .get_extension = onprem_extension,
};

static const easg_module *const modules[] = { &module, NULL };

static const easg_plugin plugin = {
    EASG_PLUGIN_HEADER(0), .name = "exchange-onprem", .version = "0.1.0",
    .vendor = "easgate",   .license = "Apache-2.0",   .url = "",
    .modules = modules,
};

const easg_plugin *EASG_CALL easg_plugin_entry(const easg_offer *offer)
{
    return offer->abi_major_min <= EASG_ABI_MAJOR && offer->abi_major >= EASG_ABI_MAJOR ? &plugin
                                                                                        : NULL;
}
