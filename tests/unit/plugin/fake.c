/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake plugin, and what a test needs around it.
 */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"

struct fake fake;

struct easg_session {
    easg_instance *self;
};

static easg_status EASG_CALL f_create(const easg_host *host, const easg_config *cfg,
                                      easg_instance **out, easg_error *err)
{
    static easg_instance one;
    easg_status st;

    one = (easg_instance){ host, cfg };
    st = fake.create ? fake.create(&one, err) : EASG_OK;
    if (st == EASG_OK)
        *out = &one;
    return st;
}

static void EASG_CALL f_destroy(easg_instance *self)
{
    (void)self;
    fake.destroyed++;
}

static easg_status do_open(easg_instance *self, easg_session **out, easg_error *err)
{
    static easg_session session;

    session.self = self;
    if (fake.open)
        return fake.open(self, out, err);
    *out = &session;
    return EASG_OK;
}

static easg_status EASG_CALL f_source_open(easg_instance *self, const easg_run *run,
                                           const easg_endpoint *endpoint, easg_session **out,
                                           easg_error *err)
{
    (void)run;
    (void)endpoint;
    return do_open(self, out, err);
}

static easg_status EASG_CALL f_open(easg_instance *self, const easg_run *run, easg_session **out,
                                    easg_error *err)
{
    (void)run;
    return do_open(self, out, err);
}

static void EASG_CALL f_close(easg_session *session)
{
    if (fake.close)
        fake.close(session->self);
    fake.closed++;
}

static easg_status EASG_CALL f_list(easg_session *session, const easg_run *run,
                                    const easg_query *query, const easg_source_receiver *to,
                                    easg_error *err)
{
    (void)query;
    return fake.list ? fake.list(session->self, run, to, err) : EASG_OK;
}

static easg_status EASG_CALL f_apply(easg_session *session, const easg_run *run,
                                     const easg_change *const *items, size_t n,
                                     const easg_result_receiver *to, easg_error *err)
{
    (void)run;
    return fake.apply ? fake.apply(session->self, items, n, to, err) : EASG_OK;
}

static easg_status EASG_CALL f_fetch(easg_session *session, const easg_run *run,
                                     const easg_facts_query *query, const easg_sink_receiver *to,
                                     easg_error *err)
{
    (void)run;
    (void)query;
    return fake.fetch ? fake.fetch(session->self, to, err) : EASG_OK;
}

static easg_status EASG_CALL f_choose(easg_instance *self, const easg_run *run,
                                      const easg_endpoint *const *items, size_t n, size_t *chosen,
                                      easg_error *err)
{
    (void)self;
    (void)run;
    (void)items;
    *chosen = 0;
    return fake.choose ? fake.choose(n, chosen, err) : EASG_OK;
}

static easg_status EASG_CALL f_send(easg_session *session, const easg_run *run,
                                    const easg_message *message, easg_error *err)
{
    (void)session;
    (void)run;
    return fake.send ? fake.send(message, err) : EASG_OK;
}

static const easg_option o_name = { .struct_size = (uint32_t)sizeof o_name,
                                    .type = EASG_OPT_STRING,
                                    .name = "name",
                                    .default_value = "ada",
                                    .doc = "a name" };
static const easg_option o_count = { .struct_size = (uint32_t)sizeof o_count,
                                     .type = EASG_OPT_INT,
                                     .name = "count",
                                     .default_value = "3",
                                     .doc = "a number" };
static const easg_option o_secret = { .struct_size = (uint32_t)sizeof o_secret,
                                      .type = EASG_OPT_SECRET,
                                      .name = "password",
                                      .doc = "a secret" };
static const easg_option *const options[] = { &o_name, &o_count, &o_secret, NULL };

static const easg_source_ops source_ops = { .struct_size = (uint32_t)sizeof source_ops,
                                            .verbs = 1u << EASG_VERB_ALLOW | 1u << EASG_VERB_BLOCK,
                                            .open = f_source_open,
                                            .close = f_close,
                                            .list = f_list,
                                            .apply = f_apply };
