/* SPDX-License-Identifier: Apache-2.0
 *
 * The module against a Graph of a few people and devices: every fact in the words of the SDK, and
 * no OK for anything that is not complete. The plugin is linked in, so that sanitizers see it.
 */
#include <time.h>

#include "../../plugins/support/fakehost.h"
#include "../graph/cloud.h"
#include "check.h"
#include "err.h"
#include "intune.h"
#include "text.h"

#define G1 "00000001-0000-4000-8000-00000000000a" /* people 1, 2, 3 */
#define G2 "00000002-0000-4000-8000-00000000000a" /* 3, 4 */
#define G3 "00000003-0000-4000-8000-00000000000a" /* nobody */
#define NO "00000009-0000-4000-8000-00000000000a" /* not there */

static struct cloud cloud;
static const easg_module *module;
static const easg_sink_ops *ops;
static struct fakehost_secret secrets[2];

static const struct fakehost_option good[] = {
    { "tenant", CLOUD_TENANT },
    { "client_id", CLOUD_CLIENT },
    { "certificate", "@pem" },
    { "login_url", cloud.url },
    { "graph_url", cloud.url },
    { "ca_file", cloud.ca },
    { "page_size", "3" },
    { "timeout.connect", "5000" },
    { "timeout.request", "5000" },
    { "assertion", "ps256" },
    { "service_plans", "[c1ec4a95-1f05-45b3-a911-aa3fa01094f5]" },
};
#define N_GOOD (sizeof good / sizeof *good)

struct groups {
    const char *include[4];
    const char *exclude[4];
};

static size_t fill(const char *const *names, easg_str *texts, const easg_str **ptrs)
{
    size_t n = 0;

    for (; n < 4 && names[n]; n++) {
        texts[n] = text_str(names[n]);
        ptrs[n] = &texts[n];
    }
    return n;
}

/* One whole life: create, open, fetch, close, destroy. */
static easg_status fetch(struct fakehost *f, const struct groups *g, struct fakehost_log *log,
                         easg_error *err)
{
    easg_str in[4], ex[4];
    const easg_str *inp[4], *exp[4];
    easg_facts_query q = { .struct_size = (uint32_t)sizeof q,
                           .include_groups = inp,
                           .exclude_groups = exp };
    easg_sink_receiver to = fakehost_sink_receiver(log);
    easg_instance *self = NULL;
    easg_session *session = NULL;
    easg_status st;

    q.n_include_groups = fill(g->include, in, inp);
    q.n_exclude_groups = fill(g->exclude, ex, exp);
    err_clear(err);
    st = module->create(&f->host, fakehost_config(f), &self, err);
    if (st != EASG_OK)
        return st;
    st = ops->open(self, fakehost_run(f), &session, err);
    if (st == EASG_OK) {
        st = ops->fetch(session, fakehost_run(f), &q, &to, err);
        ops->close(session);
    } else {
        CHECK(session == NULL);
    }
    module->destroy(self);
    return st;
}

