/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h - reads a table from a file, a row at a time: CSV (RFC 4180, first line names the columns)
 * or JSON lines (one flat object a line; values are strings, numbers, true, false, null, or lists
 * of strings). Every error reads "facts.csv:14: ...". Memory does not grow with the file.
 */
#ifndef EASG_ROWS_H
#define EASG_ROWS_H

#include <stddef.h>

#include <easgate/types.h>

#include "alloc.h"

struct rows;

/* By the end of the name: .csv, else .jsonl, .ndjson or .json. */
easg_status rows_open(const char *path, struct rows **out, easg_error *err);
/* `name` decides as a path does. Borrows the bytes. */
easg_status rows_open_memory(const char *name, const char *ptr, size_t len, struct rows **out,
                             easg_error *err);
void rows_close(struct rows *r);

/* The columns that may occur, NULL-terminated; others are an error that suggests the nearest. To be
 * called before the first rows_next(). */
void rows_expect(struct rows *r, const char *const *columns);
/* 1 in *more: there is a row; its texts are borrowed until the next call. 0: the end, and it was a
 * whole one. Blank lines are skipped. */
easg_status rows_next(struct rows *r, int *more, easg_error *err);

/* The value in this row; absent (ptr NULL) when the column is missing, empty or null. A number or a
 * truth value is given as its text. */
easg_str rows_get(struct rows *r, const char *column);
/* The value as a list: a JSON list, or text split at ';', blanks around elements dropped. Borrowed
 * until the next row. EASG_E_NOMEM is the only failure. */
easg_status rows_list(struct rows *r, const char *column, const easg_str *const **out, size_t *n,
                      easg_error *err);
/* EASG_E_CONFIG when it is absent or blank. */
easg_status rows_required(struct rows *r, const char *column, easg_str *out, easg_error *err);
/* Index of the value among `words` (NULL-terminated), `absent` when there is none. */
easg_status rows_word(struct rows *r, const char *column, const char *const *words, unsigned absent,
                      unsigned *out, easg_error *err);
/* true, yes, 1 or false, no, 0; absent: `absent`. */
easg_status rows_bool(struct rows *r, const char *column, int absent, int *out, easg_error *err);
/* RFC 3339; absent: EASG_TIME_NONE. */
easg_status rows_time(struct rows *r, const char *column, easg_time *out, easg_error *err);

/* Line of the row, from 1. */
unsigned long rows_line(const struct rows *r);
/* err_set() with file and line in front. */
easg_status rows_error(const struct rows *r, easg_status st, easg_error *err, const char *fmt, ...)
    EASG_PRINTF(4, 5);

#endif
