/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - RFC 4648, strict, in pieces: a decoder keeps up to three characters between calls, so
 * that text may be fed as it arrives.
 */
#ifndef EASG_BASE64_H
#define EASG_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

struct base64 {
    uint32_t bits;
    unsigned have;   /* characters held, 0 to 3 */
    unsigned padded; /* '=' seen */
};

/* Appends what `ptr` decodes to. White space is skipped. EASG_E_PROTOCOL on any other character,
 * or on characters after the padding. */
easg_status base64_feed(struct base64 *d, const char *ptr, size_t len, struct strbuf *out);
/* EASG_OK when the text ended on a whole group; the decoder is ready for the next text. */
easg_status base64_end(struct base64 *d);
/* Standard alphabet with padding. */
easg_status base64_encode(struct strbuf *out, const void *ptr, size_t len);
/* URL alphabet without padding (RFC 7515). */
easg_status base64url_encode(struct strbuf *out, const void *ptr, size_t len);

#endif
