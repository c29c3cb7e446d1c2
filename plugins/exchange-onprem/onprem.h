/* SPDX-License-Identifier: Apache-2.0
 *
 * onprem.h - what the files of this plugin share.
 */
#ifndef EASG_ONPREM_H
#define EASG_ONPREM_H

#include <easgate/source.h>

#include "auth_config.h"
#include "exchange.h"
#include "http_config.h"
#include "plugin_opt.h"
#include "proxy_logon.h"
#include "strbuf.h"

struct easg_instance {
    const easg_host *host;
    easg_str server; /* borrowed from the configuration, which outlives the instance */
    struct http_config way;
    struct auth_config auth;
    char *redirect_allow; /* "a,.b"; allocated */
    int64_t connect_ms;
    int64_t operation_ms;
    int64_t max_envelope;
    int32_t view_entire_forest;
    int select_columns;
};

extern const easg_option *const onprem_options[];
/* Reads and checks the configuration. */
easg_status onprem_read(struct easg_instance *self, const easg_config *cfg, easg_error *err);
/* Who we are, to server and proxy; must outlive the clients made with it. */
struct onprem_logon {
    struct auth *auth;
    struct proxy_logon *proxy;
    struct auth_certificate certificate; /* may be wiped once the client is made */
};
/* Makes it; secrets are lent for that long. `http` gets the members that belong to it. */
easg_status onprem_logon(const struct easg_instance *self, struct http_options *http,
                         struct onprem_logon *out, easg_error *err);
void onprem_logoff(struct onprem_logon *l);

/* The URL of an endpoint: what it says, or the configured server; https and /powershell. */
easg_status onprem_url(const struct easg_instance *self, const easg_endpoint *endpoint,
                       struct strbuf *out, easg_error *err);
/* How every connection is made; borrows from the instance. */
struct http_options onprem_http(const struct easg_instance *self);
/* probe.c: easg.probe/1 */
const void *EASG_CALL onprem_extension(easg_instance *self, const char *id);

#endif
