/* SPDX-License-Identifier: Apache-2.0
 *
 * retention.c - forgets the past, and only it: what is current, open, ours or counted on stays.
 *
 * The audit chain is cut at an anchor: number and hash of the last row that was removed. It stands
 * in `meta`, and in the row `audit.pruned` that the chain itself carries; verifying compares them,
 * so that whoever removes rows by hand has to forge a hash that stands in the chain.
 */
#include "store_trust.h"
#include "store_writer.h"

#include "store_db.h"
#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>

static easg_status drop(struct store *s, const char *sql, easg_time before, int64_t *n,
                        easg_error *err)
{
    easg_status st = db_run(s, err, sql, "t", before);

    *n = st == EASG_OK ? db_changes(s) : 0;
    return st;
}

easg_status store_prune_history(struct store *s, easg_time before, struct store_pruned *n,
                                easg_error *err)
{
    easg_status st;

    st = drop(s, "DELETE FROM decision WHERE at < ?1 AND id NOT IN (SELECT decision FROM current)",
              before, &n->decisions, err);
    if (st == EASG_OK)
        st = drop(s,
                  "DELETE FROM outbox WHERE created_at < ?1 AND action NOT IN (SELECT id FROM"
                  " action WHERE state<4) AND state NOT IN ('queued', 'sending', 'uncertain')",
                  before, &n->mails, err);
    if (st == EASG_OK)
        st = drop(s,
                  "DELETE FROM action WHERE state>=4 AND finished_at < ?1 AND id NOT IN"
                  " (SELECT action FROM outbox)",
                  before, &n->actions, err);
    if (st == EASG_OK)
        st = db_run(s, err, "DELETE FROM gate WHERE ended IS NOT NULL AND at < ?1", "t", before);
    if (st == EASG_OK)
        st = db_run(s, err,
                    "DELETE FROM orgpolicy_change WHERE state>=4"
                    " AND coalesce(finished_at, created_at) < ?1",
                    "t", before);
    if (st == EASG_OK) /* a token that is not known is refused as one that was used */
        st = db_run(s, err,
                    "DELETE FROM device_command WHERE state<>'started' AND expires_at < ?1"
                    " AND coalesce(finished_at, created_at) < ?1",
                    "t", before);
    if (st == EASG_OK)
        st = drop(s,
                  "DELETE FROM run WHERE started_at < ?1 AND status<>'running'"
                  " AND id NOT IN (SELECT run FROM decision UNION SELECT run FROM action"
                  " UNION SELECT checked FROM action UNION SELECT run FROM ledger"
                  " UNION SELECT run FROM outbox UNION SELECT run FROM gate)",
                  before, &n->runs, err);
    if (st == EASG_OK)
        st = db_run(s, err,
                    "DELETE FROM policy WHERE id NOT IN (SELECT policy FROM run"
                    " WHERE policy IS NOT NULL)",
                    "");
    if (st == EASG_OK)
        st = db_run(s, err,
                    "DELETE FROM claims WHERE id NOT IN (SELECT claims FROM decision"
                    " WHERE claims IS NOT NULL)",
                    "");
    return st;
}

static easg_status last_before(struct store *s, easg_time before, int64_t *seq, char hash[65],
                               easg_error *err)
{
    char text[TIMESTAMP_SIZE];
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err,
                "SELECT seq, hash FROM audit WHERE seq < coalesce((SELECT min(seq) FROM audit"
                " WHERE at >= ?1), (SELECT max(seq) FROM audit)) ORDER BY seq DESC LIMIT 1",
                "s", timestamp_format(before, text));
    int more = 0;

    *seq = 0;
    if (st == EASG_OK)
        st = db_step(s, stmt, &more, err);
    if (st != EASG_OK || !more)
        return st;
    *seq = sqlite3_column_int64(stmt, 0);
    snprintf(hash, 65, "%s", db_text(stmt, 1).ptr ? db_text(stmt, 1).ptr : "");
    db_reset(stmt);
    return EASG_OK;
}

easg_status store_prune_audit(struct store *s, easg_time before, int64_t *n, easg_error *err)
{
    char hash[65] = "", detail[160], anchor[100];
    int64_t seq = 0;
    easg_status st = last_before(s, before, &seq, hash, err);

    *n = 0;
    if (st != EASG_OK || !seq)
        return st;
    snprintf(detail, sizeof detail, "{\"through\":%" PRId64 ",\"hash\":\"%s\"}", seq, hash);
    snprintf(anchor, sizeof anchor, "%" PRId64 " %s", seq, hash);
    st = store_audit(s, "audit.pruned", "", detail, err);
    if (st == EASG_OK)
        st = db_run(s, err, "DELETE FROM audit WHERE seq<=?1", "i", seq);
    *n = st == EASG_OK ? db_changes(s) : 0;
    return st == EASG_OK
               ? db_run(s, err,
                        "INSERT OR REPLACE INTO meta(name, value) VALUES('audit_anchor', ?1)", "s",
                        anchor)
               : st;
}
