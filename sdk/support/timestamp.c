/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates by arithmetic on the civil calendar; nothing here asks the C library for a time zone.
 */
#include "timestamp.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    int64_t era;
    unsigned yoe, doy, doe;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = (unsigned)(y - era * 400);
    doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
    int64_t era;
    unsigned doe, yoe, doy, mp;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = (unsigned)(z - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static int digits(const char **p, const char *end, int n, unsigned *out)
{
    unsigned v = 0;

    for (int i = 0; i < n; i++) {
        if (*p == end || **p < '0' || **p > '9')
            return 0;
        v = v * 10 + (unsigned)(*(*p)++ - '0');
    }
    *out = v;
    return 1;
}

static int literal(const char **p, const char *end, char c)
{
    if (*p == end || **p != c)
        return 0;
    (*p)++;
    return 1;
}

static unsigned month_days(unsigned y, unsigned m)
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29u : days[m - 1];
}

/* [.fraction][Z|+hh:mm|-hh:mm] after the seconds. */
static int parse_tail(const char *p, const char *end, int64_t *ms, int64_t *offset_min)
{
    unsigned oh, om;

    *ms = 0;
    *offset_min = 0;
    if (p < end && *p == '.') {
        int64_t scale = 100;

        if (++p == end || *p < '0' || *p > '9')
            return 0;
        for (; p < end && *p >= '0' && *p <= '9'; p++, scale /= 10)
            *ms += (*p - '0') * scale;
    }
    if (p == end)
        return 1;
    if (*p == 'Z')
        return p + 1 == end;
    if (*p != '+' && *p != '-')
        return 0;
    {
        int sign = *p++ == '-' ? -1 : 1;

        if (!digits(&p, end, 2, &oh) || !literal(&p, end, ':') || !digits(&p, end, 2, &om) ||
            p != end || oh > 14 || om > 59)
            return 0;
        *offset_min = sign * (int64_t)(oh * 60 + om);
    }
    return 1;
}

int timestamp_parse(const char *ptr, size_t len, easg_time *out)
{
    const char *p = ptr;
    const char *end = ptr + len;
    unsigned y, mo, d, h, mi, s;
    int64_t ms, offset;

    if (!digits(&p, end, 4, &y) || !literal(&p, end, '-') || !digits(&p, end, 2, &mo) ||
        !literal(&p, end, '-') || !digits(&p, end, 2, &d) || !literal(&p, end, 'T') ||
        !digits(&p, end, 2, &h) || !literal(&p, end, ':') || !digits(&p, end, 2, &mi) ||
        !literal(&p, end, ':') || !digits(&p, end, 2, &s) || !parse_tail(p, end, &ms, &offset))
        return 0;
    if (y == 0 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) || h > 23 || mi > 59 ||
        s > 60)
        return 0;
    if (y == 1 || (y == 9999 && mo == 12 && d == 31)) {
        *out = EASG_TIME_NONE;
        return 1;
    }
    *out =
        ((days_from_civil(y, mo, d) * 24 + h) * 60 + mi - offset) * 60000 + (int64_t)s * 1000 + ms;
    return 1;
}

const char *timestamp_format(easg_time t, char out[TIMESTAMP_SIZE])
{
    int64_t days, rest, y;
    unsigned m, d;
    int n;

    out[0] = '\0';
    /* Years 1 to 9999; anything else is a peer's nonsense. */
    if (t == EASG_TIME_NONE || t < -62135596800000 || t > 253402300799999)
        return out;
    days = t / 86400000;
    rest = t % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    civil_from_days(days, &y, &m, &d);
    n = snprintf(out, TIMESTAMP_SIZE, "%04d-%02u-%02uT%02d:%02d:%02d", (int)y, m, d,
                 (int)(rest / 3600000), (int)(rest / 60000 % 60), (int)(rest / 1000 % 60));
    if (rest % 1000)
        n += snprintf(out + n, TIMESTAMP_SIZE - (size_t)n, ".%03d", (int)(rest % 1000));
    (void)snprintf(out + n, TIMESTAMP_SIZE - (size_t)n, "Z");
    return out;
}

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {
    {"d",   86400000},
    { "h",  3600000 },
    { "ms", 1       },
    { "m",  60000   },
    { "s",  1000    }
};

int duration_parse(const char *ptr, size_t len, int64_t *out_ms)
{
    size_t i = 0;
    int64_t sum = 0;

    if (len == 0)
        return 0;
    while (i < len) {
        size_t from = i;
        uint64_t n;
        const struct unit *u = NULL;

        while (i < len && ptr[i] >= '0' && ptr[i] <= '9')
            i++;
        if (!text_parse_u64(ptr + from, i - from, &n) || n > 1000000000)
            return 0;
        for (size_t k = 0; k < sizeof units / sizeof *units && !u; k++) {
            size_t l = strlen(units[k].name);

            if (len - i >= l && memcmp(ptr + i, units[k].name, l) == 0)
                u = &units[k];
        }
        if (!u)
            return 0;
        i += strlen(u->name);
        sum += (int64_t)n * u->ms;
    }
    *out_ms = sum;
    return 1;
}

const char *duration_format(int64_t ms, char out[TIMESTAMP_SIZE])
{
    static const struct unit order[] = {
        {"d",   86400000},
        { "h",  3600000 },
        { "m",  60000   },
        { "s",  1000    },
        { "ms", 1       }
    };
    size_t n = 0;

    if (ms <= 0) {
        (void)snprintf(out, TIMESTAMP_SIZE, "0s");
        return out;
    }
    out[0] = '\0';
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        if (ms / order[k].ms && n < TIMESTAMP_SIZE) {
            n += (size_t)snprintf(out + n, TIMESTAMP_SIZE - n, "%lld%s",
                                  (long long)(ms / order[k].ms), order[k].name);
            ms %= order[k].ms;
        }
    }
    return out;
}
