/* SPDX-License-Identifier: Apache-2.0
 *
 * store_db.h - inside the store: the handle, statements by their SQL text, and SQLite's failures in
 * the words of an administrator. Included by the store's own files only.
 */
#ifndef EASG_STORE_DB_H
#define EASG_STORE_DB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "log.h"
#include "store.h"
#include "strbuf.h"

struct db_migration {
    const char *name; /* "0001-init" */
    const char *sql;
};
extern const struct db_migration db_migrations[];
extern const int db_migrations_n;

#define DB_APPLICATION_ID 0x45415347 /* "EASG" */
#define DB_STATEMENTS     256        /* power of two, above the number of SQL texts in the room */

struct db_statement {
    const char *sql; /* the literal itself is the key: its address */
    sqlite3_stmt *stmt;
};

struct store_listing;

struct store {
    sqlite3 *db;
    sqlite3 *lock; /* ORG.lock, held exclusively by the one writer */
    char *path;
    char *org;
    int writable;
    int in_txn;
    int64_t gc_rows; /* since the last commit of collecting garbage */
    struct log *log;
    struct digest digest;
    struct db_statement statements[DB_STATEMENTS];
    struct store_listing *listing;
    char audit_prev[65]; /* hash of the last audit row; "" when not read yet */
    int64_t audit_seq;
    int64_t run; /* run.id of the run at hand */
    char run_uuid[37];
    void (*at)(void *user, const char *point); /* tests: named points of no return */
    void *at_user;
};

easg_status db_open(const char *path, int writable, struct store *s, easg_error *err);
/* What SQLite says, and what to do about it. `doing` names the operation. */
easg_status db_fail(struct store *s, const char *doing, easg_error *err);
/* Several statements without parameters. */
easg_status db_exec(struct store *s, const char *sql, easg_error *err);

/* A cached statement of the literal `sql`, bound: i int64_t, t easg_time (NONE binds NULL), s C
 * string, S const easg_str * (absent and empty bind NULL), T const easg_str * (absent binds ""), b
 * pointer and size_t, n NULL (no argument). NULL, with *st and err set, on failure. Text is not
 * copied: it has to live until the statement is stepped to its end. */
sqlite3_stmt *db_bind(struct store *s, easg_status *st, easg_error *err, const char *sql,
                      const char *types, ...);
/* *more 1: a row is at hand; 0: at the end, and the statement is reset. */
easg_status db_step(struct store *s, sqlite3_stmt *stmt, int *more, easg_error *err);
void db_reset(sqlite3_stmt *stmt);
/* db_bind and steps to the end, ignoring rows. */
easg_status db_run(struct store *s, easg_error *err, const char *sql, const char *types, ...);
/* First column of the first row as a number; `none` when there is no row or it is NULL. */
easg_status db_get_int(struct store *s, int64_t none, int64_t *out, easg_error *err,
                       const char *sql, const char *types, ...);
/* Rows changed by the last statement. */
int64_t db_changes(struct store *s);

/* BEGIN IMMEDIATE unless one is open; COMMIT. `durable`: it must survive a power failure. */
easg_status db_begin(struct store *s, int durable, easg_error *err);
easg_status db_commit(struct store *s, easg_error *err);
void db_rollback(struct store *s);

void db_at(struct store *s, const char *point);

/* Columns of a row: borrowed text, absent for NULL. */
easg_str db_text(sqlite3_stmt *stmt, int i);
easg_time db_time(sqlite3_stmt *stmt, int i);

easg_status migrate_run(struct store *s, easg_error *err);
void listing_destroy(struct store_listing *l);
/* Finishes a promotion that a crash interrupted, and throws away what an interrupted listing left
 * behind. */
easg_status promote_recover(struct store *s, easg_error *err);

#endif
