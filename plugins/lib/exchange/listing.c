/* SPDX-License-Identifier: Apache-2.0
 *
 * Listings: settings, people, mailboxes, devices, in this order, each object handed on as it comes.
 */
#include <string.h>

#include "exch_private.h"

#include "err.h"
#include "text.h"

/* Parameters of a Get-: -ResultSize Unlimited with everything but one object by -Identity. */
static size_t fill(struct psrp_parameter *p, const char *by, const char *value, const char *filter)
{
    size_t n = 0;

    if (by)
        p[n++] = (struct psrp_parameter){ by, PSRP_V_TEXT(text_str(value)) };
    if (filter)
        p[n++] = (struct psrp_parameter){ "Filter", PSRP_V_TEXT(text_str(filter)) };
    if (!by || strcmp(by, "Identity") != 0)
        p[n++] = (struct psrp_parameter){ "ResultSize", PSRP_V_LIT("Unlimited") };
    return n;
}

/* ---- people ---- */

static easg_status on_person(void *user, const struct clixml_record *r, easg_error *err)
{
    struct exch_scan *s = user;

    return exch_people_add(s->people, r, err);
}

easg_status exch_get_people(struct exch_scan *s, const char *identity, const char *filter,
                            struct exch_get *g, easg_error *err)
{
    static const struct psrp_value types[] = {
        { .kind = PSRP_STRING, .text = { "UserMailbox", 11 } },
        { .kind = PSRP_STRING, .text = { "LinkedMailbox", 13 } },
        { .kind = PSRP_STRING, .text = { "SharedMailbox", 13 } },
        { .kind = PSRP_STRING, .text = { "RoomMailbox", 11 } },
        { .kind = PSRP_STRING, .text = { "EquipmentMailbox", 16 } },
        { .kind = PSRP_STRING, .text = { "LegacyMailbox", 13 } },
    };
    easg_status st;

    g->command.name = NULL;
    if (!s->x->known[C_GET_USER].present) {
        exch_log(s->x, EXCH_WARNING,
                 "Get-User: the account may not use it; people are recognised by their mail "
                 "addresses instead of their SIDs; %s",
                 exch_remedy("Get-User"));
        return EASG_OK;
    }
    st = exch_people_create(&s->people, err);
    if (st != EASG_OK)
        return st;
    *g = (struct exch_get){ .command = { exch_cmdlet_names[C_GET_USER], g->p, 0 },
                            .names = exch_people_names,
                            .fn = on_person };
    g->command.n = fill(g->p, identity ? "Identity" : NULL, identity, filter);
    /* Users without a mailbox may be many times more. */
    if (!identity && s->x->known[C_GET_USER].told && exch_has(s->x, C_GET_USER, P_TYPE_DETAILS))
        g->p[g->command.n++] =
            (struct psrp_parameter){ "RecipientTypeDetails",
                                     PSRP_V_ARRAY(types, sizeof(types) / sizeof(types[0])) };
    return exch_confine(s->x, C_GET_USER, !identity, g->p, &g->command.n, err);
}

static easg_status run(struct exch_scan *s, struct exch_get *g, struct exch_failure *f,
                       easg_error *err)
{
    return exch_run_records(s->x, &g->command, g->names, g->fn, s, f, err);
}

easg_status exch_scan_people(struct exch_scan *s, const char *identity, const char *filter,
                             easg_error *err)
{
    struct exch_get g;
    easg_status st = exch_get_people(s, identity, filter, &g, err);

    if (st != EASG_OK || !g.command.name)
        return st;
    st = run(s, &g, s->failure, err);
    if (st == EASG_OK)
        exch_people_seal(s->people);
    return st;
}

/* ---- mailboxes ---- */

static easg_status on_mailbox(void *user, const struct clixml_record *r, easg_error *err)
{
    struct exch_scan *s = user;
    easg_mailbox m;
    easg_status st = exch_mailbox(r, s->people, &s->room, &m, err);

    if (st != EASG_OK)
        return st;
    if (s->want_guid && strcmp(s->want_guid, s->room.guid) != 0)
        return err_set(err, EASG_E_PROTOCOL,
                       "Get-CASMailbox: asked for mailbox %s, the server gave %s", s->want_guid,
                       s->room.guid);
    if (s->is_new && !s->is_new(s->user, &m))
        return EASG_OK;
    s->mailboxes++;
    st = s->to->mailbox(s->to->user, &m);
    return st == EASG_OK ? EASG_OK : err_set(err, st, "the host refused mailbox %s", s->room.guid);
}

easg_status exch_get_mailboxes(struct exch_scan *s, const char *identity, const char *filter,
                               struct exch_get *g, easg_error *err)
{
    easg_status st = exch_need(s->x, C_GET_CAS_MAILBOX, identity ? P_IDENTITY : P_RESULT_SIZE, err);

