/* SPDX-License-Identifier: Apache-2.0
 *
 * facts.c - what the device manager knows. Fetched whole, or nothing: no fresh and complete facts,
 * no change. A list below the configured share of the last good one is asked for a second time, and
 * believed only when both agree.
 */
#include "sync_run.h"

#include "timestamp.h"

#include <string.h>

static easg_status on_person(void *user, const easg_person *p, easg_error *err)
{
    struct sync *s = user;

    return store_stage_person(s->store, p, err);
}

static easg_status on_managed(void *user, const easg_managed_device *d, easg_error *err)
{
    struct sync *s = user;

    return store_stage_managed(s->store, d, err);
}

static easg_status fetch_once(struct sync *s, struct store_seen seen[STORE_KINDS], easg_error *err)
{
    struct facts_sink to = { on_person, on_managed, s };
    easg_error ignored = EASG_ERROR_INIT;
    easg_facts_query q;
    easg_status st;

    memset(&q, 0, sizeof q);
    q.struct_size = sizeof q;
    q.include_groups = s->o->org->include_groups;
    q.n_include_groups = s->o->org->n_include_groups;
    q.exclude_groups = s->o->org->exclude_groups;
    q.n_exclude_groups = s->o->org->n_exclude_groups;
    st = sync_open_sink(s, err);
    if (st == EASG_OK)
        st = store_begin_listing(s->store, STORE_FACTS, s->now, err);
    if (st != EASG_OK)
        return st;
    st = sink_fetch(s->sink_session, &q, &to, err);
    if (st == EASG_OK)
        st = store_end_listing(s->store, STORE_COMPLETE, NULL, seen, err);
    if (st != EASG_OK && store_drop_listing(s->store, &ignored) != EASG_OK)
        LOG_ERROR(s->log, "staged rows were not dropped", F_STR("error", ignored.message));
    return st;
}

static easg_status fetch(struct sync *s, struct store_seen seen[STORE_KINDS], easg_error *err)
{
    int throttled = 0;
    easg_status st;

    while ((st = fetch_once(s, seen, err)) != EASG_OK) {
        if (!sync_wait_throttle(s, st, err, throttled++))
            return st;
        err_clear(err);
    }
    return st;
}

/* ---- shrink guard
 * ------------------------------------------------------------------------------------ */

static easg_status shrunk(struct sync *s, const struct store_seen seen[STORE_KINDS], int *yes,
                          int64_t last[2], easg_error *err)
{
    int64_t percent = s->o->org->brakes.shrink_percent;
    easg_status st = store_get_org_int(s->store, "facts_people", 0, &last[0], err);

    if (st == EASG_OK)
        st = store_get_org_int(s->store, "facts_managed_devices", 0, &last[1], err);
    *yes = !brakes_facts_ok(seen[STORE_PERSON].seen, last[0], percent) ||
           !brakes_facts_ok(seen[STORE_MANAGED].seen, last[1], percent);
    return st;
}

static easg_status refuse(struct sync *s, const struct store_seen seen[STORE_KINDS],
                          const int64_t last[2], easg_error *err)
{
    easg_status st = store_drop_listing(s->store, err);

    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_ERROR, "guard.shrink.refused", instance_id(s->sink),
                  F_INT("people", seen[STORE_PERSON].seen), F_INT("last_people", last[0]),
                  F_INT("managed_devices", seen[STORE_MANAGED].seen),
                  F_INT("last_managed_devices", last[1]));
    if (st != EASG_OK)
        return st;
    return err_set(err, EASG_E_UNAVAILABLE,
                   "shrink guard: %s listed %lld people and %lld managed devices, after %lld and "
                   "%lld, and two listings do not agree; nothing is changed",
                   instance_id(s->sink), (long long)seen[STORE_PERSON].seen,
                   (long long)seen[STORE_MANAGED].seen, (long long)last[0], (long long)last[1]);
}

