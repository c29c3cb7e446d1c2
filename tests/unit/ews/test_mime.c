/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a mail: rules that hold for each line of it, what cannot get in, and what python's
 * email package reads out of it.
 */
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "err.h"
#include "mime.h"
#include "text.h"

extern char **environ;

static const char rtl[] = "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xd7\xa2\xd7\x95\xd7\x9c\xd7\x9d";
static const char emoji[] = "\xf0\x9f\x93\xb1 Zo\xc3\xab's \xe2\x80\x9ciPhone\xe2\x80\x9d "
                            "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb";
static const unsigned char png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 1, 2, 0xff };

static struct mime_mail mail(const char *subject, const char *text, const char *html)
{
    struct mime_mail m = { .from_name = text_str("Contoso \"IT\" \\ Helpdesk"),
                           .from = text_str("notify@contoso.example"),
                           .to = text_str("zoe.o'neill@contoso.example"),
                           .subject = text_str(subject),
                           .text = text_str(text),
                           .html = text_str(html),
                           .language = text_str("nl-BE"),
                           .key = text_str("0b6c.17/x"),
                           .key_header = "X-Easgate-Notification-Id",
                           .date = 1795618800123 };

    return m;
}

/* Every line ends in CRLF, is short, and is ASCII. */
static void lines(const char *row, const struct strbuf *b)
{
    size_t start = 0;

    ROW(row);
    for (size_t i = 0; i < b->len; i++) {
        if ((unsigned char)b->ptr[i] > 126)
            CHECK((unsigned char)b->ptr[i] <= 126);
        if (b->ptr[i] == '\n') {
            CHECK(i > start && b->ptr[i - 1] == '\r');
            if (i - start > 78)
                printf("# %.*s\n", (int)(i - start), b->ptr + start);
            CHECK(i - start <= 79);
            start = i + 1;
        } else if (b->ptr[i] == '\r') {
            CHECK(b->ptr[i + 1] == '\n');
        }
    }
    CHECK_INT(start, b->len);
}

