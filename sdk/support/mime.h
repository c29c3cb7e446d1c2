/* SPDX-License-Identifier: Apache-2.0
 *
 * mime.h - one mail as RFC 5322 and MIME text, for modules that tell people: plain text, HTML
 * beside it, a picture inside the HTML. Nothing that it is given can add a header or end a part.
 */
#ifndef EASG_MIME_H
#define EASG_MIME_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "strbuf.h"

/* Shown where the HTML says <img src="cid:CONTENT_ID">. */
struct mime_picture {
    const char *content_id; /* "logo@easgate": letters, digits, '.', '-', '@' */
    const char *type;       /* "image/png" */
    easg_str file_name;     /* any UTF-8 */
    const void *ptr;
    size_t len;
};

struct mime_mail {
    easg_str from_name; /* may be absent */
    easg_str from;      /* address */
    easg_str to;        /* address */
    easg_str subject;
    easg_str text;
    easg_str html;          /* absent: a text alone */
    easg_str language;      /* BCP 47; may be absent */
    easg_str key;           /* Message-ID is made of it and the domain of `from` */
    const char *key_header; /* header that carries the key, "X-..."; NULL: none */
    easg_time date;
    const struct mime_picture *picture; /* NULL: none; left out when there is no HTML */
};

/* Appends the mail: lines of at most 78 bytes that end in CRLF, ASCII throughout. Control
 * characters in names and the subject become spaces, what is not UTF-8 becomes U+FFFD. An address
 * that is no plain ASCII user@host is EASG_E_NOTFOUND: it cannot be sent to. EASG_E_LIMIT,
 * EASG_E_NOMEM: of `out`. */
easg_status mime_build(const struct mime_mail *mail, struct strbuf *out,
                       easg_error *err) EASG_MUST_CHECK;
/* The Message-ID alone, with its angle brackets: the same for the same key and domain. */
easg_status mime_message_id(const easg_str *key, const easg_str *from, struct strbuf *out,
                            easg_error *err) EASG_MUST_CHECK;
/* Whether mime_build() takes this address. */
int mime_address_ok(const easg_str *address);

#endif