static easg_status fetch_believed(struct sync *s, struct store_seen seen[STORE_KINDS],
                                  easg_error *err)
{
    struct store_seen first[STORE_KINDS];
    int64_t last[2];
    easg_status st = fetch(s, seen, err);
    int yes = 0;

    if (st == EASG_OK)
        st = shrunk(s, seen, &yes, last, err);
    if (st != EASG_OK || !yes)
        return st;
    memcpy(first, seen, sizeof first);
    LOG_WARNING(s->log, "the facts shrank; asking once more",
                F_INT("people", first[STORE_PERSON].seen), F_INT("people_before", last[0]),
                F_INT("managed_devices", first[STORE_MANAGED].seen),
                F_INT("managed_devices_before", last[1]));
    st = store_drop_listing(s->store, err);
    if (st == EASG_OK)
        st = fetch(s, seen, err);
    if (st == EASG_OK)
        st = shrunk(s, seen, &yes, last, err);
    if (st != EASG_OK || !yes)
        return st;
    if (first[STORE_PERSON].seen != seen[STORE_PERSON].seen ||
        first[STORE_PERSON].sum != seen[STORE_PERSON].sum ||
        first[STORE_MANAGED].seen != seen[STORE_MANAGED].seen ||
        first[STORE_MANAGED].sum != seen[STORE_MANAGED].sum)
        return refuse(s, seen, last, err);
    return NOTE(s, err, EASG_LOG_WARNING, "guard.shrink.confirmed", instance_id(s->sink),
                F_INT("people", seen[STORE_PERSON].seen), F_INT("last_people", last[0]),
                F_INT("managed_devices", seen[STORE_MANAGED].seen),
                F_INT("last_managed_devices", last[1]));
}

static easg_status accept(struct sync *s, const struct store_seen seen[STORE_KINDS],
                          easg_error *err)
{
    char text[TIMESTAMP_SIZE];
    easg_status st = store_promote(s->store, err);

    if (st == EASG_OK)
        st = store_set_org_int(s->store, "facts_people", seen[STORE_PERSON].seen, err);
    if (st == EASG_OK)
        st = store_set_org_int(s->store, "facts_managed_devices", seen[STORE_MANAGED].seen, err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "last_facts", timestamp_format(s->now, text), err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "facts.done", instance_id(s->sink),
                  F_INT("people", seen[STORE_PERSON].seen),
                  F_INT("managed_devices", seen[STORE_MANAGED].seen),
                  F_INT("new", seen[STORE_PERSON].fresh + seen[STORE_MANAGED].fresh),
                  F_INT("changed", seen[STORE_PERSON].changed + seen[STORE_MANAGED].changed),
                  F_INT("gone", seen[STORE_PERSON].gone + seen[STORE_MANAGED].gone));
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    if (st != EASG_OK)
        return st;
    s->facts_at = s->now;
    s->counts.people = seen[STORE_PERSON].seen;
    s->counts.managed_devices = seen[STORE_MANAGED].seen;
    return store_collect_garbage(s->store, err);
}

/* EASG_TIME_NONE: never fetched, or too old to decide anything. */
static easg_status last_good(struct sync *s, easg_time *at, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *text = NULL;
    easg_status st = store_get_org(s->store, "last_facts", &text, err);

    *at = EASG_TIME_NONE;
    if (st == EASG_OK && text && !timestamp_parse(text, strlen(text), at))
        *at = EASG_TIME_NONE;
    if (*at != EASG_TIME_NONE && s->now - *at > s->o->org->brakes.facts_max_age_ms)
        *at = EASG_TIME_NONE;
    return st;
}

easg_status sync_facts(struct sync *s, easg_error *err)
{
    struct store_seen seen[STORE_KINDS];
    easg_error ignored = EASG_ERROR_INIT;
    easg_status st;

    if (s->o->kind == SYNC_USER || s->o->kind == SYNC_APPLY) {
        st = last_good(s, &s->facts_at, err);
        if (st != EASG_OK || s->facts_at != EASG_TIME_NONE)
            return st;
        if (s->o->kind == SYNC_APPLY)
            return err_set(err, EASG_E_UNAVAILABLE,
                           "the facts are older than brakes.facts_max_age; run easgate sync %s, "
                           "then approve what it holds",
                           s->o->org->name);
    }
    st = fetch_believed(s, seen, err);
    if (st == EASG_OK)
        return accept(s, seen, err);
    if (s->o->kind != SYNC_APPLY && sync_decide_stale(s, &ignored) != EASG_OK)
        LOG_ERROR(s->log, "new devices were not marked as waiting for facts",
                  F_STR("error", ignored.message));
    return st;
}
