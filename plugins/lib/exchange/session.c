/* SPDX-License-Identifier: Apache-2.0
 *
 * The session: http below, wsman and psrp above, one request at a time. An answer is parsed while
 * it arrives: http's bytes go into the envelope reader, whose stream text goes into the machines.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "exch_lanes.h"

#include "err.h"
#include "text.h"

#define MAX_RESPONSE  ((size_t)64 * 1024 * 1024)
#define MARGIN_MS     15000 /* most of the server's own time before it answers a long poll */
#define MARGIN_MIN_MS 3000
#define IDLE_MS       180000 /* a leaked shell lives no longer; a long poll is no idleness */
#define DELETE_MS     5000
#define ENVELOPE_ROOM ((size_t)8 * 1024 * 1024)

void exch_log(struct exch *x, int level, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    x->env.log(x->env.user, level, text);
}

int exch_new_guid(struct wsman_guid *g)
{
    if (RAND_bytes(g->b, (int)sizeof(g->b)) != 1)
        return 0;
    wsman_guid_stamp(g);
    return 1;
}

static int cancelled(void *user)
{
    struct exch *x = user;

    return x->closing ? 0 : x->env.cancelled(x->env.user);
}

/* ---- from bytes to machines ---- */

static easg_status on_stream(void *user, int of_pool, const char *ptr, size_t len, easg_error *err)
{
    struct exch *x = user;
    struct exch_pipe *pipe = of_pool ? NULL : x->receiving;

    return psrp_feed_text(x->pool, pipe ? exch_pipe_machine(pipe) : NULL, ptr, len, err);
}

static easg_status on_stream_end(void *user, int of_pool, easg_error *err)
{
    struct exch *x = user;
    struct exch_pipe *pipe = of_pool ? NULL : x->receiving;

    return psrp_feed_end(x->pool, pipe ? exch_pipe_machine(pipe) : NULL, err);
}

static const struct wsman_stream_handler streams = { on_stream, on_stream_end };

static easg_status on_body(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct exch *x = user;

    return wsman_answer_feed(x->reader, ptr, len, err);
}

/* ---- one request ---- */

easg_status exch_reading_status(easg_status st, const easg_error *err)
{
    const int operation_timed_out = 28; /* CURLE_OPERATION_TIMEDOUT */

    if (st != EASG_E_UNCERTAIN)
        return st;
    return err->domain == EASG_DOMAIN_CURL && err->native_code == operation_timed_out
               ? EASG_E_TIMEOUT
               : EASG_E_UNREACHABLE;
}

/* Where a redirect leads, if it is one that may be followed: https, to a host that is named, with
 * the session not yet begun. */
static int may_follow(const struct exch *x, enum wsman_op op, const char *to)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf endpoint = STRBUF_INIT(1024);
    easg_error ignored = EASG_ERROR_INIT;
    const char *colon;
    int status = http_status(x->http);

    if (!to || op != WSMAN_CREATE ||
        (status != 301 && status != 302 && status != 307 && status != 308) ||
        http_url_endpoint(to, &endpoint, &ignored) != EASG_OK)
        return 0;
    colon = strrchr(strbuf_str(&endpoint), ':');
    return colon &&
           http_bypasses_proxy(x->redirect_allow, endpoint.ptr, (size_t)(colon - endpoint.ptr));
}

static easg_status redirected(struct exch *x, enum wsman_op op, easg_error *err)
{
    const char *to = http_header(x->http, "Location", 0);
    char safe[200];

    if (may_follow(x, op, to)) {
        mem_free(x->redirect_to);
        x->redirect_to = mem_strdup(to);
        if (!x->redirect_to)
            return err_nomem(err);
    }
    return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_HTTP, http_status(x->http),
                      "%s: %s: the server sends us to %s, which is not followed; if that is right, "
                      "make it source.server, or name its host in source.redirect.allow",
                      http_endpoint(x->http), wsman_op_name(op),
                      to ? text_safe(to, strlen(to), safe, sizeof(safe)) : "nowhere");
}

