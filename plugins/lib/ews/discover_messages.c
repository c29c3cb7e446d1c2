/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of Autodiscover and what it says: SOAP (2010), POX (2006), V2 JSON. Answers are
 * matched by local names, because their error forms stand in other namespaces than the rest.
 */
#include <stdio.h>
#include <string.h>

#include "discover_private.h"

#include "err.h"
#include "json.h"
#include "text.h"
#include "xml.h"

#define NS_2010 "http://schemas.microsoft.com/exchange/2010/Autodiscover"

easg_status discover_write_soap(struct strbuf *b, const char *address, const char *url)
{
    strbuf_adds(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                   "<soap:Envelope xmlns:a=\"" NS_2010
                   "\" xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" "
                   "xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>"
                   "<a:RequestedServerVersion>Exchange2010</a:RequestedServerVersion><wsa:Action>"
                   "http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/"
                   "GetUserSettings</wsa:Action><wsa:To>");
    strbuf_add_xml(b, url, strlen(url));
    strbuf_adds(b, "</wsa:To></soap:Header><soap:Body><a:GetUserSettingsRequestMessage><a:Request>"
                   "<a:Users><a:User><a:Mailbox>");
    strbuf_add_xml(b, address, strlen(address));
    strbuf_adds(b, "</a:Mailbox></a:User></a:Users><a:RequestedSettings>"
                   "<a:Setting>InternalEwsUrl</a:Setting><a:Setting>ExternalEwsUrl</a:Setting>"
                   "</a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage>"
                   "</soap:Body></soap:Envelope>");
    return strbuf_status(b);
}

easg_status discover_write_pox(struct strbuf *b, const char *address)
{
    strbuf_adds(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                   "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/"
                   "outlook/requestschema/2006\"><Request><EMailAddress>");
    strbuf_add_xml(b, address, strlen(address));
    strbuf_adds(b, "</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/"
                   "autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request>"
                   "</Autodiscover>");
    return strbuf_status(b);
}

/* ---- one walk for both XML forms ---- */

#define MAX_DEPTH 24

struct walk {
    struct discover_answer *a;
    int pox;
    unsigned depth;
    char path[MAX_DEPTH][24]; /* local names, cut */
    struct strbuf text;
    char name[32], value[512]; /* UserSetting; Protocol: its Type, and the URL it gives */
    char as_url[512];
    char action[32];
    char code[64];
    int protocol; /* depth of the Protocol that is read; 0: none */
};

static const char *up(const struct walk *w, unsigned n)
{
    return w->depth > n && w->depth - n <= MAX_DEPTH ? w->path[w->depth - n - 1] : "";
}

static easg_status on_start(void *user, const char *uri, const char *local,
                            const struct xml_attrs *attrs, easg_error *err)
{
    struct walk *w = user;

    (void)uri;
    (void)err;
    w->depth++;
    if (w->depth <= MAX_DEPTH)
        (void)snprintf(w->path[w->depth - 1], sizeof w->path[0], "%.23s", local);
    strbuf_reset(&w->text);
    if (strcmp(local, "UserSetting") == 0)
        w->name[0] = w->value[0] = '\0';
    /* Those of the account only: WEB nests others, which are not for us. */
    if (w->pox && strcmp(local, "Protocol") == 0 && strcmp(up(w, 1), "Account") == 0) {
        struct xml_text type = xml_attr(attrs, "Type");

        w->protocol = (int)w->depth;
        w->name[0] = w->value[0] = w->as_url[0] = '\0';
        if (type.ptr)
            (void)snprintf(w->name, sizeof w->name, "%.*s", (int)(type.len < 31 ? type.len : 31),
                           type.ptr);
    }
    return EASG_OK;
}

static easg_status on_text(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct walk *w = user;
    size_t room = w->text.max - w->text.len;

    (void)err;
    strbuf_add(&w->text, ptr, len < room ? len : room);
    return EASG_OK;
}

/* The element's text without the space around it; what does not fit is no value. */
static void keep(const struct walk *w, char *out, size_t size)
{
    const char *p = strbuf_str(&w->text);
    size_t len;

    p += strspn(p, " \t\r\n");
    len = strlen(p);
    while (len && strchr(" \t\r\n", p[len - 1]))
        len--;
    if (len >= size)
        len = 0;
    memcpy(out, p, len);
    out[len] = '\0';
}

static void set(char *to, size_t size, const char *from)
{
    if (!to[0])
        (void)snprintf(to, size, "%s", from);
}

static void end_pox(struct walk *w, const char *local)
{
    struct discover_answer *a = w->a;

    if (w->protocol && (int)w->depth == w->protocol + 1) {
        if (strcmp(local, "Type") == 0)
            keep(w, w->name, sizeof w->name);
        else if (strcmp(local, "EwsUrl") == 0)
            keep(w, w->value, sizeof w->value);
        else if (strcmp(local, "ASUrl") == 0)
            keep(w, w->as_url, sizeof w->as_url);
    } else if (w->protocol && (int)w->depth == w->protocol) {
        const char *url = w->value[0] ? w->value : w->as_url;

        if (strcmp(w->name, "EXCH") == 0)
            set(a->internal, sizeof a->internal, url);
        else if (strcmp(w->name, "EXPR") == 0 || strcmp(w->name, "EXHTTP") == 0)
            set(a->external, sizeof a->external, url);
        w->protocol = 0;
    } else if (strcmp(local, "Action") == 0) {
        keep(w, w->action, sizeof w->action);
    } else if (strcmp(local, "RedirectAddr") == 0 || strcmp(local, "RedirectUrl") == 0) {
        keep(w, a->target, sizeof a->target);
    } else if (strcmp(local, "ErrorCode") == 0) {
        keep(w, w->code, sizeof w->code);
    }
}

