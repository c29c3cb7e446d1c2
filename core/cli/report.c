/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c - what a run did, for `sync`, `plan` and `approve`: from the views, as anybody could.
 */
#include "cli.h"

#include "age.h"
#include "orgreport.h"
#include "err.h"
#include "platforms_text.h"
#include "policy.h"
#include "table.h"
#include "timestamp.h"
#include "worker.h"

#include <string.h>

enum { VERBS_MAX = 16, HELD_MAX = 10 };

/* What run ?1 planned, and what it did of the run ?2 that was approved, since ?3. With ?4, for a
 * plan, also what earlier runs left open: it is still going to be done. */
#define OF_RUN                                                                                     \
    " FROM v_actions WHERE run = ?1 OR (run = ?2 AND finished_at >= ?3)"                           \
    " OR (?4 AND state IN ('planned', 'held', 'approved'))"
enum { OF_RUN_ARGS = 4 };

#define ACTIONS                                                                                    \
    "SELECT id, device, mailbox, user, device_id, verb, row, reason, state, access_before,"        \
    " listed_before, error" OF_RUN " ORDER BY state, verb, user, device_id"

struct report {
    struct cli *cli;
    const struct start *start;
    const char *run_id;
    struct store *store;
    const struct record *run;
    const struct store_arg *of_run; /* parameters of OF_RUN */
    int64_t limit;
    int code;
    struct records held; /* runs of the organisation with held actions */
};

/* What the worker's exit code is for ours; one that was killed has a bug or was stopped by force.
 */
static int our_code(int worker)
{
    switch (worker) {
    case WORKER_DONE:
    case WORKER_NOTHING: return CLI_DONE;
    case WORKER_FAILED: return CLI_FAILED;
    case WORKER_LATER: return CLI_LATER;
    case WORKER_HOLD: return CLI_HOLD;
    case CLI_USAGE: return CLI_USAGE;
    default: return CLI_BUG;
    }
}

static const char *remedy(int code)
{
    switch (code) {
    case CLI_LATER: return "nothing is lost: the next run tries again";
    case CLI_HOLD:
        return "the organisation is on hold until its configuration or its secrets change, or "
               "`easgate sync ORG --retry` (one attempt) succeeds; `easgate check ORG --online` "
               "names the hop";
    case CLI_BUG:
        return "the worker crashed or was killed; the next run settles what was left open";
    default: return NULL;
    }
}

static unsigned row_number(const char *row)
{
    unsigned i;

    for (i = 1; i < POLICY_ROWS; i++)
        if (strcmp(row, policy_row_name(i)) == 0)
            return i;
    return 0;
}

/* ---- text ---- */

static void print_head(const struct record *run, const char *org)
{
    char safe[CLI_SAFE], span[AGE_SIZE], endpoint[CLI_SAFE];
    easg_time from = 0, to = 0;
    const char *started = record_get(run, "started_at");
    const char *finished = record_get(run, "finished_at");

    printf("%s: %s%s %s", cli_safe(org, safe), record_int(run, "dry_run") ? "dry " : "",
           record_get(run, "kind"), record_get(run, "status"));
    if (timestamp_parse(started, strlen(started), &from) &&
        timestamp_parse(finished, strlen(finished), &to))
        printf(" in %s", to > from ? age_span(to - from, span) : "less than 1 s");
    if (*record_get(run, "endpoint"))
        printf(" by %s", cli_safe(record_get(run, "endpoint"), endpoint));
    printf(" (mode %s, run %s)\n", record_get(run, "mode"), record_get(run, "run"));
}

/* "12 mailboxes", when the run counted them. */
static void add_count(const struct record *run, const char *name, const char *what, int *first)
{
    const char *v = record_null(run, name);

    if (!v)
        return;
    printf("%s%s %s", *first ? "  " : ", ", v, what);
    *first = 0;
}

static void print_counts(const struct record *run)
{
    int first = 1;

    add_count(run, "mailboxes", "mailboxes", &first);
    add_count(run, "devices", "devices", &first);
    add_count(run, "devices_new", "new", &first);
    add_count(run, "devices_changed", "changed", &first);
    add_count(run, "devices_gone", "gone", &first);
    if (!first)
        printf("\n");
    first = 1;
    add_count(run, "people", "people", &first);
    add_count(run, "managed_devices", "managed devices", &first);
    add_count(run, "unmatched", "mailboxes without a person", &first);
    if (!first)
        printf("\n");
    first = 1;
    add_count(run, "decided", "decided", &first);
    add_count(run, "planned", "planned", &first);
    add_count(run, "applied", "applied", &first);
    add_count(run, "held", "held", &first);
    add_count(run, "failed", "failed", &first);
    if (!first)
        printf("\n");
}

