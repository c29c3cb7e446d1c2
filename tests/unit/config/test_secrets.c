/* SPDX-License-Identifier: Apache-2.0
 *
 * References to secrets: their forms, what they read, and what is refused; nothing ever shows one.
 */
#include "check.h"

#include "config.h"
#include "err.h"
#include "fs.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/easgate-secrets-XXXXXX";
static easg_error err = EASG_ERROR_INIT;
static char got[200];
static size_t got_len;

static easg_status take(void *user, const uint8_t *ptr, size_t len)
{
    got_len = len;
    memcpy(got, ptr, len < sizeof got - 1 ? len : sizeof got - 1);
    got[len < sizeof got - 1 ? len : sizeof got - 1] = '\0';
    return *(easg_status *)user;
}

static easg_status lend(const char *fmt, const char *path)
{
    char text[400] = "s: ";
    struct cfg_doc *doc = NULL;
    easg_status answer = EASG_OK;
    easg_status st;

    snprintf(text + 3, sizeof text - 3, strcmp(fmt, "file") == 0 ? "file:%s/%s" : "%s%s",
             strcmp(fmt, "file") == 0 ? dir : fmt, path);
    got[0] = '\0';
    err_clear(&err);
    CHECK_INT(cfg_open_memory("t.yaml", text, strlen(text), &doc, &err), EASG_OK);
    st = cfg_with_secret(cfg_get(cfg_root(doc), "s"), take, &answer, &err);
    cfg_close(doc);
    return st;
}

static void put(const char *name, const char *text, size_t len, unsigned mode)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK_INT(fs_write(path, text, len, mode, &err), EASG_OK);
}

static void test_files(void)
{
    static char big[70000];
    char link[300];

    put("pw", "hunter2\n", 8, 0600);
    CHECK_INT(lend("file", "pw"), EASG_OK);
    CHECK_STR(got, "hunter2");
    put("crlf", "hunter2\r\n", 9, 0600);
    CHECK_INT(lend("file", "crlf"), EASG_OK);
    CHECK_STR(got, "hunter2");
    put("two", "a\n\n", 3, 0600);
    CHECK_INT(lend("file", "two"), EASG_OK);
    CHECK_STR(got, "a\n");
    put("bytes", "a\0b", 3, 0600);
    CHECK_INT(lend("file", "bytes"), EASG_OK);
    CHECK_INT(got_len, 3);
    put("empty", "\n", 1, 0600);
    CHECK_INT(lend("file", "empty"), EASG_E_CONFIG);
    CHECK_HAS(err.message, "/empty: is empty");
    memset(big, 'x', sizeof big);
    put("big", big, 65536, 0600);
    CHECK_INT(lend("file", "big"), EASG_OK);
    CHECK_INT(got_len, 65536);
    put("bigger", big, 65537, 0600);
    CHECK_INT(lend("file", "bigger"), EASG_E_CONFIG);
    CHECK_HAS(err.message, "larger than 65536 bytes");
    put("open", "hunter2\n", 8, 0640);
    CHECK_INT(lend("file", "open"), EASG_E_CONFIG);
    CHECK_HAS(err.message, "t.yaml:1:4: /tmp/");
    CHECK_HAS(err.message, "run: chmod 600 '");
    CHECK_INT(lend("file", "none"), EASG_E_CONFIG);
    CHECK_HAS(err.message, "/none: No such file");
    snprintf(link, sizeof link, "%s/link", dir);
    CHECK(symlink("pw", link) == 0);
    CHECK_INT(lend("file", "link"), EASG_E_CONFIG);
    CHECK_HAS(err.message, "symbolic link");
}

static void test_environment(void)
{
    setenv("EASGATE_TEST_PW", "hunter2", 1);
    CHECK_INT(lend("env:", "EASGATE_TEST_PW"), EASG_OK);
    CHECK_STR(got, "hunter2");
    CHECK(!getenv("EASGATE_TEST_PW"));
    CHECK_INT(lend("env:", "EASGATE_TEST_PW"), EASG_OK); /* a second log-on of the same run */
    CHECK_STR(got, "hunter2");
    CHECK_INT(lend("env:", "EASGATE_NOT_SET"), EASG_E_CONFIG);
    CHECK_HAS(err.message, "t.yaml:1:4: the environment variable EASGATE_NOT_SET is not set");
}

static void test_credentials(void)
{
    unsetenv("CREDENTIALS_DIRECTORY");
    CHECK_INT(lend("credential:", "pw"), EASG_E_CONFIG);
    CHECK_HAS(err.message, "LoadCredential=pw:...");
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    CHECK_INT(lend("credential:", "open"), EASG_OK); /* 0640: systemd's access list looks so */
    CHECK_STR(got, "hunter2");
    CHECK_INT(lend("credential:", "gone"), EASG_E_CONFIG);
    put("wide", "x", 1, 0666);
    CHECK_INT(lend("credential:", "wide"), EASG_E_CONFIG);
}

static void test_forms(void)
{
    static const struct {
        const char *text;
        const char *message; /* NULL: good */
    } rows[] = {
        {"credential:a-B_9.x", NULL                             },
        { "file:/etc/x y",     NULL                             },
        { "env:_A9",           NULL                             },
        { "hunter2",           "a secret is never written here" },
        { "Env:X",             "a secret is never written here" },
        { "'12345'",           "a secret is never written here" },
        { "12345",             "a secret is never written here" },
        { "'credential:'",     "credential: needs a name"       },
        { "credential:../x",   "credential: needs a name"       },
        { "credential:a/b",    "credential: needs a name"       },
        { "file:secret",       "file: needs an absolute path"   },
        { "'file:'",           "file: needs an absolute path"   },
        { "env:A-B",           "env: needs the name"            },
        { "env:9A",            "env: needs the name"            },
        { "dpapi:/x",          "dpapi: is known on Windows only"},
        { "''",                "no secret is named"             },
        { "~",                 "no secret is named"             },
        { "[hunter2]",         "no secret is named"             }
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cfg_doc *doc = NULL;
        char text[100];
        easg_status st;

        ROW(rows[i].text);
        snprintf(text, sizeof text, "s: %s\n", rows[i].text);
        CHECK_INT(cfg_open_memory("t.yaml", text, strlen(text), &doc, &err), EASG_OK);
        st = cfg_check_secret(cfg_get(cfg_root(doc), "s"), &err);
        CHECK_INT(st, rows[i].message ? EASG_E_CONFIG : EASG_OK);
        if (rows[i].message) {
            CHECK_HAS(err.message, rows[i].message);
            CHECK(!strstr(err.message, "hunter2") && !strstr(err.message, "12345"));
        }
        cfg_close(doc);
    }
    ROW("");
    CHECK_INT(cfg_check_secret(NULL, &err), EASG_E_CONFIG);
}

/* The status of the borrower comes back as it is. */
static void test_status(void)
{
    static const char text[] = "s: env:EASGATE_TEST_PW\n";
    easg_status answer = EASG_E_AUTH;
    struct cfg_doc *doc = NULL;

    CHECK_INT(cfg_open_memory("t.yaml", text, strlen(text), &doc, &err), EASG_OK);
    CHECK_INT(cfg_with_secret(cfg_get(cfg_root(doc), "s"), take, &answer, &err), EASG_E_AUTH);
    cfg_close(doc);
}

int main(void)
{
    char cmd[100];

    if (!mkdtemp(dir))
        return 1;
    test_files();
    test_environment();
    test_credentials();
    test_forms();
    test_status();
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    CHECK_INT(system(cmd), 0);
    return check_done();
}
