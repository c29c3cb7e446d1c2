/* SPDX-License-Identifier: Apache-2.0
 *
 * xml.h - XML as a stream of events, from bytes that arrive in pieces (push) or lie in memory
 * (pull). The only door to libxml2. No entities but the five of XML, no DTD, no network, UTF-8
 * only; depth and size have ceilings.
 *
 * Elements are named by namespace URI and local name, never by prefix.
 */
#ifndef EASG_XML_H
#define EASG_XML_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"

struct xml_reader;

/* Attributes of one start tag; valid during the callback. */
struct xml_attrs {
    const void *raw;
    size_t n;
};

/* Bytes of a document: not NUL-terminated, valid during the callback. */
struct xml_text {
    const char *ptr; /* NULL: not there */
    size_t len;
};

/* Each returns EASG_OK to go on; anything else ends the parse and is what xml_feed() or
 * xml_parse() returns, with the text the callback wrote into `err`. Names are NUL-terminated; the
 * same name has the same address within one reader until the next document. `uri` is NULL when
 * there is no namespace. Text may come in several pieces; comments and processing instructions do
 * not come at all. `err` is the caller's of xml_feed(), never NULL. */
struct xml_handler {
    easg_status (*start)(void *user, const char *uri, const char *local,
                         const struct xml_attrs *attrs, easg_error *err);
    easg_status (*end)(void *user, const char *uri, const char *local, easg_error *err);
    easg_status (*text)(void *user, const char *ptr, size_t len, easg_error *err);
};

struct xml_limits {
    size_t max_bytes; /* of one document */
    unsigned max_depth;
};

/* `what` names the document in errors: "WS-Man answer". Both strings and the handler are borrowed
 * for the reader's life. */
easg_status xml_reader_create(const struct xml_handler *handler, void *user, const char *what,
                              const struct xml_limits *limits, struct xml_reader **out,
                              easg_error *err) EASG_MUST_CHECK;
/* NULL is fine. */
void xml_reader_destroy(struct xml_reader *r);

/* Push: begin, feed until the bytes end, finish. A failed document stays failed until the next
 * xml_begin(). Memory of the parser is reused from document to document. Errors:
 * EASG_E_PROTOCOL with line and what, EASG_E_LIMIT for a ceiling, EASG_E_NOMEM. */
easg_status xml_begin(struct xml_reader *r, easg_error *err) EASG_MUST_CHECK;
easg_status xml_feed(struct xml_reader *r, const char *ptr, size_t len,
                     easg_error *err) EASG_MUST_CHECK;
easg_status xml_finish(struct xml_reader *r, easg_error *err) EASG_MUST_CHECK;

/* Pull: one whole document. */
easg_status xml_parse(struct xml_reader *r, const char *ptr, size_t len,
                      easg_error *err) EASG_MUST_CHECK;

/* The value of an attribute with this local name and no namespace; ptr NULL when there is none. */
struct xml_text xml_attr(const struct xml_attrs *attrs, const char *local);
/* The i-th attribute (i < attrs->n). */
struct xml_text xml_attr_at(const struct xml_attrs *attrs, size_t i, const char **local);

/* 1: `uri` and `local` are these two. */
int xml_is(const char *uri, const char *local, const char *want_uri, const char *want_local);

#endif
