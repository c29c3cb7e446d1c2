/* SPDX-License-Identifier: Apache-2.0
 *
 * profile.c - whose Exchange it is: the organisation's own, a hoster's with many tenants, or one of
 * its own that somebody else runs.
 *
 *   hosted     a front door (the first server) that sends sessions on to the others; an account
 *              that sees several tenants and must say which one, by -Organization or by
 *              ?DelegatedOrg=; neither servers nor forest nor throttling policy to look at; three
 *              sessions, 25 cmdlets in five seconds
 *   dedicated  found by Autodiscover; the throttling policy is the operator's
 */
#include <string.h>

#include "lab_cmdlets.h"

#define TENANT          "contoso.example"
#define HOSTED_SHELLS   3
#define HOSTED_CMDLETS  25
#define HOSTED_PERIOD   5000u /* ms */
#define ORDINARY_SHELLS 18    /* PowerShellMaxConcurrency of the default policy */

static const char *const profile_names[] = { "onprem", "hosted", "dedicated" };

int profile_parse(const char *v)
{
    for (int i = 0; i < 3; i++)
        if (lab_same(v, profile_names[i])) {
            lab.opt.profile = (enum profile)i;
            return 1;
        }
    return 0;
}

const char *profile_name(void)
{
    return profile_names[lab.opt.profile];
}

unsigned profile_shells(void)
{
    return lab.opt.profile == PROFILE_HOSTED ? HOSTED_SHELLS : ORDINARY_SHELLS;
}

int profile_grants(const struct cmdlet *c)
{
    if (c == &cmd_get_throttling)
        return lab.opt.profile == PROFILE_ONPREM;
    if (c == &cmd_get_server || c == &cmd_set_server_settings)
        return lab.opt.profile != PROFILE_HOSTED;
    return 1;
}

/* ---- the tenant ---- */

int profile_has_organization(const struct cmdlet *c)
{
    return lab.opt.profile == PROFILE_HOSTED && !(c->flags & CMD_ENGINE) &&
           strncmp(c->name, "Get-", 4) == 0;
}

void profile_enter(struct shell *s, const char *query)
{
    if (lab.opt.profile != PROFILE_HOSTED)
        return;
    s->entire_forest = 1; /* a tenant has no forest to look at */
    s->tenant = strstr(query, "DelegatedOrg=" TENANT) != NULL;
}

int profile_send_on(const struct call *c, struct reply *r)
{
    if (lab.opt.profile != PROFILE_HOSTED || c->cas != 0)
        return 0;
    reply_header(r, "Location", "https://localhost:%u/PowerShell-LiveID?%s%sPSVersion=5.1",
                 lab.cas_port[1], c->query, *c->query ? ";" : "");
    r->status = 302;
    r->type = "text/html";
    buf_str(&r->body, "<html>Object moved</html>");
    lab.stats.redirects++;
    return 1;
}

/* 0: an error was raised. */
static int confined(struct run *r, struct stage *s)
{
    const char *organization = stage_text(s, "Organization");
    char message[400];

    if (!profile_has_organization(s->c) || r->shell->tenant)
        return 1;
    if (*organization && lab_same(organization, TENANT))
        return 1;
    if (!*organization && (*stage_text(s, "Identity") || *stage_text(s, "Mailbox")))
        return 1;
    if (*organization)
        lab_print(message, sizeof message,
                  "The operation couldn't be performed because organization '%.100s' couldn't be "
                  "found.",
                  organization);
    else
        lab_print(message, sizeof message,
                  "This account administers several organizations: name one by the Organization "
                  "parameter.");
    refuse(r, s, *organization ? EX_NOT_FOUND : EX_ARGUMENT, message, 5, "InvalidArgument",
           organization);
    return 0;
}

/* ---- the tenant's budget ---- */

/* Milliseconds until the next cmdlet may run; 0: now, and it is counted. */
static unsigned budget(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t since;
    static unsigned used;
    uint64_t now = clock_ms();
    unsigned wait = 0;

    pthread_mutex_lock(&lock);
    if (now - since >= HOSTED_PERIOD) {
        since = now;
        used = 0;
    }
    if (used < HOSTED_CMDLETS)
        used++;
    else
        wait = (unsigned)(HOSTED_PERIOD - (now - since)) + 1;
    pthread_mutex_unlock(&lock);
    return wait;
}

int profile_refuses(struct run *r, struct stage *s)
{
    unsigned wait;

    if (lab.opt.profile != PROFILE_HOSTED || (s->c->flags & CMD_ENGINE))
        return 0;
    wait = budget();
    if (wait) {
        lab.stats.over_budget++;
        run_over_budget(r, wait);
        return 1;
    }
    return !confined(r, s);
}
