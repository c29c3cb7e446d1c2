/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c - keeps the first rows, sets the widths, prints.
 */
#include "table.h"

#include "strbuf.h"
#include "text.h"

#include <string.h>

enum { KEEP = 200, CELL_MAX = 4096, FLEX_MIN = 8, GAP = 2 };

struct table {
    FILE *to;
    struct table_column columns[TABLE_COLUMNS_MAX];
    size_t n;
    size_t width, indent;
    size_t widths[TABLE_COLUMNS_MAX];
    char **kept; /* kept_rows * n cells */
    size_t kept_rows;
    size_t rows;
    int open; /* the widths are set and the head is out */
    int failed;
};

/* ---- widths ------------------------------------------------------------------------------------
 */

struct range {
    uint32_t from, to;
};

/* Marks that sit on the character before them, and characters of no width. */
static const struct range zero[] = {
    {0x0300,   0x036f },
    { 0x0483,  0x0489 },
    { 0x0591,  0x05bd },
    { 0x0610,  0x061a },
    { 0x064b,  0x065f },
    { 0x06d6,  0x06dc },
    { 0x0900,  0x0902 },
    { 0x093c,  0x093c },
    { 0x0941,  0x0948 },
    { 0x0e31,  0x0e31 },
    { 0x0e34,  0x0e3a },
    { 0x0e47,  0x0e4e },
    { 0x1ab0,  0x1aff },
    { 0x1dc0,  0x1dff },
    { 0x200b,  0x200f },
    { 0x20d0,  0x20ff },
    { 0xfe00,  0xfe0f },
    { 0xfe20,  0xfe2f },
    { 0xfeff,  0xfeff },
    { 0xe0100, 0xe01ef}
};

/* East Asian wide and fullwidth, and what terminals draw as pictures. */
static const struct range wide[] = {
    {0x1100,   0x115f },
    { 0x231a,  0x231b },
    { 0x2e80,  0x303e },
    { 0x3041,  0x33ff },
    { 0x3400,  0x4dbf },
    { 0x4e00,  0x9fff },
    { 0xa000,  0xa4cf },
    { 0xa960,  0xa97f },
    { 0xac00,  0xd7a3 },
    { 0xf900,  0xfaff },
    { 0xfe30,  0xfe6f },
    { 0xff00,  0xff60 },
    { 0xffe0,  0xffe6 },
    { 0x1f300, 0x1f64f},
    { 0x1f680, 0x1f6ff},
    { 0x1f900, 0x1f9ff},
    { 0x20000, 0x3fffd}
};

static int within(const struct range *r, size_t n, uint32_t cp)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (cp >= r[i].from && cp <= r[i].to)
            return 1;
    return 0;
}

/* Width of the character at `ptr`, which has `n` bytes (0: not UTF-8, one column a byte). */
static size_t width_of(const char *ptr, size_t n)
{
    const unsigned char *p = (const unsigned char *)ptr;
    uint32_t cp;

    if (n < 2)
        return 1;
    cp = n == 2 ? p[0] & 0x1fu : n == 3 ? p[0] & 0x0fu : p[0] & 0x07u;
    cp = cp << 6 | (p[1] & 0x3fu);
    if (n > 2)
        cp = cp << 6 | (p[2] & 0x3fu);
    if (n > 3)
        cp = cp << 6 | (p[3] & 0x3fu);
    if (within(zero, sizeof(zero) / sizeof(zero[0]), cp))
        return 0;
    return within(wide, sizeof(wide) / sizeof(wide[0]), cp) ? 2 : 1;
}

size_t table_text_cut(const char *ptr, size_t len, size_t columns)
{
    size_t at = 0, used = 0, n, w;

    while (at < len) {
        n = text_utf8_len(ptr + at, len - at);
        w = width_of(ptr + at, n);
        if (used + w > columns)
            break;
        used += w;
        at += n ? n : 1;
    }
    return at;
}

size_t table_text_width(const char *ptr, size_t len)
{
    size_t at = 0, used = 0, n;

    while (at < len) {
        n = text_utf8_len(ptr + at, len - at);
        used += width_of(ptr + at, n);
        at += n ? n : 1;
    }
    return used;
}

/* ---- the table ---- */

