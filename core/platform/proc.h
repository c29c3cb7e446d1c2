/* SPDX-License-Identifier: Apache-2.0
 *
 * proc.h - child processes of the supervisor, and what a process may say about itself.
 */
#ifndef EASG_PROC_H
#define EASG_PROC_H

#include <stddef.h>
#include <stdint.h>

#include <easgate/types.h>

struct proc;

/* Starts argv[0] (an absolute path) with argv, our environment, standard output and error as ours,
 * and standard input as the control pipe: closing it asks the child to stop (service_wait() of the
 * child says so, whatever ended us). The environment tells the child that its input is that pipe.
 * On Windows the child is in a job object and dies with us. */
easg_status proc_spawn(const char *const *argv, struct proc **out, easg_error *err);
int64_t proc_id(const struct proc *p);
/* Waits at most `ms`. 1: it has ended, *exit_code is 0..255, or 128 + signal. 0: it runs on. */
int proc_wait(struct proc *p, int64_t ms, int *exit_code);
/* Asks (closes the control pipe and, on POSIX, SIGTERM). */
void proc_stop(struct proc *p);
void proc_kill(struct proc *p);
/* Kills when it still runs, and frees. */
void proc_close(struct proc *p);

/* Number of this process. */
int64_t proc_self(void);
/* A number that stays the same for this machine and differs between machines: spreads starts. */
uint64_t proc_machine_seed(void);

/* Started by root, it becomes the account that owns `dir`, for good: what it writes there can be
 * written again by the service, and plugins do not run as root. Nothing happens when it is not
 * root, or root owns `dir`, or there is no such directory. */
easg_status proc_become_owner(const char *dir, easg_error *err);

/* No core dumps, no ptrace: for a process that holds secrets. */
void proc_harden(void);
/* Keeps `len` bytes out of the swap space while they hold a secret, if the system allows it. */
void proc_lock_memory(void *ptr, size_t len);
void proc_unlock_memory(void *ptr, size_t len);
/* The value of an environment variable in UTF-8, which the caller wipes when it is a secret;
 * mem_free(). NULL: not set, or out of memory. */
char *proc_env(const char *name);
/* Takes a variable out of the environment and overwrites its value there. */
void proc_forget_env(const char *name);
/* Peak resident memory in bytes and CPU time (user + system) of this process. */
int64_t proc_peak_rss(void);
int64_t proc_cpu_ms(void);

#endif
