/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of exchange-onprem: declared for the host, read into the instance.
 */
#include <string.h>

#include "onprem.h"

#include "err.h"
#include "text.h"

#define OPTION(var, type_, flags_, name_, default_, allowed_, doc_)                                \
    static const easg_option var = { .struct_size = sizeof(easg_option),                           \
                                     .type = (type_),                                              \
                                     .flags = (flags_),                                            \
                                     .name = (name_),                                              \
                                     .default_value = (default_),                                  \
                                     .allowed = (allowed_),                                        \
                                     .doc = (doc_) }

OPTION(o_server, EASG_OPT_STRING, EASG_OPTF_REQUIRED, "server", NULL, NULL,
       "Host, or host:port, of a client access server; https, path /powershell.");
OPTION(o_redirect, EASG_OPT_LIST, 0, "redirect.allow", NULL, NULL,
       "Hosts to which the server may send a session on: names, .domains. Default: none.");
OPTION(o_parallel, EASG_OPT_INT, 0, "parallel", "1", "1..12",
       "Cmdlets in flight at the same time.");
OPTION(o_connect, EASG_OPT_DURATION, 0, "timeout.connect", "15s", NULL,
       "Name, TCP and TLS together.");
OPTION(o_operation, EASG_OPT_DURATION, 0, "timeout.operation", "20s", NULL,
       "How long the server may hold one request open (WS-Man OperationTimeout).");
OPTION(o_envelope, EASG_OPT_SIZE, 0, "max_envelope", "500K", NULL,
       "Largest WS-Man envelope; what the server's MaxEnvelopeSizekb allows.");
OPTION(o_forest, EASG_OPT_BOOL, 0, "view_entire_forest", "true", NULL,
       "See all domains of the forest.");
OPTION(o_columns, EASG_OPT_ENUM, 0, "columns", "select", "select|all",
       "Let the server leave out what is not needed (Select-Object), or take whole objects.");

const easg_option *const onprem_options[] = {
    &o_server,    AUTH_CONFIG_OPTIONS, HTTP_CONFIG_OPTIONS, &o_redirect, &o_parallel, &o_connect,
    &o_operation, &o_envelope,         &o_forest,           &o_columns,  NULL,
};

static easg_str text_of(const struct easg_instance *self, const easg_config *cfg, const char *path)
{
    const easg_config *node = self->host->cfg_get(self->host, cfg, path);
    easg_str out = { NULL, 0 };

    if (node && self->host->cfg_str(self->host, node, &out) != EASG_OK)
        out = (easg_str){ NULL, 0 };
    return out;
}

static int64_t number_of(const struct easg_instance *self, const easg_config *cfg, const char *path,
                         int64_t otherwise)
{
    const easg_config *node = self->host->cfg_get(self->host, cfg, path);
    int64_t out;

    return node && self->host->cfg_int(self->host, node, &out) == EASG_OK ? out : otherwise;
}

/* "contoso.yaml:7:3: " for errors; "" when the place is not known. */
static const char *place(const struct easg_instance *self, const easg_config *cfg, const char *path,
                         char *out, size_t size)
{
    const easg_config *node = self->host->cfg_get(self->host, cfg, path);
    easg_str where;
    size_t n = 0;

    if (node && self->host->cfg_where(self->host, node, &where) == EASG_OK && where.ptr) {
        n = where.len < size - 3 ? where.len : size - 3;
        memcpy(out, where.ptr, n);
        memcpy(out + n, ": ", 2);
        n += 2;
    }
    out[n] = '\0';
    return out;
}

easg_status onprem_read(struct easg_instance *self, const easg_config *cfg, easg_error *err)
{
    const easg_host *host = self->host;
    const easg_config *forest = host->cfg_get(host, cfg, "view_entire_forest");
    easg_str columns = text_of(self, cfg, "columns");
    char where[160];
    easg_status st;

    self->server = text_of(self, cfg, "server");
    self->connect_ms = number_of(self, cfg, "timeout.connect", 15000);
    self->operation_ms = number_of(self, cfg, "timeout.operation", 20000);
    self->max_envelope = number_of(self, cfg, "max_envelope", 512000);
    self->view_entire_forest = 1;
    if (forest && host->cfg_bool(host, forest, &self->view_entire_forest) != EASG_OK)
        self->view_entire_forest = 1;
    self->select_columns = !columns.ptr || !text_eq(&columns, "all");

    if (text_blank(&self->server))
        return err_set(err, EASG_E_CONFIG,
                       "source.server is missing: the host name of a client "
                       "access server");
    for (size_t i = 0; i < self->server.len; i++)
        if ((unsigned char)self->server.ptr[i] <= ' ' || strchr("/@?#\\", self->server.ptr[i]))
            return err_set(err, EASG_E_CONFIG,
                           "%ssource.server is a host name or host:port, without https:// and "
                           "without a path",
                           place(self, cfg, "server", where, sizeof(where)));
    if (self->connect_ms < 100 || self->connect_ms > 600000)
        return err_set(err, EASG_E_CONFIG, "%ssource.timeout.connect must be 100ms to 10m",
                       place(self, cfg, "timeout.connect", where, sizeof(where)));
    if (self->operation_ms < 1000 || self->operation_ms > 600000)
        return err_set(err, EASG_E_CONFIG, "%ssource.timeout.operation must be 1s to 10m",
                       place(self, cfg, "timeout.operation", where, sizeof(where)));
    if (self->max_envelope < 32 * 1024 || self->max_envelope > 4 * 1024 * 1024)
        return err_set(err, EASG_E_CONFIG, "%ssource.max_envelope must be 32K to 4M",
                       place(self, cfg, "max_envelope", where, sizeof(where)));
    st = auth_config_read(host, cfg, &self->auth, err);
    if (st == EASG_OK)
        st = http_config_read(host, cfg, &self->way, err);
    if (st != EASG_OK)
        return st;
    self->redirect_allow = http_config_list(host, cfg, "redirect.allow");
    if (!self->redirect_allow)
        return err_nomem(err);
    if (strchr(self->redirect_allow, '*'))
        return err_set(err, EASG_E_CONFIG,
                       "%ssource.redirect.allow takes names and .domains, not everything",
                       place(self, cfg, "redirect.allow", where, sizeof(where)));
    return EASG_OK;
}
