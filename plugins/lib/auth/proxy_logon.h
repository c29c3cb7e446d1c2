/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_logon.h - the log-on to the proxy of an http_config: Basic, or a Kerberos token for each
 * connection.
 */
#ifndef EASG_PROXY_LOGON_H
#define EASG_PROXY_LOGON_H

#include "auth.h"
#include "http_config.h"

struct proxy_logon;

/* Fills the proxy members of `o`; *out (NULL: no log-on) must outlive every client made of it. */
easg_status proxy_logon_open(const easg_host *host, const struct http_config *c,
                             struct http_options *o, struct proxy_logon **out,
                             easg_error *err) EASG_MUST_CHECK;
void proxy_logon_close(struct proxy_logon *p);

#endif
