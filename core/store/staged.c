/* SPDX-License-Identifier: Apache-2.0
 *
 * staged.c - staged rows of the index tables: written in the order of the listing, a thousand to a
 * row of `staged`, and read back in chunks that are sorted in memory. A chunk is the ceiling of
 * what a promotion holds, whatever the number of devices.
 */
#include "listing.h"

#include <string.h>

static const unsigned char words_of[STAGED_KINDS] = { 8, 7, 6, 7, 3 };

static easg_status flush(struct store *s, int kind, easg_error *err)
{
    struct listing_pack *p = &s->listing->packs[kind];
    size_t len = p->n * words_of[kind] * sizeof(int64_t);

    if (p->n == 0)
        return EASG_OK;
    p->n = 0;
    return db_run(s, err, "INSERT INTO staged(kind, rows) VALUES(?1, ?2)", "ib", (int64_t)kind,
                  p->rows, len);
}

easg_status staged_flush(struct store *s, easg_error *err)
{
    easg_status st = EASG_OK;
    int i;

    for (i = 0; st == EASG_OK && i < STAGED_KINDS; i++)
        st = flush(s, i, err);
    return st;
}

static void put_le(unsigned char *to, int64_t v)
{
    uint64_t u = (uint64_t)v;
    int i;

    for (i = 0; i < 8; i++)
        to[i] = (unsigned char)(u >> (8 * i));
}

static int64_t get_le(const unsigned char *from)
{
    uint64_t u = 0;
    int i;

    for (i = 0; i < 8; i++)
        u |= (uint64_t)from[i] << (8 * i);
    return (int64_t)u;
}

/* Bodies above the mark are thrown away with a listing that is not accepted. */
static easg_status mark(struct store *s, int kind, easg_error *err)
{
    struct listing_pack *p = &s->listing->packs[kind];
    easg_status st = EASG_OK;

    p->rows = mem_array(STAGED_PACKED, words_of[kind] * sizeof(int64_t));
    if (!p->rows)
        return err_nomem(err);
    if (kind < STORE_KINDS)
        st = db_run(s, err, "INSERT INTO staged_after(kind, id) VALUES(?1, ?2)", "ii",
                    (int64_t)kind, s->listing->kinds[kind].max_id);
    return st;
}

easg_status staged_put(struct store *s, int kind, const int64_t *w, easg_error *err)
{
    struct listing_pack *p = &s->listing->packs[kind];
    easg_status st = EASG_OK;
    unsigned char *to;
    size_t i;

    if (!p->rows)
        st = mark(s, kind, err);
    if (st == EASG_OK && p->n == STAGED_PACKED)
        st = flush(s, kind, err);
    if (st != EASG_OK)
        return st;
    to = p->rows + p->n++ * words_of[kind] * sizeof(int64_t);
    for (i = 0; i < words_of[kind]; i++)
        put_le(to + 8 * i, w[i]);
    return EASG_OK;
}

void staged_row(int64_t w[W_MAX], int64_t k, int64_t id, const unsigned char hash[DIGEST_HASH],
                int64_t old)
{
    size_t i;

    w[W_K] = k;
    w[W_ID] = id;
    for (i = 0; i < DIGEST_HASH / 8; i++)
        w[W_HASH + i] = get_le(hash + 8 * i);
    w[W_OLD] = old;
}

void staged_hash(const int64_t w[W_MAX], unsigned char hash[DIGEST_HASH])
{
    size_t i;

    for (i = 0; i < DIGEST_HASH / 8; i++)
        put_le(hash + 8 * i, w[W_HASH + i]);
}

/* ---- reading back ---- */

easg_status staged_open(int kind, size_t max, struct staged_chunk *c, easg_error *err)
{
    memset(c, 0, sizeof *c);
    c->kind = kind;
    c->max = max;
    c->rows = mem_array(max, W_MAX * sizeof(int64_t));
    c->order = mem_array(max, sizeof *c->order);
    if (c->rows && c->order)
        return EASG_OK;
    staged_close(c);
    return err_nomem(err);
}

void staged_close(struct staged_chunk *c)
{
    mem_free(c->rows);
    mem_free(c->order);
    mem_free(c->room);
    memset(c, 0, sizeof *c);
}

