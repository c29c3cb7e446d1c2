/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_options.h - what an organisation's `policy:` says, as the decision takes it. A header of
 * its own, because core/config fills it and core/policy reads it.
 */
#ifndef EASG_POLICY_OPTIONS_H
#define EASG_POLICY_OPTIONS_H

#include <stdint.h>

enum policy_override { OVERRIDE_AUTO = 0, OVERRIDE_ON = 1, OVERRIDE_OFF = 2 };
/* When the facts are older than brakes.facts_max_age and the manager does not answer. */
enum policy_failure { FAILURE_HOLD = 0, FAILURE_OPEN = 1, FAILURE_CLOSED = 2 };
enum policy_unknown { UNKNOWN_BLOCK = 0, UNKNOWN_COMPLIANT = 1 };

struct policy_options {
    int enabled;                       /* policy.enabled (true); false: D02 withdraws our entries */
    enum policy_override override;     /* policy.override: auto | on | off */
    int hma;                           /* policy.hma (false): D08 leaves Outlook's cloud client */
    int unsupported_default;           /* policy.unsupported_platform: block | default (D09) */
    int enforce_foreign_allow;         /* policy.foreign_allow: leave | enforce (D07) */
    int activation_strict;             /* policy.activation: id-match | strict (D13) */
    enum policy_unknown unknown;       /* policy.unknown: block | compliant (D16) */
    enum policy_unknown configmanager; /* policy.configmanager: block | compliant (D16) */
    int64_t unknown_grace_ms;          /* policy.unknown_grace (1h): D15 before, D16 after */
};

#define POLICY_OPTIONS_DEFAULT                                                                     \
    {                                                                                              \
        1, OVERRIDE_AUTO, 0, 0, 0, 0, UNKNOWN_BLOCK, UNKNOWN_BLOCK, 3600000                        \
    }

#endif
