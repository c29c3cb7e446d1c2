/* SPDX-License-Identifier: Apache-2.0
 *
 * Receivers that write a line for each object.
 */
#include <stdio.h>
#include <string.h>

#include "fakehost.h"
#include "timestamp.h"

void fakehost_log_init(struct fakehost_log *l)
{
    memset(l, 0, sizeof *l);
    strbuf_init(&l->text, 256u * 1024u * 1024u);
}

void fakehost_log_clear(struct fakehost_log *l)
{
    strbuf_clear(&l->text);
}

static easg_status next(struct fakehost_log *l)
{
    return ++l->seen == l->refuse_at ? EASG_E_CANCELLED : EASG_OK;
}

static void add(struct fakehost_log *l, const char *name, const easg_str *s)
{
    strbuf_addf(&l->text, " %s=%s", name, s->ptr ? s->ptr : "-");
}

static void add_time(struct fakehost_log *l, const char *name, easg_time t)
{
    char text[TIMESTAMP_SIZE];

    strbuf_addf(&l->text, " %s=%s", name, t == EASG_TIME_NONE ? "-" : timestamp_format(t, text));
}

static void add_list(struct fakehost_log *l, const char *name, const easg_str *const *list,
                     size_t n)
{
    strbuf_addf(&l->text, " %s=%s", name, n ? "" : "-");
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&l->text, "%s%s", i ? "," : "", list[i]->ptr);
}

static easg_status EASG_CALL on_person(const easg_sink_receiver *to, const easg_person *p)
{
    struct fakehost_log *l = to->opaque;

    l->people++;
    l->licensed += (p->flags & EASG_PERSON_LICENSED) != 0;
    l->targeted += (p->flags & EASG_PERSON_TARGETED) != 0;
    l->exempt += (p->flags & EASG_PERSON_EXEMPT) != 0;
    if (!l->count_only) {
        strbuf_addf(&l->text, "person %s", p->id.ptr);
        add(l, "upn", &p->upn);
        add(l, "sid", &p->sid);
        add(l, "immutable", &p->immutable_id);
        add_list(l, "smtp", p->smtp, p->n_smtp);
        strbuf_addf(&l->text, " flags=%s%s%s\n", p->flags & EASG_PERSON_LICENSED ? "L" : "",
                    p->flags & EASG_PERSON_TARGETED ? "T" : "",
                    p->flags & EASG_PERSON_EXEMPT ? "E" : "");
    }
    return next(l);
}

static easg_status EASG_CALL on_managed(const easg_sink_receiver *to, const easg_managed_device *d)
{
    struct fakehost_log *l = to->opaque;

    l->managed++;
    if (!l->count_only) {
        strbuf_addf(&l->text, "managed %s", d->id.ptr);
        add(l, "eas", &d->eas_id);
        add(l, "user", &d->user_id);
        strbuf_addf(&l->text, " compliance=%u management=%u", d->compliance, d->management);
        add(l, "os", &d->os);
        add(l, "model", &d->model);
        add(l, "serial", &d->serial);
        add_time(l, "enrolled", d->enrolled);
        add_time(l, "seen", d->last_seen);
        add_time(l, "grace", d->grace_until);
        strbuf_addf(&l->text, " flags=%s%s\n", d->flags & EASG_MANAGED_ACTIVATED ? "A" : "",
                    d->flags & EASG_MANAGED_REGISTERED ? "R" : "");
    }
    return next(l);
}

static easg_status EASG_CALL on_org(const easg_source_receiver *to, const easg_org_settings *o)
{
    struct fakehost_log *l = to->opaque;

    l->orgs++;
    if (!l->count_only) {
        strbuf_addf(&l->text, "org default=%u", o->default_access);
        add(l, "id", &o->org_id);
        add(l, "version", &o->server_version);
        strbuf_addc(&l->text, '\n');
    }
    return next(l);
}

static easg_status EASG_CALL on_mailbox(const easg_source_receiver *to, const easg_mailbox *m)
{
    struct fakehost_log *l = to->opaque;

    l->mailboxes++;
    if (!l->count_only) {
        strbuf_addf(&l->text, "mailbox %s", m->mailbox_id.ptr);
        add(l, "ref", &m->ref);
        add(l, "upn", &m->user_upn);
        add(l, "smtp", &m->primary_smtp);
        add(l, "sid", &m->user_sid);
        add_list(l, "allowed", m->allowed, m->n_allowed);
        add_list(l, "blocked", m->blocked, m->n_blocked);
        strbuf_addf(&l->text, " flags=%u\n", m->flags);
    }
    return next(l);
}

static easg_status EASG_CALL on_device(const easg_source_receiver *to, const easg_device *d)
{
    struct fakehost_log *l = to->opaque;

    l->devices++;
    if (!l->count_only) {
        strbuf_addf(&l->text, "device %s", d->key.ptr);
        add(l, "id", &d->device_id);
        add(l, "mailbox", &d->mailbox_id);
        add(l, "identity", &d->identity);
        strbuf_addf(&l->text, " access=%u", d->access);
        add(l, "reason", &d->access_reason);
        add(l, "type", &d->type);
        add(l, "model", &d->model);
        add(l, "os", &d->os);
        add_time(l, "first", d->first_sync);
        add_time(l, "last", d->last_sync);
        add_time(l, "changed", d->changed);
        strbuf_addc(&l->text, '\n');
    }
    return next(l);
}

static easg_status EASG_CALL on_checkpoint(const easg_source_receiver *to, const easg_str *cursor)
{
    (void)to;
    (void)cursor;
    return EASG_OK;
}

static easg_status EASG_CALL on_result(const easg_result_receiver *to, const easg_item_result *r)
{
    struct fakehost_log *l = to->opaque;

    l->results++;
    if (!l->count_only)
        strbuf_addf(&l->text, "result %s status=%d listed=%u error=%s\n", r->key.ptr, r->status,
                    r->listed, r->error ? r->error->message : "-");
    return next(l);
}

easg_sink_receiver fakehost_sink_receiver(struct fakehost_log *l)
{
    return (easg_sink_receiver){ .struct_size = (uint32_t)sizeof(easg_sink_receiver),
                                 .opaque = l,
                                 .person = on_person,
                                 .managed_device = on_managed };
}

easg_source_receiver fakehost_source_receiver(struct fakehost_log *l)
{
    return (easg_source_receiver){ .struct_size = (uint32_t)sizeof(easg_source_receiver),
                                   .opaque = l,
                                   .org = on_org,
                                   .mailbox = on_mailbox,
                                   .device = on_device,
                                   .checkpoint = on_checkpoint };
}

easg_result_receiver fakehost_result_receiver(struct fakehost_log *l)
{
    return (easg_result_receiver){ .struct_size = (uint32_t)sizeof(easg_result_receiver),
                                   .opaque = l,
                                   .emit = on_result };
}

const char *fakehost_line(const struct fakehost_log *l, const char *start)
{
    static char line[4096];
    size_t len = strlen(start);

    for (const char *p = strbuf_str(&l->text); *p; p += strcspn(p, "\n") + 1) {
        if (strncmp(p, start, len) == 0) {
            (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
            return line;
        }
        if (!p[strcspn(p, "\n")])
            break;
    }
    return NULL;
}
