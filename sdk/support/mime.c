/* SPDX-License-Identifier: Apache-2.0
 *
 * The mail, written from top to bottom. Boundaries hold "=_", which neither quoted-printable nor
 * base64 can produce, so that no content ends a part; header values are words of ASCII or encoded
 * words, so that no value begins a header.
 */
#include "mime.h"

#include <string.h>

#include "base64.h"
#include "err.h"
#include "text.h"
#include "timestamp.h"

#define LINE        76
#define WORD_FRAME  12 /* =?UTF-8?B??= */
#define REPLACEMENT "\xEF\xBF\xBD"

/* ---- addresses and ids ---- */

static int is_atom(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static size_t at_of(const easg_str *a)
{
    const char *at = a->ptr ? memchr(a->ptr, '@', a->len) : NULL;

    return at ? (size_t)(at - a->ptr) : a->len;
}

int mime_address_ok(const easg_str *a)
{
    size_t at;

    if (!a->ptr || a->len > 254 || a->len < 3)
        return 0;
    at = at_of(a);
    if (at == 0 || at > 64 || at + 1 >= a->len)
        return 0;
    for (size_t i = 0; i < a->len; i++)
        if (i < at ? !is_atom((unsigned char)a->ptr[i])
                   : i > at && !(is_atom((unsigned char)a->ptr[i]) && a->ptr[i] != '/'))
            return 0;
    return 1;
}

static easg_status check_address(const easg_str *a, easg_error *err)
{
    char safe[120];

    if (mime_address_ok(a))
        return EASG_OK;
    return err_set(err, EASG_E_NOTFOUND, "%s is no address that mail can be sent to",
                   text_safe(a->ptr ? a->ptr : "", a->len, safe, sizeof safe));
}

easg_status mime_message_id(const easg_str *key, const easg_str *from, struct strbuf *out,
                            easg_error *err)
{
    easg_status st = check_address(from, err);

    if (st != EASG_OK)
        return st;
    strbuf_addc(out, '<');
    for (size_t i = 0; i < key->len; i++) {
        unsigned char c = (unsigned char)key->ptr[i];

        if (is_atom(c) && c != '=' && c != '.')
            strbuf_addc(out, (char)c);
        else
            strbuf_addf(out, "=%02X", c);
    }
    strbuf_add(out, from->ptr + at_of(from), from->len - at_of(from));
    strbuf_addc(out, '>');
    return strbuf_status(out) == EASG_OK ? EASG_OK
                                         : err_set(err, strbuf_status(out), "the Message-ID");
}

/* ---- header values ---- */

/* One line of UTF-8: control characters as spaces, broken bytes replaced. */
static easg_status one_line(const easg_str *s, struct strbuf *out)
{
    size_t i = 0;

    while (i < s->len) {
        size_t n = text_utf8_len(s->ptr + i, s->len - i);
        unsigned char c = (unsigned char)s->ptr[i];

        if (n == 0)
            strbuf_adds(out, REPLACEMENT);
        else if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s->ptr[i + 1] < 0xa0))
            strbuf_addc(out, ' ');
        else
            strbuf_add(out, s->ptr + i, n);
        i += n ? n : 1;
    }
    return strbuf_status(out);
}

/* 1: it may stand as it is behind `used` characters of its line. */
static int plain(const struct strbuf *b, size_t used)
{
    for (size_t i = 0; i < b->len; i++)
        if ((unsigned char)b->ptr[i] >= 0x7f)
            return 0;
    return strstr(strbuf_str(b), "=?") == NULL && used + b->len <= LINE;
}

