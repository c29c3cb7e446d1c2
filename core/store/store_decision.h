/* SPDX-License-Identifier: Apache-2.0
 *
 * store_decision.h - from what is known to what is done: devices with what decides about them,
 * decisions, actions, the ledger of our own entries, and the outbox. The unit of a decision is a
 * mailbox (mk) and an EAS id (ek): partnerships that share both share one entry in Exchange's lists
 * and one verdict.
 *
 * The each-functions commit between chunks of rows, so that the write-ahead log stays bounded; text
 * handed to a callback is borrowed for the call.
 */
#ifndef EASG_STORE_DECISION_H
#define EASG_STORE_DECISION_H

#include "store.h"
#include "strbuf.h"

enum store_join {
    STORE_JOIN_NONE,
    STORE_JOIN_SID,
    STORE_JOIN_IMMUTABLE,
    STORE_JOIN_SMTP,
    STORE_JOIN_AMBIGUOUS
};

/* ---- what is known (known.c) ---- */

struct store_device {
    int64_t mk, ek, k, row;
    easg_str key, device_id, type, os, user_agent, model;
    easg_access access;
};
/* Every device whose mailbox is known, by mk and ek; of one mailbox when `only_mk` is not 0. */
easg_status store_each_device(struct store *s, int64_t only_mk,
                              easg_status (*fn)(void *user, const struct store_device *d,
                                                easg_error *err),
                              void *user, easg_error *err);

struct store_mailbox {
    int64_t mk, version;                                /* version names its lists */
    char *mailbox_id, *sid, *upn, *primary_smtp, *smtp; /* owned; NULL: absent */
};
easg_status store_get_mailbox(struct store *s, int64_t mk, struct store_mailbox *out,
                              easg_error *err);
void store_clear_mailbox(struct store_mailbox *m);
int64_t store_mailbox_key(struct store *s, const char *mailbox_id);
/* By GUID, UPN or address. Owned id. EASG_E_NOTFOUND; EASG_E_CONFLICT: more than one. */
easg_status store_find_mailbox(struct store *s, const char *user, char **mailbox_id,
                               easg_error *err);
/* The group of a device by its key: EASG_E_NOTFOUND. */
easg_status store_find_device(struct store *s, const char *key, int64_t *mk, int64_t *ek,
                              easg_error *err);

/* 64 object ids */
enum { STORE_GROUPS_TEXT = 64 * 40 };
struct store_person {
    enum store_join joined;
    int64_t pk; /* 0: none */
    uint32_t flags;
    char id[128];
    char member_of[STORE_GROUPS_TEXT]; /* watched groups, blanks between them; "": none */
};
/* The one person of this mailbox: by SID, else by immutable id, else by an address that is nobody
 * else's. */
easg_status store_find_person(struct store *s, const struct store_mailbox *m,
                              struct store_person *out, easg_error *err);
/* What the person reads: "de-AT", or "" when that is not known. */
easg_status store_get_language(struct store *s, int64_t pk, char out[36], easg_error *err);

struct store_managed {
    int64_t k, uk; /* uk: pk of its person, 0 */
    easg_str id, eas_id, os, serial;
    uint32_t compliance, management, flags;
    int64_t hardware; /* digest of the serial number, 0: none */
    easg_time enrolled, last_seen, grace_until;
};
/* Every managed device that carries this EAS id. */
easg_status store_each_managed(struct store *s, int64_t ek, const easg_str *device_id,
                               easg_status (*fn)(void *user, const struct store_managed *m,
                                                 easg_error *err),
                               void *user, easg_error *err);
/* EASG_LISTED_ALLOWED | EASG_LISTED_BLOCKED: what the mailbox's lists hold, and which of it we
 * wrote. */
easg_status store_get_lists(struct store *s, int64_t mk, int64_t version, int64_t ek,
                            uint32_t *listed, uint32_t *ours, easg_error *err);
/* The best access of the group's devices: allowed, discovery, unknown, quarantined, blocked. */
easg_status store_get_access(struct store *s, int64_t mk, int64_t ek, easg_access *out,
                             easg_error *err);
/* Mailboxes that devices name and no listing had. */
easg_status store_count_unlisted(struct store *s, int64_t *out, easg_error *err);

/* ---- decisions (decisions.c) ---- */

/* The number of a verdict with its inputs; made when it is new. */
easg_status store_intern_verdict(struct store *s, const char *row, int action, const char *reason,
                                 const char *mail, const char *inputs, int64_t *id,
                                 easg_error *err);

/* The number of what a client says of itself; made when it is new. */
easg_status store_intern_claims(struct store *s, const easg_str *type, const easg_str *model,
                                const easg_str *os, const easg_str *user_agent, int64_t *id,
                                easg_error *err);
/* What the run at hand decides by: the policy as YAML under its digest, its clock, and the age of
 * the facts (EASG_TIME_NONE: none). */
easg_status store_put_basis(struct store *s, const char *digest, const char *text,
                            int64_t local_min, easg_time facts_at, easg_error *err);

