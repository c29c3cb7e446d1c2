/* SPDX-License-Identifier: Apache-2.0
 *
 * schedule.h - when the next run of an organisation is due: a pure function of its schedule, what
 * was run, and the clock.
 */
#ifndef EASG_SCHEDULE_H
#define EASG_SCHEDULE_H

#include <stdint.h>

#include "config.h"

enum schedule_kind { SCHEDULE_NONE = 0, SCHEDULE_FULL, SCHEDULE_QUICK };

/* When the last run of each kind was started; EASG_TIME_NONE: never. */
struct schedule_last {
    easg_time full;
    easg_time quick;
};

struct schedule_due {
    enum schedule_kind kind; /* NONE: nothing is scheduled */
    easg_time at;            /* may be past: due now */
};

/* Minutes that local time is ahead of UTC: clock_local_offset_min(). */
typedef int (*schedule_offset_fn)(easg_time t);

/* What spreads the starts of the organisations of one machine and of different machines. */
uint64_t schedule_seed(const char *org, uint64_t machine);

/* The earlier of the next full and the next quick run; full when both are due. An organisation that
 * never had a full run is due for one now; a quick one builds on a full one. A daily time that was
 * missed is made up for. */
struct schedule_due schedule_next_due(const struct org_schedule *s,
                                      const struct schedule_last *last, easg_time now,
                                      uint64_t seed, schedule_offset_fn offset);

/* The instant of local time `minute` after midnight on local day `day` (days since 1970): the first
 * one where clocks are put back, that of the change where it is skipped. */
easg_time schedule_local_instant(int64_t day, int minute, schedule_offset_fn offset);

/* How long to wait after `failures` failed runs in a row: from about 1 minute, doubling, to about
 * an hour, spread by the seed. */
int64_t schedule_backoff_ms(unsigned failures, uint64_t seed);

const char *schedule_kind_name(enum schedule_kind kind); /* "full", "quick", "none" */

#endif
