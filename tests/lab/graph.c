/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.c - Microsoft Graph: who may ask, which path is what, faults and throttling.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_graph.h"

void query_parse(const char *raw, struct options_of_query *q)
{
    *q = (struct options_of_query){ 0 };
    while (*raw && q->n < MAX_OPTIONS) {
        const char *end = strchr(raw, '&');
        size_t n = end ? (size_t)(end - raw) : strlen(raw);
        const char *eq = memchr(raw, '=', n);
        size_t k = eq ? (size_t)(eq - raw) : n;

        if (n) {
            q->name[q->n] = lab_strndup(raw, k);
            q->value[q->n] = lab_strndup(eq ? eq + 1 : "", eq ? n - k - 1 : 0);
            lab_unpercent(q->name[q->n], 0);
            lab_unpercent(q->value[q->n], 1);
            q->n++;
        }
        raw += n + (end != NULL);
    }
}

void query_clear(struct options_of_query *q)
{
    for (unsigned i = 0; i < q->n; i++) {
        free(q->name[i]);
        free(q->value[i]);
    }
}

const char *query_get(const struct options_of_query *q, const char *name)
{
    for (unsigned i = 0; i < q->n; i++)
        if (lab_same(q->name[i], name))
            return q->value[i];
    return NULL;
}

void graph_origin(const struct call *c, char out[160])
{
    const char *host = c->host;

    for (const struct call *o = c; o; o = o->outer)
        host = o->host;
    lab_print(out, 160, "https://%.140s", host);
}

void graph_error(struct reply *r, unsigned status, const char *code, const char *message)
{
    guid_text id;
    time_text when;

    random_guid(id, 0);
    text_time(model_now(&lab.m), when);
    when[19] = 0;
    r->status = status;
    r->body.n = 0;
    BUF_LIT(&r->body, "{\"error\":{");
    json_string(&r->body, "code", code);
    json_string(&r->body, "message", message);
    buf_fmt(&r->body,
            "\"innerError\":{\"date\":\"%s\",\"request-id\":\"%s\",\"client-request-id\":\"%s\"}}}",
            when, id, id);
}

/* ---- paths ---- */

static int member_of(uint32_t i, const struct call *c, const char *group)
{
    const struct person *p = &lab.m.persons[i];

    (void)c;
    if (p->flags & PER_REMOVED)
        return 0;
    if (lab_same(group, lab.include_group))
        return p->flags & PER_TARGETED;
    if (lab_same(group, lab.exclude_group))
        return p->flags & PER_EXEMPT;
    return p->flags & PER_NESTED;
}

static void members(const struct call *c, const struct options_of_query *q, struct reply *r,
                    const char *path)
{
    struct entity e = entity_user;
    char group[40];
    const char *slash = strchr(path, '/');
    const char *level = c->header(c, "ConsistencyLevel");
    const char *count = query_get(q, "$count");
    struct buf first = { 0 };
    int cast;

    lab_print(group, sizeof group, "%.*s", slash ? (int)(slash - path) : 0, path);
    if (!lab_same(group, lab.include_group) && !lab_same(group, lab.exclude_group) &&
        !lab_same(group, lab.nested_group)) {
        graph_error(r, 404, "Request_ResourceNotFound",
                    "Resource does not exist or one of its queried reference-property objects are "
                    "not present.");
        return;
    }
    cast = strcmp(slash, "/transitiveMembers/microsoft.graph.user") == 0 ||
           strcmp(slash, "/transitiveMembers/graph.user") == 0;
    if (!cast && strcmp(slash, "/transitiveMembers") != 0) {
        graph_error(r, 400, "BadRequest", "Resource not found for the segment.");
        return;
    }
    if (cast && (!level || !lab_same(level, "eventual") || !count || !lab_same(count, "true"))) {
        graph_error(r, 400, "Request_UnsupportedQuery",
                    "The specified OData cast requires the 'ConsistencyLevel: eventual' header and "
                    "'$count=true'.");
        return;
    }
    e.wanted = member_of;
    e.context = cast ? "users" : "directoryObjects";
    if (!cast &&
        lab_same(group, lab.include_group)) /* a nested group and a device are members too */
        buf_fmt(&first,
                "{\"@odata.type\":\"#microsoft.graph.group\",\"id\":\"%s\",\"displayName\":\"EAS "
                "pilots \\\"inner\\\"\"},{\"@odata.type\":\"#microsoft.graph.device\",\"id\":"
                "\"7c1d8a52-3a0e-4c62-9a51-0e1e7f9d2b33\",\"displayName\":\"KIOSK-01\"},",
                lab.nested_group);
    graph_page(c, q, r, &e, group, first.p ? first.p : "", 0);
    buf_clear(&first);
}

static void users(const struct call *c, const struct options_of_query *q, struct reply *r,
                  const char *rest)
{
    uint32_t i;

    if (!*rest) {
        graph_page(c, q, r, &entity_user, "", "", 0);
        return;
    }
    if (strcmp(rest, "/delta") == 0 || strcmp(rest, "/delta()") == 0 ||
        strcmp(rest, "/microsoft.graph.delta()") == 0) {
        graph_page(c, q, r, &entity_user, "delta", "", 1);
        return;
    }
    i = model_find_guid(&lab.m, GUID_PERSON, rest + 1);
    if (i == NONE || i >= lab.m.n_persons || (lab.m.persons[i].flags & PER_REMOVED))
        graph_error(r, 404, "Request_ResourceNotFound",
                    "Resource does not exist or one of its "
                    "queried reference-property objects are "
                    "not present.");
    else
        graph_one(c, q, r, &entity_user, i);
}

