/* SPDX-License-Identifier: Apache-2.0
 *
 * sync.h - one run over one organisation: what Exchange has, what the device manager knows, what
 * follows from it, and what is done about it. sync.c is the table of its steps.
 */
#ifndef EASG_SYNC_H
#define EASG_SYNC_H

#include <stdint.h>

#include "config.h"
#include "log.h"
#include "registry.h"
#include "store.h"

enum sync_kind {
    SYNC_FULL,
    SYNC_QUICK,
    SYNC_USER,
    SYNC_APPLY,
    SYNC_RELEASE,
    SYNC_ADOPT,
    SYNC_DEVICE
};

/* As enum worker_exit. */
enum sync_exit {
    SYNC_DONE = 0,
    SYNC_FAILED = 1,
    SYNC_NOTHING = 10,
    SYNC_LATER = 20,
    SYNC_HOLD = 30,
    SYNC_BUG = 70
};

/* A saved plan: nothing goes out unless it is just this. */
struct sync_expect {
    char *device;                     /* its key; NULL: the partnership was gone already */
    char *mailbox, *device_id, *verb; /* "allow", "block", "withdraw" */
};
struct sync_expect_org { /* what the organisation decides for everybody */
    char *part, *name;   /* as v_org_changes has them */
    char *before;        /* NULL: there was none */
    char *after;         /* NULL: taken away */
};
struct sync_plan_file {
    char *run; /* that made it */
    struct sync_expect *items;
    size_t n;
    struct sync_expect_org *org;
    size_t n_org;
};

/* Entries of the personal lists to be taken over. */
struct sync_adopt_item {
    char *mailbox; /* id or UPN; NULL: of whichever mailbox */
    char *device_id;
    uint32_t lists; /* EASG_LISTED_*; 0: those of the selection */
};
struct sync_adopt {
    uint32_t lists;
    struct sync_adopt_item *items;
    size_t n; /* 0: every entry of `lists` */
};

/* A command of an operator for one device (DEVICE). */
struct sync_command {
    uint32_t verb;      /* EASG_DEVICE_* */
    const char *device; /* key of a partnership */
    const char *token;  /* SHA-256 of it, hex */
    int confirm;        /* 0: only told, and the token kept */
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
    int approve_policy;                 /* what is held for everybody, and nothing for devices */
    const struct sync_plan_file *plan;  /* FULL; may be NULL */
    const struct sync_adopt *adopt;     /* ADOPT */
    const struct sync_command *command; /* DEVICE */
    int dry_run;
    int retry; /* an operator says that a hold may be over: one attempt in spite of it */
    int told;  /* the starter prints how the run ended: what says so is logged at level info */
};

/* Walks the steps and closes the run's row, whatever happens. Returns an exit code. */
int sync_run(const struct sync_options *options);

/* What a status means for the one who started the run. */
int sync_exit_code(easg_status status);

/* Values that plugins keep, in the state file. */
struct state_ops sync_state_ops(struct store *store);

#endif
