/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_check.c - `easgate check [ORG] [--online]`: everything that must be right before a run, one
 * line each, with the remedy. --online goes to the servers, in a process of its own: a plugin that
 * crashes or hangs must not take the answer along.
 */
#include "verbs.h"

#include "clock.h"
#include "err.h"
#include "fs.h"
#include "mail.h"
#include "modules.h"
#include "orgcheck.h"
#include "probe.h"
#include "proc.h"

#include <string.h>

enum { ONLINE_MS = 5 * 60 * 1000, GRACE_MS = 5000 };

struct values {
    const char *org;
    int online, child, role_script;
};

struct walk {
    struct cli *cli;
    struct registry *registry;
    const char *only;
    int online;
    struct checks checks;
    int files;
};

/* ---- the agent ---- */

/* Can a file be made in the state directory? Its permissions alone do not tell (read-only, full).
 */
static void check_state_dir(struct walk *w)
{
    const char *dir = w->cli->agent->state_dir;
    easg_error err = EASG_ERROR_INIT;
    struct strbuf path = STRBUF_INIT(4096);
    struct strbuf text = STRBUF_INIT(8192);
    easg_status st;

    if (!fs_exists(dir)) {
        strbuf_addf(&text, "%s is not there; install -d -m 0750 %s, owned by the agent's user", dir,
                    dir);
        check_add(&w->checks, CHECKED_ERROR, "agent", "state dir", strbuf_str(&text));
        goto out;
    }
    st = fs_check_trusted(dir, FS_TRUST_DIR, &err);
    strbuf_addf(&path, "%s/.easgate-check", dir);
    if (st == EASG_OK)
        st = fs_write(strbuf_str(&path), "x", 1, 0600, &err);
    remove(strbuf_str(&path));
    if (st != EASG_OK) {
        check_error(&w->checks, st, "agent", "state dir", &err);
        goto out;
    }
    strbuf_addf(&text, "%s can be written", dir);
    check_add(&w->checks, CHECKED_OK, "agent", "state dir", strbuf_str(&text));
out:
    strbuf_clear(&path);
    strbuf_clear(&text);
}

static void check_plugins(struct walk *w)
{
    easg_error err = EASG_ERROR_INIT;
    struct strbuf text = STRBUF_INIT(8192);
    struct module_info m;
    const char *path, *why;
    easg_status st;
    size_t n = 0, i;

    st = modules_load(w->cli->agent, &w->registry, &err);
    if (st != EASG_OK) {
        check_error(&w->checks, st, "agent", "plugins", &err);
        return;
    }
    for (i = 0; registry_refusal_at(w->registry, i, &path, &why); i++)
        check_add(&w->checks, CHECKED_ERROR, "agent", "plugins", why);
    while (registry_module_at(w->registry, n, &m))
        n++;
    strbuf_addf(&text, "%zu modules in %s", n, w->cli->agent->plugin_dir);
    check_add(&w->checks, n ? CHECKED_OK : CHECKED_ERROR, "agent", "plugins", strbuf_str(&text));
    strbuf_clear(&text);
}

static void check_agent(struct walk *w)
{
    const struct agent_config *a = w->cli->agent;
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    if (*a->path) {
        st = fs_check_trusted(a->path, 0, &err);
        if (st == EASG_OK)
            check_add(&w->checks, CHECKED_OK, "agent", "configuration", a->path);
        else
            check_error(&w->checks, st, "agent", "configuration", &err);
    } else {
        check_add(&w->checks, CHECKED_OK, "agent", "configuration", "there is no file; defaults");
    }
    check_state_dir(w);
    check_plugins(w);
}

/* ---- an organisation ---- */

static void check_state(struct walk *w, const struct org_config *org)
{
    EASG_CLEANUP(mem_cleanup) char *hold = NULL;
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;
    easg_status st;

    st = store_open_readonly(w->cli->agent->state_dir, org->name, &s, &err);
    if (st == EASG_E_NOTFOUND) {
        check_add(&w->checks, CHECKED_OK, org->name, "state", "not synchronised yet");
        return;
    }
    if (st == EASG_OK)
        st = query_org(s, "hold", &hold, &err);
    if (st != EASG_OK)
        check_error(&w->checks, st, org->name, "state", &err);
    else if (hold)
        check_add(&w->checks, CHECKED_WARNING, org->name, "state", hold);
    else
        check_add(&w->checks, CHECKED_OK, org->name, "state", store_path(s));
    store_close(s);
}

