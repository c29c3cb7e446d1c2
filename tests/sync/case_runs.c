/* SPDX-License-Identifier: Apache-2.0
 *
 * case_runs.c - a run, as a process of its own; it may be cut off, or its disk fail.
 */
#include "synccase.h"

#include "badvfs.h"

#include "clock.h"
#include "config.h"
#include "err.h"
#include "store_writer.h"
#include "sync.h"
#include "text.h"

#include <sys/wait.h>
#include <unistd.h>

static char approve_run[37];

static void at_point(void *user, const char *point)
{
    (void)user;
    if (the_case.crash_point[0] && strcmp(point, the_case.crash_point) == 0 &&
        --the_case.crash_count == 0)
        _exit(CRASHED);
}

static void log_line(void *user, const char *line, size_t len)
{
    (void)user;
    if (getenv("EASGATE_CASE_LOG"))
        fprintf(stderr, "%.*s\n", (int)len, line);
}

static void write_config(char *path, size_t size)
{
    FILE *f;

    snprintf(path, size, "%s/contoso.yaml", the_case.dir);
    f = fopen(path, "w");
    if (!f || fputs(the_case.yaml, f) < 0 || fclose(f) != 0)
        abort();
}

static int run_child(char **w)
{
    static const char *const kinds[] = { "full",    "quick", "user",   "apply",
                                         "release", "adopt", "device", NULL };
    struct log *log = log_open_sink(EASG_LOG_DEBUG, log_line, NULL);
    const char *devices[8];
    static const char *const list_words[] = { "none", "allowed", "blocked", "both", NULL };
    struct sync_adopt_item entry = { NULL, NULL, 0 };
    struct sync_adopt adopt = { 0, NULL, 0 };
    struct sync_options o;
    struct run_options r;
    easg_error err = EASG_ERROR_INIT;
    struct org_config *org = NULL;
    struct registry *registry = NULL;
    struct store *store = NULL;
    struct run_ref *run = NULL;
    char path[120];
    static const char *const commands[] = { "remove", "wipe", "wipe-account", NULL };
    struct sync_command command = { 0 };
    char token[65] = "";
    int code;

    if (the_case.disk_nth)
        badvfs_install(0, 0);
    clock_set(fake->now);
    write_config(path, sizeof path);
    memset(&o, 0, sizeof o);
    memset(&r, 0, sizeof r);
    if (org_config_load(path, &org, &err) != EASG_OK ||
        store_open_writer(the_case.dir, org->name, log, &store, &err) != EASG_OK ||
        registry_create(log, &registry, &err) != EASG_OK ||
        registry_add(registry, "fake", fake_entry, &err) != EASG_OK) {
        case_fail("%s", err.message);
        return 98;
    }
    store_set_hook(store, at_point, NULL);
    if (the_case.disk_nth)
        badvfs_install(badvfs_writes() + the_case.disk_nth, the_case.disk_code);
    r.org = org->name;
    r.run_id = the_case.last_run;
    r.started = fake->now;
    r.deadline_ms = clock_monotonic_ms() + 60000;
    r.flags = word_flag(w, "dry") ? EASG_RUN_DRY : 0;
    r.state = sync_state_ops(store);
    r.log = log;
    if (run_create(&r, &run, &err) != EASG_OK) {
        case_fail("%s", err.message);
        return 98;
    }
    if (word_flag(w, "cancelled"))
        run_cancel(run);
    o.org = org;
    o.registry = registry;
    o.store = store;
    o.run = run;
    o.log = log;
    o.kind = (enum sync_kind)word_pick(w[1], kinds, 0);
    o.run_id = the_case.last_run;
    if (o.kind == SYNC_ADOPT) {
        adopt.lists =
            word_value(w, "list") ? (uint32_t)word_pick(word_value(w, "list"), list_words, 0) : 3u;
        entry.device_id = word_value(w, "device") ? strdup(word_value(w, "device")) : NULL;
        adopt.items = entry.device_id ? &entry : NULL;
        adopt.n = entry.device_id ? 1 : 0;
        o.adopt = &adopt;
    }
    o.trigger = "operator";
    o.user = word_value(w, "user");
    if (o.kind == SYNC_APPLY)
        o.approve_run = approve_run;
    if (word_value(w, "device")) {
        devices[0] = word_value(w, "device");
        o.approve_devices = devices;
        o.n_approve_devices = 1;
    }
    o.approve_policy = word_flag(w, "policy");
    if (o.kind == SYNC_DEVICE) {
        memset(token, word_value(w, "token") ? word_value(w, "token")[0] : 'x', 64);
        command.verb = (uint32_t)word_pick(word_value(w, "command"), commands, 0);
        command.device = word_value(w, "device") ? word_value(w, "device") : "";
        command.token = token;
        command.confirm = word_flag(w, "confirm");
        o.command = &command;
    }
    o.dry_run = word_flag(w, "dry");
    o.retry = word_flag(w, "retry");
    code = sync_run(&o);
    free((char *)entry.device_id);
    run_destroy(run);
    registry_destroy(registry);
    store_close(store);
    org_config_destroy(org);
    log_close(log);
    return code;
}

struct store *case_reader(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;

    if (store_open_readonly(the_case.dir, "contoso", &s, &err) != EASG_OK)
        case_fail("%s", err.message);
    return s;
}

static void check_chain(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = case_reader();
    int64_t rows = 0, bad = 0;

    if (s && (store_audit_verify(s, &rows, &bad, &err) != EASG_OK || bad))
        case_fail("the audit chain breaks at row %d: %s", (int)bad, err.message);
    case_checked();
    store_close(s);
}

void case_run(char **w)
{
    static int count;
    int status;
    pid_t pid;

    /* held actions are approved in the run that held them */
    if (strcmp(w[1], "apply") == 0 && !word_value(w, "of"))
        snprintf(approve_run, sizeof approve_run, "%s", the_case.last_run);
    if (word_value(w, "of"))
        snprintf(approve_run, sizeof approve_run, "00000000-0000-4000-8000-%012d",
                 word_number(word_value(w, "of"), 0));
    snprintf(the_case.last_run, sizeof the_case.last_run, "00000000-0000-4000-8000-%012d", ++count);
    memset(fake->calls, 0, sizeof fake->calls);
    fake->writes = fake->mails = fake->mails_before = 0;
    fake->last_endpoint[0] = fake->languages[0] = '\0';
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int code = run_child(w);

        fflush(stdout);
        exit(code);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status)) {
        case_fail("the run died: status %d", pid < 0 ? -1 : status);
        the_case.last_exit = -1;
    } else {
        the_case.last_exit = WEXITSTATUS(status);
    }
    if (the_case.crash_point[0] && the_case.last_exit != CRASHED)
        case_fail("the run never came to the point %s", the_case.crash_point);
    the_case.crash_point[0] = '\0';
    the_case.disk_nth = 0;
    fake->now += 60000;
    check_chain();
}
