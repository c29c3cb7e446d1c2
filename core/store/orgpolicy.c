/* SPDX-License-Identifier: Apache-2.0
 *
 * orgpolicy.c - a few dozen items at most: lists of them are copied out whole.
 */
#include "store_orgpolicy.h"

#include "store_db.h"

#include <string.h>

enum { ITEMS_MAX = 20000 };

/* ---- as it was read ---- */

easg_status store_clear_orgpolicy(struct store *s, uint32_t parts, easg_error *err)
{
    return db_run(s, err, "DELETE FROM orgpolicy WHERE (?1 >> part) & 1", "i", (int64_t)parts);
}

easg_status store_put_orgpolicy(struct store *s, uint32_t part, const char *name, const char *value,
                                easg_time now, easg_error *err)
{
    if (!value)
        return db_run(s, err, "DELETE FROM orgpolicy WHERE part=?1 AND name=?2", "is",
                      (int64_t)part, name);
    return db_run(s, err,
                  "INSERT INTO orgpolicy(part, name, value, seen_at) VALUES(?1, ?2, ?3, ?4)"
                  " ON CONFLICT(part, name) DO UPDATE SET value=?3, seen_at=?4",
                  "issi", (int64_t)part, name, value, now);
}

void store_free_orgpolicy(struct store_orgpolicy *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(list[i].name);
        mem_free(list[i].value);
        mem_free(list[i].written);
        mem_free(list[i].before);
    }
    mem_free(list);
}

static easg_status copy(sqlite3_stmt *stmt, int column, char **out, easg_error *err)
{
    easg_str t = db_text(stmt, column);

    *out = NULL;
    if (!t.ptr)
        return EASG_OK;
    *out = mem_dup(t.ptr, t.len);
    return *out ? EASG_OK : err_nomem(err);
}

easg_status store_list_orgpolicy(struct store *s, struct store_orgpolicy **out, size_t *n,
                                 easg_error *err)
{
    struct store_orgpolicy *list = NULL, *grown;
    size_t used = 0;
    sqlite3_stmt *stmt;
    easg_status st;
    int more = 0;

    stmt = db_bind(s, &st, err,
                   "SELECT p.part, p.name, p.value, l.part IS NOT NULL, l.value, l.before"
                   " FROM orgpolicy p LEFT JOIN orgpolicy_ledger l ON l.part=p.part AND"
                   " l.name=p.name UNION ALL SELECT l.part, l.name, NULL, 1, l.value, l.before"
                   " FROM orgpolicy_ledger l WHERE NOT EXISTS(SELECT 1 FROM orgpolicy p WHERE"
                   " p.part=l.part AND p.name=l.name) ORDER BY 1, 2",
                   "");
    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        if (used == ITEMS_MAX) {
            st = err_set(err, EASG_E_LIMIT, "the organisation has more than %d items", ITEMS_MAX);
            break;
        }
        if ((used & (used - 1)) == 0) {
            grown = mem_grow(list, used ? used * 2 : 1, sizeof *list);
            if (!grown) {
                st = err_nomem(err);
                break;
            }
            list = grown;
        }
        memset(&list[used], 0, sizeof *list);
        list[used].part = (uint32_t)sqlite3_column_int64(stmt, 0);
        list[used].ours = sqlite3_column_int(stmt, 3);
        st = copy(stmt, 1, &list[used].name, err);
        if (st == EASG_OK)
            st = copy(stmt, 2, &list[used].value, err);
        if (st == EASG_OK)
            st = copy(stmt, 4, &list[used].written, err);
        if (st == EASG_OK)
            st = copy(stmt, 5, &list[used].before, err);
        used++;
    }
    db_reset(stmt);
    if (st != EASG_OK) {
        store_free_orgpolicy(list, used);
        list = NULL;
        used = 0;
    }
    *out = list;
    *n = used;
    return st;
}

/* ---- changes ---- */

void store_free_orgchanges(struct store_orgchange *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(list[i].name);
        mem_free(list[i].before);
        mem_free(list[i].after);
        mem_free(list[i].reason);
    }
    mem_free(list);
}

/* An open one for the item that wants the same: its id and state; 0 when there is none. */
static easg_status find_same(struct store *s, const struct store_orgchange *c, int64_t *id,
                             int64_t *state, easg_error *err)
{
    static const char sql[] = "SELECT id FROM orgpolicy_change WHERE state<4 AND state<3 AND"
                              " part=?1 AND name=?2 AND before IS ?3 AND after IS ?4"
                              " ORDER BY id DESC LIMIT 1";
    easg_status st =
        db_get_int(s, 0, id, err, sql, "isss", (int64_t)c->part, c->name, c->before, c->after);

    *state = 0;
    return st == EASG_OK && *id
               ? db_get_int(s, 0, state, err, "SELECT state FROM orgpolicy_change WHERE id=?1", "i",
                            *id)
               : st;
}

