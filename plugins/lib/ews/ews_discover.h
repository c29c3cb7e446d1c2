/* SPDX-License-Identifier: Apache-2.0
 *
 * ews_discover.h - Autodiscover: where the EWS of a mailbox is. SOAP, POX and V2 JSON on each host,
 * SRV where it is asked for, with every redirect over https and to allowed hosts only.
 *
 * Credentials go to the configured server and to hosts of the allow list, and to no other: what DNS
 * or a redirect names alone is not trusted with them.
 */
#ifndef EASG_EWS_DISCOVER_H
#define EASG_EWS_DISCOVER_H

#include "ews.h"

/* One SRV record. */
struct ews_srv {
    uint16_t priority, weight, port;
    char host[256];
};
#define EWS_MAX_SRV 16u

/* Asks DNS for the SRV records of `name`; at most `max` are filled in. EASG_E_NOTFOUND: there are
 * none; EASG_E_UNAVAILABLE: no answer. The system's resolver does not look at deadlines: it takes
 * at most some 20 s. */
easg_status ews_resolve_srv(void *user, const char *name, struct ews_srv *out, size_t max,
                            size_t *n, easg_error *err);
/* By RFC 2782: lowest priority first, within one by weight, drawn with `random` (a number for each
 * draw). */
void ews_order_srv(struct ews_srv *list, size_t n, uint32_t (*random)(void *user), void *user);

struct ews_discover_options {
    const char *mailbox;          /* address */
    const char *server;           /* host or host:port that is asked first; NULL: none */
    const easg_str *const *allow; /* "mail.contoso.example" or "*.contoso.example"; the host of
                                   * `server` and autodiscover.MAIL-DOMAIN are always allowed */
    size_t n_allow;
    int soap, pox, json, srv; /* which ways are gone */
    struct auth *auth;
    const struct http_options *http;
    int64_t request_timeout_ms; /* 0: 30 s */
    int64_t (*remaining_ms)(void *user);
    /* Optional: told of each way that led nowhere, and why. */
    void (*tried)(void *user, const char *text);
    void *user;
    /* Optional; ews_resolve_srv otherwise. */
    easg_status (*resolve)(void *user, const char *name, struct ews_srv *out, size_t max, size_t *n,
                           easg_error *err);
    const char *instead; /* the option that goes without it, for texts; NULL: service_url */
    uint16_t srv_port; /* only records with this port; 0: 443 */
};

struct ews_found {
    char url[512];
    char how[80]; /* "SOAP at cas1.contoso.example" */
};

/* EASG_E_AUTH: a server refused the account; nobody else is asked. EASG_E_UNREACHABLE: no way led
 * to it; the text has the last reason. Others: the run must stop. */
easg_status ews_discover(const struct ews_discover_options *options, struct ews_found *out,
                         easg_error *err) EASG_MUST_CHECK;

#endif
