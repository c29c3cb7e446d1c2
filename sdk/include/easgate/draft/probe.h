/* SPDX-License-Identifier: Apache-2.0
 *
 * easgate/draft/probe.h - lets a source or a sink say, hop by hop, whether what it needs is there,
 * and whether an endpoint answers at all.
 *
 * A draft: nothing is promised. The id stays the same when it becomes stable.
 */
#ifndef EASG_DRAFT_PROBE_H
#define EASG_DRAFT_PROBE_H

#include "../plugin.h"

EASG_BEGIN_DECLS

#define EASG_PROBE "easg.probe/1"

typedef uint32_t easg_probe_grade;
enum {
    EASG_PROBE_OK = 0,
    EASG_PROBE_NOTE = 1,   /* works, but look at it */
    EASG_PROBE_FAILED = 2, /* does not work */
    EASG_PROBE_SKIPPED = 3 /* could not be tried, because an earlier hop failed */
};

/* For expect(). */
enum {
    EASG_NEED_ORG_SETTINGS = 1, /* easgate/draft/orgpolicy.h, by part */
    EASG_NEED_DEVICE_RULES = 2,
    EASG_NEED_MAILBOX_POLICIES = 4,
    EASG_NEED_DEVICE_REMOVE = 8, /* easgate/draft/device_command.h */
    EASG_NEED_DEVICE_WIPE = 16
};

/* One hop. */
typedef struct easg_probe_hop {
    uint32_t struct_size;
    easg_probe_grade grade;
    easg_status status; /* of FAILED: what it would end a run with */
    uint32_t reserved;
    easg_str name; /* "tls", "cmdlet Get-CASMailbox"; required */
    easg_str text; /* what was found; FAILED and NOTE: and what to do; required */
} easg_probe_hop;

typedef struct easg_probe_receiver {
    uint32_t struct_size;
    uint32_t reserved;
    void *opaque;
    easg_status(EASG_CALL *hop)(const struct easg_probe_receiver *to, const easg_probe_hop *hop);
} easg_probe_receiver;

typedef struct easg_probe_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* [run] Optional, of a source. Does something that speaks our protocol answer there? Sends no
     * credentials, changes nothing, and takes seconds at most. */
    easg_status(EASG_CALL *reach)(easg_instance *self, const easg_run *run,
                                  const easg_endpoint *endpoint, easg_error *err);
    /* [run] Required. Tries everything that a run needs, in the order in which a run needs it, and
     * tells each hop as soon as it is known. Changes nothing. `endpoint` is NULL for a sink.
     * EASG_OK when all hops were told, whatever they say. */
    easg_status(EASG_CALL *walk)(easg_instance *self, const easg_run *run,
                                 const easg_endpoint *endpoint, const easg_probe_receiver *to,
                                 easg_error *err);
    /* Optional. Text that an administrator runs to give the account the least rights that this
     * module works with; valid until destroy(). */
    const char *(EASG_CALL *rights)(easg_instance *self);
    /* Optional. What the host's configuration asks for beyond a run's own work (EASG_NEED_* bits);
     * walk() and rights() speak of it from then on. Without it they do not. */
    void(EASG_CALL *expect)(easg_instance *self, uint32_t needs);
} easg_probe_ops;

EASG_END_DECLS

#endif /* EASG_DRAFT_PROBE_H */
