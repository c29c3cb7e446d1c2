/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_status.c - `easgate status [ORG]`: how each organisation stands, and what waits for a person.
 */
#include "verbs.h"

#include "age.h"
#include "clock.h"
#include "err.h"
#include "schedule.h"
#include "table.h"
#include "text.h"
#include "timestamp.h"

#include <string.h>

enum { ENDPOINTS_MAX = 200, HELD_MAX = 20, WORDS_MAX = 32 };

struct values {
    const char *org;
};

/* All that is told of one organisation. */
struct standing {
    char name[64];
    const struct org_config *config; /* NULL: its file has an error */
    const char *config_error;
    int synced; /* there is a state file */
    struct records marks, last, verdicts, access, held, endpoints, ledger, mail, mail_error;
    struct records org_held, org_ledger;
    int64_t unmatched;
    easg_time last_full, last_quick, last_facts, next_full, next_quick;
};

static void standing_clear(struct standing *s)
{
    records_clear(&s->marks);
    records_clear(&s->last);
    records_clear(&s->verdicts);
    records_clear(&s->access);
    records_clear(&s->held);
    records_clear(&s->endpoints);
    records_clear(&s->ledger);
    records_clear(&s->mail);
    records_clear(&s->mail_error);
    records_clear(&s->org_held);
    records_clear(&s->org_ledger);
}

/* A mark of v_org by name; NULL when there is none. */
static const char *mark(const struct standing *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->marks.n; i++)
        if (strcmp(record_get(&s->marks.items[i], "name"), name) == 0)
            return record_null(&s->marks.items[i], "value");
    return NULL;
}

static easg_time mark_time(const struct standing *s, const char *name)
{
    const char *v = mark(s, name);

    return v ? cli_time(v) : EASG_TIME_NONE;
}

static easg_status read_state(struct store *st, struct standing *s, easg_error *err)
{
    /* clang-format off */
    static const struct {
        const char *sql;
        size_t offset, max;
    } queries[] = {
        { "SELECT name, value FROM v_org ORDER BY name", offsetof(struct standing, marks),
          WORDS_MAX },
        { "SELECT * FROM v_runs ORDER BY started_at DESC LIMIT 1", offsetof(struct standing, last),
          1 },
        { "SELECT ifnull(verdict, 'none') AS word, count(*) AS n FROM v_devices GROUP BY 1"
          " ORDER BY 2 DESC",
          offsetof(struct standing, verdicts), WORDS_MAX },
        { "SELECT access AS word, count(*) AS n FROM v_devices GROUP BY 1 ORDER BY 2 DESC",
          offsetof(struct standing, access), WORDS_MAX },
        { "SELECT run, count(*) AS n, min(created_at) AS since FROM v_actions WHERE state = 'held'"
          " GROUP BY run ORDER BY since DESC",
          offsetof(struct standing, held), HELD_MAX },
        { "SELECT run, count(*) AS n, min(created_at) AS since FROM v_org_changes WHERE state ="
          " 'held' GROUP BY run ORDER BY since DESC",
          offsetof(struct standing, org_held), HELD_MAX },
        { "SELECT part AS word, count(*) AS n FROM v_org_ledger GROUP BY 1 ORDER BY 1",
          offsetof(struct standing, org_ledger), WORDS_MAX },
        { "SELECT * FROM v_endpoints ORDER BY priority, id", offsetof(struct standing, endpoints),
          ENDPOINTS_MAX },
        { "SELECT list AS word, count(*) AS n FROM v_ledger GROUP BY 1 ORDER BY 1",
          offsetof(struct standing, ledger), WORDS_MAX },
        { "SELECT state AS word, count(*) AS n FROM v_mail"
          " WHERE created_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-7 days')"
          " GROUP BY 1 ORDER BY 2 DESC",
          offsetof(struct standing, mail), WORDS_MAX },
        { "SELECT created_at, state, error FROM v_mail"
          " WHERE state IN ('failed', 'queued', 'uncertain') AND error IS NOT NULL"
          " AND created_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-7 days')"
          " ORDER BY id DESC LIMIT 1",
          offsetof(struct standing, mail_error), 1 },
    };
    /* clang-format on */
    easg_status ret = EASG_OK;
    size_t i;

    for (i = 0; i < sizeof(queries) / sizeof(queries[0]) && ret == EASG_OK; i++)
        ret = query_records(st, queries[i].sql, NULL, 0, queries[i].max,
                            (struct records *)(void *)((char *)s + queries[i].offset), err);
    if (ret == EASG_OK)
        ret = query_int(st, "SELECT count(*) FROM v_unmatched", NULL, 0, 0, &s->unmatched, err);
    s->last_full = mark_time(s, "last_full");
    s->last_quick = mark_time(s, "last_quick");
    s->last_facts = mark_time(s, "last_facts");
    return ret;
}

