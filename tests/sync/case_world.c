/* SPDX-License-Identifier: Apache-2.0
 *
 * case_world.c - lines that build the organisation and break it.
 */
#include "synccase.h"

#include "err.h"
#include "text.h"

#include <strings.h>

#define FIND(table, field, key)                                                                    \
    static void *find_##table(const char *key)                                                     \
    {                                                                                              \
        int i, spare = -1;                                                                         \
                                                                                                   \
        for (i = 0; i < FAKE_MAX; i++) {                                                           \
            if (fake->table[i].used && strcmp(fake->table[i].field, key) == 0)                     \
                return &fake->table[i];                                                            \
            if (!fake->table[i].used && spare < 0)                                                 \
                spare = i;                                                                         \
        }                                                                                          \
        if (spare < 0)                                                                             \
            abort();                                                                               \
        memset(&fake->table[spare], 0, sizeof fake->table[spare]);                                 \
        snprintf(fake->table[spare].field, FAKE_TEXT, "%s", key);                                  \
        return &fake->table[spare];                                                                \
    }
FIND(mailboxes, id, key)
FIND(devices, key, key)
FIND(people, id, key)
FIND(managed, id, key)

static void set_list(char list[FAKE_LIST][FAKE_TEXT], const char *text)
{
    char copy_of[LINE], *save = NULL, *p;
    int n = 0;

    if (!text)
        return;
    memset(list, 0, FAKE_LIST * sizeof *list);
    snprintf(copy_of, sizeof copy_of, "%s", text);
    for (p = strtok_r(copy_of, ",", &save); p && n < FAKE_LIST; p = strtok_r(NULL, ",", &save))
        snprintf(list[n++], FAKE_TEXT, "%s", p);
}

static const char *const access_words[] = { "unknown",     "allowed",   "blocked",
                                            "quarantined", "discovery", NULL };
static const char *const compliance_words[] = { "unknown",  "compliant", "grace",    "noncompliant",
                                                "conflict", "error",     "external", NULL };
static const char *const management_words[] = { "none", "managed", "retiring", NULL };

easg_access world_access(const char *text)
{
    return (easg_access)word_pick(text, access_words, 1);
}

void world_mailbox(char **w)
{
    struct fake_mailbox *m = find_mailboxes(w[1]);

    m->used = 1;
    m->changed = fake->now;
    word_copy(w, "ref", m->ref);
    word_copy(w, "upn", m->upn);
    word_copy(w, "smtp", m->smtp);
    word_copy(w, "sid", m->sid);
    set_list(m->allowed, word_value(w, "allowed"));
    set_list(m->blocked, word_value(w, "blocked"));
}

void world_device(char **w)
{
    struct fake_device *d = find_devices(w[1]);
    int fresh = !d->used;

    d->used = 1;
    d->changed = fake->now;
    d->twice = word_flag(w, "twice");
    word_copy(w, "mailbox", d->mailbox);
    word_copy(w, "id", d->id);
    if (fresh)
        snprintf(d->type, FAKE_TEXT, "iPhone");
    word_copy(w, "type", d->type);
    word_copy(w, "os", d->os);
    d->access = word_value(w, "access")
                    ? (easg_access)word_pick(word_value(w, "access"), access_words, 0)
                    : fake_access(d);
}

void world_person(char **w)
{
    struct fake_person *p = find_people(w[1]);
    const char *flags = word_value(w, "flags");

    if (!p->used || flags)
        p->flags = flags ? (strstr(flags, "licensed") ? (uint32_t)EASG_PERSON_LICENSED : 0u) |
                               (strstr(flags, "targeted") ? (uint32_t)EASG_PERSON_TARGETED : 0u) |
                               (strstr(flags, "exempt") ? (uint32_t)EASG_PERSON_EXEMPT : 0u)
                         : (uint32_t)(EASG_PERSON_LICENSED | EASG_PERSON_TARGETED);
    p->used = 1;
    word_copy(w, "sid", p->sid);
    word_copy(w, "smtp", p->smtp);
    word_copy(w, "immutable", p->immutable);
    word_copy(w, "groups", p->groups);
    word_copy(w, "language", p->language);
}

void world_managed(char **w)
{
    struct fake_managed *m = find_managed(w[1]);

    if (!m->used) {
        m->compliance = EASG_COMPLIANCE_COMPLIANT;
        m->management = EASG_MANAGEMENT_MANAGED;
        m->enrolled = fake->now - 86400000;
        m->grace_until = EASG_TIME_NONE;
        snprintf(m->os, FAKE_TEXT, "iOS");
    }
    m->used = 1;
    word_copy(w, "eas", m->eas);
    word_copy(w, "user", m->user);
    word_copy(w, "os", m->os);
    word_copy(w, "serial", m->serial);
    m->compliance = (easg_compliance)word_pick(word_value(w, "compliance"), compliance_words,
                                               (int)m->compliance);
    m->management = (easg_management)word_pick(word_value(w, "management"), management_words,
                                               (int)m->management);
    m->enrolled = word_time(word_value(w, "enrolled"), m->enrolled);
    m->grace_until = word_time(word_value(w, "grace"), m->grace_until);
}

