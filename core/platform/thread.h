/* SPDX-License-Identifier: Apache-2.0
 *
 * thread.h - what a worker needs: a second thread (the watchdog), and one lock with a condition.
 */
#ifndef EASG_THREAD_H
#define EASG_THREAD_H

#include <stdint.h>

struct thread;
struct thread *thread_start(void (*fn)(void *), void *arg); /* NULL: the system refused */
void thread_join(struct thread *t);                         /* frees t */

struct monitor;
struct monitor *monitor_create(void);
void monitor_destroy(struct monitor *m);
void monitor_enter(struct monitor *m);
void monitor_leave(struct monitor *m);
/* Entered before and after. 0: woken (perhaps for nothing), 1: time is up. */
int monitor_wait(struct monitor *m, int64_t ms);
void monitor_wake(struct monitor *m); /* all waiters */

#endif
