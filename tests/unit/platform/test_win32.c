/* SPDX-License-Identifier: Apache-2.0
 *
 * What the Windows bodies promise and the POSIX ones cannot show: quoting, access lists, DPAPI, the
 * job object, the event log, the service's entry. Calls itself as a child.
 */
#include "check.h"

#include "clock.h"
#include "console.h"
#include "dl.h"
#include "err.h"
#include "fs.h"
#include "logport.h"
#include "proc.h"
#include "protect.h"
#include "service.h"
#include "svcman.h"
#include "thread.h"

#include <windows.h>

#undef SERVICE_STOP /* an access right of that name: here it is the event */
_Static_assert(SERVICE_STOP == 1, "the event of service.h, not the macro of winsvc.h");

#include <aclapi.h>
#include <sddl.h>
#include <wincrypt.h>

static easg_error err = EASG_ERROR_INIT;
static char dir[512];

static const char *in_dir(const char *name)
{
    static char path[4][700];
    static unsigned turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static wchar_t *widen(const char *s)
{
    static wchar_t w[1024];

    MultiByteToWideChar(CP_UTF8, 0, s, -1, w, 1024);
    return w;
}

/* ---- files ---- */

static easg_status keep_name(void *user, const char *path, const char *name, easg_error *e)
{
    char *all = user;

    (void)path;
    (void)e;
    strcat(all, name);
    strcat(all, " ");
    return EASG_OK;
}

static void test_files(void)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(1 << 20);
    char names[200] = "";
    HANDLE reader;

    CHECK_INT(fs_write(in_dir("z\xc3\xa4hl.yaml"), "one", 3, 0600, &err), EASG_OK);
    CHECK_INT(fs_write(in_dir("z\xc3\xa4hl.yaml"), "second", 6, 0600, &err), EASG_OK);
    CHECK_INT(fs_read(in_dir("z\xc3\xa4hl.yaml"), 100, &b, &err), EASG_OK);
    CHECK_STR(strbuf_str(&b), "second");
    /* replaced while somebody reads it as fs_read() does */
    reader = CreateFileW(widen(in_dir("z\xc3\xa4hl.yaml")), GENERIC_READ,
                         FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                         OPEN_EXISTING, 0, NULL);
    CHECK(reader != INVALID_HANDLE_VALUE);
    CloseHandle(reader);
    CHECK_INT(fs_write(in_dir("a.yaml"), "", 0, 0640, &err), EASG_OK);
    CHECK_INT(fs_write(in_dir("b.txt"), "x", 1, 0640, &err), EASG_OK);
    CHECK_INT(fs_mkdir(in_dir("c.yaml"), &err), EASG_OK);
    CHECK_INT(fs_mkdir(in_dir("c.yaml"), &err), EASG_OK);
    CHECK_INT(fs_list(dir, ".yaml", keep_name, names, &err), EASG_OK);
    CHECK_STR(names, "a.yaml z\xc3\xa4hl.yaml ");
    CHECK_INT(fs_list(in_dir("none"), ".yaml", keep_name, names, &err), EASG_E_NOTFOUND);
    strbuf_reset(&b);
    CHECK_INT(fs_read(in_dir("none"), 100, &b, &err), EASG_E_NOTFOUND);
    CHECK_INT(fs_read(dir, 100, &b, &err), EASG_E_FAIL);
    CHECK_HAS(err.message, "not a regular file");
    CHECK_INT(fs_read(in_dir("z\xc3\xa4hl.yaml"), 5, &b, &err), EASG_E_LIMIT);
    CHECK_INT(fs_read("NUL", 5, &b, &err), EASG_E_FAIL);
    CHECK_STR(fs_name("C:\\a\\b.yaml"), "b.yaml");
    CHECK_STR(fs_name("C:/a/b.yaml"), "b.yaml");
    CHECK_STR(fs_name("C:b.yaml"), "b.yaml");
    CHECK(fs_is_absolute("C:\\x") && fs_is_absolute("c:/x"));
    CHECK(!fs_is_absolute("\\\\server\\share") && !fs_is_absolute("\\\\?\\C:\\x"));
    CHECK(!fs_is_absolute("/x") && !fs_is_absolute("C:x") && !fs_is_absolute("x"));
}

