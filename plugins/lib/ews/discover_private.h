/* SPDX-License-Identifier: Apache-2.0
 *
 * discover_private.h - the requests and answers of Autodiscover, apart from the search itself.
 */
#ifndef EASG_EWS_DISCOVER_PRIVATE_H
#define EASG_EWS_DISCOVER_PRIVATE_H

#include "ews_discover.h"

#define DISCOVER_MAX_ANSWER ((size_t)512 * 1024)

enum discover_kind {
    DISCOVER_NOTHING, /* no settings, or an error */
    DISCOVER_SETTINGS,
    DISCOVER_ADDRESS, /* redirected to another address */
    DISCOVER_URL      /* redirected to another URL */
};
struct discover_answer {
    enum discover_kind kind;
    char internal[512], external[512];
    char target[512]; /* of a redirect */
    char why[160];    /* of DISCOVER_NOTHING; safe to print */
};

easg_status discover_write_soap(struct strbuf *out, const char *address, const char *url);
easg_status discover_write_pox(struct strbuf *out, const char *address);
/* Never a failure but of memory: what is no answer is DISCOVER_NOTHING with the reason. */
easg_status discover_read_soap(const char *ptr, size_t len, struct discover_answer *out,
                               easg_error *err);
easg_status discover_read_pox(const char *ptr, size_t len, struct discover_answer *out,
                              easg_error *err);
easg_status discover_read_json(const char *ptr, size_t len, struct discover_answer *out,
                               easg_error *err);

#endif
