/* SPDX-License-Identifier: Apache-2.0
 *
 * jsonin.c - a strict reader of flat JSON objects (RFC 8259).
 */
#include "jsonin.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

#include <stdint.h>
#include <string.h>

struct reader {
    const char *ptr;
    size_t len;
    size_t at;
    easg_error *err;
};

static easg_status bad(struct reader *r, const char *what)
{
    return err_set(r->err, EASG_E_PROTOCOL, "column %zu: %s", r->at + 1, what);
}

static void space(struct reader *r)
{
    while (r->at < r->len && strchr(" \t\r\n", r->ptr[r->at]) && r->ptr[r->at])
        r->at++;
}

static int peek(const struct reader *r)
{
    return r->at < r->len ? (unsigned char)r->ptr[r->at] : -1;
}

static int hex4(struct reader *r, uint32_t *out)
{
    uint32_t v = 0;
    int i, c;

    for (i = 0; i < 4; i++) {
        c = peek(r);
        if (c >= '0' && c <= '9')
            v = v * 16 + (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v * 16 + (uint32_t)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            v = v * 16 + (uint32_t)(c - 'A') + 10;
        else
            return 0;
        r->at++;
    }
    *out = v;
    return 1;
}

/* Behind "\u". A surrogate has to come with its other half. */
static easg_status unicode(struct reader *r, struct strbuf *out)
{
    uint32_t cp, low;
    char utf8[4];
    size_t n;

    if (!hex4(r, &cp))
        return bad(r, "four hexadecimal digits are expected");
    if (cp >= 0xd800 && cp < 0xdc00) {
        if (r->len - r->at < 6 || memcmp(r->ptr + r->at, "\\u", 2) != 0)
            return bad(r, "half a surrogate pair");
        r->at += 2;
        if (!hex4(r, &low) || low < 0xdc00 || low > 0xdfff)
            return bad(r, "half a surrogate pair");
        cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    }
    n = cp ? text_utf8_put(cp, utf8) : 0;
    if (n == 0)
        return bad(r, "this character is not allowed");
    return strbuf_add(out, utf8, n);
}

static easg_status escape(struct reader *r, struct strbuf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *hit;
    int c = peek(r);

    if (c == 'u') {
        r->at++;
        return unicode(r, out);
    }
    hit = c > 0 ? strchr(from, c) : NULL;
    if (!hit)
        return bad(r, "unknown escape");
    r->at++;
    return strbuf_addc(out, to[hit - from]);
}

static easg_status text(struct reader *r, struct strbuf *out)
{
    easg_status st;
    size_t n;
    int c;

    strbuf_reset(out);
    if (peek(r) != '"')
        return bad(r, "a text in double quotes is expected");
    r->at++;
    for (;;) {
        c = peek(r);
        if (c < 0)
            return bad(r, "the text has no end");
        if (c < 0x20)
            return bad(r, "a control character in a text");
        if (c == '"')
            break;
        if (c == '\\') {
            r->at++;
            st = escape(r, out);
        } else {
            n = text_utf8_len(r->ptr + r->at, r->len - r->at);
            if (n == 0)
                return bad(r, "not UTF-8");
            st = strbuf_add(out, r->ptr + r->at, n);
            r->at += n;
        }
        if (st != EASG_OK)
            return r->err->message[0] ? st : err_nomem(r->err);
    }
    r->at++;
    return EASG_OK;
}

static size_t digits(struct reader *r)
{
    size_t from = r->at;

    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return r->at - from;
}

static easg_status number(struct reader *r, struct strbuf *out)
{
    size_t from = r->at, whole;
    int zero;

    if (peek(r) == '-')
        r->at++;
    zero = peek(r) == '0';
    whole = digits(r);
    if (whole == 0 || (zero && whole > 1))
        return bad(r, "no number of JSON");
    if (peek(r) == '.') {
        r->at++;
        if (!digits(r))
            return bad(r, "no number of JSON");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (!digits(r))
            return bad(r, "no number of JSON");
    }
    strbuf_reset(out);
    return strbuf_add(out, r->ptr + from, r->at - from);
}

static easg_status value(struct reader *r, struct strbuf *out, enum json_kind *kind)
{
    static const struct {
        const char *word;
        enum json_kind kind;
    } words[] = {
        {"true",   JSON_TRUE },
        { "false", JSON_FALSE},
        { "null",  JSON_NULL }
    };
    size_t i, n;
    int c = peek(r);

    if (c == '"') {
        *kind = JSON_TEXT;
        return text(r, out);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        *kind = JSON_NUMBER;
        return number(r, out);
    }
    if (c == '{' || c == '[')
        return bad(r, "nothing nested is expected here");
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        n = strlen(words[i].word);
        if (r->len - r->at >= n && memcmp(r->ptr + r->at, words[i].word, n) == 0) {
            r->at += n;
            *kind = words[i].kind;
            strbuf_reset(out);
            return strbuf_add(out, words[i].word, n);
        }
    }
    return bad(r, "a text, a number, true, false or null is expected");
}

/* Names seen so far, one after the other with their NUL: a second one of a name is refused, because
 * readers differ in which of the two they take. */
static int seen(const struct strbuf *names, const char *name)
{
    size_t i = 0;

    while (i < names->len) {
        if (strcmp(names->ptr + i, name) == 0)
            return 1;
        i += strlen(names->ptr + i) + 1;
    }
    return 0;
}

static easg_status member(struct reader *r, struct strbuf *names, json_member_fn fn, void *user)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf name = STRBUF_INIT(JSON_LINE_MAX);
    EASG_CLEANUP(strbuf_clear) struct strbuf val = STRBUF_INIT(JSON_LINE_MAX);
    enum json_kind kind = JSON_NULL;
    easg_status st;

    st = text(r, &name);
    if (st != EASG_OK)
        return st;
    if (seen(names, strbuf_str(&name)))
        return bad(r, "this name came before");
    space(r);
    if (peek(r) != ':')
        return bad(r, "':' is expected");
    r->at++;
    space(r);
    st = value(r, &val, &kind);
    if (st != EASG_OK)
        return r->err->message[0] ? st : err_nomem(r->err);
    if (strbuf_add(names, strbuf_str(&name), name.len + 1) != EASG_OK)
        return err_nomem(r->err);
    return fn(user, strbuf_str(&name), kind, strbuf_str(&val), r->err);
}

easg_status json_read_flat(const char *ptr, size_t len, json_member_fn fn, void *user,
                           easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf names = STRBUF_INIT(2 * JSON_LINE_MAX);
    struct reader r = { ptr, len, 0, err };
    easg_status st;
    int n = 0;

    err_clear(err);
    if (len > JSON_LINE_MAX)
        return err_set(err, EASG_E_LIMIT, "longer than %d bytes", JSON_LINE_MAX);
    space(&r);
    if (peek(&r) != '{')
        return bad(&r, "'{' is expected");
    r.at++;
    space(&r);
    if (peek(&r) == '}') {
        r.at++;
        space(&r);
        return r.at == len ? EASG_OK : bad(&r, "nothing is expected after the object");
    }
    for (;;) {
        if (n++ == JSON_FLAT_MAX)
            return err_set(err, EASG_E_LIMIT, "more than %d members", JSON_FLAT_MAX);
        st = member(&r, &names, fn, user);
        if (st != EASG_OK)
            return st;
        space(&r);
        if (peek(&r) == '}')
            break;
        if (peek(&r) != ',')
            return bad(&r, "',' or '}' is expected");
        r.at++;
        space(&r);
    }
    r.at++;
    space(&r);
    return r.at == len ? EASG_OK : bad(&r, "nothing is expected after the object");
}