/* RFC 2047 words, each of whole characters, one on a line; the first behind `used` characters. */
static void encoded(struct strbuf *out, const struct strbuf *b, size_t used)
{
    size_t i = 0;

    while (i < b->len) {
        size_t room = (LINE - WORD_FRAME - (i ? 1 : used)) / 4 * 3;
        size_t n = text_utf8_cut(b->ptr + i, b->len - i < room ? b->len - i : room);

        strbuf_adds(out, i ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
        (void)base64_encode(out, b->ptr + i, n);
        strbuf_adds(out, "?=");
        i += n;
    }
}

static void unstructured(struct strbuf *out, const char *name, const easg_str *value)
{
    struct strbuf line = STRBUF_INIT(16384);
    size_t used = strlen(name) + 2;

    strbuf_adds(out, name);
    strbuf_adds(out, ": ");
    if (one_line(value, &line) != EASG_OK)
        out->status = strbuf_status(&line);
    else if (plain(&line, used))
        strbuf_add(out, strbuf_str(&line), line.len);
    else
        encoded(out, &line, used);
    strbuf_adds(out, "\r\n");
    strbuf_clear(&line);
}

static void mailbox(struct strbuf *out, const char *name, const easg_str *shown,
                    const easg_str *address)
{
    struct strbuf line = STRBUF_INIT(16384);

    strbuf_adds(out, name);
    strbuf_adds(out, ": ");
    if (!text_blank(shown)) {
        if (one_line(shown, &line) != EASG_OK) {
            out->status = strbuf_status(&line);
        } else if (plain(&line, line.len + 8)) { /* every character may need a backslash */
            strbuf_addc(out, '"');
            for (size_t i = 0; i < line.len; i++) {
                if (line.ptr[i] == '"' || line.ptr[i] == '\\')
                    strbuf_addc(out, '\\');
                strbuf_addc(out, line.ptr[i]);
            }
            strbuf_addc(out, '"');
        } else {
            encoded(out, &line, 8);
        }
        strbuf_adds(out, "\r\n ");
    }
    strbuf_addc(out, '<');
    strbuf_add_str(out, address);
    strbuf_adds(out, ">\r\n");
    strbuf_clear(&line);
}

static void date_header(struct strbuf *out, easg_time t)
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[TIMESTAMP_SIZE]; /* 2026-11-25T15:04:05... */
    int64_t day = t / 86400000 - (t % 86400000 < 0);
    int month;

    if (t == EASG_TIME_NONE)
        return;
    timestamp_format(t, iso);
    month = (iso[5] - '0') * 10 + iso[6] - '1';
    strbuf_addf(out, "Date: %.3s, %.2s %.3s %.4s %.8s +0000\r\n", days + 3 * (((day % 7) + 7) % 7),
                iso + 8, months + 3 * month, iso, iso + 11);
}

static int language_ok(const easg_str *l)
{
    if (!l->ptr || l->len == 0 || l->len > 35)
        return 0;
    for (size_t i = 0; i < l->len; i++) {
        char c = l->ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-'))
            return 0;
    }
    return 1;
}

/* ---- bodies ---- */

/* Quoted-printable (RFC 2045) of lines, whatever they end with. */
static void quoted(struct strbuf *out, const easg_str *s)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t column = 0;

    for (size_t i = 0; i < s->len; i++) {
        unsigned char c = (unsigned char)s->ptr[i];
        int last = i + 1 == s->len || s->ptr[i + 1] == '\n' || s->ptr[i + 1] == '\r';
        int as_is = (c >= 33 && c <= 126 && c != '=') || ((c == ' ' || c == '\t') && !last);

        if (c == '\r' || c == '\n') {
            if (c == '\r' && i + 1 < s->len && s->ptr[i + 1] == '\n')
                i++;
            strbuf_adds(out, "\r\n");
            column = 0;
            continue;
        }
        /* A dot alone on a line, or "From ": some carriers trip over them. */
        if (column == 0 &&
            (c == '.' || (c == 'F' && s->len - i > 4 && !memcmp(s->ptr + i, "From ", 5))))
            as_is = 0;
        if (column + (as_is ? 1 : 3) > LINE - 1) {
            strbuf_adds(out, "=\r\n");
            column = 0;
            if (c == '.')
                as_is = 0;
        }
        if (as_is) {
            strbuf_addc(out, (char)c);
        } else {
            strbuf_addc(out, '=');
            strbuf_addc(out, hex[c >> 4]);
            strbuf_addc(out, hex[c & 15]);
        }
        column += as_is ? 1 : 3;
    }
    if (column)
        strbuf_adds(out, "\r\n");
}

static void base64_lines(struct strbuf *out, const unsigned char *ptr, size_t len)
{
    for (size_t i = 0; i < len; i += 57) {
        (void)base64_encode(out, ptr + i, len - i < 57 ? len - i : 57);
        strbuf_adds(out, "\r\n");
    }
}

