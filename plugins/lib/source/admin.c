/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.c - easg.orgpolicy/1 and easg.device-command/1 over exchange_admin.h.
 */
#include "source_admin.h"

#include "exchange_admin.h"

#include "err.h"
#include "text.h"

/* ---- what the organisation decides ---- */

static easg_status EASG_CALL check(easg_instance *self, const easg_orgpolicy_item *item,
                                   easg_error *err)
{
    (void)self;
    return exch_policy_check(item, err);
}

static easg_status on_item(void *user, uint32_t part, const char *name, const char *value)
{
    const easg_orgpolicy_receiver *const *to = user;
    const easg_orgpolicy_item item = {
        .struct_size = sizeof(item), .part = part, .name = text_str(name), .value = text_str(value)
    };

    return (*to)->emit(*to, &item);
}

static easg_status EASG_CALL read_policy(easg_session *s, const easg_run *run, uint32_t parts,
                                         const easg_orgpolicy_receiver *to, easg_error *err)
{
    return exch_policy_read(source_exch(s, run), parts, on_item, &to, err);
}

static easg_status EASG_CALL write_policy(easg_session *s, const easg_run *run,
                                          const easg_orgpolicy_item *item,
                                          const easg_orgpolicy_receiver *to, easg_error *err)
{
    return exch_policy_write(source_exch(s, run), item, on_item, &to, err);
}

const easg_orgpolicy_ops source_orgpolicy = { .struct_size = sizeof(source_orgpolicy),
                                              .parts = EXCH_POLICY_PARTS,
                                              .check = check,
                                              .read = read_policy,
                                              .write = write_policy };

/* ---- one device ---- */

static easg_status on_line(void *user, const char *line)
{
    const easg_device_command_receiver *const *to = user;
    const easg_str text = text_str(line);

    return (*to)->tell(*to, &text);
}

static easg_status EASG_CALL describe(easg_session *s, const easg_run *run,
                                      const easg_device_command *command,
                                      const easg_device_command_receiver *to, easg_error *err)
{
    return exch_device_command(source_exch(s, run), command, 0, on_line, &to, err);
}

static easg_status EASG_CALL carry_out(easg_session *s, const easg_run *run,
                                       const easg_device_command *command,
                                       const easg_device_command_receiver *to, easg_error *err)
{
    return exch_device_command(source_exch(s, run), command, 1, on_line, &to, err);
}

const easg_device_command_ops source_device_command = {
    .struct_size = sizeof(source_device_command),
    .verbs = 1u << EASG_DEVICE_REMOVE | 1u << EASG_DEVICE_WIPE | 1u << EASG_DEVICE_WIPE_ACCOUNT,
    .describe = describe,
    .carry_out = carry_out
};
