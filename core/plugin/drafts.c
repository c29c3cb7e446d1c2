/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of the draft extensions easg.orgpolicy/1 and easg.device-command/1.
 */
#include <string.h>

#include <easgate/draft/probe.h>

#include "drafts.h"
#include "session.h"

#include "err.h"
#include "text.h"

enum { TEXT_MAX = 4096, LINE_MAX = 1000 };

/* 1: bytes that may be kept and printed: no control characters, no NUL inside. */
static int clean(const easg_str *s)
{
    if (s->len > TEXT_MAX || !s->ptr || s->ptr[s->len] != '\0')
        return 0;
    for (size_t i = 0; i < s->len; i++)
        if ((unsigned char)s->ptr[i] < 0x20 || s->ptr[i] == 0x7f)
            return 0;
    return text_utf8_valid(s->ptr, s->len);
}

/* ---- easg.orgpolicy/1 ---- */

static const easg_orgpolicy_ops *policy_of(struct instance_ref *i, easg_error *err)
{
    const easg_orgpolicy_ops *ops = instance_get_extension(i, EASG_ORGPOLICY);

    if (ops && EASG_HAS_FIELD(ops, write) && ops->check && ops->read && ops->write)
        return ops;
    err_set(err, EASG_E_UNSUPPORTED, "%s cannot write what an organisation decides for everybody",
            i->module->who);
    return NULL;
}

static easg_orgpolicy_item to_item(uint32_t part, const char *name, const char *value)
{
    easg_orgpolicy_item item = {
        .struct_size = sizeof item, .part = part, .name = text_str(name), .value = text_str(value)
    };

    return item;
}

easg_status orgpolicy_check(struct instance_ref *i, uint32_t part, const char *name,
                            const char *value, easg_error *err)
{
    const easg_orgpolicy_ops *ops = policy_of(i, err);
    easg_orgpolicy_item item = to_item(part, name, value);
    easg_error said = EASG_ERROR_INIT;
    struct call c;
    easg_status st;

    if (!ops)
        return EASG_E_UNSUPPORTED;
    if (part > 31 || !(ops->parts & 1u << part))
        return err_set(err, EASG_E_UNSUPPORTED, "%s does not know items such as %.100s",
                       i->module->who, name);
    call_begin(&c, i, NULL, "check");
    st = ops->check(i->self, &item, &said);
    return call_end(&c, st, &said, err);
}

int orgpolicy_knows(struct instance_ref *i, uint32_t part)
{
    easg_error ignored = EASG_ERROR_INIT;
    const easg_orgpolicy_ops *ops = policy_of(i, &ignored);

    return ops && part < 32 && (ops->parts & 1u << part);
}

struct reading {
    struct call *call;
    const struct orgpolicy_sink *to;
    size_t n;
};

static easg_status EASG_CALL on_item(const easg_orgpolicy_receiver *to,
                                     const easg_orgpolicy_item *item)
{
    struct reading *r = to->opaque;
    struct call *c = r->call;

    if (call_current() != c)
        return EASG_E_USAGE;
    if (c->refused != EASG_OK)
        return c->refused;
    if (!EASG_HAS_FIELD(item, value) || item->part > 31 || text_blank(&item->name))
        return call_refuse(c, err_set(&c->refusal, EASG_E_USAGE, "%s emitted an unfit item in %s()",
                                      c->instance->module->who, c->op));
    if (!clean(&item->name) || (item->value.ptr && !clean(&item->value)))
        return call_refuse(c, err_set(&c->refusal, EASG_E_PROTOCOL,
                                      "%s emitted text that is too long or no text in %s()",
                                      c->instance->module->who, c->op));
    r->n++;
    return call_refuse(c, r->to->item(r->to->user, item->part, item->name.ptr, item->value.ptr,
                                      &c->refusal));
}

static easg_status run_policy(struct session_ref *s, const char *op, uint32_t parts,
                              const easg_orgpolicy_item *item, const struct orgpolicy_sink *to,
                              easg_error *err)
{
    const easg_orgpolicy_ops *ops = policy_of(s->instance, err);
    struct call c;
    struct reading reading = { &c, to, 0 };
    const easg_orgpolicy_receiver receiver = { .struct_size = sizeof receiver,
                                               .opaque = &reading,
                                               .emit = on_item };
    easg_error said = EASG_ERROR_INIT;
    easg_status st;

    if (!ops)
        return EASG_E_UNSUPPORTED;
    if (parts & ~ops->parts)
        return err_set(err, EASG_E_UNSUPPORTED, "%s does not know all that is configured",
                       s->instance->module->who);
    call_begin(&c, s->instance, s->run, op);
    s->call = &c;
    st = item ? ops->write(s->self, &s->run->abi, item, &receiver, &said)
              : ops->read(s->self, &s->run->abi, parts, &receiver, &said);
    if (st == EASG_OK && item && reading.n != 1)
        c.breach = "did not read back the one item that it wrote";
    s->call = NULL;
    return call_end(&c, st, &said, err);
}

