/* SPDX-License-Identifier: Apache-2.0
 *
 * The legs of a log-on over http, whatever the scheme. A refusal sticks.
 */
#include "auth.h"

#include <string.h>
#include <time.h>

#include "err.h"
#include "secret.h"
#include "text.h"

#define MAX_HEADER     (128u * 1024u) /* a Kerberos token with a large PAC is some 64 kB */
#define MAX_CHALLENGES 16u
#define MAX_LEGS       8
#define MAX_RESTARTS   2      /* because the connection changed between two legs */
#define CLOCK_NOTICE   240000 /* ms; Kerberos allows five minutes */

const char *auth_scheme(const struct auth *a)
{
    return a->scheme ? a->scheme : a->ops->scheme;
}

void auth_destroy(struct auth *a)
{
    if (a)
        a->ops->destroy(a);
}

easg_status auth_stick(struct auth *a, easg_status st, const easg_error *err)
{
    a->refusal = *err;
    a->refusal.struct_size = (uint32_t)sizeof a->refusal;
    return st;
}

static size_t challenges_of(const struct http *h, const char *list[MAX_CHALLENGES])
{
    size_t n = 0;

    while (n < MAX_CHALLENGES && (list[n] = http_header(h, "WWW-Authenticate", n)) != NULL)
        n++;
    return n;
}

/* How far the server's clock is from ours; 0: close, or not told. */
static int64_t clock_differs(const struct http *h)
{
    easg_time theirs = http_date(h);
    int64_t d = theirs == EASG_TIME_NONE ? 0 : theirs - (easg_time)time(NULL) * 1000;

    return d > CLOCK_NOTICE || d < -CLOCK_NOTICE ? d / 1000 : 0;
}

static easg_status refuse(const struct auth *a, const struct http *h, easg_error *err)
{
    struct strbuf offered = STRBUF_INIT(256);
    const char *list[MAX_CHALLENGES];
    size_t n = challenges_of(h, list);
    int64_t clock = clock_differs(h);

    for (size_t i = 0; i < n; i++) {
        strbuf_adds(&offered, i ? ", " : "");
        strbuf_add_safe(&offered, list[i], strcspn(list[i], " ,"), 32);
    }
    if (clock)
        (void)err_native(err, EASG_E_AUTH, EASG_DOMAIN_HTTP, 401,
                         "%s: %s log-on refused, and the server's clock differs from ours by %lld "
                         "s: set the clocks right; it is not tried again until the configuration "
                         "changes",
                         http_endpoint(h), auth_scheme(a), (long long)clock);
    else
        (void)err_native(
            err, EASG_E_AUTH, EASG_DOMAIN_HTTP, 401,
            "%s: %s log-on refused (the server offers: %s): check user and password, and "
            "that the server allows %s here; it is not tried again until the configuration "
            "changes, so that the account is not locked",
            http_endpoint(h), auth_scheme(a), n ? strbuf_str(&offered) : "nothing", auth_scheme(a));
    strbuf_clear(&offered);
    return EASG_E_AUTH;
}

static void host_of(const char *endpoint, char *host, size_t size)
{
    const char *colon = strrchr(endpoint, ':');
    size_t len = colon ? (size_t)(colon - endpoint) : strlen(endpoint);

    len = len < size ? len : size - 1;
    memcpy(host, endpoint, len);
    host[len] = '\0';
}

static int spend(int64_t *left, int64_t ms, easg_error *err)
{
    *left -= ms;
    if (*left > 0)
        return 1;
    (void)err_set(err, EASG_E_TIMEOUT, "no time left for the log-on");
    return 0;
}

/* The empty request that opens a connection: it brings the server's certificate and what the server
 * offers, and no body is wasted on a 401. */
static easg_status open_connection(struct auth *a, struct http *h,
                                   const struct http_request *request, struct http_response *answer,
                                   easg_error *err)
{
    struct http_request probe = *request;
    easg_status st;

    probe.authorization = NULL;
    probe.body = NULL;
    probe.body_len = 0;
    probe.idempotent = 1;
    probe.on_body = NULL;
    probe.collect = NULL;
    st = http_perform(h, &probe, answer, err);
    if (answer->opened_connection)
        a->established = 0;
    return st;
}

