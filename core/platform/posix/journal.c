/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.c - log records on their way out: a descriptor, or the journal's datagram socket.
 */
#include "logport.h"

#include "alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct logport {
    int fd;
    int datagram;
};

static struct logport *make(int fd, int datagram)
{
    struct logport *p = mem_alloc(sizeof *p);

    if (!p)
        return NULL;
    p->fd = fd;
    p->datagram = datagram;
    return p;
}

struct logport *logport_open_stderr(void)
{
    return make(STDERR_FILENO, 0);
}

struct logport *logport_open_file(const char *path, const char **why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    struct logport *p;

    if (fd < 0) {
        *why = strerror(errno);
        return NULL;
    }
    p = make(fd, 0);
    if (!p) {
        close(fd);
        *why = "out of memory";
    }
    return p;
}

/* EASGATE_JOURNAL_SOCKET: tests put their own socket in its place. */
struct logport *logport_open_journal(void)
{
    const char *path = getenv("EASGATE_JOURNAL_SOCKET");
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct logport *p;
    int fd;

    if (!path)
        path = "/run/systemd/journal/socket";
    if (strlen(path) >= sizeof a.sun_path)
        return NULL;
    memcpy(a.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) < 0) {
        close(fd);
        return NULL;
    }
    p = make(fd, 1);
    if (!p)
        close(fd);
    return p;
}

struct logport *logport_open_eventlog(void)
{
    return NULL;
}

void logport_close(struct logport *p)
{
    if (!p)
        return;
    if (p->fd > STDERR_FILENO)
        close(p->fd);
    mem_free(p);
}

/* A record that is too large for a datagram goes as a sealed memory file whose descriptor is
 * passed: the journal's own rule. */
static int send_large(int fd, const char *ptr, size_t len)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = { .msg_control = control.room, .msg_controllen = sizeof control.room };
    struct cmsghdr *c;
    int mem = memfd_create("easgate-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ssize_t sent = -1;

    if (mem < 0)
        return -1;
    memset(&control, 0, sizeof control);
    if (write(mem, ptr, len) == (ssize_t)len &&
        fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0) {
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof mem);
        memcpy(CMSG_DATA(c), &mem, sizeof mem);
        sent = sendmsg(fd, &m, MSG_NOSIGNAL);
    }
    close(mem);
    return sent < 0 ? -1 : 0;
}

int logport_write(struct logport *p, easg_level level, const char *ptr, size_t len)
{
    ssize_t n;

    (void)level;
    if (p->datagram) {
        do
            n = send(p->fd, ptr, len, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0 && (errno == EMSGSIZE || errno == ENOBUFS))
            return send_large(p->fd, ptr, len);
        return n < 0 ? -1 : 0;
    }
    do
        n = write(p->fd, ptr, len);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)len ? 0 : -1;
}

int logport_stderr_is_lost(void)
{
    return 0;
}

int logport_stderr_is_journal(void)
{
    const char *s = getenv("JOURNAL_STREAM"); /* "device:inode" */
    char want[64];
    struct stat st;

    if (!s || fstat(STDERR_FILENO, &st) < 0)
        return 0;
    snprintf(want, sizeof want, "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev,
             (uintmax_t)st.st_ino);
    return strcmp(s, want) == 0;
}