easg_status orgpolicy_read(struct session_ref *s, uint32_t parts, const struct orgpolicy_sink *to,
                           easg_error *err)
{
    return run_policy(s, "read", parts, NULL, to, err);
}

easg_status orgpolicy_write(struct session_ref *s, uint32_t part, const char *name,
                            const char *value, const struct orgpolicy_sink *to, easg_error *err)
{
    easg_orgpolicy_item item = to_item(part, name, value);

    if (s->run->flags & EASG_RUN_DRY)
        return err_set(err, EASG_E_USAGE, "a change was to be sent in a dry run");
    if (part > 31 || text_blank(&item.name))
        return err_set(err, EASG_E_USAGE, "an item without a name was to be written");
    return run_policy(s, "write", 1u << part, &item, to, err);
}

/* ---- easg.device-command/1 ---- */

static const easg_device_command_ops *commands_of(struct instance_ref *i)
{
    const easg_device_command_ops *ops = instance_get_extension(i, EASG_DEVICE_COMMAND);

    return ops && EASG_HAS_FIELD(ops, carry_out) && ops->describe && ops->carry_out ? ops : NULL;
}

int device_command_known(struct instance_ref *i, uint32_t verb)
{
    const easg_device_command_ops *ops = commands_of(i);

    return ops && verb < 32 && (ops->verbs & 1u << verb);
}

struct telling {
    struct call *call;
    const struct tell_sink *to;
};

static easg_status EASG_CALL on_line(const easg_device_command_receiver *to, const easg_str *line)
{
    struct telling *t = to->opaque;
    struct call *c = t->call;
    char safe[LINE_MAX];

    if (call_current() != c)
        return EASG_E_USAGE;
    if (c->refused != EASG_OK)
        return c->refused;
    text_safe(line->ptr ? line->ptr : "", line->len, safe, sizeof safe);
    return call_refuse(c, t->to->line(t->to->user, safe, &c->refusal));
}

easg_status device_command_call(struct session_ref *s, const struct device_command *command, int go,
                                const struct tell_sink *to, easg_error *err)
{
    const easg_device_command_ops *ops = commands_of(s->instance);
    const easg_device_command wire = { .struct_size = sizeof wire,
                                       .verb = command->verb,
                                       .key = text_str(command->key),
                                       .device_id = text_str(command->device_id),
                                       .owner = text_str(command->owner) };
    struct call c;
    struct telling telling = { &c, to };
    const easg_device_command_receiver receiver = { .struct_size = sizeof receiver,
                                                    .opaque = &telling,
                                                    .tell = on_line };
    easg_error said = EASG_ERROR_INIT;
    easg_status st;

    if (text_blank(&wire.key) || text_blank(&wire.device_id) || text_blank(&wire.owner))
        return err_set(err, EASG_E_USAGE,
                       "the device is not named by its key, its id and its mailbox; nothing was "
                       "asked");
    if (go && (s->run->flags & EASG_RUN_DRY))
        return err_set(err, EASG_E_USAGE, "a device was to be touched in a dry run");
    if (!ops || !device_command_known(s->instance, command->verb))
        return err_set(err, EASG_E_UNSUPPORTED, "%s cannot do this to a device",
                       s->instance->module->who);
    call_begin(&c, s->instance, s->run, go ? "carry_out" : "describe");
    s->call = &c;
    st = go ? ops->carry_out(s->self, &s->run->abi, &wire, &receiver, &said)
            : ops->describe(s->self, &s->run->abi, &wire, &receiver, &said);
    s->call = NULL;
    return call_end(&c, st, &said, err);
}

/* ---- easg.probe/1 ---- */

void instance_expect(struct instance_ref *i, uint32_t needs)
{
    const easg_probe_ops *ops = instance_get_extension(i, EASG_PROBE);
    easg_error said = EASG_ERROR_INIT;
    easg_error ignored = EASG_ERROR_INIT;
    struct call c;

    if (!ops || !EASG_HAS_FIELD(ops, expect) || !ops->expect)
        return;
    call_begin(&c, i, NULL, "expect");
    ops->expect(i->self, needs);
    if (call_end(&c, EASG_OK, &said, &ignored) != EASG_OK)
        LOG_WARNING(i->log, "a module did not take what is expected of it",
                    F_STR("error", ignored.message));
}
