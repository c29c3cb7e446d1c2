/* SPDX-License-Identifier: Apache-2.0
 *
 * auth.method and what each needs: one row a method.
 */
#include "auth_config.h"

#include <string.h>

#include "err.h"
#include "plugin_opt.h"
#include "secret.h"
#include "text.h"

#define OPTION(type_, name_, default_, allowed_, doc_)                                             \
    {                                                                                              \
        .struct_size = sizeof(easg_option), .type = (type_), .name = (name_),                      \
        .default_value = (default_), .allowed = (allowed_), .doc = (doc_)                          \
    }

const easg_option auth_opt_method =
    OPTION(EASG_OPT_ENUM, "auth.method", "kerberos", "kerberos|negotiate|ntlm|basic|certificate",
           "How to log on. Never another than this.");
const easg_option auth_opt_user =
    OPTION(EASG_OPT_STRING, "auth.user", NULL, NULL,
           "Account: user@REALM for Kerberos, else also DOMAIN\\user.");
const easg_option auth_opt_password =
    OPTION(EASG_OPT_SECRET, "auth.password", NULL, NULL, "Its password.");
const easg_option auth_opt_keytab = OPTION(EASG_OPT_STRING, "auth.keytab", NULL, NULL,
                                           "Keytab of the account, mode 0600, for Kerberos.");
const easg_option auth_opt_ccache =
    OPTION(EASG_OPT_STRING, "auth.ccache", NULL, NULL,
           "Credential cache that somebody else fills, for Kerberos.");
const easg_option auth_opt_spn = OPTION(EASG_OPT_STRING, "auth.spn", NULL, NULL,
                                        "Service principal name, where it is not HTTP/server.");
const easg_option auth_opt_mutual =
    OPTION(EASG_OPT_BOOL, "auth.mutual", "true", NULL,
           "The server must prove itself by Kerberos, too; TLS has done it in any case.");
const easg_option auth_opt_certificate = OPTION(EASG_OPT_SECRET, "auth.certificate", NULL, NULL,
                                                "Client certificate with its key: PEM or PKCS#12.");
const easg_option auth_opt_passphrase =
    OPTION(EASG_OPT_SECRET, "auth.passphrase", NULL, NULL, "Passphrase of the certificate's key.");

enum { USER = 1, PASSWORD = 2, KEYTAB = 4, CCACHE = 8, CERTIFICATE = 16, PASSPHRASE = 32 };

static const struct {
    const char *name;
    unsigned needs, takes;
    unsigned one_of; /* exactly one of these */
} methods[] = {
    [AUTH_BY_KERBEROS] = { "kerberos", 0, USER, PASSWORD | KEYTAB | CCACHE },
    [AUTH_BY_NEGOTIATE] = { "negotiate", 0, USER, PASSWORD | KEYTAB | CCACHE },
    [AUTH_BY_NTLM] = { "ntlm", USER | PASSWORD, 0, 0 },
    [AUTH_BY_BASIC] = { "basic", USER | PASSWORD, 0, 0 },
    [AUTH_BY_CERTIFICATE] = { "certificate", CERTIFICATE, PASSPHRASE, 0 },
};
static const struct {
    unsigned bit;
    const char *name;
} parts[] = {
    { USER, "user" },     { PASSWORD, "password" },       { KEYTAB, "keytab" },
    { CCACHE, "ccache" }, { CERTIFICATE, "certificate" }, { PASSPHRASE, "passphrase" },
};

static easg_status check_parts(const easg_host *host, const easg_config *cfg,
                               const struct auth_config *c, easg_error *err)
{
    unsigned given = (c->user ? USER : 0u) | (c->password ? PASSWORD : 0u) |
                     (c->keytab ? KEYTAB : 0u) | (c->ccache ? CCACHE : 0u) |
                     (c->certificate ? CERTIFICATE : 0u) | (c->passphrase ? PASSPHRASE : 0u);
    unsigned one = given & methods[c->method].one_of;
    const char *name = methods[c->method].name;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if ((methods[c->method].needs & parts[i].bit) && !(given & parts[i].bit))
            return opt_error(host, cfg, "auth", err, "auth.%s is missing, which %s needs",
                             parts[i].name, name);
        if ((given & parts[i].bit) &&
            !((methods[c->method].needs | methods[c->method].takes | methods[c->method].one_of) &
              parts[i].bit))
            return opt_error(host, cfg, "auth", err, "auth.%s is of no use to %s: remove it",
                             parts[i].name, name);
    }
    if (methods[c->method].one_of && (one == 0 || (one & (one - 1))))
        return opt_error(host, cfg, "auth", err,
                         "%s needs one of auth.keytab, auth.password and auth.ccache", name);
    if (c->password && !c->user)
        return opt_error(host, cfg, "auth", err, "auth.user is missing, whose password it is");
    return EASG_OK;
}

