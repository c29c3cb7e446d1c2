/* SPDX-License-Identifier: Apache-2.0
 *
 * http_config.h - the options of the way to a server that all modules share: proxy, certificates,
 * TLS. Who logs on to the proxy is auth's: see proxy_logon.h.
 */
#ifndef EASG_HTTP_CONFIG_H
#define EASG_HTTP_CONFIG_H

#include <easgate/plugin.h>

#include "http.h"

extern const easg_option http_opt_ca_file, http_opt_pin, http_opt_tls_min, http_opt_no_proxy,
    http_opt_proxy_url, http_opt_proxy_auth, http_opt_proxy_user, http_opt_proxy_password,
    http_opt_proxy_keytab;
/* For a module's table of options. */
#define HTTP_CONFIG_OPTIONS                                                                        \
    &http_opt_ca_file, &http_opt_pin, &http_opt_tls_min, &http_opt_no_proxy, &http_opt_proxy_url,  \
        &http_opt_proxy_auth, &http_opt_proxy_user, &http_opt_proxy_password,                      \
        &http_opt_proxy_keytab

/* Strings are borrowed from the configuration, but for the allocated ones. */
struct http_config {
    const char *ca_file;
    const char *pin;
    const char *proxy;
    char *no_proxy;   /* allocated */
    char *proxy_host; /* allocated; NULL: no proxy */
    const char *proxy_user;
    const easg_config *proxy_password;
    const char *proxy_keytab;
    int proxy_negotiate;
    int tls_min;
};

/* EASG_E_CONFIG names the option that is wrong. */
easg_status http_config_read(const easg_host *host, const easg_config *cfg, struct http_config *out,
                             easg_error *err) EASG_MUST_CHECK;
void http_config_clear(struct http_config *c);
/* Fills what is configured here, leaves the rest. Borrows. */
void http_config_apply(const struct http_config *c, struct http_options *o);
/* What to warn of in each run; NULL: nothing. */
const char *http_config_warning(const struct http_config *c);
/* A list of texts as "a,b", allocated; "" when it is absent. NULL: no memory. */
char *http_config_list(const easg_host *host, const easg_config *cfg, const char *path);

#endif
