/* SPDX-License-Identifier: Apache-2.0
 *
 * roster.c - which organisations there are: orgs.d at the start and at each reload.
 */
#include "crew.h"

#include "clock.h"

#include "err.h"
#include "fs.h"

#include <string.h>

/* "/etc/easgate/orgs.d/contoso.yaml" -> "contoso"; 0: no name of an organisation. */
static int stem_of(const char *path, char out[64])
{
    const char *base = fs_name(path);
    size_t n = strlen(base);

    if (n < 6 || n - 5 > 63)
        return 0;
    memcpy(out, base, n - 5);
    out[n - 5] = '\0';
    return 1;
}

static struct slot *find(struct crew *c, const char *name)
{
    for (struct slot *s = c->slots; s; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static void log_warnings(struct crew *c, const struct org_config *org)
{
    const char *text;

    for (size_t i = 0; (text = cfg_warning_at(org->doc, i)); i++)
        LOG_WARNING(c->log, "configuration", F_STR("org", org->name), F_STR("warning", text));
}

static void insert(struct crew *c, struct slot *s)
{
    struct slot **at = &c->slots;

    while (*at && strcmp((*at)->name, s->name) < 0)
        at = &(*at)->next;
    s->next = *at;
    *at = s;
    c->n++;
}

static easg_status add(struct crew *c, const char *path, struct org_config *org, easg_error *err)
{
    struct slot *s = mem_alloc(sizeof *s);

    if (!s || !(s->path = mem_strdup(path))) {
        mem_free(s);
        org_config_destroy(org);
        return err_nomem(err);
    }
    memcpy(s->name, org->name, strlen(org->name) + 1);
    s->config = org;
    s->seed = schedule_seed(s->name, c->machine);
    s->last = (struct schedule_last){ EASG_TIME_NONE, EASG_TIME_NONE };
    s->seen = 1;
    insert(c, s);
    slot_recall(c, s);
    slot_plan(s, clock_now());
    LOG_INFO(c->log, "organisation configured", F_STR("org", s->name),
             F_STR("mode", org->mode == ORG_ENFORCE ? "enforce" : "audit"),
             F_STR("next", schedule_kind_name(s->due.kind)), F_TIME("at", s->due.at),
             F_STR("hold", s->held[0] ? "yes" : NULL));
    return EASG_OK;
}

static void replace(struct crew *c, struct slot *s, struct org_config *org)
{
    int changed = s->gone || strcmp(s->config->digest, org->digest) != 0;

    org_config_destroy(s->config);
    s->config = org;
    s->gone = 0;
    if (!changed)
        return;
    s->held[0] = '\0';
    s->failures = 0;
    s->retry.kind = SCHEDULE_NONE;
    slot_plan(s, clock_now());
    LOG_INFO(c->log, "configuration changed", F_STR("org", s->name),
             F_STR("next", schedule_kind_name(s->due.kind)), F_TIME("at", s->due.at));
}

/* One file. `org` is borrowed from the caller, so what is kept is loaded by ourselves. */
static easg_status take(void *user, const char *path, const struct org_config *org,
                        const easg_error *why)
{
    struct crew *c = user;
    easg_error err = EASG_ERROR_INIT;
    struct org_config *mine = NULL;
    struct slot *s;
    char name[64];

    if (!stem_of(path, name))
        return EASG_OK;
    s = find(c, name);
    if (s)
        s->seen = 1;
    if (!org || org_config_load(path, &mine, &err) != EASG_OK) {
        c->broken++;
        if (s)
            LOG_ERROR(c->log, "configuration not read: what was in effect before is kept",
                      F_STR("org", name), F_STR("error", org ? err.message : why->message));
        else
            LOG_ERROR(c->log, "configuration not read: the organisation is left out",
                      F_STR("org", name), F_STR("error", org ? err.message : why->message));
        return EASG_OK;
    }
    log_warnings(c, mine);
    if (s) {
        replace(c, s, mine);
        return EASG_OK;
    }
    return add(c, path, mine, &err);
}

static void remove_unseen(struct crew *c)
{
    for (struct slot **at = &c->slots; *at;) {
        struct slot *s = *at;

        if (s->seen) {
            at = &s->next;
            continue;
        }
        if (!s->gone)
            LOG_INFO(c->log, "organisation removed", F_STR("org", s->name));
        if (s->worker) { /* taken away when it has ended */
            s->gone = 1;
            slot_stop(s);
            slot_plan(s, clock_now());
            at = &s->next;
            continue;
        }
        *at = s->next;
        slot_destroy(s);
        c->n--;
    }
}

easg_status crew_load(struct crew *c, easg_error *err)
{
    easg_status st;

    for (struct slot *s = c->slots; s; s = s->next)
        s->seen = 0;
    c->broken = 0;
    st = org_config_each(c->agent, take, c, err);
    if (st != EASG_OK && st != EASG_E_NOTFOUND)
        return st; /* nothing is removed on half a listing */
    remove_unseen(c);
    if (c->n == 0 && c->broken == 0)
        LOG_WARNING(c->log, "no organisation is configured",
                    F_STR("directory", c->agent->config_dir));
    return EASG_OK;
}
