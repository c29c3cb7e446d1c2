/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV as RFC 4180 has it: fields between commas, quoted ones may hold commas, line ends and doubled
 * quotes. A byte order mark at the start is skipped, CRLF and LF both end a line.
 */
#include <string.h>

#include "err.h"
#include "rows_internal.h"

static easg_status limit(const struct rows *r, easg_error *err)
{
    if (r->text.status == EASG_E_NOMEM)
        return err_nomem(err);
    return rows_error(r, EASG_E_LIMIT, err, "is longer than %zu MiB: a quote that is not closed?",
                      ROW_MAX >> 20);
}

/* The inside of a quoted field, up to and with its closing quote. */
static easg_status quoted(struct rows *r, easg_error *err)
{
    for (;;) {
        int c = rows_getc(r);

        if (c == '"') {
            c = rows_getc(r);
            if (c != '"') {
                rows_ungetc(r, c);
                return EASG_OK;
            }
        }
        if (c == EOF)
            return rows_error(r, EASG_E_CONFIG, err, "ends inside a quoted field");
        if (c == '\0')
            return rows_error(r, EASG_E_CONFIG, err, "holds a NUL");
        if (c == '\n')
            r->next_line++;
        if (strbuf_addc(&r->text, (char)c) != EASG_OK)
            return limit(r, err);
    }
}

/* One field; *sep is what ended it: ',', '\n' or EOF. */
static easg_status field(struct rows *r, int *sep, easg_error *err)
{
    struct row_field *f = &r->fields[r->n_fields];
    int was_quoted = 0;
    easg_status st;
    int c;

    if (r->n_fields == FIELDS_MAX)
        return rows_error(r, EASG_E_LIMIT, err, "has more than %d fields", FIELDS_MAX);
    *f = (struct row_field){ .at = r->text.len };
    for (;;) {
        c = rows_getc(r);
        if (c == '"' && r->text.len == f->at && !was_quoted) {
            was_quoted = 1;
            st = quoted(r, err);
            if (st != EASG_OK)
                return st;
            continue;
        }
        if (c == '\r') {
            c = rows_getc(r);
            if (c != '\n' && c != EOF)
                return rows_error(r, EASG_E_CONFIG, err, "holds a carriage return outside quotes");
        }
        if (c == ',' || c == '\n' || c == EOF)
            break;
        if (c == '\0')
            return rows_error(r, EASG_E_CONFIG, err, "holds a NUL");
        if (was_quoted || c == '"')
            return rows_error(r, EASG_E_CONFIG, err,
                              was_quoted ? "has text behind a closing quote"
                                         : "has a quote inside a field: quote the whole field "
                                           "and double the quote");
        if (strbuf_addc(&r->text, (char)c) != EASG_OK)
            return limit(r, err);
    }
    if (c == '\n')
        r->next_line++;
    *sep = c;
    f->len = r->text.len - f->at;
    r->n_fields++;
    return strbuf_addc(&r->text, '\0') == EASG_OK ? EASG_OK : limit(r, err);
}

static easg_status record(struct rows *r, int *more, easg_error *err)
{
    int sep = ',';
    easg_status st = EASG_OK;

    do {
        strbuf_reset(&r->text);
        r->n_fields = 0;
        r->line = r->next_line + 1;
        while (st == EASG_OK && sep == ',')
            st = field(r, &sep, err);
        if (r->broken)
            return rows_read_error(r, err);
        if (st != EASG_OK)
            return st;
        *more = r->n_fields > 1 || r->fields[0].len > 0;
        if (*more || sep == EOF)
            return EASG_OK;
        sep = ','; /* a blank line */
    } while (1);
}

static easg_status header(struct rows *r, easg_error *err)
{
    static const char bom[] = "\xEF\xBB\xBF";
    int more = 0;
    easg_status st = record(r, &more, err);
    struct strbuf swap;

    if (st != EASG_OK)
        return st;
    if (!more)
        return rows_error(r, EASG_E_CONFIG, err, "is empty: the first line must name the columns");
    if (r->fields[0].len >= 3 && memcmp(r->text.ptr, bom, 3) == 0) {
        r->fields[0].at += 3;
        r->fields[0].len -= 3;
    }
    swap = r->header;
    r->header = r->text;
    r->text = swap;
    r->columns = mem_array(r->n_fields, sizeof *r->columns);
    if (!r->columns)
        return err_nomem(err);
    r->n_columns = r->n_fields;
    for (size_t i = 0; i < r->n_columns; i++) {
        const char *name = r->header.ptr + r->fields[i].at;

        r->columns[i] = r->fields[i].at;
        if (!*name)
            return rows_error(r, EASG_E_CONFIG, err, "column %zu has no name", i + 1);
        st = rows_check_column(r, name, err);
        if (st != EASG_OK)
            return st;
        for (size_t j = 0; j < i; j++)
            if (strcmp(r->header.ptr + r->columns[j], name) == 0)
                return rows_error(r, EASG_E_CONFIG, err, "names column %zu as column %zu", i + 1,
                                  j + 1);
    }
    return EASG_OK;
}

easg_status rows_next_csv(struct rows *r, int *more, easg_error *err)
{
    easg_status st = r->columns ? EASG_OK : header(r, err);

    if (st == EASG_OK)
        st = record(r, more, err);
    if (st != EASG_OK || !*more)
        return st;
    if (r->n_fields != r->n_columns)
        return rows_error(r, EASG_E_CONFIG, err, "has %zu fields, the first line names %zu columns",
                          r->n_fields, r->n_columns);
    return EASG_OK;
}
