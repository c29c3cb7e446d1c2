/* SPDX-License-Identifier: Apache-2.0
 *
 * wsman.h - WS-Management envelopes ([MS-WSMV]) for remote shells: requests out of values, answers
 * into values, the latter while their bytes arrive. No sockets: see exchange/session.c for those.
 */
#ifndef EASG_WSMAN_H
#define EASG_WSMAN_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "strbuf.h"
#include "wsman_guid.h"

#define WSMAN_EXCHANGE_URI "http://schemas.microsoft.com/powershell/Microsoft.Exchange"

/* MaxEnvelopeSize: what WinRM 2.0 takes, and what WinRM 3.0 and later do by default. */
#define WSMAN_ENVELOPE_2 153600u
#define WSMAN_ENVELOPE_3 512000u

#define WSMAN_ID_SIZE 64 /* of a shell or command id, as text, with the NUL */

enum wsman_op {
    WSMAN_CREATE,
    WSMAN_DELETE,
    WSMAN_COMMAND,
    WSMAN_SEND,
    WSMAN_RECEIVE,
    WSMAN_SIGNAL
};

/* "WS-Man Create" */
const char *wsman_op_name(enum wsman_op op);

enum wsman_signal {
    WSMAN_TERMINATE, /* release a command, running or not */
    WSMAN_CTRL_C     /* stop the pipeline */
};

/* What all requests of a client session share. */
struct wsman_session {
    const char *to;           /* the URL, query included */
    const char *resource_uri; /* WSMAN_EXCHANGE_URI */
    struct wsman_guid id;
    size_t max_envelope;
    int64_t operation_timeout_ms;
};

struct wsman_request {
    enum wsman_op op;
    struct wsman_guid message_id; /* a new one each time */
    const char *shell_id;         /* CREATE: the one we propose; others: the server's */
    const char *command_id;       /* COMMAND: the one we propose; NULL: of the pool */
    const void *payload;          /* fragments: CREATE, COMMAND, SEND */
    size_t payload_len;
    int64_t idle_timeout_ms; /* CREATE: 0 leaves it to the server; it takes 60 s and more */
    enum wsman_signal signal;
};

/* Appends the envelope. EASG_E_LIMIT when it is larger than the session's max_envelope. */
easg_status wsman_write(const struct wsman_session *s, const struct wsman_request *r,
                        struct strbuf *out, easg_error *err) EASG_MUST_CHECK;
/* How many bytes of payload fit into one envelope of this kind. 0: none, the limit is too small. */
size_t wsman_payload_max(const struct wsman_session *s, const struct wsman_request *r);

/* ---- answers ---- */

enum wsman_fault_kind {
    WSMAN_FAULT_NONE = 0,
    WSMAN_FAULT_TIMED_OUT,      /* nothing to receive yet: ask again; no error */
    WSMAN_FAULT_GONE,           /* shell or command is not known (any more) */
    WSMAN_FAULT_REDIRECT,       /* another server wants to be asked */
    WSMAN_FAULT_WRONG_ENDPOINT, /* no such resource: not Exchange's /powershell */
    WSMAN_FAULT_QUOTA,
    WSMAN_FAULT_DENIED,
    WSMAN_FAULT_OTHER
};

/* Text of the peer: for people through text_safe(). */
struct wsman_fault {
    enum wsman_fault_kind kind;
    char subcode[48];        /* "TimedOut", prefix taken off */
    uint32_t code;           /* of the outer WSManFault; 0: none */
    uint32_t inner_code;     /* of a WSManFault inside ProviderFault; 0: none */
    struct strbuf reason;    /* s:Reason */
    struct strbuf message;   /* f:Message, that of the provider included */
    uint32_t retry_after_ms; /* "will not be approved for at least Z milliseconds"; 0: not said */
};

enum wsman_command_state {
    WSMAN_COMMAND_UNTOLD = 0,
    WSMAN_COMMAND_RUNNING,
    WSMAN_COMMAND_PENDING, /* waits for the answer to a host call */
    WSMAN_COMMAND_DONE
};

struct wsman_answer {
    char shell_id[WSMAN_ID_SIZE];   /* of CreateResponse */
    char command_id[WSMAN_ID_SIZE]; /* of CommandResponse */
    enum wsman_command_state state;
    struct wsman_fault fault;
};

/* Text of a Stream element, in pieces, and its end. `of_pool`: the element names no command. */
struct wsman_stream_handler {
    easg_status (*text)(void *user, int of_pool, const char *ptr, size_t len, easg_error *err);
    easg_status (*end)(void *user, int of_pool, easg_error *err);
};

struct wsman_reader;

easg_status wsman_reader_create(const struct wsman_stream_handler *handler, void *user,
                                struct wsman_reader **out, easg_error *err) EASG_MUST_CHECK;
void wsman_reader_destroy(struct wsman_reader *r);
/* Begins the answer to `request`: RelatesTo must be its message id, the body must be of its
 * operation, streams must be of its command. */
easg_status wsman_answer_begin(struct wsman_reader *r, const struct wsman_request *request,
                               easg_error *err) EASG_MUST_CHECK;
easg_status wsman_answer_feed(struct wsman_reader *r, const char *ptr, size_t len,
                              easg_error *err) EASG_MUST_CHECK;
/* The bytes ended. EASG_OK also for a fault: look at answer->fault.kind. */
easg_status wsman_answer_finish(struct wsman_reader *r, easg_error *err) EASG_MUST_CHECK;
/* Of the last answer; valid until the next wsman_answer_begin(). */
const struct wsman_answer *wsman_reader_answer(const struct wsman_reader *r);

/* A fault as an error: domain HRESULT, the outer code, both texts, what to do. Not for
 * WSMAN_FAULT_TIMED_OUT. */
easg_status wsman_fault_error(const struct wsman_fault *f, enum wsman_op op, easg_error *err);

#endif
