/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_explain.c - `easgate explain ORG DEVICE|USER`: why a device is allowed or blocked, from the
 * inputs that were kept with its decision. Which facts would change it is asked of the table itself
 * (whatif.c).
 */
#include "verbs.h"

#include "age.h"
#include "err.h"
#include "jsonin.h"
#include "pastrun.h"
#include "policy.h"
#include "table.h"
#include "text.h"
#include "whatif.h"

#include <string.h>

enum {
    DEVICES_MAX = 20,
    FULL_MAX = 5,
    HISTORY_MAX = 5,
    ACTIONS_MAX = 10,
    MAIL_MAX = 3,
    POLICY_MAX = 8
};

struct values {
    const char *org;
    const char *who;
    const char *run;
};

/* One device with all that is told of it. */
struct story {
    const struct record *device;
    struct records decision, actions, history, ledger, mail, gate;
    struct records policy; /* what is decided for everybody and fits this device */
    const char *facts_at;  /* when the device manager was read last; NULL */
    const char *full_at;   /* when everything of Exchange was read last; NULL */
    struct policy_input in;
    char given[32][24]; /* values of the inputs as they were kept, by number; "" when not kept */
    int known;          /* the inputs were kept and could be read */
};

static void story_clear(struct story *s)
{
    records_clear(&s->decision);
    records_clear(&s->actions);
    records_clear(&s->history);
    records_clear(&s->ledger);
    records_clear(&s->mail);
    records_clear(&s->gate);
    records_clear(&s->policy);
}

static easg_status take_input(void *user, const char *name, enum json_kind kind, const char *value,
                              easg_error *err)
{
    struct story *s = user;
    size_t i;

    (void)kind;
    (void)err;
    for (i = 0; policy_input_name(i) && i < 32; i++)
        if (strcmp(policy_input_name(i), name) == 0)
            snprintf(s->given[i], sizeof(s->given[i]), "%s", value);
    /* what an older or newer version kept under names that we do not know is not told */
    policy_input_set(&s->in, name, value);
    return EASG_OK;
}

static easg_status read_story(struct store *store, struct story *s, easg_error *err)
{
    const struct store_arg key[] = { STORE_ARG_TEXT(record_get(s->device, "key")) };
    const struct store_arg entry[] = { STORE_ARG_TEXT(record_get(s->device, "mailbox")),
                                       STORE_ARG_TEXT(record_get(s->device, "device_id")) };
    const struct store_arg person[] = { STORE_ARG_TEXT(record_get(s->device, "user")),
                                        STORE_ARG_TEXT(record_get(s->device, "device_id")) };
    easg_error ignored = EASG_ERROR_INIT;
    const char *inputs;
    easg_status st;

    s->in = (struct policy_input)POLICY_INPUT_DEFAULT;
    st = query_records(store, "SELECT * FROM v_decisions WHERE device = ?1", key, 1, 1,
                       &s->decision, err);
    if (st == EASG_OK)
        st = query_records(store,
                           "SELECT * FROM v_actions WHERE device = ?1 AND state IN"
                           " ('planned', 'held', 'approved', 'started', 'failed')"
                           " ORDER BY created_at DESC",
                           key, 1, ACTIONS_MAX, &s->actions, err);
    if (st == EASG_OK)
        st = query_records(store,
                           "SELECT decided_at, run, row, action, reason FROM v_history"
                           " WHERE device = ?1 ORDER BY decided_at DESC LIMIT 5",
                           key, 1, HISTORY_MAX, &s->history, err);
    if (st == EASG_OK)
        st = query_records(store,
                           "SELECT * FROM v_ledger WHERE mailbox = ?1"
                           " AND device_id = ?2 COLLATE NOCASE",
                           entry, 2, 1, &s->ledger, err);
    if (st == EASG_OK)
        st = query_records(store,
                           "SELECT * FROM v_mail WHERE ifnull(user, '') = ?1"
                           " AND device_id = ?2 COLLATE NOCASE ORDER BY id DESC LIMIT 3",
                           person, 2, MAIL_MAX, &s->mail, err);
    if (st == EASG_OK)
        st = query_records(store,
                           "SELECT * FROM v_gate WHERE mailbox = ?1"
                           " AND device_id = ?2 COLLATE NOCASE AND ended_run_no IS NULL",
                           entry, 2, 1, &s->gate, err);
    if (st == EASG_OK)
        st = query_records(store,
                           "SELECT p.name, p.value, p.ours FROM v_org_policy p JOIN v_devices d ON"
                           " d.key = ?1 WHERE p.part = 'device_rule' AND p.name COLLATE NOCASE IN"
                           " ('device_type:' || ifnull(d.type, ''),"
                           " 'device_model:' || ifnull(d.model, ''),"
                           " 'device_os:' || ifnull(d.os, ''),"
                           " 'user_agent:' || ifnull(d.user_agent, ''))"
                           " OR p.name = 'default_access_level' ORDER BY p.part, p.name",
                           key, 1, POLICY_MAX, &s->policy, err);
    if (st != EASG_OK)
        return st;
    if (s->decision.n) {
        inputs = record_get(&s->decision.items[0], "inputs");
        s->known = json_read_flat(inputs, strlen(inputs), take_input, s, &ignored) == EASG_OK;
    }
    return EASG_OK;
}

