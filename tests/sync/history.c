/* SPDX-License-Identifier: Apache-2.0
 *
 * history.c - random histories against an oracle. Devices come, go and are reset to a new id;
 * people join, leave and move between groups; records of the device manager change; administrators
 * edit lists by hand, adopt and release; the policy, local rules, rings, the registry of ids and
 * the failure policy change; the device manager and Exchange fail.
 *
 * The oracle keeps its own account of whose each entry is and foretells the lists after each run,
 * from the world as it made it. It shares no code with the agent: neither the table nor the set
 * arithmetic of the ledger.
 *
 *   - after each run lists and ledger are what the oracle foretold;
 *   - an entry that an administrator wrote is never taken out, unless he said so (foreign_allow:
 *     enforce, adopt);
 *   - at the end everything is released: lists are as they were before us, the ledger is empty.
 *
 * The seed is printed; EASGATE_SEED repeats a history, EASGATE_RUNS makes it longer.
 */
#include "check.h"
#include "fake.h"

#include "clock.h"
#include "config.h"
#include "err.h"
#include "store.h"
#include "store_writer.h"
#include "sync.h"

#include <strings.h>
#include <unistd.h>

enum { MAILBOXES = 8, IDS = 4, RUNS = 300, HOUR = 3600000 };
enum { A = EASG_LISTED_ALLOWED, B = EASG_LISTED_BLOCKED, AB = A | B };
enum { LEAVE, ALLOW, BLOCK, WITHDRAW };

static char dir[64], registry_path[96];
static uint64_t seed;
static long steps;

/* ---- what the oracle knows ---- */

struct slot {
    unsigned ours;   /* entries that are the agent's */
    unsigned before; /* what stood there when the agent first wrote */
    int known;       /* the last listing had the device */
};
static struct slot slots[MAILBOXES][IDS];
static struct {
    int used;
    uint32_t flags;
} last_people[MAILBOXES]; /* of the last facts that were good */
static int facts_once, default_known;
static easg_time enforced_since; /* 0: never */

static struct {
    int enforce, policy, foreign_enforce, rings, rules, registry;
    int override; /* 0 auto, 1 on, 2 off */
    int failure;  /* 0 hold, 1 open, 2 closed */
} config = { 1, 1, 0, 0, 0, 0, 0, 0 };

static unsigned roll(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % n;
}

static void id_of(int m, int i, char out[FAKE_TEXT])
{
    snprintf(out, FAKE_TEXT, "ID%dX%d", m, i);
}

static int place(char list[FAKE_LIST][FAKE_TEXT], const char *id)
{
    for (int i = 0; i < FAKE_LIST; i++)
        if (list[i][0] && strcasecmp(list[i], id) == 0)
            return i;
    return -1;
}

static unsigned listed(int m, int i)
{
    char id[FAKE_TEXT];

    id_of(m, i, id);
    return (place(fake->mailboxes[m].allowed, id) >= 0 ? (unsigned)A : 0u) |
           (place(fake->mailboxes[m].blocked, id) >= 0 ? (unsigned)B : 0u);
}

/* ---- what happens between two runs ---- */

static void write_entry(int m, int i, unsigned which)
{
    char(*list)[FAKE_TEXT] = which == A ? fake->mailboxes[m].allowed : fake->mailboxes[m].blocked;
    char id[FAKE_TEXT];
    int at = 0;

    id_of(m, i, id);
    while (at < FAKE_LIST - 1 && list[at][0])
        at++;
    snprintf(list[at], FAKE_TEXT, "%s", id);
    fake->mailboxes[m].changed = fake->now;
}

/* An administrator writes an entry that is not there, or takes out one, whosever it is. One that he
 * takes out and writes again before anybody looks is as it was: nothing in Exchange tells. */
static void edit_lists(int m, int i)
{
    unsigned which = roll(2) ? A : B;
    char(*list)[FAKE_TEXT] = which == A ? fake->mailboxes[m].allowed : fake->mailboxes[m].blocked;
    char id[FAKE_TEXT];

    id_of(m, i, id);
    if (!(listed(m, i) & which)) {
        write_entry(m, i, which);
        return;
    }
    list[place(list, id)][0] = '\0';
    fake->mailboxes[m].changed = fake->now;
}

