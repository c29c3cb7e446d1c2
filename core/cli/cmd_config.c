/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_config.c - `easgate config check|show|schema`: the files alone, without secrets and network.
 */
#include "verbs.h"

#include "err.h"
#include "modules.h"
#include "orgcheck.h"

#include <string.h>

struct values {
    const char *action;
    const char *org;
};

struct walk {
    struct cli *cli;
    struct registry *registry;
    const char *only;
    struct checks checks;
    int files;
};

/* "contoso.yaml" of a path. */
static const char *base_name(const char *path)
{
    const char *base = path;

    for (; *path; path++)
        if (*path == '/' || *path == '\\')
            base = path + 1;
    return base;
}

static int is_meant(const struct walk *w, const char *file)
{
    size_t n = w->only ? strlen(w->only) : 0;

    return !w->only || (strncmp(file, w->only, n) == 0 && strcmp(file + n, ".yaml") == 0);
}

/* ---- check ---- */

static void warnings(struct checks *c, const char *subject, const struct cfg_doc *doc)
{
    const char *text;
    size_t i;

    for (i = 0; doc && (text = cfg_warning_at(doc, i)) != NULL; i++)
        check_add(c, CHECKED_WARNING, subject, "options", text);
}

static easg_status check_org(void *user, const char *path, const struct org_config *org,
                             const easg_error *why)
{
    struct walk *w = user;
    struct module_place places[MODULE_PLACES];
    easg_error err = EASG_ERROR_INIT;
    const char *file = base_name(path);
    int bad = 0;
    easg_status st;
    size_t i;

    if (!is_meant(w, file))
        return EASG_OK;
    w->files++;
    if (!org) {
        check_error(&w->checks, EASG_E_CONFIG, file, "file", why);
        return EASG_OK;
    }
    warnings(&w->checks, file, org->doc);
    modules_places(org, places);
    for (i = 0; i < MODULE_PLACES; i++) {
        err_clear(&err);
        st = w->registry ? modules_check_options(w->registry, &places[i], &err) : EASG_OK;
        if (st != EASG_OK) {
            check_error(&w->checks, st, file, places[i].role, &err);
            bad = 1;
        }
    }
    if (w->registry && !bad)
        check_beyond(NULL, w->registry, org, &w->checks);
    if (!bad)
        check_add(&w->checks, CHECKED_OK, file, "file",
                  !org->enabled              ? "valid; switched off"
                  : org->mode == ORG_ENFORCE ? "valid; mode enforce"
                                             : "valid; mode audit");
    return EASG_OK;
}

static int config_check(struct cli *cli, const char *only)
{
    struct walk w = {
        cli, NULL, only, {NULL, 0, 0, CLI_DONE},
           0
    };
    easg_error err = EASG_ERROR_INIT;
    struct jsonout j;
    const char *path, *why;
    easg_status st;
    size_t i;

    if (cli->json) {
        cli_json_begin(cli, &j);
        json_open_array(&j, "checks");
        w.checks.json = &j;
    }
    st = cli_load_agent(cli, &err);
    if (st != EASG_OK) {
        check_error(&w.checks, st, "easgate.yaml", "file", &err);
        return cli->json ? cli_json_end(cli, &j, w.checks.code) : w.checks.code;
    }
    check_add(&w.checks, CHECKED_OK, "easgate.yaml", "file",
              *cli->agent->path ? cli->agent->path : "there is none; defaults");
    warnings(&w.checks, "easgate.yaml", cli->agent->doc);
    st = modules_load(cli->agent, &w.registry, &err);
    if (st != EASG_OK) {
        check_error(&w.checks, st, "plugins", "directory", &err);
        err_clear(&err);
    }
    for (i = 0; w.registry && registry_refusal_at(w.registry, i, &path, &why); i++)
        check_add(&w.checks, CHECKED_WARNING, "plugins", "refused", why);
    st = org_config_each(cli->agent, check_org, &w, &err);
    if (st != EASG_OK)
        check_error(&w.checks, EASG_E_CONFIG, "orgs.d", "directory", &err);
    else if (!w.files)
        check_add(&w.checks, only ? CHECKED_ERROR : CHECKED_WARNING, "orgs.d", "directory",
                  only ? "there is no file of this organisation" : "there is no organisation yet");
    if (only && !w.files && w.checks.code == CLI_FAILED)
        w.checks.code = CLI_HOLD;
    registry_destroy(w.registry);
    if (cli->json) {
        json_close(&j);
        json_int(&j, "errors", w.checks.errors);
        json_int(&j, "warnings", w.checks.warnings);
        return cli_json_end(cli, &j, w.checks.code);
    }
    return w.checks.code;
}

/* ---- show ---- */

struct shown {
    struct strbuf text;
    const char *only;
    const struct cfg_schema_module *modules;
    size_t n;
    struct jsonout *json;
    int files;
};

static void emit(struct shown *s, const char *file)
{
    if (s->json) {
        json_open_object(s->json, NULL);
        json_text(s->json, "file", file);
        json_text(s->json, "yaml", strbuf_str(&s->text));
        json_close(s->json);
    } else {
        printf("%s# %s\n%s", s->files ? "\n" : "", file, strbuf_str(&s->text));
    }
    strbuf_reset(&s->text);
    s->files++;
}

