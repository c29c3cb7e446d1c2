/* SPDX-License-Identifier: Apache-2.0
 *
 * query.c - rows of the views as copied records, single values, and JSON.
 */
#include "cli.h"

#include "err.h"
#include "jsonin.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* ---- records ---- */

struct gather {
    struct records *to;
    size_t max;
};

static void record_clear(struct record *r)
{
    size_t i;

    for (i = 0; i < r->n; i++) {
        mem_free(r->names[i]);
        mem_free(r->values[i]);
    }
    mem_free(r->names);
    mem_free(r->values);
    memset(r, 0, sizeof(*r));
}

static easg_status copy_row(struct record *r, const struct store_row *row, easg_error *err)
{
    size_t n = store_row_count(row);
    const char *text;
    size_t i;

    r->names = mem_array(n ? n : 1, sizeof(*r->names));
    r->values = mem_array(n ? n : 1, sizeof(*r->values));
    if (!r->names || !r->values)
        return err_nomem(err);
    r->n = n;
    for (i = 0; i < n; i++) {
        text = store_row_text(row, i);
        r->names[i] = mem_strdup(store_row_name(row, i));
        r->values[i] = mem_strdup(text);
        if (!r->names[i] || (text && !r->values[i]))
            return err_nomem(err);
    }
    return EASG_OK;
}

static easg_status gather_row(void *user, const struct store_row *row, easg_error *err)
{
    struct gather *g = user;
    struct records *to = g->to;
    struct record *grown;

    if (to->n == g->max) {
        to->more = 1;
        return EASG_E_LIMIT; /* ends the query; not an error, see query_records() */
    }
    grown = mem_grow(to->items, to->n + 1, sizeof(*to->items));
    if (!grown)
        return err_nomem(err);
    to->items = grown;
    memset(&to->items[to->n], 0, sizeof(*to->items));
    return copy_row(&to->items[to->n++], row, err);
}

easg_status query_records(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                          size_t max, struct records *out, easg_error *err)
{
    struct gather g = { out, max };
    easg_status st;

    memset(out, 0, sizeof(*out));
    st = store_query(s, sql, args, n, gather_row, &g, err);
    if (st != EASG_OK && out->more) {
        err_clear(err);
        return EASG_OK;
    }
    if (st != EASG_OK)
        records_clear(out);
    return st;
}

void records_clear(struct records *r)
{
    size_t i;

    for (i = 0; i < r->n; i++)
        record_clear(&r->items[i]);
    mem_free(r->items);
    memset(r, 0, sizeof(*r));
}

const char *record_null(const struct record *r, const char *name)
{
    size_t i;

    for (i = 0; i < r->n; i++)
        if (strcmp(r->names[i], name) == 0)
            return r->values[i];
    return NULL;
}

const char *record_get(const struct record *r, const char *name)
{
    const char *v = record_null(r, name);

    return v ? v : "";
}

int64_t record_int(const struct record *r, const char *name)
{
    const char *v = record_get(r, name);
    uint64_t num;

    if (*v == '-')
        return text_parse_u64(v + 1, strlen(v + 1), &num) ? -(int64_t)num : 0;
    return text_parse_u64(v, strlen(v), &num) ? (int64_t)num : 0;
}

/* ---- single values ---- */

easg_status query_text(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                       char **out, easg_error *err)
{
    struct records r;
    easg_status st;

    *out = NULL;
    st = query_records(s, sql, args, n, 1, &r, err);
    if (st == EASG_OK && r.n && r.items[0].n) {
        *out = r.items[0].values[0];
        r.items[0].values[0] = NULL;
    }
    records_clear(&r);
    return st;
}

easg_status query_int(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                      int64_t none, int64_t *out, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *text = NULL;
    easg_status st = query_text(s, sql, args, n, &text, err);
    uint64_t num;

    *out = text && text_parse_u64(text, strlen(text), &num) ? (int64_t)num : none;
    return st;
}

easg_status query_org(struct store *s, const char *name, char **out, easg_error *err)
{
    return query_text(s, "SELECT value FROM v_org WHERE name = ?1",
                      (struct store_arg[]){ STORE_ARG_TEXT(name) }, 1, out, err);
}

/* ---- JSON ---- */

static easg_status flat_member(void *user, const char *name, enum json_kind kind, const char *value,
                               easg_error *err)
{
    struct jsonout *j = user;

    (void)err;
    switch (kind) {
    case JSON_NULL: json_null(j, name); break;
    case JSON_TRUE:
    case JSON_FALSE: json_bool(j, name, kind == JSON_TRUE); break;
    case JSON_NUMBER:
        if (strpbrk(value, ".eE") || strlen(value) > 18)
            json_text(j, name, value);
        else
            json_int(j, name, strtoll(value, NULL, 10));
        break;
    default: json_text(j, name, value); break;
    }
    return EASG_OK;
}

static easg_status no_member(void *user, const char *name, enum json_kind kind, const char *value,
                             easg_error *err)
{
    (void)user;
    (void)name;
    (void)kind;
    (void)value;
    (void)err;
    return EASG_OK;
}

/* These columns hold a JSON object; one that is not flat stays text. */
static int is_document(const char *name)
{
    return strcmp(name, "inputs") == 0 || strcmp(name, "evidence") == 0 ||
           strcmp(name, "detail") == 0;
}

static void member(struct jsonout *j, const char *name, const char *text, int number)
{
    easg_error err = EASG_ERROR_INIT;

    if (!text) {
        json_null(j, name);
    } else if (number) {
        json_int(j, name, strtoll(text, NULL, 10));
    } else if (is_document(name) &&
               json_read_flat(text, strlen(text), no_member, NULL, &err) == EASG_OK) {
        json_open_object(j, name);
        json_read_flat(text, strlen(text), flat_member, j, &err);
        json_close(j);
    } else {
        json_text(j, name, text);
    }
}

static easg_status json_row(void *user, const struct store_row *row, easg_error *err)
{
    struct jsonout *j = user;
    size_t i;

    (void)err;
    json_open_object(j, NULL);
    for (i = 0; i < store_row_count(row); i++)
        member(j, store_row_name(row, i), store_row_text(row, i),
               store_row_type(row, i) == STORE_INT);
    json_close(j);
    return EASG_OK;
}

easg_status query_json(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                       struct jsonout *j, const char *key, easg_error *err)
{
    easg_status st;

    json_open_array(j, key);
    st = store_query(s, sql, args, n, json_row, j, err);
    json_close(j);
    return st;
}

/* Columns of the views that are numbers; the copies in a record are text. */
static int is_number(const char *name)
{
    static const char *const names[] = { "priority",    "failures",        "id",
                                         "dry_run",     "exit_code",       "mailboxes",
                                         "devices",     "people",          "managed_devices",
                                         "devices_new", "devices_changed", "devices_gone",
                                         "decided",     "planned",         "applied",
                                         "held",        "failed",          "unmatched",
                                         "cpu_ms",      "peak_kib",        "cross_user",
                                         "seq",         "attempts",        "n" };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return 1;
    return 0;
}

void record_json(const struct record *r, struct jsonout *j)
{
    const char *v;
    size_t i;

    for (i = 0; i < r->n; i++) {
        v = r->values[i];
        member(j, r->names[i], v,
               v && is_number(r->names[i]) && *v && strspn(v, "-0123456789") == strlen(v));
    }
}
