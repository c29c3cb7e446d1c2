/* SPDX-License-Identifier: Apache-2.0
 *
 * easgate-conform - runs a plugin through its contract, each case in a child process of its own, so
 * that a crash is one failed case. TAP on standard output, or JSON lines. See easgate-conform(1).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

#include "clock.h"
#include "console.h"
#include "dl.h"
#include "err.h"
#include "fs.h"
#include "proc.h"
#include "text.h"

#define CASE_TIMEOUT_MS 120000
#define EXIT_FAILED     1
#define EXIT_USAGE      64

static struct settings settings;
static const char *case_name; /* the one under way, for diagnosis */
static int case_failures;
static uint64_t sequence;

/* ---- diagnosis ---- */

static void EASG_PRINTF(2, 0) say(const char *level, const char *fmt, va_list args)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf out = STRBUF_INIT(8192);
    char text[2048];

    (void)vsnprintf(text, sizeof text, fmt, args);
    if (settings.json) {
        strbuf_addf(&out, "{\"case\":\"%s\",\"%s\":\"", case_name, level);
        strbuf_add_json(&out, text, strlen(text));
        strbuf_adds(&out, "\"}\n");
    } else {
        strbuf_addf(&out, "# %s: ", level);
        strbuf_add_safe(&out, text, strlen(text), 4096);
        strbuf_addc(&out, '\n');
    }
    fputs(strbuf_str(&out), stdout);
    fflush(stdout);
}

void fail(const char *fmt, ...)
{
    va_list args;

    if (++case_failures > 20)
        return;
    va_start(args, fmt);
    say("failure", fmt, args);
    va_end(args);
}

void note(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say("note", fmt, args);
    va_end(args);
}

int skip(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say("skipped", fmt, args);
    va_end(args);
    return CASE_SKIP;
}

int failures(void)
{
    return case_failures;
}

