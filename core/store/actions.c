/* SPDX-License-Identifier: Apache-2.0
 *
 * actions.c - what is to be done in Exchange: planned or held, then started, then done or failed.
 * An action that is wanted again stays the same row, so that an organisation in audit mode does not
 * grow by its whole plan with every run, and so that approving the run that held it still works.
 */
#include "store_db.h"
#include "store_decision.h"

#include <string.h>

void store_clear_action(struct store_action *a)
{
    mem_free(a->device);
    mem_free(a->mailbox);
    mem_free(a->user);
    mem_free(a->device_id);
    mem_free(a->row);
    mem_free(a->reason);
    mem_free(a->mail);
    memset(a, 0, sizeof *a);
}

void store_free_actions(struct store_action *list, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        store_clear_action(&list[i]);
    mem_free(list);
}

#define ACTION_COLUMNS                                                                             \
    "SELECT id, run, mk, ek, verb, wire, state, access_before, listed_before, device, mailbox,"    \
    " user, device_id, row, reason, mail FROM action"

static void read_numbers(sqlite3_stmt *stmt, struct store_action *a)
{
    memset(a, 0, sizeof *a);
    a->id = sqlite3_column_int64(stmt, 0);
    a->run = sqlite3_column_int64(stmt, 1);
    a->mk = sqlite3_column_int64(stmt, 2);
    a->ek = sqlite3_column_int64(stmt, 3);
    a->verb = (easg_verb)sqlite3_column_int64(stmt, 4);
    a->wire = (easg_verb)sqlite3_column_int64(stmt, 5);
    a->state = (enum store_action_state)sqlite3_column_int(stmt, 6);
    a->access_before = (easg_access)sqlite3_column_int64(stmt, 7);
    a->listed_before = (uint32_t)sqlite3_column_int64(stmt, 8);
}

static easg_status read_action(sqlite3_stmt *stmt, struct store_action *a, easg_error *err)
{
    char **texts[] = { &a->device, &a->mailbox, &a->user, &a->device_id,
                       &a->row,    &a->reason,  &a->mail };
    size_t i;

    read_numbers(stmt, a);
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        easg_str t = db_text(stmt, 9 + (int)i);

        if (t.ptr && !(*texts[i] = mem_dup(t.ptr, t.len)))
            return err_nomem(err);
    }
    return EASG_OK;
}

easg_status store_find_open_action(struct store *s, int64_t mk, int64_t ek,
                                   struct store_action *out, easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err, ACTION_COLUMNS " WHERE mk=?1 AND ek=?2 AND state<4 ORDER BY id DESC",
                "ii", mk, ek);
    int more = 0;

    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (!more)
        return err_set(err, EASG_E_NOTFOUND, "no open action");
    read_numbers(stmt, out);
    db_reset(stmt);
    return EASG_OK;
}

easg_status store_put_action(struct store *s, struct store_action *a, easg_time now,
                             easg_error *err)
{
    easg_status st =
        db_run(s, err,
               "INSERT INTO action(run, checked, mk, ek, device, mailbox, user, device_id, verb,"
               " wire, row, reason, mail, state, access_before, listed_before, created_at)"
               " VALUES(?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
               "iiissssiisssiiii", s->run, a->mk, a->ek, a->device, a->mailbox, a->user,
               a->device_id, (int64_t)a->verb, (int64_t)a->wire, a->row, a->reason, a->mail,
               (int64_t)a->state, (int64_t)a->access_before, (int64_t)a->listed_before, now);

    a->id = sqlite3_last_insert_rowid(s->db);
    a->run = s->run;
    return st;
}

easg_status store_keep_action(struct store *s, const struct store_action *a, int adopt,
                              easg_error *err)
{
    return db_run(s, err,
                  "UPDATE action SET checked=?2, run=iif(?3, ?2, run), state=iif(?3, 0, state),"
                  " row=?4, reason=?5, mail=?6, access_before=?7, listed_before=?8 WHERE id=?1",
                  "iiisssii", a->id, s->run, (int64_t)adopt, a->row, a->reason, a->mail,
                  (int64_t)a->access_before, (int64_t)a->listed_before);
}

easg_status store_set_action(struct store *s, int64_t id, enum store_action_state state,
                             const char *error, easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE action SET state=?2, error=?3,"
                  " started_at=iif(?2=3, ?4, started_at), finished_at=iif(?2>=4, ?4, NULL)"
                  " WHERE id=?1",
                  "iisi", id, (int64_t)state, error, now);
}

easg_status store_supersede_unwanted(struct store *s, int64_t only_mk, easg_time now,
                                     easg_error *err)
{
    return db_run(s, err,
                  "UPDATE action SET state=6, finished_at=?2, error='no longer wanted'"
                  " WHERE state<4 AND state<3 AND checked<>?1 AND (?3=0 OR mk=?3)",
                  "iii", s->run, now, only_mk);
}

