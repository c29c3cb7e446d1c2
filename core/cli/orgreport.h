/* SPDX-License-Identifier: Apache-2.0
 *
 * orgreport.h - changes of what an organisation decides for everybody, for those who print a run.
 */
#ifndef EASG_ORGREPORT_H
#define EASG_ORGREPORT_H

#include "cli.h"

/* Of v_org_changes: what run ?1 planned, and what it did of the run ?2 that was approved, since ?3.
 * With ?4, for a plan, also what earlier runs left open. */
#define ORG_OF_RUN                                                                                 \
    " FROM v_org_changes WHERE run = ?1 OR (run = ?2 AND finished_at >= ?3)"                       \
    " OR (?4 AND state IN ('planned', 'held', 'approved'))"
#define ORG_CHANGES                                                                                \
    "SELECT id, run, part, name, verb, before, after, reason, needs_approval, state,"              \
    " error" ORG_OF_RUN " ORDER BY part DESC, name"

/* The table of `sql`; nothing when it has no rows. */
easg_status orgreport_print(struct store *s, const char *sql, const struct store_arg *args,
                            size_t n, easg_error *err);
/* Runs with held changes, each with the command that lets them go. */
easg_status orgreport_held(struct store *s, const char *org, easg_error *err);

#endif
