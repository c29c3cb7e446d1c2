/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - the system's file time and the performance counter.
 */
#include "clock.h"

#include "timestamp.h"
#include "wide.h"

#include <stdatomic.h>
#include <string.h>
#include <windows.h>

#define EPOCH INT64_C(11644473600000) /* from 1601 to 1970 in ms */

static _Atomic int64_t offset_ms; /* what a test adds to the real time */
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

static int64_t read_ms(void)
{
    FILETIME t;

    GetSystemTimePreciseAsFileTime(&t);
    return (int64_t)((uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime) / 10000 - EPOCH;
}

static BOOL CALLBACK read_environment(INIT_ONCE *o, void *arg, void **context)
{
    char *s = wide_env("EASGATE_TEST_NOW");
    easg_time t;

    (void)o;
    (void)arg;
    (void)context;
    if (s && timestamp_parse(s, strlen(s), &t) && t != EASG_TIME_NONE)
        atomic_store(&offset_ms, t - read_ms());
    mem_free(s);
    return TRUE;
}

easg_time clock_now(void)
{
    InitOnceExecuteOnce(&once, read_environment, NULL, NULL);
    return read_ms() + atomic_load(&offset_ms);
}

void clock_set(easg_time now)
{
    InitOnceExecuteOnce(&once, read_environment, NULL, NULL);
    atomic_store(&offset_ms, now == EASG_TIME_NONE ? 0 : now - read_ms());
}

/* In two parts: the counter times 1000 would overflow after some weeks. */
int64_t clock_monotonic_ms(void)
{
    LARGE_INTEGER ticks;
    LARGE_INTEGER per_second;

    QueryPerformanceFrequency(&per_second);
    QueryPerformanceCounter(&ticks);
    return ticks.QuadPart / per_second.QuadPart * 1000 +
           ticks.QuadPart % per_second.QuadPart * 1000 / per_second.QuadPart;
}

void clock_sleep_ms(int64_t ms)
{
    if (ms > 0)
        Sleep(ms < 0x7fffffff ? (DWORD)ms : 0x7fffffff);
}

static int64_t from_file_time(const FILETIME *t)
{
    return (int64_t)((uint64_t)t->dwHighDateTime << 32 | t->dwLowDateTime) / 10000;
}

int clock_local_offset_min(easg_time t)
{
    uint64_t ticks = (uint64_t)(t + EPOCH) * 10000;
    FILETIME utc = { (DWORD)ticks, (DWORD)(ticks >> 32) };
    FILETIME there;
    SYSTEMTIME s;
    SYSTEMTIME local;

    /* not FileTimeToLocalFileTime(): that takes today's summer time for every date */
    if (t < -EPOCH || !FileTimeToSystemTime(&utc, &s) ||
        !SystemTimeToTzSpecificLocalTime(NULL, &s, &local) || !SystemTimeToFileTime(&local, &there))
        return 0;
    return (int)((from_file_time(&there) - from_file_time(&utc)) / 60000);
}
