/* SPDX-License-Identifier: Apache-2.0
 *
 * oauth_private.h - what the files of this room share.
 */
#ifndef EASG_OAUTH_PRIVATE_H
#define EASG_OAUTH_PRIVATE_H

#include "oauth.h"

#include <openssl/evp.h>

struct oauth {
    struct http *http;
    char *endpoint; /* the token endpoint's URL; also the assertion's audience */
    char *client_id;
    char *scope;
    enum oauth_alg alg;
    EVP_PKEY *key; /* NULL: client secret, or federated */
    easg_status (*federated)(void *user, struct strbuf *jwt, easg_error *err);
    unsigned char sha1[20];
    unsigned char sha256[32];
    easg_time certificate_expires;
    struct strbuf secret; /* client secret, or X-IDENTITY-HEADER */
    enum oauth_identity_kind identity;
    char *key_dir;
    easg_time (*now)(void *user);
    int64_t (*monotonic_ms)(void *user);
    void *user;

    struct strbuf bearer; /* "Bearer ..."; empty: none */
    int64_t renew_at;     /* monotonic */
    int64_t expires_at;
    int64_t skew_ms;  /* our clock minus the server's */
    int64_t shift_ms; /* what the assertion's times are corrected by */
    easg_error refusal;
    easg_status refused; /* EASG_OK: not */
};

/* oauth_key.c */
easg_status oauth_load_key(struct oauth *o, const char *pem, size_t len, easg_error *err);

/* oauth_identity.c */
easg_status oauth_identity_set_up(struct oauth *o, const struct oauth_options *p, easg_error *err);
/* Asks this machine's service; the answer of status 200 is in `body`. */
easg_status oauth_identity_ask(struct oauth *o, int64_t timeout_ms, struct strbuf *body,
                               easg_error *err);

/* oauth_error.c: reads Entra's error body. */
easg_status oauth_explain(struct oauth *o, easg_error *err);

#endif
