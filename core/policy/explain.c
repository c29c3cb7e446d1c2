/* SPDX-License-Identifier: Apache-2.0
 *
 * explain.c - the words of the table: names of rows, inputs and values, and a sentence a row. The
 * words are an interface (state file, JSON): they are added to, never changed.
 */
#include "policy.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *word_at(const char *const *words, size_t n, size_t i)
{
    return i < n ? words[i] : "?";
}

const char *policy_action_name(unsigned action)
{
    static const char *const words[] = { "leave", "allow", "block", "withdraw" };

    return word_at(words, COUNT(words), action);
}

const char *policy_reason_name(unsigned reason)
{
    static const char *const words[] = { "unknown",
                                         "none",
                                         "exchangeGlobalRule",
                                         "exchangeIndividualRule",
                                         "exchangeDeviceRule",
                                         "other",
                                         "notEnrolled",
                                         "notCompliant",
                                         "compliant" };

    return word_at(words, COUNT(words), reason);
}

const char *policy_mail_name(unsigned mail)
{
    static const char *const words[] = { "none", "enrol", "activate", "noncompliant" };

    return word_at(words, COUNT(words), mail);
}

static const struct {
    const char *name;
    const char *text;
} rows[] = {
    { "D00", "no row" },
    { "D01", "the facts of the device manager are too old or incomplete: nothing is changed" },
    { "D02", "the policy is switched off: only our own entry is taken back" },
    { "D03", "the user has no licence of the device manager, or no person was found for the "
             "mailbox: Exchange's own rules decide" },
    { "D04", "the user is in no included group: Exchange's own rules decide" },
    { "D05", "the user is in an excluded group: Exchange's own rules decide" },
    { "D06", "an administrator or another tool has blocked this device: that entry stands" },
    { "D07", "an administrator or another tool has allowed this device: that entry stands" },
    { "D08", "Outlook's cloud client is left to modern authentication (policy.hma)" },
    { "D09", "the device manager cannot manage this platform: Exchange's own rules decide "
             "(policy.unsupported_platform)" },
    { "D10", "two enrolled devices claim this device id: a person has to look" },
    { "D11", "no enrolled device of this user has this device id: it is blocked until it is "
             "enrolled" },
    { "D12", "the device is being retired or wiped: it counts as not enrolled" },
    { "D13", "the device is enrolled, but its mail id is not activated yet" },
    { "D14", "the device manager says that the device is not compliant" },
    { "D15", "the device was enrolled just now and its compliance is not known yet: wait" },
    { "D16", "the compliance of the device is not known, and its time for that is over" },
    { "D17", "the device is compliant: it is allowed, whatever the default (policy.override)" },
    { "D18", "the device is compliant, and the default would not let it in: it is allowed" },
    { "D19", "the device is compliant: the organisation's default applies" },
    { "R01", "a local rule of the organisation's file decides (rules)" },
    { "F01", "the device manager is silent too long: our block is taken back "
             "(failure_policy: open)" },
    { "F02", "the device manager is silent too long: the device is blocked "
             "(failure_policy: closed)" }
};

const char *policy_row_name(unsigned row)
{
    return row < COUNT(rows) ? rows[row].name : "?";
}

const char *policy_row_text(unsigned row)
{
    return row < COUNT(rows) ? rows[row].text : "?";
}

/* ---- inputs ---- */

static const char *const w_data[] = { "ok", "stale", NULL };
static const char *const w_off_on[] = { "off", "on", NULL };
static const char *const w_no_yes[] = { "no", "yes", NULL };
static const char *const w_foreign[] = { "none", "allow", "block", NULL };
static const char *const w_unsupported[] = { "block", "default", NULL };
static const char *const w_client[] = { "eas", "service", NULL };
static const char *const w_platform[] = { "ios", "android", "windows", "other", NULL };
static const char *const w_record[] = {
    "none", "ambiguous", "easonly", "managed", "retiring", NULL
};
static const char *const w_compliance[] = { "compliant",   "inGracePeriod", "noncompliant",
                                            "conflict",    "error",         "unknown-new",
                                            "unknown-old", "configManager", NULL };
static const char *const w_override[] = { "no", "yes", "off", NULL };
static const char *const w_default[] = { "allow", "block", "quarantine", NULL };
static const char *const w_foreign_allow[] = { "leave", "enforce", NULL };
static const char *const w_rule[] = { "none", "allow", "block", "withdraw", "leave", NULL };
static const char *const w_failure[] = { "hold", "open", "closed", NULL };
static const char *const w_unknown[] = { "block", "compliant", NULL };

static const struct {
    const char *name;
    const char *const *words;
    size_t offset;
} inputs[] = {
    { "data", w_data, offsetof(struct policy_input, data) },
    { "policy", w_off_on, offsetof(struct policy_input, policy) },
    { "licence", w_no_yes, offsetof(struct policy_input, licensed) },
    { "targeted", w_no_yes, offsetof(struct policy_input, targeted) },
    { "exempt", w_no_yes, offsetof(struct policy_input, exempt) },
    { "foreign", w_foreign, offsetof(struct policy_input, foreign) },
    { "hma", w_no_yes, offsetof(struct policy_input, hma) },
    { "unsupported_platform", w_unsupported, offsetof(struct policy_input, unsupported_default) },
    { "client", w_client, offsetof(struct policy_input, client) },
    { "platform", w_platform, offsetof(struct policy_input, platform) },
    { "record", w_record, offsetof(struct policy_input, record) },
    { "activated", w_no_yes, offsetof(struct policy_input, activated) },
    { "compliance", w_compliance, offsetof(struct policy_input, compliance) },
    { "override", w_override, offsetof(struct policy_input, override) },
    { "default_access", w_default, offsetof(struct policy_input, default_access) },
    { "foreign_allow", w_foreign_allow, offsetof(struct policy_input, enforce_foreign_allow) },
    { "unknown", w_unknown, offsetof(struct policy_input, unknown_compliant) },
    { "configmanager", w_unknown, offsetof(struct policy_input, configmanager_compliant) },
    { "rule", w_rule, offsetof(struct policy_input, rule) },
    { "failure", w_failure, offsetof(struct policy_input, failure) },
    { "entry", w_foreign, offsetof(struct policy_input, entry) }
};

const char *policy_input_name(size_t i)
{
    return i < COUNT(inputs) ? inputs[i].name : NULL;
}

const char *policy_input_word(size_t input, size_t i)
{
    size_t k;

    if (input >= COUNT(inputs))
        return NULL;
    for (k = 0; inputs[input].words[k]; k++)
        if (k == i)
            return inputs[input].words[k];
    return NULL;
}

const char *policy_input_value(const struct policy_input *in, size_t i)
{
    const char *word;

    if (i >= COUNT(inputs))
        return NULL;
    word = policy_input_word(i, ((const uint8_t *)in)[inputs[i].offset]);
    return word ? word : "?";
}

int policy_input_set(struct policy_input *in, const char *name, const char *value)
{
    size_t i, k;

    for (i = 0; i < COUNT(inputs); i++) {
        if (strcmp(name, inputs[i].name) != 0)
            continue;
        for (k = 0; inputs[i].words[k]; k++)
            if (strcmp(value, inputs[i].words[k]) == 0) {
                ((uint8_t *)in)[inputs[i].offset] = (uint8_t)k;
                return 1;
            }
        return 0;
    }
    return 0;
}
