/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's side of what modules emit: the right thread and time, a struct that is fit, and then
 * the caller's function. The first refusal sticks.
 */
#include <string.h>

#include "session.h"

#include "check_emit.h"
#include "err.h"
#include "text.h"

/* The call that a receiver of `s` may serve now, or NULL and a breach noted. */
static struct call *serving(struct session_ref *s)
{
    struct call *c = call_current();

    if (c && c == s->call)
        return c;
    atomic_store(&s->instance->breach, "a receiver");
    return NULL;
}

/* Puts the module's name in front of what check_emit wrote, and refuses. */
static easg_status unfit(struct call *c, easg_status st)
{
    char text[sizeof c->refusal.message];

    memcpy(text, c->refusal.message, sizeof text);
    (void)err_set(&c->refusal, st, "%s %s in %s()", c->instance->module->who, text, c->op);
    return call_refuse(c, st);
}

/* What the host's own function said. */
static easg_status taken(struct call *c, easg_status st)
{
    if (st == EASG_OK)
        return EASG_OK;
    if (!c->refusal.message[0])
        (void)err_set(&c->refusal, st, "refused during %s() of %s", c->op,
                      c->instance->module->who);
    return call_refuse(c, st);
}

#define RECEIVE(s, type, check, in, function, user)                                                \
    do {                                                                                           \
        struct call *c_ = serving(s);                                                              \
        easg_status st_ = EASG_OK;                                                                 \
        type room_;                                                                                \
        const type *use_;                                                                          \
                                                                                                   \
        if (!c_)                                                                                   \
            return EASG_E_USAGE;                                                                   \
        if (c_->refused != EASG_OK)                                                                \
            return c_->refused;                                                                    \
        use_ = check((in), &room_, &st_, &c_->refusal);                                            \
        if (!use_)                                                                                 \
            return unfit(c_, st_);                                                                 \
        return taken(c_, (function)((user), use_, &c_->refusal));                                  \
    } while (0)

static easg_status EASG_CALL on_org(const easg_source_receiver *to,
                                    const easg_org_settings *settings)
{
    struct session_ref *s = to->opaque;

    RECEIVE(s, easg_org_settings, check_org, settings, s->source_to->org, s->source_to->user);
}

static easg_status EASG_CALL on_mailbox(const easg_source_receiver *to, const easg_mailbox *mailbox)
{
    struct session_ref *s = to->opaque;

    RECEIVE(s, easg_mailbox, check_mailbox, mailbox, s->source_to->mailbox, s->source_to->user);
}

static easg_status EASG_CALL on_device(const easg_source_receiver *to, const easg_device *device)
{
    struct session_ref *s = to->opaque;

    RECEIVE(s, easg_device, check_device, device, s->source_to->device, s->source_to->user);
}

static easg_status EASG_CALL on_checkpoint(const easg_source_receiver *to, const easg_str *cursor)
{
    struct session_ref *s = to->opaque;
    struct call *c = serving(s);
    easg_status st;

    if (!c)
        return EASG_E_USAGE;
    if (c->refused != EASG_OK)
        return c->refused;
    st = check_cursor(cursor, &c->refusal);
    if (st != EASG_OK)
        return unfit(c, st);
    if (!s->source_to->checkpoint)
        return EASG_OK;
    return taken(c, s->source_to->checkpoint(s->source_to->user, cursor, &c->refusal));
}

static easg_status EASG_CALL on_person(const easg_sink_receiver *to, const easg_person *person)
{
    struct session_ref *s = to->opaque;

    RECEIVE(s, easg_person, check_person, person, s->facts_to->person, s->facts_to->user);
}

static easg_status EASG_CALL on_managed_device(const easg_sink_receiver *to,
                                               const easg_managed_device *device)
{
    struct session_ref *s = to->opaque;

    RECEIVE(s, easg_managed_device, check_managed_device, device, s->facts_to->managed_device,
            s->facts_to->user);
}

static easg_status EASG_CALL on_endpoint(const easg_endpoint_receiver *to,
                                         const easg_endpoint *endpoint)
{
    struct session_ref *s = to->opaque;

    RECEIVE(s, easg_endpoint, check_endpoint, endpoint, s->endpoint_to->endpoint,
            s->endpoint_to->user);
}

/* A result as the core takes it: a known status, a reason with every one that is not ok, and lists
 * only when they were read. */
static const easg_item_result *tidy_result(const struct call *c, const easg_item_result *in,
                                           easg_item_result *room, easg_error *why)
{
    const easg_error *said = in->error;
    size_t len = 0;

    *room = *in;
    room->struct_size = (uint32_t)sizeof *room;
    room->error = NULL;
    if (!(room->listed & EASG_LISTED_KNOWN))
        room->listed = 0;
    if (in->status == EASG_OK)
        return room;
    if (in->status < EASG_E_UNTRUSTED)
        room->status = EASG_E_FAIL;
    err_clear(why);
    if (said && said->struct_size >= offsetof(easg_error, message) + 1) {
        size_t room_for_text = said->struct_size < sizeof *said
                                   ? said->struct_size - offsetof(easg_error, message)
                                   : sizeof said->message;

        why->domain = said->domain;
        why->native_code = said->native_code;
        why->retry_after_ms = said->retry_after_ms;
        len = strnlen(said->message, room_for_text);
        text_safe(said->message, len, why->message, sizeof why->message);
    }
    if (len == 0)
        (void)err_set(why, room->status, "%s gave no reason for '%s' of this item in %s()",
                      c->instance->module->who, err_status_name(room->status), c->op);
    room->error = why;
    return room;
}

static easg_status EASG_CALL on_result(const easg_result_receiver *to,
                                       const easg_item_result *result)
{
    struct session_ref *s = to->opaque;
    struct call *c = serving(s);
    const struct result_sink *sink = s->answers.to;
    const easg_item_result *use;
    easg_item_result room;
    easg_item_result tidy;
    easg_error why;
    easg_status st = EASG_OK;

    if (!c)
        return EASG_E_USAGE;
    if (c->refused != EASG_OK)
        return c->refused;
    use = check_result(result, &room, &st, &c->refusal);
    if (!use)
        return unfit(c, st);
    st = answers_mark(&s->answers, &use->key, &c->refusal);
    if (st != EASG_OK)
        return unfit(c, st);
    use = tidy_result(c, use, &tidy, &why);
    return taken(c, sink->result(sink->user, use, &c->refusal));
}

void receivers_init(struct session_ref *s)
{
    s->source = (easg_source_receiver){ .struct_size = (uint32_t)sizeof s->source,
                                        .opaque = s,
                                        .org = on_org,
                                        .mailbox = on_mailbox,
                                        .device = on_device,
                                        .checkpoint = on_checkpoint };
    s->facts = (easg_sink_receiver){ .struct_size = (uint32_t)sizeof s->facts,
                                     .opaque = s,
                                     .person = on_person,
                                     .managed_device = on_managed_device };
    s->results = (easg_result_receiver){ .struct_size = (uint32_t)sizeof s->results,
                                         .opaque = s,
                                         .emit = on_result };
    s->endpoints = (easg_endpoint_receiver){ .struct_size = (uint32_t)sizeof s->endpoints,
                                             .opaque = s,
                                             .emit = on_endpoint };
}
