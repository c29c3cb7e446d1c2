/* SPDX-License-Identifier: Apache-2.0
 *
 * Client certificate: TLS does all of it. What is left is the empty request at the start of a
 * connection, because a server that asks late answers 413 to a large first body.
 */
#include "auth.h"

#include "err.h"

static easg_status certificate_begin(struct auth *a, struct auth_connection *c,
                                     struct strbuf *header, easg_error *err)
{
    (void)a;
    (void)c;
    (void)header;
    (void)err;
    return EASG_OK;
}

static easg_status certificate_step(struct auth *a, struct auth_connection *c, int status,
                                    const char *const *challenges, size_t n, struct strbuf *header,
                                    enum auth_next *next, easg_error *err)
{
    (void)a;
    (void)c;
    (void)challenges;
    (void)n;
    (void)header;
    (void)err;
    *next = status == 401 ? AUTH_REFUSED : AUTH_DONE;
    return EASG_OK;
}

static void certificate_destroy(struct auth *a)
{
    mem_free(a);
}

static const struct auth_ops certificate_ops = {
    .scheme = "certificate",
    .per_connection = 1,
    .begin = certificate_begin,
    .step = certificate_step,
    .destroy = certificate_destroy,
};

easg_status auth_create_certificate(struct auth **out, easg_error *err)
{
    struct auth *a = mem_alloc(sizeof *a);

    *out = a;
    if (!a)
        return err_nomem(err);
    a->ops = &certificate_ops;
    return EASG_OK;
}