struct store_decision {
    int64_t mk, ek, verdict;
    const char *device, *mailbox, *user, *device_id;
    int64_t mdk; /* 0: no record counts */
    const char *managed_device, *person;
    enum store_join joined;
    int64_t candidates;
    int cross_user;
    easg_time next_change, facts_at;
    const char *rule;       /* name of the local rule that decided; NULL: none */
    uint32_t managed_flags; /* of the record that counts */
    easg_time enrolled;     /* the same */
    int64_t claims;         /* see store_intern_claims() */
    const char *member_of;  /* watched groups of the person; NULL: none */
};
/* *changed 0: that is what we thought already, nothing is written. */
easg_status store_put_decision(struct store *s, const struct store_decision *d, easg_time now,
                               int *changed, easg_error *err);
easg_status store_has_decision(struct store *s, int64_t mk, int64_t ek, int *has, easg_error *err);
/* Takes the current decision from groups that have no partnership any more. */
easg_status store_drop_orphan_decisions(struct store *s, easg_error *err);

/* ---- what the decisions ask for (wanted.c) ---- */

struct store_wanted {
    int64_t mk, ek;
    int action; /* as interned: 0 leave, 1 allow, 2 block, 3 withdraw */
    uint32_t listed, ours;
    const char *device, *mailbox, *user, *device_id, *row, *reason, *mail;
    const char *member_of; /* watched groups of the person; NULL: none */
};
/* Every current decision other than leave, with the state of the lists. */
easg_status store_each_wanted(struct store *s, int64_t only_mk,
                              easg_status (*fn)(void *user, const struct store_wanted *w,
                                                easg_error *err),
                              void *user, easg_error *err);
/* Ledger entries whose partnership is gone. action is 3; device, row and mail are NULL. */
easg_status store_each_orphan(struct store *s, int64_t only_mk,
                              easg_status (*fn)(void *user, const struct store_wanted *w,
                                                easg_error *err),
                              void *user, easg_error *err);
/* The wanted state of one group: EASG_E_NOTFOUND when there is no decision. action may be
 * 0. */
easg_status store_get_wanted(struct store *s, int64_t mk, int64_t ek, int *action, uint32_t *listed,
                             uint32_t *ours, easg_error *err);

/* ---- actions (actions.c) ---- */

enum store_action_state {
    STORE_PLANNED = 0,
    STORE_HELD,
    STORE_APPROVED,
    STORE_STARTED, /* open */
    STORE_DONE,
    STORE_FAILED,
    STORE_SUPERSEDED
};

struct store_action {
    int64_t id, run, mk, ek;
    char *device, *mailbox, *user, *device_id, *row, *reason, *mail; /* owned; NULL: absent */
    easg_verb verb, wire;
    enum store_action_state state;
    easg_access access_before;
    uint32_t listed_before;
};
void store_clear_action(struct store_action *a);

/* The open action of a group; EASG_E_NOTFOUND. Only numbers are filled in. */
easg_status store_find_open_action(struct store *s, int64_t mk, int64_t ek,
                                   struct store_action *out, easg_error *err);
/* Inserts with the run at hand; a->id is set. Texts are only read. */
easg_status store_put_action(struct store *s, struct store_action *a, easg_time now,
                             easg_error *err);
/* Still wanted in this run; `adopt`: it also becomes an action of this run, planned. */
easg_status store_keep_action(struct store *s, const struct store_action *a, int adopt,
                              easg_error *err);
easg_status store_set_action(struct store *s, int64_t id, enum store_action_state state,
                             const char *error, easg_time now, easg_error *err);
/* Planned, held and approved actions that this run did not want any more; of one mailbox when
 * `only_mk` is not 0. */
easg_status store_supersede_unwanted(struct store *s, int64_t only_mk, easg_time now,
                                     easg_error *err);
/* Pending blocks of devices that have access, or an entry that gives it when they speak next: what
 * the blast guard counts. */
easg_status store_count_new_blocks(struct store *s, int64_t *out, easg_error *err);
/* All blocks of the run become held; or held ones that the run still wants become planned. */
easg_status store_hold_blocks(struct store *s, easg_error *err);
/* Every planned action of the run becomes held. */
easg_status store_hold_all(struct store *s, easg_error *err);
easg_status store_release_blocks(struct store *s, easg_error *err);
/* Of the run: actions that are planned, held; and all that are held in the organisation. */
easg_status store_count_actions(struct store *s, int64_t *planned, int64_t *held, easg_error *err);

/* Up to `max` actions in a state, from id `after` on, by id. */
easg_status store_list_actions(struct store *s, enum store_action_state state, int64_t after,
                               size_t max, struct store_action **out, size_t *n, easg_error *err);
/* Up to `max` that were done since then, from id `after` on, by id. */
easg_status store_list_done(struct store *s, easg_time since, int64_t after, size_t max,
                            struct store_action **out, size_t *n, easg_error *err);
/* Held ones of the run with that UUID. EASG_E_NOTFOUND: no such run. */
easg_status store_list_held(struct store *s, const char *run_uuid, struct store_action **out,
                            size_t *n, easg_error *err);