/* When the schedule asks for each kind, without the jitter that spreads real starts. */
static void find_due(struct standing *s, easg_time now)
{
    const struct schedule_last last = { s->last_full, s->last_quick };
    struct org_schedule only;
    struct schedule_due due;

    s->next_full = s->next_quick = EASG_TIME_NONE;
    if (!s->config || !s->config->enabled)
        return;
    only = s->config->schedule;
    only.jitter_ms = 0;
    only.quick_ms = 0;
    due = schedule_next_due(&only, &last, now, 0, clock_local_offset_min);
    if (due.kind == SCHEDULE_FULL)
        s->next_full = due.at;
    only = s->config->schedule;
    only.jitter_ms = 0;
    only.full_every_ms = 0;
    only.full_at_min = -1;
    due = schedule_next_due(&only, &last, now, 0, clock_local_offset_min);
    if (due.kind == SCHEDULE_QUICK)
        s->next_quick = due.at;
}

/* One word for a script: what is wrong first, if anything is. */
static const char *health(const struct standing *s)
{
    if (s->config_error)
        return "misconfigured";
    if (s->config && !s->config->enabled)
        return "disabled";
    if (!s->synced)
        return "never synchronised";
    if (mark(s, "hold"))
        return "on hold";
    if (s->last.n && strcmp(record_get(&s->last.items[0], "status"), "failed") == 0)
        return "failing";
    if (s->held.n)
        return "waiting for approval";
    return "ok";
}

/* ---- text ---- */

static void line(const char *name, const char *value)
{
    printf("  %-14s %s\n", name, value);
}

static void line_age(const char *name, easg_time t, easg_time now)
{
    char age[AGE_SIZE];

    line(name, age_format(t, now, age));
}

/* "120 allow, 30 block" */
static void line_words(const char *name, const struct records *r)
{
    struct strbuf b = STRBUF_INIT(4096);
    size_t i;

    for (i = 0; i < r->n; i++)
        strbuf_addf(&b, "%s%s %s", i ? ", " : "", record_get(&r->items[i], "n"),
                    record_get(&r->items[i], "word"));
    line(name, r->n ? strbuf_str(&b) : "none");
    strbuf_clear(&b);
}

static void print_last_run(const struct standing *s, easg_time now)
{
    char text[CLI_SAFE], age[AGE_SIZE], safe[CLI_SAFE];
    const struct record *r;
    const char *words[] = { "applied", "held", "failed" };
    size_t i;

    if (!s->last.n)
        return;
    r = &s->last.items[0];
    snprintf(text, sizeof(text), "%s%.10s %.10s, %s, run %.36s",
             record_int(r, "dry_run") ? "dry " : "", record_get(r, "kind"), record_get(r, "status"),
             age_text(record_get(r, "started_at"), now, age), record_get(r, "run"));
    line("last run", text);
    text[0] = '\0';
    for (i = 0; i < 3; i++)
        if (record_int(r, words[i]))
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %s", *text ? ", " : "",
                     record_get(r, words[i]), words[i]);
    if (*text)
        line("", text);
    if (*record_get(r, "error"))
        line("", cli_safe(record_get(r, "error"), safe));
}

