/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h - aligned columns for people. Widths are those of characters on a screen, not of bytes; a
 * table that is wider than the terminal loses text in its flexible columns ("..."), never a column.
 */
#ifndef EASG_TABLE_H
#define EASG_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include <easgate/types.h>

enum { TABLE_COLUMNS_MAX = 12 };

enum table_column_flags {
    TABLE_RIGHT = 1, /* numbers */
    TABLE_FLEX = 2   /* may be cut */
};

struct table_column {
    const char *title;
    unsigned flags;
};

struct table;

/* `width`: columns of the screen. `indent`: spaces in front. NULL: out of memory. */
struct table *table_create(FILE *to, const struct table_column *columns, size_t n, int width,
                           int indent);
/* One row of n cells; NULL reads "-". Escapes what would move the cursor. The first rows are kept
 * until the widths are known, later ones go out at once: memory does not grow with the table. */
void table_row(struct table *t, const char *const *cells);
/* Prints what is kept and frees. Prints nothing when there was no row. The number of rows. */
size_t table_finish(struct table *t);

/* Columns that `len` bytes of UTF-8 take on a screen. */
size_t table_text_width(const char *ptr, size_t len);
/* Bytes of the longest start of the text that takes at most `columns`. */
size_t table_text_cut(const char *ptr, size_t len, size_t columns);

#endif
