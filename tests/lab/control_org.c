/* SPDX-License-Identifier: Apache-2.0
 *
 * control_org.c - GET and POST /lab/org: what the organisation decides for everybody, as a test
 * looks at it beside the protocols, and as another administrator would change it.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "lab_run.h"

static int index_of(const char *const *names, int n, const char *word)
{
    for (int i = 0; word && i < n; i++)
        if (lab_same(names[i], word))
            return i;
    return -1;
}

static void show(struct reply *r)
{
    cJSON *j = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(j, "admins");
    char *text;

    cJSON_AddStringToObject(j, "level", level_names[lab.m.org.level]);
    cJSON_AddStringToObject(j, "user_mail", lab.m.org.user_mail ? lab.m.org.user_mail : "");
    for (unsigned i = 0; i < lab.m.org.n_admins; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(lab.m.org.admins[i]));
    list = cJSON_AddArrayToObject(j, "rules");
    for (uint32_t i = 0; i < lab.m.n_rules; i++) {
        const struct rule *rule = &lab.m.rules[i];
        cJSON *o;

        if (rule->removed)
            continue;
        o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "by", characteristic_names[rule->by]);
        cJSON_AddStringToObject(o, "query", rule->query);
        cJSON_AddStringToObject(o, "level", level_names[rule->level]);
        cJSON_AddItemToArray(list, o);
    }
    list = cJSON_AddArrayToObject(j, "policies");
    for (int k = 0; k < N_POLICIES; k++) {
        cJSON *o = cJSON_CreateObject();

        cJSON_AddStringToObject(o, "name", policy_names[k]);
        for (int f = 0; f < N_POLICY_FIELDS; f++)
            cJSON_AddNumberToObject(o, policy_fields[f].mobile, lab.m.policies[k][f]);
        cJSON_AddItemToArray(list, o);
    }
    text = cJSON_PrintUnformatted(j);
    buf_fmt(&r->body, "%s\n", text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(j);
}

/* {"by":"DeviceType","query":"iPhone","level":"Block"}; without a level it goes. */
static const char *set_rule(const cJSON *j)
{
    const char *query = cJSON_GetStringValue(cJSON_GetObjectItem(j, "query"));
    const char *level = cJSON_GetStringValue(cJSON_GetObjectItem(j, "level"));
    int by = index_of(characteristic_names, 5, cJSON_GetStringValue(cJSON_GetObjectItem(j, "by")));
    int k = index_of(level_names, 3, level);

    if (by < 0 || !query || (level && k < 0))
        return "a rule has by, query and level";
    for (uint32_t i = 0; i < lab.m.n_rules; i++) {
        struct rule *rule = &lab.m.rules[i];

        if (rule->removed || (int)rule->by != by || !lab_same(rule->query, query))
            continue;
        rule->removed = !level;
        if (level)
            rule->level = (enum level)k;
        return NULL;
    }
    if (!level || model_add_rule(&lab.m, by, query, (enum level)k) == NONE)
        return "no such rule";
    return NULL;
}

static const char *change(const cJSON *j)
{
    const cJSON *rule = cJSON_GetObjectItem(j, "rule");
    const char *level = cJSON_GetStringValue(cJSON_GetObjectItem(j, "level"));
    int k = index_of(level_names, 3, level);

    if (level && k < 0)
        return "no such level";
    if (level)
        lab.m.org.level = (enum level)k;
    return rule ? set_rule(rule) : NULL;
}

void control_org(const struct call *c, struct reply *r)
{
    cJSON *j = cJSON_ParseWithLength(c->body, c->body_n);
    const char *why = NULL;

    r->type = "application/json";
    pthread_rwlock_wrlock(&lab.m.lock);
    if (strcmp(c->method, "POST") == 0)
        why = change(j);
    if (!why)
        show(r);
    pthread_rwlock_unlock(&lab.m.lock);
    if (why) {
        r->status = 400;
        buf_fmt(&r->body, "{\"error\":\"%s\"}\n", why);
    }
    cJSON_Delete(j);
}
