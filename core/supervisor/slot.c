/* SPDX-License-Identifier: Apache-2.0
 *
 * slot.c - one organisation: when its next run is due, its worker, and what follows from the
 * worker's exit code.
 */
#include "crew.h"

#include "clock.h"
#include "proc.h"

#include "err.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

/* ---- when ---- */

/* A block that was announced takes effect at the instant that the mail names, not at the next run
 * of the schedule. A run that was started after it has dealt with it, so nothing runs in circles.
 */
static void plan_wait(struct slot *s)
{
    easg_time last = s->last.full > s->last.quick ? s->last.full : s->last.quick;

    if (s->wait == EASG_TIME_NONE || s->last.full == EASG_TIME_NONE || s->wait <= last)
        return;
    if (s->due.kind == SCHEDULE_NONE || s->wait < s->due.at)
        s->due = (struct schedule_due){ SCHEDULE_QUICK, s->wait };
}

void slot_plan(struct slot *s, easg_time now)
{
    s->due = (struct schedule_due){ SCHEDULE_NONE, EASG_TIME_NONE };
    if (!s->config->enabled || s->gone)
        return;
    s->due =
        schedule_next_due(&s->config->schedule, &s->last, now, s->seed, clock_local_offset_min);
    plan_wait(s);
    if (s->failures && s->retry.kind != SCHEDULE_NONE) {
        /* a full run that becomes due meanwhile does the work of a quick one, not before its time
         */
        int full = s->retry.kind == SCHEDULE_FULL ||
                   (s->due.kind == SCHEDULE_FULL && s->due.at <= s->retry.at);

        s->due = (struct schedule_due){ full ? SCHEDULE_FULL : SCHEDULE_QUICK, s->retry.at };
    }
}

static void plan_retry(struct slot *s, enum schedule_kind kind, easg_time from)
{
    s->retry.kind = kind;
    s->retry.at = from + schedule_backoff_ms(s->failures, s->seed);
}

static int succeeded(int code)
{
    return code == OUTCOME_DONE || code == OUTCOME_NOTHING;
}

/* A hold of ours ends when somebody ran it by hand, with success. One that the state file guards is
 * left to the worker: it knows whether a secret has changed, and asks no server before. */
static void recall_hold(struct slot *s, const struct history *h)
{
    if (h->held && !h->guarded && strcmp(h->digest, s->config->digest) == 0)
        memcpy(s->held, h->digest, sizeof s->held);
    else if ((h->held && h->guarded) ||
             (s->held[0] && h->started > s->started && succeeded(h->exit_code)))
        s->held[0] = '\0';
}

void slot_recall(struct crew *c, struct slot *s)
{
    easg_error err = EASG_ERROR_INIT;
    struct history h;

    if (history_read(c->agent->state_dir, s->name, &h, &err) != EASG_OK) {
        LOG_WARNING(c->log, "state file not read", F_STR("org", s->name),
                    F_STR("error", err.message));
        return; /* what is known goes on; the worker will meet the same file and say more */
    }
    recall_hold(s, &h);
    s->wait = h.wait;
    if (h.last.full > s->last.full)
        s->last.full = h.last.full;
    if (h.last.quick > s->last.quick)
        s->last.quick = h.last.quick;
    if (!s->runs && !s->failures && h.exit_code >= 0 && !succeeded(h.exit_code) &&
        h.exit_code !=
            OUTCOME_HOLD) { /* what failed before our start is not put off to the next day */
        s->failures = 1;
        plan_retry(s, h.kind, h.finished != EASG_TIME_NONE ? h.finished : h.started);
    }
}

/* ---- the worker ---- */

static int make_run_id(char out[37])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char b[16];
    size_t n = 0;

    if (RAND_bytes(b, sizeof b) != 1)
        return 0;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4, random */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        out[n++] = hex[b[i] >> 4];
        out[n++] = hex[b[i] & 15];
    }
    out[n] = '\0';
    return 1;
}

static easg_status spawn(struct crew *c, struct slot *s, easg_error *err)
{
    const char *argv[16];
    size_t n = 0;

    if (!make_run_id(s->run))
        return err_set(err, EASG_E_FAIL, "no random numbers");
    argv[n++] = c->program;
    argv[n++] = "worker";
    argv[n++] = "--kind";
    argv[n++] = schedule_kind_name(s->kind);
    argv[n++] = "--run";
    argv[n++] = s->run;
    argv[n++] = "--trigger";
    argv[n++] = "schedule";
    if (*c->agent->path) {
        argv[n++] = "--config";
        argv[n++] = c->agent->path;
    }
    argv[n++] = "--state-dir";
    argv[n++] = c->agent->state_dir;
    argv[n++] = "--";
    argv[n++] = s->name;
    argv[n] = NULL;
    return proc_spawn(argv, &s->worker, err);
}

static void note_start(struct slot *s, enum schedule_kind kind, easg_time at)
{
    if (kind == SCHEDULE_FULL)
        s->last.full = at;
    else
        s->last.quick = at;
}

