/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.h - `check --online`: goes each hop of an organisation once, and changes nothing.
 */
#ifndef EASG_PROBE_H
#define EASG_PROBE_H

#include "cli.h"
#include "registry.h"

void probe_org(struct registry *registry, const struct org_config *org, struct checks *checks,
               int64_t deadline_ms);

/* What gives the source's account the least rights: text that lives as long as *keep, which the
 * caller destroys. */
easg_status probe_rights(struct registry *registry, const struct org_config *org, const char **text,
                         struct instance_ref **keep, easg_error *err);

#endif
