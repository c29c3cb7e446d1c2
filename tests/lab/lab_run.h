/* SPDX-License-Identifier: Apache-2.0
 *
 * lab_run.h - shells, pipelines under way, and what cmdlets are made of.
 *
 * A pipeline is pulled: a Receive asks the last stage for the next object, which asks the one
 * before, so a listing of a million devices exists only one object at a time. Cmdlets that change
 * something do so in open(), which runs when the Command has arrived whole.
 */
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include <pthread.h>

#include "lab.h"
#include "lab_psrp.h"

struct run;
struct stage;

/* ---- objects ---- */

struct item;
typedef void (*prop_write)(struct cx *x, const char *name, struct item *it);
struct prop {
    const char *name;
    prop_write write;
};
struct kind {
    const char *const *types;
    void (*tostring)(struct item *it, char out[720]);
    void (*load)(struct item *it); /* fills the texts once an object; may be NULL */
    const struct prop *props;
    unsigned n_props;
    const char *key; /* names it when nothing else is asked */
};
struct selection; /* of Select-Object */
struct item {
    const struct kind *kind;
    uint32_t index;
    uint64_t number;                  /* of a count */
    const struct selection *selected; /* NULL: the whole object */
    int blank;                        /* fault: an object without identity */
    const char *text;
    union {
        struct device_text dev;
        struct mailbox_text box;
    } t;
};
extern const struct kind kind_device, kind_device_2010, kind_statistics, kind_cas_mailbox,
    kind_mailbox, kind_user, kind_recipient, kind_settings, kind_rule, kind_class, kind_server,
    kind_throttling, kind_policy, kind_policy_2010, kind_command, kind_measure;

/* The whole object, or the chosen columns as note properties. */
void item_write(struct cx *x, struct item *it);

#define MAX_COLUMNS 64
struct selection {
    unsigned n;
    char *column[MAX_COLUMNS];
};

/* ---- cmdlets ---- */

enum param_kind { P_SWITCH, P_TEXT, P_LIST, P_ANY, P_NUMBER };
struct param {
    const char *name;
    enum param_kind kind;
    int position; /* 1 on; 0: by name only */
};
enum {
    CMD_WRITES = 1,   /* changes the model */
    CMD_CONFIRMS = 2, /* asks back unless -Confirm:$false */
    CMD_MAY_ASK = 4,  /* has -Confirm and -WhatIf, asks only when told to */
    CMD_SINCE_2013 = 8,
    CMD_ENGINE = 16, /* PowerShell's own: no RBAC, no DomainController */
};
struct cmdlet {
    const char *name;
    unsigned flags;
    const struct param *params; /* ends with a NULL name */
    /* 0: a terminating error or a prompt was raised */
    int (*open)(struct run *r, struct stage *s);
    /* 1: an object in *out; 0: no more */
    int (*next)(struct run *r, struct stage *s, struct item *out);
    const char *module_class; /* behind the comma of error ids */
};
extern const struct cmdlet *const cmdlets[];
/* As this account in this version sees it, or NULL. */
const struct cmdlet *cmdlet_find(const char *name);
int cmdlet_visible(const struct cmdlet *c);
void cmdlet_count(const struct cmdlet *c);
void cmdlet_counts(struct buf *json); /* "Name":n,... of those that ran */
/* The n-th parameter that this account may use, the common ones included; NULL at the end. */
const struct param *cmdlet_param(const struct cmdlet *c, unsigned n);

#define MAX_ARGS   40
#define MAX_STAGES 6
struct stage {
    const struct cmdlet *c;
    const struct param *param[MAX_ARGS];
    const struct clx *value[MAX_ARGS];
    unsigned n_args;
    struct stage *up;
    uint64_t at;    /* cursor of next() */
    uint64_t given; /* objects handed out */
    uint64_t limit; /* ResultSize */
    int defaulted;  /* the limit is the default of 1000 */
    int mode;       /* of the cmdlet */
    int opened;     /* counted */
    uint32_t only;  /* one object, or NONE */
    uint32_t extra;
    struct selection sel;
    struct item held;
    struct filter *filter;
};

/* Value of a parameter, or NULL when it was not given. */
const struct clx *stage_arg(const struct stage *s, const char *name);
const char *stage_text(const struct stage *s, const char *name); /* "" when absent or blank */
int stage_switch(const struct stage *s, const char *name, int otherwise);
/* Reads -ResultSize. 0: error raised. */
int stage_limit(struct run *r, struct stage *s);
/* Counts towards the limit; when it is reached, warns and says 0. */
int stage_room(struct run *r, struct stage *s);

