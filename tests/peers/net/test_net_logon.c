/* SPDX-License-Identifier: Apache-2.0
 *
 * Who we are, to real acceptors and a real KDC: each way to log on, each refusal with its reason,
 * and how often anybody was asked.
 */
#include "net_test.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#define USER "svc-easgate@" NET_REALM

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What the acceptor was sent since the last call: "- 0; Negotiate 7". */
static const char *came(const char *server)
{
    static char kept[2000];
    struct http *h = net_http((struct http_options){ 0 });
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;

    CHECK_INT(net_post(NULL, h, server, "/requests", "x", 10000, &resp, &err), EASG_OK);
    (void)snprintf(kept, sizeof kept, "%s", net_body());
    http_destroy(h);
    return kept;
}

static struct auth_account by_keytab(void)
{
    return (struct auth_account){ .user = USER, .keytab = net_file("krb5/client.keytab") };
}

/* Every way in that must work, twice on one connection. */
static void ways_in(void)
{
    struct auth_account keytab = by_keytab();
    struct auth_account first = { .keytab = net_file("krb5/client.keytab") };
    struct auth_account password = { .user = USER, .password = NET_PASSWORD };
    struct auth_account cache = { .ccache = net_file("krb5/cc_good") };
    struct auth_account negotiate = by_keytab();
    struct auth_account spn = by_keytab();
    struct auth_account at = by_keytab();
    const struct {
        const char *name;
        const struct auth_account *account;
        const char *server, *path, *scheme, *has;
    } rows[] = {
        { "keytab, binding required", &keytab, "epad", "/epa", "Negotiate", "bound=True" },
        { "password, binding required", &password, "epad", "/epa", "Negotiate", "bound=True" },
        { "cache, binding required", &cache, "epad", "/epa", "Negotiate", "bound=True" },
        { "keytab without a user", &first, "epad", "/epa", "Negotiate", "bound=True" },
        { "negotiate", &negotiate, "epad", "/epa", "Negotiate", "bound=True" },
        { "scheme Kerberos", &keytab, "epad", "/kerberos", "Kerberos", "bound=True" },
        { "scheme Kerberos, password", &password, "epad", "/kerberos", "Kerberos", "bound=True" },
        { "Apache, each request", &keytab, "web", "/wsman", "Negotiate", "user=svc-eas" },
        { "Apache, bound", &keytab, "web", "/bound", "Negotiate", "user=svc-eas" },
        { "acceptor, each request", &keytab, "epad", "/each", "Negotiate", "bound=True" },
        { "service name given", &spn, "epad", "/epa", "Negotiate", "bound=True" },
        { "service name given, old style", &at, "epad", "/epa", "Negotiate", "bound=True" },
    };

    negotiate.mechanism = AUTH_NEGOTIATE;
    spn.spn = "HTTP/localhost@" NET_REALM;
    at.spn = "HTTP@localhost";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http *h = net_http((struct http_options){ 0 });
        struct auth *a = net_account(*rows[i].account);
        easg_error err = EASG_ERROR_INIT;
        struct http_response resp = { 0 };

        ROW(rows[i].name);
        for (int k = 0; k < 3; k++) {
            if (!CHECK_INT(net_post(a, h, rows[i].server, rows[i].path, "payload", 20000, &resp,
                                    &err),
                           EASG_OK))
                printf("# %s\n", err.message);
            CHECK_INT(resp.status, 200);
            CHECK_HAS(net_body(), k == 0 ? rows[i].has : "user=svc-easgate");
            CHECK_HAS(net_body(), "body=7");
            CHECK_INT(resp.opened_connection, 0); /* the empty request did */
        }
        CHECK_STR(auth_scheme(a), rows[i].scheme);
        auth_destroy(a);
        http_destroy(h);
    }
    ROW("");
}

/* How many requests a log-on costs, by how the server takes it. */
static void requests_of(const char *path, const char *want)
{
    struct http *h = net_http((struct http_options){ 0 });
    struct auth *a = net_account(by_keytab());
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;

    ROW(path);
    (void)came("epad");
    for (int k = 0; k < 4; k++)
        CHECK_INT(net_post(a, h, "epad", path, "payload", 20000, &resp, &err), EASG_OK);
    CHECK_STR(came("epad"), want);
    auth_destroy(a);
    http_destroy(h);
    ROW("");
}

