/* SPDX-License-Identifier: Apache-2.0
 *
 * Each mail once: a run is killed between any two statements on the way of a mail, the module loses
 * answers, is not there, shows late what it took, and is asked again run after run. In the end
 * everybody was told of each block once, and nobody twice. EASGATE_TRIALS says how many trials,
 * EASGATE_SEED which, EASGATE_FROM from which on (to repeat one of them).
 *
 * A mail that is lost and not found five times is given up, and shown; so the module loses a mail
 * twice at most, and twice at most a run dies in the one moment in which the mail is lost by that.
 */
#include "fake.h"

#include "check.h"
#include "clock.h"
#include "config.h"
#include "err.h"
#include "registry.h"
#include "store_writer.h"
#include "sync.h"
#include "text.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PEOPLE = 4, BOX = 64, LOST = 2, CUT = 2 };

/* What the module keeps on the far side: survives every kill. */
struct box {
    char keys[BOX][80];
    char to[BOX][80];
    int lost[PEOPLE];         /* how often the module lost one of this person */
    int n, sends, kills, cut; /* cut: of them, where a mail may be lost by it */
    int trouble;              /* percent of calls that go wrong */
    uint64_t seed;
};
static struct box *box;
static char dir[64];
static int kill_at, points; /* the run dies at the n-th point on the way of a mail; 0: not */

static unsigned roll(unsigned n)
{
    box->seed = box->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(box->seed >> 33) % n;
}

static void die(void)
{
    box->kills++;
    (void)raise(SIGKILL);
}

/* ---- the module ---- */

static easg_status says(easg_error *err, easg_status st)
{
    return err_set(err, st, "the test says so");
}

static void keep(const easg_message *m)
{
    if (box->n < BOX) {
        (void)snprintf(box->keys[box->n], sizeof box->keys[0], "%s", m->idempotency_key.ptr);
        (void)snprintf(box->to[box->n++], sizeof box->to[0], "%s", m->to_smtp.ptr);
    }
}

static easg_status EASG_CALL box_open(easg_instance *self, const easg_run *run, easg_session **out,
                                      easg_error *err)
{
    (void)self, (void)run;
    if (roll(100) < (unsigned)box->trouble / 4)
        return says(err, EASG_E_UNREACHABLE);
    *out = (easg_session *)(void *)box;
    return EASG_OK;
}

static void EASG_CALL box_close(easg_session *s)
{
    (void)s;
}

static easg_status EASG_CALL box_send(easg_session *s, const easg_run *run, const easg_message *m,
                                      easg_error *err)
{
    unsigned way = roll(7);
    int *lost = &box->lost[m->to_smtp.ptr[1] - '0'];

    (void)s, (void)run;
    box->sends++;
    if (way == 1 || way == 4) /* a bounded number of times: the core gives up at last */
        ++*lost;
    if (roll(100) >= (unsigned)box->trouble || *lost > LOST) {
        keep(m);
        return EASG_OK;
    }
    switch (way) {
    case 0: keep(m); return says(err, EASG_E_UNCERTAIN);
    case 1: return says(err, EASG_E_UNCERTAIN);
    case 2: return says(err, EASG_E_UNAVAILABLE);
    case 3: return says(err, EASG_E_THROTTLED);
    case 4: die(); break; /* before it was taken */
    case 5:
        keep(m);
        die();
        break;
    default: return says(err, EASG_E_UNREACHABLE);
    }
    return EASG_OK;
}

static easg_status EASG_CALL box_settle(easg_session *s, const easg_run *run, const easg_message *m,
                                        easg_error *err)
{
    (void)s, (void)run;
    if (roll(100) < (unsigned)box->trouble / 2) {
        switch (roll(3)) {
        case 0: return says(err, EASG_E_UNAVAILABLE);
        case 1: return says(err, EASG_E_UNCERTAIN);
        default: die(); break;
        }
    }
    for (int i = 0; i < box->n; i++)
        if (strcmp(box->keys[i], m->idempotency_key.ptr) == 0)
            return EASG_OK;
    return says(err, EASG_E_NOTFOUND);
}

static int instance;

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    (void)host, (void)cfg, (void)err;
    *out = (easg_instance *)(void *)&instance;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    (void)self;
}

static const easg_option *const no_options[] = { NULL };
static const easg_notifier_ops ops = { sizeof ops, 0, box_open, box_close, box_send, box_settle };
static const easg_module module = { .struct_size = sizeof module,
                                    .kind = EASG_KIND_NOTIFIER,
                                    .id = "box",
                                    .summary = "a mailbox that a test counts",
                                    .options = no_options,
                                    .ops = &ops,
                                    .create = create,
                                    .destroy = destroy };
static const easg_module *const modules[] = { &module, NULL };
static const easg_plugin plugin = { EASG_PLUGIN_HEADER(0), .name = "box",           .version = "1",
                                    .vendor = "easgate",   .license = "Apache-2.0", .url = "",
                                    .modules = modules };

