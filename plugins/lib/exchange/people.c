/* SPDX-License-Identifier: Apache-2.0
 *
 * SID and user principal name by mailbox GUID.
 *
 * Get-CASMailbox has neither; Get-User has both but no exemptions. The host takes each mailbox
 * once, so the two listings are joined here: Get-User first, into 28 bytes a mailbox (GUID, the
 * last part of the SID, the number of its domain, where the name lies), then Get-CASMailbox with
 * look-ups. The other ways cost more or do not work: a server-side join needs script blocks, which
 * the runspace refuses; merging two sorted listings needs an order by GUID, which no cmdlet offers;
 * one Get-User a mailbox is three round trips each.
 *
 * Names are what grows: of one that equals the mail address only a digest is kept, against which
 * the mailbox's primary address is held; the others share a ceiling. Beyond it the SID, which is
 * the safer join, remains.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exch_private.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

#define MAX_PEOPLE  ((size_t)4 * 1024 * 1024)
#define MAX_NAMES   ((size_t)16 * 1024 * 1024)
#define MAX_DOMAINS 4096u
#define NO_NAME     UINT32_MAX
#define SAME_NAME   0x80000000u /* as the mail address; the other bits are a digest of it */
#define NO_DOMAIN   UINT16_MAX

enum { U_GUID, U_SID, U_UPN, U_MAIL };

const char *const exch_people_names[] = { [U_GUID] = "Guid",
                                          [U_SID] = "Sid",
                                          [U_UPN] = "UserPrincipalName",
                                          [U_MAIL] = "WindowsEmailAddress",
                                          NULL };

struct person {
    uint8_t guid[16];
    uint32_t rid;
    uint32_t name;
    uint16_t domain;
};

struct exch_people {
    struct person *all;
    size_t n;
    size_t room;
    char *domains[MAX_DOMAINS]; /* "S-1-5-21-1-2-3" */
    unsigned n_domains;
    unsigned last_domain;
    struct strbuf names;
};

easg_status exch_people_create(struct exch_people **out, easg_error *err)
{
    struct exch_people *p = mem_alloc(sizeof(*p));

    if (!p)
        return err_nomem(err);
    strbuf_init(&p->names, MAX_NAMES);
    *out = p;
    return EASG_OK;
}

void exch_people_destroy(struct exch_people *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n_domains; i++)
        mem_free(p->domains[i]);
    strbuf_clear(&p->names);
    mem_free(p->all);
    mem_free(p);
}

static easg_status domain_number(struct exch_people *p, const char *ptr, size_t len, uint16_t *out,
                                 easg_error *err)
{
    unsigned i = p->last_domain;

    if (i >= p->n_domains || strlen(p->domains[i]) != len || memcmp(p->domains[i], ptr, len) != 0)
        for (i = 0; i < p->n_domains; i++)
            if (strlen(p->domains[i]) == len && memcmp(p->domains[i], ptr, len) == 0)
                break;
    if (i == p->n_domains) {
        if (i == MAX_DOMAINS)
            return err_set(err, EASG_E_LIMIT, "Get-User: SIDs of more than %u domains",
                           MAX_DOMAINS);
        p->domains[i] = mem_dup(ptr, len);
        if (!p->domains[i])
            return err_nomem(err);
        p->n_domains++;
    }
    p->last_domain = i;
    *out = (uint16_t)i;
    return EASG_OK;
}

/* "S-1-5-21-1-2-3-1104": domain and relative id. */
static easg_status take_sid(struct exch_people *p, const easg_str *sid, struct person *out,
                            easg_error *err)
{
    size_t at = sid->len;
    uint64_t rid;

    out->domain = NO_DOMAIN;
    if (!sid->ptr || sid->len < 4 || sid->len > 184 || !text_ieq(sid->ptr, 2, "S-", 2))
        return EASG_OK;
    while (at && sid->ptr[at - 1] != '-')
        at--;
    if (at < 5 || !text_parse_u64(sid->ptr + at, sid->len - at, &rid) || rid > UINT32_MAX)
        return EASG_OK;
    for (size_t i = 2; i < at; i++)
        if (sid->ptr[i] != '-' && (sid->ptr[i] < '0' || sid->ptr[i] > '9'))
            return EASG_OK;
    out->rid = (uint32_t)rid;
    return domain_number(p, sid->ptr, at - 1, &out->domain, err);
}

