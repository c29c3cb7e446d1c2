/* SPDX-License-Identifier: Apache-2.0
 *
 * gate_rows.c - changes that wait for their ring, and devices that are spared: a row from the run
 * that found it to the one that found it over.
 */
#include "store_trust.h"

#include "store_db.h"

easg_status store_put_gate(struct store *s, const struct store_wanted *w, const char *word,
                           const char *ring, easg_time opens_at, easg_time now, easg_error *err)
{
    easg_status st = db_run(s, err,
                            "UPDATE gate SET checked=?1 WHERE mk=?2 AND ek=?3 AND ended IS NULL"
                            " AND word=?4 AND ring IS ?5 AND opens_at IS ?6",
                            "iiisst", s->run, w->mk, w->ek, word, ring, opens_at);

    if (st != EASG_OK || db_changes(s) > 0)
        return st;
    st = db_run(s, err, "UPDATE gate SET ended=?1 WHERE mk=?2 AND ek=?3 AND ended IS NULL", "iii",
                s->run, w->mk, w->ek);
    return st == EASG_OK
               ? db_run(s, err,
                        "INSERT INTO gate(mk, ek, device, mailbox, user, device_id, word, ring,"
                        " opens_at, run, checked, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                        " ?10, ?10, ?11)",
                        "iisssssstii", w->mk, w->ek, w->device, w->mailbox, w->user, w->device_id,
                        word, ring, opens_at, s->run, now)
               : st;
}

easg_status store_end_gates(struct store *s, int64_t only_mk, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE gate SET ended=?1 WHERE ended IS NULL AND checked<>?1"
                  " AND (?2=0 OR mk=?2)",
                  "ii", s->run, only_mk);
}
