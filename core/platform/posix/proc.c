/* SPDX-License-Identifier: Apache-2.0
 *
 * proc.c - children by posix_spawn(), waited for through a pidfd; limits and figures of ourselves.
 */
#include "proc.h"

#include "clock.h"
#include "err.h"
#include "secret.h"
#include "service_env.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#endif

struct proc {
    pid_t pid;
    int pidfd;   /* -1: the kernel has none */
    int control; /* our end of the child's standard input; -1: closed */
    int ended;
    int exit_code;
};

/* Our environment and the mark of the control pipe. The strings stay those of environ. */
static char **make_environment(void)
{
    static char mark[] = SERVICE_CONTROL_ENV "=1";
    size_t n = 0;
    char **env;

    while (environ && environ[n])
        n++;
    env = mem_array(n + 2, sizeof *env);
    if (!env)
        return NULL;
    if (n)
        memcpy(env, environ, n * sizeof *env);
    env[n] = mark;
    return env;
}

static int start(pid_t *pid, const char *const *argv, char **env, int input)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t set;
    size_t n = 0;
    char **args;
    int rc;

    while (argv[n])
        n++;
    args = mem_array(n + 1, sizeof *args);
    if (!args)
        return ENOMEM;
    memcpy(args, argv, n * sizeof *args); /* posix_spawn() takes them without const */
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGHUP);
    posix_spawnattr_setsigdefault(&attr, &set);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawn(pid, args[0], &files, &attr, args, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    mem_free(args);
    return rc;
}

easg_status proc_spawn(const char *const *argv, struct proc **out, easg_error *err)
{
    struct proc *p;
    char **env;
    int fd[2];
    int rc;

    *out = NULL;
    if (argv[0][0] != '/')
        return err_set(err, EASG_E_USAGE, "%s: the path of a program must be absolute", argv[0]);
    p = mem_alloc(sizeof *p);
    env = make_environment();
    if (!p || !env) {
        mem_free(p);
        mem_free(env);
        return err_nomem(err);
    }
    if (pipe2(fd, O_CLOEXEC) < 0) {
        rc = errno;
        mem_free(p);
        mem_free(env);
        return err_native(err, EASG_E_FAIL, EASG_DOMAIN_ERRNO, rc, "control pipe: %s",
                          strerror(rc));
    }
    if (fd[0] == STDIN_FILENO) { /* we have no input ourselves; dup2() onto itself keeps CLOEXEC */
        int moved = fcntl(fd[0], F_DUPFD_CLOEXEC, 3);

        if (moved >= 0) {
            close(fd[0]);
            fd[0] = moved;
        }
    }
    rc = start(&p->pid, argv, env, fd[0]);
    close(fd[0]);
    mem_free(env);
    if (rc) {
        close(fd[1]);
        mem_free(p);
        return err_native(err, EASG_E_FAIL, EASG_DOMAIN_ERRNO, rc, "%s: cannot be started: %s",
                          argv[0], strerror(rc));
    }
    p->control = fd[1];
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (p->pidfd >= 0)
        fcntl(p->pidfd, F_SETFD, FD_CLOEXEC);
    *out = p;
    return EASG_OK;
}

int64_t proc_id(const struct proc *p)
{
    return p->pid;
}

static int look(struct proc *p)
{
    int status;
    pid_t r;

    if (p->ended)
        return 1;
    do
        r = waitpid(p->pid, &status, WNOHANG);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return 0;
    p->ended = 1;
    p->exit_code = 255; /* somebody else has waited for it */
    if (r > 0)
        p->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 1;
}

int proc_wait(struct proc *p, int64_t ms, int *exit_code)
{
    int64_t end = clock_monotonic_ms() + ms;

    while (!look(p)) {
        int64_t left = end - clock_monotonic_ms();
        struct pollfd f = { .fd = p->pidfd, .events = POLLIN };

        if (left <= 0)
            return 0;
        if (p->pidfd >= 0)
            poll(&f, 1, (int)(left < 60000 ? left : 60000));
        else
            clock_sleep_ms(left < 20 ? left : 20);
    }
    *exit_code = p->exit_code;
    return 1;
}

void proc_stop(struct proc *p)
{
    if (p->control >= 0)
        close(p->control);
    p->control = -1;
    if (!look(p))
        kill(p->pid, SIGTERM);
}

void proc_kill(struct proc *p)
{
    if (!look(p))
        kill(p->pid, SIGKILL);
}

void proc_close(struct proc *p)
{
    int status;

    if (!p)
        return;
    if (!look(p)) {
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    if (p->control >= 0)
        close(p->control);
    if (p->pidfd >= 0)
        close(p->pidfd);
    mem_free(p);
}

int64_t proc_self(void)
{
    return (int64_t)getpid();
}

static uint64_t hash(const char *s)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return h;
}

uint64_t proc_machine_seed(void)
{
    char id[128] = "";
    FILE *f = fopen("/etc/machine-id", "re");

    if (f) {
        if (!fgets(id, sizeof id, f))
            id[0] = '\0';
        fclose(f);
    }
    if (!id[0] && gethostname(id, sizeof id - 1) < 0)
        id[0] = '\0';
    return hash(id);
}

void proc_harden(void)
{
    struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_CORE, &none);
#ifndef UNDER_ASAN /* the leak check attaches to its own process */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void proc_lock_memory(void *ptr, size_t len)
{
    if (mlock(ptr, len) < 0) {
        /* over RLIMIT_MEMLOCK: the secret is short-lived and wiped all the same */
    }
}

void proc_unlock_memory(void *ptr, size_t len)
{
    munlock(ptr, len);
}

char *proc_env(const char *name)
{
    return mem_strdup(getenv(name));
}

void proc_forget_env(const char *name)
{
    char *value = getenv(name);

    if (value) /* this memory is what /proc/PID/environ shows */
        secret_wipe(value, strlen(value));
    unsetenv(name);
}

/* Not ru_maxrss: it survives exec(), so that a child of a large process would begin with that
 * process's peak. */
int64_t proc_peak_rss(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    struct rusage u;
    long kib = -1;
    char line[256];

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
            break;
        }
    }
    if (f)
        fclose(f);
    if (kib < 0 && getrusage(RUSAGE_SELF, &u) == 0)
        kib = u.ru_maxrss;
    return (int64_t)kib * 1024;
}

int64_t proc_cpu_ms(void)
{
    struct rusage u;

    if (getrusage(RUSAGE_SELF, &u) < 0)
        return 0;
    return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}
