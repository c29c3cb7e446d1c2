/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's listing path against a bare loop of one prepared upsert of the same rows: everything
 * new, everything changed, nothing changed. CPU time of the whole process, interleaved rounds.
 * Options: -n devices -r rounds -d directory.
 */
#include "harness.h"

#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sqlite3.h>

#include "clixml_record.h"
#include "devgen.h"
#include "err.h"
#include "store_listing.h"
#include "store_writer.h"
#include "text.h"

enum { KEY, DEVICE_ID, OWNER, IDENTITY, TYPE, MODEL, OS, FRIENDLY, AGENT, REASON, FIELDS };

struct row {
    easg_str f[FIELDS];
    int64_t first_sync;
    int access;
};

static struct row *rows;
static easg_str *boxes; /* one mailbox for two devices */
static size_t n_rows;
static const char *dir;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_store: %s: %s\n", what, why);
    exit(1);
}

static double cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* ---- the population: made once, decoded once ---- */

static const char *const names[] = {
    "Guid",        "DeviceId", "DistinguishedName", "Identity",        "DeviceType",
    "DeviceModel", "DeviceOS", "FriendlyName",      "DeviceUserAgent", "DeviceAccessStateReason",
    NULL
};

static easg_status take(void *user, const struct clixml_record *record, easg_error *err)
{
    struct row *r = user;

    (void)err;
    for (size_t i = 0; i < FIELDS; i++) {
        const easg_str *t = &record->slots[i].text;

        if (record->slots[i].kind == CLIXML_TEXT && t->ptr)
            r->f[i] = (easg_str){ mem_dup(t->ptr, t->len), t->len };
    }
    return EASG_OK;
}

static void make_rows(size_t n)
{
    struct clixml_decoder *d = NULL;
    easg_error err = EASG_ERROR_INIT;
    dg_conf c;
    dg_buf b = { 0 };

    dg_defaults(&c);
    c.big_ppm = 0;
    if (clixml_decoder_create(names, 1u << 20, &d, &err) != EASG_OK)
        die("decoder", err.message);
    rows = mem_array(n, sizeof *rows);
    if (!rows)
        die("rows", "out of memory");
    for (size_t i = 0; i < n; i++) {
        b.n = 0;
        dg_clixml(&c, i, &b);
        if (clixml_decode(d, b.p, b.n, take, &rows[i], &err) != EASG_OK)
            die("decode", err.message);
        rows[i].first_sync = 1600000000000 + (int64_t)i;
        rows[i].access = (int)(i % 3) + 1;
    }
    n_rows = n;
    boxes = mem_array(n / 2 + 1, sizeof *boxes);
    if (!boxes)
        die("rows", "out of memory");
    for (size_t i = 0; i <= n / 2; i++) {
        char id[64];
        int len = snprintf(id, sizeof id, "%08zx-0000-4000-8000-%012zx",
                           i * 2654435761u % 4294967291u, i);

        boxes[i] = (easg_str){ mem_dup(id, (size_t)len), (size_t)len };
    }
    for (size_t i = 0; i < n; i++)
        rows[i].f[OWNER] = boxes[i / 2];
    clixml_decoder_destroy(d);
    dg_free(&b);
}

/* ---- bare: what a straightforward program would do ---- */

static sqlite3 *bare;

