/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_rules.h - local rules beside the device manager's verdict, and rings of a roll-out, as
 * core/config fills them in and core/policy reads them. Pure data.
 */
#ifndef EASG_POLICY_RULES_H
#define EASG_POLICY_RULES_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

/* Words of the table; a bit a word where a rule takes several. */
enum policy_rule_action { RULE_NONE, RULE_ALLOW, RULE_BLOCK, RULE_WITHDRAW, RULE_LEAVE };

struct policy_rule {
    const char *name, *owner;
    uint8_t action;    /* enum policy_rule_action */
    uint8_t claims;    /* 1: it looks at what the client says of itself */
    easg_time expires; /* EASG_TIME_NONE: never */
    /* Patterns with * and ?, without case; NULL: whatever */
    const char *user, *device_id, *type, *model, *os, *user_agent;
    const char *const *groups;                /* object ids; the person is in one of them */
    size_t n_groups;                          /* 0: whatever */
    uint32_t platforms, records, compliances; /* bits by number of the word; 0: whatever */
    uint8_t days;                             /* bit 0 Monday; 0: every day */
    int from_min, to_min;                     /* local minutes of the day; -1: all day */
};

struct policy_ring {
    const char *name;
    const char *const *users; /* patterns */
    size_t n_users;
    const char *const *groups; /* object ids */
    size_t n_groups;
    int64_t percent;  /* of the mailboxes, by their id; 0: none, 100: everybody who is left */
    int64_t delay_ms; /* after enforcement began */
    int64_t blast_devices, blast_percent; /* -1: those of brakes */
};

#endif
