/* SPDX-License-Identifier: Apache-2.0
 *
 * exch_private.h - what the files of this room share.
 */
#ifndef EASG_EXCH_PRIVATE_H
#define EASG_EXCH_PRIVATE_H

#include "clixml_record.h"
#include "clixml_value.h"
#include "exchange.h"
#include "psrp_pool.h"
#include "wsman.h"

/* ---- cmdlets that this account may or may not have ---- */

enum exch_cmdlet {
    C_GET_MOBILE_DEVICE,
    C_GET_EAS_DEVICE,
    C_GET_CAS_MAILBOX,
    C_SET_CAS_MAILBOX,
    C_GET_SETTINGS,
    C_GET_USER,
    C_GET_SERVER,
    C_SELECT,
    C_COUNT
};

enum {
    P_RESULT_SIZE = 1u << 0,
    P_FILTER = 1u << 1,
    P_MAILBOX = 1u << 2,
    P_IDENTITY = 1u << 3,
    P_TYPE_DETAILS = 1u << 4,
    P_ALLOWED = 1u << 5,
    P_BLOCKED = 1u << 6,
    P_CONFIRM = 1u << 7,
    P_PROPERTY = 1u << 8,
    P_ORGANIZATION = 1u << 9
};

struct exch_known {
    int present;
    int told; /* its parameters are known; else they are all believed to be there */
    unsigned parameters;
};

extern const char *const exch_cmdlet_names[C_COUNT];
/* Runs Get-Command. */
easg_status exch_learn(struct exch *x, easg_error *err) EASG_MUST_CHECK;
int exch_has(const struct exch *x, enum exch_cmdlet c, unsigned parameter);
/* EASG_E_DENIED with the remedy when the account lacks it. */
easg_status exch_need(const struct exch *x, enum exch_cmdlet c, unsigned parameters,
                      easg_error *err) EASG_MUST_CHECK;
/* The tenant as -Organization, put behind the `*n` parameters that are there. Without one to name,
 * nothing. A listing by anything but one identity must be confined; EASG_E_DENIED when the account
 * does not have the parameter. */
easg_status exch_confine(const struct exch *x, enum exch_cmdlet c, int must,
                         struct psrp_parameter *p, size_t *n, easg_error *err) EASG_MUST_CHECK;
/* What to grant for a cmdlet, for error texts; "" when not known. */
const char *exch_remedy(const char *cmdlet);

/* ---- failures ---- */

/* The first error of a pipeline or of the pool, as text that is safe to print. */
struct exch_failure {
    int set;
    int fatal; /* ended the pipeline */
    char message[300];
    char id[120]; /* FullyQualifiedErrorId without server, request, time */
    char exception[100];
    char category[64]; /* FailureCategory, or ErrorCategory_Reason */
};

void exch_failure_take(struct exch_failure *f, const struct psrp_record *r);
/* The status that it means, with domain and text in `err`. */
easg_status exch_failure_error(const struct exch_failure *f, const char *cmdlet, easg_error *err);

/* ---- the session ---- */

#define EXCH_LANES 11u

struct exch_pipe;

/* The request that is under way. */
struct exch_flight {
    struct wsman_request *wsman;
    struct http_request request;
    struct http_response response;
    struct auth_flight auth;
    easg_error err;
    easg_status status; /* of one that is through, or did not begin */
    int begun;
};

