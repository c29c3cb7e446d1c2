/* SPDX-License-Identifier: Apache-2.0
 *
 * apply.c - the only place that changes Exchange. The intent is committed before a batch is sent,
 * the result after it, and what counts is what was read back from the lists: a change that reports
 * success and does not show is a failure, and the ledger keeps only what was seen.
 */
#include "sync_run.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
    struct store_action *action;
    easg_change change;
    char key[24];
    int answered;
    easg_status status;
    uint32_t listed;
    char error[480];
};

struct batch {
    struct item *items;
    const easg_change **changes;
    size_t n;
};

static easg_status on_result(void *user, const easg_item_result *r, easg_error *err)
{
    struct batch *b = user;
    uint64_t i;

    if (!text_parse_u64(r->key.ptr, r->key.len, &i) || i >= b->n || b->items[i].answered)
        return err_set(err, EASG_E_USAGE, "a result answers no change that was sent");
    b->items[i].answered = 1;
    b->items[i].status = r->status;
    b->items[i].listed = r->listed;
    if (r->error)
        snprintf(b->items[i].error, sizeof b->items[i].error, "%s", r->error->message);
    return EASG_OK;
}

static void clear(struct batch *b)
{
    mem_free(b->items);
    mem_free(b->changes);
    memset(b, 0, sizeof *b);
}

static easg_status build(struct batch *b, struct store_action *list, size_t n, easg_error *err)
{
    size_t i;

    memset(b, 0, sizeof *b);
    b->items = mem_array(n, sizeof *b->items);
    b->changes = mem_array(n, sizeof *b->changes);
    if (!b->items || !b->changes) {
        clear(b);
        return err_nomem(err);
    }
    b->n = n;
    for (i = 0; i < n; i++) {
        struct item *it = &b->items[i];

        it->action = &list[i];
        snprintf(it->key, sizeof it->key, "%zu", i);
        it->change.struct_size = sizeof it->change;
        it->change.verb = list[i].wire;
        it->change.key = text_str(it->key);
        it->change.mailbox_id = text_str(list[i].mailbox);
        it->change.device_id = text_str(list[i].device_id);
        b->changes[i] = &it->change;
    }
    return EASG_OK;
}

static easg_status intend(struct sync *s, const struct batch *b, easg_error *err)
{
    easg_status st = store_begin(s->store, 1, err);
    size_t i;

    for (i = 0; st == EASG_OK && i < b->n; i++)
        st = store_set_action(s->store, b->items[i].action->id, STORE_STARTED, NULL, s->now, err);
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

/* Why the item counts as failed; NULL: done. */
static const char *failure(const struct item *it)
{
    if (it->status != EASG_OK)
        return it->error[0] ? it->error : "the source gave no reason";
    if (!(it->listed & EASG_LISTED_KNOWN))
        return "the source reported success, but did not read the lists back";
    if (!sync_lists_as(it->action->wire, it->listed))
        return "the source reported success, but the lists read back do not show the change";
    return NULL;
}

static const char *verb_word(easg_verb v)
{
    return v == EASG_VERB_ALLOW ? "allow" : v == EASG_VERB_BLOCK ? "block" : "withdraw";
}

static easg_status record_one(struct sync *s, const struct item *it, easg_error *err)
{
    const struct store_action *a = it->action;
    const char *why = failure(it);
    easg_status st = EASG_OK;

    if (it->listed & EASG_LISTED_KNOWN)
        st = store_note_lists(s->store, a, it->listed, s->now, err);
    if (st == EASG_OK)
        st = store_set_action(s->store, a->id, why ? STORE_FAILED : STORE_DONE, why, s->now, err);
    if (st == EASG_OK)
        st = NOTE(s, err, why ? EASG_LOG_WARNING : EASG_LOG_INFO,
                  why ? "action.failed" : "action.done", a->mailbox, F_INT("action", a->id),
                  F_STR("verb", verb_word(a->verb)), F_STR("device_id", a->device_id),
                  F_STR("row", a->row), F_STR("error", why));
    s->counts.applied += !why;
    s->counts.failed += why != NULL;
    /* An object that went away meanwhile is the next full sync's matter, not a fault. */
    s->hard_failures += why && it->status != EASG_E_NOTFOUND && it->status != EASG_E_CONFLICT;
    return st;
}

static easg_status record(struct sync *s, const struct batch *b, easg_error *err)
{
    easg_status st = store_begin(s->store, 1, err);
    size_t i;

    for (i = 0; st == EASG_OK && i < b->n; i++)
        if (b->items[i].answered)
            st = record_one(s, &b->items[i], err);
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

/* What has no answer yet is sent again to the next server: apply() is idempotent. */
static void keep_unanswered(struct batch *b)
{
    size_t i, n = 0;

    for (i = 0; i < b->n; i++) {
        if (b->items[i].answered)
            continue;
        if (n != i)
            b->items[n] = b->items[i];
        snprintf(b->items[n].key, sizeof b->items[n].key, "%zu", n);
        b->items[n].change.key = text_str(b->items[n].key);
        b->changes[n] = &b->items[n].change;
        n++;
    }
    b->n = n;
}

static easg_status send(struct sync *s, struct batch *b, easg_error *err)
{
    struct result_sink to = { on_result, b };
    easg_error own = EASG_ERROR_INIT;
    int throttled = 0;
    easg_status st = EASG_OK, kept;

    while (b->n) {
        st = s->source_session ? EASG_OK : sync_connect(s, err);
        if (st != EASG_OK)
            return st;
        store_at(s->store, "applying");
        st = source_apply(s->source_session, b->changes, b->n, &to, err);
        store_at(s->store, "applied");
        kept = record(s, b, st == EASG_OK ? err : &own);
        if (kept != EASG_OK) {
            if (st != EASG_OK)
                err_copy(err, &own);
            return kept;
        }
        store_at(s->store, "recorded");
        if (st == EASG_OK)
            return EASG_OK;
        keep_unanswered(b);
        if (!sync_wait_throttle(s, st, err, throttled++)) {
            if (!sync_give_up_endpoint(s, st, err))
                return st;
            st = sync_reconnect(s, st, err);
            if (st != EASG_OK)
                return st;
        }
        err_clear(err);
    }
    return EASG_OK;
}

static easg_status one_batch(struct sync *s, size_t *n, easg_error *err)
{
    struct store_action *list = NULL;
    struct batch b;
    easg_status st;

    *n = 0;
    if (run_cancelled(s->o->run))
        return err_set(err, EASG_E_CANCELLED, "the run was stopped; the rest is planned again");
    st = store_next_actions(s->store, SYNC_BATCH, &list, n, err);
    if (st != EASG_OK || *n == 0)
        return st;
    st = build(&b, list, *n, err);
    if (st == EASG_OK)
        st = intend(s, &b, err);
    if (st == EASG_OK)
        st = send(s, &b, err);
    clear(&b);
    store_free_actions(list, *n);
    return st;
}

easg_status sync_apply(struct sync *s, easg_error *err)
{
    easg_status st = EASG_OK;
    size_t n = 1;

    if (!sync_writes(s))
        return EASG_OK;
    s->counts.applied = s->counts.failed = 0;
    while (st == EASG_OK && n)
        st = one_batch(s, &n, err);
    return st;
}
