/* SPDX-License-Identifier: Apache-2.0
 *
 * The front of a process: signals, the service manager's socket, the control pipe.
 */
#include "check.h"

#include "clock.h"
#include "err.h"
#include "fs.h"
#include "proc.h"
#include "service.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;

/* The next datagram, or "" when none is there. */
static const char *told(void)
{
    static char buf[600];
    ssize_t n = recv(manager, buf, sizeof buf - 1, MSG_DONTWAIT);

    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

static int work(struct service *s, void *arg)
{
    const char *true_argv[] = { "/bin/sh", "-c", "exit 3", NULL };
    easg_error err = EASG_ERROR_INIT;
    struct proc *p = NULL;
    int code = -1;

    CHECK(!getenv("NOTIFY_SOCKET") && !getenv("WATCHDOG_USEC"));
    CHECK_INT(service_watchdog_ms(s), 10000);
    service_ready(s);
    CHECK_STR(told(), "READY=1");
    service_status(s, "2 organisations\nREADY=0");
    CHECK_STR(told(), "STATUS=2 organisations READY=0");
    service_watchdog(s);
    CHECK_STR(told(), "WATCHDOG=1");
    CHECK_INT(service_wait(s, 0), SERVICE_TIMEOUT);

    raise(SIGHUP);
    CHECK_INT(service_wait(s, 10000), SERVICE_RELOAD);
    CHECK_HAS(told(), "RELOADING=1\nMONOTONIC_USEC=");
    raise(SIGTERM);
    CHECK_INT(service_wait(s, -1), SERVICE_STOP);
    CHECK_STR(told(), "STOPPING=1");
    raise(SIGINT);
    CHECK_INT(service_wait(s, 10000), SERVICE_STOP);
    CHECK_STR(told(), "STOPPING=1");
    CHECK_INT(service_wait(s, 1), SERVICE_TIMEOUT);
    CHECK_STR(told(), "");

    CHECK_INT(proc_spawn(true_argv, &p, &err), EASG_OK);
    CHECK_INT(service_wait(s, 20000), SERVICE_CHILD);
    CHECK_INT(proc_wait(p, 10000, &code), 1);
    CHECK_INT(code, 3);
    proc_close(p);
    return *(int *)arg;
}

static int child(struct service *s, void *arg)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    (void)arg;
    sigaction(SIGTERM, &ignore, NULL); /* leaves the control pipe as the only way */
    raise(SIGCHLD);                    /* what a child's child does is not a stop */
    if (service_wait(s, 0) != SERVICE_CHILD)
        return 4;
    if (write(STDOUT_FILENO, "r", 1) != 1)
        return 5;
    return service_wait(s, 20000) == SERVICE_STOP && service_wait(s, 0) == SERVICE_TIMEOUT ? 42 : 6;
}

/* A child that waits ends when its control pipe is closed. */
static void test_control_pipe(void)
{
    char *self = fs_self();
    const char *argv[] = { self, "child", NULL };
    easg_error err = EASG_ERROR_INIT;
    struct proc *p = NULL;
    int code = -1;
    int out[2];
    int keep = dup(STDOUT_FILENO);
    char c = 0;

    CHECK(self && pipe(out) == 0 && dup2(out[1], STDOUT_FILENO) >= 0);
    CHECK_INT(proc_spawn(argv, &p, &err), EASG_OK);
    CHECK(dup2(keep, STDOUT_FILENO) >= 0);
    close(keep);
    close(out[1]);
    CHECK(read(out[0], &c, 1) == 1 && c == 'r');
    close(out[0]);
    proc_stop(p);
    CHECK_INT(proc_wait(p, 20000, &code), 1);
    CHECK_INT(code, 42);
    proc_close(p);
    mem_free(self);
}

int main(int argc, char **argv)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char dir[] = "/tmp/easgate-service-XXXXXX";
    char pid[24];
    int code = 17;

    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return service_run("child", 0, child, NULL);
    if (!mkdtemp(dir))
        return 1;
    snprintf(a.sun_path, sizeof a.sun_path, "%s/notify", dir);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(bind(manager, (const struct sockaddr *)&a, sizeof a) == 0);
    setenv("NOTIFY_SOCKET", a.sun_path, 1);
    setenv("WATCHDOG_USEC", "20000000", 1);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    CHECK_INT(service_run("easgate", 0, work, &code), 17);
    CHECK_STR(told(), "STOPPING=1");
    test_control_pipe();
    unlink(a.sun_path);
    rmdir(dir);
    return check_done();
}
