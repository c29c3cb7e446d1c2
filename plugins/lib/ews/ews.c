/* SPDX-License-Identifier: Apache-2.0
 *
 * The client: one request after the other over one connection, judged, and asked again only where
 * the server said that it did nothing.
 */
#include "ews_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"

#define TRIES       4
#define WAIT_MAX_MS (90 * 1000) /* longer than that is waited for between runs, not within */
#define TIMEOUT_MS  (2 * 60 * 1000)
#define IDLE_MAX_S  20 /* an older connection may be dead, and a request lost on it uncertain */

static const char *const versions[] = { "Exchange2010_SP2", "Exchange2007_SP1" };

struct ews {
    const char *url;
    char *own_url, *mailbox, *request_id;
    int impersonate;
    size_t version; /* of `versions` */
    struct auth *auth;
    struct http *http;
    struct ews_options env;
    struct strbuf request, answer;
    int moved;
    int64_t not_before; /* monotonic; 0: now */
    easg_error closed;  /* struct_size 0: the account is fine */
};

easg_status ews_create(const struct ews_options *o, struct ews **out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf endpoint = STRBUF_INIT(1024);
    struct http_options http = *o->http;
    struct ews *e = mem_alloc(sizeof *e);
    easg_status st;

    if (!e)
        return err_nomem(err);
    e->env = *o;
    e->auth = o->auth;
    e->impersonate = o->impersonate;
    strbuf_init(&e->request, EWS_MAX_REQUEST);
    strbuf_init(&e->answer, EWS_MAX_ANSWER);
    e->own_url = mem_strdup(o->url);
    e->url = e->own_url;
    e->mailbox = mem_strdup(o->mailbox);
    e->request_id = mem_strdup(o->request_id);
    st = e->own_url && e->mailbox && (e->request_id || !o->request_id) ? EASG_OK : err_nomem(err);
    if (st == EASG_OK)
        st = http_url_endpoint(e->url, &endpoint, err);
    http.idle_max_s = IDLE_MAX_S;
    if (st == EASG_OK)
        st = http_create(&http, &e->http, err);
    if (st != EASG_OK) {
        ews_destroy(e);
        return st;
    }
    *out = e;
    return EASG_OK;
}

void ews_destroy(struct ews *e)
{
    if (!e)
        return;
    http_destroy(e->http);
    strbuf_clear(&e->request);
    strbuf_clear(&e->answer);
    mem_free(e->own_url);
    mem_free(e->mailbox);
    mem_free(e->request_id);
    mem_free(e);
}

int ews_moved(const struct ews *e)
{
    return e->moved;
}

/* ---- one request ---- */

/* What is being done, and how it came out. */
struct doing {
    const char *operation;
    int harmless; /* may run twice */
    struct ews_answer answer;
    struct ews_verdict verdict;
    const char *code; /* "" when there is none */
};

static easg_status post(struct ews *e, const struct doing *d, struct http_response *response,
                        easg_error *err)
{
    char action[160], anchor[320], id[120];
    const char *headers[6] = { "Content-Type: text/xml; charset=utf-8", "Accept: text/xml", action,
                               anchor };
    struct http_request r = { .method = "POST",
                              .url = e->url,
                              .headers = headers,
                              .n_headers = 4,
                              .body = strbuf_str(&e->request),
                              .body_len = e->request.len,
                              .max_response = EWS_MAX_ANSWER,
                              .idempotent = d->harmless,
                              .collect = &e->answer };
    int64_t most = e->env.request_timeout_ms ? e->env.request_timeout_ms : TIMEOUT_MS;

    r.timeout_ms = e->env.remaining_ms(e->env.user);
    r.timeout_ms = r.timeout_ms < most ? r.timeout_ms : most;
    if (r.timeout_ms <= 0)
        return err_set(err, EASG_E_TIMEOUT, "no time left for EWS %s", d->operation);
    (void)snprintf(action, sizeof action, "SOAPAction: \"%s/%s\"", EWS_NS_MESSAGES, d->operation);
    (void)snprintf(anchor, sizeof anchor, "X-AnchorMailbox: %s", e->mailbox);
    if (e->request_id) {
        (void)snprintf(id, sizeof id, "client-request-id: %s", e->request_id);
        headers[r.n_headers++] = id;
        headers[r.n_headers++] = "return-client-request-id: true";
    }
    strbuf_reset(&e->answer);
    return auth_perform(e->auth, e->http, &r, response, err);
}

