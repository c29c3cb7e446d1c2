/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange.h - an Exchange organisation over remote PowerShell: a session, its listings, changes of
 * personal exemptions, and the servers of the organisation. Every cmdlet that is ever sent is in
 * this room.
 *
 * A session belongs to one thread; with `parallel` it opens more of its kind, and each has one
 * request in flight.
 */
#ifndef EASG_EXCHANGE_H
#define EASG_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

#include "auth.h"
#include "http.h"

struct exch;

/* Levels of exch_env.log are those of the SDK: 0 error .. 4 trace. */
enum { EXCH_ERROR = 0, EXCH_WARNING, EXCH_INFO, EXCH_DEBUG, EXCH_TRACE };

/* What the session needs of its surroundings. Valid until exch_close(); no member is NULL. */
struct exch_env {
    void *user;
    void (*log)(void *user, int level, const char *text);
    int (*cancelled)(void *user);
    int64_t (*remaining_ms)(void *user);
    easg_status (*sleep_ms)(void *user, int64_t ms); /* ends early when cancelled */
};

struct exch_options {
    const char *url;                 /* https://host/powershell */
    const struct http_options *http; /* cancelled and user are set by the session */
    struct auth *auth;               /* borrowed until exch_close() */
    const char *redirect_allow; /* "host,.domain": where Create may be sent on; NULL: nowhere */
    struct exch_env env;
    int64_t operation_timeout_ms; /* WS-Man OperationTimeout */
    size_t max_envelope;
    int view_entire_forest;
    int select_columns; /* let the server leave out what is not wanted, where it can */
    uint32_t needs;     /* EASG_NEED_* beyond a run's own work, for exch_check() */
    /* The tenant that every listing is confined to by -Organization, where the account sees more
     * than one; NULL: the account's own view. */
    const char *organization;
    int parallel; /* cmdlets in flight at the same time, each in a session of its own; 0, 1: one */
    /* The way and the log-on of one more session; it is the caller's until exch_close(). What
     * `http` borrows is let go of by made(), which is called in any case. */
    easg_status (*more)(void *user, struct http_options *http, struct auth **auth, easg_error *err);
    void (*made)(void *user);
    void *more_user;
    int lane;  /* within the room: this is one */
    int alone; /* nobody asks this organisation for its servers */
};

/* Creates the shell, opens the runspace pool, learns the cmdlets that this account has. */
easg_status exch_open(const struct exch_options *options, struct exch **out,
                      easg_error *err) EASG_MUST_CHECK;
/* Does a server answer at `url`? TLS is verified, no credentials are sent: 401 is a good answer.
 * `http` as in exch_options, with cancelled and user set. */
easg_status exch_reach(const struct http_options *http, const char *url, int64_t timeout_ms,
                       easg_error *err) EASG_MUST_CHECK;
/* Deletes the shell on the server, whatever state the session is in, in at most five seconds. NULL
 * is fine. */
void exch_close(struct exch *x);

/* Where records go. Anything but EASG_OK ends the listing with that status. */
struct exch_receiver {
    void *user;
    easg_status (*org)(void *user, const easg_org_settings *settings);
    easg_status (*mailbox)(void *user, const easg_mailbox *mailbox);
    easg_status (*device)(void *user, const easg_device *device);
};

/* Each is complete, or an error: a warning that the server cut the list, an error record among the
 * objects, an object without identity end it. Mailboxes come before the devices that name them. */
easg_status exch_list_full(struct exch *x, const struct exch_receiver *to,
                           easg_error *err) EASG_MUST_CHECK;
/* What changed since `since`; everything where the server takes no filter. */
easg_status exch_list_quick(struct exch *x, easg_time since, const struct exch_receiver *to,
                            easg_error *err) EASG_MUST_CHECK;
/* One mailbox and its devices, by GUID or by distinguished name. EASG_E_NOTFOUND: there is none. */
easg_status exch_list_mailbox(struct exch *x, const easg_str *id, const struct exch_receiver *to,
                              easg_error *err) EASG_MUST_CHECK;

typedef easg_status (*exch_result_fn)(void *user, const easg_item_result *result);
/* Makes the changes mailbox by mailbox: reads both lists, sends only what differs in one
 * Set-CASMailbox, reads back. One result an item; EASG_OK when each got one. */
easg_status exch_apply(struct exch *x, const easg_change *const *items, size_t n,
                       exch_result_fn emit, void *user, easg_error *err) EASG_MUST_CHECK;

typedef easg_status (*exch_endpoint_fn)(void *user, const easg_endpoint *endpoint);
/* Servers with the client access role, as https://FQDN/powershell. */
easg_status exch_discover(struct exch *x, exch_endpoint_fn emit, void *user,
                          easg_error *err) EASG_MUST_CHECK;

/* ---- for an administrator (check.c) ---- */

/* One hop; `grade` is 0 fine, 1 look at it, 2 failed (with its status), 3 not tried. Anything but
 * EASG_OK ends the check. */
typedef easg_status (*exch_check_fn)(void *user, int grade, easg_status status, const char *name,
                                     const char *text);
/* Name, TCP, TLS, log-on, runspace, each cmdlet and parameter, settings, servers, throttling policy
 * and clock, in this order; changes nothing. */
void exch_check(const struct exch_options *options, exch_check_fn emit, void *user);
/* PowerShell that makes a role group with just what is needed. */
const char *exch_role_script(void);

#endif
