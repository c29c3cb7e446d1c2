/* SPDX-License-Identifier: Apache-2.0
 *
 * Single requests, and several of them in one: JSON batches, whose parts fail one by one.
 */
#include "graph_private.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"

#define CALL_ATTEMPTS  3
#define BATCH_ATTEMPTS 4
#define MIN_WAIT_MS    100

easg_status graph_call(struct graph *g, const struct graph_call *call, struct json **answer,
                       easg_error *err)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const struct graph_ask ask = { .method = call->method,
                                   .what = call->what,
                                   .permission = call->permission,
                                   .body = call->body,
                                   .body_len = call->body ? strlen(call->body) : 0,
                                   .once = strcmp(call->method, "POST") == 0,
                                   .attempts = CALL_ATTEMPTS };
    easg_status st = graph_point(g, call->path, err);

    if (answer)
        *answer = NULL;
    if (st == EASG_OK)
        st = graph_ask(g, &ask, err);
    if (st != EASG_OK || !answer || g->page.len == 0)
        return st;
    st = json_parse(strbuf_str(&g->page), g->page.len, &limits, answer, err);
    return st == EASG_OK ? st : err_at(err, st, "%s: %s", http_endpoint(g->http), call->what);
}

/* ---- batches ---- */

struct batch {
    struct graph *g;
    struct graph_part *parts;
    size_t n;
    const char *what;
    easg_status (*answer)(void *user, size_t i, const struct json *body, easg_error *err);
    void *user;
    int last; /* no further attempt: what is throttled now stays so */
    unsigned char open[GRAPH_BATCH_MAX];
    unsigned char seen[GRAPH_BATCH_MAX]; /* in this answer */
    int64_t wait_ms;
};

static easg_status write_requests(const struct batch *b, struct strbuf *out)
{
    const char *comma = "";

    strbuf_adds(out, "{\"requests\":[");
    for (size_t i = 0; i < b->n; i++) {
        const struct graph_part *p = &b->parts[i];

        if (!b->open[i])
            continue;
        strbuf_addf(out, "%s{\"id\":\"%zu\",\"method\":\"%s\",\"url\":\"", comma, i, p->method);
        strbuf_add_json(out, p->path, strlen(p->path));
        strbuf_addc(out, '"');
        if (p->body) {
            strbuf_adds(out, ",\"headers\":{\"Content-Type\":\"application/json\"},\"body\":");
            strbuf_adds(out, p->body);
        }
        strbuf_addc(out, '}');
        comma = ",";
    }
    return strbuf_adds(out, "]}");
}

static int again(int64_t status)
{
    return status == 429 || status == 503 || status == 504;
}

static void part_words(struct graph_part *p, const struct json *body)
{
    const struct json *e = json_find(body, "error");
    easg_error ignored = EASG_ERROR_INIT;
    easg_str code = { NULL, 0 }, message = { NULL, 0 };
    struct strbuf text = STRBUF_INIT(sizeof p->text);

    if (e && json_get_str(e, "code", 0, &code, &ignored) == EASG_OK && code.len)
        strbuf_add_safe(&text, code.ptr, code.len, 50);
    if (e && json_get_str(e, "message", 0, &message, &ignored) == EASG_OK && message.len) {
        strbuf_adds(&text, text.len ? ": " : "");
        strbuf_add_safe(&text, message.ptr, message.len, 80);
    }
    (void)snprintf(p->text, sizeof p->text, "%s", strbuf_str(&text));
    strbuf_clear(&text);
}

/* The id is ours: the part's number. */
static easg_status find_part(const struct batch *b, const struct json *item, size_t *out,
                             easg_error *err)
{
    easg_str id;
    uint64_t i;
    easg_status st = json_get_str(item, "id", 1, &id, err);

    if (st != EASG_OK)
        return st;
    if (!text_parse_u64(id.ptr, id.len, &i) || i >= b->n || !b->open[i] || b->seen[i])
        return err_set(err, EASG_E_PROTOCOL, "an answer to a part that was not asked");
    *out = (size_t)i;
    return EASG_OK;
}

static easg_status on_envelope(void *user, const struct json *page, easg_error *err)
{
    (void)user;
    return json_find(page, "error")
               ? err_set(err, EASG_E_PROTOCOL, "an error in the place of the answers")
               : EASG_OK;
}

