/* SPDX-License-Identifier: Apache-2.0
 *
 * One request: the attempts, and what a refusal means.
 */
#include "graph_private.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "err.h"
#include "text.h"

#define DEFAULT_REQUEST_MS 60000
#define MAX_ATTEMPTS       5
#define MIN_WAIT_MS        100   /* an immediate repetition counts against the quota */
#define MAX_WAIT_MS        30000 /* of our own back-off */

easg_status graph_create(const struct graph_options *options, struct graph **out, easg_error *err)
{
    struct strbuf where = STRBUF_INIT(1024);
    struct graph *g = mem_alloc(sizeof *g);
    easg_status st;

    *out = NULL;
    if (!g)
        return err_nomem(err);
    g->o = *options;
    g->o.graph_url = NULL;
    g->o.http = NULL;
    if (g->o.request_timeout_ms <= 0)
        g->o.request_timeout_ms = DEFAULT_REQUEST_MS;
    strbuf_init(&g->page, GRAPH_MAX_PAGE);
    strbuf_init(&g->url, GRAPH_MAX_LINK);
    strbuf_init(&g->anchor, GRAPH_MAX_LINK);
    st = http_url_endpoint(options->graph_url, &where, err);
    if (st != EASG_OK)
        err_at(err, st, "graph_url");
    strbuf_clear(&where);
    if (st == EASG_OK) {
        size_t len = strlen(options->graph_url);

        while (len && options->graph_url[len - 1] == '/')
            len--;
        g->origin = mem_dup(options->graph_url, len);
        st = g->origin ? http_create(options->http, &g->http, err) : err_nomem(err);
    }
    if (st != EASG_OK) {
        graph_destroy(g);
        return st;
    }
    *out = g;
    return EASG_OK;
}

void graph_destroy(struct graph *g)
{
    if (!g)
        return;
    http_destroy(g->http);
    mem_free(g->origin);
    strbuf_clear(&g->page);
    strbuf_clear(&g->url);
    strbuf_clear(&g->anchor);
    mem_free(g);
}

static int64_t time_for_request(const struct graph *g)
{
    int64_t left = g->o.remaining_ms(g->o.user);

    return left < g->o.request_timeout_ms ? left : g->o.request_timeout_ms;
}

/* A new id for each request: Microsoft's support asks for it. */
static void make_request_id(char line[64])
{
    unsigned char id[16] = { 0 };
    int n = snprintf(line, 64, "client-request-id: ");

    (void)RAND_bytes(id, sizeof id);
    id[6] = (unsigned char)((id[6] & 0x0f) | 0x40);
    id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof id; i++)
        n += snprintf(line + n, 64 - (size_t)n, "%s%02x",
                      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
}

/* Graph's own words: {"error":{"code":"...","message":"..."}}. */
static void graph_words(const struct graph *g, char *out, size_t size)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const struct strbuf *body = http_error_body(g->http);
    easg_error ignored = EASG_ERROR_INIT;
    struct json *doc = NULL;
    const struct json *e;
    easg_str code = { NULL, 0 }, message = { NULL, 0 };
    struct strbuf text = STRBUF_INIT(1024);

    out[0] = '\0';
    if (json_parse(strbuf_str(body), body->len, &limits, &doc, &ignored) == EASG_OK) {
        e = json_find(doc, "error");
        if (json_get_str(e, "code", 1, &code, &ignored) == EASG_OK)
            strbuf_add_safe(&text, code.ptr, code.len, 60);
        if (json_get_str(e, "message", 1, &message, &ignored) == EASG_OK && message.len) {
            strbuf_adds(&text, text.len ? ": " : "");
            strbuf_add_safe(&text, message.ptr, message.len, 120);
        }
        if (text.len)
            (void)snprintf(out, size, " (%s)", strbuf_str(&text));
    }
    strbuf_clear(&text);
    json_destroy(doc);
}

static easg_status refused(struct graph *g, const struct graph_ask *ask, easg_error *err)
{
    int status = http_status(g->http);
    easg_status st = http_check(g->http, ask->what, err);
    uint32_t wait = err->retry_after_ms;
    char words[256];

    graph_words(g, words, sizeof words);
    if (status == 403)
        st = err_native(err, EASG_E_DENIED, EASG_DOMAIN_HTTP, status,
                        "%s: %s: HTTP 403%s: give the app the application permission %s, with an "
                        "administrator's consent",
                        http_endpoint(g->http), ask->what, words, ask->permission);
    else if (status == 401)
        st = err_native(err, EASG_E_AUTH, EASG_DOMAIN_HTTP, status,
                        "%s: %s: HTTP 401%s: a fresh token was refused too: check that login_url "
                        "and graph_url belong to one cloud",
                        http_endpoint(g->http), ask->what, words);
    else if (status == 509)
        st = err_native(err, EASG_E_THROTTLED, EASG_DOMAIN_HTTP, status, "%s: %s: HTTP 509%s",
                        http_endpoint(g->http), ask->what, words);
    else if (*words)
        (void)snprintf(err->message + strlen(err->message),
                       sizeof err->message - strlen(err->message), "%s", words);
    err->retry_after_ms = wait;
    return st;
}

