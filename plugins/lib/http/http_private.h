/* SPDX-License-Identifier: Apache-2.0
 *
 * http_private.h - what the files of this room share.
 */
#ifndef EASG_HTTP_PRIVATE_H
#define EASG_HTTP_PRIVATE_H

#include "http.h"

#include <curl/curl.h>
#include <openssl/ssl.h>

#define HTTP_MAX_HEADERS (64u * 1024u)

/* Our side of TLS, made once from files and bytes and lent to each connection. */
struct http_tls {
    X509_STORE *store; /* NULL: libcurl loads the system's */
    X509 *certificate;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    int min;              /* 10 to 13 */
    struct strbuf server; /* DER of the server's certificate */
    /* what OpenSSL said while the current request ran */
    int alert;  /* fatal alert from the peer, -1: none */
    int reason; /* SSL_R_... of a failed handshake, 0: none */
    int asked;  /* 1: the server wanted a client certificate and there is none */
};

struct http {
    CURL *curl;
    struct http_tls tls;
    uint32_t connect_timeout_ms;
    uint32_t stall_timeout_ms;
    uint32_t idle_max_s;
    int plain_local;
    int plain; /* the request at hand goes without TLS */
    char *proxy;
    char *no_proxy;
    char *user_agent;
    char *pinned_key;
    struct curl_slist *proxy_headers;
    easg_status (*proxy_authorize)(void *user, int64_t timeout_ms, struct strbuf *value,
                                   easg_error *err);
    void *proxy_user;
    int64_t proxy_made; /* second in which proxy_headers was made; 0: it was used */
    int (*cancelled)(void *user);
    void *user;

    /* of a concurrent client; its connection is in here, apart from those of other clients */
    int concurrent;
    CURLM *multi;
    int running;
    CURLcode rc; /* once it is not running any more */

    /* the current request */
    struct http_request own_request; /* what `request` points to */
    struct curl_slist *request_headers;
    const struct http_request *request;
    struct http_response *response;
    easg_error *err;
    size_t sent;
    int via_proxy;
    easg_status own; /* a callback of ours ended the transfer, and wrote the text */

    /* the last answer */
    int status;
    struct strbuf endpoint;
    struct strbuf headers; /* "Name: value" lines, each ended by NUL */
    int headers_done;
    struct strbuf error_body;
    char content_type[96];
    char request_id[96];
};

/* http_tls.c */
easg_status http_tls_init(struct http_tls *t, const struct http_options *o, easg_error *err);
void http_tls_clear(struct http_tls *t);
CURLcode http_tls_lend(CURL *curl, void *ssl_ctx, void *user);

/* http_answer.c */
void http_answer_reset(struct http *h);
size_t http_on_header(char *ptr, size_t size, size_t n, void *user);
size_t http_on_body(char *ptr, size_t size, size_t n, void *user);

/* http_fail.c */
easg_status http_fail(struct http *h, CURLcode rc, easg_error *err);

/* posix/sockopt.c, win32/sockopt.c: a connection whose bytes are not acknowledged for `ms` is
 * given up by the system. Best effort. */
void http_limit_silence(curl_socket_t fd, uint32_t ms);
/* The same files: the sockets that a multi handle waits for; at most `room`. */
size_t http_sockets(CURLM *multi, struct curl_waitfd *to, size_t room);

#endif
