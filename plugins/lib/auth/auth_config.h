/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_config.h - the options auth.*, and the log-on that they describe.
 */
#ifndef EASG_AUTH_CONFIG_H
#define EASG_AUTH_CONFIG_H

#include <easgate/plugin.h>

#include "auth.h"

extern const easg_option auth_opt_method, auth_opt_user, auth_opt_password, auth_opt_keytab,
    auth_opt_ccache, auth_opt_spn, auth_opt_mutual, auth_opt_certificate, auth_opt_passphrase;
#define AUTH_CONFIG_OPTIONS                                                                        \
    &auth_opt_method, &auth_opt_user, &auth_opt_password, &auth_opt_keytab, &auth_opt_ccache,      \
        &auth_opt_spn, &auth_opt_mutual, &auth_opt_certificate, &auth_opt_passphrase

enum auth_method {
    AUTH_BY_KERBEROS,
    AUTH_BY_NEGOTIATE,
    AUTH_BY_NTLM,
    AUTH_BY_BASIC,
    AUTH_BY_CERTIFICATE
};

/* Borrowed from the configuration. */
struct auth_config {
    enum auth_method method;
    const char *user;
    const easg_config *password;
    const char *keytab;
    const char *ccache;
    const char *spn;
    int mutual_optional;
    const easg_config *certificate;
    const easg_config *passphrase;
};

/* EASG_E_CONFIG: what the method needs is missing, or what it cannot use is there. */
easg_status auth_config_read(const easg_host *host, const easg_config *cfg, struct auth_config *out,
                             easg_error *err) EASG_MUST_CHECK;

/* A certificate and its passphrase, as http_options wants them: wiped by the caller once the client
 * is made. */
struct auth_certificate {
    struct strbuf pem;
    struct strbuf passphrase;
};
#define AUTH_CERTIFICATE_INIT                                                                      \
    {                                                                                              \
        STRBUF_INIT(128u * 1024u), STRBUF_INIT(1024)                                               \
    }
void auth_certificate_wipe(struct auth_certificate *c);

/* Makes the log-on; secrets are lent for that long. With a certificate `o` gets its members. */
easg_status auth_config_open(const easg_host *host, const struct auth_config *c,
                             struct http_options *o, struct auth_certificate *certificate,
                             struct auth **out, easg_error *err) EASG_MUST_CHECK;

#endif
