/* SPDX-License-Identifier: Apache-2.0
 *
 * open.c - opening and closing the state file, and the lock that admits one writer.
 *
 * The lock is an exclusive transaction on ORG.lock, an SQLite file that stays empty: the system
 * drops it with the process, on every platform. Locking the state file itself would keep readers
 * out.
 */
#include "store_db.h"
#include "store_writer.h"

#include "fs.h"
#include "proc.h"

#include <inttypes.h>
#include <string.h>

#define PATH_MAX_BYTES 4096
#define READ_PRAGMAS   "PRAGMA cache_size=-2048; PRAGMA query_only=1;"
#define WRITE_PRAGMAS                                                                              \
    "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA cache_size=-16384;"                    \
    "PRAGMA wal_autocheckpoint=8192;"                                                              \
    "PRAGMA synchronous=NORMAL; PRAGMA temp_store=FILE; PRAGMA cell_size_check=1;"

static easg_status make_path(const char *dir, const char *org, const char *suffix, char **out,
                             easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(PATH_MAX_BYTES);

    strbuf_addf(&b, "%s/%s%s", dir, org, suffix);
    if (strbuf_status(&b) == EASG_E_LIMIT)
        return err_set(err, EASG_E_CONFIG, "the path of the state directory is too long");
    *out = strbuf_take(&b);
    return *out ? EASG_OK : err_nomem(err);
}

static struct store *make(const char *dir, const char *org, easg_error *err)
{
    struct store *s = mem_alloc(sizeof *s);

    if (!s || !(s->org = mem_strdup(org)) || make_path(dir, org, ".db", &s->path, err) != EASG_OK) {
        if (!s || !s->org)
            err_nomem(err);
        store_close(s);
        return NULL;
    }
    return s;
}

/* SQLite creates lazily: only the first read tells whether this is a database, and whose. */
static easg_status check_file(struct store *s, easg_error *err)
{
    int64_t id, tables, version;
    easg_status st;

    st = db_get_int(s, 0, &tables, err, "SELECT count(*) FROM sqlite_schema", "");
    if (st == EASG_OK)
        st = db_get_int(s, 0, &id, err, "PRAGMA application_id", "");
    if (st == EASG_OK)
        st = db_get_int(s, 0, &version, err, "PRAGMA user_version", "");
    if (st != EASG_OK)
        return st;
    if (tables > 0 && id != DB_APPLICATION_ID)
        return err_set(err, EASG_E_FAIL,
                       "%s: an SQLite file, but not a state file of easgate; move it away",
                       s->path);
    if (version > db_migrations_n)
        return err_set(err, EASG_E_UNSUPPORTED,
                       "%s: has schema %" PRId64 ", this easgate knows %d; install the newer "
                       "easgate that wrote it, or go back to the copy %s.v%d.bak",
                       s->path, version, db_migrations_n, s->path, db_migrations_n);
    if (!s->writable && (tables == 0 || version < 1))
        return err_set(err, EASG_E_NOTFOUND, "%s: holds no run yet; run easgate sync %s first",
                       s->path, s->org);
    return EASG_OK;
}

static easg_status open_db(struct store *s, easg_error *err)
{
    int flags = s->writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    int on = 1;
    easg_status st;

    if (sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK)
        return db_fail(s, "opening", err);
    sqlite3_busy_timeout(s->db, 5000);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* -wal and -shm stay, so that those who may not write the directory can still read */
    if (s->writable)
        sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
    st = check_file(s, err);
    if (st != EASG_OK)
        return st;
    return db_exec(s, s->writable ? WRITE_PRAGMAS : READ_PRAGMAS, err);
}

/* The schema of a file that an older easgate wrote: a verb after an upgrade does what the next run
 * would do first, copy included. */
static easg_status bring_up(const char *state_dir, const char *org, easg_error *err)
{
    struct store *s = NULL;
    easg_status st = store_open_writer(state_dir, org, NULL, &s, err);

    store_close(s);
    return st == EASG_OK ? st
                         : err_at(err, st, "the state file has the schema of an older easgate");
}

static easg_status open_reader(const char *state_dir, const char *org, struct store **out,
                               int *older, easg_error *err)
{
    struct store *s = make(state_dir, org, err);
    int64_t version = 0;
    easg_status st;

    if (!s)
        return EASG_E_NOMEM;
    if (!fs_exists(s->path)) {
        st = err_set(err, EASG_E_NOTFOUND,
                     "%s: no state yet, the organisation was never synchronised; run easgate sync "
                     "%s first",
                     s->path, org);
        store_close(s);
        return st;
    }
    st = open_db(s, err);
    if (st == EASG_OK)
        st = db_get_int(s, 0, &version, err, "PRAGMA user_version", "");
    if (st != EASG_OK) {
        store_close(s);
        return st;
    }
    *older = version < db_migrations_n;
    *out = s;
    return EASG_OK;
}

easg_status store_open_readonly(const char *state_dir, const char *org, struct store **out,
                                easg_error *err)
{
    struct store *s = NULL;
    int older = 0;
    easg_status st = open_reader(state_dir, org, &s, &older, err);

    if (st == EASG_OK && older) {
        store_close(s);
        st = bring_up(state_dir, org, err);
        if (st == EASG_OK)
            st = open_reader(state_dir, org, &s, &older, err);
    }
    if (st == EASG_OK)
        *out = s;
    return st;
}

