/* SPDX-License-Identifier: Apache-2.0
 *
 * control.c - what a test asks the lab beside the protocols: its own verdicts, its counters,
 * changes of the organisation, faults.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "lab_run.h"

static void fail(struct reply *r, unsigned status, const char *why)
{
    r->status = status;
    r->type = "application/json";
    buf_fmt(&r->body, "{\"error\":\"%s\"}\n", why);
}

/* ---- GET /lab/devices ---- */

static void device_line(struct buf *b, uint32_t i)
{
    const struct device *d = &lab.m.devices[i];
    const struct mailbox *m = &lab.m.mailboxes[d->mailbox];
    const struct person *p = m->person == NONE ? NULL : &lab.m.persons[m->person];
    struct verdict v = abq_decide(&lab.m, i);
    struct device_text t;
    guid_text managed;
    int allowed;
    int blocked;

    text_device(&lab.m, i, &t);
    allowed = idlist_has(&m->allowed, t.id);
    blocked = idlist_has(&m->blocked, t.id);
    buf_fmt(b,
            "{\"mailbox\":\"%s\",\"upn\":\"%s\",\"device_id\":\"%s\",\"guid\":\"%s\",\"type\":"
            "\"%s\",\"state\":\"%s\",\"reason\":\"%s\",\"stored\":\"%s\",\"listed\":\"%s\","
            "\"managed\":",
            t.box.guid, t.box.upn, t.id, t.guid, makes[d->make].type, access_names[v.access],
            reason_names[v.reason], access_names[d->access],
            allowed && blocked ? "both"
            : allowed          ? "allowed"
            : blocked          ? "blocked"
                               : "none");
    if (d->managed != NONE && !(lab.m.managed[d->managed].flags & MAN_REMOVED)) {
        const struct managed *g = &lab.m.managed[d->managed];

        model_guid(&lab.m, GUID_MANAGED, d->managed, managed);
        buf_fmt(b, "\"%s\",\"compliance\":\"%s\",\"management\":\"%s\",\"agent\":\"%s\"", managed,
                compliance_names[g->compliance], state_names[g->state], agent_names[g->agent]);
    } else
        BUF_LIT(b, "null,\"compliance\":null,\"management\":null,\"agent\":null");
    buf_fmt(b, ",\"licensed\":%s,\"targeted\":%s,\"exempt\":%s}\n",
            p && p->plan == PLAN_ENABLED ? "true" : "false",
            p && (p->flags & PER_TARGETED) ? "true" : "false",
            p && (p->flags & PER_EXEMPT) ? "true" : "false");
}

static void devices(struct reply *r)
{
    r->type = "application/x-ndjson";
    pthread_rwlock_rdlock(&lab.m.lock);
    for (uint32_t i = 0; i < lab.m.n_devices; i++)
        if (!(lab.m.devices[i].flags & DEV_REMOVED))
            device_line(&r->body, i);
    pthread_rwlock_unlock(&lab.m.lock);
}

/* ---- GET /lab/mailboxes ---- */

static void list(struct buf *b, const struct idlist *l)
{
    BUF_LIT(b, "[");
    for (uint32_t i = 0; i < l->n; i++) {
        cJSON *s = cJSON_CreateString(l->v[i]);
        char *t = cJSON_PrintUnformatted(s);

        buf_fmt(b, "%s%s", i ? "," : "", t ? t : "\"\"");
        cJSON_free(t);
        cJSON_Delete(s);
    }
    BUF_LIT(b, "]");
}

static void mailboxes(struct reply *r)
{
    r->type = "application/x-ndjson";
    pthread_rwlock_rdlock(&lab.m.lock);
    for (uint32_t i = 0; i < lab.m.n_mailboxes; i++) {
        struct mailbox_text t;

        text_mailbox(&lab.m, i, &t);
        buf_fmt(&r->body, "{\"mailbox\":\"%s\",\"upn\":\"%s\",\"allowed\":", t.guid, t.upn);
        list(&r->body, &lab.m.mailboxes[i].allowed);
        BUF_LIT(&r->body, ",\"blocked\":");
        list(&r->body, &lab.m.mailboxes[i].blocked);
        BUF_LIT(&r->body, "}\n");
    }
    pthread_rwlock_unlock(&lab.m.lock);
}

