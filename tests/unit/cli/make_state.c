/* SPDX-License-Identifier: Apache-2.0
 *
 * make_state.c - writes STATE_DIR/contoso.db through the store, for the scripts that look at it
 * with the program: six devices, two runs, entries of ours and of others, held blocks. Not a test
 * by itself.
 *
 *     make_state STATE_DIR [hold|broken]
 */
#include "check.h"

#include "err.h"
#include "policy.h"
#include "store_decision.h"
#include "store_listing.h"
#include "store_writer.h"
#include "text.h"
#include "timestamp.h"

#define MIN INT64_C(60000)

static easg_error err = EASG_ERROR_INIT;

static void must(easg_status st, const char *what)
{
    if (st == EASG_OK)
        return;
    printf("# %s: %s (%s)\n", what, err.message, err_status_name(st));
    exit(1);
}

struct person {
    const char *upn, *name;
    int matched;
    const char *device_id, *type, *os;
    easg_access access;
    const char *listed; /* "allowed", "blocked" or NULL: entry of somebody else */
    int managed;
    easg_compliance compliance;
    enum policy_action held; /* an action that waits */
};

/* clang-format off */
static const struct person people[] = {
    { "alice@contoso.example", "Alice Ångström", 1, "ApplC7KJ0001", "iPhone", "iOS 17.1 21B80",
      EASG_ACCESS_ALLOWED, NULL, 1, EASG_COMPLIANCE_COMPLIANT, 0 },
    { "bob@contoso.example", "Bob", 1, "androidc1000000002", "Android", "Android 14",
      EASG_ACCESS_ALLOWED, NULL, 0, EASG_COMPLIANCE_UNKNOWN, ACTION_BLOCK },
    { "carol@contoso.example", "Carol \x1b[31mRed", 1, "ApplC7KJ0003", "iPad", "iOS 16.7",
      EASG_ACCESS_ALLOWED, NULL, 1, EASG_COMPLIANCE_NONCOMPLIANT, 0 },
    { "dave@contoso.example", "Dave", 1, "SEC0000000000004", "SamsungDevice", "Android 13",
      EASG_ACCESS_ALLOWED, "allowed", 0, EASG_COMPLIANCE_UNKNOWN, 0 },
    { "eve@contoso.example", "伊芙", 0, "WIN00000000000000000000000000005", "WindowsMail",
      "Windows 10.0.19045", EASG_ACCESS_ALLOWED, NULL, 0, EASG_COMPLIANCE_UNKNOWN, 0 },
    { "frank@contoso.example", "Frank", 1, "androidc1000000006", "Android", "Android 12",
      EASG_ACCESS_QUARANTINED, NULL, 0, EASG_COMPLIANCE_UNKNOWN, ACTION_BLOCK },
};
/* clang-format on */
enum { PEOPLE = sizeof(people) / sizeof(people[0]) };

static char guids[PEOPLE][40], keys[PEOPLE][40], sids[PEOPLE][64], persons[PEOPLE][40];

static void list_exchange(struct store *s, easg_time now)
{
    struct store_seen seen[STORE_KINDS];
    size_t i;

    must(store_begin(s, 0, &err), "begin");
    must(store_begin_listing(s, STORE_EXCHANGE, now, &err), "begin_listing");
    for (i = 0; i < PEOPLE; i++) {
        const struct person *p = &people[i];
        easg_str listed = text_str(p->device_id);
        const easg_str *list[] = { &listed };
        easg_mailbox m = { .struct_size = sizeof(m) };

        m.mailbox_id = text_str(guids[i]);
        m.display_name = text_str(p->name);
        m.user_sid = text_str(sids[i]);
        m.user_upn = text_str(p->upn);
        m.primary_smtp = text_str(p->upn);
        if (p->listed) {
            m.allowed = list;
            m.n_allowed = 1;
        }
        must(store_stage_mailbox(s, &m, &err), "stage_mailbox");
    }
    for (i = 0; i < PEOPLE; i++) {
        const struct person *p = &people[i];
        easg_device d = { .struct_size = sizeof(d), .access = p->access };

        d.key = text_str(keys[i]);
        d.device_id = text_str(p->device_id);
        d.mailbox_id = text_str(guids[i]);
        d.type = text_str(p->type);
        d.model = TEXT_LIT("model");
        d.os = text_str(p->os);
        d.access_reason = TEXT_LIT("Global");
        d.first_sync = now - 1000 * MIN;
        d.last_sync = now - (easg_time)(i + 1) * 7 * MIN;
        d.changed = EASG_TIME_NONE;
        must(store_stage_device(s, &d, &err), "stage_device");
    }
    must(store_end_listing(s, STORE_COMPLETE, NULL, seen, &err), "end_listing");
    must(store_promote(s, &err), "promote");
    must(store_set_org(s, "default_access", "allowed", &err), "set_org");
    must(store_set_org(s, "server_version", "15.2.1544.4", &err), "set_org");
    must(store_commit(s, &err), "commit");
}