/* An answer outside 2xx: a SOAP fault where there is one, else what HTTP says. */
static easg_status other_status(struct exch *x, const struct wsman_request *r, easg_error *err)
{
    const struct strbuf *body = http_error_body(x->http);
    int status = http_status(x->http);
    easg_status st;

    if (status >= 300 && status < 400)
        return redirected(x, r->op, err);
    if (strcmp(http_content_type(x->http), "application/soap+xml") == 0 && body->len) {
        st = wsman_answer_begin(x->reader, r, err);
        if (st == EASG_OK)
            st = wsman_answer_feed(x->reader, body->ptr, body->len, err);
        if (st == EASG_OK)
            st = wsman_answer_finish(x->reader, err);
        if (st != EASG_OK)
            return err_at(err, st, "%s", http_endpoint(x->http));
        if (wsman_reader_answer(x->reader)->fault.kind != WSMAN_FAULT_NONE)
            return EASG_OK;
    }
    st = http_check(x->http, wsman_op_name(r->op), err);
    if (st == EASG_E_NOTFOUND)
        return err_set(err, EASG_E_CONFIG,
                       "%s: %s: HTTP %d: there is no /powershell here; check source.server",
                       http_endpoint(x->http), wsman_op_name(r->op), status);
    if (st == EASG_E_DENIED)
        return err_set(err, st,
                       "%s: %s: HTTP 403: the account is known but may not use remote PowerShell; "
                       "run Set-User -RemotePowerShellEnabled $true for it and give it the role",
                       http_endpoint(x->http), wsman_op_name(r->op));
    return st == EASG_OK ? err_set(err, EASG_E_PROTOCOL, "%s: %s: HTTP %d without a fault",
                                   http_endpoint(x->http), wsman_op_name(r->op), status)
                         : st;
}

/* A server that needs longer for an answer than it was to hold the request open has gone. */
static int64_t patience(const struct exch *x)
{
    int64_t margin = x->operation_timeout_ms;

    if (margin > MARGIN_MS)
        margin = MARGIN_MS;
    return x->operation_timeout_ms + (margin < MARGIN_MIN_MS ? MARGIN_MIN_MS : margin);
}

static int64_t deadline(struct exch *x, enum wsman_op op, easg_error *err)
{
    int64_t left = x->closing ? DELETE_MS : x->env.remaining_ms(x->env.user);
    int64_t most = patience(x);

    if (left <= 0) {
        (void)err_set(err, EASG_E_TIMEOUT, "%s: no time left", wsman_op_name(op));
        return 0;
    }
    if (left > most)
        left = most;
    /* The server gives up first, so that a long poll ends with its TimedOut and not with ours. */
    x->ws.operation_timeout_ms = x->operation_timeout_ms;
    if (x->ws.operation_timeout_ms > left - 1000)
        x->ws.operation_timeout_ms = left > 2000 ? left - 1000 : 1000;
    return left;
}

easg_status exch_request_begin(struct exch *x, struct wsman_request *r, easg_error *err)
{
    static const char *const headers[] = { "Content-Type: application/soap+xml;charset=UTF-8" };
    struct exch_flight *f = &x->flight;
    easg_status st;

    *f = (struct exch_flight){ .wsman = r, .err = EASG_ERROR_INIT };
    f->request = (struct http_request){ .method = "POST",
                                        .url = x->url,
                                        .headers = headers,
                                        .n_headers = 1,
                                        .max_response = MAX_RESPONSE,
                                        .on_body = on_body,
                                        .user = x };
    x->uncertain = 0;
    f->request.timeout_ms = deadline(x, r->op, err);
    if (f->request.timeout_ms == 0)
        return EASG_E_TIMEOUT;
    if (!exch_new_guid(&r->message_id))
        return err_set(err, EASG_E_FAIL, "no random numbers from OpenSSL");
    strbuf_reset(&x->envelope);
    st = wsman_write(&x->ws, r, &x->envelope, err);
    if (st == EASG_OK)
        st = wsman_answer_begin(x->reader, r, err);
    if (st != EASG_OK)
        return st;
    f->request.body = x->envelope.ptr;
    f->request.body_len = x->envelope.len;
    /* A Receive that runs twice loses the first answer's objects; to release a command or a shell
     * twice is harmless. */
    f->request.idempotent = r->op == WSMAN_SIGNAL || r->op == WSMAN_DELETE;
    if (!x->concurrent) {
        f->status = auth_perform(x->auth, x->http, &f->request, &f->response, &f->err);
        return EASG_OK;
    }
    f->status = auth_begin(x->auth, x->http, &f->auth, &f->request, &f->response, &f->err);
    f->begun = f->status == EASG_OK;
    return EASG_OK;
}

static easg_status lost(struct exch *x, easg_status st, const struct exch_flight *f,
                        easg_error *err)
{
    x->broken = 1;
    x->uncertain = f->response.body_taken;
    /* The reader knows no host name; http has put it in its own texts. */
    if (st == EASG_E_PROTOCOL && f->response.status >= 200 && f->response.status < 300 &&
        !strstr(err->message, http_endpoint(x->http)))
        return err_at(err, st, "%s", http_endpoint(x->http));
    return st;
}