static easg_status print_verdicts(struct store *s, easg_error *err)
{
    struct records r;
    easg_status st;
    size_t i;

    st = query_records(s,
                       "SELECT ifnull(verdict, 'not decided') AS verdict, count(*) AS n"
                       " FROM v_devices GROUP BY 1 ORDER BY 2 DESC",
                       NULL, 0, VERBS_MAX, &r, err);
    if (st != EASG_OK)
        return st;
    if (r.n)
        printf("devices by verdict:");
    for (i = 0; i < r.n; i++)
        printf("%s %s %s", i ? "," : "", record_get(&r.items[i], "verdict"),
               record_get(&r.items[i], "n"));
    if (r.n)
        printf("\n");
    records_clear(&r);
    return EASG_OK;
}

/* What the rows in the table mean, each once. */
static void print_rows(const struct records *r)
{
    unsigned char seen[64] = { 0 };
    unsigned row;
    size_t i;

    for (i = 0; i < r->n; i++) {
        row = row_number(record_get(&r->items[i], "row"));
        if (row && row < sizeof(seen))
            seen[row] = 1;
    }
    for (row = 1; row < sizeof(seen); row++)
        if (seen[row])
            printf("  %s: %s\n", policy_row_name(row), policy_row_text(row));
}

static easg_status print_actions(const struct report *p, easg_error *err)
{
    static const struct table_column columns[] = {
        { "VERB", 0 },          { "USER", TABLE_FLEX }, { "DEVICE ID", TABLE_FLEX },
        { "ACCESS BEFORE", 0 }, { "ROW", 0 },           { "REASON", TABLE_FLEX },
        { "STATE", 0 }
    };
    struct records r;
    struct table *t;
    const struct record *a;
    easg_status st;
    int64_t total = 0;
    size_t i;

    st = query_records(p->store, ACTIONS, p->of_run, OF_RUN_ARGS,
                       p->limit ? (size_t)p->limit : SIZE_MAX, &r, err);
    if (st != EASG_OK)
        return st;
    t = table_create(stdout, columns, sizeof(columns) / sizeof(columns[0]), cli_width(), 2);
    if (!t) {
        records_clear(&r);
        return err_nomem(err);
    }
    for (i = 0; i < r.n; i++) {
        a = &r.items[i];
        table_row(t, (const char *const[]){
                         record_get(a, "verb"),
                         *record_get(a, "user") ? record_get(a, "user") : record_get(a, "mailbox"),
                         record_get(a, "device_id"), record_get(a, "access_before"),
                         record_get(a, "row"),
                         *record_get(a, "error") ? record_get(a, "error") : record_get(a, "reason"),
                         record_get(a, "state") });
    }
    table_finish(t);
    if (r.more) {
        st = query_int(p->store, "SELECT count(*)" OF_RUN, p->of_run, OF_RUN_ARGS, 0, &total, err);
        printf("  and %lld more; --limit 0 shows all\n", (long long)(total - (int64_t)r.n));
    }
    print_rows(&r);
    records_clear(&r);
    return st;
}

/* Before anybody is enforced it has to be known whether devices can be told apart at all. */
static int shows_platforms(const struct record *run)
{
    return strcmp(record_get(run, "mode"), "audit") == 0 &&
           strcmp(record_get(run, "kind"), "full") == 0 &&
           strcmp(record_get(run, "status"), "done") == 0;
}

static easg_status print_text(const struct report *p, easg_error *err)
{
    const char *error = record_get(p->run, "error");
    char safe[CLI_SAFE];
    easg_status st;
    size_t i;

    print_head(p->run, p->start->org);
    print_counts(p->run);
    st = print_actions(p, err);
    if (st == EASG_OK)
        st = orgreport_print(p->store, ORG_CHANGES, p->of_run, OF_RUN_ARGS, err);
    if (st == EASG_OK && strcmp(record_get(p->run, "status"), "done") == 0)
        st = print_verdicts(p->store, err);
    if (st == EASG_OK && shows_platforms(p->run))
        st = platforms_print(p->store, err);
    if (p->held.n)
        printf("held: blocks that need a person's word, because there are more than the brake lets "
               "pass\n");
    for (i = 0; i < p->held.n; i++)
        printf("  easgate approve %s %s  (%s blocks)\n", cli_safe(p->start->org, safe),
               record_get(&p->held.items[i], "run"), record_get(&p->held.items[i], "n"));
    if (st == EASG_OK && strcmp(p->start->kind, "device") != 0)
        st = orgreport_held(p->store, p->start->org, err);
    fflush(stdout);
    if (*error)
        fprintf(stderr, "easgate: %s\n", cli_safe(error, safe));
    if (remedy(p->code))
        fprintf(stderr, "easgate: %s\n", remedy(p->code));
    return st;
}

