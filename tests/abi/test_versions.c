/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin from the future (larger structs, a higher minor, members that we do not know) and one of
 * the past (structs that end early) both load and serve.
 */
#include "check.h"

#include <easgate/easgate.h>

#include "clock.h"
#include "err.h"
#include "registry.h"
#include "text.h"

#define FAR(type)                                                                                  \
    struct {                                                                                       \
        type v;                                                                                    \
        unsigned char more[48];                                                                    \
    }

static int old; /* 1: structs end behind what is required */

struct easg_instance {
    const easg_host *host;
};
static easg_instance instance;
struct easg_session {
    int unused;
};
static easg_session session;

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    (void)cfg;
    (void)err;
    instance.host = host;
    *out = &instance;
    return EASG_OK;
}

static void EASG_CALL destroy(easg_instance *self)
{
    (void)self;
}

static const void *EASG_CALL extension(easg_instance *self, const char *id)
{
    static const int table = 42;

    (void)self;
    return strcmp(id, "easg.source.answer/1") == 0 ? &table : NULL;
}

static easg_status EASG_CALL open(easg_instance *self, const easg_run *run,
                                  const easg_endpoint *endpoint, easg_session **out,
                                  easg_error *err)
{
    (void)self;
    (void)run;
    (void)endpoint;
    (void)err;
    *out = &session;
    return EASG_OK;
}

static void EASG_CALL close_session(easg_session *s)
{
    (void)s;
}

static easg_status EASG_CALL list(easg_session *s, const easg_run *run, const easg_query *query,
                                  const easg_source_receiver *to, easg_error *err)
{
    FAR(easg_org_settings) org;
    FAR(easg_mailbox) m;
    FAR(easg_device) d;
    easg_status st;

    (void)s;
    (void)run;
    (void)query;
    (void)err;
    memset(&org, 0x5A, sizeof org);
    memset(&m, 0x5A, sizeof m);
    memset(&d, 0x5A, sizeof d);
    org.v = (easg_org_settings){ .struct_size = (uint32_t)sizeof org,
                                 .default_access = EASG_ACCESS_BLOCKED };
    m.v = (easg_mailbox){ .struct_size = (uint32_t)sizeof m,
                          .mailbox_id = TEXT_LIT("m1"),
                          .display_name = TEXT_LIT("Ada") };
    d.v = (easg_device){ .struct_size = (uint32_t)sizeof d,
                         .key = TEXT_LIT("k1"),
                         .device_id = TEXT_LIT("D1"),
                         .mailbox_id = TEXT_LIT("m1"),
                         .model = TEXT_LIT("phone"),
                         .last_sync = 9 };
    if (old) {
        org.v.struct_size = (uint32_t)offsetof(easg_org_settings, org_id);
        m.v.struct_size = (uint32_t)offsetof(easg_mailbox, ref);
        d.v.struct_size = (uint32_t)offsetof(easg_device, identity);
    }
    st = to->org(to, &org.v);
    if (st == EASG_OK)
        st = to->mailbox(to, &m.v);
    return st == EASG_OK ? to->device(to, &d.v) : st;
}

static easg_status EASG_CALL apply(easg_session *s, const easg_run *run,
                                   const easg_change *const *items, size_t n,
                                   const easg_result_receiver *to, easg_error *err)
{
    FAR(easg_item_result) r;
    easg_error why = EASG_ERROR_INIT;

    (void)s;
    (void)run;
    (void)n;
    (void)err;
    memset(&r, 0x5A, sizeof r);
    r.v = (easg_item_result){ .struct_size = (uint32_t)sizeof r,
                              .status = EASG_E_CONFLICT,
                              .listed = EASG_LISTED_KNOWN,
                              .key = items[0]->key,
                              .error = &why };
    (void)err_set(&why, EASG_E_CONFLICT, "somebody was faster");
    if (old)
        r.v.struct_size = (uint32_t)offsetof(easg_item_result, error);
    return to->emit(to, &r.v);
}

/* A discover() that must not be seen when the table ends before it. */
static easg_status EASG_CALL discover(easg_session *s, const easg_run *run,
                                      const easg_endpoint_receiver *to, easg_error *err)
{
    easg_endpoint e = { .struct_size = (uint32_t)sizeof e,
                        .id = TEXT_LIT("cas2"),
                        .url = TEXT_LIT("https://cas2.contoso.example") };

    (void)s;
    (void)run;
    (void)err;
    return to->emit(to, &e);
}

static FAR(easg_source_ops) ops;
static FAR(easg_module) module;
static FAR(easg_option) option;
static FAR(easg_plugin) plugin;
static const easg_option *options[] = { &option.v, NULL };
static const easg_module *modules[] = { &module.v, NULL };

