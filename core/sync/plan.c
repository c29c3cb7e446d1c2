/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c - what the decisions ask for, against what the personal lists hold: the difference becomes
 * actions. Only our own entries are ever taken out; entries of others are inputs of the decision.
 *
 * `verb` is what an action means, `wire` what the source is told. They differ when our entry is
 * withdrawn from one list while a foreign one stands in the other: withdraw would take out both, so
 * the source is told the verb that leaves just the foreign one.
 */
#include "gate.h"
#include "sync_run.h"

#include <string.h>

#define BOTH (EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED)

struct plan {
    struct sync *s;
    int64_t invalid;
    struct gate gate;
};

static easg_verb verb_of(int action)
{
    return action == ACTION_ALLOW   ? EASG_VERB_ALLOW
           : action == ACTION_BLOCK ? EASG_VERB_BLOCK
                                    : EASG_VERB_WITHDRAW;
}

static easg_verb verb_leaving(uint32_t lists)
{
    return lists == EASG_LISTED_ALLOWED   ? EASG_VERB_ALLOW
           : lists == EASG_LISTED_BLOCKED ? EASG_VERB_BLOCK
                                          : EASG_VERB_WITHDRAW;
}

/* 1: something has to be done, and `a` says what. */
static int differs(const struct store_wanted *w, struct store_action *a)
{
    uint32_t listed = w->listed & BOTH, ours = w->ours & listed;

    a->verb = verb_of(w->action);
    a->wire = a->verb;
    if (a->verb != EASG_VERB_WITHDRAW)
        return !sync_lists_as(a->verb, listed);
    if (ours == 0)
        return 0; /* nothing of ours is there */
    a->wire = verb_leaving(listed & ~ours);
    return 1;
}

static easg_status put(struct plan *p, struct store_action *a, easg_error *err)
{
    struct store_action open;
    easg_status st = store_find_open_action(p->s->store, a->mk, a->ek, &open, err);

    if (st == EASG_E_NOTFOUND) {
        err_clear(err);
        return store_put_action(p->s->store, a, p->s->now, err);
    }
    if (st != EASG_OK)
        return st;
    /* Only a run of one mailbox leaves others' started actions alone; its own were settled. */
    if (open.state == STORE_STARTED)
        return EASG_OK;
    if (open.verb == a->verb && open.wire == a->wire) {
        a->id = open.id;
        /* Held ones stay with the run that held them, so that it can be approved; a run that only
         * shows a plan shows all of it. */
        return store_keep_action(p->s->store, a,
                                 open.state == STORE_PLANNED ||
                                     (open.state == STORE_HELD && !sync_writes(p->s)),
                                 err);
    }
    st = store_set_action(p->s->store, open.id, STORE_SUPERSEDED, "the decision changed", p->s->now,
                          err);
    return st == EASG_OK ? store_put_action(p->s->store, a, p->s->now, err) : st;
}

static easg_status on_wanted(void *user, const struct store_wanted *w, easg_error *err)
{
    struct plan *p = user;
    struct store_action a;
    easg_status st;
    int go;

    memset(&a, 0, sizeof a);
    if (!differs(w, &a))
        return EASG_OK;
    /* What is no id cannot stand in a list, and must not be sent as one. */
    if (!policy_eas_id_valid(w->device_id, strlen(w->device_id))) {
        p->invalid++;
        return EASG_OK;
    }
    st = gate_ask(&p->gate, w, a.verb == EASG_VERB_BLOCK, &go, err);
    if (st != EASG_OK || !go)
        return st;
    a.mk = w->mk;
    a.ek = w->ek;
    a.state = STORE_PLANNED;
    a.listed_before = w->listed & BOTH;
    st = store_get_access(p->s->store, w->mk, w->ek, &a.access_before, err);
    if (st != EASG_OK)
        return st;
    {
        /* borrowed: store_put_action() reads them within this call */
        struct store_action b = a;

        b.device = (char *)(uintptr_t)w->device;
        b.mailbox = (char *)(uintptr_t)w->mailbox;
        b.user = (char *)(uintptr_t)w->user;
        b.device_id = (char *)(uintptr_t)w->device_id;
        b.row = (char *)(uintptr_t)w->row;
        b.reason = (char *)(uintptr_t)w->reason;
        b.mail = (char *)(uintptr_t)w->mail;
        st = put(p, &b, err);
        return st == EASG_OK ? gate_note(&p->gate, w, &b, err) : st;
    }
}

/* ---- guards ---- */

static easg_status blast_guard(struct sync *s, easg_error *err)
{
    const struct org_brakes *b = &s->o->org->brakes;
    int64_t blocks, limit, held;
    easg_status st = store_count_new_blocks(s->store, &blocks, err);

    if (st != EASG_OK)
        return st;
    if (brakes_blast_ok(blocks, s->counts.devices, b->blast_devices, b->blast_percent))
        return store_release_blocks(s->store, err);
    limit = brakes_blast_limit(s->counts.devices, b->blast_devices, b->blast_percent);
    st = store_hold_blocks(s->store, err);
    if (st == EASG_OK)
        st = store_count_actions(s->store, &s->counts.planned, &held, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_ERROR, "guard.blast.held", s->o->org->name,
                  F_INT("new_blocks", blocks), F_INT("limit", limit), F_INT("held", held),
                  F_STR("remedy", "look at easgate plan, then easgate approve"));
    return st;
}

/* Facts that shrank to what two listings agree on: nothing that follows from them goes out by
 * itself, be it a block or an entry withdrawn. Where nothing follows they are as good as any. */
static easg_status shrink_guard(struct sync *s, easg_error *err)
{
    int64_t planned, held;
    easg_status st = store_count_actions(s->store, &planned, &held, err);

    if (st != EASG_OK || planned + held == 0)
        return st == EASG_OK ? sync_facts_accept_shrunk(s, err) : st;
    st = store_hold_all(s->store, err);
    if (st == EASG_OK)
        st = store_count_actions(s->store, &planned, &held, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_ERROR, "guard.shrink.held", s->o->org->name, F_INT("held", held),
                  F_STR("remedy", "look whether the device manager lists everything; easgate plan "
                                  "shows what waits, easgate approve lets it go"));
    return st;
}

easg_status sync_plan(struct sync *s, easg_error *err)
{
    struct plan p = { .s = s };
    easg_status st = gate_open(&p.gate, s, err);

    if (st == EASG_OK)
        st = store_each_wanted(s->store, s->only_mk, on_wanted, &p, err);
    if (st == EASG_OK)
        st = store_each_orphan(s->store, s->only_mk, on_wanted, &p, err);
    if (st == EASG_OK)
        st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = store_supersede_unwanted(s->store, s->only_mk, s->now, err);
    if (st == EASG_OK)
        st = s->facts_shrank                     ? shrink_guard(s, err)
             : s->o->org->n_rings && !s->only_mk ? gate_brakes(&p.gate, err)
                                                 : blast_guard(s, err);
    if (st == EASG_OK)
        st = gate_close(&p.gate, err);
    mem_free(p.gate.blocks);
    if (st == EASG_OK)
        st = store_count_actions(s->store, &s->counts.planned, &s->counts.held, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "plan.done", s->o->org->name,
                  F_INT("planned", s->counts.planned), F_INT("held", s->counts.held),
                  F_INT("invalid_ids", p.invalid), F_INT("waiting_rings", p.gate.waiting),
                  F_INT("spared", p.gate.spared));
    return st == EASG_OK ? store_commit(s->store, err) : st;
}