static void print_endpoints(const struct standing *s, easg_time now)
{
    static const struct table_column columns[] = {
        { "ENDPOINT", TABLE_FLEX }, { "STATE", 0 }, { "LAST OK", 0 }, { "LAST ERROR", TABLE_FLEX }
    };
    struct table *t = table_create(stdout, columns, 4, cli_width(), 2);
    char age[AGE_SIZE];
    size_t i;

    if (!t)
        return;
    for (i = 0; i < s->endpoints.n; i++) {
        const struct record *e = &s->endpoints.items[i];

        table_row(t, (const char *const[]){ record_get(e, "url"), record_get(e, "state"),
                                            age_text(record_null(e, "last_ok"), now, age),
                                            record_int(e, "failures") ? record_get(e, "last_error")
                                                                      : NULL });
    }
    table_finish(t);
}

static void print_facts(const struct standing *s, easg_time now)
{
    const char *people = mark(s, "facts_people");
    const char *managed = mark(s, "facts_managed_devices");
    char text[CLI_SAFE], age[AGE_SIZE];

    snprintf(text, sizeof(text), "%s (%.20s people, %.20s managed devices)%s",
             age_format(s->last_facts, now, age), people ? people : "0", managed ? managed : "0",
             s->config && s->last_facts != EASG_TIME_NONE &&
                     now - s->last_facts > s->config->brakes.facts_max_age_ms
                 ? "; too old: they decide nothing"
                 : "");
    line("facts", text);
    if (mark(s, "failure_policy_in_force")) {
        snprintf(text, sizeof(text), "%.10s, in force: the device manager is silent since %.30s",
                 mark(s, "failure_policy_in_force"),
                 mark(s, "facts_silent_since") ? mark(s, "facts_silent_since") : "?");
        line("failure policy", text);
    } else if (s->config) {
        static const char *const words[] = { "hold", "open", "closed" };

        line("failure policy", words[s->config->failure]);
    }
}

/* Of the last seven days; an organisation without mail has no line. */
static void print_mail(const struct standing *s, easg_time now)
{
    char text[CLI_SAFE], age[AGE_SIZE];

    if (s->mail.n)
        line_words("mail, 7 days", &s->mail);
    for (size_t i = 0; i < s->mail_error.n; i++) {
        const struct record *r = &s->mail_error.items[i];

        snprintf(text, sizeof(text), "%.12s %s: %.300s", record_get(r, "state"),
                 age_text(record_get(r, "created_at"), now, age), record_get(r, "error"));
        line("mail failed", text);
    }
}

static void print_held(const struct standing *s, easg_time now)
{
    char text[CLI_SAFE], age[AGE_SIZE];
    size_t i;

    for (i = 0; i < s->held.n; i++) {
        const struct record *h = &s->held.items[i];

        snprintf(text, sizeof(text), "%.20s actions since %s: easgate approve %s %.36s",
                 record_get(h, "n"), age_text(record_get(h, "since"), now, age), s->name,
                 record_get(h, "run"));
        line("held", text);
    }
}

/* What is decided for everybody; an organisation without it has no line. */
static void print_org_policy(const struct standing *s, easg_time now)
{
    char text[CLI_SAFE], age[AGE_SIZE];

    if (s->org_ledger.n)
        line_words("our policy", &s->org_ledger);
    for (size_t i = 0; i < s->org_held.n; i++) {
        const struct record *h = &s->org_held.items[i];

        snprintf(text, sizeof(text),
                 "%.20s changes for everybody since %s: easgate approve %s %.36s --policy",
                 record_get(h, "n"), age_text(record_get(h, "since"), now, age), s->name,
                 record_get(h, "run"));
        line("held", text);
    }
}

