/* SPDX-License-Identifier: Apache-2.0
 *
 * supervisor.h - `easgate run`: reads the clock, starts workers, watches them. No plugins, no
 * network, no secrets.
 */
#ifndef EASG_SUPERVISOR_H
#define EASG_SUPERVISOR_H

#include "config.h"
#include "log.h"

struct service;

/* Runs until the service is told to stop. 0; 30 when there are organisations and none of their
 * files can be read; 1 when it cannot begin. */
int supervisor_run(const struct agent_config *agent, struct service *svc, struct log *log);

#endif
