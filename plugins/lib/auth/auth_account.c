/* SPDX-License-Identifier: Apache-2.0
 *
 * Kerberos, Negotiate and NTLM: which scheme of those offered, tokens in and out of headers, the
 * channel binding. Where tokens come from is behind auth_context.h.
 */
#include "auth_context.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base64.h"
#include "err.h"
#include "secret.h"
#include "text.h"

#define MAX_TOKEN (96u * 1024u)

struct account {
    struct auth base;
    enum auth_mechanism mechanism;
    char *spn;
    int mutual_optional;
    struct auth_context *context;
    int raw; /* of the scheme in use */
    int complete;
    char service[320];
    unsigned char binding[32 + EVP_MAX_MD_SIZE];
    size_t binding_len;
};

/* ---- headers ---- */

/* 1: one of the challenges is of that scheme. Parameters of a scheme ("realm=") match no name. */
static int offers(const char *const *challenges, size_t n, const char *scheme)
{
    for (size_t i = 0; i < n; i++) {
        for (const char *p = challenges[i]; *p; p += strcspn(p, ",")) {
            p += strspn(p, ", \t");
            if (text_ieq(p, strcspn(p, ", \t"), scheme, strlen(scheme)))
                return 1;
        }
    }
    return 0;
}

/* Decodes what stands behind the scheme's name. 0: no token. */
static int token_of(const char *const *challenges, size_t n, const char *scheme,
                    struct strbuf *token)
{
    size_t len = strlen(scheme);

    for (size_t i = 0; i < n; i++) {
        struct base64 d = { 0 };
        const char *p = challenges[i];

        if (!text_ieq(p, strcspn(p, " \t"), scheme, len) || p[len] == '\0')
            continue;
        p += len + strspn(p + len, " \t");
        if (*p && base64_feed(&d, p, strcspn(p, ", \t"), token) == EASG_OK &&
            base64_end(&d) == EASG_OK && token->len)
            return 1;
        strbuf_reset(token);
    }
    return 0;
}

static easg_status put_token(struct strbuf *header, const char *scheme, const struct strbuf *token,
                             easg_error *err)
{
    strbuf_reserve(header, strlen(scheme) + 8 + token->len * 4 / 3);
    strbuf_adds(header, scheme);
    strbuf_addc(header, ' ');
    if (strbuf_status(header) != EASG_OK ||
        base64_encode(header, strbuf_str(token), token->len) != EASG_OK)
        return strbuf_status(header) == EASG_E_LIMIT
                   ? err_set(err, EASG_E_LIMIT,
                             "the log-on's token is too large for a header: is "
                             "the account in very many groups")
                   : err_nomem(err);
    return EASG_OK;
}

/* ---- the connection ---- */

/* RFC 5929, 4.1: the hash of the server's certificate, by the hash of its own signature, but never
 * MD5 or SHA-1. */
static void make_binding(struct account *a, const unsigned char *der, size_t len)
{
    static const char prefix[] = "tls-server-end-point:";
    const unsigned char *p = der;
    X509 *x = len ? d2i_X509(NULL, &p, (long)len) : NULL;
    const EVP_MD *md = NULL;
    unsigned hashed = 0;
    int nid = NID_undef;

    a->binding_len = 0;
    if (x && X509_get_signature_info(x, &nid, NULL, NULL, NULL) && nid != NID_md5 &&
        nid != NID_sha1)
        md = EVP_get_digestbynid(nid);
    memcpy(a->binding, prefix, sizeof prefix - 1);
    if (x && X509_digest(x, md ? md : EVP_sha256(), a->binding + sizeof prefix - 1, &hashed))
        a->binding_len = sizeof prefix - 1 + hashed;
    X509_free(x);
}

/* "HTTP@host" is written by some as "HTTP/host"; both are taken. */
static void name_service(struct account *a, const char *spn, const char *host)
{
    char *at;

    if (!spn) {
        (void)snprintf(a->service, sizeof a->service, "HTTP/%s", host);
        return;
    }
    (void)snprintf(a->service, sizeof a->service, "%s", spn);
    at = strchr(a->service, '@');
    if (at && !strchr(a->service, '/'))
        *at = '/';
}

