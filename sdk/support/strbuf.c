/* SPDX-License-Identifier: Apache-2.0
 *
 * The growing byte string and its four ways of quoting.
 */
#include "strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

void strbuf_init(struct strbuf *b, size_t max)
{
    *b = (struct strbuf)STRBUF_INIT(max);
}

void strbuf_clear(struct strbuf *b)
{
    mem_free(b->ptr);
    strbuf_init(b, b->max);
}

void strbuf_reset(struct strbuf *b)
{
    b->len = 0;
    b->status = EASG_OK;
    if (b->ptr)
        b->ptr[0] = '\0';
}

easg_status strbuf_status(const struct strbuf *b)
{
    return b->status;
}

const char *strbuf_str(const struct strbuf *b)
{
    return b->ptr ? b->ptr : "";
}

char *strbuf_take(struct strbuf *b)
{
    char *ptr = b->status == EASG_OK ? b->ptr : NULL;

    if (!ptr)
        mem_free(b->ptr);
    strbuf_init(b, b->max);
    return ptr;
}

char *strbuf_reserve(struct strbuf *b, size_t len)
{
    size_t want;

    if (b->status != EASG_OK)
        return NULL;
    if (b->len > b->max || len > b->max - b->len) {
        b->status = EASG_E_LIMIT;
        return NULL;
    }
    want = b->len + len + 1;
    if (want > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        char *ptr;

        while (cap < want)
            cap = cap > SIZE_MAX / 2 ? want : cap * 2;
        ptr = mem_grow(b->ptr, cap, 1);
        if (!ptr) {
            b->status = EASG_E_NOMEM;
            return NULL;
        }
        b->ptr = ptr;
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void strbuf_grown(struct strbuf *b, size_t len)
{
    b->len += len;
    b->ptr[b->len] = '\0';
}

easg_status strbuf_add(struct strbuf *b, const void *ptr, size_t len)
{
    char *to = strbuf_reserve(b, len);

    if (!to)
        return b->status;
    if (len)
        memcpy(to, ptr, len);
    strbuf_grown(b, len);
    return EASG_OK;
}

easg_status strbuf_adds(struct strbuf *b, const char *s)
{
    return strbuf_add(b, s, strlen(s));
}

easg_status strbuf_addc(struct strbuf *b, char c)
{
    return strbuf_add(b, &c, 1);
}

easg_status strbuf_add_str(struct strbuf *b, const easg_str *s)
{
    return strbuf_add(b, s->ptr, s->ptr ? s->len : 0);
}

easg_status strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list args;
    va_list again;
    int n;
    char *to;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    xassert(n >= 0);
    to = strbuf_reserve(b, (size_t)n);
    if (to) {
        (void)vsnprintf(to, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return b->status;
}

easg_status strbuf_add_xml(struct strbuf *b, const char *ptr, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)ptr[i];
        const char *as = NULL;

        switch (c) {
        case '&': as = "&amp;"; break;
        case '<': as = "&lt;"; break;
        case '>': as = "&gt;"; break;
        case '"': as = "&quot;"; break;
        case '\'': as = "&#39;"; break;
        case '\r': as = "&#13;"; break;
        default:
            if (c < 0x20 && c != '\t' && c != '\n')
                as = "";
            break;
        }
        if (as) {
            strbuf_add(b, ptr + from, i - from);
            strbuf_adds(b, as);
            from = i + 1;
        }
    }
    return strbuf_add(b, ptr + from, len - from);
}

easg_status strbuf_add_json(struct strbuf *b, const char *ptr, size_t len)
{
    size_t i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)ptr[i];
        size_t n = 1;

        if (c == '"' || c == '\\') {
            strbuf_addc(b, '\\');
            strbuf_addc(b, (char)c);
        } else if (c == '\n') {
            strbuf_adds(b, "\\n");
        } else if (c == '\t') {
            strbuf_adds(b, "\\t");
        } else if (c < 0x20 || c == 0x7f) {
            strbuf_addf(b, "\\u%04x", c);
        } else if (c < 0x80) {
            strbuf_addc(b, (char)c);
        } else {
            n = text_utf8_len(ptr + i, len - i);
            if (n)
                strbuf_add(b, ptr + i, n);
            else
                strbuf_adds(b, "\xEF\xBF\xBD");
            n = n ? n : 1;
        }
        i += n;
    }
    return b->status;
}

easg_status strbuf_add_url(struct strbuf *b, const char *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)ptr[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~')
            strbuf_addc(b, (char)c);
        else
            strbuf_addf(b, "%%%02X", c);
    }
    return b->status;
}

/* U+200E, U+200F, U+202A..U+202E, U+2066..U+2069: they make a line read otherwise than it is. */
static int is_bidi(const char *p)
{
    unsigned char a = (unsigned char)p[0];
    unsigned char m = (unsigned char)p[1];
    unsigned char z = (unsigned char)p[2];

    if (a != 0xE2)
        return 0;
    return (m == 0x80 && (z == 0x8E || z == 0x8F || (z >= 0xA8 && z <= 0xAE))) ||
           (m == 0x81 && z >= 0xA6 && z <= 0xA9);
}

easg_status strbuf_add_safe(struct strbuf *b, const char *ptr, size_t len, size_t max)
{
    size_t start = b->len;
    size_t i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)ptr[i];
        size_t n = c < 0x80 ? 1 : text_utf8_len(ptr + i, len - i);

        if (b->len - start >= max)
            return strbuf_adds(b, "...");
        if (n == 0 || c < 0x20 || c == 0x7f || (c == 0xC2 && (unsigned char)ptr[i + 1] < 0xA0)) {
            n = n ? n : 1;
            for (size_t k = 0; k < n; k++)
                strbuf_addf(b, "\\x%02x", (unsigned char)ptr[i + k]);
        } else if (n == 3 && is_bidi(ptr + i)) {
            strbuf_addf(b, "\\u{%02x%02x}", 0x20,
                        ((unsigned)(unsigned char)ptr[i + 1] & 1u) << 6 |
                            ((unsigned)(unsigned char)ptr[i + 2] & 0x3fu));
        } else {
            strbuf_add(b, ptr + i, n);
        }
        i += n;
    }
    return b->status;
}
