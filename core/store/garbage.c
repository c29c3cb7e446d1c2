/* SPDX-License-Identifier: Apache-2.0
 *
 * garbage.c - body rows that nothing points to: those of a listing that was not accepted, and those
 * that an accepted one replaced.
 */
#include "listing.h"

static const struct {
    int64_t kind;
    const char *last, *drop;
} bodies[] = {
    { 0, "SELECT max(id) FROM device", "DELETE FROM device WHERE id BETWEEN ?1 AND ?2" },
    { 1, "SELECT max(mailbox) FROM listed", "DELETE FROM listed WHERE mailbox BETWEEN ?1 AND ?2" },
    { 1, "SELECT max(id) FROM mailbox", "DELETE FROM mailbox WHERE id BETWEEN ?1 AND ?2" },
    { 2, "SELECT max(id) FROM person", "DELETE FROM person WHERE id BETWEEN ?1 AND ?2" },
    { 3, "SELECT max(id) FROM managed", "DELETE FROM managed WHERE id BETWEEN ?1 AND ?2" }
};
enum { BODIES = sizeof bodies / sizeof *bodies };

/* A few transactions, so that the write-ahead log stays bounded. */
static easg_status drop_range(struct store *s, size_t i, int64_t low, int64_t high, easg_error *err)
{
    easg_status st = EASG_OK;

    while (st == EASG_OK && low <= high) {
        int64_t to = high - low < LISTING_COMMIT_ROWS ? high : low + LISTING_COMMIT_ROWS - 1;

        st = db_begin(s, 0, err);
        if (st == EASG_OK)
            st = db_run(s, err, bodies[i].drop, "ii", low, to);
        if (st == EASG_OK && (s->gc_rows += to - low + 1) >= LISTING_COMMIT_ROWS) {
            s->gc_rows = 0;
            st = db_commit(s, err);
        }
        low = to + 1;
    }
    return st;
}

/* ---- a listing that does not count ---- */

/* Staged bodies are the tail of their table, because nothing else appends to it. */
easg_status garbage_drop_staged(struct store *s, easg_error *err)
{
    easg_status st = db_begin(s, 0, err);
    size_t i;

    if (st == EASG_OK)
        st = db_commit(s, err);
    for (i = 0; st == EASG_OK && i < BODIES; i++) {
        int64_t after, last = 0;

        st = db_get_int(s, -1, &after, err, "SELECT id FROM staged_after WHERE kind=?1", "i",
                        bodies[i].kind);
        if (st == EASG_OK && after >= 0)
            st = db_get_int(s, 0, &last, err, bodies[i].last, "");
        if (st == EASG_OK && after >= 0)
            st = drop_range(s, i, after + 1, last, err);
    }
    if (st == EASG_OK)
        st = db_begin(s, 0, err);
    if (st == EASG_OK)
        st = db_exec(s, "DELETE FROM staged; DELETE FROM staged_after; DELETE FROM staged_gone",
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
    return garbage_drop_staged(s, err);
}

/* ---- rows that were replaced ---- */

/* Neighbours go together: a table that changed as a whole is a few ranges. */
easg_status garbage_put(struct store *s, int kind, struct garbage_range *r, int64_t id,
                        easg_error *err)
{
    easg_status st = EASG_OK;

    if (id && r->low && id == r->high + 1) {
        r->high = id;
        return EASG_OK;
    }
    if (r->low)
        st = db_run(s, err, "INSERT INTO garbage(kind, low, high) VALUES(?1, ?2, ?3)", "iii",
                    (int64_t)kind, r->low, r->high);
    r->low = r->high = id;
    return st;
}

easg_status store_collect_garbage(struct store *s, easg_error *err)
{
    int64_t any;
    size_t i;
    easg_status st = db_get_int(s, 0, &any, err, "SELECT EXISTS(SELECT 1 FROM garbage)", "");

    if (st != EASG_OK || !any)
        return st;
    for (i = 0; st == EASG_OK && i < BODIES; i++) {
        sqlite3_stmt *stmt =
            db_bind(s, &st, err, "SELECT low, high FROM garbage WHERE kind=?1 ORDER BY low", "i",
                    bodies[i].kind);
        int more = 0;

        while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more)
            st =
                drop_range(s, i, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1), err);
        db_reset(stmt);
    }
    if (st == EASG_OK)
        st = db_begin(s, 0, err);
    if (st == EASG_OK)
        st = db_exec(s, "DELETE FROM garbage", err);
    return st == EASG_OK ? db_commit(s, err) : st;
}
