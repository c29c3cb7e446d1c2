/* SPDX-License-Identifier: Apache-2.0
 *
 * context.c - configuration, state file, errors and documents, as every verb needs them.
 */
#include "cli.h"

#include "console.h"
#include "err.h"
#include "logport.h"
#include "proc.h"
#include "text.h"
#include "timestamp.h"

#include <string.h>

easg_status cli_load_agent(struct cli *cli, easg_error *err)
{
    easg_status st;

    if (cli->agent)
        return EASG_OK;
    st = agent_config_load(cli->config, &cli->agent, err);
    if (st == EASG_OK && cli->state_dir)
        cli->agent->state_dir = cli->state_dir;
    if (st == EASG_OK)
        st = proc_become_owner(cli->agent->state_dir, err);
    /* a file that is not there or may not be read is as hopeless as one with an error in it */
    return st == EASG_OK || st == EASG_E_NOMEM ? st : EASG_E_CONFIG;
}

easg_status cli_check_org_name(const char *org, easg_error *err)
{
    size_t i, len = strlen(org);
    char safe[CLI_SAFE];
    int ok = len >= 1 && len <= 63;

    for (i = 0; i < len && ok; i++)
        ok = (org[i] >= 'a' && org[i] <= 'z') || (org[i] >= '0' && org[i] <= '9') || org[i] == '-';
    if (ok)
        return EASG_OK;
    return err_set(err, EASG_E_CONFIG,
                   "'%s' cannot be the name of an organisation: a-z, 0-9 and '-', at most 63",
                   cli_safe(org, safe));
}

easg_status cli_open_store(struct cli *cli, const char *org, struct store **out, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    struct org_config *config = NULL;
    easg_status st;

    *out = NULL;
    st = cli_check_org_name(org, err);
    if (st == EASG_OK)
        st = cli_load_agent(cli, err);
    if (st != EASG_OK)
        return st;
    st = store_open_readonly(cli->agent->state_dir, org, out, err);
    if (st != EASG_E_NOTFOUND)
        return st;
    if (org_config_find(cli->agent, org, &config, &why) == EASG_E_NOTFOUND)
        err_copy(err, &why);
    org_config_destroy(config);
    return EASG_E_NOTFOUND;
}

enum cli_exit cli_exit_of(easg_status status)
{
    switch (status) {
    case EASG_OK: return CLI_DONE;
    case EASG_E_CONFIG:
    case EASG_E_AUTH:
    case EASG_E_DENIED: return CLI_HOLD;
    case EASG_E_UNREACHABLE:
    case EASG_E_TIMEOUT:
    case EASG_E_CANCELLED:
    case EASG_E_THROTTLED:
    case EASG_E_UNAVAILABLE:
    case EASG_E_UNTRUSTED:
    case EASG_E_NOMEM: return CLI_LATER;
    case EASG_E_USAGE: return CLI_BUG;
    default: return CLI_FAILED;
    }
}

int cli_fail(struct cli *cli, easg_status status, const easg_error *err)
{
    const char *message = err->message[0] ? err->message : "no reason was given";
    struct jsonout j;

    fflush(stdout);
    fprintf(stderr, "easgate: %s\n", message);
    if (cli->json && !cli->failed_json) {
        cli->failed_json = 1;
        cli_json_begin(cli, &j);
        json_open_object(&j, "error");
        json_text(&j, "status", err_status_name(status));
        json_text(&j, "message", message);
        json_close(&j);
        cli_json_end(cli, &j, 0);
    }
    return (int)cli_exit_of(status);
}

void cli_json_begin(struct cli *cli, struct jsonout *j)
{
    char schema[64];

    snprintf(schema, sizeof(schema), "easgate.%.40s/1", cli->verb ? cli->verb->name : "error");
    json_init(j, stdout, 0);
    json_open_object(j, NULL);
    json_text(j, "schema", schema);
}

int cli_json_end(struct cli *cli, struct jsonout *j, int code)
{
    (void)cli;
    while (j->depth)
        json_close(j);
    return json_end(j) == EASG_OK ? code : CLI_FAILED;
}

enum log_format cli_log_format(const struct agent_config *agent)
{
    if (agent->log_format >= 0)
        return (enum log_format)agent->log_format;
    if (logport_stderr_is_journal())
        return LOG_JOURNAL;
    return console_is_terminal(2) ? LOG_TEXT : LOG_JSON;
}

int cli_width(void)
{
    int w = console_is_terminal(1) ? console_width() : 120;

    return w < 60 ? 60 : w;
}

const char *cli_safe(const char *text, char out[CLI_SAFE])
{
    return text ? text_safe(text, strlen(text), out, CLI_SAFE) : "-";
}

easg_time cli_time(const char *text)
{
    easg_time t;
    uint64_t ms;

    if (timestamp_parse(text, strlen(text), &t))
        return t;
    return text_parse_u64(text, strlen(text), &ms) && ms <= INT64_MAX ? (easg_time)ms
                                                                      : EASG_TIME_NONE;
}
