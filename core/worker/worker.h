/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.h - one organisation, one run, one process: loads the plugins, walks the sync, exits.
 *
 * `easgate worker ORG --kind K --run UUID ...` is started by the supervisor and by the verbs that
 * work; its standard input is the control pipe (closed: stop). The exit codes are the contract.
 */
#ifndef EASG_WORKER_H
#define EASG_WORKER_H

#include "config.h"
#include "log.h"

enum worker_exit {
    WORKER_DONE = 0,
    WORKER_FAILED = 1,
    WORKER_NOTHING = 10, /* nothing to do */
    WORKER_LATER = 20,   /* try again later */
    WORKER_HOLD = 30,    /* authentication or configuration: no retry until it changes */
    WORKER_BUG = 70
};

enum worker_kind {
    WORKER_FULL,    /* discover everything, decide, act */
    WORKER_QUICK,   /* what changed */
    WORKER_USER,    /* one mailbox */
    WORKER_APPLY,   /* carry out what was approved; no discovery beyond reading back */
    WORKER_RELEASE, /* give back everything that is ours */
    WORKER_ADOPT,   /* take entries of others into the ledger; asks nobody */
    WORKER_DEVICE   /* what an operator asks for one device */
};

struct sync_adopt;
struct sync_command;
struct sync_plan_file;

struct worker_args {
    const struct agent_config *agent;
    const char *org;
    enum worker_kind kind;
    const char *run_id;      /* UUID, made by the starter; also names the run afterwards */
    const char *user;        /* USER: UPN, SMTP address or mailbox GUID */
    const char *approve_run; /* APPLY: approve the held actions of this run */
    const char *const *approve_devices; /* APPLY: only these device keys; n 0: all */
    size_t n_approve_devices;
    const struct sync_plan_file *plan;  /* FULL: go on only when this is what would be done */
    const struct sync_adopt *adopt;     /* ADOPT */
    const struct sync_command *command; /* DEVICE */
    int approve_policy;                 /* APPLY: what is held for everybody, and nothing else */
    int dry_run;                        /* plan only: Exchange is not written to */
    int retry;                          /* one attempt in spite of a hold */
    int told;            /* the starter prints how the run ended: the log has it at level info */
    const char *trigger; /* "schedule", "operator": for the run's row */
};

/* Runs and returns an exit code of enum worker_exit. */
int worker_run(const struct worker_args *args, struct log *log);

/* Writes a new random UUID, lower case, 36 characters. */
void worker_make_run_id(char out[37]);

#endif
