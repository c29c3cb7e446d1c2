/* SPDX-License-Identifier: Apache-2.0
 *
 * The way to a server and who we are on it, for one session or probe.
 */
#include "onprem.h"

#include "err.h"

struct http_options onprem_http(const struct easg_instance *self)
{
    struct http_options o = { .user_agent = "easgate",
                              .connect_timeout_ms = (uint32_t)self->connect_ms };

    http_config_apply(&self->way, &o);
    return o;
}

easg_status onprem_logon(const struct easg_instance *self, struct http_options *http,
                         struct onprem_logon *out, easg_error *err)
{
    const char *warning = http_config_warning(&self->way);
    easg_status st;

    *out = (struct onprem_logon){ .certificate = AUTH_CERTIFICATE_INIT };
    if (warning)
        plugin_log(self->host, EASG_LOG_WARNING, "%s", warning);
    st = auth_config_open(self->host, &self->auth, http, &out->certificate, &out->auth, err);
    if (st == EASG_OK)
        st = proxy_logon_open(self->host, &self->way, http, &out->proxy, err);
    if (st != EASG_OK)
        onprem_logoff(out);
    return st;
}

void onprem_logoff(struct onprem_logon *l)
{
    auth_destroy(l->auth);
    proxy_logon_close(l->proxy);
    auth_certificate_wipe(&l->certificate);
    l->auth = NULL;
    l->proxy = NULL;
}
