/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are not loaded: by place, owner, mode, kind, pin and content; each with its own text.
 * POSIX: it changes owners and modes.
 */
#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "registry.h"

static char dir[512];
static char file[600];

static const char *at(const char *name)
{
    static char path[700];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void copy(const char *from, const char *to)
{
    char buf[65536];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    size_t n;

    CHECK(in && out);
    while (in && out && (n = fread(buf, 1, sizeof buf, in)) > 0)
        CHECK(fwrite(buf, 1, n, out) == n);
    if (in)
        fclose(in);
    if (out)
        fclose(out);
}

/* What loading `path` is answered with; "" when it loads. */
static const char *load(const char *path, const char *only_in, const char *pin)
{
    static char message[512];
    struct registry *r = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_status st;
    const char *where;
    const char *why;

    CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
    if (only_in)
        CHECK_INT(registry_load_dir(r, only_in, &err), EASG_OK);
    st = registry_load(r, path, pin, &err);
    (void)snprintf(message, sizeof message, "%s", err.message);
    CHECK((st == EASG_OK) == (message[0] == '\0'));
    if (st != EASG_OK) {
        CHECK_INT(registry_refusal_at(r, 0, &where, &why), 1);
        CHECK_STR(where, path);
        CHECK_STR(why, message);
        CHECK_HAS(message, path); /* the culprit is named */
    }
    registry_destroy(r);
    return message;
}

static void test_place(void)
{
    char path[1200];
    char link_dir[600];
    char inner[700];

    CHECK_STR(load(file, NULL, NULL), "");
    CHECK_HAS(load("template.so", NULL, NULL), "template.so: not an absolute path");
    (void)snprintf(path, sizeof path, "%s/../%s/template.so", dir, strrchr(dir, '/') + 1);
    CHECK_HAS(load(path, NULL, NULL), "has . or .. in its path: write it out");
    CHECK_HAS(load(at("missing.so"), NULL, NULL), "missing.so");
    (void)snprintf(link_dir, sizeof link_dir, "%s/other", dir);
    CHECK(mkdir(link_dir, 0755) == 0);
    (void)snprintf(path, sizeof path, "not in the plugin directory %s", link_dir);
    CHECK_HAS(load(file, link_dir, NULL), path);

    (void)snprintf(path, sizeof path, "%s", at("link.so"));
    CHECK(symlink(file, path) == 0);
    CHECK_HAS(load(path, NULL, NULL), "symbolic link");
    CHECK(unlink(path) == 0);
    (void)snprintf(inner, sizeof inner, "%s/linkdir", link_dir);
    CHECK(symlink(dir, inner) == 0);
    (void)snprintf(path, sizeof path, "%s/template.so", inner);
    {
        struct registry *r = NULL;
        easg_error err = EASG_ERROR_INIT;

        CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
        CHECK(registry_load(r, path, NULL, &err) != EASG_OK);
        CHECK_HAS(err.message, "symbolic link");
        CHECK(registry_load_dir(r, inner, &err) != EASG_OK);
        registry_destroy(r);
    }
    CHECK(unlink(inner) == 0);
    CHECK(rmdir(link_dir) == 0);
}

static void test_modes(void)
{
    ROW("file writable by others");
    CHECK(chmod(file, 0646) == 0);
    CHECK_HAS(load(file, NULL, NULL), "chmod");
    ROW("file writable by its group");
    CHECK(chmod(file, 0664) == 0);
    CHECK_HAS(load(file, NULL, NULL), "chmod");
    CHECK(chmod(file, 0644) == 0);
    ROW("directory writable by others");
    CHECK(chmod(dir, 0777) == 0);
    {
        struct registry *r = NULL;
        easg_error err = EASG_ERROR_INIT;

        CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
        CHECK(registry_load(r, file, NULL, &err) != EASG_OK);
        CHECK_HAS(err.message, "chmod");
        CHECK(registry_load_dir(r, dir, &err) != EASG_OK);
        CHECK_HAS(err.message, "chmod");
        registry_destroy(r);
    }
    CHECK(chmod(dir, 0755) == 0);
    ROW("another owner");
    if (geteuid() == 0) {
        CHECK(chown(file, 65534, 65534) == 0);
        CHECK_HAS(load(file, NULL, NULL), "chown");
        CHECK(chown(file, 0, 0) == 0);
        CHECK(chown(dir, 65534, 65534) == 0);
        {
            struct registry *r = NULL;
            easg_error err = EASG_ERROR_INIT;

            CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
            CHECK(registry_load_dir(r, dir, &err) != EASG_OK);
            CHECK_HAS(err.message, "chown");
            registry_destroy(r);
        }
        CHECK(chown(dir, 0, 0) == 0);
    } else {
        printf("# not root: owners were not tried\n");
    }
    ROW("");
    CHECK_STR(load(file, NULL, NULL), "");
}

static void test_pin(const char *sum)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    char want[300];
    struct registry *r = NULL;
    easg_error err = EASG_ERROR_INIT;
    const char *where;
    const char *why;

    ROW("pin");
    CHECK_INT(strlen(sum), 64);
    CHECK_STR(load(file, NULL, sum), "");
    (void)snprintf(want, sizeof want,
                   "its SHA-256 is %s, pinned is %s: the file was changed, or the pin is that of "
                   "another release",
                   sum, zeros);
    CHECK_HAS(load(file, NULL, zeros), want);
    CHECK_HAS(load(file, NULL, "abc"), "its pin is not a SHA-256 in 64 hexadecimal digits");

    /* by name, for a whole directory */
    CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
    CHECK_INT(registry_pin(r, "template.so", zeros, &err), EASG_OK);
    CHECK_INT(registry_load_dir(r, dir, &err), EASG_OK);
    CHECK_INT(registry_refusal_at(r, 0, &where, &why), 1);
    CHECK_HAS(why, want);
    registry_destroy(r);
    ROW("");
}

