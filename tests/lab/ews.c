/* SPDX-License-Identifier: Apache-2.0
 *
 * ews.c - Exchange Web Services of the lab: CreateItem that sends, FindItem by an internet header,
 * GetFolder; and the sender's mailbox, which a test counts.
 *
 * Faults ews-create, ews-find and ews-get take words joined by commas:
 *   item=CODE fault=CODE fault200=CODE http=STATUS   what is answered instead
 *   inner=CODE backoff=MS retry=S to=PATH            what stands in it beside
 *   done                                             ... and the operation was done all the same
 *   lost=before lost=after half                      no answer, or half of one
 *   drafts                                           the message stays in Drafts
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

#define NS_SOAP     "http://schemas.xmlsoap.org/soap/envelope/"
#define NS_MESSAGES "http://schemas.microsoft.com/exchange/services/2006/messages"
#define NS_TYPES    "http://schemas.microsoft.com/exchange/services/2006/types"
#define NS_ERRORS   "http://schemas.microsoft.com/exchange/services/2006/errors"
#define KEY_HEADER  "X-Easgate-Notification-Id"

struct mail {
    char *key, *message_id, *to, *anchor, *acting, *version, *mime;
    const char *folder;
};
static struct mail *mails;
static size_t n_mails;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- reading a request ------------------------------------------------------------------------
 */

static int is(const xmlNode *n, const char *ns, const char *name)
{
    return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0 && n->ns &&
           strcmp((const char *)n->ns->href, ns) == 0;
}

static xmlNode *child(const xmlNode *n, const char *ns, const char *name)
{
    for (xmlNode *c = n ? n->children : NULL; c; c = c->next)
        if (is(c, ns, name))
            return c;
    return NULL;
}

/* "" when it is not there; to be freed. */
static char *text(const xmlNode *n)
{
    xmlChar *t = n ? xmlNodeGetContent(n) : NULL;
    char *out = lab_strdup(t ? (const char *)t : "");

    xmlFree(t);
    return out;
}

static char *attribute(const xmlNode *n, const char *name)
{
    xmlChar *t = n ? xmlGetNoNsProp(n, (const xmlChar *)name) : NULL;
    char *out = lab_strdup(t ? (const char *)t : "");

    xmlFree(t);
    return out;
}

/* Value of an ExtendedProperty whose URI has this attribute. */
static char *extended(const xmlNode *message, const char *attr, const char *want)
{
    for (xmlNode *p = message->children; p; p = p->next) {
        char *name;
        int hit;

        if (!is(p, NS_TYPES, "ExtendedProperty"))
            continue;
        name = attribute(child(p, NS_TYPES, "ExtendedFieldURI"), attr);
        hit = lab_same(name, want);
        free(name);
        if (hit)
            return text(child(p, NS_TYPES, "Value"));
    }
    return lab_strdup("");
}

/* ---- faults ------------------------------------------------------------------------------------
 */

struct wish {
    char item[56], fault[56], fault200[56], inner[56], to[56];
    unsigned http, retry;
    long backoff; /* -1: none */
    int done, lost_before, lost_after, half, drafts;
};

static void word(struct wish *w, const char *k, const char *v)
{
    if (strcmp(k, "item") == 0)
        lab_print(w->item, sizeof w->item, "%s", v);
    else if (strcmp(k, "fault") == 0)
        lab_print(w->fault, sizeof w->fault, "%s", v);
    else if (strcmp(k, "fault200") == 0)
        lab_print(w->fault200, sizeof w->fault200, "%s", v);
    else if (strcmp(k, "inner") == 0)
        lab_print(w->inner, sizeof w->inner, "%s", v);
    else if (strcmp(k, "to") == 0)
        lab_print(w->to, sizeof w->to, "%s", v);
    else if (strcmp(k, "http") == 0)
        w->http = (unsigned)strtoul(v, NULL, 10);
    else if (strcmp(k, "retry") == 0)
        w->retry = (unsigned)strtoul(v, NULL, 10);
    else if (strcmp(k, "backoff") == 0)
        w->backoff = strtol(v, NULL, 10);
    else if (strcmp(k, "lost") == 0) {
        w->lost_before = strcmp(v, "before") == 0;
        w->lost_after = strcmp(v, "after") == 0;
    }
    w->done |= strcmp(k, "done") == 0;
    w->half |= strcmp(k, "half") == 0;
    w->drafts |= strcmp(k, "drafts") == 0;
}

