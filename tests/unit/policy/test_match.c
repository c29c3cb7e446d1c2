/* SPDX-License-Identifier: Apache-2.0
 *
 * test_match.c - each clause of the mapping rule as a row: what is known of the partnership, what
 * records carry its id, and what comes out.
 */
#include "check.h"

#include "policy.h"
#include "text.h"

#define NOW   INT64_C(1700000000000)
#define HOUR  INT64_C(3600000)
#define DAY   (24 * HOUR)
#define IOS   PLATFORM_IOS
#define ANDR  PLATFORM_ANDROID
#define GOOD  EASG_COMPLIANCE_COMPLIANT
#define LIVE  EASG_MANAGEMENT_MANAGED
#define RETI  EASG_MANAGEMENT_RETIRING
#define NONE  EASG_MANAGEMENT_NONE
#define OURS  1
#define OTHER 0
#define EXACT 1
#define CASED 0

/* compliance, management, flags, platform, eas_only, same_user, exact, enrolled, last_seen, ref, hw
 */
#define REC(man, user, exact, seen, hw)                                                            \
    {                                                                                              \
        GOOD, (man), 0, IOS, (man) == NONE, (user), (exact), NOW - 30 * DAY, NOW - (seen)*HOUR,    \
            EASG_TIME_NONE, 0, (hw)                                                                \
    }

struct row {
    const char *name;
    struct policy_candidate c[3];
    size_t n;
    enum in_record record;
    int chosen, cross_user;
};

/* clang-format off */
static const struct row rows[] = {
    { "nothing known", { { 0 } }, 0, RECORD_NONE, -1, 0 },
    { "one record", { REC(LIVE, OURS, EXACT, 1, 7) }, 1, RECORD_MANAGED, 0, 0 },
    { "other case alone", { REC(LIVE, OURS, CASED, 1, 7) }, 1, RECORD_MANAGED, 0, 0 },
    { "exact wins over case",
      { REC(LIVE, OURS, CASED, 1, 7), REC(LIVE, OURS, EXACT, 90, 8) },
      2,
      RECORD_MANAGED,
      1,
      0 },
    { "two distinct devices",
      { REC(LIVE, OURS, EXACT, 1, 7), REC(LIVE, OURS, EXACT, 2, 8) },
      2,
      RECORD_AMBIGUOUS,
      -1,
      0 },
    { "two distinct, both in another case",
      { REC(LIVE, OURS, CASED, 1, 7), REC(LIVE, OURS, CASED, 2, 8) },
      2,
      RECORD_AMBIGUOUS,
      -1,
      0 },
    { "three, one of them distinct",
      { REC(LIVE, OURS, EXACT, 2, 7), REC(LIVE, OURS, EXACT, 3, 8), REC(LIVE, OURS, EXACT, 1, 7) },
      3,
      RECORD_AMBIGUOUS,
      -1,
      0 },
    { "ours and another's, distinct",
      { REC(LIVE, OTHER, EXACT, 1, 7), REC(LIVE, OURS, EXACT, 2, 8) },
      2,
      RECORD_AMBIGUOUS,
      -1,
      0 },
    { "serial known of one only",
      { REC(LIVE, OURS, EXACT, 1, 7), REC(LIVE, OURS, EXACT, 2, 0) },
      2,
      RECORD_AMBIGUOUS,
      -1,
      0 },
    { "enrolled again, newest sync",
      { REC(LIVE, OURS, EXACT, 48, 7), REC(LIVE, OURS, EXACT, 1, 7) },
      2,
      RECORD_MANAGED,
      1,
      0 },
    { "enrolled again, no serial numbers",
      { REC(LIVE, OURS, EXACT, 1, 0), REC(LIVE, OURS, EXACT, 48, 0) },
      2,
      RECORD_MANAGED,
      0,
      0 },
    { "enrolled again, the newer one is retiring",
      { REC(LIVE, OURS, EXACT, 48, 7), REC(RETI, OURS, EXACT, 1, 7) },
      2,
      RECORD_MANAGED,
      0,
      0 },
    { "live in another case, retiring exact",
      { REC(RETI, OURS, EXACT, 1, 7), REC(LIVE, OURS, CASED, 48, 7) },
      2,
      RECORD_MANAGED,
      1,
      0 },
    { "retiring", { REC(RETI, OURS, EXACT, 1, 7) }, 1, RECORD_RETIRING, 0, 0 },
    { "two retiring, newest",
      { REC(RETI, OURS, EXACT, 9, 7), REC(RETI, OURS, EXACT, 1, 8) },
      2,
      RECORD_RETIRING,
      1,
      0 },
    { "eas-only alone", { REC(NONE, OURS, EXACT, 1, 0) }, 1, RECORD_EASONLY, 0, 0 },
    { "eas-only of nobody", { REC(NONE, OTHER, EXACT, 1, 0) }, 1, RECORD_EASONLY, 0, 0 },
    { "eas-only beside a live one",
      { REC(NONE, OURS, EXACT, 1, 0), REC(LIVE, OURS, EXACT, 48, 7) },
      2,
      RECORD_MANAGED,
      1,
      0 },
    { "eas-only exact beside a live one in another case",
      { REC(NONE, OURS, EXACT, 1, 0), REC(LIVE, OURS, CASED, 48, 7) },
      2,
      RECORD_MANAGED,
      1,
      0 },
    { "eas-only beside a retiring one",
      { REC(NONE, OURS, EXACT, 1, 0), REC(RETI, OURS, EXACT, 48, 7) },
      2,
      RECORD_RETIRING,
      1,
      0 },
    { "another's", { REC(LIVE, OTHER, EXACT, 1, 7) }, 1, RECORD_NONE, -1, 1 },
    { "another's, retiring", { REC(RETI, OTHER, EXACT, 1, 7) }, 1, RECORD_NONE, -1, 1 },
    { "two others'",
      { REC(LIVE, OTHER, EXACT, 1, 7), REC(LIVE, OTHER, EXACT, 1, 8) },
      2,
      RECORD_NONE,
      -1,
      1 },
    { "two others', no serial numbers",
      { REC(LIVE, OTHER, EXACT, 1, 0), REC(LIVE, OTHER, EXACT, 1, 0) },
      2,
      RECORD_NONE,
      -1,
      1 },
    { "exact is another's, ours in another case",
      { REC(LIVE, OTHER, EXACT, 1, 7), REC(LIVE, OURS, CASED, 1, 8) },
      2,
      RECORD_NONE,
      -1,
      1 },
    { "phone went to somebody else",
      { REC(LIVE, OURS, EXACT, 48, 7), REC(LIVE, OTHER, EXACT, 1, 7) },
      2,
      RECORD_NONE,
      -1,
      1 },
    { "phone came from somebody else",
      { REC(LIVE, OURS, EXACT, 1, 7), REC(LIVE, OTHER, EXACT, 48, 7) },
      2,
      RECORD_MANAGED,
      0,
      0 },
    { "our retiring one beside another's live one",
      { REC(RETI, OURS, EXACT, 1, 7), REC(LIVE, OTHER, EXACT, 48, 8) },
      2,
      RECORD_NONE,
      -1,
      1 },
};
/* clang-format on */