static void print_text(const struct standing *s, easg_time now)
{
    const char *hold = mark(s, "hold");
    char safe[CLI_SAFE], text[CLI_SAFE];
    const char *def = mark(s, "default_access");

    printf("%s: %s%s%s\n", s->name, health(s), s->config ? ", mode " : "",
           !s->config                       ? ""
           : s->config->mode == ORG_ENFORCE ? "enforce"
                                            : "audit (nothing is written to Exchange)");
    if (s->config_error)
        line("configuration", cli_safe(s->config_error, safe));
    if (hold) {
        line("hold", cli_safe(hold, safe));
        snprintf(text, sizeof(text),
                 mark(s, "hold_generation")
                     ? "no server is asked until the file or a secret changes; if the account was "
                       "unlocked: easgate sync %s --retry"
                     : "mend the configuration, then: easgate sync %s",
                 s->name);
        line("", text);
    }
    if (!s->synced)
        return;
    print_last_run(s, now);
    line_age("last full", s->last_full, now);
    line_age("last quick", s->last_quick, now);
    if (s->next_full != EASG_TIME_NONE)
        line_age("next full", s->next_full, now);
    if (s->next_quick != EASG_TIME_NONE)
        line_age("next quick", s->next_quick, now);
    print_facts(s, now);
    if (def) {
        snprintf(text, sizeof(text), "%.30s, Exchange %.60s", def,
                 mark(s, "server_version") ? mark(s, "server_version") : "(version not known)");
        line("default", text);
    }
    line_words("verdicts", &s->verdicts);
    line_words("access", &s->access);
    line_words("our entries", &s->ledger);
    if (s->unmatched) {
        snprintf(text, sizeof(text), "%lld mailboxes without a person: select * from v_unmatched",
                 (long long)s->unmatched);
        line("unmatched", text);
    }
    print_mail(s, now);
    print_held(s, now);
    print_org_policy(s, now);
    print_endpoints(s, now);
}

/* ---- JSON ---- */

static void json_words(struct jsonout *j, const char *key, const struct records *r)
{
    size_t i;

    json_open_object(j, key);
    for (i = 0; i < r->n; i++)
        json_int(j, record_get(&r->items[i], "word"), record_int(&r->items[i], "n"));
    json_close(j);
}

static void json_records(struct jsonout *j, const char *key, const struct records *r)
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

static void print_json(struct jsonout *j, const struct standing *s, easg_time now)
{
    json_open_object(j, NULL);
    json_text(j, "organization", s->name);
    json_text(j, "health", health(s));
    json_text(j, "mode", !s->config ? NULL : s->config->mode == ORG_ENFORCE ? "enforce" : "audit");
    json_text(j, "config_error", s->config_error);
    json_text(j, "hold", mark(s, "hold"));
    json_bool(j, "hold_guarded", mark(s, "hold") && mark(s, "hold_generation"));
    json_bool(j, "synchronised", s->synced);
    json_time(j, "last_full", s->synced ? s->last_full : EASG_TIME_NONE);
    json_time(j, "last_quick", s->synced ? s->last_quick : EASG_TIME_NONE);
    json_time(j, "last_facts", s->synced ? s->last_facts : EASG_TIME_NONE);
    if (s->synced && s->last_facts != EASG_TIME_NONE)
        json_int(j, "facts_age_ms", now - s->last_facts);
    else
        json_null(j, "facts_age_ms");
    json_time(j, "next_full", s->next_full);
    json_time(j, "next_quick", s->next_quick);
    json_text(j, "default_access", mark(s, "default_access"));
    json_text(j, "server_version", mark(s, "server_version"));
    json_words(j, "verdicts", &s->verdicts);
    json_words(j, "access", &s->access);
    json_words(j, "ledger", &s->ledger);
    json_words(j, "mail_7_days", &s->mail);
    json_text(j, "mail_error",
              s->mail_error.n ? record_get(&s->mail_error.items[0], "error") : NULL);
    json_int(j, "unmatched", s->unmatched);
    json_records(j, "last_run", &s->last);
    json_records(j, "held", &s->held);
    json_words(j, "policy_ledger", &s->org_ledger);
    json_records(j, "policy_held", &s->org_held);
    json_records(j, "endpoints", &s->endpoints);
    json_close(j);
}

