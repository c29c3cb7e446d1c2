/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of the draft extension easg.probe/1, which a module may offer beside its kind.
 */
#include <string.h>

#include <easgate/draft/probe.h>

#include "plugin_internal.h"

#include "err.h"
#include "text.h"

static const easg_probe_ops *probe_of(struct instance_ref *i, easg_error *err)
{
    const easg_probe_ops *ops = instance_get_extension(i, EASG_PROBE);

    if (ops && EASG_HAS_FIELD(ops, walk))
        return ops;
    err_set(err, EASG_E_UNSUPPORTED, "%s cannot be probed", i->module->who);
    return NULL;
}

easg_status instance_reach(struct instance_ref *i, struct run_ref *run,
                           const easg_endpoint *endpoint, easg_error *err)
{
    const easg_probe_ops *ops = probe_of(i, err);
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    if (!ops || !ops->reach)
        return err_set(err, EASG_E_UNSUPPORTED, "%s has no reach()", i->module->who);
    call_begin(&c, i, run, "reach");
    st = ops->reach(i->self, &run->abi, endpoint, &said);
    return call_end(&c, st, &said, err);
}

struct taking {
    struct call *call;
    const struct probe_sink *to;
};

static easg_status EASG_CALL on_hop(const easg_probe_receiver *to, const easg_probe_hop *hop)
{
    struct taking *t = to->opaque;
    struct call *c = t->call;
    char name[120];
    char text[1000];

    if (call_current() != c)
        return EASG_E_USAGE;
    if (c->refused != EASG_OK)
        return c->refused;
    if (!EASG_HAS_FIELD(hop, text) || text_blank(&hop->name) || text_blank(&hop->text) ||
        hop->grade > EASG_PROBE_SKIPPED || (hop->grade == EASG_PROBE_FAILED) != (hop->status != 0))
        return call_refuse(c, err_set(&c->refusal, EASG_E_USAGE, "%s told an unfit hop in %s()",
                                      c->instance->module->who, c->op));
    text_safe(hop->name.ptr, hop->name.len, name, sizeof name);
    text_safe(hop->text.ptr, hop->text.len, text, sizeof text);
    t->to->hop(t->to->user, hop->grade, hop->status, name, text);
    return EASG_OK;
}

easg_status instance_probe(struct instance_ref *i, struct run_ref *run,
                           const easg_endpoint *endpoint, const struct probe_sink *to,
                           easg_error *err)
{
    const easg_probe_ops *ops = probe_of(i, err);
    struct call c;
    struct taking taking = { &c, to };
    const easg_probe_receiver receiver = { .struct_size = sizeof receiver,
                                           .opaque = &taking,
                                           .hop = on_hop };
    easg_error said = EASG_ERROR_INIT;
    easg_status st;

    if (!ops)
        return EASG_E_UNSUPPORTED;
    call_begin(&c, i, run, "walk");
    st = ops->walk(i->self, &run->abi, endpoint, &receiver, &said);
    return call_end(&c, st, &said, err);
}

const char *instance_rights(struct instance_ref *i)
{
    easg_error ignored = EASG_ERROR_INIT;
    const easg_probe_ops *ops = probe_of(i, &ignored);
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    const char *text;

    if (!ops || !EASG_HAS_FIELD(ops, rights) || !ops->rights)
        return NULL;
    call_begin(&c, i, NULL, "rights");
    text = ops->rights(i->self);
    return call_end(&c, EASG_OK, &said, &ignored) == EASG_OK ? text : NULL;
}
