/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a CSV or JSON-lines file. The bytes of a row stand in one buffer, each value with a NUL
 * behind it; fields are offsets into it, so nothing is allocated for a row once the buffer has
 * grown to the longest one.
 */
#include "rows.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "rows_internal.h"
#include "strbuf.h"
#include "text.h"
#include "timestamp.h"

static int ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);

    return n >= m && text_ieq(name + n - m, m, suffix, m);
}

static easg_status make(const char *name, struct rows **out, easg_error *err)
{
    struct rows *r = mem_alloc(sizeof *r);
    const char *base = strrchr(name, '/');

    if (r) {
        strbuf_init(&r->text, ROW_MAX);
        strbuf_init(&r->header, ROW_MAX);
        r->name = mem_strdup(base ? base + 1 : name);
        r->csv = ends_in(name, ".csv");
    }
    if (!r || !r->name) {
        rows_close(r);
        return err_nomem(err);
    }
    if (!r->csv && !ends_in(name, ".jsonl") && !ends_in(name, ".ndjson") &&
        !ends_in(name, ".json")) {
        rows_close(r);
        return err_set(err, EASG_E_CONFIG, "%s: its name must end in .csv or .jsonl", name);
    }
    *out = r;
    return EASG_OK;
}

easg_status rows_open(const char *path, struct rows **out, easg_error *err)
{
    struct rows *r = NULL;
    easg_status st = make(path, &r, err);

    if (st != EASG_OK)
        return st;
    r->file = fopen(path, "rb");
    if (!r->file) {
        int e = errno;

        rows_close(r);
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_ERRNO, e, "%s: cannot be read: %s", path,
                          strerror(e));
    }
    *out = r;
    return EASG_OK;
}

easg_status rows_open_memory(const char *name, const char *ptr, size_t len, struct rows **out,
                             easg_error *err)
{
    easg_status st = make(name, out, err);

    if (st == EASG_OK) {
        (*out)->at = ptr;
        (*out)->end = ptr + len;
    }
    return st;
}

void rows_close(struct rows *r)
{
    if (!r)
        return;
    if (r->file)
        fclose(r->file);
    strbuf_clear(&r->text);
    strbuf_clear(&r->header);
    mem_free(r->columns);
    mem_free(r->strs);
    mem_free(r->ptrs);
    mem_free(r->name);
    mem_free(r);
}

void rows_expect(struct rows *r, const char *const *columns)
{
    r->expected = columns;
}

unsigned long rows_line(const struct rows *r)
{
    return r->line;
}

easg_status rows_error(const struct rows *r, easg_status st, easg_error *err, const char *fmt, ...)
{
    char text[sizeof err->message];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(err, st, "%s:%lu: %s", r->name, r->line, text);
}

int rows_getc(struct rows *r)
{
    int c;

    if (r->file) {
        c = getc(r->file);
        if (c == EOF && ferror(r->file))
            r->broken = 1;
        return c;
    }
    return r->at < r->end ? (unsigned char)*r->at++ : EOF;
}

void rows_ungetc(struct rows *r, int c)
{
    if (c == EOF)
        return;
    if (r->file)
        (void)ungetc(c, r->file);
    else
        r->at--;
}

easg_status rows_read_error(const struct rows *r, easg_error *err)
{
    return rows_error(r, EASG_E_FAIL, err, "cannot be read to its end");
}

/* ---- columns ----------------------------------------------------------------------------------
 */

easg_status rows_check_column(const struct rows *r, const char *column, easg_error *err)
{
    const char *nearest = NULL;
    unsigned best = 4;
    char safe[80];

    if (!r->expected)
        return EASG_OK;
    for (const char *const *e = r->expected; *e; e++) {
        unsigned d = text_distance(column, *e, best);

        if (strcmp(column, *e) == 0)
            return EASG_OK;
        if (d < best) {
            best = d;
            nearest = *e;
        }
    }
    text_safe(column, strlen(column), safe, sizeof safe);
    if (nearest)
        return rows_error(r, EASG_E_CONFIG, err, "unknown column '%s', did you mean '%s'?", safe,
                          nearest);
    return rows_error(r, EASG_E_CONFIG, err, "unknown column '%s'", safe);
}

static struct row_field *find(struct rows *r, const char *column)
{
    for (size_t i = 0; i < r->n_fields; i++) {
        const char *name = r->csv ? strbuf_str(&r->header) + r->columns[i]
                                  : strbuf_str(&r->text) + r->fields[i].name;

        if (strcmp(name, column) == 0)
            return &r->fields[i];
    }
    return NULL;
}

/* ---- one row ----------------------------------------------------------------------------------
 */