static int wished(const char *name, struct wish *w)
{
    char arg[64] = "";
    char *p = arg;

    memset(w, 0, sizeof *w);
    w->backoff = -1;
    if (!fault_strikes(name, NULL, arg))
        return 0;
    while (p && *p) {
        char *next = strchr(p, ',');
        char *value;

        if (next)
            *next++ = 0;
        value = strchr(p, '=');
        if (value)
            *value++ = 0;
        word(w, p, value ? value : "");
        p = next;
    }
    return 1;
}

/* ---- answering ---------------------------------------------------------------------------------
 */

static void begin(struct buf *b)
{
    buf_fmt(b,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"%s\"><s:Header>"
            "<h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"2\" MajorBuildNumber=\"1544\" "
            "MinorBuildNumber=\"9\" Version=\"V2017_07_11\" xmlns:h=\"%s\"/></s:Header><s:Body>",
            NS_SOAP, NS_TYPES);
}

static void end(struct buf *b)
{
    BUF_LIT(b, "</s:Body></s:Envelope>");
}

static void message_xml(struct buf *b, const struct wish *w)
{
    if (w->backoff < 0 && !w->inner[0])
        return;
    BUF_LIT(b, "<m:MessageXml>");
    if (w->inner[0])
        buf_fmt(b, "<t:Value Name=\"InnerErrorResponseCode\">%s</t:Value>", w->inner);
    if (w->backoff >= 0)
        buf_fmt(b, "<t:Value Name=\"BackOffMilliseconds\">%ld</t:Value>", w->backoff);
    BUF_LIT(b, "</m:MessageXml>");
}

static void fault(struct reply *r, const char *code, const struct wish *w, unsigned status)
{
    r->status = status;
    begin(&r->body);
    buf_fmt(&r->body,
            "<s:Fault><faultcode xmlns:a=\"%s\">a:%s</faultcode><faultstring xml:lang=\"en-US\">"
            "The lab refuses this request.</faultstring><detail><e:ResponseCode xmlns:e=\"%s\">\n"
            "  %s\n</e:ResponseCode><e:Message xmlns:e=\"%s\">The lab refuses this request."
            "</e:Message>",
            NS_TYPES, code, NS_ERRORS, code, NS_ERRORS);
    if (w && w->backoff >= 0)
        buf_fmt(&r->body,
                "<t:MessageXml xmlns:t=\"%s\"><t:Value Name=\"BackOffMilliseconds\">%ld</t:Value>"
                "</t:MessageXml>",
                NS_TYPES, w->backoff);
    else if (strcmp(code, "ErrorSchemaValidation") == 0)
        buf_fmt(&r->body,
                "<t:MessageXml xmlns:t=\"%s\"><t:LineNumber>2</t:LineNumber><t:LinePosition>388"
                "</t:LinePosition><t:Violation>The element has invalid child element</t:Violation>"
                "</t:MessageXml>",
                NS_TYPES);
    BUF_LIT(&r->body, "</detail></s:Fault>");
    end(&r->body);
}

