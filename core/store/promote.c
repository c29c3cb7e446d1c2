/* SPDX-License-Identifier: Apache-2.0
 *
 * promote.c - an accepted listing becomes the present state: the index tables are pointed to the
 * staged rows. Bodies are already where they belong, so this writes thin rows only, in the order of
 * their keys.
 *
 * A large listing is promoted in several transactions, or the write-ahead log would grow with the
 * number of devices. A mark in meta is set first; every step may be repeated, and opening the file
 * after a crash goes through all of them again.
 */
#include "listing.h"

#include "store_writer.h"

#include <string.h>

/* ---- ledger: what the lists no longer hold is not ours any more ---- */

struct lost {
    int64_t mk, ek, left;
    char mailbox[200], device_id[100];
};

static easg_status audit_lost(struct store *s, const struct lost *l, const char *why,
                              easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(4096);

    strbuf_adds(&b, "{\"device_id\":\"");
    strbuf_add_json(&b, l->device_id, strlen(l->device_id));
    strbuf_addf(&b, "\",\"why\":\"%s\"}", why);
    if (strbuf_status(&b) != EASG_OK)
        return err_nomem(err);
    return store_audit(s, "ledger.gone", l->mailbox, strbuf_str(&b), err);
}

static size_t read_lost(struct store *s, const char *sql, int64_t mk, int64_t version,
                        struct lost *list, size_t max, easg_status *st, easg_error *err)
{
    sqlite3_stmt *stmt = db_bind(s, st, err, sql, version ? "ii" : "i", mk, version);
    size_t n = 0;
    int more = 0;

