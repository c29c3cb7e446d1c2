/* SPDX-License-Identifier: Apache-2.0
 *
 * words.txt of a language: sentences by key, "key = text", and how a date is written.
 */
#include <stdio.h>
#include <string.h>

#include "mail_private.h"

#include "clock.h"
#include "err.h"
#include "text.h"
#include "timestamp.h"

easg_status mail_word(const char *where, const struct strbuf *words, const char *key,
                      struct strbuf *out, easg_error *err)
{
    const char *p = strbuf_str(words);
    size_t n = strlen(key);

    if (!text_utf8_valid(p, words->len))
        return err_set(err, EASG_E_CONFIG, "%s: it is not UTF-8", where);
    while (*p) {
        size_t line = strcspn(p, "\r\n");

        if (line > n && memcmp(p, key, n) == 0) {
            const char *q = p + n;

            q += strspn(q, " \t");
            if (*q == '=') {
                q++;
                q += strspn(q, " \t");
                strbuf_add(out, q, (size_t)(p + line - q));
                return strbuf_status(out) == EASG_OK ? EASG_OK : err_nomem(err);
            }
        }
        p += line;
        p += strspn(p, "\r\n");
    }
    return err_set(err, EASG_E_CONFIG, "%s: the line \"%s = ...\" is missing", where, key);
}

/* The n-th (from 0) of a list split by commas. */
static easg_str nth(const char *list, unsigned n)
{
    while (n-- && *list) {
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return (easg_str){ list, strcspn(list, ",") };
}

/* `iso` is 2026-11-25T15:04:05Z of local time. */
static void write_date(const char *format, const char *months, const char *iso, struct strbuf *out)
{
    unsigned month = (unsigned)((iso[5] - '0') * 10 + iso[6] - '1');
    easg_str name = nth(months, month);

    for (const char *p = format; *p; p++) {
        if (*p != '%' || !p[1]) {
            strbuf_addc(out, *p);
            continue;
        }
        switch (*++p) {
        case 'd': strbuf_add(out, iso + (iso[8] == '0' ? 9 : 8), iso[8] == '0' ? 1 : 2); break;
        case 'm': strbuf_add(out, iso + 5, 2); break;
        case 'B': strbuf_add(out, name.ptr, name.len); break;
        case 'Y': strbuf_add(out, iso, 4); break;
        case 'H': strbuf_add(out, iso + 11, 2); break;
        case 'M': strbuf_add(out, iso + 14, 2); break;
        default: strbuf_addc(out, *p); break;
        }
    }
}

easg_status mail_date(const char *where, const struct strbuf *words, easg_time t,
                      struct strbuf *out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf months = STRBUF_INIT(1024);
    EASG_CLEANUP(strbuf_clear) struct strbuf format = STRBUF_INIT(256);
    char iso[TIMESTAMP_SIZE];
    easg_status st = mail_word(where, words, "months", &months, err);

    if (st == EASG_OK)
        st = mail_word(where, words, "date", &format, err);
    if (st != EASG_OK || t == EASG_TIME_NONE)
        return st;
    timestamp_format(t + (easg_time)clock_local_offset_min(t) * 60000, iso);
    write_date(strbuf_str(&format), strbuf_str(&months), iso, out);
    return strbuf_status(out) == EASG_OK ? EASG_OK : err_nomem(err);
}