static struct policy_facts some_facts(void)
{
    struct policy_facts f = { DATA_OK,       1,     1,     1,     0,    FOREIGN_NONE,
                              DEFAULT_ALLOW, { 0 }, { 0 }, { 0 }, { 0 } };

    f.device_id = TEXT_LIT("ApplC7KJ0ABCDEFG");
    f.device_type = TEXT_LIT("iPhone");
    f.device_os = TEXT_LIT("iOS 17.1 21B80");
    return f;
}

static void test_choice(void)
{
    const struct policy_options o = POLICY_OPTIONS_DEFAULT;
    const struct policy_facts f = some_facts();
    struct policy_candidate turned[3];
    struct policy_input in;
    int chosen, cross;
    size_t i, k;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];

        ROW(r->name);
        policy_resolve(&o, &f, r->c, r->n, NOW, &in, &chosen, &cross);
        CHECK_INT(in.record, r->record);
        CHECK_INT(chosen, r->chosen);
        CHECK_INT(cross, r->cross_user);
        /* the order of the list decides nothing */
        for (k = 0; k < r->n; k++)
            turned[k] = r->c[r->n - 1 - k];
        policy_resolve(&o, &f, turned, r->n, NOW, &in, &chosen, &cross);
        CHECK_INT(in.record, r->record);
        CHECK_INT(chosen, r->chosen < 0 ? -1 : (int)r->n - 1 - r->chosen);
        CHECK_INT(cross, r->cross_user);
    }
    ROW("");
}

