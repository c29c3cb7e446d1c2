/* SPDX-License-Identifier: Apache-2.0
 *
 * property.c - a random administrator and a random device manager against the sync. Whatever they
 * do between the runs:
 *   - an entry that the administrator wrote is there until he takes it out;
 *   - every other entry in the lists is in the ledger;
 *   - the ledger names nothing that is not in the lists;
 *   - with the policy off, the lists are exactly the administrator's.
 * The seed is printed; EASGATE_SEED repeats one.
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

enum { MAILBOXES = 6, IDS = 4, RUNS = 160 };

static char dir[64];
static uint64_t seed;
static unsigned admin[MAILBOXES][IDS]; /* EASG_LISTED_* that the administrator wrote */
static int policy_on = 1;

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

static int slot(char list[FAKE_LIST][FAKE_TEXT], const char *id)
{
    int i;

    for (i = 0; i < FAKE_LIST; i++)
        if (list[i][0] && strcasecmp(list[i], id) == 0)
            return i;
    return -1;
}

static void add(char list[FAKE_LIST][FAKE_TEXT], const char *id)
{
    int i;

    for (i = 0; i < FAKE_LIST && slot(list, id) < 0; i++)
        if (!list[i][0])
            snprintf(list[i], FAKE_TEXT, "%s", id);
}

static unsigned listed(int m, int i)
{
    char id[FAKE_TEXT];

    id_of(m, i, id);
    return (slot(fake->mailboxes[m].allowed, id) >= 0 ? (unsigned)EASG_LISTED_ALLOWED : 0u) |
           (slot(fake->mailboxes[m].blocked, id) >= 0 ? (unsigned)EASG_LISTED_BLOCKED : 0u);
}

/* ---- what happens between two runs ---- */

/* He writes only where nothing of ours is: what he writes over ours stays ours, by rule. */
static void admin_writes(int m, int i)
{
    unsigned which = roll(2) ? EASG_LISTED_ALLOWED : EASG_LISTED_BLOCKED;
    char id[FAKE_TEXT];

    id_of(m, i, id);
    if (listed(m, i) & which)
        return;
    add(which == EASG_LISTED_ALLOWED ? fake->mailboxes[m].allowed : fake->mailboxes[m].blocked, id);
    admin[m][i] |= which;
    fake->mailboxes[m].changed = fake->now;
}

static void admin_takes_out(int m, int i)
{
    char(*list)[FAKE_TEXT] = roll(2) ? fake->mailboxes[m].allowed : fake->mailboxes[m].blocked;
    char id[FAKE_TEXT];
    int at;

    id_of(m, i, id);
    at = slot(list, id);
    if (at < 0)
        return;
    list[at][0] = '\0';
    admin[m][i] &= list == fake->mailboxes[m].allowed ? ~(unsigned)EASG_LISTED_ALLOWED
                                                      : ~(unsigned)EASG_LISTED_BLOCKED;
    fake->mailboxes[m].changed = fake->now;
}

static void something(void)
{
    int m = (int)roll(MAILBOXES), i = (int)roll(IDS);
    struct fake_device *d = &fake->devices[m * IDS + i];
    struct fake_managed *g = &fake->managed[m * IDS + i];
    struct fake_person *p = &fake->people[m];

    switch (roll(9)) {
    case 0: admin_writes(m, i); break;
    case 1: admin_takes_out(m, i); break;
    case 2: d->used = !d->used; break;
    case 3: g->used = !g->used; break;
    case 4: g->compliance = roll(7); break;
    case 5: p->flags = roll(8); break;
    case 6: fake->default_access = 1 + roll(3); break;
    case 7: policy_on = roll(4) != 0; break;
    default: p->used = roll(4) != 0; break;
    }
    d->changed = fake->now;
}

/* ---- a run, and what must hold after it ---- */

static int run_once(int n, enum sync_kind kind)
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
    FILE *f;

    snprintf(path, sizeof path, "%s/contoso.yaml", dir);
    f = fopen(path, "w");
    if (!f)
        return -1;
    fprintf(f,
            "organization: contoso\nmode: enforce\nsource: { module: fake, server: cas1 }\n"
            "sink: { module: fake-mdm }\n"
            "brakes: { blast_devices: 500, blast_percent: 50 }\npolicy: { enabled: %s, "
            "override: %s }\n",
            policy_on ? "true" : "false", roll(2) ? "\"on\"" : "auto");
    fclose(f);
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
        r.state = sync_state_ops(store);
        CHECK(run_create(&r, &run, &err) == EASG_OK);
        o.org = org;
        o.registry = registry;
        o.store = store;
        o.run = run;
        o.kind = kind;
        o.run_id = id;
        code = sync_run(&o);
    }
    if (err.message[0])
        printf("# %s\n", err.message);
    run_destroy(run);
    registry_destroy(registry);
    store_close(store);
    org_config_destroy(org);
    fake->now += 3600000;
    return code;
}

