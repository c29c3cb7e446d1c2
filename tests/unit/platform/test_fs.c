/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: limits, atomic replacement, listing, and who is trusted.
 */
#include "check.h"

#include "err.h"
#include "fs.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/easgate-fs-XXXXXX";
static easg_error err = EASG_ERROR_INIT;

static const char *in_dir(const char *name)
{
    static char path[4][300];
    static int i;

    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
    return path[i];
}

static void test_read_write(void)
{
    struct strbuf b = STRBUF_INIT(1000);
    struct stat s;

    CHECK_INT(fs_write(in_dir("a"), "hello", 5, 0640, &err), EASG_OK);
    CHECK_INT(fs_write(in_dir("a"), "0123456789", 10, 0600, &err), EASG_OK);
    CHECK_INT(fs_read(in_dir("a"), 10, &b, &err), EASG_OK);
    CHECK_STR(strbuf_str(&b), "0123456789");
    CHECK(stat(in_dir("a"), &s) == 0 && (s.st_mode & 0777) == 0600);
    strbuf_clear(&b);
    CHECK_INT(fs_read(in_dir("a"), 9, &b, &err), EASG_E_LIMIT);
    CHECK_HAS(err.message, "/a: larger than 9 bytes");
    strbuf_clear(&b);
    b.max = 10;
    CHECK_INT(fs_read(in_dir("a"), 100, &b, &err), EASG_OK);
    strbuf_clear(&b);
    b.max = 9;
    CHECK_INT(fs_read(in_dir("a"), 100, &b, &err), EASG_E_LIMIT);
    strbuf_clear(&b);
    CHECK_INT(fs_read(in_dir("none"), 9, &b, &err), EASG_E_NOTFOUND);
    CHECK_HAS(err.message, "/none: No such file");
    CHECK_INT(fs_read(dir, 9, &b, &err), EASG_E_FAIL);
    CHECK_HAS(err.message, "not a regular file");
    CHECK(mkfifo(in_dir("pipe"), 0600) == 0);
    CHECK_INT(fs_read(in_dir("pipe"), 9, &b, &err), EASG_E_FAIL);
    CHECK_INT(fs_write(in_dir("no/such/dir"), "x", 1, 0600, &err), EASG_E_NOTFOUND);
    CHECK_INT(fs_read("/dev/null", 9, &b, &err), EASG_E_FAIL);
    strbuf_clear(&b);
}

struct seen {
    char names[200];
    int stop_at;
    int n;
};

static easg_status note(void *user, const char *path, const char *name, easg_error *e)
{
    struct seen *s = user;

    CHECK(path[0] == '/' && fs_exists(path));
    strncat(s->names, name, sizeof s->names - strlen(s->names) - 1);
    strncat(s->names, " ", sizeof s->names - strlen(s->names) - 1);
    return ++s->n == s->stop_at ? err_set(e, EASG_E_CONFLICT, "enough") : EASG_OK;
}

static void test_list(void)
{
    struct seen s = { "", 0, 0 };

    CHECK_INT(fs_mkdir(in_dir("d"), &err), EASG_OK);
    CHECK_INT(fs_mkdir(in_dir("d"), &err), EASG_OK);
    CHECK_INT(fs_mkdir(in_dir("a"), &err), EASG_E_FAIL);
    CHECK_INT(fs_mkdir(in_dir("d/z.yaml"), &err), EASG_OK);
    for (const char *const *p =
             (const char *const[]){ "d/b.yaml", "d/a.yaml", "d/.c.yaml", "d/.yaml", "d/a.yaml~",
                                    "d/c.yaml.example", NULL };
         *p; p++)
        CHECK_INT(fs_write(in_dir(*p), "x", 1, 0600, &err), EASG_OK);
    CHECK_INT(fs_list(in_dir("d"), ".yaml", note, &s, &err), EASG_OK);
    CHECK_STR(s.names, "a.yaml b.yaml ");
    s = (struct seen){ "", 1, 0 };
    CHECK_INT(fs_list(in_dir("d"), ".yaml", note, &s, &err), EASG_E_CONFLICT);
    CHECK_STR(s.names, "a.yaml ");
    CHECK_INT(fs_list(in_dir("nowhere"), ".yaml", note, &s, &err), EASG_E_NOTFOUND);
}

static void test_trust(void)
{
    const char *a = in_dir("a");

    CHECK(chmod(a, 0600) == 0);
    CHECK_INT(fs_check_trusted(a, FS_TRUST_PRIVATE, &err), EASG_OK);
    CHECK(chmod(a, 0640) == 0);
    CHECK_INT(fs_check_trusted(a, 0, &err), EASG_OK);
    CHECK_INT(fs_check_trusted(a, FS_TRUST_PRIVATE, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "run: chmod 600 '");
    CHECK(chmod(a, 0620) == 0);
    CHECK_INT(fs_check_trusted(a, 0, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "run: chmod go-w '");
    CHECK(chmod(a, 0602) == 0);
    CHECK_INT(fs_check_trusted(a, 0, &err), EASG_E_CONFIG);
    CHECK(chmod(a, 0600) == 0);
    CHECK(symlink(a, in_dir("link")) == 0);
    CHECK_INT(fs_check_trusted(in_dir("link"), 0, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "symbolic link");
    CHECK_INT(fs_check_trusted(in_dir("none"), 0, &err), EASG_E_NOTFOUND);
    CHECK_INT(fs_check_trusted(dir, 0, &err), EASG_E_CONFIG);
    CHECK_INT(fs_check_trusted(dir, FS_TRUST_DIR, &err), EASG_OK);
    CHECK_INT(fs_check_trusted(a, FS_TRUST_DIR, &err), EASG_E_CONFIG);
    CHECK(chmod(dir, 0777) == 0);
    CHECK_INT(fs_check_trusted(dir, FS_TRUST_DIR, &err), EASG_E_CONFIG);
    CHECK(chmod(dir, 0700) == 0);
    if (geteuid() == 0) { /* only root can give a file away */
        CHECK(chown(a, 4711, 4711) == 0);
        CHECK_INT(fs_check_trusted(a, 0, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, "belongs to user id 4711");
        CHECK_HAS(err.message, "run: chown root '");
    }
}

int main(void)
{
    char cmd[100];
    char *p;

    if (!mkdtemp(dir))
        return 1;
    test_read_write();
    test_list();
    test_trust();
    p = fs_self();
    CHECK_HAS(p, "/tests/test_platform_fs");
    mem_free(p);
    p = fs_plugin_dir();
    CHECK_HAS(p, "/easgate/plugins");
    CHECK(fs_is_absolute(p) && !fs_is_absolute("a/b") && !fs_is_absolute(""));
    mem_free(p);
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    CHECK_INT(system(cmd), 0);
    return check_done();
}
