/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration part of the host table: the nodes of core/config behind the SDK's functions.
 */
#include <string.h>

#include "plugin_internal.h"

#include "text.h"

static const easg_config *EASG_CALL host_cfg_get(const easg_host *host, const easg_config *node,
                                                 const char *path)
{
    return host_in_call(host, "cfg_get") && path ? cfg_get(node, path) : NULL;
}

static easg_node_type EASG_CALL host_cfg_type(const easg_host *host, const easg_config *node)
{
    return host_in_call(host, "cfg_type") ? cfg_type(node) : EASG_NODE_ABSENT;
}

static size_t EASG_CALL host_cfg_count(const easg_host *host, const easg_config *node)
{
    return host_in_call(host, "cfg_count") ? cfg_count(node) : 0;
}

static const easg_config *EASG_CALL host_cfg_at(const easg_host *host, const easg_config *node,
                                                size_t i)
{
    return host_in_call(host, "cfg_at") && i < cfg_count(node) ? cfg_at(node, i) : NULL;
}

static easg_status EASG_CALL host_cfg_key_at(const easg_host *host, const easg_config *node,
                                             size_t i, easg_str *out)
{
    if (!host_in_call(host, "cfg_key_at") || !out)
        return EASG_E_USAGE;
    if (cfg_type(node) != EASG_NODE_MAP || i >= cfg_count(node))
        return EASG_E_NOTFOUND;
    *out = cfg_key_at(node, i);
    return EASG_OK;
}

/* Absent, or of another type: the plugin tells the two apart, and `where` serves both. */
static easg_status got(const easg_config *node, int ok)
{
    if (ok)
        return EASG_OK;
    return cfg_type(node) == EASG_NODE_ABSENT ? EASG_E_NOTFOUND : EASG_E_CONFIG;
}

static easg_status EASG_CALL host_cfg_str(const easg_host *host, const easg_config *node,
                                          easg_str *out)
{
    if (!host_in_call(host, "cfg_str") || !out)
        return EASG_E_USAGE;
    return got(node, cfg_str(node, out));
}

static easg_status EASG_CALL host_cfg_int(const easg_host *host, const easg_config *node,
                                          int64_t *out)
{
    if (!host_in_call(host, "cfg_int") || !out)
        return EASG_E_USAGE;
    return got(node, cfg_int(node, out));
}

static easg_status EASG_CALL host_cfg_bool(const easg_host *host, const easg_config *node,
                                           int32_t *out)
{
    if (!host_in_call(host, "cfg_bool") || !out)
        return EASG_E_USAGE;
    return got(node, cfg_bool(node, out));
}

static easg_status EASG_CALL host_cfg_where(const easg_host *host, const easg_config *node,
                                            easg_str *out)
{
    if (!host_in_call(host, "cfg_where") || !out)
        return EASG_E_USAGE;
    *out = text_str(cfg_where(node));
    return node ? EASG_OK : EASG_E_NOTFOUND;
}

void host_fill_config(easg_host *host)
{
    host->cfg_get = host_cfg_get;
    host->cfg_type = host_cfg_type;
    host->cfg_count = host_cfg_count;
    host->cfg_at = host_cfg_at;
    host->cfg_key_at = host_cfg_key_at;
    host->cfg_str = host_cfg_str;
    host->cfg_int = host_cfg_int;
    host->cfg_bool = host_cfg_bool;
    host->cfg_where = host_cfg_where;
}