static uint32_t digest(const easg_str *text)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->ptr[i];

        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
    }
    return (h & 0x3FFFFFFFu) | SAME_NAME;
}

easg_status exch_people_add(struct exch_people *p, const struct clixml_record *r, easg_error *err)
{
    easg_str guid = exch_slot(r, U_GUID);
    easg_str sid = exch_slot(r, U_SID);
    easg_str upn = exch_slot(r, U_UPN);
    easg_str mail = exch_slot(r, U_MAIL);
    struct person person = { .name = NO_NAME };
    struct wsman_guid g;
    easg_status st;

    if (!guid.ptr || !wsman_guid_parse(guid.ptr, guid.len, &g) || wsman_guid_zero(&g))
        return err_set(err, EASG_E_PROTOCOL, "Get-User: a user without Guid");
    memcpy(person.guid, g.b, sizeof(person.guid));
    st = take_sid(p, &sid, &person, err);
    if (st != EASG_OK)
        return st;
    if (upn.ptr && mail.ptr && text_ieq(upn.ptr, upn.len, mail.ptr, mail.len)) {
        person.name = digest(&upn);
    } else if (upn.ptr && upn.len < 500 && p->names.max - p->names.len > upn.len + 1) {
        person.name = (uint32_t)p->names.len;
        strbuf_add(&p->names, upn.ptr, upn.len);
        if (strbuf_addc(&p->names, '\0') != EASG_OK)
            return err_nomem(err);
    }
    if (p->n == p->room) {
        size_t room = p->room < 1024 ? 1024 : p->room + p->room / 4;
        struct person *all;

        if (room > MAX_PEOPLE)
            return err_set(err, EASG_E_LIMIT, "Get-User: more than %zu users", MAX_PEOPLE);
        all = mem_grow(p->all, room, sizeof(*all));
        if (!all)
            return err_nomem(err);
        p->all = all;
        p->room = room;
    }
    p->all[p->n++] = person;
    return EASG_OK;
}

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct person *)a)->guid, ((const struct person *)b)->guid, 16);
}

void exch_people_seal(struct exch_people *p)
{
    if (p->n)
        qsort(p->all, p->n, sizeof(p->all[0]), compare);
}

size_t exch_people_count(const struct exch_people *p)
{
    return p->n;
}

int exch_people_find(const struct exch_people *p, const char *guid, const easg_str *primary,
                     char *sid, size_t sid_size, char *upn, size_t upn_size)
{
    struct person key;
    const struct person *found;
    struct wsman_guid g;

    sid[0] = '\0';
    upn[0] = '\0';
    if (!p->n || !wsman_guid_parse(guid, strlen(guid), &g))
        return 0;
    memcpy(key.guid, g.b, sizeof(key.guid));
    found = bsearch(&key, p->all, p->n, sizeof(p->all[0]), compare);
    if (!found)
        return 0;
    if (found->domain != NO_DOMAIN)
        (void)snprintf(sid, sid_size, "%s-%lu", p->domains[found->domain],
                       (unsigned long)found->rid);
    if (found->name != NO_NAME && (found->name & SAME_NAME)) {
        if (primary->ptr && digest(primary) == found->name)
            (void)snprintf(upn, upn_size, "%s", primary->ptr);
    } else if (found->name != NO_NAME) {
        (void)snprintf(upn, upn_size, "%s", p->names.ptr + found->name);
    }
    return 1;
}