/* Form of every reference, and for files that nobody else reads them. Contents are not read. */
static void check_secrets(struct walk *w, const struct org_config *org,
                          const struct module_place *place)
{
    const easg_option *const *o;
    struct module_ref *module = NULL;
    easg_error err = EASG_ERROR_INIT;
    const easg_config *node;
    easg_status st;
    easg_str ref;

    if (!place->module->id ||
        registry_find(w->registry, place->kind, place->module->id, NULL, &module, &err) != EASG_OK)
        return;
    for (o = module_options(module); o && *o; o++) {
        if ((*o)->type != EASG_OPT_SECRET)
            continue;
        node = cfg_get(place->module->node, (*o)->name);
        if (!node || !cfg_str(node, &ref))
            continue;
        err_clear(&err);
        st = cfg_check_secret(node, &err);
        if (st == EASG_OK && strncmp(ref.ptr, "file:", 5) == 0) {
            st = fs_check_trusted(ref.ptr + 5, FS_TRUST_PRIVATE, &err);
            if (st != EASG_OK)
                err_at(&err, st, "%s", cfg_where(node));
        }
        if (st == EASG_OK)
            check_add(&w->checks, CHECKED_OK, org->name, (*o)->name, ref.ptr);
        else
            check_error(&w->checks, EASG_E_CONFIG, org->name, (*o)->name, &err);
    }
}

static void mail_fault(void *user, const char *text)
{
    easg_error err = EASG_ERROR_INIT;
    const void *const *to = user;
    const struct org_config *org = to[1];

    check_error((struct checks *)(uintptr_t)to[0],
                err_set(&err, EASG_E_CONFIG, "%.450s", text), org->name, "mail templates", &err);
}

/* Placeholders that nobody fills, and a language that is not there. */
static void check_mail(struct walk *w, const struct org_config *org)
{
    const void *to[2] = { &w->checks, org };
    easg_error err = EASG_ERROR_INIT;
    size_t faults = 0;
    easg_status st;

    if (!org->notifier.id)
        return;
    st = mail_check(org->mail.templates, mail_fault, (void *)to, &faults, &err);
    if (st != EASG_OK)
        check_error(&w->checks, st, org->name, "mail templates", &err);
    else if (!faults)
        check_add(&w->checks, CHECKED_OK, org->name, "mail templates",
                  org->mail.templates ? org->mail.templates : "the built-in ones");
}

static easg_status check_org(void *user, const char *path, const struct org_config *org,
                             const easg_error *why)
{
    struct walk *w = user;
    struct module_place places[MODULE_PLACES];
    easg_error err = EASG_ERROR_INIT;
    easg_status st;
    int bad = 0;
    size_t i;

    if (!org) {
        if (!w->only || strstr(path, w->only))
            check_error(&w->checks, EASG_E_CONFIG, "orgs.d", "file", why);
        w->files += w->only && strstr(path, w->only) ? 1 : 0;
        return EASG_OK;
    }
    if (w->only && strcmp(w->only, org->name) != 0)
        return EASG_OK;
    w->files++;
    st = fs_check_trusted(path, 0, &err);
    if (st == EASG_OK)
        check_add(&w->checks, CHECKED_OK, org->name, "file", path);
    else
        check_error(&w->checks, st, org->name, "file", &err);
    modules_places(org, places);
    for (i = 0; w->registry && i < MODULE_PLACES; i++) {
        if (!places[i].module->id)
            continue;
        err_clear(&err);
        st = modules_check_options(w->registry, &places[i], &err);
        if (st == EASG_OK) {
            check_add(&w->checks, CHECKED_OK, org->name, places[i].role, places[i].module->id);
            check_secrets(w, org, &places[i]);
        } else {
            check_error(&w->checks, st, org->name, places[i].role, &err);
            bad = 1;
        }
    }
    if (w->registry && !bad)
        check_beyond(w->cli, w->registry, org, &w->checks);
    check_mail(w, org);
    check_state(w, org);
    if (w->online && org->enabled && !bad && w->registry)
        probe_org(w->registry, org, &w->checks, ONLINE_MS);
    else if (w->online)
        check_add(&w->checks, CHECKED_SKIPPED, org->name, "online",
                  org->enabled ? "the configuration has to be right first" : "switched off");
    return EASG_OK;
}

/* ---- rights ---- */

struct rights {
    struct registry *registry;
    const char *org;
    easg_status status; /* NOTFOUND: no such organisation yet */
    easg_error err;
};

static easg_status print_rights(void *user, const char *path, const struct org_config *org,
                                const easg_error *why)
{
    struct rights *r = user;
    struct instance_ref *keep = NULL;
    const char *text = NULL;

    (void)path;
    if (!org && strstr(path, r->org)) {
        r->status = EASG_E_CONFIG;
        err_copy(&r->err, why);
    }
    if (!org || strcmp(org->name, r->org) != 0)
        return EASG_OK;
    err_clear(&r->err);
    r->status = probe_rights(r->registry, org, &text, &keep, &r->err);
    if (r->status == EASG_OK)
        fputs(text, stdout);
    instance_destroy(keep);
    return EASG_OK;
}

static int role_script(struct cli *cli, const char *org)
{
    struct rights r = { NULL, org, EASG_E_NOTFOUND, EASG_ERROR_INIT };
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    if (!org) {
        err_set(&err, EASG_E_USAGE, "--role-script needs the name of an organisation");
        return cli_fail(cli, EASG_E_USAGE, &err);
    }
    st = cli_check_org_name(org, &err);
    if (st == EASG_OK)
        st = cli_load_agent(cli, &err);
    if (st == EASG_OK)
        st = modules_load(cli->agent, &r.registry, &err);
    if (st == EASG_OK)
        st = org_config_each(cli->agent, print_rights, &r, &err);
    if (st == EASG_OK && r.status == EASG_E_NOTFOUND)
        st = err_set(&err, EASG_E_CONFIG, "there is no organisation %s in orgs.d", org);
    else if (st == EASG_OK && r.status != EASG_OK) {
        st = r.status;
        err_copy(&err, &r.err);
    }
    registry_destroy(r.registry);
    return st == EASG_OK ? CLI_DONE : cli_fail(cli, st, &err);
}

