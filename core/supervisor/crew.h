/* SPDX-License-Identifier: Apache-2.0
 *
 * crew.h - the supervisor's own state: organisations, each with at most one worker. Private to the
 * room, and to its tests, which step it by hand.
 */
#ifndef EASG_CREW_H
#define EASG_CREW_H

#include "config.h"
#include "history.h"
#include "log.h"
#include "schedule.h"

struct proc;

/* Exit codes of a worker, as core/worker/worker.h promises them; a test compares the two. */
enum outcome {
    OUTCOME_DONE = 0,
    OUTCOME_FAILED = 1,
    OUTCOME_NOTHING = 10,
    OUTCOME_LATER = 20,
    OUTCOME_HOLD = 30,
    OUTCOME_BUG = 70
};

struct slot {
    struct slot *next;
    char name[64];
    char *path; /* of its file */
    struct org_config *config;
    uint64_t seed;
    int seen; /* by the load that is going on */

    struct schedule_last last;
    easg_time wait;          /* when a block that was announced takes effect; EASG_TIME_NONE */
    struct schedule_due due; /* what is next; kind NONE: nothing */
    unsigned failures;       /* in a row */
    struct schedule_due retry;
    char held[65]; /* digest of the file for which nothing is tried; "" not */

    struct proc *worker; /* NULL: none */
    char run[37];
    enum schedule_kind kind;
    int gone;           /* its file was removed while the worker ran */
    easg_time started;  /* clock_now() */
    int64_t started_ms; /* clock_monotonic_ms() */
    int64_t stop_ms;    /* when it was asked to stop; 0: it was not */
    int killed;
    uint64_t runs, skipped, failed;
};

struct crew {
    const struct agent_config *agent;
    struct log *log;
    char *program; /* absolute path: what is started */
    int64_t grace_ms;
    uint64_t machine;
    struct slot *slots;        /* sorted by name */
    size_t n, running, broken; /* broken: files that cannot be read */
    int stopping;
};

/* ---- supervisor.c ------------------------------------------------------------------------------
 */

easg_status crew_init(struct crew *c, const struct agent_config *agent, struct log *log,
                      easg_error *err);
/* Kills what still runs. */
void crew_clear(struct crew *c);
/* Does what is due now: takes the exit codes of workers, ends those over their deadline, starts
 * runs. Returns the milliseconds until there is something to do; -1: never. */
int64_t crew_step(struct crew *c);
/* Asks all workers to stop; from now on crew_step() starts none. */
void crew_stop(struct crew *c);
/* One line for people. */
void crew_status(const struct crew *c, char *out, size_t size);

/* ---- roster.c ---- */

/* Reads orgs.d. What cannot be read keeps what was in effect, and is logged. */
easg_status crew_load(struct crew *c, easg_error *err);

/* ---- slot.c ---- */

/* When the next run is due, from schedule, failures and hold. */
void slot_plan(struct slot *s, easg_time now);
/* Takes over what the state file says, when it is newer than what is known. */
void slot_recall(struct crew *c, struct slot *s);
/* Starts the run that is due. */
void slot_start(struct crew *c, struct slot *s);
/* Looks after a worker that runs. Returns the milliseconds until it has to be looked at again; -1:
 * when it ends. */
int64_t slot_watch(struct crew *c, struct slot *s);
void slot_stop(struct slot *s);
void slot_destroy(struct slot *s);

#endif
