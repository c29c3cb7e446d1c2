/* SPDX-License-Identifier: Apache-2.0
 *
 * mail_private.h - one template's text with its holes, and where files come from.
 */
#ifndef EASG_MAIL_PRIVATE_H
#define EASG_MAIL_PRIVATE_H

#include "mail.h"

struct mail_builtin {
    const char *name; /* "en/blocked.txt" */
    const char *text;
};
extern const struct mail_builtin mail_builtins[];
extern const size_t mail_builtins_n;

enum mail_hole {
    HOLE_USER,
    HOLE_DEVICE,
    HOLE_REASON,
    HOLE_WHAT_TO_DO,
    HOLE_DEADLINE,
    HOLE_HELPDESK,
    HOLE_ORGANIZATION,
    HOLE_SINCE,
    HOLE_UNTIL,
    HOLE_LISTS, /* from here on values are escaped already */
    HOLES = HOLE_LISTS + MAIL_LISTS
};
extern const char *const mail_holes[HOLES];

enum mail_escape { ESCAPE_TEXT, ESCAPE_LINE, ESCAPE_HTML };

/* fill.c: the text with its holes filled; `file` and `first_line` for errors. */
easg_status mail_fill(const char *file, unsigned first_line, const char *ptr, size_t len,
                      const char *const values[HOLES], enum mail_escape how, struct strbuf *out,
                      easg_error *err);

/* fill.c: a value as it stands in a template. */
void mail_escape(const char *value, enum mail_escape how, struct strbuf *out);

/* items.c: a list as text lines, or as elements of an HTML list. */
easg_status mail_items(const char *where, const struct strbuf *words, const struct mail_items *list,
                       enum mail_escape how, struct strbuf *out, easg_error *err);

/* files.c: LANG/NAME of the directory, else the built-in one. `where` gets its name for errors.
 * EASG_E_NOTFOUND: neither. */
easg_status mail_file(const char *dir, const char *language, const char *name, struct strbuf *out,
                      char where[512], easg_error *err);
int mail_has_file(const char *dir, const char *language, const char *name);
/* 1: there is such a language. */
int mail_has_language(const char *dir, const char *language);
/* words.c: a sentence by its key out of a words.txt; EASG_E_CONFIG when it lacks it. */
easg_status mail_word(const char *where, const struct strbuf *words, const char *key,
                      struct strbuf *out, easg_error *err);
easg_status mail_date(const char *where, const struct strbuf *words, easg_time t,
                      struct strbuf *out, easg_error *err);
#define MAIL_MAX_FILE ((size_t)64 * 1024)
#define MAIL_MAX_BODY ((size_t)1 << 20)

#endif