static void list_facts(struct store *s, easg_time now)
{
    struct store_seen seen[STORE_KINDS];
    char text[TIMESTAMP_SIZE];
    size_t i;

    must(store_begin(s, 0, &err), "begin");
    must(store_begin_listing(s, STORE_FACTS, now, &err), "begin_listing");
    for (i = 0; i < PEOPLE; i++) {
        easg_person p = { .struct_size = sizeof(p),
                          .flags = EASG_PERSON_LICENSED | EASG_PERSON_TARGETED };

        if (!people[i].matched)
            continue;
        p.id = text_str(persons[i]);
        p.upn = text_str(people[i].upn);
        p.sid = text_str(sids[i]);
        must(store_stage_person(s, &p, NULL, &err), "stage_person");
    }
    for (i = 0; i < PEOPLE; i++) {
        easg_managed_device m = { .struct_size = sizeof(m),
                                  .compliance = people[i].compliance,
                                  .management = EASG_MANAGEMENT_MANAGED };
        char id[40];

        if (!people[i].managed)
            continue;
        snprintf(id, sizeof(id), "managed-%zu", i);
        m.id = text_str(id);
        m.eas_id = text_str(people[i].device_id);
        m.user_id = text_str(persons[i]);
        m.os = TEXT_LIT("iOS");
        m.enrolled = now - 10000 * MIN;
        m.last_seen = now - 5 * MIN;
        m.grace_until = EASG_TIME_NONE;
        must(store_stage_managed(s, &m, &err), "stage_managed");
    }
    must(store_end_listing(s, STORE_COMPLETE, NULL, seen, &err), "end_listing");
    must(store_promote(s, &err), "promote");
    must(store_set_org(s, "last_facts", timestamp_format(now, text), &err), "set_org");
    must(store_set_org_int(s, "facts_people", seen[STORE_PERSON].seen, &err), "set_org");
    must(store_set_org_int(s, "facts_managed_devices", seen[STORE_MANAGED].seen, &err), "set_org");
    must(store_commit(s, &err), "commit");
}

static void inputs_json(const struct policy_input *in, char *out, size_t size)
{
    size_t i, at = 0;

    for (i = 0; policy_input_name(i); i++)
        at += (size_t)snprintf(out + at, size - at, "%s\"%s\":\"%s\"", i ? "," : "{",
                               policy_input_name(i), policy_input_value(in, i));
    snprintf(out + at, size - at, "}");
}

static easg_status note_record(void *user, const struct store_managed *m, easg_error *e)
{
    (void)e;
    *(int64_t *)user = m->k;
    return EASG_OK;
}

/* The table's verdict for person i. */
static void decide(struct store *s, size_t i, easg_time now)
{
    const struct person *p = &people[i];
    struct policy_input in = POLICY_INPUT_DEFAULT;
    struct policy_verdict v;
    struct store_decision d = { 0 };
    char inputs[2048], id[40];
    easg_str device_id;
    int changed;

    in.licensed = in.targeted = p->matched ? 1 : 0;
    in.foreign = p->listed ? FOREIGN_ALLOW : FOREIGN_NONE;
    in.record = p->managed ? RECORD_MANAGED : RECORD_NONE;
    in.platform = strstr(p->os, "Android") ? PLATFORM_ANDROID : PLATFORM_IOS;
    in.activated = p->managed ? 1 : 0;
    in.compliance = p->compliance == EASG_COMPLIANCE_COMPLIANT      ? COMPLIANCE_COMPLIANT
                    : p->compliance == EASG_COMPLIANCE_NONCOMPLIANT ? COMPLIANCE_NONCOMPLIANT
                                                                    : COMPLIANCE_UNKNOWN_OLD;
    v = policy_decide(&in);
    inputs_json(&in, inputs, sizeof(inputs));
    must(store_intern_verdict(s, policy_row_name(v.row), v.action, policy_reason_name(v.reason),
                              policy_mail_name(v.mail), inputs, &d.verdict, &err),
         "intern_verdict");
    must(store_find_device(s, keys[i], &d.mk, &d.ek, &err), "find_device");
    device_id = text_str(p->device_id);
    if (p->managed)
        must(store_each_managed(s, d.ek, &device_id, note_record, &d.mdk, &err), "each_managed");
    snprintf(id, sizeof(id), "managed-%zu", i);
    d.device = keys[i];
    d.mailbox = guids[i];
    d.user = p->upn;
    d.device_id = p->device_id;
    d.managed_device = p->managed ? id : NULL;
    d.person = p->matched ? persons[i] : NULL;
    d.joined = p->matched ? STORE_JOIN_SID : STORE_JOIN_NONE;
    d.candidates = p->managed;
    d.next_change = EASG_TIME_NONE;
    d.facts_at = now;
    must(store_put_decision(s, &d, now, &changed, &err), "put_decision");
}