/* One response message of an operation: `inside` stands in it when all is well. */
static void part(struct buf *b, const char *operation, const char *code, const struct wish *w,
                 const char *inside)
{
    int ok = strcmp(code, "NoError") == 0;

    buf_fmt(b, "<m:%sResponseMessage ResponseClass=\"%s\">", operation, ok ? "Success" : "Error");
    if (!ok)
        BUF_LIT(b, "<m:MessageText>The lab refuses this item.</m:MessageText>");
    buf_fmt(b, "<m:ResponseCode>%s</m:ResponseCode>", code);
    if (!ok) {
        BUF_LIT(b, "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
        if (w)
            message_xml(b, w);
    }
    buf_fmt(b, "%s</m:%sResponseMessage>", inside, operation);
}

static void open_answer(struct buf *b, const char *operation)
{
    begin(b);
    buf_fmt(b, "<m:%sResponse xmlns:m=\"%s\" xmlns:t=\"%s\"><m:ResponseMessages>", operation,
            NS_MESSAGES, NS_TYPES);
}

static void close_answer(struct buf *b, const char *operation)
{
    buf_fmt(b, "</m:ResponseMessages></m:%sResponse>", operation);
    end(b);
}

static void single(struct reply *r, const char *operation, const char *code, const struct wish *w,
                   const char *inside)
{
    open_answer(&r->body, operation);
    part(&r->body, operation, code, w, inside);
    close_answer(&r->body, operation);
}

/* What a fault wants answered; 0: nothing of its own. */
static int answered(struct reply *r, const char *operation, const struct wish *w)
{
    if (w->http) {
        r->status = w->http;
        r->type = "text/html";
        if (w->retry)
            reply_header(r, "Retry-After", "%u", w->retry);
        if (w->to[0])
            reply_header(r, "Location", "%s", w->to);
        buf_fmt(&r->body, "<html>%u</html>", w->http);
    } else if (w->fault[0])
        fault(r, w->fault, w, 500);
    else if (w->fault200[0])
        fault(r, w->fault200, w, 200);
    else if (w->item[0])
        single(r, operation, w->item, w, strcmp(operation, "CreateItem") == 0 ? "<m:Items/>" : "");
    else
        return 0;
    return 1;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

struct request {
    const struct call *call;
    xmlNode *operation;
    char *version, *acting;
};

static void store(const struct request *q, const xmlNode *message, int drafts)
{
    const char *anchor = q->call->header(q->call, "X-AnchorMailbox");
    struct mail *m;

    pthread_mutex_lock(&lock);
    mails = lab_realloc(mails, (n_mails + 1) * sizeof *mails);
    m = &mails[n_mails++];
    m->key = extended(message, "PropertyName", KEY_HEADER);
    m->message_id = extended(message, "PropertyTag", "0x1035");
    m->mime = text(child(message, NS_TYPES, "MimeContent"));
    m->to = text(child(child(child(message, NS_TYPES, "ToRecipients"), NS_TYPES, "Mailbox"),
                       NS_TYPES, "EmailAddress"));
    m->anchor = lab_strdup(anchor ? anchor : "");
    m->acting = lab_strdup(q->acting);
    m->version = lab_strdup(q->version);
    m->folder = drafts ? "drafts" : "sentitems";
    pthread_mutex_unlock(&lock);
}

/* What Exchange itself would say about it. */
static const char *refusal(const struct request *q, const xmlNode *message)
{
    char *disposition = attribute(q->operation, "MessageDisposition");
    char *mime = text(child(message, NS_TYPES, "MimeContent"));
    char *to = text(child(child(child(message, NS_TYPES, "ToRecipients"), NS_TYPES, "Mailbox"),
                          NS_TYPES, "EmailAddress"));
    struct buf plain = { 0 };
    const char *code = "NoError";

    if (!lab_same(disposition, "SendAndSaveCopy"))
        code = "ErrorInvalidRequest";
    else if (!buf_unbase64(&plain, mime, strlen(mime)) || plain.n < 10)
        code = "ErrorMimeContentInvalidBase64String";
    else if (!to[0])
        code = "ErrorMissingRecipients";
    else if (lab_starts(to, "nobody@") || !strchr(to, '@'))
        code = "ErrorInvalidRecipients";
    buf_clear(&plain);
    free(disposition);
    free(mime);
    free(to);
    return code;
}

static void create(const struct request *q, struct reply *r)
{
    xmlNode *message = child(child(q->operation, NS_MESSAGES, "Items"), NS_TYPES, "Message");
    struct wish w;
    int struck = wished("ews-create", &w);
    const char *code = message ? refusal(q, message) : "ErrorInvalidRequest";

    if (struck && w.lost_before) {
        r->delivery = DELIVER_RESET;
        return;
    }
    if (strcmp(code, "NoError") != 0) {
        single(r, "CreateItem", code, NULL, "<m:Items/>");
        return;
    }
    if (!struck || w.done || w.lost_after || w.half || w.drafts)
        store(q, message, w.drafts);
    if (!struck || !answered(r, "CreateItem", &w))
        single(r, "CreateItem", "NoError", NULL, "<m:Items/>");
    if (w.lost_after)
        r->delivery = DELIVER_RESET;
    else if (w.half)
        r->delivery = DELIVER_TRUNCATED;
}

static void find_in(struct buf *b, const char *folder, const char *key)
{
    struct buf items = { 0 };
    unsigned n = 0;

    BUF_LIT(&items, "");
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_mails; i++)
        if (strcmp(mails[i].folder, folder) == 0 && strcmp(mails[i].key, key) == 0) {
            n++;
            buf_fmt(&items, "<t:Message><t:ItemId Id=\"AAMk%zu\" ChangeKey=\"CQ==\"/></t:Message>",
                    i);
        }
    pthread_mutex_unlock(&lock);
    {
        struct buf inside = { 0 };

        buf_fmt(&inside,
                "<m:RootFolder IndexedPagingOffset=\"%u\" TotalItemsInView=\"%u\" "
                "IncludesLastItemInRange=\"true\"><t:Items>%s</t:Items></m:RootFolder>",
                n, n, items.p ? items.p : "");
        part(b, "FindItem", "NoError", NULL, inside.p);
        buf_clear(&inside);
    }
    buf_clear(&items);
}

static void find(const struct request *q, struct reply *r)
{
    xmlNode *equal = child(child(q->operation, NS_MESSAGES, "Restriction"), NS_TYPES, "IsEqualTo");
    char *name = attribute(child(equal, NS_TYPES, "ExtendedFieldURI"), "PropertyName");
    char *key = attribute(child(child(equal, NS_TYPES, "FieldURIOrConstant"), NS_TYPES, "Constant"),
                          "Value");
    xmlNode *folders = child(q->operation, NS_MESSAGES, "ParentFolderIds");
    struct wish w;

    if (wished("ews-find", &w) && (w.lost_before || answered(r, "FindItem", &w))) {
        r->delivery = w.lost_before ? DELIVER_RESET : r->delivery;
    } else if (!lab_same(name, KEY_HEADER) || !folders) {
        fault(r, "ErrorInvalidRequest", NULL, 500);
    } else {
        open_answer(&r->body, "FindItem");
        for (xmlNode *f = folders->children; f; f = f->next)
            if (is(f, NS_TYPES, "DistinguishedFolderId")) {
                char *id = attribute(f, "Id");

                find_in(&r->body, id, key);
                free(id);
            }
        close_answer(&r->body, "FindItem");
    }
    free(name);
    free(key);
}

static void get(struct reply *r)
{
    struct wish w;

    if (wished("ews-get", &w) && (w.lost_before || answered(r, "GetFolder", &w)))
        r->delivery = w.lost_before ? DELIVER_RESET : r->delivery;
    else
        single(r, "GetFolder", "NoError", NULL,
               "<m:Folders><t:Folder><t:FolderId Id=\"AAMkSent\" ChangeKey=\"AQ==\"/></t:Folder>"
               "</m:Folders>");
}

static void operate(const struct call *c, const xmlDoc *doc, struct reply *r)
{
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *header = root && is(root, NS_SOAP, "Envelope") ? child(root, NS_SOAP, "Header") : NULL;
    xmlNode *body = root ? child(root, NS_SOAP, "Body") : NULL;
    xmlNode *sid =
        child(child(header, NS_TYPES, "ExchangeImpersonation"), NS_TYPES, "ConnectingSID");
    struct request q = { .call = c };

    for (xmlNode *n = body ? body->children : NULL; n && !q.operation; n = n->next)
        if (n->type == XML_ELEMENT_NODE)
            q.operation = n;
    q.version = attribute(child(header, NS_TYPES, "RequestServerVersion"), "Version");
    q.acting = text(child(sid, NS_TYPES, "PrimarySmtpAddress"));
    if (!q.operation)
        fault(r, "ErrorInvalidRequest", NULL, 500);
    else if (fault_present("ews-old") && strcmp(q.version, "Exchange2007_SP1") != 0)
        fault(r, "ErrorInvalidServerVersion", NULL, 500);
    else if (is(q.operation, NS_MESSAGES, "CreateItem"))
        create(&q, r);
    else if (is(q.operation, NS_MESSAGES, "FindItem"))
        find(&q, r);
    else if (is(q.operation, NS_MESSAGES, "GetFolder"))
        get(r);
    else
        fault(r, "ErrorInvalidOperation", NULL, 500);
    free(q.version);
    free(q.acting);
}

int lab_basic(const struct call *c, struct reply *r)
{
    const char *a = c->header(c, "Authorization");
    struct buf given = { 0 };
    char want[2][160];
    int ok = 0;

    lab_print(want[0], sizeof want[0], "%s:%s", lab.exchange_user, lab.exchange_password);
    lab_print(want[1], sizeof want[1], "%s:%s", lab.exchange_upn, lab.exchange_password);
    if (a && lab_starts(a, "Basic ") && buf_unbase64(&given, a + 6, strlen(a + 6)))
        ok = strcmp(given.p, want[0]) == 0 || strcmp(given.p, want[1]) == 0;
    buf_clear(&given);
    if (!ok) {
        lab.stats.auth_failures++;
        reply_header(r, "WWW-Authenticate", "Basic realm=\"%s\"", c->host);
        r->status = 401;
        r->type = "text/html";
        buf_str(&r->body, "<html>401</html>");
    }
    return ok;
}

void ews_handle(const struct call *c, struct reply *r)
{
    xmlDoc *doc;

    if (!lab_basic(c, r))
        return;
    if (strcmp(c->method, "POST") != 0) { /* a browser gets a page about the service */
        r->status = 200;
        r->type = "text/html";
        buf_str(&r->body, "<html>Service</html>");
        return;
    }
    r->type = "text/xml; charset=utf-8";
    doc = xmlReadMemory(c->body, (int)c->body_n, "request", NULL,
                        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc)
        fault(r, "ErrorSchemaValidation", NULL, 500);
    else
        operate(c, doc, r);
    xmlFreeDoc(doc);
}

/* ---- GET /lab/mail, POST /lab/mail/clear ---- */

void ews_mail_list(struct buf *b)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_mails; i++) {
        const struct mail *m = &mails[i];

        buf_fmt(b,
                "{\"key\":\"%s\",\"message_id\":\"%s\",\"to\":\"%s\",\"folder\":\"%s\","
                "\"anchor\":\"%s\",\"acting\":\"%s\",\"version\":\"%s\",\"mime\":\"%s\"}\n",
                m->key, m->message_id, m->to, m->folder, m->anchor, m->acting, m->version, m->mime);
    }
    pthread_mutex_unlock(&lock);
}

void ews_mail_clear(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_mails; i++) {
        struct mail *m = &mails[i];

        free(m->key);
        free(m->message_id);
        free(m->to);
        free(m->anchor);
        free(m->acting);
        free(m->version);
        free(m->mime);
    }
    free(mails);
    mails = NULL;
    n_mails = 0;
    pthread_mutex_unlock(&lock);
}
