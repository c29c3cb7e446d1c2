/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines: one object a line, flat but for lists of strings. RFC 8259 strings with their
 * escapes; a NUL, a lone surrogate and a nested object are refused.
 */
#include <string.h>

#include "err.h"
#include "rows_internal.h"
#include "text.h"

static easg_status bad(const struct rows *r, easg_error *err, const char *what)
{
    return rows_error(r, EASG_E_CONFIG, err, "%s", what);
}

static easg_status full(const struct rows *r, easg_error *err)
{
    if (r->text.status == EASG_E_NOMEM)
        return err_nomem(err);
    return rows_error(r, EASG_E_LIMIT, err, "is longer than %zu MiB", ROW_MAX >> 20);
}

/* Blanks inside a line; a line end ends the row, so it is none of them. */
static int skip(struct rows *r)
{
    int c = rows_getc(r);

    while (c == ' ' || c == '\t' || c == '\r')
        c = rows_getc(r);
    return c;
}

static int hex4(struct rows *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int c = rows_getc(r);
        const char *digits = "0123456789abcdef";
        const char *d = c > 0 ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

        if (!d)
            return 0;
        *out = *out << 4 | (uint32_t)(d - digits);
    }
    return 1;
}

static easg_status unicode(struct rows *r, easg_error *err)
{
    uint32_t cp;
    uint32_t low;
    char utf8[4];
    size_t n;

    if (!hex4(r, &cp))
        return bad(r, err, "has a \\u escape without four hexadecimal digits");
    if (cp >= 0xD800 && cp <= 0xDBFF) {
        if (rows_getc(r) != '\\' || rows_getc(r) != 'u' || !hex4(r, &low) || low < 0xDC00 ||
            low > 0xDFFF)
            return bad(r, err, "has half of a surrogate pair");
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
    }
    n = text_utf8_put(cp, utf8);
    if (n == 0 || cp == 0)
        return bad(r, err, cp ? "has half of a surrogate pair" : "holds a NUL");
    return strbuf_add(&r->text, utf8, n) == EASG_OK ? EASG_OK : full(r, err);
}

/* Behind the opening quote; adds the text and its NUL. */
static easg_status string(struct rows *r, size_t *len, easg_error *err)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    size_t start = r->text.len;

    for (;;) {
        int c = rows_getc(r);

        if (c == '"')
            break;
        if (c == EOF || c == '\n')
            return bad(r, err, "ends inside a string: cut off?");
        if (c < 0x20)
            return bad(r, err, "has a control character inside a string");
        if (c == '\\') {
            const char *e;

            c = rows_getc(r);
            if (c == 'u') {
                easg_status st = unicode(r, err);

                if (st != EASG_OK)
                    return st;
                continue;
            }
            e = c > 0 ? strchr(from, c) : NULL;
            if (!e)
                return bad(r, err, "has an escape that JSON does not know");
            c = to[e - from];
        }
        if (strbuf_addc(&r->text, (char)c) != EASG_OK)
            return full(r, err);
    }
    *len = r->text.len - start;
    return strbuf_addc(&r->text, '\0') == EASG_OK ? EASG_OK : full(r, err);
}

/* A number, true, false or null, whose first character is `c`. */
static easg_status word(struct rows *r, int c, struct row_field *f, easg_error *err)
{
    static const char *const words[] = { "true", "false", "null", NULL };
    const char *p;
    int number;

    while (c != EOF && c != '\n' && c != ',' && c != '}' && c != ' ' && c != '\t' && c != '\r') {
        if (strbuf_addc(&r->text, (char)c) != EASG_OK)
            return full(r, err);
        c = rows_getc(r);
    }
    rows_ungetc(r, c);
    f->len = r->text.len - f->at;
    if (strbuf_addc(&r->text, '\0') != EASG_OK)
        return full(r, err);
    p = r->text.ptr + f->at;
    for (size_t i = 0; words[i]; i++)
        if (strcmp(p, words[i]) == 0) {
            if (i == 2)
                f->len = 0;
            return EASG_OK;
        }
    number = f->len > 0 && strspn(p, "0123456789+-.eE") == f->len &&
             (*p == '-' || (*p >= '0' && *p <= '9'));
    return number ? EASG_OK
                  : bad(r, err,
                        "has a value that is no string, number, true, false, "
                        "null or list of strings");
}

static easg_status list(struct rows *r, struct row_field *f, easg_error *err)
{
    int c = skip(r);

    while (c != ']') {
        size_t len;
        easg_status st;

        if (c != '"')
            return bad(r, err, "has a list whose elements are not all strings");
        st = string(r, &len, err);
        if (st != EASG_OK)
            return st;
        f->n_items++;
        c = skip(r);
        if (c == ',') {
            c = skip(r);
            if (c == ']')
                return bad(r, err, "has a list that ends in a comma");
        } else if (c != ']') {
            return bad(r, err, "has a list that is not closed: cut off?");
        }
    }
    f->len = r->text.len - f->at;
    return EASG_OK;
}

static easg_status member(struct rows *r, easg_error *err)
{
    struct row_field *f = &r->fields[r->n_fields];
    easg_status st;
    size_t len;
    int c;

    if (r->n_fields == FIELDS_MAX)
        return rows_error(r, EASG_E_LIMIT, err, "has more than %d members", FIELDS_MAX);
    *f = (struct row_field){ .name = r->text.len };
    st = string(r, &len, err);
    if (st == EASG_OK)
        st = rows_check_column(r, r->text.ptr + f->name, err);
    if (st != EASG_OK)
        return st;
    for (size_t i = 0; i < r->n_fields; i++)
        if (strcmp(r->text.ptr + r->fields[i].name, r->text.ptr + f->name) == 0)
            return bad(r, err, "names a member twice");
    if (skip(r) != ':')
        return bad(r, err, "has a name without a colon behind it");
    c = skip(r);
    f->at = r->text.len;
    if (c == '"')
        st = string(r, &f->len, err);
    else if (c == '[')
        st = list(r, f, err);
    else if (c == '{')
        st = bad(r, err, "has an object inside the object");
    else
        st = word(r, c, f, err);
    r->n_fields++;
    return st;
}

static easg_status object(struct rows *r, easg_error *err)
{
    int c = skip(r);
    easg_status st;

    while (c != '}') {
        if (c != '"')
            return bad(r, err, "has no quoted name where one must stand");
        st = member(r, err);
        if (st != EASG_OK)
            return st;
        c = skip(r);
        if (c == ',') {
            c = skip(r);
            if (c == '}')
                return bad(r, err, "has a comma before its closing brace");
        } else if (c != '}') {
            return bad(r, err, "is an object that is not closed: cut off?");
        }
    }
    c = skip(r);
    if (c != '\n' && c != EOF)
        return bad(r, err, "has text behind its object: one object a line");
    return EASG_OK;
}

easg_status rows_next_json(struct rows *r, int *more, easg_error *err)
{
    easg_status st;
    int c;

    strbuf_reset(&r->text);
    r->n_fields = 0;
    do {
        r->line++;
        c = skip(r);
        if (r->line == 1 && c == 0xEF && rows_getc(r) == 0xBB && rows_getc(r) == 0xBF)
            c = skip(r);
    } while (c == '\n');
    *more = c != EOF;
    if (c == EOF)
        return r->broken ? rows_read_error(r, err) : EASG_OK;
    if (c != '{')
        return bad(r, err, "must be a JSON object, as in {\"id\": \"1\"}");
    st = object(r, err);
    return r->broken ? rows_read_error(r, err) : st;
}
