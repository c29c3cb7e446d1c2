/* SPDX-License-Identifier: Apache-2.0
 *
 * query.c - questions of the readers: one prepared SELECT, bound values, a callback a row.
 */
#include "store_db.h"

struct store_row {
    sqlite3_stmt *stmt;
    int count;
};

size_t store_row_count(const struct store_row *row)
{
    return (size_t)row->count;
}

static int has(const struct store_row *row, size_t i)
{
    return i < (size_t)row->count;
}

const char *store_row_name(const struct store_row *row, size_t i)
{
    return has(row, i) ? sqlite3_column_name(row->stmt, (int)i) : NULL;
}

enum store_type store_row_type(const struct store_row *row, size_t i)
{
    if (!has(row, i))
        return STORE_NULL;
    switch (sqlite3_column_type(row->stmt, (int)i)) {
    case SQLITE_NULL: return STORE_NULL;
    case SQLITE_INTEGER: return STORE_INT;
    default: return STORE_TEXT;
    }
}

const char *store_row_text(const struct store_row *row, size_t i)
{
    return has(row, i) ? (const char *)sqlite3_column_text(row->stmt, (int)i) : NULL;
}

int64_t store_row_int(const struct store_row *row, size_t i)
{
    return has(row, i) ? sqlite3_column_int64(row->stmt, (int)i) : 0;
}

static int bind(sqlite3_stmt *stmt, int i, const struct store_arg *arg)
{
    switch (arg->type) {
    case STORE_INT: return sqlite3_bind_int64(stmt, i, arg->num);
    case STORE_TEXT: return sqlite3_bind_text(stmt, i, arg->text, -1, SQLITE_STATIC);
    default: return sqlite3_bind_null(stmt, i);
    }
}

easg_status store_query(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                        easg_status (*row)(void *user, const struct store_row *row,
                                           easg_error *err),
                        void *user, easg_error *err)
{
    sqlite3_stmt *stmt = NULL;
    struct store_row at;
    easg_status st = EASG_OK;
    int rc = SQLITE_OK;
    size_t i;

    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK || !stmt)
        return db_fail(s, "preparing a query", err);
    if (!sqlite3_stmt_readonly(stmt)) {
        sqlite3_finalize(stmt);
        return err_set(err, EASG_E_USAGE, "a query of the state file must only read");
    }
    for (i = 0; i < n && rc == SQLITE_OK; i++)
        rc = bind(stmt, (int)i + 1, &args[i]);
    if (rc != SQLITE_OK)
        st = db_fail(s, "binding a query", err);
    at.stmt = stmt;
    at.count = sqlite3_column_count(stmt);
    while (st == EASG_OK && row && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        st = row(user, &at, err);
    if (st == EASG_OK && row && rc != SQLITE_DONE)
        st = db_fail(s, "reading", err);
    sqlite3_finalize(stmt);
    return st;
}
