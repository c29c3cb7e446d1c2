/* SPDX-License-Identifier: Apache-2.0
 *
 * The monotonic clock.
 */
#include "http.h"

#include <windows.h>

int64_t http_now_ms(void)
{
    return (int64_t)GetTickCount64();
}
