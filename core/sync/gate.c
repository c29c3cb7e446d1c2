/* SPDX-License-Identifier: Apache-2.0
 *
 * gate.c - a change that may not go out yet is not planned at all, so that nothing can let it slip;
 * the run's record counts it. What has an entry of ours already is past the gate for good: a ring
 * that is renamed must not freeze a block that should be lifted.
 */
#include "gate.h"

#include "store_trust.h"
#include "text.h"

#include <string.h>

easg_status gate_open(struct gate *g, struct sync *s, easg_error *err)
{
    const struct org_config *o = s->o->org;
    int64_t since = 0;
    easg_status st = store_get_org_int(s->store, "enforced_since", 0, &since, err);

    memset(g, 0, sizeof *g);
    g->s = s;
    g->opens = EASG_TIME_NONE;
    g->on = o->mode == ORG_ENFORCE;
    g->begun = since > 0;
    g->since = g->begun ? since : s->now;
    if (st == EASG_OK)
        st = store_begin(s->store, 1, err);
    if (st == EASG_OK && sync_writes(s) && !g->begun) {
        st = store_set_org_int(s->store, "enforced_since", s->now, err);
        if (st == EASG_OK && o->grandfather_ms > 0)
            st = store_grandfather(s->store, o->grandfather_ms, s->now, err);
        if (st == EASG_OK)
            st = NOTE(s, err, EASG_LOG_INFO, "enforcement.begun", o->name,
                      F_INT("rings", o->n_rings), F_INT("grandfather_ms", o->grandfather_ms));
        g->begun = 1;
    }
    if (st == EASG_OK && g->on)
        st = store_drop_grandfathered(s->store, o->grandfather_ms == 0, err);
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

static size_t ring_of(const struct gate *g, const struct store_wanted *w)
{
    easg_str u = text_str(w->user), m = text_str(w->mailbox), in = text_str(w->member_of);

    return policy_ring_find(g->s->o->org->rings, g->s->o->org->n_rings, &u, &m, &in);
}

static easg_status hold_back(struct gate *g, const struct store_wanted *w, const char *word,
                             const char *ring, easg_time opens_at, easg_error *err)
{
    if (opens_at != EASG_TIME_NONE && (g->opens == EASG_TIME_NONE || opens_at < g->opens))
        g->opens = opens_at;
    return store_put_gate(g->s->store, w, word, ring, opens_at, g->s->now, err);
}

/* What is held back is noted, so that a person can be told, and a run decided again. */
static easg_status ring_waits(struct gate *g, const struct store_wanted *w, int *waits,
                              easg_error *err)
{
    const struct policy_ring *r = &g->s->o->org->rings[ring_of(g, w)];

    *waits = g->s->now - g->since < r->delay_ms;
    if (!*waits)
        return EASG_OK;
    g->waiting++;
    return hold_back(g, w, "waits", r->name, g->begun ? g->since + r->delay_ms : EASG_TIME_NONE,
                     err);
}

easg_status gate_ask(struct gate *g, const struct store_wanted *w, int block, int *go,
                     easg_error *err)
{
    const struct org_config *o = g->s->o->org;
    easg_status st = EASG_OK;
    int spared = 0, waits = 0;

    *go = 1;
    if (!g->on || (w->ours & w->listed))
        return EASG_OK;
    if (o->n_rings)
        st = ring_waits(g, w, &waits, err);
    if (st != EASG_OK || waits) {
        *go = 0;
        return st;
    }
    if (block && o->grandfather_ms > 0 &&
        (o->grandfather_until == EASG_TIME_NONE || g->s->now < o->grandfather_until))
        st = store_is_grandfathered(g->s->store, w->mk, w->ek, g->begun ? 0 : o->grandfather_ms,
                                    &spared, err);
    if (st != EASG_OK || !spared)
        return st;
    g->spared++;
    *go = 0;
    return hold_back(g, w, "spared", NULL, o->grandfather_until, err);
}

easg_status gate_note(struct gate *g, const struct store_wanted *w, const struct store_action *a,
                      easg_error *err)
{
    struct gate_block *grown;

    if (!g->s->o->org->n_rings || a->verb != EASG_VERB_BLOCK || !a->id)
        return EASG_OK;
    if ((g->n & (g->n - 1)) == 0) {
        grown = mem_grow(g->blocks, g->n ? g->n * 2 : 1, sizeof *grown);
        if (!grown)
            return err_nomem(err);
        g->blocks = grown;
    }
    g->blocks[g->n].id = a->id;
    g->blocks[g->n].ring = ring_of(g, w);
    g->blocks[g->n].fresh =
        (a->access_before != EASG_ACCESS_BLOCKED && a->access_before != EASG_ACCESS_QUARANTINED) ||
        (a->listed_before & EASG_LISTED_ALLOWED);
    g->n++;
    return EASG_OK;
}

static easg_status brake_ring(struct gate *g, size_t ring, easg_error *err)
{
    const struct org_brakes *b = &g->s->o->org->brakes;
    const struct policy_ring *r = &g->s->o->org->rings[ring];
    int64_t devices = r->blast_devices >= 0 ? r->blast_devices : b->blast_devices;
    int64_t percent = r->blast_percent >= 0 ? r->blast_percent : b->blast_percent;
    int64_t fresh = 0, all = 0;
    easg_status st = EASG_OK;
    int ok;

    for (size_t i = 0; i < g->n; i++)
        if (g->blocks[i].ring == ring) {
            fresh += g->blocks[i].fresh;
            all++;
        }
    ok = brakes_blast_ok(fresh, g->s->counts.devices, devices, percent);
    for (size_t i = 0; st == EASG_OK && i < g->n; i++)
        if (g->blocks[i].ring == ring)
            st = store_let_action(g->s->store, g->blocks[i].id, ok, err);
    if (st == EASG_OK && !ok)
        st = NOTE(g->s, err, EASG_LOG_ERROR, "guard.blast.held", g->s->o->org->name,
                  F_STR("ring", r->name), F_INT("new_blocks", fresh), F_INT("held", all),
                  F_INT("limit", brakes_blast_limit(g->s->counts.devices, devices, percent)),
                  F_STR("remedy", "look at easgate plan, then easgate approve"));
    return st;
}

easg_status gate_brakes(struct gate *g, easg_error *err)
{
    easg_status st = EASG_OK;

    for (size_t i = 0; st == EASG_OK && i < g->s->o->org->n_rings; i++)
        st = brake_ring(g, i, err);
    return st;
}

easg_status gate_close(struct gate *g, easg_error *err)
{
    easg_status st = store_end_gates(g->s->store, g->s->only_mk, err);

    if (st == EASG_OK && !g->s->only_mk)
        st = sync_look_again(g->s, "gate_opens_at", g->opens, err);
    if (st == EASG_OK)
        st = store_set_org_int(g->s->store, "waiting_rings", g->waiting, err);
    if (st == EASG_OK)
        st = store_set_org_int(g->s->store, "spared", g->spared, err);
    mem_free(g->blocks);
    g->blocks = NULL;
    g->n = 0;
    return st;
}
