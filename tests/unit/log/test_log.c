/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: each rendering, children, levels by subsystem, hostile values, repetition, threads.
 */
#include "check.h"

#include "clock.h"
#include "fs.h"
#include "log.h"
#include "thread.h"
#include "timestamp.h"

#include <cjson/cJSON.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/easgate-log-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[2][200];
    static int i;

    i = !i;
    snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
    return path[i];
}

struct lines {
    char last[4000];
    int n;
};

static void keep(void *user, const char *line, size_t len)
{
    struct lines *l = user;

    l->n++;
    CHECK(len < sizeof l->last && !memchr(line, '\n', len));
    memcpy(l->last, line, len);
    l->last[len] = '\0';
}

static void freeze(void)
{
    easg_time t = 0;

    timestamp_parse("2026-11-25T14:03:00Z", 20, &t);
    clock_set(t);
}

static void test_json_and_children(void)
{
    struct lines l = { "", 0 };
    struct log *log = log_open_sink(EASG_LOG_INFO, keep, &l);
    struct log_field org[] = { F_STR("org", "contoso"), F_STR("run", "r-1") };
    struct log_field mod[] = { F_STR("module", "intune") };
    struct log *a = log_with(log, org, 2);
    struct log *b = log_with(a, mod, 1);

    freeze();
    LOG_INFO(b, "endpoint chosen", F_STR("endpoint", "cas1"), F_INT("attempt", -2),
             F_STATUS("status", EASG_E_AUTH), F_STR("absent", NULL), F_STRN("part", "abcdef", 3),
             F_TIME("since", 1000), F_TIME("never", EASG_TIME_NONE));
    CHECK_HAS(l.last, "{\"time\":\"2026-11-25T14:03:00");
    CHECK_HAS(l.last, "\"level\":\"info\",\"text\":\"endpoint chosen\",\"endpoint\":\"cas1\","
                      "\"attempt\":-2,\"status\":\"auth\",\"part\":\"abc\","
                      "\"since\":\"1970-01-01T00:00:01Z\",\"org\":\"contoso\",\"run\":\"r-1\","
                      "\"module\":\"intune\"}");
    LOG_INFO(b, "own wins", F_STR("org", "other"), F_STR("text", "x"), F_STR("bad key\n", "y"));
    CHECK_HAS(l.last, "\"org\":\"other\",\"_text\":\"x\",\"bad_key_\":\"y\",\"run\":\"r-1\"");
    CHECK(!strstr(l.last, "contoso"));

    CHECK_INT(l.n, 2);
    LOG_DEBUG(b, "not kept", F_INT("a", 1));
    CHECK_INT(l.n, 2);
    log_set_level(a, EASG_LOG_DEBUG);
    CHECK(log_enabled(log, EASG_LOG_DEBUG, NULL) && !log_enabled(log, EASG_LOG_TRACE, NULL));
    LOG_DEBUG(b, "kept", F_INT("a", 1));
    CHECK_INT(l.n, 3);
    for (int i = 0; i < 50; i++)
        LOG_INFO(log, "again", F_INT("a", 1));
    CHECK_INT(l.n, 53);
    log_close(b);
    log_close(a);
    log_close(log);
    LOG_ERROR(NULL, "a log that could not be opened is no reason to fall", F_INT("a", 1));
    CHECK(!log_with(NULL, org, 2));
    log_close(NULL);
}

/* Whatever a peer sends, a line stays one JSON object with the keys that it should have. */
static void test_hostile_values(void)
{
    static const char *const evil[] = { "a\nb\",\"level\":\"error",
                                        "\xff\xfe",
                                        "\xe2\x80\xae!",
                                        "\x1b[31m",
                                        "",
                                        "\\" };
    struct lines l = { "", 0 };
    struct log *log = log_open_sink(EASG_LOG_INFO, keep, &l);
    char big[5000];

    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
        cJSON *j;

        LOG_WARNING(log, "value", F_STR("v", evil[i]), F_STRN("big", big, sizeof big));
        j = cJSON_Parse(l.last);
        CHECK(j != NULL);
        CHECK_INT(cJSON_GetArraySize(j), 5);
        CHECK_STR(cJSON_GetStringValue(cJSON_GetObjectItem(j, "level")), "warning");
        CHECK_INT(strlen(cJSON_GetStringValue(cJSON_GetObjectItem(j, "big"))), 1024 + 3);
        cJSON_Delete(j);
    }
    log_close(log);
}

static char *read_log(const char *path)
{
    struct strbuf b = STRBUF_INIT(1 << 20);
    easg_error err = { .struct_size = sizeof err };

    CHECK_INT(fs_read(path, 1 << 20, &b, &err), EASG_OK);
    return strbuf_take(&b);
}