/* A failure of the way there. What was handed over and is not harmless may have been done. */
static easg_status lost(const struct doing *d, const struct http_response *response, easg_status st,
                        easg_error *err)
{
    if (d->harmless || !response->body_taken)
        return st;
    switch (st) {
    case EASG_E_AUTH:
    case EASG_E_DENIED:
    case EASG_E_UNTRUSTED:
    case EASG_E_CONFIG:
    case EASG_E_USAGE:
    case EASG_E_UNCERTAIN: return st;
    default: return err_at(err, EASG_E_UNCERTAIN, "the message may or may not have been sent");
    }
}

/* EASG_OK: d->verdict says what the answer means. */
static easg_status exchange(struct ews *e, struct doing *d, easg_error *err)
{
    struct http_response response = { 0 };
    easg_status st = post(e, d, &response, err);
    const struct strbuf *body = &e->answer;
    easg_error ignored = EASG_ERROR_INIT;

    d->code = "";
    if (st != EASG_OK)
        return lost(d, &response, st, err);
    if (response.status < 200 || response.status > 299)
        body = http_error_body(e->http);
    if ((response.status == 200 || response.status >= 400) && body->len &&
        ews_read_answer(strbuf_str(body), body->len, &d->answer, &ignored) == EASG_OK &&
        (d->answer.is_fault || d->answer.n)) {
        d->verdict = ews_judge_answer(&d->answer, &d->code);
        return EASG_OK;
    }
    memset(&d->answer, 0, sizeof d->answer);
    d->answer.backoff_ms = -1;
    if (response.status == 200) {
        d->verdict = (struct ews_verdict){ EWS_OPEN, EASG_E_UNCERTAIN, "" };
        (void)snprintf(d->answer.text, sizeof d->answer.text, "%.190s",
                       ignored.message[0] ? ignored.message : "no SOAP answer");
    } else {
        d->verdict = ews_judge_http(e->http);
    }
    return EASG_OK;
}

/* ---- what follows from it ---- */

static int64_t backoff(const struct ews *e, const struct doing *d)
{
    int64_t header = http_retry_after_ms(e->http);

    return d->answer.backoff_ms > header ? d->answer.backoff_ms : header;
}

/* The text of a refusal, in words for a person. */
static easg_status tell(const struct ews *e, const struct doing *d, easg_status st, easg_error *err)
{
    const struct ews_answer *a = &d->answer;
    const char *asx = http_header(e->http, "X-CasErrorCode", 0);
    char safe[64], what[96];

    if (d->code[0])
        (void)snprintf(what, sizeof what, "%s", d->code);
    else if (asx)
        (void)snprintf(what, sizeof what, "HTTP %d, %s", http_status(e->http),
                       text_safe(asx, strlen(asx), safe, sizeof safe));
    else
        (void)snprintf(what, sizeof what, "HTTP %d", http_status(e->http));
    return err_native(err, st, EASG_DOMAIN_HTTP, http_status(e->http),
                      "%s: EWS %s: %s%s%s%s%s%s%s%s", http_endpoint(e->http), d->operation, what,
                      a->text[0] ? " (" : "", a->text, a->text[0] ? ")" : "",
                      a->place[0] ? ", " : "", a->place, d->verdict.advice[0] ? ": " : "",
                      d->verdict.advice);
}

/* Remembers that this account does nothing more, so that nobody is locked out and no log floods. */
static easg_status close_account(struct ews *e, easg_status st, easg_error *err)
{
    e->closed = *err;
    e->closed.struct_size = (uint32_t)sizeof e->closed;
    e->closed.reserved = (uint32_t)-st;
    return st;
}

static easg_status may_ask(struct ews *e, easg_error *err)
{
    int64_t wait = e->not_before ? e->not_before - e->env.monotonic_ms(e->env.user) : 0;

    e->moved = 0;
    if (e->closed.struct_size) {
        err_copy(err, &e->closed);
        err->reserved = 0;
        return -(easg_status)e->closed.reserved;
    }
    if (wait <= 0)
        return EASG_OK;
    (void)err_set(err, EASG_E_THROTTLED, "%s: Exchange asked to wait %" PRId64 " s",
                  http_endpoint(e->http), (wait + 999) / 1000);
    err->retry_after_ms = (uint32_t)wait;
    return EASG_E_THROTTLED;
}

