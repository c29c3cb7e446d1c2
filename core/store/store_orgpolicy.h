/* SPDX-License-Identifier: Apache-2.0
 *
 * store_orgpolicy.h - what an organisation decides for everybody: as read, what is to be changed,
 * what we wrote; and the commands of operators for single devices.
 */
#ifndef EASG_STORE_ORGPOLICY_H
#define EASG_STORE_ORGPOLICY_H

#include "store_decision.h"

/* ---- as it was read (orgpolicy.c) ---- */

/* Forgets what was read of these parts (bits 1 << part). */
easg_status store_clear_orgpolicy(struct store *s, uint32_t parts, easg_error *err);
/* `value` NULL: there is none any more. */
easg_status store_put_orgpolicy(struct store *s, uint32_t part, const char *name, const char *value,
                                easg_time now, easg_error *err);

/* An item with what Exchange has (NULL: none) and what the ledger says. */
struct store_orgpolicy {
    uint32_t part;
    char *name, *value;
    int ours;      /* the ledger has it */
    char *written; /* what we wrote; NULL: we took it away */
    char *before;  /* what was there before; NULL: none */
};
/* Everything that was read, and everything of the ledger; by part and name. */
easg_status store_list_orgpolicy(struct store *s, struct store_orgpolicy **out, size_t *n,
                                 easg_error *err);
void store_free_orgpolicy(struct store_orgpolicy *list, size_t n);

/* ---- changes ---- */

struct store_orgchange {
    int64_t id;
    uint32_t part;
    char *name, *before, *after; /* NULL: none */
    char *reason;
    int needs_word;
    enum store_action_state state;
};
void store_free_orgchanges(struct store_orgchange *list, size_t n);
/* Planned or held. One that is open for the same item and wants the same is kept: planned ones
 * become this run's, held ones stay with the run that held them unless `take_held`. Another one is
 * superseded. */
easg_status store_want_orgchange(struct store *s, const struct store_orgchange *c, int take_held,
                                 easg_time now, easg_error *err);
/* What no run wants any more. */
easg_status store_drop_orgchanges(struct store *s, const char *why, easg_time now, easg_error *err);
/* By state; `run` NULL: of any. In the order of their making. */
easg_status store_list_orgchanges(struct store *s, enum store_action_state state, const char *run,
                                  struct store_orgchange **out, size_t *n, easg_error *err);
easg_status store_set_orgchange(struct store *s, int64_t id, enum store_action_state state,
                                const char *error, easg_time now, easg_error *err);
easg_status store_count_orgchanges(struct store *s, int64_t *planned, int64_t *held,
                                   easg_error *err);
/* Parts (bits 1 << part) with anything open, and with anything of ours. */
easg_status store_has_orgpolicy(struct store *s, uint32_t *open, uint32_t *ours, easg_error *err);

/* ---- ledger ---- */

/* The item reads `value` (NULL: gone) because we wrote so; `before` counts the first time only. One
 * that is as it was before us is forgotten. */
easg_status store_note_orgpolicy(struct store *s, uint32_t part, const char *name,
                                 const char *before, const char *value, easg_time now,
                                 easg_error *err);
easg_status store_forget_orgpolicy(struct store *s, uint32_t part, const char *name,
                                   easg_error *err);

/* ---- commands of operators (device_commands.c) ---- */

struct store_device_name {
    char *key, *device_id, *owner, *user; /* user may be NULL */
};
void store_clear_device_name(struct store_device_name *n);
/* A partnership that is present, by its key. EASG_E_NOTFOUND. */
easg_status store_name_device(struct store *s, const char *key, struct store_device_name *out,
                              easg_error *err);

struct store_command {
    int64_t id;
    const char *token; /* SHA-256 of it, hex */
    uint32_t verb;
    struct store_device_name device;
    easg_time expires_at;
    char state[16];
};
easg_status store_put_command(struct store *s, const struct store_command *c, const char *told,
                              easg_time now, easg_error *err);
/* By token; owned (store_clear_device_name of .device). EASG_E_NOTFOUND. */
easg_status store_find_command(struct store *s, const char *token, struct store_command *out,
                               easg_error *err);
easg_status store_set_command(struct store *s, int64_t id, const char *state, const char *result,
                              const char *error, easg_time now, easg_error *err);
/* What was begun and never ended: nobody knows whether it was done. */
easg_status store_doubt_commands(struct store *s, easg_time now, easg_error *err);

#endif