struct exch {
    struct exch_env env;
    struct http *http;
    struct auth *auth;
    char *url;
    char *redirect_allow;
    char *redirect_to; /* Create was sent on to this, which is allowed */
    struct wsman_session ws;
    int64_t operation_timeout_ms;
    size_t max_envelope;
    int select_columns;
    int alone;
    char *organization;
    struct wsman_reader *reader;
    struct psrp_pool *pool;
    struct strbuf envelope;
    struct strbuf fragments;
    char shell_id[WSMAN_ID_SIZE];
    int shell_open;
    int closing;   /* cancelled() is not asked any more */
    int broken;    /* the transport or the protocol failed: nothing more is sent but Delete */
    int uncertain; /* the last request may have run */
    struct exch_pipe *receiving;
    struct exch_flight flight;
    int concurrent;
    int forest;
    struct wsman_request opening; /* the request that is under way until the runspace is open */
    char proposed[WSMAN_GUID_TEXT];
    easg_status (*more)(void *user, struct http_options *http, struct auth **auth, easg_error *err);
    void (*made)(void *user);
    void *more_user;
    struct exch *lead;              /* of a further session: the one that opened it */
    struct exch *lanes[EXCH_LANES]; /* further sessions */
    size_t n_lanes;
    size_t most;        /* sessions at work together, itself among them: what the server grants */
    int64_t lanes_used; /* when, for those that the server forgets */
    struct exch_failure pool_failure;
    int64_t pace_ms;    /* before the next pipeline; raised by throttling warnings */
    unsigned smooth;    /* pipelines without such a warning */
    int no_filter;      /* the server refused a filter by WhenChangedUTC once */
    int no_name_filter; /* and one by DistinguishedName */
    struct exch_known known[C_COUNT];
    struct clixml_tree *tree;
};

/* Begins one more session of the same account at the same server. Its answers are taken with
 * exch_shell_step() until it is opened; then exch_view_forest() is to be run in it, if x->forest.
 */
easg_status exch_open_lane(struct exch *lead, struct exch **out, easg_error *err) EASG_MUST_CHECK;
easg_status exch_shell_step(struct exch *x, int *opened, easg_error *err) EASG_MUST_CHECK;
const struct exch_call *exch_view_forest(void);
/* The one that paces all sessions of the account. */
struct exch *exch_lead(struct exch *x);
void exch_log(struct exch *x, int level, const char *fmt, ...) EASG_PRINTF(3, 4);
/* 16 random bytes as a GUID; 0 when there is no randomness. */
int exch_new_guid(struct wsman_guid *g);
/* Sends one request and reads its answer; *answer is valid until the next. Faults other than
 * TimedOut are errors. */
easg_status exch_request(struct exch *x, struct wsman_request *r,
                         const struct wsman_answer **answer, easg_error *err) EASG_MUST_CHECK;

/* The same in two halves: `r` is borrowed in between. What begins must end, unless it failed. */
easg_status exch_request_begin(struct exch *x, struct wsman_request *r,
                               easg_error *err) EASG_MUST_CHECK;
int exch_request_running(const struct exch *x);
easg_status exch_request_end(struct exch *x, const struct wsman_answer **answer,
                             easg_error *err) EASG_MUST_CHECK;

/* UNCERTAIN as what it means where nothing was changed: TIMEOUT or UNREACHABLE. */
easg_status exch_reading_status(easg_status st, const easg_error *err);

/* ---- running pipelines ---- */

struct psrp_pipeline *exch_pipe_machine(struct exch_pipe *pipe);
easg_status exch_pipe_output(struct exch_pipe *pipe, const char *xml, size_t len,
                             easg_error *err) EASG_MUST_CHECK;
easg_status exch_pipe_record(struct exch_pipe *pipe, const struct psrp_record *r,
                             easg_error *err) EASG_MUST_CHECK;

typedef easg_status (*exch_output_fn)(void *user, const char *xml, size_t len, easg_error *err);

enum {
    EXCH_TOLERATE = 1u << 0, /* error records do not fail it */
    EXCH_WRITES = 1u << 1    /* changes something: a lost answer is EASG_E_UNCERTAIN */
};

struct exch_call {
    const struct psrp_command *commands;
    size_t n;
    unsigned flags;
    exch_output_fn output; /* one object; NULL: dropped */
    void *user;
    struct exch_failure *failure; /* NULL, or told what failed */
};

