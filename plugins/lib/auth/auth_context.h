/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_context.h - the table behind which GSSAPI and SSPI stand: credentials of one account, and at
 * most one handshake with them. posix/ and win32/ each have a body.
 */
#ifndef EASG_AUTH_CONTEXT_H
#define EASG_AUTH_CONTEXT_H

#include "auth.h"

struct auth_context;

/* Copies the account, asks nobody. EASG_E_CONFIG: the account is not one that this body takes. */
easg_status auth_context_create(const struct auth_account *account, struct auth_context **out,
                                easg_error *err) EASG_MUST_CHECK;
/* Also while a call that was given up is still under way: it takes its memory along. */
void auth_context_destroy(struct auth_context *c);

struct auth_leg {
    int fresh;           /* 1: forget an earlier handshake */
    int raw;             /* 1: the mechanism's own token; 0: SPNEGO around Kerberos */
    const char *service; /* "HTTP/host" or "HTTP/host@REALM" */
    const void *binding; /* application data of the channel binding; NULL: none */
    size_t binding_len;
    const void *token; /* the peer's; NULL: none */
    size_t token_len;
    int64_t timeout_ms;      /* what the call took is taken off */
    const struct http *http; /* asked whether to stop; may be NULL */
};

/* One step. *complete: the peer has proved itself and nothing is left to do. `out` is what goes to
 * the peer, maybe nothing.
 *
 *   EASG_E_AUTH         the directory refuses the account, or a ticket
 *   EASG_E_UNREACHABLE  no KDC takes a connection
 *   EASG_E_TIMEOUT      no answer of the KDC in time; the call is given up and the context useless
 *   EASG_E_CANCELLED    the same, wanted
 *   EASG_E_CONFIG       keytab, cache, krb5.conf, a mechanism that is not installed
 *   EASG_E_UNTRUSTED    the peer's token is false */
easg_status auth_context_step(struct auth_context *c, struct auth_leg *leg, struct strbuf *out,
                              int *complete, easg_error *err) EASG_MUST_CHECK;

#endif