/* ---- where an input comes from ----------------------------------------- */

/* The device's row is as old as its last change; a full listing since then saw the same. */
static const char *seen_at(const struct story *s)
{
    const char *changed = record_null(s->device, "seen_at");

    if (!changed || !s->full_at)
        return changed;
    return cli_time(s->full_at) > cli_time(changed) ? s->full_at : changed;
}

/* As of when: RFC 3339, NULL when it has no age. */
static const char *origin_time(const struct story *s, enum origin o)
{
    switch (o) {
    /* a decision is kept while its inputs stay what they are: newer facts say the same */
    case FROM_MANAGER:
        return s->facts_at ? s->facts_at : record_null(&s->decision.items[0], "facts_at");
    case FROM_EXCHANGE:
    case FROM_CLIENT: return seen_at(s);
    default: return NULL;
    }
}

/* ---- text ---- */

static void print_exchange(const struct story *s, easg_time now)
{
    const struct record *d = s->device;
    const char *listed = record_get(d, "listed");
    const char *ours = record_get(d, "ours");
    char text[CLI_SAFE], age[AGE_SIZE];

    snprintf(text, sizeof(text), "%.20s (reason %.60s), as of the device's last request%s%s",
             record_get(d, "access"),
             *record_get(d, "access_reason") ? record_get(d, "access_reason") : "not given",
             record_null(d, "last_sync") ? ", " : "",
             record_null(d, "last_sync") ? age_text(record_null(d, "last_sync"), now, age) : "");
    say("access", text);
    if (strcmp(listed, "none") == 0)
        say("lists", "in none of the mailbox's lists");
    else if (strcmp(ours, listed) == 0 && s->ledger.n) {
        snprintf(text, sizeof(text), "%s: entry of easgate, written %s by run %.36s", listed,
                 age_text(record_null(&s->ledger.items[0], "written_at"), now, age),
                 record_get(&s->ledger.items[0], "run"));
        say("lists", text);
    } else {
        snprintf(text, sizeof(text), "%s: entry of an administrator or another tool", listed);
        say("lists", text);
    }
    for (size_t i = 0; i < s->policy.n; i++) {
        const struct record *p = &s->policy.items[i];

        snprintf(text, sizeof(text), "%.200s: %.20s%s", record_get(p, "name"),
                 record_get(p, "value"), record_int(p, "ours") ? " (written by easgate)" : "");
        say(i ? "" : "for everybody", text);
    }
    say("seen", age_text(seen_at(s), now, age));
}

/* What keeps the verdict from being written: a ring, or that the device is spared. */
static void print_gate(const struct story *s, easg_time now)
{
    const struct record *g = s->gate.n ? &s->gate.items[0] : NULL;
    char text[CLI_SAFE], age[AGE_SIZE];

    if (g && strcmp(record_get(g, "word"), "waits") == 0) {
        snprintf(text, sizeof(text), "its ring, %.80s, is not enforced before %.60s",
                 record_get(g, "ring"),
                 record_null(g, "opens_at") ? age_text(record_null(g, "opens_at"), now, age)
                                            : "its time, from the first enforcing run on");
        say("held back", text);
    } else if (g) {
        snprintf(text, sizeof(text),
                 "it had access when enforcement began (policy.grandfather), until %.60s",
                 record_null(g, "opens_at") ? age_text(record_null(g, "opens_at"), now, age)
                                            : "it is found compliant");
        say("held back", text);
    } else if (record_int(&s->decision.items[0], "grandfathered")) {
        say("grandfathered", "it had access when enforcement began, and is not blocked before "
                             "policy.grandfather_until");
    }
}

