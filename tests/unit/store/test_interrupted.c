/* SPDX-License-Identifier: Apache-2.0
 *
 * test_interrupted.c - an upgrade finds what a run that was cut off had staged in the thin tables
 * of schema 7: before its promotion that is dropped, after it began it is finished.
 *
 * The file of schema 7 is made from one of today by taking 0008-staged back.
 */
#include "statefile.h"

#include "digest.h"

#include <sqlite3.h>
#include <sys/wait.h>

static void stage_and_stop(int from, int to, int access, int promote)
{
    struct store_seen seen[STORE_KINDS];
    easg_error err = EASG_ERROR_INIT;
    struct store *s = state_open(&err);
    char key[32], box[32];

    CHECK(s != NULL);
    CHECK_INT(store_begin_listing(s, STORE_EXCHANGE, 1, &err), EASG_OK);
    for (int i = from; i < to; i++) {
        easg_mailbox m = { .struct_size = sizeof m };

        snprintf(box, sizeof box, "m%d", i);
        m.mailbox_id = text_str(box);
        CHECK_INT(store_stage_mailbox(s, &m, &err), EASG_OK);
    }
    for (int i = from; i < to; i++) {
        easg_device d = { .struct_size = sizeof d, .access = (easg_access)access };

        snprintf(key, sizeof key, "d%d", i);
        snprintf(box, sizeof box, "m%d", i);
        d.key = d.device_id = text_str(key);
        d.mailbox_id = text_str(box);
        CHECK_INT(store_stage_device(s, &d, &err), EASG_OK);
    }
    CHECK_INT(store_end_listing(s, STORE_COMPLETE, NULL, seen, &err), EASG_OK);
    if (promote)
        CHECK_INT(store_promote(s, &err), EASG_OK);
    CHECK_INT(store_commit(s, &err), EASG_OK);
    if (promote)
        CHECK_INT(store_collect_garbage(s, &err), EASG_OK);
    if (err.message[0])
        printf("# %s\n", err.message);
    fflush(stdout);
    if (!promote)
        _exit(check_failed != 0); /* cut off: nothing is closed */
    store_close(s);
}

/* ---- back to schema 7 ---- */

static int run(sqlite3 *db, const char *sql)
{
    char *message = NULL;

    if (CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, &message), SQLITE_OK))
        return 1;
    printf("# %s\n", message ? message : "");
    sqlite3_free(message);
    return 0;
}

static int64_t word(const unsigned char *p)
{
    uint64_t u = 0;

    for (int i = 7; i >= 0; i--)
        u = u << 8 | p[i];
    return (int64_t)u;
}

/* Packed rows of one kind into its thin table: k, id, hash, old, then `more` words. */
static int unpack(sqlite3 *db, int kind, int more, const char *insert)
{
    size_t size = 8 + 8 + DIGEST_HASH + 8 + (size_t)more * 8;
    sqlite3_stmt *from = NULL, *to = NULL;
    int n = 0;

    CHECK_INT(sqlite3_prepare_v2(db, "SELECT rows FROM staged WHERE kind=?1 ORDER BY id", -1, &from,
                                 NULL),
              SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(db, insert, -1, &to, NULL), SQLITE_OK);
    sqlite3_bind_int(from, 1, kind);
    while (sqlite3_step(from) == SQLITE_ROW) {
        const unsigned char *p = sqlite3_column_blob(from, 0);
        size_t len = (size_t)sqlite3_column_bytes(from, 0);

        CHECK_INT(len % size, 0);
        for (size_t at = 0; at + size <= len; at += size, n++) {
            const unsigned char *rest = p + at + 16 + DIGEST_HASH;

            sqlite3_bind_int64(to, 1, word(p + at));
            sqlite3_bind_int64(to, 2, word(p + at + 8));
            sqlite3_bind_blob(to, 3, p + at + 16, DIGEST_HASH, SQLITE_TRANSIENT);
            if (word(rest))
                sqlite3_bind_int64(to, 4, word(rest));
            else
                sqlite3_bind_null(to, 4);
            for (int i = 0; i < more; i++)
                sqlite3_bind_int64(to, 5 + i, word(rest + 8 + (size_t)i * 8));
            CHECK_INT(sqlite3_step(to), SQLITE_DONE);
            sqlite3_reset(to);
        }
    }
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    return n;
}

