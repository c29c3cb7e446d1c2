/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer: header lines kept for the getters, the body handed on or kept, and what a status
 * means. Nothing here trusts a length, a count or a text of the peer.
 */
#include "http_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "text.h"

#define DAY_MS (24 * 3600 * 1000LL)

void http_answer_reset(struct http *h)
{
    strbuf_reset(&h->headers);
    strbuf_reset(&h->error_body);
    h->headers_done = 0;
    h->content_type[0] = '\0';
    h->request_id[0] = '\0';
}

static int is_name(const char *line, const char *name)
{
    size_t len = strlen(name);

    return strnlen(line, len + 1) > len && line[len] == ':' && text_ieq(line, len, name, len);
}

const char *http_header(const struct http *h, const char *name, size_t n)
{
    const char *end = h->headers.ptr + h->headers.len;

    for (const char *p = h->headers.ptr; p && p < end; p += strlen(p) + 1) {
        if (is_name(p, name) && n-- == 0) {
            p += strlen(name) + 1;
            return p + strspn(p, " \t");
        }
    }
    return NULL;
}

static int has_length(const struct http *h)
{
    const char *coding;

    if (http_header(h, "Content-Length", 0))
        return 1;
    for (size_t i = 0; (coding = http_header(h, "Transfer-Encoding", i)) != NULL; i++) {
        size_t len = strlen(coding);

        if (len >= 7 && text_ieq(coding + len - 7, 7, "chunked", 7))
            return 1;
    }
    return 0;
}

static void keep_summary(struct http *h)
{
    static const char *const ids[] = { "request-id", "x-ms-request-id", "client-request-id" };
    const char *type = http_header(h, "Content-Type", 0);
    size_t len = type ? strcspn(type, "; \t") : 0;

    if (len >= sizeof h->content_type)
        len = 0;
    for (size_t i = 0; i < len; i++)
        h->content_type[i] = (char)(type[i] >= 'A' && type[i] <= 'Z' ? type[i] + 32 : type[i]);
    h->content_type[len] = '\0';
    for (size_t i = 0; i < sizeof ids / sizeof *ids && !h->request_id[0]; i++) {
        const char *id = http_header(h, ids[i], 0);

        if (id)
            text_safe(id, strlen(id), h->request_id, sizeof h->request_id);
    }
}

/* The blank line after the last header: the answer proper begins, or is refused. */
static easg_status end_of_headers(struct http *h)
{
    int status = h->response->status;

    h->headers_done = 1;
    keep_summary(h);
    /* Only success must be whole; an error's text may be cut. A body that ends with the connection
     * cannot be told from one that was cut (libcurl 7.88 takes both for complete). */
    if (status >= 200 && status < 300 && status != 204 && strcmp(h->request->method, "HEAD") != 0 &&
        !has_length(h)) {
        return err_set(
            h->err, EASG_E_PROTOCOL,
            "%s: the answer has neither a length nor chunks, so that a cut one could not "
            "be told: look for a proxy that rewrites answers",
            strbuf_str(&h->endpoint));
    }
    return EASG_OK;
}

static easg_status one_header(struct http *h, const char *ptr, size_t len)
{
    while (len && (ptr[len - 1] == '\r' || ptr[len - 1] == '\n'))
        len--;
    if (len > 5 && memcmp(ptr, "HTTP/", 5) == 0) {
        long status = 0;

        http_answer_reset(h);
        curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
        h->response->status = status > 0 && status < 1000 ? (int)status : 0;
        return EASG_OK;
    }
    if (h->headers_done)
        return EASG_OK; /* trailers */
    if (len == 0)
        return h->response->status >= 200 ? end_of_headers(h) : EASG_OK;
    if (ptr[0] == ' ' || ptr[0] == '\t' || memchr(ptr, '\0', len))
        return EASG_OK;
    strbuf_add(&h->headers, ptr, len);
    strbuf_addc(&h->headers, '\0');
    if (strbuf_status(&h->headers) == EASG_E_LIMIT)
        return err_set(h->err, EASG_E_LIMIT, "%s: the answer has more than %u bytes of headers",
                       strbuf_str(&h->endpoint), HTTP_MAX_HEADERS);
    return strbuf_status(&h->headers) == EASG_OK ? EASG_OK : err_nomem(h->err);
}

size_t http_on_header(char *ptr, size_t size, size_t n, void *user)
{
    struct http *h = user;

    h->own = one_header(h, ptr, size * n);
    return h->own == EASG_OK ? size * n : 0;
}

static easg_status body_piece(struct http *h, const char *ptr, size_t len)
{
    const struct http_request *r = h->request;
    int status = h->response->status;
    easg_status st = EASG_OK;

    if (len > r->max_response || h->response->bytes > r->max_response - len)
        return err_set(h->err, EASG_E_LIMIT, "%s: the answer is longer than %zu bytes",
                       strbuf_str(&h->endpoint), r->max_response);
    h->response->bytes += len;
    if (status < 200 || status > 299) {
        size_t room = h->error_body.max - h->error_body.len;

        st = strbuf_add(&h->error_body, ptr, len < room ? len : room);
    } else if (r->on_body) {
        return r->on_body(r->user, ptr, len, h->err);
    } else if (r->collect) {
        st = strbuf_add(r->collect, ptr, len);
    }
    if (st == EASG_E_LIMIT)
        return err_set(h->err, st, "%s: the answer is longer than %zu bytes",
                       strbuf_str(&h->endpoint), r->collect->max);
    return st == EASG_OK ? st : err_nomem(h->err);
}

