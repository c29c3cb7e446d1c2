/* SPDX-License-Identifier: Apache-2.0
 *
 * easgate/sink.h - modules that stand for the device manager: they bring facts
 * about people and managed devices, and take reports. They never decide.
 */
#ifndef EASG_SINK_H
#define EASG_SINK_H

#include "source.h"

EASG_BEGIN_DECLS

#define EASG_KIND_SINK "easg.sink/1"

/* As in source.h: each function is [run], copies, and its status is to be
 * obeyed. */
typedef struct easg_sink_receiver {
    uint32_t struct_size;
    uint32_t reserved;
    void *opaque;
    easg_status(EASG_CALL *person)(const struct easg_sink_receiver *to,
                                   const easg_person *person);
    easg_status(EASG_CALL *managed_device)(const struct easg_sink_receiver *to,
                                           const easg_managed_device *device);
} easg_sink_receiver;

/* What the host asks of fetch(). Groups are named as the manager names them
 * (Intune: the object id); membership is transitive. */
typedef struct easg_facts_query {
    uint32_t struct_size;
    uint32_t reserved;
    const easg_str *const *include_groups; /* members get EASG_PERSON_TARGETED */
    size_t n_include_groups;               /* 0: every person is targeted */
    const easg_str *const *exclude_groups; /* members get EASG_PERSON_EXEMPT */
    size_t n_exclude_groups;
    /* At most 64 groups that local rules ask about. A module that sees some sets `watched` and
     * EASG_PERSON_WATCHED in every person; where it does not, nothing is decided. */
    const easg_str *const *watch_groups;
    size_t n_watch_groups;
} easg_facts_query;

typedef uint32_t easg_delta;
enum { EASG_DELTA_ADDED = 1, EASG_DELTA_UPDATED = 2, EASG_DELTA_REMOVED = 3 };

typedef struct easg_device_delta {
    uint32_t struct_size;
    easg_delta delta;
    const easg_device *device; /* last known state when REMOVED */
} easg_device_delta;

typedef struct easg_run_report {
    uint32_t struct_size;
    easg_status status;
    easg_scope scope;
    uint32_t devices;
    uint32_t changed;
    uint32_t applied;
    uint32_t held;
    uint32_t flags;          /* EASG_REPORT_* */
    easg_time started;
    easg_time finished;
    easg_str endpoint;       /* which server answered */
} easg_run_report;
/* LAST: everything is given back and no run follows: take away what earlier
 * reports left with the service. */
enum { EASG_REPORT_LAST = 1u << 0 };

typedef struct easg_sink_ops {
    uint32_t struct_size;
    uint32_t max_batch; /* for publish; 0: host's choice */
    /* [run] Required. Connect and authenticate. */
    easg_status(EASG_CALL *open)(easg_instance *self, const easg_run *run,
                                 easg_session **out, easg_error *err);
    /* [run] Required. Never fails; joins every thread the session started. */
    void(EASG_CALL *close)(easg_session *session);
    /* [run] Required. Emit every person and managed device. EASG_OK promises
     * the listing is complete; anything less is an error, because a short list
     * would read as 'nobody is enrolled'. */
    easg_status(EASG_CALL *fetch)(easg_session *session, const easg_run *run,
                                  const easg_facts_query *query,
                                  const easg_sink_receiver *to,
                                  easg_error *err);
    /* [run] Optional. Send what changed in Exchange; one result per item;
     * idempotent. No decision ever depends on its outcome. */
    easg_status(EASG_CALL *publish)(easg_session *session, const easg_run *run,
                                    const easg_device_delta *const *items,
                                    size_t n, const easg_result_receiver *to,
                                    easg_error *err);
    /* [run] Optional. Tell the service how the run went. */
    easg_status(EASG_CALL *report)(easg_session *session, const easg_run *run,
                                   const easg_run_report *report,
                                   easg_error *err);
} easg_sink_ops;

EASG_END_DECLS

#endif /* EASG_SINK_H */