struct show_walk {
    struct walk walk;
    struct shown shown;
    easg_status status;
    easg_error err;
};

static easg_status show_org(void *user, const char *path, const struct org_config *org,
                            const easg_error *why)
{
    struct show_walk *w = user;
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    if (!is_meant(&w->walk, base_name(path)))
        return EASG_OK;
    w->walk.files++;
    st = org ? org_config_show(org, w->shown.modules, w->shown.n, &w->shown.text, &err)
             : EASG_E_CONFIG;
    if (st == EASG_OK) {
        emit(&w->shown, path);
    } else {
        fflush(stdout);
        fprintf(stderr, "easgate: %s\n", org ? err.message : why->message);
        w->status = st;
    }
    strbuf_reset(&w->shown.text);
    return EASG_OK;
}

static int config_show(struct cli *cli, const char *only)
{
    struct show_walk w = {
        .walk = {.cli = cli,                            .only = only},
        .shown = { .text = STRBUF_INIT(4 * 1024 * 1024), .only = only}
    };
    struct cfg_schema_module *modules = NULL;
    easg_error err = EASG_ERROR_INIT;
    struct jsonout j;
    easg_status st;
    int code;

    st = cli_load_agent(cli, &err);
    if (st == EASG_OK)
        st = modules_load(cli->agent, &w.walk.registry, &err);
    if (st == EASG_OK)
        st = modules_for_config(w.walk.registry, &modules, &w.shown.n, &err);
    if (st != EASG_OK) {
        registry_destroy(w.walk.registry);
        return cli_fail(cli, st, &err);
    }
    w.shown.modules = modules;
    if (cli->json) {
        w.shown.json = &j;
        cli_json_begin(cli, &j);
        json_open_array(&j, "files");
    }
    if (!only) {
        const easg_config *root = cli->agent->doc ? cfg_root(cli->agent->doc) : NULL;

        st = root ? cfg_show(root, &w.shown.text) : EASG_OK;
        if (st == EASG_OK)
            emit(&w.shown, *cli->agent->path ? cli->agent->path : "easgate.yaml (there is none)");
    }
    st = org_config_each(cli->agent, show_org, &w, &err);
    if (st == EASG_E_NOTFOUND && !only)
        st = EASG_OK;
    if (st == EASG_OK && only && !w.walk.files)
        st = err_set(&err, EASG_E_CONFIG, "there is no file of this organisation in %s/orgs.d",
                     cli->agent->config_dir);
    cli->failed_json = cli->json;
    code = st != EASG_OK ? cli_fail(cli, EASG_E_CONFIG, &err) : (int)cli_exit_of(w.status);
    if (cli->json)
        code = cli_json_end(cli, &j, code);
    strbuf_clear(&w.shown.text);
    mem_free(modules);
    registry_destroy(w.walk.registry);
    return code;
}

/* ---- schema ---- */

static int config_schema(struct cli *cli, const char *which)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(4 * 1024 * 1024);
    struct cfg_schema_module *modules = NULL;
    struct registry *registry = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_status st;
    size_t n = 0;

    if (which && strcmp(which, "agent") == 0) {
        st = cfg_schema_agent(&text);
    } else {
        st = cli_load_agent(cli, &err);
        if (st == EASG_OK)
            st = modules_load(cli->agent, &registry, &err);
        if (st == EASG_OK)
            st = modules_for_config(registry, &modules, &n, &err);
        if (st == EASG_OK)
            st = cfg_schema(&text, modules, n);
    }
    mem_free(modules);
    registry_destroy(registry);
    if (st != EASG_OK) {
        if (!err.message[0])
            err_nomem(&err);
        return cli_fail(cli, st, &err);
    }
    printf("%s%s", strbuf_str(&text), text.len && text.ptr[text.len - 1] == '\n' ? "" : "\n");
    return CLI_DONE;
}

static int run_config(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;

    if (v->org && cli_check_org_name(v->org, &err) != EASG_OK) {
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    if (strcmp(v->action, "check") == 0)
        return config_check(cli, v->org);
    if (strcmp(v->action, "show") == 0)
        return config_show(cli, v->org);
    return config_schema(cli, v->org);
}

static const struct arg_spec args[] = {
    {.type = ARG_OPERAND,
     .name = "ACTION",
     .offset = offsetof(struct values, action),
     .choices = "check|show|schema",
     .required = 1,
     .doc = "check the files, show the effective configuration, or print a JSON Schema" },
    { .type = ARG_OPERAND,
     .name = "ORG",
     .offset = offsetof(struct values, org),
     .doc = "only this organisation; `schema agent`: of easgate.yaml itself" },
    { .type = ARG_END  }
};

const struct verb verb_config = {
    .name = "config",
    .summary = "check or show the configuration, or print its JSON Schema",
    .text =
        "Reads the files and what the plugins declare; no secret and no server. `easgate check`\n"
        "goes further. Secrets are references and are shown as such.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_config
};
