/* SPDX-License-Identifier: Apache-2.0
 *
 * svcman.h - the agent's entry in the system's service manager, for those who install without a
 * package. Windows only; elsewhere each call is EASG_E_UNSUPPORTED and says what to do instead.
 */
#ifndef EASG_SVCMAN_H
#define EASG_SVCMAN_H

#include <stdint.h>

#include <easgate/types.h>

#include "strbuf.h"

struct svcman_entry {
    const char *name;        /* "easgate" */
    const char *title;       /* as the list of services shows it */
    const char *description; /* one line */
    const char *account;     /* NULL: the system's own; needs no password (virtual or managed) */
    const char *const *argv; /* absolute path of the program, arguments; NULL-terminated */
};

/* Makes the entry (start: automatic, delayed; restart after a failure), the event log's source, and
 * the directories of the configuration and the state, open to Administrators, SYSTEM and the
 * account. EASG_E_CONFLICT when there is one of that name. */
easg_status svcman_install(const struct svcman_entry *entry, easg_error *err);
/* Stops it when it runs and takes entry and source out; directories stay. EASG_E_NOTFOUND. */
easg_status svcman_remove(const char *name, easg_error *err);

struct svcman_state {
    const char *state;     /* "running", "stopped", "starting", "stopping", "paused" */
    int64_t pid;           /* 0: none */
    uint32_t exit_code;    /* of the last run; 0: fine, or it runs */
    struct strbuf command; /* as registered */
    struct strbuf account;
    const char *start; /* "automatic", "manual", "disabled" */
};
/* Fills *out; svcman_state_clear() after it, also when it fails. EASG_E_NOTFOUND. */
easg_status svcman_query(const char *name, struct svcman_state *out, easg_error *err);
void svcman_state_clear(struct svcman_state *s);

#endif
