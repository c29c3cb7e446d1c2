/* SPDX-License-Identifier: Apache-2.0
 *
 * abq.c - allow, block, quarantine, in Exchange's documented order of evaluation:
 *
 *   ActiveSync disabled for the mailbox, mailbox policy not met: blocked
 *   personal block, personal allow
 *   device access rules: block before quarantine before allow
 *   the organisation's default access level
 */
#include "lab_model.h"

static int rule_matches(const struct rule *r, const struct device *d, const char *os)
{
    const struct make *k = &makes[d->make];
    const char *value = "";

    switch (r->by) {
    case BY_TYPE: value = k->type; break;
    case BY_MODEL: value = k->model; break;
    case BY_OS: value = os; break;
    case BY_AGENT: value = k->agent; break;
    default: break;
    }
    return *value && lab_same(value, r->query); /* exact, no wildcards */
}

static uint32_t find_rule(const struct model *m, const struct device *d, enum level level)
{
    const char *os = d->rev & 1 ? makes[d->make].os_next : makes[d->make].os;

    for (uint32_t i = 0; i < m->n_rules; i++)
        if (!m->rules[i].removed && m->rules[i].level == level && rule_matches(&m->rules[i], d, os))
            return i;
    return NONE;
}

struct verdict abq_decide(const struct model *m, uint32_t device)
{
    static const enum access of_level[3] = { ACCESS_ALLOWED, ACCESS_BLOCKED, ACCESS_QUARANTINED };
    static const enum level by_severity[3] = { LEVEL_BLOCK, LEVEL_QUARANTINE, LEVEL_ALLOW };
    const struct device *d = &m->devices[device];
    const struct mailbox *b = &m->mailboxes[d->mailbox];
    char id[48];

    if (b->flags & MBX_EAS_DISABLED)
        return (struct verdict){ ACCESS_BLOCKED, WHY_UNKNOWN, NONE };
    if (d->flags & DEV_POLICY)
        return (struct verdict){ ACCESS_BLOCKED, WHY_POLICY, NONE };
    if (b->blocked.n || b->allowed.n) {
        text_ident(m, d->ident, id);
        if (idlist_has(&b->blocked, id))
            return (struct verdict){ ACCESS_BLOCKED, WHY_INDIVIDUAL, NONE };
        if (idlist_has(&b->allowed, id))
            return (struct verdict){ ACCESS_ALLOWED, WHY_INDIVIDUAL, NONE };
    }
    for (int i = 0; i < 3; i++) {
        uint32_t rule = find_rule(m, d, by_severity[i]);

        if (rule != NONE)
            return (struct verdict){ of_level[by_severity[i]], WHY_RULE, rule };
    }
    return (struct verdict){ of_level[m->org.level], WHY_GLOBAL, NONE };
}

int abq_speak(struct model *m, uint32_t device, uint32_t now)
{
    struct device *d = &m->devices[device];
    struct verdict v = abq_decide(m, device);
    int changed = d->access != v.access || d->reason != v.reason || d->rule != v.rule;

    if (d->flags & DEV_WIPE_REQUESTED)
        d->flags |= DEV_WIPE_ACKED;
    d->flags &= (uint8_t)~DEV_DISCOVERY;
    d->access = (uint8_t)v.access;
    d->reason = (uint8_t)v.reason;
    d->rule = v.rule;
    d->last_sync = now;
    if (changed)
        d->changed = now;
    return changed;
}
