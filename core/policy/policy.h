/* SPDX-License-Identifier: Apache-2.0
 *
 * policy.h - the decision: pure functions, no store, no clock but the one handed in, no
 * allocation. The table is D01 to D19 of core/why/decisions.md; first match wins.
 */
#ifndef EASG_POLICY_H
#define EASG_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "policy_options.h"
#include "policy_rules.h"

/* ---- inputs of the table, in its own words (decide.c) ---- */

enum in_data { DATA_OK, DATA_STALE };
enum in_foreign { FOREIGN_NONE, FOREIGN_ALLOW, FOREIGN_BLOCK }; /* entry that is not ours */
enum in_client { CLIENT_EAS, CLIENT_SERVICE };
enum in_platform { PLATFORM_IOS, PLATFORM_ANDROID, PLATFORM_WINDOWS, PLATFORM_OTHER };
enum in_record { RECORD_NONE, RECORD_AMBIGUOUS, RECORD_EASONLY, RECORD_MANAGED, RECORD_RETIRING };
enum in_compliance {
    COMPLIANCE_COMPLIANT,
    COMPLIANCE_GRACE,
    COMPLIANCE_NONCOMPLIANT,
    COMPLIANCE_CONFLICT,
    COMPLIANCE_ERROR,
    COMPLIANCE_UNKNOWN_NEW,
    COMPLIANCE_UNKNOWN_OLD,
    COMPLIANCE_CONFIGMANAGER
};
enum in_default { DEFAULT_ALLOW, DEFAULT_BLOCK, DEFAULT_QUARANTINE };
enum in_entry { ENTRY_NONE, ENTRY_ALLOW, ENTRY_BLOCK }; /* of ours, asked for in an outage only */

struct policy_input {
    uint8_t data;   /* enum in_data */
    uint8_t policy; /* 1: on */
    uint8_t licensed;
    uint8_t targeted;
    uint8_t exempt;
    uint8_t foreign; /* enum in_foreign */
    uint8_t hma;
    uint8_t unsupported_default;
    uint8_t client;   /* enum in_client */
    uint8_t platform; /* enum in_platform */
    uint8_t record;   /* enum in_record */
    uint8_t activated;
    uint8_t compliance;     /* enum in_compliance */
    uint8_t override;       /* enum policy_override: the table's "no" is AUTO, its "yes" is ON; OFF
                             * keeps D18 out, so compliant devices stay at the default */
    uint8_t default_access; /* enum in_default */
    /* options that move single rows */
    uint8_t enforce_foreign_allow;
    uint8_t unknown_compliant;
    uint8_t configmanager_compliant;
    /* beside the table: all zero, and it is the table alone */
    uint8_t rule;    /* enum policy_rule_action: what the local rule that fits says */
    uint8_t failure; /* enum policy_failure: what an outage beyond facts_max_age does */
    uint8_t entry;   /* enum in_entry */
};

enum policy_action { ACTION_LEAVE = 0, ACTION_ALLOW = 1, ACTION_BLOCK = 2, ACTION_WITHDRAW = 3 };
enum policy_reason {
    REASON_UNKNOWN,
    REASON_NONE,
    REASON_GLOBAL_RULE,
    REASON_INDIVIDUAL_RULE,
    REASON_DEVICE_RULE,
    REASON_OTHER,
    REASON_NOT_ENROLLED,
    REASON_NOT_COMPLIANT,
    REASON_COMPLIANT
};
enum policy_mail { MAIL_NONE, MAIL_ENROL, MAIL_ACTIVATE, MAIL_NONCOMPLIANT };

struct policy_verdict {
    uint8_t row;    /* 1..19: D01..D19; POLICY_ROW_* */
    uint8_t action; /* enum policy_action */
    uint8_t reason; /* enum policy_reason */
    uint8_t mail;   /* enum policy_mail */
};

enum { POLICY_ROW_RULE = 20, POLICY_ROW_OPEN = 21, POLICY_ROW_CLOSED = 22, POLICY_ROWS = 23 };

/* Total: every input has a verdict. [any] */
struct policy_verdict policy_decide(const struct policy_input *in);

const char *policy_action_name(unsigned action); /* "leave" "allow" "block" "withdraw" */
const char *policy_reason_name(unsigned reason); /* Graph's words: "notEnrolled" ... */
const char *policy_mail_name(unsigned mail);     /* "none" "enrol" "activate" "noncompliant" */
const char *policy_row_name(unsigned row);       /* "D01" ... */
/* One sentence for people: why this row decides. */
const char *policy_row_text(unsigned row);
/* Name and value of input number i, for explain and for JSON; NULL past the end. */
const char *policy_input_name(size_t i);
const char *policy_input_value(const struct policy_input *in, size_t i);
/* The i-th value that input `input` may have; NULL past the end. */
const char *policy_input_word(size_t input, size_t i);
/* Inputs for a device that the table would let through to D18 or D19: a starting point for
 * policy_input_set(). */
