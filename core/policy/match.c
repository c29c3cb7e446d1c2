/* SPDX-License-Identifier: Apache-2.0
 *
 * match.c - from facts to the inputs of the table: which record of the device manager counts for a
 * partnership, and what it says. The rule and its reasons stand in core/why/decisions.md.
 *
 * Records are joined by the EAS id alone. User, model, serial number and name never stand in for
 * it: one enrolled phone must not admit the other phone of its owner. The serial number only tells
 * that two records which both carry the id are one device, enrolled twice.
 */
#include "policy.h"

#include <string.h>

enum { EAS_ID_MAX = 64 };

/* No <ctype.h>: its answers depend on the locale. */
static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int is_alnum(char c)
{
    char u = upper(c);

    return (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9');
}

static void strip(const char **ptr, size_t *len)
{
    if (!*ptr)
        *len = 0;
    while (*len && is_space((*ptr)[0])) {
        (*ptr)++;
        (*len)--;
    }
    while (*len && is_space((*ptr)[*len - 1]))
        (*len)--;
}

int policy_eas_id_valid(const char *ptr, size_t len)
{
    size_t i;

    strip(&ptr, &len);
    if (len == 0 || len > EAS_ID_MAX)
        return 0;
    for (i = 0; i < len; i++)
        if (!is_alnum(ptr[i]))
            return 0;
    return 1;
}

void policy_eas_id_fold(const char *ptr, size_t len, char *out)
{
    size_t i;

    strip(&ptr, &len);
    for (i = 0; i < len; i++)
        out[i] = upper(ptr[i]);
    out[len] = '\0';
}

/* ---- platform ---- */

/* 1: `s` begins with `word`, case aside. A prefix, not a part: "KaiOS" is not iOS. */
static int begins(const easg_str *s, const char *word)
{
    size_t n = strlen(word);
    size_t i;

    if (!s || !s->ptr || s->len < n)
        return 0;
    for (i = 0; i < n; i++)
        if (upper(s->ptr[i]) != upper(word[i]))
            return 0;
    return 1;
}

static int same(const easg_str *s, const char *word)
{
    return begins(s, word) && s->len == strlen(word);
}

struct prefix {
    const char *text;
    enum in_platform platform;
};

static const struct prefix os_names[] = {
    {"iOS",                PLATFORM_IOS    },
    { "iPadOS",            PLATFORM_IOS    },
    { "iPhone",            PLATFORM_IOS    },
    { "Android",           PLATFORM_ANDROID},
    { "Windows",           PLATFORM_WINDOWS},
    { "Microsoft Windows", PLATFORM_WINDOWS},
    { "macOS",             PLATFORM_OTHER  },
    { "Mac OS",            PLATFORM_OTHER  },
    { "Linux",             PLATFORM_OTHER  },
    { "Tizen",             PLATFORM_OTHER  },
    { "BlackBerry",        PLATFORM_OTHER  }
};

/* Names that clients give for the DeviceType of MS-ASHTTP. Outlook's cloud client runs on several
 * systems and is not here: its type says nothing. */
static const struct prefix type_names[] = {
    {"iPhone",            PLATFORM_IOS    },
    { "iPad",             PLATFORM_IOS    },
    { "iPod",             PLATFORM_IOS    },
    { "Android",          PLATFORM_ANDROID},
    { "Samsung",          PLATFORM_ANDROID},
    { "Windows",          PLATFORM_WINDOWS},
    { "WP",               PLATFORM_WINDOWS},
    { "UniversalOutlook", PLATFORM_WINDOWS},
};

static const struct prefix *lookup(const struct prefix *list, size_t n, const easg_str *s)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (begins(s, list[i].text))
            return &list[i];
    return NULL;
}

enum in_platform policy_platform(const easg_str *os, const easg_str *device_type)
{
    const struct prefix *hit = lookup(os_names, sizeof(os_names) / sizeof(os_names[0]), os);

    if (!hit)
        hit = lookup(type_names, sizeof(type_names) / sizeof(type_names[0]), device_type);
    return hit ? hit->platform : PLATFORM_OTHER;
}

/* ---- which record counts ----------------------------------------------------------------------
 */