/* Answers to the empty request after which nothing is gained by saying who we are. */
static int final_without_log_on(int status)
{
    return (status >= 300 && status < 400) || status == 403 || status == 404 || status == 407 ||
           status == 408 || status == 429 || status >= 500;
}

static int told_not_persistent(const struct http *h)
{
    const char *value = http_header(h, "Persistent-Auth", 0);

    return value && text_ieq(value, strlen(value), "false", 5);
}

/* One log-on: from begin() to an answer that is no 401. *restart: the connection changed below
 * it. */
static easg_status log_on(struct auth *a, struct http *h, const struct http_request *request,
                          int64_t *left, struct http_response *response, struct strbuf *header,
                          int *restart, easg_error *err)
{
    const char *list[MAX_CHALLENGES];
    char host[256];
    struct auth_connection c = {
        .url = request->url, .host = host, .timeout_ms = *left, .http = h, .offered = list
    };
    struct http_request r = *request;
    easg_status st;

    host_of(http_endpoint(h), host, sizeof host);
    c.certificate_len = http_server_certificate(h, &c.certificate);
    c.n_offered = http_status(h) == 401 ? challenges_of(h, list) : 0;
    *restart = 0;
    strbuf_reset(header);
    st = a->ops->begin(a, &c, header, err);
    for (int leg = 0; st == EASG_OK && leg < MAX_LEGS; leg++) {
        int bare = leg == 0 && a->ops->first_bare;
        enum auth_next next = AUTH_REFUSED;
        size_t n;

        r.authorization = header->len ? strbuf_str(header) : NULL;
        r.timeout_ms = c.timeout_ms;
        r.body = bare ? NULL : request->body;
        r.body_len = bare ? 0 : request->body_len;
        st = http_perform(h, &r, response, err);
        if (st == EASG_OK && !spend(&c.timeout_ms, response->elapsed_ms, err))
            st = response->status == 401 ? EASG_E_TIMEOUT : EASG_OK;
        *left = c.timeout_ms;
        if (st != EASG_OK)
            return st;
        if (leg > 0 && response->opened_connection && response->status == 401) {
            *restart = 1;
            return EASG_OK;
        }
        n = challenges_of(h, list);
        strbuf_reset(header);
        st = a->ops->step(a, &c, response->status, list, n, header, &next, err);
        *left = c.timeout_ms;
        if (st != EASG_OK)
            return st;
        if (next == AUTH_DONE) {
            a->established = a->ops->per_connection;
            if (told_not_persistent(h))
                a->each_request = 1;
            return EASG_OK;
        }
        if (next == AUTH_REFUSED && response->opened_connection) {
            *restart = 1; /* the token was made for another connection */
            return EASG_OK;
        }
        if (next == AUTH_REFUSED)
            break;
    }
    return st != EASG_OK ? st : refuse(a, h, err);
}

static easg_status legs(struct auth *a, struct http *h, const struct http_request *request,
                        int64_t left, struct http_response *response, easg_error *err)
{
    EASG_CLEANUP(secret_clear) struct strbuf header = STRBUF_INIT(MAX_HEADER);
    int may_restart = a->ops->per_connection ? MAX_RESTARTS : 0;
    easg_status st;
    int restart;

    do {
        st = log_on(a, h, request, &left, response, &header, &restart, err);
    } while (st == EASG_OK && restart && may_restart-- > 0);
    return st == EASG_OK && restart ? refuse(a, h, err) : st;
}

static easg_status perform(struct auth *a, struct http *h, const struct http_request *request,
                           struct http_response *response, easg_error *err)
{
    const unsigned char *der;
    int64_t left = request->timeout_ms;
    easg_status st = EASG_OK;

