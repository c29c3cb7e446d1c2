/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_version.c - `easgate version`.
 */
#include "verbs.h"

#include <easgate/abi.h>

static int run_version(struct cli *cli, void *values)
{
    struct jsonout j;

    (void)values;
    if (!cli->json) {
        printf("easgate %s (plugin ABI %u.%u)\n", EASGATE_VERSION, EASG_ABI_MAJOR, EASG_ABI_MINOR);
        return CLI_DONE;
    }
    cli_json_begin(cli, &j);
    json_text(&j, "version", EASGATE_VERSION);
    json_int(&j, "abi_major", EASG_ABI_MAJOR);
    json_int(&j, "abi_minor", EASG_ABI_MINOR);
    return cli_json_end(cli, &j, CLI_DONE);
}

static const struct arg_spec args[] = { { .type = ARG_END } };

const struct verb verb_version = { .name = "version",
                                   .summary = "print the version, and that of the plugin ABI",
                                   .args = args,
                                   .run = run_version };
