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
easg_status store_count_ledger(struct store *s, int64_t *out, easg_error *err);

#endif
