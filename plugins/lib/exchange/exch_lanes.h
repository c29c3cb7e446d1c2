/* SPDX-License-Identifier: Apache-2.0
 *
 * exch_lanes.h - several sessions of one account at work together: jobs, each a chain of cmdlets,
 * are taken up one after the other and carried on in one event loop.
 */
#ifndef EASG_EXCH_LANES_H
#define EASG_EXCH_LANES_H

#include "exch_private.h"

struct exch_job;

struct exch_job_ops {
    /* Takes up something to do; 0: nothing is left. */
    int (*take)(struct exch_job *job);
    /* The next call of what was taken up, to be run in `x`; valid until the next call of next() or
     * done(). *call NULL: that was the last. An error ends it like a failed call. */
    easg_status (*next)(struct exch_job *job, struct exch *x, const struct exch_call **call,
                        easg_error *err);
    /* What the call came to. 1: run it once more, as it is. */
    int (*ran)(struct exch_job *job, struct exch *x, easg_status st, easg_error *err);
    /* It is over: all its calls went well, or `st` is why not. Anything but EASG_OK ends the
     * whole, which is then its status. */
    easg_status (*done)(struct exch_job *job, struct exch *x, easg_status st, easg_error *err);
};

/* Room for one job at a time; the first member of whatever the caller needs. */
struct exch_job {
    const struct exch_job_ops *ops;
};

/* Works until take() has no more, on as many sessions as there are jobs, `x` among them, at most as
 * the options allow and the server grants. `expected`: about how many take() will give. A session
 * that is lost takes no other with it: only when `x` itself is lost does it end with an error. */
easg_status exch_lanes_run(struct exch *x, struct exch_job *const *jobs, size_t n, size_t expected,
                           easg_error *err) EASG_MUST_CHECK;
/* How many jobs can be carried on together; at least 1. */
size_t exch_lanes_max(const struct exch *x);
/* Closes the further sessions. */
void exch_lanes_close(struct exch *x);

#endif