/* One pipeline that is under way; zero it is none. */
struct exch_pipe {
    struct exch *x;
    const struct exch_call *call;
    const char *name; /* of the first cmdlet, for texts */
    struct psrp_pipeline *machine;
    struct wsman_request request; /* that is under way */
    char command_id[WSMAN_ID_SIZE];
    int more;    /* of CREATE_PIPELINE is to be sent */
    int started; /* the server knows it */
    struct exch_failure failure;
    int cut; /* the server said that there are more results */
    int slowed;
    int64_t delay_ms; /* that the server says it put in */
    char warning[200];
    size_t objects;
};
/* Begins with the Command. Whatever comes of it, exch_pipe_end() follows. */
easg_status exch_pipe_begin(struct exch_pipe *pipe, struct exch *x, const struct exch_call *call,
                            easg_error *err) EASG_MUST_CHECK;
/* Takes the answer that came, and begins the next request, unless the pipeline is *through. */
easg_status exch_pipe_step(struct exch_pipe *pipe, int *through, easg_error *err) EASG_MUST_CHECK;
/* What exch_run() would return, but that nothing is tried again. */
easg_status exch_pipe_end(struct exch_pipe *pipe, easg_status st, easg_error *err) EASG_MUST_CHECK;
/* Until the request that is under way has its answer. */
void exch_request_wait(struct exch *x);

/* A call that lists, with all that it points to; must not move. */
#define EXCH_MAX_COLUMNS 32u
struct exch_listing {
    struct exch_call call;
    struct exch_failure failure;
    struct psrp_command commands[2];
    struct psrp_value columns[EXCH_MAX_COLUMNS];
    struct psrp_parameter property;
    struct clixml_decoder *decoder;
    clixml_record_fn fn;
    void *user;
    size_t objects;
};
easg_status exch_listing_begin(struct exch_listing *l, struct exch *x,
                               const struct psrp_command *command, const char *const *names,
                               clixml_record_fn fn, void *user, easg_error *err) EASG_MUST_CHECK;
/* 1: run it once more, because Select-Object was refused. */
int exch_listing_again(struct exch_listing *l, struct exch *x, easg_status st, easg_error *err);
void exch_listing_end(struct exch_listing *l);

/* After THROTTLED: how long to wait; 0: not any more. */
int64_t exch_budget_wait(struct exch *x, unsigned tries, const char *what, const easg_error *err);
/* After THROTTLED: waits as long as the server asked, or longer each time; 0: not any more. */
int exch_wait_budget(struct exch *x, unsigned tries, const char *what, easg_error *err);
/* From Command to Signal Terminate. EASG_OK: completed, not cut, without error records (unless
 * tolerated), and the output was all taken. */
easg_status exch_run(struct exch *x, const struct exch_call *call, easg_error *err) EASG_MUST_CHECK;
/* 1: not the cmdlet but the Select-Object behind it was refused. */
int exch_select_refused(const struct exch *x, const struct exch_failure *f);
/* The same for a listing: records of the properties `names` (NULL-terminated) go to `fn`. With
 * Select-Object behind it where that is possible. */
easg_status exch_run_records(struct exch *x, struct psrp_command *command, const char *const *names,
                             clixml_record_fn fn, void *user, struct exch_failure *failure,
                             easg_error *err) EASG_MUST_CHECK;

/* ---- names (names.c) ---- */

/* The mailbox of a device: its distinguished name without the first two parts. 0: it is not below
 * CN=ExchangeActiveSyncDevices. */
int exch_owner_dn(const easg_str *device_dn, easg_str *out);
/* Canonical form of a GUID, small letters; 0 when it is none or all zero. */
int exch_guid(const easg_str *text, char out[WSMAN_GUID_TEXT]);
/* One text of a record; absent when it is nil, missing or blank. */
easg_str exch_slot(const struct clixml_record *r, unsigned i);
easg_time exch_slot_time(const struct clixml_record *r, unsigned i);
/* "true" / "false"; -1 for neither. */
int exch_slot_bool(const struct clixml_record *r, unsigned i);

/* ---- records ---- */

extern const char *const exch_device_names[];
/* EASG_E_PROTOCOL when key, device id or mailbox are missing. Borrows from the record; `room` keeps
 * what has to be made. */