    if (st != EASG_OK)
        return st;
    *g = (struct exch_get){ .command = { exch_cmdlet_names[C_GET_CAS_MAILBOX], g->p, 0 },
                            .names = exch_mailbox_names,
                            .fn = on_mailbox };
    g->command.n = fill(g->p, identity ? "Identity" : NULL, identity, filter);
    return exch_confine(s->x, C_GET_CAS_MAILBOX, !identity, g->p, &g->command.n, err);
}

easg_status exch_scan_mailboxes(struct exch_scan *s, const char *identity, const char *filter,
                                struct exch_failure *f, easg_error *err)
{
    struct exch_get g;
    easg_status st = exch_get_mailboxes(s, identity, filter, &g, err);

    return st == EASG_OK ? run(s, &g, f, err) : st;
}

/* ---- devices ---- */

static easg_status on_device(void *user, const struct clixml_record *r, easg_error *err)
{
    struct exch_scan *s = user;
    struct exch_device_room room;
    easg_device d;
    easg_status st = exch_device(r, &room, &d, err);

    if (st != EASG_OK)
        return st;
    s->devices++;
    if (s->keep)
        return s->keep(s->user, &d) ? EASG_OK : err_nomem(err);
    st = s->to->device(s->to->user, &d);
    return st == EASG_OK ? EASG_OK : err_set(err, st, "the host refused device %s", room.guid);
}

easg_status exch_scan_devices(struct exch_scan *s, const char *mailbox, const char *filter,
                              struct exch_failure *f, easg_error *err)
{
    struct psrp_parameter p[EXCH_MAX_PARAMETERS];
    enum exch_cmdlet c =
        s->x->known[C_GET_MOBILE_DEVICE].present ? C_GET_MOBILE_DEVICE : C_GET_EAS_DEVICE;
    struct psrp_command command = { exch_cmdlet_names[c], p, 0 };
    easg_status st = EASG_OK;

    if (!s->x->known[c].present)
        return err_set(err, EASG_E_DENIED,
                       "the account has neither Get-MobileDevice nor Get-ActiveSyncDevice; %s",
                       exch_remedy(exch_cmdlet_names[C_GET_MOBILE_DEVICE]));
    st = exch_need(s->x, c, mailbox ? P_MAILBOX : P_RESULT_SIZE, err);
    if (st != EASG_OK)
        return st;
    command.n = fill(p, mailbox ? "Mailbox" : NULL, mailbox, filter);
    st = exch_confine(s->x, c, !mailbox, p, &command.n, err);
    if (st != EASG_OK)
        return st;
    return exch_run_records(s->x, &command, exch_device_names, on_device, s, f, err);
}

void exch_scan_clear(struct exch_scan *s)
{
    exch_people_destroy(s->people);
    s->people = NULL;
    exch_mailbox_room_clear(&s->room);
}

/* ---- whole listings ---- */

easg_status exch_list_full(struct exch *x, const struct exch_receiver *to, easg_error *err)
{
    struct exch_scan s = { .x = x, .to = to };
    easg_status st = exch_emit_org(x, to, err);

    if (st == EASG_OK)
        st = exch_scan_people(&s, NULL, NULL, err);
    if (st == EASG_OK)
        st = exch_scan_mailboxes(&s, NULL, NULL, NULL, err);
    if (st == EASG_OK) {
        /* What was needed for the join goes before the larger listing. */
        exch_people_destroy(s.people);
        s.people = NULL;
        st = exch_scan_devices(&s, NULL, NULL, NULL, err);
    }
    if (st == EASG_OK)
        exch_log(x, EXCH_INFO, "listed %zu mailboxes and %zu devices", s.mailboxes, s.devices);
    exch_scan_clear(&s);
    return st;
}

easg_status exch_list_mailbox(struct exch *x, const easg_str *id, const struct exch_receiver *to,
                              easg_error *err)
{
    struct exch_scan s = { .x = x, .to = to };
    char guid[WSMAN_GUID_TEXT];
    const char *identity = id->ptr;
    easg_status st;

    /* A blank identity would return every mailbox. */
    if (text_blank(id) || strlen(id->ptr) != id->len)
        return err_set(err, EASG_E_USAGE, "a mailbox with a blank identity was asked for");
    if (exch_guid(id, guid)) {
        s.want_guid = guid;
        identity = guid;
    }
    st = exch_emit_org(x, to, err);
    if (st == EASG_OK)
        st = exch_scan_people(&s, identity, NULL, err);
    if (st == EASG_OK)
        st = exch_scan_mailboxes(&s, identity, NULL, NULL, err);
    if (st == EASG_OK && s.mailboxes != 1)
        st = err_set(err, s.mailboxes ? EASG_E_PROTOCOL : EASG_E_NOTFOUND,
                     "Get-CASMailbox: one mailbox was asked for, %zu came", s.mailboxes);
    if (st == EASG_OK)
        st = exch_scan_devices(&s, identity, NULL, NULL, err);
    exch_scan_clear(&s);
    return st;
}
