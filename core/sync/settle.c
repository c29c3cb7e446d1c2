/* SPDX-License-Identifier: Apache-2.0
 *
 * settle.c - actions that were started and have no result: the last worker ended between the intent
 * and the answer. Their mailboxes are read anew, and what stands in the lists says whether the
 * change was made: then it is ours and done. What was not made is superseded here, and the plan of
 * this run sends it again if it is still wanted.
 */
#include "sync_run.h"

#include <string.h>

int sync_lists_as(easg_verb wire, uint32_t listed)
{
    listed &= EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED;
    switch (wire) {
    case EASG_VERB_ALLOW: return listed == EASG_LISTED_ALLOWED;
    case EASG_VERB_BLOCK: return listed == EASG_LISTED_BLOCKED;
    default: return listed == 0;
    }
}

/* A full listing has just read every mailbox, and that of one user read his. */
static easg_status reread(struct sync *s, const struct store_action *a, easg_error *err)
{
    easg_status st;

    if (s->o->kind == SYNC_FULL || s->o->kind == SYNC_RELEASE || a->mk == s->only_mk)
        return EASG_OK;
    st = sync_list(s, EASG_SCOPE_MAILBOX, a->mailbox, err);
    if (st == EASG_E_NOTFOUND) { /* the mailbox is gone, and its lists with it */
        err_clear(err);
        return EASG_OK;
    }
    if (st == EASG_OK)
        st = store_promote(s->store, err);
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    return st;
}

static easg_status lists_now(struct sync *s, const struct store_action *a, uint32_t *listed,
                             int *known, easg_error *err)
{
    struct store_mailbox m;
    uint32_t ours;
    easg_status st;

    memset(&m, 0, sizeof m);
    *listed = 0;
    st = store_get_mailbox(s->store, a->mk, &m, err);
    *known = st == EASG_OK;
    if (st == EASG_OK)
        st = store_get_lists(s->store, a->mk, m.version, a->ek, listed, &ours, err);
    else if (st == EASG_E_NOTFOUND) {
        err_clear(err);
        st = EASG_OK;
    }
    store_clear_mailbox(&m);
    return st;
}

static easg_status settle_one(struct sync *s, const struct store_action *a, easg_error *err)
{
    uint32_t listed;
    int known, made;
    easg_status st = lists_now(s, a, &listed, &known, err);

    if (st != EASG_OK)
        return st;
    made = known && sync_lists_as(a->wire, listed);
    st = store_begin(s->store, 1, err);
    if (st == EASG_OK && known)
        st = store_note_lists(s->store, a, listed, s->now, err);
    if (st == EASG_OK)
        st = store_set_action(s->store, a->id, made ? STORE_DONE : STORE_SUPERSEDED,
                              made ? NULL : "the run ended before it was made; decided again",
                              s->now, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_WARNING, "action.settled", a->mailbox,
                  F_STR("device_id", a->device_id), F_INT("action", a->id), F_INT("made", made));
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

easg_status sync_settle(struct sync *s, easg_error *err)
{
    int64_t after = 0, mk = 0;
    size_t n = SYNC_BATCH;
    easg_status st = EASG_OK;

    while (st == EASG_OK && n == SYNC_BATCH) {
        struct store_action *list = NULL;
        size_t i;

        n = 0;
        st = store_list_actions(s->store, STORE_STARTED, after, SYNC_BATCH, &list, &n, err);
        for (i = 0; st == EASG_OK && i < n; i++) {
            after = list[i].id;
            if (s->only_mk && list[i].mk != s->only_mk)
                continue;
            if (list[i].mk != mk)
                st = reread(s, &list[i], err);
            mk = list[i].mk;
            if (st == EASG_OK)
                st = settle_one(s, &list[i], err);
        }
        store_free_actions(list, n);
    }
    return st == EASG_OK ? store_collect_garbage(s->store, err) : st;
}