/* 1: waited, ask again. 0: give up; `err` is complete. */
static int wait_for(struct ews *e, const struct doing *d, int attempt, easg_error *err)
{
    int64_t asked = backoff(e, d), wait = (int64_t)1000 << attempt;

    wait = asked > wait ? asked : wait;
    err->retry_after_ms = asked > 0 ? (uint32_t)asked : 0;
    if (wait > WAIT_MAX_MS || wait >= e->env.remaining_ms(e->env.user) || attempt + 1 >= TRIES) {
        if (asked > 0)
            e->not_before = e->env.monotonic_ms(e->env.user) + asked;
        return 0;
    }
    if (e->env.retried)
        e->env.retried(e->env.user, err->message, wait);
    if (e->env.sleep_ms(e->env.user, wait) != EASG_OK)
        return 0;
    err_clear(err);
    return 1;
}

typedef easg_status (*write_fn)(struct strbuf *out, const struct ews_head *head, const void *what);

static easg_status write_request(struct ews *e, write_fn write, const void *what, easg_error *err)
{
    struct ews_head head = { versions[e->version], e->impersonate ? e->mailbox : NULL };
    easg_status st;

    strbuf_reset(&e->request);
    st = write(&e->request, &head, what);
    return st == EASG_OK ? st : err_set(err, st, "the message is too large for EWS");
}

static easg_status ask(struct ews *e, struct doing *d, write_fn write, const void *what,
                       easg_error *err)
{
    easg_status st = may_ask(e, err);

    for (int attempt = 0; st == EASG_OK; attempt++) {
        st = write_request(e, write, what, err);
        if (st == EASG_OK)
            st = exchange(e, d, err);
        if (st != EASG_OK)
            return st == EASG_E_AUTH ? close_account(e, st, err) : st;
        if (d->verdict.class == EWS_DONE)
            return EASG_OK;
        if (d->verdict.class == EWS_OPEN && d->harmless)
            d->verdict = (struct ews_verdict){ EWS_NOT_RUN, EASG_E_UNAVAILABLE, "" };
        st = tell(e, d, d->verdict.status, err);
        switch (d->verdict.class) {
        case EWS_VERSION:
            if (e->version + 1 >= sizeof versions / sizeof *versions)
                return st;
            e->version++; /* once; the refused request was not run */
            attempt--;
            break;
        case EWS_BUSY:
        case EWS_NOT_RUN:
            if (!wait_for(e, d, attempt, err))
                return st;
            break;
        case EWS_ACCOUNT: return close_account(e, st, err);
        case EWS_MOVED: e->moved = 1; return st;
        default: return st;
        }
        err_clear(err);
        st = EASG_OK;
    }
    return st;
}

/* ---- the three calls ---- */

static easg_status write_create(struct strbuf *out, const struct ews_head *head, const void *what)
{
    return ews_write_create(out, head, what);
}

static easg_status write_find(struct strbuf *out, const struct ews_head *head, const void *what)
{
    return ews_write_find(out, head, what);
}

static easg_status write_probe(struct strbuf *out, const struct ews_head *head, const void *what)
{
    (void)what;
    return ews_write_probe(out, head);
}

easg_status ews_send(struct ews *e, const struct ews_message *m, easg_error *err)
{
    struct doing d = { .operation = "CreateItem" };

    return ask(e, &d, write_create, m, err);
}

easg_status ews_probe(struct ews *e, easg_error *err)
{
    struct doing d = { .operation = "GetFolder", .harmless = 1 };

    return ask(e, &d, write_probe, NULL, err);
}

easg_status ews_find(struct ews *e, const easg_str *key, easg_error *err)
{
    struct doing d = { .operation = "FindItem", .harmless = 1 };
    easg_status st = ask(e, &d, write_find, key, err);

    if (st != EASG_OK)
        return st;
    /* The first part is Sent Items; what is asked of the others is only whether they hold it. */
    if (d.answer.parts[0].items || d.answer.parts[1].items)
        return EASG_OK;
    if (d.answer.parts[2].items)
        return err_set(err, EASG_E_UNCERTAIN,
                       "%s: the message lies in Drafts: its submission has begun and not ended",
                       http_endpoint(e->http));
    if (d.answer.n < 3)
        return err_set(err, EASG_E_PROTOCOL, "%s: EWS FindItem answered for %zu of 3 folders",
                       http_endpoint(e->http), d.answer.n);
    for (size_t i = 1; i < 3; i++)
        if (strcmp(d.answer.parts[i].code, "NoError") != 0)
            return err_set(err, EASG_E_UNAVAILABLE, "%s: EWS FindItem: %s for %s",
                           http_endpoint(e->http), d.answer.parts[i].code,
                           i == 1 ? "the Outbox" : "Drafts");
    return err_set(err, EASG_E_NOTFOUND, "%s: no message with this key was sent",
                   http_endpoint(e->http));
}
