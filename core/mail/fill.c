/* SPDX-License-Identifier: Apache-2.0
 *
 * {{value}}, {{#value}}only with it{{/value}}, {{^value}}only without{{/value}}. Nothing else is
 * understood, and what is not understood is an error with its line: a mail with a hole in it would
 * go out to people before anybody sees it.
 */
#include <stdio.h>
#include <string.h>

#include "mail_private.h"

#include "err.h"
#include "text.h"

const char *const mail_holes[HOLES] = { "user",     "device",     "reason",       "what_to_do",
                                        "deadline", "helpdesk",   "organization", "since",
                                        "until",    "blocked",    "quarantined",  "announced",
                                        "held",     "undelivered" };

struct fill {
    const char *file;
    unsigned line;
    const char *const *values;
    enum mail_escape how;
    struct strbuf *out;
    int hidden;      /* inside a section that does not stand */
    int open;        /* enum mail_hole of the open section, -1: none */
    unsigned opened; /* its line */
};

static easg_status complain(const struct fill *f, easg_error *err, const char *what,
                            const char *name, size_t len, const char *advice)
{
    char safe[80];

    return err_set(err, EASG_E_CONFIG, "%s:%u: %s %s%s", f->file, f->line, what,
                   text_safe(name, len < 40 ? len : 40, safe, sizeof safe), advice);
}

static int find(const char *name, size_t len)
{
    for (int i = 0; i < HOLES; i++)
        if (strlen(mail_holes[i]) == len && memcmp(mail_holes[i], name, len) == 0)
            return i;
    return -1;
}

static easg_status unknown(const struct fill *f, const char *name, size_t len, easg_error *err)
{
    char word[41], advice[200] = "";
    const char *nearest = NULL;
    unsigned best = 3;

    (void)snprintf(word, sizeof word, "%.*s", (int)(len < 40 ? len : 40), name);
    for (int i = 0; i < HOLES; i++) {
        unsigned d = text_distance(word, mail_holes[i], best);

        if (d < best) {
            best = d;
            nearest = mail_holes[i];
        }
    }
    if (nearest)
        (void)snprintf(advice, sizeof advice, "; did you mean {{%s}}", nearest);
    else
        (void)snprintf(advice, sizeof advice,
                       "; there are user, device, reason, what_to_do, deadline, helpdesk, "
                       "organization; in a digest since, until, blocked, quarantined, announced, "
                       "held, undelivered");
    return complain(f, err, "unknown placeholder", name, len, advice);
}

/* A value as text, on one line where it goes into one. */
static void put_plain(struct strbuf *out, const char *v, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = text_utf8_len(v + i, len - i);
        unsigned char c = (unsigned char)v[i];

        if (n == 0)
            strbuf_adds(out, "\xEF\xBF\xBD");
        else if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)v[i + 1] < 0xa0))
            strbuf_addc(out, ' ');
        else
            strbuf_add(out, v + i, n);
        i += n ? n : 1;
    }
}

void mail_escape(const char *value, enum mail_escape how, struct strbuf *out)
{
    struct strbuf plain = STRBUF_INIT(MAIL_MAX_FILE);

    if (how != ESCAPE_HTML) {
        put_plain(out, value, strlen(value));
        return;
    }
    put_plain(&plain, value, strlen(value));
    if (strbuf_status(&plain) != EASG_OK)
        out->status = strbuf_status(&plain);
    strbuf_add_xml(out, strbuf_str(&plain), plain.len);
    strbuf_clear(&plain);
}

static void put(struct fill *f, int hole)
{
    const char *value = f->values[hole];

    if (!value || f->hidden)
        return;
    if (hole >= HOLE_LISTS)
        strbuf_adds(f->out, value);
    else
        mail_escape(value, f->how, f->out);
}

static easg_status section(struct fill *f, char kind, int hole, const char *name, size_t len,
                           easg_error *err)
{
    int has = f->values[hole] && f->values[hole][0];

    if (kind == '/') {
        if (f->open != hole)
            return complain(f, err, "nothing is open that is closed by", name, len, "");
        f->open = -1;
        f->hidden = 0;
        return EASG_OK;
    }
    if (f->open >= 0)
        return complain(f, err, "a section inside a section:", name, len, "");
    f->open = hole;
    f->opened = f->line;
    f->hidden = kind == '#' ? !has : has;
    return EASG_OK;
}

/* `p` stands behind "{{". */
static easg_status hole_at(struct fill *f, const char **p, const char *end, easg_error *err)
{
    const char *name = *p, *close = NULL;
    char kind = 0;
    size_t len;
    int hole;

    for (const char *q = name; q + 1 < end && *q != '\n' && !close; q++)
        if (q[0] == '}' && q[1] == '}')
            close = q;
    if (!close)
        return complain(f, err, "{{ without }} before the end of the line:", name,
                        (size_t)(end - name) < 20 ? (size_t)(end - name) : 20, "");
    *p = close + 2;
    if (name < close && strchr("#^/", *name))
        kind = *name++;
    while (name < close && *name == ' ')
        name++;
    len = (size_t)(close - name);
    while (len && name[len - 1] == ' ')
        len--;
    hole = find(name, len);
    if (hole < 0)
        return unknown(f, name, len, err);
    if (kind)
        return section(f, kind, hole, name, len, err);
    put(f, hole);
    return EASG_OK;
}

easg_status mail_fill(const char *file, unsigned first_line, const char *ptr, size_t len,
                      const char *const values[HOLES], enum mail_escape how, struct strbuf *out,
                      easg_error *err)
{
    struct fill f = { file, first_line, values, how, out, 0, -1, 0 };
    const char *p = ptr, *end = ptr + len;
    easg_status st = EASG_OK;

    if (!text_utf8_valid(ptr, len))
        return err_set(err, EASG_E_CONFIG, "%s: it is not UTF-8", file);
    while (st == EASG_OK && p < end) {
        if (end - p >= 2 && p[0] == '{' && p[1] == '{') {
            p += 2;
            st = hole_at(&f, &p, end, err);
            continue;
        }
        f.line += *p == '\n';
        if (!f.hidden && *p != '\r')
            strbuf_addc(out, *p);
        p++;
    }
    if (st == EASG_OK && f.open >= 0) {
        f.line = f.opened;
        return complain(&f, err, "this section is never closed:", mail_holes[f.open],
                        strlen(mail_holes[f.open]), "");
    }
    if (st == EASG_OK && strbuf_status(out) != EASG_OK)
        st = err_set(err, strbuf_status(out), "%s: the text is too long", file);
    return st;
}