static void test_facts(void)
{
    static const struct groups g = { { G1 }, { G2 } };
    static const char *const lines[] = {
        "person 00000001-0000-4000-8000-000000000000 upn=user1@contoso.com sid=S-1-5-21-1-2-3-1 "
        "immutable=imm1== smtp=user1@contoso.com,alias1@contoso.com flags=LT",
        "person 00000002-0000-4000-8000-000000000000 upn=user2@contoso.com sid=S-1-5-21-1-2-3-2 "
        "immutable=imm2== smtp=- flags=LT",
        /* the plan is there, and deleted; in both groups */
        "person 00000003-0000-4000-8000-000000000000 upn=user3@contoso.com sid=S-1-5-21-1-2-3-3 "
        "immutable=imm3== smtp=user3@contoso.com,alias3@contoso.com flags=TE",
        "person 00000004-0000-4000-8000-000000000000 upn=user4@contoso.com sid=- "
        "immutable=imm4== smtp=user4@contoso.com,alias4@contoso.com flags=E",
        "person 00000005-0000-4000-8000-000000000000 upn=user5@contoso.com sid=S-1-5-21-1-2-3-5 "
        "immutable=imm5== smtp=user5@contoso.com,alias5@contoso.com flags=L",
        "managed 00000001-0000-4000-8000-00000000000d eas=EAS000001 "
        "user=00000002-0000-4000-8000-000000000000 compliance=1 management=1 os=iOS model=iPhone "
        "14 "
        "serial=SN1 enrolled=2026-01-02T03:04:05Z seen=2026-11-24T10:00:00.500Z grace=- flags=A",
        "managed 00000002-0000-4000-8000-00000000000d eas=EAS000002 "
        "user=00000003-0000-4000-8000-000000000000 compliance=3 management=1 os=iOS model=iPhone "
        "14 "
        "serial=SN2 enrolled=2026-01-02T03:04:05Z seen=2026-11-24T10:00:00.500Z grace=- flags=AR",
        "managed 00000003-0000-4000-8000-00000000000d eas=EAS000003 "
        "user=00000004-0000-4000-8000-000000000000 compliance=2 management=1 os=iOS model=iPhone "
        "14 "
        "serial=SN3 enrolled=2026-01-02T03:04:05Z seen=2026-11-24T10:00:00.500Z "
        "grace=2026-12-01T00:00:00Z flags=R",
        "managed 00000004-0000-4000-8000-00000000000d eas=EAS000004 "
        "user=00000001-0000-4000-8000-000000000000 compliance=4 management=2 ",
        "managed 00000005-0000-4000-8000-00000000000d eas=EAS000005 user=- compliance=5 "
        "management=2 ",
        "managed 00000006-0000-4000-8000-00000000000d eas=EAS000006 "
        "user=00000003-0000-4000-8000-000000000000 compliance=6 management=0 ",
        "managed 00000007-0000-4000-8000-00000000000d eas=- "
        "user=00000004-0000-4000-8000-000000000000 compliance=0 management=1 os=iOS model=iPhone "
        "14 "
        "serial=SN7 enrolled=- ",
        "managed 00000008-0000-4000-8000-00000000000d eas=- user=- compliance=0 management=0 ",
        "managed 00000009-0000-4000-8000-00000000000d eas=EAS000009 "
        "user=00000002-0000-4000-8000-000000000000 compliance=1 management=1 ",
        "managed 0000000a-0000-4000-8000-00000000000d eas=EAS000010 "
        "user=00000003-0000-4000-8000-000000000000 compliance=1 management=1 os=iOS model=- "
        "serial=- ",
    };
    easg_error err = EASG_ERROR_INIT;
    struct fakehost_log log;
    struct fakehost f;

    fakehost_init(&f, good, N_GOOD, secrets, 2);
    fakehost_log_init(&log);
    CHECK_INT(fetch(&f, &g, &log, &err), EASG_OK);
    CHECK_STR(err.message, "");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char id[48];

        snprintf(id, sizeof id, "%.*s", (int)strcspn(lines[i] + 8, " ") + 8, lines[i]);
        ROW(id);
        CHECK_HAS(fakehost_line(&log, id), lines[i]);
    }
    ROW("");
    CHECK_INT(log.people, 5);
    CHECK_INT(log.managed, 10);
    CHECK_HAS(strbuf_str(&f.log), "info: people read people=5 licensed=3");
    CHECK_HAS(strbuf_str(&f.log), "info: managed devices read devices=10 with_eas_id=8");
    CHECK_HAS(strbuf_str(&f.log), "state that is not known here devices=2");
    CHECK(strstr(strbuf_str(&f.log), "token-") == NULL);
    fakehost_log_clear(&log);
    fakehost_clear(&f);
}

static void test_requests(void)
{
    static const struct groups g = { { G1 }, { NULL } };
    easg_error err = EASG_ERROR_INIT;
    struct fakehost_log log;
    struct fakehost f;
    const char *text;

    (void)cloud_log();
    fakehost_init(&f, good, N_GOOD, secrets, 2);
    fakehost_log_init(&log);
    CHECK_INT(fetch(&f, &g, &log, &err), EASG_OK);
    text = cloud_log();
    CHECK_HAS(cloud_log_line(text, 0), "/oauth2/v2.0/token");
    CHECK_HAS(cloud_log_line(text, 1),
              "\"path\": \"/v1.0/groups/" G1 "/transitiveMembers/microsoft.graph.user?");
    CHECK_HAS(cloud_log_line(text, 2),
              "\"path\": \"/v1.0/users?$select=id,userPrincipalName,mail,"
              "proxyAddresses,onPremisesSecurityIdentifier,"
              "onPremisesImmutableId,preferredLanguage,assignedPlans&$top=3\"");
    CHECK_HAS(cloud_log_line(text, 4),
              "/v1.0/deviceManagement/managedDevices?$select=id,easDeviceId");
    CHECK_HAS(cloud_log_line(text, 4), "easgate-intune/");
    CHECK_HAS(cloud_log_line(text, 7), "skiptoken=9");
    CHECK(cloud_log_line(text, 8) == NULL);
    fakehost_log_clear(&log);
    fakehost_clear(&f);
}

