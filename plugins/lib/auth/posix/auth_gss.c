/* SPDX-License-Identifier: Apache-2.0
 *
 * GSSAPI (MIT krb5). No call of it takes a deadline: with a frozen KDC one takes 27 s and longer.
 * So each runs on a thread of its own, on memory that the thread shares with its caller; a caller
 * whose time is up leaves, and whoever of the two goes last frees.
 */
#include "gss_private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5/krb5.h>

#include "err.h"
#include "secret.h"

#define MAX_TOKEN  (96u * 1024u)
#define MAX_SECRET 2048u
#define POLL_MS    250

static gss_OID_desc krb5_oid = { 9, (void *)(uintptr_t) "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02" };
static gss_OID_desc spnego_oid = { 6, (void *)(uintptr_t) "\x2b\x06\x01\x05\x05\x02" };
static gss_OID_desc ntlm_oid = { 10,
                                 (void *)(uintptr_t) "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" };

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

static gss_OID mechanism_of(const struct auth_context *c)
{
    return c->mechanism == AUTH_NTLM ? &ntlm_oid : &krb5_oid;
}

/* ---- on the thread ---- */

static easg_status explain(struct auth_context *c, OM_uint32 major, OM_uint32 minor, gss_OID mech)
{
    /* Our own cache is empty when the keytab was of no use. */
    if (c->keytab && minor == (OM_uint32)KRB5_FCC_NOFILE)
        minor = (OM_uint32)KRB5_KT_NOTFOUND;
    if (c->call.in.len && GSS_ROUTINE_ERROR(major) == GSS_S_BAD_MECH)
        return err_native(&c->call.err, EASG_E_AUTH, EASG_DOMAIN_GSS, minor,
                          "%s: the server does not take Kerberos, which is all we offer",
                          c->call.service);
    return gss_explain(major, minor, mech, c->mechanism == AUTH_NTLM ? "NTLM" : "Kerberos",
                       c->user     ? c->user
                       : c->keytab ? "the keytab's account"
                                   : "the cache's account",
                       c->call.service, &c->call.err);
}

static easg_status import_name(struct auth_context *c, const char *text, gss_OID type,
                               gss_name_t *out)
{
    gss_buffer_desc buffer = { strlen(text), (void *)(uintptr_t)text };
    OM_uint32 minor, major = gss_import_name(&minor, &buffer, type, out);

    return GSS_ERROR(major) ? explain(c, major, minor, mechanism_of(c)) : EASG_OK;
}

static easg_status acquire_by_password(struct auth_context *c, gss_name_t name)
{
    gss_OID_set_desc wanted = { 1, mechanism_of(c) };
    gss_key_value_element_desc where = { "ccache", c->cache };
    gss_key_value_set_desc store = { 1, &where };
    gss_buffer_desc password = { c->password.len, c->password.ptr };
    OM_uint32 minor, major;

    major = gss_acquire_cred_with_password(&minor, name, &password, GSS_C_INDEFINITE, &wanted,
                                           GSS_C_INITIATE, &c->cred, NULL, NULL);
    /* SPNEGO's credentials are made of the cache, so that only this call asks the KDC and its error
     * numbers are Kerberos' own. */
    if (!GSS_ERROR(major) && c->mechanism != AUTH_NTLM)
        major = gss_store_cred_into(&minor, c->cred, GSS_C_INITIATE, mechanism_of(c), 1, 0, &store,
                                    NULL, NULL);
    return GSS_ERROR(major) ? explain(c, major, minor, mechanism_of(c)) : EASG_OK;
}

static easg_status acquire_from_store(struct auth_context *c, gss_name_t name)
{
    gss_OID_set_desc wanted = { 1, mechanism_of(c) };
    gss_key_value_element_desc where[] = { { "ccache", c->cache }, { "client_keytab", c->keytab } };
    gss_key_value_set_desc store = { c->keytab ? 2 : 1, where };
    OM_uint32 minor, major;

    major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &wanted, GSS_C_INITIATE, &store,
                                  &c->cred, NULL, NULL);
    return GSS_ERROR(major) ? explain(c, major, minor, mechanism_of(c)) : EASG_OK;
}

