/* SPDX-License-Identifier: Apache-2.0
 *
 * How EWS is found: every way, redirects that may and may not be followed, what is kept.
 */
#include "check.h"
#include "err.h"
#include "ews_discover.h"
#include "maillab.h"
#include "text.h"

static struct maillab_host h;
static struct fakehost_option config[] = { { "service_url", NULL },
                                           { "autodiscover.server", maillab_server },
                                           { NULL, NULL } };

/* Opens a session of a new host with these faults, "|" between them, and sends a message. */
static void found(const char *row, const char *faults, easg_status want, const char *in_log)
{
    easg_error err = EASG_ERROR_INIT;
    easg_message m = maillab_message(row, "user@contoso.example");
    const char *p = faults;

    ROW(row);
    maillab_clear();
    while (p && *p) {
        char spec[120];
        size_t n = strcspn(p, "|");

        (void)snprintf(spec, sizeof spec, "%.*s", (int)n, p);
        maillab_fault(spec);
        p += n + (p[n] == '|');
    }
    CHECK_INT(maillab_host_init(&h, config), 0);
    if (!CHECK_INT(maillab_open(&h, &err), want))
        printf("# %s\n%s", err.message, strbuf_str(&h.host.log));
    if (want == EASG_OK && h.session) {
        CHECK_INT(maillab_ops()->send(h.session, fakehost_run(&h.host), &m, &err), EASG_OK);
        CHECK_INT(maillab_count(NULL, NULL), 1);
    } else {
        CHECK_INT(maillab_count(NULL, NULL), 0);
    }
    if (in_log) {
        struct strbuf both = STRBUF_INIT(1u << 20);

        strbuf_adds(&both, strbuf_str(&h.host.log));
        strbuf_adds(&both, err.message);
        CHECK_HAS(strbuf_str(&both), in_log);
        strbuf_clear(&both);
    }
    maillab_host_clear(&h);
}

static void ways(void)
{
    char spec[400];

    found("SOAP", "", EASG_OK, "(SOAP at localhost");
    found("POX", "ad-soap:http=404", EASG_OK, "(POX at localhost");
    found("V2", "ad-soap:http=404|ad-pox:error=600", EASG_OK, "(V2 at localhost");
    found("a SOAP error", "ad-soap:error=InvalidUser", EASG_OK, "(POX at localhost");
    found("nothing, but the usual place", "ad-soap:http=500|ad-pox:error=601|ad-json:error=No",
          EASG_OK, "answers, so that is taken");
    found("another address", "ad-soap:addr=notify@other.example@2|ad-soap:addr=n@x.example@1",
          EASG_OK, "(SOAP at");
    found("the same address", "ad-soap:addr=notify@contoso.example@1", EASG_OK, "(POX at");
    found("an answer that names a foreign host",
          "ad-soap:ews=https://evil.example/EWS/Exchange.asmx", EASG_OK, "not allowed");
    found("an answer over http", "ad-soap:ews=http://localhost/EWS/Exchange.asmx", EASG_OK,
          "no https address");
    found("V2 names a foreign host",
          "ad-soap:http=404|ad-pox:http=404|ad-json:ews=https://evil.example/E", EASG_OK,
          "not allowed");
    found("a redirect to a foreign host", "ad-soap:url=https://evil.example/a.svc", EASG_OK,
          "not allowed");
    found("a redirect to http", "ad-soap:302=http://localhost/a.svc", EASG_OK, "no https address");
    (void)snprintf(spec, sizeof spec,
                   "ad-soap:http=404|ad-pox:url=https://%s/autodiscover/autodiscover.xml@1",
                   maillab_server);
    found("a redirect that may be followed", spec, EASG_OK, "(POX at");
    (void)snprintf(spec, sizeof spec,
                   "ad-soap:http=404|ad-pox:302=https://%s/autodiscover/autodiscover.xml",
                   maillab_server);
    found("a circle", spec, EASG_OK, "in a circle");
}

static void refused(void)
{
    static const struct fakehost_option wrong[] = { { "service_url", NULL },
                                                    { "autodiscover.server", maillab_server },
                                                    { "auth.user", "CONTOSO\\somebody" },
                                                    { NULL, NULL } };
    easg_error err = EASG_ERROR_INIT;
    int64_t before;

    ROW("a refused account is not carried to other hosts");
    maillab_clear();
    before = maillab_stat("auth_failures");
    CHECK_INT(maillab_host_init(&h, wrong), 0);
    CHECK_INT(maillab_open(&h, &err), EASG_E_AUTH);
    CHECK_INT(maillab_stat("auth_failures"), before + 1);
    maillab_host_clear(&h);
}

static int64_t discovers(void)
{
    static int64_t last;
    int64_t now = maillab_stat("discovers"), since = now - last;

    last = now;
    return since;
}

static easg_status EASG_CALL show(void *user, const uint8_t *ptr, size_t len)
{
    (void)snprintf(user, 600, "%.*s", (int)len, (const char *)ptr);
    return EASG_OK;
}

