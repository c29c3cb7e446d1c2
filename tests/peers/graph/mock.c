/* SPDX-License-Identifier: Apache-2.0
 *
 * The module `intune` before a Graph that makes its answers up, as Microsoft's description allows:
 * prism.py starts it and runs this. Whatever comes, fetch() ends with the right status and a text,
 * and nothing counts as facts unless it says EASG_OK.
 *
 *   mock FRONT LOGIN CA APP_PEM TENANT CLIENT
 */
#include <stdlib.h>

#include "../../plugins/support/fakehost.h"
#include "check.h"
#include "err.h"
#include "http.h"
#include "text.h"

#define GROUP "6f8d3a10-1111-4222-8333-444455556666"

static const easg_module *module;
static const easg_sink_ops *ops;
static const char *front;
static struct fakehost_secret secret;
static char pem[16384];
static struct http *side;
static struct fakehost_option config[9];

static void prefer(const char *rules)
{
    char address[300];
    easg_error err = EASG_ERROR_INIT;
    struct http_response resp = { 0 };
    struct http_request r = { .method = "POST",
                              .url = address,
                              .body = rules,
                              .body_len = strlen(rules),
                              .timeout_ms = 20000,
                              .max_response = 65536 };

    snprintf(address, sizeof address, "%s/front/prefer", front);
    CHECK_INT(http_perform(side, &r, &resp, &err), EASG_OK);
    CHECK_INT(resp.status, 200);
}

static easg_status fetch(struct fakehost *f, struct fakehost_log *log, int groups, easg_error *err)
{
    easg_str in = TEXT_LIT(GROUP);
    const easg_str *const inp[] = { &in };
    easg_facts_query q = { .struct_size = (uint32_t)sizeof q,
                           .include_groups = inp,
                           .n_include_groups = groups ? 1 : 0 };
    easg_sink_receiver to = fakehost_sink_receiver(log);
    easg_instance *self = NULL;
    easg_session *session = NULL;
    easg_status st;

    err_clear(err);
    st = module->create(&f->host, fakehost_config(f), &self, err);
    if (st != EASG_OK)
        return st;
    st = ops->open(self, fakehost_run(f), &session, err);
    if (st == EASG_OK) {
        st = ops->fetch(session, fakehost_run(f), &q, &to, err);
        ops->close(session);
    }
    module->destroy(self);
    return st;
}

/* A text exactly when something is wrong, one line, printable. */
static void check_text(easg_status st, const easg_error *err)
{
    CHECK_INT(st == EASG_OK, err->message[0] == '\0');
    for (const char *p = err->message; *p; p++)
        CHECK((unsigned char)*p >= 0x20 && (unsigned char)*p != 0x7f);
}

#define GROUPS  "transitiveMembers"
#define USERS   "v1.0/users\\\\?"
#define DEVICES "managedDevices"
/* Answers that are whole where no other rule says what comes: empty lists. */
#define REST                                                                                       \
    ",{\"path\":\"managedDevices\",\"prefer\":\"example=empty\"},"                                 \
    "{\"path\":\".\",\"status\":200,\"body\":\"{\\\"value\\\":[]}\"}]"
#define RULE(path, members) "[{\"path\":\"" path "\"," members "}" REST
#define CODE(path, n)       RULE(path, "\"prefer\":\"code=" n "\",\"headers\":{\"retry-after\":\"0.1\"}")

#define RANDOM(what) "\"compose\":{\"path\":\"/v1.0/" what "/x\",\"n\":5}"
#define WHOLE        ",\"whole\":true"

