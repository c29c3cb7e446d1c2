/* SPDX-License-Identifier: Apache-2.0
 *
 * collect.c - what Exchange has, into the staged tables. Nothing counts before the module has said
 * that this is all, and the shrink guard has believed it: a short list reads as "everybody left",
 * and would take our entries from everybody.
 */
#include "sync_run.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

static easg_status on_org(void *user, const easg_org_settings *o, easg_error *err)
{
    struct sync *s = user;

    (void)err;
    s->settings.have = 1;
    s->settings.default_access = o->default_access;
    snprintf(s->settings.org_id, sizeof s->settings.org_id, "%.*s", (int)o->org_id.len,
             o->org_id.ptr ? o->org_id.ptr : "");
    snprintf(s->settings.server_version, sizeof s->settings.server_version, "%.*s",
             (int)o->server_version.len, o->server_version.ptr ? o->server_version.ptr : "");
    return EASG_OK;
}

static easg_status on_mailbox(void *user, const easg_mailbox *m, easg_error *err)
{
    struct sync *s = user;

    return store_stage_mailbox(s->store, m, err);
}

static easg_status on_device(void *user, const easg_device *d, easg_error *err)
{
    struct sync *s = user;

    if (d->changed > s->watermark) /* EASG_TIME_NONE is the smallest */
        s->watermark = d->changed;
    return store_stage_device(s->store, d, err);
}

static easg_status list_once(struct sync *s, const easg_query *q, easg_error *err)
{
    struct source_sink to = { on_org, on_mailbox, on_device, NULL, s };
    easg_error ignored = EASG_ERROR_INIT;
    enum store_scope scope = q->scope == EASG_SCOPE_FULL    ? STORE_COMPLETE
                             : q->scope == EASG_SCOPE_QUICK ? STORE_SOME
                                                            : STORE_ONE_MAILBOX;
    easg_status st;

    s->watermark = EASG_TIME_NONE;
    st = store_begin_listing(s->store, STORE_EXCHANGE, s->now, err);
    if (st != EASG_OK)
        return st;
    st = source_list(s->source_session, q, &to, err);
    if (st == EASG_OK)
        st = store_end_listing(s->store, scope, q->mailbox_id.ptr, s->seen, err);
    if (st == EASG_OK && scope == STORE_ONE_MAILBOX && s->seen[STORE_MAILBOX].seen != 1)
        st = err_set(err, EASG_E_PROTOCOL,
                     "%s was asked for one mailbox and named %d; nothing of it is used",
                     s->endpoint, (int)s->seen[STORE_MAILBOX].seen);
    if (st != EASG_OK && store_drop_listing(s->store, &ignored) != EASG_OK)
        LOG_ERROR(s->log, "staged rows were not dropped", F_STR("error", ignored.message));
    return st;
}

easg_status sync_list(struct sync *s, easg_scope scope, const char *mailbox_id, easg_error *err)
{
    easg_query q;
    easg_status st;
    int throttled = 0;

    memset(&q, 0, sizeof q);
    q.struct_size = sizeof q;
    q.scope = scope;
    q.since = EASG_TIME_NONE;
    q.mailbox_id = text_str(mailbox_id);
    if (scope == EASG_SCOPE_QUICK) {
        int64_t mark;

        st = store_get_org_int(s->store, "watermark", 0, &mark, err);
        if (st != EASG_OK)
            return st;
        q.since = mark - SYNC_QUICK_SLACK_MS;
    }
    for (;;) {
        st = s->source_session ? EASG_OK : sync_connect(s, err);
        if (st != EASG_OK)
            return st;
        st = list_once(s, &q, err);
        if (st == EASG_OK)
            return st;
        if (sync_wait_throttle(s, st, err, throttled++)) {
            err_clear(err);
            continue;
        }
        if (!sync_give_up_endpoint(s, st, err))
            return st;
        st = sync_reconnect(s, st, err); /* nobody left: the text of this server stands */
        if (st != EASG_OK)
            return st;
        err_clear(err);
    }
}

/* ---- further servers ---- */

static easg_status on_endpoint(void *user, const easg_endpoint *e, easg_error *err)
{
    struct sync *s = user;

    return store_put_endpoint(s->store, e->id.ptr, e->url.ptr ? e->url.ptr : "",
                              e->priority < 1 ? 1 : e->priority, 0, err);
}

