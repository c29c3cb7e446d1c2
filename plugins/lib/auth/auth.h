/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.h - who we are, for http: makes the Authorization header of each request, in as many legs
 * as the scheme needs. libcurl is never given a password.
 *
 * Callers use auth_perform() in the place of http_perform() and know nothing of schemes. The ops
 * below are what a scheme is made of.
 */
#ifndef EASG_AUTH_H
#define EASG_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "http.h"
#include "strbuf.h"

struct auth;

/* Basic. `user` and `password` are lent and copied into memory that is wiped by auth_destroy().
 * A user name with a colon, or control characters in either, are EASG_E_CONFIG. */
easg_status auth_create_basic(const char *user, size_t user_len, const char *password,
                              size_t password_len, struct auth **out,
                              easg_error *err) EASG_MUST_CHECK;
void auth_destroy(struct auth *a);

/* http_perform() with a log-on. EASG_OK: an answer other than 401 came. 401 is EASG_E_AUTH, names
 * the schemes the server offers, and is final: this object sends its credentials no more, so that
 * no account is locked by us; every later call returns the same. Each leg carries
 * the body; it is sent again only after a 401, which says that it did not run.
 * `request->authorization` must be NULL. */
easg_status auth_perform(struct auth *a, struct http *h, const struct http_request *request,
                         struct http_response *response, easg_error *err) EASG_MUST_CHECK;

/* "Basic", "Negotiate", ...: what the header starts with. */
const char *auth_scheme(const struct auth *a);

/* ---- what a scheme is made of ---- */

/* What is known of the connection when a log-on begins. Borrowed for the call. */
struct auth_connection {
    const char *url;                  /* of the request; https or nothing is sent */
    const char *host;                 /* name as configured, without the port */
    const unsigned char *certificate; /* the server's, DER; NULL when there is none yet */
    size_t certificate_len;
    int64_t timeout_ms; /* time left: a call into a system library may not take longer */
};

enum auth_next {
    AUTH_SEND, /* send the request (again) with the header that was written */
    AUTH_DONE, /* the server is satisfied, and has proved itself where the scheme can tell */
    AUTH_REFUSED
};

struct auth_ops {
    const char *scheme;
    /* 1: the log-on holds for the connection and begin() wants the server's certificate: the
     * first request of a connection goes out empty and without a log-on. */
    int per_connection;
    /* Starts a log-on: the header's value for the first request. Forgets an earlier one. */
    easg_status (*begin)(struct auth *a, const struct auth_connection *c, struct strbuf *header,
                         easg_error *err);
    /* Takes the answer: its status and its WWW-Authenticate values. AUTH_SEND fills `header`. */
    easg_status (*step)(struct auth *a, const struct auth_connection *c, int status,
                        const char *const *challenges, size_t n, struct strbuf *header,
                        enum auth_next *next, easg_error *err);
    void (*destroy)(struct auth *a);
};

/* The first member of each scheme's own struct. */
struct auth {
    const struct auth_ops *ops;
    int established;    /* per_connection: the open connection is logged on */
    easg_error refusal; /* struct_size 0: not refused yet */
};

#endif
