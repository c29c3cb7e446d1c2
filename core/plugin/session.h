/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - an open connection of a module, and the receivers it is handed. They live as long as
 * the session, so that a plugin that kept one meets a refusal and not a dead stack frame.
 */
#ifndef EASG_SESSION_H
#define EASG_SESSION_H

#include "plugin_internal.h"

/* Items of one apply() or publish(), found by key, each answered once. */
struct answers {
    const struct result_sink *to;
    const easg_str **keys; /* n of them, borrowed */
    uint32_t *slots;       /* hash table of index + 1 */
    size_t n_slots;        /* power of two */
    uint8_t *answered;
    size_t n;
    size_t n_answered;
};

struct session_ref {
    struct instance_ref *instance;
    struct run_ref *run;
    easg_session *self;
    void(EASG_CALL *close)(easg_session *session);
    struct call *call; /* the one whose receivers may be used; NULL: none */
    easg_source_receiver source;
    easg_sink_receiver facts;
    easg_result_receiver results;
    easg_endpoint_receiver endpoints;
    const struct source_sink *source_to;
    const struct facts_sink *facts_to;
    const struct endpoint_sink *endpoint_to;
    struct answers answers;
};

/* Receivers that answer to `s`. */
void receivers_init(struct session_ref *s);

easg_status answers_init(struct answers *a, size_t n, easg_error *err);
void answers_clear(struct answers *a);
/* EASG_E_USAGE for a key that is there already. */
easg_status answers_add(struct answers *a, const easg_str *key, easg_error *err);
/* Marks `key`; EASG_E_USAGE: nobody asked, or it was answered before. */
easg_status answers_mark(struct answers *a, const easg_str *key, easg_error *err);
/* EASG_OK when all are answered, else EASG_E_USAGE naming the first that is not. */
easg_status answers_complete(const struct answers *a, easg_error *err);

#endif
