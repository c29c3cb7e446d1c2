/* SPDX-License-Identifier: Apache-2.0
 *
 * source_admin.h - the two draft extensions of admin.c, within the room.
 */
#ifndef EASG_SOURCE_ADMIN_H
#define EASG_SOURCE_ADMIN_H

#include <easgate/draft/device_command.h>
#include <easgate/draft/orgpolicy.h>

#include "source_module.h"

extern const easg_orgpolicy_ops source_orgpolicy;
extern const easg_device_command_ops source_device_command;
/* session.c: the session's connection, for the call `run`. */
struct exch *source_exch(easg_session *s, const easg_run *run);

#endif