static void test_groups(void)
{
    static const struct {
        const char *name;
        struct groups g;
        easg_status want;
        const char *says;
        unsigned targeted, exempt;
    } rows[] = {
        { "no groups: everybody", { { NULL }, { NULL } }, EASG_OK, "", 5, 0 },
        { "two, overlapping", { { G1, G2 }, { NULL } }, EASG_OK, "", 4, 0 },
        { "empty include group: nobody", { { G3 }, { NULL } }, EASG_OK, "", 0, 0 },
        { "exclude", { { NULL }, { G1 } }, EASG_OK, "", 5, 3 },
        { "missing include group",
          { { G1, NO }, { NULL } },
          EASG_E_CONFIG,
          "policy.include_groups: there is no group " NO,
          0,
          0 },
        { "missing exclude group",
          { { NULL }, { NO } },
          EASG_E_CONFIG,
          "policy.exclude_groups: there is no group " NO,
          0,
          0 },
        { "no id",
          { { "Sales" }, { NULL } },
          EASG_E_CONFIG,
          "Sales is not a group's object id",
          0,
          0 },
        { "a path",
          { { "../users/00000001-0000-4000-8000-00" }, { NULL } },
          EASG_E_CONFIG,
          "is not a group's object id",
          0,
          0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct fakehost_log log;
        struct fakehost f;

        ROW(rows[i].name);
        fakehost_init(&f, good, N_GOOD, secrets, 2);
        fakehost_log_init(&log);
        CHECK_INT(fetch(&f, &rows[i].g, &log, &err), rows[i].want);
        CHECK_HAS(err.message, rows[i].says);
        CHECK_INT(log.targeted, rows[i].targeted);
        CHECK_INT(log.exempt, rows[i].exempt);
        CHECK_INT(log.people, rows[i].want == EASG_OK ? 5 : 0);
        fakehost_log_clear(&log);
        fakehost_clear(&f);
    }
    ROW("");
}

static void test_config(void)
{
    static const struct {
        const char *key, *value; /* value NULL: left out */
        const char *says;
    } rows[] = {
        { "tenant", NULL, "tenant and client_id" },
        { "client_id", NULL, "tenant and client_id" },
        { "certificate", NULL, "one of certificate, client_secret and federated_token" },
        { "client_secret", "@secret", "one of certificate, client_secret and federated_token" },
        { "page_size", "0", "page_size" },
        { "page_size", "1000", "page_size" },
        { "login_url", "http://login", "login_url: " },
        { "graph_url", "graph.microsoft.com", "graph_url: " },
        { "service_plans", "[]", "service_plans" },
        { "service_plans", "[INTUNE_A]", "entry 1 is not a plan's GUID" },
        { "federated_token", "@secret", "one of certificate, client_secret and federated_token" },
        { "cloud", "mars", "cloud: must be global" },
        { "assertion", "hs256", "assertion" },
        { "timeout.connect", "5", "timeout" },
        { "tenant", "common", "common is no tenant" },
        { "ca_file", "/nonexistent.pem", "ca_file /nonexistent.pem cannot be read" },
        { "certificate", "@nothing", "no such secret" },
        { "certificate", "@secret", "no BEGIN CERTIFICATE" },
    };
    static const struct groups none = { { NULL }, { NULL } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fakehost_option list[N_GOOD + 1];
        easg_error err = EASG_ERROR_INIT;
        struct fakehost_log log;
        struct fakehost f;
        size_t n = 0;

        ROW(rows[i].says);
        for (size_t k = 0; k < N_GOOD; k++) {
            if (strcmp(good[k].key, rows[i].key) != 0)
                list[n++] = good[k];
        }
        if (rows[i].value)
            list[n++] = (struct fakehost_option){ rows[i].key, rows[i].value };
        fakehost_init(&f, list, n, secrets, 2);
        fakehost_log_init(&log);
        CHECK_INT(fetch(&f, &none, &log, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, rows[i].says);
        CHECK_INT(log.seen, 0);
        fakehost_log_clear(&log);
        fakehost_clear(&f);
    }
    ROW("");
}

static void test_clouds(void)
{
    static const struct {
        const char *cloud, *login, *graph; /* what each is */
    } rows[] = {
        { NULL, "https://login.microsoftonline.com", "https://graph.microsoft.com" },
        { "global", "https://login.microsoftonline.com", "https://graph.microsoft.com" },
        { "usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us" },
        { "usgovdod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us" },
        { "china", "https://login.partner.microsoftonline.cn",
          "https://microsoftgraph.chinacloudapi.cn" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fakehost_option list[N_GOOD + 1];
        easg_error err = EASG_ERROR_INIT;
        easg_instance *in = NULL;
        struct fakehost f;
        size_t n = 0;

        ROW(rows[i].cloud ? rows[i].cloud : "(none)");
        for (size_t k = 0; k < N_GOOD; k++) {
            if (strcmp(good[k].key, "login_url") != 0 && strcmp(good[k].key, "graph_url") != 0)
                list[n++] = good[k];
        }
        if (rows[i].cloud)
            list[n++] = (struct fakehost_option){ "cloud", rows[i].cloud };
        fakehost_init(&f, list, n, secrets, 2);
        if (CHECK_INT(module->create(&f.host, fakehost_config(&f), &in, &err), EASG_OK)) {
            CHECK_STR(in->login_url, rows[i].login);
            CHECK_STR(in->graph_url, rows[i].graph);
            module->destroy(in);
        }
        fakehost_clear(&f);
    }
    ROW("");
}

static int polls;

static int cancel_later(void)
{
    return ++polls > 4;
}

/* What ends early is never OK. */
static void test_ends(void)
{
    static const struct groups none = { { NULL }, { NULL } };
    easg_error err = EASG_ERROR_INIT;
    struct fakehost_log log;
    struct fakehost f;

    for (uint64_t at = 1; at <= 15; at++) {
        fakehost_init(&f, good, N_GOOD, secrets, 2);
        fakehost_log_init(&log);
        log.refuse_at = at;
        CHECK_INT(fetch(&f, &none, &log, &err), EASG_E_CANCELLED);
        CHECK_INT(log.seen, at); /* and no further call */
        fakehost_log_clear(&log);
        fakehost_clear(&f);
    }
    fakehost_init(&f, good, N_GOOD, secrets, 2);
    fakehost_log_init(&log);
    f.cancel_when = cancel_later;
    CHECK_INT(fetch(&f, &none, &log, &err), EASG_E_CANCELLED);
    f.cancel_when = NULL;
    f.budget_ms = 0;
    CHECK_INT(fetch(&f, &none, &log, &err), EASG_E_TIMEOUT);
    f.budget_ms = 600000;
    cloud_script(
        "[[401,[],\"{\\\"error\\\":\\\"invalid_client\\\",\\\"error_codes\\\":[7000222]}\"]]");
    CHECK_INT(fetch(&f, &none, &log, &err), EASG_E_AUTH);
    CHECK_HAS(err.message, "AADSTS7000222");
    /* the login service is busy for a moment, and for good */
    f.slept_ms = 0;
    cloud_script("[[503,[[\"Retry-After\",\"0.2\"]],\"\"],[429,[],\"\"]]");
    log.refuse_at = 1;
    CHECK_INT(fetch(&f, &none, &log, &err), EASG_E_CANCELLED);
    CHECK_INT(f.slept_ms, 200 + 400);
    log.seen = 0;
    log.refuse_at = 0;
    cloud_script("[[503,[],\"\"],[503,[],\"\"],[503,[],\"\"],[503,[],\"\"]]");
    CHECK_INT(fetch(&f, &none, &log, &err), EASG_E_UNAVAILABLE);
    CHECK_INT(log.seen, 0);
    fakehost_log_clear(&log);
    fakehost_clear(&f);
}

static void test_secret_and_warnings(void)
{
    static const struct groups none = { { NULL }, { NULL } };
    struct fakehost_option list[N_GOOD];
    easg_error err = EASG_ERROR_INIT;
    struct fakehost_log log;
    struct fakehost f;

    memcpy(list, good, sizeof good);
    list[2] = (struct fakehost_option){ "client_secret", "@secret" };
    list[10] =
        (struct fakehost_option){ "service_plans", "[00000000-0000-0000-0000-000000000001]" };
    fakehost_init(&f, list, N_GOOD, secrets, 2);
    fakehost_log_init(&log);
    (void)cloud_log();
    CHECK_INT(fetch(&f, &none, &log, &err), EASG_OK);
    CHECK_HAS(cloud_log_line(cloud_log(), 0), "client_secret=s3cr%2Bt\"");
    CHECK_INT(log.licensed, 0);
    CHECK_HAS(strbuf_str(&f.log), "warning: nobody has an enabled plan");
    CHECK(strstr(strbuf_str(&f.log), "s3cr") == NULL);
    f.options = good;
    f.clock_shift_ms =
        80 * 86400000LL; /* the certificate lives 100 days, the server's date is now */
    CHECK_INT(fetch(&f, &none, &log, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&f.log), "warning: the app's certificate expires soon: make a new one and "
                                  "upload it days=19");
    CHECK_HAS(strbuf_str(&f.log), "warning: this machine's clock is ahead of the login server's");
    fakehost_log_clear(&log);
    fakehost_clear(&f);
}

static void test_no_memory(void)
{
    static const struct groups g = { { G1 }, { G2 } };
    int failed = 0;

    for (unsigned long n = 1; n < 3000; n += n < 60 ? 1 : 37) {
        easg_error err = EASG_ERROR_INIT;
        struct fakehost_log log;
        struct fakehost f;
        easg_status st;
        int hit;

        fakehost_init(&f, good, N_GOOD, secrets, 2);
        fakehost_log_init(&log);
        log.count_only = 1;
        (void)fakehost_config(&f);
        mem_fail_at(n, 0);
        st = fetch(&f, &g, &log, &err);
        hit = mem_fail_at(0, 0) >= n;
        /* nothing may be missing under an OK */
        CHECK(st != EASG_OK || (log.people == 5 && log.managed == 10 && log.targeted == 3));
        failed += st == EASG_E_NOMEM;
        fakehost_log_clear(&log);
        fakehost_clear(&f);
        if (!hit)
            break;
    }
    CHECK(failed > 40);
}

static void test_descriptor(void)
{
    easg_offer offer = { .struct_size = (uint32_t)sizeof offer,
                         .abi_major = EASG_ABI_MAJOR,
                         .abi_major_min = EASG_ABI_MAJOR };
    const easg_plugin *p = easg_plugin_entry(&offer);

    if (!CHECK(p != NULL))
        return;
    CHECK_INT(p->magic, EASG_PLUGIN_MAGIC);
    CHECK_STR(p->name, "intune");
    module = p->modules[0];
    CHECK_STR(module->kind, EASG_KIND_SINK);
    CHECK_STR(module->id, "intune");
    ops = module->ops;
    for (const easg_option *const *o = module->options; *o; o++) {
        ROW((*o)->name);
        CHECK_INT((*o)->struct_size, sizeof(easg_option));
        CHECK((*o)->doc && strlen((*o)->doc) > 10);
        CHECK((*o)->type != EASG_OPT_SECRET || !(*o)->default_value);
    }
    ROW("");
    offer.abi_major = offer.abi_major_min = EASG_ABI_MAJOR + 1;
    CHECK(easg_plugin_entry(&offer) == NULL);
}

int main(void)
{
    int rc = cloud_start(&cloud);

    if (rc == 77)
        return check_skip("python3 is not installed, so that there is no server to test against");
    if (!CHECK_INT(rc, 0))
        return check_done();
    secrets[0] = (struct fakehost_secret){ "pem", cloud.pem, cloud.pem_len };
    secrets[1] = (struct fakehost_secret){ "secret", "s3cr+t", 6 };
    test_descriptor();
    test_facts();
    test_requests();
    test_groups();
    test_config();
    test_clouds();
    test_ends();
    test_secret_and_warnings();
    test_no_memory();
    cloud_stop(&cloud);
    return check_done();
}
