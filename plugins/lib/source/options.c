/* SPDX-License-Identifier: Apache-2.0
 *
 * The options that source modules share: declared for the host, read into the instance.
 */
#include <string.h>

#include "source_module.h"

#include "err.h"
#include "text.h"

const easg_option source_opt_server =
    SOURCE_OPTION(EASG_OPT_STRING, EASG_OPTF_REQUIRED, "server", NULL, NULL,
                  "Host, or host:port, of a client access server; https, path /powershell.");
const easg_option source_opt_redirect =
    SOURCE_OPTION(EASG_OPT_LIST, 0, "redirect.allow", NULL, NULL,
                  "Hosts to which the server may send a session on: names, .domains. Default: "
                  "none.");
const easg_option source_opt_parallel =
    SOURCE_OPTION(EASG_OPT_INT, 0, "parallel", "1", "1..12", "Cmdlets in flight at the same time.");
const easg_option source_opt_connect = SOURCE_OPTION(EASG_OPT_DURATION, 0, "timeout.connect", "15s",
                                                     NULL, "Name, TCP and TLS together.");
const easg_option source_opt_operation =
    SOURCE_OPTION(EASG_OPT_DURATION, 0, "timeout.operation", "20s", NULL,
                  "How long the server may hold one request open (WS-Man OperationTimeout).");
const easg_option source_opt_envelope =
    SOURCE_OPTION(EASG_OPT_SIZE, 0, "max_envelope", "500K", NULL,
                  "Largest WS-Man envelope; what the server's MaxEnvelopeSizekb allows.");
const easg_option source_opt_forest = SOURCE_OPTION(EASG_OPT_BOOL, 0, "view_entire_forest", "true",
                                                    NULL, "See all domains of the forest.");
const easg_option source_opt_columns = SOURCE_OPTION(
    EASG_OPT_ENUM, 0, "columns", "select", "select|all",
    "Let the server leave out what is not needed (Select-Object), or take whole objects.");

easg_status source_check_host(const struct easg_instance *self, const easg_config *cfg,
                              const char *path, const easg_str *name, easg_error *err)
{
    for (size_t i = 0; i < name->len; i++)
        if ((unsigned char)name->ptr[i] <= ' ' || strchr("/@?#\\", name->ptr[i]))
            return opt_error(self->host, cfg, path, err,
                             "source.%s is a host name or host:port, without https:// and without "
                             "a path",
                             path);
    return EASG_OK;
}

static easg_status within(const struct easg_instance *self, const easg_config *cfg,
                          const char *path, int64_t value, int64_t least, int64_t most,
                          const char *words, easg_error *err)
{
    return value >= least && value <= most
               ? EASG_OK
               : opt_error(self->host, cfg, path, err, "source.%s must be %s", path, words);
}

static easg_status read_own(struct easg_instance *self, const easg_config *cfg, easg_error *err)
{
    const easg_host *host = self->host;
    easg_str columns = opt_str(host, cfg, "columns");
    easg_status st = EASG_OK;

    self->server = opt_str(host, cfg, "server");
    self->connect_ms = opt_int(host, cfg, "timeout.connect", 15000);
    self->operation_ms = opt_int(host, cfg, "timeout.operation", 20000);
    self->max_envelope = opt_int(host, cfg, "max_envelope", 512000);
    self->parallel = opt_int(host, cfg, "parallel", 1);
    self->view_entire_forest =
        self->profile->entire_forest && opt_bool(host, cfg, "view_entire_forest", 1);
    self->select_columns = !columns.ptr || !text_eq(&columns, "all");

    if (text_blank(&self->server) && !self->profile->locate)
        return err_set(err, EASG_E_CONFIG,
                       "source.server is missing: the host name of a client access server");
    if (self->server.ptr)
        st = source_check_host(self, cfg, "server", &self->server, err);
    if (st == EASG_OK)
        st = within(self, cfg, "timeout.connect", self->connect_ms, 100, 600000, "100ms to 10m",
                    err);
    if (st == EASG_OK)
        st = within(self, cfg, "timeout.operation", self->operation_ms, 1000, 600000, "1s to 10m",
                    err);
    if (st == EASG_OK)
        st = within(self, cfg, "max_envelope", self->max_envelope, 32 * 1024, 4 * 1024 * 1024,
                    "32K to 4M", err);
    return st;
}

static easg_status read_all(struct easg_instance *self, const easg_config *cfg, easg_error *err)
{
    const easg_host *host = self->host;
    easg_status st = read_own(self, cfg, err);

    if (st == EASG_OK)
        st = auth_config_read(host, cfg, &self->auth, err);
    if (st == EASG_OK)
        st = http_config_read(host, cfg, &self->way, err);
    if (st != EASG_OK)
        return st;
    self->redirect_allow = http_config_list(host, cfg, "redirect.allow");
    if (!self->redirect_allow)
        return err_nomem(err);
    if (strchr(self->redirect_allow, '*'))
        return opt_error(host, cfg, "redirect.allow", err,
                         "source.redirect.allow takes names and .domains, not everything");
    return self->profile->read ? self->profile->read(self, cfg, err) : EASG_OK;
}

void EASG_CALL source_destroy(easg_instance *self)
{
    if (self->profile->forget)
        self->profile->forget(self);
    http_config_clear(&self->way);
    mem_free(self->redirect_allow);
    mem_free(self->url_query);
    strbuf_clear(&self->script);
    mem_free(self);
}

easg_status source_create(const struct source_profile *profile, const easg_host *host,
                          const easg_config *cfg, easg_instance **out, easg_error *err)
{
    struct easg_instance *self = mem_alloc(sizeof(*self));
    easg_status st;

    if (!self)
        return err_nomem(err);
    strbuf_init(&self->script, (size_t)64 * 1024);
    self->host = host;
    self->profile = profile;
    st = read_all(self, cfg, err);
    if (st != EASG_OK) {
        source_destroy(self);
        return opt_place(host, cfg, st, err);
    }
    *out = self;
    return EASG_OK;
}