static easg_status acquire(struct auth_context *c)
{
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 ignored;
    easg_status st = EASG_OK;

    if (c->cred != GSS_C_NO_CREDENTIAL)
        return EASG_OK;
    if (c->user)
        st = import_name(c, c->user, GSS_C_NT_USER_NAME, &name);
    if (st == EASG_OK)
        st = c->password.len ? acquire_by_password(c, name) : acquire_from_store(c, name);
    gss_release_name(&ignored, &name);
    return st;
}

static OM_uint32 flags_of(const struct auth_context *c)
{
    OM_uint32 flags = GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_INTEG_FLAG;

    return c->mechanism == AUTH_NTLM ? flags : flags | GSS_C_MUTUAL_FLAG;
}

/* The service's ticket by the bare mechanism, whose error numbers SPNEGO would hide; it comes to
 * lie in the cache. */
static easg_status fetch_ticket(struct auth_context *c)
{
    gss_ctx_id_t trial = GSS_C_NO_CONTEXT;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, ignored, major;

    major =
        gss_init_sec_context(&minor, c->cred, &trial, c->target, &krb5_oid, flags_of(c), 0,
                             GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, NULL, &token, NULL, NULL);
    gss_release_buffer(&ignored, &token);
    gss_delete_sec_context(&ignored, &trial, GSS_C_NO_BUFFER);
    return GSS_ERROR(major) ? explain(c, major, minor, &krb5_oid) : EASG_OK;
}

/* SPNEGO takes any mechanism that is installed, NTLM too, if it is not told. */
static easg_status wrap_in_spnego(struct auth_context *c)
{
    gss_OID_set_desc outer = { 1, &spnego_oid };
    gss_OID_set_desc inner = { 1, &krb5_oid };
    gss_key_value_element_desc where = { "ccache", c->cache };
    gss_key_value_set_desc store = { 1, &where };
    OM_uint32 minor, major;

    if (c->spnego != GSS_C_NO_CREDENTIAL)
        return EASG_OK;
    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &outer, GSS_C_INITIATE,
                                  &store, &c->spnego, NULL, NULL);
    if (!GSS_ERROR(major))
        major = gss_set_neg_mechs(&minor, c->spnego, &inner);
    return GSS_ERROR(major) ? explain(c, major, minor, &spnego_oid) : EASG_OK;
}

/* The service by its principal, with an empty realm where none is given (the KDC refers us on):
 * a host-based name would be looked up in DNS, and maybe in reverse, as krb5.conf says. */
static easg_status aim(struct auth_context *c)
{
    char text[sizeof c->call.service + 2];
    OM_uint32 ignored;
    easg_status st;

    if (c->target != GSS_C_NO_NAME && strcmp(c->target_text, c->call.service) == 0)
        return EASG_OK;
    gss_release_name(&ignored, &c->target);
    (void)snprintf(c->target_text, sizeof c->target_text, "%s", c->call.service);
    (void)snprintf(text, sizeof text, "%s", c->call.service);
    if (c->mechanism == AUTH_NTLM) {
        char *slash = strchr(text, '/');
        char *at = strchr(text, '@');

        if (at)
            *at = '\0';
        if (slash)
            *slash = '@';
        return import_name(c, text, GSS_C_NT_HOSTBASED_SERVICE, &c->target);
    }
    if (!strchr(text, '@'))
        (void)snprintf(text, sizeof text, "%s@", c->call.service);
    st = import_name(c, text, (gss_OID)(uintptr_t)GSS_KRB5_NT_PRINCIPAL_NAME, &c->target);
    return st == EASG_OK && !c->call.raw ? fetch_ticket(c) : st;
}

static easg_status step(struct auth_context *c)
{
    struct call *call = &c->call;
    gss_OID mech = call->raw ? mechanism_of(c) : &spnego_oid;
    struct gss_channel_bindings_struct binding = { 0 };
    gss_buffer_desc in = { call->in.len, call->in.ptr };
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored;
    easg_status st = EASG_OK;

    binding.application_data.length = call->binding_len;
    binding.application_data.value = call->binding;
    major = gss_init_sec_context(&minor, call->raw ? c->cred : c->spnego, &c->context, c->target,
                                 mech, flags_of(c), 0,
                                 call->binding_len ? &binding : GSS_C_NO_CHANNEL_BINDINGS,
                                 call->in.len ? &in : GSS_C_NO_BUFFER, NULL, &out, NULL, NULL);
    call->complete = major == GSS_S_COMPLETE;
    if (GSS_ERROR(major))
        st = explain(c, major, minor, mech);
    else if (out.length && strbuf_add(&call->out, out.value, out.length) != EASG_OK)
        st = strbuf_status(&call->out) == EASG_E_LIMIT
                 ? err_set(&call->err, EASG_E_LIMIT, "the log-on's token is larger than %u bytes",
                           MAX_TOKEN)
                 : err_nomem(&call->err);
    gss_release_buffer(&ignored, &out);
    return st;
}

