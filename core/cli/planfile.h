/* SPDX-License-Identifier: Apache-2.0
 *
 * planfile.h - a plan in a file: JSON lines, first what it was made from, then a change a line.
 */
#ifndef EASG_PLANFILE_H
#define EASG_PLANFILE_H

#include "cli.h"
#include "sync.h"

struct plan_head {
    char schema[64], org[64], run[40], made_at[40];
    char config[72], decisions[72], lists[72]; /* SHA-256, hex */
    int64_t changes, held;
};

/* What run `run_id` planned and what is open besides. `config` is the configuration's digest. */
easg_status planfile_write(const char *path, struct store *s, const char *org, const char *run_id,
                           const char *config, easg_time now, easg_error *err);
/* `out` is filled with owned copies: planfile_clear(). */
easg_status planfile_read(const char *path, struct plan_head *head, struct sync_plan_file *out,
                          easg_error *err);
void planfile_clear(struct sync_plan_file *plan);
/* Digests of what is decided and of what the lists hold, as the head has them. */
easg_status planfile_digests(struct store *s, struct plan_head *head, easg_error *err);

/* Entries to adopt: CSV "mailbox,device_id[,allowed|blocked]" with or without such a head line; an
 * empty mailbox means any. */
easg_status adoptfile_read(const char *path, struct sync_adopt *out, easg_error *err);
easg_status adopt_add(struct sync_adopt *a, const char *mailbox, const char *device_id,
                      uint32_t lists, easg_error *err);
void adopt_clear(struct sync_adopt *a);

#endif
