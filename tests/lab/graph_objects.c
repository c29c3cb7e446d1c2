/* SPDX-License-Identifier: Apache-2.0
 *
 * graph_objects.c - single objects that can be written: Exchange connectors, the conditional
 * access settings; and JSON batches.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "lab_graph.h"

#define MAX_CONNECTORS 32

static cJSON *connectors[MAX_CONNECTORS];
static cJSON *settings;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void put(struct reply *r, unsigned status, const cJSON *j)
{
    char *s = cJSON_PrintUnformatted(j);

    r->status = status;
    r->body.n = 0;
    buf_str(&r->body, s ? s : "{}");
    cJSON_free(s);
}

static int is_one_of(const cJSON *v, const char *const *names)
{
    for (; cJSON_IsString(v) && *names; names++)
        if (strcmp(v->valuestring, *names) == 0)
            return 1;
    return 0;
}

/* As the OpenAPI has it: @odata.type and the three that are not nullable. */
static const char *connector_fault(const cJSON *j, int whole)
{
    static const char *const status[] = { "none", "connectionPending", "connected", "disconnected",
                                          NULL };
    static const char *const types[] = { "onPremises", "hosted", "serviceToService", "dedicated",
                                         NULL };
    const cJSON *v;

    if (!cJSON_IsObject(j))
        return "The body is no JSON object.";
    v = cJSON_GetObjectItemCaseSensitive(j, "@odata.type");
    if (!cJSON_IsString(v) ||
        strcmp(v->valuestring, "#microsoft.graph.deviceManagementExchangeConnector") != 0)
        return "@odata.type is missing or wrong.";
    v = cJSON_GetObjectItemCaseSensitive(j, "status");
    if ((whole || v) && !is_one_of(v, status))
        return "status is no deviceManagementExchangeConnectorStatus.";
    v = cJSON_GetObjectItemCaseSensitive(j, "exchangeConnectorType");
    if ((whole || v) && !is_one_of(v, types))
        return "exchangeConnectorType is no deviceManagementExchangeConnectorType.";
    v = cJSON_GetObjectItemCaseSensitive(j, "lastSyncDateTime");
    if ((whole || v) && (!cJSON_IsString(v) || !strchr(v->valuestring, 'T')))
        return "lastSyncDateTime is no DateTimeOffset.";
    return NULL;
}

static void merge(cJSON *into, const cJSON *from)
{
    for (const cJSON *k = from->child; k; k = k->next) {
        cJSON_DeleteItemFromObjectCaseSensitive(into, k->string);
        cJSON_AddItemToObject(into, k->string, cJSON_Duplicate(k, 1));
    }
}

static void connector_list(struct reply *r)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *a = cJSON_AddArrayToObject(o, "value");

    for (int i = 0; i < MAX_CONNECTORS; i++)
        if (connectors[i])
            cJSON_AddItemToArray(a, cJSON_Duplicate(connectors[i], 1));
    put(r, 200, o);
    cJSON_Delete(o);
}

static void connector_add(struct reply *r, cJSON *j)
{
    guid_text id;

    for (int i = 0; i < MAX_CONNECTORS; i++) {
        if (connectors[i])
            continue;
        random_guid(id, 0);
        cJSON_AddStringToObject(j, "id", id);
        connectors[i] = cJSON_Duplicate(j, 1);
        put(r, 201, j);
        return;
    }
    graph_error(r, 400, "BadRequest", "Too many connectors.");
}

