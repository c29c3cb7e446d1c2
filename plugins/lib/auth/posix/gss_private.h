/* SPDX-License-Identifier: Apache-2.0
 *
 * gss_private.h - what the files of the GSSAPI body share.
 */
#ifndef EASG_GSS_PRIVATE_H
#define EASG_GSS_PRIVATE_H

#include <gssapi/gssapi.h>
#include <pthread.h>

#include "auth_context.h"
#include "strbuf.h"

#define GSS_MAX_TOKEN (96u * 1024u)

/* One step, as the thread sees it: nothing of it belongs to the caller. */
struct call {
    int fresh;
    int raw;
    char service[320];
    unsigned char binding[128];
    size_t binding_len;
    struct strbuf in;
    struct strbuf out;
    int complete;
    easg_status status;
    easg_error err;
};

struct auth_context {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int users;   /* caller and thread */
    int running; /* the thread holds all below */
    int64_t given_ms;
    enum auth_mechanism mechanism;
    char *user;
    char *keytab;
    char *cache; /* name of the credential cache */
    int own_cache;
    struct strbuf password;
    gss_cred_id_t cred;   /* of the mechanism itself */
    gss_cred_id_t spnego; /* the same around it */
    gss_name_t target;
    char target_text[320];
    gss_ctx_id_t context;
    struct call call;
};

/* `mechanism`: "Kerberos"; `who`: the account, for the text. */
easg_status gss_explain(OM_uint32 major, OM_uint32 minor, gss_OID mech, const char *mechanism,
                        const char *who, const char *service, easg_error *err);

/* gss_work.c: one step with c->call, on the thread. */
easg_status gss_work(struct auth_context *c);
/* Gives back all that the library holds for us, its cache included. */
void gss_forget(struct auth_context *c);

#endif