    while (*st == EASG_OK && n < max && (*st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        struct lost *l = &list[n++];
        easg_str mailbox = db_text(stmt, 2), id = db_text(stmt, 3);
        size_t len = mailbox.len < sizeof l->mailbox ? mailbox.len : sizeof l->mailbox - 1;

        l->mk = mk;
        l->ek = sqlite3_column_int64(stmt, 0);
        l->left = sqlite3_column_int64(stmt, 1);
        memset(l->mailbox, 0, sizeof l->mailbox);
        memset(l->device_id, 0, sizeof l->device_id);
        if (mailbox.ptr)
            memcpy(l->mailbox, mailbox.ptr, len);
        len = id.len < sizeof l->device_id ? id.len : sizeof l->device_id - 1;
        if (id.ptr)
            memcpy(l->device_id, id.ptr, len);
    }
    db_reset(stmt);
    return n;
}

/* Of one mailbox; a statement must not walk what the next one changes, so it goes by batches. */
static easg_status drop_lost(struct store *s, const char *sql, int64_t mk, int64_t version,
                             const char *why, easg_error *err)
{
    enum { BATCH = 16 };
    struct lost list[BATCH];
    easg_status st = EASG_OK;
    size_t n = BATCH, i;

    while (st == EASG_OK && n == BATCH) {
        n = read_lost(s, sql, mk, version, list, BATCH, &st, err);
        for (i = 0; st == EASG_OK && i < n; i++) {
            if (list[i].left)
                st = db_run(s, err, "UPDATE ledger SET lists=?3 WHERE mk=?1 AND ek=?2", "iii",
                            list[i].mk, list[i].ek, list[i].left);
            else
                st = db_run(s, err, "DELETE FROM ledger WHERE mk=?1 AND ek=?2", "ii", list[i].mk,
                            list[i].ek);
            if (st == EASG_OK)
                st = audit_lost(s, &list[i], why, err);
        }
    }
    return st;
}

static easg_status settle_ledger(struct store *s, int64_t mk, int64_t version, easg_error *err)
{
    return drop_lost(s,
                     "SELECT l.ek, l.lists & coalesce(x.lists, 0), l.mailbox, l.device_id"
                     " FROM ledger l LEFT JOIN listed x ON x.mailbox=?2 AND x.ek=l.ek"
                     " WHERE l.mk=?1 AND l.lists & ~coalesce(x.lists, 0)",
                     mk, version, "somebody else took our entry out", err);
}

static easg_status settle_gone(struct store *s, easg_error *err)
{
    easg_status st = EASG_OK;
    int64_t mk = -1;

    while (st == EASG_OK && mk) {
        st = db_get_int(s, 0, &mk, err,
                        "SELECT g.k FROM staged_gone g WHERE g.kind=1"
                        " AND EXISTS(SELECT 1 FROM ledger l WHERE l.mk=g.k) LIMIT 1",
                        "");
        if (st == EASG_OK && mk)
            st = drop_lost(s, "SELECT ek, 0, mailbox, device_id FROM ledger WHERE mk=?1", mk, 0,
                           "the mailbox is gone", err);
    }
    return st;
}

/* ---- the staged rows, chunk by chunk ---- */

/* A large listing commits after each chunk: any of it may be repeated. */
static easg_status each_chunk(struct store *s, int kind, int stepwise,
                              easg_status (*fn)(struct store *s, struct staged_chunk *c,
                                                easg_error *err),
                              easg_error *err)
{
    int64_t blobs;
    struct staged_chunk c;
    easg_status st;

    st = db_get_int(s, 0, &blobs, err, "SELECT count(*) FROM staged WHERE kind=?1", "i",
                    (int64_t)kind);
    if (st != EASG_OK || blobs == 0)
        return st;
    st = staged_open(kind,
                     (size_t)blobs < STAGED_CHUNK / STAGED_PACKED ? (size_t)blobs * STAGED_PACKED
                                                                  : STAGED_CHUNK,
                     &c, err);
    while (st == EASG_OK && (st = staged_next(s, &c, err)) == EASG_OK && c.n) {
        st = fn(s, &c, err);
        if (st == EASG_OK && stepwise) {
            st = db_commit(s, err);
            db_at(s, "promote");
            if (st == EASG_OK)
                st = db_begin(s, 0, err);
        }
    }
    staged_close(&c);
    return st;
}

static easg_status put_replaced(struct store *s, const struct staged_chunk *c, easg_error *err)
{
    struct garbage_range range = { 0, 0 };
    easg_status st = EASG_OK;
    size_t i;

    for (i = 0; st == EASG_OK && i < c->n; i++)
        if (c->rows[i][W_OLD])
            st = garbage_put(s, c->kind, &range, c->rows[i][W_OLD], err);
    return st == EASG_OK ? garbage_put(s, c->kind, &range, 0, err) : st;
}

/* ---- devices and mailboxes ---- */

static easg_status put_mailbox(struct store *s, const int64_t *w, int ledger, easg_error *err)
{
    unsigned char hash[DIGEST_HASH];
    int64_t ref = 0;
    easg_status st = EASG_OK;

    if (ledger)
        st = settle_ledger(s, w[W_K], w[W_ID], err);
    if (st == EASG_OK && w[W_OLD]) {
        st = db_get_int(s, 0, &ref, err, "SELECT rk FROM mailbox_idx WHERE k=?1", "i", w[W_K]);
        if (st == EASG_OK && ref && ref != w[W_REF])
            st = db_run(s, err, "DELETE FROM mailbox_ref WHERE rk=?1 AND mk=?2", "ii", ref, w[W_K]);
    }
    if (st != EASG_OK)
        return st;
    staged_hash(w, hash);
    return db_run(s, err,
                  "INSERT OR REPLACE INTO mailbox_idx(k, hash, id, rk)"
                  " VALUES(?1, ?2, ?3, nullif(?4, 0))",
                  "ibii", w[W_K], hash, (size_t)DIGEST_HASH, w[W_ID], w[W_REF]);
}

static easg_status put_mailboxes(struct store *s, struct staged_chunk *c, easg_error *err)
{
    int64_t ledger;
    easg_status st;
    size_t i;

    st = db_get_int(s, 0, &ledger, err, "SELECT EXISTS(SELECT 1 FROM ledger)", "");
    if (st == EASG_OK)
        st = put_replaced(s, c, err);
    if (st == EASG_OK)
        st = staged_sort(c, W_K, err);
    for (i = 0; st == EASG_OK && i < c->n; i++)
        st = put_mailbox(s, staged_at(c, i), (int)ledger, err);
    if (st == EASG_OK)
        st = staged_sort(c, W_REF, err);
    for (i = 0; st == EASG_OK && i < c->n; i++) {
        const int64_t *w = staged_at(c, i);

        if (w[W_REF])
            st = db_run(s, err, "INSERT OR REPLACE INTO mailbox_ref(rk, mk) VALUES(?1, ?2)", "ii",
                        w[W_REF], w[W_K]);
    }
    return st;
}

#define RESOLVE(rk)                                                                                \
    "coalesce((SELECT k FROM mailbox_idx WHERE k=" rk                                              \
    "), (SELECT mk FROM mailbox_ref WHERE rk=" rk "))"

/* In W_OWNER the mailbox takes the place of its name; 0: none of that name is listed. */
static easg_status resolve_owners(struct store *s, struct staged_chunk *c, easg_error *err)
{
    int64_t rk = 0, mk = 0;
    easg_status st = staged_sort(c, W_OWNER, err);
    size_t i;

    for (i = 0; st == EASG_OK && i < c->n; i++) {
        int64_t *w = staged_at(c, i);

        if (w[W_OWNER] != rk) {
            rk = w[W_OWNER];
            st = db_get_int(s, 0, &mk, err, "SELECT " RESOLVE("?1"), "i", rk);
        }
        w[W_OWNER] = mk;
    }
    return st;
}

/* What kept its mailbox and its id leaves the second index alone. */
static easg_status put_device(struct store *s, const int64_t *w, easg_error *err)
{
    unsigned char hash[DIGEST_HASH];
    easg_status st;

    staged_hash(w, hash);
    if (w[W_OLD]) {
        st = db_run(s, err, "UPDATE device_idx SET hash=?2, id=?3 WHERE k=?1 AND ek=?4 AND mk=?5",
                    "ibiii", w[W_K], hash, (size_t)DIGEST_HASH, w[W_ID], w[W_EK], w[W_OWNER]);
        if (st != EASG_OK || db_changes(s))
            return st;
    }
    return db_run(s, err,
                  "INSERT OR REPLACE INTO device_idx(k, hash, id, ek, mk)"
                  " VALUES(?1, ?2, ?3, ?4, nullif(?5, 0))",
                  "ibiii", w[W_K], hash, (size_t)DIGEST_HASH, w[W_ID], w[W_EK], w[W_OWNER]);
}

static easg_status put_devices(struct store *s, struct staged_chunk *c, easg_error *err)
{
    easg_status st = put_replaced(s, c, err);
    size_t i;

    if (st == EASG_OK)
        st = resolve_owners(s, c, err);
    if (st == EASG_OK)
        st = staged_sort(c, W_K, err);
    for (i = 0; st == EASG_OK && i < c->n; i++)
        st = put_device(s, staged_at(c, i), err);
    return st;
}

/* Many rows that move in the second index: it is built anew from sorted input, ten times cheaper
 * than a random insertion each. A repetition after a crash does not know how many, and takes all.
 */
static easg_status drop_index(struct store *s, int kind, int changed_too, const char *known,
                              const char *drop, easg_error *err)
{
    const struct store_listing *l = s->listing;
    int64_t have, more;
    easg_status st = EASG_OK;

    if (l)
        more = l->kinds[kind].n.fresh + (changed_too ? l->kinds[kind].n.changed : 0);
    else
        st = db_get_int(s, 0, &more, err, "SELECT count(*) * 1000 FROM staged WHERE kind=?1", "i",
                        (int64_t)kind);
    if (st != EASG_OK || more < LISTING_COMMIT_ROWS)
        return st;
    st = db_get_int(s, 0, &have, err, known, "");
    return st == EASG_OK && more > have / 4 ? db_exec(s, drop, err) : st;
}

/* ---- people and managed devices ---- */

struct drop_key {
    struct store *s;
    int64_t pk;
    easg_status st;
    easg_error *err;
};

static void drop_key(void *user, int64_t kd)
{
    struct drop_key *d = user;

    if (d->st == EASG_OK)
        d->st =
            db_run(d->s, d->err, "DELETE FROM person_key WHERE kd=?1 AND pk=?2", "ii", kd, d->pk);
}

static easg_status drop_keys_of(struct store *s, const char *sql, int64_t id, easg_error *err)
{
    struct drop_key d = { s, 0, EASG_OK, err };
    sqlite3_stmt *stmt = db_bind(s, &d.st, err, sql, id ? "i" : "", id);
    int more = 0;

    while (d.st == EASG_OK && (d.st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        easg_str sid = db_text(stmt, 1), immutable = db_text(stmt, 2), smtp = db_text(stmt, 3);

        d.pk = sqlite3_column_int64(stmt, 0);
        if (sid.len)
            drop_key(&d, digest_key(&s->digest, DIGEST_SID, sid.ptr, sid.len));
        if (immutable.len)
            drop_key(&d, digest_key(&s->digest, DIGEST_IMMUTABLE, immutable.ptr, immutable.len));
        listing_each_smtp(s, &smtp, drop_key, &d);
    }
    db_reset(stmt);
    return d.st;
}

static easg_status put_people(struct store *s, struct staged_chunk *c, easg_error *err)
{
    unsigned char hash[DIGEST_HASH];
    easg_status st = put_replaced(s, c, err);
    size_t i;

    for (i = 0; st == EASG_OK && i < c->n; i++)
        if (c->rows[i][W_OLD])
            st = drop_keys_of(s, "SELECT k, sid, immutable_id, smtp FROM person WHERE id=?1",
                              c->rows[i][W_OLD], err);
    if (st == EASG_OK)
        st = staged_sort(c, W_K, err);
    for (i = 0; st == EASG_OK && i < c->n; i++) {
        const int64_t *w = staged_at(c, i);

        staged_hash(w, hash);
        st = db_run(s, err, "INSERT OR REPLACE INTO person_idx(k, hash, id) VALUES(?1, ?2, ?3)",
                    "ibi", w[W_K], hash, (size_t)DIGEST_HASH, w[W_ID]);
    }
    return st;
}

static easg_status put_keys(struct store *s, struct staged_chunk *c, easg_error *err)
{
    easg_status st = staged_sort(c, W_K, err);
    size_t i;

    for (i = 0; st == EASG_OK && i < c->n; i++) {
        const int64_t *w = staged_at(c, i);

        st = db_run(s, err, "INSERT OR REPLACE INTO person_key(kd, pk, id) VALUES(?1, ?2, ?3)",
                    "iii", w[W_K], w[W_PK], w[W_ID]);
    }
    return st;
}

static easg_status put_managed(struct store *s, struct staged_chunk *c, easg_error *err)
{
    unsigned char hash[DIGEST_HASH];
    easg_status st = put_replaced(s, c, err);
    size_t i;

    if (st == EASG_OK)
        st = staged_sort(c, W_K, err);
    for (i = 0; st == EASG_OK && i < c->n; i++) {
        const int64_t *w = staged_at(c, i);

        staged_hash(w, hash);
        st = db_run(s, err,
                    "INSERT OR REPLACE INTO managed_idx(k, hash, id, ek)"
                    " VALUES(?1, ?2, ?3, nullif(?4, 0))",
                    "ibii", w[W_K], hash, (size_t)DIGEST_HASH, w[W_ID], w[W_EK]);
    }
    return st;
}

/* ---- the walk ---- */

static easg_status exchange(struct store *s, int stepwise, easg_error *err)
{
    easg_status st = settle_gone(s, err);

    if (st == EASG_OK)
        st = db_exec(
            s,
            "INSERT INTO garbage(kind, low, high) SELECT kind, id, id FROM staged_gone"
            " WHERE kind IN (0, 1);"
            "DELETE FROM device_idx WHERE k IN (SELECT k FROM staged_gone WHERE kind=0);"
            "UPDATE device_idx SET mk=NULL WHERE mk IN (SELECT k FROM staged_gone WHERE kind=1);"
            "DELETE FROM mailbox_ref WHERE rk IN (SELECT i.rk FROM staged_gone g"
            " JOIN mailbox_idx i ON i.k=g.k WHERE g.kind=1 AND i.rk IS NOT NULL);"
            "DELETE FROM mailbox_idx WHERE k IN (SELECT k FROM staged_gone WHERE kind=1)",
            err);
    if (st == EASG_OK)
        st = each_chunk(s, STORE_MAILBOX, stepwise, put_mailboxes, err);
    if (st == EASG_OK)
        st = drop_index(s, STORE_DEVICE, 0, "SELECT count(*) FROM device_idx",
                        "DROP INDEX IF EXISTS device_mb", err);
    if (st == EASG_OK)
        st = each_chunk(s, STORE_DEVICE, stepwise, put_devices, err);
    if (st == EASG_OK)
        st = db_exec(s,
                     "CREATE INDEX IF NOT EXISTS device_mb ON device_idx(mk, ek);"
                     "UPDATE device_idx SET mk=(SELECT " RESOLVE(
                         "d.rk") " FROM device d WHERE d.id=device_idx.id) WHERE mk IS NULL",
                     err);
    return st;
}

static easg_status facts(struct store *s, int stepwise, easg_error *err)
{
    easg_status st = drop_keys_of(s,
                                  "SELECT p.k, p.sid, p.immutable_id, p.smtp FROM staged_gone g"
                                  " JOIN person p ON p.id=g.id WHERE g.kind=2",
                                  0, err);

    if (st == EASG_OK)
        st = db_exec(s,
                     "INSERT INTO garbage(kind, low, high) SELECT kind, id, id FROM staged_gone"
                     " WHERE kind IN (2, 3);"
                     "DELETE FROM person_idx WHERE k IN (SELECT k FROM staged_gone WHERE kind=2);"
                     "DELETE FROM managed_idx WHERE k IN (SELECT k FROM staged_gone WHERE kind=3)",
                     err);
    if (st == EASG_OK)
        st = each_chunk(s, STORE_PERSON, stepwise, put_people, err);
    if (st == EASG_OK)
        st = each_chunk(s, STAGED_KEY, stepwise, put_keys, err);
    if (st == EASG_OK)
        st = drop_index(s, STORE_MANAGED, 1, "SELECT count(*) FROM managed_idx",
                        "DROP INDEX IF EXISTS managed_ek", err);
    if (st == EASG_OK)
        st = each_chunk(s, STORE_MANAGED, stepwise, put_managed, err);
    if (st == EASG_OK)
        st = db_exec(s,
                     "CREATE INDEX IF NOT EXISTS managed_ek ON managed_idx(ek, id)"
                     " WHERE ek IS NOT NULL",
                     err);
    return st;
}

/* The rows that a repetition would need go last, in one transaction. */
static easg_status walk(struct store *s, enum store_listing_of what, int stepwise, easg_error *err)
{
    easg_status st = db_begin(s, 0, err);

    if (st == EASG_OK)
        st = what == STORE_EXCHANGE ? exchange(s, stepwise, err) : facts(s, stepwise, err);
    if (st == EASG_OK && stepwise) {
        st = db_commit(s, err);
        db_at(s, "promote");
        if (st == EASG_OK)
            st = db_begin(s, 0, err);
    }
    if (st == EASG_OK)
        st = db_exec(s,
                     "DELETE FROM staged; DELETE FROM staged_after; DELETE FROM staged_gone;"
                     "DELETE FROM meta WHERE name='promoting'",
                     err);
    return st;
}

easg_status store_promote(struct store *s, easg_error *err)
{
    struct store_listing *l = s->listing;
    int64_t rows = 0;
    easg_status st = EASG_OK;
    int i;

    xassert(l && l->open == 2);
    for (i = 0; i < STORE_KINDS; i++)
        rows += l->kinds[i].n.fresh + l->kinds[i].n.changed + l->kinds[i].n.gone;
    l->open = 0;
    if (rows > LISTING_BIG_ROWS) {
        st = db_run(s, err, "INSERT OR REPLACE INTO meta(name, value) VALUES('promoting', ?1)", "i",
                    (int64_t)l->what);
        if (st == EASG_OK)
            st = db_commit(s, err);
        db_at(s, "promoting");
    }
    return st == EASG_OK ? walk(s, l->what, rows > LISTING_BIG_ROWS, err) : st;
}

easg_status promote_recover(struct store *s, easg_error *err)
{
    int64_t what, staged;
    easg_status st;

    st = db_get_int(s, -1, &what, err, "SELECT value FROM meta WHERE name='promoting'", "");
    if (st == EASG_OK && what >= 0) {
        LOG_WARNING(s->log, "the last run ended while it took in a listing; finishing that",
                    F_STR("file", s->path));
        st = walk(s, what == STORE_EXCHANGE ? STORE_EXCHANGE : STORE_FACTS, 1, err);
        if (st == EASG_OK)
            st = db_commit(s, err);
    }
    if (st == EASG_OK)
        st = db_get_int(s, 0, &staged, err,
                        "SELECT EXISTS(SELECT 1 FROM staged_after)"
                        " OR EXISTS(SELECT 1 FROM staged_gone)",
                        "");
    if (st == EASG_OK && staged)
        st = garbage_drop_staged(s, err);
    return st == EASG_OK ? store_collect_garbage(s, err) : st;
}
