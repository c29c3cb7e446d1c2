/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_plugins.c - `easgate plugins [--dump FILE]`: what is loaded, what was refused and why, and
 * all that one plugin declares.
 */
#include "verbs.h"

#include "err.h"
#include "modules.h"
#include "table.h"

#include <string.h>

struct values {
    const char *dump;
};

static const char *type_name(easg_option_type t)
{
    static const char *const names[] = { "?",   "string", "bool",   "int",  "size", "duration",
                                         "url", "enum",   "secret", "list", "map" };

    return t < sizeof(names) / sizeof(names[0]) ? names[t] : "?";
}

static void json_options(struct jsonout *j, const easg_option *const *options)
{
    json_open_array(j, "options");
    for (; options && *options; options++) {
        json_open_object(j, NULL);
        json_text(j, "name", (*options)->name);
        json_text(j, "type", type_name((*options)->type));
        json_bool(j, "required", ((*options)->flags & EASG_OPTF_REQUIRED) != 0);
        json_bool(j, "deprecated", ((*options)->flags & EASG_OPTF_DEPRECATED) != 0);
        json_text(j, "default", (*options)->default_value);
        json_text(j, "allowed", (*options)->allowed);
        json_text(j, "doc", (*options)->doc);
        json_close(j);
    }
    json_close(j);
}

static void json_modules(struct jsonout *j, const struct registry *r, int with_options)
{
    struct module_info m;
    const char *path, *why;
    size_t i;

    json_open_array(j, "modules");
    for (i = 0; registry_module_at(r, i, &m); i++) {
        json_open_object(j, NULL);
        json_text(j, "kind", m.kind);
        json_text(j, "id", m.id);
        json_text(j, "summary", m.summary);
        json_text(j, "plugin", m.plugin);
        json_text(j, "version", m.version);
        json_text(j, "vendor", m.vendor);
        json_text(j, "license", m.license);
        json_text(j, "url", m.url);
        json_text(j, "path", m.path);
        json_int(j, "abi_major", m.abi_major);
        json_int(j, "abi_minor", m.abi_minor);
        json_int(j, "abi_minor_needed", m.abi_minor_needed);
        if (with_options)
            json_options(j, m.options);
        json_close(j);
    }
    json_close(j);
    json_open_array(j, "refused");
    for (i = 0; registry_refusal_at(r, i, &path, &why); i++) {
        json_open_object(j, NULL);
        json_text(j, "path", path);
        json_text(j, "why", why);
        json_close(j);
    }
    json_close(j);
}

static void text_list(const struct registry *r)
{
    static const struct table_column columns[] = {
        {"KIND",     0         },
        { "MODULE",  0         },
        { "PLUGIN",  0         },
        { "VERSION", 0         },
        { "SUMMARY", TABLE_FLEX}
    };
    struct table *t = table_create(stdout, columns, 5, cli_width(), 0);
    struct module_info m;
    const char *path, *why;
    char safe[CLI_SAFE], reason[CLI_SAFE];
    size_t i;

    if (!t)
        return;
    for (i = 0; registry_module_at(r, i, &m); i++)
        table_row(t, (const char *const[]){ m.kind, m.id, m.plugin, m.version, m.summary });
    if (table_finish(t) == 0)
        printf("no module is loaded\n");
    for (i = 0; registry_refusal_at(r, i, &path, &why); i++)
        printf("refused: %s: %s\n", cli_safe(path, safe), cli_safe(why, reason));
}

static void text_dump(const struct registry *r)
{
    static const struct table_column columns[] = {
        {"OPTION",   0         },
        { "TYPE",    0         },
        { "DEFAULT", TABLE_FLEX},
        { "MEANING", TABLE_FLEX}
    };
    const easg_option *const *o;
    struct module_info m;
    struct table *t;
    size_t i;

    for (i = 0; registry_module_at(r, i, &m); i++) {
        if (i == 0)
            printf("%s %s (%s, %s, %s)\n%s\nABI %u.%u, needs %u.%u\n", m.plugin, m.version,
                   m.vendor ? m.vendor : "no vendor", m.license ? m.license : "no licence",
                   m.url ? m.url : "no url", m.path, m.abi_major, m.abi_minor, m.abi_major,
                   m.abi_minor_needed);
        printf("\n%s %s: %s\n", m.kind, m.id, m.summary ? m.summary : "");
        t = table_create(stdout, columns, 4, cli_width(), 2);
        for (o = m.options; t && o && *o; o++)
            table_row(t, (const char *const[]){
                             (*o)->name, (*o)->allowed ? (*o)->allowed : type_name((*o)->type),
                             (*o)->flags & EASG_OPTF_REQUIRED ? "(required)" : (*o)->default_value,
                             (*o)->doc });
        table_finish(t);
    }
}

static int run_plugins(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    struct registry *r = NULL;
    const char *path, *why;
    struct jsonout j;
    easg_status st;
    int code = CLI_DONE;

    if (v->dump) {
        st = registry_create(NULL, &r, &err);
        if (st == EASG_OK)
            st = registry_load(r, v->dump, NULL, &err);
    } else {
        st = cli_load_agent(cli, &err);
        if (st == EASG_OK)
            st = modules_load(cli->agent, &r, &err);
        if (st == EASG_OK && registry_refusal_at(r, 0, &path, &why))
            code = CLI_FAILED;
    }
    if (st != EASG_OK) {
        registry_destroy(r);
        return cli_fail(cli, st, &err);
    }
    if (cli->json) {
        cli_json_begin(cli, &j);
        json_modules(&j, r, v->dump != NULL);
        code = cli_json_end(cli, &j, code);
    } else if (v->dump) {
        text_dump(r);
    } else {
        text_list(r);
    }
    registry_destroy(r);
    return code;
}

static const struct arg_spec args[] = {
    {.type = ARG_TEXT,
     .name = "dump",
     .offset = offsetof(struct values, dump),
     .value = "FILE",
     .doc = "load this one plugin (absolute path) and print all that it declares" },
    { .type = ARG_END}
};

const struct verb verb_plugins = { .name = "plugins",
                                   .summary =
                                       "list the modules of the plugins, and what was refused",
                                   .text = "Exit code 1: a plugin was refused.\n",
                                   .args = args,
                                   .size = sizeof(struct values),
                                   .run = run_plugins };
