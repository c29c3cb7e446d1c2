/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told about a run: lines in a file, and a heartbeat in Intune. No decision depends on any
 * of it; a tenant that wants none is told of once and left alone.
 */
#include "intune.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"
#include "timestamp.h"

#define CONNECTORS "/v1.0/deviceManagement/exchangeConnectors"
#define TYPE       "#microsoft.graph.deviceManagementExchangeConnector"
#define RIGHT      "DeviceManagementServiceConfig.ReadWrite.All"
#define LEAVE_MS   (30LL * 24 * 3600 * 1000)

/* ---- small durable values ---- */

struct value {
    char text[128];
};

static easg_status EASG_CALL take_value(void *user, const uint8_t *ptr, size_t len)
{
    struct value *v = user;

    if (len < sizeof v->text) {
        memcpy(v->text, ptr, len);
        v->text[len] = '\0';
    }
    return EASG_OK;
}

static void remember(const struct easg_session *s, const char *key, const char *text)
{
    const easg_host *h = s->in->host;
    easg_error ignored = EASG_ERROR_INIT;

    if (h->state_put(h, s->run, key, (const uint8_t *)text, strlen(text), &ignored) != EASG_OK)
        intune_log(s, EASG_LOG_WARNING, "a value of the reports could not be kept", NULL, 0, NULL,
                   0);
}

/* "" when there is none. "-" was put in the place of one that is no more. */
static struct value recall(const struct easg_session *s, const char *key)
{
    const easg_host *h = s->in->host;
    easg_error ignored = EASG_ERROR_INIT;
    struct value v = { "" };

    if (h->state_get(h, s->run, key, take_value, &v, &ignored) != EASG_OK ||
        strcmp(v.text, "-") == 0)
        v.text[0] = '\0';
    return v;
}

static void forget(const struct easg_session *s, const char *key)
{
    if (recall(s, key).text[0])
        remember(s, key, "-");
}

int intune_left_alone(const struct easg_session *s, const char *key)
{
    struct value v = recall(s, key);
    easg_time until;

    return v.text[0] && timestamp_parse(v.text, strlen(v.text), &until) &&
           s->in->host->now(s->in->host) < until;
}

/* Answers that say "not in this tenant", as opposed to "not now". */
static int is_no(const easg_error *err)
{
    int64_t n = err->domain == EASG_DOMAIN_HTTP ? err->native_code : 0;

    return n == 400 || n == 403 || n == 404 || n == 405 || n == 501;
}

easg_status intune_take_no(const struct easg_session *s, const char *key, const char *what,
                           easg_status st, easg_error *err)
{
    char text[sizeof err->message + 100], until[TIMESTAMP_SIZE];

    if (st == EASG_OK || !is_no(err))
        return st;
    (void)snprintf(text, sizeof text, "%s are not wanted here; not tried again for 30 days: %s",
                   what, err->message);
    intune_log(s, EASG_LOG_WARNING, text, NULL, 0, NULL, 0);
    remember(s, key, timestamp_format(s->in->host->now(s->in->host) + LEAVE_MS, until));
    err_clear(err);
    return EASG_OK;
}

/* ---- the file ---- */

static void add_member(struct strbuf *line, const char *name, const char *ptr, size_t len)
{
    strbuf_addf(line, "%s\"", line->len > 1 ? "," : "");
    strbuf_add_json(line, name, strlen(name));
    strbuf_adds(line, "\":");
    if (!ptr) {
        strbuf_adds(line, "null");
        return;
    }
    strbuf_addc(line, '"');
    strbuf_add_json(line, ptr, len);
    strbuf_addc(line, '"');
}

static void add_str(struct strbuf *line, const char *name, const easg_str *s)
{
    add_member(line, name, s->ptr, s->len);
}

static void add_time(struct strbuf *line, const char *name, easg_time t)
{
    char text[TIMESTAMP_SIZE];

    if (t != EASG_TIME_NONE)
        add_member(line, name, timestamp_format(t, text), strlen(timestamp_format(t, text)));
}

