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
    const char *format;
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
    static const struct table_column columns[] = { { "ROW", TABLE_RIGHT },
                                                   { "TIME", 0 },
                                                   { "EVENT", 0 },
                                                   { "SUBJECT", TABLE_FLEX },
                                                   { "DETAIL", TABLE_FLEX } };
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

/* ---- export ---- */

/* Line ends, backslashes and what is special at the place are escaped, as CEF wants it. */
static void add_cef(struct strbuf *b, const char *s, const char *special)
{
    for (; s && *s; s++) {
        if (*s == '\n' || *s == '\r') {
            strbuf_adds(b, *s == '\n' ? "\\n" : "\\r");
            continue;
        }
        if (*s == '\\' || strchr(special, *s))
            strbuf_addc(b, '\\');
        strbuf_addc(b, *s);
    }
}

static int severity(const char *event)
{
    if (strncmp(event, "guard.", 6) == 0 || strncmp(event, "hold.", 5) == 0)
        return 8;
    if (strstr(event, "fail"))
        return 6;
    return strncmp(event, "action.", 7) == 0 || strncmp(event, "ledger.", 7) == 0 ? 5 : 3;
}

struct export {
    const char *org;
    int cef;
};

enum { SEQ, AT, EVENT, SUBJECT, DETAIL, RUN, HASH, COLUMNS };

static void export_cef(struct strbuf *b, const char *org, const char *const text[COLUMNS])
{
    strbuf_adds(b, "CEF:0|easgate|easgate|" EASGATE_VERSION "|");
    add_cef(b, text[EVENT], "|");
    strbuf_addc(b, '|');
    add_cef(b, text[EVENT], "|");
    strbuf_addf(b, "|%d|rt=%lld externalId=%s dvchost=%s duid=", severity(text[EVENT]),
                (long long)cli_time(text[AT]), text[SEQ], org);
    add_cef(b, text[SUBJECT], "=");
    strbuf_adds(b, " cs1Label=run cs1=");
    add_cef(b, text[RUN], "=");
    strbuf_adds(b, " cs2Label=hash cs2=");
    add_cef(b, text[HASH], "=");
    strbuf_adds(b, " msg=");
    add_cef(b, text[DETAIL], "=");
}

static void add_member(struct strbuf *b, const char *name, const char *text)
{
    strbuf_addf(b, ",\"%s\":\"", name);
    strbuf_add_json(b, text, strlen(text));
    strbuf_addc(b, '"');
}

static void export_json(struct strbuf *b, const char *org, const char *const text[COLUMNS])
{
    strbuf_addf(b, "{\"schema\":\"easgate.audit-row/1\",\"organization\":\"%s\",\"seq\":%s", org,
                text[SEQ]);
    add_member(b, "at", text[AT]);
    add_member(b, "event", text[EVENT]);
    add_member(b, "subject", text[SUBJECT]);
    strbuf_addf(b, ",\"detail\":%s", text[DETAIL]); /* an object, as it was sealed */
    add_member(b, "run", text[RUN]);
    add_member(b, "hash", text[HASH]);
    strbuf_addc(b, '}');
}

static easg_status export_row(void *user, const struct store_row *row, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(256 * 1024);
    const struct export *x = user;
    const char *text[COLUMNS];
    size_t i;

    for (i = 0; i < COLUMNS; i++)
        text[i] = store_row_text(row, i) ? store_row_text(row, i) : "";
    if (x->cef)
        export_cef(&b, x->org, text);
    else
        export_json(&b, x->org, text);
    strbuf_addc(&b, '\n');
    if (strbuf_status(&b) != EASG_OK)
        return err_set(err, strbuf_status(&b), "audit row %s is too long", text[SEQ]);
    return fputs(strbuf_str(&b), stdout) >= 0
               ? EASG_OK
               : err_set(err, EASG_E_FAIL, "standard output cannot be written");
}

static int export_rows(struct cli *cli, struct store *s, const struct values *v)
{
    const struct store_arg args[] = { STORE_ARG_TEXT(v->run),
                                      STORE_ARG_INT(v->limit > 0 ? v->limit : -1) };
    struct export x = { v->org, v->format && strcmp(v->format, "cef") == 0 };
    easg_error err = EASG_ERROR_INIT;
    easg_status st = store_query(s, ROWS, args, 2, export_row, &x, &err);

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
    else if (v->action && strcmp(v->action, "export") == 0)
        code = export_rows(cli, s, v);
    else
        code = list(cli, s, v);
    store_close(s);
    return code;
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_OPERAND,
      .name = "ACTION",
      .offset = offsetof(struct values, action),
      .choices = "list|verify|export",
      .doc = "list (the default), check the chain, or write all rows for another tool" },
    { .type = ARG_TEXT,
      .name = "format",
      .offset = offsetof(struct values, format),
      .choices = "jsonl|cef",
      .doc = "of export: JSON lines (the default), or the Common Event Format" },
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
    { .type = ARG_END }
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
