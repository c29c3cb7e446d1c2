/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.c - tells the device manager which devices were changed and how the run went, if its
 * module can. Nothing depends on the answer.
 */
#include "sync_run.h"

#include "clock.h"
#include "text.h"

#include <string.h>

static uint32_t count(int64_t n)
{
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* ---- devices ---- */

#define BATCH 200
#define EXTRA 4

struct told {
    easg_device_delta delta;
    easg_device device;
    easg_kv kv[EXTRA];
    const easg_kv *extra[EXTRA];
};

static void add_extra(struct told *t, const char *key, const char *value)
{
    easg_kv *kv = &t->kv[t->device.n_extra];

    if (!value)
        return;
    *kv = (easg_kv){ .struct_size = sizeof *kv, .key = text_str(key), .value = text_str(value) };
    t->extra[t->device.n_extra++] = kv;
}

static void fill(struct told *t, const struct store_action *a)
{
    memset(t, 0, sizeof *t);
    t->delta.struct_size = sizeof t->delta;
    t->delta.delta = EASG_DELTA_UPDATED;
    t->delta.device = &t->device;
    t->device.struct_size = sizeof t->device;
    t->device.key = text_str(a->device);
    t->device.device_id = text_str(a->device_id);
    t->device.mailbox_id = text_str(a->mailbox);
    t->device.access = a->verb == EASG_VERB_ALLOW   ? EASG_ACCESS_ALLOWED
                       : a->verb == EASG_VERB_BLOCK ? EASG_ACCESS_BLOCKED
                                                    : EASG_ACCESS_UNKNOWN;
    t->device.first_sync = t->device.last_sync = t->device.changed = EASG_TIME_NONE;
    add_extra(t, "user", a->user);
    add_extra(t, "row", a->row);
    add_extra(t, "reason", a->reason);
    add_extra(t, "verb",
              a->verb == EASG_VERB_ALLOW   ? "allow"
              : a->verb == EASG_VERB_BLOCK ? "block"
                                           : "withdraw");
    t->device.extra = t->extra;
}

static easg_status on_told(void *user, const easg_item_result *r, easg_error *err)
{
    (void)user;
    (void)r;
    (void)err;
    return EASG_OK;
}

/* One batch; an action twice for a key is told by its last. What a release takes out of a list may
 * be an id without a partnership: there is no device to tell of. */
static easg_status tell_batch(struct sync *s, const struct store_action *list, size_t n,
                              easg_error *err)
{
    const struct result_sink to = { on_told, s };
    struct told *told = mem_array(n, sizeof *told);
    const easg_device_delta **items = mem_array(n, sizeof *items);
    size_t m = 0;
    easg_status st = told && items ? EASG_OK : err_nomem(err);

    for (size_t i = 0; st == EASG_OK && i < n; i++) {
        size_t k = 0;

        if (!list[i].device)
            continue;
        while (k < m && strcmp(told[k].device.key.ptr, list[i].device) != 0)
            k++;
        fill(&told[k], &list[i]);
        items[k] = &told[k].delta;
        m += k == m;
    }
    if (st == EASG_OK && m)
        st = sink_publish(s->sink_session, items, m, &to, err);
    mem_free(items);
    mem_free(told);
    return st;
}

static easg_status tell_devices(struct sync *s, easg_error *err)
{
    int64_t after = 0;
    size_t n = BATCH;
    easg_status st = EASG_OK;

    while (st == EASG_OK && n == BATCH) {
        struct store_action *list = NULL;

        st = store_list_done(s->store, s->now, after, BATCH, &list, &n, err);
        if (st == EASG_OK && n) {
            after = list[n - 1].id;
            st = tell_batch(s, list, n, err);
        }
        store_free_actions(list, st == EASG_OK || list ? n : 0);
    }
    return st;
}

/* ---- the run ---- */

easg_status sync_publish(struct sync *s, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    easg_run_report r;
    easg_status st;

    (void)err;
    /* At a release the facts were not asked for, but what was left with the manager goes too. */
    if (!s->sink_session && s->o->kind == SYNC_RELEASE && sync_writes(s) && s->sink &&
        sync_open_sink(s, &why) != EASG_OK)
        LOG_WARNING(s->log, "the device manager was not told that everything is given back",
                    F_STR("error", why.message));
    if (!s->sink_session)
        return EASG_OK;
    err_clear(&why);
    st = s->o->dry_run ? EASG_OK : tell_devices(s, &why);
    if (st != EASG_OK && st != EASG_E_UNSUPPORTED)
        LOG_WARNING(s->log, "the device manager was not told of devices that changed",
                    F_STR("error", why.message));
    err_clear(&why);
    memset(&r, 0, sizeof r);
    r.struct_size = sizeof r;
    r.status = EASG_OK;
    r.scope = s->o->kind == SYNC_FULL    ? EASG_SCOPE_FULL
              : s->o->kind == SYNC_QUICK ? EASG_SCOPE_QUICK
                                         : EASG_SCOPE_MAILBOX;
    r.devices = count(s->counts.devices);
    r.changed = count(s->counts.devices_new) + count(s->counts.devices_changed);
    r.applied = count(s->counts.applied);
    r.held = count(s->counts.held);
    r.flags = s->o->kind == SYNC_RELEASE && !s->o->dry_run ? EASG_REPORT_LAST : 0;
    r.started = s->now;
    r.finished = clock_now();
    r.endpoint = text_str(s->endpoint);
    st = sink_report(s->sink_session, &r, &why);
    if (st != EASG_OK && st != EASG_E_UNSUPPORTED)
        LOG_WARNING(s->log, "the device manager took no report of the run",
                    F_STR("error", why.message));
    return EASG_OK;
}
