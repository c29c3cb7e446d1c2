/* SPDX-License-Identifier: Apache-2.0
 *
 * wsman.c - envelopes in and out. Elements are found by namespace and name, never by prefix.
 */
#include "lab_wsman.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

const char *const ws_action_names[] = { "Create", "Command", "Send", "Receive",
                                        "Signal", "Delete",  "Get",  "?" };
static const char *const actions[] = { NS_TRANSFER "/Create", NS_SHELL "/Command",
                                       NS_SHELL "/Send",      NS_SHELL "/Receive",
                                       NS_SHELL "/Signal",    NS_TRANSFER "/Delete",
                                       NS_TRANSFER "/Get" };

static int is(const xmlNode *n, const char *ns, const char *name)
{
    return n->type == XML_ELEMENT_NODE && n->ns && strcmp((const char *)n->ns->href, ns) == 0 &&
           strcmp((const char *)n->name, name) == 0;
}

static const xmlNode *child(const xmlNode *n, const char *ns, const char *name)
{
    for (const xmlNode *k = n ? n->children : NULL; k; k = k->next)
        if (is(k, ns, name))
            return k;
    return NULL;
}

static void text(const xmlNode *n, char *out, size_t size)
{
    xmlChar *c = n ? xmlNodeGetContent(n) : NULL;
    const char *s = c ? (const char *)c : "";
    size_t len;

    while (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t')
        s++;
    len = strlen(s);
    while (len && strchr(" \n\r\t", s[len - 1]))
        len--;
    lab_print(out, size, "%.*s", (int)len, s);
    xmlFree(c);
}

static int attribute(const xmlNode *n, const char *name, char *out, size_t size)
{
    xmlChar *c = n ? xmlGetNoNsProp(n, (const xmlChar *)name) : NULL;

    if (!c)
        return 0;
    lab_print(out, size, "%s", (const char *)c);
    xmlFree(c);
    return 1;
}

static int bytes(const xmlNode *n, struct buf *out)
{
    xmlChar *c = n ? xmlNodeGetContent(n) : NULL;
    int ok = 1;

    if (c)
        ok = buf_unbase64(out, (const char *)c, strlen((const char *)c));
    xmlFree(c);
    return ok;
}

/* PT20S, PT1M30.5S, P0DT1H: what WS-Management uses of xs:duration. -1: unreadable. */
static long duration(const char *s)
{
    double total = 0;
    int time = 0;
    int parts = 0;

    if (*s++ != 'P')
        return -1;
    while (*s) {
        char *end;
        double v;

        if (*s == 'T') {
            time = 1;
            s++;
            continue;
        }
        v = strtod(s, &end);
        if (end == s || v < 0)
            return -1;
        switch (*end) {
        case 'D': total += v * 86400; break;
        case 'H': total += v * 3600; break;
        case 'M': total += time ? v * 60 : v * 2592000; break;
        case 'S': total += v; break;
        default: return -1;
        }
        parts++;
        s = end + 1;
    }
    return parts ? (total > 2147483 ? 2147483647L : (long)(total * 1000)) : -1;
}

static void headers(const xmlNode *h, struct ws_request *q)
{
    char t[256];
    const xmlNode *set;

    text(child(h, NS_ADDRESS, "Action"), q->action_uri, sizeof q->action_uri);
    text(child(h, NS_ADDRESS, "MessageID"), q->message_id, sizeof q->message_id);
    text(child(h, NS_ADDRESS, "To"), q->to, sizeof q->to);
    text(child(h, NS_WSMAN, "ResourceURI"), q->resource, sizeof q->resource);
    text(child(h, NS_WSMAN, "MaxEnvelopeSize"), t, sizeof t);
    q->envelope = strtol(t, NULL, 10);
    q->timeout_ms = 60000;
    if (child(h, NS_WSMAN, "OperationTimeout")) {
        text(child(h, NS_WSMAN, "OperationTimeout"), t, sizeof t);
        q->timeout_ms = duration(t);
    }
    q->compression = child(h, NS_SHELL, "CompressionType") != NULL;
    set = child(h, NS_WSMAN, "OptionSet");
    for (const xmlNode *k = set ? set->children : NULL; k; k = k->next) {
        if (!is(k, NS_WSMAN, "Option") || !attribute(k, "Name", t, sizeof t))
            continue;
        if (lab_same(t, "protocolversion"))
            text(k, q->version, sizeof q->version);
        if (lab_same(t, "WSMAN_CMDSHELL_OPTION_KEEPALIVE"))
            q->keepalive = 1;
    }
    set = child(h, NS_WSMAN, "SelectorSet");
    for (const xmlNode *k = set ? set->children : NULL; k; k = k->next)
        if (is(k, NS_WSMAN, "Selector") && attribute(k, "Name", t, sizeof t) &&
            lab_same(t, "ShellId"))
            text(k, q->shell, sizeof q->shell);
}

static int body(const xmlNode *b, struct ws_request *q, const char **why)
{
    const xmlNode *n;
    char t[64];

    if ((n = child(b, NS_SHELL, "Shell")) != NULL) {
        attribute(n, "ShellId", q->shell, sizeof q->shell);
        if (child(n, NS_SHELL, "IdleTimeOut")) {
            text(child(n, NS_SHELL, "IdleTimeOut"), t, sizeof t);
            q->idle_ms = duration(t);
        }
        if (!bytes(child(n, NS_POWERSHELL, "creationXml"), &q->creation)) {
            *why = "creationXml is not base64";
            return 0;
        }
    }
    if ((n = child(b, NS_SHELL, "CommandLine")) != NULL) {
        attribute(n, "CommandId", q->command, sizeof q->command);
        if (!child(n, NS_SHELL, "Command") ||
            !bytes(child(n, NS_SHELL, "Arguments"), &q->arguments)) {
            *why = "CommandLine lacks Command or its Arguments are not base64";
            return 0;
        }
    }
    if ((n = child(b, NS_SHELL, "Send")) != NULL)
        for (const xmlNode *k = n->children; k; k = k->next) {
            struct ws_stream *s = &q->stream[q->n_streams];

            if (!is(k, NS_SHELL, "Stream"))
                continue;
            if (q->n_streams++ == WS_MAX_STREAMS) {
                *why = "more streams in a Send than the lab takes";
                return 0;
            }
            attribute(k, "Name", s->name, sizeof s->name);
            attribute(k, "CommandId", s->command, sizeof s->command);
            if (!bytes(k, &s->bytes)) {
                *why = "a Stream is not base64";
                return 0;
            }
        }
    if ((n = child(b, NS_SHELL, "Receive")) != NULL) {
        if (!child(n, NS_SHELL, "DesiredStream")) {
            *why = "Receive lacks DesiredStream";
            return 0;
        }
        attribute(child(n, NS_SHELL, "DesiredStream"), "CommandId", q->command, sizeof q->command);
    }
    if ((n = child(b, NS_SHELL, "Signal")) != NULL) {
        attribute(n, "CommandId", q->command, sizeof q->command);
        text(child(n, NS_SHELL, "Code"), q->signal, sizeof q->signal);
    }
    return 1;
}

int ws_parse(const char *p, size_t n, struct ws_request *q, const char **why)
{
    xmlDoc *d;
    const xmlNode *root;
    int ok = 0;

    *q = (struct ws_request){ .action = WS_UNKNOWN };
    d = n < (1u << 24) ? xmlReadMemory(p, (int)n, NULL, NULL,
                                       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                           XML_PARSE_HUGE)
                       : NULL;
    root = d ? xmlDocGetRootElement(d) : NULL;
    *why = "the body is no SOAP envelope";
    if (root && !d->intSubset && is(root, NS_SOAP, "Envelope") && child(root, NS_SOAP, "Header") &&
        child(root, NS_SOAP, "Body")) {
        headers(child(root, NS_SOAP, "Header"), q);
        ok = body(child(root, NS_SOAP, "Body"), q, why);
        for (int i = 0; i < WS_UNKNOWN; i++)
            if (strcmp(q->action_uri, actions[i]) == 0)
                q->action = (enum ws_action)i;
        if (ok && !*q->message_id) {
            *why = "the header MessageID is missing";
            ok = 0;
        }
    }
    xmlFreeDoc(d);
    if (!ok)
        ws_clear(q);
    return ok;
}

void ws_clear(struct ws_request *q)
{
    buf_clear(&q->creation);
    buf_clear(&q->arguments);
    for (unsigned i = 0; i < WS_MAX_STREAMS; i++)
        buf_clear(&q->stream[i].bytes);
}

void ws_begin(struct buf *b, const char *action, const char *relates)
{
    guid_text message;
    guid_text activity;

    random_guid(message, 1);
    random_guid(activity, 1);
    BUF_LIT(b, "<s:Envelope xml:lang=\"en-US\" xmlns:s=\"" NS_SOAP "\" xmlns:a=\"" NS_ADDRESS
               "\" xmlns:x=\"" NS_TRANSFER "\" xmlns:w=\"" NS_WSMAN "\" xmlns:rsp=\"" NS_SHELL
               "\" xmlns:p=\"" NS_MSWSMAN "\"><s:Header><a:Action>");
    buf_str(b, action);
    BUF_LIT(b, "</a:Action><a:MessageID>uuid:");
    buf_str(b, message);
    BUF_LIT(b, "</a:MessageID><p:ActivityId>");
    buf_str(b, activity);
    BUF_LIT(b, "</p:ActivityId><a:To>" NS_ADDRESS "/role/anonymous</a:To><a:RelatesTo>");
    if (fault_strikes("wrong-relates", NULL, NULL))
        BUF_LIT(b, "uuid:00000000-0000-0000-0000-000000000000");
    else
        buf_xml(b, relates);
    BUF_LIT(b, "</a:RelatesTo></s:Header><s:Body>");
}

void ws_end(struct buf *b)
{
    BUF_LIT(b, "</s:Body></s:Envelope>");
}

void ws_fault(struct buf *b, const char *relates, const struct ws_fault *f)
{
    ws_begin(b, "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", relates);
    buf_fmt(b,
            "<s:Fault><s:Code><s:Value>s:%s</s:Value><s:Subcode><s:Value>%s</s:Value></s:Subcode>"
            "</s:Code><s:Reason><s:Text xml:lang=\"en-US\">",
            f->who, f->subcode);
    buf_xml(b, f->reason);
    BUF_LIT(b, "</s:Text></s:Reason><s:Detail>");
    if (f->detail)
        buf_fmt(b, "<w:FaultDetail>%s</w:FaultDetail>", f->detail);
    buf_fmt(b,
            "<f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" "
            "Code=\"%u\" Machine=\"localhost\"><f:Message>",
            f->code);
    buf_xml(b, f->message ? f->message : f->reason);
    BUF_LIT(b, "</f:Message></f:WSManFault></s:Detail></s:Fault>");
    ws_end(b);
}
