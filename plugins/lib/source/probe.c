/* SPDX-License-Identifier: Apache-2.0
 *
 * easg.probe/1: does a server answer, and hop by hop, can this account do what a run needs?
 */
#include <string.h>

#include <easgate/draft/probe.h>

#include "exchange_admin.h"
#include "source_admin.h"

#include "err.h"

static easg_status EASG_CALL reach(easg_instance *self, const easg_run *run,
                                   const easg_endpoint *endpoint, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf url = STRBUF_INIT(2048);
    struct source_run at = { self, run };
    struct exch_env env = source_env(&at);
    struct http_options http = source_http(self);
    struct source_logon logon;
    int64_t left = self->host->remaining_ms(self->host, run);
    easg_status st = source_url(self, run, 0, endpoint, &url, err);

    if (st != EASG_OK)
        return st;
    if (left > 2 * self->connect_ms)
        left = 2 * self->connect_ms;
    if (left <= 0)
        return err_set(err, EASG_E_TIMEOUT, "no time left for a probe");
    http.cancelled = env.cancelled;
    http.user = env.user;
    st = source_logon(self, &http, &logon, err); /* of it only what TLS and the proxy need */
    if (st != EASG_OK)
        return st;
    st = exch_reach(&http, url.ptr, left, err);
    source_logoff(&logon);
    return st;
}

/* ---- hop by hop ---- */

struct walking {
    struct source_run at;
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

static easg_status EASG_CALL walk(easg_instance *self, const easg_run *run,
                                  const easg_endpoint *endpoint, const easg_probe_receiver *to,
                                  easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf url = STRBUF_INIT(2048);
    struct walking w = { { self, run }, to, EASG_OK };
    struct http_options http = source_http(self);
    struct source_logon logon;
    struct exch_options options = source_session(self, &w.at);
    easg_error why = EASG_ERROR_INIT;
    easg_status st = source_url(self, run, 1, endpoint, &url, err);

    if (st != EASG_OK)
        return st;
    http.cancelled = options.env.cancelled;
    http.user = options.env.user;
    options.url = url.ptr;
    options.http = &http;
    st = source_logon(self, &http, &logon, &why);
    if (st != EASG_OK)
        return tell(&w, EASG_PROBE_FAILED, st, "credentials", why.message);
    options.auth = logon.auth;
    options.needs = self->needs;
    exch_check(&options, on_check, &w);
    source_logoff(&logon);
    return w.refused;
}

static const char *EASG_CALL rights(easg_instance *self)
{
    if (!self->needs)
        return self->profile->rights();
    strbuf_reset(&self->script);
    strbuf_adds(&self->script, self->profile->rights());
    exch_need_script(self->needs, &self->script);
    return strbuf_status(&self->script) == EASG_OK ? self->script.ptr : self->profile->rights();
}

static void EASG_CALL expect(easg_instance *self, uint32_t needs)
{
    self->needs = needs;
}

static const easg_probe_ops ops = {
    .struct_size = sizeof(ops), .reach = reach, .walk = walk, .rights = rights, .expect = expect
};

const void *EASG_CALL source_extension(easg_instance *self, const char *id)
{
    (void)self;
    if (strcmp(id, EASG_ORGPOLICY) == 0)
        return &source_orgpolicy;
    if (strcmp(id, EASG_DEVICE_COMMAND) == 0)
        return &source_device_command;
    return strcmp(id, EASG_PROBE) == 0 ? &ops : NULL;
}
