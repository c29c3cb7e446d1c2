/* SPDX-License-Identifier: Apache-2.0
 *
 * listing.c - begin, compare and end of a listing; the rows themselves are in exchange.c and
 * facts.c, and what happens when it is accepted is in promote.c.
 *
 * What was mentioned is one bit a row in memory: a million devices are 125 KB, and no row is
 * written to say that nothing happened to it.
 */
#include "listing.h"

#include "text.h"

#include <string.h>

static const char *const find_sql[STORE_KINDS] = { "SELECT hash, id FROM device_idx WHERE k=?1",
                                                   "SELECT hash, id FROM mailbox_idx WHERE k=?1",
                                                   "SELECT hash, id FROM person_idx WHERE k=?1",
                                                   "SELECT hash, id FROM managed_idx WHERE k=?1" };
static const char *const any_sql[STORE_KINDS] = { "SELECT EXISTS(SELECT 1 FROM device_idx)",
                                                  "SELECT EXISTS(SELECT 1 FROM mailbox_idx)",
                                                  "SELECT EXISTS(SELECT 1 FROM person_idx)",
                                                  "SELECT EXISTS(SELECT 1 FROM managed_idx)" };
static const char *const max_sql[STORE_KINDS] = { "SELECT max(id) FROM device",
                                                  "SELECT max(id) FROM mailbox",
                                                  "SELECT max(id) FROM person",
                                                  "SELECT max(id) FROM managed" };
static const char *const what_sql[STORE_KINDS] = { "device", "mailbox", "person",
                                                   "managed device" };

void listing_free(struct store_listing *l)
{
    int i;

    for (i = 0; i < STORE_KINDS; i++) {
        mem_free(l->kinds[i].bits);
        l->kinds[i].bits = NULL;
    }
    for (i = 0; i < STAGED_KINDS; i++) {
        mem_free(l->packs[i].rows);
        l->packs[i].rows = NULL;
        l->packs[i].n = 0;
    }
}

void listing_destroy(struct store_listing *l)
{
    if (!l)
        return;
    listing_free(l);
    mem_free(l);
}

static int first_kind(enum store_listing_of what)
{
    return what == STORE_EXCHANGE ? STORE_DEVICE : STORE_PERSON;
}

easg_status store_begin_listing(struct store *s, enum store_listing_of what, easg_time now,
                                easg_error *err)
{
    struct store_listing *l;
    easg_status st;
    int i;

    if (!s->listing && !(s->listing = mem_alloc(sizeof *s->listing)))
        return err_nomem(err);
    l = s->listing;
    xassert(!l->open);
    memset(l, 0, sizeof *l);
    l->what = what;
    l->now = now;
    for (i = first_kind(what); i < first_kind(what) + 2; i++) {
        st = db_get_int(s, 0, &l->kinds[i].max_id, err, max_sql[i], "");
        if (st == EASG_OK)
            st = db_get_int(s, 0, &l->kinds[i].known, err, any_sql[i], "");
        if (st != EASG_OK)
            return st;
        l->kinds[i].bits = mem_alloc((size_t)(l->kinds[i].max_id / 8 + 1));
        if (!l->kinds[i].bits) {
            listing_free(l);
            return err_nomem(err);
        }
    }
    st = db_begin(s, 0, err);
    if (st == EASG_OK)
        l->open = 1;
    else
        listing_free(l);
    return st;
}

static int seen_bit(const struct listing_kind *l, int64_t id)
{
    return id >= 0 && id <= l->max_id && (l->bits[id / 8] >> (id % 8) & 1);
}

static easg_status duplicate(enum store_kind kind, const char *key, size_t len, easg_error *err)
{
    char safe[160];

    return err_set(err, EASG_E_CONFLICT,
                   "the listing names the %s %s twice; nothing of it is used, run again",
                   what_sql[kind], text_safe(key, len, safe, sizeof safe));
}

static easg_status compare_known(struct store *s, enum store_kind kind, sqlite3_stmt *stmt,
                                 const unsigned char hash[DIGEST_HASH], const easg_str *key,
                                 int *fresh, easg_error *err)
{
    struct listing_kind *l = &s->listing->kinds[kind];
    const unsigned char *known = sqlite3_column_blob(stmt, 0);
    int64_t id = sqlite3_column_int64(stmt, 1);
    char safe[160];

    *fresh = 1;
    if (sqlite3_column_bytes(stmt, 0) == DIGEST_HASH) { /* else its hash was made void */
        *fresh = memcmp(known, hash, DIGEST_ROW) != 0;
        if (memcmp(known + DIGEST_ROW, hash + DIGEST_ROW, DIGEST_HASH - DIGEST_ROW) != 0)
            return err_set(err, EASG_E_FAIL,
                           "%s: two keys share one digest (%s); move the state file away and "
                           "adopt our entries after a full sync",
                           s->path, text_safe(key->ptr, key->len, safe, sizeof safe));
    }
    if (seen_bit(l, id))
        return duplicate(kind, key->ptr, key->len, err);
    if (id < 0 || id > l->max_id)
        return err_set(err, EASG_E_FAIL,
                       "%s: the state file is damaged: an index points to a row that is not "
                       "there; restore it from a backup",
                       s->path);
    l->bits[id / 8] |= (unsigned char)(1u << (id % 8));
    l->n.changed += *fresh;
    s->listing->old = id;
    return EASG_OK;
}

