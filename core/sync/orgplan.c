/* SPDX-License-Identifier: Apache-2.0
 *
 * orgplan.c - the step that brings what an organisation decides for everybody to what its
 * configuration says: reads it, plans the difference, holds what could lock many out. Without a
 * word about it in the configuration nobody is even asked.
 */
#include "orgpolicy.h"

#include "drafts.h"
#include "err.h"
#include "text.h"

#include <string.h>

struct planning {
    struct sync *s;
    struct store_orgpolicy *items;
    size_t n;
    int64_t foreign, as_before;
};

static easg_status want(struct planning *p, const struct store_orgpolicy *item, const char *after,
                        const char *reason, int word, easg_error *err)
{
    struct store_orgchange c;

    memset(&c, 0, sizeof c);
    c.part = item->part;
    c.name = item->name;
    c.before = item->value;
    c.after = (char *)(uintptr_t)after; /* borrowed: only read */
    c.reason = (char *)(uintptr_t)reason;
    c.needs_word = word;
    return store_want_orgchange(p->s->store, &c, !sync_writes(p->s), p->s->now, err);
}

static const struct store_orgpolicy *find(const struct planning *p, uint32_t part, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].part == part &&
            text_ieq(p->items[i].name, strlen(p->items[i].name), name, strlen(name)))
            return &p->items[i];
    return NULL;
}

/* A rule of somebody else that the source could not make again stays. */
static int cannot_come_back(struct planning *p, const struct store_orgpolicy *item)
{
    easg_error ignored = EASG_ERROR_INIT;

    return !item->ours &&
           orgpolicy_check(p->s->source, item->part, item->name, item->value, &ignored) != EASG_OK;
}

static easg_status plan_item(struct planning *p, const struct store_orgpolicy *item,
                             easg_error *err)
{
    const char *after = NULL, *reason = NULL;

    if (!orgpolicy_wants(&p->s->o->org->orgpolicy, item, &after, &reason))
        return EASG_OK;
    if (!after && cannot_come_back(p, item)) {
        p->foreign++;
        return EASG_OK;
    }
    return want(p, item, after, reason,
                (!after && !item->ours) || /* taken away from somebody else */
                    orgpolicy_needs_word(item->part, item->name, item->value, after),
                err);
}

static easg_status plan_all(struct planning *p, easg_error *err)
{
    const struct orgpolicy_config *config = &p->s->o->org->orgpolicy;
    easg_status st = EASG_OK;

    for (size_t i = 0; st == EASG_OK && i < config->n; i++) {
        const struct orgpolicy_entry *e = &config->items[i];
        struct store_orgpolicy fresh;

        memset(&fresh, 0, sizeof fresh);
        fresh.part = e->part;
        fresh.name = (char *)(uintptr_t)e->name; /* borrowed: only read */
        st = orgpolicy_check(p->s->source, e->part, e->name, e->value, err);
        if (st == EASG_OK && !find(p, e->part, e->name))
            st = plan_item(p, &fresh, err);
    }
    for (size_t i = 0; st == EASG_OK && i < p->n; i++)
        st = plan_item(p, &p->items[i], err);
    return st == EASG_OK ? store_drop_orgchanges(p->s->store, "no longer wanted", p->s->now, err)
                         : st;
}

/* Somebody's value that stands now wins over the one that stood before us. */
static easg_status release_all(struct planning *p, easg_error *err)
{
    easg_status st = EASG_OK;

    for (size_t i = 0; st == EASG_OK && i < p->n; i++) {
        const char *after = NULL;

        if (!p->items[i].ours)
            continue;
        if (orgpolicy_gives_back(&p->items[i], &after)) {
            st = want(p, &p->items[i], after, "release", 0, err);
            continue;
        }
        p->as_before++;
        if (!p->s->o->dry_run)
            st = store_forget_orgpolicy(p->s->store, p->items[i].part, p->items[i].name, err);
    }
    return st == EASG_OK
               ? store_drop_orgchanges(p->s->store, "everything is released", p->s->now, err)
               : st;
}

