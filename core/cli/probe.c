/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.c - `check --online`: each hop once, with what it proves and how long it took.
 */
#include "probe.h"

#include <easgate/draft/probe.h>

#include "clock.h"
#include "drafts.h"
#include "err.h"
#include "orgcheck.h"
#include "text.h"
#include "worker.h"

#include <string.h>

/* A mailbox that does not exist: asking for it runs the cmdlets and gives nothing. */
#define NOBODY "00000000-0000-0000-0000-000000000000"

struct probe {
    struct registry *registry;
    const struct org_config *org;
    struct checks *checks;
    struct run_ref *run;
    int64_t since;
};

static easg_status no_state(void *user, const char *key, easg_bytes_fn use, void *use_user,
                            easg_error *err)
{
    (void)user;
    (void)key;
    (void)use;
    (void)use_user;
    return err_set(err, EASG_E_NOTFOUND, "a check keeps no state");
}

static easg_status drop_state(void *user, const char *key, const uint8_t *ptr, size_t len,
                              easg_error *err)
{
    (void)user;
    (void)key;
    (void)ptr;
    (void)len;
    (void)err;
    return EASG_OK;
}

static void hop(struct probe *p, easg_status st, const char *name, const char *text,
                const easg_error *err)
{
    char line[CLI_SAFE];

    if (st == EASG_OK) {
        snprintf(line, sizeof(line), "%.200s (%lld ms)", text,
                 (long long)(clock_monotonic_ms() - p->since));
        check_add(p->checks, CHECKED_OK, p->org->name, name, line);
    } else {
        check_error(p->checks, st, p->org->name, name, err);
    }
    p->since = clock_monotonic_ms();
}

static easg_status make_instance(struct probe *p, const char *kind, const struct org_module *module,
                                 struct instance_ref **out, easg_error *err)
{
    struct module_ref *ref = NULL;
    easg_status st = registry_find(p->registry, kind, module->id, module->node, &ref, err);

    if (st == EASG_OK)
        st = instance_create(p->registry, ref, module->node, NULL, out, err);
    return st;
}

/* ---- source ---- */

struct seen {
    int mailboxes, devices, endpoints;
    char version[64];
    const char *default_access;
};

static easg_status on_org(void *user, const easg_org_settings *settings, easg_error *err)
{
    struct seen *s = user;

    (void)err;
    if (settings->server_version.ptr)
        text_safe(settings->server_version.ptr, settings->server_version.len, s->version,
                  sizeof(s->version));
    s->default_access = settings->default_access == EASG_ACCESS_BLOCKED       ? "Block"
                        : settings->default_access == EASG_ACCESS_QUARANTINED ? "Quarantine"
                        : settings->default_access == EASG_ACCESS_ALLOWED     ? "Allow"
                                                                              : "not known";
    return EASG_OK;
}

static easg_status on_mailbox(void *user, const easg_mailbox *mailbox, easg_error *err)
{
    (void)mailbox;
    (void)err;
    ((struct seen *)user)->mailboxes++;
    return EASG_OK;
}

static easg_status on_device(void *user, const easg_device *device, easg_error *err)
{
    (void)device;
    (void)err;
    ((struct seen *)user)->devices++;
    return EASG_OK;
}

static easg_status on_endpoint(void *user, const easg_endpoint *endpoint, easg_error *err)
{
    (void)endpoint;
    (void)err;
    ((struct seen *)user)->endpoints++;
    return EASG_OK;
}

static void probe_listing(struct probe *p, struct session_ref *session)
{
    struct seen seen = { 0, 0, 0, "", NULL };
    const struct source_sink to = { on_org, on_mailbox, on_device, NULL, &seen };
    const struct endpoint_sink found = { on_endpoint, &seen };
    easg_query query;
    easg_error err = EASG_ERROR_INIT;
    char text[CLI_SAFE];
    easg_status st;

    memset(&query, 0, sizeof(query));
    query.struct_size = sizeof(query);
    query.scope = EASG_SCOPE_MAILBOX;
    query.since = EASG_TIME_NONE;
    query.mailbox_id = TEXT_LIT(NOBODY);
    st = source_list(session, &query, &to, &err);
    if (st == EASG_E_NOTFOUND) /* that is the answer */
        st = EASG_OK;
    snprintf(text, sizeof(text), "the reading cmdlets run%s%s%s%s",
             seen.version[0] ? "; Exchange " : "", seen.version,
             seen.default_access ? ", default " : "",
             seen.default_access ? seen.default_access : "");
    hop(p, st, "source read", text, &err);
    err_clear(&err);
    st = source_discover(session, &found, &err);
    if (st == EASG_E_UNSUPPORTED)
        return;
    snprintf(text, sizeof(text), "%d client access servers", seen.endpoints);
    hop(p, st, "source servers", text, &err);
}

/* ---- modules that know their own hops ---- */

struct telling {
    struct probe *probe;
    const char *role; /* "source" */
};

static void on_hop(void *user, uint32_t grade, easg_status status, const char *name,
                   const char *text)
{
    struct telling *t = user;
    char what[CLI_SAFE], line[1200];

    snprintf(what, sizeof(what), "%s %.100s", t->role, name);
    if (grade == EASG_PROBE_FAILED) {
        easg_error err = EASG_ERROR_INIT;

        err_set(&err, status, "%s", text);
        check_error(t->probe->checks, status, t->probe->org->name, what, &err);
    } else {
        snprintf(line, sizeof(line), "%s", text);
        check_add(t->probe->checks,
                  grade == EASG_PROBE_OK     ? CHECKED_OK
                  : grade == EASG_PROBE_NOTE ? CHECKED_WARNING
                                             : CHECKED_SKIPPED,
                  t->probe->org->name, what, line);
    }
    t->probe->since = clock_monotonic_ms();
}

