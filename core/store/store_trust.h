/* SPDX-License-Identifier: Apache-2.0
 *
 * store_trust.h - what an administrator's trust rests on: entries that are taken over, everything
 * of ours given back, devices that are spared, and how long the past is kept.
 */
#ifndef EASG_STORE_TRUST_H
#define EASG_STORE_TRUST_H

#include "store_decision.h"

/* ---- the ledger as a whole (trust.c) ------------------------------------------------------------
 */

struct store_entry {
    int64_t mk, ek;
    const char *mailbox, *user, *device_id; /* borrowed; user NULL: none known */
    uint32_t listed;                        /* what the lists hold */
    uint32_t ours;                          /* of that, what the ledger claims */
    uint32_t before;                        /* what they held before we wrote */
};
typedef easg_status (*store_entry_fn)(void *user, const struct store_entry *e, easg_error *err);

/* Every entry of the ledger. The callback may write: it is called outside of the reading. */
easg_status store_each_ledger(struct store *s, store_entry_fn fn, void *user, easg_error *err);
/* Every entry of the personal lists; `ours` tells which of it the ledger has. */
easg_status store_each_listed(struct store *s, store_entry_fn fn, void *user, easg_error *err);
/* From now on these bits of the entry are ours; what was there before stays what a release
 * restores. */
easg_status store_adopt(struct store *s, const struct store_entry *e, uint32_t lists, easg_time now,
                        easg_error *err);
/* The entry is not ours any more; Exchange is not touched. */
easg_status store_forget_entry(struct store *s, int64_t mk, int64_t ek, easg_error *err);
/* Planned, held and approved actions of whatever run. */
easg_status store_supersede_all(struct store *s, const char *why, easg_time now, easg_error *err);
/* A planned action becomes held (`go` 0), or a held one one of this run. */
easg_status store_let_action(struct store *s, int64_t id, int go, easg_error *err);
easg_status store_count_ledger(struct store *s, int64_t *out, easg_error *err);

/* ---- platforms (platforms.c) -------------------------------------------------------------------
 */

struct store_platform {
    easg_str os, type;            /* of a partnership: what the client says; type absent: managed */
    int64_t devices, with_eas_id; /* with_eas_id: of managed devices */
};
/* Managed devices with their operating system, of licensed, targeted people that are not exempt,
 * one by one; only those whose system the caller still asks about. */
easg_status store_each_managed_os(struct store *s, int (*asks)(void *user, const easg_str *os),
                                  void (*fn)(void *user, const struct store_platform *p),
                                  void *user, easg_error *err);
/* Partnerships by what they say of themselves. */
easg_status store_each_claimed_os(struct store *s,
                                  void (*fn)(void *user, const struct store_platform *p),
                                  void *user, easg_error *err);

/* ---- devices that are spared (platforms.c) ------------------------------------------------------
 */

/* Every device that has access and spoke within `within_ms` before it was last looked at. */
easg_status store_grandfather(struct store *s, int64_t within_ms, easg_time now, easg_error *err);
/* 1: it was taken in by store_grandfather(), or, with within_ms above 0, would be. */
easg_status store_is_grandfathered(struct store *s, int64_t mk, int64_t ek, int64_t within_ms,
                                   int *yes, easg_error *err);
/* Those that were found compliant are spared no more; `all`: nobody is. */
easg_status store_drop_grandfathered(struct store *s, int all, easg_error *err);

/* ---- what is held back (gate_rows.c) ------------------------------------------------------------
 */

/* The change is not planned: `word` is "waits" (for `ring`) or "spared". `opens_at`: when that ends,
 * EASG_TIME_NONE: not known yet, or never. */
easg_status store_put_gate(struct store *s, const struct store_wanted *w, const char *word,
                           const char *ring, easg_time opens_at, easg_time now, easg_error *err);
/* What this run did not find held back any more is over; of one mailbox when `only_mk` is not 0. */
easg_status store_end_gates(struct store *s, int64_t only_mk, easg_error *err);

/* ---- how long the past is kept (retention.c) ---- */

struct store_pruned {
    int64_t decisions, actions, mails, runs, audit;
};
/* Rows from before `before`, none that anything current points to. */
easg_status store_prune_history(struct store *s, easg_time before, struct store_pruned *n,
                                easg_error *err);
/* Audit rows from before `before`: the chain begins at an anchor then, and a row of it says so.
 * The last row stays however old it is. *n: rows removed. */
easg_status store_prune_audit(struct store *s, easg_time before, int64_t *n, easg_error *err);

#endif
