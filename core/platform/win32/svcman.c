/* SPDX-License-Identifier: Apache-2.0
 *
 * svcman.c - the service control manager's database. The same settings stand in the MSI's tables
 * (packaging/msi): whoever changes one changes both.
 */
#include "svcman.h"

#include "acl.h"
#include "clock.h"
#include "cmdline.h"
#include "err.h"
#include "fs.h"
#include "wide.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>

#define STOP_MS 60000
#define EVENTS  L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\easgate"

struct handles {
    SC_HANDLE manager, service;
};

static void close_all(struct handles *h)
{
    if (h->service)
        CloseServiceHandle(h->service);
    if (h->manager)
        CloseServiceHandle(h->manager);
}

static easg_status open_manager(struct handles *h, DWORD rights, easg_error *err)
{
    memset(h, 0, sizeof *h);
    h->manager = OpenSCManagerW(NULL, NULL, rights);
    return h->manager ? EASG_OK : wide_error(err, GetLastError(), "service manager");
}

static easg_status open_service(struct handles *h, const char *name, DWORD rights, easg_error *err)
{
    easg_status st = open_manager(h, SC_MANAGER_CONNECT, err);
    wchar_t *w;

    if (st != EASG_OK)
        return st;
    w = wide_from(name);
    if (!w)
        return err_nomem(err);
    h->service = OpenServiceW(h->manager, w, rights);
    if (!h->service)
        st = GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST
                 ? err_set(err, EASG_E_NOTFOUND,
                           "there is no service %s; `easgate service install` makes it", name)
                 : wide_error(err, GetLastError(), name);
    mem_free(w);
    return st;
}

/* Restart after 5, 30 and 60 s, also when it ends by itself with an error; the count is forgotten
 * after a day. What an old system does not know is no reason to have no service. */
static void set_details(SC_HANDLE service, wchar_t *description)
{
    SC_ACTION actions[] = { { SC_ACTION_RESTART, 5000 },
                            { SC_ACTION_RESTART, 30000 },
                            { SC_ACTION_RESTART, 60000 } };
    SERVICE_FAILURE_ACTIONSW failure = { .dwResetPeriod = 86400,
                                         .cActions = sizeof actions / sizeof *actions,
                                         .lpsaActions = actions };
    SERVICE_FAILURE_ACTIONS_FLAG flag = { TRUE };
    SERVICE_DELAYED_AUTO_START_INFO delayed = { TRUE };
    SERVICE_DESCRIPTIONW text = { description };

    ChangeServiceConfig2W(service, SERVICE_CONFIG_DESCRIPTION, &text);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &failure);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &flag);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed);
}

static easg_status add_event_source(const char *program, easg_error *err)
{
    wchar_t *w = wide_path(program);
    DWORD types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    LSTATUS e = ERROR_NOT_ENOUGH_MEMORY;
    HKEY key = NULL;

    if (w)
        e = RegCreateKeyExW(HKEY_LOCAL_MACHINE, EVENTS, 0, NULL, 0, KEY_SET_VALUE, NULL, &key,
                            NULL);
    if (e == ERROR_SUCCESS)
        e = RegSetValueExW(key, L"EventMessageFile", 0, REG_SZ, (const BYTE *)w,
                           (DWORD)((wcslen(w) + 1) * sizeof *w));
    if (e == ERROR_SUCCESS)
        e = RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types,
                           sizeof types);
    if (key)
        RegCloseKey(key);
    mem_free(w);
    return e == ERROR_SUCCESS ? EASG_OK : wide_error(err, (uint32_t)e, "event log's source");
}

/* What exists already keeps its list: an administrator made it so. */
static easg_status make_folder(const char *path, SECURITY_ATTRIBUTES *sa, easg_error *err)
{
    wchar_t *w = wide_path(path);
    easg_status st = EASG_OK;

    if (!w)
        return err_nomem(err);
    if (!CreateDirectoryW(w, sa) && GetLastError() != ERROR_ALREADY_EXISTS)
        st = wide_error(err, GetLastError(), path);
    mem_free(w);
    return st;
}

static easg_status make_folders(const char *account, easg_error *err)
{
    SECURITY_ATTRIBUTES sa;
    char orgs[1100];
    easg_status st;

    if (!acl_folder(account, &sa))
        return wide_error(err, GetLastError(), account ? account : "access list");
    snprintf(orgs, sizeof orgs, "%s/orgs.d", fs_config_dir());
    st = make_folder(fs_config_dir(), &sa, err);
    if (st == EASG_OK)
        st = make_folder(orgs, &sa, err);
    if (st == EASG_OK)
        st = make_folder(fs_state_dir(), &sa, err);
    acl_private_free(&sa);
    return st;
}

static easg_status create(struct handles *h, const struct svcman_entry *entry,
                          const wchar_t *command, easg_error *err)
{
    wchar_t *name = wide_from(entry->name);
    wchar_t *title = wide_from(entry->title);
    wchar_t *text = wide_from(entry->description);
    wchar_t *account = entry->account ? wide_from(entry->account) : NULL;
    easg_status st = EASG_OK;

    if (!name || !title || !text || (entry->account && !account)) {
        st = err_nomem(err);
    } else {
        h->service = CreateServiceW(h->manager, name, title, SERVICE_ALL_ACCESS,
                                    SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                    SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL, account, NULL);
        if (h->service)
            set_details(h->service, text);
        else if (GetLastError() == ERROR_SERVICE_EXISTS)
            st = err_set(err, EASG_E_CONFLICT,
                         "there is a service %s already; run: easgate service remove", entry->name);
        else
            st = wide_error(err, GetLastError(), entry->name);
    }
    mem_free(name);
    mem_free(title);
    mem_free(text);
    mem_free(account);
    return st;
}

