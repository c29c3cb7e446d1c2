/* SPDX-License-Identifier: Apache-2.0
 *
 * service.c - signals through a pipe, the control pipe of a parent, and sd_notify(3)'s datagrams
 * without libsystemd.
 */
#include "service.h"

#include "clock.h"
#include "service_env.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct service {
    int signals; /* read end: one byte a signal */
    int control; /* standard input, when it is a control pipe; -1 */
    int manager; /* datagram socket of the service manager; -1 */
    int64_t watchdog_ms;
};

static int signal_fd = -1; /* write end; signal handlers have no other way to it */

static void on_signal(int sig)
{
    char c = sig == SIGHUP ? 'r' : sig == SIGCHLD ? 'c' : 's';
    int e = errno;

    if (write(signal_fd, &c, 1) < 0) { /* full: enough is pending already */
    }
    errno = e;
}

/* Connects to the manager's socket; -1 where there is no manager. */
static int open_manager(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    size_t n = path ? strlen(path) : 0;
    int fd;

    if (n < 2 || n >= sizeof a.sun_path || (path[0] != '/' && path[0] != '@'))
        return -1;
    memcpy(a.sun_path, path, n);
    if (a.sun_path[0] == '@')
        a.sun_path[0] = '\0'; /* the abstract name space */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a,
                           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int64_t read_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t v;

    if (!usec || !text_parse_u64(usec, strlen(usec), &v) || v < 2000 || v > INT64_MAX / 2)
        return 0;
    if (pid && strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    return (int64_t)(v / 2000); /* half of it, in milliseconds */
}

static void notify(const struct service *s, const char *state)
{
    if (s->manager >= 0 && send(s->manager, state, strlen(state), MSG_NOSIGNAL) < 0) {
        /* the manager's loss */
    }
}

static void catch_signal(int sig, void (*fn)(int), struct sigaction *old)
{
    struct sigaction sa = { .sa_handler = fn, .sa_flags = SA_RESTART };

    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, old);
}

int service_run(const char *name, int managed, int (*work)(struct service *, void *), void *arg)
{
    static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
    struct sigaction old[sizeof caught / sizeof *caught];
    struct service s = { .control = -1, .manager = -1 };
    int fd[2];
    int child;
    int rc;

    (void)name;
    (void)managed;
    if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    s.signals = fd[0];
    signal_fd = fd[1];
    s.manager = open_manager();
    s.watchdog_ms = read_watchdog();
    child = getenv(SERVICE_CONTROL_ENV) != NULL;
    if (child)
        s.control = STDIN_FILENO;
    /* these are ours, not our children's */
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    unsetenv(SERVICE_CONTROL_ENV);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        catch_signal(caught[i], on_signal, &old[i]);
    catch_signal(SIGPIPE, SIG_IGN, NULL);
    rc = work(&s, arg);
    notify(&s, "STOPPING=1");
    /* A child whose parent has closed the control pipe may get its SIGTERM only now: its exit code
     * must not become that of a signal. */
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        if (child && caught[i] != SIGCHLD)
            catch_signal(caught[i], SIG_IGN, NULL);
        else
            sigaction(caught[i], &old[i], NULL);
    signal_fd = -1;
    close(fd[0]);
    close(fd[1]);
    if (s.manager >= 0)
        close(s.manager);
    return rc;
}

void service_ready(struct service *s)
{
    notify(s, "READY=1");
}

void service_status(struct service *s, const char *status)
{
    char line[512];
    int n = snprintf(line, sizeof line, "STATUS=%s", status);

    if (n >= (int)sizeof line)
        line[text_utf8_cut(line, sizeof line - 1)] = '\0';
    for (char *p = line; *p; p++)
        if (*p == '\n')
            *p = ' '; /* a new line would begin another assignment */
    notify(s, line);
}

void service_watchdog(struct service *s)
{
    notify(s, "WATCHDOG=1");
}

int64_t service_watchdog_ms(const struct service *s)
{
    return s->watchdog_ms;
}

/* Type=notify-reload wants the monotonic time beside it. */
static void notify_reloading(const struct service *s)
{
    struct timespec t;
    char line[80];

    clock_gettime(CLOCK_MONOTONIC, &t);
    snprintf(line, sizeof line, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    notify(s, line);
}

/* 1: the parent has closed the control pipe, or is gone. What it writes is not for us. */
static int control_closed(struct service *s)
{
    char junk[64];
    ssize_t n = read(s->control, junk, sizeof junk);

    if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
        return 0;
    s->control = -1;
    return 1;
}

enum service_event service_wait(struct service *s, int64_t ms)
{
    int64_t end = clock_monotonic_ms() + ms;

    for (;;) {
        struct pollfd p[2] = {
            {.fd = s->signals,  .events = POLLIN},
            { .fd = s->control, .events = POLLIN}
        };
        int64_t left = ms < 0 ? -1 : end - clock_monotonic_ms();
        char c;

        if (ms >= 0 && left < 0)
            left = 0;
        if (poll(p, 2, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
            return SERVICE_TIMEOUT;
        if ((p[0].revents & POLLIN) && read(s->signals, &c, 1) == 1) {
            if (c == 'c')
                return SERVICE_CHILD;
            if (c == 'r')
                notify_reloading(s);
            else
                notify(s, "STOPPING=1");
            return c == 'r' ? SERVICE_RELOAD : SERVICE_STOP;
        }
        if (p[1].revents && control_closed(s))
            return SERVICE_STOP;
        if (ms >= 0 && clock_monotonic_ms() >= end)
            return SERVICE_TIMEOUT;
    }
}
