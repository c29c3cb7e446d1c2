/* SPDX-License-Identifier: Apache-2.0
 *
 * A session of a source module. What is said to Exchange is in plugins/lib/exchange; this file fits
 * that to the ABI.
 */
#include "source_admin.h"

#include "err.h"

#define MAX_MORE 11u /* beside the first; `parallel` is 12 at most */

struct easg_session {
    struct source_run at; /* of the call that is running */
    struct source_logon logon;
    struct source_logon more[MAX_MORE]; /* of further sessions */
    size_t n_more;
    struct exch *exch;
};

/* ---- session ---- */

struct exch *source_exch(easg_session *s, const easg_run *run)
{
    s->at.run = run;
    return s->exch;
}

static void EASG_CALL session_close(easg_session *s)
{
    if (!s)
        return;
    exch_close(s->exch);
    source_logoff(&s->logon);
    for (size_t i = 0; i < s->n_more; i++)
        source_logoff(&s->more[i]);
    mem_free(s);
}

/* Each session has a log-on of its own, because it may hold for one connection. One that ended
 * leaves its place to nobody: a run seldom loses any. */
static easg_status more_log_on(void *user, struct http_options *http, struct auth **auth,
                               easg_error *err)
{
    struct easg_session *s = user;
    struct source_logon *l;
    easg_status st;

    if (s->n_more == MAX_MORE)
        return err_set(err, EASG_E_LIMIT, "no more than %u sessions were opened anew in a run",
                       MAX_MORE);
    l = &s->more[s->n_more];
    *http = source_http(s->at.self);
    st = source_logon(s->at.self, http, l, err);
    if (st == EASG_OK)
        s->n_more++;
    *auth = l->auth;
    return st;
}

static void more_made(void *user)
{
    struct easg_session *s = user;

    if (s->n_more)
        auth_certificate_wipe(&s->more[s->n_more - 1].certificate);
}

static easg_status EASG_CALL session_open(easg_instance *self, const easg_run *run,
                                          const easg_endpoint *endpoint, easg_session **out,
                                          easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf url = STRBUF_INIT(2048);
    struct easg_session *s = mem_alloc(sizeof(*s));
    struct http_options http = source_http(self);
    struct exch_options options = source_session(self, s ? &s->at : NULL);
    easg_status st;

    if (!s)
        return err_nomem(err);
    s->at = (struct source_run){ self, run };
    st = source_url(self, run, 1, endpoint, &url, err);
    if (st == EASG_OK)
        st = source_logon(self, &http, &s->logon, err);
    if (st == EASG_OK) {
        options.url = url.ptr;
        options.http = &http;
        options.auth = s->logon.auth;
        options.parallel = (int)self->parallel;
        options.more = more_log_on;
        options.made = more_made;
        options.more_user = s;
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

    s->at.run = run;
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
    s->at.run = run;
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
    easg_status st;

    s->at.run = run;
    st = exch_discover(s->exch, to_endpoint, &to, err);
    if (st == EASG_E_DENIED && s->at.self->profile->partly) {
        plugin_log(s->at.self->host, EASG_LOG_INFO, "no further servers: %s", err->message);
        err_clear(err);
        return EASG_OK;
    }
    return st;
}

#define SESSION_OPS                                                                                \
    .struct_size = sizeof(easg_source_ops),                                                        \
    .verbs = 1u << EASG_VERB_ALLOW | 1u << EASG_VERB_BLOCK | 1u << EASG_VERB_WITHDRAW,             \
    .open = session_open, .close = session_close, .list = session_list, .apply = session_apply

const easg_source_ops source_ops = { SESSION_OPS, .discover = session_discover };
const easg_source_ops source_ops_alone = { SESSION_OPS };
