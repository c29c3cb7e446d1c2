/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates: read once, here, so that a bad file is a message about that file and not about a
 * server; and what OpenSSL knows of a failure and libcurl does not pass on (alert numbers).
 */
#include "http_private.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "err.h"
#include "secret.h"

/* Our slot in SSL_CTX. Claimed once; a plugin has one calling thread. */
static int ctx_slot = -1;

static easg_status load_ca(struct http_tls *t, const char *path, easg_error *err)
{
    BIO *in = BIO_new_file(path, "r");
    STACK_OF(X509_INFO) *items = NULL;
    int certificates = 0, crls = 0, n;
    easg_status st = EASG_OK;

    if (!in) {
        ERR_clear_error();
        return err_set(err, EASG_E_CONFIG, "ca_file %s cannot be read: check its path and mode",
                       path);
    }
    items = PEM_X509_INFO_read_bio(in, NULL, NULL, NULL);
    t->store = X509_STORE_new();
    if (!t->store) {
        st = err_nomem(err);
        goto out;
    }
    n = items ? sk_X509_INFO_num(items) : 0;
    for (int i = 0; i < n; i++) {
        const X509_INFO *item = sk_X509_INFO_value(items, i);

        if (item->x509 && X509_STORE_add_cert(t->store, item->x509))
            certificates++;
        if (item->crl && X509_STORE_add_crl(t->store, item->crl))
            crls++;
    }
    if (!certificates) {
        st =
            err_set(err, EASG_E_CONFIG,
                    "ca_file %s holds no certificate: it must be PEM, with BEGIN CERTIFICATE lines",
                    path);
        goto out;
    }
    X509_STORE_set_flags(t->store, X509_V_FLAG_TRUSTED_FIRST);
    /* A CRL beside the certificates is meant to be looked at; otherwise a single intermediate or
     * server certificate in the file is enough to trust, as with libcurl. */
    X509_STORE_set_flags(t->store, crls ? X509_V_FLAG_CRL_CHECK : X509_V_FLAG_PARTIAL_CHAIN);
out:
    sk_X509_INFO_pop_free(items, X509_INFO_free);
    BIO_free(in);
    ERR_clear_error();
    return st;
}

/* -1: there is none, so that nobody is asked on a terminal. */
static int give_passphrase(char *buf, int size, int writing, void *user)
{
    const struct http_options *o = user;

    (void)writing;
    if (!o->client_passphrase || size < 0 || o->client_passphrase_len > (size_t)size)
        return -1;
    memcpy(buf, o->client_passphrase, o->client_passphrase_len);
    return (int)o->client_passphrase_len;
}

static easg_status load_pem(struct http_tls *t, BIO *in, const struct http_options *o,
                            easg_error *err)
{
    void *lent = (void *)(uintptr_t)o;
    X509 *extra;

    t->certificate = PEM_read_bio_X509(in, NULL, give_passphrase, lent);
    t->chain = sk_X509_new_null();
    while (t->chain && (extra = PEM_read_bio_X509(in, NULL, give_passphrase, lent)) != NULL) {
        if (!sk_X509_push(t->chain, extra)) {
            X509_free(extra);
            break;
        }
    }
    (void)BIO_reset(in);
    t->key = PEM_read_bio_PrivateKey(in, NULL, give_passphrase, lent);
    if (!t->certificate)
        return err_set(err, EASG_E_CONFIG, "client certificate: no BEGIN CERTIFICATE block in it");
    if (!t->key)
        return err_set(err, EASG_E_CONFIG,
                       o->client_passphrase
                           ? "client certificate: no private key that the passphrase opens in it"
                           : "client certificate: no private key without a passphrase in it");
    return EASG_OK;
}

static easg_status load_pkcs12(struct http_tls *t, BIO *in, const struct http_options *o,
                               easg_error *err)
{
    EASG_CLEANUP(secret_clear) struct strbuf passphrase = STRBUF_INIT(1024);
    PKCS12 *p12 = d2i_PKCS12_bio(in, NULL);
    int parsed;

    strbuf_reserve(&passphrase, o->client_passphrase_len + 1);
    strbuf_add(&passphrase, o->client_passphrase ? o->client_passphrase : "",
               o->client_passphrase_len);
    if (!p12 || strbuf_status(&passphrase) != EASG_OK) {
        PKCS12_free(p12);
        return err_set(err, EASG_E_CONFIG,
                       "client certificate: neither PEM nor a whole PKCS#12 file");
    }
    parsed = PKCS12_verify_mac(p12, strbuf_str(&passphrase), -1) &&
             PKCS12_parse(p12, strbuf_str(&passphrase), &t->key, &t->certificate, &t->chain);
    PKCS12_free(p12);
    if (!parsed)
        return err_set(err, EASG_E_CONFIG,
                       "client certificate: the passphrase does not open this PKCS#12 file, or its "
                       "ciphers are older than this OpenSSL takes: write it anew, with AES");
    if (!t->certificate || !t->key)
        return err_set(err, EASG_E_CONFIG,
                       "client certificate: this PKCS#12 file lacks the certificate or its key");
    return EASG_OK;
}

