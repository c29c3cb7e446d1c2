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

size_t http_sockets(CURLM *multi, struct curl_waitfd *to, size_t room)
{
    fd_set in;
    fd_set out;
    fd_set odd;
    int most = -1;
    size_t n = 0;

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&odd);
    if (curl_multi_fdset(multi, &in, &out, &odd, &most) != CURLM_OK)
        return 0;
    for (int fd = 0; fd <= most && n < room; fd++) {
        int events = FD_ISSET(fd, &in) ? CURL_WAIT_POLLIN : 0;

        if (FD_ISSET(fd, &out))
            events |= CURL_WAIT_POLLOUT;
        if (events)
            to[n++] = (struct curl_waitfd){ .fd = fd, .events = (short)events };
    }
    return n;
}
