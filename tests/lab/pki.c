/* SPDX-License-Identifier: Apache-2.0
 *
 * pki.c - throw-away certificates: an authority and the servers' leaf, one of a foreign authority,
 * an expired one, and the certificate of the Entra application.
 */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

struct authority {
    X509 *cert;
    EVP_PKEY *key;
};

void random_bytes(void *p, size_t n)
{
    if (RAND_bytes(p, (int)n) != 1)
        abort();
}

void random_guid(guid_text out, int upper)
{
    static _Thread_local unsigned char pool[1024];
    static _Thread_local size_t left;
    unsigned char b[16];

    if (left < sizeof b) {
        random_bytes(pool, sizeof pool);
        left = sizeof pool;
    }
    memcpy(b, pool + (left -= sizeof b), sizeof b);
    b[7] = (unsigned char)((b[7] & 15) | 0x40);
    b[8] = (unsigned char)((b[8] & 63) | 0x80);
    guid_print(b, out, upper);
}

static char *from_bio(BIO *b)
{
    char *p;
    long n = BIO_get_mem_data(b, &p);
    char *s = lab_strndup(p, (size_t)n);

    BIO_free(b);
    return s;
}

static char *cert_pem(X509 *x)
{
    BIO *b = BIO_new(BIO_s_mem());

    PEM_write_bio_X509(b, x);
    return from_bio(b);
}

static char *key_pem(EVP_PKEY *k)
{
    BIO *b = BIO_new(BIO_s_mem());

    PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL);
    return from_bio(b);
}

static int extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;
    int ok;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

/* Valid from `from` to `to` seconds from now. by: NULL for a self-signed one. */
static X509 *make(EVP_PKEY *key, const char *cn, const struct authority *by, long from, long to,
                  const char *names)
{
    X509 *x = X509_new();
    X509_NAME *n = x ? X509_get_subject_name(x) : NULL;
    unsigned char serial[16];
    BIGNUM *bn;
    int ok = n != NULL;

    random_bytes(serial, sizeof serial);
    serial[0] &= 0x7F;
    bn = BN_bin2bn(serial, sizeof serial, NULL);
    ok = ok && bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) && X509_set_version(x, 2) &&
         X509_gmtime_adj(X509_getm_notBefore(x), from) &&
         X509_gmtime_adj(X509_getm_notAfter(x), to) &&
         X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"easgate lab", -1,
                                    -1, 0) &&
         X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) &&
         X509_set_pubkey(x, key) &&
         X509_set_issuer_name(x, by ? X509_get_subject_name(by->cert) : n);
    BN_free(bn);
    if (ok && !by && !names)
        ok = extension(x, x, NID_basic_constraints, "critical,CA:TRUE") &&
             extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
    else if (ok)
        ok = extension(x, by ? by->cert : x, NID_basic_constraints, "critical,CA:FALSE") &&
             extension(x, by ? by->cert : x, NID_key_usage, "critical,digitalSignature");
    if (ok && names && *names)
        ok = extension(x, by ? by->cert : x, NID_subject_alt_name, names) &&
             extension(x, by ? by->cert : x, NID_ext_key_usage, "serverAuth");
    if (ok)
        ok = extension(x, by ? by->cert : x, NID_subject_key_identifier, "hash") &&
             (!by || extension(x, by->cert, NID_authority_key_identifier, "keyid"));
    if (!ok || !X509_sign(x, by ? by->key : key, EVP_sha256())) {
        X509_free(x);
        return NULL;
    }
    return x;
}

static int authority_make(struct authority *a, const char *cn)
{
    a->key = EVP_EC_gen("P-256");
    a->cert = a->key ? make(a->key, cn, NULL, -86400, 30L * 86400, NULL) : NULL;
    return a->cert != NULL;
}

static int leaf_make(struct pair_of_pem *p, const struct authority *a, long from, long to)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *x = k ? make(k, "localhost", a, from, to,
                       "DNS:localhost,DNS:*.contoso.example,DNS:contoso.example,IP:127.0.0.1")
                : NULL;

    if (x) {
        p->cert = cert_pem(x);
        p->key = key_pem(k);
    }
    X509_free(x);
    EVP_PKEY_free(k);
    return p->cert != NULL;
}

int pki_make(void)
{
    struct authority ours = { 0 };
    struct authority theirs = { 0 };
    EVP_PKEY *app = EVP_RSA_gen(2048);
    X509 *x = app ? make(app, "easgate lab application", NULL, -86400, 30L * 86400, "") : NULL;
    struct buf both = { 0 };
    int ok;

    ok = x && authority_make(&ours, "easgate lab CA") &&
         authority_make(&theirs, "somebody else's CA") &&
         leaf_make(&lab.leaf, &ours, -86400, 20L * 86400) &&
         leaf_make(&lab.rogue, &theirs, -86400, 20L * 86400) &&
         leaf_make(&lab.expired, &ours, -30L * 86400, -86400);
    if (ok) {
        char *cert = cert_pem(x);
        char *key = key_pem(app);

        buf_str(&both, cert);
        buf_str(&both, key);
        lab.app_pem = both.p;
        lab.ca_pem = cert_pem(ours.cert);
        free(cert);
        free(key);
    }
    X509_free(x);
    EVP_PKEY_free(app);
    X509_free(ours.cert);
    EVP_PKEY_free(ours.key);
    X509_free(theirs.cert);
    EVP_PKEY_free(theirs.key);
    return ok;
}

static void drop(struct pair_of_pem *p)
{
    free(p->cert);
    free(p->key);
}

void pki_free(void)
{
    drop(&lab.leaf);
    drop(&lab.rogue);
    drop(&lab.expired);
    free(lab.ca_pem);
    free(lab.app_pem);
}
