/* SPDX-License-Identifier: Apache-2.0
 *
 * Judges what modules emit. A listing has hundreds of thousands of these, so text is looked at
 * eight bytes at a time and only what is suspicious is looked at closely.
 */
#include "check_emit.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"

#define ID_MAX       512
#define TEXT_MAX     4096
#define CURSOR_MAX   4096
#define SMTP_MAX     4096
#define LIST_MAX     16384
#define EXTRA_MAX    64
#define END_OF(t, m) (offsetof(t, m) + sizeof(((t *)0)->m))

enum rule {
    TEXT,       /* optional, UTF-8, no NUL, at most TEXT_MAX */
    ID,         /* optional, no control character either, at most ID_MAX */
    REQUIRED_ID /* and not blank */
};

/* Where a complaint is written, and what it is about. */
struct judge {
    const char *what;    /* "device" */
    const easg_str *key; /* its key, for the message; may be bad itself */
    easg_status *st;
    easg_error *err;
};

static int complain(const struct judge *j, easg_status st, const char *member, const char *why)
{
    char key[96] = "";

    if (j->key && j->key->ptr && j->key->len)
        text_safe(j->key->ptr, j->key->len < 64 ? j->key->len : 64, key, sizeof key);
    *j->st = err_set(j->err, st, "emitted a %s%s%s whose %s %s", j->what, *key ? " " : "", key,
                     member, why);
    return 0;
}

/* 1: none of the bytes is below `low` (1 or 0x20), DEL (when low is 0x20), or above 0x7e. */
static int plain(const char *p, size_t len, unsigned low)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t bad = 0;

    for (; len >= 8; p += 8, len -= 8) {
        uint64_t x;
        uint64_t del;

        memcpy(&x, p, 8);
        del = x ^ (ones * 0x7f);
        bad |= x | ((x - ones * low) & ~x) | ((del - ones) & ~del);
    }
    if (bad & high)
        return 0;
    for (; len; p++, len--) {
        unsigned char c = (unsigned char)*p;

        if (c < low || c >= 0x7f)
            return 0;
    }
    return 1;
}

static int str_ok(const struct judge *j, const char *member, const easg_str *s, enum rule rule)
{
    size_t max = rule == TEXT ? TEXT_MAX : ID_MAX;

    if (!s->ptr)
        return rule == REQUIRED_ID || s->len
                   ? complain(j, EASG_E_USAGE, member,
                              s->len ? "has a length and no bytes" : "is required and absent")
                   : 1;
    if (s->len > max)
        return complain(j, EASG_E_LIMIT, member, "is too long");
    if (s->ptr[s->len] != '\0')
        return complain(j, EASG_E_USAGE, member, "does not end in a NUL");
    if (!plain(s->ptr, s->len, rule == TEXT ? 1 : 0x20)) {
        if (memchr(s->ptr, '\0', s->len))
            return complain(j, EASG_E_USAGE, member, "holds a NUL");
        if (!text_utf8_valid(s->ptr, s->len))
            return complain(j, EASG_E_PROTOCOL, member, "is not UTF-8");
        for (size_t i = 0; i < s->len && rule != TEXT; i++)
            if ((unsigned char)s->ptr[i] < 0x20 || s->ptr[i] == 0x7f)
                return complain(j, EASG_E_PROTOCOL, member, "holds a control character");
    }
    /* only a first byte that is white space can begin a blank string */
    if (rule == REQUIRED_ID && (s->len == 0 || s->ptr[0] == ' ') && text_blank(s))
        return complain(j, EASG_E_USAGE, member, "is required and blank");
    return 1;
}

static int list_ok(const struct judge *j, const char *member, const easg_str *const *list, size_t n,
                   size_t max)
{
    if (n == 0)
        return 1;
    if (!list)
        return complain(j, EASG_E_USAGE, member, "has a count and no elements");
    if (n > max)
        return complain(j, EASG_E_LIMIT, member, "has too many elements");
    for (size_t i = 0; i < n; i++) {
        if (!list[i])
            return complain(j, EASG_E_USAGE, member, "has a NULL element");
        if (!str_ok(j, member, list[i], ID))
            return 0;
    }
    return 1;
}

/* The common start: not NULL, and it reaches its required members. */
static int size_ok(const struct judge *j, const void *in, size_t needs)
{
    uint32_t size;
    char why[64];

    if (!in) {
        *j->st = err_set(j->err, EASG_E_USAGE, "emitted a NULL %s", j->what);
        return 0;
    }
    memcpy(&size, in, sizeof size);
    if (size >= needs)
        return 1;
    (void)snprintf(why, sizeof why, "is %u, at least %zu are needed", (unsigned)size, needs);
    return complain(j, EASG_E_USAGE, "struct_size", why);
}