enum standing { STANDS_NOT, STANDS_EASONLY, STANDS_RETIRING, STANDS_LIVE };

static enum standing standing(const struct policy_candidate *c)
{
    if (c->eas_only || c->management == EASG_MANAGEMENT_NONE)
        return STANDS_EASONLY;
    if (c->management == EASG_MANAGEMENT_MANAGED)
        return STANDS_LIVE;
    return STANDS_RETIRING; /* and whatever a newer header may add: not managed */
}

/* 1: `a` counts before `b` of the same standing. Total, so that the order in which the manager
 * lists its records decides nothing. */
static int before(const struct policy_candidate *a, const struct policy_candidate *b)
{
    if (a->last_seen != b->last_seen)
        return a->last_seen > b->last_seen; /* EASG_TIME_NONE is the smallest */
    if (a->enrolled != b->enrolled)
        return a->enrolled > b->enrolled;
    return a->ref < b->ref;
}

/* 1: two live records are one device, enrolled again. Without a serial number on both, the person
 * and the platform have to be the same; the id is, or they would not be here. */
static int same_device(const struct policy_candidate *a, const struct policy_candidate *b)
{
    if (a->hardware || b->hardware)
        return a->hardware == b->hardware;
    return a->same_user && b->same_user && a->platform == b->platform;
}

struct choice {
    enum in_record record;
    int index; /* -1: no record counts */
    int cross_user;
};

/* The records of one standing, the exact ones alone where there are any. */
static int in_class(const struct policy_candidate *c, enum standing what, int exact)
{
    return standing(c) == what && (!exact || c->exact);
}

static struct choice choose(const struct policy_candidate *c, size_t n)
{
    struct choice none = { RECORD_NONE, -1, 0 };
    struct choice out = none;
    enum standing best = STANDS_NOT;
    int exact = 0, ours = 0, distinct = 0;
    int newest = -1;
    size_t i;

    for (i = 0; i < n; i++)
        if (standing(&c[i]) > best)
            best = standing(&c[i]);
    for (i = 0; i < n; i++)
        exact |= standing(&c[i]) == best && c[i].exact;
    for (i = 0; i < n; i++) {
        if (!in_class(&c[i], best, exact))
            continue;
        ours |= c[i].same_user;
        if (newest >= 0 && !same_device(&c[i], &c[newest]))
            distinct = 1;
        if (newest < 0 || before(&c[i], &c[newest]))
            newest = (int)i;
    }
    if (best == STANDS_NOT)
        return none;
    out.index = newest;
    if (best == STANDS_EASONLY) {
        out.record = RECORD_EASONLY; /* Exchange's own word, nobody enrolled it: no cross-user */
        return out;
    }
    /* Whichever of them it is, it is somebody else's: no doubt that needs a person. */
    if (!ours) {
        none.cross_user = 1;
        return none;
    }
    if (best == STANDS_LIVE && distinct) {
        out.record = RECORD_AMBIGUOUS;
        out.index = -1;
        return out;
    }
    if (!c[newest].same_user) {
        none.cross_user = 1; /* the phone changed hands: its newest enrolment is another's */
        return none;
    }
    out.record = best == STANDS_LIVE ? RECORD_MANAGED : RECORD_RETIRING;
    return out;
}

/* ---- what the record says -----------------------------------------------------------------------
 */

/* 1: within `grace` of enrolment. A clock that is a little behind is forgiven as much as that. */
static int just_enrolled(easg_time enrolled, easg_time now, int64_t grace)
{
    if (enrolled == EASG_TIME_NONE || grace <= 0)
        return 0;
    return enrolled > now ? enrolled - now < grace : now - enrolled < grace;
}

static enum in_compliance unknown_since(const struct policy_options *o, easg_time enrolled,
                                        easg_time now)
{
    return just_enrolled(enrolled, now, o->unknown_grace_ms) ? COMPLIANCE_UNKNOWN_NEW
                                                             : COMPLIANCE_UNKNOWN_OLD;
}

static int activated(const struct policy_options *o, uint32_t flags)
{
    return !o->activation_strict ||
           (flags & (EASG_MANAGED_ACTIVATED | EASG_MANAGED_REGISTERED)) != 0;
}