/* ---- the verb ---- */

struct walk {
    struct cli *cli;
    const char *only;
    struct jsonout *json;
    int shown;
    int code;
};

static easg_status show(struct walk *w, struct standing *s, easg_error *err)
{
    struct store *store = NULL;
    easg_status st;

    st = store_open_readonly(w->cli->agent->state_dir, s->name, &store, err);
    if (st == EASG_OK) {
        s->synced = 1;
        st = read_state(store, s, err);
    } else if (st == EASG_E_NOTFOUND) {
        s->last_full = s->last_quick = s->last_facts = EASG_TIME_NONE;
        st = EASG_OK;
        err_clear(err);
    }
    store_close(store);
    if (st != EASG_OK) {
        w->code = cli_fail(w->cli, st, err);
        w->cli->failed_json = 1;
        err_clear(err);
        standing_clear(s);
        return EASG_OK; /* the others are shown */
    }
    find_due(s, w->cli->now);
    if (w->json)
        print_json(w->json, s, w->cli->now);
    else {
        if (w->shown)
            printf("\n");
        print_text(s, w->cli->now);
    }
    w->shown++;
    standing_clear(s);
    return EASG_OK;
}

static easg_status each(void *user, const char *path, const struct org_config *org,
                        const easg_error *why)
{
    struct walk *w = user;
    struct standing s;
    easg_error err = EASG_ERROR_INIT;
    const char *slash = path;
    const char *at;
    size_t len;

    memset(&s, 0, sizeof(s));
    for (at = path; *at; at++)
        if (*at == '/' || *at == '\\')
            slash = at + 1;
    len = strlen(slash);
    if (len > 5 && strcmp(slash + len - 5, ".yaml") == 0)
        len -= 5;
    snprintf(s.name, sizeof(s.name), "%.*s", (int)(len < 63 ? len : 63), slash);
    if (w->only && strcmp(w->only, s.name) != 0)
        return EASG_OK;
    s.config = org;
    s.config_error = org ? NULL : why->message;
    return show(w, &s, &err);
}

static int run_status(struct cli *cli, void *values)
{
    const struct values *v = values;
    struct walk w = { cli, v->org, NULL, 0, CLI_DONE };
    easg_error err = EASG_ERROR_INIT;
    struct org_config *org = NULL;
    struct jsonout j;
    easg_status st;

    st = cli_load_agent(cli, &err);
    if (st == EASG_OK && v->org)
        st = cli_check_org_name(v->org, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (v->org && org_config_find(cli->agent, v->org, &org, &err) == EASG_E_NOTFOUND)
        return cli_fail(cli, EASG_E_CONFIG, &err);
    org_config_destroy(org);
    err_clear(&err);
    if (cli->json) {
        w.json = &j;
        cli_json_begin(cli, &j);
        json_open_array(&j, "organizations");
        cli->failed_json = 1;
    }
    st = org_config_each(cli->agent, each, &w, &err);
    if (cli->json)
        w.code = cli_json_end(cli, &j, w.code);
    if (st != EASG_OK)
        return cli_fail(cli, st == EASG_E_NOTFOUND ? EASG_E_CONFIG : st, &err);
    if (!w.shown && w.code == CLI_DONE && !cli->json)
        printf("no organisation is configured in %s/orgs.d\n", cli->agent->config_dir);
    return w.code;
}

static const struct arg_spec args[] = { { .type = ARG_OPERAND,
                                          .name = "ORG",
                                          .offset = offsetof(struct values, org),
                                          .doc = "one organisation; all without it" },
                                        { .type = ARG_END } };

const struct verb verb_status = {
    .name = "status",
    .summary = "show how the organisations stand",
    .text =
        "Health, ages of the last runs and of the facts, servers, devices by verdict, and what\n"
        "waits for a person, with the command that lets it go.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_status
};
