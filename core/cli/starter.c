/* SPDX-License-Identifier: Apache-2.0
 *
 * starter.c - starts a worker process for a verb and stays with it: the same process that `easgate
 * run` would start, so that a crash or a stuck call in it is not ours.
 */
#include "cli.h"

#include "clock.h"
#include "console.h"
#include "err.h"
#include "fs.h"
#include "proc.h"
#include "service.h"
#include "worker.h"

#include <string.h>

enum { POLL_MS = 250, SPARE = 40 };

struct wait {
    struct cli *cli;
    const struct start *start;
    const char *run_id;
    struct proc *proc;
    int code;
    int shown; /* columns of the progress line */
};

/* One line on a terminal that overwrites itself, without control sequences. */
static void show(struct wait *w, const char *text)
{
    int n = (int)strlen(text);

    fprintf(stderr, "\r%s%*s", text, w->shown > n ? w->shown - n : 0, "");
    if (n == 0)
        fputc('\r', stderr);
    fflush(stderr);
    w->shown = n;
}

static void progress(struct wait *w, int64_t since)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    struct records r = { 0 };
    char line[120];

    if (store_open_readonly(w->cli->agent->state_dir, w->start->org, &s, &err) == EASG_OK &&
        query_records(s, "SELECT step FROM v_runs WHERE run = ?1",
                      (struct store_arg[]){ STORE_ARG_TEXT(w->run_id) }, 1, 1, &r,
                      &err) == EASG_OK &&
        r.n) {
        snprintf(line, sizeof(line), "%.40s: %.20s, %lld s", w->start->org,
                 record_get(&r.items[0], "step"),
                 (long long)((clock_monotonic_ms() - since) / 1000));
        show(w, line);
    }
    records_clear(&r);
    store_close(s);
}

static int stay(struct service *service, void *arg)
{
    struct wait *w = arg;
    int64_t since = clock_monotonic_ms();
    int terminal = console_is_terminal(2) && !w->start->verbose && !w->cli->json;
    int stops = 0;

    while (!proc_wait(w->proc, 0, &w->code)) {
        if (terminal)
            progress(w, since);
        if (service_wait(service, POLL_MS) != SERVICE_STOP)
            continue;
        if (++stops == 1) {
            fputs("\neasgate: asking the worker to stop; once more kills it\n", stderr);
            proc_stop(w->proc);
        } else {
            proc_kill(w->proc);
        }
    }
    if (w->shown)
        show(w, "");
    return 0;
}

easg_status start_worker(struct cli *cli, const struct start *start, char run_id[37], int *code,
                         easg_error *err)
{
    EASG_CLEANUP(mem_cleanup) char *self = fs_self();
    struct wait w = { cli, start, run_id, NULL, 0, 0 };
    size_t devices = start->devices ? start->devices->n : 0;
    const char **argv;
    size_t n = 0, i;
    easg_status st;

    if (!self)
        return err_set(err, EASG_E_FAIL, "the path of this program is not known");
    argv = mem_array(SPARE + 2 * devices, sizeof(*argv));
    if (!argv)
        return err_nomem(err);
    worker_make_run_id(run_id);
    argv[n++] = self;
    argv[n++] = "worker";
    argv[n++] = "--kind";
    argv[n++] = start->kind;
    argv[n++] = "--run";
    argv[n++] = run_id;
    argv[n++] = "--trigger";
    argv[n++] = "operator";
    if (start->user) {
        argv[n++] = "--user";
        argv[n++] = start->user;
    }
    if (start->dry_run)
        argv[n++] = "--dry-run";
    if (start->retry)
        argv[n++] = "--retry";
    if (start->approve) {
        argv[n++] = "--approve";
        argv[n++] = start->approve;
    }
    if (start->plan) {
        argv[n++] = "--plan";
        argv[n++] = start->plan;
    }
    if (start->approve_policy)
        argv[n++] = "--policy";
    if (start->command) {
        argv[n++] = "--command";
        argv[n++] = start->command;
        argv[n++] = "--token";
        argv[n++] = start->token;
    }
    if (start->confirm)
        argv[n++] = "--confirm";
    if (start->list) {
        argv[n++] = "--list";
        argv[n++] = start->list;
    }
    if (start->file) {
        argv[n++] = "--file";
        argv[n++] = start->file;
    }
    for (i = 0; i < devices; i++) {
        argv[n++] = "--device";
        argv[n++] = start->devices->items[i];
    }
    if (!start->verbose) { /* what it did is printed from the state; errors and warnings are not
                              lost */
        argv[n++] = "--log-level";
        argv[n++] = "warning";
    }
    /* The error is printed when the worker is gone; twice on one terminal is once too much. */
    if (!start->verbose && !cli->agent->log_file && console_is_terminal(2))
        argv[n++] = "--told";
    if (cli->config) {
        argv[n++] = "--config";
        argv[n++] = cli->config;
    }
    if (cli->state_dir) {
        argv[n++] = "--state-dir";
        argv[n++] = cli->state_dir;
    }
    argv[n++] = "--";
    argv[n++] = start->org;
    argv[n] = NULL;
    fflush(NULL);
    st = proc_spawn(argv, &w.proc, err);
    if (st == EASG_OK && service_run("easgate", 0, stay, &w) != 0)
        st = err_set(err, EASG_E_FAIL, "signals cannot be caught");
    proc_close(w.proc);
    mem_free(argv);
    *code = w.code;
    return st;
}