static int64_t act(struct store *s, size_t i, enum store_action_state state, const char *row,
                   easg_time now)
{
    struct store_action a = { 0 };
    char device[64], mailbox[64], user[64], id[64], r[8], reason[] = "notEnrolled",
                                                          mail[] = "enrol";

    must(store_find_device(s, keys[i], &a.mk, &a.ek, &err), "find_device");
    snprintf(device, sizeof(device), "%s", keys[i]);
    snprintf(mailbox, sizeof(mailbox), "%s", guids[i]);
    snprintf(user, sizeof(user), "%s", people[i].upn);
    snprintf(id, sizeof(id), "%s", people[i].device_id);
    snprintf(r, sizeof(r), "%s", row);
    a.device = device;
    a.mailbox = mailbox;
    a.user = user;
    a.device_id = id;
    a.row = r;
    a.reason = reason;
    a.mail = mail;
    a.verb = a.wire = EASG_VERB_BLOCK;
    a.state = state;
    a.access_before = people[i].access;
    must(store_put_action(s, &a, now, &err), "put_action");
    if (state == STORE_STARTED) {
        must(store_note_lists(s, &a, EASG_LISTED_BLOCKED | EASG_LISTED_KNOWN, now, &err),
             "note_lists");
        must(store_set_action(s, a.id, STORE_DONE, NULL, now, &err), "set_action");
    }
    return a.id;
}

static void run(struct store *s, const char *uuid, easg_time now, int with_actions)
{
    const struct store_run r = { uuid, "full", "enforce", "operator", 0, now - 3000 };
    struct store_counts counts = STORE_COUNTS_NONE;
    const struct store_outcome done = {
        "done", 0, "cas1.contoso.example", EASG_OK, NULL, 120, 9000
    };
    char text[TIMESTAMP_SIZE];
    size_t i;

    must(store_begin_run(s, &r, &err), "begin_run");
    list_exchange(s, now);
    list_facts(s, now);
    must(store_begin(s, 1, &err), "begin");
    for (i = 0; i < PEOPLE; i++) {
        decide(s, i, now);
        if (with_actions && people[i].held)
            act(s, i, STORE_HELD, "D11", now);
    }
    if (with_actions)
        act(s, 2, STORE_STARTED, "D14", now);
    must(store_audit(s, "test.run", uuid, "{\"devices\":6}", &err), "audit");
    must(store_set_org(s, "last_full", timestamp_format(now, text), &err), "set_org");
    must(store_put_endpoint(s, "cas1.contoso.example", "https://cas1.contoso.example/powershell", 0,
                            1, &err),
         "put_endpoint");
    must(store_mark_endpoint(s, "cas1.contoso.example", now, EASG_OK, NULL, &err), "mark_endpoint");
    must(store_commit(s, &err), "commit");
    counts.devices = counts.mailboxes = PEOPLE;
    counts.people = 5;
    counts.managed_devices = 2;
    counts.unmatched = 1;
    counts.decided = PEOPLE;
    counts.applied = with_actions;
    counts.held = with_actions ? 2 : 0;
    must(store_finish_run(s, &counts, &done, 1, &err), "finish_run");
}

int main(int argc, char **argv)
{
    const char *extra = argc > 2 ? argv[2] : "";
    struct store *s = NULL;
    easg_time now = EASG_TIME_NONE;
    const char *fixed = getenv("EASGATE_TEST_NOW");
    size_t i;

    if (argc < 2 || !fixed || !timestamp_parse(fixed, strlen(fixed), &now)) {
        printf("# usage: EASGATE_TEST_NOW=TIME make_state STATE_DIR [hold]\n");
        return 64;
    }
    for (i = 0; i < PEOPLE; i++) {
        snprintf(guids[i], sizeof(guids[i]), "11111111-0000-4000-8000-%012zu", i);
        snprintf(keys[i], sizeof(keys[i]), "22222222-0000-4000-8000-%012zu", i);
        snprintf(persons[i], sizeof(persons[i]), "33333333-0000-4000-8000-%012zu", i);
        snprintf(sids[i], sizeof(sids[i]), "S-1-5-21-1-2-3-%zu", 1000 + i);
    }
    must(store_open_writer(argv[1], "contoso", NULL, &s, &err), "open_writer");
    run(s, "aaaaaaaa-0000-4000-8000-000000000001", now - 120 * MIN, 0);
    run(s, "bbbbbbbb-0000-4000-8000-000000000002", now - 3 * MIN, 1);
    if (strcmp(extra, "hold") == 0) {
        must(store_begin(s, 0, &err), "begin");
        must(store_set_org(s, "hold", "the service account was refused (401)", &err), "set_org");
        must(store_commit(s, &err), "commit");
    }
    store_close(s);
    return 0;
}
