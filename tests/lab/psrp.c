/* SPDX-License-Identifier: Apache-2.0
 *
 * psrp.c - fragment header 21 bytes big-endian, message header 40 bytes little-endian.
 */
#include "lab_psrp.h"

#include <string.h>

static uint64_t be(const unsigned char *p, int n)
{
    uint64_t v = 0;

    while (n--)
        v = v << 8 | *p++;
    return v;
}

static uint32_t le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void defrag_clear(struct defrag *d)
{
    buf_clear(&d->whole);
    *d = (struct defrag){ 0 };
}

static int broken(const char **why, const char *what)
{
    *why = what;
    return -1;
}

int defrag_feed(struct defrag *d, const unsigned char **p, size_t *n, struct psrp_message *out,
                const char **why)
{
    const unsigned char *h = *p;
    const unsigned char *m;
    uint64_t object;
    uint64_t fragment;
    size_t blob;
    int start;
    int end;

    if (*n < 21)
        return broken(why, "a fragment is shorter than its header");
    object = be(h, 8);
    fragment = be(h + 8, 8);
    start = h[16] & 1;
    end = h[16] & 2;
    blob = (size_t)be(h + 17, 4);
    if (blob > *n - 21)
        return broken(why, "a fragment is longer than its packet");
    if (!object)
        return broken(why, "object id 0");
    if (start != (fragment == 0))
        return broken(why, "the start flag and fragment id 0 do not go together");
    if (start && d->open)
        return broken(why, "a message starts inside another");
    if (!start && (!d->open || object != d->object || fragment != d->next_fragment))
        return broken(why, "a fragment is out of order");
    if (d->whole.n + blob > PSRP_MAX_MESSAGE)
        return broken(why, "a message is larger than 16 MiB");
    if (start) {
        d->whole.n = 0;
        d->object = object;
        d->next_fragment = 0;
    }
    buf_put(&d->whole, h + 21, blob);
    d->next_fragment++;
    d->open = !end;
    *p += 21 + blob;
    *n -= 21 + blob;
    if (!end)
        return 0;
    if (d->whole.n < 40)
        return broken(why, "a message is shorter than its header");
    m = (const unsigned char *)d->whole.p;
    out->destination = le32(m);
    out->type = le32(m + 4);
    memcpy(out->pool, m + 8, 16);
    memcpy(out->pipeline, m + 24, 16);
    out->data = d->whole.p + 40;
    out->n = d->whole.n - 40;
    if (out->destination != 2)
        return broken(why, "a message is not addressed to the server");
    return 1;
}

void psrp_begin(struct buf *b, uint32_t type, const unsigned char pool[16],
                const unsigned char pipeline[16])
{
    unsigned char h[40] = { 1 };

    for (int i = 0; i < 4; i++)
        h[4 + i] = (unsigned char)(type >> 8 * i);
    if (pool)
        memcpy(h + 8, pool, 16);
    if (pipeline)
        memcpy(h + 24, pipeline, 16);
    buf_put(b, h, sizeof h);
    BUF_LIT(b, "\xEF\xBB\xBF");
}

void psrp_fragment(struct buf *b, uint64_t object, uint64_t fragment, int start, int end,
                   const char *blob, size_t n)
{
    unsigned char h[21];

    for (int i = 0; i < 8; i++) {
        h[i] = (unsigned char)(object >> (56 - 8 * i));
        h[8 + i] = (unsigned char)(fragment >> (56 - 8 * i));
    }
    h[16] = (unsigned char)((start ? 1 : 0) | (end ? 2 : 0));
    for (int i = 0; i < 4; i++)
        h[17 + i] = (unsigned char)(n >> (24 - 8 * i));
    buf_put(b, h, sizeof h);
    buf_put(b, blob, n);
}