static void test_text(void)
{
    struct log_options o = { EASG_LOG_INFO, LOG_TEXT, "psrp, intune", in_dir("text") };
    struct log *log = log_open(&o);
    struct log_field mod[] = { F_STR("module", "intune") };
    struct log *child = log_with(log, mod, 1);
    char *s;

    freeze();
    LOG_INFO(log, "run begins", F_STR("who", "a b"), F_STR("q", "a\"b"), F_STR("e", ""),
             F_STR("x", "a\nb=c"), F_INT("n", 5));
    LOG_WARNING(log, "w", F_INT("n", 1));
    LOG_DEBUG(log, "hidden", F_INT("n", 1));
    LOG_DEBUG(child, "by subsystem", F_INT("n", 1));
    CHECK(log_enabled(log, EASG_LOG_DEBUG, "psrp") && !log_enabled(log, EASG_LOG_DEBUG, "psr"));
    CHECK(!log_enabled(log, EASG_LOG_TRACE, "psrp"));
    log_close(child);
    log_close(log);
    s = read_log(in_dir("text"));
    CHECK_HAS(s, "2026-11-25T14:03:00Z info    run begins who=\"a b\" q=\"a\\\"b\" e=\"\" "
                 "x=\"a\\x0ab=c\" n=5\n");
    CHECK_HAS(s, "2026-11-25T14:03:00Z warning w n=1\n");
    CHECK(!strstr(s, "hidden"));
    CHECK_HAS(s, "debug   by subsystem n=1 module=intune\n");
    mem_free(s);
}

static void test_limit(void)
{
    struct log_options o = { EASG_LOG_INFO, LOG_JSON, NULL, in_dir("limit") };
    struct log *log = log_open(&o);
    int n = 0;
    char *s;

    for (int i = 0; i < 1000; i++) {
        LOG_ERROR(log, "the same", F_STR("a", "b"));
        if (i % 100 == 0)
            LOG_ERROR(log, "another", F_INT("i", i));
    }
    log_close(log);
    s = read_log(in_dir("limit"));
    for (const char *p = s; (p = strstr(p, "\"text\":\"the same\"")); p++)
        n++;
    CHECK_INT(n, 10);
    CHECK_HAS(s, "\"text\":\"identical records suppressed\",\"count\":990,\"record\":\"the same\"");
    CHECK_HAS(s, "\"text\":\"another\",\"i\":900}");
    mem_free(s);
}

static void test_journal(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct log_options o = { EASG_LOG_INFO, LOG_JOURNAL, NULL, NULL };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    static char buf[8192];
    struct log *log;
    ssize_t n;

    snprintf(a.sun_path, sizeof a.sun_path, "%s", in_dir("journal"));
    CHECK(bind(fd, (const struct sockaddr *)&a, sizeof a) == 0);
    setenv("EASGATE_JOURNAL_SOCKET", a.sun_path, 1);
    log = log_open(&o);
    LOG_WARNING(log, "device held", F_STR("org", "contoso"), F_STR("run", "r-1"),
                F_STR("priority", "x"), F_STR("_evil", "a\nMESSAGE=no"), F_STR("9-a.b", "z"));
    n = recv(fd, buf, sizeof buf - 1, MSG_DONTWAIT);
    buf[n > 0 ? n : 0] = '\0';
    CHECK_STR(buf, "PRIORITY=4\nSYSLOG_IDENTIFIER=easgate\nMESSAGE=device held org=contoso run=r-1 "
                   "priority=x _evil=\"a\\x0aMESSAGE=no\" 9-a.b=z\nORG=contoso\nRUN=r-1\n"
                   "F_PRIORITY=x\nF__EVIL=a\\x0aMESSAGE=no\nF_9_A_B=z\n");
    log_close(log);
    close(fd);
}

/* Where there is no journal, JSON goes to standard error, with a priority when that is the
 * journal's stream. */
static void test_fallback(void)
{
    struct log_options o = { EASG_LOG_INFO, LOG_JOURNAL, NULL, NULL };
    int keep_err = dup(STDERR_FILENO);
    struct log *log;
    char *s;

    setenv("EASGATE_JOURNAL_SOCKET", in_dir("nobody-listens"), 1);
    fflush(stderr);
    CHECK(freopen(in_dir("stderr"), "w", stderr) != NULL);
    log = log_open(&o);
    LOG_ERROR(log, "no journal", F_INT("n", 1));
    log_close(log);
    o.file = in_dir("no/such/file");
    CHECK(!log_open(&o));
    fflush(stderr);
    dup2(keep_err, STDERR_FILENO);
    close(keep_err);
    s = read_log(in_dir("stderr"));
    CHECK_HAS(s, "\"level\":\"error\",\"text\":\"no journal\",\"n\":1}\n");
    CHECK_HAS(s, "no/such/file: No such file or directory\n");
    mem_free(s);
}

static void writer(void *arg)
{
    for (int i = 0; i < 300; i++)
        LOG_INFO((struct log *)arg, "from a thread", F_INT("i", i),
                 F_STR("pad", "0123456789012345"));
}

static void test_threads(void)
{
    struct log_options o = { EASG_LOG_INFO, LOG_JSON, NULL, in_dir("threads") };
    struct log *log = log_open(&o);
    struct thread *t[3];
    int n = 0;
    char *s;

    for (int i = 0; i < 3; i++)
        t[i] = thread_start(writer, log);
    for (int i = 0; i < 3; i++)
        thread_join(t[i]);
    log_close(log);
    s = read_log(in_dir("threads"));
    for (char *p = s; *p;) {
        char *end = strchr(p, '\n');
        cJSON *j;

        CHECK(end != NULL);
        *end = '\0';
        j = cJSON_Parse(p);
        CHECK(j != NULL);
        cJSON_Delete(j);
        n++;
        p = end + 1;
    }
    CHECK_INT(n, 900);
    mem_free(s);
}

int main(void)
{
    char cmd[100];

    if (!mkdtemp(dir))
        return 1;
    test_json_and_children();
    test_hostile_values();
    test_text();
    test_limit();
    test_journal();
    test_fallback();
    clock_set(EASG_TIME_NONE);
    test_threads();
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    CHECK_INT(system(cmd), 0);
    return check_done();
}
