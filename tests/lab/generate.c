/* SPDX-License-Identifier: Apache-2.0
 *
 * generate.c - the population.
 *
 * The first mailboxes play one scenario each, in the order of the table, so that even a small
 * organisation reaches every row of the decision table; after them come ordinary users with some
 * scenarios drawn at random.
 */
#include "lab_model.h"

#include <stdlib.h>
#include <string.h>

/* What Intune has about a device. */
enum record {
    R_NONE,
    R_AUTO, /* compliant or none, so that the share of managed devices comes out right */
    R_OK,
    R_EASONLY,
    R_RETIRE_PENDING,
    R_WIPE_ISSUED,
    R_DELETE_PENDING,
    R_DISCOVERED,
    R_UNHEALTHY,
    R_NOT_ACTIVATED,
    R_NONCOMPLIANT,
    R_CONFLICT,
    R_ERROR,
    R_UNKNOWN_NEW,
    R_UNKNOWN_OLD,
    R_CONFIGMGR,
    R_GRACE,
    R_AMBIGUOUS,  /* claimed by another user's record too */
    R_CROSS,      /* claimed by another user's record only */
    R_REENROLLED, /* an older record of the same phone is still there */
    R_LOWER,      /* Intune spells the id in lower case */
    R_SAME,       /* no record of its own: the id is that of an earlier device */
};

enum { L_ALLOW = 1, L_BLOCK = 2 };        /* an administrator's entry */
enum { ID_OWN, ID_BEFORE, ID_OTHER_BOX }; /* whose EAS id */

struct scene_device {
    uint8_t make;
    uint8_t record;
    uint8_t flags;
    uint8_t lists;
    uint8_t id;
};
struct scene {
    const char *what;
    uint8_t mailbox; /* MBX_* */
    int8_t plan;     /* PLAN_*, or -1: nobody in Entra */
    uint8_t person;  /* PER_* */
    uint8_t n;
    struct scene_device dev[5];
};

#define SYNCED (PER_SID | PER_IMMUTABLE | PER_PROXY)
#define IN     (SYNCED | PER_TARGETED)