static void discover(struct sync *s)
{
    struct endpoint_sink to = { on_endpoint, s };
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    st = store_begin(s->store, 0, &err);
    if (st == EASG_OK)
        st = source_discover(s->source_session, &to, &err);
    if (st == EASG_OK)
        st = store_commit(s->store, &err);
    else
        store_rollback(s->store);
    if (st != EASG_OK && st != EASG_E_UNSUPPORTED)
        LOG_WARNING(s->log, "further servers were not found; the known ones stay",
                    F_STR("endpoint", s->endpoint), F_STR("error", err.message));
}

/* ---- shrink guard ---- */

static easg_status shrunk(struct sync *s, int *yes, int64_t last[2], easg_error *err)
{
    int64_t percent = s->o->org->brakes.shrink_percent;
    easg_status st = store_get_org_int(s->store, "good_devices", 0, &last[0], err);

    if (st == EASG_OK)
        st = store_get_org_int(s->store, "good_mailboxes", 0, &last[1], err);
    *yes = !brakes_facts_ok(s->seen[STORE_DEVICE].seen, last[0], percent) ||
           !brakes_facts_ok(s->seen[STORE_MAILBOX].seen, last[1], percent);
    return st;
}

static int agree(const struct store_seen *a, const struct store_seen *b)
{
    return a->seen == b->seen && a->sum == b->sum;
}

static easg_status guard(struct sync *s, easg_error *err)
{
    struct store_seen first[STORE_KINDS];
    int64_t last[2];
    int yes;
    easg_status st = shrunk(s, &yes, last, err);

    if (st != EASG_OK || !yes)
        return st;
    memcpy(first, s->seen, sizeof first);
    LOG_WARNING(s->log, "the listing shrank; asking once more",
                F_INT("devices", first[STORE_DEVICE].seen), F_INT("before", last[0]),
                F_INT("mailboxes", first[STORE_MAILBOX].seen), F_INT("mailboxes_before", last[1]));
    st = store_drop_listing(s->store, err);
    if (st == EASG_OK)
        st = sync_list(s, EASG_SCOPE_FULL, NULL, err);
    if (st == EASG_OK)
        st = shrunk(s, &yes, last, err);
    if (st == EASG_OK && yes &&
        !(agree(&first[STORE_DEVICE], &s->seen[STORE_DEVICE]) &&
          agree(&first[STORE_MAILBOX], &s->seen[STORE_MAILBOX]))) {
        st = store_drop_listing(s->store, err);
        if (st == EASG_OK)
            st = NOTE(s, err, EASG_LOG_ERROR, "guard.shrink.refused", "exchange",
                      F_INT("devices", s->seen[STORE_DEVICE].seen), F_INT("last_devices", last[0]),
                      F_INT("mailboxes", s->seen[STORE_MAILBOX].seen),
                      F_INT("last_mailboxes", last[1]));
        if (st == EASG_OK)
            st = err_set(err, EASG_E_UNAVAILABLE,
                         "shrink guard: Exchange listed %lld devices in %lld mailboxes, after %lld "
                         "in %lld, and two listings do not agree; nothing is changed",
                         (long long)s->seen[STORE_DEVICE].seen,
                         (long long)s->seen[STORE_MAILBOX].seen, (long long)last[0],
                         (long long)last[1]);
        return st;
    }
    if (st == EASG_OK && yes)
        st =
            NOTE(s, err, EASG_LOG_WARNING, "guard.shrink.confirmed", "exchange",
                 F_INT("devices", s->seen[STORE_DEVICE].seen), F_INT("last_devices", last[0]),
                 F_INT("mailboxes", s->seen[STORE_MAILBOX].seen), F_INT("last_mailboxes", last[1]));
    return st;
}

easg_status sync_collect(struct sync *s, easg_error *err)
{
    easg_status st = sync_connect(s, err);

    if (st != EASG_OK)
        return st;
    if (s->o->kind == SYNC_FULL || s->o->kind == SYNC_RELEASE)
        discover(s);
    switch (s->o->kind) {
    case SYNC_QUICK: return sync_list(s, EASG_SCOPE_QUICK, NULL, err);
    case SYNC_USER: return sync_list(s, EASG_SCOPE_MAILBOX, s->mailbox_id, err);
    default: break;
    }
    st = sync_list(s, EASG_SCOPE_FULL, NULL, err);
    return st == EASG_OK ? guard(s, err) : st;
}
