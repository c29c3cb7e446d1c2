/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange-onprem: the source module for Exchange in the organisation's own data centre, over
 * remote PowerShell. What it does is in plugins/lib/source and plugins/lib/exchange.
 */
#include "source_module.h"

static const easg_option *const options[] = {
    &source_opt_server,   AUTH_CONFIG_OPTIONS, SOURCE_OPTIONS,
    &source_opt_parallel, &source_opt_forest,  NULL,
};

static const struct source_profile profile = { .entire_forest = 1, .rights = exch_role_script };

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    return source_create(&profile, host, cfg, out, err);
}

static const easg_module module =
    SOURCE_MODULE("exchange-onprem",
                  "Exchange in the organisation's own data centre, over remote PowerShell", options,
                  &source_ops, create);

SOURCE_PLUGIN("exchange-onprem")
