/* SPDX-License-Identifier: Apache-2.0
 *
 * approve.c - a person let held actions go. Each is judged against what is decided and listed now:
 * an approval from the morning must not block a phone that was enrolled at noon.
 */
#include "sync_run.h"

#include <string.h>

struct chosen {
    int64_t mk, ek;
};

/* Device keys to groups; the action names only one device of its group. */
static easg_status load_chosen(struct sync *s, struct chosen **out, easg_error *err)
{
    struct chosen *list = mem_array(s->o->n_approve_devices + 1, sizeof *list);
    easg_status st = list ? EASG_OK : err_nomem(err);
    size_t i;

    for (i = 0; st == EASG_OK && i < s->o->n_approve_devices; i++)
        st = store_find_device(s->store, s->o->approve_devices[i], &list[i].mk, &list[i].ek, err);
    if (st != EASG_OK) {
        mem_free(list);
        return st;
    }
    *out = list;
    return EASG_OK;
}

static int is_chosen(const struct sync *s, const struct chosen *list, const struct store_action *a)
{
    size_t i;

    for (i = 0; i < s->o->n_approve_devices; i++)
        if (list[i].mk == a->mk && list[i].ek == a->ek)
            return 1;
    return s->o->n_approve_devices == 0;
}

/* Why it must not go out any more; NULL: it may. */
static easg_status judge(struct sync *s, const struct store_action *a, const char **why,
                         easg_error *err)
{
    uint32_t listed, ours;
    int action = 0;
    easg_status st = store_get_wanted(s->store, a->mk, a->ek, &action, &listed, &ours, err);

    *why = NULL;
    if (st == EASG_E_NOTFOUND) {
        err_clear(err);
        *why = "the partnership is gone";
        return EASG_OK;
    }
    if (st != EASG_OK)
        return st;
    if (action != (a->verb == EASG_VERB_BLOCK   ? ACTION_BLOCK
                   : a->verb == EASG_VERB_ALLOW ? ACTION_ALLOW
                                                : ACTION_WITHDRAW))
        *why = "the decision changed since";
    else if (sync_lists_as(a->wire, listed))
        *why = "the lists hold it already";
    else if (listed != a->listed_before)
        *why = "the lists changed since";
    return EASG_OK;
}

easg_status sync_approve(struct sync *s, easg_error *err)
{
    struct store_action *held = NULL;
    struct chosen *chosen = NULL;
    int64_t approved = 0, superseded = 0, planned;
    size_t n = 0, i;
    easg_status st;

    if (!s->o->approve_run)
        return EASG_OK;
    if (s->o->approve_policy)
        return sync_orgapprove(s, err);
    st = load_chosen(s, &chosen, err);
    if (st == EASG_OK)
        st = store_list_held(s->store, s->o->approve_run, &held, &n, err);
    if (st == EASG_OK)
        st = store_begin(s->store, 1, err);
    for (i = 0; st == EASG_OK && i < n; i++) {
        const char *why;

        if (!is_chosen(s, chosen, &held[i]))
            continue;
        st = judge(s, &held[i], &why, err);
        if (st != EASG_OK)
            break;
        approved += !why;
        superseded += why != NULL;
        if (s->o->dry_run)
            continue;
        st = store_set_action(s->store, held[i].id, why ? STORE_SUPERSEDED : STORE_APPROVED, why,
                              s->now, err);
        if (st == EASG_OK)
            st = NOTE(s, err, EASG_LOG_INFO, why ? "action.superseded" : "action.approved",
                      held[i].mailbox, F_INT("action", held[i].id),
                      F_STR("device_id", held[i].device_id), F_STR("why", why));
    }
    if (st == EASG_OK && s->facts_shrank && s->o->n_approve_devices == 0 && !s->o->dry_run)
        st = sync_facts_accept_shrunk(s, err); /* all of it was approved, so its reason was */
    if (st == EASG_OK)
        st = store_count_actions(s->store, &planned, &s->counts.held, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "approve.done", s->o->approve_run,
                  F_INT("approved", approved), F_INT("superseded", superseded));
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    s->counts.planned = approved;
    store_free_actions(held, n);
    mem_free(chosen);
    return st;
}
