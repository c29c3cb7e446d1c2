/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdline.c - the quoting that CommandLineToArgvW() undoes: backslashes count only in front of a
 * quotation mark, where each is doubled.
 */
#include "cmdline.h"

#include <string.h>

static void add_quoted(struct strbuf *out, const char *s)
{
    size_t slashes = 0;

    strbuf_addc(out, '"');
    for (;; s++) {
        if (*s == '\\') {
            slashes++;
            continue;
        }
        if (*s == '"' || *s == '\0') /* doubled; and one more hides a quotation mark of the text */
            slashes = slashes * 2 + (*s == '"');
        while (slashes > 0) {
            strbuf_addc(out, '\\');
            slashes--;
        }
        if (*s == '\0')
            break;
        strbuf_addc(out, *s);
    }
    strbuf_addc(out, '"');
}

easg_status cmdline_build(const char *const *argv, struct strbuf *out)
{
    for (size_t i = 0; argv[i]; i++) {
        if (i)
            strbuf_addc(out, ' ');
        if (argv[i][0] && !strpbrk(argv[i], " \t\n\v\""))
            strbuf_adds(out, argv[i]);
        else
            add_quoted(out, argv[i]);
    }
    return strbuf_status(out);
}