/* ---- GET /lab/stats ---- */

static void stats(struct reply *r)
{
    struct stats *s = &lab.stats;
    const struct {
        const char *name;
        uint64_t v;
    } n[] = {
        {"requests",              s->requests            },
        { "bytes_in",             s->bytes_in            },
        { "bytes_out",            s->bytes_out           },
        { "exchange_requests",    s->exchange_requests   },
        { "exchange_bytes",       s->exchange_bytes      },
        { "connections",          s->connections         },
        { "shells_open",          shell_count()          },
        { "shells_created",       s->shells_created      },
        { "shells_deleted",       s->shells_deleted      },
        { "shells_expired",       s->shells_expired      },
        { "shells_peak",          s->shells_peak         },
        { "pipelines",            s->pipelines           },
        { "pipelines_terminated", s->pipelines_terminated},
        { "objects",              s->objects             },
        { "graph_requests",       s->graph_requests      },
        { "redirects",             s->redirects           },
        { "over_budget",           s->over_budget         },
        { "graph_throttled",      s->graph_throttled     },
        { "tokens",               s->tokens              },
        { "token_refusals",       s->token_refusals      },
        { "auth_failures",        s->auth_failures       },
        { "discovers",            s->discovers           },
        { "list_changes",         s->set_cas_changes     }
    };

    r->type = "application/json";
    BUF_LIT(&r->body, "{");
    for (size_t i = 0; i < sizeof n / sizeof n[0]; i++)
        buf_fmt(&r->body, "\"%s\":%llu,", n[i].name, (unsigned long long)n[i].v);
    BUF_LIT(&r->body, "\"cmdlets\":{");
    cmdlet_counts(&r->body);
    BUF_LIT(&r->body, "},\"faults\":");
    fault_list(&r->body);
    BUF_LIT(&r->body, "}\n");
}

/* ---- POST /lab/speak ---- */

static void speak(struct reply *r)
{
    uint32_t changed = 0;
    uint32_t now = model_now(&lab.m);

    pthread_rwlock_wrlock(&lab.m.lock);
    for (uint32_t i = 0; i < lab.m.n_devices; i++)
        if (!(lab.m.devices[i].flags & DEV_REMOVED))
            changed += (uint32_t)abq_speak(&lab.m, i, now);
    pthread_rwlock_unlock(&lab.m.lock);
    r->type = "application/json";
    buf_fmt(&r->body, "{\"changed\":%u}\n", changed);
}

/* ---- POST /lab/set ---- */

static int index_in(const char *const *names, int n, const cJSON *v)
{
    for (int i = 0; cJSON_IsString(v) && i < n; i++)
        if (lab_same(names[i], v->valuestring))
            return i;
    return -1;
}

static const char *set_managed(const cJSON *j, uint32_t i)
{
    struct managed *g;
    const cJSON *v;
    int k;

    if (i >= lab.m.n_managed)
        return "no such managed device";
    g = &lab.m.managed[i];
    if ((v = cJSON_GetObjectItem(j, "compliance")) != NULL) {
        k = index_in(compliance_names, 7, v);
        if (k < 0)
            return "no such compliance state";
        g->compliance = (uint8_t)k;
        g->grace = k == COMP_GRACE ? model_now(&lab.m) + 3 * 86400 : 0;
    }
    if ((v = cJSON_GetObjectItem(j, "management")) != NULL) {
        k = index_in(state_names, 12, v);
        if (k < 0)
            return "no such management state";
        g->state = (uint8_t)k;
    }
    if ((v = cJSON_GetObjectItem(j, "agent")) != NULL) {
        k = index_in(agent_names, 5, v);
        if (k < 0)
            return "no such management agent";
        g->agent = (uint8_t)k;
    }
    if ((v = cJSON_GetObjectItem(j, "activated")) != NULL)
        g->flags = (uint8_t)(cJSON_IsTrue(v) ? g->flags | MAN_ACTIVATED | MAN_REGISTERED
                                             : g->flags & ~(MAN_ACTIVATED | MAN_REGISTERED));
    if (cJSON_IsTrue(cJSON_GetObjectItem(j, "remove")))
        g->flags |= MAN_REMOVED;
    g->last_sync = model_now(&lab.m);
    return NULL;
}

