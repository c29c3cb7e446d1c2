/* SPDX-License-Identifier: Apache-2.0
 *
 * Children: exit codes, signals, the control pipe; and what a process says about itself.
 */
#include "check.h"

#include "clock.h"
#include "err.h"
#include "proc.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static easg_error err = EASG_ERROR_INIT;

static struct proc *sh(const char *script)
{
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    struct proc *p = NULL;

    CHECK_INT(proc_spawn(argv, &p, &err), EASG_OK);
    return p;
}

static int code_of(struct proc *p)
{
    int code = -1;

    CHECK_INT(proc_wait(p, 20000, &code), 1);
    proc_close(p);
    return code;
}

/* In a child, because it is for good: the account afterwards; 0: still root. */
static int account_after(const char *dir)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        if (proc_become_owner(dir, &err) != EASG_OK)
            _exit(99);
        if (geteuid() != 0 && (setuid(0) == 0 || getegid() == 0))
            _exit(98); /* there is a way back */
        _exit(geteuid() == 12345 ? 1 : geteuid() == 0 ? 0 : 97);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void owner(void)
{
    char dir[] = "/tmp/easgate-owner-XXXXXX";

    if (geteuid() != 0) {
        CHECK_INT(proc_become_owner("/", &err), EASG_OK); /* nobody to become */
        return;
    }
    CHECK(mkdtemp(dir) != NULL);
    CHECK_INT(account_after(dir), 0);
    CHECK_INT(account_after("/nonexistent/easgate"), 0);
    CHECK(chown(dir, 12345, 12346) == 0); /* no such account: its number will do */
    CHECK_INT(account_after(dir), 1);
    CHECK(rmdir(dir) == 0);
}

int main(void)
{
    const char *missing[] = { "/nonexistent/easgate", NULL };
    const char *relative[] = { "easgate", NULL };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction normal = { .sa_handler = SIG_DFL };
    struct proc *p = NULL;
    struct proc *younger;
    int code = -1;
    char *p_env;

    CHECK_INT(code_of(sh("exit 0")), 0);
    CHECK_INT(code_of(sh("exit 30")), 30);
    CHECK_INT(code_of(sh("kill -SEGV $$")), 128 + SIGSEGV);
    CHECK_INT(code_of(sh("test \"$EASGATE_CONTROL_PIPE\" = 1 || exit 9")), 0);
    /* Only the control pipe ends this one; a younger child that held its other end would keep it
     * alive. */
    sigaction(SIGTERM, &ignore, NULL); /* inherited by the children */
    p = sh("read line; exit 7");
    younger = sh("read line; exit 8");
    proc_stop(p);
    CHECK_INT(code_of(p), 7);
    proc_stop(younger);
    CHECK_INT(code_of(younger), 8);
    p = sh("cat >/dev/null; exec sleep 100");
    proc_stop(p);
    CHECK_INT(proc_wait(p, 20, &code), 0);
    proc_kill(p);
    CHECK_INT(code_of(p), 128 + SIGKILL);
    sigaction(SIGTERM, &normal, NULL);

    p = sh("read line; exit 7"); /* ends when it is closed, or by the signal */
    CHECK_INT(proc_wait(p, 0, &code), 0);
    CHECK(proc_id(p) > 1);
    CHECK(kill((pid_t)proc_id(p), 0) == 0);
    proc_stop(p);
    CHECK_INT(proc_wait(p, 20000, &code), 1);
    CHECK(code == 7 || code == 128 + SIGTERM);
    CHECK_INT(proc_wait(p, 0, &code), 1);
    proc_stop(p);
    proc_kill(p);
    proc_close(p);

    proc_close(sh("exec sleep 100")); /* closing kills */
    proc_close(NULL);

    CHECK_INT(proc_spawn(missing, &p, &err), EASG_E_FAIL);
    CHECK_HAS(err.message, "/nonexistent/easgate: cannot be started: No such file");
    CHECK(!p);
    CHECK_INT(proc_spawn(relative, &p, &err), EASG_E_USAGE);

    CHECK(proc_peak_rss() > 100000);
    CHECK(proc_cpu_ms() >= 0);
    setenv("EASGATE_T", "topsecret", 1);
    p_env = getenv("EASGATE_T");
    proc_forget_env("EASGATE_T");
    CHECK(!getenv("EASGATE_T"));
    CHECK(p_env != NULL);
    proc_forget_env("EASGATE_T");
    owner();
    proc_harden();
    return check_done();
}