easg_status svcman_install(const struct svcman_entry *entry, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf line = STRBUF_INIT(8192);
    wchar_t *command = NULL;
    struct handles h;
    easg_status st = open_manager(&h, SC_MANAGER_CREATE_SERVICE, err);

    /* the program is always in quotation marks: "C:\Program" would be tried before it otherwise */
    if (st == EASG_OK && strbuf_addf(&line, "\"%s\" ", entry->argv[0]) == EASG_OK)
        for (char *p = line.ptr; *p; p++)
            if (*p == '/')
                *p = '\\';
    if (st == EASG_OK && (cmdline_build(entry->argv + 1, &line) != EASG_OK ||
                          !(command = wide_from(strbuf_str(&line)))))
        st = err_set(err, EASG_E_LIMIT, "%s: the command line is too long", entry->argv[0]);
    if (st == EASG_OK)
        st = create(&h, entry, command, err);
    if (st == EASG_OK) {
        st = add_event_source(entry->argv[0], err);
        /* a virtual account exists only now that its service does */
        if (st == EASG_OK)
            st = make_folders(entry->account, err);
        if (st != EASG_OK)
            DeleteService(h.service);
    }
    mem_free(command);
    close_all(&h);
    return st;
}

static easg_status stop(SC_HANDLE service, const char *name, easg_error *err)
{
    int64_t end = clock_monotonic_ms() + STOP_MS;
    SERVICE_STATUS s;

    if (!QueryServiceStatus(service, &s))
        return wide_error(err, GetLastError(), name);
    if (s.dwCurrentState != SERVICE_STOPPED)
        ControlService(service, SERVICE_CONTROL_STOP, &s);
    while (QueryServiceStatus(service, &s) && s.dwCurrentState != SERVICE_STOPPED) {
        if (clock_monotonic_ms() > end)
            return err_set(err, EASG_E_FAIL, "service %s has not stopped within %d s", name,
                           STOP_MS / 1000);
        clock_sleep_ms(200);
    }
    return EASG_OK;
}

easg_status svcman_remove(const char *name, easg_error *err)
{
    struct handles h;
    easg_status st = open_service(&h, name, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE, err);

    if (st == EASG_OK)
        st = stop(h.service, name, err);
    if (st == EASG_OK && !DeleteService(h.service))
        st = wide_error(err, GetLastError(), name);
    if (st == EASG_OK)
        RegDeleteKeyW(HKEY_LOCAL_MACHINE, EVENTS);
    close_all(&h);
    return st;
}

static const char *state_name(DWORD state)
{
    switch (state) {
    case SERVICE_RUNNING: return "running";
    case SERVICE_START_PENDING: return "starting";
    case SERVICE_STOP_PENDING: return "stopping";
    case SERVICE_PAUSED:
    case SERVICE_PAUSE_PENDING:
    case SERVICE_CONTINUE_PENDING: return "paused";
    default: return "stopped";
    }
}

static easg_status read_config(SC_HANDLE service, const char *name, struct svcman_state *out,
                               easg_error *err)
{
    QUERY_SERVICE_CONFIGW *c;
    DWORD need = 0;
    char *text;
    easg_status st = EASG_OK;

    QueryServiceConfigW(service, NULL, 0, &need);
    c = mem_alloc(need ? need : 1);
    if (!c)
        return err_nomem(err);
    if (!QueryServiceConfigW(service, c, need, &need)) {
        st = wide_error(err, GetLastError(), name);
        mem_free(c);
        return st;
    }
    out->start = c->dwStartType == SERVICE_AUTO_START ? "automatic"
                 : c->dwStartType == SERVICE_DISABLED ? "disabled"
                                                      : "manual";
    text = c->lpBinaryPathName ? wide_to(c->lpBinaryPathName) : NULL;
    strbuf_adds(&out->command, text ? text : "");
    mem_free(text);
    text = c->lpServiceStartName ? wide_to(c->lpServiceStartName) : NULL;
    strbuf_adds(&out->account, text && *text ? text : "LocalSystem");
    mem_free(text);
    mem_free(c);
    return st;
}

easg_status svcman_query(const char *name, struct svcman_state *out, easg_error *err)
{
    SERVICE_STATUS_PROCESS s;
    DWORD need = 0;
    struct handles h;
    easg_status st;

    memset(out, 0, sizeof *out);
    strbuf_init(&out->command, 32768);
    strbuf_init(&out->account, 1024);
    st = open_service(&h, name, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG, err);
    if (st == EASG_OK) {
        if (QueryServiceStatusEx(h.service, SC_STATUS_PROCESS_INFO, (BYTE *)&s, sizeof s, &need)) {
            out->state = state_name(s.dwCurrentState);
            out->pid = s.dwProcessId;
            out->exit_code = s.dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR
                                 ? s.dwServiceSpecificExitCode
                                 : s.dwWin32ExitCode;
            if (s.dwWin32ExitCode == ERROR_SERVICE_NEVER_STARTED)
                out->exit_code = 0;
            st = read_config(h.service, name, out, err);
        } else {
            st = wide_error(err, GetLastError(), name);
        }
    }
    close_all(&h);
    return st;
}

void svcman_state_clear(struct svcman_state *s)
{
    strbuf_clear(&s->command);
    strbuf_clear(&s->account);
}
