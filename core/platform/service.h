/* SPDX-License-Identifier: Apache-2.0
 *
 * service.h - the front of `easgate run` and of a worker: systemd (Type=notify, without
 * libsystemd), a terminal, the control pipe of a parent, or the Windows service control manager.
 */
#ifndef EASG_SERVICE_H
#define EASG_SERVICE_H

#include <stdint.h>

struct service;

/* Calls work() and returns what it returned. `managed`: started by the Windows service control
 * manager. -1 when that cannot be reached. */
int service_run(const char *name, int managed, int (*work)(struct service *, void *), void *arg);
void service_ready(struct service *s);                      /* start-up or reload is done */
void service_status(struct service *s, const char *status); /* one line for people */
void service_watchdog(struct service *s);                   /* still alive */
/* How often service_watchdog() should be called, in ms; 0: nobody watches. */
int64_t service_watchdog_ms(const struct service *s);
enum service_event {
    SERVICE_TIMEOUT = 0,
    SERVICE_STOP = 1,   /* once for each request; the second one means "at once" */
    SERVICE_RELOAD = 2, /* call service_ready() when done */
    SERVICE_CHILD = 3   /* a process of proc_spawn() may have ended */
};
/* ms < 0: until something happens. SERVICE_TIMEOUT may come early. */
enum service_event service_wait(struct service *s, int64_t ms);

#endif