/* A factory reset: the partnership of one id goes, the next id has one, and nobody enrolled it. */
static void reset_device(int m, int i)
{
    int next = (i + 1) % IDS;

    fake->devices[m * IDS + i].used = 0;
    fake->devices[m * IDS + next].used = 1;
    fake->devices[m * IDS + next].changed = fake->now;
    fake->managed[m * IDS + next].used = 0;
}

static void something(void)
{
    int m = (int)roll(MAILBOXES), i = (int)roll(IDS);
    struct fake_device *d = &fake->devices[m * IDS + i];
    struct fake_managed *g = &fake->managed[m * IDS + i];
    struct fake_person *p = &fake->people[m];

    steps++;
    switch (roll(20)) {
    case 0:
    case 1:
    case 2: edit_lists(m, i); break;
    case 3: d->used = !d->used; break;
    case 4: reset_device(m, i); break;
    case 5:
    case 6: g->used = !g->used; break;
    case 7:
    case 8:
    case 9: g->compliance = roll(7); break;
    case 10: g->management = roll(3); break;
    case 11:
    case 12: p->flags = roll(4) ? 3 : roll(8); break;
    case 13: p->used = roll(5) != 0; break;
    case 14: fake->default_access = 1 + roll(3); break;
    case 15: config.override = (int)roll(3); break;
    case 16: config.failure = (int)roll(3); break;
    case 17: config.rules = !config.rules; break;
    case 18:
        if (roll(2))
            config.registry = !config.registry;
        else
            config.foreign_enforce = roll(3) == 0;
        break;
    default:
        if (roll(3) == 0)
            config.policy = roll(5) != 0;
        else
            config.rings = !config.rings;
        break;
    }
    d->changed = fake->now;
}

/* ---- the oracle ---- */

/* Records of ids 3 carry no EAS id of their own: only the registry tells it, and for mailbox 5 it
 * gives it to somebody else. */
static int record_is_his(int m, int i)
{
    return i != 3 ? 1 : config.registry && m != 5;
}

static int by_rule(int m, int i)
{
    if (!config.rules)
        return -1;
    if (m == 2)
        return LEAVE; /* all of m2@contoso.example */
    if (m == 3 && i == 1)
        return ALLOW; /* ID3X1 */
    return -1;
}

/* Of a device that the last listing had, by good facts. */
static int decide(int m, int i, unsigned foreign)
{
    const struct fake_person *p = &fake->people[m];
    const struct fake_managed *g = &fake->managed[m * IDS + i];
    int rule = by_rule(m, i);

    if (!config.policy || !p->used || (p->flags & 7) != 3)
        return WITHDRAW; /* off; nobody; not licensed, not targeted, or exempt */
    if (foreign & B)
        return LEAVE;
    if ((foreign & A) && !config.foreign_enforce)
        return LEAVE;
    if (rule >= 0)
        return rule;
    if (!g->used || !record_is_his(m, i) || g->management != EASG_MANAGEMENT_MANAGED)
        return BLOCK;
    if (g->compliance != EASG_COMPLIANCE_COMPLIANT && g->compliance != EASG_COMPLIANCE_GRACE)
        return BLOCK;
    if (config.override == 1 || (config.override == 0 && default_known != EASG_ACCESS_ALLOWED))
        return ALLOW;
    return WITHDRAW;
}

/* The device manager has been silent too long. */
static int decide_silent(int m, unsigned listed_now, unsigned foreign, unsigned ours)
{
    if (!config.policy || !last_people[m].used || (last_people[m].flags & 7) != 3 || foreign)
        return LEAVE;
    if (config.failure == 1)
        return (ours & listed_now & B) ? WITHDRAW : LEAVE;
    return BLOCK;
}

