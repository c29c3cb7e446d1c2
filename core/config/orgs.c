/* SPDX-License-Identifier: Apache-2.0
 *
 * orgs.c - the directory orgs.d: one organisation by name, and all of them.
 */
#include "cfgtree.h"

#include "fs.h"

#include "err.h"
#include "text.h"

#include <string.h>

static easg_status orgs_dir(const struct agent_config *agent, struct strbuf *out, easg_error *err)
{
    strbuf_addf(out, "%s/orgs.d", agent->config_dir);
    return strbuf_status(out) == EASG_OK ? EASG_OK : err_nomem(err);
}

struct nearest {
    struct cfg_nearest n;
    char best[64];
};

static easg_status try_name(void *user, const char *path, const char *name, easg_error *err)
{
    struct nearest *c = user;
    size_t len = strlen(name) - strlen(".yaml");
    char stem[64];

    (void)path;
    (void)err;
    if (len >= sizeof stem)
        return EASG_OK;
    memcpy(stem, name, len);
    stem[len] = '\0';
    c->n.best = c->n.best ? c->best : NULL;
    cfg_nearest_try(&c->n, stem);
    if (c->n.best == stem)
        memcpy(c->best, stem, sizeof c->best);
    return EASG_OK;
}

static easg_status not_found(const char *dir, const char *name, easg_error *err)
{
    struct nearest c = { .n = { .name = name } };
    easg_error ignored = EASG_ERROR_INIT;
    char safe[80];

    text_safe(name, strlen(name), safe, sizeof safe);
    (void)fs_list(dir, ".yaml", try_name, &c, &ignored);
    if (c.n.best)
        return err_set(err, EASG_E_NOTFOUND, "no organisation `%s` in %s; did you mean `%s`?", safe,
                       dir, c.best);
    return err_set(err, EASG_E_NOTFOUND, "no organisation `%s` in %s", safe, dir);
}

easg_status org_config_find(const struct agent_config *agent, const char *name,
                            struct org_config **out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf dir = STRBUF_INIT(4096);
    EASG_CLEANUP(strbuf_clear) struct strbuf path = STRBUF_INIT(4096);
    easg_status st = orgs_dir(agent, &dir, err);

    *out = NULL;
    if (st != EASG_OK)
        return st;
    /* a name is a file here: nothing that could leave the directory */
    if (!*name || *name == '-' || strlen(name) > 63 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
        return not_found(dir.ptr, name, err);
    strbuf_addf(&path, "%s/%s.yaml", dir.ptr, name);
    if (strbuf_status(&path) != EASG_OK)
        return err_nomem(err);
    if (!fs_exists(path.ptr))
        return not_found(dir.ptr, name, err);
    return org_config_load(path.ptr, out, err);
}

struct each {
    easg_status (*fn)(void *user, const char *path, const struct org_config *org,
                      const easg_error *why);
    void *user;
};

static easg_status load_one(void *user, const char *path, const char *name, easg_error *err)
{
    struct each *e = user;
    struct org_config *org = NULL;
    easg_status st = org_config_load(path, &org, err);

    (void)name;
    if (st == EASG_E_NOMEM)
        return st;
    st = e->fn(e->user, path, org, st == EASG_OK ? NULL : err);
    org_config_destroy(org);
    return st;
}

easg_status org_config_each(const struct agent_config *agent,
                            easg_status (*fn)(void *user, const char *path,
                                              const struct org_config *org, const easg_error *why),
                            void *user, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf dir = STRBUF_INIT(4096);
    struct each e = { fn, user };
    easg_status st = orgs_dir(agent, &dir, err);

    return st == EASG_OK ? fs_list(dir.ptr, ".yaml", load_one, &e, err) : st;
}
