/* SPDX-License-Identifier: Apache-2.0
 *
 * A mailbox and its personal exemptions: one record of Get-CASMailbox, and what Get-User says of
 * the same object.
 */
#include <string.h>

#include "exch_private.h"

#include "err.h"
#include "text.h"

enum { M_GUID, M_DN, M_DISPLAY, M_SMTP, M_ADDRESSES, M_ENABLED, M_ALLOWED, M_BLOCKED };

const char *const exch_mailbox_names[] = {
    [M_GUID] = "Guid",
    [M_DN] = "DistinguishedName",
    [M_DISPLAY] = "DisplayName",
    [M_SMTP] = "PrimarySmtpAddress",
    [M_ADDRESSES] = "EmailAddresses",
    [M_ENABLED] = "ActiveSyncEnabled",
    [M_ALLOWED] = "ActiveSyncAllowedDeviceIDs",
    [M_BLOCKED] = "ActiveSyncBlockedDeviceIDs",
    NULL,
};

/* "SMTP:a@b" and "smtp:a@b"; X500 and others are left out. */
static easg_status take_addresses(const struct clixml_slot *s, struct exch_mailbox_room *room,
                                  easg_mailbox *out, easg_error *err)
{
    size_t n = 0;

    if (s->kind != CLIXML_LIST || s->n_items == 0)
        return EASG_OK;
    if (s->n_items > room->max_smtp) {
        easg_str *smtp;
        const easg_str **ptrs;

        if (s->n_items > EXCH_MAX_SMTP)
            return err_set(err, EASG_E_LIMIT, "mailbox %s has more than %u addresses", room->guid,
                           EXCH_MAX_SMTP);
        smtp = mem_grow(room->smtp, s->n_items, sizeof(*smtp));
        if (!smtp)
            return err_nomem(err);
        room->smtp = smtp;
        ptrs = mem_grow(room->smtp_ptrs, s->n_items, sizeof(*ptrs));
        if (!ptrs)
            return err_nomem(err);
        room->smtp_ptrs = ptrs;
        room->max_smtp = s->n_items;
    }
    for (size_t i = 0; i < s->n_items; i++) {
        easg_str a = *s->items[i];

        if (a.len > 5 && text_ieq(a.ptr, 5, "smtp:", 5)) {
            a.ptr += 5;
            a.len -= 5;
        } else if (memchr(a.ptr, ':', a.len) || !memchr(a.ptr, '@', a.len)) {
            continue;
        }
        room->smtp[n] = a;
        room->smtp_ptrs[n] = &room->smtp[n];
        n++;
    }
    out->smtp = room->smtp_ptrs;
    out->n_smtp = n;
    return EASG_OK;
}

/* A list that is not there is not an empty list: to take it for one would show every entry of the
 * administrator as gone. */
static easg_status take_list(const struct clixml_record *r, unsigned i, const char *guid,
                             const easg_str *const **out, size_t *n, easg_error *err)
{
    const struct clixml_slot *s = &r->slots[i];

    if (s->kind == CLIXML_NIL)
        return EASG_OK;
    if (s->kind != CLIXML_LIST)
        return err_set(err, EASG_E_PROTOCOL, "mailbox %s came without its %s", guid,
                       exch_mailbox_names[i]);
    for (size_t k = 0; k < s->n_items; k++)
        if (text_blank(s->items[k]))
            return err_set(err, EASG_E_PROTOCOL, "mailbox %s has a blank entry in %s", guid,
                           exch_mailbox_names[i]);
    *out = s->items;
    *n = s->n_items;
    return EASG_OK;
}

easg_status exch_mailbox(const struct clixml_record *r, const struct exch_people *people,
                         struct exch_mailbox_room *room, easg_mailbox *out, easg_error *err)
{
    easg_str guid = exch_slot(r, M_GUID);
    easg_status st;
    char safe[200];

    memset(out, 0, sizeof(*out));
    out->struct_size = sizeof(*out);
    out->ref = exch_slot(r, M_DN);
    out->display_name = exch_slot(r, M_DISPLAY);
    out->primary_smtp = exch_slot(r, M_SMTP);
    if (!exch_guid(&guid, room->guid))
        return err_set(err, EASG_E_PROTOCOL,
                       "a mailbox without Guid (\"%s\"); look at it with Get-CASMailbox",
                       text_safe(out->ref.ptr ? out->ref.ptr : "", out->ref.len, safe,
                                 sizeof(safe)));
    if (!out->ref.ptr)
        return err_set(err, EASG_E_PROTOCOL,
                       "mailbox %s has no DistinguishedName; look at it with Get-CASMailbox",
                       room->guid);
    out->mailbox_id = (easg_str){ room->guid, WSMAN_GUID_TEXT - 1 };
    if (exch_slot_bool(r, M_ENABLED) == 0)
        out->flags |= EASG_MAILBOX_EAS_DISABLED;
    if (people && exch_people_find(people, room->guid, &out->primary_smtp, room->sid,
                                   sizeof(room->sid), room->upn, sizeof(room->upn))) {
        out->user_sid = room->sid[0] ? text_str(room->sid) : (easg_str){ NULL, 0 };
        out->user_upn = room->upn[0] ? text_str(room->upn) : (easg_str){ NULL, 0 };
    }
    st = take_addresses(&r->slots[M_ADDRESSES], room, out, err);
    if (st == EASG_OK)
        st = take_list(r, M_ALLOWED, room->guid, &out->allowed, &out->n_allowed, err);
    if (st == EASG_OK)
        st = take_list(r, M_BLOCKED, room->guid, &out->blocked, &out->n_blocked, err);
    return st;
}

void exch_mailbox_room_clear(struct exch_mailbox_room *room)
{
    mem_free(room->smtp);
    mem_free(room->smtp_ptrs);
    memset(room, 0, sizeof(*room));
}
