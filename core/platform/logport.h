/* SPDX-License-Identifier: Apache-2.0
 *
 * logport.h - where finished log records leave the process. Knows nothing of fields and levels'
 * names: that is core/log.
 */
#ifndef EASG_LOGPORT_H
#define EASG_LOGPORT_H

#include <stddef.h>

#include <easgate/host.h>

struct logport;

struct logport *logport_open_stderr(void);
/* Appends. NULL: *why says so (static or thread-local text). */
struct logport *logport_open_file(const char *path, const char **why);
/* The systemd journal's own socket: each record is one datagram of fields. NULL: there is none. */
struct logport *logport_open_journal(void);
/* The Windows event log, source "easgate". NULL: there is none. */
struct logport *logport_open_eventlog(void);
void logport_close(struct logport *p);

/* One record in one system call. 0, or -1: it was lost. */
int logport_write(struct logport *p, easg_level level, const char *ptr, size_t len);
/* 1: standard error leads nowhere (a Windows service): the event log is the place. */
int logport_stderr_is_lost(void);
/* 1: standard error goes to the journal, which reads "<n>" in front of a line as its priority. */
int logport_stderr_is_journal(void);

#endif
