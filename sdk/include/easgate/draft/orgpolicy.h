/* SPDX-License-Identifier: Apache-2.0
 *
 * easgate/draft/orgpolicy.h - lets a source read and write what its organisation decides for
 * everybody: the default access level, device access rules, mailbox policies.
 *
 * The host compares, plans, holds, records and gives back. The module reads, writes one item at a
 * time, and reads it back; it never decides.
 *
 * A draft: nothing is promised. The id stays the same when it becomes stable.
 */
#ifndef EASG_DRAFT_ORGPOLICY_H
#define EASG_DRAFT_ORGPOLICY_H

#include "../plugin.h"

EASG_BEGIN_DECLS

#define EASG_ORGPOLICY "easg.orgpolicy/1"

typedef uint32_t easg_orgpolicy_part;
enum {
    /* "default_access_level": allow, block, quarantine; "user_mail_insert": text;
     * "admin_mail_recipients": addresses, sorted, separated by ", ". They always have a value,
     * which may be empty. */
    EASG_PART_SETTING = 0,
    /* "device_type:iPhone": allow, block, quarantine. Also device_model, device_os, user_agent.
     * Names are compared without regard to case. */
    EASG_PART_RULE = 1,
    /* "Default/allow_simple_password": true, false, a number, unlimited. */
    EASG_PART_MAILBOX_POLICY = 2,
    /* Read only. "device_type:iPhone", value "": devices that show this text were seen. A rule for
     * another text fits nobody so far. Optional, and possibly cut short. */
    EASG_PART_DEVICE_CLASS = 3
};

typedef struct easg_orgpolicy_item {
    uint32_t struct_size;
    easg_orgpolicy_part part;
    easg_str name;  /* required */
    easg_str value; /* absent: there is no such item */
} easg_orgpolicy_item;

typedef struct easg_orgpolicy_receiver {
    uint32_t struct_size;
    uint32_t reserved;
    void *opaque;
    /* [run] Copies. Anything but EASG_OK is what the module must return at once. */
    easg_status(EASG_CALL *emit)(const struct easg_orgpolicy_receiver *to,
                                 const easg_orgpolicy_item *item);
} easg_orgpolicy_receiver;

typedef struct easg_orgpolicy_ops {
    uint32_t struct_size;
    uint32_t parts; /* bit (1u << EASG_PART_x) for each it can read and write */
    /* [any] Required. Could this item be written? Asks nobody. EASG_E_UNSUPPORTED: the module does
     * not know it; EASG_E_CONFIG: it cannot have this value. */
    easg_status(EASG_CALL *check)(easg_instance *self, const easg_orgpolicy_item *item,
                                  easg_error *err);
    /* [run] Required. Emits every item of the parts (bits as in `parts`), each once. EASG_OK
     * promises that this is all. */
    easg_status(EASG_CALL *read)(easg_session *session, const easg_run *run, uint32_t parts,
                                 const easg_orgpolicy_receiver *to, easg_error *err);
    /* [run] Required. Makes the item what it says, or takes it away, and emits it once as it reads
     * back. Idempotent. */
    easg_status(EASG_CALL *write)(easg_session *session, const easg_run *run,
                                  const easg_orgpolicy_item *item,
                                  const easg_orgpolicy_receiver *to, easg_error *err);
} easg_orgpolicy_ops;

EASG_END_DECLS

#endif /* EASG_DRAFT_ORGPOLICY_H */
