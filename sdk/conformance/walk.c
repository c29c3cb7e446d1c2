/* SPDX-License-Identifier: Apache-2.0
 *
 * One walk through a module, from create() to destroy(), with receivers that judge what they get.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

#include "check_emit.h"
#include "clock.h"
#include "err.h"
#include "text.h"

/* A struct of the host, as today's plugin knows it and as tomorrow's host will have it. */
#define GROWN(type)                                                                                \
    union {                                                                                        \
        type v;                                                                                    \
        unsigned char room[sizeof(type) + 64];                                                     \
    }
#define GROW(w, u)                                                                                 \
    do {                                                                                           \
        memset((u).room, 0xA5, sizeof(u).room);                                                    \
        memset(&(u).v, 0, sizeof(u).v);                                                            \
        (u).v.struct_size = (uint32_t)((w)->grown ? sizeof(u).room : sizeof(u).v);                 \
    } while (0)

typedef GROWN(easg_error) grown_error;

const char *walk_main_name(const struct module_ref *m)
{
    static const char *const names[] = { "list", "fetch", "send", "choose" };

    return names[m->kind];
}

void walk_check_error(struct kithost *h, const char *op, easg_status st, const easg_error *err)
{
    size_t len = strnlen(err->message, sizeof err->message);

    if (st > 0 || st < EASG_E_UNTRUSTED)
        fail("%s() returned %d, which is no status", op, (int)st);
    if (len == sizeof err->message) {
        fail("%s() left a message without a NUL", op);
        return;
    }
    if (st == EASG_OK && len)
        fail("%s() returned ok and left a message: %s", op, err->message);
    if (st != EASG_OK && !len)
        fail("%s() returned '%s' without a message", op, err_status_name(st));
    if (!text_utf8_valid(err->message, len))
        fail("%s() left a message that is not UTF-8", op);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)err->message[i] < 0x20 || err->message[i] == 0x7f) {
            fail("%s() left a message of several lines, or with control characters", op);
            break;
        }
    kithost_look(h, "an error message", err->message, len);
}

/* ---- receivers --------------------------------------------------------------------------------
 */

/* What the receivers of one main call know. */
struct taking {
    struct walk *w;
    int refused;
    int org, devices_began;
    /* hashes of the keys seen, to find one that comes twice */
    uint64_t *keys;
    size_t n_keys, cap_keys;
    uint32_t *answers; /* apply: how many results an item got */
    const easg_change *const *items;
    size_t n_items;
};

