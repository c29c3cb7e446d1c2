/* SPDX-License-Identifier: Apache-2.0
 *
 * schedule.c - arithmetic on instants. Local time comes in only through offset(), so that the days
 * on which clocks change are tested without changing any.
 */
#include "schedule.h"

#include <string.h>

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static uint64_t mix(uint64_t x)
{
    /* splitmix64's finaliser: neighbouring inputs, unrelated outputs */
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t schedule_seed(const char *org, uint64_t machine)
{
    uint64_t h = machine;

    for (; *org; org++)
        h = mix(h ^ (unsigned char)*org);
    return mix(h);
}

static int64_t jitter(uint64_t seed, int64_t max)
{
    return max > 0 ? (int64_t)(seed % ((uint64_t)max + 1)) : 0;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

easg_time schedule_local_instant(int64_t day, int minute, schedule_offset_fn offset)
{
    easg_time wall = day * DAY + minute * MINUTE;
    int64_t before = offset(wall - DAY) * MINUTE;
    int64_t after = offset(wall + DAY) * MINUTE;
    easg_time first = wall - (before > after ? before : after);
    easg_time second = wall - (before > after ? after : before);

    if (offset(first) * MINUTE == wall - first)
        return first;
    if (offset(second) * MINUTE == wall - second)
        return second;
    /* skipped: the change lies between the two */
    while (second - first > 1000) {
        easg_time middle = first + (second - first) / 2;

        if (offset(middle) * MINUTE == before)
            first = middle;
        else
            second = middle;
    }
    return second - second % 1000;
}

/* The latest daily start that is past, made up for when it was missed; else the next. */
static easg_time next_daily(const struct org_schedule *s, easg_time last, easg_time now,
                            uint64_t seed, schedule_offset_fn offset)
{
    int64_t today = floor_div(now + offset(now) * MINUTE, DAY);
    int64_t late = jitter(seed, s->jitter_ms);
    easg_time past = EASG_TIME_NONE;

    for (int64_t day = today - 2; day <= today + 2; day++) { /* a jitter is at most half a day */
        easg_time at = schedule_local_instant(day, s->full_at_min, offset) + late;

        if (at > now)
            return past != EASG_TIME_NONE && last < past ? past : at;
        past = at;
    }
    return now + DAY; /* no clock is changed by days */
}

static easg_time next_full(const struct org_schedule *s, const struct schedule_last *last,
                           easg_time now, uint64_t seed, schedule_offset_fn offset)
{
    if (s->full_every_ms <= 0 && s->full_at_min < 0)
        return EASG_TIME_NONE;
    if (last->full == EASG_TIME_NONE)
        return now;
    if (s->full_every_ms > 0) {
        int64_t max =
            s->full_every_ms / 10; /* a short interval is not stretched by a long jitter */

        return last->full + s->full_every_ms +
               jitter(seed, s->jitter_ms < max ? s->jitter_ms : max);
    }
    return next_daily(s, last->full, now, seed, offset);
}

static easg_time next_quick(const struct org_schedule *s, const struct schedule_last *last,
                            uint64_t seed)
{
    int64_t max = s->quick_ms / 10;

    if (s->quick_ms <= 0 || last->full == EASG_TIME_NONE)
        return EASG_TIME_NONE;
    return (last->quick > last->full ? last->quick : last->full) + s->quick_ms +
           jitter(seed, s->jitter_ms < max ? s->jitter_ms : max);
}

struct schedule_due schedule_next_due(const struct org_schedule *s,
                                      const struct schedule_last *last, easg_time now,
                                      uint64_t seed, schedule_offset_fn offset)
{
    struct schedule_last seen = *last;
    struct schedule_due due = { SCHEDULE_NONE, EASG_TIME_NONE };
    easg_time full;
    easg_time quick;

    /* a start in the future: the clock was put back since */
    if (seen.full > now)
        seen.full = now;
    if (seen.quick > now)
        seen.quick = now;
    full = next_full(s, &seen, now, seed, offset);
    quick = next_quick(s, &seen, seed);
    if (full != EASG_TIME_NONE && (quick == EASG_TIME_NONE || full <= quick || full <= now))
        due = (struct schedule_due){ SCHEDULE_FULL, full };
    else if (quick != EASG_TIME_NONE)
        due = (struct schedule_due){ SCHEDULE_QUICK, quick };
    return due;
}

int64_t schedule_backoff_ms(unsigned failures, uint64_t seed)
{
    int64_t ms = MINUTE;

    for (unsigned i = 1; i < failures && ms < HOUR; i++)
        ms *= 2;
    if (ms > HOUR)
        ms = HOUR;
    /* between 3/4 and 5/4 of it, another amount each time */
    return ms * 3 / 4 + jitter(mix(seed + failures), ms / 2);
}

const char *schedule_kind_name(enum schedule_kind kind)
{
    return kind == SCHEDULE_FULL ? "full" : kind == SCHEDULE_QUICK ? "quick" : "none";
}