static void test_ids(void)
{
    static const struct {
        const char *id;
        int valid;
        const char *folded;
    } ids[] = {
        { "androidc1234567890", 1, "ANDROIDC1234567890" },
        { "0123456789ABCDEF0123456789abcdef", 1, "0123456789ABCDEF0123456789ABCDEF" },
        { " SEC1A2B\t", 1, "SEC1A2B" },
        { "", 0, "" },
        { "   ", 0, "" },
        { "a,b", 0, "A,B" },
        { "a b", 0, "A B" },
        { "id-1", 0, "ID-1" },
        { "id'", 0, "ID'" },
        { "\xc3\xa4", 0, "\xc3\xa4" },
        { "0123456789012345678901234567890123456789012345678901234567890123", 1,
          "0123456789012345678901234567890123456789012345678901234567890123" },
        { "01234567890123456789012345678901234567890123456789012345678901234", 0,
          "01234567890123456789012345678901234567890123456789012345678901234" },
    };
    const struct policy_options o = POLICY_OPTIONS_DEFAULT;
    const struct policy_candidate rec = REC(LIVE, OURS, EXACT, 1, 7);
    struct policy_facts f = some_facts();
    struct policy_input in;
    char out[80];
    int chosen, cross;
    size_t i;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        ROW(ids[i].id);
        CHECK_INT(policy_eas_id_valid(ids[i].id, strlen(ids[i].id)), ids[i].valid);
        policy_eas_id_fold(ids[i].id, strlen(ids[i].id), out);
        CHECK_STR(out, ids[i].folded);
        /* an id that may not be compared matches nothing, whatever the caller hands in */
        f.device_id = text_str(ids[i].id);
        policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
        CHECK_INT(in.record, ids[i].valid ? RECORD_MANAGED : RECORD_NONE);
    }
    ROW("absent");
    CHECK_INT(policy_eas_id_valid(NULL, 0), 0);
    ROW("a NUL inside");
    CHECK_INT(policy_eas_id_valid("ab\0cd", 5), 0);
    ROW("");
}

static void test_platform(void)
{
    static const struct {
        const char *os, *type;
        enum in_platform want;
    } names[] = {
        { "iOS 17.1 21B80", "iPhone", PLATFORM_IOS },
        { "ios", NULL, PLATFORM_IOS },
        { "iPadOS", NULL, PLATFORM_IOS },
        { "Android 14", "SamsungDevice", PLATFORM_ANDROID },
        { "AndroidForWork", NULL, PLATFORM_ANDROID },
        { "Windows", NULL, PLATFORM_WINDOWS },
        { "Windows 10.0.19045", "WindowsMail", PLATFORM_WINDOWS },
        { "macOS", "iPhone", PLATFORM_OTHER },
        { "KaiOS 2.5", NULL, PLATFORM_OTHER },
        { "", "iPad", PLATFORM_IOS },
        { NULL, "iPod", PLATFORM_IOS },
        { NULL, "Android", PLATFORM_ANDROID },
        { NULL, "SAMSUNGSMG991B", PLATFORM_ANDROID },
        { NULL, "WP8", PLATFORM_WINDOWS },
        { "14.2", "iPhone", PLATFORM_IOS },
        { NULL, "Outlook", PLATFORM_OTHER },
        { NULL, NULL, PLATFORM_OTHER },
        { "io", "i", PLATFORM_OTHER },
    };
    easg_str os, type;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ROW(names[i].os ? names[i].os : "(no os)");
        os = text_str(names[i].os);
        type = text_str(names[i].type);
        CHECK_INT(policy_platform(&os, &type), names[i].want);
    }
    ROW("");
    CHECK_INT(policy_platform(NULL, NULL), PLATFORM_OTHER);
}

/* The client's claims count only while the manager has no record. */
static void test_claims(void)
{
    const struct policy_options o = POLICY_OPTIONS_DEFAULT;
    struct policy_facts f = some_facts();
    struct policy_candidate rec = REC(LIVE, OURS, EXACT, 1, 7);
    struct policy_input in;
    int chosen, cross;

    f.device_os = TEXT_LIT("Tizen");
    rec.platform = ANDR;
    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.platform, PLATFORM_ANDROID);
    policy_resolve(&o, &f, NULL, 0, NOW, &in, &chosen, &cross);
    CHECK_INT(in.platform, PLATFORM_OTHER);
    rec.management = EASG_MANAGEMENT_NONE;
    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.platform, PLATFORM_OTHER);

    CHECK_INT(in.client, CLIENT_EAS);
    f.device_type = TEXT_LIT("OutlookService");
    policy_resolve(&o, &f, NULL, 0, NOW, &in, &chosen, &cross);
    CHECK_INT(in.client, CLIENT_SERVICE);
    f.device_type = TEXT_LIT("outlook");
    policy_resolve(&o, &f, NULL, 0, NOW, &in, &chosen, &cross);
    CHECK_INT(in.client, CLIENT_SERVICE);
    f.device_type = TEXT_LIT("OutlookX");
    policy_resolve(&o, &f, NULL, 0, NOW, &in, &chosen, &cross);
    CHECK_INT(in.client, CLIENT_EAS);
}

