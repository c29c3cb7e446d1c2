/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of ews-mail: declared for the host, read into the instance.
 */
#include <string.h>

#include "ews_mail.h"

#include "err.h"
#include "plugin_opt.h"
#include "text.h"

#define OPTION(var, type_, flags_, name_, default_, allowed_, doc_)                                \
    static const easg_option var = { .struct_size = sizeof(easg_option),                           \
                                     .type = (type_),                                              \
                                     .flags = (flags_),                                            \
                                     .name = (name_),                                              \
                                     .default_value = (default_),                                  \
                                     .allowed = (allowed_),                                        \
                                     .doc = (doc_) }

OPTION(o_mailbox, EASG_OPT_STRING, EASG_OPTF_REQUIRED, "mailbox", NULL, NULL,
       "Address of the mailbox that sends; the account's own.");
OPTION(o_from_name, EASG_OPT_STRING, 0, "from_name", NULL, NULL,
       "Name that stands beside the address in From.");
OPTION(o_service, EASG_OPT_URL, 0, "service_url", NULL, NULL,
       "Address of EWS, https://HOST/EWS/Exchange.asmx; without it Autodiscover is asked.");
OPTION(o_server, EASG_OPT_STRING, 0, "autodiscover.server", NULL, NULL,
       "Host, or host:port, of a client access server whose Autodiscover is asked first.");
OPTION(o_allow, EASG_OPT_LIST, 0, "autodiscover.allow", NULL, NULL,
       "Further hosts that Autodiscover may lead to and that get the credentials: names, or "
       "*.domain.");
OPTION(o_srv, EASG_OPT_BOOL, 0, "autodiscover.srv", "false", NULL,
       "Ask DNS for _autodiscover._tcp too; a target must be allowed by autodiscover.allow.");
OPTION(o_refresh, EASG_OPT_DURATION, 0, "autodiscover.refresh", "1d", "1h..90d",
       "How long a found address is used without asking again.");
OPTION(o_impersonate, EASG_OPT_BOOL, 0, "impersonate", "false", NULL,
       "Act as `mailbox` by ApplicationImpersonation; not needed for the account's own mailbox.");
OPTION(o_picture, EASG_OPT_STRING, 0, "picture", NULL, NULL,
       "PNG, JPEG or GIF file, at most 256 KiB, that templates show as cid:picture@easgate.");
OPTION(o_connect, EASG_OPT_DURATION, 0, "timeout.connect", "15s", "100ms..10m",
       "Name, TCP and TLS together.");
OPTION(o_request, EASG_OPT_DURATION, 0, "timeout.request", "2m", "1s..10m",
       "One request with its answer.");

const easg_option *const ews_mail_options[] = {
    &o_mailbox,
    &o_from_name,
    &o_service,
    &o_server,
    &o_allow,
    &o_srv,
    &o_refresh,
    AUTH_CONFIG_OPTIONS,
    HTTP_CONFIG_OPTIONS,
    &o_impersonate,
    &o_picture,
    &o_connect,
    &o_request,
    NULL,
};

static easg_status read_allow(struct easg_instance *self, const easg_config *cfg, easg_error *err)
{
    const easg_host *h = self->host;
    const easg_config *list = h->cfg_get(h, cfg, "autodiscover.allow");
    size_t n = list ? h->cfg_count(h, list) : 0;

    if (n > EWS_MAIL_MAX_ALLOW)
        return opt_error(h, cfg, "autodiscover.allow", err, "autodiscover.allow: at most %u hosts",
                         EWS_MAIL_MAX_ALLOW);
    for (size_t i = 0; i < n; i++) {
        easg_str *s = &self->allow[i];

        if (h->cfg_str(h, h->cfg_at(h, list, i), s) != EASG_OK || text_blank(s) ||
            strspn(s->ptr, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*") !=
                s->len ||
            (strchr(s->ptr, '*') && (strncmp(s->ptr, "*.", 2) != 0 || strchr(s->ptr + 1, '*') ||
                                     !strchr(s->ptr + 2, '.'))))
            return opt_error(h, cfg, "autodiscover.allow", err,
                             "autodiscover.allow: entry %zu is no host name, nor *.DOMAIN with at "
                             "least two labels",
                             i + 1);
        self->allow_at[i] = s;
        self->n_allow++;
    }
    return EASG_OK;
}

static int host_ok(const easg_str *s)
{
    for (size_t i = 0; i < s->len; i++)
        if ((unsigned char)s->ptr[i] <= ' ' || strchr("/@?#\\", s->ptr[i]))
            return 0;
    return 1;
}

easg_status ews_mail_read(struct easg_instance *self, const easg_config *cfg, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf endpoint = STRBUF_INIT(1024);
    const easg_host *h = self->host;
    easg_status st;

    self->mailbox = opt_str(h, cfg, "mailbox");
    self->from_name = opt_str(h, cfg, "from_name");
    self->service_url = opt_str(h, cfg, "service_url");
    self->server = opt_str(h, cfg, "autodiscover.server");
    self->picture = opt_str(h, cfg, "picture");
    self->srv = opt_bool(h, cfg, "autodiscover.srv", 0);
    self->impersonate = opt_bool(h, cfg, "impersonate", 0);
    self->refresh_ms = opt_duration(h, cfg, "autodiscover.refresh", 24 * 3600 * 1000LL);
    self->connect_ms = opt_duration(h, cfg, "timeout.connect", 15000);
    self->request_ms = opt_duration(h, cfg, "timeout.request", 120000);
    if (!mime_address_ok(&self->mailbox))
        return opt_error(h, cfg, "mailbox", err,
                         "`mailbox` must be the address of the mailbox that sends, such as "
                         "notify@contoso.example");
    if (!host_ok(&self->server))
        return opt_error(h, cfg, "autodiscover.server", err,
                         "autodiscover.server is a host name or host:port, without https:// and "
                         "without a path");
    if (self->service_url.ptr &&
        http_url_endpoint(self->service_url.ptr, &endpoint, err) != EASG_OK)
        return opt_error(h, cfg, "service_url", err,
                         "service_url must be https://HOST/EWS/Exchange.asmx");
    if (self->service_url.len > 500)
        return opt_error(h, cfg, "service_url", err, "service_url is too long");
    st = read_allow(self, cfg, err);
    if (st == EASG_OK)
        st = auth_config_read(h, cfg, &self->logon, err);
    return st == EASG_OK ? http_config_read(h, cfg, &self->way, err) : st;
}