easg_status exch_request_end(struct exch *x, const struct wsman_answer **answer, easg_error *err)
{
    struct exch_flight *f = &x->flight;
    const struct wsman_request *r = f->wsman;
    const struct wsman_fault *fault;
    easg_status st = f->begun ? auth_end(x->auth, x->http, &f->auth) : f->status;

    f->begun = 0;
    if (st != EASG_OK) {
        err_copy(err, &f->err);
        return lost(x, st, f, err);
    }
    if (f->response.status >= 200 && f->response.status < 300) {
        st = wsman_answer_finish(x->reader, err);
        if (st != EASG_OK)
            (void)err_at(err, st, "%s", http_endpoint(x->http));
    } else {
        st = other_status(x, r, err);
    }
    *answer = wsman_reader_answer(x->reader);
    fault = &(*answer)->fault;
    if (st == EASG_OK && fault->kind != WSMAN_FAULT_NONE && fault->kind != WSMAN_FAULT_TIMED_OUT) {
        st = wsman_fault_error(fault, r->op, err);
        (void)err_at(err, st, "%s", http_endpoint(x->http));
    }
    /* Refused for want of budget is no harm to the session: the request was not done. */
    if (st != EASG_OK && !(st == EASG_E_THROTTLED && r->op == WSMAN_COMMAND))
        x->broken = 1;
    return st;
}

int exch_request_running(const struct exch *x)
{
    return x->flight.begun && x->flight.auth.under_way && http_running(x->http);
}

void exch_request_wait(struct exch *x)
{
    while (exch_request_running(x))
        http_wait(&x->http, 1, 1000);
}

easg_status exch_request(struct exch *x, struct wsman_request *r,
                         const struct wsman_answer **answer, easg_error *err)
{
    easg_status st = exch_request_begin(x, r, err);

    if (st == EASG_OK)
        exch_request_wait(x);
    return st == EASG_OK ? exch_request_end(x, answer, err) : st;
}

/* ---- opening ---- */

static easg_status on_output(void *user, struct psrp_pipeline *p, const char *xml, size_t len,
                             easg_error *err)
{

    (void)user;
    return exch_pipe_output(psrp_pipeline_user(p), xml, len, err);
}

static easg_status on_record(void *user, struct psrp_pipeline *p, const struct psrp_record *r,
                             easg_error *err)
{
    struct exch *x = user;
    char safe[200];

    if (p)
        return exch_pipe_record(psrp_pipeline_user(p), r, err);
    text_safe(r->message.ptr ? r->message.ptr : "", r->message.len, safe, sizeof(safe));
    if (r->kind == PSRP_R_PROMPT)
        return err_set(err, EASG_E_UNSUPPORTED,
                       "the server wants an answer from a person (%s), which nobody can give",
                       safe);
    if (r->kind == PSRP_R_ERROR || r->kind == PSRP_R_FAILURE)
        exch_failure_take(&x->pool_failure, r);
    exch_log(x, r->kind == PSRP_R_WARNING ? EXCH_WARNING : EXCH_DEBUG, "server: %s", safe);
    return EASG_OK;
}

static void on_note(void *user, const char *text)
{
    exch_log(user, EXCH_DEBUG, "psrp: %s", text);
}

static const struct psrp_handler machines = { on_output, on_record, on_note };

/* Asks for a shell with a pool of one runspace. */
static easg_status shell_begin(struct exch *x, easg_error *err)
{
    struct psrp_pool_options pool = { .handler = &machines, .user = x };
    easg_status st;

    if (!exch_new_guid(&pool.id) || !exch_new_guid(&x->ws.id))
        return err_set(err, EASG_E_FAIL, "no random numbers from OpenSSL");
    st = psrp_pool_create(&pool, &x->pool, err);
    if (st == EASG_OK)
        st = psrp_pool_open(x->pool, &x->fragments, err);
    if (st != EASG_OK)
        return st;
    x->opening = (struct wsman_request){ .op = WSMAN_CREATE,
                                         .idle_timeout_ms = IDLE_MS,
                                         .shell_id = wsman_guid_format(&pool.id, x->proposed),
                                         .payload = x->fragments.ptr,
                                         .payload_len = x->fragments.len };
    return exch_request_begin(x, &x->opening, err);
}

static easg_status shell_created(struct exch *x, easg_status st, const struct wsman_answer *answer,
                                 const easg_error *err)
{
    if (st == EASG_OK || x->uncertain) {
        /* It may have made the shell: try to take it away again by the name we proposed. */
        (void)snprintf(x->shell_id, sizeof(x->shell_id), "%s",
                       st == EASG_OK ? answer->shell_id : x->proposed);
        x->shell_open = 1;
    }
    return st == EASG_OK ? EASG_OK : exch_reading_status(st, err);
}

