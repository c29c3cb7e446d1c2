/* SPDX-License-Identifier: Apache-2.0
 *
 * Basic (RFC 7617): one leg, the same header each time.
 */
#include "auth.h"

#include <string.h>

#include "base64.h"
#include "err.h"
#include "secret.h"

#define MAX_CREDENTIALS 2048u

struct basic {
    struct auth base;
    struct strbuf header; /* "Basic dXNlcjpwYXNz"; a secret */
};

static easg_status basic_begin(struct auth *a, struct auth_connection *c, struct strbuf *header,
                               easg_error *err)
{
    const struct basic *b = (const struct basic *)a;

    if (strncmp(c->url, "https://", 8) != 0)
        return err_set(err, EASG_E_CONFIG, "Basic log-on is done over https only");
    strbuf_reset(header);
    strbuf_reserve(header, b->header.len);
    return strbuf_add(header, b->header.ptr, b->header.len) == EASG_OK ? EASG_OK : err_nomem(err);
}

static easg_status basic_step(struct auth *a, struct auth_connection *c, int status,
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

static void basic_destroy(struct auth *a)
{
    struct basic *b = (struct basic *)a;

    secret_clear(&b->header);
    mem_free(b);
}

static const struct auth_ops basic_ops = {
    .scheme = "Basic",
    .begin = basic_begin,
    .step = basic_step,
    .destroy = basic_destroy,
};

static int has_control(const char *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)ptr[i] < 0x20 || ptr[i] == 0x7f)
            return 1;
    }
    return 0;
}

easg_status auth_basic_value(const char *user, size_t user_len, const char *password,
                             size_t password_len, struct strbuf *value, easg_error *err)
{
    EASG_CLEANUP(secret_clear) struct strbuf plain = STRBUF_INIT(MAX_CREDENTIALS);

    if (user_len == 0 || memchr(user, ':', user_len) || has_control(user, user_len))
        return err_set(err, EASG_E_CONFIG,
                       "the user name is empty, or holds a colon or a control character");
    if (password_len == 0 || has_control(password, password_len))
        return err_set(err, EASG_E_CONFIG,
                       "the password is empty, or holds a control character (a second line)");
    if (user_len + password_len + 1 > MAX_CREDENTIALS)
        return err_set(err, EASG_E_CONFIG, "user name and password are too long");
    strbuf_reserve(&plain, user_len + password_len + 1);
    strbuf_add(&plain, user, user_len);
    strbuf_addc(&plain, ':');
    strbuf_add(&plain, password, password_len);
    strbuf_reserve(value, plain.len * 2 + 16);
    strbuf_adds(value, "Basic ");
    if (strbuf_status(&plain) != EASG_OK || strbuf_status(value) != EASG_OK ||
        base64_encode(value, plain.ptr, plain.len) != EASG_OK)
        return err_nomem(err);
    return EASG_OK;
}

easg_status auth_create_basic(const char *user, size_t user_len, const char *password,
                              size_t password_len, struct auth **out, easg_error *err)
{
    struct basic *b = mem_alloc(sizeof *b);
    easg_status st;

    *out = NULL;
    if (!b)
        return err_nomem(err);
    b->base.ops = &basic_ops;
    strbuf_init(&b->header, MAX_CREDENTIALS * 2);
    st = auth_basic_value(user, user_len, password, password_len, &b->header, err);
    if (st != EASG_OK) {
        basic_destroy(&b->base);
        return st;
    }
    *out = &b->base;
    return EASG_OK;
}
