/* SPDX-License-Identifier: Apache-2.0
 *
 * The legs of a log-on over http, whatever the scheme. A refusal sticks.
 */
#include "auth.h"

#include <string.h>

#include "err.h"
#include "secret.h"
#include "text.h"

#define MAX_HEADER     (128u * 1024u) /* a Kerberos token with a large PAC is some 64 kB */
#define MAX_CHALLENGES 16u
#define MAX_LEGS       8

const char *auth_scheme(const struct auth *a)
{
    return a->ops->scheme;
}

void auth_destroy(struct auth *a)
{
    if (a)
        a->ops->destroy(a);
}

static size_t challenges_of(const struct http *h, const char *list[MAX_CHALLENGES])
{
    size_t n = 0;

    while (n < MAX_CHALLENGES && (list[n] = http_header(h, "WWW-Authenticate", n)) != NULL)
        n++;
    return n;
}

/* Remembers the refusal, so that nothing is sent again with these credentials. */
static easg_status refuse(struct auth *a, const struct http *h, easg_error *err)
{
    struct strbuf offered = STRBUF_INIT(256);
    const char *list[MAX_CHALLENGES];
    size_t n = challenges_of(h, list);

    for (size_t i = 0; i < n; i++) {
        strbuf_adds(&offered, i ? ", " : "");
        strbuf_add_safe(&offered, list[i], strcspn(list[i], " ,"), 32);
    }
    (void)err_native(
        err, EASG_E_AUTH, EASG_DOMAIN_HTTP, 401,
        "%s: %s log-on refused (the server offers: %s): check user and password, and "
        "that the server allows %s here; it is not tried again until the configuration "
        "changes, so that the account is not locked",
        http_endpoint(h), a->ops->scheme, n ? strbuf_str(&offered) : "nothing", a->ops->scheme);
    strbuf_clear(&offered);
    a->refusal = *err;
    a->refusal.struct_size = (uint32_t)sizeof a->refusal;
    return EASG_E_AUTH;
}

static void host_of(const char *endpoint, char *host, size_t size)
{
    const char *colon = strrchr(endpoint, ':');
    size_t len = colon ? (size_t)(colon - endpoint) : strlen(endpoint);

    len = len < size ? len : size - 1;
    memcpy(host, endpoint, len);
    host[len] = '\0';
}

/* The empty request that opens a connection: it brings the server's certificate, and no body is
 * wasted on a 401. */
static easg_status open_connection(struct auth *a, struct http *h,
                                   const struct http_request *request, easg_error *err)
{
    struct http_request probe = *request;
    struct http_response answer;
    easg_status st;

    probe.authorization = NULL;
    probe.body = NULL;
    probe.body_len = 0;
    probe.idempotent = 1;
    probe.on_body = NULL;
    probe.collect = NULL;
    st = http_perform(h, &probe, &answer, err);
    if (answer.opened_connection)
        a->established = 0;
    return st;
}

static easg_status legs(struct auth *a, struct http *h, const struct http_request *request,
                        struct http_response *response, struct strbuf *header, easg_error *err)
{
    char host[256];
    struct auth_connection c = { .url = request->url, .timeout_ms = request->timeout_ms };
    struct http_request r = *request;
    easg_status st;

    host_of(http_endpoint(h), host, sizeof host);
    c.host = host;
    c.certificate_len = http_server_certificate(h, &c.certificate);
    st = a->ops->begin(a, &c, header, err);
    for (int leg = 0; st == EASG_OK && leg < MAX_LEGS; leg++) {
        const char *list[MAX_CHALLENGES];
        enum auth_next next = AUTH_REFUSED;
        size_t n;

        r.authorization = header->len ? strbuf_str(header) : NULL;
        st = http_perform(h, &r, response, err);
        if (st != EASG_OK)
            return st;
        n = challenges_of(h, list);
        strbuf_reset(header);
        st = a->ops->step(a, &c, response->status, list, n, header, &next, err);
        if (st != EASG_OK)
            return st;
        if (next == AUTH_DONE) {
            a->established = a->ops->per_connection;
            return EASG_OK;
        }
        if (next == AUTH_REFUSED)
            return refuse(a, h, err);
    }
    return st != EASG_OK ? st : refuse(a, h, err);
}

easg_status auth_perform(struct auth *a, struct http *h, const struct http_request *request,
                         struct http_response *response, easg_error *err)
{
    EASG_CLEANUP(secret_clear) struct strbuf header = STRBUF_INIT(MAX_HEADER);
    EASG_CLEANUP(strbuf_clear) struct strbuf endpoint = STRBUF_INIT(1024);
    easg_status st;

    *response = (struct http_response){ 0 };
    if (request->authorization)
        return err_set(err, EASG_E_USAGE, "a request with a log-on of its own");
    if (a->refusal.struct_size) {
        err_copy(err, &a->refusal);
        return EASG_E_AUTH;
    }
    st = http_url_endpoint(request->url, &endpoint, err); /* https, or nothing is sent */
    if (st != EASG_OK)
        return st;
    if (a->ops->per_connection) {
        const unsigned char *der;

        if (!a->established || http_server_certificate(h, &der) == 0)
            st = open_connection(a, h, request, err);
        if (st == EASG_OK && a->established) {
            st = http_perform(h, request, response, err);
            if (st != EASG_OK || (response->status != 401 && !response->opened_connection))
                return st;
            a->established = 0; /* the connection was closed, or each request is judged */
        }
    }
    return st == EASG_OK ? legs(a, h, request, response, &header, err) : st;
}
