/* SPDX-License-Identifier: Apache-2.0
 *
 * diff.c - the accepted listing becomes what Exchange has, with the marks that later runs measure
 * against.
 */
#include "sync_run.h"

static const char *access_word(easg_access a)
{
    switch (a) {
    case EASG_ACCESS_ALLOWED: return "allowed";
    case EASG_ACCESS_BLOCKED: return "blocked";
    default: return "quarantined";
    }
}

static easg_status put_settings(struct sync *s, easg_error *err)
{
    easg_status st;

    if (!s->settings.have)
        return EASG_OK;
    st = store_set_org(s->store, "default_access", access_word(s->settings.default_access), err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "organization_id", s->settings.org_id, err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "server_version", s->settings.server_version, err);
    return st;
}

/* The directory's own clock where it shows, because ours may differ from it. */
static easg_status put_marks(struct sync *s, easg_error *err)
{
    int64_t mark;
    easg_status st;

    if (s->o->kind == SYNC_USER)
        return EASG_OK;
    st = store_get_org_int(s->store, "watermark", 0, &mark, err);
    if (st != EASG_OK)
        return st;
    if (s->watermark > mark)
        mark = s->watermark;
    else if (mark == 0)
        mark = s->now;
    if (mark > 0)
        st = store_set_org_int(s->store, "watermark", mark, err);
    if (st == EASG_OK && s->o->kind == SYNC_FULL)
        st = store_set_org_int(s->store, "good_devices", s->seen[STORE_DEVICE].seen, err);
    if (st == EASG_OK && s->o->kind == SYNC_FULL)
        st = store_set_org_int(s->store, "good_mailboxes", s->seen[STORE_MAILBOX].seen, err);
    return st;
}

easg_status sync_diff(struct sync *s, easg_error *err)
{
    const struct store_seen *d = &s->seen[STORE_DEVICE];
    easg_status st = store_promote(s->store, err);

    if (st == EASG_OK)
        st = put_settings(s, err);
    if (st == EASG_OK)
        st = put_marks(s, err);
    s->counts.devices_new = d->fresh;
    s->counts.devices_changed = d->changed;
    s->counts.devices_gone = d->gone;
    if (st == EASG_OK)
        st = store_count(s->store, STORE_DEVICE, &s->counts.devices, err);
    if (st == EASG_OK)
        st = store_count(s->store, STORE_MAILBOX, &s->counts.mailboxes, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "collect.done", s->endpoint, F_INT("seen", d->seen),
                  F_INT("new", d->fresh), F_INT("changed", d->changed), F_INT("gone", d->gone),
                  F_INT("devices", s->counts.devices), F_INT("mailboxes", s->counts.mailboxes));
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    return st == EASG_OK ? store_collect_garbage(s->store, err) : st;
}
