/* SPDX-License-Identifier: Apache-2.0
 *
 * GSSAPI (MIT krb5). No call of it takes a deadline: with a frozen KDC one takes 27 s and longer.
 * So each runs on a thread of its own, on memory that the thread shares with its caller; a caller
 * whose time is up leaves, and whoever of the two goes last frees.
 */
#include "gss_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "secret.h"

#define MAX_SECRET 2048u
#define POLL_MS    250

/* ---- the two owners ---- */

static void let_go(struct auth_context *c)
{
    int left;

    pthread_mutex_lock(&c->lock);
    left = --c->users;
    pthread_mutex_unlock(&c->lock);
    if (left)
        return;
    gss_forget(c);
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
    easg_status st = gss_work(c);

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
    strbuf_init(&c->call.in, GSS_MAX_TOKEN);
    strbuf_init(&c->call.out, GSS_MAX_TOKEN);
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
