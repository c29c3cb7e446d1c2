/* SPDX-License-Identifier: Apache-2.0
 *
 * modules.c - the plugins as `plugins`, `config` and `check` see them.
 */
#include "modules.h"

#include "err.h"

easg_status modules_load(const struct agent_config *agent, struct registry **out, easg_error *err)
{
    struct registry *r = NULL;
    easg_status st;

    st = registry_create(NULL, &r, err);
    if (st == EASG_OK)
        st = registry_pin_all(r, agent->plugin_pins, err);
    if (st == EASG_OK)
        st = registry_load_dir(r, agent->plugin_dir, err);
    if (st == EASG_OK)
        *out = r;
    else
        registry_destroy(r);
    return st;
}

easg_status modules_for_config(const struct registry *r, struct cfg_schema_module **out, size_t *n,
                               easg_error *err)
{
    struct module_info info;
    size_t count = 0, i;

    while (registry_module_at(r, count, &info))
        count++;
    *out = mem_array(count ? count : 1, sizeof(**out));
    if (!*out)
        return err_nomem(err);
    for (i = 0; i < count && registry_module_at(r, i, &info); i++)
        (*out)[i] = (struct cfg_schema_module){ info.kind, info.id, info.summary, info.options };
    *n = count;
    return EASG_OK;
}

void modules_places(const struct org_config *org, struct module_place out[MODULE_PLACES])
{
    out[0] = (struct module_place){ "source", EASG_KIND_SOURCE, &org->source };
    out[1] = (struct module_place){ "sink", EASG_KIND_SINK, &org->sink };
    out[2] = (struct module_place){ "failover", EASG_KIND_FAILOVER, &org->failover };
    out[3] = (struct module_place){ "notifier", EASG_KIND_NOTIFIER, &org->notifier };
}

easg_status modules_check_options(struct registry *r, const struct module_place *place,
                                  easg_error *err)
{
    static const char *const host_keys[] = { "module", "enabled", NULL };
    struct module_ref *module = NULL;
    struct cfg_doc *checked = NULL;
    easg_status st;

    if (!place->module->id)
        return EASG_OK;
    st = registry_find(r, place->kind, place->module->id, cfg_get(place->module->node, "module"),
                       &module, err);
    if (st == EASG_OK)
        st = cfg_check_options(place->module->node, module_options(module), host_keys, &checked,
                               err);
    cfg_close(checked);
    return st;
}
