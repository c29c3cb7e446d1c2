/* SPDX-License-Identifier: Apache-2.0
 *
 * digest.c - SipHash-2-4 (Aumasson and Bernstein, 2012): 64 bits for keys, its 128-bit form for
 * rows.
 */
#include "digest.h"

#include "err.h"
#include "secret.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

static uint64_t rotl(uint64_t v, int n)
{
    return (v << n) | (v >> (64 - n));
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t m)
{
    s->v3 ^= m;
    sip_round(s);
    sip_round(s);
    s->v0 ^= m;
}

static uint64_t load8(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

static uint64_t load_tail(const unsigned char *p, size_t n)
{
    uint64_t m = 0;
    size_t i;

    for (i = 0; i < n; i++)
        m |= (uint64_t)p[i] << (8 * i);
    return m;
}

/* Upper case of eight ASCII bytes at once: bit 7 of a byte of `from_a` says that it is 'a' or
 * above, of `past_z` that it is above 'z'; bytes beyond ASCII stay. */
static uint64_t fold8(uint64_t w)
{
    uint64_t low = w & 0x7f7f7f7f7f7f7f7fu;
    uint64_t from_a = low + 0x1f1f1f1f1f1f1f1fu, past_z = low + 0x0505050505050505u;

    return w ^ ((from_a ^ past_z) & ~w & 0x8080808080808080u) >> 2;
}

static void store8(unsigned char *p, uint64_t v)
{
    int i;

    for (i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static struct sip sip_begin(const struct digest *d)
{
    struct sip s = { d->k0 ^ 0x736f6d6570736575u, d->k1 ^ 0x646f72616e646f6du,
                     d->k0 ^ 0x6c7967656e657261u, d->k1 ^ 0x7465646279746573u };

    return s;
}

static uint64_t sip_end(struct sip *s)
{
    sip_round(s);
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

int64_t digest_key(const struct digest *d, enum digest_kind kind, const char *ptr, size_t len)
{
    const unsigned char *p = (const unsigned char *)ptr;
    int fold = kind != DIGEST_SECRET && kind != DIGEST_IMMUTABLE;
    struct sip s = sip_begin(d);
    uint64_t m, v;
    size_t at = 0;

    sip_word(&s, (uint64_t)kind);
    for (; len - at >= 8; at += 8) {
        m = load8(p + at);
        sip_word(&s, fold ? fold8(m) : m);
    }
    m = load_tail(p + at, len - at);
    sip_word(&s, (fold ? fold8(m) : m) | ((uint64_t)(len & 0xff) << 56));
    s.v2 ^= 0xff;
    v = sip_end(&s) >> 1;
    return v ? (int64_t)v : 1;
}

void digest_init(struct digest *d, const unsigned char key[DIGEST_KEY])
{
    memset(d, 0, sizeof *d);
    d->k0 = load8(key);
    d->k1 = load8(key + 8);
}

void digest_clear(struct digest *d)
{
    mem_free(d->pack);
    secret_wipe(d, sizeof *d);
}

void digest_begin(struct digest *d)
{
    d->len = 0;
    d->failed = 0;
}

static void pack(struct digest *d, const void *ptr, size_t len)
{
    if (d->failed)
        return;
    if (d->cap - d->len < len) {
        size_t cap = d->cap ? d->cap : 1024;
        unsigned char *more;

        while (cap - d->len < len && cap < SIZE_MAX / 4)
            cap *= 2;
        more = cap - d->len < len ? NULL : mem_grow(d->pack, cap, 1);
        if (!more) {
            d->failed = 1;
            return;
        }
        d->pack = more;
        d->cap = cap;
    }
    if (len)
        memcpy(d->pack + d->len, ptr, len);
    d->len += len;
}

void digest_int(struct digest *d, int64_t v)
{
    unsigned char b[8];

    store8(b, (uint64_t)v);
    pack(d, b, sizeof b);
}

/* The length goes first, so that no two rows pack to the same bytes. Absent and empty are one. */
void digest_str(struct digest *d, const easg_str *s)
{
    size_t len = s->ptr ? s->len : 0;
    unsigned char b[4] = { (unsigned char)len, (unsigned char)(len >> 8),
                           (unsigned char)(len >> 16), (unsigned char)(len >> 24) };

    pack(d, b, sizeof b);
    pack(d, s->ptr, len);
}

easg_status digest_end(struct digest *d, enum digest_kind kind, const easg_str *key,
                       unsigned char out[DIGEST_HASH], easg_error *err)
{
    int64_t second = digest_key(d, (enum digest_kind)(DIGEST_SECOND + kind), key->ptr, key->len);
    struct sip s = sip_begin(d);
    size_t at = 0;

    if (d->failed)
        return err_nomem(err);
    s.v1 ^= 0xee;
    for (; d->len - at >= 8; at += 8)
        sip_word(&s, load8(d->pack + at));
    sip_word(&s, load_tail(d->pack + at, d->len - at) | ((uint64_t)(d->len & 0xff) << 56));
    s.v2 ^= 0xee;
    store8(out, sip_end(&s));
    s.v1 ^= 0xdd;
    store8(out + 8, sip_end(&s));
    store8(out + DIGEST_ROW, (uint64_t)second);
    return EASG_OK;
}

easg_status digest_hex(const void *ptr, size_t len, char out[65], easg_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char full[EVP_MAX_MD_SIZE];
    size_t i;

    if (!EVP_Digest(ptr, len, full, NULL, EVP_sha256(), NULL))
        return err_set(err, EASG_E_FAIL, "libcrypto refused to compute SHA-256");
    for (i = 0; i < 32; i++) {
        out[2 * i] = digits[full[i] >> 4];
        out[2 * i + 1] = digits[full[i] & 15];
    }
    out[64] = '\0';
    return EASG_OK;
}

easg_status digest_random(unsigned char *out, size_t len, easg_error *err)
{
    if (len > INT_MAX || RAND_bytes(out, (int)len) != 1)
        return err_set(err, EASG_E_FAIL, "the system gave no random bytes");
    return EASG_OK;
}
