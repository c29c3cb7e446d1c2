/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_apply.c - `easgate apply ORG FILE`: a full synchronisation that goes on only when what it
 * would change is just what a saved plan says.
 */
#include "verbs.h"

#include "err.h"
#include "planfile.h"
#include "table.h"

#include <string.h>

struct values {
    const char *org, *file;
    int64_t limit;
    int verbose;
};

enum { MOVED_MAX = 20 };

/* What can be told before anybody is asked. */
static easg_status check_head(const struct plan_head *h, const struct org_config *org,
                              const char *path, easg_error *err)
{
    char safe[CLI_SAFE];

    cli_safe(path, safe);
    if (strcmp(h->org, org->name) != 0)
        return err_set(err, EASG_E_CONFLICT, "%s is a plan of %.64s, not of %s", safe, h->org,
                       org->name);
    if (strcmp(h->config, org->digest) != 0)
        return err_set(err, EASG_E_CONFLICT,
                       "%s is stale: the configuration of %s has changed since %.40s (SHA-256 "
                       "%.12s then, %.12s now); make a new plan",
                       safe, org->name, h->made_at, h->config, org->digest);
    return EASG_OK;
}

static easg_status load(struct cli *cli, const struct values *v, easg_error *err)
{
    struct sync_plan_file plan = { 0 };
    struct org_config *org = NULL;
    struct plan_head head;
    easg_status st;

    st = cli_check_org_name(v->org, err);
    if (st == EASG_OK)
        st = cli_load_agent(cli, err);
    if (st == EASG_OK) {
        st = org_config_find(cli->agent, v->org, &org, err);
        st = st == EASG_E_NOTFOUND ? EASG_E_CONFIG : st;
    }
    if (st == EASG_OK)
        st = planfile_read(v->file, &head, &plan, err);
    if (st == EASG_OK)
        st = check_head(&head, org, v->file, err);
    if (st == EASG_OK && org->mode != ORG_ENFORCE)
        st = err_set(err, EASG_E_UNSUPPORTED,
                     "the organisation is in mode audit, nothing is written to Exchange; set mode: "
                     "enforce in %s.yaml and make the plan anew",
                     org->name);
    planfile_clear(&plan);
    org_config_destroy(org);
    return st;
}

/* Which inputs moved, and the rows that the worker found different. */
static void print_moved(struct cli *cli, const char *org, const char *run_id)
{
    static const struct table_column columns[] = { { "DEVICE ID", TABLE_FLEX },
                                                   { "VERB", 0 },
                                                   { "MOVED", TABLE_FLEX } };
    const struct store_arg run = STORE_ARG_TEXT(run_id);
    easg_error err = EASG_ERROR_INIT;
    struct records r = { 0 };
    struct store *s = NULL;
    struct table *t = NULL;
    size_t i;

    if (cli->json || cli_open_store(cli, org, &s, &err) != EASG_OK)
        return;
    if (query_records(
            s,
            "SELECT json_extract(detail, '$.device_id') AS id,"
            " json_extract(detail, '$.verb') AS verb, json_extract(detail, '$.why') AS why"
            " FROM v_audit WHERE run = ?1 AND event = 'plan.moved' ORDER BY seq",
            &run, 1, MOVED_MAX, &r, &err) == EASG_OK &&
        r.n && (t = table_create(stdout, columns, 3, cli_width(), 2)) != NULL) {
        printf("what moved since the plan was made:\n");
        for (i = 0; i < r.n; i++)
            table_row(t, (const char *const[]){ record_get(&r.items[i], "id"),
                                                record_get(&r.items[i], "verb"),
                                                record_get(&r.items[i], "why") });
        table_finish(t);
        if (r.more)
            printf("  and more; easgate audit %s --run %.8s lists them\n", org, run_id);
    }
    records_clear(&r);
    store_close(s);
    fflush(stdout);
}

static int run_apply(struct cli *cli, void *values)
{
    const struct values *v = values;
    struct start start = { .org = v->org, .kind = "full", .plan = v->file, .verbose = v->verbose };
    easg_error err = EASG_ERROR_INIT;
    char run_id[37];
    easg_status st;
    int code;

    st = load(cli, v, &err);
    if (st == EASG_OK)
        st = start_worker(cli, &start, run_id, &code, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    code = report_run(cli, &start, run_id, code, v->limit >= 0 ? v->limit : 20);
    if (code == CLI_FAILED)
        print_moved(cli, v->org, run_id);
    return code;
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_OPERAND,
      .name = "FILE",
      .offset = offsetof(struct values, file),
      .required = 1,
      .doc = "what `easgate plan ORG --out FILE` wrote" },
    { .type = ARG_NUMBER,
      .name = "limit",
      .offset = offsetof(struct values, limit),
      .value = "N",
      .doc = "print at most N changes; 0: all (the default is 20)" },
    { .type = ARG_FLAG,
      .name = "verbose",
      .offset = offsetof(struct values, verbose),
      .doc = "log as the agent does, on standard error" },
    { .type = ARG_END }
};

const struct verb verb_apply = {
    .name = "apply",
    .summary = "carry out a saved plan, unless it is stale",
    .text =
        "Lists and decides everything anew. When what would be changed is just what the plan\n"
        "says, it is changed; otherwise nothing is, and what moved is printed (exit code 1).\n"
        "Changes that a brake holds stay held: `easgate approve` lets them go. A plan that was\n"
        "carried out already changes nothing.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_apply
};
