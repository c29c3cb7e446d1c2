/* SPDX-License-Identifier: Apache-2.0
 *
 * peer.h - a server of a test as a child process: it prints "NAME PORT" lines and one that ends in
 * "ready", and ends when its standard input closes.
 */
#ifndef EASG_TEST_PEER_H
#define EASG_TEST_PEER_H

#include <sys/types.h>

#define PEER_MAX 40

struct peer {
    pid_t pid;
    int stdin_fd;
    int n;
    struct {
        char name[32];
        int port;
    } ports[PEER_MAX];
};

/* Runs `argv` and waits for "ready". 0, or -1 after a message. */
int peer_start(struct peer *p, char *const *argv);
/* Port by name; 0 when the server did not name it. */
int peer_port(const struct peer *p, const char *name);
void peer_stop(struct peer *p);
/* "python3" found in PATH, or NULL. */
const char *peer_python(void);

#endif
