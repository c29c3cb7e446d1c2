/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_psrp.h - fragments and messages of the PowerShell Remoting Protocol, server side.
 */
#ifndef LAB_PSRP_H
#define LAB_PSRP_H

#include "lab_buf.h"
#include "lab_clixml.h"

enum {
    MSG_SESSION_CAPABILITY = 0x00010002,
    MSG_INIT_RUNSPACEPOOL = 0x00010004,
    MSG_PUBLIC_KEY = 0x00010005,
    MSG_RUNSPACEPOOL_STATE = 0x00021005,
    MSG_CREATE_PIPELINE = 0x00021006,
    MSG_APPLICATION_PRIVATE_DATA = 0x00021009,
    MSG_GET_COMMAND_METADATA = 0x0002100A,
    MSG_PIPELINE_INPUT = 0x00041002,
    MSG_END_OF_INPUT = 0x00041003,
    MSG_PIPELINE_OUTPUT = 0x00041004,
    MSG_ERROR_RECORD = 0x00041005,
    MSG_PIPELINE_STATE = 0x00041006,
    MSG_WARNING_RECORD = 0x00041009,
    MSG_PROGRESS_RECORD = 0x00041010,
    MSG_PIPELINE_HOST_CALL = 0x00041100,
    MSG_PIPELINE_HOST_RESPONSE = 0x00041101,
};

#define PSRP_MAX_MESSAGE (16u << 20)

struct psrp_message {
    uint32_t destination;
    uint32_t type;
    unsigned char pool[16];
    unsigned char pipeline[16];
    const char *data; /* CLIXML; may be empty */
    size_t n;
};

/* Puts one direction's fragments together again. Zero-initialised. */
struct defrag {
    struct buf whole;
    uint64_t object;
    uint64_t next_fragment;
    int open; /* a message is under way */
};
void defrag_clear(struct defrag *d);
/* Takes one fragment from the front of *p; fills out when it ended a message (valid until the
 * next call). 1: message, 0: more needed, -1: broken, with a reason. */
int defrag_feed(struct defrag *d, const unsigned char **p, size_t *n, struct psrp_message *out,
                const char **why);

/* Begins a message in b: header, then the byte order mark that servers send. */
void psrp_begin(struct buf *b, uint32_t type, const unsigned char pool[16],
                const unsigned char pipeline[16]);
/* Appends one fragment (header and blob) to b. */
void psrp_fragment(struct buf *b, uint64_t object, uint64_t fragment, int start, int end,
                   const char *blob, size_t n);

#endif
