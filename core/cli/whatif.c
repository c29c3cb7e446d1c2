/* SPDX-License-Identifier: Apache-2.0
 *
 * whatif.c - asks the decision table about other facts, so that what `explain` says can never
 * differ from what the table does.
 */
#include "whatif.h"

enum when { ALWAYS, WHEN_AMBIGUOUS, WHEN_NOT_ENROLLED, WHEN_NEITHER, WHEN_BLOCKED, WHEN_IN };

/* A set of facts that a person can bring about, in the order in which they are worth saying. */
struct change {
    const char *text;
    enum when when;
    struct {
        const char *name, *value;
    } set[4];
};

/* clang-format off */
static const struct change changes[] = {
    { "fresh, complete facts of the device manager", ALWAYS,
      { { "data", "ok" } } },
    { "the policy switched on", ALWAYS,
      { { "policy", "on" } } },
    { "a person with a licence for the mailbox", ALWAYS,
      { { "licence", "yes" } } },
    { "the user in an included group", ALWAYS,
      { { "targeted", "yes" } } },
    { "the user in no excluded group", ALWAYS,
      { { "exempt", "no" } } },
    { "the administrator's entry removed from the mailbox's lists", ALWAYS,
      { { "foreign", "none" } } },
    { "one of the two records gone, the other one managed and compliant", WHEN_AMBIGUOUS,
      { { "record", "managed" }, { "compliance", "compliant" }, { "activated", "yes" } } },
    { "the device enrolled by this user, and compliant", WHEN_NOT_ENROLLED,
      { { "record", "managed" }, { "compliance", "compliant" }, { "activated", "yes" } } },
    { "the mail id of the device activated", ALWAYS,
      { { "activated", "yes" } } },
    { "the device manager reports it compliant", ALWAYS,
      { { "compliance", "compliant" } } },
    { "the mail id activated, and the device compliant", WHEN_NEITHER,
      { { "activated", "yes" }, { "compliance", "compliant" } } },
    { "the device manager reports it not compliant", ALWAYS,
      { { "compliance", "noncompliant" } } },
    { "the device retired or wiped", ALWAYS,
      { { "record", "retiring" } } },
    { "the device no longer enrolled", ALWAYS,
      { { "record", "none" } } },
    { "the user in no included group", ALWAYS,
      { { "targeted", "no" } } },
    { "the user in an excluded group", ALWAYS,
      { { "exempt", "yes" } } },
    { "the user without a licence", ALWAYS,
      { { "licence", "no" } } },
    { "an administrator's entry that blocks it", WHEN_IN,
      { { "foreign", "block" } } },
    { "an administrator's entry that allows it", WHEN_BLOCKED,
      { { "foreign", "allow" } } },
    { "Exchange's default Allow", ALWAYS,
      { { "default_access", "allow" } } },
    { "Exchange's default Quarantine", ALWAYS,
      { { "default_access", "quarantine" } } },
    { "Exchange's default Block", ALWAYS,
      { { "default_access", "block" } } },
};
/* clang-format on */
static int applies(enum when when, const struct policy_input *in, unsigned action)
{
    switch (when) {
    case WHEN_AMBIGUOUS: return in->record == RECORD_AMBIGUOUS;
    case WHEN_NOT_ENROLLED: return in->record != RECORD_AMBIGUOUS && in->record != RECORD_MANAGED;
    case WHEN_NEITHER: /* one of them alone says it otherwise */
        return !in->activated && in->compliance != COMPLIANCE_COMPLIANT;
    case WHEN_BLOCKED: return action == ACTION_BLOCK;
    case WHEN_IN: return action != ACTION_BLOCK;
    default: return 1;
    }
}

size_t whatif(const struct policy_input *in, struct whatif out[WHATIF_MAX])
{
    struct policy_verdict now = policy_decide(in);
    struct policy_input other;
    size_t n = 0, i, k;

    for (i = 0; i < sizeof(changes) / sizeof(changes[0]) && n < WHATIF_MAX; i++) {
        if (!applies(changes[i].when, in, now.action))
            continue;
        other = *in;
        for (k = 0; k < 4 && changes[i].set[k].name; k++)
            policy_input_set(&other, changes[i].set[k].name, changes[i].set[k].value);
        out[n].then = policy_decide(&other);
        if (out[n].then.action == now.action)
            continue;
        out[n].text = changes[i].text;
        n++;
    }
    return n;
}