static void test_facts(void)
{
    struct policy_options o = POLICY_OPTIONS_DEFAULT;
    struct policy_facts f = some_facts();
    struct policy_candidate rec = REC(LIVE, OTHER, EXACT, 1, 7);
    struct policy_input in;
    int chosen, cross;

    /* a mailbox without a person has no licence, is in no group, and accuses nobody */
    f.joined = 0;
    f.exempt = 1;
    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.licensed + in.targeted + in.exempt, 0);
    CHECK_INT(cross, 0);
    CHECK_STR(policy_row_name(policy_decide(&in).row), "D03");

    /* options and facts arrive where they belong */
    f = some_facts();
    f.data = DATA_STALE;
    f.exempt = 1;
    f.foreign = FOREIGN_BLOCK;
    f.default_access = DEFAULT_QUARANTINE;
    o = (struct policy_options){ 0, OVERRIDE_OFF, 1, 1, 1, 1, UNKNOWN_COMPLIANT, UNKNOWN_COMPLIANT,
                                 0 };
    policy_resolve(&o, &f, NULL, 0, NOW, &in, &chosen, &cross);
    CHECK_INT(in.data, DATA_STALE);
    CHECK_INT(in.policy, 0);
    CHECK_INT(in.exempt, 1);
    CHECK_INT(in.foreign, FOREIGN_BLOCK);
    CHECK_INT(in.default_access, DEFAULT_QUARANTINE);
    CHECK_INT(in.override, OVERRIDE_OFF);
    CHECK_INT(in.hma + in.unsupported_default + in.enforce_foreign_allow + in.unknown_compliant +
                  in.configmanager_compliant,
              5);
}

static void test_activation(void)
{
    struct policy_options o = POLICY_OPTIONS_DEFAULT;
    const struct policy_facts f = some_facts();
    struct policy_candidate rec = REC(LIVE, OURS, EXACT, 1, 7);
    struct policy_input in;
    int chosen, cross;

    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.activated, 1);
    o.activation_strict = 1;
    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.activated, 0);
    CHECK_STR(policy_row_name(policy_decide(&in).row), "D13");
    rec.flags = EASG_MANAGED_ACTIVATED;
    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.activated, 1);
    rec.flags = EASG_MANAGED_REGISTERED;
    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.activated, 1);
}

/* policy.override over the organisation's default: auto lifts a compliant device over Block and
 * Quarantine, on always, off never. */
static void test_override(void)
{
    static const struct {
        enum policy_override override;
        enum in_default def;
        const char *row, *action;
    } table[] = {
        { OVERRIDE_AUTO, DEFAULT_ALLOW, "D19", "withdraw" },
        { OVERRIDE_AUTO, DEFAULT_BLOCK, "D18", "allow" },
        { OVERRIDE_AUTO, DEFAULT_QUARANTINE, "D18", "allow" },
        { OVERRIDE_ON, DEFAULT_ALLOW, "D17", "allow" },
        { OVERRIDE_ON, DEFAULT_QUARANTINE, "D17", "allow" },
        { OVERRIDE_OFF, DEFAULT_ALLOW, "D19", "withdraw" },
        { OVERRIDE_OFF, DEFAULT_BLOCK, "D19", "withdraw" },
        { OVERRIDE_OFF, DEFAULT_QUARANTINE, "D19", "withdraw" },
    };
    struct policy_options o = POLICY_OPTIONS_DEFAULT;
    struct policy_facts f = some_facts();
    const struct policy_candidate rec = REC(LIVE, OURS, EXACT, 1, 7);
    struct policy_input in;
    struct policy_verdict v;
    int chosen, cross;
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        o.override = table[i].override;
        f.default_access = (uint8_t)table[i].def;
        policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
        v = policy_decide(&in);
        CHECK_STR(policy_row_name(v.row), table[i].row);
        CHECK_STR(policy_action_name(v.action), table[i].action);
    }
}

