/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_worker.c - `easgate worker`: the process behind a run. Started by the supervisor and by the
 * verbs, never typed.
 */
#include "verbs.h"

#include <easgate/draft/device_command.h>

#include "err.h"
#include "log.h"
#include "planfile.h"
#include "worker.h"

#include <string.h>

struct values {
    const char *org, *kind, *run, *user, *approve, *trigger, *level, *plan, *list, *file, *command,
        *token;
    struct arg_list devices;
    int policy, confirm;
    int dry_run, retry, told;
};

#define KINDS "full|quick|user|apply|release|adopt|device"

static enum worker_kind kind_of(const char *word)
{
    static const char *const words[] = { "full",    "quick", "user",  "apply",
                                         "release", "adopt", "device" };
    size_t i;

    for (i = 1; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i]) == 0)
            return (enum worker_kind)i;
    return WORKER_FULL;
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

/* What files say that the run needs. */
struct work {
    struct plan_head head;
    struct sync_plan_file plan;
    struct sync_adopt adopt;
};

static void clear_work(struct work *w)
{
    planfile_clear(&w->plan);
    adopt_clear(&w->adopt);
}

static easg_status load_work(const struct values *v, struct work *w, easg_error *err)
{
    easg_status st = EASG_OK;
    size_t i;

    if (v->plan)
        return planfile_read(v->plan, &w->head, &w->plan, err);
    if (strcmp(v->kind, "adopt") != 0)
        return EASG_OK;
    if (v->file)
        st = adoptfile_read(v->file, &w->adopt, err);
    for (i = 0; st == EASG_OK && i < v->devices.n; i++)
        st = adopt_add(&w->adopt, NULL, v->devices.items[i], 0, err);
    w->adopt.lists = !v->list                          ? EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED
                     : strcmp(v->list, "allowed") == 0 ? EASG_LISTED_ALLOWED
                                                       : EASG_LISTED_BLOCKED;
    return st;
}

static int run_worker(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    struct worker_args args = { 0 };
    struct log_options options = { 0 };
    struct work work = { 0 };
    struct sync_command command = { 0 };
    struct log *log;
    easg_status st;
    int code;

    st = cli_check_org_name(v->org, &err);
    if (st == EASG_OK)
        st = cli_load_agent(cli, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if ((strcmp(v->kind, "user") == 0) != (v->user != NULL) ||
        (strcmp(v->kind, "apply") != 0 && v->approve) ||
        (v->devices.n && strcmp(v->kind, "apply") != 0 && strcmp(v->kind, "adopt") != 0 &&
         strcmp(v->kind, "device") != 0) ||
        (v->plan && strcmp(v->kind, "full") != 0)) {
        err_set(&err, EASG_E_CONFIG,
                "--user goes with --kind user, --approve with --kind apply, --plan with full");
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    if ((strcmp(v->kind, "device") == 0) != (v->command && v->token && v->devices.n == 1)) {
        err_set(&err, EASG_E_CONFIG,
                "--kind device goes with --command, --token and one --device, and they with it");
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    st = load_work(v, &work, &err);
    if (st != EASG_OK) {
        clear_work(&work);
        return cli_fail(cli, st, &err);
    }
    options.level = level_of(v->level, cli->agent->log_level);
    options.format = cli_log_format(cli->agent);
    options.debug = cli->agent->log_debug;
    options.file = cli->agent->log_file;
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
    args.retry = v->retry;
    args.told = v->told;
    args.trigger = v->trigger ? v->trigger : "operator";
    args.plan = v->plan ? &work.plan : NULL;
    args.adopt = args.kind == WORKER_ADOPT ? &work.adopt : NULL;
    args.approve_policy = v->policy;
    command.verb = !v->command                         ? 0
                   : strcmp(v->command, "remove") == 0 ? EASG_DEVICE_REMOVE
                   : strcmp(v->command, "wipe") == 0   ? EASG_DEVICE_WIPE
                                                       : EASG_DEVICE_WIPE_ACCOUNT;
    command.device = v->devices.n ? v->devices.items[0] : NULL;
    command.token = v->token;
    command.confirm = v->confirm;
    args.command = v->command ? &command : NULL;
    code = worker_run(&args, log);
    clear_work(&work);
    log_close(log);
    return code;
}

static const struct arg_spec specs[] = {
    { .type = ARG_OPERAND, .name = "ORG", .offset = offsetof(struct values, org), .required = 1 },
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
    { .type = ARG_FLAG,
      .name = "retry",
      .offset = offsetof(struct values, retry),
      .doc = "one attempt in spite of a hold" },
    { .type = ARG_FLAG,
      .name = "told",
      .offset = offsetof(struct values, told),
      .doc = "the starter says on the terminal how the run ended: it is not logged there besides" },
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
      .name = "plan",
      .offset = offsetof(struct values, plan),
      .value = "FILE",
      .doc = "go on only when this plan is what would be done" },
    { .type = ARG_FLAG,
      .name = "policy",
      .offset = offsetof(struct values, policy),
      .doc = "approve what is held for everybody, and nothing for devices" },
    { .type = ARG_TEXT,
      .name = "command",
      .offset = offsetof(struct values, command),
      .choices = "remove|wipe|wipe-account",
      .doc = "what to do to one device" },
    { .type = ARG_TEXT,
      .name = "token",
      .offset = offsetof(struct values, token),
      .value = "SHA256",
      .doc = "of the token of a device command" },
    { .type = ARG_FLAG,
      .name = "confirm",
      .offset = offsetof(struct values, confirm),
      .doc = "do it, if the token is the one that was given" },
    { .type = ARG_TEXT,
      .name = "list",
      .offset = offsetof(struct values, list),
      .choices = "allowed|blocked",
      .doc = "adopt entries of this list" },
    { .type = ARG_TEXT,
      .name = "file",
      .offset = offsetof(struct values, file),
      .value = "CSV",
      .doc = "adopt the entries of this file" },
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
    { .type = ARG_END }
};

const struct verb verb_worker = { .name = "worker",
                                  .summary = "one run, one process (internal)",
                                  .args = specs,
                                  .size = sizeof(struct values),
                                  .run = run_worker,
                                  .hidden = 1 };
