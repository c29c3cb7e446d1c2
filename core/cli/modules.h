/* SPDX-License-Identifier: Apache-2.0
 *
 * modules.h - the plugins as `plugins`, `config` and `check` see them: loaded, never run.
 */
#ifndef EASG_MODULES_H
#define EASG_MODULES_H

#include "config.h"
#include "registry.h"

/* Loads the agent's plugin directory. Refusals are in the registry, not an error. */
easg_status modules_load(const struct agent_config *agent, struct registry **out, easg_error *err);
/* The modules as core/config wants them; owned by the caller (mem_free), strings by the registry.
 */
easg_status modules_for_config(const struct registry *r, struct cfg_schema_module **out, size_t *n,
                               easg_error *err);

/* The four places of an organisation's file where a module stands. */
struct module_place {
    const char *role;                /* "source" */
    const char *kind;                /* EASG_KIND_SOURCE */
    const struct org_module *module; /* may be without an id */
};
enum { MODULE_PLACES = 4 };
void modules_places(const struct org_config *org, struct module_place out[MODULE_PLACES]);
/* Checks the options of one place against what its module declares. EASG_OK for an empty place. */
easg_status modules_check_options(struct registry *r, const struct module_place *place,
                                  easg_error *err);

#endif
