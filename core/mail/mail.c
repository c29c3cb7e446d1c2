/* SPDX-License-Identifier: Apache-2.0
 *
 * From a template and values to a mail; and the check of a whole directory.
 */
#include "mail.h"

#include <stdio.h>
#include <string.h>

#include "mail_private.h"

#include "err.h"
#include "fs.h"
#include "text.h"

static const char *const names[MAIL_TEMPLATES] = { "about-to-be-blocked", "blocked", "quarantined",
                                                   "allowed-again", "digest" };
static const char *const mails[] = { "enrol", "activate", "noncompliant" };

const char *mail_template_name(enum mail_template t)
{
    return (unsigned)t < MAIL_TEMPLATES ? names[t] : NULL;
}

int mail_template_find(const char *name)
{
    for (int i = 0; i < MAIL_TEMPLATES; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

void mail_text_init(struct mail_text *t)
{
    strbuf_init(&t->subject, 4096);
    strbuf_init(&t->text, MAIL_MAX_BODY);
    strbuf_init(&t->html, MAIL_MAX_BODY);
    t->language[0] = '\0';
}

void mail_text_clear(struct mail_text *t)
{
    strbuf_clear(&t->subject);
    strbuf_clear(&t->text);
    strbuf_clear(&t->html);
}

/* ---- language ---- */

/* "de-AT", then "de", in small letters, when there is one; 0: neither. */
static int take_language(const char *dir, const char *tag, char out[36])
{
    size_t n = tag ? strlen(tag) : 0;

    if (n == 0 || n > 35)
        return 0;
    for (size_t i = 0; i <= n; i++)
        out[i] = tag[i] >= 'A' && tag[i] <= 'Z' ? (char)(tag[i] + 32) : tag[i];
    for (;;) {
        char *dash;

        if (mail_has_language(dir, out))
            return 1;
        dash = strrchr(out, '-');
        if (!dash)
            return 0;
        *dash = '\0';
    }
}

static void choose_language(const char *dir, const char *language, const char *fallback,
                            char out[36])
{
    if (!take_language(dir, language, out) && !take_language(dir, fallback, out))
        (void)snprintf(out, 36, "en");
}

/* ---- one mail ---- */

struct made {
    struct strbuf file, words, reason, what, date, since, until;
    struct strbuf lists[MAIL_LISTS];
    char where[512], words_where[512];
    const char *values[HOLES];
};

static void made_init(struct made *m)
{
    memset(m, 0, sizeof *m);
    strbuf_init(&m->file, MAIL_MAX_FILE);
    strbuf_init(&m->words, MAIL_MAX_FILE);
    strbuf_init(&m->reason, 4096);
    strbuf_init(&m->what, 4096);
    strbuf_init(&m->date, 512);
    strbuf_init(&m->since, 512);
    strbuf_init(&m->until, 512);
    for (int i = 0; i < MAIL_LISTS; i++)
        strbuf_init(&m->lists[i], MAIL_MAX_BODY);
}

static void made_clear(struct made *m)
{
    strbuf_clear(&m->file);
    strbuf_clear(&m->words);
    strbuf_clear(&m->reason);
    strbuf_clear(&m->what);
    strbuf_clear(&m->date);
    strbuf_clear(&m->since);
    strbuf_clear(&m->until);
    for (int i = 0; i < MAIL_LISTS; i++)
        strbuf_clear(&m->lists[i]);
}

static easg_status read_words(struct made *m, const char *dir, const char *language,
                              enum mail_template t, const struct mail_values *v, easg_error *err)
{
    char key[40];
    easg_status st = mail_file(dir, language, "words.txt", &m->words, m->where, err);

    if (st == EASG_OK && v->mail) {
        (void)snprintf(key, sizeof key, "reason.%.20s", v->mail);
        st = mail_word(m->where, &m->words, key, &m->reason, err);
        (void)snprintf(key, sizeof key, "what.%.20s", v->mail);
        if (st == EASG_OK)
            st = mail_word(m->where, &m->words, key, &m->what, err);
    }
    if (st == EASG_OK)
        st = mail_date(m->where, &m->words, v->deadline, &m->date, err);
    if (st == EASG_OK && t == MAIL_DIGEST)
        st = mail_date(m->where, &m->words, v->since, &m->since, err);
    if (st == EASG_OK && t == MAIL_DIGEST)
        st = mail_date(m->where, &m->words, v->until, &m->until, err);
    memcpy(m->words_where, m->where, sizeof m->words_where);
    m->values[HOLE_USER] = v->user;
    m->values[HOLE_DEVICE] = v->device;
    m->values[HOLE_HELPDESK] = v->helpdesk;
    m->values[HOLE_ORGANIZATION] = v->organization;
    m->values[HOLE_REASON] = strbuf_str(&m->reason);
    m->values[HOLE_WHAT_TO_DO] = strbuf_str(&m->what);
    m->values[HOLE_DEADLINE] = strbuf_str(&m->date);
    m->values[HOLE_SINCE] = strbuf_str(&m->since);
    m->values[HOLE_UNTIL] = strbuf_str(&m->until);
    return st;
}

static easg_status make_lists(struct made *m, const struct mail_values *v, enum mail_escape how,
                              easg_error *err)
{
    easg_status st = EASG_OK;

    for (int i = 0; st == EASG_OK && i < MAIL_LISTS; i++) {
        strbuf_reset(&m->lists[i]);
        st = mail_items(m->words_where, &m->words, v->lists[i], how, &m->lists[i], err);
        if (st == EASG_OK && strbuf_status(&m->lists[i]) != EASG_OK)
            st = err_set(err, strbuf_status(&m->lists[i]), "a list of a digest is too long");
        m->values[HOLE_LISTS + i] = strbuf_str(&m->lists[i]);
    }
    return st;
}

static easg_status fill_text(struct made *m, const char *dir, const char *language,
                             enum mail_template t, struct mail_text *out, easg_error *err)
{
    static const char head[] = "Subject: ";
    char name[40];
    const char *p;
    size_t line, skip;
    easg_status st;

    (void)snprintf(name, sizeof name, "%s.txt", names[t]);
    st = mail_file(dir, language, name, &m->file, m->where, err);
    if (st != EASG_OK)
        return st;
    p = strbuf_str(&m->file);
    line = strcspn(p, "\r\n");
    if (strncmp(p, head, sizeof head - 1) != 0 || line <= sizeof head - 1)
        return err_set(err, EASG_E_CONFIG, "%s:1: the first line must be \"Subject: ...\"",
                       m->where);
    st = mail_fill(m->where, 1, p + sizeof head - 1, line - (sizeof head - 1), m->values,
                   ESCAPE_LINE, &out->subject, err);
    skip = line;
    while (skip < m->file.len && (p[skip] == '\r' || p[skip] == '\n'))
        skip++;
    {
        unsigned first = 1;

        for (size_t i = 0; i < skip; i++)
            first += p[i] == '\n';
        if (st == EASG_OK)
            st = mail_fill(m->where, first, p + skip, m->file.len - skip, m->values, ESCAPE_TEXT,
                           &out->text, err);
    }
    return st;
}

static easg_status fill_html(struct made *m, const char *dir, const char *language,
                             enum mail_template t, struct mail_text *out, easg_error *err)
{
    char name[40];
    easg_status st;

    (void)snprintf(name, sizeof name, "%s.html", names[t]);
    st = mail_file(dir, language, name, &m->file, m->where, err);
    if (st == EASG_E_NOTFOUND) {
        err_clear(err);
        return EASG_OK;
    }
    if (st != EASG_OK)
        return st;
    return mail_fill(m->where, 1, strbuf_str(&m->file), m->file.len, m->values, ESCAPE_HTML,
                     &out->html, err);
}

static easg_status make(const char *dir, enum mail_template t, const struct mail_values *v,
                        struct mail_text *out, easg_error *err)
{
    struct made m;
    easg_status st;

    made_init(&m);
    st = read_words(&m, dir, out->language, t, v, err);
    if (st == EASG_OK)
        st = make_lists(&m, v, ESCAPE_TEXT, err);
    if (st == EASG_OK)
        st = fill_text(&m, dir, out->language, t, out, err);
    if (st == EASG_OK)
        st = make_lists(&m, v, ESCAPE_HTML, err);
    if (st == EASG_OK)
        st = fill_html(&m, dir, out->language, t, out, err);
    made_clear(&m);
    return st == EASG_E_NOTFOUND ? EASG_E_CONFIG : st;
}

easg_status mail_render(const char *dir, const char *language, const char *fallback,
                        enum mail_template t, const struct mail_values *v, struct mail_text *out,
                        easg_error *err)
{
    strbuf_reset(&out->subject);
    strbuf_reset(&out->text);
    strbuf_reset(&out->html);
    choose_language(dir, language, fallback, out->language);
    /* a language of the administrator's own need not have what only the help desk reads */
    if (t == MAIL_DIGEST && !mail_has_file(dir, out->language, "digest.txt"))
        (void)snprintf(out->language, sizeof out->language, "en");
    return make(dir, t, v, out, err);
}

/* ---- the check ---- */

struct checking {
    const char *dir;
    char languages[64][36];
    size_t n;
};

static void add_language(struct checking *c, const char *language)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->languages[i], language) == 0)
            return;
    if (c->n < 64 && mail_has_language(c->dir, language))
        (void)snprintf(c->languages[c->n++], 36, "%.35s", language);
}

