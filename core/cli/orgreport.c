/* SPDX-License-Identifier: Apache-2.0
 *
 * orgreport.c - what is decided for everybody, in a table.
 */
#include "orgreport.h"

#include "err.h"
#include "table.h"

enum { CHANGES_MAX = 200, HELD_MAX = 10 };

static const char *shown(const struct record *r, const char *name)
{
    const char *v = record_null(r, name);

    return !v ? "(none)" : !*v ? "(empty)" : v;
}

easg_status orgreport_print(struct store *s, const char *sql, const struct store_arg *args,
                            size_t n, easg_error *err)
{
    static const struct table_column columns[] = {
        { "FOR EVERYBODY", TABLE_FLEX }, { "VERB", 0 },  { "BEFORE", TABLE_FLEX },
        { "AFTER", TABLE_FLEX },         { "STATE", 0 }, { "REASON", TABLE_FLEX }
    };
    struct records r = { 0 };
    struct table *t;
    easg_status st = query_records(s, sql, args, n, CHANGES_MAX, &r, err);

    if (st != EASG_OK || !r.n) {
        records_clear(&r);
        return st;
    }
    t = table_create(stdout, columns, sizeof(columns) / sizeof(columns[0]), cli_width(), 2);
    if (!t)
        st = err_nomem(err);
    for (size_t i = 0; t && i < r.n; i++) {
        const struct record *c = &r.items[i];

        table_row(t, (const char *const[]){ record_get(c, "name"), record_get(c, "verb"),
                                            shown(c, "before"), shown(c, "after"),
                                            record_get(c, "state"),
                                            *record_get(c, "error") ? record_get(c, "error")
                                                                    : record_get(c, "reason") });
    }
    if (t)
        table_finish(t);
    if (r.more)
        printf("  and more than %d; --json shows all\n", CHANGES_MAX);
    records_clear(&r);
    return st;
}

easg_status orgreport_held(struct store *s, const char *org, easg_error *err)
{
    struct records r = { 0 };
    char safe[CLI_SAFE];
    easg_status st = query_records(s,
                                   "SELECT run, count(*) AS n FROM v_org_changes WHERE state ="
                                   " 'held' GROUP BY run ORDER BY max(id)",
                                   NULL, 0, HELD_MAX, &r, err);

    if (r.n)
        printf("held: changes for everybody that could lock many out, or let many in\n");
    for (size_t i = 0; st == EASG_OK && i < r.n; i++)
        printf("  easgate approve %s %s --policy  (%s changes)\n", cli_safe(org, safe),
               record_get(&r.items[i], "run"), record_get(&r.items[i], "n"));
    records_clear(&r);
    return st;
}
