/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP_MAXRT, in seconds, is what Windows has for it.
 */
#include "http_private.h"

#include <winsock2.h>
#include <ws2tcpip.h>

void http_limit_silence(curl_socket_t fd, uint32_t ms)
{
    DWORD seconds = ms / 1000u + 1u;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_MAXRT, (const char *)&seconds, sizeof seconds);
}
