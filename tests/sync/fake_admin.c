/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_admin.c - what an organisation decides for everybody, and commands for one device, as a case
 * says.
 */
#include "fake.h"

#include <easgate/draft/device_command.h>
#include <easgate/draft/orgpolicy.h>

#include "text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct fake_policy *fake_policy(uint32_t part, const char *name)
{
    struct fake_policy *spare = NULL;

    for (int i = 0; i < 32; i++) {
        struct fake_policy *p = &fake->policy[i];

        if (p->name[0] && p->part == part && strcasecmp(p->name, name) == 0)
            return p;
        if (!p->name[0] && !spare)
            spare = p;
    }
    memset(spare, 0, sizeof *spare);
    spare->part = part;
    snprintf(spare->name, FAKE_TEXT, "%s", name);
    return spare;
}

static easg_status EASG_CALL check(easg_instance *self, const easg_orgpolicy_item *item,
                                   easg_error *err)
{
    (void)self;
    if (strncmp(item->name.ptr, "strange:", 8) == 0)
        return fake_say(err, EASG_E_UNSUPPORTED, "such a rule cannot be written");
    if (item->value.ptr && item->value.len > 40)
        return fake_say(err, EASG_E_CONFIG, "the text is too long");
    return EASG_OK;
}

static easg_status emit(const struct fake_policy *p, const easg_orgpolicy_receiver *to)
{
    const easg_orgpolicy_item item = { .struct_size = sizeof item,
                                       .part = p->part,
                                       .name = text_str(p->name),
                                       .value = text_str(p->used ? p->value : NULL) };

    return to->emit(to, &item);
}

static easg_status EASG_CALL read_all(easg_session *s, const easg_run *run, uint32_t parts,
                                      const easg_orgpolicy_receiver *to, easg_error *err)
{
    easg_status st = fake_fault(FAKE_POLICY_READ, err);

    (void)s, (void)run;
    for (int i = 0; st == EASG_OK && i < 32; i++)
        if (fake->policy[i].used && (parts & 1u << fake->policy[i].part))
            st = fake_say(err, emit(&fake->policy[i], to), "the receiver refused");
    return st;
}

static easg_status EASG_CALL write_one(easg_session *s, const easg_run *run,
                                       const easg_orgpolicy_item *item,
                                       const easg_orgpolicy_receiver *to, easg_error *err)
{
    easg_status st = fake_fault(FAKE_POLICY_WRITE, err);
    struct fake_policy *p = fake_policy(item->part, item->name.ptr);

    (void)s, (void)run;
    if (st != EASG_OK)
        return st;
    fake->writes++;
    if (!p->lie) {
        p->used = item->value.ptr != NULL;
        snprintf(p->value, FAKE_TEXT, "%s", p->used ? item->value.ptr : "");
    }
    p->lie = 0;
    return fake_say(err, emit(p, to), "the receiver refused");
}

static const easg_orgpolicy_ops policy_ops = { sizeof policy_ops, 7, check, read_all, write_one };

/* ---- one device ---- */

static easg_status tell_word(const easg_device_command_receiver *to, const char *text)
{
    const easg_str line = text_str(text);

    return to->tell(to, &line);
}

static struct fake_device *find(const easg_device_command *c)
{
    for (int i = 0; i < FAKE_MAX; i++) {
        struct fake_device *d = &fake->devices[i];

        if (d->used && strcmp(d->key, c->key.ptr) == 0 && strcmp(d->id, c->device_id.ptr) == 0 &&
            strcmp(d->mailbox, c->owner.ptr) == 0)
            return d;
    }
    return NULL;
}

static easg_status EASG_CALL describe(easg_session *s, const easg_run *run,
                                      const easg_device_command *c,
                                      const easg_device_command_receiver *to, easg_error *err)
{
    easg_status st = fake_fault(FAKE_DESCRIBE, err);

    (void)s, (void)run;
    if (st == EASG_OK && !find(c))
        return fake_say(err, EASG_E_NOTFOUND, "there is no such device");
    return st == EASG_OK ? fake_say(err, tell_word(to, "it would go"), "the receiver refused") : st;
}

static easg_status EASG_CALL carry_out(easg_session *s, const easg_run *run,
                                       const easg_device_command *c,
                                       const easg_device_command_receiver *to, easg_error *err)
{
    easg_status st = fake_fault(FAKE_CARRY_OUT, err);
    struct fake_device *d = find(c);

    (void)s, (void)run;
    if (st != EASG_OK)
        return st;
    if (!d)
        return fake_say(err, EASG_E_NOTFOUND, "there is no such device");
    fake->writes++;
    if (c->verb == EASG_DEVICE_REMOVE)
        d->used = 0;
    return fake_say(err, tell_word(to, "it is gone"), "the receiver refused");
}

static const easg_device_command_ops command_ops = {
    sizeof command_ops, 1u << EASG_DEVICE_REMOVE | 1u << EASG_DEVICE_WIPE, describe, carry_out
};

const void *EASG_CALL fake_extension(easg_instance *self, const char *id)
{
    (void)self;
    if (strcmp(id, EASG_ORGPOLICY) == 0 && !fake->no_policy)
        return &policy_ops;
    if (strcmp(id, EASG_DEVICE_COMMAND) == 0 && !fake->no_commands)
        return &command_ops;
    return NULL;
}