easg_status store_count_new_blocks(struct store *s, int64_t *out, easg_error *err)
{
    return db_get_int(s, 0, out, err,
                      "SELECT count(*) FROM action WHERE state<4 AND state<2 AND verb=2"
                      " AND (access_before NOT IN (2, 3) OR listed_before & 1)",
                      "");
}

easg_status store_hold_blocks(struct store *s, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE action SET state=1 WHERE state<4 AND state=0 AND verb=2 AND run=?1", "i",
                  s->run);
}

easg_status store_hold_all(struct store *s, easg_error *err)
{
    return db_run(s, err, "UPDATE action SET state=1 WHERE state<4 AND state=0 AND run=?1", "i",
                  s->run);
}

easg_status store_release_blocks(struct store *s, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE action SET state=0, run=?1 WHERE state<4 AND state=1 AND checked=?1", "i",
                  s->run);
}

easg_status store_count_actions(struct store *s, int64_t *planned, int64_t *held, easg_error *err)
{
    easg_status st =
        db_get_int(s, 0, planned, err,
                   "SELECT count(*) FROM action WHERE state<4 AND state=0 AND run=?1", "i", s->run);

    if (st == EASG_OK)
        st = db_get_int(s, 0, held, err, "SELECT count(*) FROM action WHERE state<4 AND state=1",
                        "");
    return st;
}

/* ---- lists ---- */

struct list {
    struct store_action *items;
    size_t n, cap;
};

static easg_status push(struct list *l, sqlite3_stmt *stmt, easg_error *err)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct store_action *more = mem_grow(l->items, cap, sizeof *more);

        if (!more)
            return err_nomem(err);
        l->items = more;
        l->cap = cap;
    }
    return read_action(stmt, &l->items[l->n++], err);
}

static easg_status finish(struct list *l, easg_status st, struct store_action **out, size_t *n)
{
    if (st != EASG_OK) {
        store_free_actions(l->items, l->n);
        return st;
    }
    *out = l->items;
    *n = l->n;
    return EASG_OK;
}

static easg_status read_list(struct store *s, sqlite3_stmt *stmt, struct list *l, easg_error *err)
{
    easg_status st = EASG_OK;
    int more = 0;

    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more)
        st = push(l, stmt, err);
    db_reset(stmt);
    return st;
}

easg_status store_list_actions(struct store *s, enum store_action_state state, int64_t after,
                               size_t max, struct store_action **out, size_t *n, easg_error *err)
{
    struct list l = { NULL, 0, 0 };
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err,
                ACTION_COLUMNS " WHERE state<4 AND state=?1 AND id>?2 ORDER BY id LIMIT ?3", "iii",
                (int64_t)state, after, (int64_t)max);

    xassert(state < STORE_DONE);
    if (st == EASG_OK)
        st = read_list(s, stmt, &l, err);
    return finish(&l, st, out, n);
}

easg_status store_list_done(struct store *s, easg_time since, int64_t after, size_t max,
                            struct store_action **out, size_t *n, easg_error *err)
{
    struct list l = { NULL, 0, 0 };
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err,
                                 ACTION_COLUMNS " WHERE state=4 AND finished_at>=?1 AND id>?2"
                                                " ORDER BY id LIMIT ?3",
                                 "iii", since, after, (int64_t)max);

    if (st == EASG_OK)
        st = read_list(s, stmt, &l, err);
    return finish(&l, st, out, n);
}

easg_status store_list_held(struct store *s, const char *run_uuid, struct store_action **out,
                            size_t *n, easg_error *err)
{
    struct list l = { NULL, 0, 0 };
    sqlite3_stmt *stmt;
    easg_status st;
    int64_t run;

    st = db_get_int(s, 0, &run, err, "SELECT id FROM run WHERE uuid=?1", "s", run_uuid);
    if (st == EASG_OK && !run)
        st = err_set(err, EASG_E_NOTFOUND, "no run %.40s is known; see easgate status", run_uuid);
    if (st != EASG_OK)
        return st;
    stmt =
        db_bind(s, &st, err, ACTION_COLUMNS " WHERE run=?1 AND state=1 ORDER BY mk, ek", "i", run);
    if (st == EASG_OK)
        st = read_list(s, stmt, &l, err);
    return finish(&l, st, out, n);
}

easg_status store_next_actions(struct store *s, size_t max, struct store_action **out, size_t *n,
                               easg_error *err)
{
    struct list l = { NULL, 0, 0 };
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err,
                                 ACTION_COLUMNS " WHERE state<4 AND wait_until IS NULL AND (state=2"
                                                " OR (state=0 AND run=?1)) ORDER BY mk, ek"
                                                " LIMIT ?2",
                                 "ii", s->run, (int64_t)max + 1);

    if (st == EASG_OK)
        st = read_list(s, stmt, &l, err);
    if (st == EASG_OK && l.n > max) { /* cut at a mailbox's border */
        size_t keep = max;

        while (keep && l.items[keep - 1].mk == l.items[max].mk)
            keep--;
        if (!keep)
            keep = max;
        while (l.n > keep)
            store_clear_action(&l.items[--l.n]);
    }
    return finish(&l, st, out, n);
}
