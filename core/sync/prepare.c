/* SPDX-License-Identifier: Apache-2.0
 *
 * prepare.c - may this run begin? The hold, the modules, the endpoints, and whose mailbox it is.
 *
 * An organisation whose credentials were refused stays on hold until its configuration or a secret
 * that it names has changed, or an operator says so (`easgate sync --retry`, once): nothing of ours
 * ever locks a service account by trying again.
 */
#include "idregistry.h"
#include "sync_run.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- generation of the configuration ---- */

struct generation {
    struct store *store;
    uint64_t sum;
};

static easg_status EASG_CALL add_secret(void *user, const uint8_t *ptr, size_t len)
{
    struct generation *g = user;

    g->sum = g->sum * 31 + (uint64_t)store_fingerprint(g->store, ptr, len);
    return EASG_OK;
}

static int is_reference(const easg_str *s)
{
    static const char *const kinds[] = { "file:", "env:", "credential:", "dpapi:" };
    size_t i;

    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (s->len > strlen(kinds[i]) && memcmp(s->ptr, kinds[i], strlen(kinds[i])) == 0)
            return 1;
    return 0;
}

static void add_node(struct generation *g, const easg_config *node)
{
    easg_error ignored = EASG_ERROR_INIT;
    easg_str text;
    size_t i;

    switch (cfg_type(node)) {
    case EASG_NODE_LIST:
    case EASG_NODE_MAP:
        for (i = 0; i < cfg_count(node); i++)
            add_node(g, cfg_at(node, i));
        break;
    case EASG_NODE_STRING:
        if (cfg_str(node, &text) && is_reference(&text) &&
            cfg_with_secret(node, add_secret, g, &ignored) != EASG_OK)
            g->sum = g->sum * 31 + 1; /* not there today is a state of its own */
        break;
    default: break;
    }
}

void sync_generation(struct sync *s, char out[100])
{
    struct generation g = { s->store, 0 };

    add_node(&g, s->o->org->source.node);
    add_node(&g, s->o->org->sink.node);
    snprintf(out, 100, "%s-%016" PRIx64, s->o->org->digest, g.sum);
}

static easg_status check_hold(struct sync *s, easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *hold = NULL;
    EASG_CLEANUP(mem_cleanup) char *digest = NULL;
    char now[100];
    easg_status st = store_get_org(s->store, "hold", &hold, err);

    if (st == EASG_OK)
        st = store_get_org(s->store, "hold_generation", &digest, err);
    if (st != EASG_OK || !hold)
        return st;
    sync_generation(s, now);
    if (s->o->retry) { /* the hold stays until this run has shown that it is over */
        st = store_begin(s->store, 1, err);
        if (st == EASG_OK)
            st = NOTE(s, err, EASG_LOG_WARNING, "hold.retried", s->o->org->name,
                      F_STR("trigger", s->o->trigger), F_STR("was", hold));
        return st == EASG_OK ? store_commit(s->store, err) : st;
    }
    if (digest && strcmp(digest, now) == 0) {
        s->on_hold = 1;
        return err_set(err, EASG_E_AUTH,
                       "on hold, no server is asked until the configuration or a secret that it "
                       "names changes, or `easgate sync %s --retry` asks for one attempt: %.300s",
                       s->o->org->name, hold);
    }
    st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "hold", NULL, err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "hold_generation", NULL, err);
    if (st == EASG_OK)
        st = NOTE(s, err, EASG_LOG_INFO, "hold.lifted", s->o->org->name, F_STR("was", hold));
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

/* ---- modules ---- */

static easg_status make(struct sync *s, const char *kind, const struct org_module *m, int required,
                        struct instance_ref **out, easg_error *err)
{
    struct module_ref *module;
    easg_status st;

