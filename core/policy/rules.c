/* SPDX-License-Identifier: Apache-2.0
 *
 * rules.c - which local rule fits a partnership, and which ring a mailbox is in. First match wins.
 * Whether a rule may decide at all is the table's matter: decide.c.
 */
#include "policy.h"

#include <string.h>

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* Without recursion: the last star is taken up again where the rest did not fit. */
int policy_glob(const char *pattern, const char *ptr, size_t len)
{
    const char *star = NULL;
    size_t at = 0, mark = 0;

    while (at < len) {
        if (*pattern == '*') {
            star = ++pattern;
            mark = at;
        } else if (*pattern && (*pattern == '?' || lower(*pattern) == lower(ptr[at]))) {
            pattern++;
            at++;
        } else if (star) {
            pattern = star;
            at = ++mark;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static int fits(const char *pattern, const easg_str *s)
{
    return !pattern || policy_glob(pattern, s->ptr ? s->ptr : "", s->ptr ? s->len : 0);
}

int policy_in_group(const easg_str *groups, const char *group)
{
    size_t n = strlen(group), at = 0;

    while (groups->ptr && at < groups->len) {
        size_t k = 0;

        while (at + k < groups->len && groups->ptr[at + k] != ' ')
            k++;
        if (k == n) {
            size_t i = 0;

            while (i < n && lower(groups->ptr[at + i]) == lower(group[i]))
                i++;
            if (i == n)
                return 1;
        }
        at += k + 1;
    }
    return 0;
}

static int in_groups(const char *const *wanted, size_t n, const easg_str *groups)
{
    for (size_t i = 0; i < n; i++)
        if (policy_in_group(groups, wanted[i]))
            return 1;
    return 0;
}

static int in_set(uint32_t set, unsigned word)
{
    return !set || (word < 32 && (set >> word & 1u));
}

static int in_schedule(const struct policy_rule *r, const struct policy_subject *s)
{
    if (r->days && !(r->days >> s->weekday & 1))
        return 0;
    if (r->from_min < 0)
        return 1;
    return r->from_min <= r->to_min ? s->minute >= r->from_min && s->minute < r->to_min
                                    : s->minute >= r->from_min || s->minute < r->to_min;
}

int policy_rule_find(const struct policy_rule *rules, size_t n, const struct policy_subject *s)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct policy_rule *r = &rules[i];

        if (r->expires != EASG_TIME_NONE && s->now >= r->expires)
            continue;
        if (fits(r->user, &s->user) && fits(r->device_id, &s->device_id) &&
            fits(r->type, &s->type) && fits(r->model, &s->model) && fits(r->os, &s->os) &&
            fits(r->user_agent, &s->user_agent) && in_set(r->platforms, s->in->platform) &&
            in_set(r->records, s->in->record) && in_set(r->compliances, s->in->compliance) &&
            in_schedule(r, s) && (!r->n_groups || in_groups(r->groups, r->n_groups, &s->groups)))
            return (int)i;
    }
    return -1;
}

/* FNV-1a over the mailbox's id: the same mailbox is in the same ring for ever. */
static unsigned share_of(const easg_str *mailbox)
{
    uint32_t h = 2166136261u;
    size_t i;

    for (i = 0; i < mailbox->len; i++)
        h = (h ^ lower(mailbox->ptr[i])) * 16777619u;
    return h % 100;
}

size_t policy_ring_find(const struct policy_ring *rings, size_t n, const easg_str *user,
                        const easg_str *mailbox, const easg_str *groups)
{
    size_t i, k;

    for (i = 0; i + 1 < n; i++) {
        for (k = 0; k < rings[i].n_users; k++)
            if (fits(rings[i].users[k], user))
                return i;
        if (in_groups(rings[i].groups, rings[i].n_groups, groups))
            return i;
        if (rings[i].percent > 0 && (int64_t)share_of(mailbox) < rings[i].percent)
            return i;
    }
    return n ? n - 1 : 0;
}