static void text_part(struct strbuf *out, const char *type, const easg_str *s)
{
    strbuf_addf(out,
                "Content-Type: %s; charset=\"utf-8\"\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                type);
    quoted(out, s);
}

/* RFC 2231, where a name is not plain: in pieces, each on a line. */
static void parameter(struct strbuf *out, const char *name, const easg_str *value)
{
    struct strbuf line = STRBUF_INIT(1024), escaped = STRBUF_INIT(4096);
    size_t at = 0;

    if (one_line(value, &line) != EASG_OK) {
        out->status = strbuf_status(&line);
    } else if (plain(&line, strlen(name) + 4) && !strpbrk(strbuf_str(&line), "\"\\")) {
        strbuf_addf(out, ";\r\n %s=\"%s\"", name, strbuf_str(&line));
    } else {
        strbuf_add_url(&escaped, line.ptr, line.len);
        for (unsigned i = 0; at < escaped.len; i++) {
            size_t n = escaped.len - at < 48 ? escaped.len - at : 48;

            while (at + n < escaped.len &&
                   (escaped.ptr[at + n - 1] == '%' || escaped.ptr[at + n - 2] == '%'))
                n--;
            strbuf_addf(out, ";\r\n %s*%u*=%s%.*s", name, i, i ? "" : "UTF-8''", (int)n,
                        escaped.ptr + at);
            at += n;
        }
    }
    strbuf_clear(&line);
    strbuf_clear(&escaped);
}

static void picture_part(struct strbuf *out, const struct mime_picture *p)
{
    strbuf_addf(out, "Content-Type: %s", p->type);
    parameter(out, "name", &p->file_name);
    strbuf_addf(out, "\r\nContent-ID: <%s>\r\nContent-Disposition: inline", p->content_id);
    parameter(out, "filename", &p->file_name);
    strbuf_adds(out, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    base64_lines(out, p->ptr, p->len);
}

static void multipart(struct strbuf *out, const char *type, const char *boundary)
{
    strbuf_addf(out, "Content-Type: multipart/%s;\r\n boundary=\"%s\"\r\n\r\n", type, boundary);
}

static void html_and_picture(const struct mime_mail *m, struct strbuf *out)
{
    if (!m->picture) {
        text_part(out, "text/html", &m->html);
        return;
    }
    multipart(out, "related; type=\"text/html\"", "=_easgate_related_=");
    strbuf_adds(out, "--=_easgate_related_=\r\n");
    text_part(out, "text/html", &m->html);
    strbuf_adds(out, "--=_easgate_related_=\r\n");
    picture_part(out, m->picture);
    strbuf_adds(out, "--=_easgate_related_=--\r\n");
}

static void content(const struct mime_mail *m, struct strbuf *out)
{
    if (text_blank(&m->html)) {
        text_part(out, "text/plain", &m->text);
        return;
    }
    multipart(out, "alternative", "=_easgate_alternative_=");
    strbuf_adds(out, "--=_easgate_alternative_=\r\n");
    text_part(out, "text/plain", &m->text);
    strbuf_adds(out, "--=_easgate_alternative_=\r\n");
    html_and_picture(m, out);
    strbuf_adds(out, "--=_easgate_alternative_=--\r\n");
}

easg_status mime_build(const struct mime_mail *m, struct strbuf *out, easg_error *err)
{
    easg_status st = check_address(&m->to, err);

    if (st != EASG_OK)
        return st;
    strbuf_adds(out, "Message-ID: ");
    st = mime_message_id(&m->key, &m->from, out, err);
    if (st != EASG_OK)
        return st;
    strbuf_adds(out, "\r\n");
    date_header(out, m->date);
    mailbox(out, "From", &m->from_name, &m->from);
    mailbox(out, "To", &(easg_str){ NULL, 0 }, &m->to);
    unstructured(out, "Subject", &m->subject);
    strbuf_adds(out, "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n");
    if (m->key_header)
        unstructured(out, m->key_header, &m->key);
    if (language_ok(&m->language)) {
        strbuf_adds(out, "Content-Language: ");
        strbuf_add_str(out, &m->language);
        strbuf_adds(out, "\r\n");
    }
    strbuf_adds(out, "MIME-Version: 1.0\r\n");
    content(m, out);
    st = strbuf_status(out);
    return st == EASG_OK ? st : err_set(err, st, "the mail is too long or memory is gone");
}
