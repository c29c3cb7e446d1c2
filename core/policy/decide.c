/* SPDX-License-Identifier: Apache-2.0
 *
 * decide.c - the decision table, row by row in its order. Why each row is what it is stands in
 * core/why/decisions.md; names and sentences of the rows stand in explain.c.
 */
#include "policy.h"

/* The numbers and words of one row. */
static struct policy_verdict row(unsigned n, enum policy_action action, enum policy_reason reason,
                                 enum policy_mail mail)
{
    struct policy_verdict v = { (uint8_t)n, (uint8_t)action, (uint8_t)reason, (uint8_t)mail };

    return v;
}

/* D14 to D19: the device is enrolled, and what the manager says of it decides. */
static struct policy_verdict by_compliance(const struct policy_input *in)
{
    switch (in->compliance) {
    case COMPLIANCE_COMPLIANT:
    case COMPLIANCE_GRACE: break;
    case COMPLIANCE_UNKNOWN_NEW: return row(15, ACTION_LEAVE, REASON_UNKNOWN, MAIL_NONE);
    case COMPLIANCE_UNKNOWN_OLD:
        if (!in->unknown_compliant)
            return row(16, ACTION_BLOCK, REASON_NOT_COMPLIANT, MAIL_NONCOMPLIANT);
        break;
    case COMPLIANCE_CONFIGMANAGER:
        if (!in->configmanager_compliant)
            return row(16, ACTION_BLOCK, REASON_NOT_COMPLIANT, MAIL_NONCOMPLIANT);
        break;
    default: /* noncompliant, conflict, error, and a number that nobody should have put here */
        return row(14, ACTION_BLOCK, REASON_NOT_COMPLIANT, MAIL_NONCOMPLIANT);
    }
    if (in->override == OVERRIDE_ON)
        return row(17, ACTION_ALLOW, REASON_COMPLIANT, MAIL_NONE);
    if (in->override == OVERRIDE_AUTO && in->default_access != DEFAULT_ALLOW)
        return row(18, ACTION_ALLOW, REASON_COMPLIANT, MAIL_NONE);
    return row(19, ACTION_WITHDRAW, REASON_GLOBAL_RULE, MAIL_NONE);
}

/* D08 to D13: what kind of client it is, and whether the manager knows it. */
static struct policy_verdict by_record(const struct policy_input *in)
{
    int unknown = in->record == RECORD_NONE || in->record == RECORD_EASONLY;
    int phone = in->platform == PLATFORM_IOS || in->platform == PLATFORM_ANDROID;

    if (in->hma && in->client == CLIENT_SERVICE)
        return row(8, ACTION_LEAVE, REASON_OTHER, MAIL_NONE);
    if (in->unsupported_default && in->platform == PLATFORM_OTHER && unknown)
        return row(9, ACTION_WITHDRAW, REASON_DEVICE_RULE, MAIL_NONE);
    if (in->record == RECORD_AMBIGUOUS)
        return row(10, ACTION_LEAVE, REASON_UNKNOWN, MAIL_NONE);
    if (unknown)
        return row(11, ACTION_BLOCK, REASON_NOT_ENROLLED, MAIL_ENROL);
    if (in->record != RECORD_MANAGED)
        return row(12, ACTION_BLOCK, REASON_NOT_ENROLLED, MAIL_ENROL);
    if (phone && !in->activated)
        return row(13, ACTION_BLOCK, REASON_NOT_ENROLLED, MAIL_ACTIVATE);
    return by_compliance(in);
}

/* The facts are no good. Nothing is changed, unless the organisation chose otherwise for a manager
 * that is silent too long: open takes our blocks back, closed blocks whom the policy is about, as
 * far as was known last. Entries of others stand in any case. */
static struct policy_verdict by_failure(const struct policy_input *in)
{
    struct policy_verdict leave = row(1, ACTION_LEAVE, REASON_UNKNOWN, MAIL_NONE);

    if (in->failure == FAILURE_HOLD || !in->policy || !in->licensed || !in->targeted ||
        in->exempt || in->foreign != FOREIGN_NONE)
        return leave;
    if (in->failure == FAILURE_OPEN)
        return in->entry == ENTRY_BLOCK
                   ? row(POLICY_ROW_OPEN, ACTION_WITHDRAW, REASON_UNKNOWN, MAIL_NONE)
                   : leave;
    return row(POLICY_ROW_CLOSED, ACTION_BLOCK, REASON_UNKNOWN, MAIL_NONE);
}

static struct policy_verdict by_rule(const struct policy_input *in)
{
    static const uint8_t actions[] = { ACTION_LEAVE, ACTION_ALLOW, ACTION_BLOCK, ACTION_WITHDRAW,
                                       ACTION_LEAVE };

    return row(POLICY_ROW_RULE, (enum policy_action)actions[in->rule % 5], REASON_OTHER, MAIL_NONE);
}

struct policy_verdict policy_decide(const struct policy_input *in)
{
    if (in->data != DATA_OK)
        return by_failure(in);
    if (!in->policy)
        return row(2, ACTION_WITHDRAW, REASON_NONE, MAIL_NONE);
    if (!in->licensed)
        return row(3, ACTION_WITHDRAW, REASON_NONE, MAIL_NONE);
    if (!in->targeted)
        return row(4, ACTION_WITHDRAW, REASON_GLOBAL_RULE, MAIL_NONE);
    if (in->exempt)
        return row(5, ACTION_WITHDRAW, REASON_GLOBAL_RULE, MAIL_NONE);
    if (in->foreign == FOREIGN_BLOCK)
        return row(6, ACTION_LEAVE, REASON_INDIVIDUAL_RULE, MAIL_NONE);
    if (in->foreign == FOREIGN_ALLOW && !in->enforce_foreign_allow)
        return row(7, ACTION_LEAVE, REASON_INDIVIDUAL_RULE, MAIL_NONE);
    return in->rule != RULE_NONE ? by_rule(in) : by_record(in);
}
