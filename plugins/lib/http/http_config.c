/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared options, declared and read.
 */
#include "http_config.h"

#include <string.h>

#include "base64.h"
#include "err.h"
#include "plugin_opt.h"
#include "text.h"

#define OPTION(type_, name_, default_, allowed_, doc_)                                             \
    {                                                                                              \
        .struct_size = sizeof(easg_option), .type = (type_), .name = (name_),                      \
        .default_value = (default_), .allowed = (allowed_), .doc = (doc_)                          \
    }

const easg_option http_opt_ca_file =
    OPTION(EASG_OPT_STRING, "ca_file", NULL, NULL,
           "Certificates (PEM) that the server's is checked against, instead of the system's.");
const easg_option http_opt_pin =
    OPTION(EASG_OPT_STRING, "pin", NULL, NULL,
           "sha256//BASE64 of the server's public key: no other is taken.");
const easg_option http_opt_tls_min =
    OPTION(EASG_OPT_ENUM, "tls.min", "1.2", "1.0|1.1|1.2|1.3",
           "Lowest version of TLS. Below 1.2 is unsafe and warned of in each run.");
const easg_option http_opt_no_proxy =
    OPTION(EASG_OPT_LIST, "no_proxy", NULL, NULL,
           "Hosts reached without the proxy: names, .domains, addresses.");
const easg_option http_opt_proxy_url = OPTION(EASG_OPT_STRING, "proxy.url", NULL, NULL,
                                              "http://host:port of the proxy. Default: none.");
const easg_option http_opt_proxy_auth =
    OPTION(EASG_OPT_ENUM, "proxy.auth", "basic", "basic|negotiate", "Log-on to the proxy.");
const easg_option http_opt_proxy_user =
    OPTION(EASG_OPT_STRING, "proxy.user", NULL, NULL, "Account at the proxy. Default: no log-on.");
const easg_option http_opt_proxy_password =
    OPTION(EASG_OPT_SECRET, "proxy.password", NULL, NULL, "Its password.");
const easg_option http_opt_proxy_keytab =
    OPTION(EASG_OPT_STRING, "proxy.keytab", NULL, NULL, "Its keytab, with negotiate.");

char *http_config_list(const easg_host *host, const easg_config *cfg, const char *path)
{
    const easg_config *list = host->cfg_get(host, cfg, path);
    size_t n = list ? host->cfg_count(host, list) : 0;
    struct strbuf out = STRBUF_INIT(65536);

    if (n == 0)
        return mem_strdup("");
    for (size_t i = 0; i < n; i++) {
        easg_str item = { NULL, 0 };

        if (host->cfg_str(host, host->cfg_at(host, list, i), &item) != EASG_OK || !item.ptr)
            continue;
        strbuf_adds(&out, i ? "," : "");
        strbuf_add(&out, item.ptr, item.len);
    }
    return out.len ? strbuf_take(&out) : mem_strdup("");
}

/* "http://host:port", and the host of it. */
static easg_status read_proxy(const easg_host *host, const easg_config *cfg, struct http_config *c,
                              easg_error *err)
{
    static const char scheme[] = "http://";
    const char *p = c->proxy;
    uint64_t port = 0;
    size_t len;

    if (strncmp(p, scheme, sizeof scheme - 1) == 0)
        p += sizeof scheme - 1;
    else
        p = "";
    len = strcspn(p, ":/");
    if (!len || p[strcspn(p, "@?# \t")] || p[len] != ':' ||
        !text_parse_u64(p + len + 1, strspn(p + len + 1, "0123456789"), &port) || port == 0 ||
        port > 65535 || strcspn(p + len, "/") + 1 < strlen(p + len))
        return opt_error(host, cfg, "proxy.url", err,
                         "proxy.url must be http://host:port; the log-on stands in proxy.user and "
                         "proxy.password");
    c->proxy_host = mem_dup(p, len);
    return c->proxy_host ? EASG_OK : err_nomem(err);
}

