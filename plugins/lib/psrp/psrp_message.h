/* SPDX-License-Identifier: Apache-2.0
 *
 * psrp_message.h - the 40-byte header of a PSRP message, and the message types.
 */
#ifndef EASG_PSRP_MESSAGE_H
#define EASG_PSRP_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"
#include "wsman_guid.h"

#define PSRP_MESSAGE_HEADER 40u

enum { PSRP_TO_CLIENT = 1, PSRP_TO_SERVER = 2 };

enum psrp_type {
    PSRP_SESSION_CAPABILITY = 0x00010002,
    PSRP_INIT_RUNSPACEPOOL = 0x00010004,
    PSRP_PUBLIC_KEY = 0x00010005,
    PSRP_ENCRYPTED_SESSION_KEY = 0x00010006,
    PSRP_PUBLIC_KEY_REQUEST = 0x00010007,
    PSRP_CONNECT_RUNSPACEPOOL = 0x00010008,
    PSRP_RUNSPACEPOOL_INIT_DATA = 0x0002100B,
    PSRP_RESET_RUNSPACE_STATE = 0x0002100C,
    PSRP_SET_MAX_RUNSPACES = 0x00021002,
    PSRP_SET_MIN_RUNSPACES = 0x00021003,
    PSRP_RUNSPACE_AVAILABILITY = 0x00021004,
    PSRP_RUNSPACEPOOL_STATE = 0x00021005,
    PSRP_CREATE_PIPELINE = 0x00021006,
    PSRP_GET_AVAILABLE_RUNSPACES = 0x00021007,
    PSRP_USER_EVENT = 0x00021008,
    PSRP_APPLICATION_PRIVATE_DATA = 0x00021009,
    PSRP_GET_COMMAND_METADATA = 0x0002100A,
    PSRP_RUNSPACEPOOL_HOST_CALL = 0x00021100,
    PSRP_RUNSPACEPOOL_HOST_RESPONSE = 0x00021101,
    PSRP_PIPELINE_INPUT = 0x00041002,
    PSRP_END_OF_PIPELINE_INPUT = 0x00041003,
    PSRP_PIPELINE_OUTPUT = 0x00041004,
    PSRP_ERROR_RECORD = 0x00041005,
    PSRP_PIPELINE_STATE = 0x00041006,
    PSRP_DEBUG_RECORD = 0x00041007,
    PSRP_VERBOSE_RECORD = 0x00041008,
    PSRP_WARNING_RECORD = 0x00041009,
    PSRP_PROGRESS_RECORD = 0x00041010,
    PSRP_INFORMATION_RECORD = 0x00041011,
    PSRP_PIPELINE_HOST_CALL = 0x00041100,
    PSRP_PIPELINE_HOST_RESPONSE = 0x00041101
};

struct psrp_message {
    uint32_t destination;
    uint32_t type;
    struct wsman_guid rpid; /* runspace pool */
    struct wsman_guid pid;  /* pipeline; zero for messages of the pool */
    const char *xml;        /* after the byte order mark; may be empty */
    size_t len;
};

/* Splits a message. EASG_E_PROTOCOL when it is shorter than its header or not for a client. */
easg_status psrp_message_parse(const char *ptr, size_t len, struct psrp_message *out,
                               easg_error *err) EASG_MUST_CHECK;
/* Appends the header of a message to the server. */
void psrp_message_header(struct strbuf *out, uint32_t type, const struct wsman_guid *rpid,
                         const struct wsman_guid *pid);
/* "PIPELINE_OUTPUT"; "message type 0x..." for one that is not known, in static storage that the
 * next call reuses. */
const char *psrp_type_name(uint32_t type);

#endif
