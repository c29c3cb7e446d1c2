/* SPDX-License-Identifier: Apache-2.0
 *
 * finish.c - closes what the run opened and says how it went, in the run's row, the audit chain,
 * the log and the exit code. Called on every path.
 */
#include "idregistry.h"
#include "sync_run.h"

#include "clock.h"
#include "proc.h"
#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>

static void close_all(struct sync *s)
{
    size_t i;

    session_close(s->source_session);
    session_close(s->sink_session);
    s->source_session = s->sink_session = NULL;
    instance_destroy(s->source);
    instance_destroy(s->sink);
    instance_destroy(s->failover);
    instance_destroy(s->notifier);
    for (i = 0; i < s->n_tried; i++)
        mem_free(s->tried[i]);
    mem_free(s->endpoint);
    mem_free(s->mailbox_id);
    idregistry_free(s->ids);
    s->ids = NULL;
    s->endpoint = NULL;
}

/* Refused credentials, and a configuration that cannot work. */
static easg_status hold(struct sync *s, easg_status st, const char *why, easg_error *err)
{
    char generation[100];
    easg_status put;

    put = store_set_org(s->store, "hold", why, err);
    if (put == EASG_OK && st != EASG_E_CONFIG)
        sync_generation(s, generation);
    if (put == EASG_OK)
        put = store_set_org(s->store, "hold_generation", st != EASG_E_CONFIG ? generation : NULL,
                            err);
    if (put == EASG_OK)
        put = NOTE(s, err, s->o->told ? EASG_LOG_INFO : EASG_LOG_ERROR, "hold.set", s->o->org->name,
                   F_STATUS("status", st), F_STR("why", why));
    return put;
}

/* When the supervisor has to start a run for a block that was announced; to the second, not before.
 */
static easg_status note_wait(struct sync *s, easg_error *err)
{
    char text[TIMESTAMP_SIZE];
    easg_time next;
    easg_status st = store_next_wait(s->store, &next, err);

    if (st != EASG_OK)
        return st;
    if (next == EASG_TIME_NONE)
        return store_set_org(s->store, "waits_until", NULL, err);
    next += 999;
    return store_set_org(s->store, "waits_until", timestamp_format(next - next % 1000, text), err);
}

static easg_status marks(struct sync *s, easg_error *err)
{
    static const char *const names[] = { "last_full",  "last_quick",   "last_user",
                                         "last_apply", "last_release", "last_adopt",
                                         "last_device" };
    char text[TIMESTAMP_SIZE];
    EASG_CLEANUP(mem_cleanup) char *was = NULL;
    easg_status st =
        store_set_org(s->store, names[s->o->kind], timestamp_format(s->now, text), err);

    if (st != EASG_OK || s->o->kind == SYNC_ADOPT) /* which asked nobody, so it lifts no hold */
        return st;
    st = note_wait(s, err);
    if (st == EASG_OK)
        st = store_get_org(s->store, "hold", &was, err);
    if (st == EASG_OK && was)
        st = NOTE(s, err, EASG_LOG_INFO, "hold.lifted", s->o->org->name, F_STR("was", was));
    if (st == EASG_OK)
        st = store_set_org(s->store, "hold", NULL, err);
    return st == EASG_OK ? store_set_org(s->store, "hold_generation", NULL, err) : st;
}

static int exit_code(const struct sync *s, easg_status st)
{
    int code = sync_exit_code(st);

    if (code != SYNC_DONE)
        return code;
    if (s->hard_failures)
        return SYNC_FAILED;
    return s->o->kind == SYNC_APPLY && s->counts.planned == 0 ? SYNC_NOTHING : SYNC_DONE;
}

/* What the run did not count is left out, not written as -1. */
static easg_status note_finished(struct sync *s, int code, const char *error, easg_error *err)
{
    const struct store_counts *c = &s->counts;
    const struct {
        const char *name;
        int64_t n;
    } counts[] = { { "devices", c->devices }, { "planned", c->planned },
                   { "applied", c->applied }, { "held", c->held },
                   { "failed", c->failed },   { "unmatched", c->unmatched } };
    struct log_field f[3 + sizeof counts / sizeof *counts];
    size_t n = 0, i;

    f[n++] = F_STR("step", s->step);
    f[n++] = F_INT("exit", code);
    if (error)
        f[n++] = F_STR("error", error);
    for (i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].n >= 0)
            f[n++] = F_INT(counts[i].name, counts[i].n);
    return sync_note(s, error && !s->o->told ? EASG_LOG_ERROR : EASG_LOG_INFO, "run.finished",
                     s->o->org->name, f, n, err);
}

static easg_status close_run(struct sync *s, easg_status st, easg_error *why, int code,
                             easg_error *err)
{
    struct store_outcome o = { code == SYNC_DONE || code == SYNC_NOTHING ? "done" : "failed",
                               code,
                               s->endpoint,
                               st,
                               st == EASG_OK ? NULL : why->message,
                               proc_cpu_ms(),
                               proc_peak_rss() / 1024 };
    char failed[100];
    easg_status put = store_begin(s->store, 1, err);

    if (st == EASG_OK && code == SYNC_FAILED) {
        snprintf(failed, sizeof failed, "%" PRId64 " changes failed; see the actions of this run",
                 s->hard_failures);
        o.error_status = EASG_E_FAIL;
        o.error = failed;
    }
    if (put == EASG_OK && code == SYNC_HOLD && !s->on_hold)
        put = hold(s, st, why->message, err);
    else if (put == EASG_OK && st == EASG_OK)
        put = marks(s, err);
    if (put == EASG_OK)
        put = note_finished(s, code, o.error, err);
    if (put == EASG_OK)
        put = store_finish_run(s->store, &s->counts, &o, st == EASG_OK, err);
    return put;
}

int sync_finish(struct sync *s, easg_status st, easg_error *why)
{
    easg_error err = EASG_ERROR_INIT;
    int code;

    if (st != EASG_OK) {
        easg_error dropped = EASG_ERROR_INIT;

        store_rollback(s->store);
        if (store_drop_listing(s->store, &dropped) != EASG_OK)
            LOG_ERROR(s->log, "staged rows were not dropped", F_STR("error", dropped.message));
    }
    code = exit_code(s, st);
    store_at(s->store, "finish");
    if (close_run(s, st, why, code, &err) != EASG_OK) {
        store_rollback(s->store);
        LOG_ERROR(s->log, "the run could not be closed in the state file",
                  F_STR("error", err.message));
        if (code == SYNC_DONE || code == SYNC_NOTHING)
            code = SYNC_FAILED;
    }
    close_all(s);
    return code;
}
