/* SPDX-License-Identifier: Apache-2.0
 *
 * adoptfile.c - the entries that a person wants taken over, from options or a CSV file.
 */
#include "planfile.h"

#include "err.h"
#include "fs.h"

#include <string.h>

enum { LINE_MAX_BYTES = 4096, ITEMS_MAX = 1000000 };

easg_status adopt_add(struct sync_adopt *a, const char *mailbox, const char *device_id,
                      uint32_t lists, easg_error *err)
{
    struct sync_adopt_item *grown;

    if (a->n >= ITEMS_MAX)
        return err_set(err, EASG_E_LIMIT, "more than %d entries", ITEMS_MAX);
    if ((a->n & (a->n - 1)) == 0) {
        grown = mem_grow(a->items, a->n ? a->n * 2 : 1, sizeof *grown);
        if (!grown)
            return err_nomem(err);
        a->items = grown;
    }
    a->items[a->n].mailbox = mailbox && *mailbox ? mem_strdup(mailbox) : NULL;
    a->items[a->n].device_id = mem_strdup(device_id);
    a->items[a->n].lists = lists;
    if (!a->items[a->n].device_id || (mailbox && *mailbox && !a->items[a->n].mailbox)) {
        mem_free(a->items[a->n].mailbox);
        mem_free(a->items[a->n].device_id);
        return err_nomem(err);
    }
    a->n++;
    return EASG_OK;
}

void adopt_clear(struct sync_adopt *a)
{
    size_t i;

    for (i = 0; i < a->n; i++) {
        mem_free(a->items[i].mailbox);
        mem_free(a->items[i].device_id);
    }
    mem_free(a->items);
    memset(a, 0, sizeof *a);
}

/* The next field, its quotes and the blanks around it taken away; NULL past the last one. */
static char *field(char **at)
{
    char *from = *at, *to, *end;

    if (!from)
        return NULL;
    from += strspn(from, " \t");
    if (*from == '"') {
        to = ++from;
        for (end = from; *end && !(end[0] == '"' && end[1] != '"'); end++) {
            if (end[0] == '"')
                end++;
            *to++ = *end;
        }
        end += *end == '"';
        end += strcspn(end, ",");
        *at = *end ? end + 1 : NULL;
        *to = '\0';
        return from;
    }
    end = from + strcspn(from, ",");
    *at = *end ? end + 1 : NULL;
    *end = '\0';
    for (end = from + strlen(from); end > from && strchr(" \t\r", end[-1]); end--)
        end[-1] = '\0';
    return from;
}

static easg_status read_entry(char *line, long number, struct sync_adopt *out, easg_error *err)
{
    char *at = line;
    char *mailbox = field(&at), *device_id = field(&at), *list = field(&at);
    uint32_t lists = 0;

    if (number == 1 && mailbox && device_id && strcmp(device_id, "device_id") == 0)
        return EASG_OK; /* the head */
    if (!device_id || !*device_id)
        return err_set(err, EASG_E_CONFIG, "expected mailbox,device_id[,allowed|blocked]");
    if (list && *list) {
        lists = strcmp(list, "allowed") == 0   ? EASG_LISTED_ALLOWED
                : strcmp(list, "blocked") == 0 ? EASG_LISTED_BLOCKED
                                               : 0;
        if (!lists)
            return err_set(err, EASG_E_CONFIG, "the third field is allowed or blocked");
    }
    return adopt_add(out, mailbox, device_id, lists, err);
}

easg_status adoptfile_read(const char *path, struct sync_adopt *out, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    char line[LINE_MAX_BYTES], safe[CLI_SAFE];
    FILE *f = fs_fopen(path, "rb");
    easg_status st = EASG_OK;
    long number = 0;
    size_t n;

    if (!f)
        return err_set(err, EASG_E_NOTFOUND, "%s: cannot be opened for reading",
                       cli_safe(path, safe));
    while (st == EASG_OK && fgets(line, sizeof line, f)) {
        number++;
        n = strcspn(line, "\r\n");
        if (!line[n] && !feof(f))
            st = err_set(&why, EASG_E_LIMIT, "the line is too long");
        line[n] = '\0';
        if (st == EASG_OK && line[strspn(line, " \t")] && line[0] != '#')
            st = read_entry(line, number, out, &why);
    }
    if (st == EASG_OK && ferror(f))
        st = err_set(&why, EASG_E_FAIL, "the file cannot be read to its end");
    if (st == EASG_OK && out->n == 0)
        st = err_set(&why, EASG_E_CONFIG, "the file names no entry");
    fclose(f);
    if (st != EASG_OK)
        err_set(err, st, "%s:%ld: %s", cli_safe(path, safe), number, why.message);
    return st;
}
