/* SPDX-License-Identifier: Apache-2.0
 *
 * db.c - the handle, statements and transactions, and what SQLite's refusals mean.
 */
#include "store_db.h"

#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define UNTOUCHED "; nothing was sent to Exchange"

easg_status db_fail(struct store *s, const char *doing, easg_error *err)
{
    int code = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;
    int64_t native = s->db ? sqlite3_extended_errcode(s->db) : 0;
    const char *text = s->db ? sqlite3_errmsg(s->db) : "out of memory";
    easg_status st = EASG_E_FAIL;
    char why[200];

    text_safe(text, strlen(text), why, sizeof why);
    switch (code) {
    case SQLITE_NOMEM: return err_nomem(err);
    case SQLITE_FULL:
        return err_native(err, st, EASG_DOMAIN_NONE, native,
                          "%s: the disk is full (%s); make room and run again" UNTOUCHED, s->path,
                          doing);
    case SQLITE_READONLY:
        return err_native(err, st, EASG_DOMAIN_NONE, native,
                          "%s: the file or its file system is read-only (%s); mount it writable or "
                          "mend its owner and mode" UNTOUCHED,
                          s->path, doing);
    case SQLITE_CORRUPT:
        return err_native(err, st, EASG_DOMAIN_NONE, native,
                          "%s: the state file is damaged (%s: %s); restore it from a backup, or "
                          "move it away and adopt our entries after a full sync" UNTOUCHED,
                          s->path, doing, why);
    case SQLITE_NOTADB:
        return err_native(err, st, EASG_DOMAIN_NONE, native,
                          "%s: not a state file of easgate; move it away" UNTOUCHED, s->path);
    case SQLITE_IOERR:
        return err_native(err, st, EASG_DOMAIN_NONE, native,
                          "%s: the disk failed (%s: %s); look at the system's log" UNTOUCHED,
                          s->path, doing, why);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_native(err, EASG_E_UNAVAILABLE, EASG_DOMAIN_NONE, native,
                          "%s: another program holds the state file (%s); close it and run again",
                          s->path, doing);
    case SQLITE_CANTOPEN:
        return err_native(err, st, EASG_DOMAIN_NONE, native,
                          "%s: cannot be opened (%s); see owner and mode of it and its directory",
                          s->path, doing);
    default:
        return err_native(err, st, EASG_DOMAIN_NONE, native, "%s: %s: %s", s->path, doing, why);
    }
}

easg_status db_exec(struct store *s, const char *sql, easg_error *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(s, "writing", err);
    return EASG_OK;
}

/* The caches are keyed by the literal's address: equal texts in two files only cost a slot. */
static struct db_statement *slot(struct store *s, const char *sql)
{
    size_t at = ((size_t)(uintptr_t)sql >> 3) * 0x9e3779b1u % DB_STATEMENTS;
    size_t i;

    for (i = 0; i < DB_STATEMENTS; i++) {
        struct db_statement *e = &s->statements[(at + i) % DB_STATEMENTS];

        if (!e->sql || e->sql == sql)
            return e;
    }
    xassert(0 && "more statements than DB_STATEMENTS");
    return NULL;
}

static int bind_str(sqlite3_stmt *stmt, int i, const easg_str *v, int keep_empty)
{
    if (!v->ptr || v->len == 0)
        return keep_empty ? sqlite3_bind_text(stmt, i, "", 0, SQLITE_STATIC)
                          : sqlite3_bind_null(stmt, i);
    return sqlite3_bind_text64(stmt, i, v->ptr, v->len, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_one(sqlite3_stmt *stmt, int i, char type, va_list *args)
{
    switch (type) {
    case 'i': return sqlite3_bind_int64(stmt, i, va_arg(*args, int64_t));
    case 't': {
        easg_time t = va_arg(*args, easg_time);

        return t == EASG_TIME_NONE ? sqlite3_bind_null(stmt, i) : sqlite3_bind_int64(stmt, i, t);
    }
    case 's': {
        const char *text = va_arg(*args, const char *);

        return sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
    }
    case 'S': return bind_str(stmt, i, va_arg(*args, const easg_str *), 0);
    case 'T': return bind_str(stmt, i, va_arg(*args, const easg_str *), 1);
    case 'b': {
        const void *ptr = va_arg(*args, const void *);
        size_t len = va_arg(*args, size_t);

        return sqlite3_bind_blob64(stmt, i, ptr, len, SQLITE_STATIC);
    }
    case 'n': return sqlite3_bind_null(stmt, i);
    default: xassert(0 && "unknown type of a parameter"); return SQLITE_MISUSE;
    }
}

static sqlite3_stmt *bind_list(struct store *s, easg_status *st, easg_error *err, const char *sql,
                               const char *types, va_list *args)
{
    struct db_statement *e = slot(s, sql);
    int i;

    if (!e->stmt) {
        if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &e->stmt, NULL) !=
            SQLITE_OK) {
            *st = db_fail(s, sql, err);
            return NULL;
        }
        e->sql = sql;
    }
    xassert(!sqlite3_stmt_busy(e->stmt));
    for (i = 0; types[i]; i++)
        if (bind_one(e->stmt, i + 1, types[i], args) != SQLITE_OK) {
            *st = db_fail(s, "binding", err);
            return NULL;
        }
    *st = EASG_OK;
    return e->stmt;
}