    if (!a->ops->per_connection)
        return legs(a, h, request, left, response, err);
    if (!a->established || http_server_certificate(h, &der) == 0) {
        st = open_connection(a, h, request, response, err);
        if (st != EASG_OK || final_without_log_on(response->status))
            return st;
    }
    if (!spend(&left, response->elapsed_ms, err))
        return EASG_E_TIMEOUT;
    if (a->established && !a->each_request) {
        st = http_perform(h, request, response, err);
        if (st != EASG_OK || response->status != 401)
            return st;
        /* The connection was closed and another opened, or each request is judged. */
        if (!response->opened_connection)
            a->each_request = 1;
        a->established = 0;
        if (!spend(&left, response->elapsed_ms, err))
            return EASG_E_TIMEOUT;
    }
    return legs(a, h, request, left, response, err);
}

/* What must be right before anything is sent. */
static easg_status may_send(const struct auth *a, const struct http_request *request,
                            struct http_response *response, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf endpoint = STRBUF_INIT(1024);

    *response = (struct http_response){ 0 };
    if (request->authorization)
        return err_set(err, EASG_E_USAGE, "a request with a log-on of its own");
    if (a->refusal.struct_size) {
        err_copy(err, &a->refusal);
        return EASG_E_AUTH;
    }
    return http_url_endpoint(request->url, &endpoint, err); /* https, or nothing is sent */
}

easg_status auth_perform(struct auth *a, struct http *h, const struct http_request *request,
                         struct http_response *response, easg_error *err)
{
    easg_status st = may_send(a, request, response, err);

    if (st != EASG_OK)
        return st;
    st = perform(a, h, request, response, err);
    /* Whoever refused: nothing is sent again with these credentials. */
    return st == EASG_E_AUTH ? auth_stick(a, st, err) : st;
}

/* ---- in two halves ---- */

/* Whether one request will do, and with which header. */
static easg_status one_leg(struct auth *a, struct http *h, const struct http_request *request,
                           int *does, struct strbuf *header, easg_error *err)
{
    const unsigned char *der;
    char host[256];
    struct auth_connection c = {
        .url = request->url, .host = host, .timeout_ms = request->timeout_ms, .http = h
    };

    strbuf_init(header, MAX_HEADER);
    *does = a->ops->per_connection
                ? a->established && !a->each_request && http_server_certificate(h, &der) > 0
                : !a->ops->first_bare;
    if (!*does || a->ops->per_connection)
        return EASG_OK;
    host_of(http_endpoint(h), host, sizeof host);
    return a->ops->begin(a, &c, header, err);
}

easg_status auth_begin(struct auth *a, struct http *h, struct auth_flight *f,
                       const struct http_request *request, struct http_response *response,
                       easg_error *err)
{
    easg_status st = may_send(a, request, response, err);
    int does = 0;

    *f = (struct auth_flight){ .request = request, .response = response, .err = err };
    if (st == EASG_OK)
        st = one_leg(a, h, request, &does, &f->header, err);
    if (st == EASG_OK && !does)
        st = perform(a, h, request, response, err);
    if (st == EASG_OK && does) {
        f->own = *request;
        f->own.authorization = f->header.len ? strbuf_str(&f->header) : NULL;
        st = http_begin(h, &f->own, response, err);
        f->under_way = st == EASG_OK;
    }
    if (st != EASG_OK)
        secret_clear(&f->header);
    return st == EASG_E_AUTH ? auth_stick(a, st, err) : st;
}

easg_status auth_end(struct auth *a, struct http *h, struct auth_flight *f)
{
    easg_status st = f->under_way ? http_end(h) : EASG_OK;

    secret_clear(&f->header);
    if (!f->under_way || st != EASG_OK || f->response->status != 401)
        return st == EASG_E_AUTH ? auth_stick(a, st, f->err) : st;
    if (a->ops->per_connection) {
        /* The connection was closed and another opened, or each request is judged. */
        if (!f->response->opened_connection)
            a->each_request = 1;
        a->established = 0;
        st = perform(a, h, f->request, f->response, f->err);
    } else {
        st = refuse(a, h, f->err);
    }
    return st == EASG_E_AUTH ? auth_stick(a, st, f->err) : st;
}