easg_status store_want_orgchange(struct store *s, const struct store_orgchange *c, int take_held,
                                 easg_time now, easg_error *err)
{
    int64_t id, state;
    easg_status st = find_same(s, c, &id, &state, err);

    if (st != EASG_OK)
        return st;
    if (id)
        return db_run(s, err,
                      "UPDATE orgpolicy_change SET checked=?2, run=iif(?3, ?2, run),"
                      " state=iif(state=2, 2, ?4), reason=?5, needs_word=?6 WHERE id=?1",
                      "isiisi", id, s->run_uuid,
                      (int64_t)(state == STORE_PLANNED || (state == STORE_HELD && take_held)),
                      (int64_t)(c->needs_word ? STORE_HELD : STORE_PLANNED), c->reason,
                      (int64_t)c->needs_word);
    return db_run(s, err,
                  "INSERT INTO orgpolicy_change(run, checked, part, name, before, after, reason,"
                  " needs_word, state, created_at) VALUES(?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                  "sissssiii", s->run_uuid, (int64_t)c->part, c->name, c->before, c->after,
                  c->reason, (int64_t)c->needs_word,
                  (int64_t)(c->needs_word ? STORE_HELD : STORE_PLANNED), now);
}

easg_status store_drop_orgchanges(struct store *s, const char *why, easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE orgpolicy_change SET state=6, finished_at=?1, error=?2"
                  " WHERE state<4 AND state<3 AND checked<>?3",
                  "iss", now, why, s->run_uuid);
}

easg_status store_list_orgchanges(struct store *s, enum store_action_state state, const char *run,
                                  struct store_orgchange **out, size_t *n, easg_error *err)
{
    struct store_orgchange *list = NULL, *grown;
    size_t used = 0;
    sqlite3_stmt *stmt;
    easg_status st;
    int more = 0;

    stmt = db_bind(s, &st, err,
                   "SELECT id, part, name, before, after, reason, needs_word, state FROM"
                   " orgpolicy_change WHERE state<4 AND state=?1 AND (?2 IS NULL OR run=?2)"
                   " ORDER BY id",
                   "is", (int64_t)state, run);
    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        struct store_orgchange *c;

        if ((used & (used - 1)) == 0) {
            grown = mem_grow(list, used ? used * 2 : 1, sizeof *list);
            if (!grown) {
                st = err_nomem(err);
                break;
            }
            list = grown;
        }
        c = &list[used++];
        memset(c, 0, sizeof *c);
        c->id = sqlite3_column_int64(stmt, 0);
        c->part = (uint32_t)sqlite3_column_int64(stmt, 1);
        c->needs_word = sqlite3_column_int(stmt, 6);
        c->state = (enum store_action_state)sqlite3_column_int(stmt, 7);
        st = copy(stmt, 2, &c->name, err);
        if (st == EASG_OK)
            st = copy(stmt, 3, &c->before, err);
        if (st == EASG_OK)
            st = copy(stmt, 4, &c->after, err);
        if (st == EASG_OK)
            st = copy(stmt, 5, &c->reason, err);
    }
    db_reset(stmt);
    if (st != EASG_OK) {
        store_free_orgchanges(list, used);
        list = NULL;
        used = 0;
    }
    *out = list;
    *n = used;
    return st;
}

easg_status store_set_orgchange(struct store *s, int64_t id, enum store_action_state state,
                                const char *error, easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE orgpolicy_change SET state=?2, error=?3,"
                  " started_at=iif(?2=3, ?4, started_at), finished_at=iif(?2>=4, ?4, NULL)"
                  " WHERE id=?1",
                  "iisi", id, (int64_t)state, error, now);
}

easg_status store_count_orgchanges(struct store *s, int64_t *planned, int64_t *held,
                                   easg_error *err)
{
    easg_status st =
        db_get_int(s, 0, planned, err,
                   "SELECT count(*) FROM orgpolicy_change WHERE state<4 AND state IN (0, 2)", "");

    return st == EASG_OK
               ? db_get_int(s, 0, held, err,
                            "SELECT count(*) FROM orgpolicy_change WHERE state<4 AND state=1", "")
               : st;
}

easg_status store_has_orgpolicy(struct store *s, uint32_t *open, uint32_t *ours, easg_error *err)
{
    int64_t n = 0, m = 0;
    easg_status st =
        db_get_int(s, 0, &n, err,
                   "SELECT sum(DISTINCT 1<<part) FROM orgpolicy_change WHERE state<4", "");

    if (st == EASG_OK)
        st = db_get_int(s, 0, &m, err, "SELECT sum(DISTINCT 1<<part) FROM orgpolicy_ledger", "");
    *open = (uint32_t)n;
    *ours = (uint32_t)m;
    return st;
}

/* ---- ledger ---- */

easg_status store_note_orgpolicy(struct store *s, uint32_t part, const char *name,
                                 const char *before, const char *value, easg_time now,
                                 easg_error *err)
{
    easg_status st =
        db_run(s, err,
               "INSERT INTO orgpolicy_ledger(part, name, before, value, written_at, run)"
               " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(part, name) DO UPDATE SET value=?4,"
               " written_at=?5, run=?6",
               "isssis", (int64_t)part, name, before, value, now, s->run_uuid);

    return st == EASG_OK ? db_run(s, err,
                                  "DELETE FROM orgpolicy_ledger WHERE part=?1 AND name=?2 AND"
                                  " before IS value",
                                  "is", (int64_t)part, name)
                         : st;
}

easg_status store_forget_orgpolicy(struct store *s, uint32_t part, const char *name,
                                   easg_error *err)
{
    return db_run(s, err, "DELETE FROM orgpolicy_ledger WHERE part=?1 AND name=?2", "is",
                  (int64_t)part, name);
}