/* Languages of the directory, by two-letter names: what a language is called otherwise is found
 * when it is asked for. */
static void find_languages(struct checking *c)
{
    char tag[3] = "aa";

    for (tag[0] = 'a'; tag[0] <= 'z'; tag[0]++)
        for (tag[1] = 'a'; tag[1] <= 'z'; tag[1]++)
            add_language(c, tag);
}

easg_status mail_check(const char *dir, void (*fault)(void *user, const char *text), void *user,
                       size_t *found, easg_error *err)
{
    struct checking c = { .dir = dir };
    struct mail_text text;
    char missing[600];
    easg_status st = EASG_OK;

    *found = 0;
    if (dir && !fs_exists(dir)) {
        (void)snprintf(missing, sizeof missing, "%.500s: there is no such directory", dir);
        fault(user, missing);
        *found = 1;
        return EASG_OK;
    }
    find_languages(&c);
    mail_text_init(&text);
    for (size_t i = 0; i < c.n; i++)
        for (int t = 0; st == EASG_OK && t < MAIL_TEMPLATES; t++)
            for (size_t k = 0; st == EASG_OK && k < (t == 0 ? 3u : 1u); k++) {
                struct mail_values v = { .user = "u", .mail = mails[k], .deadline = 0 };

                st = mail_render(dir, c.languages[i], NULL, (enum mail_template)t, &v, &text, err);
                if (st == EASG_OK || st == EASG_E_NOMEM)
                    continue;
                fault(user, err->message);
                ++*found;
                err_clear(err);
                st = EASG_OK;
            }
    mail_text_clear(&text);
    return st;
}
