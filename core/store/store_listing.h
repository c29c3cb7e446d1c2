/* SPDX-License-Identifier: Apache-2.0
 *
 * store_listing.h - taking in a listing: each row is compared on the fly with what is known. A row
 * that did not change costs one look-up and no write; a new or changed one is staged, and counts
 * only when the whole listing is accepted.
 *
 *     store_begin_listing -> store_stage_*() ... -> store_end_listing -> (guards)
 *         -> store_promote, store_commit      or      store_drop_listing
 *
 * One listing at a time. A duplicate in a listing is EASG_E_CONFLICT.
 */
#ifndef EASG_STORE_LISTING_H
#define EASG_STORE_LISTING_H

#include "store.h"

enum store_listing_of { STORE_EXCHANGE, STORE_FACTS };
enum store_kind { STORE_DEVICE = 0, STORE_MAILBOX, STORE_PERSON, STORE_MANAGED, STORE_KINDS };

enum store_scope {
    STORE_COMPLETE,   /* what was not mentioned is gone */
    STORE_SOME,       /* says nothing about the rest */
    STORE_ONE_MAILBOX /* devices of that mailbox that were not mentioned are gone */
};

struct store_seen {
    int64_t seen, fresh, changed, gone;
    uint64_t sum; /* over the keys: two listings of the same objects have the same */
};

easg_status store_begin_listing(struct store *s, enum store_listing_of what, easg_time now,
                                easg_error *err);
easg_status store_stage_device(struct store *s, const easg_device *device, easg_error *err);
easg_status store_stage_mailbox(struct store *s, const easg_mailbox *mailbox, easg_error *err);
/* `member_of`: those of the watched groups that the person is in, blanks between; NULL: none. */
easg_status store_stage_person(struct store *s, const easg_person *person, const char *member_of,
                               easg_error *err);
easg_status store_stage_managed(struct store *s, const easg_managed_device *device,
                                easg_error *err);
/* The module said OK: looks for duplicates, and for what is gone. `mailbox_id` with
 * STORE_ONE_MAILBOX only. Nothing has changed yet. */
easg_status store_end_listing(struct store *s, enum store_scope scope, const char *mailbox_id,
                              struct store_seen seen[STORE_KINDS], easg_error *err);
/* Makes the listing the present state, in one transaction (a large one in several, which the next
 * open finishes after a crash). Ledger entries that the lists no longer hold are taken out, each
 * with an audit row. The caller may add to the transaction and commits it. */
easg_status store_promote(struct store *s, easg_error *err);
/* Forgets what was staged. */
easg_status store_drop_listing(struct store *s, easg_error *err);
/* After the commit: frees the rows that nothing points to any more. */
easg_status store_collect_garbage(struct store *s, easg_error *err);

/* What is known now. */
easg_status store_count(struct store *s, enum store_kind kind, int64_t *out, easg_error *err);

#endif