static enum in_compliance compliance(const struct policy_options *o,
                                     const struct policy_candidate *c, easg_time now)
{
    switch (c->compliance) {
    case EASG_COMPLIANCE_COMPLIANT: return COMPLIANCE_COMPLIANT;
    case EASG_COMPLIANCE_GRACE: /* the manager says so until the device is in touch again */
        return c->grace_until != EASG_TIME_NONE && c->grace_until <= now ? COMPLIANCE_NONCOMPLIANT
                                                                         : COMPLIANCE_GRACE;
    case EASG_COMPLIANCE_NONCOMPLIANT: return COMPLIANCE_NONCOMPLIANT;
    case EASG_COMPLIANCE_CONFLICT: return COMPLIANCE_CONFLICT;
    case EASG_COMPLIANCE_ERROR: return COMPLIANCE_ERROR;
    case EASG_COMPLIANCE_EXTERNAL: return COMPLIANCE_CONFIGMANAGER;
    default: break; /* unknown, and what a newer manager may say */
    }
    return unknown_since(o, c->enrolled, now);
}

void policy_from_options(const struct policy_options *options, struct policy_input *out)
{
    out->policy = options->enabled ? 1 : 0;
    out->hma = options->hma ? 1 : 0;
    out->unsupported_default = options->unsupported_default ? 1 : 0;
    out->override = (uint8_t)options->override;
    out->enforce_foreign_allow = options->enforce_foreign_allow ? 1 : 0;
    out->unknown_compliant = options->unknown == UNKNOWN_COMPLIANT;
    out->configmanager_compliant = options->configmanager == UNKNOWN_COMPLIANT;
}

void policy_reinput(const struct policy_options *options, int chosen, uint32_t flags,
                    easg_time enrolled, easg_time now, struct policy_input *in)
{
    policy_from_options(options, in);
    in->activated = chosen && activated(options, flags);
    if (chosen &&
        (in->compliance == COMPLIANCE_UNKNOWN_NEW || in->compliance == COMPLIANCE_UNKNOWN_OLD))
        in->compliance = (uint8_t)unknown_since(options, enrolled, now);
}

void policy_resolve(const struct policy_options *options, const struct policy_facts *facts,
                    const struct policy_candidate *candidates, size_t n, easg_time now,
                    struct policy_input *out, int *chosen, int *cross_user)
{
    struct choice choice = { RECORD_NONE, -1, 0 };
    const struct policy_candidate *c;

    if (policy_eas_id_valid(facts->device_id.ptr, facts->device_id.len))
        choice = choose(candidates, n);
    c = choice.index >= 0 ? &candidates[choice.index] : NULL;

    memset(out, 0, sizeof(*out));
    out->data = facts->data;
    policy_from_options(options, out);
    out->licensed = facts->joined && facts->licensed;
    out->targeted = facts->joined && facts->targeted;
    out->exempt = facts->joined && facts->exempt;
    out->foreign = facts->foreign;
    out->client =
        same(&facts->device_type, "OutlookService") || same(&facts->device_type, "Outlook")
            ? CLIENT_SERVICE
            : CLIENT_EAS;
    /* A record of the manager is believed; without one only the client's claim is left. An EAS-only
     * record is that same claim, seen through Exchange. */
    out->platform = c && choice.record != RECORD_EASONLY
                        ? c->platform
                        : (uint8_t)policy_platform(&facts->device_os, &facts->device_type);
    out->record = (uint8_t)choice.record;
    out->activated = c && activated(options, c->flags);
    out->compliance = (uint8_t)(c ? compliance(options, c, now) : COMPLIANCE_UNKNOWN_OLD);
    out->default_access = facts->default_access;
    *chosen = choice.index;
    *cross_user = facts->joined ? choice.cross_user : 0;
}

easg_time policy_next_change(const struct policy_options *options, const struct policy_candidate *c,
                             easg_time now)
{
    if (c->compliance == EASG_COMPLIANCE_GRACE && c->grace_until != EASG_TIME_NONE &&
        c->grace_until > now)
        return c->grace_until;
    if (compliance(options, c, now) == COMPLIANCE_UNKNOWN_NEW)
        return c->enrolled + options->unknown_grace_ms;
    return EASG_TIME_NONE;
}