static void print_decision(const struct story *s, easg_time now)
{
    const struct record *x = &s->decision.items[0];
    char text[CLI_SAFE], age[AGE_SIZE], span[AGE_SIZE];
    unsigned row = row_number(record_get(x, "row"));

    snprintf(text, sizeof(text), "%.12s (row %.4s, reason %.40s), decided %s by run %.36s",
             record_get(x, "action"), record_get(x, "row"), record_get(x, "reason"),
             age_text(record_null(x, "decided_at"), now, age), record_get(x, "run"));
    say("verdict", text);
    if (row)
        say("because", policy_row_text(row));
    say("local rule", record_get(x, "rule"));
    print_gate(s, now);
    if (*record_get(x, "mail") && strcmp(record_get(x, "mail"), "none") != 0)
        say("mail", record_get(x, "mail"));
    if (record_null(x, "next_change")) {
        snprintf(text, sizeof(text), "%s, by time alone",
                 age_text(record_null(x, "next_change"), now, span));
        say("may change", text);
    }
    if (*record_get(x, "managed_device")) {
        snprintf(text, sizeof(text), "%.80s, compliance %.20s", record_get(x, "managed_device"),
                 *record_get(s->device, "compliance") ? record_get(s->device, "compliance")
                                                      : "not known");
        say("managed device", text);
        if (s->known && s->in.record == RECORD_EASONLY)
            say("", "which is known to the device manager through Exchange only: not enrolled");
    } else {
        say("managed device",
            record_int(x, "cross_user")
                ? "none: the record with this id belongs to somebody else (cross-user)"
                : "none that counts");
    }
}

static easg_status print_evidence_member(void *user, const char *name, enum json_kind kind,
                                         const char *value, easg_error *err)
{
    (void)err;
    if (kind != JSON_NULL && strcmp(name, "managed_device") != 0)
        strbuf_addf(user, "%s%s %s", ((struct strbuf *)user)->len ? ", " : "", name, value);
    return EASG_OK;
}

static void print_evidence(const struct story *s)
{
    const char *text = record_get(&s->decision.items[0], "evidence");
    struct strbuf b = STRBUF_INIT(4096);
    easg_error err = EASG_ERROR_INIT;

    if (json_read_flat(text, strlen(text), print_evidence_member, &b, &err) == EASG_OK)
        say("found by", strbuf_str(&b));
    strbuf_clear(&b);
}

static void print_inputs(const struct story *s, easg_time now)
{
    static const struct table_column columns[] = {
        { "INPUT", 0 }, { "VALUE", 0 }, { "FROM", 0 }, { "AS OF", 0 }
    };
    struct table *t = table_create(stdout, columns, 4, cli_width(), 2);
    char age[AGE_SIZE];
    const char *at;
    size_t i;

    if (!t)
        return;
    for (i = 0; policy_input_name(i); i++) {
        enum origin o = origin_of(&s->in, policy_input_name(i));

        if (!s->given[i][0])
            continue;
        at = origin_time(s, o);
        table_row(t, (const char *const[]){ policy_input_name(i), s->given[i], origin_name(o),
                                            at ? age_text(at, now, age) : NULL });
    }
    table_finish(t);
}

static void print_whatif(const struct story *s)
{
    struct whatif w[WHATIF_MAX];
    size_t n = whatif(&s->in, w);
    char text[CLI_SAFE];
    size_t i;

    for (i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "%s -> %s (%s)", w[i].text,
                 policy_action_name(w[i].then.action), policy_row_name(w[i].then.row));
        say(i ? "" : "would change", text);
    }
}

static void print_actions(const struct story *s, const char *org, easg_time now)
{
    char text[CLI_SAFE], age[AGE_SIZE];
    size_t i;

    for (i = 0; i < s->actions.n; i++) {
        const struct record *a = &s->actions.items[i];
        const char *state = record_get(a, "state");

        snprintf(text, sizeof(text), "%.12s is %.12s since %s%s%.100s", record_get(a, "verb"),
                 state, age_text(record_null(a, "created_at"), now, age),
                 *record_get(a, "error") ? ": " : "", record_get(a, "error"));
        say("action", text);
        if (*record_get(a, "waits_until")) {
            snprintf(text, sizeof(text), "not before %.24s, so that the mail can be read",
                     record_get(a, "waits_until"));
            say("", text);
        }
        if (strcmp(state, "held") == 0)
            printf("  %-14s easgate approve %s %s --device %s\n", "", org, record_get(a, "run"),
                   record_get(a, "device"));
    }
}