/* ---- the verb ---- */

static int check_all(struct cli *cli, const struct values *v)
{
    struct walk w = {
        cli, NULL, v->org, v->online, {NULL, 0, 0, CLI_DONE},
            0
    };
    easg_error err = EASG_ERROR_INIT;
    struct jsonout j;
    easg_status st;

    st = v->org ? cli_check_org_name(v->org, &err) : EASG_OK;
    if (st == EASG_OK)
        st = cli_load_agent(cli, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (cli->json) {
        cli_json_begin(cli, &j);
        json_open_array(&j, "checks");
        w.checks.json = &j;
    }
    check_agent(&w);
    st = org_config_each(cli->agent, check_org, &w, &err);
    if (st != EASG_OK)
        check_error(&w.checks, EASG_E_CONFIG, "orgs.d", "directory", &err);
    else if (!w.files)
        check_add(&w.checks, v->org ? CHECKED_ERROR : CHECKED_WARNING, "orgs.d", "directory",
                  v->org ? "there is no file of this organisation"
                         : "there is no organisation yet");
    registry_destroy(w.registry);
    if (cli->json) {
        json_close(&j);
        json_int(&j, "errors", w.checks.errors);
        json_int(&j, "warnings", w.checks.warnings);
        return cli_json_end(cli, &j, w.checks.code);
    }
    printf("%d errors, %d warnings\n", w.checks.errors, w.checks.warnings);
    return w.checks.code;
}

/* The same verb again in a process of its own, with a deadline. */
static int check_in_child(struct cli *cli, const struct values *v)
{
    EASG_CLEANUP(mem_cleanup) char *self = fs_self();
    easg_error err = EASG_ERROR_INIT;
    const char *argv[12];
    struct proc *p = NULL;
    int code = CLI_BUG;
    easg_status st;
    size_t n = 0;

    if (!self) {
        err_set(&err, EASG_E_FAIL, "the path of this program is not known");
        return cli_fail(cli, EASG_E_FAIL, &err);
    }
    argv[n++] = self;
    argv[n++] = "check";
    argv[n++] = "--online";
    argv[n++] = "--child";
    if (cli->json)
        argv[n++] = "--json";
    if (cli->config) {
        argv[n++] = "--config";
        argv[n++] = cli->config;
    }
    if (cli->state_dir) {
        argv[n++] = "--state-dir";
        argv[n++] = cli->state_dir;
    }
    if (v->org)
        argv[n++] = v->org;
    argv[n] = NULL;
    fflush(NULL);
    st = proc_spawn(argv, &p, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (!proc_wait(p, ONLINE_MS + GRACE_MS, &code)) {
        proc_kill(p);
        proc_close(p);
        err_set(&err, EASG_E_TIMEOUT,
                "the check did not end within %d s; the line above the missing one names the hop "
                "before the one that hangs",
                (ONLINE_MS + GRACE_MS) / 1000);
        return cli_fail(cli, EASG_E_TIMEOUT, &err);
    }
    proc_close(p);
    if (code >= 128) {
        err_set(&err, EASG_E_USAGE, "the check crashed (signal %d); a plugin has a bug",
                code - 128);
        return cli_fail(cli, EASG_E_USAGE, &err);
    }
    return code;
}

static int run_check(struct cli *cli, void *values)
{
    const struct values *v = values;

    if (v->role_script)
        return role_script(cli, v->org);
    return v->online && !v->child ? check_in_child(cli, v) : check_all(cli, v);
}

static const struct arg_spec args[] = {
    {.type = ARG_OPERAND,
     .name = "ORG",
     .offset = offsetof(struct values, org),
     .doc = "one organisation; all without it" },
    { .type = ARG_FLAG,
     .name = "online",
     .offset = offsetof(struct values, online),
     .doc = "go to the servers too: every hop, named" },
    { .type = ARG_FLAG,
     .name = "role-script",
     .offset = offsetof(struct values, role_script),
     .doc = "print the script that gives the account the least rights" },
    { .type = ARG_FLAG, .name = "child", .offset = offsetof(struct values, child), .hidden = 1 },
    { .type = ARG_END                        }
};

const struct verb verb_check = {
    .name = "check",
    .summary = "check files, permissions, plugins, options; --online: the servers",
    .text =
        "Offline it reads no secret and opens no connection. --online goes each hop: connection,\n"
        "certificate, clock, log-on, each cmdlet, the other servers, and the device manager; it\n"
        "changes nothing. Each line that is no \"ok\" says what to do. --role-script prints, for an\n"
        "Exchange administrator, what makes a role with just these cmdlets. Exit code 30:\n"
        "configuration or authentication; 20: a server does not answer; 1: anything else.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_check
};