/* A full blob of rows has to fit, so the chunk may end a little before its ceiling. */
easg_status staged_next(struct store *s, struct staged_chunk *c, easg_error *err)
{
    const size_t words = words_of[c->kind], size = words * sizeof(int64_t);
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err, "SELECT id, rows FROM staged WHERE kind=?1 AND id>?2 ORDER BY id",
                "ii", (int64_t)c->kind, c->after);
    int more = 0;

    c->n = 0;
    while (st == EASG_OK && c->max - c->n >= STAGED_PACKED &&
           (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        const unsigned char *rows = sqlite3_column_blob(stmt, 1);
        size_t n = (size_t)sqlite3_column_bytes(stmt, 1) / size, i, k;

        c->after = sqlite3_column_int64(stmt, 0);
        for (i = 0; i < n && i < STAGED_PACKED; i++, c->n++)
            for (k = 0; k < words; k++)
                c->rows[c->n][k] = get_le(rows + i * size + 8 * k);
    }
    db_reset(stmt);
    return st;
}

/* Keys are spread evenly over 63 bits: after one pass over their first bits hardly anything is out
 * of place. What is equal keeps its order. */
static easg_status sort(struct staged_order *all, size_t n, struct staged_order **room, size_t *cap,
                        easg_error *err)
{
    enum { BITS = 14 };
    uint32_t *at;
    size_t i;

    if (*cap < n) {
        struct staged_order *more = mem_grow(*room, n, sizeof *more);

        if (!more)
            return err_nomem(err);
        *room = more;
        *cap = n;
    }
    at = mem_array(((size_t)1 << BITS) + 1, sizeof *at);
    if (!at)
        return err_nomem(err);
    for (i = 0; i < n; i++)
        at[((uint64_t)all[i].key >> (63 - BITS)) + 1]++;
    for (i = 1; i <= (size_t)1 << BITS; i++)
        at[i] += at[i - 1];
    for (i = 0; i < n; i++)
        (*room)[at[(uint64_t)all[i].key >> (63 - BITS)]++] = all[i];
    mem_free(at);
    for (i = 0; i < n; i++) {
        struct staged_order x = (*room)[i];
        size_t k = i;

        for (; k && all[k - 1].key > x.key; k--)
            all[k] = all[k - 1];
        all[k] = x;
    }
    return EASG_OK;
}

easg_status staged_sort(struct staged_chunk *c, int word, easg_error *err)
{
    size_t i;

    for (i = 0; i < c->n; i++) {
        c->order[i].key = c->rows[i][word];
        c->order[i].value = (int64_t)i;
    }
    return sort(c->order, c->n, &c->room, &c->cap, err);
}

int64_t *staged_at(const struct staged_chunk *c, size_t i)
{
    return c->rows[c->order[i].value];
}

/* ---- what came twice ---- */

/* One share of the keys, of rows that replace nothing or of all. */
static easg_status collect(struct store *s, struct staged_chunk *c, int word, uint64_t share,
                           uint64_t shares, struct staged_order **keys, size_t *cap, size_t *have,
                           easg_error *err)
{
    easg_status st;
    size_t i;

    *have = 0;
    c->after = 0;
    while ((st = staged_next(s, c, err)) == EASG_OK && c->n) {
        for (i = 0; i < c->n; i++) {
            int64_t key = c->rows[i][word];

            if (!key || ((uint64_t)key >> 31) * shares >> 32 != share ||
                (word == W_K && c->rows[i][W_OLD]))
                continue;
            if (*have == *cap) {
                size_t more = *cap ? 2 * *cap : 4096;
                struct staged_order *grown = mem_grow(*keys, more, sizeof *grown);

                if (!grown)
                    return err_nomem(err);
                *keys = grown;
                *cap = more;
            }
            (*keys)[*have].key = key;
            (*keys)[(*have)++].value = c->rows[i][W_ID];
        }
    }
    return st;
}

/* Keys are spread evenly over 63 bits: many of them are looked through by shares of that space. */
easg_status staged_twice(struct store *s, int kind, int word, int64_t n, int64_t *id,
                         easg_error *err)
{
    uint64_t shares = (uint64_t)n / STAGED_CHUNK + 1;
    struct staged_order *keys = NULL;
    struct staged_chunk c;
    size_t cap = 0, have = 0, i;
    uint64_t share;
    easg_status st = staged_open(kind, STAGED_PACKED, &c, err);

    *id = 0;
    if (n < 2)
        shares = 0;
    for (share = 0; st == EASG_OK && share < shares && !*id; share++) {
        st = collect(s, &c, word, share, shares, &keys, &cap, &have, err);
        if (st == EASG_OK)
            st = sort(keys, have, &c.room, &c.cap, err);
        for (i = 1; st == EASG_OK && i < have; i++)
            if (keys[i].key == keys[i - 1].key)
                *id = keys[i].value; /* the later one */
    }
    mem_free(keys);
    staged_close(&c);
    return st;
}
