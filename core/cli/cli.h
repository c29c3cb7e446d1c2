/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h - what the verbs share: a verb declared as data, the context of one call, errors and exit
 * codes. A verb reads the state file through its views only; what writes is a worker process.
 */
#ifndef EASG_CLI_H
#define EASG_CLI_H

#include <stdio.h>

#include "args.h"
#include "config.h"
#include "jsonout.h"
#include "log.h"
#include "store.h"

enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_CHANGES = 2, /* plan: there is something to change */
    CLI_LATER = 20,
    CLI_HOLD = 30, /* configuration or authentication */
    CLI_USAGE = 64,
    CLI_BUG = 70
};

struct cli;

struct verb {
    const char *name;
    const char *summary;         /* one line */
    const char *text;            /* paragraphs for `help VERB`; may be NULL */
    const struct arg_spec *args; /* ends in ARG_END */
    size_t size;                 /* of the struct that the values go to */
    int (*run)(struct cli *cli, void *values);
    int hidden;
};

/* Every verb, in the order of help; NULL-terminated. */
extern const struct verb *const cli_verbs[];

struct cli {
    const struct verb *verb;
    int help, json;
    const char *config;         /* --config, or NULL */
    const char *state_dir;      /* --state-dir, or NULL */
    struct agent_config *agent; /* after cli_load_agent() */
    easg_time now;
    int failed_json; /* the error went out as JSON already */
};

/* The whole program; returns its exit code. `argv` is UTF-8. */
int cli_main(int argc, char **argv);

/* ---- context (context.c) ------------------------------------------------------------------------
 */

/* Reads easgate.yaml once; --state-dir wins over it. */
easg_status cli_load_agent(struct cli *cli, easg_error *err);
/* EASG_E_CONFIG when `org` cannot be the name of an organisation: it becomes part of a path. */
easg_status cli_check_org_name(const char *org, easg_error *err);
/* Opens the state file of an organisation; needs no valid configuration of it. Where there is
 * neither a state nor a configuration, the error names the nearest organisation. */
easg_status cli_open_store(struct cli *cli, const char *org, struct store **out, easg_error *err);

/* Says what went wrong on standard error, and with --json in a document on standard output too.
 * Returns the exit code that goes with `status`. */
int cli_fail(struct cli *cli, easg_status status, const easg_error *err);
enum cli_exit cli_exit_of(easg_status status);
/* Opens the document with its schema: "easgate.VERB/1". */
void cli_json_begin(struct cli *cli, struct jsonout *j);
/* Closes it. */
int cli_json_end(struct cli *cli, struct jsonout *j, int code);
/* Where log records go when easgate.yaml does not say: text on a terminal, JSON otherwise. */
enum log_format cli_log_format(const struct agent_config *agent);
/* Columns that text may take: the terminal's, 120 in a pipe. */
int cli_width(void);
/* A time of the state file: RFC 3339, or milliseconds since 1970. EASG_TIME_NONE for neither. */
easg_time cli_time(const char *text);
/* Text of a peer for a line of ours. */
enum { CLI_SAFE = 600 };
const char *cli_safe(const char *text, char out[CLI_SAFE]);

/* ---- queries (query.c) ---- */

/* One row, copied. */
struct record {
    size_t n;
    char **names;
    char **values; /* NULL for NULL */
};
struct records {
    struct record *items;
    size_t n;
    int more; /* there were more than `max` */
};
/* At most `max` rows. Owned by the caller: records_clear(). */
easg_status query_records(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                          size_t max, struct records *out, easg_error *err);
void records_clear(struct records *r);
/* "" stands for NULL and for a column that is not there. */
const char *record_get(const struct record *r, const char *name);
/* NULL for NULL. */
const char *record_null(const struct record *r, const char *name);
int64_t record_int(const struct record *r, const char *name);

/* First column of the first row; `none` when there is none or it is NULL. */
easg_status query_int(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                      int64_t none, int64_t *out, easg_error *err);
/* Owned by the caller (mem_free); NULL when there is none. */
easg_status query_text(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                       char **out, easg_error *err);
/* An array `key` of objects, one a row, streamed: columns by name, JSON columns as objects. */
easg_status query_json(struct store *s, const char *sql, const struct store_arg *args, size_t n,
                       struct jsonout *j, const char *key, easg_error *err);
/* The members of a record into the object that is open. */
void record_json(const struct record *r, struct jsonout *j);
/* Value of v_org by name; owned, NULL when there is none. */
easg_status query_org(struct store *s, const char *name, char **out, easg_error *err);

/* ---- worker processes (starter.c), and what they did (report.c) ---- */

struct start {
    const char *org;
    const char *kind; /* full, quick, user, apply, release, adopt */
    const char *user;
    int dry_run;
    int retry; /* in spite of a hold */
    const char *approve;
    const struct arg_list *devices; /* may be NULL */
    const char *plan;               /* a saved plan that must fit */
    const char *list, *file;        /* adopt */
    int approve_policy;             /* approve: what is held for everybody */
    const char *command, *token;    /* device: remove, wipe, wipe-account; SHA-256 of the token */
    int confirm;                    /* device: do it */
    int verbose;
};
/* Runs one worker to its end; shows its step on a terminal; Ctrl-C asks it to stop. *code is its
 * exit code, 128 + signal when it was killed. */
easg_status start_worker(struct cli *cli, const struct start *start, char run_id[37], int *code,
                         easg_error *err);
/* Prints what run `run_id` did; at most `limit` actions in text (0: all). Returns our exit code for
 * the worker's. */
int report_run(struct cli *cli, const struct start *start, const char *run_id, int worker_code,
               int64_t limit);

/* ---- the checks of `check` and `config check` (checks.c) ---- */

enum check_result { CHECKED_OK, CHECKED_WARNING, CHECKED_ERROR, CHECKED_SKIPPED };
struct checks {
    struct jsonout *json; /* NULL: text */
    int errors, warnings;
    int code; /* exit code so far */
};
/* One line: "ok    plugins   4 modules". */
void check_add(struct checks *c, enum check_result result, const char *subject, const char *what,
               const char *text);
void check_error(struct checks *c, easg_status st, const char *subject, const char *what,
                 const easg_error *err);

#endif
