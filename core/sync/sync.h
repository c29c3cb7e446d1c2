/* SPDX-License-Identifier: Apache-2.0
 *
 * sync.h - one run over one organisation: what Exchange has, what the device manager knows, what
 * follows from it, and what is done about it. sync.c is the table of its steps.
 */
#ifndef EASG_SYNC_H
#define EASG_SYNC_H

#include "config.h"
#include "log.h"
#include "registry.h"
#include "store.h"

enum sync_kind { SYNC_FULL, SYNC_QUICK, SYNC_USER, SYNC_APPLY };

/* As enum worker_exit. */
enum sync_exit {
    SYNC_DONE = 0,
    SYNC_FAILED = 1,
    SYNC_NOTHING = 10,
    SYNC_LATER = 20,
    SYNC_HOLD = 30,
    SYNC_BUG = 70
};

struct sync_options {
    const struct org_config *org;
    struct registry *registry;
    struct store *store; /* open for writing */
    struct run_ref *run; /* its state_ops come from sync_state_ops() */
    struct log *log;
    enum sync_kind kind;
    const char *run_id;
    const char *trigger; /* may be NULL */
    const char *user;    /* USER */
    const char *approve_run;
    const char *const *approve_devices;
    size_t n_approve_devices;
    int dry_run;
};

/* Walks the steps and closes the run's row, whatever happens. Returns an exit code. */
int sync_run(const struct sync_options *options);

/* What a status means for the one who started the run. */
int sync_exit_code(easg_status status);

/* Values that plugins keep, in the state file. */
struct state_ops sync_state_ops(struct store *store);

#endif