static int python(const char *file, const char *subject, const char *text, const char *html)
{
    char script[4096], words[6][2200];
    char *argv[8] = { words[0], script, words[1], words[2], words[3], words[4], NULL };
    pid_t pid;
    int status = 0;

    (void)snprintf(script, sizeof script, "%s/tests/unit/ews/read_mail.py", check_source());
    (void)snprintf(words[0], sizeof words[0], "python3");
    (void)snprintf(words[1], sizeof words[1], "%s", file);
    (void)snprintf(words[2], sizeof words[2], "%s", subject);
    (void)snprintf(words[3], sizeof words[3], "%s", text);
    (void)snprintf(words[4], sizeof words[4], "%s", html ? html : "");
    if (posix_spawnp(&pid, "python3", NULL, NULL, argv, environ) != 0)
        return -1;
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void whole(const char *row, const char *subject, const char *text, const char *html,
                  int picture)
{
    const struct mime_picture p = { "picture@easgate", "image/png", text_str(emoji), png,
                                    sizeof png };
    struct mime_mail m = mail(subject, text, html);
    struct strbuf out = STRBUF_INIT(1 << 20);
    easg_error err = EASG_ERROR_INIT;
    char file[] = "/tmp/easgate-mime-XXXXXX";
    int fd;

    ROW(row);
    m.picture = picture ? &p : NULL;
    CHECK_INT(mime_build(&m, &out, &err), EASG_OK);
    lines(row, &out);
    fd = mkstemp(file);
    CHECK(fd >= 0 && write(fd, out.ptr, out.len) == (ssize_t)out.len);
    (void)close(fd);
    CHECK_INT(python(file, subject, text, html), 0);
    (void)unlink(file);
    strbuf_clear(&out);
}

static void headers_stand(void)
{
    struct mime_mail m = mail("Hello\r\nBcc: evil@example.test\r\n\r\nbody\x01\x7f", "t", NULL);
    struct strbuf out = STRBUF_INIT(65536);
    easg_error err = EASG_ERROR_INIT;

    ROW("a subject with line ends");
    m.from_name = text_str("x\r\nBcc: evil@example.test");
    m.language = text_str("en\r\nBcc: evil@example.test");
    m.key = text_str("k\r\nBcc: evil@example.test");
    CHECK_INT(mime_build(&m, &out, &err), EASG_OK);
    CHECK(strstr(strbuf_str(&out), "\nBcc:") == NULL);
    CHECK(strstr(strbuf_str(&out), "Content-Language") == NULL);
    lines("a subject with line ends", &out);
    strbuf_clear(&out);
}

static void addresses(void)
{
    static const char *const bad[] = { "",
                                       "a",
                                       "@b",
                                       "a@",
                                       "a b@c",
                                       "a@b\r\nBcc: c@d",
                                       "a@b,c@d",
                                       "<a@b>",
                                       "a@b c",
                                       "a@@",
                                       "a@b@c",
                                       "\xc3\xa4@b.example",
                                       "a@\xc3\xa4.example",
                                       "a@b;c",
                                       "a\"b@c",
                                       NULL };

    for (size_t i = 0; bad[i]; i++) {
        struct mime_mail m = mail("s", "t", NULL);
        struct strbuf out = STRBUF_INIT(65536);
        easg_error err = EASG_ERROR_INIT;

        ROW(bad[i]);
        m.to = text_str(bad[i]);
        CHECK_INT(mime_build(&m, &out, &err), EASG_E_NOTFOUND);
        CHECK(err.message[0] && strchr(err.message, '\n') == NULL);
        strbuf_clear(&out);
    }
    ROW("good addresses");
    CHECK(mime_address_ok(&TEXT_LIT("o'brien+x=y@mail.contoso.example")));
    CHECK(mime_address_ok(&TEXT_LIT("a@localhost")));
}

static void ids(void)
{
    struct strbuf a = STRBUF_INIT(4096), b = STRBUF_INIT(4096);
    easg_str from = TEXT_LIT("notify@contoso.example");
    easg_error err = EASG_ERROR_INIT;

    ROW("Message-ID");
    CHECK_INT(mime_message_id(&TEXT_LIT("a.b"), &from, &a, &err), EASG_OK);
    CHECK_STR(strbuf_str(&a), "<a=2Eb@contoso.example>");
    CHECK_INT(mime_message_id(&TEXT_LIT("a=2Eb"), &from, &b, &err), EASG_OK);
    CHECK(strcmp(strbuf_str(&a), strbuf_str(&b)) != 0);
    strbuf_clear(&a);
    strbuf_clear(&b);
}

static void no_room(void)
{
    struct mime_mail m = mail("s", "a long text that does not fit into it", "<p>x</p>");
    easg_error err = EASG_ERROR_INIT;

    struct strbuf all = STRBUF_INIT(65536);

    ROW("no room");
    CHECK_INT(mime_build(&m, &all, &err), EASG_OK);
    for (size_t max = 0; max < all.len; max += 37) {
        struct strbuf out = STRBUF_INIT(max);

        CHECK_INT(mime_build(&m, &out, &err), EASG_E_LIMIT);
        strbuf_clear(&out);
    }
    strbuf_clear(&all);
}

int main(void)
{
    char longer[2001];

    for (size_t i = 0; i < sizeof longer - 1; i++)
        longer[i] = "abc =._F\t"[i % 9];
    longer[sizeof longer - 1] = '\0';
    longer[1999] = 'x';
    headers_stand();
    addresses();
    ids();
    no_room();
    whole("text alone", "Hello", "Hello\nworld\n", NULL, 0);
    whole("text and HTML", "Hello", "Hello\n", "<p>Hello</p>\n", 0);
    whole("a picture", "Hello", "Hello\n", "<p><img src=\"cid:picture@easgate\"></p>\n", 1);
    whole("right to left", rtl, rtl, "<p dir=\"rtl\">x</p>", 0);
    whole("emoji and quotes", emoji, emoji, emoji, 1);
    whole("long", longer, longer, longer, 0);
    whole("what trips carriers", "=?UTF-8?B?SGk=?= is no word", ".\n..\nFrom me\n  \nend \n", NULL,
          0);
    return check_done();
}
