/* SPDX-License-Identifier: Apache-2.0
 *
 * digests.c - what the help desk is told: what was blocked, announced, held and not delivered
 * within a period. A period begins where the last one ended that was not given up, so nothing is
 * left out.
 */
#include "store_db.h"
#include "store_decision.h"

/* mk, ek, n, user, device_id, mail, text, at; ?1 after, ?2 up to */
#define BLOCKED(access)                                                                            \
    "SELECT mk, ek, 1, user, device_id, mail, NULL, finished_at AS at FROM action"                 \
    " WHERE state=4 AND verb=2 AND access_before" access " AND finished_at>?1 AND finished_at<=?2"
#define ANNOUNCED                                                                                  \
    "SELECT a.mk, a.ek, 1, a.user, a.device_id, a.mail, NULL, a.wait_until AS at FROM outbox o"    \
    " JOIN action a ON a.id=o.action WHERE o.template='about-to-be-blocked' AND o.created_at>?1"   \
    " AND o.created_at<=?2 AND o.state IN ('queued', 'sending', 'uncertain', 'sent')"              \
    " AND a.state IN (0, 2)"                                                                       \
    " AND a.wait_until<253370764800000"
#define HELD                                                                                       \
    "SELECT 0, 0, count(*), NULL, NULL, NULL, r.uuid, min(a.created_at) AS at FROM action a"       \
    " JOIN run r ON r.id=a.run WHERE a.state<4 AND a.state=1 GROUP BY a.run"                       \
    " HAVING min(a.created_at)>?1 AND min(a.created_at)<=?2"
#define UNDELIVERED                                                                                \
    "SELECT mk, ek, 1, coalesce(user, smtp), device_id, NULL, error, ended_at AS at FROM outbox"   \
    " WHERE ended_at>?1 AND ended_at<=?2 AND state IN ('failed', 'none') AND period_to IS NULL"

static const struct {
    const char *list, *count;
} parts[STORE_DIGEST_PARTS] = {
    { BLOCKED("<>3") " ORDER BY at, id LIMIT ?3", "SELECT count(*) FROM (" BLOCKED("<>3") ")" },
    { BLOCKED("=3") " ORDER BY at, id LIMIT ?3", "SELECT count(*) FROM (" BLOCKED("=3") ")" },
    { ANNOUNCED " ORDER BY at, a.id LIMIT ?3", "SELECT count(*) FROM (" ANNOUNCED ")" },
    { HELD " ORDER BY at LIMIT ?3", "SELECT count(*) FROM (" HELD ")" },
    { UNDELIVERED " ORDER BY at, id LIMIT ?3", "SELECT count(*) FROM (" UNDELIVERED ")" }
};

easg_status store_each_digest(struct store *s, enum store_digest_part part, easg_time from,
                              easg_time to, size_t max,
                              easg_status (*fn)(void *user, const struct store_digest_row *row,
                                                easg_error *err),
                              void *user, int64_t *all, easg_error *err)
{
    sqlite3_stmt *stmt;
    easg_status st = db_get_int(s, 0, all, err, parts[part].count, "ii", from, to);
    int more = 0;

    if (st != EASG_OK || *all == 0 || max == 0)
        return st;
    stmt = db_bind(s, &st, err, parts[part].list, "iii", from, to, (int64_t)max);
    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        const struct store_digest_row row = { .mk = sqlite3_column_int64(stmt, 0),
                                              .ek = sqlite3_column_int64(stmt, 1),
                                              .n = sqlite3_column_int64(stmt, 2),
                                              .user = db_text(stmt, 3).ptr,
                                              .device_id = db_text(stmt, 4).ptr,
                                              .mail = db_text(stmt, 5).ptr,
                                              .text = db_text(stmt, 6).ptr,
                                              .at = db_time(stmt, 7) };

        st = fn(user, &row, err);
    }
    db_reset(stmt);
    return st;
}

easg_status store_last_digest(struct store *s, easg_time *to, easg_error *err)
{
    return db_get_int(s, EASG_TIME_NONE, to, err,
                      "SELECT max(period_to) FROM outbox WHERE period_to IS NOT NULL"
                      " AND state<>'failed'",
                      "");
}

easg_status store_put_digest(struct store *s, const char *key, const char *smtp, easg_time from,
                             easg_time to, easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "INSERT INTO outbox(run, action, key, smtp, device_id, mail, reason, state,"
                  " created_at, template, period_from, period_to)"
                  " VALUES(?1, 0, ?2, ?3, '', 'digest', 'digest', 'queued', ?6, 'digest', ?4, ?5)",
                  "issiii", s->run, key, smtp, from, to, now);
}