static void bare_exec(const char *sql)
{
    if (sqlite3_exec(bare, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(bare));
}

static void bare_path(char *out, size_t size)
{
    (void)snprintf(out, size, "%s/bare.db", dir);
}

static void bare_upsert(int change)
{
    static const char sql[] =
        "INSERT INTO device(key,device_id,owner,identity,type,model,os,friendly_name,user_agent,"
        "access_reason,access,first_sync) VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(key) DO "
        "UPDATE"
        " SET device_id=excluded.device_id,owner=excluded.owner,identity=excluded.identity,"
        "type=excluded.type,model=excluded.model,os=excluded.os,friendly_name=excluded.friendly_"
        "name,"
        "user_agent=excluded.user_agent,access_reason=excluded.access_reason,access=excluded."
        "access,"
        "first_sync=excluded.first_sync";
    sqlite3_stmt *stmt;
    char path[512];

    bare_path(path, sizeof path);
    if (sqlite3_open(path, &bare) != SQLITE_OK)
        die(path, sqlite3_errmsg(bare));
    bare_exec(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8192;"
        "PRAGMA wal_autocheckpoint=16384; CREATE TABLE IF NOT EXISTS device(id INTEGER PRIMARY"
        " KEY,key TEXT UNIQUE,device_id TEXT,owner TEXT,identity TEXT,type TEXT,model TEXT,os"
        " TEXT,friendly_name TEXT,user_agent TEXT,access_reason TEXT,access INT,first_sync INT);"
        "CREATE TABLE IF NOT EXISTS mailbox(id INTEGER PRIMARY KEY,key TEXT UNIQUE,upn TEXT,smtp "
        "TEXT)");
    if (sqlite3_prepare_v2(bare, sql, -1, &stmt, NULL) != SQLITE_OK)
        die("prepare", sqlite3_errmsg(bare));
    bare_exec("BEGIN IMMEDIATE");
    for (size_t i = 0; i < n_rows; i++) {
        for (int k = 0; k < FIELDS; k++)
            sqlite3_bind_text(stmt, k + 1, rows[i].f[k].ptr, (int)rows[i].f[k].len, SQLITE_STATIC);
        sqlite3_bind_int(stmt, FIELDS + 1, rows[i].access + change);
        sqlite3_bind_int64(stmt, FIELDS + 2, rows[i].first_sync);
        if (sqlite3_step(stmt) != SQLITE_DONE)
            die("step", sqlite3_errmsg(bare));
        sqlite3_reset(stmt);
        if (i % 20000 == 19999)
            bare_exec("COMMIT; BEGIN IMMEDIATE");
    }
    sqlite3_finalize(stmt);
    if (sqlite3_prepare_v2(bare,
                           "INSERT INTO mailbox(key,upn,smtp) VALUES(?,?,?) ON CONFLICT(key) DO"
                           " UPDATE SET upn=excluded.upn,smtp=excluded.smtp",
                           -1, &stmt, NULL) != SQLITE_OK)
        die("prepare", sqlite3_errmsg(bare));
    for (size_t i = 0; i <= n_rows / 2; i++) {
        for (int k = 1; k <= 3; k++)
            sqlite3_bind_text(stmt, k, boxes[i].ptr, (int)boxes[i].len, SQLITE_STATIC);
        if (sqlite3_step(stmt) != SQLITE_DONE)
            die("step", sqlite3_errmsg(bare));
        sqlite3_reset(stmt);
    }
    bare_exec("COMMIT");
    sqlite3_finalize(stmt);
    sqlite3_close(bare);
}

/* ---- ours ---- */

static void ours_listing(int change)
{
    struct store *s = NULL;
    easg_error err = EASG_ERROR_INIT;
    struct store_seen seen[STORE_KINDS];
    easg_status st = store_open_writer(dir, "ours", NULL, &s, &err);

    if (st == EASG_OK)
        st = store_begin_listing(s, STORE_EXCHANGE, 1700000000000, &err);
    for (size_t i = 0; st == EASG_OK && i <= n_rows / 2; i++) {
        easg_mailbox m = { .struct_size = sizeof m,
                           .mailbox_id = boxes[i],
                           .user_upn = boxes[i],
                           .primary_smtp = boxes[i] };

        st = store_stage_mailbox(s, &m, &err);
    }
    for (size_t i = 0; st == EASG_OK && i < n_rows; i++) {
        const struct row *r = &rows[i];
        easg_device d = { .struct_size = sizeof d,
                          .access = (easg_access)(r->access + change),
                          .key = r->f[KEY],
                          .device_id = r->f[DEVICE_ID],
                          .mailbox_id = r->f[OWNER],
                          .identity = r->f[IDENTITY],
                          .type = r->f[TYPE],
                          .model = r->f[MODEL],
                          .os = r->f[OS],
                          .friendly_name = r->f[FRIENDLY],
                          .user_agent = r->f[AGENT],
                          .access_reason = r->f[REASON],
                          .first_sync = r->first_sync,
                          .last_sync = EASG_TIME_NONE,
                          .changed = EASG_TIME_NONE };

        st = store_stage_device(s, &d, &err);
    }
    if (st == EASG_OK)
        st = store_end_listing(s, STORE_COMPLETE, NULL, seen, &err);
    if (st == EASG_OK)
        st = store_promote(s, &err);
    if (st == EASG_OK)
        st = store_commit(s, &err);
    if (st == EASG_OK)
        st = store_collect_garbage(s, &err);
    if (st != EASG_OK)
        die("listing", err.message);
    store_close(s);
}

static void forget(const char *name)
{
    static const char *const ends[] = { ".db", ".db-wal", ".db-shm", ".db.lock", ".lock" };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char path[600];

        (void)snprintf(path, sizeof path, "%s/%s%s", dir, name, ends[i]);
        unlink(path);
    }
}

enum { INSERT, CHANGED, SAME, STEPS };
static const char *const step_names[] = { "all new", "all changed", "nothing changed" };

int main(int argc, char **argv)
{
    size_t n = 100000;
    int rounds = 5;
    int option;
    double t[2][STEPS][64];
    char made[] = "/tmp/easgate-bench-XXXXXX";

    while ((option = getopt(argc, argv, "n:r:d:")) != -1) {
        if (option == 'n')
            n = strtoul(optarg, NULL, 10);
        else if (option == 'r')
            rounds = (int)strtol(optarg, NULL, 10);
        else if (option == 'd')
            dir = optarg;
        else
            return 64;
    }
    if (!dir)
        dir = mkdtemp(made);
    if (!dir || rounds < 1 || rounds > 64)
        die("options", "no directory, or rounds not in 1..64");
    make_rows(n);
    for (int r = 0; r < rounds; r++) {
        forget("bare");
        forget("ours");
        for (int step = 0; step < STEPS; step++) {
            int change = step == INSERT ? 0 : 1;
            double a = cpu(), b;

            bare_upsert(change);
            b = cpu();
            ours_listing(change);
            t[0][step][r] = b - a;
            t[1][step][r] = cpu() - b;
        }
    }
    printf("%zu devices, %d rounds, us of CPU a device\n%-18s %8s %8s %7s\n", n, rounds, "", "bare",
           "ours", "ratio");
    for (int step = 0; step < STEPS; step++) {
        double ratio[64];

        for (int r = 0; r < rounds; r++)
            ratio[r] = t[0][step][r] / t[1][step][r];
        printf("%-18s %8.2f %8.2f %6.2fx\n", step_names[step],
               hs_median(t[0][step], rounds) / (double)n * 1e6,
               hs_median(t[1][step], rounds) / (double)n * 1e6, hs_median(ratio, rounds));
        printf("ratio store_%s %.2f 0.90\n",
               step == INSERT    ? "new"
               : step == CHANGED ? "changed"
                                 : "same",
               hs_median(ratio, rounds));
    }
    forget("bare");
    forget("ours");
    if (dir == made)
        rmdir(dir);
    return 0;
}
