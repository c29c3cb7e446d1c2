/* SPDX-License-Identifier: Apache-2.0
 *
 * trust.c - the ledger as a whole: entries that are taken over from another tool, and everything of
 * ours given back. What the lists held before we first wrote an entry stays with it until it goes.
 */
#include "store_trust.h"

#include "store_db.h"

#include <string.h>

#define CHUNK 500
#define BOTH  (EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED)

/* Rows are copied out chunk by chunk: the callback may change the very table that is read. */
struct copy {
    struct store_entry e;
    char *mailbox, *user, *device_id;
};

static void clear(struct copy *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(c[i].mailbox);
        mem_free(c[i].user);
        mem_free(c[i].device_id);
    }
}

static easg_status keep(struct copy *c, sqlite3_stmt *stmt, easg_error *err)
{
    easg_str mailbox = db_text(stmt, 2), user = db_text(stmt, 3), id = db_text(stmt, 4);

    memset(c, 0, sizeof *c);
    c->e.mk = sqlite3_column_int64(stmt, 0);
    c->e.ek = sqlite3_column_int64(stmt, 1);
    c->e.listed = (uint32_t)sqlite3_column_int64(stmt, 5) & BOTH;
    c->e.ours = (uint32_t)sqlite3_column_int64(stmt, 6) & BOTH;
    c->e.before = (uint32_t)sqlite3_column_int64(stmt, 7) & BOTH;
    c->mailbox = mem_dup(mailbox.ptr ? mailbox.ptr : "", mailbox.len);
    c->device_id = mem_dup(id.ptr ? id.ptr : "", id.len);
    c->user = user.ptr ? mem_dup(user.ptr, user.len) : NULL;
    if (!c->mailbox || !c->device_id || (user.ptr && !c->user))
        return err_nomem(err);
    c->e.mailbox = c->mailbox;
    c->e.user = c->user;
    c->e.device_id = c->device_id;
    return EASG_OK;
}

static easg_status each(struct store *s, const char *sql, store_entry_fn fn, void *user,
                        easg_error *err)
{
    struct copy *rows = mem_array(CHUNK, sizeof *rows);
    int64_t mk = INT64_MIN, ek = INT64_MIN;
    easg_status st = rows ? EASG_OK : err_nomem(err);
    size_t n = CHUNK;

    while (st == EASG_OK && n == CHUNK) {
        sqlite3_stmt *stmt = db_bind(s, &st, err, sql, "ii", mk, ek);
        int more = 0;

        n = 0;
        while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more)
            st = keep(&rows[n++], stmt, err);
        db_reset(stmt);
        for (size_t i = 0; st == EASG_OK && i < n; i++)
            st = fn(user, &rows[i].e, err);
        if (n) {
            mk = rows[n - 1].e.mk;
            ek = rows[n - 1].e.ek;
        }
        clear(rows, n);
    }
    mem_free(rows);
    return st;
}

easg_status store_each_ledger(struct store *s, store_entry_fn fn, void *user, easg_error *err)
{
    return each(s,
                "SELECT l.mk, l.ek, l.mailbox, (SELECT m.upn FROM mailbox_idx mi JOIN mailbox m"
                " ON m.id=mi.id WHERE mi.k=l.mk), l.device_id,"
                " coalesce((SELECT x.lists FROM listed x JOIN mailbox_idx mi ON mi.id=x.mailbox"
                " WHERE mi.k=l.mk AND x.ek=l.ek), 0), l.lists, l.before FROM ledger l"
                " WHERE (l.mk, l.ek) > (?1, ?2) ORDER BY l.mk, l.ek LIMIT 500",
                fn, user, err);
}

easg_status store_each_listed(struct store *s, store_entry_fn fn, void *user, easg_error *err)
{
    return each(s,
                "SELECT mi.k, x.ek, m.mailbox_id, m.upn, x.device_id, x.lists,"
                " coalesce(l.lists, 0), coalesce(l.before, 0) FROM mailbox_idx mi"
                " JOIN mailbox m ON m.id=mi.id JOIN listed x ON x.mailbox=m.id"
                " LEFT JOIN ledger l ON l.mk=mi.k AND l.ek=x.ek"
                " WHERE (mi.k, x.ek) > (?1, ?2) ORDER BY mi.k, x.ek LIMIT 500",
                fn, user, err);
}

easg_status store_adopt(struct store *s, const struct store_entry *e, uint32_t lists, easg_time now,
                        easg_error *err)
{
    return db_run(s, err,
                  "INSERT INTO ledger(mk, ek, mailbox, device_id, lists, written_at, run, row,"
                  " reason, before, adopted) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, 'adopted',"
                  " ?5, ?5) ON CONFLICT(mk, ek) DO UPDATE SET lists=lists | ?5,"
                  " before=before | ?5, adopted=adopted | ?5",
                  "iissiti", e->mk, e->ek, e->mailbox, e->device_id, (int64_t)lists, now, s->run);
}

easg_status store_forget_entry(struct store *s, int64_t mk, int64_t ek, easg_error *err)
{
    return db_run(s, err, "DELETE FROM ledger WHERE mk=?1 AND ek=?2", "ii", mk, ek);
}

easg_status store_supersede_all(struct store *s, const char *why, easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE action SET state=6, finished_at=?1, error=?2 WHERE state<4 AND state<3",
                  "ts", now, why);
}

easg_status store_let_action(struct store *s, int64_t id, int go, easg_error *err)
{
    if (go)
        return db_run(s, err, "UPDATE action SET state=0, run=?2 WHERE id=?1 AND state=1", "ii", id,
                      s->run);
    return db_run(s, err, "UPDATE action SET state=1 WHERE id=?1 AND state=0", "i", id);
}

easg_status store_count_ledger(struct store *s, int64_t *out, easg_error *err)
{
    return db_get_int(s, 0, out, err, "SELECT count(*) FROM ledger", "");
}
