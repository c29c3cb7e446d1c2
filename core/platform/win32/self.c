/* SPDX-License-Identifier: Apache-2.0
 *
 * self.c - what a process says about itself and keeps to itself.
 */
#include "proc.h"

#include "secret.h"
#include "wide.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <psapi.h>

int64_t proc_self(void)
{
    return GetCurrentProcessId();
}

static uint64_t hash(const wchar_t *s)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

    for (; *s; s++)
        h = (h ^ *s) * UINT64_C(1099511628211);
    return h;
}

uint64_t proc_machine_seed(void)
{
    wchar_t id[128] = L"";
    DWORD n = sizeof id;

    if (RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Cryptography", L"MachineGuid",
                     RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY, NULL, id, &n) != ERROR_SUCCESS) {
        n = sizeof id / sizeof *id;
        if (!GetComputerNameW(id, &n))
            id[0] = L'\0';
    }
    return hash(id);
}

/* No crash dump with secrets in it, no DLL from a share or from the current directory. */
void proc_harden(void)
{
    PROCESS_MITIGATION_IMAGE_LOAD_POLICY images;
    PROCESS_MITIGATION_EXTENSION_POINT_DISABLE_POLICY hooks;

    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0);
    SetDllDirectoryW(L"");
    memset(&images, 0, sizeof images);
    images.NoRemoteImages = 1;
    SetProcessMitigationPolicy(ProcessImageLoadPolicy, &images, sizeof images);
    memset(&hooks, 0, sizeof hooks);
    hooks.DisableExtensionPoints = 1;
    SetProcessMitigationPolicy(ProcessExtensionPointDisablePolicy, &hooks, sizeof hooks);
}

void proc_lock_memory(void *ptr, size_t len)
{
    if (!VirtualLock(ptr, len)) {
        /* over the working set: the secret is short-lived and wiped all the same */
    }
}

void proc_unlock_memory(void *ptr, size_t len)
{
    VirtualUnlock(ptr, len);
}

char *proc_env(const char *name)
{
    return wide_env(name);
}

/* The C library keeps a copy in the code page, and wipes nothing: its bytes are overwritten first.
 */
void proc_forget_env(const char *name)
{
    char *narrow = getenv(name);
    wchar_t *w = wide_from(name);
    wchar_t *empty;
    size_t n;

    if (narrow)
        secret_wipe(narrow, strlen(narrow));
    if (!w)
        return;
    n = wcslen(w);
    empty = mem_array(n + 2, sizeof *empty);
    if (empty) {
        memcpy(empty, w, n * sizeof *w);
        empty[n] = L'=';
        _wputenv(empty); /* takes it out of both */
    }
    SetEnvironmentVariableW(w, NULL);
    mem_free(empty);
    mem_free(w);
}

int64_t proc_peak_rss(void)
{
    PROCESS_MEMORY_COUNTERS c;

    if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &c, sizeof c))
        return 0;
    return (int64_t)c.PeakWorkingSetSize;
}

static int64_t ms(const FILETIME *t)
{
    return (int64_t)((uint64_t)t->dwHighDateTime << 32 | t->dwLowDateTime) / 10000;
}

int64_t proc_cpu_ms(void)
{
    FILETIME created, ended, kernel, user;

    if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user))
        return 0;
    return ms(&kernel) + ms(&user);
}
