/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - the two clocks, by clock_gettime().
 */
#include "clock.h"

#include "timestamp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Atomic int64_t offset_ms; /* what a test adds to the real time */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int64_t read_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void read_environment(void)
{
    const char *s = getenv("EASGATE_TEST_NOW");
    easg_time t;

    if (s && timestamp_parse(s, strlen(s), &t) && t != EASG_TIME_NONE)
        atomic_store(&offset_ms, t - read_ms(CLOCK_REALTIME));
}

easg_time clock_now(void)
{
    pthread_once(&once, read_environment);
    return read_ms(CLOCK_REALTIME) + atomic_load(&offset_ms);
}

void clock_set(easg_time now)
{
    pthread_once(&once, read_environment);
    atomic_store(&offset_ms, now == EASG_TIME_NONE ? 0 : now - read_ms(CLOCK_REALTIME));
}

int64_t clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

void clock_sleep_ms(int64_t ms)
{
    struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000L };

    if (ms > 0)
        nanosleep(&t, NULL);
}

int clock_local_offset_min(easg_time t)
{
    time_t s = (time_t)(t >= 0 ? t / 1000 : -((-t + 999) / 1000));
    struct tm tm;

    tzset();
    if (!localtime_r(&s, &tm))
        return 0;
    return (int)(tm.tm_gmtoff / 60);
}