struct table *table_create(FILE *to, const struct table_column *columns, size_t n, int width,
                           int indent)
{
    struct table *t = mem_alloc(sizeof(*t));
    size_t i;

    xassert(n > 0 && n <= TABLE_COLUMNS_MAX);
    if (!t)
        return NULL;
    t->kept = mem_array(KEEP * n, sizeof(*t->kept));
    if (!t->kept) {
        mem_free(t);
        return NULL;
    }
    t->to = to;
    t->n = n;
    t->width = width > 0 ? (size_t)width : 80;
    t->indent = indent > 0 ? (size_t)indent : 0;
    for (i = 0; i < n; i++) {
        t->columns[i] = columns[i];
        t->widths[i] = strlen(columns[i].title);
    }
    return t;
}

static void pad(FILE *to, size_t n)
{
    while (n-- > 0)
        fputc(' ', to);
}

static void print_cell(struct table *t, size_t i, const char *cell)
{
    size_t len = strlen(cell);
    size_t w = table_text_width(cell, len);
    size_t room = t->widths[i];
    int cut = (t->columns[i].flags & TABLE_FLEX) && w > room && room > 3;

    if (cut) {
        len = table_text_cut(cell, len, room - 3);
        w = table_text_width(cell, len) + 3;
    }
    if ((t->columns[i].flags & TABLE_RIGHT) && w < room)
        pad(t->to, room - w);
    fwrite(cell, 1, len, t->to);
    if (cut)
        fputs("...", t->to);
    if (i + 1 < t->n) { /* no blanks at the end of a line */
        if (!(t->columns[i].flags & TABLE_RIGHT) && w < room)
            pad(t->to, room - w);
        pad(t->to, GAP);
    }
}

static void print_row(struct table *t, char *const *cells)
{
    size_t i;

    pad(t->to, t->indent);
    for (i = 0; i < t->n; i++)
        print_cell(t, i, cells[i]);
    fputc('\n', t->to);
}

/* Takes columns from the widest flexible one until the table fits, or none has any left. */
static void fit(struct table *t)
{
    size_t total = t->indent + GAP * (t->n - 1);
    size_t i, best;

    for (i = 0; i < t->n; i++)
        total += t->widths[i];
    while (total > t->width) {
        best = t->n;
        for (i = 0; i < t->n; i++)
            if ((t->columns[i].flags & TABLE_FLEX) && t->widths[i] > FLEX_MIN &&
                (best == t->n || t->widths[i] > t->widths[best]))
                best = i;
        if (best == t->n)
            return;
        t->widths[best]--;
        total--;
    }
}

static void open_table(struct table *t)
{
    char *head[TABLE_COLUMNS_MAX];
    size_t i, r;
    int titled = 0;

    fit(t);
    for (i = 0; i < t->n; i++) {
        head[i] = mem_strdup(t->columns[i].title);
        if (!head[i])
            t->failed = 1;
        titled |= *t->columns[i].title != '\0';
    }
    if (titled && !t->failed)
        print_row(t, head);
    for (i = 0; i < t->n; i++)
        mem_free(head[i]);
    for (r = 0; r < t->kept_rows; r++)
        print_row(t, t->kept + r * t->n);
    t->open = 1;
}

void table_row(struct table *t, const char *const *cells)
{
    char *row[TABLE_COLUMNS_MAX] = { NULL };
    struct strbuf cell = STRBUF_INIT(4 * CELL_MAX);
    const char *text;
    size_t i, w;

    for (i = 0; i < t->n; i++) {
        text = cells[i] && *cells[i] ? cells[i] : "-";
        strbuf_reset(&cell);
        strbuf_add_safe(&cell, text, strlen(text), CELL_MAX);
        row[i] = mem_strdup(strbuf_str(&cell));
        if (!row[i])
            t->failed = 1;
    }
    strbuf_clear(&cell);
    if (t->failed)
        goto out;
    t->rows++;
    if (t->open) {
        print_row(t, row);
        goto out;
    }
    for (i = 0; i < t->n; i++) {
        w = table_text_width(row[i], strlen(row[i]));
        if (w > t->widths[i])
            t->widths[i] = w;
        t->kept[t->kept_rows * t->n + i] = row[i];
        row[i] = NULL;
    }
    if (++t->kept_rows == KEEP)
        open_table(t);
out:
    for (i = 0; i < t->n; i++)
        mem_free(row[i]);
}

size_t table_finish(struct table *t)
{
    size_t rows, i;

    if (!t)
        return 0;
    if (!t->open && t->kept_rows)
        open_table(t);
    if (t->failed)
        fputs("(some rows are missing: out of memory)\n", t->to);
    rows = t->rows;
    for (i = 0; i < t->kept_rows * t->n; i++)
        mem_free(t->kept[i]);
    mem_free(t->kept);
    mem_free(t);
    return rows;
}
