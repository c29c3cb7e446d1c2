/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP_MAXRT, in seconds, is what Windows has for it.
 */
#include "http_private.h"

#include <winsock2.h>
#include <ws2tcpip.h>

#ifndef TCP_MAXRT /* of ws2ipdef.h; older headers lack it */
#define TCP_MAXRT 5
#endif

void http_limit_silence(curl_socket_t fd, uint32_t ms)
{
    DWORD seconds = ms / 1000u + 1u;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_MAXRT, (const char *)&seconds, sizeof seconds);
}

/* Here a set is a list. */
static size_t add(const fd_set *set, short events, struct curl_waitfd *to, size_t n, size_t room)
{
    for (u_int i = 0; i < set->fd_count; i++) {
        size_t k = 0;

        while (k < n && to[k].fd != set->fd_array[i])
            k++;
        if (k == room)
            break;
        if (k == n)
            to[n++] = (struct curl_waitfd){ .fd = set->fd_array[i] };
        to[k].events = (short)(to[k].events | events);
    }
    return n;
}

size_t http_sockets(CURLM *multi, struct curl_waitfd *to, size_t room)
{
    fd_set in;
    fd_set out;
    fd_set odd;
    int most = -1;
    size_t n;

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&odd);
    if (curl_multi_fdset(multi, &in, &out, &odd, &most) != CURLM_OK)
        return 0;
    n = add(&in, CURL_WAIT_POLLIN, to, 0, room);
    return add(&out, CURL_WAIT_POLLOUT, to, n, room);
}