easg_status exch_shell_step(struct exch *x, int *opened, easg_error *err)
{
    const struct wsman_answer *answer = NULL;
    easg_status st = exch_request_end(x, &answer, err);

    if (x->opening.op == WSMAN_CREATE)
        st = shell_created(x, st, answer, err);
    if (st != EASG_OK)
        return st;
    *opened = psrp_pool_state(x->pool) == PSRP_POOL_OPENED;
    if (*opened) {
        if (psrp_pool_minor(x->pool) >= 2)
            x->ws.max_envelope = x->max_envelope;
        return EASG_OK;
    }
    if (x->env.cancelled(x->env.user))
        return err_set(err, EASG_E_CANCELLED, "cancelled while the runspace opened");
    if (psrp_pool_state(x->pool) == PSRP_POOL_OPENING) {
        x->opening = (struct wsman_request){ .op = WSMAN_RECEIVE, .shell_id = x->shell_id };
        return exch_request_begin(x, &x->opening, err);
    }
    x->broken = 1;
    if (x->pool_failure.set)
        return exch_failure_error(&x->pool_failure, "opening the runspace", err);
    return err_set(err, EASG_E_UNAVAILABLE, "the server closed the runspace while it opened");
}

static easg_status create_shell(struct exch *x, easg_error *err)
{
    int opened = 0;
    easg_status st = shell_begin(x, err);

    while (st == EASG_OK && !opened) {
        exch_request_wait(x);
        st = exch_shell_step(x, &opened, err);
    }
    return st;
}

const struct exch_call *exch_view_forest(void)
{
    static const struct psrp_parameter yes = { "ViewEntireForest",
                                               { .kind = PSRP_BOOL, .number = 1 } };
    static const struct psrp_command command = { "Set-ADServerSettings", &yes, 1 };
    static const struct exch_call call = { .commands = &command, .n = 1 };

    return &call;
}

#define MAX_REDIRECTS 5

static void start_over(struct exch *x)
{
    x->broken = 0;
    x->uncertain = 0;
    psrp_pool_destroy(x->pool);
    x->pool = NULL;
    strbuf_reset(&x->fragments);
}

/* A new session at the address we were sent to, with the same log-on: to name the host was to allow
 * that. Nothing of the old connection is taken along. */
static void move_on(struct exch *x)
{
    exch_log(x, EXCH_INFO, "sent on to %s", x->redirect_to);
    mem_free(x->url);
    x->url = x->redirect_to;
    x->redirect_to = NULL;
    x->ws.to = x->url;
    start_over(x);
    http_disconnect(x->http);
}

/* Sessions of the account that others hold, or that a crash of ours left behind, end some time:
 * worth waiting for, a while. */
static easg_status create_patiently(struct exch *x, easg_error *err)
{
    for (unsigned tries = 0;; tries++) {
        easg_status st = create_shell(x, err);

        if (st != EASG_E_THROTTLED || x->shell_open || !exch_wait_budget(x, tries, "session", err))
            return st;
        start_over(x);
    }
}

static easg_status create_somewhere(struct exch *x, easg_error *err)
{
    easg_status st = create_patiently(x, err);

    for (int i = 0; st != EASG_OK && x->redirect_to && i < MAX_REDIRECTS; i++) {
        err_clear(err);
        move_on(x);
        st = create_patiently(x, err);
    }
    if (st != EASG_OK && x->redirect_to)
        return err_set(err, EASG_E_CONFIG,
                       "%s: sent on more than %d times: do the servers point at each "
                       "other",
                       http_endpoint(x->http), MAX_REDIRECTS);
    return st;
}

