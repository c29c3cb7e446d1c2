/* SPDX-License-Identifier: Apache-2.0
 *
 * What lies between us and the server: proxies and their log-ons, client certificates asked for
 * early and late.
 */
#include "net_test.h"

#include <string.h>

#define USER "svc-easgate@" NET_REALM

static struct auth *by_keytab(void)
{
    return net_account(
        (struct auth_account){ .user = USER, .keytab = net_file("krb5/client.keytab") });
}

static easg_status proxy_token(void *user, int64_t timeout_ms, struct strbuf *value,
                               easg_error *err)
{
    return auth_proxy_token(user, "localhost", timeout_ms, value, err);
}

static void proxies(void)
{
    static const struct {
        const char *name, *proxy, *user, *password;
        int negotiate;
        easg_status status;
        int64_t code;
        const char *text;
    } rows[] = {
        { "Basic", "squid-basic", "CONTOSO\\px", "pr0xy", 0, EASG_OK, 0, "" },
        { "Basic, wrong password", "squid-basic", "CONTOSO\\px", "wrong", 0, EASG_E_AUTH, 407,
          "the proxy refused" },
        { "no log-on", "squid-basic", NULL, NULL, 0, EASG_E_AUTH, 407, "none is configured" },
        { "Negotiate", "squid-nego", NULL, NULL, 1, EASG_OK, 0, "" },
        { "Negotiate, none given", "squid-nego", NULL, NULL, 0, EASG_E_AUTH, 407,
          "none is configured" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf value = STRBUF_INIT(4096);
        char proxy[64];
        struct http_options o = { .proxy = proxy };
        struct auth *to_proxy = rows[i].negotiate ? by_keytab() : NULL;
        struct auth *a = by_keytab();
        easg_error err = EASG_ERROR_INIT;
        struct http_response resp = { 0 };
        char log[64];
        struct http *h;
        int before;

        ROW(rows[i].name);
        (void)snprintf(proxy, sizeof proxy, "http://localhost:%d", net_number(rows[i].proxy));
        (void)snprintf(log, sizeof log, "%s.access", rows[i].proxy);
        if (rows[i].user) {
            CHECK_INT(auth_basic_value(rows[i].user, strlen(rows[i].user), rows[i].password,
                                       strlen(rows[i].password), &value, &err),
                      EASG_OK);
            o.proxy_authorization = strbuf_str(&value);
        }
        if (to_proxy) {
            o.proxy_authorize = proxy_token;
            o.proxy_user = to_proxy;
        }
        h = net_http(o);
        before = net_log_lines(log, "TCP_DENIED/407");
        for (int k = 0; k < 3; k++) {
            if (!CHECK_INT(net_post(a, h, "epad", "/epa", "payload", 20000, &resp, &err),
                           rows[i].status))
                printf("# %s\n", err.message);
            if (rows[i].status == EASG_OK) {
                CHECK_HAS(net_body(), k ? "user=svc-easgate" : "bound=True");
            } else {
                CHECK_INT(err.native_code, rows[i].code);
                CHECK_HAS(err.message, rows[i].text);
                CHECK_HAS(err.message, proxy);
            }
            if (k == 1 && rows[i].status == EASG_OK)
                http_disconnect(h); /* another tunnel, another log-on to the proxy */
        }
        /* Three calls, one question: a proxy's account is locked as easily. */
        if (rows[i].status == EASG_E_AUTH)
            CHECK_INT(net_log_until(log, "TCP_DENIED/407", before + 1) - before, 1);
        auth_destroy(a);
        http_destroy(h);
        auth_destroy(to_proxy);
        strbuf_clear(&value);
    }

    ROW("passed by");
    {
        struct http *h = net_http(
            (struct http_options){ .proxy = "http://127.0.0.1:1", .no_proxy = "x, localhost" });
        struct auth *a = by_keytab();
        easg_error err = EASG_ERROR_INIT;
        struct http_response resp;

        CHECK_INT(net_post(a, h, "epad", "/epa", "payload", 20000, &resp, &err), EASG_OK);
        auth_destroy(a);
        http_destroy(h);
    }
    ROW("");
}

static void certificates(void)
{
    static const struct {
        const char *name, *file, *key, *passphrase, *server, *path;
        int tls;
        easg_status status;
        const char *text; /* of the body, or of the error */
    } rows[] = {
        { "early", "client.pem", NULL, NULL, "cert", "/x", 12, EASG_OK, "cert:svc-easgate" },
        { "early, PKCS#12", "client.p12", NULL, "p12secret", "cert", "/x", 12, EASG_OK,
          "cert:svc-easgate" },
        { "early, 1.3", "client.pem", NULL, NULL, "cert", "/x", 13, EASG_OK, "cert:svc-easgate" },
        { "early, missing", NULL, NULL, NULL, "cert", "/x", 12, EASG_E_AUTH, "none is configured" },
        { "early, missing, 1.3", NULL, NULL, NULL, "cert", "/x", 13, EASG_E_AUTH,
          "none is configured" },
        { "early, other CA", "strange.pem", NULL, NULL, "cert", "/x", 12, EASG_E_AUTH,
          "refused our" },
        { "early, other CA, 1.3", "strange.pem", NULL, NULL, "cert", "/x", 13, EASG_E_AUTH,
          "refused our" },
        { "late", "client.pem", NULL, NULL, "late", "/wsman-cert", 12, EASG_OK,
          "cert:svc-easgate" },
        { "late, 1.3", "client.pem", NULL, NULL, "late", "/wsman-cert", 13, EASG_OK,
          "cert:svc-easgate" },
        { "late, missing", NULL, NULL, NULL, "late", "/wsman-cert", 12, EASG_E_AUTH,
          "none is configured" },
        { "late, missing, 1.3", NULL, NULL, NULL, "late", "/wsman-cert", 13, EASG_E_AUTH,
          "none is configured" },
    };
    static char large[200001];

    memset(large, 'x', sizeof large - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_options o = { .tls_min = rows[i].tls };
        easg_error err = EASG_ERROR_INIT;
        struct http_response resp = { 0 };
        struct auth *a = NULL;
        struct http *h;

        ROW(rows[i].name);
        if (rows[i].file)
            o.client_pem = net_slurp(rows[i].file, &o.client_pem_len);
        o.client_passphrase = rows[i].passphrase;
        o.client_passphrase_len = rows[i].passphrase ? strlen(rows[i].passphrase) : 0;
        h = net_http(o);
        CHECK_INT(auth_create_certificate(&a, &err), EASG_OK);
        /* 200 kB: more than a server keeps while it asks for a certificate late. */
        for (int k = 0; k < 2; k++) {
            if (!CHECK_INT(net_post(a, h, rows[i].server, rows[i].path, large, 20000, &resp, &err),
                           rows[i].status))
                printf("# %s\n", err.message);
            if (rows[i].status == EASG_OK) {
                CHECK_INT(resp.status, 200);
                CHECK_HAS(net_body(), rows[i].text);
                CHECK_HAS(net_body(), "body=200000");
            } else {
                CHECK_HAS(err.message, rows[i].text);
            }
        }
        auth_destroy(a);
        http_destroy(h);
    }
    ROW("");
}

/* Seen before anything is sent. */
static void certificates_of_no_use(void)
{
    static const struct {
        const char *file, *key, *passphrase, *text;
    } rows[] = {
        { "expired.pem", NULL, NULL, "it has expired" },
        { "client.p12", NULL, NULL, "passphrase does not open" },
        { "client.p12", NULL, "wrong", "passphrase does not open" },
        { "client.pem", "client.enc.key", NULL, "without a passphrase" },
        { "client.pem", "client.enc.key", "wrong", "that the passphrase opens" },
        { "client.pem", "client.enc.key", "keysecret", NULL },
        { "ca.crt", NULL, NULL, "no private key" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_options o = { .ca_file = net_file("ca.crt") };
        struct strbuf pem = STRBUF_INIT(32768);
        easg_error err = EASG_ERROR_INIT;
        struct http *h = NULL;
        const char *part;
        size_t len;

        ROW(rows[i].text ? rows[i].text : "encrypted key");
        part = net_slurp(rows[i].file, &len);
        if (rows[i].key) { /* the certificate alone, and the encrypted key behind it */
            const char *begin = strstr(part, "-----BEGIN CERTIFICATE");
            const char *end = begin ? strstr(begin, "-----END CERTIFICATE-----") : NULL;

            if (CHECK(end != NULL))
                strbuf_add(&pem, begin, (size_t)(end - begin) + 26);
            part = net_slurp(rows[i].key, &len);
        }
        strbuf_add(&pem, part, len);
        o.client_pem = pem.ptr;
        o.client_pem_len = pem.len;
        o.client_passphrase = rows[i].passphrase;
        o.client_passphrase_len = rows[i].passphrase ? strlen(rows[i].passphrase) : 0;
        CHECK_INT(http_create(&o, &h, &err), rows[i].text ? EASG_E_CONFIG : EASG_OK);
        if (rows[i].text)
            CHECK_HAS(err.message, rows[i].text);
        http_destroy(h);
        strbuf_clear(&pem);
    }
    ROW("");
}

int net_test_way(void)
{
    proxies();
    certificates();
    certificates_of_no_use();
    return check_done();
}