easg_status auth_config_read(const easg_host *host, const easg_config *cfg, struct auth_config *c,
                             easg_error *err)
{
    easg_str method = opt_str(host, cfg, "auth.method");
    easg_str user = opt_str(host, cfg, "auth.user");
    size_t i = 0;

    *c = (struct auth_config){ .user = text_blank(&user) ? NULL : user.ptr,
                               .password = host->cfg_get(host, cfg, "auth.password"),
                               .keytab = opt_str(host, cfg, "auth.keytab").ptr,
                               .ccache = opt_str(host, cfg, "auth.ccache").ptr,
                               .spn = opt_str(host, cfg, "auth.spn").ptr,
                               .mutual_optional = !opt_bool(host, cfg, "auth.mutual", 1),
                               .certificate = host->cfg_get(host, cfg, "auth.certificate"),
                               .passphrase = host->cfg_get(host, cfg, "auth.passphrase") };
    while (method.ptr && i < sizeof methods / sizeof *methods && !text_eq(&method, methods[i].name))
        i++;
    if (i == sizeof methods / sizeof *methods)
        return opt_error(host, cfg, "auth.method", err, "auth.method is none of those there are");
    c->method = (enum auth_method)i;
    return check_parts(host, cfg, c, err);
}

void auth_certificate_wipe(struct auth_certificate *c)
{
    secret_clear(&c->pem);
    secret_clear(&c->passphrase);
}

/* ---- making it ---- */

struct lent {
    const struct auth_config *config;
    struct auth **out;
    struct strbuf *copy;
    easg_error *err;
};

static easg_status make_account(const struct lent *l, const char *password, size_t len)
{
    const struct auth_config *c = l->config;
    struct auth_account account = { .mechanism = c->method == AUTH_BY_NTLM        ? AUTH_NTLM
                                                 : c->method == AUTH_BY_NEGOTIATE ? AUTH_NEGOTIATE
                                                                                  : AUTH_KERBEROS,
                                    .user = c->user,
                                    .password = password,
                                    .password_len = len,
                                    .keytab = c->keytab,
                                    .ccache = c->ccache,
                                    .spn = c->spn,
                                    .mutual_optional = c->mutual_optional };

    return auth_create_account(&account, l->out, l->err);
}

static easg_status EASG_CALL with_password(void *user, const uint8_t *ptr, size_t len)
{
    const struct lent *l = user;

    if (l->config->method == AUTH_BY_BASIC)
        return auth_create_basic(l->config->user, strlen(l->config->user), (const char *)ptr, len,
                                 l->out, l->err);
    return make_account(l, (const char *)ptr, len);
}

static easg_status EASG_CALL copy_secret(void *user, const uint8_t *ptr, size_t len)
{
    const struct lent *l = user;

    strbuf_reserve(l->copy, len + 1);
    return strbuf_add(l->copy, ptr, len) == EASG_OK
               ? EASG_OK
               : err_set(l->err, EASG_E_CONFIG, "auth.certificate or auth.passphrase is too large");
}

static easg_status open_certificate(const easg_host *host, const struct auth_config *c,
                                    struct http_options *o, struct auth_certificate *certificate,
                                    struct lent *l)
{
    easg_status st;

    l->copy = &certificate->pem;
    st = host->with_secret(host, c->certificate, copy_secret, l, l->err);
    if (st == EASG_OK && c->passphrase) {
        l->copy = &certificate->passphrase;
        st = host->with_secret(host, c->passphrase, copy_secret, l, l->err);
        o->client_passphrase = strbuf_str(&certificate->passphrase);
        o->client_passphrase_len = certificate->passphrase.len;
    }
    if (st != EASG_OK)
        return st;
    o->client_pem = strbuf_str(&certificate->pem);
    o->client_pem_len = certificate->pem.len;
    return auth_create_certificate(l->out, l->err);
}

easg_status auth_config_open(const easg_host *host, const struct auth_config *c,
                             struct http_options *o, struct auth_certificate *certificate,
                             struct auth **out, easg_error *err)
{
    struct lent l = { c, out, NULL, err };

    *out = NULL;
    if (c->method == AUTH_BY_CERTIFICATE)
        return open_certificate(host, c, o, certificate, &l);
    if (c->password)
        return host->with_secret(host, c->password, with_password, &l, err);
    return make_account(&l, NULL, 0);
}
