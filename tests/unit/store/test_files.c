/* SPDX-License-Identifier: Apache-2.0
 *
 * test_files.c - opening: new, old, newer, foreign and damaged files; one writer; the audit chain.
 */
#include "statefile.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void test_never_synchronised(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;

    CHECK_INT(store_open_readonly(state_dir, "contoso", &s, &err), EASG_E_NOTFOUND);
    CHECK_HAS(err.message, "never synchronised; run easgate sync contoso first");
    store_close(s);
}

static void test_one_writer(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = state_open(&err);
    char want[80];
    struct stat st;
    char path[160];
    int status = 0;
    pid_t pid;

    if (!CHECK(s != NULL))
        return;
    state_path(path, sizeof path, "contoso.db");
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0007) == 0); /* not for others */
    snprintf(want, sizeof want, "process %d", (int)getpid());
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct store *second = NULL;
        easg_error why = EASG_ERROR_INIT;
        easg_status got = store_open_writer(state_dir, "contoso", NULL, &second, &why);

        check_made = check_failed = 0;
        CHECK_INT(got, EASG_E_UNAVAILABLE);
        CHECK_HAS(why.message, want);
        fflush(stdout);
        _exit(check_failed != 0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK_STR(state_ask("SELECT count(*) FROM v_devices"), "0"); /* readers are not kept out */
    store_close(s);
    s = state_open(&err);
    CHECK(s != NULL);
    store_close(s);
}

