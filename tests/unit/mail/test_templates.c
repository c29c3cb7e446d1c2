/* SPDX-License-Identifier: Apache-2.0
 *
 * Every template in every language with names that hurt, as python's email package reads the mail;
 * what a value can and cannot do; what is wrong with a directory of the administrator's.
 */
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "err.h"
#include "mail.h"
#include "mime.h"
#include "text.h"

extern char **environ;

static const char *const languages[] = { "en", "nl", "de", "fr" };
static const char hurt[] = "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d <b>Zo\xc3\xab</b> & \"O'Neil\" "
                           "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb";
static const char phone[] =
    "\xf0\x9f\x93\xb1 <script>alert(1)</script>, iPhone14,2, ID APPL{{user}}";

static int python(const char *file, const char *language)
{
    char script[4096], words[2][64], name[64];
    char *argv[] = { words[0], script, name, words[1], NULL };
    pid_t pid;
    int status = 0;

    (void)snprintf(script, sizeof script, "%s/tests/unit/mail/read_template.py", check_source());
    (void)snprintf(words[0], sizeof words[0], "python3");
    (void)snprintf(words[1], sizeof words[1], "%s", language);
    (void)snprintf(name, sizeof name, "%s", file);
    if (posix_spawnp(&pid, "python3", NULL, NULL, argv, environ) != 0)
        return -1;
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void one(const char *language, enum mail_template t, const char *kind)
{
    struct mail_values v = { .user = hurt,
                             .device = phone,
                             .helpdesk = "help@contoso.example & <1234>",
                             .organization = "contoso",
                             .mail = kind,
                             .deadline = 1795618800000 };
    const struct mail_item item = { hurt, phone, kind, "help@contoso.example & <1234>",
                                    1795618800000 };
    const struct mail_items list = { &item, 1, 41 };
    struct mime_mail m = { .from = text_str("notify@contoso.example"),
                           .to = text_str("zoe@contoso.example"),
                           .key = text_str("k"),
                           .date = 1795618800000 };
    struct strbuf out = STRBUF_INIT(1 << 20);
    struct mail_text text;
    easg_error err = EASG_ERROR_INIT;
    char row[80], file[] = "/tmp/easgate-tmpl-XXXXXX";
    int fd;

    (void)snprintf(row, sizeof row, "%s/%s, %s", language, mail_template_name(t), kind);
    ROW(row);
    for (int i = 0; i < MAIL_LISTS; i++)
        v.lists[i] = t == MAIL_DIGEST ? &list : NULL;
    v.since = v.until = 1795618800000;
    mail_text_init(&text);
    if (!CHECK_INT(mail_render(NULL, language, NULL, t, &v, &text, &err), EASG_OK))
        printf("# %s\n", err.message);
    CHECK_STR(text.language, language);
    CHECK(text.subject.len > 5 && text.text.len > 100 && text.html.len > 500);
    CHECK(strchr(strbuf_str(&text.subject), '\n') == NULL);
    CHECK(strstr(strbuf_str(&text.html), "<script>") == NULL);
    CHECK(strstr(strbuf_str(&text.html), "<b>") == NULL);
    CHECK_HAS(strbuf_str(&text.html), "&lt;script&gt;");
    CHECK_HAS(strbuf_str(&text.text), phone); /* a placeholder in a value is no placeholder */
    CHECK_HAS(strbuf_str(&text.text), "help@contoso.example & <1234>");
    if (t == MAIL_DIGEST) {
        int items = 0;

        for (const char *p = strbuf_str(&text.text); (p = strstr(p, phone)); p++)
            items++;
        CHECK_INT(items, MAIL_LISTS); /* each list is in every language's digest */
        CHECK_HAS(strbuf_str(&text.text), "(+41)");
        CHECK_HAS(strbuf_str(&text.html), "(+41)</li>");
    }
    if (t == MAIL_ABOUT)
        CHECK_HAS(strbuf_str(&text.text), "2026");
    m.subject = (easg_str){ text.subject.ptr, text.subject.len };
    m.text = (easg_str){ text.text.ptr, text.text.len };
    m.html = (easg_str){ text.html.ptr, text.html.len };
    m.language = text_str(text.language);
    CHECK_INT(mime_build(&m, &out, &err), EASG_OK);
    fd = mkstemp(file);
    CHECK(fd >= 0 && write(fd, out.ptr, out.len) == (ssize_t)out.len);
    (void)close(fd);
    CHECK_INT(python(file, language), 0);
    (void)unlink(file);
    mail_text_clear(&text);
    strbuf_clear(&out);
}

static void choice(void)
{
    static const struct {
        const char *wanted, *fallback, *got;
    } rows[] = {
        { "de-AT", "en", "de" }, { "DE-at", "en", "de" }, { "ja-JP", "nl-BE", "nl" },
        { "ja", "xx", "en" },    { NULL, "fr", "fr" },    { "../../x", "de", "de" },
        { "", NULL, "en" },
    };
    struct mail_values v = {
        .user = "u", .device = "d", .mail = "enrol", .deadline = EASG_TIME_NONE
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mail_text text;
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].wanted ? rows[i].wanted : "(none)");
        mail_text_init(&text);
        CHECK_INT(mail_render(NULL, rows[i].wanted, rows[i].fallback, MAIL_ABOUT, &v, &text, &err),
                  EASG_OK);
        CHECK_STR(text.language, rows[i].got);
        CHECK(strstr(strbuf_str(&text.text), "{{") == NULL);
        mail_text_clear(&text);
    }
}