static const struct scene scenes[] = {
    { "compliant iPhone", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "compliant Samsung", 0, PLAN_ENABLED, IN, 1, { { MAKE_SAMSUNG, R_OK, 0, 0, 0 } } },
    { "compliant Windows mail", 0, PLAN_ENABLED, IN, 1, { { MAKE_WINDOWS, R_OK, 0, 0, 0 } } },
    { "not enrolled", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_NONE, 0, 0, 0 } } },
    { "noncompliant", 0, PLAN_ENABLED, IN, 1, { { MAKE_PIXEL, R_NONCOMPLIANT, 0, 0, 0 } } },
    { "no licence", 0, PLAN_NONE, IN, 1, { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "licence suspended", 0, PLAN_SUSPENDED, IN, 1, { { MAKE_SAMSUNG, R_OK, 0, 0, 0 } } },
    { "not targeted", 0, PLAN_ENABLED, SYNCED, 1, { { MAKE_IPHONE, R_NONE, 0, 0, 0 } } },
    { "exempt", 0, PLAN_ENABLED, IN | PER_EXEMPT, 1, { { MAKE_IPHONE, R_NONE, 0, 0, 0 } } },
    { "administrator's block", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_OK, 0, L_BLOCK, 0 } } },
    { "administrator's allow", 0, PLAN_ENABLED, IN, 1, { { MAKE_PIXEL, R_NONE, 0, L_ALLOW, 0 } } },
    { "administrator's both",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_IPAD, R_OK, 0, L_ALLOW | L_BLOCK, 0 } } },
    { "Outlook beside native mail",
      0,
      PLAN_ENABLED,
      IN,
      2,
      { { MAKE_OUTLOOK_SERVICE, R_NONE, 0, 0, 0 }, { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "Outlook alone", 0, PLAN_ENABLED, IN, 1, { { MAKE_OUTLOOK, R_NONE, 0, 0, 0 } } },
    { "platform Intune cannot manage",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_KAIOS, R_NONE, 0, 0, 0 } } },
    { "the same, blocked by a rule",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_BLACKBERRY, R_EASONLY, 0, 0, 0 } } },
    { "id claimed by two users",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_IPHONE, R_AMBIGUOUS, 0, 0, 0 } } },
    { "EAS-only record", 0, PLAN_ENABLED, IN, 1, { { MAKE_SAMSUNG, R_EASONLY, 0, 0, 0 } } },
    { "retire pending", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_RETIRE_PENDING, 0, 0, 0 } } },
    { "wipe issued",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_SAMSUNG_ULTRA, R_WIPE_ISSUED, DEV_WIPE_REQUESTED, 0, 0 } } },
    { "delete pending", 0, PLAN_ENABLED, IN, 1, { { MAKE_WINDOWS, R_DELETE_PENDING, 0, 0, 0 } } },
    { "discovered only", 0, PLAN_ENABLED, IN, 1, { { MAKE_PIXEL, R_DISCOVERED, 0, 0, 0 } } },
    { "unhealthy counts as managed",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_IPHONE, R_UNHEALTHY, 0, 0, 0 } } },
    { "iOS not activated", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPAD, R_NOT_ACTIVATED, 0, 0, 0 } } },
    { "Android not activated",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_PIXEL, R_NOT_ACTIVATED, 0, 0, 0 } } },
    { "Windows not activated",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_WINDOWS, R_NOT_ACTIVATED, 0, 0, 0 } } },
    { "conflict", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_CONFLICT, 0, 0, 0 } } },
    { "error", 0, PLAN_ENABLED, IN, 1, { { MAKE_SAMSUNG, R_ERROR, 0, 0, 0 } } },
    { "unknown, just enrolled",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_IPHONE, R_UNKNOWN_NEW, 0, 0, 0 } } },
    { "unknown for long", 0, PLAN_ENABLED, IN, 1, { { MAKE_PIXEL, R_UNKNOWN_OLD, 0, 0, 0 } } },
    { "configuration manager", 0, PLAN_ENABLED, IN, 1, { { MAKE_WINDOWS, R_CONFIGMGR, 0, 0, 0 } } },
    { "grace period", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_GRACE, 0, 0, 0 } } },
    { "five devices",
      0,
      PLAN_ENABLED,
      IN,
      5,
      { { MAKE_IPHONE, R_OK, 0, 0, 0 },
        { MAKE_IPAD, R_NONCOMPLIANT, 0, 0, 0 },
        { MAKE_WINDOWS, R_OK, 0, 0, 0 },
        { MAKE_XIAOMI, R_NONE, 0, 0, 0 },
        { MAKE_IPHONE_OLD, R_GRACE, 0, L_ALLOW, 0 } } },
    { "first of two mailboxes with one phone",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "second of two mailboxes with one phone",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_IPHONE, R_SAME, 0, 0, ID_OTHER_BOX } } },
    { "one id under two types",
      0,
      PLAN_ENABLED,
      IN,
      2,
      { { MAKE_SAMSUNG, R_OK, 0, 0, 0 }, { MAKE_XIAOMI, R_SAME, 0, 0, ID_BEFORE } } },
    { "enrolled twice", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_REENROLLED, 0, 0, 0 } } },
    { "another user's record", 0, PLAN_ENABLED, IN, 1, { { MAKE_SAMSUNG, R_CROSS, 0, 0, 0 } } },
    { "id in lower case at Intune", 0, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_LOWER, 0, 0, 0 } } },
    { "nobody in Entra", 0, -1, 0, 1, { { MAKE_IPHONE, R_NONE, 0, 0, 0 } } },
    { "cloud user without any link",
      0,
      PLAN_ENABLED,
      PER_TARGETED,
      1,
      { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "joined by immutable id",
      0,
      PLAN_ENABLED,
      PER_TARGETED | PER_IMMUTABLE,
      1,
      { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "joined by proxy address",
      0,
      PLAN_ENABLED,
      PER_TARGETED | PER_PROXY,
      1,
      { { MAKE_SAMSUNG, R_OK, 0, 0, 0 } } },
    { "owns the next one's address too",
      0,
      PLAN_ENABLED,
      IN | PER_CLASH,
      1,
      { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "proxy address of two users",
      0,
      PLAN_ENABLED,
      PER_TARGETED | PER_PROXY,
      1,
      { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "shared mailbox", MBX_SHARED, -1, 0, 1, { { MAKE_IPHONE, R_NONE, 0, 0, 0 } } },
    { "ActiveSync disabled",
      MBX_EAS_DISABLED,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "mailbox policy not met",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_XIAOMI, R_OK, DEV_POLICY, 0, 0 } } },
    { "first contact", 0, PLAN_ENABLED, IN, 1, { { MAKE_PIXEL, R_OK, DEV_DISCOVERY, 0, 0 } } },
    { "targeted through a nested group",
      0,
      PLAN_ENABLED,
      IN | PER_NESTED,
      1,
      { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "names of trouble",
      MBX_NASTY,
      PLAN_ENABLED,
      IN,
      2,
      { { MAKE_IPHONE, R_OK, DEV_NASTY, 0, 0 }, { MAKE_PIXEL, R_NONE, DEV_NASTY, 0, 0 } } },
    { "names of trouble 2",
      MBX_NASTY,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_IPHONE, R_OK, DEV_NASTY | DEV_BIG, 0, 0 } } },
    { "names of trouble 3",
      MBX_NASTY,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_SAMSUNG, R_OK, DEV_NASTY, 0, 0 } } },
    { "the device called validate",
      0,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_VALIDATE, R_NONE, DEV_BLANK, 0, 0 } } },
    { "other domain", MBX_CHILD, PLAN_ENABLED, IN, 1, { { MAKE_IPHONE, R_OK, 0, 0, 0 } } },
    { "other domain, not enrolled",
      MBX_CHILD,
      PLAN_ENABLED,
      IN,
      1,
      { { MAKE_SAMSUNG, R_NONE, 0, 0, 0 } } },
    { "no partnership", 0, PLAN_ENABLED, IN, 0, { { 0, 0, 0, 0, 0 } } },
};
#define N_SCENES (sizeof scenes / sizeof scenes[0])