static easg_status work(struct auth_context *c)
{
    OM_uint32 ignored;
    easg_status st;

    if (c->call.fresh && c->context != GSS_C_NO_CONTEXT)
        gss_delete_sec_context(&ignored, &c->context, GSS_C_NO_BUFFER);
    if (!c->call.fresh && c->context == GSS_C_NO_CONTEXT)
        return err_set(&c->call.err, EASG_E_UNTRUSTED,
                       "a token for a log-on that is not under way");
    st = acquire(c);
    if (st == EASG_OK)
        st = aim(c);
    if (st == EASG_OK && !c->call.raw)
        st = wrap_in_spnego(c);
    return st == EASG_OK ? step(c) : st;
}

/* ---- the two owners ---- */

static void forget_cache(const struct auth_context *c)
{
    krb5_context k = NULL;
    krb5_ccache cache = NULL;

    if (!c->own_cache || !c->cache || krb5_init_context(&k) != 0)
        return;
    if (krb5_cc_resolve(k, c->cache, &cache) == 0)
        (void)krb5_cc_destroy(k, cache);
    krb5_free_context(k);
}

static void let_go(struct auth_context *c)
{
    OM_uint32 ignored;
    int left;

    pthread_mutex_lock(&c->lock);
    left = --c->users;
    pthread_mutex_unlock(&c->lock);
    if (left)
        return;
    if (c->context != GSS_C_NO_CONTEXT)
        gss_delete_sec_context(&ignored, &c->context, GSS_C_NO_BUFFER);
    gss_release_cred(&ignored, &c->spnego);
    gss_release_cred(&ignored, &c->cred);
    gss_release_name(&ignored, &c->target);
    forget_cache(c);
    secret_clear(&c->call.in);
    secret_clear(&c->call.out);
    secret_clear(&c->password);
    mem_free(c->user);
    mem_free(c->keytab);
    mem_free(c->cache);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

static void *run(void *user)
{
    struct auth_context *c = user;
    easg_status st = work(c);

    pthread_mutex_lock(&c->lock);
    c->call.status = st;
    c->running = 0;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    let_go(c);
    return NULL;
}

/* Signals are for the threads of the host. */
static int start(struct auth_context *c)
{
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_t id;
    int rc;

    if (pthread_attr_init(&attr) != 0)
        return ENOMEM;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    c->running = 1;
    c->users++;
    rc = pthread_create(&id, &attr, run, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0) {
        c->running = 0;
        c->users--;
    }
    return rc;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the thread is done, time is up, or the caller wants to stop. */
static easg_status wait_for(struct auth_context *c, const struct auth_leg *leg, int64_t until)
{
    while (c->running) {
        int64_t next = now_ms();
        struct timespec t;

        if (next >= until)
            return EASG_E_TIMEOUT;
        next = next + POLL_MS < until ? next + POLL_MS : until;
        t.tv_sec = (time_t)(next / 1000);
        t.tv_nsec = (long)(next % 1000) * 1000000L;
        (void)pthread_cond_timedwait(&c->changed, &c->lock, &t);
        if (c->running && leg->http && http_cancelled(leg->http))
            return EASG_E_CANCELLED;
    }
    return EASG_OK;
}

static easg_status take_over(struct auth_context *c, const struct auth_leg *leg, easg_error *err)
{
    struct call *call = &c->call;

    call->fresh = leg->fresh;
    call->raw = leg->raw;
    (void)snprintf(call->service, sizeof call->service, "%s", leg->service);
    xassert(leg->binding_len <= sizeof call->binding);
    call->binding_len = leg->binding_len;
    if (leg->binding_len)
        memcpy(call->binding, leg->binding, leg->binding_len);
    strbuf_reset(&call->in);
    strbuf_reset(&call->out);
    err_clear(&call->err);
    call->complete = 0;
    if (leg->token_len && strbuf_add(&call->in, leg->token, leg->token_len) != EASG_OK)
        return err_nomem(err);
    return EASG_OK;
}

static easg_status given_up(const struct auth_context *c, easg_status st, easg_error *err)
{
    const char *who = c->user ? c->user : "the keytab's account";

    if (st == EASG_E_CANCELLED)
        return err_set(err, st, "cancelled while the KDC was asked");
    return err_set(err, EASG_E_TIMEOUT,
                   "Kerberos for %s: the KDC did not answer within %lld s: is it up; the call was "
                   "given up",
                   who, (long long)((c->given_ms + 999) / 1000));
}

easg_status auth_context_step(struct auth_context *c, struct auth_leg *leg, struct strbuf *out,
                              int *complete, easg_error *err)
{
    int64_t began = now_ms();
    easg_status st;

    pthread_mutex_lock(&c->lock);
    if (c->running) {
        pthread_mutex_unlock(&c->lock);
        return given_up(c, EASG_E_TIMEOUT, err);
    }
    c->given_ms = leg->timeout_ms;
    st = take_over(c, leg, err);
    if (st == EASG_OK && start(c) != 0)
        st = err_nomem(err);
    if (st == EASG_OK) {
        st = wait_for(c, leg, began + c->given_ms);
        if (st != EASG_OK) {
            (void)given_up(c, st, err);
        } else {
            st = c->call.status;
            *complete = c->call.complete;
            if (st != EASG_OK)
                err_copy(err, &c->call.err);
            else if (strbuf_add(out, strbuf_str(&c->call.out), c->call.out.len) != EASG_OK)
                st = err_nomem(err);
        }
    }
    pthread_mutex_unlock(&c->lock);
    leg->timeout_ms -= now_ms() - began;
    return st;
}

/* ---- the account ---- */

static easg_status check_keytab(const char *path, easg_error *err)
{
    struct stat s;

    if (stat(path, &s) != 0 || access(path, R_OK) != 0)
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_ERRNO, errno,
                          "auth.keytab %s cannot be read: check its path, owner and mode", path);
    if (!S_ISREG(s.st_mode))
        return err_set(err, EASG_E_CONFIG, "auth.keytab %s is not a file", path);
    if (s.st_mode & 077)
        return err_set(
            err, EASG_E_CONFIG,
            "auth.keytab %s is open to others, and is as good as the password: chmod 600", path);
    return EASG_OK;
}

static easg_status copy_account(struct auth_context *c, const struct auth_account *a,
                                easg_error *err)
{
    char name[64];

    /* One of our own: nothing of it is left for others, and each account has its own. */
    (void)snprintf(name, sizeof name, "MEMORY:easgate-%p", (void *)c);
    c->own_cache = a->ccache == NULL;
    c->mechanism = a->mechanism;
    c->user = mem_strdup(a->user && *a->user ? a->user : NULL);
    c->keytab = mem_strdup(a->keytab);
    c->cache = mem_strdup(a->ccache ? a->ccache : name);
    if ((a->user && *a->user && !c->user) || (a->keytab && !c->keytab) || !c->cache)
        return err_nomem(err);
    if (a->password) {
        if (a->password_len == 0 || a->password_len > MAX_SECRET ||
            memchr(a->password, '\0', a->password_len))
            return err_set(err, EASG_E_CONFIG, "auth.password is empty, too long, or not a text");
        strbuf_reserve(&c->password, a->password_len);
        if (strbuf_add(&c->password, a->password, a->password_len) != EASG_OK)
            return err_nomem(err);
    }
    return a->keytab ? check_keytab(a->keytab, err) : EASG_OK;
}

easg_status auth_context_create(const struct auth_account *account, struct auth_context **out,
                                easg_error *err)
{
    struct auth_context *c = mem_alloc(sizeof *c);
    pthread_condattr_t attr;
    easg_status st;

    *out = NULL;
    if (!c)
        return err_nomem(err);
    strbuf_init(&c->password, MAX_SECRET);
    strbuf_init(&c->call.in, MAX_TOKEN);
    strbuf_init(&c->call.out, MAX_TOKEN);
    c->call.err = (easg_error)EASG_ERROR_INIT;
    c->users = 1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    st = copy_account(c, account, err);
    if (st != EASG_OK) {
        let_go(c);
        return st;
    }
    *out = c;
    return EASG_OK;
}

void auth_context_destroy(struct auth_context *c)
{
    if (c)
        let_go(c);
}