/* ---- a directory of the administrator's ---- */

static char dir[] = "/tmp/easgate-mail-XXXXXX";

static void file(const char *name, const char *text)
{
    char path[200];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    if (CHECK(f != NULL)) {
        (void)fputs(text, f);
        (void)fclose(f);
    }
}

static void gone(const char *name)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)remove(path);
}

static char faults[2000];

static void fault(void *user, const char *text)
{
    size_t n = strlen(faults);

    (void)user;
    (void)snprintf(faults + n, sizeof faults - n, "%s\n", text);
}

static void checked(const char *row, const char *name, const char *text, const char *want)
{
    easg_error err = EASG_ERROR_INIT;
    size_t n = 0;

    ROW(row);
    faults[0] = '\0';
    if (name)
        file(name, text);
    CHECK_INT(mail_check(dir, fault, NULL, &n, &err), EASG_OK);
    CHECK_INT(n, want ? 1 : 0);
    if (want)
        CHECK_HAS(faults, want);
    else
        CHECK_STR(faults, "");
    if (name)
        gone(name);
}

static void directory(void)
{
    char sub[200];
    easg_error err = EASG_ERROR_INIT;
    size_t n = 0;

    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(sub, sizeof sub, "%s/en", dir);
    CHECK_INT(mkdir(sub, 0755), 0);
    checked("empty", NULL, NULL, NULL);
    checked("a text of one's own", "en/blocked.txt", "Subject: x {{device}}\n\n{{user}}\n", NULL);
    checked("unknown placeholder", "en/blocked.txt", "Subject: x\n\nHi\n{{user}} {{devise}}\n",
            "en/blocked.txt:4: unknown placeholder devise; did you mean {{device}}");
    checked("in the HTML", "en/blocked.html", "<p>\n{{what}}</p>",
            "en/blocked.html:2: unknown placeholder what; there are user");
    checked("in the subject", "en/blocked.txt", "Subject: {{nobody_knows}}\n\nx\n",
            "en/blocked.txt:1: unknown placeholder");
    checked("no subject", "en/blocked.txt", "Hello\n", "blocked.txt:1: the first line must be");
    checked("never closed", "en/blocked.txt", "Subject: x\n\n{{#helpdesk}}\n",
            "blocked.txt:3: this section is never closed: helpdesk");
    checked("closed without", "en/blocked.txt", "Subject: x\n\n{{/helpdesk}}\n",
            "blocked.txt:3: nothing is open");
    checked("half a placeholder", "en/blocked.txt", "Subject: x\n\n{{user\n}}\n",
            "blocked.txt:3: {{ without }}");
    checked("not UTF-8", "en/blocked.txt", "Subject: x\n\n\xff\n", "it is not UTF-8");
    ROW("a sentence is missing");
    faults[0] = '\0';
    file("en/words.txt", "months = a\ndate = %d\nreason.enrol = r\n");
    CHECK_INT(mail_check(dir, fault, NULL, &n, &err), EASG_OK);
    CHECK(n >= 1);
    CHECK_HAS(faults, "words.txt: the line \"what.enrol = ...\" is missing");
    gone("en/words.txt");
    (void)snprintf(sub, sizeof sub, "%s/en", dir);
    (void)rmdir(sub);
    (void)rmdir(dir);
    ROW("no directory");
    faults[0] = '\0';
    CHECK_INT(mail_check(dir, fault, NULL, &n, &err), EASG_OK);
    CHECK_INT(n, 1);
    CHECK_HAS(faults, "there is no such directory");
}

static void injection(void)
{
    struct mail_values v = { .user = "a\r\nBcc: x@y\r\n\r\nz",
                             .device = "d\n\ne",
                             .mail = "enrol",
                             .deadline = EASG_TIME_NONE };
    struct mail_text text;
    easg_error err = EASG_ERROR_INIT;

    ROW("line ends in values");
    mail_text_init(&text);
    CHECK_INT(mail_render(NULL, "en", NULL, MAIL_BLOCKED, &v, &text, &err), EASG_OK);
    CHECK(strstr(strbuf_str(&text.text), "\nBcc") == NULL);
    CHECK_HAS(strbuf_str(&text.text), "Device: d  e\n");
    CHECK(strstr(strbuf_str(&text.text), "Questions") == NULL); /* no help desk, no sentence */
    mail_text_clear(&text);
}

int main(void)
{
    static const char *const kinds[] = { "enrol", "activate", "noncompliant" };

    for (size_t l = 0; l < 4; l++)
        for (int t = 0; t < MAIL_TEMPLATES; t++)
            for (size_t k = 0; k < (t == MAIL_ABOUT ? 3u : 1u); k++)
                one(languages[l], (enum mail_template)t, kinds[k]);
    choice();
    injection();
    directory();
    return check_done();
}