/* Is a change of this mailbox held back by its ring? */
static int ring_waits(int m)
{
    if (!config.rings || m < 2)
        return 0;                                             /* m0 and m1 are the first ring */
    return fake->now - enforced_since < 30 * (easg_time)HOUR; /* 29.5 h: no run is on the edge */
}

struct foretold {
    unsigned lists[MAILBOXES][IDS];
    struct slot slots[MAILBOXES][IDS];
};

static void carry_out(struct foretold *f, int m, int i, int action, int writes)
{
    unsigned now = f->lists[m][i], *out = &f->lists[m][i];
    struct slot *s = &f->slots[m][i];
    unsigned target = action == ALLOW ? A : action == BLOCK ? B : now & ~s->ours;

    if (action == LEAVE || target == now || !writes)
        return;
    if (s->ours == 0 && ring_waits(m))
        return;
    if (action == WITHDRAW) {
        *out = target;
        s->ours = s->before = 0;
        return;
    }
    if (s->ours == 0)
        s->before = now;
    *out = target;
    /* what stood there already and was not ours stays somebody else's */
    s->ours = target & (s->ours | ~now);
    if (!s->ours)
        s->before = 0;
}

/* `facts`: 1 good, 0 the manager fails. */
static void foretell(struct foretold *f, enum sync_kind kind, int facts, int writes)
{
    for (int m = 0; m < MAILBOXES; m++)
        for (int i = 0; i < IDS; i++) {
            struct slot *s = &f->slots[m][i];
            const struct fake_device *d = &fake->devices[m * IDS + i];
            unsigned now = listed(m, i), foreign;
            int action;

            *s = slots[m][i];
            f->lists[m][i] = now;
            s->ours &= now;
            if (!s->ours)
                s->before = 0;
            s->known = kind == SYNC_QUICK ? s->known | d->used : d->used;
            foreign = now & ~s->ours;
            if (!facts && (config.failure == 0 || !facts_once))
                continue; /* nothing is changed */
            action = !s->known ? (s->ours ? WITHDRAW : LEAVE)
                     : facts   ? decide(m, i, foreign)
                               : decide_silent(m, now, foreign, s->ours);
            carry_out(f, m, i, action, writes);
        }
}

static void foretell_release(struct foretold *f)
{
    for (int m = 0; m < MAILBOXES; m++)
        for (int i = 0; i < IDS; i++) {
            struct slot *s = &f->slots[m][i];
            unsigned now = listed(m, i), foreign, want;

            *s = slots[m][i];
            s->ours &= now;
            foreign = now & ~s->ours;
            want = foreign | (s->ours ? s->before : 0u);
            /* Exchange takes no entry in both lists from us: what somebody wrote since wins, and
             * of two that were there before, the block */
            if (want == AB && now != AB)
                want = foreign ? foreign : (unsigned)B;
            if (want == AB)
                want = now;
            f->lists[m][i] = s->ours ? want : now;
            s->ours = s->before = 0;
            s->known = fake->devices[m * IDS + i].used;
        }
}

/* ---- a run ---- */

static void write_config(const char *path)
{
    static const char *const overrides[] = { "auto", "\"on\"", "\"off\"" };
    static const char *const failures[] = { "hold", "open", "closed" };
    FILE *f = fopen(path, "w");

    if (!f)
        abort();
    fprintf(
        f,
        "organization: contoso\nmode: %s\nsource: { module: fake, server: cas1 }\n"
        "sink: { module: fake-mdm }\nfailure_policy: %s\n"
        "brakes: { blast_devices: 500, blast_percent: 50, shrink_percent: 0, facts_max_age: 10m,"
        " accept_risk: mass-lockout, accept_no_eas_id: [ ios ] }\n"
        "policy:\n  enabled: %s\n  override: %s\n  foreign_allow: %s\n",
        config.enforce ? "enforce" : "audit", failures[config.failure],
        config.policy ? "true" : "false", overrides[config.override],
        config.foreign_enforce ? "enforce" : "leave");
    if (config.registry)
        fprintf(f, "  id_registry: %s\n", registry_path);
    if (config.rings)
        fprintf(f, "rings:\n  first: { users: [ \"m0@*\", \"m1@*\" ], blast_devices: 500 }\n"
                   "  rest: { delay: 1770m, blast_devices: 500 }\n");
    if (config.rules)
        fprintf(
            f,
            "rules:\n"
            "  two: { match: { user: \"M2@*\" }, action: leave, owner: a }\n"
            "  old: { match: { user: \"m4@*\" }, action: allow, owner: a, expires: 2020-01-01 }\n"
            "  kiosk: { match: { device_id: \"id3x1\" }, action: allow, owner: a }\n");
    fclose(f);
}

