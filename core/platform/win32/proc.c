/* SPDX-License-Identifier: Apache-2.0
 *
 * proc.c - children: one job object for all of them, which ends them with us however we end; a pipe
 * as their standard input; no other handle of ours is inherited. What a process says about itself
 * is in self.c.
 */
#include "proc.h"

#include "children.h"
#include "clock.h"
#include "cmdline.h"
#include "err.h"
#include "fs.h"
#include "strbuf.h"
#include "wide.h"

#include <string.h>
#include <windows.h>

struct proc {
    HANDLE process;
    HANDLE control; /* our end of the child's standard input; NULL: closed */
    HANDLE watch;   /* tells children_event() of the end */
    DWORD pid;
    int ended;
    int exit_code;
};

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static HANDLE job; /* never closed: the system closes it when we end, and that ends the children */
static HANDLE ended;

static BOOL CALLBACK prepare(INIT_ONCE *o, void *arg, void **context)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;

    (void)o;
    (void)arg;
    (void)context;
    ended = CreateEventW(NULL, TRUE, FALSE, NULL);
    job = CreateJobObjectW(NULL, NULL);
    if (!job)
        return TRUE;
    memset(&limits, 0, sizeof limits);
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    if (!SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits)) {
        CloseHandle(job);
        job = NULL;
    }
    return TRUE;
}

HANDLE children_event(void)
{
    InitOnceExecuteOnce(&once, prepare, NULL, NULL);
    return ended;
}

static void CALLBACK on_end(void *context, BOOLEAN timed_out)
{
    (void)timed_out;
    SetEvent((HANDLE)context);
}

/* Our environment with the mark of the control pipe, at its place: the block is sorted. */
static wchar_t *make_environment(void)
{
    static const wchar_t mark[] = L"EASGATE_CONTROL_PIPE=1"; /* SERVICE_CONTROL_ENV */
    static const size_t name = sizeof SERVICE_CONTROL_ENV;   /* with the '=' */
    wchar_t *old = GetEnvironmentStringsW();
    wchar_t *env = NULL;
    wchar_t *to;
    size_t n = 0;
    int placed = 0;

    if (!old)
        return NULL;
    while (old[n])
        n += wcslen(old + n) + 1;
    env = mem_array(n + sizeof mark / sizeof *mark + 1, sizeof *env);
    to = env;
    for (const wchar_t *s = old; env; s += wcslen(s) + 1) {
        int order = *s ? _wcsnicmp(s, mark, name) : 1;

        if (order >= 0 && !placed) {
            memcpy(to, mark, sizeof mark);
            to += sizeof mark / sizeof *mark;
            placed = 1;
        }
        if (!*s)
            break;
        if (order != 0) {
            memcpy(to, s, (wcslen(s) + 1) * sizeof *s);
            to += wcslen(s) + 1;
        }
    }
    FreeEnvironmentStringsW(old);
    return env; /* the last NUL is there: the memory came zeroed */
}

/* A handle of ours that the child may inherit; the null device where we have none (a service). */
static HANDLE inheritable(DWORD which)
{
    SECURITY_ATTRIBUTES sa = { .nLength = sizeof sa, .bInheritHandle = TRUE };
    HANDLE from = GetStdHandle(which);
    HANDLE out = NULL;

    if (from && from != INVALID_HANDLE_VALUE &&
        DuplicateHandle(GetCurrentProcess(), from, GetCurrentProcess(), &out, 0, TRUE,
                        DUPLICATE_SAME_ACCESS))
        return out;
    out = CreateFileW(L"NUL", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &sa, OPEN_EXISTING,
                      0, NULL);
    return out == INVALID_HANDLE_VALUE ? NULL : out;
}

struct launch {
    wchar_t *program, *command, *env;
    HANDLE files[3]; /* input, output, error */
};

static int create(const struct launch *l, PROCESS_INFORMATION *info)
{
    STARTUPINFOEXW si;
    SIZE_T room = 0;
    HANDLE list[3];
    size_t n = 0;
    BOOL ok = FALSE;
    DWORD code;

    memset(&si, 0, sizeof si);
    si.StartupInfo.cb = sizeof si;
    si.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    si.StartupInfo.hStdInput = l->files[0];
    si.StartupInfo.hStdOutput = l->files[1];
    si.StartupInfo.hStdError = l->files[2];
    for (size_t i = 0; i < 3; i++)
        if (l->files[i])
            list[n++] = l->files[i];
    InitializeProcThreadAttributeList(NULL, 1, 0, &room);
    si.lpAttributeList = mem_alloc(room);
    if (!si.lpAttributeList) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return 0;
    }
    if (InitializeProcThreadAttributeList(si.lpAttributeList, 1, 0, &room)) {
        /* suspended until it is in the job: it could end, or start another, before */
        ok = UpdateProcThreadAttribute(si.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                                       list, n * sizeof *list, NULL, NULL) &&
             CreateProcessW(l->program, l->command, NULL, NULL, TRUE,
                            CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT |
                                EXTENDED_STARTUPINFO_PRESENT,
                            l->env, NULL, &si.StartupInfo, info);
        code = GetLastError();
        DeleteProcThreadAttributeList(si.lpAttributeList);
    } else {
        code = GetLastError();
    }
    mem_free(si.lpAttributeList);
    SetLastError(code);
    return ok;
}

