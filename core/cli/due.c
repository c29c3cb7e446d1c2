/* SPDX-License-Identifier: Apache-2.0
 *
 * due.c - when the schedule asks for the next run.
 */
#include "due.h"

#define MINUTE INT64_C(60000)
#define DAY    (24 * 60 * MINUTE)

easg_time due_full(const struct org_schedule *schedule, easg_time last_full, easg_time now,
                   int offset_min)
{
    easg_time local, today;

    if (schedule->full_every_ms > 0)
        return last_full == EASG_TIME_NONE ? now : last_full + schedule->full_every_ms;
    if (schedule->full_at_min < 0)
        return EASG_TIME_NONE;
    if (last_full == EASG_TIME_NONE)
        return now;
    local = now + offset_min * MINUTE;
    today = local - local % DAY + schedule->full_at_min * MINUTE - offset_min * MINUTE;
    if (today > now)
        today -= DAY; /* the latest time of the schedule that is past */
    return last_full < today ? today : today + DAY;
}

easg_time due_quick(const struct org_schedule *schedule, easg_time last_full, easg_time last_quick)
{
    easg_time last = last_quick > last_full ? last_quick : last_full;

    if (schedule->quick_ms <= 0 || last == EASG_TIME_NONE)
        return EASG_TIME_NONE; /* a quick run builds on a full one */
    return last + schedule->quick_ms;
}
