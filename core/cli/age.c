/* SPDX-License-Identifier: Apache-2.0
 *
 * age.c - times as people say them.
 */
#include "age.h"

#include "text.h"
#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *age_span(int64_t ms, char out[AGE_SIZE])
{
    static const struct {
        int64_t ms; /* from here on */
        int64_t unit;
        const char *one, *many;
    } steps[] = {
        {INT64_C(48) * 3600000, INT64_C(86400000), "day", "days"},
        { INT64_C(90) * 60000,  INT64_C(3600000),  "h",   "h"   },
        { INT64_C(90) * 1000,   INT64_C(60000),    "min", "min" },
        { INT64_C(1000),        INT64_C(1000),     "s",   "s"   },
        { 0,                    1,                 "ms",  "ms"  },
    };
    size_t i = 0;
    int64_t n;

    if (ms < 0)
        ms = 0;
    while (ms < steps[i].ms)
        i++;
    n = ms / steps[i].unit;
    snprintf(out, AGE_SIZE, "%" PRId64 " %s", n, n == 1 ? steps[i].one : steps[i].many);
    return out;
}

const char *age_format(easg_time t, easg_time now, char out[AGE_SIZE])
{
    char span[AGE_SIZE];
    int64_t d;

    if (t == EASG_TIME_NONE) {
        snprintf(out, AGE_SIZE, "never");
        return out;
    }
    d = now - t;
    if (d > -1000 && d < 1000)
        snprintf(out, AGE_SIZE, "just now");
    else if (d > 0)
        snprintf(out, AGE_SIZE, "%.30s ago", age_span(d, span));
    else
        snprintf(out, AGE_SIZE, "in %.30s", age_span(-d, span));
    return out;
}

const char *age_text(const char *rfc3339, easg_time now, char out[AGE_SIZE])
{
    easg_time t;

    if (!rfc3339)
        return age_format(EASG_TIME_NONE, now, out);
    if (timestamp_parse(rfc3339, strlen(rfc3339), &t))
        return age_format(t, now, out);
    return text_safe(rfc3339, strlen(rfc3339), out, AGE_SIZE);
}