static void kept(void)
{
    static const char gone[] = "https://localhost:1/EWS/Exchange.asmx\n9999999999999";
    const easg_host *host;
    easg_error err = EASG_ERROR_INIT;
    char value[600] = "";

    ROW("kept");
    maillab_clear();
    CHECK_INT(maillab_host_init(&h, config), 0);
    host = &h.host.host;
    (void)discovers();
    CHECK_INT(maillab_open(&h, &err), EASG_OK);
    CHECK_INT(discovers(), 1);
    CHECK_INT(host->state_get(host, fakehost_run(&h.host), "service", show, value, &err), EASG_OK);
    CHECK_HAS(value, "/EWS/Exchange.asmx\n");
    CHECK_INT(maillab_open(&h, &err), EASG_OK);
    CHECK_INT(discovers(), 0);
    ROW("a day later");
    h.host.clock_shift_ms += 25 * 3600 * 1000;
    CHECK_INT(maillab_open(&h, &err), EASG_OK);
    CHECK_INT(discovers(), 1);
    ROW("a day later, and Autodiscover is down");
    h.host.clock_shift_ms += 25 * 3600 * 1000;
    maillab_fault("ad-soap:http=500");
    maillab_fault("ad-pox:http=500");
    maillab_fault("ad-json:http=500");
    CHECK_INT(maillab_open(&h, &err), EASG_OK);
    maillab_clear();
    (void)discovers();
    ROW("nobody is where it was");
    {
        char text[120];

        (void)snprintf(text, sizeof text, "https://localhost:1/EWS/Exchange.asmx\n%lld",
                       (long long)host->now(host));
        CHECK_INT(host->state_put(host, fakehost_run(&h.host), "service", (const uint8_t *)text,
                                  strlen(text), &err),
                  EASG_OK);
    }
    CHECK_INT(maillab_open(&h, &err), EASG_OK);
    CHECK_INT(discovers(), 1);
    ROW("of the future");
    CHECK_INT(host->state_put(host, fakehost_run(&h.host), "service", (const uint8_t *)gone,
                              sizeof gone - 1, &err),
              EASG_OK);
    CHECK_INT(maillab_open(&h, &err), EASG_OK);
    CHECK_INT(discovers(), 1);
    ROW("moved while sending: found anew, at the same place: told, and not sent");
    {
        easg_message m = maillab_message("moved", "user@contoso.example");

        maillab_fault("ews-create:http=451");
        CHECK_INT(maillab_ops()->send(h.session, fakehost_run(&h.host), &m, &err),
                  EASG_E_UNREACHABLE);
        CHECK_INT(discovers(), 1);
        CHECK_INT(maillab_count(NULL, NULL), 0);
    }
    maillab_host_clear(&h);
}

/* ---- SRV, with a resolver of the test's ---- */

static uint16_t port;

static easg_status resolve(void *user, const char *name, struct ews_srv *out, size_t max, size_t *n,
                           easg_error *err)
{
    (void)user;
    (void)max;
    (void)err;
    CHECK_STR(name, "_autodiscover._tcp.contoso.example");
    *n = 3;
    out[0] = (struct ews_srv){ 5, 0, port, "evil.example" };
    out[1] = (struct ews_srv){ 10, 5, 80, "localhost" };
    out[2] = (struct ews_srv){ 10, 5, port, "localhost" };
    return EASG_OK;
}

static int64_t plenty(void *user)
{
    (void)user;
    return 60000;
}

static int refusals;

static void tried(void *user, const char *text)
{
    (void)user;
    refusals += strstr(text, "evil.example") && strstr(text, "not allowed");
}

static void srv(void)
{
    struct http_options http = { .ca_file = maillab_ca, .connect_timeout_ms = 2000 };
    easg_str local = TEXT_LIT("localhost");
    const easg_str *allow[] = { &local };
    struct ews_discover_options o = { .mailbox = "notify@contoso.example",
                                      .allow = allow,
                                      .n_allow = 1,
                                      .pox = 1,
                                      .srv = 1,
                                      .http = &http,
                                      .remaining_ms = plenty,
                                      .resolve = resolve,
                                      .tried = tried };
    struct ews_found found_at;
    easg_error err = EASG_ERROR_INIT;
    uint64_t n = 0;

    ROW("SRV");
    maillab_clear();
    CHECK(text_parse_u64(strchr(maillab_server, ':') + 1, strlen(strchr(maillab_server, ':') + 1),
                         &n));
    port = (uint16_t)n;
    o.srv_port = port;
    CHECK_INT(auth_create_basic(maillab_user, strlen(maillab_user), maillab_password,
                                strlen(maillab_password), &o.auth, &err),
              EASG_OK);
    if (!CHECK_INT(ews_discover(&o, &found_at, &err), EASG_OK))
        printf("# %s\n", err.message);
    CHECK_HAS(found_at.url, "https://localhost:");
    CHECK_INT(refusals, 1);
    ROW("SRV off");
    o.srv = 0;
    CHECK_INT(ews_discover(&o, &found_at, &err), EASG_E_UNREACHABLE);
    CHECK_HAS(err.message, "service_url");
    auth_destroy(o.auth);
}

int main(void)
{
    if (maillab_start() != 0)
        return 1;
    ways();
    refused();
    kept();
    srv();
    maillab_stop();
    return check_done();
}
