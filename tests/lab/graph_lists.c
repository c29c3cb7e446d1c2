/* SPDX-License-Identifier: Apache-2.0
 *
 * graph_lists.c - collections: $select, $top, $filter, opaque next links, delta.
 */
#include <stdlib.h>
#include <string.h>

#include "lab_graph.h"

#define MAX_FIELDS 64

/* ---- JSON ---- */

void json_text(struct buf *b, const char *s)
{
    BUF_LIT(b, "\"");
    while (*s) {
        const char *q = s;
        unsigned char c = (unsigned char)*s;

        while ((unsigned char)*q >= 0x20 && *q != '"' && *q != '\\')
            q++;
        if (q > s) {
            buf_put(b, s, (size_t)(q - s));
            s = q;
            continue;
        }
        if (c == '"' || c == '\\') {
            BUF_LIT(b, "\\");
            buf_put(b, s, 1);
        } else
            buf_fmt(b, "\\u%04x", c);
        s++;
    }
    BUF_LIT(b, "\"");
}

static void name_of(struct buf *b, const char *name)
{
    BUF_LIT(b, "\"");
    buf_str(b, name);
    BUF_LIT(b, "\":");
}

void json_string(struct buf *b, const char *name, const char *v)
{
    name_of(b, name);
    if (v)
        json_text(b, v);
    else
        BUF_LIT(b, "null");
    BUF_LIT(b, ",");
}

void json_raw(struct buf *b, const char *name, const char *v)
{
    name_of(b, name);
    buf_str(b, v);
    BUF_LIT(b, ",");
}

void json_date(struct buf *b, const char *name, uint64_t seconds)
{
    time_text t;

    text_time(seconds, t);
    json_string(b, name, seconds ? t : "0001-01-01T00:00:00Z");
}

/* ---- next links ---- */

#define TOKEN_KEY 0x5DEECE66D1A7u

static void put_token(struct buf *b, uint64_t v)
{
    buf_fmt(b, "RFNwdAIAAQAAAB%016llx%04x", (unsigned long long)(v ^ TOKEN_KEY),
            (unsigned)(v * 2654435761u >> 16 & 0xFFFF));
}

static int read_token(const char *s, uint64_t *v)
{
    struct buf again = { 0 };
    int ok;

    if (strlen(s) != 34)
        return 0;
    {
        char hex[17];

        memcpy(hex, s + 14, 16);
        hex[16] = 0;
        *v = strtoull(hex, NULL, 16) ^ TOKEN_KEY;
    }
    put_token(&again, *v);
    ok = strcmp(again.p, s) == 0;
    buf_clear(&again);
    return ok;
}

static void link_to(struct buf *b, const struct call *c, const struct options_of_query *q,
                    const char *option, uint64_t at, int keep)
{
    char origin[160];

    graph_origin(c, origin);
    if (fault_strikes("graph-foreign-nextlink", c->path, NULL))
        lab_print(origin, sizeof origin, "https://graph.microsoft.example");
    buf_str(b, origin);
    buf_str(b, c->path);
    BUF_LIT(b, "?");
    for (unsigned i = 0; keep && i < q->n; i++) {
        if (lab_same(q->name[i], "$skiptoken") || lab_same(q->name[i], "$deltatoken"))
            continue;
        buf_percent(b, q->name[i]);
        BUF_LIT(b, "=");
        buf_percent(b, q->value[i]);
        BUF_LIT(b, "&");
    }
    buf_fmt(b, "%%24%s=", option);
    put_token(b, at);
}

/* ---- $select ---- */

static int select_fields(const struct entity *e, const char *select, uint8_t chosen[MAX_FIELDS],
                         struct reply *r)
{
    char message[200];

    for (unsigned i = 0; i < e->n_fields; i++)
        chosen[i] = (uint8_t)(!select && e->fields[i].by_default);
    while (select && *select) {
        size_t n = strcspn(select, ",");
        int hit = 0;
        char name[80];

        lab_print(name, sizeof name, "%.*s", (int)n, select);
        select += n + (select[n] == ',');
        while (*name == ' ')
            memmove(name, name + 1, strlen(name));
        for (unsigned i = 0; i < e->n_fields; i++)
            if (lab_same(e->fields[i].name, name))
                hit = chosen[i] = 1;
        if (!hit && *name) {
            lab_print(message, sizeof message,
                      "Could not find a property named '%s' on type 'microsoft.graph.%s'.", name,
                      e->type);
            graph_error(r, 400, "BadRequest", message);
            return 0;
        }
    }
    return 1;
}

static void object(struct buf *b, const struct entity *e, const uint8_t chosen[MAX_FIELDS],
                   uint32_t i)
{
    BUF_LIT(b, "{");
    for (unsigned k = 0; k < e->n_fields; k++)
        if (chosen[k])
            e->fields[k].write(b, e->fields[k].name, i);
    if (b->p[b->n - 1] == ',')
        b->n--;
    BUF_LIT(b, "}");
}

/* ---- $filter: NAME op 'value' [and ...], on the columns that the documentation allows ---- */