static void print_mail(const struct story *s, easg_time now)
{
    char text[CLI_SAFE], age[AGE_SIZE];

    for (size_t i = 0; i < s->mail.n; i++) {
        const struct record *m = &s->mail.items[i];

        snprintf(text, sizeof(text), "%.24s, %.12s %s%s%.100s%s%.200s", record_get(m, "template"),
                 record_get(m, "state"), age_text(record_null(m, "created_at"), now, age),
                 *record_get(m, "smtp") ? " to " : "", record_get(m, "smtp"),
                 *record_get(m, "error") ? ": " : "", record_get(m, "error"));
        say(i ? "" : "mail", text);
    }
}

static void print_history(const struct story *s, easg_time now)
{
    char text[CLI_SAFE], age[AGE_SIZE];
    size_t i;

    if (s->history.n < 2)
        return;
    for (i = 0; i < s->history.n; i++) {
        const struct record *h = &s->history.items[i];

        snprintf(text, sizeof(text), "%s: %.12s (%.4s, %.40s)",
                 age_text(record_null(h, "decided_at"), now, age), record_get(h, "action"),
                 record_get(h, "row"), record_get(h, "reason"));
        say(i ? "" : "history", text);
    }
}

static void print_story(const struct story *s, const char *org, easg_time now)
{
    const struct record *d = s->device;
    char id[CLI_SAFE], user[CLI_SAFE], name[CLI_SAFE], what[CLI_SAFE];

    printf("%s of %s (%s)\n", cli_safe(record_get(d, "device_id"), id),
           cli_safe(*record_get(d, "user") ? record_get(d, "user") : record_get(d, "mailbox"),
                    user),
           cli_safe(*record_get(d, "display_name") ? record_get(d, "display_name") : "no name",
                    name));
    snprintf(what, sizeof(what), "%.40s, %.60s, %.60s",
             *record_get(d, "type") ? record_get(d, "type") : "no type",
             *record_get(d, "model") ? record_get(d, "model") : "no model",
             *record_get(d, "os") ? record_get(d, "os") : "no system given");
    say("device", what);
    say("key", record_get(d, "key"));
    print_exchange(s, now);
    if (!s->decision.n) {
        say("verdict", "none yet: it was not decided in any run");
        return;
    }
    print_decision(s, now);
    print_evidence(s);
    print_actions(s, org, now);
    print_mail(s, now);
    if (s->known) {
        print_whatif(s);
        printf("\n");
        print_inputs(s, now);
    }
    if (s->history.n > 1)
        printf("\n");
    print_history(s, now);
}

/* ---- JSON ---- */

static void json_list(struct jsonout *j, const char *key, const struct records *r)
{
    size_t i;

    json_open_array(j, key);
    for (i = 0; i < r->n; i++) {
        json_open_object(j, NULL);
        record_json(&r->items[i], j);
        json_close(j);
    }
    json_close(j);
}

static void json_inputs(struct jsonout *j, const struct story *s)
{
    const char *at;
    size_t i;

    json_open_array(j, "inputs");
    for (i = 0; s->known && policy_input_name(i); i++) {
        enum origin o = origin_of(&s->in, policy_input_name(i));

        if (!s->given[i][0])
            continue;
        at = origin_time(s, o);
        json_open_object(j, NULL);
        json_text(j, "name", policy_input_name(i));
        json_text(j, "value", s->given[i]);
        json_text(j, "from", origin_name(o));
        json_text(j, "as_of", at);
        json_close(j);
    }
    json_close(j);
}

static void json_story(struct jsonout *j, const struct story *s)
{
    struct whatif w[WHATIF_MAX];
    unsigned row;
    size_t n, i;

    json_open_object(j, NULL);
    json_open_object(j, "device");
    record_json(s->device, j);
    json_close(j);
    if (s->decision.n) {
        row = row_number(record_get(&s->decision.items[0], "row"));
        json_open_object(j, "decision");
        record_json(&s->decision.items[0], j);
        json_text(j, "text", row ? policy_row_text(row) : NULL);
        json_close(j);
    } else {
        json_null(j, "decision");
    }
    json_inputs(j, s);
    json_open_array(j, "would_change");
    n = s->known ? whatif(&s->in, w) : 0;
    for (i = 0; i < n; i++) {
        json_open_object(j, NULL);
        json_text(j, "if", w[i].text);
        json_text(j, "row", policy_row_name(w[i].then.row));
        json_text(j, "action", policy_action_name(w[i].then.action));
        json_close(j);
    }
    json_close(j);
    json_list(j, "gate", &s->gate);
    json_list(j, "policy", &s->policy);
    json_list(j, "ledger", &s->ledger);
    json_list(j, "actions", &s->actions);
    json_list(j, "mail", &s->mail);
    json_list(j, "history", &s->history);
    json_close(j);
}

/* ---- the verb ---- */

