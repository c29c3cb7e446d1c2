/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_approve.c - `easgate approve ORG RUN`: a person's word for actions that a brake holds.
 */
#include "verbs.h"

#include "err.h"

#include <string.h>

struct values {
    const char *org;
    const char *run;
    struct arg_list devices;
    int64_t limit;
    int verbose, policy;
};

/* The run that is meant: its name, or a start of it that only one run with held actions has. */
static easg_status find_run(struct store *s, const struct values *v, char run[64], easg_error *err)
{
    char safe[CLI_SAFE];
    struct records r;
    easg_status st;

    st = query_records(s,
                       v->policy ? "SELECT run, count(*) AS n FROM v_org_changes WHERE state ="
                                   " 'held' AND substr(run, 1, length(?1)) = ?1 GROUP BY run"
                                 : "SELECT run, count(*) AS n FROM v_actions WHERE state = 'held'"
                                   " AND substr(run, 1, length(?1)) = ?1 GROUP BY run",
                       (struct store_arg[]){ STORE_ARG_TEXT(v->run) }, 1, 2, &r, err);
    if (st != EASG_OK)
        return st;
    if (r.n == 0)
        st = err_set(err, EASG_E_NOTFOUND,
                     "run %s of %s has no held %s; `easgate status %s` names those that have",
                     cli_safe(v->run, safe), v->org,
                     v->policy ? "changes for everybody" : "actions", v->org);
    else if (r.n > 1)
        st = err_set(err, EASG_E_CONFIG, "several runs begin with %s: %s, %s",
                     cli_safe(v->run, safe), record_get(&r.items[0], "run"),
                     record_get(&r.items[1], "run"));
    else
        snprintf(run, 64, "%s", record_get(&r.items[0], "run"));
    records_clear(&r);
    return st;
}

/* Each --device has to be one that is held: a typing error must not pass as "done". A device may be
 * named by its key or, where that is unique in the run, by its device id. */
static easg_status find_devices(struct store *s, const struct values *v, const char *run,
                                struct arg_list *keys, easg_error *err)
{
    char safe[CLI_SAFE];
    struct records r;
    easg_status st = EASG_OK;
    size_t i;

    keys->items = mem_array(v->devices.n + 1, sizeof(*keys->items));
    if (!keys->items)
        return err_nomem(err);
    for (i = 0; i < v->devices.n && st == EASG_OK; i++) {
        const char *name = v->devices.items[i];

        st = query_records(s,
                           "SELECT device FROM v_actions WHERE state = 'held' AND run = ?1"
                           " AND (device = ?2 OR device_id = ?2 COLLATE NOCASE)",
                           (struct store_arg[]){ STORE_ARG_TEXT(run), STORE_ARG_TEXT(name) }, 2, 2,
                           &r, err);
        if (st != EASG_OK)
            break;
        if (r.n == 0)
            st = err_set(err, EASG_E_NOTFOUND, "device %s is not held in run %s",
                         cli_safe(name, safe), run);
        else if (r.n > 1)
            st = err_set(err, EASG_E_CONFIG,
                         "several held devices are called %s: name it by its key",
                         cli_safe(name, safe));
        else if ((keys->items[keys->n] = mem_strdup(record_get(&r.items[0], "device"))) == NULL)
            st = err_nomem(err);
        else
            keys->n++;
        records_clear(&r);
    }
    return st;
}

static void free_keys(struct arg_list *keys)
{
    size_t i;

    for (i = 0; i < keys->n; i++)
        mem_free((char *)(uintptr_t)keys->items[i]);
    mem_free(keys->items);
}

static int run_approve(struct cli *cli, void *values)
{
    const struct values *v = values;
    struct arg_list keys = { NULL, 0 };
    struct start start = { .org = v->org,
                           .kind = "apply",
                           .devices = &keys,
                           .approve_policy = v->policy,
                           .verbose = v->verbose };
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    char run[64] = "", run_id[37];
    easg_status st;
    int code = CLI_DONE;

    if (v->policy && v->devices.n) {
        err_set(&err, EASG_E_CONFIG, "--policy is about everybody, --device about single devices");
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    st = cli_open_store(cli, v->org, &s, &err);
    if (st == EASG_OK)
        st = find_run(s, v, run, &err);
    if (st == EASG_OK)
        st = find_devices(s, v, run, &keys, &err);
    store_close(s);
    start.approve = run;
    if (st == EASG_OK)
        st = start_worker(cli, &start, run_id, &code, &err);
    free_keys(&keys);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    start.devices = NULL;
    return report_run(cli, &start, run_id, code, v->limit >= 0 ? v->limit : 20);
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_OPERAND,
      .name = "RUN",
      .offset = offsetof(struct values, run),
      .required = 1,
      .doc = "the run that holds actions; the start of its name is enough" },
    { .type = ARG_LIST,
      .name = "device",
      .offset = offsetof(struct values, devices),
      .value = "KEY",
      .doc = "only this device; may be given several times" },
    { .type = ARG_FLAG,
      .name = "policy",
      .offset = offsetof(struct values, policy),
      .doc = "what is held for everybody (organization_policy), and nothing for devices" },
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

const struct verb verb_approve = {
    .name = "approve",
    .summary = "let held actions of a run go out",
    .text =
        "A run that would block more devices than the brakes let pass holds these blocks. Look\n"
        "at them (`easgate status ORG`, `easgate explain ORG DEVICE`), then approve all of them\n"
        "or single ones. Changes for everybody (the default access level, rules that block) are\n"
        "let go with --policy alone, never along with blocks. What changed in the meantime is "
        "decided again and not blindly written.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_approve
};