static void end_soap(struct walk *w, const char *local)
{
    struct discover_answer *a = w->a;

    if (strcmp(local, "Name") == 0 && strcmp(up(w, 1), "UserSetting") == 0)
        keep(w, w->name, sizeof w->name);
    else if (strcmp(local, "Value") == 0 && strcmp(up(w, 1), "UserSetting") == 0)
        keep(w, w->value, sizeof w->value);
    else if (strcmp(local, "UserSetting") == 0 && strcmp(w->name, "InternalEwsUrl") == 0)
        set(a->internal, sizeof a->internal, w->value);
    else if (strcmp(local, "UserSetting") == 0 && strcmp(w->name, "ExternalEwsUrl") == 0)
        set(a->external, sizeof a->external, w->value);
    else if (strcmp(local, "RedirectTarget") == 0)
        keep(w, a->target, sizeof a->target);
    else if (strcmp(local, "ErrorCode") == 0) {
        char code[64];

        /* Of the answer, the user, a setting: the user's redirect counts, else the first error. */
        keep(w, code, sizeof code);
        if (strncmp(code, "Redirect", 8) == 0)
            keep(w, w->action, sizeof w->action);
        else if (strcmp(code, "NoError") != 0)
            set(w->code, sizeof w->code, code);
    } else if (strcmp(local, "faultcode") == 0) {
        set(w->code, sizeof w->code, "a SOAP fault");
    }
}

static easg_status on_end(void *user, const char *uri, const char *local, easg_error *err)
{
    struct walk *w = user;

    (void)uri;
    (void)err;
    if (w->pox)
        end_pox(w, local);
    else
        end_soap(w, local);
    strbuf_reset(&w->text);
    w->depth--;
    return EASG_OK;
}

static void conclude(struct walk *w)
{
    struct discover_answer *a = w->a;
    char safe[96];

    if (a->target[0] &&
        (strcmp(w->action, "redirectAddr") == 0 || strcmp(w->action, "RedirectAddress") == 0))
        a->kind = DISCOVER_ADDRESS;
    else if (a->target[0] &&
             (strcmp(w->action, "redirectUrl") == 0 || strcmp(w->action, "RedirectUrl") == 0))
        a->kind = DISCOVER_URL;
    else if (a->internal[0] || a->external[0])
        a->kind = DISCOVER_SETTINGS;
    else
        (void)snprintf(a->why, sizeof a->why, "%s%s",
                       w->code[0] ? "it answers with error " : "it names no EWS",
                       text_safe(w->code, strlen(w->code), safe, sizeof safe));
}

static easg_status read_xml(const char *ptr, size_t len, int pox, struct discover_answer *out,
                            easg_error *err)
{
    static const struct xml_handler handler = { on_start, on_end, on_text };
    static const struct xml_limits limits = { DISCOVER_MAX_ANSWER, MAX_DEPTH };
    struct walk *w = mem_alloc(sizeof *w);
    struct xml_reader *xml = NULL;
    easg_status st;

    if (!w)
        return err_nomem(err);
    memset(out, 0, sizeof *out);
    w->a = out;
    w->pox = pox;
    strbuf_init(&w->text, 4096);
    st = xml_reader_create(&handler, w, "Autodiscover answer", &limits, &xml, err);
    if (st == EASG_OK) {
        st = xml_parse(xml, ptr, len, err);
        if (st == EASG_OK) {
            conclude(w);
        } else if (st != EASG_E_NOMEM) {
            (void)snprintf(out->why, sizeof out->why, "%.150s", err->message);
            err_clear(err);
            st = EASG_OK;
        }
    }
    xml_reader_destroy(xml);
    strbuf_clear(&w->text);
    mem_free(w);
    return st;
}

easg_status discover_read_soap(const char *ptr, size_t len, struct discover_answer *out,
                               easg_error *err)
{
    return read_xml(ptr, len, 0, out, err);
}

easg_status discover_read_pox(const char *ptr, size_t len, struct discover_answer *out,
                              easg_error *err)
{
    return read_xml(ptr, len, 1, out, err);
}

easg_status discover_read_json(const char *ptr, size_t len, struct discover_answer *out,
                               easg_error *err)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    struct json *doc = NULL;
    easg_str url = { NULL, 0 }, code = { NULL, 0 };
    char safe[96];
    easg_status st = json_parse(ptr, len, &limits, &doc, err);

    memset(out, 0, sizeof *out);
    if (st == EASG_OK)
        st = json_get_str(doc, "ErrorCode", 0, &code, err);
    if (st == EASG_OK)
        st = json_get_str(doc, "Url", 0, &url, err);
    if (st == EASG_E_NOMEM) {
        json_destroy(doc);
        return st;
    }
    if (st == EASG_OK && url.len && url.len < sizeof out->external) {
        out->kind = DISCOVER_SETTINGS;
        memcpy(out->external, url.ptr, url.len + 1);
    } else {
        (void)snprintf(out->why, sizeof out->why, "%.150s",
                       st != EASG_OK ? err->message
                       : code.len    ? text_safe(code.ptr, code.len, safe, sizeof safe)
                                     : "it names no EWS");
        err_clear(err);
    }
    json_destroy(doc);
    return EASG_OK;
}
