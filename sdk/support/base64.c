/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 by table: four characters a step, with what is left over kept for the next call.
 */
#include "base64.h"

#define SKIP 0x40 /* white space */
#define PAD  0x41
#define BAD  0xff

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlsafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static unsigned char value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned char)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned char)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (unsigned char)(c - '0' + 52);
    switch (c) {
    case '+': return 62;
    case '/': return 63;
    case '=': return PAD;
    case ' ':
    case '\t':
    case '\r':
    case '\n': return SKIP;
    default: return BAD;
    }
}

static const unsigned char *table(void)
{
    static unsigned char t[256];
    static int ready;

    if (!ready) {
        for (unsigned i = 0; i < 256; i++)
            t[i] = value((unsigned char)i);
        ready = 1;
    }
    return t;
}

static easg_status end_group(struct base64 *d, struct strbuf *out)
{
    unsigned char byte[2] = { (unsigned char)(d->bits >> 16), (unsigned char)(d->bits >> 8) };
    unsigned n = 3 - d->padded;

    /* Bits that the padding leaves unused must be 0, or two texts would decode alike. */
    if (d->padded > 2 || (n == 1 && (d->bits & 0xffff)) || (n == 2 && (d->bits & 0xff)))
        return EASG_E_PROTOCOL;
    d->have = 0;
    d->bits = 0;
    return strbuf_add(out, byte, n);
}

static easg_status feed_one(struct base64 *d, unsigned char v, struct strbuf *out)
{
    if (v == SKIP)
        return EASG_OK;
    if (v == BAD || (d->padded && v != PAD) || (d->padded && d->have == 0))
        return EASG_E_PROTOCOL;
    if (v == PAD) {
        if (d->have < 2)
            return EASG_E_PROTOCOL;
        d->padded++;
        v = 0;
    }
    d->bits = d->bits << 6 | v;
    if (++d->have < 4)
        return EASG_OK;
    if (d->padded)
        return end_group(d, out);
    {
        unsigned char byte[3] = { (unsigned char)(d->bits >> 16), (unsigned char)(d->bits >> 8),
                                  (unsigned char)d->bits };

        d->have = 0;
        d->bits = 0;
        return strbuf_add(out, byte, 3);
    }
}

easg_status base64_feed(struct base64 *d, const char *ptr, size_t len, struct strbuf *out)
{
    const unsigned char *t = table();
    const unsigned char *p = (const unsigned char *)ptr;
    const unsigned char *end = p + len;
    easg_status st;

    while (p < end) {
        if (d->have == 0 && !d->padded && end - p >= 4) {
            unsigned char *to = (unsigned char *)strbuf_reserve(out, (size_t)(end - p) / 4 * 3);
            size_t n = 0;

            if (!to)
                return strbuf_status(out);
            while (end - p >= 4) {
                uint32_t a = t[p[0]], b = t[p[1]], c = t[p[2]], e = t[p[3]];
                uint32_t v = a << 18 | b << 12 | c << 6 | e;

                if ((a | b | c | e) >= 0x40)
                    break;
                to[n] = (unsigned char)(v >> 16);
                to[n + 1] = (unsigned char)(v >> 8);
                to[n + 2] = (unsigned char)v;
                n += 3;
                p += 4;
            }
            strbuf_grown(out, n);
            if (p == end)
                break;
        }
        st = feed_one(d, t[*p++], out);
        if (st != EASG_OK)
            return st;
    }
    return EASG_OK;
}

easg_status base64_end(struct base64 *d)
{
    easg_status st = d->have ? EASG_E_PROTOCOL : EASG_OK;

    *d = (struct base64){ 0, 0, 0 };
    return st;
}

static easg_status encode(struct strbuf *out, const void *ptr, size_t len, const char *alphabet,
                          int pad)
{
    const unsigned char *p = ptr;

    for (; len >= 3; p += 3, len -= 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        char four[4] = { alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63],
                         alphabet[v & 63] };

        strbuf_add(out, four, 4);
    }
    if (len) {
        uint32_t v = (uint32_t)p[0] << 16 | (len == 2 ? (uint32_t)p[1] << 8 : 0);

        strbuf_addc(out, alphabet[v >> 18]);
        strbuf_addc(out, alphabet[v >> 12 & 63]);
        if (len == 2)
            strbuf_addc(out, alphabet[v >> 6 & 63]);
        if (pad)
            strbuf_adds(out, len == 2 ? "=" : "==");
    }
    return strbuf_status(out);
}

easg_status base64_encode(struct strbuf *out, const void *ptr, size_t len)
{
    return encode(out, ptr, len, standard, 1);
}

easg_status base64url_encode(struct strbuf *out, const void *ptr, size_t len)
{
    return encode(out, ptr, len, urlsafe, 0);
}