static const easg_plugin *EASG_CALL entry(const easg_offer *offer)
{
    (void)offer;
    memset(&ops, 0x5A, sizeof ops);
    memset(&module, 0x5A, sizeof module);
    memset(&option, 0x5A, sizeof option);
    memset(&plugin, 0x5A, sizeof plugin);
    ops.v = (easg_source_ops){ .struct_size = (uint32_t)sizeof ops,
                               .verbs = 1u << EASG_VERB_BLOCK,
                               .open = open,
                               .close = close_session,
                               .list = list,
                               .apply = apply,
                               .discover = discover };
    option.v = (easg_option){ .struct_size = (uint32_t)sizeof option,
                              .type = EASG_OPT_STRING,
                              .name = "name",
                              .doc = "a name" };
    module.v = (easg_module){ .struct_size = (uint32_t)sizeof module,
                              .kind = EASG_KIND_SOURCE,
                              .id = "traveller",
                              .summary = "of another time",
                              .options = options,
                              .ops = &ops,
                              .create = create,
                              .destroy = destroy,
                              .get_extension = extension };
    plugin.v = (easg_plugin){ EASG_PLUGIN_HEADER(0), .name = "traveller", .version = "9",
                              .modules = modules };
    plugin.v.struct_size = (uint32_t)sizeof plugin;
    plugin.v.abi_minor = 9;
    if (old) {
        ops.v.struct_size = (uint32_t)offsetof(easg_source_ops, discover);
        module.v.struct_size = (uint32_t)offsetof(easg_module, get_extension);
        plugin.v.struct_size = (uint32_t)sizeof(easg_plugin);
        plugin.v.abi_minor = 0;
    }
    return &plugin.v;
}

/* ---- what the host sees ---- */

static easg_device device;
static easg_mailbox mailbox;
static easg_org_settings settings;
static char reason[480];
static int endpoints;

static easg_status on_org(void *user, const easg_org_settings *s, easg_error *err)
{
    (void)user;
    (void)err;
    settings = *s;
    return EASG_OK;
}

static easg_status on_mailbox(void *user, const easg_mailbox *m, easg_error *err)
{
    (void)user;
    (void)err;
    mailbox = *m;
    return EASG_OK;
}

static easg_status on_device(void *user, const easg_device *d, easg_error *err)
{
    (void)user;
    (void)err;
    device = *d;
    return EASG_OK;
}

static easg_status on_result(void *user, const easg_item_result *r, easg_error *err)
{
    (void)user;
    (void)err;
    (void)snprintf(reason, sizeof reason, "%s", r->error ? r->error->message : "none");
    return EASG_OK;
}

static easg_status on_endpoint(void *user, const easg_endpoint *e, easg_error *err)
{
    (void)user;
    (void)err;
    (void)e;
    endpoints++;
    return EASG_OK;
}

static void test_calls(struct instance_ref *i, struct run_ref *run)
{
    static const easg_change change = {
        .struct_size = (uint32_t)sizeof change,
        .verb = EASG_VERB_BLOCK,
        .key = {"c1",  2},
        .mailbox_id = { "m1", 2},
        .device_id = { "D1", 2}
    };
    const easg_change *items[] = { &change };
    struct source_sink to = { .org = on_org, .mailbox = on_mailbox, .device = on_device };
    struct result_sink results = { on_result, NULL };
    struct endpoint_sink found = { on_endpoint, NULL };
    easg_query q = { .struct_size = (uint32_t)sizeof q };
    struct session_ref *s = NULL;
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(source_open(i, run, NULL, &s, &err), EASG_OK);
    CHECK_INT(source_list(s, &q, &to, &err), EASG_OK);
    CHECK_STR(err.message, "");
    CHECK_INT(settings.default_access, EASG_ACCESS_BLOCKED);
    CHECK_STR(mailbox.mailbox_id.ptr, "m1");
    CHECK_STR(mailbox.display_name.ptr, old ? NULL : "Ada");
    CHECK_STR(device.model.ptr, old ? NULL : "phone");
    CHECK(device.last_sync == (old ? EASG_TIME_NONE : 9));
    CHECK_INT(source_apply(s, items, 1, &results, &err), EASG_OK);
    if (old)
        CHECK_HAS(reason, "gave no reason for 'conflict'");
    else
        CHECK_STR(reason, "somebody was faster");
    CHECK_INT(source_discover(s, &found, &err), old ? EASG_E_UNSUPPORTED : EASG_OK);
    CHECK_INT(endpoints, old ? 0 : 1);
    session_close(s);
}

static void test_time(int is_old)
{
    struct run_options ro = { .org = "contoso", .run_id = "r", .deadline_ms = INT64_MAX };
    struct registry *r = NULL;
    struct module_ref *m = NULL;
    struct instance_ref *i = NULL;
    struct run_ref *run = NULL;
    struct cfg_doc *doc = NULL;
    easg_error err = EASG_ERROR_INIT;

    old = is_old;
    endpoints = 0;
    ROW(old ? "old" : "future");
    CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
    CHECK_INT(registry_add(r, "traveller", entry, &err), EASG_OK);
    CHECK_STR(err.message, "");
    CHECK_INT(registry_find(r, EASG_KIND_SOURCE, "traveller", NULL, &m, &err), EASG_OK);
    CHECK_INT(cfg_open_memory("t.yaml", "name: x", 7, &doc, &err), EASG_OK);
    CHECK_INT(instance_create(r, m, cfg_root(doc), NULL, &i, &err), EASG_OK);
    CHECK_INT(run_create(&ro, &run, &err), EASG_OK);
    CHECK((instance_get_extension(i, "easg.source.answer/1") != NULL) == !old);
    test_calls(i, run);
    instance_destroy(i);
    run_destroy(run);
    cfg_close(doc);
    registry_destroy(r);
    ROW("");
}

int main(void)
{
    test_time(0);
    test_time(1);
    return check_done();
}