/* Copies the module's part into *room over our own `absent`. */
#define COMPLETE(type, in, room, ...)                                                              \
    do {                                                                                           \
        if ((in)->struct_size < sizeof(type)) {                                                    \
            *(room) = (type){ __VA_ARGS__ };                                                       \
            memcpy((room), (in), (in)->struct_size);                                               \
            (room)->struct_size = (uint32_t)sizeof(type);                                          \
            (in) = (room);                                                                         \
        }                                                                                          \
    } while (0)

const easg_org_settings *check_org(const easg_org_settings *in, easg_org_settings *room,
                                   easg_status *st, easg_error *err)
{
    struct judge j = { "organisation's settings", NULL, st, err };

    if (!size_ok(&j, in, END_OF(easg_org_settings, default_access)))
        return NULL;
    COMPLETE(easg_org_settings, in, room, .struct_size = 0);
    if (in->default_access < EASG_ACCESS_ALLOWED || in->default_access > EASG_ACCESS_QUARANTINED) {
        complain(&j, EASG_E_USAGE, "default_access", "is not allowed, blocked or quarantined");
        return NULL;
    }
    return str_ok(&j, "org_id", &in->org_id, ID) &&
                   str_ok(&j, "server_version", &in->server_version, TEXT)
               ? in
               : NULL;
}

const easg_mailbox *check_mailbox(const easg_mailbox *in, easg_mailbox *room, easg_status *st,
                                  easg_error *err)
{
    struct judge j = { "mailbox", NULL, st, err };

    if (!size_ok(&j, in, END_OF(easg_mailbox, mailbox_id)))
        return NULL;
    COMPLETE(easg_mailbox, in, room, .struct_size = 0);
    j.key = &in->mailbox_id;
    return str_ok(&j, "mailbox_id", &in->mailbox_id, REQUIRED_ID) &&
                   str_ok(&j, "ref", &in->ref, ID) &&
                   str_ok(&j, "display_name", &in->display_name, TEXT) &&
                   str_ok(&j, "user_sid", &in->user_sid, ID) &&
                   str_ok(&j, "user_upn", &in->user_upn, ID) &&
                   str_ok(&j, "primary_smtp", &in->primary_smtp, ID) &&
                   list_ok(&j, "smtp", in->smtp, in->n_smtp, SMTP_MAX) &&
                   list_ok(&j, "allowed", in->allowed, in->n_allowed, LIST_MAX) &&
                   list_ok(&j, "blocked", in->blocked, in->n_blocked, LIST_MAX)
               ? in
               : NULL;
}

static int extra_ok(const struct judge *j, const easg_device *d)
{
    if (d->n_extra == 0)
        return 1;
    if (!d->extra)
        return complain(j, EASG_E_USAGE, "extra", "has a count and no elements");
    if (d->n_extra > EXTRA_MAX)
        return complain(j, EASG_E_LIMIT, "extra", "has too many elements");
    for (size_t i = 0; i < d->n_extra; i++) {
        const easg_kv *kv = d->extra[i];

        if (!kv || kv->struct_size < sizeof *kv)
            return complain(j, EASG_E_USAGE, "extra", "has an element that is no easg_kv");
        if (!str_ok(j, "extra key", &kv->key, REQUIRED_ID) ||
            !str_ok(j, "extra value", &kv->value, TEXT))
            return 0;
    }
    return 1;
}

const easg_device *check_device(const easg_device *in, easg_device *room, easg_status *st,
                                easg_error *err)
{
    struct judge j = { "device", NULL, st, err };

    if (!size_ok(&j, in, END_OF(easg_device, mailbox_id)))
        return NULL;
    COMPLETE(easg_device, in, room, .first_sync = EASG_TIME_NONE, .last_sync = EASG_TIME_NONE,
             .changed = EASG_TIME_NONE);
    j.key = &in->key;
    if (in->access > EASG_ACCESS_DISCOVERY) {
        complain(&j, EASG_E_USAGE, "access", "is no EASG_ACCESS_ value");
        return NULL;
    }
    return str_ok(&j, "key", &in->key, REQUIRED_ID) &&
                   str_ok(&j, "device_id", &in->device_id, REQUIRED_ID) &&
                   str_ok(&j, "mailbox_id", &in->mailbox_id, REQUIRED_ID) &&
                   str_ok(&j, "identity", &in->identity, ID) &&
                   str_ok(&j, "type", &in->type, TEXT) && str_ok(&j, "model", &in->model, TEXT) &&
                   str_ok(&j, "os", &in->os, TEXT) &&
                   str_ok(&j, "friendly_name", &in->friendly_name, TEXT) &&
                   str_ok(&j, "user_agent", &in->user_agent, TEXT) &&
                   str_ok(&j, "access_reason", &in->access_reason, TEXT) && extra_ok(&j, in)
               ? in
               : NULL;
}