static uint32_t laptop_of(struct model *m, uint32_t person)
{
    return model_add_managed(m, person, MAKE_LAPTOP, NONE);
}

static uint32_t record_for(struct model *m, const struct device *d, uint32_t person, uint8_t record)
{
    uint32_t g = model_add_managed(m, person, d->make, d->ident);
    struct managed *r = &m->managed[g];

    switch ((enum record)record) {
    case R_EASONLY: r->agent = AGENT_EAS; break;
    case R_RETIRE_PENDING: r->state = STATE_RETIRE_PENDING; break;
    case R_WIPE_ISSUED: r->state = STATE_WIPE_ISSUED; break;
    case R_DELETE_PENDING: r->state = STATE_DELETE_PENDING; break;
    case R_DISCOVERED: r->state = STATE_DISCOVERED; break;
    case R_UNHEALTHY: r->state = STATE_UNHEALTHY; break;
    case R_NOT_ACTIVATED: r->flags &= (uint8_t) ~(MAN_ACTIVATED | MAN_REGISTERED); break;
    case R_NONCOMPLIANT: r->compliance = COMP_NONCOMPLIANT; break;
    case R_CONFLICT: r->compliance = COMP_CONFLICT; break;
    case R_ERROR: r->compliance = COMP_ERROR; break;
    case R_UNKNOWN_NEW:
        r->compliance = COMP_UNKNOWN;
        r->enrolled = m->now0 - 300;
        r->last_sync = m->now0 - 200;
        break;
    case R_UNKNOWN_OLD: r->compliance = COMP_UNKNOWN; break;
    case R_CONFIGMGR:
        r->compliance = COMP_CONFIGMANAGER;
        r->agent = AGENT_CONFIGMGR;
        break;
    case R_GRACE:
        r->compliance = COMP_GRACE;
        r->grace = m->now0 + 3 * 86400;
        break;
    case R_LOWER: r->flags |= MAN_LOWER; break;
    default: break;
    }
    return g;
}

static uint32_t any_other_person(const struct model *m, uint32_t person)
{
    for (uint32_t i = m->n_persons; i-- > 0;)
        if (i != person && m->persons[i].plan == PLAN_ENABLED)
            return i;
    return NONE;
}