    if (!m->id || !m->enabled)
        return required ? err_set(err, EASG_E_CONFIG, "%s.yaml names no module for %s",
                                  s->o->org->name, kind)
                        : EASG_OK;
    st = registry_find(s->o->registry, kind, m->id, cfg_get(m->node, "module"), &module, err);
    if (st == EASG_OK)
        st = instance_create(s->o->registry, module, m->node, s->log, out, err);
    return st;
}

static easg_status make_modules(struct sync *s, easg_error *err)
{
    const struct org_config *o = s->o->org;
    easg_status st = make(s, EASG_KIND_SOURCE, &o->source, 1, &s->source, err);

    if (st == EASG_OK)
        st = make(s, EASG_KIND_FAILOVER, &o->failover, 0, &s->failover, err);
    if (st != EASG_OK || s->o->kind == SYNC_DEVICE) /* which only Exchange has to do with */
        return st;
    st = make(s, EASG_KIND_SINK, &o->sink, 1, &s->sink, err);
    if (st == EASG_OK)
        st = make(s, EASG_KIND_NOTIFIER, &o->notifier, 0, &s->notifier, err);
    return st;
}

easg_status sync_open_sink(struct sync *s, easg_error *err)
{
    return s->sink_session ? EASG_OK : sink_open(s->sink, s->o->run, &s->sink_session, err);
}

/* ---- endpoints ---- */

/* The configured server's id is its host name, so that discovering it again finds the same row. */
static easg_status put_server(struct sync *s, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf id = STRBUF_INIT(512);
    easg_str server = { "", 0 };
    const char *from, *end;

    cfg_str(cfg_get(s->o->org->source.node, "server"), &server);
    if (!server.len)
        return store_put_endpoint(s->store, s->o->org->source.id, "", 0, 1, err);
    from = strstr(server.ptr, "://");
    from = from ? from + 3 : server.ptr;
    end = from + strcspn(from, "/?#");
    strbuf_add(&id, from, (size_t)(end - from));
    if (strbuf_status(&id) != EASG_OK || id.len == 0)
        return cfg_error(err, cfg_get(s->o->org->source.node, "server"),
                         "expected the name or the URL of a server");
    return store_put_endpoint(s->store, strbuf_str(&id), server.ptr, 0, 1, err);
}

easg_status sync_prepare(struct sync *s, easg_error *err)
{
    easg_status st = check_hold(s, err);

    if (st == EASG_OK && s->o->kind == SYNC_APPLY && s->o->org->mode != ORG_ENFORCE)
        st = err_set(err, EASG_E_UNSUPPORTED,
                     "the organisation is in mode audit, nothing is written to Exchange; set mode: "
                     "enforce in %s.yaml first",
                     s->o->org->name);
    if (st == EASG_OK && s->o->plan && s->o->org->mode != ORG_ENFORCE)
        st = err_set(err, EASG_E_UNSUPPORTED,
                     "the organisation is in mode audit, nothing is written to Exchange; set mode: "
                     "enforce in %s.yaml and make the plan anew",
                     s->o->org->name);
    if (st == EASG_OK && s->o->kind == SYNC_RELEASE && s->o->org->mode == ORG_ENFORCE)
        st = err_set(err, EASG_E_UNSUPPORTED,
                     "the organisation is in mode enforce, so the next run would write everything "
                     "again; set mode: audit in %s.yaml first",
                     s->o->org->name);
    if (st == EASG_OK)
        st = idregistry_load(s->o->org->id_registry, &s->ids, err);
    if (st == EASG_OK)
        st = make_modules(s, err);
    if (st == EASG_OK)
        st = store_begin(s->store, 0, err);
    if (st == EASG_OK)
        st = store_set_org(s->store, "config_digest", s->o->org->digest, err);
    if (st == EASG_OK)
        st = put_server(s, err);
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    if (st == EASG_OK && s->o->kind == SYNC_USER) {
        st = store_find_mailbox(s->store, s->o->user, &s->mailbox_id, err);
        if (st == EASG_OK)
            s->only_mk = store_mailbox_key(s->store, s->mailbox_id);
    }
    return st;
}
