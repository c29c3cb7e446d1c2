/* SPDX-License-Identifier: Apache-2.0
 *
 * console.c - the command line is UTF-16 and the C library's argv has lost what the code page
 * lacks; output is UTF-8 bytes, as on every other system.
 */
#include "console.h"

#include "wide.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <windows.h>

#include <shellapi.h>

int console_args(int *argc, char ***argv)
{
    int n = 0;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &n);
    char **list = wide ? mem_array((size_t)n + 1, sizeof *list) : NULL;

    if (!list) {
        LocalFree(wide);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        list[i] = wide_to(wide[i]);
        if (!list[i]) {
            while (i > 0)
                mem_free(list[--i]);
            mem_free(list);
            LocalFree(wide);
            return -1;
        }
    }
    LocalFree(wide);
    *argc = n;
    *argv = list; /* as the C library's: it lives as long as the process */
    /* the same bytes as elsewhere: no line ends added, no code page in between */
    _setmode(_fileno(stdout), _O_BINARY);
    _setmode(_fileno(stderr), _O_BINARY);
    SetConsoleOutputCP(CP_UTF8);
    return 0;
}

static HANDLE stream_handle(int stream)
{
    return GetStdHandle(stream == 2 ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
}

int console_is_terminal(int stream)
{
    DWORD mode;

    return GetConsoleMode(stream_handle(stream), &mode) != 0;
}

int console_width(void)
{
    CONSOLE_SCREEN_BUFFER_INFO info;

    if (GetConsoleScreenBufferInfo(stream_handle(1), &info)) {
        int columns = info.srWindow.Right - info.srWindow.Left + 1;

        if (columns >= 20)
            return columns;
    }
    return 80;
}
