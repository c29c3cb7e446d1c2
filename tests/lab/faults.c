/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.c - what the lab was told to do wrong, and how often it was asked.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

#define MAX_FAULTS 64

static const char *const names[] = { "401",
                                     "403",
                                     "503",
                                     "reset",
                                     "truncate-envelope",
                                     "malformed-xml",
                                     "fragment-gap",
                                     "fragment-dup-start",
                                     "bad-clixml",
                                     "blank-identity",
                                     "limit1000",
                                     "stall",
                                     "redirect",
                                     "throttle-micro",
                                     "over-budget",
                                     "quota-shells",
                                     "quota-commands",
                                     "terminating-error",
                                     "host-call",
                                     "no-cmdlet",
                                     "drop-state",
                                     "badcert",
                                     "expired-cert",
                                     "slow",
                                     "lost-shell",
                                     "set-fails",
                                     "set-ignored",
                                     "warning",
                                     "wrong-relates",
                                     "graph-badcert",
                                     "graph-empty",
                                     "graph-truncated",
                                     "graph-503",
                                     "graph-429",
                                     "graph-401",
                                     "graph-403",
                                     "graph-slow",
                                     "graph-half-page",
                                     "graph-foreign-nextlink",
                                     "graph-bad-json",
                                     "graph-unknown-enum",
                                     "graph-reset",
                                     "graph-loop",
                                     "token-401",
                                     "token-no-consent",
                                     "token-lacks",
                                     "token-503",
                                     "cut",
                                     "ews-create",
                                     "ews-find",
                                     "ews-get",
                                     "ews-old",
                                     "ad-soap",
                                     "ad-pox",
                                     "ad-json",
                                     NULL };

struct fault {
    char name[32];
    char arg[64];
    unsigned long nth; /* 0: always */
    unsigned long seen;
};

static struct fault faults[MAX_FAULTS];
static unsigned n_faults;
static _Atomic unsigned n_active; /* lets the usual case pass without the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int fault_add(const char *spec, char why[160])
{
    struct fault f = { .nth = 0 };
    const char *at = strrchr(spec, '@');
    const char *colon = strchr(spec, ':');
    size_t end = at ? (size_t)(at - spec) : strlen(spec);
    size_t name = colon && colon < spec + end ? (size_t)(colon - spec) : end;
    int known = 0;

    if (name >= sizeof f.name || end - name > sizeof f.arg) {
        lab_print(why, 160, "fault '%.60s' is too long", spec);
        return 0;
    }
    memcpy(f.name, spec, name);
    if (name < end)
        memcpy(f.arg, spec + name + 1, end - name - 1);
    if (at) {
        char *tail;

        f.nth = strtoul(at + 1, &tail, 10);
        if (!f.nth || *tail) {
            lab_print(why, 160, "fault '%.60s': after @ comes a number from 1 on", spec);
            return 0;
        }
    }
    for (size_t i = 0; names[i]; i++)
        known |= strcmp(names[i], f.name) == 0;
    if (!known) {
        lab_print(why, 160, "no fault is called '%.40s'; easgate-lab(1) lists them", f.name);
        return 0;
    }
    pthread_mutex_lock(&lock);
    if (n_faults == MAX_FAULTS) {
        pthread_mutex_unlock(&lock);
        lab_print(why, 160, "more than %d faults", MAX_FAULTS);
        return 0;
    }
    faults[n_faults++] = f;
    n_active = n_faults;
    pthread_mutex_unlock(&lock);
    return 1;
}

void fault_clear(void)
{
    pthread_mutex_lock(&lock);
    n_faults = 0;
    n_active = 0;
    pthread_mutex_unlock(&lock);
}

static int concerns(const struct fault *f, const char *where)
{
    return !where || !f->arg[0] || lab_same(f->arg, where) || strstr(where, f->arg);
}

int fault_strikes(const char *name, const char *where, char arg[64])
{
    int hit = 0;

    if (!n_active)
        return 0;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < n_faults && !hit; i++) {
        struct fault *f = &faults[i];

        if (strcmp(f->name, name) != 0 || !concerns(f, where))
            continue;
        f->seen++;
        hit = !f->nth || f->seen == f->nth;
        if (hit && arg)
            lab_print(arg, 64, "%s", f->arg);
    }
    pthread_mutex_unlock(&lock);
    return hit;
}

int fault_present(const char *name)
{
    int there = 0;

    if (!n_active)
        return 0;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < n_faults; i++)
        there |= strcmp(faults[i].name, name) == 0;
    pthread_mutex_unlock(&lock);
    return there;
}

void fault_list(struct buf *b)
{
    pthread_mutex_lock(&lock);
    BUF_LIT(b, "[");
    for (unsigned i = 0; i < n_faults; i++)
        buf_fmt(b, "%s{\"name\":\"%s\",\"nth\":%lu,\"seen\":%lu}", i ? "," : "", faults[i].name,
                faults[i].nth, faults[i].seen);
    BUF_LIT(b, "]");
    pthread_mutex_unlock(&lock);
}
