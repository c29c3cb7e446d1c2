/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox.c - mails to people, written down before the block that they announce.
 */
#include "store_db.h"
#include "store_decision.h"

easg_status store_put_mail(struct store *s, int64_t action, struct store_mail *m, easg_time now,
                           int *fresh, easg_error *err)
{
    easg_status st =
        db_run(s, err,
               "INSERT INTO outbox(run, action, key, user, smtp, device_id, mail, reason, state,"
               " created_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
               " ON CONFLICT(key) DO NOTHING",
               "iisssssssi", s->run, action, m->key, m->user, m->smtp, m->device_id, m->mail,
               m->reason, m->state, now);

    *fresh = st == EASG_OK && db_changes(s) > 0;
    if (*fresh)
        m->id = sqlite3_last_insert_rowid(s->db);
    return st;
}

easg_status store_set_mail(struct store *s, int64_t id, const char *state, const char *error,
                           easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "UPDATE outbox SET state=?2, error=?3, attempts=attempts+iif(?2='sending', 1, 0),"
                  " sent_at=iif(?2='sent', ?4, sent_at) WHERE id=?1",
                  "issi", id, state, error, now);
}
