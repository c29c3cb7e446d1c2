/* SPDX-License-Identifier: Apache-2.0
 *
 * What an administrator wants to know of the connection that is open: whose certificate, and until
 * when.
 */
#include "http.h"

#include <string.h>

#include <openssl/x509.h>

#include "text.h"

int http_certificate_look(const struct http *h, char issuer[160], int *days)
{
    const unsigned char *der = NULL;
    size_t n = http_server_certificate(h, &der);
    X509 *x = n ? d2i_X509(NULL, &der, (long)n) : NULL;
    char name[256] = "";
    int seconds = 0;
    int ok = x && ASN1_TIME_diff(days, &seconds, NULL, X509_get0_notAfter(x));

    issuer[0] = '\0';
    if (ok) {
        X509_NAME_oneline(X509_get_issuer_name(x), name, (int)sizeof name);
        (void)text_safe(name, strlen(name), issuer, 160);
    }
    X509_free(x);
    return ok;
}
