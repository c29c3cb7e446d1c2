/* SPDX-License-Identifier: Apache-2.0
 *
 * adopt.c - chosen entries of somebody else enter the ledger: from then on the decision may replace
 * them. Exchange is not written to and nobody is asked; what counts are the lists as they were last
 * read, and the next listing takes out of the ledger what is no longer there.
 */
#include "sync_run.h"

#include "store_trust.h"
#include "text.h"

#include <string.h>

struct adopt {
    struct sync *s;
    int64_t adopted, foreign;
    unsigned char *found; /* an item of the selection was met */
};

static int is_named(const char *name, const struct store_entry *e)
{
    return strcmp(name, e->mailbox) == 0 ||
           (e->user && text_ieq(name, strlen(name), e->user, strlen(e->user)));
}

/* Which lists of this entry are chosen. */
static uint32_t chosen(struct adopt *a, const struct store_entry *e)
{
    const struct sync_adopt *want = a->s->o->adopt;
    uint32_t lists = 0;

    if (want->n == 0)
        return want->lists;
    for (size_t i = 0; i < want->n; i++) {
        const struct sync_adopt_item *item = &want->items[i];

        if (!text_ieq(item->device_id, strlen(item->device_id), e->device_id,
                      strlen(e->device_id)) ||
            (item->mailbox && !is_named(item->mailbox, e)))
            continue;
        a->found[i] = 1;
        lists |= item->lists ? item->lists : want->lists;
    }
    return lists;
}

static const char *list_word(uint32_t lists)
{
    return lists == EASG_LISTED_ALLOWED   ? "allowed"
           : lists == EASG_LISTED_BLOCKED ? "blocked"
                                          : "both";
}

static easg_status on_entry(void *user, const struct store_entry *e, easg_error *err)
{
    struct adopt *a = user;
    uint32_t foreign = e->listed & ~e->ours;
    uint32_t take = chosen(a, e) & foreign;
    easg_status st = EASG_OK;

    a->foreign += foreign != 0;
    if (!take || !policy_eas_id_valid(e->device_id, strlen(e->device_id)))
        return EASG_OK;
    a->adopted++;
    if (!a->s->o->dry_run)
        st = store_adopt(a->s->store, e, take, a->s->now, err);
    if (st == EASG_OK)
        st = NOTE(a->s, err, EASG_LOG_INFO,
                  a->s->o->dry_run ? "ledger.would_adopt" : "ledger.adopted", e->mailbox,
                  F_STR("device_id", e->device_id), F_STR("user", e->user),
                  F_STR("list", list_word(take)));
    return st;
}

easg_status sync_adopt_entries(struct sync *s, easg_error *err)
{
    struct adopt a = { s, 0, 0, NULL };
    easg_status st;

    a.found = mem_alloc(s->o->adopt->n + 1);
    if (!a.found)
        return err_nomem(err);
    st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = store_each_listed(s->store, on_entry, &a, err);
    for (size_t i = 0; st == EASG_OK && i < s->o->adopt->n; i++)
        if (!a.found[i])
            st = NOTE(s, err, EASG_LOG_WARNING, "ledger.not_found",
                      s->o->adopt->items[i].mailbox ? s->o->adopt->items[i].mailbox : "",
                      F_STR("device_id", s->o->adopt->items[i].device_id));
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "adopt.done", s->o->org->name, F_INT("adopted", a.adopted),
                  F_INT("left_foreign", a.foreign - a.adopted), F_INT("dry_run", s->o->dry_run));
    mem_free(a.found);
    return st == EASG_OK ? store_commit(s->store, err) : st;
}