/* How each line begins. */
static void begin_line(const struct easg_session *s, struct strbuf *line, const char *type)
{
    const easg_host *h = s->in->host;
    easg_run_info info = { .struct_size = (uint32_t)sizeof info };

    strbuf_reset(line);
    strbuf_addc(line, '{');
    add_member(line, "type", type, strlen(type));
    add_time(line, "at", h->now(h));
    if (h->run_info(h, s->run, &info) == EASG_OK) {
        add_str(line, "organization", &info.org);
        add_str(line, "run", &info.run_id);
    }
}

/* Opened for each batch, so that whoever rotates the file needs to tell nobody. */
static easg_status append(const struct easg_session *s, const struct strbuf *text, easg_error *err)
{
    FILE *f;
    int failed;

    if (strbuf_status(text) != EASG_OK)
        return err_nomem(err);
    f = fopen(s->in->report.file, "ab");
    if (!f)
        return err_set(err, EASG_E_FAIL, "report.file %s cannot be opened: %s", s->in->report.file,
                       strerror(errno));
    failed = fwrite(text->ptr, 1, text->len, f) != text->len;
    failed |= fclose(f) != 0;
    return failed ? err_set(err, EASG_E_FAIL, "report.file %s cannot be written: %s",
                            s->in->report.file, strerror(errno))
                  : EASG_OK;
}

static easg_status file_run(const struct easg_session *s, const easg_run_report *r, easg_error *err)
{
    static const char *const scopes[] = { "full", "quick", "mailbox" };
    struct strbuf line = STRBUF_INIT(16384);
    const char *status = err_status_name(r->status);
    const char *scope = r->scope < 3 ? scopes[r->scope] : "other";
    easg_status st;

    begin_line(s, &line, "run");
    add_member(&line, "scope", scope, strlen(scope));
    add_member(&line, "status", status, strlen(status));
    strbuf_addf(&line,
                ",\"devices\":%" PRIu32 ",\"changed\":%" PRIu32 ",\"applied\":%" PRIu32
                ",\"held\":%" PRIu32 ",\"released\":%s",
                r->devices, r->changed, r->applied, r->held,
                r->flags & EASG_REPORT_LAST ? "true" : "false");
    add_time(&line, "started", r->started);
    add_time(&line, "finished", r->finished);
    if (r->endpoint.ptr)
        add_str(&line, "endpoint", &r->endpoint);
    strbuf_adds(&line, "}\n");
    st = append(s, &line, err);
    strbuf_clear(&line);
    return st;
}

static void device_line(const struct easg_session *s, const easg_device_delta *d,
                        struct strbuf *line)
{
    static const char *const changes[] = { "unknown", "added", "updated", "removed" };
    static const char *const access[] = { "unknown", "allowed", "blocked", "quarantined",
                                          "discovery" };
    const easg_device *v = d->device;
    const char *change = changes[d->delta < 4 ? d->delta : 0];
    const char *word = access[v->access < 5 ? v->access : 0];

    begin_line(s, line, "device");
    add_member(line, "change", change, strlen(change));
    add_str(line, "device", &v->key);
    add_str(line, "device_id", &v->device_id);
    add_str(line, "mailbox", &v->mailbox_id);
    add_member(line, "access", word, strlen(word));
    for (size_t i = 0; i < v->n_extra; i++) {
        char name[64];

        (void)snprintf(name, sizeof name, "%.*s", (int)(v->extra[i]->key.len & 63),
                       v->extra[i]->key.ptr ? v->extra[i]->key.ptr : "");
        add_str(line, name, &v->extra[i]->value);
    }
    strbuf_adds(line, "}\n");
}

easg_status intune_file_devices(const struct easg_session *s, const easg_device_delta *const *items,
                                size_t n, easg_error *err)
{
    struct strbuf all = STRBUF_INIT(64u * 1024u * 1024u);
    struct strbuf line = STRBUF_INIT(65536);
    easg_status st;

    for (size_t i = 0; i < n; i++) {
        device_line(s, items[i], &line);
        strbuf_add(&all, strbuf_str(&line), line.len);
    }
    st = append(s, &all, err);
    strbuf_clear(&line);
    strbuf_clear(&all);
    return st;
}