static easg_status choose_scheme(struct account *a, const struct auth_connection *c,
                                 easg_error *err)
{
    static const struct {
        enum auth_mechanism mechanism;
        const char *scheme;
        int raw;
    } ways[] = {
        { AUTH_KERBEROS, "Negotiate", 0 },  { AUTH_KERBEROS, "Kerberos", 1 },
        { AUTH_NEGOTIATE, "Negotiate", 0 }, { AUTH_NTLM, "NTLM", 1 },
        { AUTH_NTLM, "Negotiate", 1 },
    };
    struct strbuf offered = STRBUF_INIT(256);

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (ways[i].mechanism != a->mechanism)
            continue;
        /* A server that did not ask for a log-on is told all the same who we are. */
        if (c->n_offered ? !offers(c->offered, c->n_offered, ways[i].scheme)
                         : a->base.scheme != NULL && strcmp(a->base.scheme, ways[i].scheme) != 0)
            continue;
        a->base.scheme = ways[i].scheme;
        a->raw = ways[i].raw;
        return EASG_OK;
    }
    for (size_t i = 0; i < c->n_offered; i++) {
        strbuf_adds(&offered, i ? ", " : "");
        strbuf_add_safe(&offered, c->offered[i], strcspn(c->offered[i], " ,"), 32);
    }
    (void)err_native(err, EASG_E_AUTH, EASG_DOMAIN_HTTP, 401,
                     "%s: the server does not offer %s but %s: allow it on the server, or choose "
                     "another auth.method; nothing was sent",
                     http_endpoint(c->http),
                     a->mechanism == AUTH_NTLM        ? "NTLM"
                     : a->mechanism == AUTH_NEGOTIATE ? "Negotiate"
                                                      : "Negotiate or Kerberos",
                     strbuf_str(&offered));
    strbuf_clear(&offered);
    return EASG_E_AUTH;
}

/* ---- the legs ---- */

static easg_status one_leg(struct account *a, struct auth_connection *c, const struct strbuf *in,
                           struct strbuf *token, easg_error *err)
{
    struct auth_leg leg = { .fresh = in == NULL,
                            .raw = a->raw,
                            .service = a->service,
                            .binding = a->binding_len ? a->binding : NULL,
                            .binding_len = a->binding_len,
                            .token = in ? in->ptr : NULL,
                            .token_len = in ? in->len : 0,
                            .timeout_ms = c->timeout_ms,
                            .http = c->http };
    easg_status st = auth_context_step(a->context, &leg, token, &a->complete, err);

    c->timeout_ms = leg.timeout_ms;
    return st;
}

static easg_status account_begin(struct auth *base, struct auth_connection *c,
                                 struct strbuf *header, easg_error *err)
{
    struct account *a = (struct account *)base;
    EASG_CLEANUP(secret_clear) struct strbuf token = STRBUF_INIT(MAX_TOKEN);
    easg_status st;

    if (strncmp(c->url, "https://", 8) != 0)
        return err_set(err, EASG_E_CONFIG, "a log-on is done over https only");
    a->complete = 0;
    st = choose_scheme(a, c, err);
    if (st != EASG_OK)
        return st;
    name_service(a, a->spn, c->host);
    make_binding(a, c->certificate, c->certificate_len);
    st = one_leg(a, c, NULL, &token, err);
    return st == EASG_OK ? put_token(header, a->base.scheme, &token, err) : st;
}

static easg_status false_server(const struct account *a, const struct auth_connection *c,
                                const char *how, easg_error *err)
{
    return err_set(err, EASG_E_UNTRUSTED,
                   "%s: the server took our %s log-on but %s: something in between answers for it, "
                   "or it holds no key of %s",
                   http_endpoint(c->http), a->base.scheme, how, a->service);
}

static easg_status account_step(struct auth *base, struct auth_connection *c, int status,
                                const char *const *challenges, size_t n, struct strbuf *header,
                                enum auth_next *next, easg_error *err)
{
    struct account *a = (struct account *)base;
    EASG_CLEANUP(secret_clear) struct strbuf in = STRBUF_INIT(MAX_TOKEN);
    EASG_CLEANUP(secret_clear) struct strbuf token = STRBUF_INIT(MAX_TOKEN);
    int has_token = token_of(challenges, n, a->base.scheme, &in);
    easg_status st;

