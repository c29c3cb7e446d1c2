/* SPDX-License-Identifier: Apache-2.0
 *
 * autodiscover.c - Autodiscover of the lab: SOAP GetUserSettings, POX, V2 JSON.
 *
 * Faults ad-soap, ad-pox and ad-json take one word:
 *   http=STATUS error=CODE addr=ADDRESS url=URL 302=URL ews=URL
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

#define NS_2010 "http://schemas.microsoft.com/exchange/2010/Autodiscover"

struct wish {
    char arg[64];
    const char *key, *value;
};

static void wished(const char *name, struct wish *w)
{
    char *equal;

    w->key = w->value = "";
    w->arg[0] = 0;
    if (!fault_strikes(name, NULL, w->arg))
        return;
    w->key = w->arg;
    equal = strchr(w->arg, '=');
    if (equal) {
        *equal = 0;
        w->value = equal + 1;
    }
}

/* 1: the fault was an HTTP answer. */
static int by_http(const struct wish *w, struct reply *r)
{
    if (strcmp(w->key, "http") == 0)
        r->status = (unsigned)strtoul(w->value, NULL, 10);
    else if (strcmp(w->key, "302") == 0) {
        r->status = 302;
        reply_header(r, "Location", "%s", w->value);
    } else
        return 0;
    r->type = "text/html";
    buf_fmt(&r->body, "<html>%u</html>", r->status);
    return 1;
}

static void ews_url(const struct call *c, const struct wish *w, char out[512])
{
    if (strcmp(w->key, "ews") == 0)
        lab_print(out, 512, "%s", w->value);
    else
        lab_print(out, 512, "https://%s/EWS/Exchange.asmx", c->host);
}

/* The first element of that name, anywhere. */
static const xmlNode *anywhere(const xmlNode *n, const char *name)
{
    for (; n; n = n->next) {
        const xmlNode *below;

        if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
            return n;
        below = anywhere(n->children, name);
        if (below)
            return below;
    }
    return NULL;
}

static int asks_for(const struct call *c, const char *element)
{
    xmlDoc *doc = xmlReadMemory(c->body, (int)c->body_n, "request", NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *n = doc ? anywhere(xmlDocGetRootElement(doc), element) : NULL;
    xmlChar *t = n ? xmlNodeGetContent(n) : NULL;
    int ok = t && strchr((const char *)t, '@') != NULL;

    xmlFree(t);
    xmlFreeDoc(doc);
    return ok;
}

static void soap(const struct call *c, struct reply *r)
{
    struct wish w;
    char url[512];
    const char *code = "NoError", *target = "";

    wished("ad-soap", &w);
    if (by_http(&w, r))
        return;
    ews_url(c, &w, url);
    if (!asks_for(c, "Mailbox"))
        code = "InvalidRequest";
    else if (strcmp(w.key, "error") == 0)
        code = w.value;
    else if (strcmp(w.key, "addr") == 0 || strcmp(w.key, "url") == 0) {
        code = w.key[0] == 'a' ? "RedirectAddress" : "RedirectUrl";
        target = w.value;
    }
    r->type = "text/xml; charset=utf-8";
    buf_fmt(&r->body,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope "
            "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
            "<GetUserSettingsResponseMessage xmlns=\"" NS_2010 "\"><Response "
            "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><ErrorCode>NoError</ErrorCode>"
            "<ErrorMessage/><UserResponses><UserResponse><ErrorCode>%s</ErrorCode><ErrorMessage/>"
            "<RedirectTarget>%s</RedirectTarget><UserSettingErrors/><UserSettings>",
            code, target);
    if (strcmp(code, "NoError") == 0)
        buf_fmt(&r->body,
                "<UserSetting i:type=\"StringSetting\"><Name>InternalEwsUrl</Name><Value>%s</Value>"
                "</UserSetting><UserSetting i:type=\"StringSetting\"><Name>ExternalEwsUrl</Name>"
                "<Value>%s</Value></UserSetting>",
                url, url);
    BUF_LIT(&r->body, "</UserSettings></UserResponse></UserResponses></Response>"
                      "</GetUserSettingsResponseMessage></s:Body></s:Envelope>");
}

static void pox(const struct call *c, struct reply *r)
{
    struct wish w;
    char url[512];
    const char *error = "600";

    wished("ad-pox", &w);
    if (by_http(&w, r))
        return;
    ews_url(c, &w, url);
    r->type = "text/xml; charset=utf-8";
    BUF_LIT(&r->body, "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"http://"
                      "schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">");
    if (!asks_for(c, "EMailAddress") || strcmp(w.key, "error") == 0) {
        if (strcmp(w.key, "error") == 0)
            error = w.value;
        buf_fmt(&r->body,
                "<Response><Error Time=\"21:25:04\" Id=\"1\"><ErrorCode>%s</ErrorCode><Message>"
                "No</Message><DebugData/></Error></Response></Autodiscover>",
                error);
        return;
    }
    BUF_LIT(&r->body,
            "<Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"
            "responseschema/2006a\"><Account><AccountType>email</AccountType>");
    if (strcmp(w.key, "addr") == 0)
        buf_fmt(&r->body, "<Action>redirectAddr</Action><RedirectAddr>%s</RedirectAddr>", w.value);
    else if (strcmp(w.key, "url") == 0)
        buf_fmt(&r->body, "<Action>redirectUrl</Action><RedirectUrl>%s</RedirectUrl>", w.value);
    else
        buf_fmt(&r->body,
                "<Action>settings</Action><Protocol><Type>EXCH</Type><ASUrl>%s</ASUrl><EwsUrl>%s"
                "</EwsUrl></Protocol><Protocol><Type>WEB</Type><Internal><Protocol><Type>EXCH"
                "</Type><ASUrl>https://nested.example/EWS/Exchange.asmx</ASUrl></Protocol>"
                "</Internal></Protocol>",
                url, url);
    BUF_LIT(&r->body, "</Account></Response></Autodiscover>");
}

static void json(const struct call *c, struct reply *r)
{
    struct wish w;
    char url[512];

    wished("ad-json", &w);
    if (by_http(&w, r))
        return;
    ews_url(c, &w, url);
    r->type = "application/json";
    if (strcmp(w.key, "error") == 0) {
        r->status = 400;
        buf_fmt(&r->body, "{\"ErrorCode\":\"%s\",\"ErrorMessage\":\"No\"}", w.value);
    } else
        buf_fmt(&r->body, "{\"Protocol\":\"Ews\",\"Url\":\"%s\"}", url);
}

void autodiscover_handle(const struct call *c, struct reply *r)
{
    const char *what = c->path + sizeof "/autodiscover/" - 1;
    int post = strcmp(c->method, "POST") == 0;

    lab.stats.discovers++;
    if (!post && lab_same(what, "autodiscover.json")) {
        json(c, r); /* before any log-on */
        return;
    }
    if (!lab_basic(c, r))
        return;
    if (post && lab_same(what, "autodiscover.svc"))
        soap(c, r);
    else if (post && lab_same(what, "autodiscover.xml"))
        pox(c, r);
    else
        r->status = 404;
}
