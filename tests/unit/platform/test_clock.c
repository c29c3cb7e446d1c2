/* SPDX-License-Identifier: Apache-2.0
 *
 * The two clocks, the one that tests set, and local time around a change of daylight saving.
 */
#include "check.h"

#include "clock.h"
#include "timestamp.h"

#include <time.h>

static easg_time at(const char *s)
{
    easg_time t = 0;

    CHECK(timestamp_parse(s, strlen(s), &t));
    return t;
}

int main(void)
{
    int64_t a = clock_monotonic_ms();
    easg_time t;

    clock_sleep_ms(3);
    CHECK(clock_monotonic_ms() >= a + 2);
    CHECK(clock_now() / 1000 - (int64_t)time(NULL) <= 1);

    t = at("2031-01-02T03:04:05Z");
    clock_set(t);
    CHECK(clock_now() >= t && clock_now() < t + 60000);
    clock_set(EASG_TIME_NONE);
    CHECK(clock_now() < t);

    setenv("TZ", "Europe/Berlin", 1);
    CHECK_INT(clock_local_offset_min(at("2026-01-15T12:00:00Z")), 60);
    CHECK_INT(clock_local_offset_min(at("2026-07-15T12:00:00Z")), 120);
    CHECK_INT(clock_local_offset_min(at("2026-03-29T00:59:59Z")), 60);
    CHECK_INT(clock_local_offset_min(at("2026-03-29T01:00:00Z")), 120);
    setenv("TZ", "UTC", 1);
    CHECK_INT(clock_local_offset_min(at("2026-07-15T12:00:00Z")), 0);
    CHECK_INT(clock_local_offset_min(-1), 0);
    return check_done();
}
