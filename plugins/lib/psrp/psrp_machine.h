/* SPDX-License-Identifier: Apache-2.0
 *
 * psrp_machine.h - what pool.c and pipeline.c share. Not for other rooms.
 */
#ifndef EASG_PSRP_MACHINE_H
#define EASG_PSRP_MACHINE_H

#include "clixml_value.h"
#include "psrp_fragment.h"
#include "psrp_message.h"
#include "psrp_pool.h"

struct psrp_pipeline {
    struct psrp_pool *pool;
    struct psrp_pipeline *next;
    struct wsman_guid id;
    enum psrp_pipeline_state state;
    unsigned errors;
    void *user;
    struct strbuf message; /* CREATE_PIPELINE, until all of it is taken */
    struct psrp_cutter cutter;
    struct psrp_defrag stream;
};

struct psrp_pool {
    struct wsman_guid id;
    const struct psrp_handler *handler;
    void *user;
    size_t max_message;
    enum psrp_pool_state state;
    unsigned minor; /* 0: SESSION_CAPABILITY has not come */
    char engine[48];
    uint64_t next_object;
    struct psrp_defrag stream;
    struct psrp_pipeline *pipelines;
    struct clixml_tree *tree;
};

void psrp_note(const struct psrp_pool *pool, const char *fmt, ...) EASG_PRINTF(2, 3);
/* Hands an ErrorRecord on. */
easg_status psrp_emit_error(struct psrp_pool *pool, struct psrp_pipeline *p,
                            enum psrp_record_kind kind, const struct clixml_value *v,
                            easg_error *err) EASG_MUST_CHECK;
/* A message of this pipeline. */
easg_status psrp_pipeline_message(struct psrp_pipeline *p, const struct psrp_message *m,
                                  easg_error *err) EASG_MUST_CHECK;
/* A host call, of the pool when `p` is NULL. */
easg_status psrp_host_call(struct psrp_pool *pool, struct psrp_pipeline *p,
                           const struct psrp_message *m, easg_error *err) EASG_MUST_CHECK;

#endif
