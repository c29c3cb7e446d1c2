/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_run.c - `easgate run`: the agent, in the foreground or as a service.
 */
#include "verbs.h"

#include "err.h"
#include "log.h"
#include "service.h"
#include "supervisor.h"

struct values {
    int managed;
};

struct agent {
    const struct agent_config *config;
    struct log *log;
};

static int work(struct service *service, void *arg)
{
    const struct agent *a = arg;

    return supervisor_run(a->config, service, a->log);
}

static int run_run(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    struct log_options options = { 0 };
    struct agent agent;
    easg_status st;
    int code;

    st = cli_load_agent(cli, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    options.level = cli->agent->log_level;
    options.format = cli_log_format(cli->agent);
    options.debug = cli->agent->log_debug;
    options.file = cli->agent->log_file;
    agent.config = cli->agent;
    agent.log = log_open(&options);
    if (!agent.log)
        return CLI_FAILED;
    code = service_run("easgate", v->managed, work, &agent);
    if (code < 0) {
        LOG_ERROR(agent.log, "the service manager cannot be reached", F_STR("service", "easgate"));
        code = CLI_FAILED;
    }
    log_close(agent.log);
    return code;
}

static const struct arg_spec args[] = {
    {.type = ARG_FLAG,
     .name = "service",
     .offset = offsetof(struct values, managed),
     .hidden = 1 },
    { .type = ARG_END}
};

const struct verb verb_run = {
    .name = "run",
    .summary = "run the agent in the foreground",
    .text = "Starts a worker for each organisation when its schedule says so, until it is told to\n"
            "stop (SIGTERM, Ctrl-C). SIGHUP reads the configuration again.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_run
};
