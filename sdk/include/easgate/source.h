/* SPDX-License-Identifier: Apache-2.0
 *
 * easgate/source.h - modules that read an Exchange organisation and change
 * device access in it.
 */
#ifndef EASG_SOURCE_H
#define EASG_SOURCE_H

#include "plugin.h"

EASG_BEGIN_DECLS

#define EASG_KIND_SOURCE "easg.source/1"

typedef uint32_t easg_scope;
enum {
    EASG_SCOPE_FULL = 0,
    EASG_SCOPE_QUICK = 1,    /* what changed since `since` */
    EASG_SCOPE_MAILBOX = 2   /* one mailbox: read-back, `sync --user` */
};

typedef struct easg_query {
    uint32_t struct_size;
    easg_scope scope;
    easg_time since;         /* QUICK; slack already subtracted */
    easg_str mailbox_id;     /* MAILBOX */
    easg_str resume;         /* cursor of an interrupted full scan, or empty */
} easg_query;

/* Host-made receivers, valid during the call they were passed to. Every
 * function is [run], copies what it is given, and returns EASG_OK or the status
 * the plugin must return at once, calling no further; it needs no message. */
typedef struct easg_source_receiver {
    uint32_t struct_size;
    uint32_t reserved;
    void *opaque;
    easg_status(EASG_CALL *org)(const struct easg_source_receiver *to,
                                const easg_org_settings *settings);
    easg_status(EASG_CALL *mailbox)(const struct easg_source_receiver *to,
                                    const easg_mailbox *mailbox);
    easg_status(EASG_CALL *device)(const struct easg_source_receiver *to,
                                   const easg_device *device);
    /* Optional: all emitted so far is safe; `cursor` would resume after it. */
    easg_status(EASG_CALL *checkpoint)(const struct easg_source_receiver *to,
                                       const easg_str *cursor);
} easg_source_receiver;

typedef struct easg_result_receiver {
    uint32_t struct_size;
    uint32_t reserved;
    void *opaque;
    easg_status(EASG_CALL *emit)(const struct easg_result_receiver *to,
                                 const easg_item_result *result);
} easg_result_receiver;

typedef struct easg_endpoint_receiver {
    uint32_t struct_size;
    uint32_t reserved;
    void *opaque;
    easg_status(EASG_CALL *emit)(const struct easg_endpoint_receiver *to,
                                 const easg_endpoint *endpoint);
} easg_endpoint_receiver;

typedef struct easg_source_ops {
    uint32_t struct_size;
    uint32_t verbs; /* bit (1u << EASG_VERB_x) for each it can apply */
    /* [run] Required. Connect and authenticate to `endpoint`. */
    easg_status(EASG_CALL *open)(easg_instance *self, const easg_run *run,
                                 const easg_endpoint *endpoint,
                                 easg_session **out, easg_error *err);
    /* [run] Required. Never fails; joins every thread the session started and
     * leaves nothing behind on the server. */
    void(EASG_CALL *close)(easg_session *session);
    /* [run] Required. Emit every object the query asks for, each at most once;
     * a mailbox before the devices that name it.
     * EASG_OK promises the listing is complete: the host forgets what a full
     * listing did not mention. If anything was skipped, return an error. */
    easg_status(EASG_CALL *list)(easg_session *session, const easg_run *run,
                                 const easg_query *query,
                                 const easg_source_receiver *to,
                                 easg_error *err);
    /* [run] Required. Make each change and read it back; emit one result per
     * item, in any order. Idempotent: after a crash the host sends items
     * again. EASG_OK when every item got a result, whatever the results say. */
    easg_status(EASG_CALL *apply)(easg_session *session, const easg_run *run,
                                  const easg_change *const *items, size_t n,
                                  const easg_result_receiver *to,
                                  easg_error *err);
    /* [run] Optional. Name further endpoints of the same organisation. */
    easg_status(EASG_CALL *discover)(easg_session *session,
                                     const easg_run *run,
                                     const easg_endpoint_receiver *to,
                                     easg_error *err);
} easg_source_ops;

EASG_END_DECLS

#endif /* EASG_SOURCE_H */
