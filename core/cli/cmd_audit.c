/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_audit.c - `easgate audit ORG [list|verify]`: the audit trail, and whether its chain is whole.
 */
#include "verbs.h"

#include "age.h"
#include "err.h"
#include "table.h"

#include <string.h>

enum { TEXT_LIMIT = 50 };

struct values {
    const char *org;
    const char *action;
    const char *run;
    int64_t limit;
};

static int verify(struct cli *cli, struct store *s, const char *org)
{
    easg_error err = EASG_ERROR_INIT;
    int64_t rows = 0, bad = 0;
    char safe[CLI_SAFE];
    struct jsonout j;
    easg_status st;
    int code;

    st = store_audit_verify(s, &rows, &bad, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    code = bad ? CLI_FAILED : CLI_DONE;
    if (cli->json) {
        cli_json_begin(cli, &j);
        json_text(&j, "organization", org);
        json_bool(&j, "whole", bad == 0);
        json_int(&j, "rows", rows);
        if (bad)
            json_int(&j, "first_broken", bad);
        return cli_json_end(cli, &j, code);
    }
    if (bad)
        printf("%s: the audit chain is broken at row %lld: that row or one before it was changed\n",
               cli_safe(org, safe), (long long)bad);
    else
        printf("%s: the audit chain is whole, %lld rows\n", cli_safe(org, safe), (long long)rows);
    return code;
}

static easg_status print_row(void *user, const struct store_row *row, easg_error *err)
{
    (void)err;
    table_row(user, (const char *const[]){ store_row_text(row, 0), store_row_text(row, 1),
                                           store_row_text(row, 2), store_row_text(row, 3),
                                           store_row_text(row, 4) });
    return EASG_OK;
}

/* The newest, oldest first. */
#define ROWS                                                                                       \
    "SELECT * FROM (SELECT seq, at, event, subject, detail, run, hash FROM v_audit"                \
    " WHERE ?1 IS NULL OR substr(run, 1, length(?1)) = ?1 ORDER BY seq DESC LIMIT ?2) ORDER BY "   \
    "seq"

static int list(struct cli *cli, struct store *s, const struct values *v)
{
    static const struct table_column columns[] = {
        {"ROW",      TABLE_RIGHT},
        { "TIME",    0          },
        { "EVENT",   0          },
        { "SUBJECT", TABLE_FLEX },
        { "DETAIL",  TABLE_FLEX }
    };
    int64_t limit = v->limit == 0 ? -1 : v->limit > 0 ? v->limit : cli->json ? -1 : TEXT_LIMIT;
    const struct store_arg args[] = { STORE_ARG_TEXT(v->run), STORE_ARG_INT(limit) };
    easg_error err = EASG_ERROR_INIT;
    struct table *t;
    struct jsonout j;
    easg_status st;

    if (cli->json) {
        cli_json_begin(cli, &j);
        json_text(&j, "organization", v->org);
        st = query_json(s, ROWS, args, 2, &j, "audit", &err);
        cli->failed_json = 1;
        if (cli_json_end(cli, &j, CLI_DONE) != CLI_DONE && st == EASG_OK)
            return CLI_FAILED;
    } else {
        t = table_create(stdout, columns, 5, cli_width(), 0);
        st = t ? store_query(s, ROWS, args, 2, print_row, t, &err) : err_nomem(&err);
        table_finish(t);
    }
    return st == EASG_OK ? CLI_DONE : cli_fail(cli, st, &err);
}

static int run_audit(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    easg_status st;
    int code;

    st = cli_open_store(cli, v->org, &s, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (v->action && strcmp(v->action, "verify") == 0)
        code = verify(cli, s, v->org);
    else
        code = list(cli, s, v);
    store_close(s);
    return code;
}

static const struct arg_spec args[] = {
    {.type = ARG_OPERAND,
     .name = "ORG",
     .offset = offsetof(struct values, org),
     .required = 1,
     .doc = "the organisation" },
    { .type = ARG_OPERAND,
     .name = "ACTION",
     .offset = offsetof(struct values, action),
     .choices = "list|verify",
     .doc = "list (the default), or check the chain" },
    { .type = ARG_TEXT,
     .name = "run",
     .offset = offsetof(struct values, run),
     .value = "RUN",
     .doc = "only rows of this run; the start of its name is enough" },
    { .type = ARG_NUMBER,
     .name = "limit",
     .offset = offsetof(struct values, limit),
     .value = "N",
     .doc = "the newest N; 0: all (the default is 50 in text)" },
    { .type = ARG_END                }
};

const struct verb verb_audit = {
    .name = "audit",
    .summary = "show the audit trail, or verify its chain",
    .text = "Every row holds the SHA-256 of the row before it, so a row that was changed or taken\n"
            "out later shows. `verify` exits with 1 and names the first broken row.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_audit
};
