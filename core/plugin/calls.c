/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls of the four kinds. Each names its operation, lends the receivers, and leaves the
 * judgement to call_end().
 */
#include <string.h>

#include "session.h"

#include "err.h"
#include "text.h"

static void begin(struct session_ref *s, struct call *c, const char *op)
{
    call_begin(c, s->instance, s->run, op);
    s->call = c;
}

static easg_status end(struct session_ref *s, struct call *c, easg_status st, easg_error *said,
                       easg_error *err)
{
    s->call = NULL;
    return call_end(c, st, said, err);
}

static easg_status unsupported(const struct session_ref *s, const char *op, easg_error *err)
{
    return err_set(err, EASG_E_UNSUPPORTED, "%s has no %s()", s->instance->module->who, op);
}

/* ---- source -----------------------------------------------------------------------------------
 */

easg_status source_list(struct session_ref *s, const easg_query *query,
                        const struct source_sink *to, easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(s->instance->module->kind == KIND_SOURCE);
    s->source_to = to;
    begin(s, &c, "list");
    st = s->instance->module->ops.source.list(s->self, &s->run->abi, query, &s->source, &said);
    st = end(s, &c, st, &said, err);
    s->source_to = NULL;
    return st;
}

/* A status of the module's call, and whether each item was answered. */
static easg_status end_batch(struct session_ref *s, struct call *c, easg_status st,
                             easg_error *said, easg_error *err)
{
    if (st == EASG_OK && c->refused == EASG_OK &&
        answers_complete(&s->answers, &c->refusal) != EASG_OK) {
        char text[sizeof c->refusal.message];

        memcpy(text, c->refusal.message, sizeof text);
        st = call_refuse(c, err_set(&c->refusal, EASG_E_USAGE, "%s %s in %s()",
                                    s->instance->module->who, text, c->op));
    }
    st = end(s, c, st, said, err);
    answers_clear(&s->answers);
    return st;
}

static easg_status source_may_apply(const struct session_ref *s, const easg_change *const *items,
                                    size_t n, easg_error *err)
{
    const struct module_ref *m = s->instance->module;

    if (s->run->flags & EASG_RUN_DRY)
        return err_set(err, EASG_E_USAGE, "a change was to be sent in a dry run");
    for (size_t i = 0; i < n; i++)
        if (items[i]->verb > 31 || !(m->ops.source.verbs & (1u << items[i]->verb)))
            return err_set(err, EASG_E_UNSUPPORTED, "%s cannot %s: it declares no such verb",
                           m->who,
                           items[i]->verb == EASG_VERB_ALLOW      ? "allow"
                           : items[i]->verb == EASG_VERB_BLOCK    ? "block"
                           : items[i]->verb == EASG_VERB_WITHDRAW ? "withdraw"
                                                                  : "do this");
    return EASG_OK;
}

easg_status source_apply(struct session_ref *s, const easg_change *const *items, size_t n,
                         const struct result_sink *to, easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(s->instance->module->kind == KIND_SOURCE);
    st = source_may_apply(s, items, n, err);
    if (st == EASG_OK)
        st = answers_init(&s->answers, n, err);
    for (size_t i = 0; st == EASG_OK && i < n; i++)
        st = answers_add(&s->answers, &items[i]->key, err);
    if (st != EASG_OK) {
        answers_clear(&s->answers);
        return st;
    }
    s->answers.to = to;
    begin(s, &c, "apply");
    st = s->instance->module->ops.source.apply(s->self, &s->run->abi, items, n, &s->results, &said);
    return end_batch(s, &c, st, &said, err);
}

easg_status source_discover(struct session_ref *s, const struct endpoint_sink *to, easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(s->instance->module->kind == KIND_SOURCE);
    if (!s->instance->module->ops.source.discover)
        return unsupported(s, "discover", err);
    s->endpoint_to = to;
    begin(s, &c, "discover");
    st = s->instance->module->ops.source.discover(s->self, &s->run->abi, &s->endpoints, &said);
    st = end(s, &c, st, &said, err);
    s->endpoint_to = NULL;
    return st;
}

/* ---- sink -------------------------------------------------------------------------------------
 */

easg_status sink_fetch(struct session_ref *s, const easg_facts_query *query,
                       const struct facts_sink *to, easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(s->instance->module->kind == KIND_SINK);
    s->facts_to = to;
    begin(s, &c, "fetch");
    st = s->instance->module->ops.sink.fetch(s->self, &s->run->abi, query, &s->facts, &said);
    st = end(s, &c, st, &said, err);
    s->facts_to = NULL;
    return st;
}

easg_status sink_publish(struct session_ref *s, const easg_device_delta *const *items, size_t n,
                         const struct result_sink *to, easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(s->instance->module->kind == KIND_SINK);
    if (!s->instance->module->ops.sink.publish)
        return unsupported(s, "publish", err);
    st = answers_init(&s->answers, n, err);
    for (size_t i = 0; st == EASG_OK && i < n; i++)
        st = answers_add(&s->answers, &items[i]->device->key, err);
    if (st != EASG_OK) {
        answers_clear(&s->answers);
        return st;
    }
    s->answers.to = to;
    begin(s, &c, "publish");
    st = s->instance->module->ops.sink.publish(s->self, &s->run->abi, items, n, &s->results, &said);
    return end_batch(s, &c, st, &said, err);
}

easg_status sink_report(struct session_ref *s, const easg_run_report *report, easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(s->instance->module->kind == KIND_SINK);
    if (!s->instance->module->ops.sink.report)
        return unsupported(s, "report", err);
    begin(s, &c, "report");
    st = s->instance->module->ops.sink.report(s->self, &s->run->abi, report, &said);
    return end(s, &c, st, &said, err);
}

/* ---- failover ----------------------------------------------------------------------------------
 */

easg_status failover_choose(struct instance_ref *i, struct run_ref *run,
                            const easg_endpoint *const *items, size_t n, size_t *chosen,
                            easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    size_t choice = SIZE_MAX;
    struct call c;
    easg_status st;

    xassert(i->module->kind == KIND_FAILOVER && n > 0);
    call_begin(&c, i, run, "choose");
    st = i->module->ops.failover.choose(i->self, &run->abi, items, n, &choice, &said);
    if (st == EASG_OK && choice >= n)
        c.breach = "chose an endpoint that was not offered";
    st = call_end(&c, st, &said, err);
    if (st == EASG_OK)
        *chosen = choice;
    return st;
}

/* ---- notifier ----------------------------------------------------------------------------------
 */

easg_status notifier_send(struct session_ref *s, const easg_message *message, easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(s->instance->module->kind == KIND_NOTIFIER);
    if (text_blank(&message->idempotency_key) || text_blank(&message->to_smtp))
        return err_set(err, EASG_E_USAGE, "a message without a key or an address was to be sent");
    begin(s, &c, "send");
    st = s->instance->module->ops.notifier.send(s->self, &s->run->abi, message, &said);
    return end(s, &c, st, &said, err);
}

easg_status notifier_settle(struct session_ref *s, const easg_message *message, easg_error *err)
{
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    xassert(s->instance->module->kind == KIND_NOTIFIER);
    if (!s->instance->module->ops.notifier.settle)
        return unsupported(s, "settle", err);
    begin(s, &c, "settle");
    st = s->instance->module->ops.notifier.settle(s->self, &s->run->abi, message, &said);
    return end(s, &c, st, &said, err);
}
