/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.c - finds the verb, reads its options, and runs it; help.
 */
#include "cli.h"

#include "clock.h"
#include "err.h"
#include "text.h"
#include "verbs.h"

#include <string.h>

enum { MAX_VERBS = 32 };

const struct verb *const cli_verbs[] = { &verb_run,     &verb_check,   &verb_sync,    &verb_plan,
                                         &verb_apply,   &verb_approve, &verb_adopt,   &verb_release,
                                         &verb_status,  &verb_devices, &verb_explain, &verb_replay,
                                         &verb_device,  &verb_audit,   &verb_mail,    &verb_policy,
                                         &verb_plugins, &verb_config,  &verb_service, &verb_version,
                                         &verb_help,    &verb_worker,  NULL };

static const struct arg_spec common[] = {
    { .type = ARG_FLAG,
      .name = "json",
      .offset = offsetof(struct cli, json),
      .doc = "print JSON, with its schema and version" },
    { .type = ARG_TEXT,
      .name = "config",
      .offset = offsetof(struct cli, config),
      .value = "FILE",
      .doc = "easgate.yaml to read; organisations are in orgs.d beside it" },
    { .type = ARG_TEXT,
      .name = "state-dir",
      .offset = offsetof(struct cli, state_dir),
      .value = "DIR",
      .doc = "where the state files are" },
    { .type = ARG_FLAG,
      .name = "help",
      .offset = offsetof(struct cli, help),
      .doc = "say what the verb does" },
    { .type = ARG_END }
};

static const struct verb *find_verb(const char *name)
{
    size_t i;

    for (i = 0; cli_verbs[i]; i++)
        if (strcmp(cli_verbs[i]->name, name) == 0)
            return cli_verbs[i];
    return NULL;
}

static int print(struct strbuf *b)
{
    int ok = strbuf_status(b) == EASG_OK && fputs(strbuf_str(b), stdout) >= 0;

    strbuf_clear(b);
    return ok ? CLI_DONE : CLI_FAILED;
}

static int print_verbs(void)
{
    struct strbuf b = STRBUF_INIT(65536);
    size_t i;

    strbuf_adds(&b, "easgate decides which phones may read mail from an Exchange organisation.\n\n"
                    "usage: easgate VERB [OPTIONS]\n\n");
    for (i = 0; cli_verbs[i]; i++)
        if (!cli_verbs[i]->hidden)
            strbuf_addf(&b, "  %-10s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    strbuf_adds(&b, "\nEverywhere:\n");
    args_help(common, &b);
    strbuf_adds(&b, "\n`easgate help VERB` says more; easgate(8) says all.\n");
    return print(&b);
}

static int print_verb(const struct verb *v)
{
    struct strbuf b = STRBUF_INIT(65536);

    strbuf_addf(&b, "easgate %s: %s\n\nusage: easgate %s", v->name, v->summary, v->name);
    args_usage(v->args, &b);
    strbuf_adds(&b, "\n");
    if (v->text)
        strbuf_addf(&b, "\n%s", v->text);
    strbuf_adds(&b, "\n");
    args_help(v->args, &b);
    args_help(common, &b);
    return print(&b);
}

static int unknown_verb(const char *word)
{
    const char *names[MAX_VERBS];
    char near[CLI_SAFE], safe[CLI_SAFE];
    size_t i, n = 0;

    for (i = 0; cli_verbs[i] && n < MAX_VERBS; i++)
        if (!cli_verbs[i]->hidden)
            names[n++] = cli_verbs[i]->name;
    if (args_nearest(word, names, n, near, sizeof(near)))
        fprintf(stderr, "easgate: there is no verb '%s'; did you mean %s\n", cli_safe(word, safe),
                near);
    else
        fprintf(stderr, "easgate: there is no verb '%s'; `easgate help` lists them\n",
                cli_safe(word, safe));
    return CLI_USAGE;
}

/* ---- help VERB ---- */

struct help_values {
    const char *verb;
};

static int run_help(struct cli *cli, void *values)
{
    const struct help_values *v = values;
    const struct verb *about = v->verb ? find_verb(v->verb) : NULL;

    (void)cli;
    if (!v->verb)
        return print_verbs();
    return about ? print_verb(about) : unknown_verb(v->verb);
}

static const struct arg_spec help_args[] = { { .type = ARG_OPERAND,
                                               .name = "VERB",
                                               .offset = offsetof(struct help_values, verb),
                                               .doc = "the verb to explain" },
                                             { .type = ARG_END } };

const struct verb verb_help = { .name = "help",
                                .summary = "list the verbs, or explain one",
                                .args = help_args,
                                .size = sizeof(struct help_values),
                                .run = run_help };

/* ---- the program ---- */

static int usage_error(struct cli *cli, const easg_error *err)
{
    cli_fail(cli, EASG_E_CONFIG, err);
    fprintf(stderr, "easgate: see `easgate help %s`\n", cli->verb->name);
    return CLI_USAGE;
}

static int run_verb(struct cli *cli, int argc, char **argv)
{
    easg_error err = EASG_ERROR_INIT;
    void *values = mem_alloc(cli->verb->size ? cli->verb->size : 1);
    int code;
    easg_status st;

    if (!values) {
        err_nomem(&err);
        return cli_fail(cli, EASG_E_NOMEM, &err);
    }
    st = args_parse(cli->verb->args, values, common, cli, argc, argv, &err);
    if (st == EASG_OK && cli->help) {
        code = print_verb(cli->verb);
    } else {
        if (st == EASG_OK)
            st = args_complete(cli->verb->args, values, &err);
        code = st == EASG_OK        ? cli->verb->run(cli, values)
               : st == EASG_E_NOMEM ? cli_fail(cli, st, &err)
                                    : usage_error(cli, &err);
    }
    args_clear(cli->verb->args, values);
    mem_free(values);
    return code;
}

int cli_main(int argc, char **argv)
{
    struct cli cli;
    const char *first = argc > 1 ? argv[1] : NULL;
    int code, at = 1;

    memset(&cli, 0, sizeof(cli));
    cli.now = clock_now();
    if (!first) {
        print_verbs();
        return CLI_USAGE;
    }
    if (strcmp(first, "--version") == 0)
        first = "version";
    else if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        first = "help";
    cli.verb = find_verb(first);
    if (!cli.verb && first[0] == '-') {
        fputs("easgate: the verb comes first; `easgate help` lists them\n", stderr);
        return CLI_USAGE;
    }
    if (!cli.verb)
        return unknown_verb(first);
    code = run_verb(&cli, argc - at - 1, argv + at + 1);
    agent_config_destroy(cli.agent);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_DONE) {
        fputs("easgate: standard output cannot be written\n", stderr);
        code = CLI_FAILED;
    }
    return code;
}