#define EXCH_CLAIM_MAX 1024u /* bytes of what a device says of itself; more is cut off */
#define EXCH_CLAIMS    5u
struct exch_device_room {
    char claims[EXCH_CLAIMS][EXCH_CLAIM_MAX + 1];
    char guid[WSMAN_GUID_TEXT];
    easg_kv extra;
    const easg_kv *extras[1];
};
easg_status exch_device(const struct clixml_record *r, struct exch_device_room *room,
                        easg_device *out, easg_error *err) EASG_MUST_CHECK;

extern const char *const exch_mailbox_names[];
#define EXCH_MAX_SMTP 1024u
struct exch_mailbox_room {
    char guid[WSMAN_GUID_TEXT];
    char sid[192];
    char upn[512];
    easg_str *smtp;
    const easg_str **smtp_ptrs;
    size_t max_smtp;
};
struct exch_people;
/* `people` may be NULL. */
easg_status exch_mailbox(const struct clixml_record *r, const struct exch_people *people,
                         struct exch_mailbox_room *room, easg_mailbox *out,
                         easg_error *err) EASG_MUST_CHECK;
void exch_mailbox_room_clear(struct exch_mailbox_room *room);

/* ---- people: SID and user principal name by mailbox GUID ---- */

extern const char *const exch_people_names[];
easg_status exch_people_create(struct exch_people **out, easg_error *err) EASG_MUST_CHECK;
void exch_people_destroy(struct exch_people *p);
easg_status exch_people_add(struct exch_people *p, const struct clixml_record *r,
                            easg_error *err) EASG_MUST_CHECK;
/* Sorts; look-ups come after it. */
void exch_people_seal(struct exch_people *p);
/* 1: found. Either text may come back empty. `primary` stands in where the principal name is the
 * same. */
int exch_people_find(const struct exch_people *p, const char *guid, const easg_str *primary,
                     char *sid, size_t sid_size, char *upn, size_t upn_size);
size_t exch_people_count(const struct exch_people *p);

/* ---- parts of listings (listing.c), used by quick.c and change.c ---- */

struct exch_scan {
    struct exch *x;
    const struct exch_receiver *to;
    struct exch_people *people;
    struct exch_mailbox_room room;
    size_t mailboxes;
    size_t devices;
    const char *want_guid; /* the only mailbox that may come; NULL: any */
    int (*is_new)(void *user, const easg_mailbox *m); /* NULL: all are; 0: not handed on */
    int (*keep)(void *user, const easg_device *d);    /* NULL: devices go to `to` */
    void *user;
    struct exch_failure *failure; /* of the people; NULL: not wanted */
};

/* A Get- whose records go to `fn` of the scan; must not move. */
#define EXCH_MAX_PARAMETERS 5u
struct exch_get {
    struct psrp_parameter p[EXCH_MAX_PARAMETERS];
    struct psrp_command command;
    const char *const *names;
    clixml_record_fn fn;
};
/* Makes s->people, which is to be sealed when all came. No command: the account has no Get-User. */
easg_status exch_get_people(struct exch_scan *s, const char *identity, const char *filter,
                            struct exch_get *g, easg_error *err) EASG_MUST_CHECK;
easg_status exch_get_mailboxes(struct exch_scan *s, const char *identity, const char *filter,
                               struct exch_get *g, easg_error *err) EASG_MUST_CHECK;

easg_status exch_scan_people(struct exch_scan *s, const char *identity, const char *filter,
                             easg_error *err) EASG_MUST_CHECK;
easg_status exch_scan_mailboxes(struct exch_scan *s, const char *identity, const char *filter,
                                struct exch_failure *f, easg_error *err) EASG_MUST_CHECK;
easg_status exch_scan_devices(struct exch_scan *s, const char *mailbox, const char *filter,
                              struct exch_failure *f, easg_error *err) EASG_MUST_CHECK;
void exch_scan_clear(struct exch_scan *s);
easg_status exch_emit_org(struct exch *x, const struct exch_receiver *to,
                          easg_error *err) EASG_MUST_CHECK;

#endif