static void test_long_path(void)
{
    char path[700];
    size_t n = (size_t)snprintf(path, sizeof path, "%s", dir);

    for (int i = 0; i < 3; i++) {
        path[n++] = '/';
        memset(path + n, 'a' + i, 90);
        n += 90;
        path[n] = '\0';
        CHECK_INT(fs_mkdir(path, &err), EASG_OK);
    }
    snprintf(path + n, sizeof path - n, "/file");
    CHECK_INT(fs_write(path, "x", 1, 0600, &err), EASG_OK);
    CHECK(fs_exists(path));
}

/* ---- who may write ---- */

static int set_list(const char *path, const wchar_t *sddl)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    PACL dacl = NULL;
    BOOL there = FALSE, defaulted = FALSE;
    DWORD rc = 1;

    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &sd, NULL))
        return 0;
    if (GetSecurityDescriptorDacl(sd, &there, &dacl, &defaulted))
        rc = SetNamedSecurityInfoW(widen(path), SE_FILE_OBJECT,
                                   DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                   NULL, NULL, dacl, NULL);
    LocalFree(sd);
    return rc == ERROR_SUCCESS;
}

static void test_trust(void)
{
    const char *file = in_dir("secret");

    CHECK_INT(fs_write(file, "x", 1, 0600, &err), EASG_OK);
    if (!CHECK_INT(fs_check_trusted(file, FS_TRUST_PRIVATE, &err), EASG_OK))
        printf("# %s\n", err.message);
    CHECK(set_list(file, L"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;WD)"));
    CHECK_INT(fs_check_trusted(file, 0, &err), EASG_OK);
    CHECK_INT(fs_check_trusted(file, FS_TRUST_PRIVATE, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "may open it");
    CHECK_HAS(err.message, "icacls");
    CHECK(set_list(file, L"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FRFW;;;WD)"));
    CHECK_INT(fs_check_trusted(file, 0, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "may write to it");
    CHECK_INT(fs_check_trusted(in_dir("none"), 0, &err), EASG_E_NOTFOUND);
    CHECK_INT(fs_check_trusted(dir, 0, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "is not a regular file");
    CHECK_INT(fs_check_trusted(file, FS_TRUST_DIR, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "is not a directory");
}

/* ---- DPAPI ---- */

static void test_protect(void)
{
    BYTE secret[] = "p\xc3\xa4ss";
    DATA_BLOB in = { sizeof secret - 1, secret };
    DATA_BLOB blob = { 0, NULL };
    EASG_CLEANUP(strbuf_clear) struct strbuf out = STRBUF_INIT(1000);

    CHECK(protect_available());
    CHECK(CryptProtectData(&in, NULL, NULL, NULL, NULL, CRYPTPROTECT_LOCAL_MACHINE, &blob));
    CHECK_INT(protect_open(blob.pbData, blob.cbData, &out, &err), EASG_OK);
    CHECK_STR(strbuf_str(&out), "p\xc3\xa4ss");
    strbuf_reset(&out);
    CHECK_INT(protect_open("no blob", 7, &out, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "dpapi: ");
    CHECK_INT(protect_open("", 0, &out, &err), EASG_E_CONFIG);
    LocalFree(blob.pbData);
}

/* ---- children ---- */

static char self[600];

/* Runs this program as `mode`, with words after it. */
static struct proc *child(const char *mode, const char *a, const char *b)
{
    const char *argv[] = { self, mode, a, b, NULL };
    struct proc *p = NULL;

    if (!CHECK_INT(proc_spawn(argv, &p, &err), EASG_OK))
        printf("# %s\n", err.message);
    return p;
}

static int code_of(struct proc *p)
{
    int code = -1;

    if (p)
        CHECK_INT(proc_wait(p, 30000, &code), 1);
    proc_close(p);
    return code;
}

static const char *const hard[] = {
    "a b",      "",          "a\"b",
    "a\\\\\"b", "C:\\x y\\", "\\\\\"",
    "\t",       "%PATH%",    "\xc3\xa4\xe2\x82\xac",
    "a'b^c&d",
};

static void test_children(void)
{
    const char *missing[] = { "C:/nonexistent/easgate.exe", NULL };
    const char *relative[] = { "easgate.exe", NULL };
    struct proc *p = NULL;
    char number[20];
    int code;

    CHECK_INT(proc_spawn(missing, &p, &err), EASG_E_NOTFOUND);
    CHECK_INT(proc_spawn(relative, &p, &err), EASG_E_USAGE);
    CHECK_INT(code_of(child("exit", "30", "-")), 30);
    CHECK_INT(code_of(child("exit", "70", "-")), 70);
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
        ROW(hard[i]);
        snprintf(number, sizeof number, "%d", (int)i);
        CHECK_INT(code_of(child("same", number, hard[i])), 0);
    }
    ROW("");
    p = child("until-stopped", "-", "-");
    if (p) {
        CHECK(proc_id(p) > 0);
        CHECK_INT(proc_wait(p, 0, &code), 0);
        proc_stop(p);
    }
    CHECK_INT(code_of(p), 7);
    p = child("until-stopped", "-", "-");
    if (p)
        proc_kill(p);
    CHECK_INT(code_of(p), 128 + 9);
}

/* A child of a child: when the one in the middle is killed, the job ends the other. */
static void test_job(void)
{
    struct proc *middle = child("middle", in_dir("pid"), "-");
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(100);
    HANDLE h;

    for (int i = 0; i < 300 && fs_read(in_dir("pid"), 50, &b, &err) != EASG_OK; i++) {
        strbuf_reset(&b);
        clock_sleep_ms(100);
    }
    h = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)strtoul(strbuf_str(&b), NULL, 10));
    CHECK(h != NULL);
    if (middle)
        proc_kill(middle);
    CHECK_INT(code_of(middle), 128 + 9);
    CHECK_INT(WaitForSingleObject(h, 30000), WAIT_OBJECT_0);
    if (h)
        CloseHandle(h);
}

static int wait_stop(struct service *s, void *arg)
{
    (void)arg;
    service_ready(s);
    return service_wait(s, 60000) == SERVICE_STOP ? 7 : 8;
}

static int wait_child(struct service *s, void *arg)
{
    struct proc *p;
    enum service_event e;

    (void)arg;
    while (service_wait(s, 50) == SERVICE_CHILD) { /* of the children before */
    }
    p = child("exit", "3", "-");
    e = service_wait(s, 30000);
    CHECK_INT(e, SERVICE_CHILD);
    CHECK_INT(code_of(p), 3);
    return 5;
}

static int as_child(int argc, char **argv)
{
    if (argc < 4)
        return 99;
    if (strcmp(argv[1], "exit") == 0)
        return (int)strtol(argv[2], NULL, 10);
    if (strcmp(argv[1], "same") == 0)
        return argc != 4 || strcmp(argv[3], hard[strtol(argv[2], NULL, 10)]) != 0;
    if (strcmp(argv[1], "until-stopped") == 0)
        return service_run("t", 0, wait_stop, NULL);
    if (strcmp(argv[1], "middle") == 0) {
        struct proc *p = child("until-stopped", "-", "-");
        char pid[30];

        snprintf(pid, sizeof pid, "%lld", p ? (long long)proc_id(p) : 0LL);
        if (fs_write(argv[2], pid, strlen(pid), 0600, &err) != EASG_OK)
            return 98;
        return service_run("t", 0, wait_stop, NULL);
    }
    return 97;
}

/* ---- itself, the log, the service ---- */

static void test_self(void)
{
    struct logport *p;
    const char *why = "";
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(100);
    char *value;

    proc_harden();
    CHECK(proc_self() > 0);
    CHECK(proc_machine_seed() == proc_machine_seed() && proc_machine_seed() != 0);
    CHECK(proc_peak_rss() > 1000000);
    CHECK(proc_cpu_ms() >= 0);
    SetEnvironmentVariableW(L"EASG_T", L"\u00e4");
    value = proc_env("EASG_T");
    CHECK_STR(value, "\xc3\xa4");
    mem_free(value);
    proc_forget_env("EASG_T");
    CHECK(proc_env("EASG_T") == NULL);
    p = logport_open_eventlog();
    CHECK(p && logport_write(p, EASG_LOG_WARNING, "unit test\n", 10) == 0);
    logport_close(p);
    CHECK(logport_open_journal() == NULL);
    for (int i = 0; i < 2; i++) {
        p = logport_open_file(in_dir("log"), &why);
        CHECK(p && logport_write(p, EASG_LOG_INFO, "line\n", 5) == 0);
        logport_close(p);
    }
    CHECK_INT(fs_read(in_dir("log"), 50, &b, &err), EASG_OK);
    CHECK_STR(strbuf_str(&b), "line\nline\n");
    CHECK(logport_open_file(in_dir("none/log"), &why) == NULL && *why);
    CHECK_HAS(fs_config_dir(), ":/");
    CHECK_HAS(fs_config_dir(), "/easgate");
    CHECK_HAS(fs_state_dir(), "/easgate/state");
}

static void test_loading(void)
{
    struct dl *lib = NULL;

    CHECK_INT(dl_open("plugins/x.dll", &lib, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "absolute");
    CHECK_INT(dl_open("//server/share/x.dll", &lib, &err), EASG_E_CONFIG);
    CHECK_INT(fs_write(in_dir("bad.dll"), "MZ", 2, 0600, &err), EASG_OK);
    CHECK_INT(dl_open(in_dir("bad.dll"), &lib, &err), EASG_E_CONFIG);
    CHECK_INT(dl_open("C:/windows/system32/version.dll", &lib, &err), EASG_OK);
    CHECK(lib && dl_sym(lib, "GetFileVersionInfoW") != NULL);
    CHECK(lib && dl_sym(lib, "no_such_function") == NULL);
}

static void test_entry(void)
{
    const char *argv[] = { self, "exit", "0", "a b", NULL };
    struct svcman_entry e = { "easgate-unit-test", "t", "t t", NULL, argv };
    struct svcman_state s;

    if (svcman_query(e.name, &s, &err) == EASG_OK)
        svcman_remove(e.name, &err);
    svcman_state_clear(&s);
    if (!CHECK_INT(svcman_install(&e, &err), EASG_OK)) {
        printf("# %s\n", err.message);
        return;
    }
    CHECK_INT(svcman_install(&e, &err), EASG_E_CONFLICT);
    CHECK_INT(svcman_query(e.name, &s, &err), EASG_OK);
    CHECK_STR(s.state, "stopped");
    CHECK_STR(s.start, "automatic");
    CHECK_HAS(strbuf_str(&s.command), "\"a b\"");
    svcman_state_clear(&s);
    CHECK_INT(svcman_remove(e.name, &err), EASG_OK);
    CHECK_INT(svcman_remove(e.name, &err), EASG_E_NOTFOUND);
}

int main(int argc, char **argv)
{
    wchar_t room[400];
    char *path;

    CHECK_INT(console_args(&argc, &argv), 0);
    path = fs_self();
    snprintf(self, sizeof self, "%s", path ? path : "");
    mem_free(path);
    if (argc > 1)
        return as_child(argc, argv);
    CHECK(GetTempPathW(400, room) > 0);
    WideCharToMultiByte(CP_UTF8, 0, room, -1, dir, 400, NULL, NULL);
    snprintf(dir + strlen(dir), 100, "easg-%lu", (unsigned long)GetCurrentProcessId());
    CHECK_INT(fs_mkdir(dir, &err), EASG_OK);
    test_files();
    test_long_path();
    test_trust();
    test_protect();
    test_children();
    test_job();
    CHECK_INT(service_run("t", 0, wait_child, NULL), 5);
    test_self();
    test_loading();
    test_entry();
    return check_done();
}