static int run_once(int n, enum sync_kind kind, const struct sync_adopt *adopt, int dry)
{
    char id[37], path[120];
    easg_error err = EASG_ERROR_INIT;
    struct org_config *org = NULL;
    struct registry *registry = NULL;
    struct store *store = NULL;
    struct run_ref *run = NULL;
    struct run_options r;
    struct sync_options o;
    int code = -1;

    snprintf(path, sizeof path, "%s/contoso.yaml", dir);
    write_config(path);
    clock_set(fake->now);
    snprintf(id, sizeof id, "00000000-0000-4000-8000-%012d", n);
    memset(&r, 0, sizeof r);
    memset(&o, 0, sizeof o);
    if (CHECK(org_config_load(path, &org, &err) == EASG_OK) &&
        CHECK(store_open_writer(dir, "contoso", NULL, &store, &err) == EASG_OK) &&
        CHECK(registry_create(NULL, &registry, &err) == EASG_OK) &&
        CHECK(registry_add(registry, "fake", fake_entry, &err) == EASG_OK)) {
        r.org = "contoso";
        r.run_id = id;
        r.started = fake->now;
        r.deadline_ms = clock_monotonic_ms() + 60000;
        r.flags = dry ? EASG_RUN_DRY : 0;
        r.state = sync_state_ops(store);
        CHECK(run_create(&r, &run, &err) == EASG_OK);
        o.org = org;
        o.registry = registry;
        o.store = store;
        o.run = run;
        o.kind = kind;
        o.run_id = id;
        o.adopt = adopt;
        o.dry_run = dry;
        code = sync_run(&o);
    }
    if (err.message[0])
        printf("# %s\n", err.message);
    run_destroy(run);
    registry_destroy(registry);
    store_close(store);
    org_config_destroy(org);
    return code;
}

static easg_status on_ledger(void *user, const struct store_row *row, easg_error *err)
{
    unsigned(*ledger)[IDS] = user;
    const char *list = store_row_text(row, 1);
    int m, i;

    (void)err;
    if (CHECK(sscanf(store_row_text(row, 0), "ID%dX%d", &m, &i) == 2))
        ledger[m][i] = strcmp(list, "allowed") == 0 ? A : strcmp(list, "blocked") == 0 ? B : AB;
    return EASG_OK;
}

static void compare(const char *what, int n, const struct foretold *f)
{
    unsigned ledger[MAILBOXES][IDS];
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    char row[100];

    memset(ledger, 0, sizeof ledger);
    if (!CHECK(store_open_readonly(dir, "contoso", &s, &err) == EASG_OK))
        return;
    CHECK(store_query(s, "SELECT device_id, list FROM v_ledger", NULL, 0, on_ledger, ledger,
                      &err) == EASG_OK);
    store_close(s);
    for (int m = 0; m < MAILBOXES; m++)
        for (int i = 0; i < IDS; i++) {
            snprintf(row, sizeof row, "run %d (%s), mailbox %d, id %d", n, what, m, i);
            ROW(row);
            CHECK_INT(listed(m, i), f->lists[m][i]);
            CHECK_INT(ledger[m][i], f->slots[m][i].ours);
        }
    ROW("");
    memcpy(slots, f->slots, sizeof slots);
}

/* ---- one step of the history ---- */

static void fail_next(enum fake_call call)
{
    memset(fake->faults, 0, sizeof fake->faults);
    fake->faults[0].call = call;
    fake->faults[0].times = 1;
    fake->faults[0].status = EASG_E_UNAVAILABLE;
}