sqlite3_stmt *db_bind(struct store *s, easg_status *st, easg_error *err, const char *sql,
                      const char *types, ...)
{
    sqlite3_stmt *stmt;
    va_list args;

    va_start(args, types);
    stmt = bind_list(s, st, err, sql, types, &args);
    va_end(args);
    return stmt;
}

easg_status db_step(struct store *s, sqlite3_stmt *stmt, int *more, easg_error *err)
{
    int rc = sqlite3_step(stmt);
    easg_status st;

    if (rc == SQLITE_ROW) {
        *more = 1;
        return EASG_OK;
    }
    *more = 0;
    if (rc == SQLITE_DONE) {
        sqlite3_reset(stmt);
        return EASG_OK;
    }
    st = db_fail(s, sqlite3_stmt_readonly(stmt) ? "reading" : "writing", err);
    sqlite3_reset(stmt);
    return st;
}

void db_reset(sqlite3_stmt *stmt)
{
    if (stmt)
        sqlite3_reset(stmt);
}

easg_status db_run(struct store *s, easg_error *err, const char *sql, const char *types, ...)
{
    easg_status st;
    sqlite3_stmt *stmt;
    va_list args;
    int more = 1;

    va_start(args, types);
    stmt = bind_list(s, &st, err, sql, types, &args);
    va_end(args);
    while (st == EASG_OK && more)
        st = db_step(s, stmt, &more, err);
    return st;
}

easg_status db_get_int(struct store *s, int64_t none, int64_t *out, easg_error *err,
                       const char *sql, const char *types, ...)
{
    easg_status st;
    sqlite3_stmt *stmt;
    va_list args;
    int more = 0;

    *out = none;
    va_start(args, types);
    stmt = bind_list(s, &st, err, sql, types, &args);
    va_end(args);
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st == EASG_OK && more) {
        if (sqlite3_column_type(stmt, 0) != SQLITE_NULL)
            *out = sqlite3_column_int64(stmt, 0);
        db_reset(stmt);
    }
    return st;
}

int64_t db_changes(struct store *s)
{
    return sqlite3_changes64(s->db);
}

/* synchronous is a property of the connection and cannot move inside a transaction. */
easg_status db_begin(struct store *s, int durable, easg_error *err)
{
    easg_status st = EASG_OK;

    if (s->in_txn && durable)
        st = db_commit(s, err);
    if (st != EASG_OK || s->in_txn)
        return st;
    st = db_exec(s, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err);
    if (st == EASG_OK)
        st = db_exec(s, "BEGIN IMMEDIATE", err);
    if (st == EASG_OK)
        s->in_txn = 1;
    return st;
}

easg_status db_commit(struct store *s, easg_error *err)
{
    easg_status st;

    if (!s->in_txn)
        return EASG_OK;
    st = db_exec(s, "COMMIT", err);
    if (st == EASG_OK)
        s->in_txn = 0;
    else
        db_rollback(s);
    return st;
}

void db_rollback(struct store *s)
{
    size_t i;

    if (!s->db || !s->in_txn)
        return;
    for (i = 0; i < DB_STATEMENTS; i++)
        db_reset(s->statements[i].stmt);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->in_txn = 0;
    s->audit_prev[0] = '\0'; /* rows that are gone were counted in it */
}

void db_at(struct store *s, const char *point)
{
    if (s->at)
        s->at(s->at_user, point);
}

easg_str db_text(sqlite3_stmt *stmt, int i)
{
    const unsigned char *text = sqlite3_column_text(stmt, i);
    easg_str out = { (const char *)text, text ? (size_t)sqlite3_column_bytes(stmt, i) : 0 };

    return out;
}

easg_time db_time(sqlite3_stmt *stmt, int i)
{
    return sqlite3_column_type(stmt, i) == SQLITE_NULL ? EASG_TIME_NONE
                                                       : sqlite3_column_int64(stmt, i);
}