/* Dates are looked at here, because with TLS 1.2 a server's refusal of an expired one cannot be
 * told from a refusal of the server's own. */
static easg_status check_client(const struct http_tls *t, easg_error *err)
{
    if (X509_check_private_key(t->certificate, t->key) != 1)
        return err_set(err, EASG_E_CONFIG, "client certificate: its key belongs to another one");
    if (X509_cmp_current_time(X509_get0_notAfter(t->certificate)) < 0)
        return err_set(err, EASG_E_CONFIG, "client certificate: it has expired: renew it");
    if (X509_cmp_current_time(X509_get0_notBefore(t->certificate)) > 0)
        return err_set(err, EASG_E_CONFIG,
                       "client certificate: not valid yet: check this machine's clock");
    return EASG_OK;
}

static easg_status load_client(struct http_tls *t, const struct http_options *o, easg_error *err)
{
    const unsigned char *ptr = (const unsigned char *)o->client_pem;
    BIO *in = o->client_pem_len <= INT_MAX ? BIO_new_mem_buf(ptr, (int)o->client_pem_len) : NULL;
    int der = o->client_pem_len > 1 && ptr[0] == 0x30 && (ptr[1] & 0x80);
    easg_status st;

    if (!in)
        return err_nomem(err);
    st = der ? load_pkcs12(t, in, o, err) : load_pem(t, in, o, err);
    if (st == EASG_OK)
        st = check_client(t, err);
    BIO_free(in);
    ERR_clear_error();
    return st;
}

easg_status http_tls_init(struct http_tls *t, const struct http_options *o, easg_error *err)
{
    easg_status st = EASG_OK;

    strbuf_init(&t->server, 64u * 1024u);
    t->alert = -1;
    t->min = o->tls_min ? o->tls_min : 12;
    if (ctx_slot < 0)
        ctx_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    if (ctx_slot < 0)
        return err_nomem(err);
    if (o->ca_file && *o->ca_file)
        st = load_ca(t, o->ca_file, err);
    if (st == EASG_OK && o->client_pem)
        st = load_client(t, o, err);
    return st;
}

void http_tls_clear(struct http_tls *t)
{
    X509_STORE_free(t->store);
    X509_free(t->certificate);
    sk_X509_pop_free(t->chain, X509_free);
    EVP_PKEY_free(t->key);
    strbuf_clear(&t->server);
}

static void keep_certificate(struct http_tls *t, const SSL *ssl)
{
    X509 *x = SSL_get1_peer_certificate(ssl);
    unsigned char *der = NULL;
    int len = x ? i2d_X509(x, &der) : 0;

    strbuf_reset(&t->server);
    if (len > 0)
        strbuf_add(&t->server, der, (size_t)len);
    OPENSSL_free(der);
    X509_free(x);
}

static void on_info(const SSL *ssl, int where, int value)
{
    struct http_tls *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ctx_slot);

    if (!t)
        return;
    if ((where & SSL_CB_ALERT) && (where & SSL_CB_READ) && (value >> 8) == SSL3_AL_FATAL)
        t->alert = value & 0xff;
    else if ((where & SSL_CB_EXIT) && value <= 0 && ERR_peek_error())
        t->reason = ERR_GET_REASON(ERR_peek_error());
    else if (where & SSL_CB_HANDSHAKE_DONE)
        keep_certificate(t, ssl);
}

/* Called when the server wants a client certificate, in the handshake or after it, and none was
 * lent to the connection. */
static int on_asked(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
    struct http_tls *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ctx_slot);

    (void)certificate;
    (void)key;
    if (t)
        t->asked = 1;
    return 0;
}

CURLcode http_tls_lend(CURL *curl, void *ssl_ctx, void *user)
{
    struct http_tls *t = user;
    SSL_CTX *ctx = ssl_ctx;

    (void)curl;
    if (!SSL_CTX_set_ex_data(ctx, ctx_slot, t))
        return CURLE_OUT_OF_MEMORY;
    SSL_CTX_set_info_callback(ctx, on_info);
    SSL_CTX_set_client_cert_cb(ctx, on_asked);
    if (t->min < 12)
        SSL_CTX_set_security_level(ctx, 0); /* their signatures are SHA-1 */
    if (t->store)
        SSL_CTX_set1_cert_store(ctx, t->store);
    if (t->certificate &&
        (SSL_CTX_use_certificate(ctx, t->certificate) != 1 ||
         SSL_CTX_use_PrivateKey(ctx, t->key) != 1 || SSL_CTX_set1_chain(ctx, t->chain) != 1)) {
        return CURLE_SSL_CERTPROBLEM;
    }
    return CURLE_OK;
}

size_t http_server_certificate(const struct http *h, const unsigned char **der)
{
    *der = h->tls.server.len ? (const unsigned char *)h->tls.server.ptr : NULL;
    return h->tls.server.len;
}