static void facts_were_good(void)
{
    facts_once = 1;
    for (int m = 0; m < MAILBOXES; m++) {
        last_people[m].used = fake->people[m].used;
        last_people[m].flags = fake->people[m].flags;
    }
}

/* A full run in which nothing fails. */
static void plain_sync(int n)
{
    struct foretold f;

    default_known = (int)fake->default_access;
    if (config.enforce && !enforced_since)
        enforced_since = fake->now;
    foretell(&f, SYNC_FULL, 1, config.enforce);
    CHECK_INT(run_once(n, SYNC_FULL, NULL, 0), SYNC_DONE);
    facts_were_good();
    compare("full", n, &f);
}

static void one_sync(int n)
{
    enum sync_kind kind = roll(3) ? SYNC_FULL : SYNC_QUICK;
    int fails = (int)roll(12), dry = roll(15) == 0, writes = config.enforce && !dry;
    int facts = fails != 0, code;
    struct foretold f;
    char what[60];

    if (fails == 1) { /* Exchange fails: nothing is known anew, nothing is changed */
        fail_next(FAKE_OPEN);
        for (int m = 0; m < MAILBOXES; m++)
            for (int i = 0; i < IDS; i++) {
                f.lists[m][i] = listed(m, i);
                f.slots[m][i] = slots[m][i];
            }
        code = run_once(n, kind, NULL, dry);
        CHECK_INT(code, SYNC_LATER);
        for (int m = 0; m < MAILBOXES; m++)
            for (int i = 0; i < IDS; i++)
                CHECK_INT(listed(m, i), f.lists[m][i]);
        memset(fake->faults, 0, sizeof fake->faults);
        return;
    }
    if (!facts)
        fail_next(FAKE_SINK_OPEN);
    default_known = (int)fake->default_access;
    if (writes && !enforced_since && (facts || (config.failure && facts_once)))
        enforced_since = fake->now;
    foretell(&f, kind, facts, writes);
    code = run_once(n, kind, NULL, dry);
    CHECK_INT(code, facts ? SYNC_DONE : SYNC_LATER);
    memset(fake->faults, 0, sizeof fake->faults);
    if (facts)
        facts_were_good();
    snprintf(what, sizeof what, "%s%s%s", kind == SYNC_FULL ? "full" : "quick",
             facts ? "" : ", no facts", writes ? "" : ", no writes");
    compare(what, n, &f);
}

/* Right after a run, so that what the agent last read is what is there. */
static void adopt_some(int n)
{
    struct sync_adopt_item item = { NULL, NULL, 0 };
    struct sync_adopt want = { roll(3) ? (unsigned)A : (unsigned)AB, NULL, 0 };
    int one = roll(2) == 0, om = (int)roll(MAILBOXES), oi = (int)roll(IDS);
    struct foretold f;
    char id[FAKE_TEXT];

    id_of(om, oi, id);
    item.device_id = id;
    if (one) {
        want.items = &item;
        want.n = 1;
    }
    for (int m = 0; m < MAILBOXES; m++)
        for (int i = 0; i < IDS; i++) {
            struct slot *s = &f.slots[m][i];
            unsigned take;

            f.lists[m][i] = listed(m, i);
            *s = slots[m][i];
            take = f.lists[m][i] & ~s->ours & want.lists;
            if (!take || (one && (m != om || i != oi)))
                continue;
            s->ours |= take;
            s->before |= take;
        }
    CHECK_INT(run_once(n, SYNC_ADOPT, &want, 0), SYNC_DONE);
    compare("adopt", n, &f);
}

static void release_all(int n)
{
    int was = config.enforce;
    struct foretold f;

    config.enforce = 0;
    foretell_release(&f);
    CHECK_INT(run_once(n, SYNC_RELEASE, NULL, 0), SYNC_DONE);
    compare("release", n, &f);
    enforced_since = 0;
    config.enforce = was;
}