struct condition {
    char name[48];
    char op[4];
    char value[160];
};

static int parse_filter(const char *f, struct condition out[8], unsigned *n)
{
    *n = 0;
    while (*f) {
        struct condition *k = &out[*n];
        size_t m;

        if (*n == 8)
            return 0;
        f += strspn(f, " ");
        m = strcspn(f, " ");
        lab_print(k->name, sizeof k->name, "%.*s", (int)m, f);
        f += m + strspn(f + m, " ");
        m = strcspn(f, " ");
        if (m != 2)
            return 0;
        lab_print(k->op, sizeof k->op, "%.2s", f);
        f += m + strspn(f + m, " ");
        if (*f == '\'') {
            size_t o = 0;

            for (f++; *f && (*f != '\'' || f[1] == '\''); f++) {
                if (*f == '\'')
                    f++;
                if (o + 1 < sizeof k->value)
                    k->value[o++] = *f;
            }
            k->value[o] = 0;
            if (*f++ != '\'')
                return 0;
        } else {
            m = strcspn(f, " ");
            lab_print(k->value, sizeof k->value, "%.*s", (int)m, f);
            f += m;
        }
        ++*n;
        f += strspn(f, " ");
        if (!*f)
            return 1;
        if (!lab_starts(f, "and "))
            return 0;
        f += 4;
    }
    return 0;
}

static int filterable(const struct entity *e, const struct condition *k)
{
    static const char *const managed[] = {
        "complianceState",   "managementState",  "managementAgent",
        "userPrincipalName", "lastSyncDateTime", "enrolledDateTime",
        "azureADDeviceId",   "operatingSystem",  NULL
    };
    static const char *const user[] = { "userPrincipalName", "mail", "onPremisesSecurityIdentifier",
                                        "accountEnabled",    "id",   NULL };
    const char *const *names = e == &entity_managed ? managed : user;

    for (; *names; names++)
        if (lab_same(*names, k->name))
            return strcmp(k->op, "eq") == 0 || strcmp(k->op, "ne") == 0 ||
                   (strstr(k->name, "DateTime") != NULL &&
                    (strcmp(k->op, "gt") == 0 || strcmp(k->op, "lt") == 0 ||
                     strcmp(k->op, "ge") == 0 || strcmp(k->op, "le") == 0));
    return 0;
}

/* Compares what the column would print: dates sort as text. */
static int holds(const struct entity *e, const struct condition *k, uint32_t i, struct buf *scratch)
{
    char value[400];
    size_t len;
    int order;

    for (unsigned f = 0; f < e->n_fields; f++) {
        if (!lab_same(e->fields[f].name, k->name))
            continue;
        scratch->n = 0;
        e->fields[f].write(scratch, e->fields[f].name, i);
        lab_print(value, sizeof value, "%s", scratch->p + strlen(e->fields[f].name) + 3);
        len = strlen(value);
        if (len && value[len - 1] == ',')
            value[--len] = 0;
        if (len > 1 && value[0] == '"') {
            value[len - 1] = 0;
            memmove(value, value + 1, len - 1);
        }
        if (strcmp(k->op, "eq") == 0)
            return lab_same(value, k->value);
        if (strcmp(k->op, "ne") == 0)
            return !lab_same(value, k->value);
        order = strncmp(value, k->value, 19);
        return strcmp(k->op, "gt") == 0   ? order > 0
               : strcmp(k->op, "ge") == 0 ? order >= 0
               : strcmp(k->op, "lt") == 0 ? order < 0
                                          : order <= 0;
    }
    return 0;
}

/* ---- pages ---- */

struct page {
    uint32_t from;
    uint32_t since; /* delta: only what changed after this revision */
    unsigned size;
    uint8_t chosen[MAX_FIELDS];
    struct condition condition[8];
    unsigned n_conditions;
};

static int read_page(const struct options_of_query *q, struct reply *r, const struct entity *e,
                     struct page *p, int delta)
{
    const char *top = query_get(q, "$top");
    const char *skip = query_get(q, "$skiptoken");
    const char *mark = query_get(q, "$deltatoken");
    const char *filter = query_get(q, "$filter");
    uint64_t v = 0;

    *p = (struct page){ .size = top ? (unsigned)strtoul(top, NULL, 10) : e->page };
    if (top && (!p->size || p->size > (e == &entity_managed ? 1000 : 999))) {
        graph_error(r, 400, "Request_UnsupportedQuery", "Invalid page size specified.");
        return 0;
    }
    if (lab.opt.page_size && p->size > lab.opt.page_size)
        p->size = lab.opt.page_size;
    if ((skip && !read_token(skip, &v)) || (mark && !read_token(mark, &v))) {
        graph_error(r, 400, "Directory_ExpiredPageToken",
                    "The specified page token value has "
                    "expired or is invalid.");
        return 0;
    }
    if (skip) {
        p->from = (uint32_t)v;
        p->since = (uint32_t)(v >> 32);
    } else if (mark)
        p->since = (uint32_t)v;
    if (delta && mark && p->since < 1) {
        graph_error(r, 410, "SyncStateNotFound", "The sync state generation is not found.");
        return 0;
    }
    if (filter) {
        if (!parse_filter(filter, p->condition, &p->n_conditions)) {
            graph_error(r, 400, "BadRequest", "Invalid filter clause.");
            return 0;
        }
        for (unsigned i = 0; i < p->n_conditions; i++)
            if (!filterable(e, &p->condition[i])) {
                graph_error(r, 400, "Request_UnsupportedQuery",
                            "Unsupported or invalid query filter clause specified for property.");
                return 0;
            }
    }
    return select_fields(e, query_get(q, "$select"), p->chosen, r);
}