static void managed(const struct call *c, const struct options_of_query *q, struct reply *r,
                    const char *rest)
{
    uint32_t i;

    if (!*rest) {
        graph_page(c, q, r, &entity_managed, "", "", 0);
        return;
    }
    i = model_find_guid(&lab.m, GUID_MANAGED, rest + 1);
    if (i >= lab.m.n_managed || (lab.m.managed[i].flags & MAN_REMOVED))
        graph_error(r, 404, "ResourceNotFound", "The device was not found.");
    else if (strcmp(c->method, "PATCH") == 0)
        graph_patch_managed(c, r, i);
    else
        graph_one(c, q, r, &entity_managed, i);
}

void graph_serve(const struct call *c, struct reply *r)
{
    const char *path = strchr(c->path + 1, '/');
    int beta = lab_starts(c->path, "/beta/");
    struct options_of_query q;

    path = path ? path + 1 : "";
    query_parse(c->query, &q);
    pthread_rwlock_rdlock(&lab.m.lock);
    if (lab_starts(path, "deviceManagement/managedDevices"))
        managed(c, &q, r, path + 31);
    else if (lab_starts(path, "users"))
        users(c, &q, r, path + 5);
    else if (lab_starts(path, "groups/"))
        members(c, &q, r, path + 7);
    else if (lab_starts(path, "deviceManagement/exchangeConnectors"))
        graph_connectors(c, r, path + 35);
    else if (lab_same(path, "deviceManagement/conditionalAccessSettings"))
        graph_settings(c, r);
    else if (beta && lab_same(path, "deviceManagement/exchangeOnPremisesPolicy"))
        graph_policy(c, r);
    else if (lab_same(path, "organization"))
        buf_fmt(&r->body, "{\"value\":[{\"id\":\"%s\",\"displayName\":\"Contoso\"}]}", lab.tenant);
    else
        graph_error(r, 400, "BadRequest", "Resource not found for the segment.");
    pthread_rwlock_unlock(&lab.m.lock);
    query_clear(&q);
}

/* ---- faults ---- */

static void too_many(struct reply *r, unsigned status, const char *after)
{
    lab.stats.graph_throttled++;
    reply_header(r, "Retry-After", "%s", after);
    graph_error(r, status, status == 429 ? "TooManyRequests" : "ServiceUnavailable",
                status == 429 ? "Please retry again later."
                              : "Service is temporarily unavailable.");
}

static int early(const struct call *c, struct reply *r)
{
    if (fault_strikes("graph-slow", c->path, NULL))
        http_pause(500);
    if (fault_strikes("graph-reset", c->path, NULL)) {
        r->delivery = DELIVER_RESET;
        return 1;
    }
    if (fault_strikes("graph-401", c->path, NULL)) {
        graph_error(r, 401, "InvalidAuthenticationToken",
                    "Lifetime validation failed, the token "
                    "is expired.");
        return 1;
    }
    if (fault_strikes("graph-403", c->path, NULL)) {
        graph_error(r, 403, "Forbidden",
                    "Application is not authorized to perform this operation. "
                    "Application must have one of the following scopes: "
                    "DeviceManagementManagedDevices.Read.All");
        return 1;
    }
    if (fault_strikes("graph-503", c->path, NULL)) {
        too_many(r, 503, "0.2");
        return 1;
    }
    if (fault_strikes("graph-429", c->path, NULL) ||
        (lab.opt.throttle && lab.stats.graph_requests % 5 == 0)) {
        too_many(r, 429, "0.128");
        return 1;
    }
    return 0;
}

void graph_handle(const struct call *c, struct reply *r)
{
    const char *id = c->header(c, "client-request-id");
    guid_text own;
    int status;

    lab.stats.graph_requests++;
    random_guid(own, 0);
    r->type =
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;"
        "charset=utf-8";
    reply_header(r, "request-id", "%s", own);
    reply_header(r, "client-request-id", "%.80s", id ? id : own);
    reply_header(r, "x-ms-ags-diagnostic",
                 "{\"ServerInfo\":{\"DataCenter\":\"Lab\",\"Slice\":\"E\"}}");
    if (early(c, r))
        return;
    status = token_check(c->header(c, "Authorization"));
    if (status == 401) {
        reply_header(r, "WWW-Authenticate", "Bearer realm=\"\"");
        graph_error(r, 401, "InvalidAuthenticationToken",
                    "Access token validation failure. "
                    "Invalid audience.");
    } else if (status)
        graph_error(r, 403, "Authorization_RequestDenied",
                    "Insufficient privileges to complete the operation.");
    else if (lab_same(c->path, "/v1.0/$batch") || lab_same(c->path, "/beta/$batch"))
        graph_batch(c, r);
    else
        graph_serve(c, r);
    if (r->status == 200 && fault_strikes("graph-bad-json", c->path, NULL))
        r->body.n = r->body.n * 2 / 3;
    if (lab.opt.log)
        fprintf(stderr, "easgate-lab: %s %s: HTTP %u, %zu bytes\n", c->method, c->path, r->status,
                r->body.n);
}
