/* SPDX-License-Identifier: Apache-2.0
 *
 * migrate.c - from the schema of the file to ours: a copy first, then every missing migration in
 * one transaction.
 */
#include "store_db.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static easg_status backup(struct store *s, int64_t version, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf path = STRBUF_INIT(4200);
    sqlite3 *to = NULL;
    sqlite3_backup *copy;
    easg_status st = EASG_OK;
    int rc;

    strbuf_addf(&path, "%s.v%" PRId64 ".bak", s->path, version);
    if (strbuf_status(&path) != EASG_OK)
        return err_nomem(err);
    rc = sqlite3_open(strbuf_str(&path), &to);
    copy = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", s->db, "main") : NULL;
    if (copy) {
        sqlite3_backup_step(copy, -1);
        rc = sqlite3_backup_finish(copy);
    } else if (rc == SQLITE_OK) {
        rc = sqlite3_errcode(to);
    }
    if (rc != SQLITE_OK)
        st = err_native(err, EASG_E_FAIL, EASG_DOMAIN_NONE, rc,
                        "%s: no copy before the change of schema: %s; make room, the state file "
                        "is unchanged",
                        strbuf_str(&path), sqlite3_errstr(rc));
    sqlite3_close(to);
    return st;
}

/* pack_words(v, ...): integers as eight bytes each, least significant first, and blobs as they are.
 * 0008-staged needs it. */
static void pack_words(sqlite3_context *to, int n, sqlite3_value **v)
{
    unsigned char out[64];
    size_t len = 0;
    int i, k;

    for (i = 0; i < n; i++) {
        int is_hash = sqlite3_value_type(v[i]) == SQLITE_BLOB;

        if (sizeof out - len < (is_hash ? DIGEST_HASH : 8))
            break;
        if (is_hash) {
            const void *blob = sqlite3_value_blob(v[i]);
            int size = sqlite3_value_bytes(v[i]);

            memset(out + len, 0, DIGEST_HASH); /* a hash that was made void stays so */
            if (blob && size == DIGEST_HASH)
                memcpy(out + len, blob, DIGEST_HASH);
            len += DIGEST_HASH;
        } else {
            uint64_t u = (uint64_t)sqlite3_value_int64(v[i]);

            for (k = 0; k < 8; k++)
                out[len++] = (unsigned char)(u >> (8 * k));
        }
    }
    sqlite3_result_blob(to, out, (int)len, SQLITE_TRANSIENT);
}

easg_status migrate_run(struct store *s, easg_error *err)
{
    int64_t version;
    easg_status st;
    char pragma[80];
    int i;

    st = db_get_int(s, 0, &version, err, "PRAGMA user_version", "");
    if (st != EASG_OK || version >= db_migrations_n)
        return st;
    if (version > 0) {
        st = backup(s, version, err);
        if (st != EASG_OK)
            return st;
        LOG_INFO(s->log, "state file moves to a newer schema", F_STR("file", s->path),
                 F_INT("from", version), F_INT("to", db_migrations_n));
    }
    if (sqlite3_create_function_v2(s->db, "pack_words", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                   NULL, pack_words, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(s, "changing the schema", err);
    st = db_begin(s, 1, err);
    for (i = (int)version; st == EASG_OK && i < db_migrations_n; i++) {
        st = db_exec(s, db_migrations[i].sql, err);
        if (st != EASG_OK)
            err_at(err, st, "migration %s", db_migrations[i].name);
        db_at(s, "migrate");
    }
    snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             DB_APPLICATION_ID, db_migrations_n);
    if (st == EASG_OK)
        st = db_exec(s, pragma, err);
    if (st == EASG_OK)
        return db_commit(s, err);
    db_rollback(s);
    return st;
}
