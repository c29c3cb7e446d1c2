/* SPDX-License-Identifier: Apache-2.0
 *
 * store_writer.h - the writing side of the state file: the run, its audit, and what is kept about
 * the organisation and its servers. One writer a file, the worker of that organisation. Listings
 * stand in store_listing.h, decisions and actions in store_decision.h.
 */
#ifndef EASG_STORE_WRITER_H
#define EASG_STORE_WRITER_H

#include "log.h"
#include "store.h"

/* Creates the file when there is none, moves an older one to our schema (after a copy,
 * ORG.db.vN.bak), and finishes what a crash left half done. EASG_E_UNAVAILABLE: another worker
 * holds it; the text names its process. */
easg_status store_open_writer(const char *state_dir, const char *org, struct log *log,
                              struct store **out, easg_error *err);
/* Tests: `at` is called at named points between two commits. */
void store_set_hook(struct store *s, void (*at)(void *user, const char *point), void *user);
/* Calls that hook; for the steps of the sync. */
void store_at(struct store *s, const char *point);

/* Begins a transaction when none is open. `durable`: its commit survives a power failure (intents,
 * outbox, ledger). Everything below works inside the transaction at hand. */
easg_status store_begin(struct store *s, int durable, easg_error *err);
easg_status store_commit(struct store *s, easg_error *err);
void store_rollback(struct store *s);

/* ---- runs (runs.c) ---- */

struct store_run {
    const char *uuid, *kind, *mode, *trigger; /* trigger may be NULL */
    int dry_run;
    easg_time started;
};

/* -1: not known, stays NULL. */
struct store_counts {
    int64_t mailboxes, devices, people, managed_devices;
    int64_t devices_new, devices_changed, devices_gone;
    int64_t decided, planned, applied, held, failed, unmatched;
};
#define STORE_COUNTS_NONE                                                                          \
    {                                                                                              \
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1                                         \
    }

struct store_outcome {
    const char *status; /* "done", "failed" */
    int exit_code;
    const char *endpoint; /* may be NULL */
    easg_status error_status;
    const char *error; /* NULL: none */
    int64_t cpu_ms, peak_kib;
};

/* Commits the run's row, and closes rows of runs that ended without a word. */
easg_status store_begin_run(struct store *s, const struct store_run *run, easg_error *err);
/* The step that begins now: visible at once. */
easg_status store_set_step(struct store *s, const char *step, easg_error *err);
/* Plugin state that was put in this run counts from now on when `keep`. Commits. */
easg_status store_finish_run(struct store *s, const struct store_counts *counts,
                             const struct store_outcome *outcome, int keep, easg_error *err);

/* ---- audit (audit.c) ---- */

/* One row at the end of the chain. `detail` is a JSON object ("{}" for none); line ends in it or in
 * `subject` are refused (EASG_E_USAGE). */
easg_status store_audit(struct store *s, const char *event, const char *subject, const char *detail,
                        easg_error *err);

/* ---- the organisation (org.c) ------------------------------------------------------------------
 */

/* Settings and marks by name, as v_org shows them; NULL value takes one away. */
easg_status store_set_org(struct store *s, const char *name, const char *value, easg_error *err);
easg_status store_set_org_int(struct store *s, const char *name, int64_t value, easg_error *err);
/* Owned by the caller (mem_free); *value NULL when there is none. */
easg_status store_get_org(struct store *s, const char *name, char **value, easg_error *err);
/* `none` when there is none or it is no number. */
easg_status store_get_org_int(struct store *s, const char *name, int64_t none, int64_t *value,
                              easg_error *err);

struct store_endpoint {
    char *id, *url; /* owned by the list */
    uint32_t priority;
    int configured;
    easg_time last_ok, last_failed;
    uint32_t failures;
    easg_status last_status;
};
/* Adds or updates; health stays. `configured` 1: the operator's own, its URL wins over a discovered
 * one; configured ones of earlier configurations are forgotten. */
easg_status store_put_endpoint(struct store *s, const char *id, const char *url, uint32_t priority,
                               int configured, easg_error *err);
/* `error` NULL: it answered. */
easg_status store_mark_endpoint(struct store *s, const char *id, easg_time now, easg_status status,
                                const char *error, easg_error *err);
/* By priority, then id. */
easg_status store_list_endpoints(struct store *s, struct store_endpoint **out, size_t *n,
                                 easg_error *err);
void store_free_endpoints(struct store_endpoint *list, size_t n);

/* Values that plugins keep; see store_finish_run(). EASG_E_NOTFOUND when there is none. Copies into
 * an owned block (mem_free). */
easg_status store_get_state(struct store *s, const char *key, unsigned char **ptr, size_t *len,
                            easg_error *err);
easg_status store_put_state(struct store *s, const char *key, const void *ptr, size_t len,
                            easg_error *err);

/* Keyed with the file's own key: says whether a secret changed, and nothing else. */
int64_t store_fingerprint(struct store *s, const void *ptr, size_t len);

#endif
