/* SPDX-License-Identifier: Apache-2.0
 *
 * people.c - whose mailbox is it? SID, then immutable id, then an address; each has to name exactly
 * one person. Two people under one key are nobody: better unmatched, and reported, than the other
 * one's licence and groups.
 */
#include "listing.h"

#include "base64.h"
#include "store_decision.h"
#include "text.h"

#include <string.h>

enum { PEOPLE_MAX = 4 }; /* two already say "ambiguous" */

struct people {
    struct store *s;
    int64_t pk[PEOPLE_MAX], id[PEOPLE_MAX]; /* key, and row */
    size_t n;
    /* full texts are compared, not digests */
    easg_str want;
    int fold; /* 0 immutable id, to the letter; 1 SID; 2 one of the addresses */
    easg_status st;
    easg_error *err;
};

/* 1: one line of `list` is the address `want`. */
static int has_address(const easg_str *list, const easg_str *want)
{
    size_t at = 0;

    while (list->ptr && at < list->len) {
        const char *end = memchr(list->ptr + at, '\n', list->len - at);
        size_t n = end ? (size_t)(end - list->ptr) - at : list->len - at;
        const char *p = list->ptr + at;

        at += n + 1;
        if (n > 5 && text_ieq(p, 5, "smtp:", 5)) {
            p += 5;
            n -= 5;
        }
        if (text_ieq(p, n, want->ptr, want->len))
            return 1;
    }
    return 0;
}

static int same(const struct people *f, const easg_str *have)
{
    if (f->fold == 2)
        return has_address(have, &f->want);
    if (f->fold == 1)
        return text_ieq(have->ptr, have->len, f->want.ptr, f->want.len);
    return have->len == f->want.len && memcmp(have->ptr, f->want.ptr, have->len) == 0;
}

static void add(struct people *f, int64_t pk, int64_t id)
{
    size_t i;

    for (i = 0; i < f->n; i++)
        if (f->pk[i] == pk)
            return;
    if (f->n == PEOPLE_MAX)
        return;
    f->pk[f->n] = pk;
    f->id[f->n++] = id;
}

static void look(struct people *f, int64_t kd)
{
    sqlite3_stmt *stmt;
    int more = 0;

    if (f->st != EASG_OK)
        return;
    stmt = db_bind(f->s, &f->st, f->err,
                   "SELECT k.pk, p.sid, p.immutable_id, p.smtp, k.id FROM person_key k"
                   " JOIN person p ON p.id=k.id WHERE k.kd=?1"
                   " LIMIT 16",
                   "i", kd);
    while (f->st == EASG_OK && (f->st = db_step(f->s, stmt, &more, f->err)) == EASG_OK && more) {
        easg_str have = db_text(stmt, f->fold == 1 ? 1 : f->fold == 0 ? 2 : 3);

        if (have.ptr && same(f, &have))
            add(f, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 4));
    }
    db_reset(stmt);
}

/* ---- the keys of a mailbox ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The immutable id of a synchronised user is the base64 of its objectGUID as it lies in memory: the
 * first three groups are little-endian. 1, or 0 when `id` is no GUID. */
static int immutable_of(const char *id, struct strbuf *out)
{
    static const unsigned char order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    unsigned char text[16], bytes[16];
    size_t n = 0, i;

    for (i = 0; id[i] && n < 32; i++) {
        int v = hex(id[i]);

        if (v < 0 && (id[i] == '-' || id[i] == '{'))
            continue;
        if (v < 0)
            return 0;
        if (n % 2)
            text[n / 2] = (unsigned char)(text[n / 2] | v);
        else
            text[n / 2] = (unsigned char)(v << 4);
        n++;
    }
    if (n != 32 || (id[i] && strcmp(id + i, "}") != 0))
        return 0;
    for (i = 0; i < 16; i++)
        bytes[i] = text[order[i]];
    return base64_encode(out, bytes, sizeof bytes) == EASG_OK;
}

static void by_sid(struct people *f, const struct store_mailbox *m)
{
    easg_str sid = text_str(m->sid);

    f->want = listing_trim(&sid);
    f->fold = 1;
    if (f->want.len)
        look(f, digest_key(&f->s->digest, DIGEST_SID, f->want.ptr, f->want.len));
}

static void by_immutable(struct people *f, const struct store_mailbox *m)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(64);

    if (!immutable_of(m->mailbox_id, &b))
        return;
    f->want.ptr = b.ptr;
    f->want.len = b.len;
    f->fold = 0;
    look(f, digest_key(&f->s->digest, DIGEST_IMMUTABLE, b.ptr, b.len));
}

static void by_address(struct people *f, const char *list)
{
    easg_str all = text_str(list);
    size_t at = 0;

    f->fold = 2;
    while (all.ptr && at < all.len) {
        const char *end = memchr(all.ptr + at, '\n', all.len - at);
        size_t n = end ? (size_t)(end - all.ptr) - at : all.len - at;
        easg_str one = { all.ptr + at, n };
        int64_t kd = listing_smtp_key(f->s, &one);

        at += n + 1;
        f->want = listing_trim(&one);
        if (f->want.len > 5 && text_ieq(f->want.ptr, 5, "smtp:", 5)) {
            f->want.ptr += 5;
            f->want.len -= 5;
        }
        if (kd)
            look(f, kd);
    }
}

static easg_status load(struct store *s, int64_t pk, int64_t row, struct store_person *out,
                        easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err, "SELECT flags, person_id, member_of FROM person WHERE id=?1", "i",
                row);
    easg_str id, groups;
    int more = 0;

    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK || !more)
        return st;
    out->pk = pk;
    out->flags = (uint32_t)sqlite3_column_int64(stmt, 0);
    id = db_text(stmt, 1);
    text_safe(id.ptr, id.len, out->id, sizeof out->id);
    groups = db_text(stmt, 2);
    text_safe(groups.ptr ? groups.ptr : "", groups.len, out->member_of, sizeof out->member_of);
    db_reset(stmt);
    return EASG_OK;
}

easg_status store_find_person(struct store *s, const struct store_mailbox *m,
                              struct store_person *out, easg_error *err)
{
    struct people f;

    memset(&f, 0, sizeof f);
    memset(out, 0, sizeof *out);
    f.s = s;
    f.err = err;
    out->joined = STORE_JOIN_SID;
    by_sid(&f, m);
    if (f.st == EASG_OK && f.n == 0) {
        out->joined = STORE_JOIN_IMMUTABLE;
        by_immutable(&f, m);
    }
    if (f.st == EASG_OK && f.n == 0) {
        out->joined = STORE_JOIN_SMTP;
        by_address(&f, m->primary_smtp);
        by_address(&f, m->smtp);
    }
    if (f.st != EASG_OK)
        return f.st;
    if (f.n != 1) {
        out->joined = f.n ? STORE_JOIN_AMBIGUOUS : STORE_JOIN_NONE;
        return EASG_OK;
    }
    return load(s, f.pk[0], f.id[0], out, err);
}

easg_status store_get_language(struct store *s, int64_t pk, char out[36], easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err,
                                 "SELECT p.language FROM person_idx i JOIN person p ON p.id=i.id"
                                 " WHERE i.k=?1",
                                 "i", pk);
    easg_str t;
    int more = 0;

    out[0] = '\0';
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK || !more)
        return st;
    t = db_text(stmt, 0);
    if (t.ptr && t.len < 36)
        memcpy(out, t.ptr, t.len + 1);
    db_reset(stmt);
    return EASG_OK;
}
