/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_devices.c - `easgate devices ORG`: the partnerships, filtered.
 */
#include "verbs.h"

#include "age.h"
#include "err.h"
#include "table.h"

#include <string.h>

enum { TEXT_LIMIT = 100 };

struct values {
    const char *org;
    const char *access;
    const char *verdict;
    const char *row;
    const char *compliance;
    const char *user;
    int64_t limit;
};

struct context {
    struct table *table;
    easg_time now;
};

static const struct table_column columns[] = {
    {"USER",       TABLE_FLEX},
    { "DEVICE ID", TABLE_FLEX},
    { "TYPE",      TABLE_FLEX},
    { "ACCESS",    0         },
    { "LISTED",    0         },
    { "VERDICT",   0         },
    { "LAST SYNC", 0         }
};

static easg_status print_row(void *user, const struct store_row *row, easg_error *err)
{
    struct context *c = user;
    char listed[48], verdict[32], age[AGE_SIZE];
    const char *list = store_row_text(row, 4);
    const char *ours = store_row_text(row, 5);
    const char *action = store_row_text(row, 6);
    const char *number = store_row_text(row, 7);
    const char *last = store_row_text(row, 8);

    (void)err;
    /* whose entry it is decides what we may do with it */
    if (!list || strcmp(list, "none") == 0)
        snprintf(listed, sizeof(listed), "-");
    else
        snprintf(listed, sizeof(listed), "%.20s%s", list,
                 ours && strcmp(ours, list) == 0 ? " (ours)" : "");
    snprintf(verdict, sizeof(verdict), "%.12s %.4s", action ? action : "-", number ? number : "");
    table_row(c->table,
              (const char *const[]){ store_row_text(row, 0), store_row_text(row, 1),
                                     store_row_text(row, 2), store_row_text(row, 3), listed,
                                     verdict, last ? age_text(last, c->now, age) : NULL });
    return EASG_OK;
}

/* Each filter is there in every statement and lets all through when its parameter is NULL: one
 * constant text, nothing is put together from what was typed. */
#define FILTERS                                                                                    \
    " WHERE (?1 IS NULL OR access = ?1) AND (?2 IS NULL OR ifnull(verdict, 'none') = ?2)"          \
    " AND (?3 IS NULL OR row = ?3 COLLATE NOCASE)"                                                 \
    " AND (?4 IS NULL OR ifnull(compliance, 'none') = ?4)"                                         \
    " AND (?5 IS NULL OR user = ?5 COLLATE NOCASE OR smtp = ?5 COLLATE NOCASE"                     \
    " OR mailbox = ?5 COLLATE NOCASE)"
#define ORDER " ORDER BY user, device_id, key LIMIT ?6"

static easg_status print_text(struct cli *cli, struct store *s, const struct store_arg *args,
                              int64_t limit, const char *org, easg_error *err)
{
    struct context c = { NULL, cli->now };
    int64_t total = 0, shown;
    char safe[CLI_SAFE];
    easg_status st;

    c.table = table_create(stdout, columns, sizeof(columns) / sizeof(columns[0]), cli_width(), 0);
    if (!c.table)
        return err_nomem(err);
    st = store_query(s,
                     "SELECT ifnull(user, ifnull(smtp, mailbox)), device_id, ifnull(type, model),"
                     " access, listed, ours, verdict, row, last_sync"
                     " FROM v_devices" FILTERS ORDER,
                     args, 6, print_row, &c, err);
    shown = (int64_t)table_finish(c.table);
    if (st != EASG_OK)
        return st;
    if (shown == 0)
        printf("no device of %s fits\n", cli_safe(org, safe));
    if (limit < 0 || shown < limit)
        return EASG_OK;
    st = query_int(s, "SELECT count(*) FROM v_devices" FILTERS, args, 5, 0, &total, err);
    if (st == EASG_OK && total > shown)
        printf("%lld of %lld devices; --limit 0 shows all\n", (long long)shown, (long long)total);
    return st;
}

static int run_devices(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    struct jsonout j;
    int64_t limit = v->limit == 0 ? -1 : v->limit > 0 ? v->limit : cli->json ? -1 : TEXT_LIMIT;
    const struct store_arg args[] = { STORE_ARG_TEXT(v->access), STORE_ARG_TEXT(v->verdict),
                                      STORE_ARG_TEXT(v->row),    STORE_ARG_TEXT(v->compliance),
                                      STORE_ARG_TEXT(v->user),   STORE_ARG_INT(limit) };
    easg_status st;
    int code = CLI_DONE;

    st = cli_open_store(cli, v->org, &s, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (cli->json) {
        cli_json_begin(cli, &j);
        json_text(&j, "organization", v->org);
        st = query_json(s, "SELECT * FROM v_devices" FILTERS ORDER, args, 6, &j, "devices", &err);
        if (st != EASG_OK) {
            json_text(&j, "error", err.message);
            cli->failed_json = 1;
        }
        code = cli_json_end(cli, &j, CLI_DONE);
    } else {
        st = print_text(cli, s, args, limit, v->org, &err);
    }
    store_close(s);
    return st == EASG_OK ? code : cli_fail(cli, st, &err);
}

static const struct arg_spec args[] = {
    {.type = ARG_OPERAND,
     .name = "ORG",
     .offset = offsetof(struct values, org),
     .required = 1,
     .doc = "the organisation" },
    { .type = ARG_TEXT,
     .name = "access",
     .offset = offsetof(struct values, access),
     .choices = "allowed|blocked|quarantined|discovery|unknown",
     .doc = "what Exchange said at the device's last request" },
    { .type = ARG_TEXT,
     .name = "verdict",
     .offset = offsetof(struct values, verdict),
     .choices = "allow|block|withdraw|leave|none",
     .doc = "what easgate decided" },
    { .type = ARG_TEXT,
     .name = "row",
     .offset = offsetof(struct values, row),
     .value = "ROW",
     .doc = "the row of the table that decided: D11" },
    { .type = ARG_TEXT,
     .name = "compliance",
     .offset = offsetof(struct values, compliance),
     .choices = "compliant|grace|noncompliant|conflict|error|unknown|external|none",
     .doc = "what the device manager says" },
    { .type = ARG_TEXT,
     .name = "user",
     .offset = offsetof(struct values, user),
     .value = "WHO",
     .doc = "UPN, address or mailbox GUID" },
    { .type = ARG_NUMBER,
     .name = "limit",
     .offset = offsetof(struct values, limit),
     .value = "N",
     .doc = "at most N; 0: all (the default is 100 in text)" },
    { .type = ARG_END                                       }
};

const struct verb verb_devices = { .name = "devices",
                                   .summary = "list the devices of an organisation",
                                   .args = args,
                                   .size = sizeof(struct values),
                                   .run = run_devices };