static void test_codes(void)
{
    static const struct {
        const char *name, *rules;
        easg_status want;
        const char *says;
        int devices;
    } rows[] = {
        { "devices: the documentation's example, last page",
          RULE(DEVICES, "\"prefer\":\"example=page2\""), EASG_OK, "", 3 },
        { "devices: empty", RULE(DEVICES, "\"prefer\":\"example=empty\""), EASG_OK, "", 0 },
        { "devices: 400", CODE(DEVICES, "400"), EASG_E_PROTOCOL, "managed devices: HTTP 400", 0 },
        { "devices: 401", CODE(DEVICES, "401"), EASG_E_AUTH, "a fresh token was refused too", 0 },
        { "devices: 403", CODE(DEVICES, "403"), EASG_E_DENIED,
          "DeviceManagementManagedDevices.Read.All", 0 },
        { "devices: 404", CODE(DEVICES, "404"), EASG_E_NOTFOUND, "managed devices: HTTP 404", 0 },
        { "devices: 409", CODE(DEVICES, "409"), EASG_E_CONFLICT, "managed devices: HTTP 409", 0 },
        { "devices: 429", CODE(DEVICES, "429"), EASG_E_THROTTLED, "managed devices: HTTP 429", 0 },
        { "devices: 500", CODE(DEVICES, "500"), EASG_E_UNAVAILABLE, "managed devices: HTTP 500",
          0 },
        { "devices: 503", CODE(DEVICES, "503"), EASG_E_UNAVAILABLE, "managed devices: HTTP 503",
          0 },
        { "people: 401", CODE(USERS, "401"), EASG_E_AUTH, "users: HTTP 401", 0 },
        { "people: 403", CODE(USERS, "403"), EASG_E_DENIED, "User.Read.All", 0 },
        { "people: 404", CODE(USERS, "404"), EASG_E_NOTFOUND, "users: HTTP 404", 0 },
        { "people: 429", CODE(USERS, "429"), EASG_E_THROTTLED, "users: HTTP 429", 0 },
        { "people: 503", CODE(USERS, "503"), EASG_E_UNAVAILABLE, "users: HTTP 503", 0 },
        { "groups: 401", CODE(GROUPS, "401"), EASG_E_AUTH, "members of group", 0 },
        { "groups: 403", CODE(GROUPS, "403"), EASG_E_DENIED, "GroupMember.Read.All", 0 },
        { "groups: 404", CODE(GROUPS, "404"), EASG_E_CONFIG, "there is no group " GROUP, 0 },
        { "groups: 429", CODE(GROUPS, "429"), EASG_E_THROTTLED, "members of group", 0 },
        { "groups: 503", CODE(GROUPS, "503"), EASG_E_UNAVAILABLE, "members of group", 0 },
        { "groups: the example", RULE(GROUPS, "\"prefer\":\"example=one\""), EASG_OK, "", 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct fakehost_log log;
        struct fakehost f;
        easg_status st;

        ROW(rows[i].name);
        prefer(rows[i].rules);
        fakehost_init(&f, config, sizeof config / sizeof *config, &secret, 1);
        fakehost_log_init(&log);
        st = fetch(&f, &log, 1, &err);
        CHECK_INT(st, rows[i].want);
        CHECK_HAS(err.message, rows[i].says);
        check_text(st, &err);
        CHECK_INT(log.people, 0);
        CHECK_INT(log.managed, rows[i].devices);
        printf("# %s: %s\n", rows[i].name, st == EASG_OK ? "taken" : err.message);
        fakehost_log_clear(&log);
        fakehost_clear(&f);
    }
    ROW("");
}

/* Random by the schema: any member may be null, of any allowed word, number, date, length. */
static void test_random(const char *name, const char *rules, int rounds, int may_fail)
{
    int taken = 0, people = 0, devices = 0;

    ROW(name);
    prefer(rules);
    for (int i = 0; i < rounds; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct fakehost_log log;
        struct fakehost f;
        easg_status st;

        fakehost_init(&f, config, sizeof config / sizeof *config, &secret, 1);
        fakehost_log_init(&log);
        st = fetch(&f, &log, 0, &err);
        check_text(st, &err);
        if (!CHECK(st == EASG_OK || (may_fail && st == EASG_E_PROTOCOL)))
            printf("# %d: %s\n", (int)st, err.message);
        taken += st == EASG_OK;
        people += st == EASG_OK ? (int)log.people : 0;
        devices += st == EASG_OK ? (int)log.managed : 0;
        fakehost_log_clear(&log);
        fakehost_clear(&f);
    }
    printf("# %s: %d of %d taken, %d people, %d managed devices\n", name, taken, rounds, people,
           devices);
    if (!may_fail)
        CHECK_INT(people + devices, 5 * rounds);
    ROW("");
}

int main(int argc, char **argv)
{
    easg_error err = EASG_ERROR_INIT;
    struct http_options o = { .ca_file = NULL };
    char path[4096];
    FILE *f;

    if (argc != 7) {
        fprintf(stderr, "usage: mock FRONT LOGIN CA APP_PEM TENANT CLIENT\n");
        return 64;
    }
    front = argv[1];
    o.ca_file = argv[3];
    f = fopen(argv[4], "r");
    secret = (struct fakehost_secret){ "pem", pem, f ? fread(pem, 1, sizeof pem - 1, f) : 0 };
    if (f)
        fclose(f);
    config[0] = (struct fakehost_option){ "tenant", argv[5] };
    config[1] = (struct fakehost_option){ "client_id", argv[6] };
    config[2] = (struct fakehost_option){ "certificate", "@pem" };
    config[3] = (struct fakehost_option){ "login_url", argv[2] };
    config[4] = (struct fakehost_option){ "graph_url", argv[1] };
    config[5] = (struct fakehost_option){ "ca_file", argv[3] };
    config[6] = (struct fakehost_option){ "timeout.connect", "10000" };
    config[7] = (struct fakehost_option){ "timeout.request", "20000" };
    config[8] = (struct fakehost_option){ "assertion", "ps256" };
    snprintf(path, sizeof path, "%s/lib/easgate/plugins/intune.so", check_build());
    module = fakehost_load(path, EASG_KIND_SINK, "intune");
    if (!CHECK(module != NULL) || !CHECK_INT(http_create(&o, &side, &err), EASG_OK))
        return check_done();
    ops = module->ops;
    test_codes();
    test_random("random managed devices",
                RULE(DEVICES, RANDOM("deviceManagement/managedDevices") WHOLE), 40, 0);
    test_random("random people", RULE(USERS, RANDOM("users") WHOLE), 40, 0);
    test_random("random managed devices, links and ids too",
                RULE(DEVICES, RANDOM("deviceManagement/managedDevices")), 40, 1);
    test_random("random people, links and ids too", RULE(USERS, RANDOM("users")), 40, 1);
    http_destroy(side);
    return check_done();
}