#define POLICY_INPUT_DEFAULT                                                                       \
    {                                                                                              \
        DATA_OK, 1, 1, 1, 0, FOREIGN_NONE, 0, 0, CLIENT_EAS, PLATFORM_IOS, RECORD_MANAGED, 1,      \
            COMPLIANCE_COMPLIANT, OVERRIDE_AUTO, DEFAULT_ALLOW, 0, 0, 0, 0, 0, 0                   \
    }
/* The reverse: sets the input `name` to `value`; 0 when there is no such name or value. */
int policy_input_set(struct policy_input *in, const char *name, const char *value);

/* ---- from facts to inputs (match.c) ---- */

/* 1: the id may be compared at all ([A-Za-z0-9], 1..64 characters, white space around them aside).
 */
int policy_eas_id_valid(const char *ptr, size_t len);
/* Upper case of the id without the white space around it; the key under which ids are equal. `out`
 * holds len + 1 bytes and ends in NUL. */
void policy_eas_id_fold(const char *ptr, size_t len, char *out);

/* One managed device that carries the partnership's EAS id. */
struct policy_candidate {
    easg_compliance compliance;
    easg_management management;
    uint32_t flags;    /* EASG_MANAGED_* */
    uint8_t platform;  /* enum in_platform, from the manager's operatingSystem */
    uint8_t eas_only;  /* management NONE */
    uint8_t same_user; /* its person is the mailbox's person */
    uint8_t exact;     /* id equal to the letter */
    easg_time enrolled;
    easg_time last_seen;
    easg_time grace_until; /* end of the grace period; EASG_TIME_NONE: none is known */
    int64_t ref;       /* the caller's: row of the store */
    uint64_t hardware; /* equal for records of one physical device (hash of its serial number);
                        * 0: not known */
};

/* What is known of one partnership besides its candidates. */
struct policy_facts {
    uint8_t data;   /* enum in_data */
    uint8_t joined; /* a person was found for the mailbox */
    uint8_t licensed, targeted, exempt;
    uint8_t foreign;                                        /* enum in_foreign */
    uint8_t default_access;                                 /* enum in_default */
    easg_str device_id, device_type, device_os, user_agent; /* claims of the client */
};

/* Chooses among the candidates (mapping rule of core/why/decisions.md) and fills the input.
 * *chosen is the index of the record that counts, or -1 (there is none, or two claim the id);
 * *cross_user is 1 when a record exists but belongs to somebody else. */
void policy_resolve(const struct policy_options *options, const struct policy_facts *facts,
                    const struct policy_candidate *candidates, size_t n, easg_time now,
                    struct policy_input *out, int *chosen, int *cross_user);

/* From an operating system's name, and where that says nothing, from the client's device type; each
 * may be NULL or absent. */
enum in_platform policy_platform(const easg_str *os, const easg_str *device_type);

/* The inputs that are options, and no fact at all. */
void policy_from_options(const struct policy_options *options, struct policy_input *out);
/* The inputs that follow from the policy alone, for facts that were resolved under another one:
 * `flags` and `enrolled` are those of the record that counted (`chosen` 0: none did). The rule that
 * fits is the caller's. */
void policy_reinput(const struct policy_options *options, int chosen, uint32_t flags,
                    easg_time enrolled, easg_time now, struct policy_input *in);

/* When this decision may change by time alone: end of the grace period, end of the first hour
 * after enrolment. EASG_TIME_NONE: never. */
easg_time policy_next_change(const struct policy_options *options, const struct policy_candidate *c,
                             easg_time now);

/* ---- local rules and rings (rules.c) ---- */

/* 1: it fits; * is any text, ? any byte, ASCII letters without case. */
int policy_glob(const char *pattern, const char *ptr, size_t len);

/* What a rule may look at. All but user and `in` are claims of the client. */
struct policy_subject {
    easg_str user, device_id, type, model, os, user_agent;
    easg_str groups;               /* watched groups of the person, blanks between */
    const struct policy_input *in; /* resolved */
    easg_time now;
    unsigned weekday; /* local, 0: Monday */
    int minute;       /* local, of the day */
};
/* The first rule that fits and has not expired; -1: none. */
int policy_rule_find(const struct policy_rule *rules, size_t n, const struct policy_subject *s);
/* The ring of a mailbox; whoever is in none is in the last. 0 without rings. */
size_t policy_ring_find(const struct policy_ring *rings, size_t n, const easg_str *user,
                        const easg_str *mailbox, const easg_str *groups);
/* 1: `group` is one of those in `groups` (blanks between), without case. */
int policy_in_group(const easg_str *groups, const char *group);

/* ---- may this plan go out? (brakes.c) ---- */

/* 1: `count` facts are believable after `last_good` (0: none yet), at `percent`. */
int brakes_facts_ok(int64_t count, int64_t last_good, int64_t percent);
/* 1: `new_blocks` may go out without a person's approval, of `devices` in the organisation. */
int brakes_blast_ok(int64_t new_blocks, int64_t devices, int64_t max_devices, int64_t max_percent);
/* The number above which blocks are held: max(max_devices, max_percent of devices). */
int64_t brakes_blast_limit(int64_t devices, int64_t max_devices, int64_t max_percent);

#endif
