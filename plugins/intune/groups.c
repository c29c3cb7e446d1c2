/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in the groups of the policy. Only ids are kept: the people themselves come later, one by
 * one.
 */
#include "intune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "text.h"

#define MAX_MEMBERS (8u * 1024u * 1024u)

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int guid_parse(const easg_str *s, unsigned char out[16])
{
    size_t n = 0;

    if (!s->ptr || s->len != 36)
        return 0;
    for (size_t i = 0; i < 36;) {
        int high, low;

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s->ptr[i++] != '-')
                return 0;
            continue;
        }
        high = hex(s->ptr[i]);
        low = hex(s->ptr[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[n++] = (unsigned char)(high << 4 | low);
        i += 2;
    }
    return 1;
}

void guid_set_clear(struct guid_set *set)
{
    mem_free(set->ids);
    *set = (struct guid_set){ NULL, 0, 0 };
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

int guid_set_has(const struct guid_set *set, const unsigned char id[16])
{
    return set->n && bsearch(id, set->ids, set->n, 16, compare) != NULL;
}

static easg_status on_member(void *user, const struct json *item, easg_error *err)
{
    struct guid_set *set = user;
    unsigned char id[16];
    easg_str text;
    easg_status st = json_get_str(item, "id", 1, &text, err);

    if (st != EASG_OK)
        return st;
    if (!guid_parse(&text, id))
        return err_set(err, EASG_E_PROTOCOL, "a member's id is not a GUID");
    if (set->n >= MAX_MEMBERS)
        return err_set(err, EASG_E_LIMIT, "more than %u members", MAX_MEMBERS);
    if (set->n == set->cap) {
        size_t cap = set->cap ? set->cap * 2 : 1024;
        unsigned char(*grown)[16] = mem_grow(set->ids, cap, sizeof *grown);

        if (!grown)
            return err_nomem(err);
        set->ids = grown;
        set->cap = cap;
    }
    memcpy(set->ids[set->n++], id, 16);
    return EASG_OK;
}

/* Fewer members than the list's own count says? The index behind both lags by a few when somebody
 * joins or leaves, never by many, and never by all. */
static int falls_short(const struct graph_list *list)
{
    uint64_t count = list->count > 0 ? (uint64_t)list->count : 0;
    uint64_t slack = count / 20 > 2 ? count / 20 : 2;

    return count > list->items && (list->items == 0 || count - list->items > slack);
}

/* A list that stops early says so only by its count, so that it is asked for again, and refused. */
static easg_status read_members(struct easg_session *s, struct graph_list *list,
                                struct guid_set *set, easg_error *err)
{
    size_t before = set->n;

    for (int attempt = 1;; attempt++) {
        easg_status st = graph_list(s->graph, list, err);

        if (st != EASG_OK || !falls_short(list))
            return st;
        if (attempt == 2)
            return err_set(err, EASG_E_UNAVAILABLE,
                           "%s: %s: %llu of %lld came, twice: the list is cut, nothing is decided "
                           "on it",
                           s->in->graph_url, list->what, (unsigned long long)list->items,
                           (long long)list->count);
        intune_log(s, EASG_LOG_WARNING, "a group lists fewer members than its count says", "listed",
                   list->items, "count", (uint64_t)list->count);
        set->n = before;
    }
}

static easg_status one_group(struct easg_session *s, const char *option, const easg_str *group,
                             struct guid_set *set, easg_error *err)
{
    unsigned char id[16];
    char path[256], what[80], safe[80];
    struct graph_list list = { .path = path,
                               .what = what,
                               .permission = "GroupMember.Read.All",
                               .eventual = 1, /* the cast to users asks for it */
                               .item = on_member,
                               .user = set };
    easg_status st;

    if (!guid_parse(group, id))
        return err_set(err, EASG_E_CONFIG, "%s: %s is not a group's object id", option,
                       text_safe(group->ptr ? group->ptr : "", group->len, safe, sizeof safe));
    (void)snprintf(what, sizeof what, "members of group %s", group->ptr);
    (void)snprintf(path, sizeof path,
                   "/v1.0/groups/%s/transitiveMembers/microsoft.graph.user?$count=true&$select=id"
                   "&$top=%d",
                   group->ptr, (int)s->in->page_size);
    st = read_members(s, &list, set, err);
    if (st == EASG_E_NOTFOUND)
        return err_set(
            err, EASG_E_CONFIG,
            "%s: there is no group %s in the tenant: it was deleted, or the id is wrong; "
            "nothing is decided until this is settled",
            option, group->ptr);
    if (st == EASG_OK && list.items == 0)
        intune_log(s, EASG_LOG_WARNING, "a group of the policy has no members", "pages", list.pages,
                   NULL, 0);
    return st;
}

easg_status intune_fetch_groups(struct easg_session *s, const char *option,
                                const easg_str *const *groups, size_t n, struct guid_set *set,
                                easg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        easg_status st = one_group(s, option, groups[i], set, err);

        if (st != EASG_OK)
            return st;
    }
    if (set->n)
        qsort(set->ids, set->n, sizeof *set->ids, compare);
    return EASG_OK;
}
