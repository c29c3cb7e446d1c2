/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - levels, children with fields of their own, and the way of a record from log_write() to a
 * port. How it looks is in render.c.
 */
#include "log.h"

#include "record.h"

#include "alloc.h"
#include "clock.h"
#include "console.h"
#include "logport.h"
#include "text.h"
#include "thread.h"

#include <stdio.h>
#include <string.h>

struct log {
    struct log *root;
    struct log *parent;
    struct log_field *fields; /* strings are copies */
    size_t n;
    const char *subsystem; /* of the field "module", or the parent's */

    /* of the root only */
    struct monitor *lock;
    easg_level level;
    enum log_format format;
    char *debug;
    struct logport *port;
    int prefix; /* "<n>" before each line */
    struct limit *limit;
    void (*sink)(void *user, const char *line, size_t len);
    void *user;
};

static const char *const level_names[] = { "error", "warning", "info", "debug", "trace" };

const char *log_level_name(easg_level level)
{
    if (level < EASG_LOG_ERROR)
        level = EASG_LOG_ERROR;
    return level_names[level > EASG_LOG_TRACE ? EASG_LOG_TRACE : level];
}

enum log_format log_format_auto(void)
{
    if (console_is_terminal(2))
        return LOG_TEXT;
    if (logport_stderr_is_lost())
        return LOG_EVENTLOG;
    return logport_stderr_is_journal() ? LOG_JOURNAL : LOG_JSON;
}

static struct log *make(easg_level level)
{
    struct log *log = mem_alloc(sizeof *log);

    if (!log)
        return NULL;
    log->root = log;
    log->level = level;
    log->lock = monitor_create();
    if (!log->lock) {
        mem_free(log);
        return NULL;
    }
    return log;
}

static struct logport *open_port(struct log *log, const struct log_options *o)
{
    const char *why = "";

    if (o->file) {
        struct logport *p = logport_open_file(o->file, &why);

        if (!p)
            fprintf(stderr, "easgate: log file %s: %s\n", o->file, why);
        if (log->format != LOG_TEXT)
            log->format = LOG_JSON;
        return p;
    }
    if (log->format == LOG_JOURNAL || log->format == LOG_EVENTLOG) {
        struct logport *p =
            log->format == LOG_JOURNAL ? logport_open_journal() : logport_open_eventlog();

        if (p)
            return p;
        log->format = LOG_JSON;
    }
    log->prefix = logport_stderr_is_journal();
    return logport_open_stderr();
}

struct log *log_open(const struct log_options *options)
{
    struct log *log = make(options->level);

    if (!log)
        goto nomem;
    log->format = options->format;
    log->debug = mem_strdup(options->debug);
    log->limit = mem_alloc(sizeof *log->limit);
    if (!log->limit || (options->debug && !log->debug))
        goto nomem;
    log->port = open_port(log, options);
    if (!log->port) {
        log_close(log);
        return NULL;
    }
    return log;
nomem:
    fputs("easgate: log: out of memory\n", stderr);
    log_close(log);
    return NULL;
}

struct log *log_open_sink(easg_level level, void (*sink)(void *user, const char *line, size_t len),
                          void *user)
{
    struct log *log = make(level);

    if (!log)
        return NULL;
    log->format = LOG_JSON;
    log->sink = sink;
    log->user = user;
    return log;
}

static int copy_field(struct log_field *to, const struct log_field *from)
{
    *to = *from;
    to->key = mem_strdup(from->key);
    if (!to->key)
        return 0;
    if ((from->type != LOG_F_STR && from->type != LOG_F_STRN) || !from->str)
        return 1;
    to->len = from->type == LOG_F_STRN ? from->len : strlen(from->str);
    to->type = LOG_F_STRN;
    to->str = mem_dup(from->str, to->len);
    return to->str != NULL;
}

static void free_const(const char *p)
{
    char *q;

    memcpy(&q, &p, sizeof q);
    mem_free(q);
}

static void free_fields(struct log *log)
{
    for (size_t i = 0; i < log->n; i++) {
        free_const(log->fields[i].key);
        if (log->fields[i].type == LOG_F_STR || log->fields[i].type == LOG_F_STRN)
            free_const(log->fields[i].str);
    }
    mem_free(log->fields);
}

struct log *log_with(struct log *parent, const struct log_field *fields, size_t n)
{
    struct log *log = parent ? mem_alloc(sizeof *log) : NULL;

