/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_run.h - inside the sync: what the steps of one run share. The tables of the store are the
 * doors between them; here is only what belongs to the run itself.
 */
#ifndef EASG_SYNC_RUN_H
#define EASG_SYNC_RUN_H

#include "err.h"
#include "policy.h"
#include "store_decision.h"
#include "store_listing.h"
#include "store_writer.h"
#include "strbuf.h"
#include "sync.h"

#define SYNC_TRIES_MAX       8                /* endpoints that one run turns to */
#define SYNC_BATCH           200              /* changes in one apply */
#define SYNC_QUICK_SLACK_MS  (15 * 60 * 1000) /* clock skew and directory replication */
#define SYNC_THROTTLE_TRIES  3
#define SYNC_THROTTLE_MAX_MS (10 * 60 * 1000)

struct sync {
    const struct sync_options *o;
    struct store *store;
    struct log *log;
    easg_time now;
    const char *step;

    struct instance_ref *source, *sink, *failover, *notifier;
    struct session_ref *source_session, *sink_session;
    char *endpoint; /* id of the one that answers, or answered last */
    char *tried[SYNC_TRIES_MAX];
    size_t n_tried;

    char *mailbox_id; /* USER: the mailbox, and its key */
    int64_t only_mk;

    /* this listing of Exchange */
    struct store_seen seen[STORE_KINDS];
    struct {
        int have;
        easg_access default_access;
        char org_id[128], server_version[128];
    } settings;
    easg_time watermark; /* newest WhenChanged seen */

    easg_time facts_at;
    int64_t facts_licensed, facts_targeted; /* of the listing at hand */
    int facts_shrank;                       /* what follows from them waits for a person */
    struct idregistry *ids;                 /* policy.id_registry, or NULL */
    int facts_answered;                     /* the manager said something in this run */
    enum policy_failure failure;            /* HOLD: facts are good, or nothing is changed */
    easg_status facts_status;               /* of an outage that the failure policy goes on with */
    easg_error facts_error;
    uint8_t default_access; /* enum in_default */

    struct store_counts counts;
    int64_t hard_failures; /* of actions */
    easg_status policy_status; /* of what is decided for everybody: the run goes on all the same */
    easg_error policy_error;
    int on_hold;           /* since an earlier run */
};

/* The steps, each in its file. */
easg_status sync_prepare(struct sync *s, easg_error *err);
easg_status sync_collect(struct sync *s, easg_error *err);
easg_status sync_diff(struct sync *s, easg_error *err);
easg_status sync_facts(struct sync *s, easg_error *err);
easg_status sync_platforms(struct sync *s, easg_error *err);
easg_status sync_settle(struct sync *s, easg_error *err);
easg_status sync_decide(struct sync *s, easg_error *err);
easg_status sync_plan(struct sync *s, easg_error *err);
easg_status sync_compare(struct sync *s, easg_error *err);
easg_status sync_approve(struct sync *s, easg_error *err);
easg_status sync_release(struct sync *s, easg_error *err);
easg_status sync_adopt_entries(struct sync *s, easg_error *err);
easg_status sync_orgpolicy(struct sync *s, easg_error *err);
easg_status sync_orgapply(struct sync *s, easg_error *err);
easg_status sync_device_command(struct sync *s, easg_error *err);
easg_status sync_notify(struct sync *s, easg_error *err);
easg_status sync_apply(struct sync *s, easg_error *err);
easg_status sync_tell(struct sync *s, easg_error *err);
easg_status sync_digest(struct sync *s, easg_error *err);
easg_status sync_publish(struct sync *s, easg_error *err);
easg_status sync_prune(struct sync *s, easg_error *err);
/* Not a step: always called, with what the steps came to. Returns the exit code. */
int sync_finish(struct sync *s, easg_status st, easg_error *why);

/* connect.c: opens the source on an endpoint that was not tried yet in this run. */
easg_status sync_connect(struct sync *s, easg_error *err);
/* The same after one that failed with `last` and the words in `err`; they stand when no other one
 * is left. */
easg_status sync_reconnect(struct sync *s, easg_status last, easg_error *err);
/* The session is of no use any more; 1: another endpoint may be tried. */
int sync_give_up_endpoint(struct sync *s, easg_status st, const easg_error *why);
/* Waits as long as a throttling peer asked, if that fits; 0: not worth it. */
int sync_wait_throttle(struct sync *s, easg_status st, const easg_error *why, int tries);

/* collect.c: one listing into the staged tables, ended. */
easg_status sync_list(struct sync *s, easg_scope scope, const char *mailbox_id, easg_error *err);
/* facts.c: a person said that the facts are right, few as they are. */
easg_status sync_facts_accept_shrunk(struct sync *s, easg_error *err);
/* decide.c: groups that have no decision yet are decided on stale facts (D01), so that nobody looks
 * at an empty row and wonders. */
easg_status sync_decide_stale(struct sync *s, easg_error *err);
/* orgplan.c: what this run held for everybody, judged again. */
easg_status sync_orgapprove(struct sync *s, easg_error *err);
/* decide.c: a quick run at that instant, or a few minutes after this one, whichever is later; the
 * supervisor starts it. */
easg_status sync_look_again(struct sync *s, const char *name, easg_time at, easg_error *err);
/* Exchange's lists as a verb leaves them. */
int sync_lists_as(easg_verb wire, uint32_t listed);
/* 1: this run may change Exchange. */
int sync_writes(const struct sync *s);
/* prepare.c: the configuration's generation, secrets included. */
void sync_generation(struct sync *s, char out[100]);
easg_status sync_open_sink(struct sync *s, easg_error *err);

/* A row of the audit chain with the fields as its detail, and the same in the log. */
easg_status sync_note(struct sync *s, easg_level level, const char *event, const char *subject,
                      const struct log_field *fields, size_t n, easg_error *err);
#define NOTE(s, err, level, event, subject, ...)                                                   \
    sync_note((s), (level), (event), (subject), LOG_FIELDS_(__VA_ARGS__),                          \
              sizeof LOG_FIELDS_(__VA_ARGS__) / sizeof(struct log_field), (err))

#endif