static void back_to_7(int promoting)
{
    char path[160];
    sqlite3 *db = NULL;

    state_path(path, sizeof path, "contoso.db");
    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    run(db,
        "CREATE TABLE staged_device(k INTEGER, hash BLOB, id INTEGER, old INTEGER, ek INTEGER,"
        " rk INTEGER);"
        "CREATE TABLE staged_mailbox(k INTEGER, hash BLOB, id INTEGER, old INTEGER, rk INTEGER);"
        "CREATE TABLE staged_person(k INTEGER, hash BLOB, id INTEGER, old INTEGER);"
        "CREATE TABLE staged_key(kd INTEGER, pk INTEGER, id INTEGER);"
        "CREATE TABLE staged_managed(k INTEGER, hash BLOB, id INTEGER, old INTEGER, ek INTEGER)");
    CHECK_INT(unpack(db, 0, 2,
                     "INSERT INTO staged_device(k, id, hash, old, ek, rk)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"),
              100);
    CHECK_INT(unpack(db, 1, 1,
                     "INSERT INTO staged_mailbox(k, id, hash, old, rk)"
                     " VALUES(?1, ?2, ?3, ?4, nullif(?5, 0))"),
              10);
    run(db, "DROP TABLE staged; DROP TABLE staged_after; DROP TABLE garbage;"
            "CREATE TABLE garbage(kind INTEGER, id INTEGER);"
            "DROP INDEX device_mb; CREATE INDEX device_mb ON device_idx(mk, ek, id);"
            "PRAGMA user_version=7");
    if (promoting)
        run(db, "INSERT INTO meta(name, value) VALUES('promoting', 0)");
    sqlite3_close(db);
}

/* ---- the upgrade ---- */

static void upgrade(int promoting, const char *want)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s;
    char path[160];
    int status = -1;
    pid_t pid;

    stage_and_stop(0, 100, 1, 1);
    CHECK_STR(state_ask("SELECT count(*), min(access) FROM v_devices"), "100 allowed");
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        check_failed = 0;
        stage_and_stop(10, 110, 2, 0); /* 90 changed, 10 new, 10 gone */
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    back_to_7(promoting);
    s = state_open(&err);
    if (!CHECK(s != NULL))
        printf("# %s\n", err.message);
    store_close(s);
    CHECK_STR(state_ask("SELECT count(*), count(mailbox), min(access), max(access),"
                        " sum(device_id='d5'), sum(device_id='d105') FROM v_devices"),
              want);
    CHECK_STR(state_ask("SELECT (SELECT count(*) FROM device), (SELECT count(*) FROM mailbox),"
                        " (SELECT count(*) FROM staged), (SELECT count(*) FROM staged_gone),"
                        " (SELECT count(*) FROM garbage),"
                        " (SELECT count(*) FROM meta WHERE name='promoting')"),
              "100 100 0 0 0 0");
    CHECK_STR(state_ask("PRAGMA integrity_check"), "ok");
    CHECK_STR(state_ask("SELECT value > 7 FROM v_org WHERE name='schema'"), "1");
    state_path(path, sizeof path, "contoso.db.v7.bak");
    CHECK(access(path, F_OK) == 0);
    /* and the next listing goes on from there */
    stage_and_stop(0, 100, 3, 1);
    CHECK_STR(state_ask("SELECT count(*), count(mailbox), count(DISTINCT access) FROM v_devices"),
              "100 100 1");
    state_clean();
}

int main(void)
{
    state_begin();
    upgrade(0, "100 100 allowed allowed 1 0");
    upgrade(1, "100 100 blocked blocked 0 1");
    state_end();
    return check_done();
}
