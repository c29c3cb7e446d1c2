/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate, its key, and what is signed with it.
 */
#include "oauth_private.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "base64.h"
#include "err.h"
#include "timestamp.h"

#define MIN_RSA_BITS 2048

static int no_passphrase(char *buf, int size, int writing, void *user)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static easg_time time_of(const ASN1_TIME *t)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    easg_time out = EASG_TIME_NONE;

    if (epoch && ASN1_TIME_diff(&days, &seconds, epoch, t))
        out = ((easg_time)days * 86400 + seconds) * 1000;
    ASN1_TIME_free(epoch);
    return out;
}

/* Both hashes are over the DER certificate: not over the PEM text, not over the public key. */
static easg_status keep_thumbprints(struct oauth *o, const X509 *x, easg_error *err)
{
    unsigned len1 = sizeof o->sha1, len256 = sizeof o->sha256;

    if (!X509_digest(x, EVP_sha1(), o->sha1, &len1) ||
        !X509_digest(x, EVP_sha256(), o->sha256, &len256))
        return err_nomem(err);
    return EASG_OK;
}

easg_status oauth_load_key(struct oauth *o, const char *pem, size_t len, easg_error *err)
{
    BIO *in = len && len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    X509 *x = in ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;
    char date[TIMESTAMP_SIZE];
    easg_time from;
    easg_status st;

    if (in)
        (void)BIO_reset(in);
    o->key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    if (!x) {
        st = err_set(err, EASG_E_CONFIG, "certificate: no BEGIN CERTIFICATE block in it");
        goto out;
    }
    o->certificate_expires = time_of(X509_get0_notAfter(x));
    from = time_of(X509_get0_notBefore(x));
    if (!o->key)
        st =
            err_set(err, EASG_E_CONFIG,
                    "certificate: no private key without a passphrase in it: put both into one PEM "
                    "file");
    else if (EVP_PKEY_get_base_id(o->key) != EVP_PKEY_RSA ||
             EVP_PKEY_get_bits(o->key) < MIN_RSA_BITS)
        st = err_set(err, EASG_E_CONFIG, "certificate: Entra takes RSA keys of %d bits and more",
                     MIN_RSA_BITS);
    else if (X509_check_private_key(x, o->key) != 1)
        st = err_set(err, EASG_E_CONFIG, "certificate: the private key belongs to another one");
    else if (o->certificate_expires <= o->now(o->user))
        st = err_set(err, EASG_E_CONFIG,
                     "certificate: expired on %s: make a new one and upload it to the app "
                     "registration",
                     timestamp_format(o->certificate_expires, date));
    else if (from > o->now(o->user))
        st = err_set(err, EASG_E_CONFIG,
                     "certificate: not valid before %s: check this machine's clock",
                     timestamp_format(from, date));
    else
        st = keep_thumbprints(o, x, err);
out:
    X509_free(x);
    BIO_free(in);
    ERR_clear_error();
    return st;
}

static easg_status add_header(const struct oauth *o, struct strbuf *out)
{
    struct strbuf json = STRBUF_INIT(512);
    easg_status st;

    if (o->alg == OAUTH_PS256) {
        strbuf_adds(&json, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"");
        base64url_encode(&json, o->sha256, sizeof o->sha256);
    } else {
        strbuf_adds(&json, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t\":\"");
        base64url_encode(&json, o->sha1, sizeof o->sha1);
    }
    strbuf_adds(&json, "\"}");
    st = strbuf_status(&json);
    if (st == EASG_OK)
        st = base64url_encode(out, json.ptr, json.len);
    strbuf_clear(&json);
    return st;
}

/* A minute of tolerance for our clock, and never more than ten in all. */
static easg_status add_claims(const struct oauth *o, struct strbuf *out)
{
    struct strbuf json = STRBUF_INIT(4096);
    long long now = (o->now(o->user) - o->shift_ms) / 1000;
    unsigned char id[16];
    easg_status st;

    if (RAND_bytes(id, sizeof id) != 1)
        return EASG_E_NOMEM;
    id[6] = (unsigned char)((id[6] & 0x0f) | 0x40);
    id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
    strbuf_adds(&json, "{\"aud\":\"");
    strbuf_add_json(&json, o->endpoint, strlen(o->endpoint));
    strbuf_adds(&json, "\",\"iss\":\"");
    strbuf_add_json(&json, o->client_id, strlen(o->client_id));
    strbuf_adds(&json, "\",\"sub\":\"");
    strbuf_add_json(&json, o->client_id, strlen(o->client_id));
    strbuf_adds(&json, "\",\"jti\":\"");
    for (size_t i = 0; i < sizeof id; i++)
        strbuf_addf(&json, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
    strbuf_addf(&json, "\",\"nbf\":%lld,\"iat\":%lld,\"exp\":%lld}", now - 60, now, now + 480);
    st = strbuf_status(&json);
    if (st == EASG_OK)
        st = base64url_encode(out, json.ptr, json.len);
    strbuf_clear(&json);
    return st;
}

static easg_status sign(const struct oauth *o, struct strbuf *out, easg_error *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    unsigned char sig[1024];
    size_t len = sizeof sig;
    easg_status st = EASG_E_FAIL;
    int ok = ctx && EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, o->key) == 1;

    /* OpenSSL's default for PSS is the longest salt that fits; Entra refuses that. */
    if (ok && o->alg == OAUTH_PS256)
        ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    if (ok && EVP_DigestSign(ctx, sig, &len, (const unsigned char *)out->ptr, out->len) == 1) {
        strbuf_addc(out, '.');
        st = base64url_encode(out, sig, len);
    }
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    if (st == EASG_E_FAIL)
        return err_set(err, st, "certificate: its key does not sign");
    return st == EASG_OK ? st : err_nomem(err);
}

easg_status oauth_make_assertion(struct oauth *o, struct strbuf *out, easg_error *err)
{
    strbuf_reset(out);
    if (!o->key)
        return err_set(err, EASG_E_USAGE, "an assertion needs a certificate");
    if (add_header(o, out) != EASG_OK || strbuf_addc(out, '.') != EASG_OK ||
        add_claims(o, out) != EASG_OK)
        return err_nomem(err);
    return sign(o, out, err);
}