/* ---- JSON ---- */

static easg_status print_json(const struct report *p, easg_error *err)
{
    struct jsonout j;
    easg_status st;

    cli_json_begin(p->cli, &j);
    json_text(&j, "organization", p->start->org);
    json_int(&j, "exit_code", p->code);
    json_open_object(&j, "run");
    record_json(p->run, &j);
    json_close(&j);
    st = query_json(p->store,
                    "SELECT ifnull(verdict, 'none') AS verdict, count(*) AS n FROM v_devices"
                    " GROUP BY 1 ORDER BY 1",
                    NULL, 0, &j, "verdicts", err);
    if (st == EASG_OK)
        st =
            query_json(p->store,
                       "SELECT run, count(*) AS n FROM v_actions WHERE state = 'held' GROUP BY run",
                       NULL, 0, &j, "held", err);
    if (st == EASG_OK)
        st = query_json(p->store, ACTIONS, p->of_run, OF_RUN_ARGS, &j, "actions", err);
    if (st == EASG_OK)
        st = query_json(p->store, ORG_CHANGES, p->of_run, OF_RUN_ARGS, &j, "policy_changes", err);
    if (st == EASG_OK && shows_platforms(p->run))
        st = platforms_json(p->store, &j, err);
    p->cli->failed_json = 1;
    cli_json_end(p->cli, &j, 0);
    return st;
}

/* ---- what both need ---- */

static easg_status print_run(struct report *p, easg_error *err)
{
    const struct store_arg of_run[OF_RUN_ARGS] = {
        STORE_ARG_TEXT(p->run_id), STORE_ARG_TEXT(p->start->approve),
        STORE_ARG_TEXT(record_null(p->run, "started_at")), STORE_ARG_INT(p->start->dry_run)
    };
    int64_t changes = 0;
    easg_status st;

    p->of_run = of_run;
    st = query_records(p->store,
                       "SELECT run, count(*) AS n FROM v_actions WHERE state = 'held' GROUP BY run",
                       NULL, 0, HELD_MAX, &p->held, err);
    if (st == EASG_OK)
        st = query_int(p->store, "SELECT count(*)" OF_RUN, of_run, OF_RUN_ARGS, 0, &changes, err);
    if (st == EASG_OK && !changes)
        st = query_int(p->store, "SELECT count(*)" ORG_OF_RUN, of_run, OF_RUN_ARGS, 0, &changes,
                       err);
    if (st != EASG_OK)
        return st;
    if (p->code == CLI_DONE && p->start->dry_run && changes)
        p->code = CLI_CHANGES;
    return p->cli->json ? print_json(p, err) : print_text(p, err);
}

int report_run(struct cli *cli, const struct start *start, const char *run_id, int worker_code,
               int64_t limit)
{
    struct report p = { cli,           start, run_id, NULL,
                        NULL,          NULL,  limit,  our_code(worker_code),
                        { NULL, 0, 0 } };
    easg_error err = EASG_ERROR_INIT;
    struct records runs = { 0 };
    easg_status st;
    int failed;

    st = cli_open_store(cli, start->org, &p.store, &err);
    if (st == EASG_OK)
        st = query_records(p.store, "SELECT * FROM v_runs WHERE run = ?1",
                           (struct store_arg[]){ STORE_ARG_TEXT(run_id) }, 1, 1, &runs, &err);
    if (st == EASG_E_NOTFOUND || (st == EASG_OK && runs.n == 0)) {
        /* it ended before it could write: its own words are on standard error */
        if (p.code == CLI_DONE)
            p.code = CLI_BUG;
        st = err_set(&err, EASG_E_FAIL, "the worker ended with code %d before its run began%s%s",
                     worker_code, remedy(p.code) ? "; " : "", remedy(p.code) ? remedy(p.code) : "");
    } else if (st == EASG_OK) {
        p.run = &runs.items[0];
        st = print_run(&p, &err);
    }
    records_clear(&p.held);
    records_clear(&runs);
    store_close(p.store);
    if (st == EASG_OK)
        return p.code;
    failed = cli_fail(cli, st, &err);
    return p.code == CLI_DONE || p.code == CLI_CHANGES ? failed : p.code;
}
