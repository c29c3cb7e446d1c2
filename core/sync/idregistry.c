/* SPDX-License-Identifier: Apache-2.0
 *
 * idregistry.c - reads the file of EAS ids and finds one by the managed device's id. A managed
 * device or an EAS id that stands there twice is an error: it would be a guess which one is meant.
 */
#include "idregistry.h"

#include "err.h"
#include "fs.h"
#include "policy.h"
#include "strbuf.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 16 * 1024 * 1024, ROWS_MAX = 500000 };

struct row {
    char *user, *managed, *eas;
};
struct idregistry {
    char *text; /* all fields are in it */
    struct row *rows;
    size_t n;
};

static int by_managed(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->managed, ((const struct row *)b)->managed);
}

static int by_eas(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->eas, ((const struct row *)b)->eas);
}

static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " \t\"");
    n = strlen(s);
    while (n && strchr(" \t\r\"", s[n - 1]))
        s[--n] = '\0';
    return s;
}

static easg_status add(struct idregistry *r, char *line, unsigned long number, easg_error *err)
{
    char *second = strchr(line, ',');
    char *third = second ? strchr(second + 1, ',') : NULL;
    struct row row;

    if (!third || strchr(third + 1, ','))
        return err_set(err, EASG_E_CONFIG, "line %lu: expected user,managed_device,eas_id", number);
    *second = *third = '\0';
    row.user = trim(line);
    row.managed = trim(second + 1);
    row.eas = trim(third + 1);
    if (number == 1 && strcmp(row.eas, "eas_id") == 0)
        return EASG_OK;
    if (!*row.user || !*row.managed || !policy_eas_id_valid(row.eas, strlen(row.eas)))
        return err_set(err, EASG_E_CONFIG,
                       "line %lu: user and managed_device must not be empty, and an EAS id is made "
                       "of letters and digits",
                       number);
    for (char *c = row.managed; *c; c++) /* ids of a directory: without case */
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    if (r->n >= ROWS_MAX)
        return err_set(err, EASG_E_LIMIT, "more than %d rows", ROWS_MAX);
    if ((r->n & (r->n - 1)) == 0) {
        struct row *grown = mem_grow(r->rows, r->n ? r->n * 2 : 1, sizeof *grown);

        if (!grown)
            return err_nomem(err);
        r->rows = grown;
    }
    r->rows[r->n++] = row;
    return EASG_OK;
}

static easg_status no_doubles(struct idregistry *r, easg_error *err)
{
    size_t i;

    if (r->n)
        qsort(r->rows, r->n, sizeof *r->rows, by_eas);
    for (i = 1; i < r->n; i++)
        if (by_eas(&r->rows[i - 1], &r->rows[i]) == 0)
            return err_set(err, EASG_E_CONFIG, "EAS id %.64s stands there twice", r->rows[i].eas);
    if (r->n)
        qsort(r->rows, r->n, sizeof *r->rows, by_managed);
    for (i = 1; i < r->n; i++)
        if (by_managed(&r->rows[i - 1], &r->rows[i]) == 0)
            return err_set(err, EASG_E_CONFIG, "managed device %.64s stands there twice",
                           r->rows[i].managed);
    return EASG_OK;
}

easg_status idregistry_load(const char *path, struct idregistry **out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf bytes = STRBUF_INIT(FILE_MAX + 16);
    easg_error why = EASG_ERROR_INIT;
    struct idregistry *r;
    unsigned long number = 0;
    char *line, *next;
    easg_status st;

    *out = NULL;
    if (!path)
        return EASG_OK;
    if (!fs_is_absolute(path))
        return err_set(err, EASG_E_CONFIG, "policy.id_registry must be an absolute path");
    st = fs_read(path, FILE_MAX, &bytes, err);
    if (st != EASG_OK)
        return st == EASG_E_NOMEM ? st : EASG_E_CONFIG;
    r = mem_alloc(sizeof *r);
    if (!r || !(r->text = mem_dup(strbuf_str(&bytes), bytes.len))) {
        mem_free(r);
        return err_nomem(err);
    }
    for (line = r->text; line && st == EASG_OK; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        if (line[strspn(line, " \t\r")] && line[0] != '#')
            st = add(r, line, number, &why);
    }
    if (st == EASG_OK)
        st = no_doubles(r, &why);
    if (st != EASG_OK) {
        idregistry_free(r);
        return err_set(err, st, "%s: %s", path, why.message);
    }
    *out = r;
    return EASG_OK;
}

void idregistry_free(struct idregistry *r)
{
    if (!r)
        return;
    mem_free(r->rows);
    mem_free(r->text);
    mem_free(r);
}

size_t idregistry_count(const struct idregistry *r)
{
    return r ? r->n : 0;
}

const char *idregistry_find(const struct idregistry *r, const easg_str *managed_id,
                            const char **user)
{
    char id[128];
    struct row key = { NULL, id, NULL };
    const struct row *hit;
    size_t i;

    if (!r || !r->n || !managed_id->ptr || managed_id->len >= sizeof id)
        return NULL;
    for (i = 0; i < managed_id->len; i++) {
        char c = managed_id->ptr[i];

        id[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    id[i] = '\0';
    hit = bsearch(&key, r->rows, r->n, sizeof *r->rows, by_managed);
    if (!hit)
        return NULL;
    *user = hit->user;
    return hit->eas;
}
