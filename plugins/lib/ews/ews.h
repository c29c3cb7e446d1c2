/* SPDX-License-Identifier: Apache-2.0
 *
 * ews.h - Exchange Web Services as far as a notifier needs them: send one message and keep a copy,
 * look a sent one up, and a harmless call to see whether the account works.
 *
 * Where the service is, is found by ews_discover.h.
 */
#ifndef EASG_EWS_H
#define EASG_EWS_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "alloc.h"
#include "auth.h"
#include "http.h"
#include "strbuf.h"

/* The header that carries our key; a fixed name, because each new one takes a slot of the mailbox's
 * named properties for good. */
#define EWS_KEY_HEADER "X-Easgate-Notification-Id"

struct ews;

struct ews_options {
    const char *url;        /* "https://mail.contoso.example/EWS/Exchange.asmx" */
    const char *mailbox;    /* address: X-AnchorMailbox, and whom impersonation becomes */
    int impersonate;        /* 1: act as `mailbox` (ApplicationImpersonation) */
    const char *request_id; /* UUID for the server's logs; may be NULL */
    struct auth *auth;      /* borrowed: outlives the ews */
    const struct http_options *http;
    int64_t request_timeout_ms; /* 0: 2 min. Never more than what remains */
    int64_t (*remaining_ms)(void *user);
    int64_t (*monotonic_ms)(void *user);
    easg_status (*sleep_ms)(void *user, int64_t ms);
    /* Optional: told of each attempt that was refused and will be repeated. */
    void (*retried)(void *user, const char *text, int64_t wait_ms);
    void *user;
};

easg_status ews_create(const struct ews_options *options, struct ews **out,
                       easg_error *err) EASG_MUST_CHECK;
void ews_destroy(struct ews *e);

/* One message: its MIME text, and what is said about it beside. All borrowed. */
struct ews_message {
    easg_str key;        /* goes into EWS_KEY_HEADER */
    easg_str message_id; /* with its angle brackets, the same as in the MIME text */
    easg_str to;
    easg_str language; /* may be absent */
    const struct strbuf *mime;
};

/* Sends the message and keeps a copy in Sent Items. What a server refused without doing it (busy,
 * moving, a schema version that it does not know) is asked again a few times, as long as it says
 * and remaining_ms() allows. What may have been done is never asked again.
 *
 *   EASG_OK            the store took it
 *   EASG_E_UNCERTAIN   it may or may not have been taken: ews_find() before another ews_send()
 *   EASG_E_THROTTLED, EASG_E_UNAVAILABLE  not taken; later. retry_after_ms says when, if the server
 *                      did; until then nothing is sent by this object
 *   EASG_E_UNREACHABLE not taken; when ews_moved() says so, the service has to be found anew
 *   EASG_E_NOTFOUND    the recipient is not valid
 *   EASG_E_LIMIT       too large, or the sender's mailbox is full
 *   EASG_E_AUTH, EASG_E_DENIED  the account: this object asks no more
 *   EASG_E_FAIL        the server does not take our request; a bug, it names the place
 *   and http_perform()'s where nothing was handed over. */
easg_status ews_send(struct ews *e, const struct ews_message *m, easg_error *err) EASG_MUST_CHECK;

/* Looks for the key in Sent Items, Outbox and Drafts. EASG_OK: it was sent, or waits in the Outbox
 * to be sent by the server. EASG_E_NOTFOUND: no such message. EASG_E_UNCERTAIN: it lies in Drafts,
 * where a submission begins and ends. Other statuses: not known. */
easg_status ews_find(struct ews *e, const easg_str *key, easg_error *err) EASG_MUST_CHECK;

/* Reads the Sent Items folder's id: settles the schema version, and shows whether the account works
 * before anything is sent. */
easg_status ews_probe(struct ews *e, easg_error *err) EASG_MUST_CHECK;

/* 1: the last failure says that the mailbox is served elsewhere. */
int ews_moved(const struct ews *e);

#endif
