/* SPDX-License-Identifier: Apache-2.0
 *
 * psrp_pool.h - a runspace pool and its pipelines as state machines ([MS-PSRP] 3.1): bytes in,
 * events and bytes out. No sockets, no clock, no random numbers: what is needed of these comes in.
 *
 *   psrp_pool_open()            -> bytes of creationXml for WS-Man Create
 *   psrp_feed_text(), _end()    <- Stream elements of each Receive, until psrp_pool_state() is
 *                                  PSRP_POOL_OPENED
 *   psrp_pipeline_create()      -> psrp_pipeline_take() gives what Command and Send carry
 *   psrp_feed_text(), _end()    <- Stream elements, until psrp_pipeline_state() is final; output
 * and records come through struct psrp_handler
 *
 * Several pipelines may be in flight. Protocol versions 2.1 to 2.3.
 */
#ifndef EASG_PSRP_POOL_H
#define EASG_PSRP_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "clixml_writer.h"
#include "strbuf.h"
#include "wsman_guid.h"

struct psrp_pool;
struct psrp_pipeline;

enum psrp_pool_state {
    PSRP_POOL_NEW = 0,
    PSRP_POOL_OPENING,
    PSRP_POOL_OPENED,
    PSRP_POOL_CLOSED, /* by the server */
    PSRP_POOL_BROKEN
};

/* PSInvocationState; 3 and above are final. */
enum psrp_pipeline_state {
    PSRP_NOT_STARTED = 0,
    PSRP_RUNNING = 1,
    PSRP_STOPPING = 2,
    PSRP_STOPPED = 3,
    PSRP_COMPLETED = 4,
    PSRP_FAILED = 5
};

enum psrp_record_kind {
    PSRP_R_ERROR,   /* the cmdlet goes on */
    PSRP_R_FAILURE, /* it ended the pipeline, or the pool */
    PSRP_R_WARNING,
    PSRP_R_VERBOSE,
    PSRP_R_DEBUG,
    PSRP_R_INFORMATION,
    PSRP_R_PROGRESS,
    PSRP_R_PROMPT /* the server wants an answer of a person: refused, the pipeline has failed */
};

/* Text of the peer, borrowed for the call. All but `message` only for ERROR and FAILURE; any may be
 * absent. */
struct psrp_record {
    enum psrp_record_kind kind;
    easg_str message;   /* PROMPT: the host method, "PromptForChoice" */
    easg_str id;        /* FullyQualifiedErrorId */
    easg_str exception; /* type name of the exception, without "Deserialized." */
    easg_str reason;    /* ErrorCategory_Reason */
    easg_str category;  /* ErrorCategory_Message */
    easg_str activity;  /* ErrorCategory_Activity: the cmdlet */
    easg_str target;    /* ErrorCategory_TargetName */
};

/* Anything but EASG_OK ends the feeding call with that status. `p` is NULL for the pool. */
struct psrp_handler {
    /* One object of the output stream, as CLIXML. */
    easg_status (*output)(void *user, struct psrp_pipeline *p, const char *xml, size_t len,
                          easg_error *err);
    easg_status (*record)(void *user, struct psrp_pipeline *p, const struct psrp_record *r,
                          easg_error *err);
    /* Something skipped, for the debug log. May be NULL. */
    void (*note)(void *user, const char *text);
};

struct psrp_pool_options {
    struct wsman_guid id;
    size_t max_message; /* 0: 16 MiB */
    const struct psrp_handler *handler;
    void *user;
};

easg_status psrp_pool_create(const struct psrp_pool_options *options, struct psrp_pool **out,
                             easg_error *err) EASG_MUST_CHECK;
/* Also what is left of its pipelines. NULL is fine. */
void psrp_pool_destroy(struct psrp_pool *pool);
/* Appends SESSION_CAPABILITY and INIT_RUNSPACEPOOL as fragments. */
easg_status psrp_pool_open(struct psrp_pool *pool, struct strbuf *out,
                           easg_error *err) EASG_MUST_CHECK;
enum psrp_pool_state psrp_pool_state(const struct psrp_pool *pool);
/* Minor number of the protocol in use: 1, 2 or 3. */
unsigned psrp_pool_minor(const struct psrp_pool *pool);
/* PSVersion of the server's engine, "5.1.14393.2248"; "" when not told. */
const char *psrp_pool_engine(const struct psrp_pool *pool);

/* Base64 of one Stream element of a Receive on the pool (`p` NULL) or on a pipeline. An error
 * breaks the pool. */
easg_status psrp_feed_text(struct psrp_pool *pool, struct psrp_pipeline *p, const char *ptr,
                           size_t len, easg_error *err) EASG_MUST_CHECK;
easg_status psrp_feed_end(struct psrp_pool *pool, struct psrp_pipeline *p,
                          easg_error *err) EASG_MUST_CHECK;

/* ---- pipelines ---- */

struct psrp_parameter {
    const char *name; /* NULL: positional */
    struct psrp_value value;
};

struct psrp_command {
    const char *name;
    const struct psrp_parameter *parameters;
    size_t n;
};

enum { PSRP_ADD_INVOCATION_INFO = 15 }; /* costs 3 KiB a record */

struct psrp_pipeline_options {
    struct wsman_guid id;
    const struct psrp_command *commands; /* piped: A | B | C */
    size_t n;
    unsigned stream_options; /* RemoteStreamOptions */
    void *user;              /* psrp_pipeline_user() */
};

/* The pool must be open. No input is ever sent (NoInput). */
easg_status psrp_pipeline_create(struct psrp_pool *pool,
                                 const struct psrp_pipeline_options *options,
                                 struct psrp_pipeline **out, easg_error *err) EASG_MUST_CHECK;
void psrp_pipeline_destroy(struct psrp_pipeline *p);
/* Appends the next fragment of CREATE_PIPELINE, at most `max` bytes: the first for Command, the
 * others for Send. *more says whether there are others. */
easg_status psrp_pipeline_take(struct psrp_pipeline *p, size_t max, struct strbuf *out, int *more,
                               easg_error *err) EASG_MUST_CHECK;
enum psrp_pipeline_state psrp_pipeline_state(const struct psrp_pipeline *p);
/* How many ERROR records it had: a completed pipeline may have some. */
unsigned psrp_pipeline_errors(const struct psrp_pipeline *p);
const struct wsman_guid *psrp_pipeline_id(const struct psrp_pipeline *p);
void *psrp_pipeline_user(const struct psrp_pipeline *p);

#endif
