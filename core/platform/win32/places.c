/* SPDX-License-Identifier: Apache-2.0
 *
 * places.c - the standard directories, by known folder: in a service %ProgramData% is not what it
 * seems. Slashes go forward, as the rest of the program writes them.
 */
#include "fs.h"

#include "wide.h"

#include <initguid.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include <knownfolders.h>
#include <shlobj.h>

#define ROOM 1024

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static char config_dir[ROOM] = "C:/ProgramData/easgate";
static char state_dir[ROOM] = "C:/ProgramData/easgate/state";
static char run_dir[ROOM] = "C:/ProgramData/easgate/run";

static char *forward(char *path)
{
    for (char *p = path; p && *p; p++)
        if (*p == '\\')
            *p = '/';
    return path;
}

static BOOL CALLBACK find(INIT_ONCE *o, void *arg, void **context)
{
    wchar_t *w = NULL;
    char *base;

    (void)o;
    (void)arg;
    (void)context;
    if (FAILED(SHGetKnownFolderPath(&FOLDERID_ProgramData, 0, NULL, &w)))
        return TRUE;
    base = forward(wide_to(w));
    CoTaskMemFree(w);
    if (base && strlen(base) < ROOM - 32) {
        snprintf(config_dir, sizeof config_dir, "%s/easgate", base);
        snprintf(state_dir, sizeof state_dir, "%s/easgate/state", base);
        snprintf(run_dir, sizeof run_dir, "%s/easgate/run", base);
    }
    mem_free(base);
    return TRUE;
}

const char *fs_config_dir(void)
{
    InitOnceExecuteOnce(&once, find, NULL, NULL);
    return config_dir;
}

const char *fs_state_dir(void)
{
    InitOnceExecuteOnce(&once, find, NULL, NULL);
    return state_dir;
}

const char *fs_run_dir(void)
{
    InitOnceExecuteOnce(&once, find, NULL, NULL);
    return run_dir;
}

char *fs_self(void)
{
    wchar_t w[ROOM];
    DWORD n = GetModuleFileNameW(NULL, w, ROOM);

    return n > 0 && n < ROOM ? forward(wide_to(w)) : NULL;
}

/* "DIR" + below, when it is there or `always`; DIR ends at `end`. */
static char *beside(const char *self, const char *end, const char *below, int always)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(ROOM * 4);

    strbuf_add(&b, self, (size_t)(end - self));
    strbuf_adds(&b, below);
    if (strbuf_status(&b) != EASG_OK || (!always && !fs_exists(b.ptr)))
        return NULL;
    return strbuf_take(&b);
}

/* `plugins` beside the program; in a build tree, where programs are in bin/, ../lib/easgate/plugins
 * without ".." in it: the loader wants none. */
char *fs_plugin_dir(void)
{
    char *self = fs_self();
    char *slash = self ? strrchr(self, '/') : NULL;
    char *up = NULL;
    char *out = NULL;

    if (slash) {
        *slash = '\0';
        up = strrchr(self, '/');
        out = beside(self, slash, "/plugins", 0);
        if (!out && up)
            out = beside(self, up, "/lib/easgate/plugins", 0);
        if (!out)
            out = beside(self, slash, "/plugins", 1);
    }
    mem_free(self);
    return out ? out : mem_strdup("C:/Program Files/easgate/plugins");
}
