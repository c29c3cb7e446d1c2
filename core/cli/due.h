/* SPDX-License-Identifier: Apache-2.0
 *
 * due.h - when the schedule asks for the next run, without its jitter.
 */
#ifndef EASG_DUE_H
#define EASG_DUE_H

#include "config.h"

/* EASG_TIME_NONE: not scheduled. A time that is past: due now. `offset_min`: what local time is
 * ahead of UTC. */
easg_time due_full(const struct org_schedule *schedule, easg_time last_full, easg_time now,
                   int offset_min);
easg_time due_quick(const struct org_schedule *schedule, easg_time last_full, easg_time last_quick);

#endif