static easg_status on_ledger(void *user, const struct store_row *row, easg_error *err)
{
    unsigned(*ledger)[IDS] = user;
    const char *list = store_row_text(row, 2);
    int m, i;

    (void)err;
    if (CHECK(sscanf(store_row_text(row, 1), "ID%dX%d", &m, &i) == 2))
        ledger[m][i] = strcmp(list, "allowed") == 0   ? EASG_LISTED_ALLOWED
                       : strcmp(list, "blocked") == 0 ? EASG_LISTED_BLOCKED
                                                      : 3;
    return EASG_OK;
}

static void check_lists(int n)
{
    unsigned ledger[MAILBOXES][IDS];
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    char row[40];
    int m, i;

    memset(ledger, 0, sizeof ledger);
    if (!CHECK(store_open_readonly(dir, "contoso", &s, &err) == EASG_OK))
        return;
    CHECK(store_query(s, "SELECT mailbox, device_id, list FROM v_ledger", NULL, 0, on_ledger,
                      ledger, &err) == EASG_OK);
    store_close(s);
    for (m = 0; m < MAILBOXES; m++)
        for (i = 0; i < IDS; i++) {
            unsigned l = listed(m, i);

            snprintf(row, sizeof row, "run %d, mailbox %d, id %d", n, m, i);
            ROW(row);
            CHECK_INT(admin[m][i] & ~l, 0);                  /* nothing of his was taken */
            CHECK_INT(l & ~(admin[m][i] | ledger[m][i]), 0); /* the rest is ours, and known */
            CHECK_INT(ledger[m][i] & ~l, 0);                 /* the ledger claims nothing else */
            CHECK_INT(ledger[m][i] & admin[m][i], 0);        /* and nothing of his */
            if (!policy_on)
                CHECK_INT(l, admin[m][i]);
        }
    ROW("");
}

static void populate(void)
{
    int m, i;

    for (m = 0; m < MAILBOXES; m++) {
        fake->mailboxes[m].used = fake->people[m].used = 1;
        snprintf(fake->mailboxes[m].id, FAKE_TEXT, "m%d", m);
        snprintf(fake->mailboxes[m].sid, FAKE_TEXT, "S-%d", m);
        snprintf(fake->people[m].sid, FAKE_TEXT, "S-%d", m);
        snprintf(fake->people[m].id, FAKE_TEXT, "p%d", m);
        fake->people[m].flags = 3;
        for (i = 0; i < IDS; i++) {
            struct fake_device *d = &fake->devices[m * IDS + i];
            struct fake_managed *g = &fake->managed[m * IDS + i];

            d->used = 1;
            g->used = i % 2;
            snprintf(d->key, FAKE_TEXT, "d%d-%d", m, i);
            snprintf(d->mailbox, FAKE_TEXT, "m%d", m);
            snprintf(d->type, FAKE_TEXT, "iPhone");
            id_of(m, i, d->id);
            id_of(m, i, g->eas);
            snprintf(g->id, FAKE_TEXT, "g%d-%d", m, i);
            snprintf(g->user, FAKE_TEXT, "p%d", m);
            snprintf(g->os, FAKE_TEXT, "iOS");
            g->compliance = EASG_COMPLIANCE_COMPLIANT;
            g->management = EASG_MANAGEMENT_MANAGED;
            g->enrolled = g->grace_until = EASG_TIME_NONE;
            d->access = EASG_ACCESS_ALLOWED;
        }
    }
}

int main(void)
{
    const char *env = getenv("EASGATE_SEED");
    int n, i, k;

    seed = env ? strtoull(env, NULL, 10) : 20261125;
    printf("# EASGATE_SEED=%llu\n", (unsigned long long)seed);
    snprintf(dir, sizeof dir, "/tmp/easg-property.XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    fake_create();
    fake->now = 1795000000000;
    populate();
    for (n = 1; n <= RUNS; n++) {
        for (i = 0, k = (int)roll(6); i < k; i++)
            something();
        CHECK_INT(run_once(n, SYNC_FULL), SYNC_DONE);
        check_lists(n);
    }
    {
        static const char *const names[] = { "contoso.db", "contoso.db-wal", "contoso.db-shm",
                                             "contoso.lock", "contoso.yaml" };
        char path[120];

        for (i = 0; i < 5; i++) {
            snprintf(path, sizeof path, "%s/%s", dir, names[i]);
            unlink(path);
        }
        rmdir(dir);
    }
    return check_done();
}
