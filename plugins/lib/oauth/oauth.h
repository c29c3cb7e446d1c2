/* SPDX-License-Identifier: Apache-2.0
 *
 * oauth.h - app-only tokens of Entra ID by the client credentials grant: with a certificate (a
 * signed assertion), a client secret, or an assertion that another issuer signed (federated); or of
 * the managed identity of this machine, from its own service. The token stays in memory, is lent as
 * a header value, and is wiped.
 *
 * Belongs to one thread, so a renewal never runs twice at a time.
 */
#ifndef EASG_OAUTH_H
#define EASG_OAUTH_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "http.h"
#include "strbuf.h"

struct oauth;

enum oauth_alg {
    OAUTH_PS256, /* PSS with salt of 32 bytes, header x5t#S256: what Entra documents now */
    OAUTH_RS256  /* PKCS #1 v1.5, header x5t: older national clouds */
};

enum oauth_identity_kind {
    OAUTH_IDENTITY_NONE,
    OAUTH_IDENTITY_IMDS, /* a virtual machine: 169.254.169.254 */
    OAUTH_IDENTITY_ARC,  /* a server that Azure Arc manages: 127.0.0.1:40342, with a key file */
    OAUTH_IDENTITY_APP   /* an app's own endpoint and header, IDENTITY_ENDPOINT, IDENTITY_HEADER */
};

/* A managed identity: no tenant, no credential; only this machine can ask. */
struct oauth_identity {
    enum oauth_identity_kind kind;
    const char *endpoint;  /* NULL: the one that is documented; APP needs it. Plain http to this
                            * machine alone, or https */
    const char *client_id; /* of a user-assigned identity; NULL: the machine's own */
    const char *header;    /* APP: value of X-IDENTITY-HEADER; a secret, lent */
    size_t header_len;
    const char *key_dir; /* ARC: where the agent puts its key files; NULL: the documented one */
};

struct oauth_options {
    struct oauth_identity identity; /* kind NONE: all that follows; else scope and clocks alone */
    const char *login_url; /* "https://login.microsoftonline.com" */
    const char *tenant;    /* GUID or domain; "common" and the like are refused */
    const char *client_id; /* GUID */
    const char *scope;     /* "https://graph.microsoft.com/.default" */
    enum oauth_alg alg;
    const char *pem; /* certificate and key without a passphrase, RSA; a secret, lent */
    size_t pem_len;
    const char *client_secret; /* in its place; a secret, lent */
    size_t client_secret_len;
    /* Or in the place of both: adds the assertion of another issuer, a JWT, as it is now. Called
     * for each token, because such assertions are short-lived and renewed by somebody else. */
    easg_status (*federated)(void *user, struct strbuf *jwt, easg_error *err);
    const struct http_options *http;
    easg_time (*now)(void *user);        /* wall clock, for the assertion */
    int64_t (*monotonic_ms)(void *user); /* for the life of the token */
    void *user;
};

/* EASG_E_CONFIG names the option that is wrong: a tenant that cannot be one, no or two credentials,
 * a certificate that is expired, not RSA, shorter than 2048 bits or without its key. */
easg_status oauth_create(const struct oauth_options *options, struct oauth **out,
                         easg_error *err) EASG_MUST_CHECK;
/* Wipes key, secret and token. NULL is fine. */
void oauth_destroy(struct oauth *o);

/* Lends the value of an Authorization header ("Bearer ..."), valid until the next call. Asks for a
 * token when there is none or the one at hand is near its end (5 minutes or a tenth of its life,
 * whichever is more); when that fails, the old one is lent until it really ends.
 *
 * EASG_E_AUTH (credentials), EASG_E_CONFIG, EASG_E_DENIED (no consent, Conditional Access) are
 * final: they stick, and nothing is sent again. EASG_E_THROTTLED and EASG_E_UNAVAILABLE carry
 * retry_after_ms. err->domain is EASG_DOMAIN_PLUGIN and native_code the AADSTS number where Entra
 * gave one. Others are http_perform()'s. */
easg_status oauth_get(struct oauth *o, int64_t timeout_ms, const char **authorization,
                      easg_error *err) EASG_MUST_CHECK;
/* Forgets the token: the service that takes it said 401. */
void oauth_drop(struct oauth *o);

/* Tells each application permission that the token at hand holds, for a person's eyes: to Entra a
 * token is none of a client's business. EASG_E_NOTFOUND: there is none, or it cannot be read. */
easg_status oauth_each_role(const struct oauth *o, void (*fn)(void *user, const easg_str *role),
                            void *user, easg_error *err) EASG_MUST_CHECK;

/* How far this machine's clock is ahead of the login server's, in milliseconds, by its Date; 0
 * when not known. */
int64_t oauth_clock_skew_ms(const struct oauth *o);
/* When the certificate expires; EASG_TIME_NONE with a client secret. */
easg_time oauth_certificate_expires(const struct oauth *o);

/* The signed assertion of RFC 7523 for the token endpoint, with a jti of its own each time. */
easg_status oauth_make_assertion(struct oauth *o, struct strbuf *out,
                                 easg_error *err) EASG_MUST_CHECK;

#endif