/* ---- filters (filter.c) ---- */

struct filter;
struct filter *filter_parse(const char *text, char why[160]);
void filter_free(struct filter *f);
int filter_device(const struct filter *f, const struct model *m, uint32_t device);
int filter_mailbox(const struct filter *f, const struct model *m, uint32_t mailbox);

/* ---- pipelines ---- */

enum run_state { RUN_COLLECTING, RUN_GOING, RUN_ASKING, RUN_DONE, RUN_STUCK };
struct queued {
    struct queued *next;
    struct buf message; /* with its header */
    uint64_t object;
};
struct run {
    struct run *next;
    struct shell *shell;
    char id[40]; /* CommandId on the wire */
    unsigned char pid[16];
    struct defrag in;
    struct clx_doc *doc;
    const struct clx *statements; /* LST of {Cmds}, or NULL: the one in cmds */
    const struct clx *cmds;
    size_t statement;
    struct stage stages[MAX_STAGES];
    unsigned n_stages;
    int writes;
    int asks_input;
    int ended_input;
    int error_action_stop;
    unsigned opening; /* stage whose open() asked */
    int answer;       /* -1: none yet */
    int64_t call_id;
    enum run_state state;
    struct queued *first;
    struct queued **last;
    size_t offset; /* into the first message */
    uint64_t fragment;
    int done_sent;
    uint64_t objects;
    uint64_t started;
};

struct shell {
    struct shell *next;
    unsigned refs;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    char id[40];
    char cookie[40];
    unsigned cas;
    unsigned char rpid[16];
    int gone;
    int host_null;
    enum shapes shapes;
    int entire_forest;
    uint64_t next_object;
    unsigned commands; /* slots in use */
    struct run *runs;
    struct run pool; /* messages of the runspace pool */
    uint64_t idle_ms;
    uint64_t touched;
    int64_t calls;
    char version[8];
    unsigned cmdlets;
    int tenant; /* the session is within one organisation */
};

/* shells.c. Finding takes a reference. */
struct shell *shell_create(unsigned cas, const char *id, const char **why);
struct shell *shell_find(unsigned cas, const char *id);
void shell_release(struct shell *s);
void shell_delete(struct shell *s);
unsigned shell_count(void);
void shell_wake_all(void);
struct run *shell_run(struct shell *s, const char *id);
struct run *shell_add_run(struct shell *s, const char *id);
void shell_drop_run(struct shell *s, struct run *r);

/* run.c. The shell's lock is held in all of these. */
void run_init(struct run *r, struct shell *s, const char *id);
void run_clear(struct run *r);
/* Takes PSRP bytes of the client. 0 and a reason when they are broken. */
int run_feed(struct run *r, const unsigned char *p, size_t n, const char **why);
/* Makes sure that a message is queued if one can be had; 0: nothing now. */
int run_produce(struct run *r);
void run_stop(struct run *r);

void run_emit(struct run *r, struct item *it);
struct buf *run_message(struct run *r, uint32_t type); /* CLIXML to be appended by the caller */
void run_warn(struct run *r, const char *text);

struct failure {
    const char *exception; /* type name */
    const char *message;
    const char *id; /* FullyQualifiedErrorId; for Exchange's own made by run_exchange_error */
    int category;
    const char *category_name;
    const char *target;
    const char *activity;
};
void run_error(struct run *r, const struct failure *f);
void run_fail(struct run *r, const struct failure *f); /* terminating: state 5 */
/* An error as Exchange's cmdlets raise it: id with server, request, time and FailureCategory. */
void run_exchange_error(struct run *r, struct stage *s, const char *exception, const char *message,
                        int category, const char *category_name, const char *target);
/* 1: go on; 0: the answer was no; -1: asked now, or cannot be asked: open() returns 0. */
int run_confirm(struct run *r, struct stage *s, const char *question, int always);

/* Terminating: the account has used up its budget, and the cmdlet did not begin. */
void run_over_budget(struct run *r, unsigned wait_ms);

/* profile.c */
int profile_parse(const char *name); /* 0: there is none of that name */
const char *profile_name(void);
unsigned profile_shells(void); /* sessions that one account may have */
int profile_grants(const struct cmdlet *c);
int profile_has_organization(const struct cmdlet *c);
void profile_enter(struct shell *s, const char *query);
int profile_send_on(const struct call *c, struct reply *r); /* 1: redirected */
int profile_refuses(struct run *r, struct stage *s);        /* 1: an error was raised */

/* bind.c: fills r->stages from a list of commands. 0: a terminating error was raised. */
int run_bind(struct run *r, const struct clx *cmds);

#endif