/* Into the job and off. A child that cannot be bound to us does not run. */
static int release(const PROCESS_INFORMATION *info)
{
    DWORD code;

    if (AssignProcessToJobObject(job, info->hProcess) && ResumeThread(info->hThread) != (DWORD)-1)
        return 1;
    code = GetLastError();
    TerminateProcess(info->hProcess, 1);
    SetLastError(code);
    return 0;
}

static easg_status start(struct proc *p, const struct launch *l, const char *path, easg_error *err)
{
    PROCESS_INFORMATION info;
    easg_status st = EASG_OK;

    if (!create(l, &info))
        return wide_error(err, GetLastError(), path);
    if (!release(&info))
        st = wide_error(err, GetLastError(), path);
    CloseHandle(info.hThread);
    if (st != EASG_OK) {
        CloseHandle(info.hProcess);
        return st;
    }
    p->process = info.hProcess;
    p->pid = info.dwProcessId;
    if (!RegisterWaitForSingleObject(&p->watch, p->process, on_end, children_event(), INFINITE,
                                     WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD))
        p->watch = NULL; /* service_wait() then learns of it by its timer */
    return EASG_OK;
}

static easg_status prepare_launch(struct launch *l, const char *const *argv, HANDLE *control,
                                  easg_error *err)
{
    SECURITY_ATTRIBUTES sa = { .nLength = sizeof sa, .bInheritHandle = TRUE };
    EASG_CLEANUP(strbuf_clear) struct strbuf line = STRBUF_INIT(32767);

    if (cmdline_build(argv, &line) != EASG_OK)
        return err_set(err, EASG_E_LIMIT, "%s: the command line is too long", argv[0]);
    l->program = wide_path(argv[0]);
    l->command = wide_from(strbuf_str(&line));
    l->env = make_environment();
    if (!l->program || !l->command || !l->env)
        return err_nomem(err);
    if (!CreatePipe(&l->files[0], control, &sa, 0) ||
        !SetHandleInformation(*control, HANDLE_FLAG_INHERIT, 0))
        return wide_error(err, GetLastError(), "control pipe");
    l->files[1] = inheritable(STD_OUTPUT_HANDLE);
    l->files[2] = inheritable(STD_ERROR_HANDLE);
    return EASG_OK;
}

easg_status proc_spawn(const char *const *argv, struct proc **out, easg_error *err)
{
    struct launch l;
    struct proc *p;
    easg_status st;

    *out = NULL;
    memset(&l, 0, sizeof l);
    if (!fs_is_absolute(argv[0]))
        return err_set(err, EASG_E_USAGE, "%s: the path of a program must be absolute", argv[0]);
    if (!children_event() || !job)
        return err_set(err, EASG_E_FAIL, "%s: cannot be started: no job object", argv[0]);
    p = mem_alloc(sizeof *p);
    if (!p)
        return err_nomem(err);
    st = prepare_launch(&l, argv, &p->control, err);
    if (st == EASG_OK)
        st = start(p, &l, argv[0], err);
    for (size_t i = 0; i < 3; i++)
        if (l.files[i])
            CloseHandle(l.files[i]);
    mem_free(l.program);
    mem_free(l.command);
    mem_free(l.env);
    if (st != EASG_OK) {
        if (p->control)
            CloseHandle(p->control);
        mem_free(p);
        return st;
    }
    *out = p;
    return EASG_OK;
}

int64_t proc_id(const struct proc *p)
{
    return p->pid;
}

/* 0..255 as elsewhere; an exception (0xC0000005 ...) is told as a crash is on POSIX. */
static int fold(DWORD code)
{
    if (code < 256)
        return (int)code;
    return code >= 0xC0000000u ? 128 + 11 : 255;
}

static int look(struct proc *p, DWORD ms)
{
    DWORD code = 255;

    if (p->ended)
        return 1;
    if (WaitForSingleObject(p->process, ms) != WAIT_OBJECT_0)
        return 0;
    p->ended = 1;
    GetExitCodeProcess(p->process, &code);
    p->exit_code = fold(code);
    return 1;
}

int proc_wait(struct proc *p, int64_t ms, int *exit_code)
{
    if (!look(p, ms <= 0 ? 0 : ms < 0x7fffffff ? (DWORD)ms : 0x7fffffff))
        return 0;
    *exit_code = p->exit_code;
    return 1;
}

void proc_stop(struct proc *p)
{
    if (p->control)
        CloseHandle(p->control);
    p->control = NULL;
}

void proc_kill(struct proc *p)
{
    if (!look(p, 0))
        TerminateProcess(p->process, 128 + 9);
}

void proc_close(struct proc *p)
{
    if (!p)
        return;
    if (!look(p, 0)) {
        TerminateProcess(p->process, 128 + 9);
        look(p, INFINITE);
    }
    if (p->watch)
        UnregisterWaitEx(p->watch, INVALID_HANDLE_VALUE); /* waits for its callback */
    if (p->control)
        CloseHandle(p->control);
    CloseHandle(p->process);
    mem_free(p);
}
