/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_worker.c - `easgate worker`: the process behind a run. Started by the supervisor and by the
 * verbs, never typed.
 */
#include "verbs.h"

#include "err.h"
#include "log.h"
#include "worker.h"

#include <string.h>

struct values {
    const char *org, *kind, *run, *user, *approve, *trigger, *level;
    struct arg_list devices;
    int dry_run;
};

#define KINDS "full|quick|user|apply"

static enum worker_kind kind_of(const char *word)
{
    switch (word[0]) {
    case 'q': return WORKER_QUICK;
    case 'u': return WORKER_USER;
    case 'a': return WORKER_APPLY;
    default: return WORKER_FULL;
    }
}

static easg_level level_of(const char *word, easg_level otherwise)
{
    static const char *const words[] = { "error", "warning", "info", "debug", "trace" };
    size_t i;

    for (i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i], word) == 0)
            return (easg_level)i;
    return otherwise;
}

static int run_worker(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    struct worker_args args = { 0 };
    struct log_options options = { 0 };
    struct log *log;
    easg_status st;
    int code;

    st = cli_check_org_name(v->org, &err);
    if (st == EASG_OK)
        st = cli_load_agent(cli, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if ((strcmp(v->kind, "user") == 0) != (v->user != NULL) ||
        (strcmp(v->kind, "apply") != 0 && (v->approve || v->devices.n))) {
        err_set(&err, EASG_E_CONFIG, "--user goes with --kind user, --approve with --kind apply");
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    options.level = level_of(v->level, cli->agent->log_level);
    options.format = cli_log_format(cli->agent);
    options.debug = cli->agent->log_debug;
    log = log_open(&options);
    args.agent = cli->agent;
    args.org = v->org;
    args.kind = kind_of(v->kind);
    args.run_id = v->run;
    args.user = v->user;
    args.approve_run = v->approve;
    args.approve_devices = v->devices.items;
    args.n_approve_devices = v->devices.n;
    args.dry_run = v->dry_run;
    args.trigger = v->trigger ? v->trigger : "operator";
    code = worker_run(&args, log);
    log_close(log);
    return code;
}

static const struct arg_spec specs[] = {
    {.type = ARG_OPERAND,               .name = "ORG", .offset = offsetof(struct values, org), .required = 1 },
    { .type = ARG_TEXT,
     .name = "kind",
     .offset = offsetof(struct values, kind),
     .choices = KINDS,
     .required = 1,
     .doc = "what to do" },
    { .type = ARG_TEXT,
     .name = "run",
     .offset = offsetof(struct values, run),
     .value = "UUID",
     .required = 1,
     .doc = "name of the run" },
    { .type = ARG_TEXT,
     .name = "user",
     .offset = offsetof(struct values, user),
     .value = "WHO",
     .doc = "the mailbox of --kind user" },
    { .type = ARG_FLAG,
     .name = "dry-run",
     .offset = offsetof(struct values, dry_run),
     .doc = "write nothing to Exchange" },
    { .type = ARG_TEXT,
     .name = "approve",
     .offset = offsetof(struct values, approve),
     .value = "RUN",
     .doc = "approve what this run holds" },
    { .type = ARG_LIST,
     .name = "device",
     .offset = offsetof(struct values, devices),
     .value = "KEY",
     .doc = "only this device" },
    { .type = ARG_TEXT,
     .name = "trigger",
     .offset = offsetof(struct values, trigger),
     .choices = "schedule|operator",
     .doc = "who started it" },
    { .type = ARG_TEXT,
     .name = "log-level",
     .offset = offsetof(struct values, level),
     .choices = "error|warning|info|debug|trace",
     .doc = "instead of that of easgate.yaml" },
    { .type = ARG_END                  }
};

const struct verb verb_worker = { .name = "worker",
                                  .summary = "one run, one process (internal)",
                                  .args = specs,
                                  .size = sizeof(struct values),
                                  .run = run_worker,
                                  .hidden = 1 };
