/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - one record, several renderings: text for people, JSON lines, the journal, the Windows
 * event log. A record is constant text and typed fields:
 *
 *     LOG_INFO(log, "endpoint chosen", F_STR("endpoint", id), F_INT("attempt", n));
 *
 * Fields of the log itself (organisation, run, module) are added by log_with(). Control characters
 * and what is not UTF-8 in a value are escaped by every rendering. Never a secret, never a mail.
 */
#ifndef EASG_LOG_H
#define EASG_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/host.h>

struct log;

enum log_field_type { LOG_F_END = 0, LOG_F_STR, LOG_F_STRN, LOG_F_INT, LOG_F_TIME, LOG_F_STATUS };

struct log_field {
    enum log_field_type type;
    const char *key;
    const char *str; /* STR, STRN; NULL is written as absent */
    size_t len;      /* STRN */
    int64_t num;     /* INT, TIME (easg_time), STATUS (easg_status) */
};

#define F_STR(k, v)     ((struct log_field){ LOG_F_STR, (k), (v), 0, 0 })
#define F_STRN(k, v, n) ((struct log_field){ LOG_F_STRN, (k), (v), (n), 0 })
#define F_EASG(k, s)    ((struct log_field){ LOG_F_STRN, (k), (s)->ptr, (s)->len, 0 })
#define F_INT(k, v)     ((struct log_field){ LOG_F_INT, (k), NULL, 0, (int64_t)(v) })
#define F_TIME(k, v)    ((struct log_field){ LOG_F_TIME, (k), NULL, 0, (v) })
#define F_STATUS(k, v)  ((struct log_field){ LOG_F_STATUS, (k), NULL, 0, (v) })

/* JOURNAL and EVENTLOG fall back to JSON on standard error where the system has none. */
enum log_format { LOG_TEXT, LOG_JSON, LOG_JOURNAL, LOG_EVENTLOG };
/* What fits standard error: text on a terminal, the journal when it goes there, else JSON. */
enum log_format log_format_auto(void);

struct log_options {
    easg_level level; /* EASG_LOG_INFO by default */
    enum log_format format;
    const char *debug; /* comma-separated subsystems (module ids) logged at debug; or NULL */
    const char *file;  /* NULL: standard error */
};

/* NULL when memory is gone or the file cannot be opened (said on standard error). */
struct log *log_open(const struct log_options *options);
/* A log that hands each finished JSON line, without its line end, to `sink`, which must not log
 * itself: for tests, and for the supervisor. Nothing is suppressed here. */
struct log *log_open_sink(easg_level level, void (*sink)(void *user, const char *line, size_t len),
                          void *user);
/* A child that adds `fields` (copied) to each record; closed before its parent. A field "module" is
 * the subsystem of the child. NULL parent gives NULL, and every function here accepts a NULL log
 * and does nothing. */
struct log *log_with(struct log *parent, const struct log_field *fields, size_t n);
void log_close(struct log *log);

/* 1: a record of this level is kept; `subsystem` NULL means that of the log itself. */
int log_enabled(const struct log *log, easg_level level, const char *subsystem);
/* [any] Of the whole log, parents and children. */
void log_set_level(struct log *log, easg_level level);
/* "error", "warning", "info", "debug", "trace". */
const char *log_level_name(easg_level level);
/* [any] Thread-safe: one record, one write. Identical records (level, text and fields) beyond ten a
 * minute are counted and said later in one record. */
void log_write(struct log *log, easg_level level, const char *text, size_t text_len,
               const struct log_field *fields, size_t n);

#define LOG_FIELDS_(...) ((const struct log_field[]){ __VA_ARGS__ })
#define LOG_AT_(log, level, text, ...)                                                             \
    log_write((log), (level), (text), sizeof(text) - 1, LOG_FIELDS_(__VA_ARGS__),                  \
              sizeof LOG_FIELDS_(__VA_ARGS__) / sizeof(struct log_field))
/* Each takes a literal text and at least one field. */
#define LOG_ERROR(log, text, ...)   LOG_AT_(log, EASG_LOG_ERROR, text, __VA_ARGS__)
#define LOG_WARNING(log, text, ...) LOG_AT_(log, EASG_LOG_WARNING, text, __VA_ARGS__)
#define LOG_INFO(log, text, ...)    LOG_AT_(log, EASG_LOG_INFO, text, __VA_ARGS__)
#define LOG_DEBUG(log, text, ...)   LOG_AT_(log, EASG_LOG_DEBUG, text, __VA_ARGS__)

#endif