static easg_status plan_now(struct sync *s, easg_error *err)
{
    struct planning p = { .s = s };
    int64_t planned = 0, held = 0;
    easg_status st = store_list_orgpolicy(s->store, &p.items, &p.n, err);

    if (st == EASG_OK)
        st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = s->o->kind == SYNC_RELEASE ? release_all(&p, err) : plan_all(&p, err);
    if (st == EASG_OK)
        st = store_count_orgchanges(s->store, &planned, &held, err);
    if (st == EASG_OK && held)
        st = NOTE(s, err, EASG_LOG_WARNING, "orgpolicy.held", s->o->org->name, F_INT("held", held),
                  F_STR("remedy", "look at easgate plan, then easgate approve --policy"));
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "orgpolicy.planned", s->o->org->name,
                  F_INT("planned", planned), F_INT("held", held),
                  F_INT("cannot_come_back", p.foreign), F_INT("as_before", p.as_before));
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    if (st == EASG_OK) {
        s->counts.planned = (s->counts.planned < 0 ? 0 : s->counts.planned) + planned;
        s->counts.held = (s->counts.held < 0 ? 0 : s->counts.held) + held;
    }
    store_free_orgpolicy(p.items, p.n);
    return st;
}

easg_status sync_orgpolicy(struct sync *s, easg_error *err)
{
    uint32_t open = 0, ours = 0, parts;
    easg_status st = store_has_orgpolicy(s->store, &open, &ours, err);

    if (st != EASG_OK)
        return st;
    parts = s->o->kind == SYNC_RELEASE ? ours | open : s->o->org->orgpolicy.parts | open;
    if (!parts)
        return EASG_OK;
    if (s->o->kind == SYNC_FULL && (s->o->org->orgpolicy.parts & 1u << EASG_PART_RULE) &&
        orgpolicy_knows(s->source, EASG_PART_DEVICE_CLASS))
        parts |= 1u << EASG_PART_DEVICE_CLASS; /* for `check`: does a rule fit anybody? */
    st = orgpolicy_refresh(s, parts, err);
    if (st == EASG_OK)
        st = plan_now(s, err);
    return st == EASG_OK ? EASG_OK : orgpolicy_set_aside(s, st, err);
}

/* ---- a person's second word ---- */

/* Why it must not go out any more; NULL: it may. */
static const char *judge(struct planning *p, const struct store_orgchange *c)
{
    struct store_orgpolicy fresh;
    const struct store_orgpolicy *item = find(p, c->part, c->name);
    const char *after = NULL, *reason = NULL;

    memset(&fresh, 0, sizeof fresh);
    fresh.part = c->part;
    fresh.name = c->name;
    item = item ? item : &fresh;
    if (!orgpolicy_same(item->value, c->before))
        return "it was changed since";
    if (!orgpolicy_wants(&p->s->o->org->orgpolicy, item, &after, &reason) ||
        !orgpolicy_same(after, c->after))
        return "the configuration changed since";
    return NULL;
}

static easg_status approve_all(struct planning *p, const struct store_orgchange *held, size_t n,
                               int64_t *approved, easg_error *err)
{
    struct sync *s = p->s;
    easg_status st = store_begin(s->store, 1, err);

    for (size_t i = 0; st == EASG_OK && i < n; i++) {
        const char *why = judge(p, &held[i]);

        *approved += !why;
        st = store_set_orgchange(s->store, held[i].id, why ? STORE_SUPERSEDED : STORE_APPROVED, why,
                                 s->now, err);
        if (st == EASG_OK)
            st = NOTE(s, err, EASG_LOG_INFO, why ? "orgpolicy.superseded" : "orgpolicy.approved",
                      held[i].name, F_INT("change", held[i].id), F_STR("before", held[i].before),
                      F_STR("after", held[i].after), F_STR("why", why));
    }
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

easg_status sync_orgapprove(struct sync *s, easg_error *err)
{
    struct planning p = { .s = s };
    struct store_orgchange *held = NULL;
    int64_t approved = 0, planned = 0;
    uint32_t parts = 0;
    size_t n = 0;
    easg_status st = store_list_orgchanges(s->store, STORE_HELD, s->o->approve_run, &held, &n, err);

    for (size_t i = 0; i < n; i++)
        parts |= 1u << held[i].part;
    if (st == EASG_OK && n)
        st = orgpolicy_refresh(s, parts, err);
    if (st == EASG_OK && n)
        st = store_list_orgpolicy(s->store, &p.items, &p.n, err);
    if (st == EASG_OK && n)
        st = approve_all(&p, held, n, &approved, err);
    if (st == EASG_OK)
        st = store_count_orgchanges(s->store, &planned, &s->counts.held, err);
    s->counts.planned = approved;
    store_free_orgpolicy(p.items, p.n);
    store_free_orgchanges(held, n);
    return st;
}
