/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes and UTF-8, without the locale.
 */
#include "text.h"

#include <string.h>

#include "strbuf.h"

easg_str text_str(const char *s)
{
    return (easg_str){ s, s ? strlen(s) : 0 };
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int text_ieq(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len)
        return 0;
    for (size_t i = 0; i < a_len; i++)
        if (lower(a[i]) != lower(b[i]))
            return 0;
    return 1;
}

int text_eq(const easg_str *a, const char *b)
{
    size_t n = strlen(b);

    return a->ptr && a->len == n && memcmp(a->ptr, b, n) == 0;
}

int text_blank(const easg_str *s)
{
    if (!s->ptr)
        return 1;
    for (size_t i = 0; i < s->len; i++)
        if (s->ptr[i] != ' ' && s->ptr[i] != '\t' && s->ptr[i] != '\r' && s->ptr[i] != '\n')
            return 0;
    return 1;
}

size_t text_utf8_len(const char *ptr, size_t len)
{
    const unsigned char *p = (const unsigned char *)ptr;
    size_t n;
    uint32_t cp;

    if (len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        n = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        n = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        n = 4;
    else
        return 0;
    if (len < n)
        return 0;
    cp = p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        cp = cp << 6 | (p[i] & 0x3Fu);
    }
    if ((n == 3 && cp < 0x800) || (n == 4 && cp < 0x10000) || cp > 0x10FFFF ||
        (cp >= 0xD800 && cp <= 0xDFFF))
        return 0;
    return n;
}

int text_utf8_valid(const char *ptr, size_t len)
{
    size_t i = 0;

    while (i < len) {
        size_t n = text_utf8_len(ptr + i, len - i);

        if (n == 0)
            return 0;
        i += n;
    }
    return 1;
}

size_t text_utf8_cut(const char *ptr, size_t len)
{
    size_t back = 0;

    while (back < len && back < 4 && ((unsigned char)ptr[len - back - 1] & 0xC0) == 0x80)
        back++;
    if (back == len || ((unsigned char)ptr[len - back - 1] & 0x80) == 0)
        return len;
    if (text_utf8_len(ptr + len - back - 1, back + 1) == back + 1)
        return len;
    return len - back - 1;
}

size_t text_utf8_put(uint32_t cp, char out[4])
{
    unsigned char *p = (unsigned char *)out;

    if (cp < 0x80) {
        p[0] = (unsigned char)cp;
        return 1;
    }
    if (cp < 0x800) {
        p[0] = (unsigned char)(0xC0 | cp >> 6);
        p[1] = (unsigned char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp >= 0xD800 && cp <= 0xDFFF)
        return 0;
    if (cp < 0x10000) {
        p[0] = (unsigned char)(0xE0 | cp >> 12);
        p[1] = (unsigned char)(0x80 | (cp >> 6 & 0x3F));
        p[2] = (unsigned char)(0x80 | (cp & 0x3F));
        return 3;
    }
    if (cp > 0x10FFFF)
        return 0;
    p[0] = (unsigned char)(0xF0 | cp >> 18);
    p[1] = (unsigned char)(0x80 | (cp >> 12 & 0x3F));
    p[2] = (unsigned char)(0x80 | (cp >> 6 & 0x3F));
    p[3] = (unsigned char)(0x80 | (cp & 0x3F));
    return 4;
}

const char *text_safe(const char *ptr, size_t len, char *out, size_t size)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(4 * 4096);
    size_t n;

    if (len > 4096)
        len = 4096;
    strbuf_add_safe(&b, ptr, len, size > 16 ? size - 16 : size);
    n = b.len < size - 1 ? b.len : size - 1;
    memcpy(out, strbuf_str(&b), n);
    out[text_utf8_cut(out, n)] = '\0';
    return out;
}

int text_parse_u64(const char *ptr, size_t len, uint64_t *out)
{
    uint64_t v = 0;

    if (len == 0)
        return 0;
    for (size_t i = 0; i < len; i++) {
        uint64_t d = (uint64_t)(unsigned char)ptr[i] - '0';

        if (d > 9 || v > (UINT64_MAX - d) / 10)
            return 0;
        v = v * 10 + d;
    }
    *out = v;
    return 1;
}

#define DISTANCE_MAX 64

unsigned text_distance(const char *a, const char *b, unsigned limit)
{
    size_t n = strlen(a);
    size_t m = strlen(b);
    unsigned rows[3][DISTANCE_MAX + 1];

    if (n > DISTANCE_MAX || m > DISTANCE_MAX)
        return limit + 1;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *cur = rows[i % 3];
        const unsigned *up = rows[(i - 1) % 3];
        const unsigned *up2 = rows[(i + 1) % 3];

        cur[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = up[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));

            best = up[j] + 1 < best ? up[j] + 1 : best;
            best = cur[j - 1] + 1 < best ? cur[j - 1] + 1 : best;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]) && up2[j - 2] + 1 < best)
                best = up2[j - 2] + 1;
            cur[j] = best;
        }
    }
    return rows[n % 3][m] <= limit ? rows[n % 3][m] : limit + 1;
}
