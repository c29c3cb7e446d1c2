/* SPDX-License-Identifier: Apache-2.0
 *
 * easg.probe/1: does a server answer, and hop by hop, can this account do what a run needs?
 */
#include <string.h>

#include <easgate/draft/probe.h>

#include "onprem.h"

#include "err.h"

struct asking {
    const struct easg_instance *self;
    const easg_run *run;
};

static int asked_to_stop(void *user)
{
    const struct asking *a = user;

    return a->self->host->cancelled(a->self->host, a->run) != 0;
}

static easg_status EASG_CALL reach(easg_instance *self, const easg_run *run,
                                   const easg_endpoint *endpoint, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf url = STRBUF_INIT(2048);
    struct asking asking = { self, run };
    struct http_options http = onprem_http(self);
    struct onprem_logon logon;
    int64_t left = self->host->remaining_ms(self->host, run);
    easg_status st = onprem_url(self, endpoint, &url, err);

    if (st != EASG_OK)
        return st;
    if (left > 2 * self->connect_ms)
        left = 2 * self->connect_ms;
    if (left <= 0)
        return err_set(err, EASG_E_TIMEOUT, "no time left for a probe");
    http.cancelled = asked_to_stop;
    http.user = &asking;
    st = onprem_logon(self, &http, &logon, err); /* of it only what TLS and the proxy need */
    if (st != EASG_OK)
        return st;
    st = exch_reach(&http, url.ptr, left, err);
    onprem_logoff(&logon);
    return st;
}

/* ---- hop by hop ---- */

struct walking {
    const struct easg_instance *self;
    const easg_run *run;
    const easg_probe_receiver *to;
    easg_status refused;
};

static easg_status tell(struct walking *w, easg_probe_grade grade, easg_status status,
                        const char *name, const char *text)
{
    const easg_probe_hop hop = { .struct_size = sizeof(hop),
                                 .grade = grade,
                                 .status = grade == EASG_PROBE_FAILED ? status : EASG_OK,
                                 .name = { name, strlen(name) },
                                 .text = { text, strlen(text) } };

    if (w->refused == EASG_OK)
        w->refused = w->to->hop(w->to, &hop);
    return w->refused;
}

static easg_status on_check(void *user, int grade, easg_status status, const char *name,
                            const char *text)
{
    return tell(user, (easg_probe_grade)grade, status, name, text);
}

static void env_log(void *user, int level, const char *text)
{
    const struct walking *w = user;
    const easg_host *host = w->self->host;

    if (host->log_enabled(host, level))
        host->log(host, level, text, strlen(text), NULL, 0);
}

static int env_cancelled(void *user)
{
    const struct walking *w = user;

    return w->self->host->cancelled(w->self->host, w->run) != 0;
}

static int64_t env_remaining(void *user)
{
    const struct walking *w = user;

    return w->self->host->remaining_ms(w->self->host, w->run);
}

static easg_status env_sleep(void *user, int64_t ms)
{
    const struct walking *w = user;

    return w->self->host->sleep_ms(w->self->host, w->run, ms);
}

static easg_status EASG_CALL walk(easg_instance *self, const easg_run *run,
                                  const easg_endpoint *endpoint, const easg_probe_receiver *to,
                                  easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf url = STRBUF_INIT(2048);
    struct walking w = { self, run, to, EASG_OK };
    struct http_options http = onprem_http(self);
    struct onprem_logon logon;
    struct exch_options options = { .http = &http,
                                    .env = { &w, env_log, env_cancelled, env_remaining, env_sleep },
                                    .operation_timeout_ms = self->operation_ms,
                                    .max_envelope = (size_t)self->max_envelope,
                                    .view_entire_forest = self->view_entire_forest,
                                    .select_columns = self->select_columns };
    easg_error why = EASG_ERROR_INIT;
    easg_status st = onprem_url(self, endpoint, &url, err);

    if (st != EASG_OK)
        return st;
    http.cancelled = env_cancelled;
    http.user = &w;
    options.url = url.ptr;
    st = onprem_logon(self, &http, &logon, &why);
    if (st != EASG_OK)
        return tell(&w, EASG_PROBE_FAILED, st, "credentials", why.message);
    options.auth = logon.auth;
    options.redirect_allow = self->redirect_allow;
    exch_check(&options, on_check, &w);
    onprem_logoff(&logon);
    return w.refused;
}

static const char *EASG_CALL rights(easg_instance *self)
{
    (void)self;
    return exch_role_script();
}

static const easg_probe_ops ops = {
    .struct_size = sizeof(ops), .reach = reach, .walk = walk, .rights = rights
};

const void *EASG_CALL onprem_extension(easg_instance *self, const char *id)
{
    (void)self;
    return strcmp(id, EASG_PROBE) == 0 ? &ops : NULL;
}