static void test_content(const char *no_entry)
{
    FILE *f;
    struct registry *r = NULL;
    struct module_info info;
    easg_error err = EASG_ERROR_INIT;
    const char *where;
    const char *why;

    f = fopen(at("garbage.so"), "wb");
    CHECK(f && fputs("this is no library\n", f) >= 0);
    if (f)
        fclose(f);
    CHECK_HAS(load(at("garbage.so"), NULL, NULL), "garbage.so");
    copy(no_entry, at("noentry.so"));
    CHECK_HAS(load(at("noentry.so"), NULL, NULL),
              "does not export easg_plugin_entry: not an easgate plugin");

    /* one that is refused does not stop the others */
    CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
    CHECK_INT(registry_load_dir(r, dir, &err), EASG_OK);
    CHECK_INT(registry_module_at(r, 0, &info), 1);
    CHECK_STR(info.id, "template");
    CHECK_INT(registry_refusal_at(r, 0, &where, &why), 1);
    CHECK_HAS(where, "garbage.so");
    CHECK_INT(registry_refusal_at(r, 1, &where, &why), 1);
    CHECK_HAS(where, "noentry.so");
    CHECK_INT(registry_refusal_at(r, 2, &where, &why), 0);
    registry_destroy(r);
    CHECK(unlink(at("garbage.so")) == 0);
    CHECK(unlink(at("noentry.so")) == 0);
    CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
    CHECK_INT(registry_load_dir(r, "/nowhere/at/all", &err), EASG_E_NOTFOUND);
    CHECK_HAS(err.message, "/nowhere/at/all");
    registry_destroy(r);
}

/* The sum as sha256sum(1) has it, so that ours is not checked by itself. */
static void sum_of(const char *path, char out[65])
{
    char command[8600];
    FILE *p;

    (void)snprintf(command, sizeof command, "sha256sum '%s'", path);
    p = popen(command, "r"); /* lint: allow popen because the path is ours */
    out[0] = '\0';
    CHECK(p && fread(out, 1, 64, p) == 64);
    out[64] = '\0';
    if (p)
        pclose(p);
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    char sum[65];

    if (argc != 3)
        return 2;
    (void)snprintf(dir, sizeof dir, "%s/easgate-abi-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        return 2;
    CHECK(chmod(dir, 0755) == 0);
    (void)snprintf(file, sizeof file, "%s/template.so", dir);
    copy(argv[1], file);
    CHECK(chmod(file, 0644) == 0);
    sum_of(file, sum);
    umask(022);
    test_place();
    test_modes();
    test_pin(sum);
    test_content(argv[2]);
    CHECK(unlink(file) == 0);
    CHECK(rmdir(dir) == 0);
    return check_done();
}