    if (status == 401) {
        *next = AUTH_REFUSED;
        if (!has_token || a->complete)
            return EASG_OK;
        st = one_leg(a, c, &in, &token, err);
        if (st != EASG_OK || token.len == 0)
            return st;
        *next = AUTH_SEND;
        return put_token(header, a->base.scheme, &token, err);
    }
    *next = AUTH_DONE;
    if (a->complete)
        return EASG_OK;
    if (has_token) {
        st = one_leg(a, c, &in, &token, err);
        if (st == EASG_OK && a->complete)
            return EASG_OK;
        return st == EASG_OK || st == EASG_E_AUTH
                   ? false_server(a, c, "its proof is not whole", err)
                   : st;
    }
    /* What is not a success was perhaps said by something before the server. */
    if (status < 200 || status > 299 || a->mutual_optional)
        return EASG_OK;
    return false_server(a, c, "sent no proof of itself", err);
}

static void account_destroy(struct auth *base)
{
    struct account *a = (struct account *)base;

    auth_context_destroy(a->context);
    mem_free(a->spn);
    mem_free(a);
}

static const struct auth_ops kerberos_ops = {
    .scheme = "Negotiate",
    .per_connection = 1,
    .begin = account_begin,
    .step = account_step,
    .destroy = account_destroy,
};
static const struct auth_ops ntlm_ops = {
    .scheme = "NTLM",
    .per_connection = 1,
    .first_bare = 1,
    .begin = account_begin,
    .step = account_step,
    .destroy = account_destroy,
};

easg_status auth_create_account(const struct auth_account *account, struct auth **out,
                                easg_error *err)
{
    int kinds = (account->password != NULL) + (account->keytab != NULL) + (account->ccache != NULL);
    struct account *a;
    easg_status st;

    *out = NULL;
    if (account->mechanism == AUTH_NTLM &&
        (!account->password || !account->user || kinds != 1 || !*account->user))
        return err_set(err, EASG_E_CONFIG, "ntlm needs auth.user and auth.password, nothing else");
    if (kinds != 1)
        return err_set(err, EASG_E_CONFIG,
                       "kerberos needs one of auth.keytab, auth.password and auth.ccache");
    if (account->password && (!account->user || !*account->user))
        return err_set(err, EASG_E_CONFIG, "auth.password needs auth.user");
    if (account->mechanism != AUTH_NTLM && account->user && strchr(account->user, '\\'))
        return err_set(err, EASG_E_CONFIG,
                       "auth.user: Kerberos knows no DOMAIN\\user: write user@REALM, the realm in "
                       "capitals");
    if (account->spn && strlen(account->spn) >= sizeof a->service)
        return err_set(err, EASG_E_CONFIG, "auth.spn is too long");
    a = mem_alloc(sizeof *a);
    if (!a)
        return err_nomem(err);
    a->base.ops = account->mechanism == AUTH_NTLM ? &ntlm_ops : &kerberos_ops;
    a->mechanism = account->mechanism;
    /* gss-ntlmssp and SSPI tell nothing of the server: it has no key of its own there. */
    a->mutual_optional = account->mutual_optional || account->mechanism == AUTH_NTLM;
    a->spn = mem_strdup(account->spn);
    st = account->spn && !a->spn ? err_nomem(err) : auth_context_create(account, &a->context, err);
    if (st != EASG_OK) {
        account_destroy(&a->base);
        return st;
    }
    *out = &a->base;
    return EASG_OK;
}

easg_status auth_proxy_token(struct auth *base, const char *proxy_host, int64_t timeout_ms,
                             struct strbuf *value, easg_error *err)
{
    struct account *a = (struct account *)base;
    EASG_CLEANUP(secret_clear) struct strbuf token = STRBUF_INIT(MAX_TOKEN);
    struct auth_connection c = { .timeout_ms = timeout_ms };
    easg_status st;

    xassert(base->ops->begin == account_begin);
    if (base->refusal.struct_size) {
        err_copy(err, &base->refusal);
        return EASG_E_AUTH;
    }
    a->complete = 0;
    a->raw = a->mechanism == AUTH_NTLM;
    a->binding_len = 0;
    name_service(a, NULL, proxy_host);
    st = one_leg(a, &c, NULL, &token, err);
    if (st == EASG_OK)
        st = put_token(value, "Negotiate", &token, err);
    if (st == EASG_OK)
        return st;
    (void)err_at(err, st, "proxy %s", proxy_host);
    return st == EASG_E_AUTH ? auth_stick(base, st, err) : st;
}
