/* SPDX-License-Identifier: Apache-2.0
 *
 * cloud.h - cloud.py as a test uses it.
 */
#ifndef EASG_TEST_CLOUD_H
#define EASG_TEST_CLOUD_H

#include <stddef.h>

#define CLOUD_TENANT "11111111-2222-4333-8444-555555555555"
#define CLOUD_CLIENT "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

struct cloud {
    char *dir;       /* ca.crt, app.pem (RSA), ec.pem, old.pem, small.pem, good.pem */
    char ca[4096];   /* path of ca.crt */
    char url[64];    /* "https://localhost:PORT" */
    char pem[16384]; /* app.pem */
    size_t pem_len;
};

/* 0; 77 and a message when python3 is missing; else -1. */
int cloud_start(struct cloud *c);
void cloud_stop(struct cloud *c);
/* Sets the answers of the next token requests: a JSON list of [status, [[name, value]...], body].
 */
void cloud_script(const char *json);
/* The requests since the last call, as cloud.py tells them; static storage. */
const char *cloud_log(void);
/* The same, the n-th line alone. NULL: there is none. */
const char *cloud_log_line(const char *log, int n);
char *cloud_file(const struct cloud *c, const char *name, size_t *len);

#endif
