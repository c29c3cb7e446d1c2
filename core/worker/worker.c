/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.c - the process of one run: configuration, state file, plugins, then the sync, with a
 * watchdog beside it that stops the run when the one who started us is gone, or time is up.
 */
#include "worker.h"

#include "clock.h"
#include "err.h"
#include "proc.h"
#include "registry.h"
#include "service.h"
#include "store_writer.h"
#include "sync.h"
#include "thread.h"

#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MS 15000 /* from the request to stop to the end of the process */
#define TICK_MS  500

_Static_assert((int)WORKER_DONE == (int)SYNC_DONE && (int)WORKER_FAILED == (int)SYNC_FAILED &&
                   (int)WORKER_NOTHING == (int)SYNC_NOTHING &&
                   (int)WORKER_LATER == (int)SYNC_LATER && (int)WORKER_HOLD == (int)SYNC_HOLD &&
                   (int)WORKER_BUG == (int)SYNC_BUG,
               "the exit codes of the sync are those of the worker");
_Static_assert((int)WORKER_FULL == (int)SYNC_FULL && (int)WORKER_QUICK == (int)SYNC_QUICK &&
                   (int)WORKER_USER == (int)SYNC_USER && (int)WORKER_APPLY == (int)SYNC_APPLY &&
                   (int)WORKER_RELEASE == (int)SYNC_RELEASE &&
                   (int)WORKER_ADOPT == (int)SYNC_ADOPT && (int)WORKER_DEVICE == (int)SYNC_DEVICE,
               "and so are the kinds");

struct work {
    const struct worker_args *args;
    struct log *log;
    struct org_config *org;
    struct store *store;
    struct registry *registry;
    struct run_ref *run;
};

/* ---- watchdog ---- */

struct watchdog {
    struct service *service;
    struct run_ref *run;
    struct log *log;
    atomic_int done;
};

/* A module that ignores the request would hold the organisation's lock for ever. The state file is
 * made for a process that ends at any point. */
static _Noreturn void give_up(struct watchdog *w)
{
    LOG_ERROR(w->log, "the run did not stop in time; the process ends",
              F_INT("grace_ms", GRACE_MS));
    _Exit(WORKER_LATER);
}

static void watch(void *arg)
{
    struct watchdog *w = arg;
    int64_t end = 0; /* 0: nobody has asked yet */

    while (!atomic_load(&w->done)) {
        enum service_event e = service_wait(w->service, TICK_MS);

        if (atomic_load(&w->done))
            return;
        if (end && clock_monotonic_ms() >= end)
            give_up(w);
        if (end) {
            if (e == SERVICE_STOP)
                clock_sleep_ms(TICK_MS / 10); /* a closed pipe says so again and again */
            continue;
        }
        if (e != SERVICE_STOP && run_remaining_ms(w->run) > 0)
            continue;
        LOG_WARNING(w->log, "the run is asked to stop",
                    F_STR("why", e == SERVICE_STOP ? "the starter asked or is gone" : "deadline"));
        run_cancel(w->run);
        end = clock_monotonic_ms() + GRACE_MS;
    }
}

/* ---- the run ---- */

static easg_status load(struct work *w, easg_error *err)
{
    easg_status st = org_config_find(w->args->agent, w->args->org, &w->org, err);

    if (st == EASG_E_NOTFOUND)
        return EASG_E_CONFIG; /* the text stands: it names the nearest */
    if (st == EASG_OK)
        st = store_open_writer(w->args->agent->state_dir, w->org->name, w->log, &w->store, err);
    if (st == EASG_OK)
        st = registry_create(w->log, &w->registry, err);
    if (st == EASG_OK)
        st = registry_pin_all(w->registry, w->args->agent->plugin_pins, err);
    if (st == EASG_OK)
        st = registry_load_dir(w->registry, w->args->agent->plugin_dir, err);
    return st;
}

static easg_status make_run(struct work *w, easg_error *err)
{
    struct run_options o;
    int64_t timeout = w->args->agent->worker_timeout_ms;

    memset(&o, 0, sizeof o);
    o.org = w->org->name;
    o.run_id = w->args->run_id;
    o.started = clock_now();
    o.deadline_ms = clock_monotonic_ms() + (timeout > 0 ? timeout : 4 * 3600 * 1000);
    o.flags = w->args->dry_run ? EASG_RUN_DRY : 0;
    o.state = sync_state_ops(w->store);
    o.log = w->log;
    return run_create(&o, &w->run, err);
}

static int sync_now(struct work *w)
{
    struct sync_options o;

    memset(&o, 0, sizeof o);
    o.org = w->org;
    o.registry = w->registry;
    o.store = w->store;
    o.run = w->run;
    o.log = w->log;
    o.kind = (enum sync_kind)w->args->kind;
    o.run_id = w->args->run_id;
    o.trigger = w->args->trigger;
    o.user = w->args->user;
    o.approve_run = w->args->approve_run;
    o.approve_devices = w->args->approve_devices;
    o.n_approve_devices = w->args->n_approve_devices;
    o.dry_run = w->args->dry_run;
    o.plan = w->args->plan;
    o.adopt = w->args->adopt;
    o.command = w->args->command;
    o.approve_policy = w->args->approve_policy;
    o.retry = w->args->retry;
    o.told = w->args->told;
    return sync_run(&o);
}

static int run(struct service *service, void *arg)
{
    struct work *w = arg;
    struct watchdog dog = { service, NULL, w->log, 0 };
    easg_error err = EASG_ERROR_INIT;
    struct thread *thread;
    easg_status st = load(w, &err);
    int code;

    if (st == EASG_OK && !w->org->enabled) {
        LOG_INFO(w->log, "the organisation is switched off", F_STR("enabled", "false"));
        return WORKER_NOTHING;
    }
    if (st == EASG_OK)
        st = make_run(w, &err);
    if (st != EASG_OK) {
        LOG_ERROR(w->log, "the run did not begin", F_STR("error", err.message),
                  F_STATUS("status", st));
        return sync_exit_code(st);
    }
    dog.run = w->run;
    thread = thread_start(watch, &dog);
    if (!thread) {
        LOG_ERROR(w->log, "the system refused a thread for the watchdog", F_INT("tick", TICK_MS));
        return WORKER_LATER;
    }
    service_ready(service);
    code = sync_now(w);
    atomic_store(&dog.done, 1);
    thread_join(thread);
    return code;
}

int worker_run(const struct worker_args *args, struct log *log)
{
    const struct log_field fields[] = { F_STR("org", args->org), F_STR("run", args->run_id) };
    struct work w;
    int code;

    memset(&w, 0, sizeof w);
    w.args = args;
    w.log = log_with(log, fields, sizeof fields / sizeof *fields);
    proc_harden();
    code = service_run("easgate-worker", 0, run, &w);
    run_destroy(w.run);
    registry_destroy(w.registry);
    store_close(w.store);
    org_config_destroy(w.org);
    log_close(w.log);
    return code < 0 ? WORKER_FAILED : code;
}

void worker_make_run_id(char out[37])
{
    unsigned char b[16];
    size_t i, at = 0;

    if (RAND_bytes(b, sizeof b) != 1)
        xassert(0 && "the system gave no random bytes");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        snprintf(out + at, 3, "%02x", b[i]);
        at += 2;
    }
}
