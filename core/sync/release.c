/* SPDX-License-Identifier: Apache-2.0
 *
 * release.c - everything of ours goes back: each entry of the ledger becomes a change that leaves
 * the lists as they were before us. No decision is made and no device manager is asked, so that it
 * works where that is the very thing that is broken.
 *
 * What was there before may have been changed by somebody since. An entry of somebody else that
 * stands now wins over the one that stood then.
 */
#include "sync_run.h"

#include "store_trust.h"

#include <string.h>

#define BOTH (EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED)

struct release {
    struct sync *s;
    int64_t entries, changes, as_before;
};

static easg_verb verb_leaving(uint32_t lists)
{
    return lists & EASG_LISTED_BLOCKED   ? EASG_VERB_BLOCK
           : lists & EASG_LISTED_ALLOWED ? EASG_VERB_ALLOW
                                         : EASG_VERB_WITHDRAW;
}

static easg_status give_back(struct release *r, const struct store_entry *e, easg_error *err)
{
    uint32_t foreign = e->listed & ~e->ours;
    uint32_t target = foreign | e->before;
    struct store_action a;

    if (target == BOTH && e->listed != BOTH) /* no verb writes both, and what stands now wins */
        target = foreign ? foreign : EASG_LISTED_BLOCKED;
    if (sync_lists_as(verb_leaving(target), e->listed) || target == e->listed) {
        r->as_before++;
        if (r->s->o->dry_run)
            return EASG_OK;
        return store_forget_entry(r->s->store, e->mk, e->ek, err);
    }
    memset(&a, 0, sizeof a);
    a.mk = e->mk;
    a.ek = e->ek;
    a.verb = EASG_VERB_WITHDRAW;
    a.wire = verb_leaving(target);
    a.state = STORE_PLANNED;
    a.listed_before = e->listed;
    a.mailbox = (char *)(uintptr_t)e->mailbox; /* borrowed: only read */
    a.user = (char *)(uintptr_t)e->user;
    a.device_id = (char *)(uintptr_t)e->device_id;
    a.reason = (char *)(uintptr_t) "release";
    r->changes++;
    return store_put_action(r->s->store, &a, r->s->now, err);
}

static easg_status on_entry(void *user, const struct store_entry *e, easg_error *err)
{
    struct release *r = user;

    r->entries++;
    return give_back(r, e, err);
}

easg_status sync_release(struct sync *s, easg_error *err)
{
    struct release r = { s, 0, 0, 0 };
    easg_status st = store_begin(s->store, 1, err);

    if (st == EASG_OK)
        st = store_supersede_all(s->store, "everything is released", s->now, err);
    if (st == EASG_OK)
        st = store_each_ledger(s->store, on_entry, &r, err);
    if (st == EASG_OK && !s->o->dry_run) /* the next enforcement is a first one again */
        st = store_set_org(s->store, "enforced_since", NULL, err);
    if (st == EASG_OK && !s->o->dry_run)
        st = store_drop_grandfathered(s->store, 1, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "release.planned", s->o->org->name,
                  F_INT("entries", r.entries), F_INT("changes", r.changes),
                  F_INT("as_before", r.as_before), F_INT("dry_run", s->o->dry_run));
    s->counts.planned = r.changes;
    s->counts.held = 0;
    return st == EASG_OK ? store_commit(s->store, err) : st;
}