/* Records that involve a second one or a second user. */
static uint32_t special_record(struct model *m, const struct device *d, uint32_t person,
                               uint8_t record)
{
    uint32_t g;

    switch ((enum record)record) {
    case R_AMBIGUOUS:
        record_for(m, d, any_other_person(m, person), R_OK);
        return record_for(m, d, person, R_OK);
    case R_CROSS: return record_for(m, d, any_other_person(m, person), R_OK);
    case R_REENROLLED:
        g = record_for(m, d, person, R_NONCOMPLIANT);
        m->managed[g].last_sync -= 40 * 86400;
        m->managed[g].enrolled -= 80 * 86400;
        return record_for(m, d, person, R_OK);
    default: return record_for(m, d, person, record);
    }
}

static void add_device(struct model *m, uint32_t box, const struct scene_device *s, uint32_t wanted)
{
    uint32_t person = m->mailboxes[box].person;
    uint32_t ident = 0;
    uint32_t i;
    struct device *d;
    char id[48];

    if (s->id == ID_BEFORE || s->id == ID_OTHER_BOX) {
        uint32_t other = s->id == ID_BEFORE ? box : box - 1;

        if (box && m->mailboxes[other].first != NONE)
            ident = m->devices[m->mailboxes[other].first].ident;
    }
    if (!ident)
        ident = makes[s->make].style == IDENT_VALIDATE ? IDENT(IDENT_VALIDATE, 0)
                                                       : model_new_ident(m, makes[s->make].style);
    i = model_add_device(m, box, s->make, ident);
    d = &m->devices[i];
    d->flags = s->flags;
    if (s->record == R_AUTO) {
        if (wanted > m->n_managed && person != NONE) {
            uint64_t r = model_random(m, i, 12) % 100;

            d->managed = record_for(m, d, person,
                                    r < 95   ? R_OK
                                    : r < 98 ? R_NONCOMPLIANT
                                             : R_GRACE);
        }
    } else if (s->record != R_NONE && s->record != R_SAME) {
        uint32_t g = special_record(m, d, person, s->record);

        m->devices[i].managed = g;
    } else if (s->record == R_SAME) {
        uint32_t next = s->id == ID_OTHER_BOX ? m->mailboxes[box - 1].first : d->next;

        d->managed = next == NONE ? NONE : m->devices[next].managed;
    }
    d = &m->devices[i];
    text_ident(m, d->ident, id);
    if (s->lists & L_ALLOW)
        idlist_add(&m->mailboxes[box].allowed, id);
    if (s->lists & L_BLOCK)
        idlist_add(&m->mailboxes[box].blocked, id);
}

static uint32_t play(struct model *m, const struct scene *s, uint32_t devices, uint32_t wanted)
{
    uint32_t box = model_add_mailbox(m);

    m->mailboxes[box].flags = s->mailbox;
    if (s->plan >= 0) {
        uint32_t p = model_add_person(m, box);

        m->persons[p].plan = (uint8_t)s->plan;
        m->persons[p].flags = s->person;
    }
    for (unsigned i = 0; i < s->n && m->n_devices < devices; i++)
        add_device(m, box, &s->dev[i], wanted);
    return box;
}

/* One to three devices that are mostly in order. `share` of 1000 devices are to be managed. */
static void ordinary(struct model *m, uint32_t devices, uint32_t wanted, uint32_t share)
{
    static const uint8_t usual[10] = { MAKE_IPHONE,  MAKE_IPHONE,  MAKE_IPAD,
                                       MAKE_SAMSUNG, MAKE_SAMSUNG, MAKE_SAMSUNG_ULTRA,
                                       MAKE_PIXEL,   MAKE_WINDOWS, MAKE_IPHONE_OLD,
                                       MAKE_XIAOMI };
    uint32_t box = m->n_mailboxes;
    uint64_t r = model_random(m, box, 50);
    struct scene s = { "ordinary", 0, PLAN_ENABLED, IN, 0, { { 0, 0, 0, 0, 0 } } };

    s.mailbox = r % 10 == 0 ? MBX_CHILD : 0;
    s.n = (uint8_t)(r / 10 % 20 == 0 ? 0 : 1 + r / 200 % 5 / 2);
    if (r / 1000 % 50 == 0)
        s.person &= (uint8_t)~PER_TARGETED;
    for (unsigned i = 0; i < s.n; i++) {
        uint64_t q = model_random(m, box, 51 + i);

        s.dev[i].make = usual[q % 10];
        s.dev[i].record = q / 10 % 1000 < share ? R_AUTO : R_NONE;
        s.dev[i].flags = q / 10000 % 1000 == 0 ? DEV_BIG : 0;
    }
    play(m, &s, devices, wanted);
}

