/* SPDX-License-Identifier: Apache-2.0
 *
 * console.c - a POSIX process has its arguments in UTF-8 already.
 */
#include "console.h"

#include <sys/ioctl.h>
#include <unistd.h>

int console_args(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

int console_is_terminal(int stream)
{
    return isatty(stream) == 1;
}

int console_width(void)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20)
        return w.ws_col;
    return 80;
}
