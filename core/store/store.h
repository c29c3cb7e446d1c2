/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - the state file of one organisation, STATE_DIR/ORG.db, for those who read it: the
 * verbs, the supervisor, the server of metrics. They see the views v_* and nothing else; the
 * writing side stands in store_writer.h and belongs to the worker.
 *
 * easgate-state(5) documents the views.
 */
#ifndef EASG_STORE_H
#define EASG_STORE_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

struct store;

/* Opens read-only; the worker may write meanwhile. A file of an older version is brought up to our
 * schema before, with a copy. EASG_E_NOTFOUND: this organisation was never synchronised.
 * EASG_E_UNSUPPORTED: written by a newer version. The text names the file and the remedy. */
easg_status store_open_readonly(const char *state_dir, const char *org, struct store **out,
                                easg_error *err);
/* NULL is fine. */
void store_close(struct store *s);
/* "STATE_DIR/ORG.db"; borrowed. */
const char *store_path(const struct store *s);

enum store_type { STORE_NULL = 0, STORE_INT = 1, STORE_TEXT = 2 };

/* One bound parameter: ?1 is the first. Text is borrowed for the call; NULL text binds NULL. */
struct store_arg {
    enum store_type type;
    int64_t num;
    const char *text;
};
#define STORE_ARG_INT(v)  ((struct store_arg){ STORE_INT, (int64_t)(v), NULL })
#define STORE_ARG_TEXT(v) ((struct store_arg){ STORE_TEXT, 0, (v) })

/* The row at hand: valid during the callback. Columns count from 0; one that does not exist reads
 * as NULL. */
struct store_row;
size_t store_row_count(const struct store_row *row);
const char *store_row_name(const struct store_row *row, size_t i);
enum store_type store_row_type(const struct store_row *row, size_t i);
/* Borrowed; NULL for NULL. Numbers read as decimal text. */
const char *store_row_text(const struct store_row *row, size_t i);
/* 0 for NULL. */
int64_t store_row_int(const struct store_row *row, size_t i);

/* Runs one SELECT and calls `row` for each row; a status other than EASG_OK from it ends the query
 * and is returned. `row` NULL only checks the statement. */
easg_status store_query(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                        easg_status (*row)(void *user, const struct store_row *row,
                                           easg_error *err),
                        void *user, easg_error *err);

/* Recomputes the audit chain. *rows: rows read; *first_bad: number (seq) of the first row that does
 * not follow from the one before it, 0 when all do. EASG_OK in both cases: a broken chain is an
 * answer, not a failure. */
easg_status store_audit_verify(struct store *s, int64_t *rows, int64_t *first_bad, easg_error *err);

#endif
