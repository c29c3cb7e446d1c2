/* SPDX-License-Identifier: Apache-2.0
 *
 * wanted.c - current decisions beside the state of the lists and the ledger: what the plan
 * compares.
 */
#include "store_db.h"
#include "store_decision.h"

#define WANTED_CHUNK 20000
#define WANTED_COLUMNS                                                                             \
    "SELECT c.mk, c.ek, v.action,"                                                                 \
    " coalesce((SELECT lists FROM listed WHERE mailbox=mi.id AND ek=c.ek), 0),"                    \
    " coalesce(l.lists, 0), d.device, d.mailbox, d.user, d.device_id, v.row, v.reason, v.mail,"    \
    " d.member_of FROM current c JOIN decision d ON d.id=c.decision JOIN verdict v ON "            \
    "v.id=d.verdict"                                                                               \
    " JOIN mailbox_idx mi ON mi.k=c.mk LEFT JOIN ledger l ON l.mk=c.mk AND l.ek=c.ek"
#define ORPHAN_COLUMNS                                                                             \
    "SELECT l.mk, l.ek, 3, coalesce((SELECT x.lists FROM listed x JOIN mailbox_idx mi"             \
    " ON mi.id=x.mailbox WHERE mi.k=l.mk AND x.ek=l.ek), 0), l.lists, NULL, l.mailbox,"            \
    " (SELECT m.upn FROM mailbox_idx mi JOIN mailbox m ON m.id=mi.id WHERE mi.k=l.mk),"            \
    " l.device_id, NULL, 'none', NULL, NULL FROM ledger l"                                         \
    " WHERE NOT EXISTS(SELECT 1 FROM device_idx i WHERE i.mk=l.mk AND i.ek=l.ek)"

typedef easg_status (*wanted_fn)(void *user, const struct store_wanted *w, easg_error *err);

static const char *column(sqlite3_stmt *stmt, int i)
{
    return (const char *)sqlite3_column_text(stmt, i);
}

static void read_wanted(sqlite3_stmt *stmt, struct store_wanted *w)
{
    w->mk = sqlite3_column_int64(stmt, 0);
    w->ek = sqlite3_column_int64(stmt, 1);
    w->action = sqlite3_column_int(stmt, 2);
    w->listed = (uint32_t)sqlite3_column_int64(stmt, 3);
    w->ours = (uint32_t)sqlite3_column_int64(stmt, 4);
    w->device = column(stmt, 5);
    w->mailbox = column(stmt, 6);
    w->user = column(stmt, 7);
    w->device_id = column(stmt, 8);
    w->row = column(stmt, 9);
    w->reason = column(stmt, 10);
    w->mail = column(stmt, 11);
    w->member_of = column(stmt, 12);
}

/* One chunk after (mk, ek); `sql_one` asks for one mailbox only. */
static easg_status each(struct store *s, const char *sql_all, const char *sql_one, int64_t only_mk,
                        wanted_fn fn, void *user, easg_error *err)
{
    struct store_wanted w = { INT64_MIN, INT64_MIN, 0,    0,    0,    NULL, NULL,
                              NULL,      NULL,      NULL, NULL, NULL, NULL };
    easg_status st = EASG_OK;
    int64_t rows = WANTED_CHUNK;

    while (st == EASG_OK && rows == WANTED_CHUNK) {
        sqlite3_stmt *stmt;
        int more = 0;

        rows = 0;
        st = db_begin(s, 0, err);
        if (st != EASG_OK)
            break;
        stmt =
            db_bind(s, &st, err, only_mk ? sql_one : sql_all, "ii", only_mk ? only_mk : w.mk, w.ek);
        while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
            read_wanted(stmt, &w);
            rows++;
            st = fn(user, &w, err);
        }
        db_reset(stmt);
        if (st == EASG_OK)
            st = db_commit(s, err);
    }
    return st;
}

easg_status store_each_wanted(struct store *s, int64_t only_mk, wanted_fn fn, void *user,
                              easg_error *err)
{
    return each(s,
                WANTED_COLUMNS " WHERE (c.mk, c.ek) > (?1, ?2) AND v.action>0"
                               " ORDER BY c.mk, c.ek LIMIT 20000",
                WANTED_COLUMNS " WHERE c.mk=?1 AND c.ek>?2 AND v.action>0"
                               " ORDER BY c.ek LIMIT 20000",
                only_mk, fn, user, err);
}

easg_status store_each_orphan(struct store *s, int64_t only_mk, wanted_fn fn, void *user,
                              easg_error *err)
{
    return each(s, ORPHAN_COLUMNS " AND (l.mk, l.ek) > (?1, ?2) ORDER BY l.mk, l.ek LIMIT 20000",
                ORPHAN_COLUMNS " AND l.mk=?1 AND l.ek>?2 ORDER BY l.ek LIMIT 20000", only_mk, fn,
                user, err);
}

easg_status store_get_wanted(struct store *s, int64_t mk, int64_t ek, int *action, uint32_t *listed,
                             uint32_t *ours, easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err, WANTED_COLUMNS " WHERE c.mk=?1 AND c.ek=?2", "ii", mk, ek);
    int more = 0;

    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (!more)
        return err_set(err, EASG_E_NOTFOUND, "there is no decision about this device any more");
    *action = sqlite3_column_int(stmt, 2);
    *listed = (uint32_t)sqlite3_column_int64(stmt, 3);
    *ours = (uint32_t)sqlite3_column_int64(stmt, 4);
    db_reset(stmt);
    return EASG_OK;
}