/* 0: the module does not offer it. */
static int probed_by_itself(struct probe *p, const char *role, struct instance_ref *instance,
                            const easg_endpoint *endpoint)
{
    struct telling telling = { p, role };
    const struct probe_sink to = { on_hop, &telling };
    easg_error err = EASG_ERROR_INIT;
    easg_status st = instance_probe(instance, p->run, endpoint, &to, &err);

    if (st == EASG_E_UNSUPPORTED)
        return 0;
    if (st != EASG_OK)
        check_error(p->checks, st, p->org->name, role, &err);
    return 1;
}

static void probe_source(struct probe *p)
{
    struct instance_ref *source = NULL;
    struct session_ref *session = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_endpoint endpoint;
    easg_str server = TEXT_LIT("");
    char text[CLI_SAFE], safe[CLI_SAFE];
    easg_status st;

    memset(&endpoint, 0, sizeof(endpoint));
    cfg_str(cfg_get(p->org->source.node, "server"), &server);
    endpoint.struct_size = sizeof(endpoint);
    endpoint.id = server.len ? server : text_str(p->org->source.id);
    endpoint.url = server;
    endpoint.last_ok = endpoint.last_failed = EASG_TIME_NONE;
    st = make_instance(p, EASG_KIND_SOURCE, &p->org->source, &source, &err);
    hop(p, st, "source options", p->org->source.id, &err);
    if (st == EASG_OK)
        instance_expect(source, org_needs(p->org));
    if (st == EASG_OK && probed_by_itself(p, "source", source, &endpoint)) {
        instance_destroy(source);
        return;
    }
    if (st == EASG_OK) {
        st = source_open(source, p->run, &endpoint, &session, &err);
        snprintf(text, sizeof(text), "connected and logged on to %.180s",
                 cli_safe(endpoint.id.ptr, safe));
        hop(p, st, "source log-on", text, &err);
    }
    if (st == EASG_OK)
        probe_listing(p, session);
    session_close(session);
    instance_destroy(source);
}

/* ---- sink ---- */

static void probe_sink(struct probe *p)
{
    struct instance_ref *sink = NULL;
    struct session_ref *session = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    if (!p->org->sink.id)
        return;
    p->since = clock_monotonic_ms();
    st = make_instance(p, EASG_KIND_SINK, &p->org->sink, &sink, &err);
    hop(p, st, "sink options", p->org->sink.id, &err);
    if (st == EASG_OK && probed_by_itself(p, "sink", sink, NULL)) {
        instance_destroy(sink);
        return;
    }
    if (st == EASG_OK) {
        st = sink_open(sink, p->run, &session, &err);
        hop(p, st, "sink log-on", "the device manager accepts our credentials", &err);
    }
    session_close(session);
    instance_destroy(sink);
}

/* ---- notifier ---- */

static void probe_notifier(struct probe *p)
{
    struct instance_ref *notifier = NULL;
    struct session_ref *session = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    if (!p->org->notifier.id || !p->org->notifier.enabled)
        return;
    p->since = clock_monotonic_ms();
    st = make_instance(p, EASG_KIND_NOTIFIER, &p->org->notifier, &notifier, &err);
    hop(p, st, "notifier options", p->org->notifier.id, &err);
    if (st == EASG_OK && probed_by_itself(p, "notifier", notifier, NULL)) {
        instance_destroy(notifier);
        return;
    }
    if (st == EASG_OK) {
        st = notifier_open(notifier, p->run, &session, &err);
        hop(p, st, "notifier log-on", "the mail service accepts our credentials", &err);
    }
    session_close(session);
    instance_destroy(notifier);
}

void probe_org(struct registry *registry, const struct org_config *org, struct checks *checks,
               int64_t deadline_ms)
{
    struct probe p = { registry, org, checks, NULL, clock_monotonic_ms() };
    easg_error err = EASG_ERROR_INIT;
    struct run_options options;
    char run_id[37];
    easg_status st;

    worker_make_run_id(run_id);
    memset(&options, 0, sizeof(options));
    options.org = org->name;
    options.run_id = run_id;
    options.started = clock_now();
    options.deadline_ms = clock_monotonic_ms() + deadline_ms;
    options.flags = EASG_RUN_DRY;
    options.state = (struct state_ops){ no_state, drop_state, NULL };
    st = run_create(&options, &p.run, &err);
    if (st != EASG_OK) {
        check_error(checks, st, org->name, "online", &err);
        return;
    }
    run_set_attempt(p.run, 1);
    if (org->source.id)
        probe_source(&p);
    probe_sink(&p);
    probe_notifier(&p);
    run_destroy(p.run);
}

easg_status probe_rights(struct registry *registry, const struct org_config *org, const char **text,
                         struct instance_ref **keep, easg_error *err)
{
    struct probe p = { registry, org, NULL, NULL, 0 };
    easg_status st = make_instance(&p, EASG_KIND_SOURCE, &org->source, keep, err);

    if (st == EASG_OK)
        instance_expect(*keep, org_needs(org));
    if (st == EASG_OK && !(*text = instance_rights(*keep)))
        st = err_set(err, EASG_E_UNSUPPORTED, "module %s does not say which rights it needs",
                     org->source.id);
    return st;
}
