/* SPDX-License-Identifier: Apache-2.0
 *
 * fakehost.h - a host for one plugin under test: configuration from a list of texts, secrets from
 * memory, a clock that can be moved, and receivers that write down what they are given.
 */
#ifndef EASG_TEST_FAKEHOST_H
#define EASG_TEST_FAKEHOST_H

#include <easgate/easgate.h>

#include "strbuf.h"

/* One option: "auth.method" = "basic". "true"/"false" are booleans, digits are numbers (durations
 * in ms, sizes in bytes), "[a, b]" a list, "@name" the secret of that name, all else text. */
struct fakehost_option {
    const char *key;
    const char *value;
};
struct fakehost_secret {
    const char *name;
    const char *ptr;
    size_t len;
};

struct fakehost {
    easg_host host; /* what the plugin is given */
    const struct fakehost_option *options;
    size_t n_options;
    const struct fakehost_secret *secrets;
    size_t n_secrets;

    int cancelled;            /* 1: cancelled() says so */
    int (*cancel_when)(void); /* asked at each poll, when set */
    int64_t budget_ms;        /* what remaining_ms() starts from; 0: 10 minutes */
    int64_t clock_shift_ms;   /* added to the wall clock */
    int64_t slept_ms;         /* sum of sleep_ms(): no time passes, but the clocks move */
    int sleeps;
    const char *org;   /* NULL: "contoso" */
    struct strbuf log; /* "warning: text key=value\n" */

    /* private */
    int64_t started;
    struct easg_config *nodes;
    struct fakehost_state *states;
};

/* Fills `f`; the lists are borrowed. */
void fakehost_init(struct fakehost *f, const struct fakehost_option *options, size_t n_options,
                   const struct fakehost_secret *secrets, size_t n_secrets);
void fakehost_clear(struct fakehost *f);
/* The root of the configuration, for create(); and the run, for all that want one. */
const easg_config *fakehost_config(struct fakehost *f);
const easg_run *fakehost_run(struct fakehost *f);

/* Loads DIR/NAME.so and gives its module, checked for the things every host checks; NULL after a
 * message. Never unloaded. */
const easg_module *fakehost_load(const char *path, const char *kind, const char *id);

/* What came, a line each, in the order of arrival:
 *   person ID upn=.. sid=.. immutable=.. smtp=a,b flags=LTE
 *   managed ID eas=.. user=.. compliance=N management=N os=.. model=.. serial=.. enrolled=..
 *           seen=.. grace=.. flags=AR
 *   org default=N id=.. version=..
 *   mailbox ID ref=.. upn=.. smtp=.. sid=.. allowed=a,b blocked=c flags=N
 *   device KEY id=.. mailbox=.. identity=.. access=N reason=.. type=.. model=.. os=.. first=..
 *          last=.. changed=..
 *   result KEY status=N listed=N error=..
 * Absent texts are "-". */
struct fakehost_log {
    struct strbuf text;
    int count_only; /* 1: no lines */
    uint64_t people, licensed, targeted, exempt;
    uint64_t managed, orgs, mailboxes, devices, results;
    uint64_t refuse_at; /* the n-th object is refused with EASG_E_CANCELLED; 0: none */
    uint64_t seen;
};
void fakehost_log_init(struct fakehost_log *l);
void fakehost_log_clear(struct fakehost_log *l);
/* The returned receivers point into `l`. */
easg_sink_receiver fakehost_sink_receiver(struct fakehost_log *l);
easg_source_receiver fakehost_source_receiver(struct fakehost_log *l);
easg_result_receiver fakehost_result_receiver(struct fakehost_log *l);
/* The line that begins with `start`, until the next call; NULL: none. */
const char *fakehost_line(const struct fakehost_log *l, const char *start);

#endif
