/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.c - memory, buffers, base64, comparisons.
 */
#include "lab_buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (!p) {
        fputs("easgate-lab: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *lab_alloc(size_t n)
{
    return checked(
        calloc(1, n ? n : 1)); /* lint: allow calloc because the lab has no sdk/support */
}

void *lab_realloc(void *p, size_t n)
{
    return checked(realloc(p, n ? n : 1)); /* lint: allow realloc because of the same */
}

char *lab_strndup(const char *s, size_t n)
{
    char *p = lab_alloc(n + 1);

    memcpy(p, s, n);
    return p;
}

char *lab_strdup(const char *s)
{
    return lab_strndup(s, strlen(s));
}

void buf_clear(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ 0 };
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;

    if (b->n + more + 1 <= b->cap)
        return;
    while (cap < b->n + more + 1)
        cap *= 2;
    b->p = lab_realloc(b->p, cap);
    b->cap = cap;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    buf_reserve(b, n);
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = 0;
}

void buf_str(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_num(struct buf *b, uint64_t v)
{
    char t[24];
    size_t n = sizeof t;

    do {
        t[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_put(b, t + n, sizeof t - n);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        buf_reserve(b, (size_t)n);
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

size_t lab_print(char *out, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(out, size, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    return (size_t)n < size ? (size_t)n : size - 1;
}

/* Twelve bits a step: the listings of a benchmark go through here. */
static void encode(struct buf *b, const unsigned char *p, size_t n, const char *abc, int pad)
{
    char *o;

    buf_reserve(b, (n + 2) / 3 * 4);
    o = b->p + b->n;
    for (; n >= 3; p += 3, n -= 3, o += 4) {
        unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];

        o[0] = abc[v >> 18];
        o[1] = abc[v >> 12 & 63];
        o[2] = abc[v >> 6 & 63];
        o[3] = abc[v & 63];
    }
    if (n) {
        unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0);

        *o++ = abc[v >> 18];
        *o++ = abc[v >> 12 & 63];
        if (n > 1)
            *o++ = abc[v >> 6 & 63];
        else if (pad)
            *o++ = '=';
        if (pad)
            *o++ = '=';
    }
    b->n = (size_t)(o - b->p);
    b->p[b->n] = 0;
}

void buf_base64(struct buf *b, const void *p, size_t n)
{
    encode(b, p, n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 1);
}

void buf_base64url(struct buf *b, const void *p, size_t n)
{
    encode(b, p, n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 0);
}

static int decode(struct buf *out, const char *s, size_t n, char c62, char c63)
{
    unsigned v = 0;
    int bits = 0;
    int padding = 0;

    buf_reserve(out, n / 4 * 3 + 3);
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        unsigned d;

        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        if (c == '=') {
            padding++;
            continue;
        }
        if (padding)
            return 0;
        if (c >= 'A' && c <= 'Z')
            d = (unsigned)(c - 'A');
        else if (c >= 'a' && c <= 'z')
            d = (unsigned)(c - 'a') + 26;
        else if (c >= '0' && c <= '9')
            d = (unsigned)(c - '0') + 52;
        else if (c == c62)
            d = 62;
        else if (c == c63)
            d = 63;
        else
            return 0;
        v = v << 6 | d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out->p[out->n++] = (char)(v >> bits & 255);
        }
    }
    out->p[out->n] = 0;
    return padding <= 2 && bits < 6;
}

int buf_unbase64(struct buf *out, const char *s, size_t n)
{
    return decode(out, s, n, '+', '/');
}

int buf_unbase64url(struct buf *out, const char *s, size_t n)
{
    return decode(out, s, n, '-', '_');
}

static int hexdigit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t lab_unpercent(char *s, int form)
{
    char *o = s;
    const char *p = s;

    while (*p) {
        if (*p == '%' && hexdigit(p[1]) >= 0 && hexdigit(p[2]) >= 0) {
            *o++ = (char)(hexdigit(p[1]) << 4 | hexdigit(p[2]));
            p += 3;
        } else {
            *o++ = form && *p == '+' ? ' ' : *p;
            p++;
        }
    }
    *o = 0;
    return (size_t)(o - s);
}

void buf_percent(struct buf *b, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-_.~", c))
            buf_put(b, s, 1);
        else
            buf_fmt(b, "%%%02X", c);
    }
}

void buf_xml(struct buf *b, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&': BUF_LIT(b, "&amp;"); break;
        case '<': BUF_LIT(b, "&lt;"); break;
        case '>': BUF_LIT(b, "&gt;"); break;
        case '"': BUF_LIT(b, "&quot;"); break;
        default: buf_put(b, s, 1);
        }
    }
}

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

int lab_same(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

int lab_starts(const char *s, const char *prefix)
{
    while (*prefix && lower(*s) == lower(*prefix)) {
        s++;
        prefix++;
    }
    return !*prefix;
}

int lab_like(const char *s, const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            while (pattern[1] == '*')
                pattern++;
            for (;; s++) {
                if (lab_like(s, pattern + 1))
                    return 1;
                if (!*s)
                    return 0;
            }
        }
        if (!*s || (*pattern != '?' && lower(*s) != lower(*pattern)))
            return 0;
        s++;
    }
    return !*s;
}