    if (!log)
        return NULL;
    log->root = parent->root;
    log->parent = parent;
    log->subsystem = parent->subsystem;
    log->fields = mem_array(n, sizeof *log->fields);
    if (!log->fields) {
        mem_free(log);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        int ok;

        if (fields[i].type == LOG_F_END)
            break;
        ok = copy_field(&log->fields[i], &fields[i]);
        log->n++;
        if (!ok) {
            if (!log->fields[i].key) /* the string is still the caller's */
                log->fields[i].type = LOG_F_END;
            free_fields(log);
            mem_free(log);
            return NULL;
        }
        if (strcmp(log->fields[i].key, "module") == 0 && log->fields[i].str)
            log->subsystem = log->fields[i].str;
    }
    return log;
}

static void emit(struct log *log, const struct record *r);

static void emit_suppressed(struct log *log, const struct limit_slot *due)
{
    static const char text[] = "identical records suppressed";
    struct log_field f[] = { F_INT("count", due->suppressed), F_STR("record", due->text) };
    struct record r = {
        .at = clock_now(),
        .level = due->level,
        .text = text,
        .text_len = sizeof text - 1,
        .fields = {&f[0], &f[1]},
        .n = 2
    };

    emit(log, &r);
}

void log_close(struct log *log)
{
    if (!log)
        return;
    for (size_t i = 0; log->limit && log->port && i < LIMIT_SLOTS; i++)
        if (log->limit->slots[i].suppressed)
            emit_suppressed(log, &log->limit->slots[i]);
    free_fields(log);
    monitor_destroy(log->lock);
    mem_free(log->debug);
    mem_free(log->limit);
    logport_close(log->port);
    mem_free(log);
}

/* 1: `name` stands in the comma-separated `list`. */
static int listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    while (*list) {
        size_t m = strcspn(list, ", ");

        if (m == n && memcmp(list, name, n) == 0)
            return 1;
        list += m;
        list += strspn(list, ", ");
    }
    return 0;
}

int log_enabled(const struct log *log, easg_level level, const char *subsystem)
{
    const struct log *root;

    if (!log)
        return 0;
    root = log->root;
    if (level <= __atomic_load_n(&root->level, __ATOMIC_RELAXED))
        return 1;
    if (!subsystem)
        subsystem = log->subsystem;
    return level <= EASG_LOG_DEBUG && root->debug && subsystem && listed(root->debug, subsystem);
}

void log_set_level(struct log *log, easg_level level)
{
    if (log)
        __atomic_store_n(&log->root->level, level, __ATOMIC_RELAXED);
}

/* Renders and writes. The root's lock is held. */
static void emit(struct log *log, const struct record *r)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf line = STRBUF_INIT(RECORD_MAX_BYTES);

    if (log->prefix)
        strbuf_addf(&line, "<%d>", render_priority(r->level));
    switch (log->format) {
    case LOG_TEXT: render_text(r, !log->prefix, &line); break;
    case LOG_JOURNAL: render_journal(r, &line); break;
    case LOG_EVENTLOG: render_text(r, 0, &line); break;
    case LOG_JSON:
    default: render_json(r, &line); break;
    }
    if (strbuf_status(&line) != EASG_OK)
        return; /* out of memory: there is nobody to tell */
    if (log->sink)
        log->sink(log->user, line.ptr, line.len - 1);
    else if (logport_write(log->port, r->level, line.ptr, line.len) < 0) {
        /* a full disk must not stop the agent */
    }
}

static void gather(const struct log *log, struct record *r)
{
    if (!log)
        return;
    gather(log->parent, r);
    for (size_t i = 0; i < log->n && r->n < RECORD_MAX_FIELDS; i++) {
        size_t k = 0;

        while (k < r->n_own && strcmp(r->fields[k]->key, log->fields[i].key) != 0)
            k++;
        if (k == r->n_own) /* the record's own field of that name wins */
            r->fields[r->n++] = &log->fields[i];
    }
}

void log_write(struct log *log, easg_level level, const char *text, size_t text_len,
               const struct log_field *fields, size_t n)
{
    struct record r = { .level = level, .text = text, .text_len = text_len };
    struct limit_slot due = { 0 };
    struct log *root;

    if (!log_enabled(log, level, NULL))
        return;
    root = log->root;
    for (size_t i = 0; i < n && r.n < RECORD_MAX_FIELDS - 8; i++) /* room for the log's own */
        if (fields[i].type != LOG_F_END && fields[i].key)
            r.fields[r.n++] = &fields[i];
    r.n_own = r.n;
    gather(log, &r);
    monitor_enter(root->lock);
    r.at = clock_now();
    if (!root->limit || limit_pass(root->limit, &r, clock_monotonic_ms(), &due)) {
        if (due.suppressed)
            emit_suppressed(root, &due);
        emit(root, &r);
    }
    monitor_leave(root->lock);
}