/* ---- the connector object ---- */

struct found {
    const struct easg_session *s;
    easg_str org;
    char host[256];  /* the Exchange server of this run, without port */
    char known[128]; /* the id that we remember */
    char ours[64];
    char other[64];
    char other_is[160];
};

static void host_of(const easg_str *endpoint, char *out, size_t size)
{
    size_t n = endpoint->ptr ? strcspn(endpoint->ptr, ":/") : 0;

    (void)snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1),
                   endpoint->ptr ? endpoint->ptr : "");
}

static int same(const easg_str *a, const char *b)
{
    return a->ptr && *b && text_ieq(a->ptr, a->len, b, strlen(b));
}

/* Ours is the one we made, or one that says so; another's is one for the same organisation. */
static easg_status on_connector(void *user, const struct json *item, easg_error *err)
{
    struct found *f = user;
    easg_str id, version, server, org, type;
    easg_status st = json_get_str(item, "id", 1, &id, err);
    int mine, for_us;

    if (st == EASG_OK)
        st = json_get_str(item, "version", 0, &version, err);
    if (st == EASG_OK)
        st = json_get_str(item, "serverName", 0, &server, err);
    if (st == EASG_OK)
        st = json_get_str(item, "exchangeOrganization", 0, &org, err);
    if (st == EASG_OK)
        st = json_get_str(item, "exchangeConnectorType", 0, &type, err);
    if (st != EASG_OK || id.len >= sizeof f->ours || text_blank(&id))
        return st;
    for_us = same(&server, f->host) || (f->org.ptr && same(&org, f->org.ptr));
    mine = same(&id, f->known) || (!f->known[0] && f->org.ptr && same(&org, f->org.ptr) &&
                                   version.len >= 8 && memcmp(version.ptr, "easgate ", 8) == 0);
    if (mine) {
        (void)snprintf(f->ours, sizeof f->ours, "%s", id.ptr);
    } else if (for_us && text_eq(&type, "onPremises") && !f->other[0]) {
        (void)snprintf(f->other, sizeof f->other, "%s", id.ptr);
        (void)text_safe(version.ptr ? version.ptr : "", version.len, f->other_is,
                        sizeof f->other_is);
    }
    return EASG_OK;
}

static void connector_body(const struct found *f, const easg_run_report *r, struct strbuf *out)
{
    char text[TIMESTAMP_SIZE];

    strbuf_adds(out, "{\"@odata.type\":\"" TYPE "\",\"exchangeConnectorType\":\"onPremises\","
                     "\"status\":\"");
    strbuf_adds(out, r->status == EASG_OK ? "connected" : "disconnected");
    strbuf_addf(out, "\",\"lastSyncDateTime\":\"%s\",\"version\":\"easgate " EASGATE_VERSION "\"",
                timestamp_format(r->finished, text));
    add_member(out, "serverName", f->host, strlen(f->host));
    add_member(out, "connectorServerName", "easgate", 7);
    if (f->org.ptr)
        add_str(out, "exchangeOrganization", &f->org);
    strbuf_addc(out, '}');
}

static easg_status send(struct easg_session *s, const char *method, const char *id,
                        const char *body, struct json **answer, easg_error *err)
{
    char path[160];
    const struct graph_call call = { .method = method,
                                     .path = path,
                                     .what = "exchange connector",
                                     .permission = RIGHT,
                                     .body = body };

    (void)snprintf(path, sizeof path, "%s%s%s", CONNECTORS, *id ? "/" : "", id);
    return graph_call(s->graph, &call, answer, err);
}

static easg_status create_connector(struct easg_session *s, const char *body, easg_error *err)
{
    struct json *answer = NULL;
    easg_str id = { NULL, 0 };
    easg_status st = send(s, "POST", "", body, &answer, err);

    if (st == EASG_OK)
        st = json_get_str(answer, "id", 1, &id, err);
    if (st == EASG_OK && id.len < sizeof(struct value)) {
        remember(s, "connector", id.ptr);
        intune_log(s, EASG_LOG_INFO, "an exchange connector object was made in Intune", NULL, 0,
                   NULL, 0);
    }
    json_destroy(answer);
    return st;
}

