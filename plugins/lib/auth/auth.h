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
/* The same as the value of a header, for a proxy. `value` is a secret. */
easg_status auth_basic_value(const char *user, size_t user_len, const char *password,
                             size_t password_len, struct strbuf *value,
                             easg_error *err) EASG_MUST_CHECK;

/* The log-on is the client certificate that http was given. A connection starts with an empty
 * request, because a server may ask for the certificate only after it has seen one. */
easg_status auth_create_certificate(struct auth **out, easg_error *err) EASG_MUST_CHECK;

enum auth_mechanism {
    AUTH_KERBEROS,  /* as Negotiate, or as the scheme Kerberos where only that is offered */
    AUTH_NEGOTIATE, /* SPNEGO, Kerberos in it and nothing else */
    AUTH_NTLM       /* as NTLM, or as Negotiate where only that is offered */
};

/* An account of a directory, for the library of this system: GSSAPI or SSPI. All of it is copied.
 * Exactly one of password, keytab and ccache; NTLM takes a password only. */
struct auth_account {
    enum auth_mechanism mechanism;
    const char *user; /* "svc@REALM" (NTLM: "DOMAIN\\svc"); NULL: the first of keytab or cache */
    const char *password; /* a secret */
    size_t password_len;
    const char *keytab;  /* its path */
    const char *ccache;  /* "FILE:/path" or a path */
    const char *spn;     /* "HTTP/host[@REALM]"; NULL: HTTP/ and the host of the URL */
    int mutual_optional; /* 1: a server that sends no proof of itself is taken all the same */
};
/* Nothing is asked of anybody before the first request. */
easg_status auth_create_account(const struct auth_account *account, struct auth **out,
                                easg_error *err) EASG_MUST_CHECK;
/* "Negotiate ..." for a proxy by name: one leg, good for one connection. Fails as auth_perform()
 * does, and sticks. `value` is a secret. */
easg_status auth_proxy_token(struct auth *a, const char *proxy_host, int64_t timeout_ms,
                             struct strbuf *value, easg_error *err) EASG_MUST_CHECK;

void auth_destroy(struct auth *a);

/* http_perform() with a log-on. EASG_OK: an answer other than 401 came. 401 is EASG_E_AUTH, names
 * the schemes the server offers, and is final: this object sends its credentials no more, so that
 * no account is locked by us; every later call returns the same. So is a refusal by the KDC. Each
 * leg but the first of NTLM carries the body; it is sent again only after a 401, which says that it
 * did not run.
 *
 *   EASG_E_AUTH       refused, by server, proxy or KDC; the scheme is not offered
 *   EASG_E_TIMEOUT    as http; or the KDC did not answer: later calls fail at once
 *   EASG_E_UNTRUSTED  as http; or the server did not prove itself to the mechanism
 *   EASG_E_UNREACHABLE  as http; or no KDC takes a connection
 *
 * `request->authorization` must be NULL. */
easg_status auth_perform(struct auth *a, struct http *h, const struct http_request *request,
                         struct http_response *response, easg_error *err) EASG_MUST_CHECK;

/* auth_perform() in two halves, for a client made `concurrent`. Where a connection has to be logged
 * on first, begin does all of it and the answer is there at once; else the request is under way
 * until http_running() says otherwise. What is passed is borrowed until auth_end(), which must
 * follow if this was EASG_OK. */
struct auth_flight {
    const struct http_request *request;
    struct http_response *response;
    easg_error *err;
    struct http_request own;
    struct strbuf header;
    int under_way;
};
easg_status auth_begin(struct auth *a, struct http *h, struct auth_flight *f,
                       const struct http_request *request, struct http_response *response,
                       easg_error *err) EASG_MUST_CHECK;
/* What auth_perform() would return. */
easg_status auth_end(struct auth *a, struct http *h, struct auth_flight *f) EASG_MUST_CHECK;

/* "Basic", "Negotiate", ...: what the header starts with. */
const char *auth_scheme(const struct auth *a);

/* ---- what a scheme is made of ---- */

/* What is known of the connection when a log-on begins. Borrowed for the call. */
struct auth_connection {
    const char *url;                  /* of the request; https or nothing is sent */
    const char *host;                 /* name as configured, without the port */
    const unsigned char *certificate; /* the server's, DER; NULL when there is none yet */
    size_t certificate_len;
    int64_t timeout_ms; /* time left: a call into a system library may not take longer, and takes
                         * what it took off */
    const struct http *http;
    /* begin() of a scheme that is per_connection: what the server offered in the answer before;
     * n is 0 when it did not ask for a log-on. */
    const char *const *offered;
    size_t n_offered;
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
    /* 1: the first header never completes a log-on, so no body goes with it. */
    int first_bare;
    /* Starts a log-on: the header's value for the first request, "" for none. Forgets an earlier
     * one. */
    easg_status (*begin)(struct auth *a, struct auth_connection *c, struct strbuf *header,
                         easg_error *err);
    /* Takes the answer: its status and its WWW-Authenticate values. AUTH_SEND fills `header`. */
    easg_status (*step)(struct auth *a, struct auth_connection *c, int status,
                        const char *const *challenges, size_t n, struct strbuf *header,
                        enum auth_next *next, easg_error *err);
    void (*destroy)(struct auth *a);
};

/* The first member of each scheme's own struct. */
struct auth {
    const struct auth_ops *ops;
    const char *scheme; /* the one in use; NULL: that of the ops */
    int established;    /* per_connection: the open connection is logged on */
    int each_request;   /* per_connection: but this server wants a log-on with each request */
    easg_error refusal; /* struct_size 0: not refused yet */
};

/* The same refusal for every later call. Returns `st`. */
easg_status auth_stick(struct auth *a, easg_status st, const easg_error *err);

#endif
