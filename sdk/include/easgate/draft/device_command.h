/* SPDX-License-Identifier: Apache-2.0
 *
 * easgate/draft/device_command.h - lets a source carry out what an operator asks for one device: to
 * remove its partnership, or to wipe it. No run of the host ever asks for these by itself.
 *
 * A draft: nothing is promised. The id stays the same when it becomes stable.
 */
#ifndef EASG_DRAFT_DEVICE_COMMAND_H
#define EASG_DRAFT_DEVICE_COMMAND_H

#include "../plugin.h"

EASG_BEGIN_DECLS

#define EASG_DEVICE_COMMAND "easg.device-command/1"

typedef uint32_t easg_device_verb;
enum {
    EASG_DEVICE_REMOVE = 0,      /* the partnership; the device itself is not touched */
    EASG_DEVICE_WIPE = 1,        /* everything on the device */
    EASG_DEVICE_WIPE_ACCOUNT = 2 /* what came from this organisation */
};

/* All three names must fit: a device that is not the one meant is never touched. */
typedef struct easg_device_command {
    uint32_t struct_size;
    easg_device_verb verb;
    easg_str key;       /* easg_device.key; required */
    easg_str device_id; /* easg_device.device_id; required */
    easg_str owner;     /* easg_device.mailbox_id, as the source emitted it; required */
} easg_device_command;

typedef struct easg_device_command_receiver {
    uint32_t struct_size;
    uint32_t reserved;
    void *opaque;
    /* [run] One line for the operator. */
    easg_status(EASG_CALL *tell)(const struct easg_device_command_receiver *to,
                                 const easg_str *line);
} easg_device_command_receiver;

typedef struct easg_device_command_ops {
    uint32_t struct_size;
    uint32_t verbs; /* bit (1u << EASG_DEVICE_x) for each it can do */
    /* [run] Required. Looks the device up, and tells what it is and what would be sent, word for
     * word. Changes nothing. EASG_E_NOTFOUND: there is none; EASG_E_CONFLICT: it is another one. */
    easg_status(EASG_CALL *describe)(easg_session *session, const easg_run *run,
                                     const easg_device_command *command,
                                     const easg_device_command_receiver *to, easg_error *err);
    /* [run] Required. Looks it up again, does it once, reads back what came of it and tells that.
     * EASG_E_UNCERTAIN: it may have been done. */
    easg_status(EASG_CALL *carry_out)(easg_session *session, const easg_run *run,
                                      const easg_device_command *command,
                                      const easg_device_command_receiver *to, easg_error *err);
} easg_device_command_ops;

EASG_END_DECLS

#endif /* EASG_DRAFT_DEVICE_COMMAND_H */
