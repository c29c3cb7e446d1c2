/* SPDX-License-Identifier: Apache-2.0
 *
 * test_retention.c - what is forgotten when it is old, and what stays because something needs it.
 */
#include "statefile.h"

#include "store_trust.h"

#include <sqlite3.h>

#define DAY INT64_C(86400000)
#define NOW (1000 * DAY)

static void exec(const char *sql)
{
    sqlite3 *db = NULL;
    char path[160], *message = NULL;

    state_path(path, sizeof path, "contoso.db");
    if (!CHECK_INT(sqlite3_open(path, &db), SQLITE_OK) ||
        !CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, &message), SQLITE_OK))
        printf("# %s\n", message ? message : "");
    sqlite3_free(message);
    sqlite3_close(db);
}

/* Runs 1 and 2 are old, 3 is young. Times are in days. */
static const char rows[] =
    "CREATE TEMP TABLE day(ms); INSERT INTO day VALUES(86400000);"
    "INSERT INTO run(id, uuid, kind, mode, dry_run, status, started_at)"
    " SELECT column1, column2, 'full', 'enforce', 0, column3, column4 * ms FROM day,"
    " (VALUES(1, 'r1', 'done', 10), (2, 'r2', 'done', 20), (3, 'r3', 'done', 990),"
    "        (4, 'r4', 'running', 10));"
    "INSERT INTO decision(id, run, at, verdict, device, mailbox, device_id, joined, candidates,"
    " cross_user) SELECT column1, column2, column3 * ms, 1, 'd', 'm', 'i', 0, 0, 0 FROM day,"
    " (VALUES(1, 1, 10), (2, 2, 20), (3, 3, 990));"
    "INSERT INTO current(mk, ek, decision) VALUES(1, 1, 2);"
    "INSERT INTO action(id, run, checked, mk, ek, mailbox, device_id, verb, wire, state,"
    " access_before, listed_before, created_at, finished_at)"
    " SELECT column1, 2, 2, 1, 1, 'm', 'i', 1, 1, column2, 0, 0, 20 * ms, column3 * ms FROM day,"
    " (VALUES(1, 4, 20), (2, 1, NULL), (3, 4, 995));"
    "INSERT INTO orgpolicy_change(id, run, checked, part, name, reason, needs_word, state,"
    " created_at, finished_at) SELECT column1, 'r1', 'r1', 0, 'n', 'configured', 0, column2,"
    " 10 * ms, column3 * ms FROM day,"
    " (VALUES(1, 4, 10), (2, 1, NULL), (3, 6, NULL), (4, 4, 995));"
    "INSERT INTO device_command(id, run, token, verb, device, device_id, owner, told, state,"
    " created_at, expires_at) SELECT column1, 'r1', column1, 0, 'd', 'i', 'o', 't', column2,"
    " column3 * ms, (column3 + 1) * ms FROM day,"
    " (VALUES(1, 'done', 10), (2, 'started', 10), (3, 'told', 10), (4, 'told', 999));";

static void prune(easg_time before, struct store_pruned *n)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = state_open(&err);

    if (!CHECK(s != NULL) || !CHECK_INT(store_begin(s, 1, &err), EASG_OK) ||
        !CHECK_INT(store_prune_history(s, before, n, &err), EASG_OK) ||
        !CHECK_INT(store_commit(s, &err), EASG_OK))
        printf("# %s\n", err.message);
    store_close(s);
}

static void test_history(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store_pruned n = { 0, 0, 0, 0, 0 };
    struct store *s = state_open(&err);

    CHECK(s != NULL);
    store_close(s);
    exec(rows);
    prune(5 * DAY, &n); /* nothing is as old as that */
    CHECK_INT(n.decisions + n.actions + n.mails + n.runs, 0);
    CHECK_STR(state_ask("SELECT (SELECT count(*) FROM orgpolicy_change), count(*) FROM"
                        " device_command"),
              "4 4");

    prune(NOW - 400 * DAY, &n);
    CHECK_INT(n.decisions, 1); /* 2 is current, 3 is young */
    CHECK_INT(n.actions, 1);   /* 2 is held, 3 is young */
    CHECK_INT(n.runs, 1);      /* 2 is named by a decision, 4 is running */
    CHECK_STR(state_ask("SELECT group_concat(id, ',') FROM decision"), "2,3");
    CHECK_STR(state_ask("SELECT group_concat(id, ',') FROM action"), "2,3");
    CHECK_STR(state_ask("SELECT group_concat(id, ',') FROM run"), "2,3,4");
    CHECK_STR(state_ask("SELECT group_concat(id, ',') FROM orgpolicy_change"), "2,4");
    CHECK_STR(state_ask("SELECT group_concat(id, ',') FROM device_command"), "2,4");

    prune(NOW - 400 * DAY, &n); /* twice is once */
    CHECK_INT(n.decisions + n.actions + n.mails + n.runs, 0);
}

static void note(int n)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = state_open(&err);

    CHECK(s != NULL);
    CHECK_INT(store_begin(s, 1, &err), EASG_OK);
    while (n--)
        CHECK_INT(store_audit(s, "test.noted", "subject", "{}", &err), EASG_OK);
    CHECK_INT(store_commit(s, &err), EASG_OK);
    store_close(s);
}

static int64_t verify(int64_t *rows_out)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    int64_t bad = -1;

    CHECK_INT(store_open_readonly(state_dir, "contoso", &s, &err), EASG_OK);
    CHECK_INT(store_audit_verify(s, rows_out, &bad, &err), EASG_OK);
    store_close(s);
    return bad;
}

/* The chain still holds at its anchor, and a row that is taken away besides is found out. */
static void test_audit(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s;
    int64_t n = 0, count = 0, bad;

    note(10);
    bad = verify(&count);
    CHECK_INT(bad, 0);
    CHECK_INT(count, 10);
    s = state_open(&err);
    CHECK(s != NULL);
    CHECK_INT(store_begin(s, 1, &err), EASG_OK);
    CHECK_INT(store_prune_audit(s, INT64_C(4102444800000), &n, &err), EASG_OK); /* year 2100 */
    CHECK_INT(store_commit(s, &err), EASG_OK);
    store_close(s);
    CHECK_INT(n, 9); /* the last row stays, and the chain goes on from it */
    CHECK_STR(state_ask("SELECT group_concat(event, ',') FROM audit"), "test.noted,audit.pruned");
    note(3);
    CHECK_INT(verify(&count), 0);
    CHECK_INT(count, 5);
    exec("DELETE FROM audit WHERE event = 'audit.pruned'");
    CHECK(verify(&count) != 0);
}

int main(void)
{
    state_begin();
    test_history();
    state_clean();
    test_audit();
    state_end();
    return check_done();
}
