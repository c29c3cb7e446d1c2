/* SPDX-License-Identifier: Apache-2.0
 *
 * thread.c - slim locks and condition variables; no pthreads library travels with the program.
 */
#include "thread.h"

#include "alloc.h"

#include <process.h>
#include <windows.h>

struct thread {
    HANDLE handle;
    void (*fn)(void *);
    void *arg;
};

static unsigned __stdcall entry(void *p)
{
    struct thread *t = p;

    t->fn(t->arg);
    return 0;
}

struct thread *thread_start(void (*fn)(void *), void *arg)
{
    struct thread *t = mem_alloc(sizeof *t);

    if (!t)
        return NULL;
    t->fn = fn;
    t->arg = arg;
    /* not CreateThread(): the C library keeps state for each thread */
    t->handle = (HANDLE)_beginthreadex(NULL, 0, entry, t, 0, NULL);
    if (!t->handle) {
        mem_free(t);
        return NULL;
    }
    return t;
}

void thread_join(struct thread *t)
{
    if (!t)
        return;
    WaitForSingleObject(t->handle, INFINITE);
    CloseHandle(t->handle);
    mem_free(t);
}

struct monitor {
    SRWLOCK lock;
    CONDITION_VARIABLE cond;
};

struct monitor *monitor_create(void)
{
    struct monitor *m = mem_alloc(sizeof *m);

    if (!m)
        return NULL;
    InitializeSRWLock(&m->lock);
    InitializeConditionVariable(&m->cond);
    return m;
}

void monitor_destroy(struct monitor *m)
{
    mem_free(m);
}

void monitor_enter(struct monitor *m)
{
    AcquireSRWLockExclusive(&m->lock);
}

void monitor_leave(struct monitor *m)
{
    ReleaseSRWLockExclusive(&m->lock);
}

void monitor_wake(struct monitor *m)
{
    WakeAllConditionVariable(&m->cond);
}

int monitor_wait(struct monitor *m, int64_t ms)
{
    if (ms <= 0)
        return 1;
    return !SleepConditionVariableSRW(&m->cond, &m->lock, ms < 0x7fffffff ? (DWORD)ms : 0x7fffffff,
                                      0);
}