/* Up to that number of devices in all; those from `first` on have been in touch already. */
static void more(struct model *m, uint32_t first, uint32_t devices, uint32_t wanted, uint32_t share)
{
    while (m->n_devices < devices) {
        uint64_t r = model_random(m, m->n_mailboxes, 49);

        if (r % 100 < 8) {
            const struct scene *s = &scenes[r / 100 % N_SCENES];

            if (s->dev[0].id != ID_OTHER_BOX)
                play(m, s, devices, wanted);
            else
                ordinary(m, devices, wanted, share);
        } else
            ordinary(m, devices, wanted, share);
    }
    for (uint32_t i = first; i < m->n_devices; i++) {
        struct device *d = &m->devices[i];
        uint32_t changed = d->changed;

        if (d->flags & DEV_DISCOVERY) {
            d->access = ACCESS_DISCOVERY;
            continue;
        }
        if (d->flags & DEV_WIPE_REQUESTED)
            d->flags &= (uint8_t)~DEV_WIPE_ACKED;
        abq_speak(m, i, d->last_sync);
        d->changed = changed;
    }
}

void generate(struct model *m, const struct population *p)
{
    uint32_t wanted = p->managed;
    uint32_t share = 850;
    uint32_t extra;

    model_add_rule(m, BY_TYPE, "BlackBerry", LEVEL_BLOCK);
    model_add_rule(m, BY_MODEL, "Nokia 8110 4G", LEVEL_QUARANTINE);
    model_add_rule(m, BY_OS, "Android 12", LEVEL_QUARANTINE);
    model_add_rule(m, BY_TYPE, "iPad", LEVEL_ALLOW);
    for (unsigned i = 0; i < N_SCENES && (m->n_devices < p->devices || !i); i++)
        play(m, &scenes[i], p->devices, NONE);
    /* A stale entry of an administrator: the phone is long gone. */
    idlist_add(&m->mailboxes[0].allowed, "ApplGONE00000001");
    if (wanted != NONE && p->devices > m->n_devices)
        share = wanted <= m->n_managed ? 0
                                       : (uint32_t)((uint64_t)(wanted - m->n_managed) * 1080 /
                                                    (p->devices - m->n_devices));
    more(m, 0, p->devices, wanted, share);
    /* Enrolled machines without a partnership, and users without a mailbox. */
    extra = wanted == NONE          ? m->n_devices / 20 + 2
            : wanted > m->n_managed ? wanted - m->n_managed
                                    : 0;
    for (uint32_t i = 0; i < extra; i++)
        laptop_of(m, m->n_persons ? i % m->n_persons : NONE);
    for (uint32_t i = 0; i < m->n_mailboxes / 50 + 3; i++) {
        uint32_t c = model_add_person(m, NONE);

        m->persons[c].flags = i % 2 ? PER_TARGETED : 0;
        laptop_of(m, c);
    }
}

void generate_more(struct model *m, uint32_t devices)
{
    more(m, m->n_devices, m->n_devices + devices, NONE, 850);
}

uint32_t generate_touch(struct model *m, uint32_t n)
{
    uint32_t done = 0;
    uint32_t now = model_now(m);
    uint32_t at = (uint32_t)(model_random(m, m->rev++, 60) % (m->n_devices ? m->n_devices : 1));

    for (uint32_t k = 0; k < m->n_devices && done < n; k++) {
        struct device *d = &m->devices[(at + k) % m->n_devices];

        if (d->flags & DEV_REMOVED)
            continue;
        d->rev++;
        d->changed = now;
        done++;
    }
    return done;
}