static easg_status make(struct exch *x, const struct exch_options *options, easg_error *err)
{
    struct http_options http = *options->http;
    easg_status st;

    x->env = options->env;
    x->auth = options->auth;
    x->operation_timeout_ms = options->operation_timeout_ms;
    x->max_envelope = options->max_envelope;
    x->select_columns = options->select_columns;
    x->forest = options->view_entire_forest;
    x->most = options->parallel > 1 && options->more ? (size_t)options->parallel : 1;
    if (x->most > EXCH_LANES + 1)
        x->most = EXCH_LANES + 1;
    x->concurrent = x->most > 1;
    x->more = options->more;
    x->made = options->made;
    x->more_user = options->more_user;
    strbuf_init(&x->envelope, ENVELOPE_ROOM);
    strbuf_init(&x->fragments, ENVELOPE_ROOM);
    x->alone = options->alone;
    x->organization = mem_strdup(options->organization);
    x->url = mem_strdup(options->url);
    x->redirect_allow = mem_strdup(options->redirect_allow ? options->redirect_allow : "");
    x->ws.to = x->url;
    x->ws.resource_uri = WSMAN_EXCHANGE_URI;
    /* Until the server has said what it is. */
    x->ws.max_envelope = x->max_envelope < WSMAN_ENVELOPE_2 ? x->max_envelope : WSMAN_ENVELOPE_2;
    if (!x->url || !x->redirect_allow || (!x->organization && options->organization))
        return err_nomem(err);
    http.cancelled = cancelled;
    http.user = x;
    http.concurrent = x->concurrent || options->lane;
    if ((int64_t)http.stall_timeout_ms < patience(x))
        http.stall_timeout_ms = (uint32_t)patience(x);
    st = http_create(&http, &x->http, err);
    if (st == EASG_OK)
        st = wsman_reader_create(&streams, x, &x->reader, err);
    if (st == EASG_OK)
        st = clixml_tree_create((size_t)16 * 1024 * 1024, (size_t)64 * 1024 * 1024, &x->tree, err);
    return st;
}

easg_status exch_open(const struct exch_options *options, struct exch **out, easg_error *err)
{
    struct exch *x = mem_alloc(sizeof(*x));
    easg_status st;

    if (!x)
        return err_nomem(err);
    st = make(x, options, err);
    if (st == EASG_OK)
        st = create_somewhere(x, err);
    if (st == EASG_OK && x->forest)
        st = exch_run(x, exch_view_forest(), err);
    if (st == EASG_OK)
        st = exch_learn(x, err);
    if (st != EASG_OK) {
        exch_close(x);
        return st;
    }
    exch_log(x, EXCH_DEBUG, "runspace open: PowerShell %s, protocol 2.%u, envelopes of %zu bytes",
             psrp_pool_engine(x->pool), psrp_pool_minor(x->pool), x->ws.max_envelope);
    *out = x;
    return EASG_OK;
}

struct exch *exch_lead(struct exch *x)
{
    return x->lead ? x->lead : x;
}

easg_status exch_open_lane(struct exch *lead, struct exch **out, easg_error *err)
{
    struct http_options http = { 0 };
    struct exch_options options = { .url = lead->url,
                                    .http = &http,
                                    .env = lead->env,
                                    .operation_timeout_ms = lead->operation_timeout_ms,
                                    .max_envelope = lead->max_envelope,
                                    .view_entire_forest = lead->forest,
                                    .select_columns = lead->select_columns,
                                    .organization = lead->organization,
                                    .alone = lead->alone,
                                    .lane = 1 };
    struct exch *x = mem_alloc(sizeof(*x));
    easg_status st;

    if (!x)
        return err_nomem(err);
    st = lead->more(lead->more_user, &http, &options.auth, err);
    if (st == EASG_OK)
        st = make(x, &options, err);
    lead->made(lead->more_user);
    x->lead = lead;
    if (st == EASG_OK) {
        x->concurrent = 1;
        memcpy(x->known, lead->known, sizeof(x->known));
        st = shell_begin(x, err);
    }
    if (st != EASG_OK) {
        exch_close(x);
        return st;
    }
    *out = x;
    return EASG_OK;
}

void exch_close(struct exch *x)
{
    if (!x)
        return;
    exch_lanes_close(x);
    if (x->flight.begun) {
        const struct wsman_answer *dropped;
        easg_error ignored = EASG_ERROR_INIT;

        if (exch_request_end(x, &dropped, &ignored) != EASG_OK)
            exch_log(x, EXCH_DEBUG, "given up: %s", ignored.message);
    }
    if (x->shell_open) {
        struct wsman_request r = { .op = WSMAN_DELETE, .shell_id = x->shell_id };
        const struct wsman_answer *answer;
        easg_error err = EASG_ERROR_INIT;

        x->closing = 1;
        if (exch_request(x, &r, &answer, &err) != EASG_OK)
            exch_log(x, EXCH_WARNING, "shell not deleted, the server keeps it for %d s: %s",
                     IDLE_MS / 1000, err.message);
    }
    wsman_reader_destroy(x->reader);
    psrp_pool_destroy(x->pool);
    clixml_tree_destroy(x->tree);
    http_destroy(x->http);
    strbuf_clear(&x->envelope);
    strbuf_clear(&x->fragments);
    mem_free(x->url);
    mem_free(x->redirect_allow);
    mem_free(x->redirect_to);
    mem_free(x->organization);
    mem_free(x);
}
