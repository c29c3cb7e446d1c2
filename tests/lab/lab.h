/* SPDX-License-Identifier: Apache-2.0
 *
 * lab.h - one running lab: options, addresses, secrets, counters, faults.
 */
#ifndef LAB_H
#define LAB_H

#include <stdatomic.h>
#include <stdint.h>

#include "lab_model.h"

enum generation { EXCHANGE_2010, EXCHANGE_2016, EXCHANGE_2019, EXCHANGE_SE };
enum profile { PROFILE_ONPREM, PROFILE_HOSTED, PROFILE_DEDICATED };
#define MAX_CAS 16

struct options {
    const char *dir;
    uint32_t devices;
    uint32_t managed; /* NONE: by the scenarios */
    uint64_t seed;
    uint32_t now; /* 0: the clock */
    unsigned cas;
    int level; /* -1: allow */
    enum generation generation;
    enum profile profile;
    int include_all;
    int winrm2;
    int cookie; /* a shell is found with its cookie only */
    int throttle;
    int enforce;
    int quiet;
    int log;
    int until_stdin_closes;
    long parent;
    unsigned seconds;
    unsigned page_size;
    unsigned envelope;
    unsigned fragment;
    unsigned token_life;
    const char *shapes; /* mixed, full, string, or NULL: as the URL asks */
    const char *faults[64];
    unsigned n_faults;
};

struct stats {
    _Atomic uint64_t requests;
    _Atomic uint64_t bytes_in;
    _Atomic uint64_t bytes_out;
    _Atomic uint64_t exchange_requests;
    _Atomic uint64_t exchange_bytes; /* both ways */
    _Atomic uint64_t connections;
    _Atomic uint64_t shells_created;
    _Atomic uint64_t shells_deleted;
    _Atomic uint64_t shells_expired;
    _Atomic uint64_t shells_peak;
    _Atomic uint64_t pipelines;
    _Atomic uint64_t pipelines_terminated;
    _Atomic uint64_t objects;
    _Atomic uint64_t graph_requests;
    _Atomic uint64_t graph_throttled;
    _Atomic uint64_t tokens;
    _Atomic uint64_t token_refusals;
    _Atomic uint64_t auth_failures;
    _Atomic uint64_t redirects;   /* sessions sent on by the front door of a hoster */
    _Atomic uint64_t over_budget; /* cmdlets refused by a tenant's budget */
    _Atomic uint64_t discovers; /* requests to Autodiscover */
    _Atomic uint64_t set_cas_changes; /* list entries added or removed */
};

struct pair_of_pem {
    char *cert;
    char *key;
};

struct lab {
    struct options opt;
    struct model m;
    struct stats stats;
    uint16_t cas_port[MAX_CAS];
    _Atomic int cas_down[MAX_CAS];
    uint16_t graph_port;
    char exchange_user[64]; /* CONTOSO\svc-easgate */
    char exchange_upn[64];
    char exchange_password[40];
    guid_text tenant;
    guid_text client;
    char client_secret[48];
    guid_text include_group;
    guid_text exclude_group;
    guid_text nested_group;
    unsigned char hmac_key[32]; /* of access tokens */
    char *app_pem;              /* certificate of the Entra application */
    struct pair_of_pem leaf;
    struct pair_of_pem rogue; /* of another authority */
    struct pair_of_pem expired;
    char *ca_pem;
    _Atomic int stopping;
};

extern struct lab lab;

/* ---- http.c ---- */

enum side { SIDE_EXCHANGE, SIDE_GRAPH };
enum delivery { DELIVER, DELIVER_RESET, DELIVER_TRUNCATED };

struct call {
    enum side side;
    unsigned cas;
    const char *method;
    const char *path;  /* decoded, without the query */
    const char *query; /* raw, "" when absent */
    const char *host;  /* of the Host header */
    const char *body;
    size_t body_n;
    /* Value of a header without regard to case, or NULL. */
    const char *(*header)(const struct call *c, const char *name);
    void *connection;
    const struct call *outer; /* of a part of a batch: its headers apply */
};
struct reply {
    unsigned status;
    enum delivery delivery;
    struct buf body;
    const char *type;   /* content type; NULL: none */
    struct buf headers; /* Name: value lines */
};
void reply_header(struct reply *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Handlers of whole paths: to add a service is to add a file and a line in http.c. */
void exchange_handle(const struct call *c, struct reply *r);
void token_handle(const struct call *c, struct reply *r);
void graph_handle(const struct call *c, struct reply *r);
void control_handle(const struct call *c, struct reply *r);
void ews_handle(const struct call *c, struct reply *r);
void autodiscover_handle(const struct call *c, struct reply *r);
/* ews.c: 1, or 0 with a 401 in the reply. */
int lab_basic(const struct call *c, struct reply *r);
void ews_mail_list(struct buf *b); /* a line of JSON for each message of the mailbox */
void ews_mail_clear(void);

int http_start(void);
void http_stop(void);
/* Sleeps, but not beyond the end of the lab. Returns at once when the lab stops. */
void http_pause(unsigned ms);

/* control_org.c: what the organisation decides for everybody; POST is another administrator. */
void control_org(const struct call *c, struct reply *r);

/* ---- faults.c ---- */

/* NAME[:ARGUMENT][@N]; 0 and a message on stderr-ready text when the name is unknown. */
int fault_add(const char *spec, char why[160]);
void fault_clear(void);
/* Counts a matching occasion and says whether the fault strikes. `where` is what an argument
 * may name (operation, path); NULL: the argument is the caller's business and given in arg. */
int fault_strikes(const char *name, const char *where, char arg[64]);
/* A fault of that name is there, whatever its count. */
int fault_present(const char *name);
void fault_list(struct buf *b); /* JSON array */

/* ---- token.c ---- */

/* 0 when the bearer token is good, else the HTTP status: 401, 403. */
int token_check(const char *authorization);

/* ---- pki.c, config.c ---- */

int pki_make(void);
void pki_free(void);
int config_write(void);
int file_write(const char *name, const char *text, size_t n, unsigned mode);

uint64_t clock_ms(void);
void random_bytes(void *p, size_t n);
void random_guid(guid_text out, int upper);

#endif