static void test_time(void)
{
    /* clang-format off */
    static const struct {
        const char *name;
        easg_compliance compliance;
        easg_time enrolled, grace_until;
        enum in_compliance want;
        easg_time next;
    } table[] = {
        { "compliant", EASG_COMPLIANCE_COMPLIANT, NOW - DAY, EASG_TIME_NONE, COMPLIANCE_COMPLIANT,
          EASG_TIME_NONE },
        { "grace", EASG_COMPLIANCE_GRACE, NOW - DAY, NOW + DAY, COMPLIANCE_GRACE, NOW + DAY },
        { "grace without an end", EASG_COMPLIANCE_GRACE, NOW - DAY, EASG_TIME_NONE,
          COMPLIANCE_GRACE, EASG_TIME_NONE },
        { "grace is over", EASG_COMPLIANCE_GRACE, NOW - DAY, NOW - 1, COMPLIANCE_NONCOMPLIANT,
          EASG_TIME_NONE },
        { "grace ends now", EASG_COMPLIANCE_GRACE, NOW - DAY, NOW, COMPLIANCE_NONCOMPLIANT,
          EASG_TIME_NONE },
        { "grace ends in a moment", EASG_COMPLIANCE_GRACE, NOW - DAY, NOW + 1, COMPLIANCE_GRACE,
          NOW + 1 },
        { "compliant, an old date", EASG_COMPLIANCE_COMPLIANT, NOW - DAY, NOW - DAY,
          COMPLIANCE_COMPLIANT, EASG_TIME_NONE },
        { "noncompliant", EASG_COMPLIANCE_NONCOMPLIANT, NOW, EASG_TIME_NONE,
          COMPLIANCE_NONCOMPLIANT, EASG_TIME_NONE },
        { "conflict", EASG_COMPLIANCE_CONFLICT, NOW, NOW + DAY, COMPLIANCE_CONFLICT,
          EASG_TIME_NONE },
        { "error", EASG_COMPLIANCE_ERROR, NOW, EASG_TIME_NONE, COMPLIANCE_ERROR, EASG_TIME_NONE },
        { "external", EASG_COMPLIANCE_EXTERNAL, NOW, EASG_TIME_NONE, COMPLIANCE_CONFIGMANAGER,
          EASG_TIME_NONE },
        { "unknown, just enrolled", EASG_COMPLIANCE_UNKNOWN, NOW - HOUR + 1, EASG_TIME_NONE,
          COMPLIANCE_UNKNOWN_NEW, NOW + 1 },
        { "unknown, the hour is over", EASG_COMPLIANCE_UNKNOWN, NOW - HOUR, EASG_TIME_NONE,
          COMPLIANCE_UNKNOWN_OLD, EASG_TIME_NONE },
        { "unknown, no date", EASG_COMPLIANCE_UNKNOWN, EASG_TIME_NONE, EASG_TIME_NONE,
          COMPLIANCE_UNKNOWN_OLD, EASG_TIME_NONE },
        { "unknown, clock a minute behind", EASG_COMPLIANCE_UNKNOWN, NOW + 60000, EASG_TIME_NONE,
          COMPLIANCE_UNKNOWN_NEW, NOW + 60000 + HOUR },
        { "unknown, enrolled next year", EASG_COMPLIANCE_UNKNOWN, NOW + 365 * DAY, EASG_TIME_NONE,
          COMPLIANCE_UNKNOWN_OLD, EASG_TIME_NONE },
        { "a word of tomorrow", 99, NOW - DAY, EASG_TIME_NONE, COMPLIANCE_UNKNOWN_OLD,
          EASG_TIME_NONE },
    };
    /* clang-format on */
    struct policy_options o = POLICY_OPTIONS_DEFAULT;
    const struct policy_facts f = some_facts();
    struct policy_candidate rec = REC(LIVE, OURS, EXACT, 1, 7);
    struct policy_input in;
    int chosen, cross;
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        ROW(table[i].name);
        rec.compliance = table[i].compliance;
        rec.enrolled = table[i].enrolled;
        rec.grace_until = table[i].grace_until;
        policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
        CHECK_INT(in.compliance, table[i].want);
        CHECK_INT(policy_next_change(&o, &rec, NOW), table[i].next);
    }
    ROW("no first hour");
    o.unknown_grace_ms = 0;
    rec.compliance = EASG_COMPLIANCE_UNKNOWN;
    rec.enrolled = NOW;
    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.compliance, COMPLIANCE_UNKNOWN_OLD);
    ROW("a management state of tomorrow is not managed");
    rec.management = 99;
    policy_resolve(&o, &f, &rec, 1, NOW, &in, &chosen, &cross);
    CHECK_INT(in.record, RECORD_RETIRING);
    ROW("");
}

int main(void)
{
    test_choice();
    test_ids();
    test_platform();
    test_claims();
    test_facts();
    test_activation();
    test_override();
    test_time();
    return check_done();
}
