/* SPDX-License-Identifier: Apache-2.0
 *
 * svcman.c - here the package brings a unit, and systemctl(1) does the rest.
 */
#include "svcman.h"

#include "err.h"

#include <string.h>

static easg_status elsewhere(easg_error *err, const char *command)
{
    return err_set(err, EASG_E_UNSUPPORTED,
                   "this verb is for Windows; here systemd keeps the service, run: %s", command);
}

easg_status svcman_install(const struct svcman_entry *entry, easg_error *err)
{
    (void)entry;
    return elsewhere(err, "systemctl enable --now easgate");
}

easg_status svcman_remove(const char *name, easg_error *err)
{
    (void)name;
    return elsewhere(err, "systemctl disable --now easgate");
}

easg_status svcman_query(const char *name, struct svcman_state *out, easg_error *err)
{
    (void)name;
    memset(out, 0, sizeof *out);
    return elsewhere(err, "systemctl status easgate");
}

void svcman_state_clear(struct svcman_state *s)
{
    strbuf_clear(&s->command);
    strbuf_clear(&s->account);
}
