/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - one HTTPS client: one handle, at most one connection, HTTP/1.1, one request at a time;
 * the requests of several clients may be under way together, in one loop (http_wait()). libcurl
 * carries the bytes and nothing else: no redirects, no netrc, no proxies of the environment, no
 * log-on of its own (that is auth's), and no request is ever sent twice behind the caller's back.
 *
 * A client belongs to one thread. Its answers (headers, certificate, error body) stay valid until
 * the next http_perform() or http_destroy().
 */
#ifndef EASG_HTTP_H
#define EASG_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "strbuf.h"

struct http;

/* Zeroes and NULLs are good defaults: `struct http_options o = { .user_agent = "..." };`. All of
 * it is copied by http_create(). */
struct http_options {
    const char *ca_file;             /* PEM; NULL: the system's certificates */
    const char *proxy;               /* "http://host:port"; NULL or "": none, whatever the
                                      * environment says */
    const char *proxy_authorization; /* value of Proxy-Authorization, or NULL; a secret */
    const char *no_proxy;            /* "localhost,.contoso.example": see http_bypasses_proxy() */
    /* Instead of proxy_authorization, for tokens that are good for one connection: writes the
     * value for the next one. May be NULL. */
    easg_status (*proxy_authorize)(void *user, int64_t timeout_ms, struct strbuf *value,
                                   easg_error *err);
    void *proxy_user;
    const char *user_agent; /* NULL: "easgate" */
    const char *pinned_key; /* "sha256//BASE64" of the server's public key, or NULL */
    const char *client_pem; /* certificate, chain and key, PEM or PKCS#12; NULL: none; a
                             * secret */
    size_t client_pem_len;
    const char *client_passphrase; /* of its key; NULL: none; a secret, not kept */
    size_t client_passphrase_len;
    uint32_t connect_timeout_ms; /* name, TCP, proxy and TLS together; 0: 15 s */
    uint32_t stall_timeout_ms;   /* no byte in either direction; 0: 60 s. Above what the server may
                                  * take before it answers (WS-Man: OperationTimeout) */
    uint32_t idle_max_s;         /* an older idle connection is not used again; 0: 60 s */
    int tls_min;                 /* 10, 11, 12, 13 for TLS 1.0 to 1.3; 0: 12. Below 12 old hashes
                                  * and short keys are taken too: warn about it */
    /* Polled at least once a second during http_perform(); non-zero ends it with
     * EASG_E_CANCELLED. May be NULL. */
    int (*cancelled)(void *user);
    void *user;
    int concurrent; /* 1: http_begin() will be used, beside http_perform() */
    /* 1: http:// is taken too, to 127.0.0.1, [::1] and 169.254.169.254 alone, which is where the
     * identity service of this very machine listens without TLS; never by a proxy. */
    int plain_local;
};

/* Reads the CA file and the client certificate: EASG_E_CONFIG names what is wrong with them (a
 * missing file, no certificate in it, key and certificate that do not match, expired). */
easg_status http_create(const struct http_options *options, struct http **out,
                        easg_error *err) EASG_MUST_CHECK;
/* Closes the connection. NULL is fine. */
void http_destroy(struct http *h);
/* Closes the connection; the next request opens another, with no cookies of this one. */
void http_disconnect(struct http *h);

struct http_request {
    const char *method;         /* "GET", "POST", "PATCH", ... */
    const char *url;            /* absolute, https */
    const char *const *headers; /* "Name: value"; no Authorization, no Content-Length, no Host */
    size_t n_headers;
    const char *authorization; /* value of Authorization, or NULL; a secret, wiped afterwards */
    const void *body;          /* borrowed; read once */
    size_t body_len;
    int64_t timeout_ms;  /* all of it; needed, above 0 */
    size_t max_response; /* ceiling of the answer in bytes, after decompression; needed */
    int idempotent;      /* 1: harmless when it runs twice. GET and HEAD always are */
    int gzip;            /* 1: offer gzip */
    /* Takes the body of a 2xx answer piece by piece; http_status() is known then. Anything but
     * EASG_OK ends the transfer and is what http_perform() returns, with the text it wrote into
     * `err`. NULL: the body goes to `collect`. Other answers: http_error_body(). */
    easg_status (*on_body)(void *user, const char *ptr, size_t len, easg_error *err);
    void *user;
    struct strbuf *collect; /* reset first; used when on_body is NULL; NULL: dropped */
};

struct http_response {
    int status;            /* 200, 401, ...; 0: there was no answer */
    int opened_connection; /* 1: this request opened it: what was bound to the old one is gone */
    int body_taken;        /* 1: bytes of the request's body were handed over: it may have run */
    uint64_t bytes;        /* of the answer's body, after decompression */
    int64_t elapsed_ms;
};

/* Sends one request and takes the whole answer. EASG_OK: a complete answer came, with any status,
 * 401 and 503 too: see http_check(). `response` is filled in every case.
 *
 *   EASG_E_UNREACHABLE  no connection (name, TCP, TLS handshake, proxy cannot reach the target), or
 *                       lost while an idempotent request ran
 *   EASG_E_TIMEOUT      the same for a deadline
 *   EASG_E_UNTRUSTED    the server's certificate; the text says which fault
 *   EASG_E_CONFIG       our own files
 *   EASG_E_AUTH         client certificate refused; proxy wants a log-on (407)
 *   EASG_E_DENIED       the proxy forbids the target
 *   EASG_E_UNCERTAIN    lost after the request was handed over and not marked idempotent: it may
 *                       or may not have run
 *   EASG_E_PROTOCOL     not HTTP; an answer without a length (it may be cut)
 *   EASG_E_LIMIT        more than max_response, or too many headers
 *   EASG_E_CANCELLED    cancelled() said so; look at response->body_taken
 *   EASG_E_USAGE        a request that breaks the rules above
 *
 * Each text names host:port, what happened and what to do. Domain is EASG_DOMAIN_CURL with
 * libcurl's code, or EASG_DOMAIN_HTTP with the proxy's status. */
easg_status http_perform(struct http *h, const struct http_request *request,
                         struct http_response *response, easg_error *err) EASG_MUST_CHECK;

/* http_perform() in two halves, for a client made `concurrent`. `request` with all that it points
 * to, `response` and `err` are borrowed until http_end(), which must follow if this was EASG_OK; no
 * other function of `h` may be called in between but http_running(). */
easg_status http_begin(struct http *h, const struct http_request *request,
                       struct http_response *response, easg_error *err) EASG_MUST_CHECK;
/* 1: the answer has not come whole. */
int http_running(const struct http *h);
/* What http_perform() would return; ends a transfer that is still running. */
easg_status http_end(struct http *h) EASG_MUST_CHECK;
/* Carries on the transfers of these clients until one that was running is not any more, or `ms`
 * have passed; ms may be cut short. Callbacks run in here. Clients that are not running are left
 * out; with none that is, returns at once. */
void http_wait(struct http *const *all, size_t n, int64_t ms);

/* What a status means to callers that know no better: EASG_OK for 2xx; 401, 407 AUTH; 403 DENIED;
 * 404, 410 NOTFOUND; 409, 412 CONFLICT; 413 LIMIT; 408, 429 THROTTLED; 500 and above UNAVAILABLE
 * (501 UNSUPPORTED); all others PROTOCOL. Retry-After is put into err->retry_after_ms. `what` is
 * the operation, for the text: "WS-Man Create". */
easg_status http_check(const struct http *h, const char *what, easg_error *err) EASG_MUST_CHECK;

/* 1: the caller wants to stop: cancelled() of the options. */
int http_cancelled(const struct http *h);

/* About the last answer. Strings are a peer's: text_safe() before a person sees them. */
int http_status(const struct http *h);
/* The n-th line (0, 1, ...) of that name, without case; NULL when there is none. */
const char *http_header(const struct http *h, const char *name, size_t n);
/* Media type alone, small letters: "application/json"; "" when not given. */
const char *http_content_type(const struct http *h);
/* Retry-After in milliseconds: seconds with or without a fraction, or an HTTP date (measured
 * against the answer's own Date). -1: not given or not readable. At most one day. */
int64_t http_retry_after_ms(const struct http *h);
/* Date of the answer; EASG_TIME_NONE when not given. */
easg_time http_date(const struct http *h);
/* The answer's request-id, x-ms-request-id or client-request-id, made safe to print; "". */
const char *http_request_id(const struct http *h);
/* The body of an answer outside 2xx, up to HTTP_ERROR_BODY bytes, the rest dropped. Never NULL. */
#define HTTP_ERROR_BODY (256u * 1024u)
const struct strbuf *http_error_body(const struct http *h);
/* "host:port" of the last request. */
const char *http_endpoint(const struct http *h);
/* The server's certificate in DER, of the connection that is open; 0 when there is none. */
size_t http_server_certificate(const struct http *h, const unsigned char **der);

/* Issuer of the server's certificate, safe to print, and the days until it expires; 1, or 0 when
 * there is no connection or it cannot be read. */
int http_certificate_look(const struct http *h, char issuer[160], int *days);

/* Milliseconds for the text of a Retry-After header; `date` is the answer's Date or
 * EASG_TIME_NONE. -1: not readable. */
int64_t http_parse_retry_after(const char *value, easg_time date);
/* "Tue, 24 Nov 2026 10:00:00 GMT"; 1, or 0 when it is no HTTP date. */
int http_parse_date(const char *value, easg_time *out);
/* 1: scheme, host (without case) and port are the same; both must be absolute https URLs. */
int http_same_origin(const char *url_a, const char *url_b);
/* Splits an absolute https URL. `host` and `port` for error texts: "mail.contoso.com:443". Refuses
 * user information, control characters and spaces: EASG_E_CONFIG. */
easg_status http_url_endpoint(const char *url, struct strbuf *endpoint,
                              easg_error *err) EASG_MUST_CHECK;

/* 1: a plain http URL that plain_local allows; `endpoint` as above. */
int http_url_local(const char *url, struct strbuf *endpoint);

/* 1: `host` is reached without the proxy. `list` is split by commas; an entry is a host name, a
 * domain with a dot before it (all names in it, and its own), an address, or "*". */
int http_bypasses_proxy(const char *list, const char *host, size_t host_len);

/* Milliseconds of a clock that never goes back. */
int64_t http_now_ms(void);

#endif
