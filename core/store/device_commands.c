/* SPDX-License-Identifier: Apache-2.0
 *
 * device_commands.c - commands of operators for single devices: told with a token, done once.
 */
#include "store_orgpolicy.h"

#include "store_db.h"

#include <stdio.h>
#include <string.h>

void store_clear_device_name(struct store_device_name *n)
{
    mem_free(n->key);
    mem_free(n->device_id);
    mem_free(n->owner);
    mem_free(n->user);
    memset(n, 0, sizeof *n);
}

/* Four texts from `column` on. */
static easg_status take_name(sqlite3_stmt *stmt, int column, struct store_device_name *out,
                             easg_error *err)
{
    char **texts[] = { &out->key, &out->device_id, &out->owner, &out->user };

    memset(out, 0, sizeof *out);
    for (int i = 0; i < 4; i++) {
        easg_str t = db_text(stmt, column + i);

        if (t.ptr && !(*texts[i] = mem_dup(t.ptr, t.len))) {
            store_clear_device_name(out);
            return err_nomem(err);
        }
    }
    return EASG_OK;
}

easg_status store_name_device(struct store *s, const char *key, struct store_device_name *out,
                              easg_error *err)
{
    int64_t mk = 0, ek = 0;
    easg_status st = store_find_device(s, key, &mk, &ek, err);
    sqlite3_stmt *stmt;
    int more = 0;

    memset(out, 0, sizeof *out);
    if (st != EASG_OK)
        return st;
    stmt = db_bind(s, &st, err,
                   "SELECT d.key, d.device_id, d.owner, (SELECT m.upn FROM mailbox_idx mi JOIN"
                   " mailbox m ON m.id=mi.id WHERE mi.k=?1) FROM device_idx i JOIN device d ON"
                   " d.id=i.id WHERE i.mk=?1 AND i.ek=?2 AND d.key=?3",
                   "iis", mk, ek, key);
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st == EASG_OK)
        st = more ? take_name(stmt, 0, out, err)
                  : err_set(err, EASG_E_NOTFOUND, "the partnership is not known any more");
    db_reset(stmt);
    return st;
}

easg_status store_put_command(struct store *s, const struct store_command *c, const char *told,
                              easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "INSERT INTO device_command(run, token, verb, device, device_id, owner, user,"
                  " told, state, created_at, expires_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                  " 'told', ?9, ?10)",
                  "ssisssssii", s->run_uuid, c->token, (int64_t)c->verb, c->device.key,
                  c->device.device_id, c->device.owner, c->device.user, told, now, c->expires_at);
}

easg_status store_find_command(struct store *s, const char *token, struct store_command *out,
                               easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err,
                                 "SELECT id, verb, expires_at, state, device, device_id, owner,"
                                 " user FROM device_command WHERE token=?1",
                                 "s", token);
    int more = 0;

    memset(out, 0, sizeof *out);
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st == EASG_OK && !more)
        st = err_set(err, EASG_E_NOTFOUND, "there is no such token");
    if (st == EASG_OK) {
        easg_str state = db_text(stmt, 3);

        out->id = sqlite3_column_int64(stmt, 0);
        out->verb = (uint32_t)sqlite3_column_int64(stmt, 1);
        out->expires_at = db_time(stmt, 2);
        snprintf(out->state, sizeof out->state, "%s", state.ptr ? state.ptr : "");
        st = take_name(stmt, 4, &out->device, err);
    }
    db_reset(stmt);
    return st;
}

easg_status store_set_command(struct store *s, int64_t id, const char *state, const char *result,
                              const char *error, easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE device_command SET state=?2, result=?3, error=?4, done_run=?6,"
                  " started_at=iif(?2='started', ?5, started_at),"
                  " finished_at=iif(?2='started', NULL, ?5) WHERE id=?1",
                  "isssis", id, state, result, error, now, s->run_uuid);
}

easg_status store_doubt_commands(struct store *s, easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE device_command SET state='uncertain', finished_at=?1,"
                  " error='the run ended while it was done' WHERE state='started'",
                  "i", now);
}
