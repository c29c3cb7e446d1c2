/* SPDX-License-Identifier: Apache-2.0
 *
 * Who we are to the proxy.
 */
#include "proxy_logon.h"

#include <string.h>

#include "err.h"
#include "secret.h"

struct proxy_logon {
    struct strbuf basic; /* a secret */
    struct auth *account;
    char *host;
};

struct lent {
    const struct http_config *config;
    struct proxy_logon *logon;
    easg_error *err;
};

static easg_status make_account(const struct lent *l, const char *password, size_t len)
{
    struct auth_account account = { .mechanism = AUTH_NEGOTIATE,
                                    .user = l->config->proxy_user,
                                    .keytab = l->config->proxy_keytab,
                                    .password = password,
                                    .password_len = len };
    easg_status st = auth_create_account(&account, &l->logon->account, l->err);

    return st == EASG_OK ? st : err_at(l->err, st, "log-on to the proxy");
}

static easg_status EASG_CALL with_password(void *user, const uint8_t *ptr, size_t len)
{
    const struct lent *l = user;
    const char *name = l->config->proxy_user;
    easg_status st;

    if (l->config->proxy_negotiate)
        return make_account(l, (const char *)ptr, len);
    st = auth_basic_value(name, strlen(name), (const char *)ptr, len, &l->logon->basic, l->err);
    return st == EASG_OK ? st : err_at(l->err, st, "log-on to the proxy");
}

static easg_status next_token(void *user, int64_t timeout_ms, struct strbuf *value, easg_error *err)
{
    const struct proxy_logon *p = user;

    return auth_proxy_token(p->account, p->host, timeout_ms, value, err);
}

easg_status proxy_logon_open(const easg_host *host, const struct http_config *c,
                             struct http_options *o, struct proxy_logon **out, easg_error *err)
{
    struct proxy_logon *p;
    struct lent lent = { c, NULL, err };
    easg_status st;

    *out = NULL;
    if (!c->proxy_host || (!c->proxy_password && !c->proxy_keytab))
        return EASG_OK;
    p = mem_alloc(sizeof *p);
    if (!p)
        return err_nomem(err);
    strbuf_init(&p->basic, 8192);
    p->host = mem_strdup(c->proxy_host);
    lent.logon = p;
    if (!p->host)
        st = err_nomem(err);
    else if (c->proxy_password)
        st = host->with_secret(host, c->proxy_password, with_password, &lent, err);
    else
        st = make_account(&lent, NULL, 0);
    if (st != EASG_OK) {
        proxy_logon_close(p);
        return st;
    }
    if (p->account) {
        o->proxy_authorize = next_token;
        o->proxy_user = p;
    } else {
        o->proxy_authorization = strbuf_str(&p->basic);
    }
    *out = p;
    return EASG_OK;
}

void proxy_logon_close(struct proxy_logon *p)
{
    if (!p)
        return;
    auth_destroy(p->account);
    secret_clear(&p->basic);
    mem_free(p->host);
    mem_free(p);
}
