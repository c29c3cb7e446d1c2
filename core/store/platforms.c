/* SPDX-License-Identifier: Apache-2.0
 *
 * platforms.c - what kinds of devices there are on both sides, and which of them are spared because
 * they had access before enforcement began.
 */
#include "store_trust.h"

#include "listing.h"

#include <string.h>

static easg_status each(struct store *s, sqlite3_stmt *stmt, easg_status st,
                        void (*fn)(void *user, const struct store_platform *p), void *user,
                        easg_error *err)
{
    int more = 0;

    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        struct store_platform p;

        memset(&p, 0, sizeof p);
        p.os = db_text(stmt, 0);
        p.type = db_text(stmt, 1);
        p.devices = sqlite3_column_int64(stmt, 2);
        p.with_eas_id = sqlite3_column_int64(stmt, 3);
        fn(user, &p);
    }
    db_reset(stmt);
    return st;
}

/* Bodies in their order, and the person only where the caller still asks: what is settled for a
 * platform by its first device costs no look-up for the rest. */
easg_status store_each_managed_os(struct store *s, int (*asks)(void *user, const easg_str *os),
                                  void (*fn)(void *user, const struct store_platform *p),
                                  void *user, easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt =
        db_bind(s, &st, err, "SELECT os, eas_id, ifnull(uk, 0) FROM managed WHERE management=1",
                "");
    int more = 0;

    while (st == EASG_OK && (st = db_step(s, stmt, &more, err)) == EASG_OK && more) {
        struct store_platform p;
        easg_str id = db_text(stmt, 1);
        int64_t counts;

        memset(&p, 0, sizeof p);
        p.os = db_text(stmt, 0);
        if (!asks(user, &p.os))
            continue;
        st = db_get_int(s, 0, &counts, err,
                        "SELECT p.flags & 7 = 3 FROM person_idx i JOIN person p ON p.id=i.id"
                        " WHERE i.k=?1",
                        "i", (int64_t)sqlite3_column_int64(stmt, 2));
        p.devices = 1;
        p.with_eas_id = listing_managed_eas_key(s, &id) != 0;
        if (st == EASG_OK && counts)
            fn(user, &p);
    }
    db_reset(stmt);
    return st;
}

easg_status store_each_claimed_os(struct store *s,
                                  void (*fn)(void *user, const struct store_platform *p),
                                  void *user, easg_error *err)
{
    easg_status st;
    sqlite3_stmt *stmt = db_bind(s, &st, err,
                                 "SELECT d.os, ifnull(d.type, ''), count(*), 0 FROM device_idx i"
                                 " JOIN device d ON d.id=i.id GROUP BY 1, 2",
                                 "");

    return each(s, stmt, st, fn, user, err);
}

/* last_sync is as old as the row: a device that only spoke is no change. */
#define SPARED "d.access=1 AND d.last_sync IS NOT NULL AND d.last_sync >= d.seen_at - ?1"

easg_status store_grandfather(struct store *s, int64_t within_ms, easg_time now, easg_error *err)
{
    return db_run(s, err,
                  "INSERT OR IGNORE INTO grandfathered(mk, ek, device_id, since)"
                  " SELECT i.mk, i.ek, d.device_id, ?2 FROM device_idx i JOIN device d ON d.id=i.id"
                  " WHERE i.mk IS NOT NULL AND " SPARED,
                  "it", within_ms, now);
}

easg_status store_is_grandfathered(struct store *s, int64_t mk, int64_t ek, int64_t within_ms,
                                   int *yes, easg_error *err)
{
    int64_t n = 0;
    easg_status st;

    if (within_ms > 0)
        st = db_get_int(s, 0, &n, err,
                        "SELECT 1 FROM device_idx i JOIN device d ON d.id=i.id WHERE i.mk=?2"
                        " AND i.ek=?3 AND " SPARED,
                        "iii", within_ms, mk, ek);
    else
        st = db_get_int(s, 0, &n, err, "SELECT 1 FROM grandfathered WHERE mk=?1 AND ek=?2", "ii",
                        mk, ek);
    *yes = n != 0;
    return st;
}

easg_status store_drop_grandfathered(struct store *s, int all, easg_error *err)
{
    if (all)
        return db_run(s, err, "DELETE FROM grandfathered", "");
    return db_run(s, err,
                  "DELETE FROM grandfathered WHERE NOT EXISTS(SELECT 1 FROM current c"
                  " WHERE c.mk=grandfathered.mk AND c.ek=grandfathered.ek) OR EXISTS(SELECT 1"
                  " FROM current c JOIN decision d ON d.id=c.decision JOIN verdict v"
                  " ON v.id=d.verdict WHERE c.mk=grandfathered.mk AND c.ek=grandfathered.ek"
                  " AND v.row IN ('D17', 'D18', 'D19'))",
                  "");
}
