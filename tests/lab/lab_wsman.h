/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_wsman.h - WS-Management envelopes: reading requests, writing answers and faults.
 */
#ifndef LAB_WSMAN_H
#define LAB_WSMAN_H

#include "lab_buf.h"

enum ws_action {
    WS_CREATE,
    WS_COMMAND,
    WS_SEND,
    WS_RECEIVE,
    WS_SIGNAL,
    WS_DELETE,
    WS_GET,
    WS_UNKNOWN
};
extern const char *const ws_action_names[];

#define WS_MAX_STREAMS 8
struct ws_stream {
    char name[16];
    char command[40];
    struct buf bytes; /* base64 undone */
};
struct ws_request {
    enum ws_action action;
    char action_uri[160];
    char message_id[64];
    char resource[160];
    char to[256];
    char shell[40]; /* of the selector, or of Create's attribute */
    char command[40];
    char signal[120];
    char version[16]; /* protocolversion option */
    long envelope;    /* MaxEnvelopeSize */
    long timeout_ms;  /* OperationTimeout; -1: unreadable */
    long idle_ms;
    int compression; /* asked for */
    int keepalive;
    struct buf creation; /* creationXml, base64 undone */
    struct buf arguments;
    struct ws_stream stream[WS_MAX_STREAMS];
    unsigned n_streams;
};

/* 0 and a reason when it is not a usable envelope. */
int ws_parse(const char *p, size_t n, struct ws_request *q, const char **why);
void ws_clear(struct ws_request *q);

/* Everything up to and including <s:Body>, then the end. relates: the request's MessageID. */
void ws_begin(struct buf *b, const char *action, const char *relates);
void ws_end(struct buf *b);

struct ws_fault {
    uint32_t code;
    const char *who;     /* Sender, Receiver */
    const char *subcode; /* with prefix */
    const char *reason;
    const char *detail; /* FaultDetail URI, or NULL */
    const char *message;
};
void ws_fault(struct buf *b, const char *relates, const struct ws_fault *f);

#define NS_SHELL      "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
#define NS_TRANSFER   "http://schemas.xmlsoap.org/ws/2004/09/transfer"
#define NS_WSMAN      "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define NS_ADDRESS    "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define NS_MSWSMAN    "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
#define NS_SOAP       "http://www.w3.org/2003/05/soap-envelope"
#define NS_POWERSHELL "http://schemas.microsoft.com/powershell"
#define RESOURCE      "http://schemas.microsoft.com/powershell/Microsoft.Exchange"

#endif
