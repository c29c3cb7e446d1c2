/* SPDX-License-Identifier: Apache-2.0
 *
 * orgapply.c - the only place that changes what an organisation decides for everybody, one item at
 * a time: the intent is committed before it, the result after it, and what counts is what was read
 * back. After the changes for devices, so that those who are to keep their access have their own
 * entry before a default takes it.
 */
#include "orgpolicy.h"

#include "drafts.h"
#include "err.h"

#include <stdio.h>
#include <string.h>

struct got {
    struct sync *s;
    char *value;
    easg_status failed;
};

static easg_status on_item(void *user, uint32_t part, const char *name, const char *value,
                           easg_error *err)
{
    struct got *g = user;

    (void)part;
    (void)name;
    mem_free(g->value);
    g->value = value ? mem_strdup(value) : NULL;
    return value && !g->value ? err_nomem(err) : EASG_OK;
}

static easg_status set_state(struct sync *s, const struct store_orgchange *c,
                             enum store_action_state state, const char *why, easg_error *err)
{
    easg_status st = store_begin(s->store, 1, err);

    if (st == EASG_OK)
        st = store_set_orgchange(s->store, c->id, state, why, s->now, err);
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

static easg_status record(struct sync *s, const struct store_orgchange *c, easg_status result,
                          const char *value, const char *why, easg_error *err)
{
    easg_status st = store_begin(s->store, 1, err);

    if (st == EASG_OK)
        st =
            store_set_orgchange(s->store, c->id, why ? STORE_FAILED : STORE_DONE, why, s->now, err);
    if (st == EASG_OK && result == EASG_OK)
        st = store_put_orgpolicy(s->store, c->part, c->name, value, s->now, err);
    if (st == EASG_OK && !why)
        st = store_note_orgpolicy(s->store, c->part, c->name, c->before, c->after, s->now, err);
    if (st == EASG_OK)
        st = NOTE(s, err, why ? EASG_LOG_WARNING : EASG_LOG_INFO,
                  why ? "orgpolicy.change.failed" : "orgpolicy.change.done", c->name,
                  F_INT("change", c->id), F_STR("part", orgpolicy_part_word(c->part)),
                  F_STR("before", c->before), F_STR("after", c->after), F_STR("reason", c->reason),
                  F_STR("error", why));
    s->counts.applied += !why;
    s->counts.failed += why != NULL;
    s->hard_failures += why && result != EASG_E_NOTFOUND && result != EASG_E_CONFLICT;
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

/* What ends the run leaves the change started: the next full run looks what became of it. */
static int ends_the_run(easg_status st)
{
    return st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT || st == EASG_E_UNAVAILABLE ||
           st == EASG_E_UNTRUSTED || st == EASG_E_UNCERTAIN || st == EASG_E_CANCELLED ||
           st == EASG_E_NOMEM || st == EASG_E_AUTH || st == EASG_E_THROTTLED || st == EASG_E_USAGE;
}

static easg_status change(struct sync *s, const struct store_orgchange *c, easg_error *err)
{
    struct got got = { s, NULL, EASG_OK };
    const struct orgpolicy_sink to = { on_item, &got };
    easg_error said = EASG_ERROR_INIT;
    const char *why = NULL;
    easg_status st;

    if (run_cancelled(s->o->run))
        return err_set(err, EASG_E_CANCELLED, "the run was stopped; the rest is planned again");
    st = s->source_session ? EASG_OK : sync_connect(s, err);
    if (st == EASG_OK)
        st = set_state(s, c, STORE_STARTED, NULL, err);
    if (st != EASG_OK)
        return st;
    store_at(s->store, "orgpolicy-applying");
    st = orgpolicy_write(s->source_session, c->part, c->name, c->after, &to, &said);
    store_at(s->store, "orgpolicy-applied");
    if (ends_the_run(st)) {
        mem_free(got.value);
        err_copy(err, &said);
        return st;
    }
    if (st != EASG_OK)
        why = said.message;
    else if (!orgpolicy_same(got.value, c->after))
        why = "the source reported success, but it does not read back so";
    st = record(s, c, st, got.value, why, err);
    mem_free(got.value);
    return st;
}

static easg_status all_in(struct sync *s, enum store_action_state state, easg_error *err)
{
    struct store_orgchange *list = NULL;
    size_t n = 0;
    easg_status st = store_list_orgchanges(s->store, state, NULL, &list, &n, err);

    for (size_t i = 0; st == EASG_OK && i < n; i++)
        st = change(s, &list[i], err);
    store_free_orgchanges(list, n);
    return st;
}

easg_status sync_orgapply(struct sync *s, easg_error *err)
{
    easg_status st = EASG_OK;

    if (!sync_writes(s) || s->policy_status != EASG_OK)
        return EASG_OK;
    if (s->o->kind == SYNC_APPLY)
        return s->o->approve_policy ? all_in(s, STORE_APPROVED, err) : EASG_OK;
    st = all_in(s, STORE_PLANNED, err);
    return st == EASG_OK ? all_in(s, STORE_APPROVED, err) : st;
}
