/* SPDX-License-Identifier: Apache-2.0
 *
 * runs.c - one row a run: opened before anything else, closed whatever happens.
 */
#include "store_db.h"
#include "store_writer.h"

#include "clock.h"

#include <stdio.h>

easg_status store_begin_run(struct store *s, const struct store_run *run, easg_error *err)
{
    easg_status st = db_begin(s, 1, err);

    if (st == EASG_OK)
        st = db_run(s, err,
                    "UPDATE run SET status='failed', finished_at=?1, error_status='fail',"
                    " error='the worker ended without a word; the next run settled what it left'"
                    " WHERE status='running'",
                    "i", run->started);
    if (st == EASG_OK)
        st = db_run(s, err, "DELETE FROM staged_state", "");
    if (st == EASG_OK)
        st = db_run(s, err,
                    "INSERT INTO run(uuid, kind, mode, dry_run, trigger, status, step, started_at)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, 'running', 'start', ?6)",
                    "sssisi", run->uuid, run->kind, run->mode, (int64_t)run->dry_run, run->trigger,
                    run->started);
    if (st != EASG_OK) {
        db_rollback(s);
        return st;
    }
    s->run = sqlite3_last_insert_rowid(s->db);
    snprintf(s->run_uuid, sizeof s->run_uuid, "%s", run->uuid);
    return db_commit(s, err);
}

easg_status store_set_step(struct store *s, const char *step, easg_error *err)
{
    easg_status st = db_begin(s, 0, err);

    if (st == EASG_OK)
        st = db_run(s, err, "UPDATE run SET step=?2 WHERE id=?1", "is", s->run, step);
    return st == EASG_OK ? db_commit(s, err) : st;
}

/* -1 is NULL. */
static easg_time known(int64_t count)
{
    return count < 0 ? EASG_TIME_NONE : count;
}

easg_status store_finish_run(struct store *s, const struct store_counts *c,
                             const struct store_outcome *o, int keep, easg_error *err)
{
    easg_status st = db_begin(s, 1, err);

    if (st == EASG_OK && keep)
        st = db_run(s, err,
                    "INSERT OR REPLACE INTO state(key, value) SELECT key, value FROM staged_state",
                    "");
    if (st == EASG_OK)
        st = db_run(s, err, "DELETE FROM staged_state", "");
    if (st == EASG_OK)
        st = db_run(s, err,
                    "UPDATE run SET status=?2, exit_code=?3, finished_at=?4, endpoint=?5,"
                    " mailboxes=?6, devices=?7, people=?8, managed_devices=?9, devices_new=?10,"
                    " devices_changed=?11, devices_gone=?12, decided=?13, planned=?14, applied=?15,"
                    " held=?16, failed=?17, unmatched=?18, cpu_ms=?19, peak_kib=?20,"
                    " error_status=?21, error=?22 WHERE id=?1",
                    "isiistttttttttttttiiss", s->run, o->status, (int64_t)o->exit_code, clock_now(),
                    o->endpoint, known(c->mailboxes), known(c->devices), known(c->people),
                    known(c->managed_devices), known(c->devices_new), known(c->devices_changed),
                    known(c->devices_gone), known(c->decided), known(c->planned), known(c->applied),
                    known(c->held), known(c->failed), known(c->unmatched), o->cpu_ms, o->peak_kib,
                    o->error ? err_status_name(o->error_status) : NULL, o->error);
    if (st == EASG_OK)
        return db_commit(s, err);
    db_rollback(s);
    return st;
}