easg_status rows_next(struct rows *r, int *more, easg_error *err)
{
    easg_status st = r->csv ? rows_next_csv(r, more, err) : rows_next_json(r, more, err);

    r->n_strs = 0;
    r->room = 0;
    if (st != EASG_OK || !*more)
        return st;
    if (!text_utf8_valid(strbuf_str(&r->text), r->text.len))
        return rows_error(r, EASG_E_CONFIG, err, "is not UTF-8");
    return EASG_OK;
}

easg_str rows_get(struct rows *r, const char *column)
{
    const struct row_field *f = find(r, column);

    if (!f || f->len == 0 || f->n_items)
        return (easg_str){ NULL, 0 };
    return (easg_str){ strbuf_str(&r->text) + f->at, f->len };
}

easg_status rows_required(struct rows *r, const char *column, easg_str *out, easg_error *err)
{
    *out = rows_get(r, column);
    if (text_blank(out))
        return rows_error(r, EASG_E_CONFIG, err, "column '%s' is required and empty", column);
    return EASG_OK;
}

/* Room for every list of this row at once, so that a list already given stays where it is. */
static easg_status make_room(struct rows *r, easg_error *err)
{
    size_t n = r->n_fields;
    easg_str *strs;
    const easg_str **ptrs;

    if (r->room)
        return EASG_OK;
    for (size_t i = 0; i < r->text.len; i++)
        n += r->text.ptr[i] == ';' || r->text.ptr[i] == '\0';
    if (n > r->cap) {
        strs = mem_grow(r->strs, n, sizeof *strs);
        if (!strs)
            return err_nomem(err);
        r->strs = strs;
        ptrs = mem_grow(r->ptrs, n, sizeof *ptrs);
        if (!ptrs)
            return err_nomem(err);
        r->ptrs = ptrs;
        r->cap = n;
    }
    r->room = 1;
    return EASG_OK;
}

/* "a; b;;c" to a\0b\0c\0 in place. */
static void split(char *p, struct row_field *f)
{
    char *to = p;
    char *from = p;
    char *end = p + f->len;

    f->n_items = 0;
    while (from < end) {
        char *stop = memchr(from, ';', (size_t)(end - from));
        char *last = stop ? stop : end;
        char *next = last + 1;

        while (from < last && (*from == ' ' || *from == '\t'))
            from++;
        while (last > from && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        if (last > from) {
            memmove(to, from, (size_t)(last - from));
            to += last - from;
            *to++ = '\0';
            f->n_items++;
        }
        from = next;
    }
}

easg_status rows_list(struct rows *r, const char *column, const easg_str *const **out, size_t *n,
                      easg_error *err)
{
    struct row_field *f = find(r, column);
    easg_status st;
    char *p;

    *out = NULL;
    *n = 0;
    if (!f || f->len == 0)
        return EASG_OK;
    st = make_room(r, err);
    if (st != EASG_OK)
        return st;
    p = r->text.ptr + f->at;
    if (!f->n_items)
        split(p, f);
    *out = r->ptrs + r->n_strs;
    for (size_t i = 0; i < f->n_items; i++) {
        size_t at = r->n_strs++;

        r->strs[at] = text_str(p);
        r->ptrs[at] = &r->strs[at];
        p += r->strs[at].len + 1;
    }
    *n = f->n_items;
    return EASG_OK;
}

easg_status rows_word(struct rows *r, const char *column, const char *const *words, unsigned absent,
                      unsigned *out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf list = STRBUF_INIT(400);
    easg_str s = rows_get(r, column);
    char safe[64];

    *out = absent;
    if (!s.ptr)
        return EASG_OK;
    for (unsigned i = 0; words[i]; i++) {
        if (text_ieq(s.ptr, s.len, words[i], strlen(words[i]))) {
            *out = i;
            return EASG_OK;
        }
        strbuf_addf(&list, "%s%s", i ? ", " : "", words[i]);
    }
    text_safe(s.ptr, s.len, safe, sizeof safe);
    return rows_error(r, EASG_E_CONFIG, err, "column '%s' is '%s' and not one of %s", column, safe,
                      strbuf_str(&list));
}

easg_status rows_bool(struct rows *r, const char *column, int absent, int *out, easg_error *err)
{
    static const char *const words[] = { "false", "true", "no", "yes", "0", "1", NULL };
    unsigned i = 0;
    easg_status st = rows_word(r, column, words, absent ? 1 : 0, &i, err);

    *out = (int)(i & 1u);
    return st;
}

easg_status rows_time(struct rows *r, const char *column, easg_time *out, easg_error *err)
{
    easg_str s = rows_get(r, column);
    char safe[64];

    *out = EASG_TIME_NONE;
    if (!s.ptr || timestamp_parse(s.ptr, s.len, out))
        return EASG_OK;
    text_safe(s.ptr, s.len, safe, sizeof safe);
    return rows_error(r, EASG_E_CONFIG, err,
                      "column '%s' is '%s' and not a time as 2026-01-31T08:00:00Z", column, safe);
}
