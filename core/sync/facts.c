/* SPDX-License-Identifier: Apache-2.0
 *
 * facts.c - what the device manager knows. Fetched whole, or nothing: no fresh and complete facts,
 * no change. A list below the configured share of the last good one is asked for a second time, and
 * believed only when both agree.
 */
#include "idregistry.h"
#include "sync_run.h"

#include "text.h"
#include "timestamp.h"

#include <stdio.h>
#include <string.h>

/* What must not shrink unnoticed: a list, and how many of its people the policy speaks of. */
struct measure {
    const char *last;   /* the last good number, in the organisation's values */
    const char *shrunk; /* a number that waits for approval */
};
enum { PEOPLE, MANAGED, LICENSED, TARGETED, MEASURES };
static const struct measure measures[MEASURES] = {
    { "facts_people", "facts_shrunk_people" },
    { "facts_managed_devices", "facts_shrunk_managed_devices" },
    { "facts_licensed", "facts_shrunk_licensed" },
    { "facts_targeted", "facts_shrunk_targeted" },
};

static easg_status on_person(void *user, const easg_person *p, easg_error *err)
{
    struct sync *s = user;

    size_t n = s->o->org->n_watch_groups;
    char groups[STORE_GROUPS_TEXT];
    size_t at = 0;

    if (n && !(p->flags & EASG_PERSON_WATCHED))
        return err_set(err, EASG_E_CONFIG,
                       "rules or rings name groups, but this device manager's module does not tell "
                       "who is in them; nothing is decided until `group` is taken out");
    for (size_t i = 0; i < n; i++)
        if (p->watched >> i & 1)
            at += (size_t)snprintf(groups + at, sizeof groups - at, "%s%s", at ? " " : "",
                                   s->o->org->watch_groups[i]->ptr);
    s->facts_licensed += (p->flags & EASG_PERSON_LICENSED) != 0;
    s->facts_targeted += (p->flags & EASG_PERSON_TARGETED) != 0;
    return store_stage_person(s->store, p, at ? groups : NULL, err);
}

static easg_status on_managed(void *user, const easg_managed_device *d, easg_error *err)
{
    struct sync *s = user;
    easg_managed_device known;
    const char *eas, *whose;

    if (!text_blank(&d->eas_id) || !(eas = idregistry_find(s->ids, &d->id, &whose)))
        return store_stage_managed(s->store, d, err);
    memset(&known, 0, sizeof known);
    memcpy(&known, d, d->struct_size < sizeof known ? d->struct_size : sizeof known);
    known.struct_size = sizeof known;
    known.eas_id = text_str(eas); /* whose it is, decide.c looks at */
    return store_stage_managed(s->store, &known, err);
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
    q.watch_groups = s->o->org->watch_groups;
    q.n_watch_groups = s->o->org->n_watch_groups;
    s->facts_licensed = s->facts_targeted = 0;
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

/* ---- shrink guard ---- */

static void numbers(const struct sync *s, const struct store_seen seen[STORE_KINDS],
                    int64_t n[MEASURES])
{
    n[PEOPLE] = seen[STORE_PERSON].seen;
    n[MANAGED] = seen[STORE_MANAGED].seen;
    n[LICENSED] = s->facts_licensed;
    n[TARGETED] = s->facts_targeted;
}

/* Who is targeted may change at one stroke by the configuration: then that number is no measure. */
static easg_status same_config(struct sync *s, int *same, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *digest = NULL;
    easg_status st = store_get_org(s->store, "facts_config", &digest, err);

    *same = st == EASG_OK && digest && strcmp(digest, s->o->org->digest) == 0;
    return st;
}

static easg_status shrunk(struct sync *s, const struct store_seen seen[STORE_KINDS], int *yes,
                          int64_t last[MEASURES], easg_error *err)
{
    int64_t n[MEASURES];
    int same = 0;
    easg_status st = same_config(s, &same, err);

    *yes = 0;
    numbers(s, seen, n);
    for (size_t i = 0; st == EASG_OK && i < MEASURES; i++) {
        st = store_get_org_int(s->store, measures[i].last, 0, &last[i], err);
        if (st == EASG_OK && (i < LICENSED || same) &&
            !brakes_facts_ok(n[i], last[i], s->o->org->brakes.shrink_percent))
            *yes = 1;
    }
    return st;
}

static easg_status refuse(struct sync *s, const struct store_seen seen[STORE_KINDS],
                          const int64_t last[MEASURES], easg_error *err)
{
    easg_status st = store_drop_listing(s->store, err);

    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_ERROR, "guard.shrink.refused", instance_id(s->sink),
                  F_INT("people", seen[STORE_PERSON].seen), F_INT("last_people", last[PEOPLE]),
                  F_INT("managed_devices", seen[STORE_MANAGED].seen),
                  F_INT("last_managed_devices", last[MANAGED]),
                  F_INT("licensed", s->facts_licensed), F_INT("last_licensed", last[LICENSED]),
                  F_INT("targeted", s->facts_targeted), F_INT("last_targeted", last[TARGETED]));
    if (st != EASG_OK)
        return st;
    return err_set(err, EASG_E_UNAVAILABLE,
                   "shrink guard: %s listed %lld people and %lld managed devices, after %lld and "
                   "%lld, and two listings do not agree; nothing is changed",
                   instance_id(s->sink), (long long)seen[STORE_PERSON].seen,
                   (long long)seen[STORE_MANAGED].seen, (long long)last[PEOPLE],
                   (long long)last[MANAGED]);
}

