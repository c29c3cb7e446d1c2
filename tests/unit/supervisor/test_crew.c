/* SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor stepped by hand: a shell script stands for the worker, a set clock for time.
 */
#include "check.h"

#include "clock.h"
#include "crew.h"
#include "err.h"
#include "fs.h"
#include "proc.h"
#include "timestamp.h"

#include "../../../core/worker/worker.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/easgate-crew-XXXXXX";
static easg_error err = EASG_ERROR_INIT;
static struct agent_config agent;
static struct log *logger;
static char logged[200000];

static void keep(void *user, const char *line, size_t len)
{
    size_t n = strlen(logged);

    (void)user;
    if (n + len + 2 < sizeof logged) {
        memcpy(logged + n, line, len);
        memcpy(logged + n + len, "\n", 2);
    }
}

static const char *in_dir(const char *name)
{
    static char path[4][300];
    static int i;

    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
    return path[i];
}

static void put(const char *name, const char *text)
{
    CHECK_INT(fs_write(in_dir(name), text, strlen(text), 0644, &err), EASG_OK);
}

/* What the worker of organisation `name` is to do: a line of shell. */
static void script(const char *name, const char *line)
{
    char file[80];

    snprintf(file, sizeof file, "%s.sh", name);
    put(file, line);
}

static void org(const char *name, const char *more)
{
    char file[80];
    char text[500];

    snprintf(file, sizeof file, "orgs.d/%s.yaml", name);
    snprintf(text, sizeof text, "organization: %s\nsource: {module: a}\nsink: {module: b}\n%s",
             name, more);
    put(file, text);
}

/* How often the worker was started for `name`. */
static int starts(const char *name)
{
    struct strbuf b = STRBUF_INIT(1 << 20);
    int n = 0;
    char want[80];

    snprintf(want, sizeof want, "-- %s\n", name);
    if (fs_read(in_dir("started"), 1 << 20, &b, &err) == EASG_OK)
        for (const char *p = strbuf_str(&b); (p = strstr(p, want)); p++)
            n++;
    strbuf_clear(&b);
    return n;
}

static void begin(struct crew *c)
{
    const char *sub[] = { "orgs.d", "state" };

    logged[0] = '\0';
    unlink(in_dir("started"));
    for (size_t i = 0; i < 2; i++)
        CHECK_INT(fs_mkdir(in_dir(sub[i]), &err), EASG_OK);
    CHECK_INT(crew_init(c, &agent, logger, &err), EASG_OK);
    mem_free(c->program);
    c->program = mem_strdup(in_dir("worker"));
    c->machine = 1;
    clock_set(EASG_TIME_NONE);
}

static void end(struct crew *c)
{
    char cmd[300];

    crew_clear(c);
    snprintf(cmd, sizeof cmd, "rm -f %s/orgs.d/*", dir);
    CHECK_INT(system(cmd), 0);
}

static void advance(int64_t ms)
{
    clock_set(clock_now() + ms);
}