/* splitmix64: the same on every system. */
unsigned long choose_below(unsigned long n)
{
    uint64_t z = (sequence += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return n ? (unsigned long)(z % n) : 0;
}

/* ---- the subject ---- */

/* The module that --module names, else the one that the configuration names, else the first. */
static int choose_module(struct subject *s)
{
    easg_str named = { NULL, 0 };
    struct module_info info;
    easg_error err = EASG_ERROR_INIT;

    if (s->doc)
        (void)cfg_str(cfg_get(cfg_root(s->doc), "module"), &named);
    for (size_t i = 0; registry_module_at(s->registry, i, &info); i++) {
        const char *want = settings.module ? settings.module : named.ptr;

        if (want && strcmp(want, info.id) != 0)
            continue;
        return registry_find(s->registry, info.kind, info.id, NULL, &s->module, &err) == EASG_OK;
    }
    return 0;
}

static int load_subject(struct subject *s, int need_module)
{
    static const char *const host_keys[] = { "module", "enabled", NULL };
    easg_error err = EASG_ERROR_INIT;
    struct dl *lib = NULL;
    easg_status st = dl_open(settings.plugin, &lib, &err);

    s->settings = &settings;
    if (st == EASG_OK) {
        s->entry = (easg_plugin_entry_fn)dl_sym(lib, "easg_plugin_entry");
        if (!s->entry)
            st = err_set(&err, EASG_E_CONFIG, "%s does not export easg_plugin_entry",
                         settings.plugin);
    }
    if (st == EASG_OK)
        st = registry_create(NULL, &s->registry, &err);
    if (st == EASG_OK && settings.config)
        st = cfg_open(settings.config, &s->doc, &err);
    if (st == EASG_OK && need_module) {
        st = registry_add(s->registry, settings.plugin, s->entry, &err);
        if (st == EASG_OK && !choose_module(s))
            st = err_set(&err, EASG_E_CONFIG, "it has no module of that name");
    }
    if (st == EASG_OK && s->doc && s->module)
        (void)cfg_check_options(cfg_root(s->doc), s->module->desc.options, host_keys, &s->options,
                                &s->options_error);
    if (st != EASG_OK)
        fail("%s", err.message);
    return st == EASG_OK;
}

/* One case, here. */
static int run_case(const struct kit_case *c)
{
    struct subject s;
    int need_module = c->fn != case_load && c->fn != case_descriptor;
    int result = CASE_PASS;

    memset(&s, 0, sizeof s);
    err_clear(&s.options_error);
    case_name = c->name;
    case_failures = 0;
    sequence = settings.seed;
    if (load_subject(&s, need_module))
        result = c->fn(&s);
    cfg_close(s.options);
    cfg_close(s.doc);
    registry_destroy(s.registry);
    return case_failures ? EXIT_FAILED : result;
}

/* ---- the runner ---- */

/* The same program with --in-process and one case: 0, 1, 77, or how it died. */
static int run_child(const struct kit_case *c, int argc, char **argv, const char *self)
{
    const char *args[64];
    easg_error err = EASG_ERROR_INIT;
    struct proc *child = NULL;
    int n = 0;
    int code = EXIT_FAILED;

    args[n++] = self;
    args[n++] = "--child";
    args[n++] = c->name;
    for (int i = 1; i < argc && n < 63; i++)
        args[n++] = argv[i];
    args[n] = NULL;
    if (proc_spawn(args, &child, &err) != EASG_OK) {
        fail("%s", err.message);
        return EXIT_FAILED;
    }
    if (!proc_wait(child, CASE_TIMEOUT_MS, &code)) {
        fail("did not end within %d s", CASE_TIMEOUT_MS / 1000);
        proc_kill(child);
        code = EXIT_FAILED;
    } else if (code > 128) {
        fail("crashed with signal %d", code - 128);
    } else if (code != 0 && code != EXIT_FAILED && code != CASE_SKIP) {
        fail("ended its process with exit code %d", code);
    }
    proc_close(child);
    return code;
}

static void print_result(int number, const struct kit_case *c, int code)
{
    if (settings.json)
        printf("{\"case\":\"%s\",\"asks\":\"%s\",\"result\":\"%s\"}\n", c->name, c->asks,
               code == 0           ? "ok"
               : code == CASE_SKIP ? "skipped"
                                   : "failed");
    else
        printf("%s %d - %s: %s%s\n", code == 0 || code == CASE_SKIP ? "ok" : "not ok", number,
               c->name, c->asks, code == CASE_SKIP ? " # SKIP see above" : "");
    fflush(stdout);
}

static int run_all(const char *only, int in_process, int argc, char **argv)
{
    char *self = fs_self();
    int count = 0;
    int number = 0;
    int failed = 0;
    int skipped = 0;

    for (const struct kit_case *c = kit_cases; c->name; c++)
        count += !only || strcmp(only, c->name) == 0;
    if (count == 0) {
        fprintf(stderr, "easgate-conform: there is no case %s: see --list\n", only);
        mem_free(self);
        return EXIT_USAGE;
    }
    if (!settings.json)
        printf("TAP version 13\n1..%d\n# seed %llu\n", count, (unsigned long long)settings.seed);
    fflush(stdout);
    for (const struct kit_case *c = kit_cases; c->name; c++) {
        int code;

        if (only && strcmp(only, c->name) != 0)
            continue;
        case_name = c->name;
        case_failures = 0;
        code = in_process || !self ? run_case(c) : run_child(c, argc, argv, self);
        failed += code != 0 && code != CASE_SKIP;
        skipped += code == CASE_SKIP;
        print_result(++number, c, code);
    }
    if (settings.json)
        printf("{\"cases\":%d,\"failed\":%d,\"skipped\":%d}\n", count, failed, skipped);
    else
        printf("# %d cases, %d failed, %d skipped\n", count, failed, skipped);
    mem_free(self);
    return failed ? EXIT_FAILED : 0;
}

/* ---- command line ---- */

static void usage(FILE *to)
{
    fprintf(to,
            "usage: easgate-conform [options] PLUGIN\n"
            "  --config FILE      the module's map, as under source: or sink: in an organisation\n"
            "  --module ID        of a plugin with several; default: what the file names\n"
            "  --against URL      the endpoint that open() is given\n"
            "  --incomplete FILE  a configuration whose data break off\n"
            "  --write            changes may be made (and are taken back), mail may be sent\n"
            "  --only CASE        one case; --list names them\n"
            "  --seed N           for what is chosen at random\n"
            "  --json             JSON lines instead of TAP\n"
            "  --in-process       no child processes: for a debugger\n");
}

static int list_cases(void)
{
    for (const struct kit_case *c = kit_cases; c->name; c++)
        printf("%-14s %s\n", c->name, c->asks);
    return 0;
}

static const struct kit_case *find_case(const char *name)
{
    for (const struct kit_case *c = kit_cases; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

struct command {
    const char *only, *child;
    int in_process, list, help;
};

static int parse_args(int argc, char **argv, struct command *cmd)
{
    const struct {
        const char *name;
        const char **value;
    } with_value[] = {
        {"--config",      &settings.config    },
        { "--module",     &settings.module    },
        { "--against",    &settings.against   },
        { "--only",       &cmd->only          },
        { "--child",      &cmd->child         },
        { "--incomplete", &settings.incomplete},
        { "--seed",       NULL                }
    };
    const struct {
        const char *name;
        int *value;
    } flags[] = {
        {"--json",        &settings.json  },
        { "--write",      &settings.write },
        { "--in-process", &cmd->in_process},
        { "--list",       &cmd->list      },
        { "--help",       &cmd->help      }
    };

    for (int i = 1; i < argc; i++) {
        int known = 0;

        for (size_t k = 0; k < sizeof flags / sizeof *flags && !known; k++)
            if (strcmp(argv[i], flags[k].name) == 0)
                known = *flags[k].value = 1;
        for (size_t k = 0; k < sizeof with_value / sizeof *with_value && !known; k++) {
            if (strcmp(argv[i], with_value[k].name) != 0)
                continue;
            if (++i == argc)
                return 0;
            known = 1;
            if (with_value[k].value)
                *with_value[k].value = argv[i];
            else if (!text_parse_u64(argv[i], strlen(argv[i]), &settings.seed))
                return 0;
        }
        if (!known && (argv[i][0] == '-' || settings.plugin))
            return 0;
        if (!known)
            settings.plugin = argv[i];
    }
    return cmd->list || cmd->help || settings.plugin != NULL;
}

int main(int argc, char **argv)
{
    struct command cmd = { 0 };
    char *absolute = NULL;
    int code;

    if (console_args(&argc, &argv) != 0)
        return EXIT_FAILED;
    settings.seed = 1;
    if (!parse_args(argc, argv, &cmd)) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (cmd.help) {
        usage(stdout);
        return 0;
    }
    if (cmd.list)
        return list_cases();
    absolute = sys_absolute(settings.plugin);
    if (absolute)
        settings.plugin = absolute;
    sys_setenv(CANARY_VARIABLE, CANARY);
    if (cmd.child) {
        const struct kit_case *c = find_case(cmd.child);

        code = c ? run_case(c) : EXIT_USAGE;
    } else {
        code = run_all(cmd.only, cmd.in_process, argc, argv);
    }
    mem_free(absolute);
    return code;
}
