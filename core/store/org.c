/* SPDX-License-Identifier: Apache-2.0
 *
 * org.c - what is known of the organisation as a whole: settings and marks, its servers and their
 * health, and the values that plugins keep between runs.
 */
#include "store_db.h"
#include "store_writer.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

easg_status store_set_org(struct store *s, const char *name, const char *value, easg_error *err)
{
    if (!value)
        return db_run(s, err, "DELETE FROM org WHERE name=?1", "s", name);
    return db_run(s, err, "INSERT OR REPLACE INTO org(name, value) VALUES(?1, ?2)", "ss", name,
                  value);
}

easg_status store_set_org_int(struct store *s, const char *name, int64_t value, easg_error *err)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, value);
    return store_set_org(s, name, text, err);
}

easg_status store_get_org(struct store *s, const char *name, char **value, easg_error *err)
{
    sqlite3_stmt *stmt;
    easg_status st;
    easg_str text;
    int more = 0;

    *value = NULL;
    stmt = db_bind(s, &st, err, "SELECT value FROM org WHERE name=?1", "s", name);
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK || !more)
        return st;
    text = db_text(stmt, 0);
    if (text.ptr) {
        *value = mem_dup(text.ptr, text.len);
        if (!*value)
            st = err_nomem(err);
    }
    db_reset(stmt);
    return st;
}

easg_status store_get_org_int(struct store *s, const char *name, int64_t none, int64_t *value,
                              easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *text = NULL;
    easg_status st = store_get_org(s, name, &text, err);
    uint64_t v;

    *value = none;
    if (st == EASG_OK && text && text_parse_u64(text, strlen(text), &v) && v <= INT64_MAX)
        *value = (int64_t)v;
    return st;
}

/* ---- servers ---- */

easg_status store_put_endpoint(struct store *s, const char *id, const char *url, uint32_t priority,
                               int configured, easg_error *err)
{
    easg_status st = EASG_OK;

    if (configured)
        st = db_run(s, err, "DELETE FROM endpoint WHERE configured=1 AND id<>?1", "s", id);
    if (st == EASG_OK)
        st = db_run(s, err,
                    "INSERT INTO endpoint(id, url, priority, configured) VALUES(?1, ?2, ?3, ?4)"
                    " ON CONFLICT(id) DO UPDATE SET url=excluded.url, priority=excluded.priority,"
                    " configured=excluded.configured"
                    " WHERE excluded.configured=1 OR endpoint.configured=0",
                    "ssii", id, url, (int64_t)priority, (int64_t)configured);
    return st;
}

easg_status store_mark_endpoint(struct store *s, const char *id, easg_time now, easg_status status,
                                const char *error, easg_error *err)
{
    if (!error)
        return db_run(s, err,
                      "UPDATE endpoint SET last_ok=?2, failures=0, last_status=0, last_error=NULL"
                      " WHERE id=?1",
                      "si", id, now);
    return db_run(s, err,
                  "UPDATE endpoint SET last_failed=?2, failures=failures+1, last_status=?3,"
                  " last_error=?4 WHERE id=?1",
                  "siis", id, now, (int64_t)status, error);
}

void store_free_endpoints(struct store_endpoint *list, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        mem_free(list[i].id);
        mem_free(list[i].url);
    }
    mem_free(list);
}

static easg_status read_endpoint(sqlite3_stmt *stmt, struct store_endpoint *e, easg_error *err)
{
    easg_str id = db_text(stmt, 0), url = db_text(stmt, 1);

    memset(e, 0, sizeof *e);
    e->id = mem_dup(id.ptr, id.len);
    e->url = mem_dup(url.ptr, url.len);
    e->priority = (uint32_t)sqlite3_column_int64(stmt, 2);
    e->configured = sqlite3_column_int(stmt, 3);
    e->last_ok = db_time(stmt, 4);
    e->last_failed = db_time(stmt, 5);
    e->failures = (uint32_t)sqlite3_column_int64(stmt, 6);
    e->last_status = sqlite3_column_int(stmt, 7);
    return e->id && e->url ? EASG_OK : err_nomem(err);
}

easg_status store_list_endpoints(struct store *s, struct store_endpoint **out, size_t *n,
                                 easg_error *err)
{
    struct store_endpoint *list = NULL;
    sqlite3_stmt *stmt;
    easg_status st;
    size_t have = 0;
    int more = 0;

    stmt = db_bind(s, &st, err,
                   "SELECT id, url, priority, configured, last_ok, last_failed, failures,"
                   " last_status FROM endpoint ORDER BY priority, id LIMIT 256",
                   "");
    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        struct store_endpoint *grown = mem_grow(list, have + 1, sizeof *list);

        if (!grown) {
            st = err_nomem(err);
            break;
        }
        list = grown;
        st = read_endpoint(stmt, &list[have], err);
        have++;
    }
    if (st != EASG_OK) {
        db_reset(stmt);
        store_free_endpoints(list, have);
        return st;
    }
    *out = list;
    *n = have;
    return EASG_OK;
}

/* ---- plugin state ------------------------------------------------------------------------------
 */

easg_status store_get_state(struct store *s, const char *key, unsigned char **ptr, size_t *len,
                            easg_error *err)
{
    sqlite3_stmt *stmt;
    easg_status st;
    int more = 0;

    stmt = db_bind(s, &st, err,
                   "SELECT value FROM staged_state WHERE key=?1"
                   " UNION ALL SELECT value FROM state WHERE key=?1 LIMIT 1",
                   "s", key);
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (!more)
        return err_set(err, EASG_E_NOTFOUND, "no value is kept under this name");
    *len = (size_t)sqlite3_column_bytes(stmt, 0);
    *ptr = mem_alloc(*len + 1);
    if (!*ptr)
        st = err_nomem(err);
    else if (*len)
        memcpy(*ptr, sqlite3_column_blob(stmt, 0), *len);
    db_reset(stmt);
    return st;
}

easg_status store_put_state(struct store *s, const char *key, const void *ptr, size_t len,
                            easg_error *err)
{
    static const char nothing = 0;

    return db_run(s, err, "INSERT OR REPLACE INTO staged_state(key, value) VALUES(?1, ?2)", "sb",
                  key, len ? ptr : &nothing, len);
}
