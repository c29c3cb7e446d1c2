/* SPDX-License-Identifier: Apache-2.0
 *
 * libxml2's SAX2, in push and in pull mode, behind one small table of callbacks. What libxml2
 * would do by itself (trees, entities, DTDs, loading) is never reached: its tree builders are not
 * in the handler table, and a document type declaration ends the parse.
 */
#include "xml.h"

#include <stdio.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>

#include "err.h"
#include "text.h"

/* Without XML_PARSE_HUGE libxml2 keeps ceilings of its own (names, lookups, 256 levels), beside
 * ours. XML_PARSE_IGNORE_ENC: the bytes are UTF-8, whatever the declaration claims. */
#define OPTIONS (XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOCDATA)

struct xml_reader {
    const struct xml_handler *handler;
    void *user;
    const char *what;
    struct xml_limits limits;
    xmlParserCtxtPtr push; /* made at the first xml_begin() */
    xmlParserCtxtPtr pull; /* made at the first xml_parse() */
    xmlParserCtxtPtr now;
    easg_error *err;    /* of the call that runs */
    easg_status status; /* of this document; sticks */
    size_t bytes;
    unsigned depth;
    unsigned bom; /* bytes of a byte order mark seen, 3 when that is settled */
    int rooted;   /* the root element was closed */
};

static void fail(struct xml_reader *r, easg_status status)
{
    if (r->status == EASG_OK)
        r->status = status;
    /* libxml2 reads on to the end of what it was given but tells us nothing more. */
    r->now->disableSAX = 1;
}

static int line_of(const struct xml_reader *r)
{
    return r->now->input ? r->now->input->line : 0;
}

static void on_start(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int n_ns, const xmlChar **ns, int n_attrs, int n_default,
                     const xmlChar **attrs)
{
    struct xml_reader *r = ctx;
    struct xml_attrs a = { attrs, (size_t)n_attrs };
    easg_status st;

    (void)prefix;
    (void)n_ns;
    (void)ns;
    (void)n_default;
    if (r->status != EASG_OK)
        return;
    if (++r->depth > r->limits.max_depth) {
        fail(r,
             err_set(r->err, EASG_E_LIMIT, "%s: line %d: more than %u elements inside each other",
                     r->what, line_of(r), r->limits.max_depth));
        return;
    }
    st = r->handler->start(r->user, (const char *)uri, (const char *)local, &a, r->err);
    if (st != EASG_OK)
        fail(r, st);
}

static void on_end(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    struct xml_reader *r = ctx;
    easg_status st;

    (void)prefix;
    if (r->status != EASG_OK)
        return;
    st = r->handler->end(r->user, (const char *)uri, (const char *)local, r->err);
    if (st != EASG_OK)
        fail(r, st);
    if (--r->depth == 0)
        r->rooted = 1;
}

static void on_text(void *ctx, const xmlChar *ptr, int len)
{
    struct xml_reader *r = ctx;
    easg_status st;

    if (r->status != EASG_OK)
        return;
    st = r->handler->text(r->user, (const char *)ptr, (size_t)len, r->err);
    if (st != EASG_OK)
        fail(r, st);
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    struct xml_reader *r = ctx;

    (void)name;
    (void)external;
    (void)system;
    if (r->status == EASG_OK)
        fail(r, err_set(r->err, EASG_E_PROTOCOL,
                        "%s: line %d: a document type declaration, which is never accepted",
                        r->what, line_of(r)));
}

static void on_error(void *ctx, xmlErrorPtr e)
{
    struct xml_reader *r = ctx;
    char safe[200];
    size_t len;

    if (r->status != EASG_OK || e->level < XML_ERR_ERROR)
        return;
    if (e->code == XML_ERR_NO_MEMORY) {
        fail(r, err_nomem(r->err));
        return;
    }
    len = e->message ? strlen(e->message) : 0;
    while (len && (e->message[len - 1] == '\n' || e->message[len - 1] == ' '))
        len--;
    fail(r, err_set(r->err, EASG_E_PROTOCOL, "%s: line %d: not well-formed XML: %s", r->what,
                    e->line, text_safe(e->message ? e->message : "", len, safe, sizeof(safe))));
}

static const xmlSAXHandler sax = {
    .initialized = XML_SAX2_MAGIC,
    .internalSubset = on_doctype,
    .externalSubset = on_doctype,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .ignorableWhitespace = on_text,
    .cdataBlock = on_text,
    .serror = on_error,
};

easg_status xml_reader_create(const struct xml_handler *handler, void *user, const char *what,
                              const struct xml_limits *limits, struct xml_reader **out,
                              easg_error *err)
{
    struct xml_reader *r = mem_alloc(sizeof(*r));

    if (!r)
        return err_nomem(err);
    r->handler = handler;
    r->user = user;
    r->what = what;
    r->limits = *limits;
    r->status = EASG_E_USAGE; /* until xml_begin() */
    *out = r;
    return EASG_OK;
}

void xml_reader_destroy(struct xml_reader *r)
{
    if (!r)
        return;
    if (r->push)
        xmlFreeParserCtxt(r->push);
    if (r->pull)
        xmlFreeParserCtxt(r->pull);
    mem_free(r);
}

static void start_document(struct xml_reader *r, xmlParserCtxtPtr now, easg_error *err)
{
    r->now = now;
    r->err = err;
    r->status = EASG_OK;
    r->bytes = 0;
    r->depth = 0;
    r->bom = 0;
    r->rooted = 0;
}