static int shown(const struct call *c, const struct entity *e, const struct page *p,
                 const char *what, uint32_t i, int delta, struct buf *scratch)
{
    if (delta) {
        if (lab.m.persons[i].rev <= p->since)
            return 0;
        return !(lab.m.persons[i].flags & PER_REMOVED) || p->since;
    }
    if (e->wanted && !e->wanted(i, c, what))
        return 0;
    for (unsigned k = 0; k < p->n_conditions; k++)
        if (!holds(e, &p->condition[k], i, scratch))
            return 0;
    return 1;
}

static void removed(struct buf *b, uint32_t i)
{
    guid_text id;

    model_guid(&lab.m, GUID_PERSON, i, id);
    buf_fmt(b, "{\"id\":\"%s\",\"@removed\":{\"reason\":\"deleted\"}}", id);
}

void graph_page(const struct call *c, const struct options_of_query *q, struct reply *r,
                const struct entity *e, const char *what, const char *first, int delta)
{
    struct buf *b = &r->body;
    struct buf scratch = { 0 };
    struct buf values = { 0 };
    struct page p;
    char origin[160];
    uint32_t total = e->count();
    uint32_t end = total;
    uint32_t i;
    unsigned given = 0;
    unsigned room;
    int odd;

    if (!read_page(q, r, e, &p, delta))
        return;
    if (fault_strikes("graph-empty", c->path, NULL))
        end = 0;
    if (fault_strikes("graph-truncated", c->path, NULL))
        end = total / 2;
    odd = fault_strikes("graph-unknown-enum", c->path, NULL);
    room = fault_strikes("graph-half-page", c->path, NULL) ? (p.size + 1) / 2 : p.size;
    if (!p.from && end)
        buf_str(&values, first);
    for (i = p.from; i < end && given < room; i++) {
        size_t before = values.n;

        if (!shown(c, e, &p, what, i, delta, &scratch))
            continue;
        if (delta && (lab.m.persons[i].flags & PER_REMOVED))
            removed(&values, i);
        else
            object(&values, e, p.chosen, i);
        BUF_LIT(&values, ",");
        if (odd && !given) {
            char *hit = strstr(values.p + before, "\"complianceState\":\"");

            if (hit) { /* a member that this client cannot know, of the same length or shorter */
                char *to = hit + 19;
                size_t old = strcspn(to, "\"");

                memcpy(to, "quantumPendingState", old < 19 ? old : 19);
            }
        }
        given++;
    }
    while (i < end && !shown(c, e, &p, what, i, delta, &scratch))
        i++; /* so that the last page has no next link */
    if (values.n && values.p[values.n - 1] == ',')
        values.n--;
    graph_origin(c, origin);
    buf_fmt(b, "{\"@odata.context\":\"%s/v1.0/$metadata#%s\"", origin, e->context);
    if (query_get(q, "$count") && !delta) {
        uint64_t n = 0;

        for (uint32_t k = 0; k < total; k++)
            n += (unsigned)shown(c, e, &p, what, k, 0, &scratch);
        if (!p.from)
            buf_fmt(b, ",\"@odata.count\":%llu", (unsigned long long)n);
    }
    if (fault_strikes("graph-loop", c->path, NULL))
        i = p.from;
    if (i < end) {
        BUF_LIT(b, ",\"@odata.nextLink\":\"");
        link_to(b, c, q, "skiptoken", (uint64_t)p.since << 32 | i, 1);
        BUF_LIT(b, "\"");
    } else if (delta) {
        BUF_LIT(b, ",\"@odata.deltaLink\":\"");
        link_to(b, c, q, "deltatoken", lab.m.rev, 1);
        BUF_LIT(b, "\"");
    }
    BUF_LIT(b, ",\"value\":[");
    buf_put(b, values.p ? values.p : "", values.n);
    BUF_LIT(b, "]}");
    buf_clear(&values);
    buf_clear(&scratch);
}

void graph_one(const struct call *c, const struct options_of_query *q, struct reply *r,
               const struct entity *e, uint32_t i)
{
    uint8_t chosen[MAX_FIELDS];
    char origin[160];
    struct buf o = { 0 };

    if (!select_fields(e, query_get(q, "$select"), chosen, r))
        return;
    graph_origin(c, origin);
    object(&o, e, chosen, i);
    buf_fmt(&r->body, "{\"@odata.context\":\"%s/v1.0/$metadata#%s/$entity\",%s", origin, e->context,
            o.p + 1);
    buf_clear(&o);
}
