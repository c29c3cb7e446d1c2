/* SPDX-License-Identifier: Apache-2.0
 *
 * /users: who has a mailbox's names and identifiers, is licensed, is meant by the policy.
 */
#include "intune.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"

#define MAX_ADDRESSES 1024u

struct people {
    struct easg_session *s;
    const struct guid_set *targeted; /* NULL: everybody */
    const struct guid_set *exempt;
    const struct guid_set *watched;
    size_t n_watched;
    const easg_sink_receiver *to;
    easg_str smtp[MAX_ADDRESSES];
    const easg_str *smtp_ptrs[MAX_ADDRESSES];
    size_t n_smtp;
    uint64_t licensed;
};

static easg_status add_address(struct people *p, const char *ptr, size_t len, easg_error *err)
{
    for (size_t i = 0; i < p->n_smtp; i++) {
        if (text_ieq(p->smtp[i].ptr, p->smtp[i].len, ptr, len))
            return EASG_OK;
    }
    if (len == 0)
        return EASG_OK;
    if (p->n_smtp == MAX_ADDRESSES)
        return err_set(err, EASG_E_LIMIT, "a person with more than %u addresses", MAX_ADDRESSES);
    p->smtp[p->n_smtp] = (easg_str){ ptr, len };
    p->smtp_ptrs[p->n_smtp] = &p->smtp[p->n_smtp];
    p->n_smtp++;
    return EASG_OK;
}

/* proxyAddresses: "SMTP:" is the primary one, "smtp:" another; X500, SIP and the like are none. */
static easg_status read_addresses(struct people *p, const struct json *item, easg_error *err)
{
    const struct json *list = NULL;
    easg_str s;
    easg_status st = json_get_array(item, "proxyAddresses", 0, &list, err);

    p->n_smtp = 0;
    for (const struct json *v = json_first(list); v && st == EASG_OK; v = json_next(v)) {
        st = json_str(v, &s, err);
        if (st == EASG_OK && s.len > 5 && text_ieq(s.ptr, 5, "smtp:", 5))
            st = add_address(p, s.ptr + 5, s.len - 5, err);
    }
    if (st == EASG_OK)
        st = json_get_str(item, "mail", 0, &s, err);
    if (st == EASG_OK && s.ptr)
        st = add_address(p, s.ptr, s.len, err);
    return st;
}

static int is_plan(const struct easg_session *s, const easg_str *id)
{
    for (size_t i = 0; i < s->in->n_plans; i++) {
        if (text_ieq(id->ptr, id->len, s->in->plans[i].ptr, s->in->plans[i].len))
            return 1;
    }
    return 0;
}

static easg_status read_licence(struct people *p, const struct json *item, int *licensed,
                                easg_error *err)
{
    const struct json *plans = NULL;
    easg_status st = json_get_array(item, "assignedPlans", 0, &plans, err);

    *licensed = 0;
    for (const struct json *v = json_first(plans); v && st == EASG_OK && !*licensed;
         v = json_next(v)) {
        easg_str id, status;

        st = json_get_str(v, "servicePlanId", 0, &id, err);
        if (st != EASG_OK || !id.ptr || !is_plan(p->s, &id))
            continue;
        st = json_get_str(v, "capabilityStatus", 0, &status, err);
        *licensed = st == EASG_OK && text_eq(&status, "Enabled");
    }
    return st;
}

static easg_status on_person(void *user, const struct json *item, easg_error *err)
{
    struct people *p = user;
    easg_person out = { .struct_size = (uint32_t)sizeof out };
    unsigned char id[16];
    int licensed = 0;
    easg_status st = json_get_str(item, "id", 1, &out.id, err);

    if (st == EASG_OK && !guid_parse(&out.id, id))
        st = err_set(err, EASG_E_PROTOCOL, "a person's id is not a GUID");
    if (st == EASG_OK)
        st = json_get_str(item, "userPrincipalName", 0, &out.upn, err);
    if (st == EASG_OK)
        st = json_get_str(item, "onPremisesSecurityIdentifier", 0, &out.sid, err);
    if (st == EASG_OK)
        st = json_get_str(item, "onPremisesImmutableId", 0, &out.immutable_id, err);
    if (st == EASG_OK)
        st = json_get_str(item, "preferredLanguage", 0, &out.language, err);
    if (st == EASG_OK)
        st = read_addresses(p, item, err);
    if (st == EASG_OK)
        st = read_licence(p, item, &licensed, err);
    if (st != EASG_OK)
        return st;
    out.smtp = p->smtp_ptrs;
    out.n_smtp = p->n_smtp;
    if (licensed)
        out.flags |= EASG_PERSON_LICENSED;
    if (!p->targeted || guid_set_has(p->targeted, id))
        out.flags |= EASG_PERSON_TARGETED;
    if (guid_set_has(p->exempt, id))
        out.flags |= EASG_PERSON_EXEMPT;
    if (p->n_watched)
        out.flags |= EASG_PERSON_WATCHED;
    for (size_t i = 0; i < p->n_watched; i++)
        if (guid_set_has(&p->watched[i], id))
            out.watched |= (uint64_t)1 << i;
    p->licensed += (uint64_t)licensed;
    st = p->to->person(p->to, &out);
    return st == EASG_OK ? st : err_set(err, st, "the host does not take more people");
}

easg_status intune_fetch_people(struct easg_session *s, const struct guid_set *targeted,
                                const struct guid_set *exempt, const struct guid_set *watched,
                                size_t n_watched, const easg_sink_receiver *to, easg_error *err)
{
    char path[320];
    struct people *p = mem_alloc(sizeof *p);
    struct graph_list list = {
        .path = path, .what = "users", .permission = "User.Read.All", .item = on_person, .user = p
    };
    easg_status st;

    if (!p)
        return err_nomem(err);
    p->s = s;
    p->targeted = targeted;
    p->exempt = exempt;
    p->watched = watched;
    p->n_watched = n_watched;
    p->to = to;
    (void)snprintf(path, sizeof path,
                   "/v1.0/users?$select=id,userPrincipalName,mail,proxyAddresses,"
                   "onPremisesSecurityIdentifier,onPremisesImmutableId,preferredLanguage,"
                   "assignedPlans&$top=%d",
                   (int)s->in->page_size);
    st = graph_list(s->graph, &list, err);
    if (st == EASG_OK)
        intune_log(s, EASG_LOG_INFO, "people read", "people", list.items, "licensed", p->licensed);
    if (st == EASG_OK && list.items && !p->licensed)
        intune_log(s, EASG_LOG_WARNING,
                   "nobody has an enabled plan of service_plans: is the right plan configured",
                   "people", list.items, NULL, 0);
    mem_free(p);
    return st;
}
