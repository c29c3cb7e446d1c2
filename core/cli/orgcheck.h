/* SPDX-License-Identifier: Apache-2.0
 *
 * orgcheck.h - can the source do what the configuration asks beyond a run's own work?
 */
#ifndef EASG_ORGCHECK_H
#define EASG_ORGCHECK_H

#include "cli.h"
#include "registry.h"

/* Asks the module about each item of organization_policy and about device_commands; asks no server.
 * A line each time something is configured. With `cli` the state is looked at as well: does a rule
 * fit any device that was seen? */
void check_beyond(struct cli *cli, struct registry *registry, const struct org_config *org,
                  struct checks *checks);
/* EASG_NEED_* of the configuration. */
uint32_t org_needs(const struct org_config *org);

#endif
