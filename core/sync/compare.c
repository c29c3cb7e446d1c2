/* SPDX-License-Identifier: Apache-2.0
 *
 * compare.c - a saved plan against what would be done now. It goes out only when both are the same;
 * what moved is said, row by row, and nothing is written. A change of the plan that the lists show
 * already is no difference, so that applying a plan twice does nothing the second time.
 */
#include "orgpolicy.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 500, SAID_MAX = 200 };

struct compare {
    struct sync *s;
    struct sync_expect **order; /* by mailbox and device id */
    unsigned char *met;
    size_t n;
    int64_t fresh, gone, said;
};

static int by_name(const struct sync_expect *a, const struct sync_expect *b)
{
    int c = strcmp(a->mailbox, b->mailbox);

    return c ? c : strcmp(a->device_id, b->device_id);
}

static int by_place(const void *a, const void *b)
{
    return by_name(*(struct sync_expect *const *)a, *(struct sync_expect *const *)b);
}

static easg_verb verb_of(const struct sync_expect *e)
{
    return e->verb[0] == 'a'   ? EASG_VERB_ALLOW
           : e->verb[0] == 'b' ? EASG_VERB_BLOCK
                               : EASG_VERB_WITHDRAW;
}

static const char *word(easg_verb verb)
{
    return verb == EASG_VERB_ALLOW ? "allow" : verb == EASG_VERB_BLOCK ? "block" : "withdraw";
}

static easg_status say(struct compare *c, const char *mailbox, const char *device_id,
                       const char *verb, const char *why, easg_error *err)
{
    if (c->said++ >= SAID_MAX)
        return EASG_OK;
    return NOTE(c->s, err, EASG_LOG_INFO, "plan.moved", mailbox, F_STR("device_id", device_id),
                F_STR("verb", verb), F_STR("why", why));
}

/* What would be done now: is it in the plan? */
static easg_status check_action(struct compare *c, const struct store_action *a, easg_error *err)
{
    struct sync_expect key = { NULL, a->mailbox, a->device_id, NULL };
    struct sync_expect *at = &key;
    struct sync_expect **hit =
        c->n ? bsearch(&at, c->order, c->n, sizeof *c->order, by_place) : NULL;

    if (hit) {
        c->met[hit - c->order] = 1;
        if (verb_of(*hit) == a->verb)
            return EASG_OK;
        c->fresh++;
        return say(c, a->mailbox, a->device_id, word(a->verb), "the plan says otherwise", err);
    }
    c->fresh++;
    return say(c, a->mailbox, a->device_id, word(a->verb), "not in the plan", err);
}

static easg_status check_open(struct compare *c, enum store_action_state state, easg_error *err)
{
    int64_t after = 0;
    size_t n = CHUNK;
    easg_status st = EASG_OK;

    while (st == EASG_OK && n == CHUNK) {
        struct store_action *list = NULL;

        st = store_list_actions(c->s->store, state, after, CHUNK, &list, &n, err);
        for (size_t i = 0; st == EASG_OK && i < n; i++) {
            after = list[i].id;
            st = check_action(c, &list[i], err);
        }
        if (list)
            store_free_actions(list, n);
    }
    return st;
}

/* What the plan says and would not be done now: is it done already? */
static easg_status check_rest(struct compare *c, const struct sync_expect *e, easg_error *err)
{
    uint32_t listed = 0, ours = 0;
    int64_t mk = 0, ek = 0;
    int action = 0;
    easg_status st = EASG_E_NOTFOUND;

    if (e->device)
        st = store_find_device(c->s->store, e->device, &mk, &ek, err);
    if (st == EASG_OK)
        st = store_get_wanted(c->s->store, mk, ek, &action, &listed, &ours, err);
    if (st == EASG_E_NOTFOUND) {
        err_clear(err);
        if (verb_of(e) == EASG_VERB_WITHDRAW)
            return EASG_OK; /* nothing of ours is left there, or it would be planned */
        c->gone++;
        return say(c, e->mailbox, e->device_id, e->verb, "the partnership is gone", err);
    }
    if (st != EASG_OK)
        return st;
    if (verb_of(e) == EASG_VERB_WITHDRAW ? (listed & ours) == 0 : sync_lists_as(verb_of(e), listed))
        return EASG_OK;
    c->gone++;
    return say(c, e->mailbox, e->device_id, e->verb, "it would not be done any more", err);
}

/* ---- what is decided for everybody ---- */