static const char *set_device(const cJSON *j, uint32_t i)
{
    struct device *d;

    if (i >= lab.m.n_devices)
        return "no such device";
    d = &lab.m.devices[i];
    if (cJSON_IsTrue(cJSON_GetObjectItem(j, "remove")))
        d->flags |= DEV_REMOVED;
    if (cJSON_IsTrue(cJSON_GetObjectItem(j, "speak")))
        abq_speak(&lab.m, i, model_now(&lab.m));
    if (cJSON_IsTrue(cJSON_GetObjectItem(j, "touch"))) {
        d->rev++;
        d->changed = model_now(&lab.m);
    }
    /* The user enrols: a record with the device's own id, compliant. */
    if (cJSON_IsTrue(cJSON_GetObjectItem(j, "enrol")) && lab.m.mailboxes[d->mailbox].person != NONE)
        d->managed =
            model_add_managed(&lab.m, lab.m.mailboxes[d->mailbox].person, d->make, d->ident);
    return NULL;
}

static void set_list(const cJSON *j, const char *name, struct idlist *l)
{
    const cJSON *v = cJSON_GetObjectItem(j, name);
    const cJSON *k;

    if (!cJSON_IsArray(v))
        return;
    idlist_clear(l);
    cJSON_ArrayForEach(k, v) if (cJSON_IsString(k)) idlist_add(l, k->valuestring);
}

static void set_bit(const cJSON *j, const char *name, uint8_t *flags, unsigned bit)
{
    const cJSON *v = cJSON_GetObjectItem(j, name);

    if (v)
        *flags = (uint8_t)(cJSON_IsTrue(v) ? *flags | bit : *flags & ~bit);
}

/* Names a person by the mailbox, as everything else here. */
static const char *set_mailbox(const cJSON *j, uint32_t i)
{
    struct mailbox *b;

    if (i >= lab.m.n_mailboxes)
        return "no such mailbox";
    b = &lab.m.mailboxes[i];
    set_list(j, "allowed", &b->allowed);
    set_list(j, "blocked", &b->blocked);
    set_bit(j, "eas_disabled", &b->flags, MBX_EAS_DISABLED);
    if (b->person != NONE) {
        struct person *p = &lab.m.persons[b->person];
        const cJSON *v = cJSON_GetObjectItem(j, "licensed");

        if (v)
            p->plan = cJSON_IsTrue(v) ? PLAN_ENABLED : PLAN_NONE;
        set_bit(j, "targeted", &p->flags, PER_TARGETED);
        set_bit(j, "exempt", &p->flags, PER_EXEMPT);
        set_bit(j, "leaves", &p->flags, PER_REMOVED);
        p->rev = ++lab.m.rev;
    }
    return NULL;
}

static uint32_t named(const cJSON *v, enum guid_kind kind)
{
    return cJSON_IsString(v) ? model_find_guid(&lab.m, kind, v->valuestring) : NONE;
}

