/* SPDX-License-Identifier: Apache-2.0
 *
 * gate.h - who is enforced yet: rings of a roll-out, and devices that are spared because they had
 * access before. Used by plan.c.
 */
#ifndef EASG_GATE_H
#define EASG_GATE_H

#include "sync_run.h"

struct gate_block {
    int64_t id; /* of the action */
    size_t ring;
    int fresh; /* takes access away: what the brake counts */
};

struct gate {
    struct sync *s;
    int on;    /* the organisation is in mode enforce */
    int begun; /* an enforcing run was there before */
    easg_time since;
    int64_t waiting, spared;
    easg_time opens; /* the first of what is held back; EASG_TIME_NONE: not known */
    struct gate_block *blocks; /* with rings only */
    size_t n;
};

/* In the first enforcing run this is also where the devices that are spared are noted. */
easg_status gate_open(struct gate *g, struct sync *s, easg_error *err);
/* *go 0: this change waits, or its device is spared. */
easg_status gate_ask(struct gate *g, const struct store_wanted *w, int block, int *go,
                     easg_error *err);
/* A block that was planned or is held; with rings each ring has its brake. */
easg_status gate_note(struct gate *g, const struct store_wanted *w, const struct store_action *a,
                      easg_error *err);
/* Holds the blocks of each ring that are too many, and lets the others go. */
easg_status gate_brakes(struct gate *g, easg_error *err);
easg_status gate_close(struct gate *g, easg_error *err);

#endif
