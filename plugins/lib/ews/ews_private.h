/* SPDX-License-Identifier: Apache-2.0
 *
 * ews_private.h - what the files of this room share: requests as text, answers as what they say.
 */
#ifndef EASG_EWS_PRIVATE_H
#define EASG_EWS_PRIVATE_H

#include "ews.h"

#define EWS_NS_SOAP     "http://schemas.xmlsoap.org/soap/envelope/"
#define EWS_NS_MESSAGES "http://schemas.microsoft.com/exchange/services/2006/messages"
#define EWS_NS_TYPES    "http://schemas.microsoft.com/exchange/services/2006/types"
#define EWS_NS_ERRORS   "http://schemas.microsoft.com/exchange/services/2006/errors"
#define EWS_MAX_ANSWER  ((size_t)1 << 20)
#define EWS_MAX_REQUEST ((size_t)4 << 20)

/* ---- ews_request.c ---- */

struct ews_head {
    const char *version; /* "Exchange2010_SP2" */
    const char *act_as;  /* address, or NULL */
};
easg_status ews_write_create(struct strbuf *out, const struct ews_head *head,
                             const struct ews_message *m);
easg_status ews_write_find(struct strbuf *out, const struct ews_head *head, const easg_str *key);
easg_status ews_write_probe(struct strbuf *out, const struct ews_head *head);

/* ---- ews_answer.c ---- */

#define EWS_MAX_PARTS 4u

struct ews_part {
    char code[64];
    unsigned items;
};
struct ews_answer {
    int is_fault;
    size_t n; /* response messages, those beyond EWS_MAX_PARTS too */
    struct ews_part parts[EWS_MAX_PARTS];
    char fault[64];     /* code of the fault, "" when it names none */
    char inner[64];     /* InnerErrorResponseCode */
    char text[200];     /* the server's words, safe to print */
    char place[120];    /* where our request breaks the schema */
    int64_t backoff_ms; /* -1: not given */
};
/* EASG_E_PROTOCOL: no SOAP answer at all. */
easg_status ews_read_answer(const char *ptr, size_t len, struct ews_answer *out, easg_error *err);

/* ---- ews_class.c ---- */

enum ews_class {
    EWS_DONE,
    EWS_BUSY,    /* not done: wait */
    EWS_NOT_RUN, /* not done: try again, or elsewhere */
    EWS_OPEN,    /* may have been done */
    EWS_ACCOUNT, /* stop: somebody has to act */
    EWS_MESSAGE, /* this one cannot be delivered */
    EWS_OURS,    /* our request is at fault */
    EWS_VERSION, /* the schema version is */
    EWS_MOVED    /* find the service anew */
};
struct ews_verdict {
    enum ews_class class;
    easg_status status; /* for the caller, unless it is asked again */
    const char *advice; /* "" or what to do */
};
struct ews_verdict ews_judge_code(const char *code);
/* Of a whole answer; `code` gets the code that decided. */
struct ews_verdict ews_judge_answer(const struct ews_answer *a, const char **code);
/* Of an answer without SOAP in it. */
struct ews_verdict ews_judge_http(const struct http *h);

#endif