static void connector_one(const struct call *c, struct reply *r, const char *rest, cJSON *j)
{
    char id[40];
    const char *slash = strchr(rest, '/');
    cJSON **slot = NULL;
    const char *bad;

    lab_print(id, sizeof id, "%.*s", slash ? (int)(slash - rest) : 36, rest);
    for (int i = 0; i < MAX_CONNECTORS; i++) {
        const cJSON *v =
            connectors[i] ? cJSON_GetObjectItemCaseSensitive(connectors[i], "id") : NULL;

        if (cJSON_IsString(v) && lab_same(v->valuestring, id))
            slot = &connectors[i];
    }
    if (!slot)
        graph_error(r, 404, "ResourceNotFound", "No such connector.");
    else if (slash &&
             (strcmp(slash, "/sync") == 0 || strcmp(slash, "/microsoft.graph.sync") == 0)) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(j, "syncType");

        if (cJSON_IsString(v) &&
            (strcmp(v->valuestring, "fullSync") == 0 || strcmp(v->valuestring, "deltaSync") == 0))
            r->status = 204;
        else
            graph_error(r, 400, "BadRequest", "syncType is fullSync or deltaSync.");
    } else if (strcmp(c->method, "GET") == 0)
        put(r, 200, *slot);
    else if (strcmp(c->method, "DELETE") == 0) {
        cJSON_Delete(*slot);
        *slot = NULL;
        r->status = 204;
    } else if (strcmp(c->method, "PATCH") == 0) {
        bad = connector_fault(j, 0);
        if (bad) {
            graph_error(r, 400, "BadRequest", bad);
            return;
        }
        merge(*slot, j);
        put(r, 200, *slot);
    } else
        graph_error(r, 405, "MethodNotAllowed", "Method not allowed.");
}

void graph_connectors(const struct call *c, struct reply *r, const char *rest)
{
    cJSON *j = c->body_n ? cJSON_ParseWithLength(c->body, c->body_n) : NULL;
    const char *bad;

    pthread_mutex_lock(&lock);
    if (*rest == '/')
        connector_one(c, r, rest + 1, j);
    else if (strcmp(c->method, "GET") == 0)
        connector_list(r);
    else if (strcmp(c->method, "POST") == 0) {
        bad = connector_fault(j, 1);
        if (bad)
            graph_error(r, 400, "BadRequest", bad);
        else
            connector_add(r, j);
    } else
        graph_error(r, 405, "MethodNotAllowed", "Method not allowed.");
    pthread_mutex_unlock(&lock);
    cJSON_Delete(j);
}

void graph_settings(const struct call *c, struct reply *r)
{
    pthread_mutex_lock(&lock);
    if (!settings) {
        cJSON *in;
        cJSON *out;

        settings = cJSON_CreateObject();
        cJSON_AddStringToObject(settings, "@odata.type",
                                "#microsoft.graph.onPremisesConditionalAccessSettings");
        cJSON_AddStringToObject(settings, "id", "a0efde21-de21-a0ef-21de-efa021deefa0");
        cJSON_AddBoolToObject(settings, "enabled", 1);
        in = cJSON_AddArrayToObject(settings, "includedGroups");
        cJSON_AddItemToArray(in, cJSON_CreateString(lab.include_group));
        out = cJSON_AddArrayToObject(settings, "excludedGroups");
        cJSON_AddItemToArray(out, cJSON_CreateString(lab.exclude_group));
        cJSON_AddBoolToObject(settings, "overrideDefaultRule", 0);
    }
    if (strcmp(c->method, "PATCH") == 0) {
        cJSON *j = cJSON_ParseWithLength(c->body, c->body_n);

        if (cJSON_IsObject(j)) {
            merge(settings, j);
            put(r, 200, settings);
        } else
            graph_error(r, 400, "BadRequest", "The body is no JSON object.");
        cJSON_Delete(j);
    } else
        put(r, 200, settings);
    pthread_mutex_unlock(&lock);
}

void graph_policy(const struct call *c, struct reply *r)
{
    static const char *const levels[3] = { "allow", "block", "quarantine" };

    (void)c;
    buf_fmt(&r->body,
            "{\"@odata.type\":\"#microsoft.graph.deviceManagementExchangeOnPremisesPolicy\",\"id\":"
            "\"16e76336-6336-16e7-3663-e7163663e716\",\"notificationContent\":\"%s\","
            "\"defaultAccessLevel\":\"%s\",\"accessRules\":[],\"knownDeviceClasses\":[]}",
            "bm90aWZpY2F0aW9uQ29udGVudA==", levels[lab.m.org.level]);
}

/* Everything but notes and the like is computed by the service. */
void graph_patch_managed(const struct call *c, struct reply *r, uint32_t index)
{
    static const char *const writable[] = { "@odata.type", "notes", "managedDeviceName",
                                            "managedDeviceOwnerType", NULL };
    cJSON *j = cJSON_ParseWithLength(c->body, c->body_n);
    int ok = cJSON_IsObject(j);
    guid_text id;

    for (const cJSON *k = ok ? j->child : NULL; k; k = k->next) {
        int may = 0;

        for (int i = 0; writable[i]; i++)
            may |= strcmp(k->string, writable[i]) == 0;
        ok &= may;
    }
    if (ok) {
        model_guid(&lab.m, GUID_MANAGED, index, id);
        buf_fmt(&r->body, "{\"id\":\"%s\"}", id);
    } else
        graph_error(r, 400, "BadRequest", "A property is read-only and cannot be set.");
    cJSON_Delete(j);
}