size_t http_on_body(char *ptr, size_t size, size_t n, void *user)
{
    struct http *h = user;

    h->own = body_piece(h, ptr, size * n);
    return h->own == EASG_OK ? size * n : 0;
}

int http_status(const struct http *h)
{
    return h->response ? h->response->status : h->status;
}

const char *http_content_type(const struct http *h)
{
    return h->content_type;
}

const char *http_request_id(const struct http *h)
{
    return h->request_id;
}

const struct strbuf *http_error_body(const struct http *h)
{
    return &h->error_body;
}

const char *http_endpoint(const struct http *h)
{
    return strbuf_str(&h->endpoint);
}

int http_parse_date(const char *value, easg_time *out)
{
    time_t t;

    /* curl_getdate() also takes bare numbers and words; a date of HTTP has a time in it. */
    if (!value || !strchr(value, ':') || strlen(value) > 64)
        return 0;
    t = curl_getdate(value, NULL);
    if (t < 0)
        return 0;
    *out = (easg_time)t * 1000;
    return 1;
}

easg_time http_date(const struct http *h)
{
    easg_time t;

    return http_parse_date(http_header(h, "Date", 0), &t) ? t : EASG_TIME_NONE;
}

int64_t http_parse_retry_after(const char *value, easg_time date)
{
    size_t digits = value ? strspn(value, "0123456789") : 0;
    easg_time at;
    int64_t ms;

    if (digits) {
        uint64_t whole = 0;
        unsigned scale = 100;
        const char *p = value + digits;

        if (digits > 9 || !text_parse_u64(value, digits, &whole))
            return DAY_MS;
        ms = (int64_t)whole * 1000;
        if (*p == '.') {
            for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
                ms += (*p - '0') * (int)scale;
        }
        if (p[strspn(p, " \t")] != '\0')
            return -1;
        return ms < DAY_MS ? ms : DAY_MS;
    }
    if (!http_parse_date(value, &at))
        return -1;
    if (date == EASG_TIME_NONE)
        date = (easg_time)time(NULL) * 1000;
    ms = at - date;
    return ms < 0 ? 0 : ms < DAY_MS ? ms : DAY_MS;
}

int64_t http_retry_after_ms(const struct http *h)
{
    return http_parse_retry_after(http_header(h, "Retry-After", 0), http_date(h));
}

static easg_status status_of(int status)
{
    switch (status) {
    case 401:
    case 407: return EASG_E_AUTH;
    case 403: return EASG_E_DENIED;
    case 404:
    case 410: return EASG_E_NOTFOUND;
    case 409:
    case 412: return EASG_E_CONFLICT;
    case 413: return EASG_E_LIMIT;
    case 408:
    case 429: return EASG_E_THROTTLED;
    case 501: return EASG_E_UNSUPPORTED;
    default: return status >= 500 ? EASG_E_UNAVAILABLE : EASG_E_PROTOCOL;
    }
}

static const char *meaning_of(int status)
{
    switch (status) {
    case 401:
        return "the log-on was refused: check user, password and the methods the server offers";
    case 403: return "the account may not do this: check its roles";
    case 404:
    case 410: return "not found: check the address";
    case 407: return "the proxy wants a log-on";
    case 413: return "the request is too large for the server";
    case 408:
    case 429: return "too many requests: the server asks to wait";
    case 502:
    case 503:
    case 504:
        return "the server cannot serve now: look at its health, or at the balancer before it";
    default:
        return status >= 300 && status < 400 ? "a redirect is not followed: configure the address "
                                               "that the server names"
               : status >= 500               ? "an error inside the server: look at its log"
                                             : "the request was refused";
    }
}

easg_status http_check(const struct http *h, const char *what, easg_error *err)
{
    int status = http_status(h);
    const char *to = http_header(h, "Location", 0);
    int64_t wait = http_retry_after_ms(h);
    char safe[160] = "";
    easg_status st;

    if (status >= 200 && status < 300)
        return EASG_OK;
    if (to && status >= 300 && status < 400)
        text_safe(to, strlen(to), safe, sizeof safe);
    st = err_native(err, status_of(status), EASG_DOMAIN_HTTP, status,
                    "%s: %s: HTTP %d: %s%s%s%s%s%s", http_endpoint(h), what, status,
                    meaning_of(status), *safe ? ": " : "", safe, *h->request_id ? " (request " : "",
                    h->request_id, *h->request_id ? ")" : "");
    if (wait > 0)
        err->retry_after_ms = (uint32_t)wait;
    return st;
}