static const easg_sink_ops sink_ops = {
    .struct_size = (uint32_t)sizeof sink_ops, .open = f_open, .close = f_close, .fetch = f_fetch
};
static const easg_notifier_ops notifier_ops = {
    .struct_size = (uint32_t)sizeof notifier_ops, .open = f_open, .close = f_close, .send = f_send
};
static const easg_failover_ops failover_ops = { .struct_size = (uint32_t)sizeof failover_ops,
                                                .choose = f_choose };

#define MODULE(k, i, o)                                                                            \
    {                                                                                              \
        .struct_size = (uint32_t)sizeof(easg_module), .kind = (k), .id = (i), .summary = "a fake", \
        .options = options, .ops = (o), .create = f_create, .destroy = f_destroy                   \
    }
static const easg_module all[] = { MODULE(EASG_KIND_SOURCE, "fake-source", &source_ops),
                                   MODULE(EASG_KIND_SINK, "fake-sink", &sink_ops),
                                   MODULE(EASG_KIND_NOTIFIER, "fake-notifier", &notifier_ops),
                                   MODULE(EASG_KIND_FAILOVER, "fake-failover", &failover_ops) };
static const easg_module *const modules[] = { &all[0], &all[1], &all[2], &all[3], NULL };
static const easg_plugin plugin = { EASG_PLUGIN_HEADER(0),   .name = "fake",
                                    .version = "1.2.3",      .vendor = "tests",
                                    .license = "Apache-2.0", .modules = modules };

const easg_plugin *EASG_CALL fake_entry(const easg_offer *offer)
{
    (void)offer;
    return &plugin;
}

/* ---- around it ----------------------------------------------------------------------------------
 */

static void keep_line(void *user, const char *line, size_t len)
{
    struct bench *b = user;

    b->lines++;
    (void)snprintf(b->last_log, sizeof b->last_log, "%.*s", (int)len, line);
}

static easg_status get(void *user, const char *key, easg_bytes_fn use, void *use_user,
                       easg_error *err)
{
    struct bench *b = user;

    for (size_t i = 0; i < b->n_state; i++)
        if (strcmp(b->state[i].key, key) == 0)
            return use(use_user, (const uint8_t *)b->state[i].value, strlen(b->state[i].value));
    return err_set(err, EASG_E_NOTFOUND, "no state %s", key);
}

static easg_status put(void *user, const char *key, const uint8_t *ptr, size_t len, easg_error *err)
{
    struct bench *b = user;

    (void)err;
    (void)snprintf(b->state[b->n_state].key, sizeof b->state[0].key, "%s", key);
    (void)snprintf(b->state[b->n_state].value, sizeof b->state[0].value, "%.*s", (int)len,
                   (const char *)ptr);
    b->n_state++;
    return EASG_OK;
}

static void must(easg_status st, const char *what, const easg_error *err)
{
    if (st == EASG_OK)
        return;
    printf("not ok - %s: %s\n", what, err->message);
    exit(1);
}

void bench_open(struct bench *b, const char *kind, const char *id, const char *yaml)
{
    easg_error err = EASG_ERROR_INIT;
    struct module_ref *m = NULL;
    struct run_options ro = {
        .org = "contoso",
        .run_id = "11111111-2222-4333-8444-555555555555",
        .started = 1000,
        .deadline_ms = clock_monotonic_ms() + 3600000,
        .state = {get, put, b}
    };

    memset(b, 0, sizeof *b);
    memset(&fake, 0, sizeof fake);
    b->log = log_open_sink(EASG_LOG_DEBUG, keep_line, b);
    must(registry_create(b->log, &b->registry, &err), "registry_create", &err);
    must(registry_add(b->registry, "fake", fake_entry, &err), "registry_add", &err);
    must(registry_find(b->registry, kind, id, NULL, &m, &err), "registry_find", &err);
    must(cfg_open_memory("test.yaml", yaml, strlen(yaml), &b->doc, &err), "cfg_open_memory", &err);
    must(instance_create(b->registry, m, cfg_root(b->doc), b->log, &b->instance, &err),
         "instance_create", &err);
    must(run_create(&ro, &b->run, &err), "run_create", &err);
}

void bench_close(struct bench *b)
{
    instance_destroy(b->instance);
    run_destroy(b->run);
    registry_destroy(b->registry);
    cfg_close(b->doc);
    log_close(b->log);
}
