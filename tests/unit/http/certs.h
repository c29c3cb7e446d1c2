/* SPDX-License-Identifier: Apache-2.0
 *
 * certs.h - throw-away certificates for tests, written as PEM files.
 */
#ifndef EASG_TEST_CERTS_H
#define EASG_TEST_CERTS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct cert_wish {
    const char *name;   /* DIR/name.pem: certificate and key */
    const char *cn;     /* NULL: "localhost" */
    const char *san;    /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
    const char *issuer; /* name of an earlier one; NULL: self-signed */
    int ca;             /* 1: may issue; also written as DIR/name.crt without its key */
    int rsa_bits;       /* 0: P-256 */
    long from_days;     /* relative to now */
    long to_days;
};

/* Makes all of them in `dir`; 0, or -1 after a message. */
int certs_make(const char *dir, const struct cert_wish *wishes, size_t n);
/* A new directory under TMPDIR, and its removal with the plain files in it. */
char *certs_tempdir(void);
void certs_remove(char *dir);

#endif