static uint64_t fnv(uint64_t h, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Counts the call; what to return at once, EASG_OK: go on. */
static easg_status arrive(struct taking *t, const char *what)
{
    struct walk *w = t->w;

    if (t->refused) {
        w->after_refusal++;
        fail("%s was emitted after a refusal", what);
        return w->refuse_with;
    }
    w->emitted++;
    if (w->refuse_at && w->emitted == w->refuse_at) {
        t->refused = 1;
        return w->refuse_with;
    }
    return EASG_OK;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x;
    uint64_t y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static void key_seen(struct taking *t, char space, const easg_str *key)
{
    uint64_t h = fnv(fnv(UINT64_C(0xcbf29ce484222325), &space, 1), key->ptr, key->len);

    t->w->digest = fnv(t->w->digest, (const char *)&h, sizeof h);
    kithost_look(t->w->host, "a key", key->ptr, key->len);
    if (t->n_keys == t->cap_keys) {
        size_t cap = t->cap_keys ? t->cap_keys * 2 : 1024;
        uint64_t *keys = mem_grow(t->keys, cap, sizeof *keys);

        if (!keys)
            return; /* the memory case makes this fail too; keys are looked at in the others */
        t->keys = keys;
        t->cap_keys = cap;
    }
    t->keys[t->n_keys++] = h;
}

static void keys_end(struct taking *t)
{
    unsigned long twice = 0;

    if (t->n_keys)
        qsort(t->keys, t->n_keys, sizeof *t->keys, by_value);
    for (size_t i = 1; i < t->n_keys; i++)
        twice += t->keys[i] == t->keys[i - 1];
    if (twice)
        fail("%lu objects were emitted more than once", twice);
    mem_free(t->keys);
}

#define JUDGE(t, type, check, in, out)                                                             \
    do {                                                                                           \
        easg_error why_ = EASG_ERROR_INIT;                                                         \
        easg_status st_ = arrive((t), "an object");                                                \
        if (st_ != EASG_OK)                                                                        \
            return st_;                                                                            \
        (out) = check((in), &room, &st_, &why_);                                                   \
        if (!(out)) {                                                                              \
            fail("%s", why_.message);                                                              \
            return st_;                                                                            \
        }                                                                                          \
    } while (0)

static easg_status EASG_CALL take_org(const easg_source_receiver *to, const easg_org_settings *in)
{
    struct taking *t = to->opaque;
    const easg_org_settings *s;
    easg_org_settings room;

    JUDGE(t, easg_org_settings, check_org, in, s);
    if (t->org++)
        fail("the organisation's settings were emitted twice");
    return EASG_OK;
}

static easg_status EASG_CALL take_mailbox(const easg_source_receiver *to, const easg_mailbox *in)
{
    struct taking *t = to->opaque;
    const easg_mailbox *m;
    easg_mailbox room;

    JUDGE(t, easg_mailbox, check_mailbox, in, m);
    key_seen(t, 'm', &m->mailbox_id);
    kithost_look(t->w->host, "a display name", m->display_name.ptr, m->display_name.len);
    return EASG_OK;
}

static easg_status EASG_CALL take_device(const easg_source_receiver *to, const easg_device *in)
{
    struct taking *t = to->opaque;
    struct walk *w = t->w;
    const easg_device *d;
    easg_device room;

    JUDGE(t, easg_device, check_device, in, d);
    key_seen(t, 'd', &d->key);
    kithost_look(w->host, "a device's reason", d->access_reason.ptr, d->access_reason.len);
    if (w->n_devices < 3) {
        struct walk_device *keep = &w->devices[w->n_devices++];

        (void)snprintf(keep->mailbox, sizeof keep->mailbox, "%s", d->mailbox_id.ptr);
        (void)snprintf(keep->device, sizeof keep->device, "%s", d->device_id.ptr);
    }
    return EASG_OK;
}

static easg_status EASG_CALL take_checkpoint(const easg_source_receiver *to, const easg_str *cursor)
{
    struct taking *t = to->opaque;
    easg_error why = EASG_ERROR_INIT;
    easg_status st = arrive(t, "a checkpoint");

    if (st == EASG_OK && check_cursor(cursor, &why) != EASG_OK)
        fail("%s", why.message);
    return st;
}

static easg_status EASG_CALL take_person(const easg_sink_receiver *to, const easg_person *in)
{
    struct taking *t = to->opaque;
    const easg_person *p;
    easg_person room;

    JUDGE(t, easg_person, check_person, in, p);
    key_seen(t, 'p', &p->id);
    return EASG_OK;
}

static easg_status EASG_CALL take_managed(const easg_sink_receiver *to,
                                          const easg_managed_device *in)
{
    struct taking *t = to->opaque;
    const easg_managed_device *d;
    easg_managed_device room;

    JUDGE(t, easg_managed_device, check_managed_device, in, d);
    key_seen(t, 'g', &d->id);
    return EASG_OK;
}

static easg_status EASG_CALL take_result(const easg_result_receiver *to, const easg_item_result *in)
{
    struct taking *t = to->opaque;
    const easg_item_result *r;
    easg_item_result room;

    JUDGE(t, easg_item_result, check_result, in, r);
    if (r->status == EASG_OK && r->error)
        fail("the result of %s is ok and has an error", r->key.ptr);
    if (r->status != EASG_OK && !r->error)
        fail("the result of %s is '%s' and has no error", r->key.ptr, err_status_name(r->status));
    if (r->error)
        walk_check_error(t->w->host, "apply", r->status, r->error);
    t->w->digest = fnv(t->w->digest, r->key.ptr, r->key.len);
    t->w->digest = fnv(t->w->digest, (const char *)&r->status, sizeof r->status);
    t->w->digest = fnv(t->w->digest, (const char *)&r->listed, sizeof r->listed);
    for (size_t i = 0; i < t->n_items; i++)
        if (t->items[i]->key.len == r->key.len &&
            memcmp(t->items[i]->key.ptr, r->key.ptr, r->key.len) == 0) {
            t->answers[i]++;
            return EASG_OK;
        }
    fail("a result for %s, which nobody asked for", r->key.ptr);
    return EASG_OK;
}

/* ---- the main call of each kind -----------------------------------------------------------------
 */

static easg_status main_source(struct walk *w, struct taking *t, easg_session *s, easg_error *err)
{
    const easg_source_ops *ops = &w->module->ops.source;
    GROWN(easg_source_receiver) to;
    GROWN(easg_query) query;
    easg_status st;

    GROW(w, to);
    GROW(w, query);
    query.v.scope = EASG_SCOPE_FULL;
    query.v.since = EASG_TIME_NONE;
    to.v.opaque = t;
    to.v.org = take_org;
    to.v.mailbox = take_mailbox;
    to.v.device = take_device;
    to.v.checkpoint = take_checkpoint;
    st = ops->list(s, &w->host->run, &query.v, &to.v, err);
    if (st == EASG_OK && t->org == 0)
        fail("list() returned ok without the organisation's settings");
    return st;
}

static easg_status main_sink(struct walk *w, struct taking *t, easg_session *s, easg_error *err)
{
    const easg_sink_ops *ops = &w->module->ops.sink;
    GROWN(easg_sink_receiver) to;
    GROWN(easg_facts_query) query;

    GROW(w, to);
    GROW(w, query);
    to.v.opaque = t;
    to.v.person = take_person;
    to.v.managed_device = take_managed;
    return ops->fetch(s, &w->host->run, &query.v, &to.v, err);
}

/* A pure function: the same answer to the same question, and one that was offered. */
static easg_status main_failover(struct walk *w, easg_instance *self, easg_error *err)
{
    static const char *const names[] = { "cas1", "cas2", "cas3" };
    GROWN(easg_endpoint) e[3];
    const easg_endpoint *items[3];
    easg_status st = EASG_OK;

    for (size_t n = 1; n <= 3; n++) {
        size_t chosen[2] = { 99, 99 };

        for (size_t i = 0; i < n; i++) {
            GROW(w, e[i]);
            e[i].v.id = text_str(names[i]);
            e[i].v.url = TEXT_LIT("https://cas.invalid/powershell");
            e[i].v.priority = (uint32_t)i;
            e[i].v.last_ok = e[i].v.last_failed = EASG_TIME_NONE;
            e[i].v.failures = n == 3 ? 4 - (uint32_t)i : 0;
            if (n == 3)
                e[i].v.last_failed = clock_now() - 1000 * (easg_time)i;
            items[i] = &e[i].v;
        }
        for (int again = 0; again < 2; again++) {
            st = w->module->ops.failover.choose(self, &w->host->run, items, n, &chosen[again], err);
            w->emitted++;
            if (st == EASG_OK && chosen[again] >= n)
                fail("choose() chose number %zu of %zu", chosen[again], n);
            if (st != EASG_OK && st != EASG_E_NOTFOUND)
                return st;
        }
        if (chosen[0] != chosen[1])
            fail("choose() gave two answers to one question, so it is not pure");
        if (st == EASG_E_NOTFOUND)
            err_clear(err);
        w->digest = fnv(w->digest, (const char *)&chosen[0], sizeof chosen[0]);
    }
    return EASG_OK;
}

static easg_status main_notifier(struct walk *w, easg_session *s, const char *key, easg_error *err)
{
    const easg_notifier_ops *ops = &w->module->ops.notifier;
    GROWN(easg_message) m;
    easg_status st;

    GROW(w, m);
    m.v.idempotency_key = text_str(key);
    m.v.to_smtp = TEXT_LIT("conform@contoso.example");
    m.v.subject = TEXT_LIT("easgate-conform");
    m.v.body_text = TEXT_LIT("A message of the conformance kit.");
    m.v.language = TEXT_LIT("en");
    st = ops->send(s, &w->host->run, &m.v, err);
    w->emitted++;
    if (st == EASG_OK && ops->settle) {
        walk_check_error(w->host, "send", st, err);
        st = ops->settle(s, &w->host->run, &m.v, err);
        if (st == EASG_E_NOTFOUND)
            fail("settle() does not find the message that send() has just sent");
    }
    return st;
}

/* ---- the walk ---- */

typedef easg_status (*main_fn)(struct walk *w, struct taking *t, easg_instance *self,
                               easg_session *s, void *arg, easg_error *err);

static easg_status open_session(struct walk *w, easg_instance *self, easg_session **out,
                                easg_error *err)
{
    const struct module_ref *m = w->module;
    GROWN(easg_endpoint) e;

    GROW(w, e);
    e.v.id = TEXT_LIT("conform");
    e.v.url = text_str(w->url ? w->url : "");
    e.v.last_ok = e.v.last_failed = EASG_TIME_NONE;
    switch (m->kind) {
    case KIND_SOURCE: return m->ops.source.open(self, &w->host->run, &e.v, out, err);
    case KIND_SINK: return m->ops.sink.open(self, &w->host->run, out, err);
    case KIND_NOTIFIER: return m->ops.notifier.open(self, &w->host->run, out, err);
    case KIND_FAILOVER: break;
    }
    return EASG_OK;
}

static void close_session(const struct walk *w, easg_session *s)
{
    switch (w->module->kind) {
    case KIND_SOURCE: w->module->ops.source.close(s); break;
    case KIND_SINK: w->module->ops.sink.close(s); break;
    case KIND_NOTIFIER: w->module->ops.notifier.close(s); break;
    case KIND_FAILOVER: break;
    }
}

/* What open() and create() owe alike. */
static int has_object(struct walk *w, const char *op, easg_status st, const void *object,
                      const easg_error *err)
{
    walk_check_error(w->host, op, st, err);
    w->status = st;
    err_copy(&w->error, err);
    if (st == EASG_OK && !object)
        fail("%s() returned ok without an object", op);
    if (st != EASG_OK && object)
        fail("%s() returned an object beside an error", op);
    return st == EASG_OK && object;
}

static void fresh_error(const struct walk *w, grown_error *err)
{
    GROW(w, *err);
}

static void walk_session(struct walk *w, easg_instance *self, main_fn fn, void *arg)
{
    struct taking t = { .w = w };
    easg_session *s = NULL;
    grown_error err;
    int64_t start;
    easg_status st;

    fresh_error(w, &err);
    st = open_session(w, self, &s, &err.v);
    if (w->module->kind == KIND_FAILOVER)
        w->status = EASG_OK;
    else if (!has_object(w, "open", st, s, &err.v))
        return;
    w->reached = WALK_OPEN;
    if (!w->stop_after_open) {
        fresh_error(w, &err);
        start = clock_monotonic_ms();
        st = fn(w, &t, self, s, arg, &err.v);
        w->took_ms = clock_monotonic_ms() - start;
        w->status = st;
        w->reached = WALK_MAIN;
        err_copy(&w->error, &err.v);
        if (!t.refused || err.v.message[0])
            walk_check_error(w->host, walk_main_name(w->module), st, &err.v);
        if (t.refused && st != w->refuse_with)
            fail("%s() was refused with '%s' and returned '%s'", walk_main_name(w->module),
                 err_status_name(w->refuse_with), err_status_name(st));
        keys_end(&t);
    }
    if (s)
        close_session(w, s);
}

static void walk_instance(struct walk *w, main_fn fn, void *arg)
{
    easg_instance *self = NULL;
    grown_error err;
    easg_status st;

    w->reached = WALK_CREATE;
    w->emitted = w->after_refusal = 0;
    w->n_devices = 0;
    w->digest = UINT64_C(0xcbf29ce484222325);
    w->took_ms = 0;
    fresh_error(w, &err);
    kithost_enter(w->host);
    st = w->module->desc.create(&w->host->table.host, w->cfg, &self, &err.v);
    if (has_object(w, "create", st, self, &err.v)) {
        walk_session(w, self, fn, arg);
        if (w->module->desc.get_extension &&
            w->module->desc.get_extension(self, "com.example.conform/1"))
            fail("get_extension() knows an extension that does not exist");
        w->module->desc.destroy(self);
        if (w->status == EASG_OK)
            w->reached = WALK_CLOSED;
    }
    kithost_leave(w->host);
}

static easg_status main_call(struct walk *w, struct taking *t, easg_instance *self, easg_session *s,
                             void *arg, easg_error *err)
{
    (void)arg;
    switch (w->module->kind) {
    case KIND_SOURCE: return main_source(w, t, s, err);
    case KIND_SINK: return main_sink(w, t, s, err);
    case KIND_FAILOVER: return main_failover(w, self, err);
    case KIND_NOTIFIER: break; /* a message is sent by the case apply only */
    }
    return EASG_OK;
}

void walk_run(struct walk *w)
{
    walk_instance(w, main_call, NULL);
}

struct applying {
    easg_verb verb;
    unsigned round;
    struct walk_device devices[3];
    size_t n;
};

static easg_status apply_call(struct walk *w, struct taking *t, easg_instance *self,
                              easg_session *s, void *arg, easg_error *err)
{
    const struct applying *a = arg;
    GROWN(easg_result_receiver) to;
    GROWN(easg_change) change[3];
    const easg_change *items[3];
    uint32_t answers[3] = { 0, 0, 0 };
    char keys[3][32];
    easg_status st;

    (void)self;
    if (w->module->kind == KIND_NOTIFIER)
        return main_notifier(w, s, "easgate-conform-1", err);
    for (size_t i = 0; i < a->n; i++) {
        GROW(w, change[i]);
        (void)snprintf(keys[i], sizeof keys[i], "change-%zu", i);
        change[i].v.verb = a->verb;
        change[i].v.key = text_str(keys[i]);
        change[i].v.mailbox_id = text_str(a->devices[i].mailbox);
        change[i].v.device_id = text_str(a->devices[i].device);
        items[i] = &change[i].v;
    }
    GROW(w, to);
    to.v.opaque = t;
    to.v.emit = take_result;
    t->items = items;
    t->n_items = a->n;
    t->answers = answers;
    st = w->module->ops.source.apply(s, &w->host->run, items, a->n, &to.v, err);
    for (size_t i = 0; i < a->n && st == EASG_OK; i++)
        if (answers[i] != 1)
            fail("apply() returned ok with %u results for one item", (unsigned)answers[i]);
    return st;
}

void walk_apply(struct walk *w, easg_verb verb, unsigned round)
{
    struct applying a = { .verb = verb, .round = round, .n = w->n_devices };

    memcpy(a.devices, w->devices, sizeof a.devices);
    walk_instance(w, apply_call, &a);
    memcpy(w->devices, a.devices, sizeof a.devices);
    w->n_devices = a.n;
}