static void exec(const char *name, const char *sql)
{
    char path[160];
    sqlite3 *db;

    state_path(path, sizeof path, name);
    if (!CHECK(sqlite3_open(path, &db) == SQLITE_OK))
        return;
    if (!CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK))
        printf("# %s\n", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void test_newer(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;

    exec("contoso.db", "PRAGMA user_version=99");
    CHECK(state_open(&err) == NULL);
    CHECK_HAS(err.message, "has schema 99, this easgate knows");
    CHECK_INT(store_open_readonly(state_dir, "contoso", &s, &err), EASG_E_UNSUPPORTED);
}

/* A file as the first migration leaves it. */
static void make_schema_1(void)
{
    char path[300], text[40000];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/core/store/schema/0001-init.sql", check_source());
    f = fopen(path, "r");
    if (!CHECK(f != NULL))
        return;
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    exec("contoso.db", text);
    exec("contoso.db", "INSERT INTO org VALUES('hold', 'kept');"
                       "PRAGMA application_id=0x45415347; PRAGMA user_version=1");
}

static void test_older(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s;
    char path[160];

    make_schema_1();
    s = state_open(&err);
    if (!CHECK(s != NULL))
        printf("# %s\n", err.message);
    store_close(s);
    CHECK_STR(state_ask("SELECT value FROM v_org WHERE name = 'hold'"), "kept");
    CHECK_STR(state_ask("SELECT value > 1 FROM v_org WHERE name = 'schema'"), "1");
    state_path(path, sizeof path, "contoso.db.v1.bak");
    CHECK(access(path, F_OK) == 0);
    exec("contoso.db.v1.bak", "SELECT * FROM org");
}

/* A verb that only reads is the first to see the file after an upgrade. */
static void test_older_read(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    struct store *writer;
    char path[160];

    state_clean();
    make_schema_1();
    CHECK_INT(store_open_readonly(state_dir, "contoso", &s, &err), EASG_OK);
    store_close(s);
    CHECK_STR(state_ask("SELECT value FROM v_org WHERE name = 'hold'"), "kept");
    CHECK_STR(state_ask("SELECT value > 1 FROM v_org WHERE name = 'schema'"), "1");
    state_path(path, sizeof path, "contoso.db.v1.bak");
    CHECK(access(path, F_OK) == 0);
    /* while somebody else is at work there, it is told, and nothing is changed */
    writer = state_open(&err);
    exec("contoso.db", "PRAGMA user_version=1");
    s = NULL;
    CHECK_INT(store_open_readonly(state_dir, "contoso", &s, &err), EASG_E_UNAVAILABLE);
    CHECK(s == NULL);
    CHECK_HAS(err.message, "the state file has the schema of an older easgate");
    CHECK_HAS(err.message, "another run of this organisation is at work");
    store_close(writer);
    state_clean();
}

static void write_file(const char *bytes, size_t len)
{
    char path[160];
    FILE *f;

    state_clean();
    state_path(path, sizeof path, "contoso.db");
    f = fopen(path, "w");
    CHECK(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static void test_foreign(void)
{
    easg_error err = EASG_ERROR_INIT;

    write_file("this is a letter to my aunt, and it is longer than a header of SQLite is, by far; "
               "she lives in the country and has no telephone",
               126);
    CHECK(state_open(&err) == NULL);
    CHECK_HAS(err.message, "not a state file of easgate; move it away");
    state_clean();
    exec("contoso.db", "CREATE TABLE songs(title)");
    CHECK(state_open(&err) == NULL);
    CHECK_HAS(err.message, "an SQLite file, but not a state file of easgate");
    state_clean();
}

/* Pages in the middle of the file are garbage: a message with a remedy, and no crash. */
static void test_damaged(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = state_open(&err);
    easg_device d;
    easg_status st;
    char path[160], junk[4096];
    FILE *f;
    int i;

    store_close(s);
    state_path(path, sizeof path, "contoso.db");
    memset(junk, 0x5a, sizeof junk);
    f = fopen(path, "r+");
    if (!CHECK(f != NULL))
        return;
    for (i = 1; i < 40; i++) {
        CHECK(fseek(f, i * 4096L, SEEK_SET) == 0);
        CHECK(fwrite(junk, 1, sizeof junk, f) == sizeof junk);
    }
    fclose(f);
    s = state_open(&err);
    st = s ? EASG_OK : EASG_E_FAIL;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    d.key = d.device_id = d.mailbox_id = TEXT_LIT("x");
    if (s)
        st = store_begin_listing(s, STORE_EXCHANGE, 1, &err);
    if (st == EASG_OK)
        st = store_stage_device(s, &d, &err);
    CHECK_INT(st, EASG_E_FAIL);
    CHECK_HAS(err.message, "the state file is damaged");
    CHECK_HAS(err.message, "nothing was sent to Exchange");
    store_close(s);
    state_clean();
}

static void test_audit(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store_run run = { "11111111-2222-4333-8444-555555555555", "full", "audit", NULL, 0, 1 };
    struct store *s = state_open(&err);
    int64_t rows, bad;
    int i;

    CHECK_INT(store_begin_run(s, &run, &err), EASG_OK);
    for (i = 0; i < 5; i++)
        CHECK_INT(store_audit(s, "test.event", "subject", "{\"n\":1}", &err), EASG_OK);
    CHECK_INT(store_audit(s, "test.event", "two\nlines", "{}", &err), EASG_E_USAGE);
    CHECK_INT(store_audit_verify(s, &rows, &bad, &err), EASG_OK);
    CHECK_INT(rows, 5);
    CHECK_INT(bad, 0);
    store_close(s);
    exec("contoso.db", "DROP TRIGGER audit_no_update;"
                       "UPDATE audit SET detail='{\"n\":2}' WHERE seq=3");
    CHECK_INT(store_open_readonly(state_dir, "contoso", &s, &err), EASG_OK);
    CHECK_INT(store_audit_verify(s, &rows, &bad, &err), EASG_OK);
    CHECK_INT(bad, 3);
    store_close(s);
    exec("contoso.db", "UPDATE audit SET detail='{\"n\":1}' WHERE seq=3;"
                       "DELETE FROM audit WHERE seq=2");
    CHECK_INT(store_open_readonly(state_dir, "contoso", &s, &err), EASG_OK);
    CHECK_INT(store_audit_verify(s, &rows, &bad, &err), EASG_OK);
    CHECK_INT(bad, 3);
    store_close(s);
}

static void test_query(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    struct store_arg arg = STORE_ARG_TEXT("x");
    char text[1000] = "";

    CHECK_INT(store_open_readonly(state_dir, "contoso", &s, &err), EASG_OK);
    CHECK_INT(store_query(s, "SELECT ?1, 7, NULL", &arg, 1, state_add_row, text, &err), EASG_OK);
    CHECK_STR(text, "x 7 -");
    CHECK_INT(store_query(s, "DELETE FROM audit", NULL, 0, state_add_row, text, &err),
              EASG_E_USAGE);
    CHECK_INT(store_query(s, "SELECT nonsense", NULL, 0, state_add_row, text, &err), EASG_E_FAIL);
    CHECK_HAS(err.message, "no such column");
    store_close(s);
}

int main(void)
{
    state_begin();
    test_never_synchronised();
    test_one_writer();
    test_newer();
    state_clean();
    test_older();
    test_older_read();
    test_foreign();
    test_damaged();
    test_audit();
    test_query();
    state_end();
    return check_done();
}
