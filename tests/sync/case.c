/* SPDX-License-Identifier: Apache-2.0
 *
 * case.c - runs one *.case: lines that build an organisation, break it, run the sync and say what
 * must have come of it. The words stand in README.md beside this file.
 *
 * Every run is a process of its own, as in life, so that cutting one off at a named point is an
 * ordinary thing to do.
 */
#include "synccase.h"

#include "check.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <unistd.h>

enum { WORDS = 40 };

struct running_case the_case = { .last_exit = -1 };
static int line_no;
static const char *file_name;

/* The harness keeps its counts where it is included: all of a case's are here. */
void case_checked(void)
{
    check_made++;
}

void case_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    printf("# %s:%d: ", file_name, line_no);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    check_failed++;
}

void case_expect(const char *what, const char *got, const char *want)
{
    case_checked();
    if (strcmp(got, want) != 0)
        case_fail("%s is\n#   %s\n# not\n#   %s", what, got, want);
}

static const char yaml_default[] = "organization: contoso\n"
                                   "mode: enforce\n"
                                   "source: { module: fake, server: cas1 }\n"
                                   "sink: { module: fake-mdm }\n"
                                   "failover: { module: fake-order }\n";

static void do_line(char **w, int n, char *rest)
{
    if (strcmp(w[0], "title") == 0)
        printf("# %s\n", rest);
    else if (strcmp(w[0], "yaml") == 0)
        snprintf(the_case.yaml + strlen(the_case.yaml),
                 sizeof the_case.yaml - strlen(the_case.yaml), "%s\n", rest);
    else if (strcmp(w[0], "yaml-clear") == 0)
        the_case.yaml[0] = '\0';
    else if (strcmp(w[0], "yaml-default") == 0)
        snprintf(the_case.yaml, sizeof the_case.yaml, "%s", yaml_default);
    else if (strcmp(w[0], "audit-mode") == 0)
        memcpy(strstr(the_case.yaml, "enforce"), "audit  ", 7);
    else if (strcmp(w[0], "default") == 0)
        fake->default_access = world_access(w[1]);
    else if (strcmp(w[0], "no-groups") == 0)
        fake->deaf = 1;
    else if (strcmp(w[0], "registry") == 0)
        world_registered(rest);
    else if (strcmp(w[0], "mailbox") == 0)
        world_mailbox(w);
    else if (strcmp(w[0], "device") == 0)
        world_device(w);
    else if (strcmp(w[0], "person") == 0)
        world_person(w);
    else if (strcmp(w[0], "managed") == 0)
        world_managed(w);
    else if (strcmp(w[0], "bulk") == 0 && n >= 3)
        world_bulk(w);
    else if (strcmp(w[0], "remove") == 0 && n >= 3)
        world_remove(w);
    else if (strcmp(w[0], "server") == 0)
        snprintf(fake->servers[word_number(w[2], 0)], FAKE_TEXT, "%s", w[1]);
    else if (strcmp(w[0], "fail") == 0 && n >= 3)
        world_fail(w);
    else if (strcmp(w[0], "item") == 0 && n >= 3)
        world_item(w);
    else if (strcmp(w[0], "short-list") == 0) {
        fake->short_list = word_number(w[1], 0);
        fake->short_list_times = word_number(w[2], 1);
    } else if (strcmp(w[0], "short-fetch") == 0) {
        fake->short_fetch = word_number(w[1], 0);
        fake->short_fetch_times = word_number(w[2], 1);
    } else if (strcmp(w[0], "crash") == 0) {
        snprintf(the_case.crash_point, sizeof the_case.crash_point, "%s", w[1]);
        the_case.crash_count = word_number(n > 2 ? w[2] : NULL, 1);
    } else if (strcmp(w[0], "disk") == 0 && n >= 3) {
        the_case.disk_nth = word_number(w[2], 1);
        the_case.disk_code = strcmp(w[1], "full") == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    } else if (strcmp(w[0], "wait") == 0)
        fake->now = word_time(w[1], fake->now);
    else if (strcmp(w[0], "run") == 0)
        case_run(w);
    else if (strcmp(w[0], "exit") == 0)
        expect_exit(w);
    else if (strcmp(w[0], "error") == 0)
        expect_error(rest);
    else if (strcmp(w[0], "sql") == 0)
        expect_sql(rest);
    else if (strcmp(w[0], "lists") == 0)
        expect_lists(w);
    else if (strcmp(w[0], "calls") == 0)
        expect_calls(w);
    else if (strcmp(w[0], "policy") == 0 && n >= 4)
        world_policy(w);
    else if (strcmp(w[0], "everybody") == 0 && n >= 4)
        expect_everybody(w);
    else if (strcmp(w[0], "no-policy") == 0)
        fake->no_policy = 1;
    else if (strcmp(w[0], "audit") == 0 && n >= 3)
        expect_audit(w);
    else
        case_fail("no such line: %s", w[0]);
}

static void clean(void)
{
    static const char *const names[] = { "contoso.db",   "contoso.db-wal", "contoso.db-shm",
                                         "contoso.lock", "contoso.yaml",   "secret",
                                         "registry.csv" };
    char path[120];
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", the_case.dir, names[i]);
        unlink(path);
    }
    rmdir(the_case.dir);
}

/* All of it at once: the child processes of the runs must share no open file with us. */
static char *read_case(const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n;

    if (!f)
        return NULL;
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void run_line(char *line)
{
    char words[LINE], *w[WORDS + 1], *save = NULL;
    int n = 0;

    line += strspn(line, " ");
    if (!*line || *line == '#')
        return;
    snprintf(words, sizeof words, "%s", line);
    memset(w, 0, sizeof w);
    for (w[n] = strtok_r(words, " ", &save); w[n] && n < WORDS; w[n] = strtok_r(NULL, " ", &save))
        n++;
    line += strcspn(line, " ");
    do_line(w, n, *line ? line + 1 : line);
}

int main(int argc, char **argv)
{
    char *text = argc == 2 ? read_case(argv[1]) : NULL;
    char *end;

    if (!text) {
        printf("usage: sync_case FILE.case\n");
        return 64;
    }
    file_name = strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1];
    snprintf(the_case.dir, sizeof the_case.dir, "/tmp/easg-case.XXXXXX");
    if (!mkdtemp(the_case.dir))
        return 1;
    fake_create();
    fake->now = 1795000000000; /* 2026-11-18 */
    snprintf(the_case.yaml, sizeof the_case.yaml, "%s", yaml_default);
    for (; *text; text = end) {
        line_no++;
        end = text + strcspn(text, "\n");
        if (*end)
            *end++ = '\0';
        run_line(text);
    }
    clean();
    return check_done();
}
