/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.c - tells the device manager how the run went, if its module can. Nothing depends on the
 * answer.
 */
#include "sync_run.h"

#include "clock.h"
#include "text.h"

#include <string.h>

static uint32_t count(int64_t n)
{
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

easg_status sync_publish(struct sync *s, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    easg_run_report r;
    easg_status st;

    (void)err;
    if (!s->sink_session)
        return EASG_OK;
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
    r.started = s->now;
    r.finished = clock_now();
    r.endpoint = text_str(s->endpoint);
    st = sink_report(s->sink_session, &r, &why);
    if (st != EASG_OK && st != EASG_E_UNSUPPORTED)
        LOG_WARNING(s->log, "the device manager took no report of the run",
                    F_STR("error", why.message));
    return EASG_OK;
}
