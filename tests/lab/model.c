/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c - storage of the organisation, its random numbers and its GUIDs.
 */
#include "lab_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const access_names[5] = { "Unknown", "Allowed", "Blocked", "Quarantined",
                                      "DeviceDiscovery" };
const char *const reason_names[6] = { "Unknown",    "Global",  "Individual",
                                      "DeviceRule", "Upgrade", "Policy" };
const char *const level_names[3] = { "Allow", "Block", "Quarantine" };
const char *const compliance_names[7] = { "unknown", "compliant",     "noncompliant", "conflict",
                                          "error",   "inGracePeriod", "configManager" };
const char *const agent_names[5] = { "eas", "mdm", "easMdm", "configurationManagerClient",
                                     "googleCloudDevicePolicyController" };
const char *const state_names[12] = { "managed",       "retirePending",  "retireFailed",
                                      "wipePending",   "wipeFailed",     "unhealthy",
                                      "deletePending", "retireIssued",   "wipeIssued",
                                      "wipeCanceled",  "retireCanceled", "discovered" };
const char *const characteristic_names[5] = { "DeviceType", "DeviceModel", "DeviceOS", "UserAgent",
                                              "XMSWLHeader" };
const char *const policy_names[N_POLICIES] = { "Default", "Executives", "Kiosk & Pool" };
const struct policy_field policy_fields[N_POLICY_FIELDS] = {
    { "AllowNonProvisionableDevices", "AllowNonProvisionableDevices", 'b', 1 },
    { "PasswordEnabled", "DevicePasswordEnabled", 'b', 1 },
    { "AlphanumericPasswordRequired", "AlphanumericDevicePasswordRequired", 'b', 0 },
    { "AllowSimplePassword", "AllowSimpleDevicePassword", 'b', 1 },
    { "PasswordRecoveryEnabled", "PasswordRecoveryEnabled", 'b', 0 },
    { "RequireDeviceEncryption", "RequireDeviceEncryption", 'b', 0 },
    { "AttachmentsEnabled", "AttachmentsEnabled", 'b', 1 },
    { "MinPasswordLength", "MinDevicePasswordLength", 'n', 4 },
    { "PasswordHistory", "DevicePasswordHistory", 'n', 0 },
    { "MaxPasswordFailedAttempts", "MaxDevicePasswordFailedAttempts", 'u', -1 },
};

static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t model_random(const struct model *m, uint64_t index, unsigned field)
{
    return mix(mix(m->seed * 0x10001 + field) ^ mix(index + 1));
}

void model_init(struct model *m, uint64_t seed, uint32_t now)
{
    *m = (struct model){ .seed = seed, .now0 = now, .rev = 1 };
    pthread_rwlock_init(&m->lock, NULL);
    m->org.user_mail = lab_strdup("");
    m->org.ota_mail = lab_strdup("");
    for (int i = 0; i < N_POLICIES; i++)
        for (int f = 0; f < N_POLICY_FIELDS; f++)
            m->policies[i][f] = policy_fields[f].first + (policy_fields[f].kind == 'n' ? i : 0);
}

void idlist_clear(struct idlist *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct idlist){ 0 };
}

void model_clear(struct model *m)
{
    for (uint32_t i = 0; i < m->n_mailboxes; i++) {
        idlist_clear(&m->mailboxes[i].allowed);
        idlist_clear(&m->mailboxes[i].blocked);
    }
    for (unsigned i = 0; i < m->n_rules; i++)
        free(m->rules[i].query);
    for (unsigned i = 0; i < m->org.n_admins; i++)
        free(m->org.admins[i]);
    free(m->org.user_mail);
    free(m->org.ota_mail);
    free(m->devices);
    free(m->mailboxes);
    free(m->persons);
    free(m->managed);
    pthread_rwlock_destroy(&m->lock);
}

uint32_t model_now(const struct model *m)
{
    time_t t = time(NULL);

    (void)m;
    return (uint32_t)t;
}

