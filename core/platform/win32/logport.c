/* SPDX-License-Identifier: Apache-2.0
 *
 * logport.c - log records on their way out: a handle, or the event log. The text of an event is our
 * own record; easgate-events.mc gives each level its number.
 */
#include "logport.h"

#include "easgate-events.h" /* made of easgate-events.mc */
#include "text.h"
#include "wide.h"

#include <string.h>
#include <windows.h>

#define TEXT_MAX 31839 /* characters of one string of an event */

struct logport {
    HANDLE handle;
    int ours; /* closed by us */
    int events;
};

static struct logport *make(HANDLE h, int ours, int events)
{
    struct logport *p = mem_alloc(sizeof *p);

    if (!p)
        return NULL;
    p->handle = h;
    p->ours = ours;
    p->events = events;
    return p;
}

struct logport *logport_open_stderr(void)
{
    return make(GetStdHandle(STD_ERROR_HANDLE), 0, 0);
}

struct logport *logport_open_file(const char *path, const char **why)
{
    static _Thread_local char text[300];
    wchar_t *w = wide_path(path);
    struct logport *p;
    HANDLE h;

    *why = "out of memory";
    if (!w)
        return NULL;
    /* append only: each write goes to the end, also when two processes have it open; a link is
     * opened itself, and then refused */
    h = CreateFileW(w, FILE_APPEND_DATA | SYNCHRONIZE,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_ALWAYS,
                    FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (h == INVALID_HANDLE_VALUE) {
        *why = wide_message(GetLastError(), text, sizeof text);
        mem_free(w);
        return NULL;
    }
    if (GetFileAttributesW(w) & FILE_ATTRIBUTE_REPARSE_POINT) {
        *why = "is a symbolic link";
        CloseHandle(h);
        mem_free(w);
        return NULL;
    }
    mem_free(w);
    p = make(h, 1, 0);
    if (!p)
        CloseHandle(h);
    return p;
}

struct logport *logport_open_journal(void)
{
    return NULL;
}

struct logport *logport_open_eventlog(void)
{
    HANDLE h = RegisterEventSourceW(NULL, L"easgate");
    struct logport *p = h ? make(h, 1, 1) : NULL;

    if (h && !p)
        DeregisterEventSource(h);
    return p;
}

void logport_close(struct logport *p)
{
    if (!p)
        return;
    if (p->events)
        DeregisterEventSource(p->handle);
    else if (p->ours)
        CloseHandle(p->handle);
    mem_free(p);
}

static int report(HANDLE log, easg_level level, const char *ptr, size_t len)
{
    WORD type = level <= EASG_LOG_ERROR     ? EVENTLOG_ERROR_TYPE
                : level == EASG_LOG_WARNING ? EVENTLOG_WARNING_TYPE
                                            : EVENTLOG_INFORMATION_TYPE;
    DWORD id = level <= EASG_LOG_ERROR     ? EASG_EVENT_ERROR
               : level == EASG_LOG_WARNING ? EASG_EVENT_WARNING
                                           : EASG_EVENT_INFO;
    const wchar_t *strings[1];
    char *text;
    wchar_t *w;
    BOOL ok;

    while (len && (ptr[len - 1] == '\n' || ptr[len - 1] == '\r'))
        len--;
    text = mem_dup(ptr, len > TEXT_MAX ? text_utf8_cut(ptr, TEXT_MAX) : len);
    w = text ? wide_from(text) : NULL;
    mem_free(text);
    if (!w)
        return -1;
    strings[0] = w;
    ok = ReportEventW(log, type, 0, id, NULL, 1, 0, strings, NULL);
    mem_free(w);
    return ok ? 0 : -1;
}

int logport_write(struct logport *p, easg_level level, const char *ptr, size_t len)
{
    DWORD n = 0;

    if (p->events)
        return report(p->handle, level, ptr, len);
    if (!p->handle || p->handle == INVALID_HANDLE_VALUE) /* a service has no standard error */
        return -1;
    return WriteFile(p->handle, ptr, (DWORD)len, &n, NULL) && n == len ? 0 : -1;
}

int logport_stderr_is_lost(void)
{
    HANDLE h = GetStdHandle(STD_ERROR_HANDLE);
    DWORD mode;

    if (!h || h == INVALID_HANDLE_VALUE)
        return 1;
    /* proc_spawn() gives NUL to the children of a service */
    return GetFileType(h) == FILE_TYPE_CHAR && !GetConsoleMode(h, &mode);
}

int logport_stderr_is_journal(void)
{
    return 0;
}