/* Another agent's object stays what it is unless the administrator says otherwise. */
static easg_status leave_other(struct easg_session *s, const struct found *f)
{
    char text[400];

    if (strcmp(recall(s, "connector-other").text, f->other) == 0)
        return EASG_OK;
    (void)snprintf(text, sizeof text,
                   "Intune has an exchange connector of another agent for this organisation "
                   "(version %s): it is left alone; report.replace: true takes it over",
                   f->other_is);
    intune_log(s, EASG_LOG_WARNING, text, NULL, 0, NULL, 0);
    remember(s, "connector-other", f->other);
    return EASG_OK;
}

static easg_status heartbeat(struct easg_session *s, const easg_run_report *r, easg_error *err)
{
    easg_run_info info = { .struct_size = (uint32_t)sizeof info };
    struct found f = { .s = s };
    struct graph_list list = { .path = CONNECTORS,
                               .what = "exchange connectors",
                               .permission = RIGHT,
                               .item = on_connector,
                               .user = &f };
    struct strbuf body = STRBUF_INIT(8192);
    easg_status st;

    if (s->in->host->run_info(s->in->host, s->run, &info) == EASG_OK)
        f.org = info.org;
    host_of(&r->endpoint, f.host, sizeof f.host);
    (void)snprintf(f.known, sizeof f.known, "%s", recall(s, "connector").text);
    st = graph_list(s->graph, &list, err);
    if (st != EASG_OK)
        return st;
    connector_body(&f, r, &body);
    if (strbuf_status(&body) != EASG_OK) {
        st = err_nomem(err);
    } else if (f.ours[0]) {
        st = send(s, "PATCH", f.ours, strbuf_str(&body), NULL, err);
        if (st == EASG_OK && strcmp(f.ours, f.known) != 0)
            remember(s, "connector", f.ours);
    } else if (f.other[0] && !s->in->report.replace) {
        st = leave_other(s, &f);
    } else if (f.other[0]) {
        st = send(s, "PATCH", f.other, strbuf_str(&body), NULL, err);
        if (st == EASG_OK) {
            remember(s, "connector", f.other);
            intune_log(s, EASG_LOG_WARNING,
                       "the exchange connector of another agent was taken over", NULL, 0, NULL, 0);
        }
    } else {
        st = create_connector(s, strbuf_str(&body), err);
    }
    strbuf_clear(&body);
    return st;
}

/* The one that we made or took over, when it is switched off or everything is given back. */
static easg_status remove_connector(struct easg_session *s, easg_error *err)
{
    struct value id = recall(s, "connector");
    easg_status st;

    forget(s, "connector-off");
    forget(s, "connector-other");
    if (!id.text[0] || strspn(id.text, "0123456789abcdefABCDEF-") != strlen(id.text))
        return EASG_OK;
    st = send(s, "DELETE", id.text, NULL, NULL, err);
    if (st == EASG_E_NOTFOUND) {
        err_clear(err);
        st = EASG_OK;
    }
    if (st == EASG_OK) {
        remember(s, "connector", "-");
        intune_log(s, EASG_LOG_INFO, "the exchange connector object was deleted from Intune", NULL,
                   0, NULL, 0);
    }
    return st;
}

easg_status EASG_CALL intune_report(easg_session *s, const easg_run *run, const easg_run_report *r,
                                    easg_error *err)
{
    easg_error second = EASG_ERROR_INIT;
    easg_status st = EASG_OK, other = EASG_OK;

    s->run = run;
    if (s->in->report.file)
        st = file_run(s, r, err);
    if (!s->in->report.connector || r->flags & EASG_REPORT_LAST)
        other = remove_connector(s, &second);
    else if (!intune_left_alone(s, "connector-off"))
        other = intune_take_no(s, "connector-off", "exchange connector objects",
                               heartbeat(s, r, &second), &second);
    if (!s->in->report.notes)
        forget(s, "notes-off");
    if (st == EASG_OK && other != EASG_OK) {
        err_copy(err, &second);
        st = other;
    }
    return st;
}
