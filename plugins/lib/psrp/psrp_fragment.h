/* SPDX-License-Identifier: Apache-2.0
 *
 * psrp_fragment.h - PSRP messages to and from fragments ([MS-PSRP] 2.2.4), the latter as base64
 * text that arrives in pieces. A message in one fragment is handed on where it lies.
 */
#ifndef EASG_PSRP_FRAGMENT_H
#define EASG_PSRP_FRAGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base64.h"
#include "strbuf.h"

#define PSRP_FRAGMENT_HEADER 21u
/* A server sends at most 32 KiB in one by default; an envelope holds 500 KiB. */
#define PSRP_FRAGMENT_MAX (1024u * 1024u)

/* Takes one whole message. Borrowed for the call. */
typedef easg_status (*psrp_message_fn)(void *user, const char *ptr, size_t len, easg_error *err);

/* One stream of messages: of the pool, or of one pipeline. */
struct psrp_defrag {
    struct strbuf raw;     /* decoded bytes that are no whole fragment yet */
    struct strbuf message; /* the fragments so far of a message in several */
    struct base64 b64;
    uint64_t last_object; /* id of the last whole message */
    uint64_t object;      /* id of the message in `message` */
    uint64_t next_fragment;
    int open; /* `message` waits for more */
};

void psrp_defrag_init(struct psrp_defrag *d, size_t max_message);
void psrp_defrag_clear(struct psrp_defrag *d);
/* Base64 text of one Stream element, in pieces. EASG_E_PROTOCOL and EASG_E_LIMIT say which rule
 * the peer broke; the stream is of no use afterwards. */
easg_status psrp_defrag_text(struct psrp_defrag *d, const char *ptr, size_t len, psrp_message_fn fn,
                             void *user, easg_error *err) EASG_MUST_CHECK;
/* The Stream element ended: it must have ended with a whole fragment. */
easg_status psrp_defrag_text_end(struct psrp_defrag *d, easg_error *err) EASG_MUST_CHECK;
/* The same for bytes, without base64: whole fragments only. */
easg_status psrp_defrag_bytes(struct psrp_defrag *d, const char *ptr, size_t len,
                              psrp_message_fn fn, void *user, easg_error *err) EASG_MUST_CHECK;

/* Cuts a message into fragments. Fields are private. */
struct psrp_cutter {
    const char *ptr;
    size_t len;
    size_t done;
    uint64_t object;
    uint64_t fragment;
};

/* `ptr` is borrowed until the last piece is out. */
void psrp_cutter_init(struct psrp_cutter *c, uint64_t object, const char *ptr, size_t len);
/* Appends the next fragment, at most `max` bytes with its header (max > PSRP_FRAGMENT_HEADER).
 * 1: there is more. */
int psrp_cutter_next(struct psrp_cutter *c, size_t max, struct strbuf *out);

#endif