static easg_status check_proxy_logon(const easg_host *host, const easg_config *cfg,
                                     const struct http_config *c, easg_error *err)
{
    if (!c->proxy_host && (c->proxy_user || c->proxy_password || c->proxy_keytab))
        return opt_error(host, cfg, "proxy", err, "proxy.url is missing");
    if (c->proxy_negotiate && !c->proxy_password == !c->proxy_keytab)
        return opt_error(host, cfg, "proxy.auth", err,
                         "proxy.auth negotiate needs proxy.keytab, or proxy.user and "
                         "proxy.password");
    if (!c->proxy_negotiate && c->proxy_keytab)
        return opt_error(host, cfg, "proxy.keytab", err,
                         "proxy.keytab is for proxy.auth: negotiate");
    if (c->proxy_password && !c->proxy_user)
        return opt_error(host, cfg, "proxy.password", err, "proxy.password needs proxy.user");
    if (c->proxy_user && !c->proxy_password && !c->proxy_keytab)
        return opt_error(host, cfg, "proxy.user", err, "proxy.user needs proxy.password");
    return EASG_OK;
}

static int is_pin(const char *pin)
{
    static const char prefix[] = "sha256//";
    struct strbuf key = STRBUF_INIT(64);
    struct base64 d = { 0 };
    int ok = strncmp(pin, prefix, sizeof prefix - 1) == 0 &&
             base64_feed(&d, pin + sizeof prefix - 1, strlen(pin + sizeof prefix - 1), &key) ==
                 EASG_OK &&
             base64_end(&d) == EASG_OK && key.len == 32;

    strbuf_clear(&key);
    return ok;
}

easg_status http_config_read(const easg_host *host, const easg_config *cfg, struct http_config *c,
                             easg_error *err)
{
    easg_str auth = opt_str(host, cfg, "proxy.auth");
    easg_str tls = opt_str(host, cfg, "tls.min");
    easg_status st = EASG_OK;

    *c = (struct http_config){ .ca_file = opt_str(host, cfg, "ca_file").ptr,
                               .pin = opt_str(host, cfg, "pin").ptr,
                               .proxy = opt_str(host, cfg, "proxy.url").ptr,
                               .proxy_user = opt_str(host, cfg, "proxy.user").ptr,
                               .proxy_keytab = opt_str(host, cfg, "proxy.keytab").ptr,
                               .proxy_password = host->cfg_get(host, cfg, "proxy.password"),
                               .proxy_negotiate = auth.ptr && text_eq(&auth, "negotiate"),
                               .tls_min = 12 };
    if (tls.ptr && tls.len == 3)
        c->tls_min = (tls.ptr[0] - '0') * 10 + (tls.ptr[2] - '0');
    c->no_proxy = http_config_list(host, cfg, "no_proxy");
    if (!c->no_proxy)
        st = err_nomem(err);
    else if (c->pin && !is_pin(c->pin))
        st = opt_error(host, cfg, "pin", err,
                       "pin must be sha256// and the SHA-256 of the server's public key in base64");
    else if (c->proxy)
        st = read_proxy(host, cfg, c, err);
    if (st == EASG_OK)
        st = check_proxy_logon(host, cfg, c, err);
    if (st != EASG_OK)
        http_config_clear(c);
    return st;
}

void http_config_clear(struct http_config *c)
{
    mem_free(c->no_proxy);
    mem_free(c->proxy_host);
    *c = (struct http_config){ 0 };
}

void http_config_apply(const struct http_config *c, struct http_options *o)
{
    o->ca_file = c->ca_file;
    o->pinned_key = c->pin;
    o->proxy = c->proxy;
    o->no_proxy = c->no_proxy;
    o->tls_min = c->tls_min;
}

const char *http_config_warning(const struct http_config *c)
{
    return c->tls_min < 12 ? "tls.min allows a version of TLS that is broken: whoever sits on the "
                             "way can read and change what is said; update the server"
                           : NULL;
}