/* Who holds the lock, as it wrote itself; 0 when that cannot be read. */
static int64_t holder(const char *state_dir, const char *org)
{
    easg_error ignored = EASG_ERROR_INIT;
    struct store *s = NULL;
    int64_t pid = 0;
    int older;

    if (open_reader(state_dir, org, &s, &older, &ignored) == EASG_OK)
        db_get_int(s, 0, &pid, &ignored, "SELECT value FROM meta WHERE name='writer'", "");
    store_close(s);
    return pid;
}

static easg_status take_lock(struct store *s, const char *state_dir, easg_error *err)
{
    char *path = NULL;
    easg_status st = make_path(state_dir, s->org, ".lock", &path, err);
    int64_t pid;
    int rc;

    if (st != EASG_OK)
        return st;
    rc = sqlite3_open_v2(path, &s->lock,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->lock, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
    if (rc == SQLITE_BUSY) {
        pid = holder(state_dir, s->org);
        st = pid ? err_set(err, EASG_E_UNAVAILABLE,
                           "%s: another run of this organisation is at work, process %" PRId64
                           "; wait for it or stop it",
                           s->path, pid)
                 : err_set(err, EASG_E_UNAVAILABLE,
                           "%s: another run of this organisation is starting; try again", s->path);
    } else if (rc != SQLITE_OK) {
        st = err_native(err, EASG_E_FAIL, EASG_DOMAIN_NONE, rc,
                        "%s: the lock cannot be taken: %s; see owner and mode of the state "
                        "directory",
                        path, sqlite3_errstr(rc));
    }
    mem_free(path);
    return st;
}

static easg_status load_digest(struct store *s, easg_error *err)
{
    unsigned char key[DIGEST_KEY];
    sqlite3_stmt *stmt;
    easg_status st;
    int more = 0;

    stmt = db_bind(s, &st, err, "SELECT value FROM meta WHERE name='digest_key'", "");
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (more && sqlite3_column_bytes(stmt, 0) == DIGEST_KEY) {
        memcpy(key, sqlite3_column_blob(stmt, 0), DIGEST_KEY);
        db_reset(stmt);
    } else {
        if (more)
            db_reset(stmt);
        st = digest_random(key, sizeof key, err);
        if (st == EASG_OK)
            st = db_run(s, err, "INSERT INTO meta(name, value) VALUES('digest_key', ?1)", "b", key,
                        sizeof key);
    }
    if (st == EASG_OK)
        digest_init(&s->digest, key);
    return st;
}

easg_status store_open_writer(const char *state_dir, const char *org, struct log *log,
                              struct store **out, easg_error *err)
{
    struct store *s;
    easg_status st = fs_mkdir(state_dir, err);

    if (st != EASG_OK)
        return st;
    s = make(state_dir, org, err);
    if (!s)
        return EASG_E_NOMEM;
    s->writable = 1;
    s->log = log;
    st = take_lock(s, state_dir, err);
    if (st == EASG_OK && !fs_exists(s->path)) /* so that its mode is ours from the beginning */
        st = fs_write(s->path, "", 0, 0640, err);
    if (st == EASG_OK)
        st = open_db(s, err);
    if (st == EASG_OK)
        st = migrate_run(s, err);
    if (st == EASG_OK)
        st = db_begin(s, 0, err);
    if (st == EASG_OK)
        st = load_digest(s, err);
    if (st == EASG_OK)
        st = db_run(s, err, "INSERT OR REPLACE INTO meta(name, value) VALUES('writer', ?1)", "i",
                    proc_self());
    if (st == EASG_OK)
        st = db_commit(s, err);
    if (st == EASG_OK)
        st = promote_recover(s, err);
    if (st != EASG_OK) {
        store_close(s);
        return st;
    }
    *out = s;
    return EASG_OK;
}

void store_close(struct store *s)
{
    size_t i;

    if (!s)
        return;
    db_rollback(s);
    listing_destroy(s->listing);
    for (i = 0; i < DB_STATEMENTS; i++)
        sqlite3_finalize(s->statements[i].stmt);
    if (s->db && s->writable)
        sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close(s->db);
    sqlite3_close(s->lock);
    digest_clear(&s->digest);
    mem_free(s->path);
    mem_free(s->org);
    mem_free(s);
}

const char *store_path(const struct store *s)
{
    return s->path;
}

void store_set_hook(struct store *s, void (*at)(void *user, const char *point), void *user)
{
    s->at = at;
    s->at_user = user;
}

void store_at(struct store *s, const char *point)
{
    db_at(s, point);
}

easg_status store_begin(struct store *s, int durable, easg_error *err)
{
    return db_begin(s, durable, err);
}

easg_status store_commit(struct store *s, easg_error *err)
{
    return db_commit(s, err);
}

void store_rollback(struct store *s)
{
    db_rollback(s);
}

int64_t store_fingerprint(struct store *s, const void *ptr, size_t len)
{
    return digest_key(&s->digest, DIGEST_SECRET, ptr, len);
}
