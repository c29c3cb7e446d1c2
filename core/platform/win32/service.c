/* SPDX-License-Identifier: Apache-2.0
 *
 * service.c - one work() under the service control manager, in a console, and as a child whose
 * parent holds the control pipe. Whatever arrives becomes a count and an event.
 */
#include "service.h"

#include "children.h"
#include "clock.h"
#include "thread.h"
#include "wide.h"

#include <stdatomic.h>
#include <string.h>
#include <windows.h>

#undef SERVICE_STOP /* an access right of that name: here it is the event */
_Static_assert(SERVICE_STOP == 1, "the event of service.h, not the macro of winsvc.h");

struct service {
    int managed;
};

/* The manager's callbacks and the console's come without an argument of ours: one service a
 * process, so its state is the process's. */
static struct {
    HANDLE woken;      /* something was counted */
    atomic_uint stops; /* requests that service_wait() has not told yet */
    atomic_uint reloads;
    SERVICE_STATUS_HANDLE status;
    atomic_uint state; /* last reported: SERVICE_RUNNING ... */
    atomic_uint check;
    wchar_t *name;
    int (*work)(struct service *, void *);
    void *arg;
    struct service *service;
    int rc;
} S;

#define PENDING_MS 30000 /* the manager waits this long for the next word */

static void report(DWORD state)
{
    SERVICE_STATUS s = { .dwServiceType = SERVICE_WIN32_OWN_PROCESS, .dwCurrentState = state };

    if (!S.status)
        return;
    atomic_store(&S.state, state);
    if (state == SERVICE_RUNNING)
        s.dwControlsAccepted =
            SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN | SERVICE_ACCEPT_PARAMCHANGE;
    if (state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING) {
        s.dwWaitHint = PENDING_MS;
        s.dwCheckPoint = atomic_fetch_add(&S.check, 1) + 1;
    }
    if (state == SERVICE_STOPPED &&
        S.rc) { /* the failure actions run for it, by the service's flag */
        s.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
        s.dwServiceSpecificExitCode = (DWORD)S.rc;
    }
    SetServiceStatus(S.status, &s);
}

static void count(atomic_uint *what)
{
    atomic_fetch_add(what, 1);
    SetEvent(S.woken);
}

static DWORD WINAPI on_control(DWORD code, DWORD type, void *data, void *context)
{
    (void)type;
    (void)data;
    (void)context;
    switch (code) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_PRESHUTDOWN:
        report(SERVICE_STOP_PENDING);
        count(&S.stops);
        return NO_ERROR;
    case SERVICE_CONTROL_PARAMCHANGE: /* sc control easgate paramchange */
        count(&S.reloads);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE: return NO_ERROR;
    default: return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    (void)argc;
    (void)argv;
    S.status = RegisterServiceCtrlHandlerExW(S.name, on_control, NULL);
    if (!S.status)
        return;
    report(SERVICE_START_PENDING);
    S.rc = S.work(S.service, S.arg);
    /* Last of all: an installer replaces the files as soon as it sees STOPPED. Databases are
     * closed, children are gone, and the process ends at once. */
    report(SERVICE_STOPPED);
}

static BOOL WINAPI on_console(DWORD event)
{
    (void)event;
    count(&S.stops);
    if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT)
        Sleep(PENDING_MS); /* the process ends when this returns: leave time to stop in order */
    return TRUE;
}

/* What the parent writes is not for us; that it closes is. The thread ends with the process: a read
 * from a pipe cannot be called off in a way that every version has. */
static void read_control(void *arg)
{
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
    char junk[64];
    DWORD n;

    (void)arg;
    while (ReadFile(in, junk, sizeof junk, &n, NULL)) {
    }
    count(&S.stops);
}

static int is_child(void)
{
    char *mark = wide_env(SERVICE_CONTROL_ENV);

    if (!mark)
        return 0;
    mem_free(mark);
    SetEnvironmentVariableA(SERVICE_CONTROL_ENV, NULL); /* ours, not our children's */
    return 1;
}

static int run_managed(void)
{
    SERVICE_TABLE_ENTRYW table[2];

    memset(table, 0, sizeof table);
    table[0].lpServiceName = S.name;
    table[0].lpServiceProc = service_main;
    if (!StartServiceCtrlDispatcherW(table)) /* 1063: not started by the service control manager */
        return -1;
    return S.rc;
}

int service_run(const char *name, int managed, int (*work)(struct service *, void *), void *arg)
{
    struct service s = { managed };
    int rc;

    if (!S.woken)
        S.woken = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!S.woken || !children_event())
        return -1;
    atomic_store(&S.stops, 0);
    atomic_store(&S.reloads, 0);
    S.service = &s;
    S.work = work;
    S.arg = arg;
    S.rc = 0;
    if (managed) {
        S.name = wide_from(name);
        rc = S.name ? run_managed() : -1;
        mem_free(S.name);
        S.name = NULL;
        return rc;
    }
    if (is_child() && !thread_start(read_control, NULL))
        return -1;
    SetConsoleCtrlHandler(on_console, TRUE);
    rc = work(&s, arg);
    SetConsoleCtrlHandler(on_console, FALSE);
    return rc;
}

void service_ready(struct service *s)
{
    if (s->managed)
        report(SERVICE_RUNNING);
}

/* The manager has no line for people. */
void service_status(struct service *s, const char *status)
{
    (void)s;
    (void)status;
}

/* It watches nobody either, but while something is pending it wants to hear that we live. */
void service_watchdog(struct service *s)
{
    unsigned state = atomic_load(&S.state);

    if (s->managed && (state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING))
        report(state);
}

int64_t service_watchdog_ms(const struct service *s)
{
    (void)s;
    return 0;
}

/* 1: there was one, and it is taken. */
static int take(atomic_uint *what)
{
    unsigned n = atomic_load(what);

    while (n > 0)
        if (atomic_compare_exchange_weak(what, &n, n - 1))
            return 1;
    return 0;
}

enum service_event service_wait(struct service *s, int64_t ms)
{
    HANDLE events[2] = { S.woken, children_event() };
    int64_t end = clock_monotonic_ms() + ms;

    service_watchdog(s);
    for (;;) {
        int64_t left = ms < 0 ? -1 : end - clock_monotonic_ms();
        DWORD wait = INFINITE;
        DWORD which;

        if (ms >= 0)
            wait = left <= 0 ? 0 : left < 0x7fffffff ? (DWORD)left : 0x7fffffff;
        ResetEvent(S.woken); /* before the counts are read: what comes later sets it again */
        if (take(&S.stops))
            return SERVICE_STOP;
        if (take(&S.reloads))
            return SERVICE_RELOAD;
        which = WaitForMultipleObjects(2, events, FALSE, wait);
        if (which == WAIT_OBJECT_0 + 1) {
            ResetEvent(events[1]);
            return SERVICE_CHILD;
        }
        if (which != WAIT_OBJECT_0)
            return SERVICE_TIMEOUT;
    }
}
