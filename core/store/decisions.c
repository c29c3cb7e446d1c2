/* SPDX-License-Identifier: Apache-2.0
 *
 * decisions.c - what we think about each mailbox and device id, and since when. A decision that
 * stays the same is not written again; the table is the history.
 */
#include "store_db.h"
#include "store_decision.h"

#include <string.h>

easg_status store_intern_verdict(struct store *s, const char *row, int action, const char *reason,
                                 const char *mail, const char *inputs, int64_t *id, easg_error *err)
{
    easg_status st;

    st = db_get_int(s, 0, id, err,
                    "SELECT id FROM verdict WHERE row=?1 AND action=?2 AND reason=?3 AND mail=?4"
                    " AND inputs=?5",
                    "sisss", row, (int64_t)action, reason, mail, inputs);
    if (st != EASG_OK || *id)
        return st;
    st = db_run(s, err,
                "INSERT INTO verdict(row, action, reason, mail, inputs) VALUES(?1, ?2, ?3, ?4, ?5)",
                "sisss", row, (int64_t)action, reason, mail, inputs);
    *id = sqlite3_last_insert_rowid(s->db);
    return st;
}

static easg_str said(const easg_str *s)
{
    easg_str none = { "", 0 };

    return s->ptr ? *s : none;
}

easg_status store_intern_claims(struct store *s, const easg_str *type, const easg_str *model,
                                const easg_str *os, const easg_str *user_agent, int64_t *id,
                                easg_error *err)
{
    easg_str t = said(type), m = said(model), o = said(os), u = said(user_agent);
    easg_status st = db_get_int(s, 0, id, err,
                                "SELECT id FROM claims WHERE type=?1 AND model=?2 AND os=?3"
                                " AND user_agent=?4",
                                "TTTT", &t, &m, &o, &u);

    if (st != EASG_OK || *id)
        return st;
    st = db_run(s, err, "INSERT INTO claims(type, model, os, user_agent) VALUES(?1, ?2, ?3, ?4)",
                "TTTT", &t, &m, &o, &u);
    *id = sqlite3_last_insert_rowid(s->db);
    return st;
}

easg_status store_put_basis(struct store *s, const char *digest, const char *text,
                            int64_t local_min, easg_time facts_at, easg_error *err)
{
    easg_status st = db_run(s, err, "INSERT OR IGNORE INTO policy(digest, text) VALUES(?1, ?2)",
                            "ss", digest, text);

    if (st == EASG_OK)
        st = db_run(s, err,
                    "UPDATE run SET policy=(SELECT id FROM policy WHERE digest=?2), local_min=?3,"
                    " facts_at=?4 WHERE id=?1",
                    "isit", s->run, digest, local_min, facts_at);
    return st;
}

static int text_same(sqlite3_stmt *stmt, int i, const char *want)
{
    easg_str have = db_text(stmt, i);

    if (!have.ptr || !want)
        return !have.ptr && !want;
    return have.len == strlen(want) && memcmp(have.ptr, want, have.len) == 0;
}

static int same(sqlite3_stmt *stmt, const struct store_decision *d)
{
    return sqlite3_column_int64(stmt, 0) == d->verdict && sqlite3_column_int64(stmt, 1) == d->mdk &&
           sqlite3_column_int(stmt, 2) == d->cross_user &&
           sqlite3_column_int(stmt, 3) == (int)d->joined &&
           sqlite3_column_int64(stmt, 4) == d->candidates && db_time(stmt, 5) == d->next_change &&
           text_same(stmt, 6, d->person) && text_same(stmt, 7, d->mailbox) &&
           text_same(stmt, 8, d->rule) && sqlite3_column_int64(stmt, 9) == d->claims &&
           text_same(stmt, 10, d->member_of);
}

easg_status store_put_decision(struct store *s, const struct store_decision *d, easg_time now,
                               int *changed, easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err,
                "SELECT d.verdict, d.mdk, d.cross_user, d.joined, d.candidates, d.next_change,"
                " d.person, d.mailbox, d.rule, d.claims, d.member_of FROM current c JOIN decision "
                "d ON d.id=c.decision"
                " WHERE c.mk=?1 AND c.ek=?2",
                "ii", d->mk, d->ek);
    int more = 0;

    *changed = 1;
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK)
        return st;
    if (more) {
        *changed = !same(stmt, d);
        db_reset(stmt);
    }
    if (!*changed)
        return EASG_OK;
    st = db_run(s, err,
                "INSERT INTO decision(run, at, verdict, device, mailbox, user, device_id, mdk,"
                " managed_device, person, joined, candidates, cross_user, next_change, facts_at,"
                " rule, managed_flags, enrolled, claims, member_of) VALUES(?1, ?2, ?3, ?4, ?5, ?6,"
                " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
                "iiissssissiiittsitis", s->run, now, d->verdict, d->device, d->mailbox, d->user,
                d->device_id, d->mdk, d->managed_device, d->person, (int64_t)d->joined,
                d->candidates, (int64_t)d->cross_user, d->next_change, d->facts_at, d->rule,
                (int64_t)d->managed_flags, d->enrolled, d->claims, d->member_of);
    if (st == EASG_OK)
        st = db_run(s, err, "INSERT OR REPLACE INTO current(mk, ek, decision) VALUES(?1, ?2, ?3)",
                    "iii", d->mk, d->ek, (int64_t)sqlite3_last_insert_rowid(s->db));
    return st;
}

easg_status store_has_decision(struct store *s, int64_t mk, int64_t ek, int *has, easg_error *err)
{
    int64_t n;
    easg_status st =
        db_get_int(s, 0, &n, err, "SELECT 1 FROM current WHERE mk=?1 AND ek=?2", "ii", mk, ek);

    *has = n != 0;
    return st;
}

/* The decision stays in the history, and says which run found nothing to decide on any more. */
easg_status store_drop_orphan_decisions(struct store *s, easg_error *err)
{
    easg_status st =
        db_run(s, err,
               "UPDATE decision SET ended=?1 WHERE id IN (SELECT c.decision FROM current c"
               " WHERE NOT EXISTS(SELECT 1 FROM device_idx i WHERE i.mk=c.mk AND i.ek=c.ek))",
               "i", s->run);

    if (st != EASG_OK)
        return st;
    return db_run(s, err,
                  "DELETE FROM current WHERE NOT EXISTS(SELECT 1 FROM device_idx i"
                  " WHERE i.mk=current.mk AND i.ek=current.ek)",
                  "");
}