static struct slot *slot(struct crew *c, const char *name)
{
    for (struct slot *s = c->slots; s; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

/* Steps until no worker runs; waits for each by its process, not by time. */
static void settle(struct crew *c)
{
    for (int i = 0; i < 1000 && c->running; i++) {
        int code;

        for (struct slot *s = c->slots; s; s = s->next)
            if (s->worker)
                proc_wait(s->worker, 10000, &code);
        crew_step(c);
    }
    CHECK_INT(c->running, 0);
}

#define MIN   INT64_C(60000)
#define HOUR  (60 * MIN)
#define EVERY "schedule: {quick: off, full: 1h, jitter: 0}\n"

static void test_a_run(void)
{
    struct crew c;
    int64_t wait;
    struct strbuf b = STRBUF_INIT(10000);
    char want[700];

    begin(&c);
    org("contoso", "schedule: {quick: 1h, full: 24h, jitter: 0}\n");
    script("contoso", "exit 0");
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    CHECK_INT(c.n, 1);
    crew_step(&c);
    settle(&c);
    CHECK_INT(starts("contoso"), 1);
    CHECK_INT(fs_read(in_dir("started"), 10000, &b, &err), EASG_OK);
    snprintf(want, sizeof want,
             "worker --kind full --run %s --trigger schedule --config %s "
             "--state-dir %s -- contoso\n",
             slot(&c, "contoso")->run, agent.path, agent.state_dir);
    CHECK_STR(b.ptr, want);
    strbuf_clear(&b);
    CHECK_INT(strlen(slot(&c, "contoso")->run), 36);
    CHECK_INT(slot(&c, "contoso")->run[14], '4');
    CHECK_INT(slot(&c, "contoso")->due.kind, SCHEDULE_QUICK);
    wait = crew_step(&c); /* sleeps until the next quick one */
    CHECK(wait > 50 * MIN && wait <= HOUR);
    CHECK_INT(starts("contoso"), 1);
    advance(HOUR);
    crew_step(&c);
    settle(&c);
    CHECK_INT(starts("contoso"), 2);
    CHECK_HAS(logged, "\"kind\":\"quick\"");
    end(&c);
}

static void test_back_off(void)
{
    static const struct {
        const char *script, *text;
    } rows[] = {
        {"exit 20",        "run could not be done now"           },
        { "exit 1",        "run failed"                          },
        { "exit 70",       "run ended by a bug; please report it"},
        { "kill -SEGV $$", "worker crashed"                      }
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct crew c;
        struct slot *s;
        int64_t first;

        ROW(rows[i].script);
        begin(&c);
        org("contoso", "schedule: {quick: off, full: 24h, jitter: 0}\n");
        script("contoso", rows[i].script);
        CHECK_INT(crew_load(&c, &err), EASG_OK);
        crew_step(&c);
        settle(&c);
        s = slot(&c, "contoso");
        CHECK_HAS(logged, rows[i].text);
        CHECK_INT(s->failures, 1);
        CHECK_INT(s->due.kind, SCHEDULE_FULL);
        first = crew_step(&c);
        CHECK(first > 40000 && first <= 76000);
        advance(first + 1);
        crew_step(&c);
        settle(&c);
        CHECK_INT(starts("contoso"), 2);
        CHECK_INT(s->failures, 2);
        CHECK(crew_step(&c) > first); /* longer each time */
        script("contoso", "exit 10");
        advance(HOUR);
        crew_step(&c);
        settle(&c);
        CHECK_INT(s->failures, 0);
        CHECK(crew_step(&c) > 22 * HOUR);
        end(&c);
    }
    ROW("");
}

static void test_hold(void)
{
    struct crew c;
    char status[300];

    begin(&c);
    org("contoso", EVERY);
    script("contoso", "exit 30");
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    crew_step(&c);
    settle(&c);
    CHECK_HAS(logged, "on hold: nothing is tried until the organisation's file changes");
    for (int i = 0; i < 5; i++) {
        advance(2 * HOUR);
        CHECK(crew_step(&c) > 30 * MIN); /* sleeps to the next time of the schedule */
    }
    CHECK_INT(starts("contoso"), 1);
    CHECK_HAS(logged, "run left out: the organisation is on hold");
    crew_status(&c, status, sizeof status);
    CHECK_HAS(status, "1 organisation, 0 running, 1 on hold; next: full of contoso at ");
    CHECK_INT(crew_load(&c, &err), EASG_OK); /* the same file: still on hold */
    advance(2 * HOUR);
    crew_step(&c);
    CHECK_INT(starts("contoso"), 1);
    org("contoso", EVERY "mode: enforce\n");
    script("contoso", "exit 0");
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    CHECK_HAS(logged, "configuration changed");
    advance(2 * HOUR);
    crew_step(&c);
    settle(&c);
    CHECK_INT(starts("contoso"), 2);
    end(&c);
}

static void test_overlap_and_limit(void)
{
    struct crew c;
    struct slot *a;

    begin(&c);
    agent.workers_max = 2;
    org("a", EVERY);
    org("b", EVERY);
    org("c", EVERY);
    org("off", EVERY "enabled: false\n");
    script("a", "cat >/dev/null; exit 0"); /* until the control pipe is closed */
    script("b", "exit 0");
    script("c", "exit 0");
    script("off", "exit 0");
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    CHECK_INT(c.n, 4);
    crew_step(&c);
    CHECK_INT(c.running, 2);
    for (int i = 0; i < 100 && !starts("c"); i++) {
        int code;

        if (slot(&c, "b")->worker)
            proc_wait(slot(&c, "b")->worker, 10000, &code);
        crew_step(&c);
        if (slot(&c, "c")->worker)
            proc_wait(slot(&c, "c")->worker, 10000, &code);
    }
    crew_step(&c);
    CHECK_INT(starts("c"), 1); /* as soon as b was done */
    CHECK_INT(c.running, 1);
    a = slot(&c, "a");
    advance(HOUR + 1);
    crew_step(&c);
    CHECK_INT(a->skipped, 1);
    CHECK_HAS(logged, "run skipped: the one before it is still going on");
    crew_step(&c);
    CHECK_INT(a->skipped, 1);
    advance(HOUR + 1);
    crew_step(&c);
    CHECK_INT(a->skipped, 2);
    CHECK_INT(starts("a"), 1);
    crew_stop(&c);
    settle(&c);
    advance(10 * HOUR);
    CHECK_INT(crew_step(&c), -1); /* no starts any more */
    CHECK_INT(starts("a"), 1);
    CHECK_INT(starts("off"), 0);
    agent.workers_max = 4;
    end(&c);
}

static void test_deadline(void)
{
    struct crew c;
    struct slot *s;

    begin(&c);
    org("contoso", EVERY);
    script("contoso", "trap '' TERM; touch $D/ready; while :; do sleep 0.02; done");
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    c.grace_ms = 100000;
    crew_step(&c);
    s = slot(&c, "contoso");
    for (int i = 0; i < 2000 && !fs_exists(in_dir("ready")); i++)
        clock_sleep_ms(5); /* until the script ignores the signal */
    agent.worker_timeout_ms = 1;
    CHECK(crew_step(&c) > 50000);
    CHECK_HAS(logged, "deadline of the run is over: asking it to stop");
    CHECK(s->stop_ms > 0 && !s->killed);
    c.grace_ms = 0;
    crew_step(&c);
    CHECK_HAS(logged, "worker does not stop: ending it");
    settle(&c);
    CHECK_HAS(logged, "run ended by force: its deadline was over");
    CHECK_INT(s->failures, 1);
    agent.worker_timeout_ms = 4 * HOUR;
    end(&c);
}

static void test_reload(void)
{
    struct crew c;
    struct slot *s;

    begin(&c);
    org("a", EVERY);
    org("b", EVERY "brakes: {shrink_percent: 0, accept_risk: mass-lockout}\n");
    put("orgs.d/bad.yaml", "organization: [\n");
    script("a", "exit 0");
    script("b", "cat >/dev/null; exit 0");
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    CHECK_INT(c.n, 2);
    CHECK_INT(c.broken, 1);
    CHECK_HAS(logged, "configuration not read: the organisation is left out\",\"org\":\"bad\"");
    CHECK_HAS(logged, "b.yaml:5:26: `shrink_percent: 0`: this brake is off");
    crew_step(&c);
    s = slot(&c, "a");
    put("orgs.d/a.yaml", "organization: a\nsuorce: {}\n");
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    CHECK_HAS(logged, "what was in effect before is kept\",\"org\":\"a\",\"error\":\"a.yaml:2:1: "
                      "unknown key `suorce`; did you mean `source`?\"");
    CHECK(slot(&c, "a") == s);
    unlink(in_dir("orgs.d/b.yaml"));
    unlink(in_dir("orgs.d/bad.yaml"));
    org("c", EVERY);
    script("c", "exit 0");
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    CHECK_HAS(logged, "organisation removed\",\"org\":\"b\"");
    CHECK(slot(&c, "c") && slot(&c, "b") && slot(&c, "b")->gone); /* its worker was asked to stop */
    settle(&c);
    CHECK(!slot(&c, "b"));
    CHECK_INT(c.n, 2);
    crew_step(&c);
    settle(&c);
    CHECK_INT(starts("c"), 1);
    CHECK(!strstr(logged, "\"level\":\"error\",\"text\":\"worker"));
    end(&c);
}

static void test_no_program(void)
{
    struct crew c;

    begin(&c);
    mem_free(c.program);
    c.program = mem_strdup("/nonexistent/easgate");
    org("contoso", EVERY);
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    crew_step(&c);
    settle(&c);
    CHECK(crew_step(&c) > 40000);
    /* valgrind's fork tells of a missing program by the shell's exit code only */
    CHECK(strstr(logged, "worker not started") || strstr(logged, "\"exit\":127"));
    CHECK_INT(slot(&c, "contoso")->failures, 1);
    end(&c);
    begin(&c);
    CHECK_INT(crew_load(&c, &err), EASG_OK);
    CHECK_HAS(logged, "no organisation is configured");
    CHECK_INT(crew_step(&c), -1);
    end(&c);
}

int main(void)
{
    char cmd[300];
    struct log *root;

    CHECK_INT(OUTCOME_DONE, WORKER_DONE);
    CHECK_INT(OUTCOME_FAILED, WORKER_FAILED);
    CHECK_INT(OUTCOME_NOTHING, WORKER_NOTHING);
    CHECK_INT(OUTCOME_LATER, WORKER_LATER);
    CHECK_INT(OUTCOME_HOLD, WORKER_HOLD);
    CHECK_INT(OUTCOME_BUG, WORKER_BUG);
    if (!mkdtemp(dir))
        return 1;
    snprintf(cmd, sizeof cmd,
             "#!/bin/sh\nD=%s\necho \"$*\" >>$D/started\nfor o; do :; done\n. $D/$o.sh\n", dir);
    put("worker", cmd);
    CHECK(chmod(in_dir("worker"), 0755) == 0);
    root = logger = log_open_sink(EASG_LOG_INFO, keep, NULL);
    agent = (struct agent_config){ .path = "/etc/easgate/easgate.yaml",
                                   .config_dir = dir,
                                   .state_dir = mem_strdup(in_dir("state")),
                                   .workers_max = 4,
                                   .worker_timeout_ms = 4 * HOUR };
    test_a_run();
    test_back_off();
    test_hold();
    test_overlap_and_limit();
    test_deadline();
    test_reload();
    test_no_program();
    log_close(root);
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    CHECK_INT(system(cmd), 0);
    return check_done();
}
