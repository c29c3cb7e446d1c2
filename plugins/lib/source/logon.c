/* SPDX-License-Identifier: Apache-2.0
 *
 * The way to a server and who we are on it, for one session or probe.
 */
#include <string.h>

#include "source_module.h"

#include "err.h"
#include "text.h"

struct http_options source_http(const struct easg_instance *self)
{
    struct http_options o = { .user_agent = "easgate",
                              .connect_timeout_ms = (uint32_t)self->connect_ms };

    http_config_apply(&self->way, &o);
    return o;
}

easg_status source_logon(const struct easg_instance *self, struct http_options *http,
                         struct source_logon *out, easg_error *err)
{
    const char *warning = http_config_warning(&self->way);
    easg_status st;

    *out = (struct source_logon){ .certificate = AUTH_CERTIFICATE_INIT };
    if (warning)
        plugin_log(self->host, EASG_LOG_WARNING, "%s", warning);
    st = auth_config_open(self->host, &self->auth, http, &out->certificate, &out->auth, err);
    if (st == EASG_OK)
        st = proxy_logon_open(self->host, &self->way, http, &out->proxy, err);
    if (st != EASG_OK)
        source_logoff(out);
    return st;
}

void source_logoff(struct source_logon *l)
{
    auth_destroy(l->auth);
    proxy_logon_close(l->proxy);
    auth_certificate_wipe(&l->certificate);
    l->auth = NULL;
    l->proxy = NULL;
}

easg_status source_complete(const struct easg_instance *self, const char *from, struct strbuf *out,
                            easg_error *err)
{
    static const char https[] = "https://";
    const char *path;

    if (strstr(from, "://") && !text_ieq(from, strnlen(from, 8), https, 8)) {
        char safe[200];

        return err_set(err, EASG_E_CONFIG, "%s: remote PowerShell is spoken over https only",
                       text_safe(from, strlen(from), safe, sizeof(safe)));
    }
    if (!strstr(from, "://"))
        strbuf_adds(out, https);
    strbuf_adds(out, from);
    if (strbuf_status(out) != EASG_OK)
        return err_nomem(err);
    path = strchr(out->ptr + strlen(https), '/');
    if (!path)
        strbuf_adds(out, "/powershell");
    else if (path[1] == '\0')
        strbuf_adds(out, "powershell");
    if (self->url_query && !strchr(strbuf_str(out), '?'))
        strbuf_adds(out, self->url_query);
    return strbuf_status(out) == EASG_OK ? EASG_OK : err_nomem(err);
}

easg_status source_url(struct easg_instance *self, const easg_run *run, int log_on,
                       const easg_endpoint *endpoint, struct strbuf *out, easg_error *err)
{
    if (endpoint && EASG_HAS_FIELD(endpoint, url) && !text_blank(&endpoint->url))
        return source_complete(self, endpoint->url.ptr, out, err);
    if (!text_blank(&self->server) || !self->profile->locate)
        return source_complete(self, self->server.ptr ? self->server.ptr : "", out, err);
    return self->profile->locate(self, run, log_on, out, err);
}

/* ---- what a session may ask ---- */

static void env_log(void *user, int level, const char *text)
{
    const struct source_run *r = user;
    const easg_host *host = r->self->host;

    if (host->log_enabled(host, level))
        host->log(host, level, text, strlen(text), NULL, 0);
}

static int env_cancelled(void *user)
{
    const struct source_run *r = user;

    return r->self->host->cancelled(r->self->host, r->run) != 0;
}

static int64_t env_remaining(void *user)
{
    const struct source_run *r = user;

    return r->self->host->remaining_ms(r->self->host, r->run);
}

static easg_status env_sleep(void *user, int64_t ms)
{
    const struct source_run *r = user;

    return r->self->host->sleep_ms(r->self->host, r->run, ms);
}

struct exch_env source_env(struct source_run *r)
{
    return (struct exch_env){ r, env_log, env_cancelled, env_remaining, env_sleep };
}

struct exch_options source_session(const struct easg_instance *self, struct source_run *run)
{
    return (struct exch_options){ .env = source_env(run),
                                  .redirect_allow = self->redirect_allow,
                                  .operation_timeout_ms = self->operation_ms,
                                  .max_envelope = (size_t)self->max_envelope,
                                  .view_entire_forest = self->view_entire_forest,
                                  .select_columns = self->select_columns,
                                  .organization = self->organization,
                                  .alone = self->profile->alone };
}
