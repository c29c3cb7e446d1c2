/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.c - which entries of the personal lists are ours. Set arithmetic on two bits, and the only
 * ground on which an entry is ever taken out.
 *
 * Ours after a change is what is there now and was either ours before, or is what we were to write
 * and was not there before. What an administrator wrote stays his, even when it equals our wish.
 */
#include "store_db.h"
#include "store_decision.h"

#define BOTH (EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED)

static uint32_t written_by(easg_verb wire)
{
    return wire == EASG_VERB_ALLOW   ? EASG_LISTED_ALLOWED
           : wire == EASG_VERB_BLOCK ? EASG_LISTED_BLOCKED
                                     : 0;
}

static easg_status note_listed(struct store *s, const struct store_action *a, uint32_t listed,
                               easg_error *err)
{
    easg_status st;

    if (listed)
        st = db_run(s, err,
                    "INSERT INTO listed(mailbox, ek, device_id, lists)"
                    " SELECT id, ?2, ?3, ?4 FROM mailbox_idx WHERE k=?1"
                    " ON CONFLICT(mailbox, ek) DO UPDATE SET lists=excluded.lists",
                    "iisi", a->mk, a->ek, a->device_id, (int64_t)listed);
    else
        st = db_run(s, err,
                    "DELETE FROM listed WHERE mailbox=(SELECT id FROM mailbox_idx WHERE k=?1)"
                    " AND ek=?2",
                    "ii", a->mk, a->ek);
    /* The row no longer is what its hash says: the next listing has to look at it. */
    if (st == EASG_OK)
        st = db_run(s, err, "UPDATE mailbox_idx SET hash=zeroblob(1) WHERE k=?1", "i", a->mk);
    return st;
}

easg_status store_note_lists(struct store *s, const struct store_action *a, uint32_t listed,
                             easg_time now, easg_error *err)
{
    uint32_t ours, next;
    int64_t was;
    easg_status st;

    listed &= BOTH;
    st = db_get_int(s, 0, &was, err, "SELECT lists FROM ledger WHERE mk=?1 AND ek=?2", "ii", a->mk,
                    a->ek);
    if (st == EASG_OK)
        st = note_listed(s, a, listed, err);
    if (st != EASG_OK)
        return st;
    ours = (uint32_t)was & BOTH;
    /* What is taken back is not written, even where that puts an entry of before into its place. */
    next = a->verb == EASG_VERB_WITHDRAW
               ? listed & ours & (a->wire == EASG_VERB_WITHDRAW ? BOTH : ~written_by(a->wire))
               : listed & (ours | (written_by(a->wire) & ~a->listed_before));
    if (next == 0)
        return db_run(s, err, "DELETE FROM ledger WHERE mk=?1 AND ek=?2", "ii", a->mk, a->ek);
    return db_run(s, err,
                  "INSERT INTO ledger(mk, ek, mailbox, device_id, lists, written_at, run, row,"
                  " reason, before) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                  " ON CONFLICT(mk, ek) DO UPDATE SET lists=excluded.lists,"
                  " device_id=excluded.device_id, written_at=excluded.written_at,"
                  " run=excluded.run, row=excluded.row, reason=excluded.reason,"
                  " adopted=adopted & excluded.lists",
                  "iissiiissi", a->mk, a->ek, a->mailbox, a->device_id, (int64_t)next, now, s->run,
                  a->row, a->reason, (int64_t)(a->listed_before & BOTH));
}
