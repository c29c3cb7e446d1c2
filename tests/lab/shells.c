/* SPDX-License-Identifier: Apache-2.0
 *
 * shells.c - the shells of one user on each client access server, their quotas and their end.
 */
#include <stdlib.h>
#include <string.h>

#include "lab_run.h"

static struct shell *shells;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

static void destroy(struct shell *s)
{
    while (s->runs) {
        struct run *r = s->runs;

        s->runs = r->next;
        run_clear(r);
        free(r);
    }
    run_clear(&s->pool);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s);
}

/* The table's lock is held. */
static void unlink_shell(struct shell *s)
{
    for (struct shell **p = &shells; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            return;
        }
}

void shell_release(struct shell *s)
{
    int last;

    pthread_mutex_lock(&table);
    last = --s->refs == 0;
    pthread_mutex_unlock(&table);
    if (last)
        destroy(s);
}

void shell_delete(struct shell *s)
{
    int here;

    pthread_mutex_lock(&table);
    pthread_mutex_lock(&s->lock);
    here = !s->gone;
    s->gone = 1;
    if (here)
        unlink_shell(s);
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&table);
    if (here)
        shell_release(s);
}

/* Shells that nobody touched for their idle time are gone, and stop counting. */
static void expire(void)
{
    uint64_t now = clock_ms();
    struct shell *old[64];
    unsigned n = 0;

    pthread_mutex_lock(&table);
    for (struct shell *s = shells; s && n < 64; s = s->next)
        if (now - s->touched > s->idle_ms) {
            s->refs++;
            old[n++] = s;
        }
    pthread_mutex_unlock(&table);
    for (unsigned i = 0; i < n; i++) {
        lab.stats.shells_expired++;
        shell_delete(old[i]);
        shell_release(old[i]);
    }
}

unsigned shell_count(void)
{
    unsigned n = 0;

    pthread_mutex_lock(&table);
    for (struct shell *s = shells; s; s = s->next)
        n++;
    pthread_mutex_unlock(&table);
    return n;
}

struct shell *shell_create(unsigned cas, const char *id, const char **why)
{
    struct shell *s;
    char arg[64] = "";
    unsigned max = profile_shells();
    unsigned n;

    expire();
    n = shell_count();
    if (fault_strikes("quota-shells", NULL, arg))
        max = (unsigned)strtoul(arg, NULL, 10);
    if (n >= max) {
        *why = "shells";
        return NULL;
    }
    s = lab_alloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    {
        pthread_condattr_t a;

        pthread_condattr_init(&a);
        pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
        pthread_cond_init(&s->wake, &a);
        pthread_condattr_destroy(&a);
    }
    s->cas = cas;
    s->refs = 2; /* the table's and the caller's */
    s->idle_ms = 7200000;
    s->touched = clock_ms();
    if (id && *id && !lab.opt.winrm2)
        lab_print(s->id, sizeof s->id, "%s", id);
    else
        random_guid(s->id, 1);
    random_guid(s->cookie, 0);
    run_init(&s->pool, s, "");
    pthread_mutex_lock(&table);
    for (struct shell *o = shells; o; o = o->next)
        if (o->cas == cas && lab_same(o->id, s->id)) {
            pthread_mutex_unlock(&table);
            *why = "duplicate";
            destroy(s);
            return NULL;
        }
    s->next = shells;
    shells = s;
    pthread_mutex_unlock(&table);
    lab.stats.shells_created++;
    if (n + 1 > lab.stats.shells_peak)
        lab.stats.shells_peak = n + 1;
    return s;
}

struct shell *shell_find(unsigned cas, const char *id)
{
    struct shell *found = NULL;

    pthread_mutex_lock(&table);
    for (struct shell *s = shells; s && !found; s = s->next)
        if (s->cas == cas && lab_same(s->id, id)) {
            found = s;
            s->refs++;
            s->touched = clock_ms();
        }
    pthread_mutex_unlock(&table);
    return found;
}

void shell_wake_all(void)
{
    pthread_mutex_lock(&table);
    for (struct shell *s = shells; s; s = s->next) {
        pthread_mutex_lock(&s->lock);
        pthread_cond_broadcast(&s->wake);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&table);
}

struct run *shell_run(struct shell *s, const char *id)
{
    for (struct run *r = s->runs; r; r = r->next)
        if (lab_same(r->id, id))
            return r;
    return NULL;
}

struct run *shell_add_run(struct shell *s, const char *id)
{
    struct run *r = lab_alloc(sizeof *r);

    run_init(r, s, id);
    r->next = s->runs;
    s->runs = r;
    s->commands++;
    return r;
}

void shell_drop_run(struct shell *s, struct run *r)
{
    for (struct run **p = &s->runs; *p; p = &(*p)->next)
        if (*p == r) {
            *p = r->next;
            break;
        }
    s->commands--;
    run_clear(r);
    free(r);
}