easg_status listing_compare(struct store *s, enum store_kind kind, int64_t k,
                            const unsigned char hash[DIGEST_HASH], const easg_str *key, int *fresh,
                            easg_error *err)
{
    struct listing_kind *l = &s->listing->kinds[kind];
    sqlite3_stmt *stmt = NULL;
    easg_status st = EASG_OK;
    int more = 0;

    xassert(s->listing->open == 1 && l->bits);
    s->listing->old = 0;
    if (l->known) {
        stmt = db_bind(s, &st, err, find_sql[kind], "i", k);
        if (st == EASG_OK)
            st = db_step(s, stmt, &more, err);
        if (st != EASG_OK)
            return st;
    }
    if (more) {
        st = compare_known(s, kind, stmt, hash, key, fresh, err);
        db_reset(stmt);
    } else {
        *fresh = 1;
        l->n.fresh++;
    }
    l->n.seen++;
    l->n.sum += (uint64_t)k;
    return st;
}

easg_status listing_wrote(struct store *s, easg_error *err)
{
    easg_status st;

    if (++s->listing->written < LISTING_COMMIT_ROWS)
        return EASG_OK;
    s->listing->written = 0;
    st = staged_flush(s, err);
    if (st == EASG_OK)
        st = db_commit(s, err);
    db_at(s, "stage");
    return st == EASG_OK ? db_begin(s, 0, err) : st;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

struct end_sql {
    const char *name, *all, *gone;
};
static const struct end_sql end_sql[STORE_KINDS] = {
    { "SELECT key FROM device WHERE id=?1", "SELECT k, id FROM device_idx",
      "INSERT INTO staged_gone(kind, k, id) VALUES(0, ?1, ?2)" },
    { "SELECT mailbox_id FROM mailbox WHERE id=?1", "SELECT k, id FROM mailbox_idx",
      "INSERT INTO staged_gone(kind, k, id) VALUES(1, ?1, ?2)" },
    { "SELECT person_id FROM person WHERE id=?1", "SELECT k, id FROM person_idx",
      "INSERT INTO staged_gone(kind, k, id) VALUES(2, ?1, ?2)" },
    { "SELECT managed_id FROM managed WHERE id=?1", "SELECT k, id FROM managed_idx",
      "INSERT INTO staged_gone(kind, k, id) VALUES(3, ?1, ?2)" }
};

/* 1 and the first column in `out` when the query has a row. */
static easg_status first_text(struct store *s, const char *sql, int64_t id, int *found, char *out,
                              size_t size, easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err, sql, "i", id);
    easg_str text;

    *found = 0;
    if (st == EASG_OK)
        st = db_step(s, stmt, found, err);
    if (st != EASG_OK || !*found)
        return st;
    text = db_text(stmt, 0);
    text_safe(text.ptr, text.len, out, size);
    db_reset(stmt);
    return EASG_OK;
}

/* Known rows that come twice show by their bits; new ones are looked for among themselves. */
static easg_status check_staged(struct store *s, enum store_kind kind, easg_error *err)
{
    char key[160];
    int found = 0;
    int64_t id;
    easg_status st = staged_twice(s, (int)kind, W_K, s->listing->kinds[kind].n.fresh, &id, err);

    if (st != EASG_OK || !id)
        return st;
    st = first_text(s, end_sql[kind].name, id, &found, key, sizeof key, err);
    return st == EASG_OK ? duplicate(kind, key, found ? strlen(key) : 0, err) : st;
}

static easg_status find_gone(struct store *s, enum store_kind kind, const char *sql,
                             int64_t mailbox, easg_error *err)
{
    struct listing_kind *l = &s->listing->kinds[kind];
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err, sql, mailbox ? "i" : "", mailbox);
    int more = 0;

    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        int64_t k = sqlite3_column_int64(stmt, 0), id = sqlite3_column_int64(stmt, 1);

        if (seen_bit(l, id))
            continue;
        l->n.gone++;
        st = db_run(s, err, end_sql[kind].gone, "ii", k, id);
    }
    db_reset(stmt);
    return st;
}

