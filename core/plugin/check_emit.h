/* SPDX-License-Identifier: Apache-2.0
 *
 * check_emit.h - judges and completes the structs that a module hands to a receiver. Nothing is
 * copied when the module's struct is as large as ours; no allocation.
 */
#ifndef EASG_CHECK_EMIT_H
#define EASG_CHECK_EMIT_H

#include <easgate/easgate.h>

/* Each returns the struct to hand on: `in` itself, or `*room` completed from a smaller one. NULL:
 * it was judged unfit, and *st and `err` say why: EASG_E_USAGE for a broken contract (a required
 * member is missing, text without its NUL), EASG_E_PROTOCOL for what no peer should have sent
 * (bytes that are not UTF-8, control characters in an id), EASG_E_LIMIT for too much of it. */
const easg_org_settings *check_org(const easg_org_settings *in, easg_org_settings *room,
                                   easg_status *st, easg_error *err);
const easg_mailbox *check_mailbox(const easg_mailbox *in, easg_mailbox *room, easg_status *st,
                                  easg_error *err);
const easg_device *check_device(const easg_device *in, easg_device *room, easg_status *st,
                                easg_error *err);
const easg_person *check_person(const easg_person *in, easg_person *room, easg_status *st,
                                easg_error *err);
const easg_managed_device *check_managed_device(const easg_managed_device *in,
                                                easg_managed_device *room, easg_status *st,
                                                easg_error *err);
const easg_endpoint *check_endpoint(const easg_endpoint *in, easg_endpoint *room, easg_status *st,
                                    easg_error *err);
const easg_item_result *check_result(const easg_item_result *in, easg_item_result *room,
                                     easg_status *st, easg_error *err);
easg_status check_cursor(const easg_str *cursor, easg_error *err);

#endif