/* ---- $batch ---- */

/* Headers of a part come from the part; the batch's own are not inherited. */
static const char *part_header(const struct call *c, const char *name)
{
    const cJSON *v =
        cJSON_GetObjectItem(cJSON_GetObjectItemCaseSensitive(c->connection, "headers"), name);

    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static cJSON *part(const struct call *outer, cJSON *q)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(q, "id");
    const cJSON *method = cJSON_GetObjectItemCaseSensitive(q, "method");
    const cJSON *url = cJSON_GetObjectItemCaseSensitive(q, "url");
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(q, "body");
    cJSON *a = cJSON_CreateObject();
    cJSON *heads;
    struct reply r = { .status = 200 };
    char *path;
    char *mark;
    char *text = body ? cJSON_PrintUnformatted(body) : NULL;
    struct buf full = { 0 };

    buf_fmt(&full, "%.5s%s%s", outer->path, /* /v1.0 or /beta */
            url->valuestring[0] == '/' ? "" : "/", url->valuestring);
    path = full.p;
    mark = strchr(path, '?');
    if (mark)
        *mark++ = 0;
    lab.stats.graph_requests++;
    if (fault_strikes("graph-429", "part", NULL)) {
        lab.stats.graph_throttled++;
        reply_header(&r, "Retry-After", "0.128");
        graph_error(&r, 429, "TooManyRequests", "Please retry again later.");
    } else
        graph_serve(&(struct call){ .side = SIDE_GRAPH,
                                    .method = method->valuestring,
                                    .path = path,
                                    .query = mark ? mark : "",
                                    .host = outer->host,
                                    .body = text ? text : "",
                                    .body_n = text ? strlen(text) : 0,
                                    .header = part_header,
                                    .connection = q,
                                    .outer = outer },
                    &r);
    cJSON_AddStringToObject(a, "id", id->valuestring);
    cJSON_AddNumberToObject(a, "status", r.status);
    heads = cJSON_AddObjectToObject(a, "headers");
    cJSON_AddStringToObject(heads, "Content-Type", "application/json");
    if (r.headers.p && lab_starts(r.headers.p, "Retry-After"))
        cJSON_AddStringToObject(heads, "Retry-After", "0.128");
    if (r.body.n)
        cJSON_AddItemToObject(a, "body", cJSON_ParseWithLength(r.body.p, r.body.n));
    buf_clear(&r.body);
    buf_clear(&r.headers);
    buf_clear(&full);
    cJSON_free(text);
    return a;
}

void graph_batch(const struct call *c, struct reply *r)
{
    cJSON *j = cJSON_ParseWithLength(c->body, c->body_n);
    cJSON *list = cJSON_GetObjectItemCaseSensitive(j, "requests");
    int n = cJSON_GetArraySize(list);
    cJSON *o = NULL;
    cJSON *a;
    int ok = strcmp(c->method, "POST") == 0 && cJSON_IsArray(list) && n >= 1;

    for (int i = 0; ok && i < n; i++) {
        const cJSON *q = cJSON_GetArrayItem(list, i);

        ok = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(q, "id")) &&
             cJSON_IsString(cJSON_GetObjectItemCaseSensitive(q, "method")) &&
             cJSON_IsString(cJSON_GetObjectItemCaseSensitive(q, "url"));
    }
    if (!ok || n > 20) {
        graph_error(r, 400, "BadRequest",
                    n > 20 ? "Number of batch request steps exceeds the maximum value of 20."
                           : "Invalid batch payload format.");
        cJSON_Delete(j);
        return;
    }
    o = cJSON_CreateObject();
    a = cJSON_AddArrayToObject(o, "responses");
    for (int i = n; i-- > 0;) /* never in the order of the requests */
        cJSON_AddItemToArray(a, part(c, cJSON_GetArrayItem(list, i)));
    put(r, 200, o);
    cJSON_Delete(o);
    cJSON_Delete(j);
}
