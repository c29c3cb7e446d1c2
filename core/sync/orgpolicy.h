/* SPDX-License-Identifier: Apache-2.0
 *
 * orgpolicy.h - what the files about an organisation's own decisions share, within the sync.
 */
#ifndef EASG_SYNC_ORGPOLICY_H
#define EASG_SYNC_ORGPOLICY_H

#include "store_orgpolicy.h"
#include "sync_run.h"

/* orgdiff.c, pure */

/* An item as it is, against the configuration: 1, and what it is to be (NULL: gone) and why; 0:
 * left as it is. An entry of the configuration that Exchange does not have is an item without a
 * value. */
int orgpolicy_wants(const struct orgpolicy_config *config, const struct store_orgpolicy *item,
                    const char **after, const char **reason);
/* What gives an item of the ledger back: 1, and what it is to be; 0: somebody else has changed it
 * since, or it is as it was. */
int orgpolicy_gives_back(const struct store_orgpolicy *item, const char **after);
/* 1: it could lock many out, or let many in, so that a person has to say so a second time. */
int orgpolicy_needs_word(uint32_t part, const char *name, const char *before, const char *after);
/* The entry of the configuration for an item; NULL. */
const struct orgpolicy_entry *orgpolicy_entry(const struct orgpolicy_config *config, uint32_t part,
                                              const char *name);
/* Both NULL, or the same text. */
int orgpolicy_same(const char *a, const char *b);
const char *orgpolicy_part_word(uint32_t part);

/* orgread.c */

/* Reads these parts from Exchange into the state, and settles what a crash left started. What the
 * organisation's own decisions come to never stops a run's work for devices: see
 * orgpolicy_set_aside(). */
easg_status orgpolicy_refresh(struct sync *s, uint32_t parts, easg_error *err);
/* Keeps a failure for the end of the run and goes on; what ends every run is returned. */
easg_status orgpolicy_set_aside(struct sync *s, easg_status st, easg_error *err);

#endif
