/* SPDX-License-Identifier: Apache-2.0
 *
 * timestamp.h - easg_time from and to text, and durations. No time zone of the machine is used.
 */
#ifndef EASG_TIMESTAMP_H
#define EASG_TIMESTAMP_H

#include <stddef.h>

#include <easgate/types.h>

/* xs:dateTime and RFC 3339: 2021-09-28T17:32:01[.fraction][Z|+hh:mm|-hh:mm]. No suffix is read as
 * UTC. The sentinels 0001-01-01T00:00:00 and 9999-12-31T... give EASG_TIME_NONE. 1, or 0 when it
 * is not a date. */
int timestamp_parse(const char *ptr, size_t len, easg_time *out);
/* "2021-09-28T17:32:01Z", with .mmm when there are milliseconds; "" for EASG_TIME_NONE. Returns
 * `out`. */
#define TIMESTAMP_SIZE 32
const char *timestamp_format(easg_time t, char out[TIMESTAMP_SIZE]);

/* "500ms", "90s", "10m", "2h", "7d" and sums ("1h30m") to milliseconds. 1, or 0. */
int duration_parse(const char *ptr, size_t len, int64_t *out_ms);
/* The shortest exact form of that. */
const char *duration_format(int64_t ms, char out[TIMESTAMP_SIZE]);

#endif
