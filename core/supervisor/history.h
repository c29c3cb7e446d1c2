/* SPDX-License-Identifier: Apache-2.0
 *
 * history.h - what the state file tells the supervisor: when runs were started, how the last one
 * ended, and whether the organisation is on hold.
 */
#ifndef EASG_HISTORY_H
#define EASG_HISTORY_H

#include "schedule.h"

struct history {
    struct schedule_last last;
    enum schedule_kind kind; /* of the last run */
    easg_time started;       /* of the last run; EASG_TIME_NONE: there is none */
    easg_time finished;      /* EASG_TIME_NONE: it goes on, or nobody knows */
    int exit_code;           /* -1 likewise */
    easg_time wait;          /* when the next block that was announced takes effect, a decision
                              * changes by time alone, or a ring opens */
    int held;                /* the state file says so ... */
    int guarded;     /* ... and a worker asks no server until a secret or the file changes */
    char digest[65]; /* SHA-256 of the file that was in effect; "" unknown */
};

/* An organisation that was never synchronised has an empty history. Runs that only planned, and
 * those of one user, do not count. */
easg_status history_read(const char *state_dir, const char *org, struct history *out,
                         easg_error *err);

#endif