easg_status xml_begin(struct xml_reader *r, easg_error *err)
{
    if (!r->push) {
        xmlSAXHandler copy = sax;

        r->push = xmlCreatePushParserCtxt(&copy, r, NULL, 0, NULL);
        if (!r->push)
            return err_nomem(err);
    } else if (xmlCtxtResetPush(r->push, NULL, 0, NULL, NULL) != 0) {
        return err_nomem(err);
    }
    (void)xmlCtxtUseOptions(r->push, OPTIONS);
    start_document(r, r->push, err);
    return EASG_OK;
}

static easg_status over_limit(struct xml_reader *r)
{
    fail(r, err_set(r->err, EASG_E_LIMIT, "%s: more than %zu bytes", r->what, r->limits.max_bytes));
    return r->status;
}

/* A reset push context does not look for a byte order mark: it is taken off here. */
static const char *skip_bom(struct xml_reader *r, const char *ptr, const char *end)
{
    static const unsigned char mark[3] = { 0xEF, 0xBB, 0xBF };

    while (r->bom < 3 && ptr < end) {
        if ((unsigned char)*ptr != mark[r->bom]) {
            if (r->bom > 0)
                (void)xmlParseChunk(r->now, (const char *)mark, (int)r->bom, 0);
            r->bom = 3;
            break;
        }
        r->bom++;
        ptr++;
    }
    return ptr;
}

/* libxml2 knows errors that it does not report through the handler. */
static easg_status settle(struct xml_reader *r)
{
    if (r->status == EASG_OK && (!r->now->wellFormed || !r->now->nsWellFormed))
        fail(r,
             err_set(r->err, EASG_E_PROTOCOL, "%s: line %d: not well-formed XML (libxml2 code %d)",
                     r->what, line_of(r), r->now->errNo));
    return r->status;
}

easg_status xml_feed(struct xml_reader *r, const char *ptr, size_t len, easg_error *err)
{
    const char *end = ptr + len;

    if (r->status != EASG_OK)
        return r->status;
    r->err = err;
    r->bytes += len;
    if (len > r->limits.max_bytes || r->bytes > r->limits.max_bytes)
        return over_limit(r);
    ptr = skip_bom(r, ptr, end);
    while (ptr < end && r->status == EASG_OK) {
        size_t n = (size_t)(end - ptr);

        /* libxml2 copies what it is given: in steps, its buffer stays small. */
        n = n > 65536 ? 65536 : n;
        (void)xmlParseChunk(r->now, ptr, (int)n, 0);
        ptr += n;
    }
    return settle(r);
}

easg_status xml_finish(struct xml_reader *r, easg_error *err)
{
    if (r->status != EASG_OK)
        return r->status;
    r->err = err;
    (void)xmlParseChunk(r->now, "", 0, 1);
    if (settle(r) == EASG_OK && !r->rooted)
        fail(r, err_set(err, EASG_E_PROTOCOL, "%s: the document ends before its last element",
                        r->what));
    if (r->status == EASG_OK) {
        r->status = EASG_E_USAGE;
        return EASG_OK;
    }
    return r->status;
}

easg_status xml_parse(struct xml_reader *r, const char *ptr, size_t len, easg_error *err)
{
    easg_status st;

    if (!r->pull) {
        r->pull = xmlNewParserCtxt();
        if (!r->pull)
            return err_nomem(err);
        *r->pull->sax = sax;
        r->pull->userData = r;
    }
    start_document(r, r->pull, err);
    if (len > r->limits.max_bytes || len > INT32_MAX) {
        st = over_limit(r);
    } else {
        xmlDocPtr none;

        if (len >= 3 && memcmp(ptr, "\xEF\xBB\xBF", 3) == 0) {
            ptr += 3;
            len -= 3;
        }
        /* No tree is built: the handlers are ours, there is no document. */
        none = xmlCtxtReadMemory(r->pull, ptr, (int)len, NULL, NULL, OPTIONS);
        xmlFreeDoc(none);
        st = settle(r);
        if (st == EASG_OK && !r->rooted)
            st = err_set(err, EASG_E_PROTOCOL, "%s: no element in the document", r->what);
    }
    r->status = EASG_E_USAGE;
    return st;
}

/* libxml2's five pointers an attribute: local name, prefix, URI, value, end of the value. */
struct xml_text xml_attr_at(const struct xml_attrs *attrs, size_t i, const char **local)
{
    const xmlChar *const *a = (const xmlChar *const *)attrs->raw + 5 * i;

    *local = (const char *)a[0];
    return (struct xml_text){ (const char *)a[3], (size_t)(a[4] - a[3]) };
}

struct xml_text xml_attr(const struct xml_attrs *attrs, const char *local)
{
    for (size_t i = 0; i < attrs->n; i++) {
        const xmlChar *const *a = (const xmlChar *const *)attrs->raw + 5 * i;

        if (!a[2] && strcmp((const char *)a[0], local) == 0)
            return (struct xml_text){ (const char *)a[3], (size_t)(a[4] - a[3]) };
    }
    return (struct xml_text){ NULL, 0 };
}

int xml_is(const char *uri, const char *local, const char *want_uri, const char *want_local)
{
    return strcmp(local, want_local) == 0 && uri && strcmp(uri, want_uri) == 0;
}
