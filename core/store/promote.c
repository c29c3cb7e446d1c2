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

struct step {
    easg_status (*fn)(struct store *s, easg_error *err); /* or */
    const char *sql;
};

/* ---- ledger: what the lists no longer hold is not ours any more
 * ----------------------------------
 */

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

static size_t read_lost(struct store *s, const char *sql, struct lost *list, size_t max,
                        easg_status *st, easg_error *err)
{
    sqlite3_stmt *stmt = db_bind(s, st, err, sql, "i", (int64_t)max);
    size_t n = 0;
    int more = 0;

    while (*st == EASG_OK && (*st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        struct lost *l = &list[n++];
        easg_str mailbox = db_text(stmt, 3), id = db_text(stmt, 4);
        size_t len = mailbox.len < sizeof l->mailbox ? mailbox.len : sizeof l->mailbox - 1;

        l->mk = sqlite3_column_int64(stmt, 0);
        l->ek = sqlite3_column_int64(stmt, 1);
        l->left = sqlite3_column_int64(stmt, 2);
        memset(l->mailbox, 0, sizeof l->mailbox);
        memset(l->device_id, 0, sizeof l->device_id);
        if (mailbox.ptr)
            memcpy(l->mailbox, mailbox.ptr, len);
        len = id.len < sizeof l->device_id ? id.len : sizeof l->device_id - 1;
        if (id.ptr)
            memcpy(l->device_id, id.ptr, len);
        if (n == max) {
            db_reset(stmt);
            break;
        }
    }
    return n;
}

static easg_status drop_lost(struct store *s, const char *sql, const char *why, easg_error *err)
{
    enum { BATCH = 64 };
    struct lost *list = mem_array(BATCH, sizeof *list);
    easg_status st = list ? EASG_OK : err_nomem(err);
    size_t n = BATCH, i;

    while (st == EASG_OK && n == BATCH) {
        n = read_lost(s, sql, list, BATCH, &st, err);
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
    mem_free(list);
    return st;
}

static easg_status settle_ledger(struct store *s, easg_error *err)
{
    easg_status st;

    st = drop_lost(s,
                   "SELECT l.mk, l.ek, l.lists & coalesce(x.lists, 0), l.mailbox, l.device_id"
                   " FROM staged_mailbox s JOIN ledger l ON l.mk=s.k"
                   " LEFT JOIN listed x ON x.mailbox=s.id AND x.ek=l.ek"
                   " WHERE l.lists & ~coalesce(x.lists, 0) LIMIT ?1",
                   "somebody else took our entry out", err);
    if (st == EASG_OK)
        st = drop_lost(s,
                       "SELECT l.mk, l.ek, 0, l.mailbox, l.device_id FROM staged_gone g"
                       " JOIN ledger l ON l.mk=g.k WHERE g.kind=1 LIMIT ?1",
                       "the mailbox is gone", err);
    return st;
}

/* ---- devices and mailboxes ----------------------------------------------------------------------
 */

#define RESOLVE(rk)                                                                                \
    "coalesce((SELECT k FROM mailbox_idx WHERE k=" rk                                              \
    "), (SELECT mk FROM mailbox_ref WHERE rk=" rk "))"

/* Many new rows: the second index is built anew from sorted input, ten times cheaper than a random
 * insertion each. */
static easg_status drop_indexes(struct store *s, const char *staged, const char *known,
                                const char *drop, easg_error *err)
{
    int64_t have, more;
    easg_status st;

    st = db_get_int(s, 0, &more, err, staged, "");
    if (st != EASG_OK || more < LISTING_COMMIT_ROWS)
        return st;
    st = db_get_int(s, 0, &have, err, known, "");
    return st == EASG_OK && more > have / 4 ? db_exec(s, drop, err) : st;
}

static easg_status device_index(struct store *s, easg_error *err)
{
    return drop_indexes(s, "SELECT count(*) FROM staged_device", "SELECT count(*) FROM device_idx",
                        "DROP INDEX IF EXISTS device_mb", err);
}

static easg_status managed_index(struct store *s, easg_error *err)
{
    return drop_indexes(s, "SELECT count(*) FROM staged_managed",
                        "SELECT count(*) FROM managed_idx", "DROP INDEX IF EXISTS managed_ek", err);
}

static const struct step exchange_steps[] = {
    { NULL, "INSERT INTO garbage(kind, id) SELECT kind, id FROM staged_gone WHERE kind IN (0, 1)" },
    { NULL, "DELETE FROM device_idx WHERE k IN (SELECT k FROM staged_gone WHERE kind=0)" },
    { NULL, "UPDATE device_idx SET mk=NULL WHERE mk IN (SELECT k FROM staged_gone WHERE kind=1)" },
    { settle_ledger, NULL },
    { NULL, "DELETE FROM mailbox_ref WHERE rk IN (SELECT i.rk FROM staged_gone g"
            " JOIN mailbox_idx i ON i.k=g.k WHERE g.kind=1 AND i.rk IS NOT NULL)" },
    { NULL, "DELETE FROM mailbox_idx WHERE k IN (SELECT k FROM staged_gone WHERE kind=1)" },
    { NULL, "DELETE FROM mailbox_ref WHERE rk IN (SELECT i.rk FROM staged_mailbox s"
            " JOIN mailbox_idx i ON i.k=s.k WHERE i.rk IS NOT NULL)" },
    { NULL, "INSERT INTO garbage(kind, id) SELECT 1, old FROM staged_mailbox"
            " WHERE old IS NOT NULL" },
    { NULL, "INSERT OR REPLACE INTO mailbox_idx(k, hash, id, rk)"
            " SELECT k, hash, id, rk FROM staged_mailbox ORDER BY k" },
    { NULL, "INSERT OR REPLACE INTO mailbox_ref(rk, mk)"
            " SELECT rk, k FROM staged_mailbox WHERE rk IS NOT NULL ORDER BY rk" },
    { device_index, NULL },
    { NULL, "INSERT INTO garbage(kind, id) SELECT 0, old FROM staged_device"
            " WHERE old IS NOT NULL" },
    { NULL,
      "INSERT OR REPLACE INTO device_idx(k, hash, id, ek, mk)"
      " SELECT k, hash, id, ek, " RESOLVE("staged_device.rk") " FROM staged_device ORDER BY k" },
    { NULL, "CREATE INDEX IF NOT EXISTS device_mb ON device_idx(mk, ek, id)" },
    { NULL, "UPDATE device_idx SET mk=(SELECT " RESOLVE(
                "d.rk") " FROM device d"
                        " WHERE d.id=device_idx.id) WHERE mk IS NULL" },
    { NULL, "DELETE FROM staged_device" },
    { NULL, "DELETE FROM staged_mailbox" },
    { NULL, "DELETE FROM staged_gone" },
    { NULL, "DELETE FROM meta WHERE name='promoting'" }
};

/* ---- people and managed devices
 * --------------------------------------------------------------------
 */

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

static easg_status drop_keys_of(struct store *s, const char *sql, easg_error *err)
{
    struct drop_key d = { s, 0, EASG_OK, err };
    sqlite3_stmt *stmt = db_bind(s, &d.st, err, sql, "");
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

static easg_status drop_people_keys(struct store *s, easg_error *err)
{
    easg_status st;

    st = drop_keys_of(s,
                      "SELECT p.k, p.sid, p.immutable_id, p.smtp FROM staged_gone g"
                      " JOIN person p ON p.id=g.id WHERE g.kind=2",
                      err);
    if (st == EASG_OK)
        st = drop_keys_of(s,
                          "SELECT p.k, p.sid, p.immutable_id, p.smtp FROM staged_person s"
                          " JOIN person p ON p.id=s.old",
                          err);
    return st;
}

static const struct step facts_steps[] = {
    { drop_people_keys, NULL },
    { NULL, "INSERT INTO garbage(kind, id) SELECT kind, id FROM staged_gone WHERE kind IN (2, 3)" },
    { NULL, "DELETE FROM person_idx WHERE k IN (SELECT k FROM staged_gone WHERE kind=2)" },
    { NULL, "DELETE FROM managed_idx WHERE k IN (SELECT k FROM staged_gone WHERE kind=3)" },
    { NULL, "INSERT INTO garbage(kind, id) SELECT 2, old FROM staged_person"
            " WHERE old IS NOT NULL" },
    { NULL, "INSERT OR REPLACE INTO person_idx(k, hash, id)"
            " SELECT k, hash, id FROM staged_person ORDER BY k" },
    { NULL, "INSERT OR REPLACE INTO person_key(kd, pk, id) SELECT kd, pk, id FROM staged_key"
            " ORDER BY kd, pk" },
    { managed_index, NULL },
    { NULL, "INSERT INTO garbage(kind, id) SELECT 3, old FROM staged_managed"
            " WHERE old IS NOT NULL" },
    { NULL, "INSERT OR REPLACE INTO managed_idx(k, hash, id, ek)"
            " SELECT k, hash, id, ek FROM staged_managed ORDER BY k" },
    { NULL, "CREATE INDEX IF NOT EXISTS managed_ek ON managed_idx(ek, id) WHERE ek IS NOT NULL" },
    { NULL, "DELETE FROM staged_person" },
    { NULL, "DELETE FROM staged_key" },
    { NULL, "DELETE FROM staged_managed" },
    { NULL, "DELETE FROM staged_gone" },
    { NULL, "DELETE FROM meta WHERE name='promoting'" }
};

/* ---- the walk
 * --------------------------------------------------------------------------------------
 */

static easg_status walk(struct store *s, enum store_listing_of what, int stepwise, easg_error *err)
{
    const struct step *steps = what == STORE_EXCHANGE ? exchange_steps : facts_steps;
    size_t n = what == STORE_EXCHANGE ? sizeof exchange_steps / sizeof *exchange_steps
                                      : sizeof facts_steps / sizeof *facts_steps;
    easg_status st = db_begin(s, 0, err);
    size_t i;

    for (i = 0; st == EASG_OK && i < n; i++) {
        st = steps[i].fn ? steps[i].fn(s, err) : db_exec(s, steps[i].sql, err);
        if (st != EASG_OK || !stepwise)
            continue;
        /* the rows that are deleted last are what a repetition would need: one transaction */
        if (steps[i].sql && strncmp(steps[i].sql, "DELETE FROM staged_", 19) == 0)
            continue;
        st = db_commit(s, err);
        db_at(s, "promote");
        if (st == EASG_OK)
            st = db_begin(s, 0, err);
    }
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

/* ---- throwing away
 * ---------------------------------------------------------------------------------
 */

static const struct {
    const char *low, *high, *drop;
} drops[] = { { "SELECT min(id) FROM staged_device", "SELECT max(id) FROM device",
                "DELETE FROM device WHERE id>=?1 AND id<?2" },
              { "SELECT min(id) FROM staged_mailbox", "SELECT max(mailbox) FROM listed",
                "DELETE FROM listed WHERE mailbox>=?1 AND mailbox<?2" },
              { "SELECT min(id) FROM staged_mailbox", "SELECT max(id) FROM mailbox",
                "DELETE FROM mailbox WHERE id>=?1 AND id<?2" },
              { "SELECT min(id) FROM staged_person", "SELECT max(id) FROM person",
                "DELETE FROM person WHERE id>=?1 AND id<?2" },
              { "SELECT min(id) FROM staged_managed", "SELECT max(id) FROM managed",
                "DELETE FROM managed WHERE id>=?1 AND id<?2" } };

/* Staged bodies are the tail of their table, because nothing else appends to it. */
static easg_status drop_tail(struct store *s, size_t i, easg_error *err)
{
    int64_t low, high;
    easg_status st = db_get_int(s, 0, &low, err, drops[i].low, "");

    if (st == EASG_OK)
        st = db_get_int(s, 0, &high, err, drops[i].high, "");
    for (; st == EASG_OK && low > 0 && low <= high; low += LISTING_COMMIT_ROWS) {
        st = db_begin(s, 0, err);
        if (st == EASG_OK)
            st = db_run(s, err, drops[i].drop, "ii", low, low + LISTING_COMMIT_ROWS);
        if (st == EASG_OK)
            st = db_commit(s, err);
    }
    return st;
}

static easg_status drop_staged(struct store *s, easg_error *err)
{
    easg_status st = db_begin(s, 0, err);
    size_t i;

    if (st == EASG_OK)
        st = db_commit(s, err);
    for (i = 0; st == EASG_OK && i < sizeof drops / sizeof *drops; i++)
        st = drop_tail(s, i, err);
    if (st == EASG_OK)
        st = db_begin(s, 0, err);
    if (st == EASG_OK)
        st = db_exec(s,
                     "DELETE FROM staged_device; DELETE FROM staged_mailbox;"
                     "DELETE FROM staged_person; DELETE FROM staged_managed;"
                     "DELETE FROM staged_key; DELETE FROM staged_gone",
                     err);
    return st == EASG_OK ? db_commit(s, err) : st;
}

easg_status store_drop_listing(struct store *s, easg_error *err)
{
    struct store_listing *l = s->listing;

    if (!l || !l->open)
        return EASG_OK;
    l->open = 0;
    listing_free(l);
    return drop_staged(s, err);
}

/* Rows that nothing points to. */

static const struct {
    const char *next, *drop;
} garbage[] = { { "SELECT id FROM garbage WHERE kind=0 ORDER BY id",
                  "DELETE FROM device WHERE id BETWEEN ?1 AND ?2" },
                { "SELECT id FROM garbage WHERE kind=1 ORDER BY id",
                  "DELETE FROM listed WHERE mailbox BETWEEN ?1 AND ?2" },
                { "SELECT id FROM garbage WHERE kind=1 ORDER BY id",
                  "DELETE FROM mailbox WHERE id BETWEEN ?1 AND ?2" },
                { "SELECT id FROM garbage WHERE kind=2 ORDER BY id",
                  "DELETE FROM person WHERE id BETWEEN ?1 AND ?2" },
                { "SELECT id FROM garbage WHERE kind=3 ORDER BY id",
                  "DELETE FROM managed WHERE id BETWEEN ?1 AND ?2" } };

/* Neighbours go together: a table that changed as a whole is a few ranges. */
static easg_status drop_ranges(struct store *s, size_t i, easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err, garbage[i].next, "");
    int64_t from = 0, to = -1, id;
    int more = 1;

    while (st == EASG_OK && more) {
        st = db_step(s, stmt, &more, err);
        if (st != EASG_OK)
            break;
        id = more ? sqlite3_column_int64(stmt, 0) : -1;
        if (more && (id == to || id == to + 1) && id - from < LISTING_COMMIT_ROWS) {
            to = id;
            continue;
        }
        if (to >= from) {
            st = db_begin(s, 0, err);
            if (st == EASG_OK)
                st = db_run(s, err, garbage[i].drop, "ii", from, to);
            if (st == EASG_OK && (s->gc_rows += to - from + 1) >= LISTING_COMMIT_ROWS) {
                s->gc_rows = 0;
                st = db_commit(s, err);
            }
        }
        from = to = id;
    }
    db_reset(stmt);
    return st;
}

easg_status store_collect_garbage(struct store *s, easg_error *err)
{
    int64_t any;
    size_t i;
    easg_status st = db_get_int(s, 0, &any, err, "SELECT EXISTS(SELECT 1 FROM garbage)", "");

    if (st != EASG_OK || !any)
        return st;
    for (i = 0; st == EASG_OK && i < sizeof garbage / sizeof *garbage; i++)
        st = drop_ranges(s, i, err);
    if (st == EASG_OK)
        st = db_begin(s, 0, err);
    if (st == EASG_OK)
        st = db_exec(s, "DELETE FROM garbage", err);
    return st == EASG_OK ? db_commit(s, err) : st;
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
                        "SELECT EXISTS(SELECT 1 FROM staged_device)"
                        " OR EXISTS(SELECT 1 FROM staged_mailbox)"
                        " OR EXISTS(SELECT 1 FROM staged_person)"
                        " OR EXISTS(SELECT 1 FROM staged_managed)"
                        " OR EXISTS(SELECT 1 FROM staged_gone)",
                        "");
    if (st == EASG_OK && staged)
        st = drop_staged(s, err);
    return st == EASG_OK ? store_collect_garbage(s, err) : st;
}