void slot_start(struct crew *c, struct slot *s)
{
    easg_error err = EASG_ERROR_INIT;

    s->kind = s->due.kind;
    s->started = clock_now();
    s->started_ms = clock_monotonic_ms();
    s->stop_ms = 0;
    s->killed = 0;
    note_start(s, s->kind, s->started);
    if (spawn(c, s, &err) != EASG_OK) {
        s->failures++;
        s->failed++;
        plan_retry(s, s->kind, s->started);
        LOG_ERROR(c->log, "worker not started", F_STR("org", s->name), F_STR("error", err.message),
                  F_TIME("retry", s->retry.at));
        slot_plan(s, s->started);
        return;
    }
    s->runs++;
    c->running++;
    LOG_INFO(c->log, "run started", F_STR("org", s->name), F_STR("run", s->run),
             F_STR("kind", schedule_kind_name(s->kind)), F_INT("pid", proc_id(s->worker)));
    s->retry.kind = SCHEDULE_NONE;
    slot_plan(s, s->started);
}

/* ---- how it ended ---- */

static void back_off(struct crew *c, struct slot *s, int code, easg_level level, const char *text)
{
    struct log_field f[] = { F_STR("org", s->name), F_STR("run", s->run), F_INT("exit", code),
                             F_INT("failures", s->failures + 1), F_TIME("retry", EASG_TIME_NONE) };

    s->failures++;
    s->failed++;
    plan_retry(s, s->kind, clock_now());
    f[4].num = s->retry.at;
    log_write(c->log, level, text, strlen(text), f, sizeof f / sizeof *f);
}

static void finish(struct crew *c, struct slot *s, int code)
{
    int64_t ms = clock_monotonic_ms() - s->started_ms;

    proc_close(s->worker);
    s->worker = NULL;
    c->running--;
    if (succeeded(code)) {
        s->failures = 0;
        slot_recall(c, s); /* which blocks it announced */
        LOG_INFO(c->log, "run ended", F_STR("org", s->name), F_STR("run", s->run),
                 F_INT("exit", code), F_INT("ms", ms));
    } else if (code == OUTCOME_HOLD) {
        s->failures = 0;
        s->failed++;
        memcpy(s->held, s->config->digest, sizeof s->held);
        slot_recall(c, s);
        if (s->held[0])
            LOG_ERROR(c->log, "on hold: nothing is tried until the organisation's file changes",
                      F_STR("org", s->name), F_STR("run", s->run), F_STR("file", s->path));
        else
            LOG_ERROR(c->log, "on hold: no server is asked until the file or a secret changes",
                      F_STR("org", s->name), F_STR("run", s->run), F_STR("file", s->path));
    } else if (s->stop_ms && (c->stopping || s->gone)) {
        LOG_INFO(c->log, "run ended on request", F_STR("org", s->name), F_STR("run", s->run),
                 F_INT("exit", code));
    } else if (s->stop_ms) {
        back_off(c, s, code, EASG_LOG_ERROR,
                 s->killed ? "run ended by force: its deadline was over"
                           : "run ended: its deadline was over");
    } else if (code == OUTCOME_LATER) {
        back_off(c, s, code, EASG_LOG_WARNING, "run could not be done now");
    } else if (code > 128) {
        back_off(c, s, code, EASG_LOG_ERROR, "worker crashed");
    } else {
        back_off(c, s, code, EASG_LOG_ERROR,
                 code == OUTCOME_BUG ? "run ended by a bug; please report it" : "run failed");
    }
    slot_plan(s, clock_now());
}

static void ask_to_stop(struct slot *s)
{
    if (!s->stop_ms) {
        s->stop_ms = clock_monotonic_ms();
        proc_stop(s->worker);
    }
}

int64_t slot_watch(struct crew *c, struct slot *s)
{
    int64_t now = clock_monotonic_ms();
    int64_t deadline = s->started_ms + c->agent->worker_timeout_ms;
    int code = 0;

    if (proc_wait(s->worker, 0, &code)) {
        finish(c, s, code);
        return 0;
    }
    if (!s->stop_ms && now >= deadline) {
        LOG_WARNING(c->log, "deadline of the run is over: asking it to stop", F_STR("org", s->name),
                    F_STR("run", s->run));
        ask_to_stop(s);
    }
    if (!s->stop_ms)
        return deadline - now;
    if (!s->killed && now >= s->stop_ms + c->grace_ms) {
        LOG_ERROR(c->log, "worker does not stop: ending it", F_STR("org", s->name),
                  F_STR("run", s->run), F_INT("pid", proc_id(s->worker)));
        proc_kill(s->worker);
        s->killed = 1;
    }
    return s->killed ? -1 : s->stop_ms + c->grace_ms - now;
}

void slot_stop(struct slot *s)
{
    if (s->worker)
        ask_to_stop(s);
}

void slot_destroy(struct slot *s)
{
    if (!s)
        return;
    proc_close(s->worker);
    org_config_destroy(s->config);
    mem_free(s->path);
    mem_free(s);
}
