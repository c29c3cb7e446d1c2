/* SPDX-License-Identifier: Apache-2.0
 *
 * brakes.c - whether facts are believable and whether a plan may go out without a person. Numbers
 * only; what happens when a brake holds is core/sync's.
 */
#include "policy.h"

/* `percent` hundredths of `n`, rounded down, for n up to INT64_MAX. */
static int64_t share(int64_t n, int64_t percent)
{
    return n / 100 * percent + n % 100 * percent / 100;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

int brakes_facts_ok(int64_t count, int64_t last_good, int64_t percent)
{
    int64_t p = clamp(percent, 0, 100);
    int64_t need;

    if (last_good <= 0)
        return 1;
    need = share(last_good, p);
    if (last_good % 100 * p % 100)
        need++; /* 79.9 % is below 80 % */
    return count >= need;
}

int64_t brakes_blast_limit(int64_t devices, int64_t max_devices, int64_t max_percent)
{
    int64_t part = share(clamp(devices, 0, INT64_MAX), clamp(max_percent, 0, 100));
    int64_t least = clamp(max_devices, 0, INT64_MAX);

    return part > least ? part : least;
}

int brakes_blast_ok(int64_t new_blocks, int64_t devices, int64_t max_devices, int64_t max_percent)
{
    return new_blocks <= brakes_blast_limit(devices, max_devices, max_percent);
}
