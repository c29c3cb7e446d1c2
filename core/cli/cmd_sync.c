/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_sync.c - `easgate sync`, `easgate plan`: one run now, in a worker process.
 */
#include "verbs.h"

#include "err.h"
#include "planfile.h"

#include <string.h>

enum { TEXT_LIMIT = 20, PLAN_LIMIT = 100 };

struct values {
    const char *org;
    const char *user;
    const char *out;
    int full, quick, dry_run, retry, verbose;
    int64_t limit;
};

/* Full when asked for, or when there was none yet: a quick one builds on it. */
static easg_status choose_kind(struct cli *cli, const struct values *v, const char **kind,
                               easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *last_full = NULL;
    struct store *s = NULL;
    easg_status st;

    if (v->full + v->quick + (v->user != NULL) > 1)
        return err_set(err, EASG_E_USAGE, "only one of --full, --quick and --user goes");
    *kind = v->user ? "user" : v->quick ? "quick" : "full";
    if (v->full || v->quick || v->user)
        return EASG_OK;
    st = cli_open_store(cli, v->org, &s, err);
    if (st == EASG_E_NOTFOUND) { /* never synchronised, or no such organisation: the worker tells */
        err_clear(err);
        return EASG_OK;
    }
    if (st == EASG_OK)
        st = query_org(s, "last_full", &last_full, err);
    if (st == EASG_OK && last_full)
        *kind = "quick";
    store_close(s);
    return st;
}

static int save(struct cli *cli, const struct start *start, const char *run_id, const char *config,
                const char *out, int code)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    char safe[CLI_SAFE];
    easg_status st = cli_open_store(cli, start->org, &s, &err);

    if (st == EASG_OK)
        st = planfile_write(out, s, start->org, run_id, config, cli->now, &err);
    store_close(s);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (!cli->json)
        printf("the plan is in %s; easgate apply %s %s carries it out\n", cli_safe(out, safe),
               start->org, safe);
    return code;
}

static int run_one(struct cli *cli, const struct start *start, int64_t limit, const char *out)
{
    easg_error err = EASG_ERROR_INIT;
    struct org_config *org = NULL;
    char run_id[37], digest[72] = "";
    easg_status st;
    int code;

    /* what can be told before a process is started is told here, with its exit code */
    st = cli_check_org_name(start->org, &err);
    if (st == EASG_OK)
        st = cli_load_agent(cli, &err);
    if (st == EASG_OK)
        st = org_config_find(cli->agent, start->org, &org, &err);
    if (st == EASG_OK && !org->enabled)
        st = err_set(&err, EASG_E_CONFIG, "%s is switched off (enabled: false in its file)",
                     start->org);
    if (st == EASG_OK)
        snprintf(digest, sizeof(digest), "%s", org->digest);
    org_config_destroy(org);
    if (st == EASG_OK)
        st = start_worker(cli, start, run_id, &code, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st == EASG_E_NOTFOUND ? EASG_E_CONFIG : st, &err);
    code = report_run(cli, start, run_id, code, limit);
    return out && (code == CLI_DONE || code == CLI_CHANGES)
               ? save(cli, start, run_id, digest, out, code)
               : code;
}

static int run_sync(struct cli *cli, void *values)
{
    const struct values *v = values;
    struct start start = {
        .org = v->org,
        .user = v->user,
        .dry_run = v->dry_run,
        .retry = v->retry,
        .verbose = v->verbose
    };
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    st = choose_kind(cli, v, &start.kind, &err);
    if (st == EASG_E_USAGE) {
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    return run_one(cli, &start,
                   v->limit >= 0 ? v->limit
                   : v->dry_run  ? PLAN_LIMIT
                                 : TEXT_LIMIT,
                   NULL);
}

static int run_plan(struct cli *cli, void *values)
{
    const struct values *v = values;
    struct start start = { .org = v->org,
                           .kind = v->user ? "user" : "full",
                           .user = v->user,
                           .dry_run = 1,
                           .verbose = v->verbose };

    return run_one(cli, &start, v->limit >= 0 ? v->limit : PLAN_LIMIT, v->out);
}

static const struct arg_spec sync_args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_FLAG,
      .name = "full",
      .offset = offsetof(struct values, full),
      .doc = "list everything (the default when there was none yet)" },
    { .type = ARG_FLAG,
      .name = "quick",
      .offset = offsetof(struct values, quick),
      .doc = "list what changed (the default otherwise)" },
    { .type = ARG_TEXT,
      .name = "user",
      .offset = offsetof(struct values, user),
      .value = "WHO",
      .doc = "one mailbox: UPN, address or mailbox GUID" },
    { .type = ARG_FLAG,
      .name = "dry-run",
      .offset = offsetof(struct values, dry_run),
      .doc = "decide and print; write nothing to Exchange" },
    { .type = ARG_FLAG,
      .name = "retry",
      .offset = offsetof(struct values, retry),
      .doc = "one attempt in spite of a hold, when the account was unlocked" },
    { .type = ARG_NUMBER,
      .name = "limit",
      .offset = offsetof(struct values, limit),
      .value = "N",
      .doc = "print at most N changes; 0: all" },
    { .type = ARG_FLAG,
      .name = "verbose",
      .offset = offsetof(struct values, verbose),
      .doc = "log as the agent does, on standard error" },
    { .type = ARG_END }
};

const struct verb verb_sync = {
    .name = "sync",
    .summary = "synchronise an organisation now",
    .text = "Runs the same worker as `easgate run` does and prints what it found, decided and\n"
            "changed. In mode audit, and with --dry-run, nothing is written to Exchange.\n",
    .args = sync_args,
    .size = sizeof(struct values),
    .run = run_sync
};

/* A plan for one mailbox is no plan that could be carried out as a whole. */
static int run_plan_checked(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;

    if (v->out && v->user) {
        err_set(&err, EASG_E_CONFIG, "--out saves a plan of the whole organisation, not of --user");
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    return run_plan(cli, values);
}

static const struct arg_spec plan_args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_TEXT,
      .name = "user",
      .offset = offsetof(struct values, user),
      .value = "WHO",
      .doc = "one mailbox: UPN, address or mailbox GUID" },
    { .type = ARG_TEXT,
      .name = "out",
      .offset = offsetof(struct values, out),
      .value = "FILE",
      .doc = "save the plan for `easgate apply`" },
    { .type = ARG_NUMBER,
      .name = "limit",
      .offset = offsetof(struct values, limit),
      .value = "N",
      .doc = "print at most N changes; 0: all (the default is 100)" },
    { .type = ARG_FLAG,
      .name = "verbose",
      .offset = offsetof(struct values, verbose),
      .doc = "log as the agent does, on standard error" },
    { .type = ARG_END }
};

const struct verb verb_plan = {
    .name = "plan",
    .summary = "show what a synchronisation would change in Exchange",
    .text =
        "A full synchronisation that writes nothing to Exchange. Exit code 2: there is something\n"
        "to change; 0: there is nothing.\n",
    .args = plan_args,
    .size = sizeof(struct values),
    .run = run_plan_checked
};
