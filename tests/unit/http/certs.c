/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates made with OpenSSL's own calls, because no version of its command line sets both
 * dates.
 */
#include "certs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define MAX_CERTS 16

struct made {
    X509 *x;
    EVP_PKEY *key;
};

static int add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (!e || !X509_add_ext(x, e, -1))
        return -1;
    X509_EXTENSION_free(e);
    return 0;
}

static int make_one(const struct cert_wish *w, const struct made *issuer, struct made *out)
{
    static long serial = 100;
    X509_NAME *name;
    X509 *x = X509_new();

    out->key = w->rsa_bits ? EVP_RSA_gen((unsigned)w->rsa_bits) : EVP_EC_gen("P-256");
    out->x = x;
    if (!out->key || !x)
        return -1;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), w->from_days * 86400);
    X509_gmtime_adj(X509_getm_notAfter(x), w->to_days * 86400);
    X509_set_pubkey(x, out->key);
    name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)(w->cn ? w->cn : "localhost"), -1, -1, 0);
    X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer->x) : name);
    if (w->ca && (add_ext(x, x, NID_basic_constraints, "critical,CA:TRUE") != 0 ||
                  add_ext(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") != 0))
        return -1;
    if (w->san && add_ext(x, x, NID_subject_alt_name, w->san) != 0)
        return -1;
    return X509_sign(x, issuer ? issuer->key : out->key, EVP_sha256()) ? 0 : -1;
}

static int write_pem(const char *dir, const char *name, const char *suffix, const struct made *m,
                     int with_key)
{
    char path[4096];
    FILE *f;
    int ok;

    snprintf(path, sizeof path, "%s/%s.%s", dir, name, suffix);
    f = fopen(path, "w");
    if (!f)
        return -1;
    ok = PEM_write_X509(f, m->x) &&
         (!with_key || PEM_write_PrivateKey(f, m->key, NULL, NULL, 0, NULL, NULL));
    return fclose(f) == 0 && ok ? 0 : -1;
}

int certs_make(const char *dir, const struct cert_wish *wishes, size_t n)
{
    struct made made[MAX_CERTS] = {
        {NULL, NULL}
    };
    int rc = n <= MAX_CERTS ? 0 : -1;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct made *issuer = NULL;

        for (size_t k = 0; wishes[i].issuer && k < i; k++) {
            if (strcmp(wishes[k].name, wishes[i].issuer) == 0)
                issuer = &made[k];
        }
        rc = make_one(&wishes[i], issuer, &made[i]);
        if (rc == 0)
            rc = write_pem(dir, wishes[i].name, "pem", &made[i], 1);
        if (rc == 0 && wishes[i].ca)
            rc = write_pem(dir, wishes[i].name, "crt", &made[i], 0);
        if (rc != 0)
            printf("# certificate %s could not be made in %s\n", wishes[i].name, dir);
    }
    for (size_t i = 0; i < MAX_CERTS; i++) {
        X509_free(made[i].x);
        EVP_PKEY_free(made[i].key);
    }
    return rc;
}

char *certs_tempdir(void)
{
    const char *base = getenv("TMPDIR");
    char path[4096];

    snprintf(path, sizeof path, "%s/easgate-test-XXXXXX", base && *base ? base : "/tmp");
    return mkdtemp(path) ? strdup(path) : NULL;
}

void certs_remove(char *dir)
{
    DIR *d = dir ? opendir(dir) : NULL;
    struct dirent *e;
    char path[4096];

    while (d && (e = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (d)
        closedir(d);
    if (dir)
        rmdir(dir);
    free(dir);
}