static void closed_while_idle(void)
{
    struct http *h = net_http((struct http_options){ 0 });
    struct auth *a = net_account(by_keytab());
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;

    ROW("idle");
    for (int k = 0; k < 3; k++) {
        if (!CHECK_INT(net_post(a, h, "epad-idle", "/epa", "payload", 20000, &resp, &err), EASG_OK))
            printf("# %s\n", err.message);
        CHECK_HAS(net_body(), "bound=True");
        if (k < 2) /* it is the server's second of patience that is waited for */
            (void)nanosleep(&(struct timespec){ 2, 0 }, NULL);
    }
    auth_destroy(a);
    http_destroy(h);
    ROW("");
}

/* Each refusal: its status and number, one question to the KDC, nothing to the server, and the same
 * again without asking anybody. */
static void refusals(void)
{
    static const struct {
        const char *name, *user, *password, *keytab, *ccache, *spn;
        easg_status status;
        int64_t code;
        const char *log; /* in the KDC's, once */
        const char *text;
    } rows[] = {
        { "wrong password", USER, "wrong", NULL, NULL, NULL, EASG_E_AUTH, 2529638936,
          "PREAUTH_FAILED", "password is wrong" },
        { "old keytab", "svc-stale@" NET_REALM, NULL, "krb5/stale.keytab", NULL, NULL, EASG_E_AUTH,
          2529638936, "PREAUTH_FAILED", "password is wrong" },
        { "unknown user", "nobody@" NET_REALM, "x", NULL, NULL, NULL, EASG_E_AUTH, 2529638918,
          "CLIENT_NOT_FOUND: nobody", "does not know" },
        { "disabled", "svc-disabled@" NET_REALM, NET_PASSWORD, NULL, NULL, NULL, EASG_E_AUTH,
          2529638930, "svc-disabled", "disabled or locked" },
        { "password expired", "svc-expired@" NET_REALM, NET_PASSWORD, NULL, NULL, NULL, EASG_E_AUTH,
          2529638935, ": svc-expired@", "password has expired" },
        { "ticket expired", NULL, NULL, NULL, "krb5/cc_short", NULL, EASG_E_AUTH, 2529638944, NULL,
          "ticket has expired" },
        { "no such cache", NULL, NULL, NULL, "krb5/cc_none", NULL, EASG_E_CONFIG, 2529639107, NULL,
          "no such credential cache" },
        { "not in the keytab", "nobody@" NET_REALM, NULL, "krb5/client.keytab", NULL, NULL,
          EASG_E_CONFIG, 2529639093, NULL, "no key of this account" },
        { "unknown service", USER, NULL, "krb5/client.keytab", NULL, "HTTP/nosuch.example",
          EASG_E_AUTH, 2529638919, "HTTP/nosuch.example", "auth.spn" },
        { "unknown realm", "svc@ELSEWHERE.TEST", "x", NULL, NULL, NULL, EASG_E_CONFIG, 2529639066,
          NULL, "no KDC is known" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct auth *a = net_account(
            (struct auth_account){ .user = rows[i].user,
                                   .password = rows[i].password,
                                   .keytab = rows[i].keytab ? net_file(rows[i].keytab) : NULL,
                                   .ccache = rows[i].ccache ? net_file(rows[i].ccache) : NULL,
                                   .spn = rows[i].spn });
        struct http *h = net_http((struct http_options){ 0 });
        easg_error err = EASG_ERROR_INIT;
        struct http_response resp;
        int before;

        ROW(rows[i].name);
        (void)came("epad");
        before = rows[i].log ? net_log_lines("kdc.log", rows[i].log) : 0;
        CHECK_INT(net_post(a, h, "epad", "/gss", "payload", 20000, &resp, &err), rows[i].status);
        CHECK_INT(err.domain, EASG_DOMAIN_GSS);
        CHECK_INT(err.native_code, rows[i].code);
        if (!CHECK_HAS(err.message, rows[i].text))
            printf("# %s\n", err.message);
        if (rows[i].status == EASG_E_AUTH)
            CHECK_INT(net_post(a, h, "epad", "/gss", "payload", 20000, &resp, &err), EASG_E_AUTH);
        if (rows[i].log)
            CHECK_INT(net_log_until("kdc.log", rows[i].log, before + 1) - before, 1);
        CHECK_STR(came("epad"), "- 0"); /* no token, and no body */
        auth_destroy(a);
        http_destroy(h);
    }
    ROW("");
}

static void refused_by_the_server(void)
{
    struct http *h = net_http((struct http_options){ 0 });
    struct auth_account lax = by_keytab();
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;
    struct auth *a = net_account(by_keytab());

    ROW("clock");
    if (net_number("epad-skew")) {
        CHECK_INT(net_post(a, h, "epad-skew", "/gss", "payload", 20000, &resp, &err), EASG_E_AUTH);
        CHECK_HAS(err.message, "clock differs from ours");
        CHECK_INT(net_post(a, h, "epad-skew", "/gss", "payload", 20000, &resp, &err), EASG_E_AUTH);
        CHECK_STR(came("epad-skew"), "- 0; Negotiate 7");
    } else {
        printf("# SKIP of one case: libfaketime is not installed\n");
    }
    auth_destroy(a);
    http_destroy(h);

    ROW("no proof");
    h = net_http((struct http_options){ 0 });
    a = net_account(by_keytab());
    CHECK_INT(net_post(a, h, "epad", "/noproof", "payload", 20000, &resp, &err), EASG_E_UNTRUSTED);
    CHECK_HAS(err.message, "no proof of itself");
    auth_destroy(a);
    http_destroy(h);
    h = net_http((struct http_options){ 0 });
    lax.mutual_optional = 1;
    a = net_account(lax);
    CHECK_INT(net_post(a, h, "epad", "/noproof", "payload", 20000, &resp, &err), EASG_OK);
    auth_destroy(a);
    http_destroy(h);

    ROW("not offered");
    h = net_http((struct http_options){ 0 });
    a = net_account(by_keytab());
    CHECK_INT(net_post(a, h, "web", "/basic", "payload", 20000, &resp, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "does not offer Negotiate or Kerberos but Basic");
    auth_destroy(a);
    http_destroy(h);
    h = net_http((struct http_options){ 0 });
    lax.mechanism = AUTH_NEGOTIATE;
    a = net_account(lax);
    CHECK_INT(net_post(a, h, "epad", "/kerberos", "payload", 20000, &resp, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "does not offer Negotiate but Kerberos");
    auth_destroy(a);
    http_destroy(h);
    ROW("");
}

/* The KDC takes connections and says nothing; then it takes none. gss-ntlmssp is installed, and a
 * password is there: SPNEGO left alone would fall back to NTLM. */
static void kdc_away(void)
{
    struct auth_account password = { .user = USER, .password = NET_PASSWORD };
    struct http *h = net_http((struct http_options){ 0 });
    struct auth *a = net_account(password);
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp;
    pid_t kdc = (pid_t)net_number("kdc-pid");
    int64_t began;

    ROW("frozen");
    (void)came("epad");
    CHECK(kdc > 1);
    CHECK_INT(kill(kdc, SIGSTOP), 0);
    began = now_ms();
    CHECK_INT(net_post(a, h, "epad", "/gss", "payload", 3000, &resp, &err), EASG_E_TIMEOUT);
    CHECK(now_ms() - began < 6000);
    CHECK_HAS(err.message, "the KDC did not answer within 3 s");
    began = now_ms();
    CHECK_INT(net_post(a, h, "epad", "/gss", "payload", 3000, &resp, &err), EASG_E_TIMEOUT);
    CHECK(now_ms() - began < 2000);
    auth_destroy(a); /* while the call is still under way */
    CHECK_INT(kill(kdc, SIGCONT), 0);
    CHECK_STR(came("epad"), "- 0; - 0");
    http_destroy(h);

    ROW("down");
    net_krb5_conf("dead.conf");
    for (int negotiate = 0; negotiate < 2; negotiate++) {
        password.mechanism = negotiate ? AUTH_NEGOTIATE : AUTH_KERBEROS;
        h = net_http((struct http_options){ 0 });
        a = net_account(password);
        CHECK_INT(net_post(a, h, "epad", "/gss", "payload", 20000, &resp, &err),
                  EASG_E_UNREACHABLE);
        CHECK_INT(err.native_code, 2529639068);
        auth_destroy(a);
        http_destroy(h);
        CHECK_STR(came("epad"), "- 0"); /* no NTLM instead */
    }
    net_krb5_conf("krb5.conf");
    ROW("");
}

static void ntlm(void)
{
    struct auth_account account = { .mechanism = AUTH_NTLM,
                                    .user = "EXCHANGE\\svc-easgate",
                                    .password = NET_PASSWORD };
    struct http *h = net_http((struct http_options){ 0 });
    struct auth *a = net_account(account);
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp = { 0 };
    int before, ntlm_lines;

    ROW("ntlm");
    for (int k = 0; k < 2; k++) {
        if (!CHECK_INT(net_post(a, h, "web", "/ntlm", "payload", 20000, &resp, &err), EASG_OK))
            printf("# %s\n", err.message);
        CHECK_INT(resp.status, 200);
        CHECK_HAS(net_body(), "svc-easgate");
        CHECK_HAS(net_body(), "body=7");
    }
    CHECK_STR(auth_scheme(a), "NTLM");
    auth_destroy(a);
    http_destroy(h);

    ROW("ntlm, wrong password");
    h = net_http((struct http_options){ 0 });
    account.password = "wrong";
    a = net_account(account);
    before = net_log_lines("apache.access", "/ntlm");
    CHECK_INT(net_post(a, h, "web", "/ntlm", "payload", 20000, &resp, &err), EASG_E_AUTH);
    CHECK_INT(net_post(a, h, "web", "/ntlm", "payload", 20000, &resp, &err), EASG_E_AUTH);
    CHECK_INT(net_log_until("apache.access", "/ntlm", before + 3) - before,
              3); /* empty, first, second */
    auth_destroy(a);
    http_destroy(h);

    ROW("ntlm, only when it is configured");
    ntlm_lines = net_log_lines("apache.access", "auth=NTLM TlRMTVNTU");
    CHECK(ntlm_lines >= 4);
    h = net_http((struct http_options){ 0 });
    a = net_account(by_keytab());
    before = net_log_lines("apache.access", "auth=NTLM");
    CHECK_INT(net_post(a, h, "web", "/ntlm", "payload", 20000, &resp, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "does not take Kerberos");
    CHECK_INT(net_log_lines("apache.access", "auth=NTLM") - before, 0);
    /* "NTLMSSP" in base64, at each of three places: it hides in no token, either */
    for (size_t i = 0; i < 3; i++) {
        static const char *const signature[] = { "TlRMTVNTU", "5UTE1TU1", "OVExNU1NQ" };
        char line[40];

        (void)snprintf(line, sizeof line, "%s", signature[i]);
        CHECK_INT(net_log_lines("apache.access", line), i == 0 ? ntlm_lines : 0);
    }
    auth_destroy(a);
    http_destroy(h);
    ROW("");
}

static void accounts_that_are_none(void)
{
    static const struct {
        struct auth_account account;
        const char *text;
    } rows[] = {
        { { .user = USER }, "one of auth.keytab" },
        { { .user = USER, .password = "x", .ccache = "y" }, "one of auth.keytab" },
        { { .password = "x" }, "needs auth.user" },
        { { .user = "CONTOSO\\svc", .password = "x" }, "user@REALM" },
        { { .user = USER, .password = "" }, "auth.password is empty" },
        { { .user = USER, .keytab = "/nonexistent" }, "cannot be read" },
        { { .mechanism = AUTH_NTLM, .user = "EXCHANGE\\svc", .keytab = "/nonexistent" },
          "auth.user and auth.password" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct auth_account account = rows[i].account;
        easg_error err = EASG_ERROR_INIT;
        struct auth *a = NULL;

        ROW(rows[i].text);
        account.password_len = account.password ? strlen(account.password) : 0;
        CHECK_INT(auth_create_account(&account, &a, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, rows[i].text);
        CHECK(a == NULL);
    }
    ROW("");
}

int net_test_logon(void)
{
    accounts_that_are_none();
    ways_in();
    requests_of("/epa", "- 0; Negotiate 7; - 7; - 7; - 7");
    requests_of("/each", "- 0; Negotiate 7; - 7; Negotiate 7; Negotiate 7; Negotiate 7");
    closed_while_idle();
    refusals();
    refused_by_the_server();
    ntlm();
    kdc_away();
    return check_done();
}