static const easg_plugin *EASG_CALL box_entry(const easg_offer *offer)
{
    (void)offer;
    return &plugin;
}

/* ---- one run, in a process of its own ---- */

static void at_point(void *user, const char *point)
{
    (void)user;
    if (strncmp(point, "mail.", 5) != 0 && strcmp(point, "sending") != 0)
        return;
    if (!kill_at || ++points != kill_at)
        return;
    if ((strcmp(point, "sending") == 0 || strcmp(point, "mail.recorded") == 0) && box->cut++ >= CUT)
        return;
    die();
}

static int run_child(int n)
{
    char id[37], path[120];
    easg_error err = EASG_ERROR_INIT;
    struct org_config *org = NULL;
    struct registry *registry = NULL;
    struct store *store = NULL;
    struct run_ref *run = NULL;
    struct run_options r;
    struct sync_options o;
    int code = 98;

    (void)snprintf(path, sizeof path, "%s/contoso.yaml", dir);
    clock_set(fake->now);
    (void)snprintf(id, sizeof id, "00000000-0000-4000-8000-%012d", n);
    memset(&r, 0, sizeof r);
    memset(&o, 0, sizeof o);
    if (org_config_load(path, &org, &err) == EASG_OK &&
        store_open_writer(dir, "contoso", NULL, &store, &err) == EASG_OK &&
        registry_create(NULL, &registry, &err) == EASG_OK &&
        registry_add(registry, "fake", fake_entry, &err) == EASG_OK &&
        registry_add(registry, "box", box_entry, &err) == EASG_OK) {
        store_set_hook(store, at_point, NULL);
        r.org = "contoso";
        r.run_id = id;
        r.started = fake->now;
        r.deadline_ms = clock_monotonic_ms() + 60000;
        r.state = sync_state_ops(store);
        if (run_create(&r, &run, &err) == EASG_OK) {
            o.org = org;
            o.registry = registry;
            o.store = store;
            o.run = run;
            o.kind = SYNC_FULL;
            o.run_id = id;
            code = sync_run(&o);
        }
    }
    if (err.message[0])
        printf("# %s\n", err.message);
    run_destroy(run);
    registry_destroy(registry);
    store_close(store);
    org_config_destroy(org);
    return code;
}

/* 1: it came to its end. */
static int run_once(void)
{
    static int count;
    int status = 0;
    pid_t pid;

    count++;
    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int code = run_child(count);

        (void)fflush(stdout);
        _exit(code);
    }
    if (!CHECK(pid > 0 && waitpid(pid, &status, 0) == pid))
        return 0;
    if (WIFSIGNALED(status)) {
        CHECK_INT(WTERMSIG(status), SIGKILL);
        return 0;
    }
    CHECK_INT(WEXITSTATUS(status), SYNC_DONE);
    return 1;
}

/* ---- what must hold ---- */

struct tally {
    int open, sent, failed, waiting, done;
};

static easg_status on_mail(void *user, const struct store_row *row, easg_error *err)
{
    struct tally *t = user;
    const char *state = store_row_text(row, 0);

    (void)err;
    t->open += !strcmp(state, "queued") || !strcmp(state, "sending") || !strcmp(state, "uncertain");
    t->sent += !strcmp(state, "sent");
    t->failed += !strcmp(state, "failed");
    if (!strcmp(state, "failed"))
        printf("# failed: %s\n", store_row_text(row, 1));
    return EASG_OK;
}

static easg_status on_action(void *user, const struct store_row *row, easg_error *err)
{
    struct tally *t = user;

    (void)err;
    t->done += !strcmp(store_row_text(row, 0), "done");
    t->waiting += store_row_text(row, 1) != NULL;
    return EASG_OK;
}

static struct tally tally(void)
{
    struct tally t = { 0 };
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;

    if (store_open_readonly(dir, "contoso", &s, &err) != EASG_OK) {
        t.open = 1; /* not even created before the kill */
        return t;
    }
    CHECK_INT(store_query(s, "SELECT state, error FROM v_mail", NULL, 0, on_mail, &t, &err),
              EASG_OK);
    CHECK_INT(store_query(s, "SELECT state, waits_until FROM v_actions WHERE verb='block'", NULL, 0,
                          on_action, &t, &err),
              EASG_OK);
    store_close(s);
    return t;
}

static int blocked(int i)
{
    return fake->mailboxes[i].blocked[0][0] != '\0';
}

static int told(int i)
{
    int n = 0;

    for (int k = 0; k < box->n; k++)
        n += strcmp(box->to[k], fake->mailboxes[i].smtp) == 0;
    return n;
}

static void configure(int required)
{
    char path[120];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/contoso.yaml", dir);
    f = fopen(path, "w");
    if (!CHECK(f != NULL))
        return;
    (void)fprintf(f,
                  "organization: contoso\nmode: enforce\n"
                  "source: { module: fake, server: cas1 }\nsink: { module: fake-mdm }\n"
                  "notifier: { module: box }\nmail: { wait: 10m, required: %s }\n"
                  "brakes: { blast_devices: 500, blast_percent: 50 }\n",
                  required ? "true" : "false");
    (void)fclose(f);
}

