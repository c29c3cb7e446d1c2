/* SPDX-License-Identifier: Apache-2.0
 *
 * drafts.h - calls of two draft extensions of a source: easg.orgpolicy/1, what an organisation
 * decides for everybody, and easg.device-command/1, what an operator asks for one device. The rules
 * of registry.h hold here too. EASG_E_UNSUPPORTED: the module does not offer it.
 */
#ifndef EASG_DRAFTS_H
#define EASG_DRAFTS_H

#include <easgate/draft/device_command.h>
#include <easgate/draft/orgpolicy.h>

#include "registry.h"

/* One item; `value` NULL: there is no such item. Texts are UTF-8 without control characters, at
 * most 4096 bytes, and borrowed for the call. */
struct orgpolicy_sink {
    easg_status (*item)(void *user, uint32_t part, const char *name, const char *value,
                        easg_error *err);
    void *user;
};

/* Could the module write this? Asks nobody. */
easg_status orgpolicy_check(struct instance_ref *i, uint32_t part, const char *name,
                            const char *value, easg_error *err);
/* 1: the module has the extension, and this part. */
int orgpolicy_knows(struct instance_ref *i, uint32_t part);
/* Every item of the parts (bits 1u << EASG_PART_x). */
easg_status orgpolicy_read(struct session_ref *s, uint32_t parts, const struct orgpolicy_sink *to,
                           easg_error *err);
/* Writes one, or takes it away; the sink gets it once, as it reads back. Refused in a dry run. */
easg_status orgpolicy_write(struct session_ref *s, uint32_t part, const char *name,
                            const char *value, const struct orgpolicy_sink *to, easg_error *err);

struct device_command {
    uint32_t verb;   /* EASG_DEVICE_* */
    const char *key; /* none of the three is ever blank: EASG_E_USAGE, and no call is made */
    const char *device_id;
    const char *owner;
};
struct tell_sink {
    /* A line for the operator, safe to print. */
    easg_status (*line)(void *user, const char *text, easg_error *err);
    void *user;
};

/* 1: the module has this EASG_DEVICE_* verb. */
int device_command_known(struct instance_ref *i, uint32_t verb);
/* Only tells, unless `go`; then it is done, which a dry run refuses. */
easg_status device_command_call(struct session_ref *s, const struct device_command *command, int go,
                                const struct tell_sink *to, easg_error *err);

/* Tells the module what the configuration asks for beyond a run (EASG_NEED_* of probe.h), before it
 * is probed or asked for its rights. */
void instance_expect(struct instance_ref *i, uint32_t needs);

#endif
