/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - wall clock and monotonic clock; tests set both.
 */
#ifndef EASG_CLOCK_H
#define EASG_CLOCK_H

#include <easgate/types.h>

/* [any] Milliseconds since 1970, UTC. */
easg_time clock_now(void);
/* [any] Milliseconds of a clock that never goes back. */
int64_t clock_monotonic_ms(void);
/* [any] Sleeps; may return early. */
void clock_sleep_ms(int64_t ms);
/* Minutes that local time is ahead of UTC at `t`: for "daily 02:00". */
int clock_local_offset_min(easg_time t);
/* Tests: from now on clock_now() starts at `now` and goes with the real one; EASG_TIME_NONE ends
 * it. The environment variable EASGATE_TEST_NOW (RFC 3339) does the same for a whole process. */
void clock_set(easg_time now);

#endif