static easg_status fetch_believed(struct sync *s, struct store_seen seen[STORE_KINDS],
                                  easg_error *err)
{
    struct store_seen first[STORE_KINDS];
    int64_t last[MEASURES];
    easg_status st = fetch(s, seen, err);
    int yes = 0;

    s->facts_answered = st == EASG_OK;
    if (st == EASG_OK)
        st = shrunk(s, seen, &yes, last, err);
    if (st != EASG_OK || !yes)
        return st;
    memcpy(first, seen, sizeof first);
    LOG_WARNING(s->log, "the facts shrank; asking once more",
                F_INT("people", first[STORE_PERSON].seen), F_INT("people_before", last[PEOPLE]),
                F_INT("managed_devices", first[STORE_MANAGED].seen),
                F_INT("managed_devices_before", last[MANAGED]),
                F_INT("licensed", s->facts_licensed), F_INT("licensed_before", last[LICENSED]),
                F_INT("targeted", s->facts_targeted), F_INT("targeted_before", last[TARGETED]));
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
    s->facts_shrank = 1;
    return NOTE(s, err, EASG_LOG_WARNING, "guard.shrink.confirmed", instance_id(s->sink),
                F_INT("people", seen[STORE_PERSON].seen), F_INT("last_people", last[PEOPLE]),
                F_INT("managed_devices", seen[STORE_MANAGED].seen),
                F_INT("last_managed_devices", last[MANAGED]), F_INT("licensed", s->facts_licensed),
                F_INT("last_licensed", last[LICENSED]), F_INT("targeted", s->facts_targeted),
                F_INT("last_targeted", last[TARGETED]));
}

/* The groups that these facts can tell of: a rule that asks for another one waits for new facts. */
static easg_status keep_groups(struct sync *s, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(STORE_GROUPS_TEXT);

    for (size_t i = 0; i < s->o->org->n_watch_groups; i++)
        strbuf_addf(&b, "%s%s", i ? " " : "", s->o->org->watch_groups[i]->ptr);
    if (strbuf_status(&b) != EASG_OK)
        return err_nomem(err);
    return store_set_org(s->store, "facts_groups", b.len ? strbuf_str(&b) : NULL, err);
}

static easg_status groups_known(struct sync *s, int *known, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *text = NULL;
    easg_status st = EASG_OK;

    *known = 1;
    if (s->o->org->n_watch_groups)
        st = store_get_org(s->store, "facts_groups", &text, err);
    for (size_t i = 0; st == EASG_OK && i < s->o->org->n_watch_groups; i++) {
        easg_str list = text_str(text);

        *known &= policy_in_group(&list, s->o->org->watch_groups[i]->ptr);
    }
    return st;
}

/* The numbers become the measure of the next listing, or wait beside it. */
static easg_status keep_numbers(struct sync *s, const struct store_seen seen[STORE_KINDS],
                                easg_error *err)
{
    int64_t n[MEASURES];
    easg_status st = EASG_OK;

    numbers(s, seen, n);
    for (size_t i = 0; st == EASG_OK && i < MEASURES; i++) {
        if (s->facts_shrank)
            st = store_set_org_int(s->store, measures[i].shrunk, n[i], err);
        else
            st = store_set_org_int(s->store, measures[i].last, n[i], err);
        if (st == EASG_OK && !s->facts_shrank)
            st = store_set_org(s->store, measures[i].shrunk, NULL, err);
    }
    return st == EASG_OK ? store_set_org(s->store, "facts_config", s->o->org->digest, err) : st;
}

easg_status sync_facts_accept_shrunk(struct sync *s, easg_error *err)
{
    easg_status st = EASG_OK;

    for (size_t i = 0; st == EASG_OK && i < MEASURES; i++) {
        int64_t n = -1;

        st = store_get_org_int(s->store, measures[i].shrunk, -1, &n, err);
        if (st == EASG_OK && n >= 0)
            st = store_set_org_int(s->store, measures[i].last, n, err);
        if (st == EASG_OK)
            st = store_set_org(s->store, measures[i].shrunk, NULL, err);
    }
    s->facts_shrank = 0;
    return st;
}