void world_registered(const char *line)
{
    char path[120];
    FILE *f;

    snprintf(path, sizeof path, "%s/registry.csv", the_case.dir);
    f = fopen(path, "a");
    if (!f || fprintf(f, "%s\n", line) < 0 || fclose(f) != 0)
        abort();
    if (!strstr(the_case.yaml, "id_registry"))
        snprintf(the_case.yaml + strlen(the_case.yaml),
                 sizeof the_case.yaml - strlen(the_case.yaml), "policy: { id_registry: %s }\n",
                 path);
}

/* bulk FROM TO [enrolled]: mailboxes bF..bT, each with a person and a phone IDn, managed with
 * "enrolled". */
void world_bulk(char **w)
{
    char name[FAKE_TEXT], words[6][FAKE_TEXT];
    int i;

    for (i = word_number(w[1], 0); i <= word_number(w[2], 0); i++) {
        char *mb[] = { words[0], words[1], words[2], words[3], NULL };

        snprintf(name, sizeof name, "b%d", i);
        snprintf(words[1], FAKE_TEXT, "b%d", i);
        snprintf(words[2], FAKE_TEXT, "sid=S-%d", i);
        snprintf(words[3], FAKE_TEXT, "smtp=b%d@contoso.example", i);
        world_mailbox(mb);
        snprintf(words[1], FAKE_TEXT, "p%d", i);
        world_person(mb);
        snprintf(words[1], FAKE_TEXT, "d%d", i);
        snprintf(words[2], FAKE_TEXT, "mailbox=b%d", i);
        snprintf(words[3], FAKE_TEXT, "id=ID%d", i);
        world_device(mb);
        snprintf(words[1], FAKE_TEXT, "g%d", i);
        snprintf(words[2], FAKE_TEXT, "eas=ID%d", i);
        snprintf(words[3], FAKE_TEXT, "user=p%d", i);
        if (word_flag(w, "enrolled"))
            world_managed(mb);
    }
}

/* remove KIND NAME, remove KIND FROM TO of a bulk. */
void world_remove(char **w)
{
    char name[FAKE_TEXT];
    int from = word_number(w[3] ? w[2] : NULL, 0), to = word_number(w[3], 0), i;

    for (i = from; i <= to; i++) {
        snprintf(name, sizeof name, "%s", w[2]);
        if (strcmp(w[1], "mailbox") == 0) {
            if (w[3])
                snprintf(name, sizeof name, "b%d", i);
            ((struct fake_mailbox *)find_mailboxes(name))->used = 0;
        } else if (strcmp(w[1], "device") == 0) {
            if (w[3])
                snprintf(name, sizeof name, "d%d", i);
            ((struct fake_device *)find_devices(name))->used = 0;
        } else if (strcmp(w[1], "person") == 0) {
            if (w[3])
                snprintf(name, sizeof name, "p%d", i);
            ((struct fake_person *)find_people(name))->used = 0;
        } else if (strcmp(w[1], "managed") == 0) {
            if (w[3])
                snprintf(name, sizeof name, "g%d", i);
            ((struct fake_managed *)find_managed(name))->used = 0;
        } else {
            case_fail("nothing to remove: %s", w[1]);
        }
    }
}

void world_fail(char **w)
{
    struct fake_fault *f = fake->faults;
    int i;

    while (f < fake->faults + FAKE_FAULTS - 1 && f->times > 0)
        f++;
    memset(f, 0, sizeof *f);
    for (i = 0; i < FAKE_CALLS && strcmp(fake_call_names[i], w[1]) != 0; i++)
        ;
    if (i == FAKE_CALLS)
        case_fail("no such call: %s", w[1]);
    f->call = (enum fake_call)i;
    f->status = word_status(w[2]);
    f->times = word_number(word_value(w, "times"), 1);
    f->after = word_number(word_value(w, "after"), 0);
    f->retry_ms = (uint32_t)word_number(word_value(w, "retry"), 0);
    word_copy(w, "at", f->endpoint);
}

void world_item(char **w)
{
    struct fake_item *it = fake->items;

    while (it < fake->items + FAKE_FAULTS - 1 && strcmp(it->id, w[1]) != 0)
        it++;
    if (strcmp(it->id, w[1]) != 0)
        for (it = fake->items; it < fake->items + FAKE_FAULTS - 1 && it->id[0];)
            it++;
    snprintf(it->id, FAKE_TEXT, "%s", w[1]);
    if (strcmp(w[2], "well") == 0)
        it->id[0] = '\0';
    else if (strcmp(w[2], "lie") == 0)
        it->how = ITEM_LIE;
    else if (strcmp(w[2], "blind") == 0)
        it->how = ITEM_BLIND;
    else {
        it->how = ITEM_STATUS;
        it->status = word_status(w[2]);
    }
}

uint32_t world_part(const char *word)
{
    static const char *const words[] = { "setting", "rule", "mailbox-policy", NULL };

    return (uint32_t)word_pick(word, words, 0);
}

/* policy PART NAME VALUE|-|lie */
void world_policy(char **w)
{
    struct fake_policy *p = fake_policy(world_part(w[1]), w[2]);

    if (strcmp(w[3], "lie") == 0) {
        p->lie = 1;
        return;
    }
    p->used = strcmp(w[3], "-") != 0;
    snprintf(p->value, sizeof p->value, "%s", w[3]);
}
