/* SPDX-License-Identifier: Apache-2.0
 *
 * labs.h - one easgate-lab under test control, and the module under test in a host of the test's.
 */
#ifndef EASG_TEST_LABS_H
#define EASG_TEST_LABS_H

#include "../support/fakehost.h"
#include "json.h"

/* The module, loaded once. NULL after a message. */
const easg_module *labs_module(void);
#define LABS_OPS ((const easg_source_ops *)labs_module()->ops)

/* Starts a lab with these arguments behind --dir, --quiet and --until-stdin-closes (NULL-terminated
 * list). 0, or -1 after a message. One lab at a time. */
int labs_start(const char *const *arguments);
void labs_stop(void);

/* One of the lab's own controls; the answer until the next call. */
const char *labs_control(const char *method, const char *path, const char *body);
/* A number of /lab/stats; -1 when it is not there. "cmdlets.NAME" for executions of a cmdlet. */
int64_t labs_stat(const char *name);
void labs_fault(const char *spec);
void labs_clear_faults(void);

/* A host whose configuration points to the lab. `more` are options that replace or add
 * (NULL-terminated keys), may be NULL. */
struct labs_host {
    struct fakehost host;
    struct fakehost_option options[24];
    easg_instance *self;
};
int labs_host_init(struct labs_host *h, const struct fakehost_option *more);
void labs_host_clear(struct labs_host *h);
/* Opens a session with the lab's n-th client access server. */
easg_status labs_open(struct labs_host *h, easg_session **out, easg_error *err);
/* open, list, close. */
easg_status labs_list(struct labs_host *h, easg_scope scope, easg_time since, const char *mailbox,
                      struct fakehost_log *log, easg_error *err);

/* The partnerships as the lab knows them. */
struct labs_device {
    char mailbox[64];
    char upn[128];
    char device_id[128];
    char guid[64];
    char stored[24];
    char listed[16];
    char reason[40];
};
/* Fills at most `max`; returns how many there are. */
size_t labs_devices(struct labs_device *out, size_t max);

#endif