static easg_status accept(struct sync *s, const struct store_seen seen[STORE_KINDS],
                          easg_error *err)
{
    char text[TIMESTAMP_SIZE];
    easg_status st = store_promote(s->store, err);

    if (st == EASG_OK)
        st = keep_numbers(s, seen, err);
    if (st == EASG_OK)
        st = keep_groups(s, err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "last_facts", timestamp_format(s->now, text), err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "facts_silent_since", NULL, err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "failure_policy_in_force", NULL, err);
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
    int known = 1;

    *at = EASG_TIME_NONE;
    if (st == EASG_OK && text && !timestamp_parse(text, strlen(text), at))
        *at = EASG_TIME_NONE;
    if (*at != EASG_TIME_NONE && s->now - *at > s->o->org->brakes.facts_max_age_ms)
        *at = EASG_TIME_NONE;
    if (st == EASG_OK && *at != EASG_TIME_NONE)
        st = groups_known(s, &known, err);
    if (!known)
        *at = EASG_TIME_NONE;
    return st;
}

/* ---- failure policy ---- */

static int is_silence(easg_status st)
{
    return st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT || st == EASG_E_UNAVAILABLE ||
           st == EASG_E_UNTRUSTED || st == EASG_E_THROTTLED || st == EASG_E_AUTH ||
           st == EASG_E_DENIED;
}

/* The manager did not answer. When that lasts beyond facts_max_age the organisation may have chosen
 * more than waiting. A manager that answers, be it with nothing, never comes here. */
static easg_status silent(struct sync *s, easg_status why, const easg_error *text, easg_error *err)
{
    static const char *const words[] = { "hold", "open", "closed" };
    EASG_CLEANUP(mem_cleanup) char *last = NULL;
    EASG_CLEANUP(mem_cleanup) char *since = NULL;
    char now[TIMESTAMP_SIZE];
    enum policy_failure chosen = s->o->org->failure;
    easg_time at = EASG_TIME_NONE;
    easg_status st = store_begin(s->store, 1, err);

    if (st == EASG_OK)
        st = store_get_org(s->store, "last_facts", &last, err);
    if (st == EASG_OK)
        st = store_get_org(s->store, "facts_silent_since", &since, err);
    if (st == EASG_OK && !since)
        st = store_set_org(s->store, "facts_silent_since", timestamp_format(s->now, now), err);
    if (st == EASG_OK && chosen != FAILURE_HOLD && last &&
        timestamp_parse(last, strlen(last), &at) &&
        s->now - at > s->o->org->brakes.facts_max_age_ms) {
        s->failure = chosen;
        s->facts_status = why;
        err_copy(&s->facts_error, text);
        st = store_set_org(s->store, "failure_policy_in_force", words[chosen], err);
        if (st == EASG_OK)
            st = NOTE(s, err, EASG_LOG_ERROR, "facts.failure_policy", instance_id(s->sink),
                      F_STR("policy", words[chosen]), F_STR("last_facts", last),
                      F_STATUS("status", why), F_STR("error", text->message));
    }
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

easg_status sync_facts(struct sync *s, easg_error *err)
{
    struct store_seen seen[STORE_KINDS];
    easg_error ignored = EASG_ERROR_INIT;
    easg_status st;

    if (s->o->kind == SYNC_USER || s->o->kind == SYNC_APPLY) {
        int64_t waits = -1;

        st = store_get_org_int(s->store, measures[PEOPLE].shrunk, -1, &waits, err);
        s->facts_shrank = waits >= 0;
        if (st == EASG_OK)
            st = last_good(s, &s->facts_at, err);
        if (st != EASG_OK || s->facts_at != EASG_TIME_NONE)
            return st;
        if (s->o->kind == SYNC_APPLY)
            return err_set(err, EASG_E_UNAVAILABLE,
                           "the facts are older than brakes.facts_max_age; run easgate sync %s, "
                           "then approve what it holds",
                           s->o->org->name);
    }
    s->facts_shrank = 0;
    st = fetch_believed(s, seen, err);
    if (st == EASG_OK)
        return accept(s, seen, err);
    if (is_silence(st) && !s->facts_answered && s->o->kind != SYNC_APPLY) {
        easg_error why = EASG_ERROR_INIT;

        err_copy(&why, err);
        if (silent(s, st, &why, &ignored) != EASG_OK)
            LOG_ERROR(s->log, "the failure policy could not be looked at",
                      F_STR("error", ignored.message));
        if (s->failure) {
            err_clear(err);
            return EASG_OK;
        }
    }
    if (s->o->kind != SYNC_APPLY && sync_decide_stale(s, &ignored) != EASG_OK)
        LOG_ERROR(s->log, "new devices were not marked as waiting for facts",
                  F_STR("error", ignored.message));
    return st;
}
