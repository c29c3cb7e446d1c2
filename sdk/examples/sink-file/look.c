/* SPDX-License-Identifier: Apache-2.0
 *
 * A look at a file before its rows are read: when it was written, and whether it is what programs
 * for tables write when nobody tells them otherwise, because the first row would only be refused
 * with riddles.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sink_file.h"

#include "err.h"
#include "text.h"
#include "timestamp.h"

static easg_status unread(const char *path, easg_error *err)
{
    return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_ERRNO, errno, "%s: cannot be read: %s", path,
                      strerror(errno));
}

/* The names of the columns stand in the first line, so that its separator is plain to see. */
static easg_status look_at_header(const char *path, const char *ptr, size_t len, easg_error *err)
{
    size_t line = 0;

    while (line < len && ptr[line] != '\n' && ptr[line] != '\r')
        line++;
    if (memchr(ptr, ',', line))
        return EASG_OK;
    if (memchr(ptr, ';', line) || memchr(ptr, '\t', line))
        return err_set(err, EASG_E_CONFIG,
                       "%s:1: its columns are separated by %s: save it with commas", path,
                       memchr(ptr, ';', line) ? "semicolons" : "tabs");
    return EASG_OK;
}

easg_status file_look(const char *path, easg_time *written, easg_error *err)
{
    size_t name = strlen(path);
    char head[4096];
    struct stat about;
    size_t n;
    FILE *f;

    *written = EASG_TIME_NONE;
    if (stat(path, &about) != 0)
        return unread(path, err);
    *written = (easg_time)about.st_mtime * 1000;
    f = fopen(path, "rb");
    if (!f)
        return unread(path, err);
    n = fread(head, 1, sizeof head, f);
    (void)fclose(f);
    if (n >= 2 && (memcmp(head, "\xFF\xFE", 2) == 0 || memcmp(head, "\xFE\xFF", 2) == 0))
        return err_set(err, EASG_E_CONFIG, "%s:1: is in UTF-16: save it as UTF-8", path);
    if (n >= 4 && memcmp(head, "PK\x03\x04", 4) == 0)
        return err_set(err, EASG_E_CONFIG, "%s:1: is a workbook: save it as CSV in UTF-8", path);
    return name >= 4 && text_ieq(path + name - 4, 4, ".csv", 4) ? look_at_header(path, head, n, err)
                                                                : EASG_OK;
}
