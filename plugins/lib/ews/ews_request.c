/* SPDX-License-Identifier: Apache-2.0
 *
 * The three requests. Their order of elements is the schema's: Exchange refuses any other, and the
 * tests check each against it.
 */
#include "ews_private.h"

#include "base64.h"

#include <string.h>

static void head(struct strbuf *b, const struct ews_head *h)
{
    strbuf_adds(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                   "<soap:Envelope xmlns:soap=\"" EWS_NS_SOAP "\" xmlns:m=\"" EWS_NS_MESSAGES
                   "\" xmlns:t=\"" EWS_NS_TYPES "\"><soap:Header>");
    strbuf_addf(b, "<t:RequestServerVersion Version=\"%s\"/>", h->version);
    if (h->act_as) {
        strbuf_adds(b, "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>");
        strbuf_add_xml(b, h->act_as, strlen(h->act_as));
        strbuf_adds(b, "</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>");
    }
    strbuf_adds(b, "</soap:Header><soap:Body>");
}

static easg_status tail(struct strbuf *b)
{
    strbuf_adds(b, "</soap:Body></soap:Envelope>");
    return strbuf_status(b);
}

#define KEY_URI                                                                                    \
    "<t:ExtendedFieldURI DistinguishedPropertySetId=\"InternetHeaders\" "                          \
    "PropertyName=\"" EWS_KEY_HEADER "\" PropertyType=\"String\"/>"

static void property(struct strbuf *b, const char *uri, const char *ptr, size_t len)
{
    strbuf_adds(b, "<t:ExtendedProperty>");
    strbuf_adds(b, uri);
    strbuf_adds(b, "<t:Value>");
    strbuf_add_xml(b, ptr, len);
    strbuf_adds(b, "</t:Value></t:ExtendedProperty>");
}

easg_status ews_write_create(struct strbuf *b, const struct ews_head *h,
                             const struct ews_message *m)
{
    head(b, h);
    strbuf_adds(b, "<m:CreateItem MessageDisposition=\"SendAndSaveCopy\"><m:SavedItemFolderId>"
                   "<t:DistinguishedFolderId Id=\"sentitems\"/></m:SavedItemFolderId><m:Items>"
                   "<t:Message><t:MimeContent CharacterSet=\"UTF-8\">");
    (void)base64_encode(b, strbuf_str(m->mime), m->mime->len);
    strbuf_adds(b, "</t:MimeContent>");
    /* Some servers keep of the MIME text's headers only those that they know. */
    property(b, KEY_URI, m->key.ptr, m->key.len);
    property(b,
             "<t:ExtendedFieldURI DistinguishedPropertySetId=\"InternetHeaders\" "
             "PropertyName=\"Auto-Submitted\" PropertyType=\"String\"/>",
             "auto-generated", 14);
    property(b, "<t:ExtendedFieldURI PropertyTag=\"0x1035\" PropertyType=\"String\"/>",
             m->message_id.ptr, m->message_id.len);
    /* No answer by itself, of whatever kind. */
    property(b, "<t:ExtendedFieldURI PropertyTag=\"0x3FDF\" PropertyType=\"Integer\"/>", "-1", 2);
    if (m->language.ptr && m->language.len) {
        strbuf_adds(b, "<t:Culture>");
        strbuf_add_xml(b, m->language.ptr, m->language.len);
        strbuf_adds(b, "</t:Culture>");
    }
    strbuf_adds(b, "<t:ToRecipients><t:Mailbox><t:EmailAddress>");
    strbuf_add_xml(b, m->to.ptr, m->to.len);
    strbuf_adds(b, "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox>"
                   "</t:ToRecipients></t:Message></m:Items></m:CreateItem>");
    return tail(b);
}

easg_status ews_write_find(struct strbuf *b, const struct ews_head *h, const easg_str *key)
{
    head(b, h);
    strbuf_adds(b, "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly"
                   "</t:BaseShape></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned=\"2\" "
                   "Offset=\"0\" BasePoint=\"Beginning\"/><m:Restriction><t:IsEqualTo>" KEY_URI
                   "<t:FieldURIOrConstant><t:Constant Value=\"");
    strbuf_add_xml(b, key->ptr, key->len);
    strbuf_adds(b, "\"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds>"
                   "<t:DistinguishedFolderId Id=\"sentitems\"/>"
                   "<t:DistinguishedFolderId Id=\"outbox\"/>"
                   "<t:DistinguishedFolderId Id=\"drafts\"/>"
                   "</m:ParentFolderIds></m:FindItem>");
    return tail(b);
}

easg_status ews_write_probe(struct strbuf *b, const struct ews_head *h)
{
    head(b, h);
    strbuf_adds(b, "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
                   "<m:FolderIds><t:DistinguishedFolderId Id=\"sentitems\"/></m:FolderIds>"
                   "</m:GetFolder>");
    return tail(b);
}
