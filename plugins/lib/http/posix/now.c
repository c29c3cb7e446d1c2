/* SPDX-License-Identifier: Apache-2.0
 *
 * The monotonic clock.
 */
#include "http.h"

#include <time.h>

int64_t http_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
