/* SPDX-License-Identifier: Apache-2.0
 *
 * One run as a plugin sees it: who it is for, how long it may last, whether it must stop.
 */
#include <string.h>

#include "plugin_internal.h"

#include "clock.h"
#include "err.h"

easg_status run_create(const struct run_options *options, struct run_ref **out, easg_error *err)
{
    struct run_ref *run = mem_alloc(sizeof *run);

    if (!run)
        return err_nomem(err);
    run->abi.magic = RUN_MAGIC;
    run->abi.ref = run;
    run->org = mem_strdup(options->org ? options->org : "");
    run->run_id = mem_strdup(options->run_id ? options->run_id : "");
    run->monitor = monitor_create();
    run->started = options->started;
    run->deadline_ms = options->deadline_ms;
    run->flags = options->flags;
    run->attempt = 1;
    run->state = options->state;
    run->log = options->log;
    atomic_init(&run->cancelled, 0);
    if (!run->org || !run->run_id || !run->monitor) {
        run_destroy(run);
        return err_nomem(err);
    }
    *out = run;
    return EASG_OK;
}

void run_destroy(struct run_ref *run)
{
    if (!run)
        return;
    run->abi.magic = 0;
    if (run->monitor)
        monitor_destroy(run->monitor);
    mem_free(run->org);
    mem_free(run->run_id);
    mem_free(run);
}

void run_cancel(struct run_ref *run)
{
    monitor_enter(run->monitor);
    atomic_store(&run->cancelled, 1);
    monitor_wake(run->monitor);
    monitor_leave(run->monitor);
}

int run_cancelled(const struct run_ref *run)
{
    return atomic_load(&run->cancelled) || run_remaining_ms(run) == 0;
}

int64_t run_remaining_ms(const struct run_ref *run)
{
    int64_t left = run->deadline_ms - clock_monotonic_ms();

    return left > 0 ? left : 0;
}

void run_set_attempt(struct run_ref *run, unsigned attempt)
{
    run->attempt = attempt;
}

const easg_run *run_abi(struct run_ref *run)
{
    return &run->abi;
}

struct run_ref *run_of(const easg_run *run)
{
    return run && run->magic == RUN_MAGIC ? run->ref : NULL;
}