/* Answers come in any order. */
static easg_status on_response(void *user, const struct json *item, easg_error *err)
{
    struct batch *b = user;
    const struct json *body = json_find(item, "body");
    int64_t status = 0, wait;
    easg_str after = { NULL, 0 };
    easg_error ignored = EASG_ERROR_INIT;
    size_t i = 0;
    easg_status st = find_part(b, item, &i, err);

    if (st == EASG_OK)
        st = json_get_int(item, "status", 1, &status, err);
    if (st != EASG_OK)
        return st;
    if (status < 100 || status > 999)
        return err_set(err, EASG_E_PROTOCOL, "a part with the status %lld", (long long)status);
    b->seen[i] = 1;
    b->parts[i].status = (int)status;
    if (again(status) && !b->last) {
        if (json_get_str(json_find(item, "headers"), "Retry-After", 0, &after, &ignored) ==
                EASG_OK &&
            after.ptr) {
            wait = http_parse_retry_after(after.ptr, http_date(b->g->http));
            b->wait_ms = wait > b->wait_ms ? wait : b->wait_ms;
        }
        return EASG_OK;
    }
    b->open[i] = 0;
    if (status < 200 || status > 299) {
        part_words(&b->parts[i], body);
        return EASG_OK;
    }
    return b->answer && body ? b->answer(b->user, i, body, err) : EASG_OK;
}

static easg_status one_round(struct batch *b, easg_error *err)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const struct json_each to = { on_envelope, on_response, b };
    struct strbuf body = STRBUF_INIT(1024u * 1024u);
    struct graph_ask ask = {
        .method = "POST", .what = b->what, .permission = "that of its parts", .dependencies = 1
    };
    easg_status st = write_requests(b, &body);

    if (st != EASG_OK) {
        strbuf_clear(&body);
        return st == EASG_E_NOMEM
                   ? err_nomem(err)
                   : err_set(err, EASG_E_LIMIT, "%s: the batch is too large", b->what);
    }
    ask.body = strbuf_str(&body);
    ask.body_len = body.len;
    memset(b->seen, 0, sizeof b->seen);
    b->wait_ms = 0;
    st = graph_point(b->g, "/v1.0/$batch", err);
    if (st == EASG_OK)
        st = graph_ask(b->g, &ask, err);
    strbuf_clear(&body);
    if (st == EASG_OK)
        st = json_parse_page(strbuf_str(&b->g->page), b->g->page.len, "responses", &limits, &to,
                             err);
    for (size_t i = 0; st == EASG_OK && i < b->n; i++) {
        if (b->open[i] && !b->seen[i])
            st = err_set(err, EASG_E_PROTOCOL, "part %zu of the batch has no answer", i);
    }
    if (st == EASG_E_PROTOCOL || st == EASG_E_LIMIT)
        return err_at(err, st, "%s: %s", http_endpoint(b->g->http), b->what);
    return st;
}

static int any_open(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->open[i])
            return 1;
    }
    return 0;
}

easg_status graph_batch(struct graph *g, struct graph_part *parts, size_t n, const char *what,
                        easg_status (*answer)(void *user, size_t i, const struct json *body,
                                              easg_error *err),
                        void *user, easg_error *err)
{
    struct batch b = {
        .g = g, .parts = parts, .n = n, .what = what, .answer = answer, .user = user
    };
    int64_t backoff = 1000;

    if (n > GRAPH_BATCH_MAX)
        return err_set(err, EASG_E_USAGE, "%s: more than %u parts", what, GRAPH_BATCH_MAX);
    for (size_t i = 0; i < n; i++) {
        b.open[i] = 1;
        parts[i].status = 0;
        parts[i].text[0] = '\0';
    }
    for (int attempt = 1; any_open(&b); attempt++) {
        easg_status st;
        int64_t wait;

        b.last = attempt == BATCH_ATTEMPTS;
        st = one_round(&b, err);
        if (st != EASG_OK || !any_open(&b))
            return st;
        wait = b.wait_ms > 0 ? b.wait_ms : backoff;
        backoff *= 2;
        if (wait < MIN_WAIT_MS)
            wait = MIN_WAIT_MS;
        if (wait >= g->o.remaining_ms(g->o.user)) {
            err->retry_after_ms = 0;
            return err_set(err, EASG_E_THROTTLED, "%s: parts of the batch are throttled", what);
        }
        if (g->o.retried)
            g->o.retried(g->o.user, "parts of a batch were throttled", wait);
        st = g->o.sleep_ms(g->o.user, wait);
        if (st != EASG_OK)
            return err_set(err, st, "%s: stopped while waiting to ask again", what);
    }
    return EASG_OK;
}
