/* SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor as a process: this program is the agent, the workers and the service manager. All
 * of them speak through one datagram socket, so nothing here waits by time.
 */
#include "check.h"

#include "clock.h"
#include "err.h"
#include "fs.h"
#include "log.h"
#include "proc.h"
#include "service.h"
#include "supervisor.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/easgate-run-XXXXXX";
static easg_error err = EASG_ERROR_INIT;
static int manager = -1;

/* ---- the worker ---- */

static void say(const char *what, const char *org)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char line[200];

    snprintf(a.sun_path, sizeof a.sun_path, "%s", getenv("EASGATE_TEST_SOCKET"));
    snprintf(line, sizeof line, "%s %s", what, org);
    sendto(fd, line, strlen(line), 0, (const struct sockaddr *)&a, sizeof a);
    close(fd);
}

/* Runs until it is asked to stop. */
static int worker(struct service *s, void *arg)
{
    const char *org = arg;

    say(getenv("NOTIFY_SOCKET") ? "worker with the manager's socket" : "worker", org);
    while (service_wait(s, -1) != SERVICE_STOP)
        ;
    say("stopped", org);
    return 0;
}

/* ---- the agent ---- */

static int work(struct service *s, void *arg)
{
    struct agent_config *agent = NULL;
    struct log_options o = { .level = EASG_LOG_INFO, .format = LOG_JSON };
    char file[200];
    struct log *log;
    int code;

    snprintf(file, sizeof file, "%.150s.log", (const char *)arg);
    o.file = file;
    log = log_open(&o);
    if (agent_config_load(arg, &agent, &err) != EASG_OK)
        return 99;
    code = supervisor_run(agent, s, log);
    log_close(log);
    agent_config_destroy(agent);
    return code;
}

/* ---- the service manager ---- */

static const char *in_dir(const char *name)
{
    static char path[4][200];
    static int i;

    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
    return path[i];
}

static void put(const char *name, const char *text)
{
    CHECK_INT(fs_write(in_dir(name), text, strlen(text), 0644, &err), EASG_OK);
}

static void org(const char *name)
{
    char file[80];
    char text[300];

    snprintf(file, sizeof file, "orgs.d/%s.yaml", name);
    snprintf(text, sizeof text,
             "organization: %s\nsource: {module: a}\nsink: {module: b}\nschedule: {jitter: 0}\n",
             name);
    put(file, text);
}

/* What was said and not asked for yet: the agent and its workers speak in no certain order. */
static char said[100][300];
static size_t n_said;

static int take(const char *what)
{
    for (size_t i = 0; i < n_said; i++) {
        if (!strstr(said[i], what))
            continue;
        n_said--;
        memmove(said[i], said[i + 1], (n_said - i) * sizeof said[0]);
        return 1;
    }
    return 0;
}

/* 1 once `what` is said, or was; 0 after ten seconds of silence. */
static int heard(const char *what)
{
    while (!take(what)) {
        ssize_t n = n_said < sizeof said / sizeof said[0] - 1
                        ? recv(manager, said[n_said], sizeof said[0] - 1, 0)
                        : -1;

        if (n < 0) {
            printf("# not heard: %s\n", what);
            return 0;
        }
        said[n_said++][n] = '\0';
    }
    return 1;
}

static struct proc *start_agent(void)
{
    char *self = fs_self();
    char config[200];
    const char *argv[] = { self, "agent", config, NULL };
    struct proc *p = NULL;

    n_said = 0;
    snprintf(config, sizeof config, "%s/easgate.yaml", dir);
    CHECK_INT(proc_spawn(argv, &p, &err), EASG_OK);
    mem_free(self);
    return p;
}

static void test_life(void)
{
    struct proc *p;
    int code = -1;

    org("contoso");
    p = start_agent();
    CHECK(heard("READY=1"));
    CHECK(heard("STATUS=1 organisation, 1 running"));
    CHECK(heard("worker contoso"));
    org("fabrikam");
    put("orgs.d/bad.yaml", "[");
    CHECK(kill((pid_t)proc_id(p), SIGHUP) == 0);
    CHECK(heard("RELOADING=1"));
    CHECK(heard("READY=1"));
    CHECK(heard("STATUS=2 organisations, 2 running, 1 with an error in the configuration"));
    CHECK(heard("worker fabrikam"));
    CHECK(kill((pid_t)proc_id(p), SIGTERM) == 0);
    CHECK(heard("STOPPING=1"));
    CHECK(heard("stopped "));
    CHECK(heard("stopped "));
    CHECK_INT(proc_wait(p, 20000, &code), 1);
    CHECK_INT(code, 0);
    proc_close(p);
}

/* Nothing that we started outlives us, whatever ends us. */
static void test_killed(void)
{
    struct proc *p = start_agent();
    int code = -1;

    CHECK(heard("worker contoso"));
    CHECK(heard("worker fabrikam"));
    proc_kill(p);
    CHECK_INT(proc_wait(p, 20000, &code), 1);
    CHECK(heard("stopped "));
    CHECK(heard("stopped "));
    proc_close(p);
}

static void test_nothing_readable(void)
{
    struct proc *p;
    int code = -1;

    unlink(in_dir("orgs.d/contoso.yaml"));
    unlink(in_dir("orgs.d/fabrikam.yaml"));
    p = start_agent();
    CHECK_INT(proc_wait(p, 20000, &code), 1);
    CHECK_INT(code, 30); /* systemd does not start it again: RestartPreventExitStatus=30 */
    proc_close(p);
    unlink(in_dir("orgs.d/bad.yaml"));
    p = start_agent();
    CHECK(heard("STATUS=0 organisations, 0 running"));
    proc_stop(p);
    CHECK_INT(proc_wait(p, 20000, &code), 1);
    CHECK_INT(code, 0);
    proc_close(p);
}

int main(int argc, char **argv)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct timeval ten = { .tv_sec = 10 };
    char text[200];

    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return service_run("worker", 0, worker, argv[argc - 1]);
    if (argc > 2 && strcmp(argv[1], "agent") == 0)
        return service_run("easgate", 0, work, argv[2]);
    if (!mkdtemp(dir))
        return 1;
    snprintf(a.sun_path, sizeof a.sun_path, "%s/socket", dir);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(bind(manager, (const struct sockaddr *)&a, sizeof a) == 0);
    CHECK(setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &ten, sizeof ten) == 0);
    setenv("NOTIFY_SOCKET", a.sun_path, 1);
    setenv("EASGATE_TEST_SOCKET", a.sun_path, 1);
    CHECK_INT(fs_mkdir(in_dir("orgs.d"), &err), EASG_OK);
    CHECK_INT(fs_mkdir(in_dir("state"), &err), EASG_OK);
    snprintf(text, sizeof text, "state_dir: %s/state\n", dir);
    put("easgate.yaml", text);
    test_life();
    test_killed();
    test_nothing_readable();
    snprintf(text, sizeof text, "rm -r %s", dir);
    CHECK_INT(system(text), 0);
    return check_done();
}