static void populate(void)
{
    FILE *f = fopen(registry_path, "w");

    if (!f)
        abort();
    fprintf(f, "user,managed_device,eas_id\n");
    for (int m = 0; m < MAILBOXES; m++) {
        fake->mailboxes[m].used = fake->people[m].used = 1;
        snprintf(fake->mailboxes[m].id, FAKE_TEXT, "m%d", m);
        snprintf(fake->mailboxes[m].upn, FAKE_TEXT, "m%d@contoso.example", m);
        snprintf(fake->mailboxes[m].sid, FAKE_TEXT, "S-%d", m);
        snprintf(fake->people[m].sid, FAKE_TEXT, "S-%d", m);
        snprintf(fake->people[m].id, FAKE_TEXT, "p%d", m);
        fake->people[m].flags = 3;
        for (int i = 0; i < IDS; i++) {
            struct fake_device *d = &fake->devices[m * IDS + i];
            struct fake_managed *g = &fake->managed[m * IDS + i];

            d->used = 1;
            g->used = i % 2;
            snprintf(d->key, FAKE_TEXT, "d%d-%d", m, i);
            snprintf(d->mailbox, FAKE_TEXT, "m%d", m);
            snprintf(d->type, FAKE_TEXT, "iPhone");
            id_of(m, i, d->id);
            snprintf(g->id, FAKE_TEXT, "g%d-%d", m, i);
            if (i != 3)
                id_of(m, i, g->eas);
            else
                fprintf(f, "m%d@contoso.example,%s,%s\n", m == 5 ? 6 : m, g->id, d->id);
            snprintf(g->user, FAKE_TEXT, "p%d", m);
            snprintf(g->os, FAKE_TEXT, "iOS");
            g->compliance = EASG_COMPLIANCE_COMPLIANT;
            g->management = EASG_MANAGEMENT_MANAGED;
            g->enrolled = g->grace_until = EASG_TIME_NONE;
            d->access = EASG_ACCESS_ALLOWED;
        }
        if (m % 3 == 0)
            write_entry(m, 0, m % 2 ? A : B);
    }
    fclose(f);
}

static void clean_up(void)
{
    static const char *const names[] = { "contoso.db",   "contoso.db-wal", "contoso.db-shm",
                                         "contoso.lock", "contoso.yaml",   "registry.csv" };
    char path[120];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

int main(void)
{
    const char *env = getenv("EASGATE_SEED"), *more = getenv("EASGATE_RUNS");
    int runs = more ? (int)strtol(more, NULL, 10) : RUNS, n = 0, adopted = 0, released = 0;

    seed = env ? strtoull(env, NULL, 10) : 20261125;
    printf("# EASGATE_SEED=%llu\n", (unsigned long long)seed);
    /* memory, where there is such a thing: hundreds of runs that each wait for a disk take long */
    snprintf(dir, sizeof dir, "%s/easg-history.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    snprintf(registry_path, sizeof registry_path, "%s/registry.csv", dir);
    fake_create();
    fake->now = 1795000000000;
    fake->default_access = EASG_ACCESS_ALLOWED;
    populate();
    while (n < runs && check_failed < 20) {
        for (int k = 4 + (int)roll(12); k > 0; k--)
            something();
        if (roll(12) == 0)
            config.enforce = !config.enforce || roll(3) == 0;
        one_sync(++n);
        if (facts_once && roll(15) == 0) {
            fake->now += HOUR;
            plain_sync(++n);
            adopt_some(++n);
            adopted++;
        }
        fake->now += HOUR;
        if (facts_once && roll(40) == 0) {
            release_all(++n);
            released++;
            fake->now += HOUR;
        }
    }
    release_all(++n);
    for (int m = 0; m < MAILBOXES; m++)
        for (int i = 0; i < IDS; i++)
            CHECK_INT(slots[m][i].ours, 0);
    printf("# %ld steps in %d runs, %d times adopted, %d times released\n", steps, n, adopted,
           released);
    CHECK(more || (steps > 2000 && adopted > 3 && released > 2));
    clean_up();
    return check_done();
}