static void populate(void)
{
    memset(fake, 0, sizeof *fake);
    fake->now = 1795000000000;
    fake->default_access = EASG_ACCESS_ALLOWED;
    for (int i = 0; i < PEOPLE; i++) {
        struct fake_mailbox *m = &fake->mailboxes[i];
        struct fake_device *d = &fake->devices[i];
        struct fake_person *p = &fake->people[i];

        m->used = d->used = p->used = 1;
        (void)snprintf(m->id, FAKE_TEXT, "m%d", i);
        (void)snprintf(m->sid, FAKE_TEXT, "S-%d", i);
        (void)snprintf(m->upn, FAKE_TEXT, "u%d@contoso.example", i);
        (void)snprintf(m->smtp, FAKE_TEXT, "u%d@contoso.example", i);
        (void)snprintf(p->id, FAKE_TEXT, "p%d", i);
        (void)snprintf(p->sid, FAKE_TEXT, "S-%d", i);
        p->flags = EASG_PERSON_LICENSED | EASG_PERSON_TARGETED;
        (void)snprintf(d->key, FAKE_TEXT, "d%d", i);
        (void)snprintf(d->mailbox, FAKE_TEXT, "m%d", i);
        (void)snprintf(d->id, FAKE_TEXT, "ID%d", i);
        (void)snprintf(d->type, FAKE_TEXT, "iPhone");
        d->access = EASG_ACCESS_ALLOWED;
    }
}

static void wipe(void)
{
    static const char *const names[] = { "contoso.db", "contoso.db-wal", "contoso.db-shm",
                                         "contoso.lock", "contoso.yaml" };
    char path[120];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
}

/* First `kill_first`: the first run dies there. Then runs with trouble, then quiet ones to the end.
 */
static void trial(uint64_t seed, int trouble, int kill_first, int required)
{
    char row[80];
    struct tally t = { 0 };
    int n;

    (void)snprintf(row, sizeof row, "seed %llu, trouble %d, killed at %d", (unsigned long long)seed,
                   trouble, kill_first);
    ROW(row);
    wipe();
    configure(required);
    populate();
    memset(box, 0, sizeof *box);
    box->seed = seed;
    box->trouble = trouble;
    for (n = 0; n < 60; n++) {
        kill_at = n == 0 ? kill_first : box->trouble && roll(3) == 0 ? 1 + (int)roll(40) : 0;
        points = 0;
        if (n == 25)
            box->trouble = 0;
        (void)run_once();
        for (int i = 0; i < PEOPLE; i++) {
            CHECK(told(i) <= 1);
            if (required && blocked(i))
                CHECK_INT(told(i), 1); /* told before it took effect */
        }
        t = tally();
        if (t.open == 0 && t.waiting == 0 && t.done >= PEOPLE && kill_at == 0)
            break;
        fake->now += 4 * 60000; /* the grace of one search, and less than a day in all */
    }
    CHECK_INT(t.open, 0);
    CHECK_INT(t.waiting, 0);
    CHECK_INT(t.failed, 0);
    CHECK_INT(t.sent, PEOPLE);
    CHECK_INT(box->n, PEOPLE);
    for (int i = 0; i < PEOPLE; i++) {
        CHECK_INT(told(i), 1);
        CHECK(blocked(i));
    }
}

int main(void)
{
    const char *env = getenv("EASGATE_SEED"), *many = getenv("EASGATE_TRIALS");
    const char *from = getenv("EASGATE_FROM"), *where = getenv("TMPDIR");
    uint64_t seed = env ? strtoull(env, NULL, 10) : 20261125;
    int first = from ? (int)strtol(from, NULL, 10) : 0;
    int trials = many ? (int)strtol(many, NULL, 10) : 12, kills = 0, sends = 0;

    (void)snprintf(dir, sizeof dir, "%.40s/easg-once.XXXXXX", where ? where : "/tmp");
    box = mmap(NULL, sizeof *box, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!mkdtemp(dir) || box == MAP_FAILED)
        return 1;
    fake_create();
    trial(seed, 0, 0, 0);
    CHECK_INT(box->sends, PEOPLE);
    if (!many)
        for (int at = 1; at <= 36; at++) { /* each statement once, in the first run */
            trial(seed, 0, at, at % 2);
            kills += box->kills;
        }
    for (int i = 0; i < trials; i++) {
        int at = first + i;

        trial(seed + (uint64_t)at, 60, 1 + at % 40, at % 2);
        kills += box->kills;
        sends += box->sends;
    }
    printf("# EASGATE_SEED=%llu: %d trials, %d kills, %d sends for %d mails\n",
           (unsigned long long)seed, trials, kills, sends, trials * PEOPLE);
    wipe();
    (void)rmdir(dir);
    return check_done();
}
