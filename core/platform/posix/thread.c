/* SPDX-License-Identifier: Apache-2.0
 *
 * thread.c - pthreads.
 */
#include "thread.h"

#include "alloc.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

struct thread {
    pthread_t id;
    void (*fn)(void *);
    void *arg;
};

static void *entry(void *p)
{
    struct thread *t = p;

    t->fn(t->arg);
    return NULL;
}

struct thread *thread_start(void (*fn)(void *), void *arg)
{
    struct thread *t = mem_alloc(sizeof *t);
    sigset_t all;
    sigset_t old;
    int rc;

    if (!t)
        return NULL;
    t->fn = fn;
    t->arg = arg;
    /* signals are the first thread's business */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&t->id, NULL, entry, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        mem_free(t);
        return NULL;
    }
    return t;
}

void thread_join(struct thread *t)
{
    if (!t)
        return;
    pthread_join(t->id, NULL);
    mem_free(t);
}

struct monitor {
    pthread_mutex_t lock;
    pthread_cond_t cond;
};

struct monitor *monitor_create(void)
{
    struct monitor *m = mem_alloc(sizeof *m);
    pthread_condattr_t a;

    if (!m)
        return NULL;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC); /* a changed wall clock moves no deadline */
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->cond, &a);
    pthread_condattr_destroy(&a);
    return m;
}

void monitor_destroy(struct monitor *m)
{
    if (!m)
        return;
    pthread_cond_destroy(&m->cond);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

void monitor_enter(struct monitor *m)
{
    pthread_mutex_lock(&m->lock);
}

void monitor_leave(struct monitor *m)
{
    pthread_mutex_unlock(&m->lock);
}

void monitor_wake(struct monitor *m)
{
    pthread_cond_broadcast(&m->cond);
}

int monitor_wait(struct monitor *m, int64_t ms)
{
    struct timespec t;

    if (ms <= 0)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return pthread_cond_timedwait(&m->cond, &m->lock, &t) != 0;
}
