/* SPDX-License-Identifier: Apache-2.0
 *
 * Options, a log line, and the question whether to go on, for plugins.
 */
#include "plugin_opt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "timestamp.h"

easg_str opt_str(const easg_host *host, const easg_config *cfg, const char *path)
{
    easg_str s = { NULL, 0 };
    const easg_config *node = host->cfg_get(host, cfg, path);

    if (!node || host->cfg_type(host, node) == EASG_NODE_NULL ||
        host->cfg_str(host, node, &s) != EASG_OK)
        return (easg_str){ NULL, 0 };
    return s;
}

int64_t opt_int(const easg_host *host, const easg_config *cfg, const char *path, int64_t absent)
{
    int64_t v;
    const easg_config *node = host->cfg_get(host, cfg, path);

    return node && host->cfg_int(host, node, &v) == EASG_OK ? v : absent;
}

int opt_bool(const easg_host *host, const easg_config *cfg, const char *path, int absent)
{
    int32_t v;
    const easg_config *node = host->cfg_get(host, cfg, path);

    return node && host->cfg_bool(host, node, &v) == EASG_OK ? v != 0 : absent;
}

int64_t opt_duration(const easg_host *host, const easg_config *cfg, const char *path,
                     int64_t absent)
{
    easg_str s = opt_str(host, cfg, path);
    int64_t ms;

    return s.ptr && duration_parse(s.ptr, s.len, &ms) ? ms : absent;
}

easg_status opt_error(const easg_host *host, const easg_config *cfg, const char *path,
                      easg_error *err, const char *fmt, ...)
{
    const easg_config *node = host->cfg_get(host, cfg, path);
    char text[sizeof err->message];
    easg_str where = { NULL, 0 };
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (host->cfg_where(host, node ? node : cfg, &where) == EASG_OK && where.len)
        return err_set(err, EASG_E_CONFIG, "%s: %s: %s", where.ptr, path, text);
    return err_set(err, EASG_E_CONFIG, "%s: %s", path, text);
}

easg_status opt_place(const easg_host *host, const easg_config *cfg, easg_status st,
                      easg_error *err)
{
    easg_str where = { NULL, 0 };
    char file[256];
    int n;

    if (st != EASG_E_CONFIG || host->cfg_where(host, cfg, &where) != EASG_OK || !where.len)
        return st;
    n = snprintf(file, sizeof file, "%.*s:", (int)strcspn(where.ptr, ":"), where.ptr);
    if (n > 0 && (size_t)n < sizeof file && strstr(err->message, file))
        return st;
    return err_at(err, st, "%s", where.ptr);
}

void plugin_log(const easg_host *host, easg_level level, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    int n;

    if (!host->log_enabled(host, level))
        return;
    va_start(args, fmt);
    n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n > 0)
        host->log(host, level, text, strlen(text), NULL, 0);
}

easg_status plugin_may_go_on(const easg_host *host, const easg_run *run, easg_error *err)
{
    if (!host->cancelled(host, run))
        return EASG_OK;
    if (host->remaining_ms(host, run) == 0)
        return err_set(err, EASG_E_TIMEOUT, "the run reached its deadline");
    return err_set(err, EASG_E_CANCELLED, "the run was cancelled");
}
