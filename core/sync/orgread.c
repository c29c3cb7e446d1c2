/* SPDX-License-Identifier: Apache-2.0
 *
 * orgread.c - reads what the organisation decides, and what becomes of a failure there: the run's
 * work for devices goes on, and the run has failed all the same.
 */
#include "orgpolicy.h"

#include "drafts.h"
#include "text.h"

#include <string.h>

/* The endpoint, and not what was asked of it. */
static int of_transport(easg_status st)
{
    return st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT || st == EASG_E_UNAVAILABLE ||
           st == EASG_E_UNTRUSTED || st == EASG_E_UNCERTAIN;
}

easg_status orgpolicy_set_aside(struct sync *s, easg_status st, easg_error *err)
{
    easg_status put;

    switch (st) {
    case EASG_E_DENIED:
    case EASG_E_CONFIG:
    case EASG_E_UNSUPPORTED:
    case EASG_E_PROTOCOL:
    case EASG_E_LIMIT:
    case EASG_E_NOTFOUND:
    case EASG_E_CONFLICT:
    case EASG_E_FAIL: break;
    default: return st;
    }
    store_rollback(s->store);
    s->policy_status = EASG_E_FAIL; /* whatever it was: no reason to hold the organisation */
    err_set(&s->policy_error, EASG_E_FAIL, "organisation policy: %.440s", err->message);
    err_clear(err);
    put = store_begin(s->store, 1, err);
    if (put == EASG_OK)
        put = NOTE(s, err, EASG_LOG_ERROR, "orgpolicy.failed", s->o->org->name,
                   F_STATUS("status", st), F_STR("error", s->policy_error.message));
    return put == EASG_OK ? store_commit(s->store, err) : put;
}

static easg_status on_item(void *user, uint32_t part, const char *name, const char *value,
                           easg_error *err)
{
    struct sync *s = user;

    return store_put_orgpolicy(s->store, part, name, value, s->now, err);
}

static easg_status read_once(struct sync *s, uint32_t parts, easg_error *err)
{
    const struct orgpolicy_sink to = { on_item, s };
    easg_status st = store_begin(s->store, 1, err);

    if (st == EASG_OK)
        st = store_clear_orgpolicy(s->store, parts, err);
    if (st == EASG_OK)
        st = orgpolicy_read(s->source_session, parts, &to, err);
    if (st == EASG_OK)
        return store_commit(s->store, err);
    store_rollback(s->store);
    return st;
}

/* What was started and never answered: the item itself says whether it was done. */
static easg_status settle(struct sync *s, easg_error *err)
{
    struct store_orgchange *list = NULL;
    struct store_orgpolicy *items = NULL;
    size_t n = 0, m = 0;
    easg_status st = store_list_orgchanges(s->store, STORE_STARTED, NULL, &list, &n, err);

    if (st == EASG_OK && n)
        st = store_list_orgpolicy(s->store, &items, &m, err);
    if (st == EASG_OK && n)
        st = store_begin(s->store, 1, err);
    for (size_t i = 0; st == EASG_OK && i < n; i++) {
        const char *value = NULL;
        int done;

        for (size_t k = 0; k < m; k++)
            if (items[k].part == list[i].part &&
                text_ieq(items[k].name, strlen(items[k].name), list[i].name, strlen(list[i].name)))
                value = items[k].value;
        done = orgpolicy_same(value, list[i].after);
        st = store_set_orgchange(s->store, list[i].id, done ? STORE_DONE : STORE_SUPERSEDED,
                                 done ? NULL : "it was begun and had no effect", s->now, err);
        if (st == EASG_OK && done)
            st = store_note_orgpolicy(s->store, list[i].part, list[i].name, list[i].before,
                                      list[i].after, s->now, err);
        if (st == EASG_OK)
            st = NOTE(s, err, EASG_LOG_INFO, "orgpolicy.settled", list[i].name,
                      F_INT("change", list[i].id), F_INT("done", done));
    }
    if (st == EASG_OK && n)
        st = store_commit(s->store, err);
    store_free_orgpolicy(items, m);
    store_free_orgchanges(list, n);
    return st;
}

easg_status orgpolicy_refresh(struct sync *s, uint32_t parts, easg_error *err)
{
    int throttled = 0;
    easg_status st;

    for (;;) {
        st = s->source_session ? EASG_OK : sync_connect(s, err);
        if (st != EASG_OK)
            return st;
        st = read_once(s, parts, err);
        if (st == EASG_OK)
            return settle(s, err);
        if (!sync_wait_throttle(s, st, err, throttled++)) {
            if (!of_transport(st) || !sync_give_up_endpoint(s, st, err))
                return st;
            st = sync_reconnect(s, st, err);
            if (st != EASG_OK)
                return st;
        }
        err_clear(err);
    }
}