/* One name for two mailboxes would give the devices of one to the other. */
static easg_status check_refs(struct store *s, easg_error *err)
{
    const struct store_seen *n = &s->listing->kinds[STORE_MAILBOX].n;
    char ref[160];
    int64_t id;
    easg_status st = staged_twice(s, STORE_MAILBOX, W_REF, n->fresh + n->changed, &id, err);
    int found = 0;

    if (st == EASG_OK && id)
        st = first_text(s, "SELECT ref FROM mailbox WHERE id=?1", id, &found, ref, sizeof ref, err);
    if (st == EASG_OK && found)
        st = err_set(err, EASG_E_CONFLICT,
                     "the listing gives the name %s to two mailboxes; nothing of it is used, run "
                     "again",
                     ref);
    return st;
}

easg_status store_end_listing(struct store *s, enum store_scope scope, const char *mailbox_id,
                              struct store_seen seen[STORE_KINDS], easg_error *err)
{
    struct store_listing *l = s->listing;
    int first = first_kind(l->what);
    easg_status st = EASG_OK;
    int i;

    xassert(l->open == 1);
    st = staged_flush(s, err);
    for (i = first; st == EASG_OK && i < first + 2; i++)
        st = check_staged(s, (enum store_kind)i, err);
    if (st == EASG_OK && l->what == STORE_EXCHANGE)
        st = check_refs(s, err);
    for (i = first; st == EASG_OK && scope == STORE_COMPLETE && i < first + 2; i++)
        st = find_gone(s, (enum store_kind)i, end_sql[i].all, 0, err);
    if (st == EASG_OK && scope == STORE_ONE_MAILBOX)
        st = find_gone(s, STORE_DEVICE, "SELECT k, id FROM device_idx WHERE mk=?1",
                       digest_key(&s->digest, DIGEST_MAILBOX, mailbox_id, strlen(mailbox_id)), err);
    if (st != EASG_OK)
        return st;
    listing_free(l);
    l->open = 2;
    for (i = 0; i < STORE_KINDS; i++)
        seen[i] = l->kinds[i].n;
    return EASG_OK;
}

/* ---- small things
 * --------------------------------------------------------------------------------
 */

easg_str listing_trim(const easg_str *s)
{
    easg_str out = *s;

    if (!out.ptr)
        out.len = 0;
    while (out.len && strchr(" \t\r\n", out.ptr[0])) {
        out.ptr++;
        out.len--;
    }
    while (out.len && strchr(" \t\r\n", out.ptr[out.len - 1]))
        out.len--;
    return out;
}

int64_t listing_eas_key(const struct store *s, const easg_str *id)
{
    easg_str t = listing_trim(id);

    return t.len ? digest_key(&s->digest, DIGEST_EAS, t.ptr, t.len) : 0;
}

int64_t listing_smtp_key(const struct store *s, const easg_str *address)
{
    easg_str t = listing_trim(address);

    if (t.len > 5 && text_ieq(t.ptr, 5, "smtp:", 5)) {
        t.ptr += 5;
        t.len -= 5;
    }
    return t.len ? digest_key(&s->digest, DIGEST_SMTP, t.ptr, t.len) : 0;
}

easg_status listing_join(struct strbuf *out, const easg_str *const *list, size_t n)
{
    size_t i, at;

    for (i = 0; i < n; i++) {
        easg_str t = listing_trim(list[i]);

        if (out->len)
            strbuf_addc(out, '\n');
        at = out->len;
        strbuf_add(out, t.ptr, t.len);
        for (; strbuf_status(out) == EASG_OK && at < out->len; at++)
            if (out->ptr[at] == '\n')
                out->ptr[at] = ' ';
    }
    return strbuf_status(out);
}

void listing_each_smtp(const struct store *s, const easg_str *text,
                       void (*fn)(void *user, int64_t kd), void *user)
{
    size_t at = 0;

    while (text->ptr && at < text->len) {
        const char *end = memchr(text->ptr + at, '\n', text->len - at);
        size_t n = end ? (size_t)(end - text->ptr) - at : text->len - at;
        easg_str one = { text->ptr + at, n };
        int64_t kd = listing_smtp_key(s, &one);

        if (kd)
            fn(user, kd);
        at += n + 1;
    }
}

easg_status store_count(struct store *s, enum store_kind kind, int64_t *out, easg_error *err)
{
    static const char *const sql[STORE_KINDS] = { "SELECT count(*) FROM device_idx",
                                                  "SELECT count(*) FROM mailbox_idx",
                                                  "SELECT count(*) FROM person_idx",
                                                  "SELECT count(*) FROM managed_idx" };

    return db_get_int(s, 0, out, err, sql[kind], "");
}
