/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP_USER_TIMEOUT: a peer that vanished is noticed in seconds, not at the request's deadline.
 */
#include "http_private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

void http_limit_silence(curl_socket_t fd, uint32_t ms)
{
    unsigned value = ms;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
}