const easg_person *check_person(const easg_person *in, easg_person *room, easg_status *st,
                                easg_error *err)
{
    struct judge j = { "person", NULL, st, err };

    if (!size_ok(&j, in, END_OF(easg_person, id)))
        return NULL;
    COMPLETE(easg_person, in, room, .struct_size = 0);
    j.key = &in->id;
    return str_ok(&j, "id", &in->id, REQUIRED_ID) && str_ok(&j, "upn", &in->upn, ID) &&
                   str_ok(&j, "sid", &in->sid, ID) &&
                   str_ok(&j, "immutable_id", &in->immutable_id, ID) &&
                   list_ok(&j, "smtp", in->smtp, in->n_smtp, SMTP_MAX) &&
                   str_ok(&j, "language", &in->language, TEXT)
               ? in
               : NULL;
}

const easg_managed_device *check_managed_device(const easg_managed_device *in,
                                                easg_managed_device *room, easg_status *st,
                                                easg_error *err)
{
    struct judge j = { "managed device", NULL, st, err };

    if (!size_ok(&j, in, END_OF(easg_managed_device, id)))
        return NULL;
    COMPLETE(easg_managed_device, in, room, .enrolled = EASG_TIME_NONE, .last_seen = EASG_TIME_NONE,
             .grace_until = EASG_TIME_NONE);
    j.key = &in->id;
    if (in->compliance > EASG_COMPLIANCE_EXTERNAL || in->management > EASG_MANAGEMENT_RETIRING) {
        complain(&j, EASG_E_USAGE,
                 in->compliance > EASG_COMPLIANCE_EXTERNAL ? "compliance" : "management",
                 "is no value that this easgate knows");
        return NULL;
    }
    return str_ok(&j, "id", &in->id, REQUIRED_ID) && str_ok(&j, "eas_id", &in->eas_id, ID) &&
                   str_ok(&j, "user_id", &in->user_id, ID) && str_ok(&j, "os", &in->os, TEXT) &&
                   str_ok(&j, "model", &in->model, TEXT) && str_ok(&j, "serial", &in->serial, TEXT)
               ? in
               : NULL;
}

const easg_endpoint *check_endpoint(const easg_endpoint *in, easg_endpoint *room, easg_status *st,
                                    easg_error *err)
{
    struct judge j = { "endpoint", NULL, st, err };

    if (!size_ok(&j, in, END_OF(easg_endpoint, url)))
        return NULL;
    COMPLETE(easg_endpoint, in, room, .last_ok = EASG_TIME_NONE, .last_failed = EASG_TIME_NONE);
    j.key = &in->id;
    return str_ok(&j, "id", &in->id, REQUIRED_ID) && str_ok(&j, "url", &in->url, ID) ? in : NULL;
}

const easg_item_result *check_result(const easg_item_result *in, easg_item_result *room,
                                     easg_status *st, easg_error *err)
{
    struct judge j = { "result", NULL, st, err };

    if (!size_ok(&j, in, END_OF(easg_item_result, key)))
        return NULL;
    COMPLETE(easg_item_result, in, room, .struct_size = 0);
    j.key = &in->key;
    if (in->status > 0) {
        complain(&j, EASG_E_USAGE, "status", "is positive");
        return NULL;
    }
    return str_ok(&j, "key", &in->key, REQUIRED_ID) ? in : NULL;
}

easg_status check_cursor(const easg_str *cursor, easg_error *err)
{
    if (!cursor || !cursor->ptr || cursor->ptr[cursor->len] != '\0')
        return err_set(err, EASG_E_USAGE, "gave a checkpoint without a cursor");
    if (cursor->len > CURSOR_MAX)
        return err_set(err, EASG_E_LIMIT, "gave a checkpoint whose cursor is too long");
    if (!text_utf8_valid(cursor->ptr, cursor->len))
        return err_set(err, EASG_E_PROTOCOL, "gave a checkpoint whose cursor is not UTF-8");
    return EASG_OK;
}