static const char *set(const cJSON *j)
{
    const cJSON *v;
    int k;

    if ((v = cJSON_GetObjectItem(j, "managed")) != NULL)
        return set_managed(j, named(v, GUID_MANAGED));
    if ((v = cJSON_GetObjectItem(j, "device")) != NULL)
        return set_device(j, named(v, GUID_DEVICE));
    if ((v = cJSON_GetObjectItem(j, "mailbox")) != NULL)
        return set_mailbox(j, named(v, GUID_MAILBOX));
    if ((v = cJSON_GetObjectItem(j, "default_access")) != NULL) {
        k = index_in(level_names, 3, v);
        if (k < 0)
            return "default_access is allow, block or quarantine";
        lab.m.org.level = (enum level)k;
        return NULL;
    }
    if ((v = cJSON_GetObjectItem(j, "add_devices")) != NULL && cJSON_IsNumber(v) &&
        v->valueint > 0 && v->valueint <= 2000000) {
        lab.m.rev++;
        generate_more(&lab.m, (uint32_t)v->valueint);
        return NULL;
    }
    if ((v = cJSON_GetObjectItem(j, "touch_devices")) != NULL && cJSON_IsNumber(v) &&
        v->valueint >= 0) {
        generate_touch(&lab.m, (uint32_t)v->valueint);
        return NULL;
    }
    if ((v = cJSON_GetObjectItem(j, "cas")) != NULL && cJSON_IsNumber(v) && v->valueint >= 1 &&
        v->valueint <= (int)lab.opt.cas) {
        lab.cas_down[v->valueint - 1] = cJSON_IsTrue(cJSON_GetObjectItem(j, "down"));
        return NULL;
    }
    return "nothing in the body that can be set; easgate-lab(1) lists what can";
}

static void change(const struct call *c, struct reply *r)
{
    cJSON *j = cJSON_ParseWithLength(c->body, c->body_n);
    const char *why;

    if (!cJSON_IsObject(j)) {
        cJSON_Delete(j);
        fail(r, 400, "the body is no JSON object");
        return;
    }
    pthread_rwlock_wrlock(&lab.m.lock);
    why = set(j);
    pthread_rwlock_unlock(&lab.m.lock);
    cJSON_Delete(j);
    if (why) {
        fail(r, 400, why);
        return;
    }
    r->type = "application/json";
    buf_fmt(&r->body, "{\"devices\":%u,\"managed\":%u,\"mailboxes\":%u}\n", lab.m.n_devices,
            lab.m.n_managed, lab.m.n_mailboxes);
}

static void faults(const struct call *c, struct reply *r)
{
    cJSON *j = cJSON_ParseWithLength(c->body, c->body_n);
    const cJSON *v = cJSON_GetObjectItem(j, "spec");
    char why[160] =
        "the body is {\\\"spec\\\":\\\"NAME[:ARGUMENT][@N]\\\"} or {\\\"clear\\\":true}";

    if (cJSON_IsTrue(cJSON_GetObjectItem(j, "clear")))
        fault_clear();
    if (cJSON_IsString(v) ? !fault_add(v->valuestring, why)
                          : !cJSON_IsTrue(cJSON_GetObjectItem(j, "clear")))
        fail(r, 400, why);
    else {
        r->type = "application/json";
        fault_list(&r->body);
        BUF_LIT(&r->body, "\n");
    }
    cJSON_Delete(j);
}

void control_handle(const struct call *c, struct reply *r)
{
    const char *what = c->path + 5;
    int post = strcmp(c->method, "POST") == 0;

    if (!post && strcmp(what, "devices") == 0)
        devices(r);
    else if (!post && strcmp(what, "mailboxes") == 0)
        mailboxes(r);
    else if (!post && strcmp(what, "stats") == 0)
        stats(r);
    else if (strcmp(what, "org") == 0)
        control_org(c, r);
    else if (!post && strcmp(what, "mail") == 0) {
        r->type = "application/x-ndjson";
        ews_mail_list(&r->body);
    } else if (post && strcmp(what, "mail/clear") == 0) {
        ews_mail_clear();
        r->type = "application/json";
        BUF_LIT(&r->body, "{}\n");
    } else if (post && strcmp(what, "speak") == 0)
        speak(r);
    else if (post && strcmp(what, "set") == 0)
        change(c, r);
    else if (post && strcmp(what, "fault") == 0)
        faults(c, r);
    else
        fail(r, 404, "no such control, or another method");
}
