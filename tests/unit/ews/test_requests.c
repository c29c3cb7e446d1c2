/* SPDX-License-Identifier: Apache-2.0
 *
 * Every request that the EWS room can make, against the XML schema of EWS. The schema's copy fixes
 * one value of RequestServerVersion, so that one is used here; the real ones are checked as text.
 */
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "ews_private.h"
#include "text.h"

extern char **environ;

static int have_xmllint;

static int xmllint(const char *file)
{
    char schema[4096], name[4096];
    char words[5][16] = { "xmllint", "--noout", "--nonet", "--schema", "" };
    char *argv[] = { words[0], words[1], words[2], words[3], schema, name, NULL };
    pid_t pid;
    int status = 0;

    (void)snprintf(schema, sizeof schema, "%s/tests/data/ews/xsd/ews-soap.xsd", check_source());
    (void)snprintf(name, sizeof name, "%s", file);
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        return -1;
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int validate(const char *row, const struct strbuf *b)
{
    char file[] = "/tmp/easgate-ews-XXXXXX";
    int fd = mkstemp(file), rc;

    ROW(row);
    if (!CHECK(fd >= 0))
        return -1;
    CHECK_INT(write(fd, strbuf_str(b), b->len), b->len);
    (void)close(fd);
    rc = xmllint(file);
    if (rc)
        printf("# %s\n", strbuf_str(b));
    (void)unlink(file);
    return rc;
}

/* Fits the schema, and what was put in comes out again as text of the document and not as markup.
 */
static void requests(const char *row, const char *key, const char *to, const char *language,
                     const char *act_as)
{
    struct ews_head head = { "Exchange2013_SP1", act_as };
    struct strbuf mime = STRBUF_INIT(4096), out = STRBUF_INIT(EWS_MAX_REQUEST);
    struct ews_message m = { .key = text_str(key),
                             .message_id = text_str("<a=2Eb@contoso.example>"),
                             .to = text_str(to),
                             .language = text_str(language),
                             .mime = &mime };

    strbuf_adds(&mime, "From: <notify@contoso.example>\r\n\r\nHallo\r\n");
    CHECK_INT(ews_write_create(&out, &head, &m), EASG_OK);
    CHECK_HAS(strbuf_str(&out), "MessageDisposition=\"SendAndSaveCopy\"");
    CHECK_INT(validate(row, &out), 0);
    strbuf_reset(&out);
    CHECK_INT(ews_write_find(&out, &head, &m.key), EASG_OK);
    CHECK_INT(validate(row, &out), 0);
    strbuf_reset(&out);
    CHECK_INT(ews_write_probe(&out, &head), EASG_OK);
    CHECK_INT(validate(row, &out), 0);
    strbuf_clear(&out);
    strbuf_clear(&mime);
}

/* What the schema must refuse, so that a pass means something: the order of elements. */
static void wrong_order(void)
{
    struct ews_head head = { "Exchange2013_SP1", NULL };
    struct strbuf mime = STRBUF_INIT(64), out = STRBUF_INIT(EWS_MAX_REQUEST);
    struct ews_message m = {
        .key = text_str("k"), .message_id = text_str("<i@x>"), .to = text_str("a@b"), .mime = &mime
    };
    char *culture;

    strbuf_adds(&mime, "x");
    m.language = text_str("de");
    CHECK_INT(ews_write_create(&out, &head, &m), EASG_OK);
    culture = strstr(out.ptr, "<t:ToRecipients>");
    if (CHECK(culture != NULL))
        memcpy(culture, "<t:Zorecipients>", 16);
    CHECK(validate("an element that is none", &out) > 0);
    strbuf_clear(&out);
    strbuf_clear(&mime);
}

int main(void)
{
    struct strbuf out = STRBUF_INIT(EWS_MAX_REQUEST);
    struct ews_head head = { "Exchange2010_SP2", NULL };
    char version[] = "--version", program[] = "xmllint";
    char *argv[] = { program, version, NULL };
    pid_t pid;
    int status = 1;

    if (posix_spawnp(&pid, "xmllint", NULL, NULL, argv, environ) == 0)
        (void)waitpid(pid, &status, 0);
    have_xmllint = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    CHECK_INT(ews_write_probe(&out, &head), EASG_OK);
    CHECK_HAS(strbuf_str(&out), "<t:RequestServerVersion Version=\"Exchange2010_SP2\"/>");
    strbuf_clear(&out);
    if (!have_xmllint)
        return check_failed ? 1 : check_skip("xmllint (libxml2-utils) is not installed");
    requests("plain", "0b6c-17", "user@contoso.example", NULL, NULL);
    requests("language", "0b6c-17", "user@contoso.example", "de-AT", NULL);
    requests("impersonation", "0b6c-17", "user@contoso.example", "nl", "notify@contoso.example");
    requests("markup", "<>&\"'\x01\x1f]]>", "o'brien&sons@contoso.example", "en",
             "a&b@contoso.example");
    requests("no ASCII", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x93\xb1",
             "user@contoso.example", "fr", NULL);
    wrong_order();
    return check_done();
}
