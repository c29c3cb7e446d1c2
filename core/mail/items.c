/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists in a mail: "- user: device. Reason. (date)" a line, or <li> elements.
 */
#include <inttypes.h>
#include <stdio.h>

#include "mail_private.h"

static void add(const char *before, const char *value, enum mail_escape how, struct strbuf *out)
{
    if (!value || !value[0])
        return;
    strbuf_adds(out, before);
    if (how == ESCAPE_HTML)
        strbuf_adds(out, "<bdi>");
    mail_escape(value, how, out);
    if (how == ESCAPE_HTML)
        strbuf_adds(out, "</bdi>");
}

static easg_status item(const char *where, const struct strbuf *words, const struct mail_item *it,
                        enum mail_escape how, struct strbuf *out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf word = STRBUF_INIT(4096);
    char key[40];
    const char *before = "";
    easg_status st = EASG_OK;

    strbuf_adds(out, how == ESCAPE_HTML ? "<li>" : "- ");
    add("", it->user, how, out);
    before = it->user && it->user[0] ? ": " : "";
    add(before, it->device, how, out);
    if (it->device && it->device[0])
        before = ". ";
    if (it->mail && it->mail[0]) {
        (void)snprintf(key, sizeof key, "reason.%.20s", it->mail);
        st = mail_word(where, words, key, &word, err);
        add(before, strbuf_str(&word), how, out);
        before = " ";
    }
    add(before, it->text, how, out);
    strbuf_reset(&word);
    if (st == EASG_OK && it->at != EASG_TIME_NONE) {
        st = mail_date(where, words, it->at, &word, err);
        strbuf_adds(out, " (");
        mail_escape(strbuf_str(&word), how, out);
        strbuf_adds(out, ")");
    }
    strbuf_adds(out, how == ESCAPE_HTML ? "</li>\n" : "\n");
    return st;
}

easg_status mail_items(const char *where, const struct strbuf *words, const struct mail_items *list,
                       enum mail_escape how, struct strbuf *out, easg_error *err)
{
    easg_status st = EASG_OK;

    if (!list || list->n == 0)
        return EASG_OK;
    if (how == ESCAPE_HTML)
        strbuf_adds(out, "<ul style=\"margin-top:0\">\n");
    for (size_t i = 0; st == EASG_OK && i < list->n; i++)
        st = item(where, words, &list->items[i], how, out, err);
    if (list->more)
        strbuf_addf(out,
                    how == ESCAPE_HTML ? "<li>\xE2\x80\xA6 (+%zu)</li>\n"
                                       : "- \xE2\x80\xA6 (+%zu)\n",
                    list->more);
    if (how == ESCAPE_HTML)
        strbuf_adds(out, "</ul>");
    return st;
}