static easg_status tell(struct cli *cli, struct store *store, const struct values *v,
                        const struct records *found, struct jsonout *j, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *facts_at = NULL;
    EASG_CLEANUP(mem_cleanup) char *full_at = NULL;
    easg_status st = query_org(store, "last_facts", &facts_at, err);
    struct story s;
    size_t i;

    if (st == EASG_OK)
        st = query_org(store, "last_full", &full_at, err);
    for (i = 0; i < found->n && st == EASG_OK; i++) {
        memset(&s, 0, sizeof(s));
        s.facts_at = facts_at;
        s.full_at = full_at;
        s.device = &found->items[i];
        st = read_story(store, &s, err);
        if (st == EASG_OK && j) {
            json_story(j, &s);
        } else if (st == EASG_OK) {
            if (i)
                printf("\n");
            print_story(&s, v->org, cli->now);
        }
        story_clear(&s);
    }
    return st;
}

/* Too many to tell each story. */
static void print_choice(const struct records *found)
{
    static const struct table_column columns[] = { { "DEVICE ID", TABLE_FLEX },
                                                   { "USER", TABLE_FLEX },
                                                   { "TYPE", TABLE_FLEX },
                                                   { "ACCESS", 0 },
                                                   { "VERDICT", 0 },
                                                   { "KEY", TABLE_FLEX } };
    struct table *t = table_create(stdout, columns, 6, cli_width(), 0);
    size_t i;

    if (!t)
        return;
    for (i = 0; i < found->n; i++) {
        const struct record *d = &found->items[i];

        table_row(t, (const char *const[]){ record_get(d, "device_id"), record_get(d, "user"),
                                            record_get(d, "type"), record_get(d, "access"),
                                            record_get(d, "verdict"), record_get(d, "key") });
    }
    table_finish(t);
    printf("%s%zu devices; name one by its key or its device id\n", found->more ? "more than " : "",
           found->n);
}

static int run_explain(struct cli *cli, void *values)
{
    const struct values *v = values;
    const struct store_arg who[] = { STORE_ARG_TEXT(v->who) };
    easg_error err = EASG_ERROR_INIT;
    struct records found = { 0 };
    struct store *s = NULL;
    char safe[CLI_SAFE];
    struct jsonout j;
    easg_status st;
    int code = CLI_DONE;

    if (v->run)
        return explain_past(cli, v->org, v->who, v->run);
    st = cli_open_store(cli, v->org, &s, &err);
    if (st == EASG_OK)
        st = query_records(s,
                           "SELECT * FROM v_devices WHERE key = ?1 OR device_id = ?1 COLLATE NOCASE"
                           " OR user = ?1 COLLATE NOCASE OR smtp = ?1 COLLATE NOCASE"
                           " OR mailbox = ?1 COLLATE NOCASE OR managed_device = ?1"
                           " ORDER BY user, device_id, key",
                           who, 1, DEVICES_MAX, &found, &err);
    if (st == EASG_OK && found.n == 0)
        st = err_set(
            &err, EASG_E_NOTFOUND,
            "%s has no device and no mailbox with devices called '%s'; a key, a device id, a "
            "UPN, an address or a mailbox GUID is expected",
            v->org, cli_safe(v->who, safe));
    if (st == EASG_OK && cli->json) {
        cli_json_begin(cli, &j);
        json_text(&j, "organization", v->org);
        json_bool(&j, "complete", !found.more);
        json_open_array(&j, "devices");
        st = tell(cli, s, v, &found, &j, &err);
        cli->failed_json = 1;
        code = cli_json_end(cli, &j, CLI_DONE);
    } else if (st == EASG_OK && found.n > FULL_MAX) {
        print_choice(&found);
    } else if (st == EASG_OK) {
        st = tell(cli, s, v, &found, NULL, &err);
    }
    records_clear(&found);
    store_close(s);
    return st == EASG_OK ? code : cli_fail(cli, st, &err);
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_OPERAND,
      .name = "DEVICE|USER",
      .offset = offsetof(struct values, who),
      .required = 1,
      .doc = "key, device id, UPN, address or mailbox GUID" },
    { .type = ARG_TEXT,
      .name = "run",
      .offset = offsetof(struct values, run),
      .value = "RUN",
      .doc = "as it stood after this run, with the facts of then" },
    { .type = ARG_END }
};

const struct verb verb_explain = {
    .name = "explain",
    .summary = "say why a device is allowed or blocked",
    .text =
        "Prints what Exchange says now and whose entry that is, the row of the decision table\n"
        "that decided, every input with its source and age, the managed device that was chosen,\n"
        "what would change the verdict, and what is planned or held.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_explain
};