easg_status graph_point(struct graph *g, const char *path, easg_error *err)
{
    strbuf_reset(&g->url);
    strbuf_adds(&g->url, g->origin);
    strbuf_adds(&g->url, path);
    return strbuf_status(&g->url) == EASG_OK ? EASG_OK : err_nomem(err);
}

static easg_status one_attempt(struct graph *g, const struct graph_ask *ask, easg_error *err)
{
    char id[64];
    const char *headers[4] = { "Accept: application/json", id };
    struct http_request r = { .method = ask->method,
                              .url = strbuf_str(&g->url),
                              .headers = headers,
                              .n_headers = 2,
                              .body = ask->body,
                              .body_len = ask->body_len,
                              .timeout_ms = time_for_request(g),
                              .max_response = GRAPH_MAX_PAGE,
                              .idempotent = !ask->once,
                              .gzip = 1,
                              .collect = &g->page };
    struct http_response resp;
    easg_status st;

    if (ask->eventual)
        headers[r.n_headers++] = "ConsistencyLevel: eventual";
    if (ask->body)
        headers[r.n_headers++] = "Content-Type: application/json";
    if (r.timeout_ms <= 0)
        return err_set(err, EASG_E_TIMEOUT, "%s: no time left for it", ask->what);
    make_request_id(id);
    st = oauth_get(g->o.oauth, r.timeout_ms, &r.authorization, err);
    if (st != EASG_OK)
        return st;
    r.timeout_ms = time_for_request(g);
    if (r.timeout_ms <= 0)
        return err_set(err, EASG_E_TIMEOUT, "%s: no time left for it", ask->what);
    st = http_perform(g->http, &r, &resp, err);
    if (st != EASG_OK)
        return err_at(err, st, "%s", ask->what);
    if (resp.status == 200 || resp.status == 201 || resp.status == 204)
        return EASG_OK;
    if (resp.status == 424 && ask->dependencies) {
        const struct strbuf *body = http_error_body(g->http);

        strbuf_reset(&g->page);
        return strbuf_add(&g->page, strbuf_str(body), body->len) == EASG_OK ? EASG_OK
                                                                            : err_nomem(err);
    }
    return refused(g, ask, err);
}

static int worth_repeating(easg_status st)
{
    return st == EASG_E_THROTTLED || st == EASG_E_UNAVAILABLE || st == EASG_E_UNREACHABLE;
}

easg_status graph_ask(struct graph *g, const struct graph_ask *ask, easg_error *err)
{
    int64_t backoff = 1000;
    int fresh_token = 0;
    int max = ask->attempts ? ask->attempts : MAX_ATTEMPTS;

    for (int attempt = 1;; attempt++) {
        easg_status st = one_attempt(g, ask, err);
        int64_t wait;

        if (st == EASG_E_AUTH && err->domain == EASG_DOMAIN_HTTP && err->native_code == 401 &&
            !fresh_token && http_status(g->http) == 401) {
            /* The token's end, or a key roll-over: once more with a new one. */
            fresh_token = 1;
            oauth_drop(g->o.oauth);
            continue;
        }
        if (st == EASG_OK || !worth_repeating(st) || attempt >= max)
            return st;
        wait = err->retry_after_ms ? (int64_t)err->retry_after_ms : backoff;
        backoff = backoff * 2 < MAX_WAIT_MS ? backoff * 2 : MAX_WAIT_MS;
        if (wait < MIN_WAIT_MS)
            wait = MIN_WAIT_MS;
        if (wait >= g->o.remaining_ms(g->o.user))
            return st; /* the caller knows when to come back: retry_after_ms */
        if (g->o.retried)
            g->o.retried(g->o.user, err->message, wait);
        st = g->o.sleep_ms(g->o.user, wait);
        if (st != EASG_OK)
            return err_set(err, st, "%s: %s while waiting to ask again", ask->what,
                           st == EASG_E_CANCELLED ? "cancelled" : "stopped");
        err_clear(err);
    }
}
