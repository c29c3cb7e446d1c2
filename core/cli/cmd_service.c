/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_service.c - `easgate service`: the agent as a Windows service, without the MSI.
 */
#include "verbs.h"

#include "err.h"
#include "fs.h"
#include "svcman.h"

#include <string.h>

#define NAME "easgate"

struct values {
    const char *action;
    const char *account;
};

static int service_install(struct cli *cli, const char *account)
{
    EASG_CLEANUP(mem_cleanup) char *self = fs_self();
    const char *argv[6];
    struct svcman_entry entry = { NAME, "easgate",
                                  "Decides which mobile devices may read mail from Exchange.",
                                  account, argv };
    easg_error err = EASG_ERROR_INIT;
    struct jsonout j;
    size_t n = 0;
    easg_status st;

    if (!self) {
        err_set(&err, EASG_E_FAIL, "the path of this program is not known");
        return cli_fail(cli, EASG_E_FAIL, &err);
    }
    if (cli->config && !fs_is_absolute(cli->config)) {
        err_set(&err, EASG_E_CONFIG, "--config %s: a service needs an absolute path", cli->config);
        return cli_fail(cli, EASG_E_CONFIG, &err);
    }
    argv[n++] = self;
    argv[n++] = "run";
    argv[n++] = "--service";
    if (cli->config) {
        argv[n++] = "--config";
        argv[n++] = cli->config;
    }
    argv[n] = NULL;
    st = svcman_install(&entry, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (!cli->json) {
        printf("service %s installed; its configuration is in %s\n"
               "start it: sc start %s\n",
               NAME, cli->config ? cli->config : fs_config_dir(), NAME);
        return CLI_DONE;
    }
    cli_json_begin(cli, &j);
    json_text(&j, "service", NAME);
    json_text(&j, "done", "installed");
    return cli_json_end(cli, &j, CLI_DONE);
}

static int service_remove(struct cli *cli)
{
    easg_error err = EASG_ERROR_INIT;
    struct jsonout j;
    easg_status st = svcman_remove(NAME, &err);

    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (!cli->json) {
        printf("service %s removed; configuration and state stay in %s\n"
               "entries in Exchange stay too, unless `easgate release` ran before\n",
               NAME, fs_config_dir());
        return CLI_DONE;
    }
    cli_json_begin(cli, &j);
    json_text(&j, "service", NAME);
    json_text(&j, "done", "removed");
    return cli_json_end(cli, &j, CLI_DONE);
}

static int service_status(struct cli *cli)
{
    easg_error err = EASG_ERROR_INIT;
    struct svcman_state s;
    struct jsonout j;
    int code = CLI_DONE;
    easg_status st = svcman_query(NAME, &s, &err);

    if (st != EASG_OK) {
        code = cli_fail(cli, st, &err);
    } else if (cli->json) {
        cli_json_begin(cli, &j);
        json_text(&j, "service", NAME);
        json_text(&j, "state", s.state);
        json_int(&j, "pid", s.pid);
        json_int(&j, "exit_code", (int64_t)s.exit_code);
        json_text(&j, "start", s.start);
        json_text(&j, "account", strbuf_str(&s.account));
        json_text(&j, "command", strbuf_str(&s.command));
        code = cli_json_end(cli, &j, CLI_DONE);
    } else {
        printf("%-9s %s", "state", s.state);
        if (s.pid)
            printf(", process %lld", (long long)s.pid);
        if (s.exit_code)
            printf(", ended with %lu", (unsigned long)s.exit_code);
        printf("\n%-9s %s\n%-9s %s\n%-9s %s\n", "start", s.start, "account", strbuf_str(&s.account),
               "command", strbuf_str(&s.command));
    }
    svcman_state_clear(&s);
    return code;
}

static int run_service(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;

    if (v->account && strcmp(v->action, "install") != 0) {
        err_set(&err, EASG_E_CONFIG, "--account goes with `install` only");
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    if (strcmp(v->action, "install") == 0)
        return service_install(cli, v->account);
    if (strcmp(v->action, "remove") == 0)
        return service_remove(cli);
    return service_status(cli);
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
      .name = "ACTION",
      .offset = offsetof(struct values, action),
      .choices = "install|remove|status",
      .required = 1,
      .doc = "make the service, take it out, or say how it is" },
    { .type = ARG_TEXT,
      .name = "account",
      .offset = offsetof(struct values, account),
      .value = "ACCOUNT",
      .doc = "run as this account, which needs no password: a group managed service account "
             "(DOMAIN\\name$) or NT SERVICE\\easgate; default LocalSystem" },
    { .type = ARG_END }
};

const struct verb verb_service = { .name = "service",
                                   .summary = "the Windows service: install, remove or show it",
                                   .text =
                                       "For those who do not use the MSI; needs an administrator. "
                                       "With --config the service reads\n"
                                       "that file. On other systems it says what to do there.\n",
                                   .args = args,
                                   .size = sizeof(struct values),
                                   .run = run_service };