static int fits(const struct sync_expect_org *e, const struct store_orgchange *c)
{
    return strcmp(e->part, orgpolicy_part_word(c->part)) == 0 &&
           text_ieq(e->name, strlen(e->name), c->name, strlen(c->name)) &&
           orgpolicy_same(e->before, c->before) && orgpolicy_same(e->after, c->after);
}

static const char *org_verb(const struct store_orgchange *c)
{
    return !c->after ? "remove" : c->before ? "set" : "create";
}

/* 1: Exchange has what the plan asks for. */
static int is_so(const struct store_orgpolicy *items, size_t n, const struct sync_expect_org *e)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(e->part, orgpolicy_part_word(items[i].part)) == 0 &&
            text_ieq(e->name, strlen(e->name), items[i].name, strlen(items[i].name)))
            return orgpolicy_same(items[i].value, e->after);
    return e->after == NULL;
}

static easg_status check_org_rest(struct compare *c, const unsigned char *met, easg_error *err)
{
    const struct sync_plan_file *plan = c->s->o->plan;
    struct store_orgpolicy *items = NULL;
    size_t n = 0;
    easg_status st = store_list_orgpolicy(c->s->store, &items, &n, err);

    for (size_t i = 0; st == EASG_OK && i < plan->n_org; i++) {
        if (met[i] || is_so(items, n, &plan->org[i]))
            continue;
        c->gone++;
        st = say(c, plan->org[i].name, NULL, plan->org[i].part, "it would not be done any more",
                 err);
    }
    store_free_orgpolicy(items, n);
    return st;
}

static easg_status check_org(struct compare *c, easg_error *err)
{
    static const enum store_action_state states[] = { STORE_PLANNED, STORE_HELD, STORE_APPROVED };
    const struct sync_plan_file *plan = c->s->o->plan;
    unsigned char *met = mem_alloc(plan->n_org + 1);
    easg_status st = met ? EASG_OK : err_nomem(err);

    for (size_t k = 0; st == EASG_OK && k < 3; k++) {
        struct store_orgchange *list = NULL;
        size_t n = 0;

        st = store_list_orgchanges(c->s->store, states[k], NULL, &list, &n, err);
        for (size_t i = 0; st == EASG_OK && i < n; i++) {
            size_t at = 0;

            while (at < plan->n_org && !fits(&plan->org[at], &list[i]))
                at++;
            if (at < plan->n_org) {
                met[at] = 1;
                continue;
            }
            c->fresh++;
            st = say(c, list[i].name, NULL, org_verb(&list[i]), "not in the plan", err);
        }
        store_free_orgchanges(list, n);
    }
    if (st == EASG_OK)
        st = check_org_rest(c, met, err);
    mem_free(met);
    return st;
}

easg_status sync_compare(struct sync *s, easg_error *err)
{
    const struct sync_plan_file *plan = s->o->plan;
    struct compare c = { s, NULL, NULL, 0, 0, 0, 0 };
    easg_status st;

    if (!plan)
        return EASG_OK;
    c.n = plan->n;
    c.order = mem_array(c.n + 1, sizeof *c.order);
    c.met = mem_alloc(c.n + 1);
    st = c.order && c.met ? store_begin(s->store, 1, err) : err_nomem(err);
    for (size_t i = 0; st == EASG_OK && i < c.n; i++)
        c.order[i] = &plan->items[i];
    if (st == EASG_OK && c.n)
        qsort(c.order, c.n, sizeof *c.order, by_place);
    if (st == EASG_OK)
        st = check_open(&c, STORE_PLANNED, err);
    if (st == EASG_OK)
        st = check_open(&c, STORE_HELD, err);
    for (size_t i = 0; st == EASG_OK && i < c.n; i++)
        if (!c.met[i])
            st = check_rest(&c, c.order[i], err);
    if (st == EASG_OK)
        st = check_org(&c, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "plan.compared", plan->run,
                  F_INT("changes", plan->n + plan->n_org), F_INT("new", c.fresh),
                  F_INT("gone", c.gone));
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    mem_free(c.order);
    mem_free(c.met);
    if (st == EASG_OK && c.fresh + c.gone)
        st =
            err_set(err, EASG_E_CONFLICT,
                    "the plan is stale: %lld changes would be made that it does not have, and %lld "
                    "of its %zu would not be made any more; nothing was changed, make a new plan",
                    (long long)c.fresh, (long long)c.gone, plan->n + plan->n_org);
    return st;
}