static void grow(void **v, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return;
    *cap = *cap ? *cap * 2 : 1024;
    *v = lab_realloc(*v, *cap * size);
}

uint32_t model_new_ident(struct model *m, unsigned style)
{
    return IDENT(style, ++m->idents);
}

uint32_t model_add_device(struct model *m, uint32_t mailbox, uint8_t make, uint32_t ident)
{
    struct device *d;
    uint32_t i = m->n_devices;
    void *v = m->devices;

    grow(&v, i, &m->cap_devices, sizeof *d);
    m->devices = v;
    d = &m->devices[m->n_devices++];
    *d = (struct device){ .mailbox = mailbox,
                          .next = m->mailboxes[mailbox].first,
                          .ident = ident,
                          .managed = NONE,
                          .rule = NONE,
                          .make = make };
    d->created = m->now0 - 86400 - (uint32_t)(model_random(m, i, 14) % 100000000u);
    d->changed = d->created + (uint32_t)(model_random(m, i, 15) % (m->now0 - d->created - 3600));
    d->last_sync = m->now0 - (uint32_t)(model_random(m, i, 16) % 7200u);
    m->mailboxes[mailbox].first = i;
    return i;
}

uint32_t model_add_mailbox(struct model *m)
{
    uint32_t i = m->n_mailboxes;
    void *v = m->mailboxes;

    grow(&v, i, &m->cap_mailboxes, sizeof *m->mailboxes);
    m->mailboxes = v;
    m->mailboxes[m->n_mailboxes++] = (struct mailbox){
        .first = NONE,
        .person = NONE,
        .changed = m->now0 - 86400 - (uint32_t)(model_random(m, i, 17) % 50000000u),
    };
    return i;
}

uint32_t model_add_person(struct model *m, uint32_t mailbox)
{
    uint32_t i = m->n_persons;
    void *v = m->persons;

    grow(&v, i, &m->cap_persons, sizeof *m->persons);
    m->persons = v;
    m->persons[m->n_persons++] =
        (struct person){ .mailbox = mailbox, .rev = m->rev, .plan = PLAN_ENABLED };
    if (mailbox != NONE)
        m->mailboxes[mailbox].person = i;
    return i;
}

uint32_t model_add_managed(struct model *m, uint32_t person, uint8_t make, uint32_t ident)
{
    uint32_t i = m->n_managed;
    struct managed *g;
    void *v = m->managed;

    grow(&v, i, &m->cap_managed, sizeof *m->managed);
    m->managed = v;
    g = &m->managed[m->n_managed++];
    *g = (struct managed){ .person = person,
                           .ident = ident,
                           .make = make,
                           .compliance = COMP_COMPLIANT,
                           .agent = ident == NONE ? AGENT_MDM : AGENT_EASMDM,
                           .flags = MAN_REGISTERED | (ident == NONE ? 0 : MAN_ACTIVATED) };
    g->enrolled = m->now0 - 172800 - (uint32_t)(model_random(m, i, 41) % 60000000u);
    g->last_sync = m->now0 - (uint32_t)(model_random(m, i, 42) % 28800u);
    return i;
}

uint32_t model_add_rule(struct model *m, int by, const char *query, enum level level)
{
    if (m->n_rules == MAX_RULES)
        return NONE;
    m->rules[m->n_rules] = (struct rule){
        .by = by, .level = level, .query = lab_strdup(query), .changed = model_now(m)
    };
    return m->n_rules++;
}

int idlist_has(const struct idlist *l, const char *id)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (lab_same(l->v[i], id))
            return 1;
    return 0;
}

int idlist_add(struct idlist *l, const char *id)
{
    if (idlist_has(l, id))
        return 0;
    l->v = lab_realloc(l->v, (l->n + 1) * sizeof *l->v);
    l->v[l->n++] = lab_strdup(id);
    return 1;
}