/* The next ones to send, by mailbox: approved ones and planned ones of this run. A mailbox is not
 * split unless it alone fills the batch. */
easg_status store_next_actions(struct store *s, size_t max, struct store_action **out, size_t *n,
                               easg_error *err);
void store_free_actions(struct store_action *list, size_t n);

/* ---- ledger (ledger.c) ---- */

/* What the lists hold after `a` was sent, or may have been: they are noted, and the ledger keeps of
 * our entries what is there. An entry that was there before without being ours stays foreign. */
easg_status store_note_lists(struct store *s, const struct store_action *a, uint32_t listed,
                             easg_time now, easg_error *err);

/* ---- outbox (outbox.c) ---- */

/* One mail: queued, sending, uncertain (open); sent, failed, suppressed (a rule spared it), none
 * (nobody to send it, or no address). */
struct store_mail {
    int64_t id, action, mk, ek, attempts, misses;
    easg_time created_at, attempt_at, deadline;
    easg_time period_from, period_to; /* of a digest */
    char *key, *user, *smtp, *device_id, *mail, *reason, *state, *template, *error; /* owned */
};
void store_clear_mail(struct store_mail *m);
void store_free_mails(struct store_mail *list, size_t n);
/* Texts are only read; m->id is set. */
easg_status store_put_mail(struct store *s, struct store_mail *m, easg_time now, easg_error *err);
/* 'sending' counts an attempt. */
easg_status store_set_mail(struct store *s, int64_t id, const char *state, const char *error,
                           easg_time now, easg_error *err);
/* A search for it found nothing. */
easg_status store_miss_mail(struct store *s, int64_t id, easg_time now, easg_error *err);
/* What an earlier run left `sending` is uncertain. */
easg_status store_doubt_mails(struct store *s, easg_error *err);
/* That of an action; the last one about a device that was not spared. EASG_E_NOTFOUND. */
easg_status store_find_mail(struct store *s, int64_t action, struct store_mail *out,
                            easg_error *err);
easg_status store_last_mail(struct store *s, int64_t mk, int64_t ek, struct store_mail *out,
                            easg_error *err);
/* Sent to a mailbox, or on their way, since then. */
easg_status store_count_mails(struct store *s, int64_t mk, easg_time since, int64_t *out,
                              easg_error *err);
/* Up to `max` open ones from id `after` on. */
easg_status store_list_mails(struct store *s, int64_t after, size_t max, struct store_mail **out,
                             size_t *n, easg_error *err);
/* A block that is not applied before then; EASG_TIME_NONE: it may go. */
easg_status store_set_wait(struct store *s, int64_t action, easg_time until, easg_error *err);
/* The earliest instant at which a waiting block may go; EASG_TIME_NONE: none waits for a time. */
easg_status store_next_wait(struct store *s, easg_time *out, easg_error *err);

/* An allowing action that is done, of a device whose user was told of a block. */
struct store_relief {
    int64_t action, mk, ek;
    char *user, *smtp, *device_id, *mail, *reason; /* owned */
};
easg_status store_next_relieved(struct store *s, easg_time since, int64_t after,
                                struct store_relief *out, int *more, easg_error *err);
void store_clear_relief(struct store_relief *r);

/* ---- digests to the help desk (digests.c) ---- */

enum store_digest_part {
    STORE_DIGEST_BLOCKED,
    STORE_DIGEST_QUARANTINED, /* blocked, and in quarantine before */
    STORE_DIGEST_ANNOUNCED,   /* told, and not blocked yet; `at` is when */
    STORE_DIGEST_HELD,        /* a row for each run; `text` is the run, `n` how many */
    STORE_DIGEST_UNDELIVERED, /* `text` is why */
    STORE_DIGEST_PARTS
};
struct store_digest_row {
    int64_t mk, ek, n;
    const char *user, *device_id, *mail, *text; /* NULL: absent */
    easg_time at;
};
/* What happened after `from` and up to `to`, by age, at most `max`; *all is how many there are. */
easg_status store_each_digest(struct store *s, enum store_digest_part part, easg_time from,
                              easg_time to, size_t max,
                              easg_status (*fn)(void *user, const struct store_digest_row *row,
                                                easg_error *err),
                              void *user, int64_t *all, easg_error *err);
/* The end of the last period that was told, or will be; EASG_TIME_NONE: none was. */
easg_status store_last_digest(struct store *s, easg_time *to, easg_error *err);
/* A mail about a period to an address; `key` is its idempotency key. */
easg_status store_put_digest(struct store *s, const char *key, const char *smtp, easg_time from,
                             easg_time to, easg_time now, easg_error *err);

/* What a device and its user are called, added to buffers of the caller; nothing when not known. */
struct store_words {
    struct strbuf display_name, friendly_name, model, type, os;
};
easg_status store_get_words(struct store *s, int64_t mk, int64_t ek, struct store_words *out,
                            easg_error *err);

#endif
