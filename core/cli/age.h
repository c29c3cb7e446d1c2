/* SPDX-License-Identifier: Apache-2.0
 *
 * age.h - times as people say them.
 */
#ifndef EASG_AGE_H
#define EASG_AGE_H

#include <easgate/types.h>

#define AGE_SIZE 48

/* "just now", "3 min ago", "2 h ago", "5 days ago", "in 10 min"; "never" for EASG_TIME_NONE.
 * Returns `out`. */
const char *age_format(easg_time t, easg_time now, char out[AGE_SIZE]);
/* The same from RFC 3339 text of a view; NULL is "never", and what is no time is shown as it is. */
const char *age_text(const char *rfc3339, easg_time now, char out[AGE_SIZE]);
/* "2 h", "45 s": a length of time, rounded. */
const char *age_span(int64_t ms, char out[AGE_SIZE]);

#endif
