/* SPDX-License-Identifier: Apache-2.0
 *
 * A configured module, and the sessions it opens.
 */
#include <string.h>

#include "session.h"

#include "err.h"

static const char *const host_keys[] = { "module", "enabled", NULL };

/* What create() and open() share: OK with an object, anything else without one. */
static easg_status one_or_other(struct call *c, easg_status st, const void *object)
{
    if (st == EASG_OK && !object)
        c->breach = "returned ok without an object";
    else if (st != EASG_OK && object)
        c->breach = "returned an object beside an error";
    return st;
}

easg_status instance_create(struct registry *r, struct module_ref *m, const easg_config *node,
                            struct log *log, struct instance_ref **out, easg_error *err)
{
    const struct log_field field = F_STR("module", m->desc.id);
    struct instance_ref *i = mem_alloc(sizeof *i);
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    (void)r;
    if (!i)
        return err_nomem(err);
    i->magic = INSTANCE_MAGIC;
    i->module = m;
    atomic_init(&i->breach, NULL);
    host_fill(i);
    st = cfg_check_options(node, m->desc.options, host_keys, &i->doc, err);
    if (st == EASG_OK && log && !(i->log = log_with(log, &field, 1)))
        st = err_nomem(err);
    if (st == EASG_OK) {
        call_begin(&c, i, NULL, "create");
        st = m->desc.create(&i->host, cfg_root(i->doc), &i->self, &said);
        st = call_end(&c, one_or_other(&c, st, i->self), &said, err);
        if (st != EASG_OK)
            i->self = NULL;
    }
    if (st != EASG_OK) {
        instance_destroy(i);
        return st;
    }
    *out = i;
    return EASG_OK;
}

void instance_destroy(struct instance_ref *i)
{
    easg_error said = EASG_ERROR_INIT;
    easg_error err = EASG_ERROR_INIT;
    struct call c;

    if (!i)
        return;
    if (i->self) {
        call_begin(&c, i, NULL, "destroy");
        i->module->desc.destroy(i->self);
        (void)call_end(&c, EASG_OK, &said, &err); /* a breach is logged there */
    }
    i->magic = 0;
    cfg_close(i->doc);
    log_close(i->log);
    mem_free(i);
}

const char *instance_id(const struct instance_ref *i)
{
    return i->module->desc.id;
}

const void *instance_get_extension(struct instance_ref *i, const char *id)
{
    easg_error said = EASG_ERROR_INIT;
    easg_error err = EASG_ERROR_INIT;
    const void *table;
    struct call c;

    if (!i->module->desc.get_extension)
        return NULL;
    call_begin(&c, i, NULL, "get_extension");
    table = i->module->desc.get_extension(i->self, id);
    return call_end(&c, EASG_OK, &said, &err) == EASG_OK ? table : NULL;
}

/* ---- sessions ---------------------------------------------------------------------------------
 */

static easg_status open_as(struct instance_ref *i, enum module_kind kind, struct call *c,
                           const easg_endpoint *endpoint, easg_session **out, easg_error *said)
{
    const easg_run *run = &c->run->abi;

    switch (kind) {
    case KIND_SOURCE: return i->module->ops.source.open(i->self, run, endpoint, out, said);
    case KIND_SINK: return i->module->ops.sink.open(i->self, run, out, said);
    case KIND_NOTIFIER: return i->module->ops.notifier.open(i->self, run, out, said);
    case KIND_FAILOVER: break;
    }
    return err_set(said, EASG_E_UNSUPPORTED, "a failover module has no sessions");
}

static void(EASG_CALL *closer(const struct module_ref *m))(easg_session *)
{
    switch (m->kind) {
    case KIND_SOURCE: return m->ops.source.close;
    case KIND_SINK: return m->ops.sink.close;
    case KIND_NOTIFIER: return m->ops.notifier.close;
    case KIND_FAILOVER: break;
    }
    return NULL;
}

static easg_status session_open(struct instance_ref *i, enum module_kind kind, struct run_ref *run,
                                const easg_endpoint *endpoint, struct session_ref **out,
                                easg_error *err)
{
    struct session_ref *s = mem_alloc(sizeof *s);
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(i->module->kind == kind);
    if (!s)
        return err_nomem(err);
    s->instance = i;
    s->run = run;
    s->close = closer(i->module);
    receivers_init(s);
    call_begin(&c, i, run, "open");
    st = open_as(i, kind, &c, endpoint, &s->self, &said);
    st = call_end(&c, one_or_other(&c, st, s->self), &said, err);
    if (st != EASG_OK) {
        mem_free(s);
        return st;
    }
    *out = s;
    return EASG_OK;
}

easg_status source_open(struct instance_ref *i, struct run_ref *run, const easg_endpoint *endpoint,
                        struct session_ref **out, easg_error *err)
{
    return session_open(i, KIND_SOURCE, run, endpoint, out, err);
}

easg_status sink_open(struct instance_ref *i, struct run_ref *run, struct session_ref **out,
                      easg_error *err)
{
    return session_open(i, KIND_SINK, run, NULL, out, err);
}

easg_status notifier_open(struct instance_ref *i, struct run_ref *run, struct session_ref **out,
                          easg_error *err)
{
    return session_open(i, KIND_NOTIFIER, run, NULL, out, err);
}

void session_close(struct session_ref *s)
{
    easg_error said = EASG_ERROR_INIT;
    easg_error err = EASG_ERROR_INIT;
    struct call c;

    if (!s)
        return;
    call_begin(&c, s->instance, s->run, "close");
    s->close(s->self);
    (void)call_end(&c, EASG_OK, &said, &err); /* a breach is logged there */
    mem_free(s);
}