int idlist_remove(struct idlist *l, const char *id)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (!lab_same(l->v[i], id))
            continue;
        free(l->v[i]);
        l->v[i] = l->v[--l->n];
        return 1;
    }
    return 0;
}

/* A Feistel cipher of 48 bits: kind in the upper 8, index in the lower 32 (and 8 of zero). */
static uint32_t round_of(const struct model *m, uint32_t half, unsigned i)
{
    return (uint32_t)(mix(m->seed ^ (uint64_t)half << 8 ^ i) & 0xFFFFFF);
}

void model_guid(const struct model *m, enum guid_kind kind, uint32_t index, guid_text out)
{
    static const char hex[] = "0123456789abcdef";
    uint32_t l = (uint32_t)kind << 16 | index >> 24;
    uint32_t r = index & 0xFFFFFF;
    uint64_t v;
    uint64_t h;
    char d[32];
    size_t o = 0;

    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = r;

        r = l ^ round_of(m, r, i);
        l = t;
    }
    v = (uint64_t)l << 24 | r;
    h = mix(v ^ mix(m->seed + 0x6775));
    for (int i = 0; i < 12; i++)
        d[i] = hex[v >> (44 - 4 * i) & 15];
    for (int i = 0; i < 16; i++)
        d[12 + i] = hex[h >> (60 - 4 * i) & 15];
    h = mix(h);
    for (int i = 0; i < 4; i++)
        d[28 + i] = hex[h >> (60 - 4 * i) & 15];
    d[12] = '4';
    d[16] = hex[8 | (d[16] & 3)];
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[o++] = '-';
        out[o++] = d[i];
    }
    out[o] = 0;
}

uint32_t model_find_guid(const struct model *m, enum guid_kind kind, const char *text)
{
    unsigned char b[16];
    guid_text again;
    guid_text plain;
    uint64_t v = 0;
    uint32_t l;
    uint32_t r;

    if (!guid_bytes(text, b))
        return NONE;
    guid_print(b, plain, 0);
    for (int i = 0, n = 0; n < 12; i++) {
        if (plain[i] == '-')
            continue;
        v = v << 4 | (uint64_t)(plain[i] <= '9' ? plain[i] - '0' : plain[i] - 'a' + 10);
        n++;
    }
    l = (uint32_t)(v >> 24);
    r = (uint32_t)(v & 0xFFFFFF);
    for (unsigned i = 4; i-- > 0;) {
        uint32_t t = l;

        l = r ^ round_of(m, l, i);
        r = t;
    }
    if (l >> 16 != (uint32_t)kind)
        return NONE;
    l = (l & 0xFF) << 24 | r;
    model_guid(m, kind, l, again);
    return strcmp(again, plain) == 0 ? l : NONE;
}

/* .NET order: the first three fields little-endian. */
static const unsigned char order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

int guid_bytes(const char *s, unsigned char out[16])
{
    int brace = *s == '{';

    s += brace;
    for (int i = 0; i < 16; i++) {
        unsigned v = 0;

        if (i == 4 || i == 6 || i == 8 || i == 10)
            if (*s++ != '-')
                return 0;
        for (int k = 0; k < 2; k++) {
            char c = *s++;

            if (c >= '0' && c <= '9')
                v = v << 4 | (unsigned)(c - '0');
            else if ((c | 32) >= 'a' && (c | 32) <= 'f')
                v = v << 4 | (unsigned)((c | 32) - 'a' + 10);
            else
                return 0;
        }
        out[order[i]] = (unsigned char)v;
    }
    if (brace)
        return s[0] == '}' && !s[1];
    return !*s;
}

void guid_print(const unsigned char in[16], guid_text out, int upper)
{
    const char *hex = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t o = 0;

    for (int i = 0; i < 16; i++) {
        unsigned v = in[order[i]];

        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[o++] = '-';
        out[o++] = hex[v >> 4];
        out[o++] = hex[v & 15];
    }
    out[o] = 0;
}
