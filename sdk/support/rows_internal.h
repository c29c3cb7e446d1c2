/* SPDX-License-Identifier: Apache-2.0
 *
 * rows_internal.h - what the row reader and its two formats share.
 */
#ifndef EASG_ROWS_INTERNAL_H
#define EASG_ROWS_INTERNAL_H

#include <stdio.h>

#include "rows.h"
#include "strbuf.h"

#define ROW_MAX    ((size_t)4 << 20) /* bytes of one row */
#define FIELDS_MAX 128

struct row_field {
    size_t name;    /* JSON: offset of its name in `text` */
    size_t at;      /* offset of the value in `text` */
    size_t len;     /* 0: absent */
    size_t n_items; /* > 0: a list, elements one after the other, each with its NUL */
};

struct rows {
    char *name; /* of the file, without its directory */
    FILE *file; /* or: */
    const char *at, *end;
    int csv;
    int broken;         /* reading failed */
    unsigned long line; /* of the row */
    unsigned long next_line;
    const char *const *expected;
    struct strbuf header; /* CSV: names, each with its NUL */
    size_t *columns;      /* CSV: offsets into `header` */
    size_t n_columns;
    struct strbuf text;
    struct row_field fields[FIELDS_MAX];
    size_t n_fields;
    easg_str *strs; /* of the lists of this row */
    const easg_str **ptrs;
    size_t n_strs, cap;
    int room;
};

int rows_getc(struct rows *r);
void rows_ungetc(struct rows *r, int c);
easg_status rows_read_error(const struct rows *r, easg_error *err);
easg_status rows_check_column(const struct rows *r, const char *column, easg_error *err);
easg_status rows_next_csv(struct rows *r, int *more, easg_error *err);
easg_status rows_next_json(struct rows *r, int *more, easg_error *err);

#endif
