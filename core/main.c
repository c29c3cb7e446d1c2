/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - the program `easgate`: its verbs are in core/cli.
 */
#include "cli.h"
#include "console.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    if (console_args(&argc, &argv) != 0) {
        fputs("easgate: out of memory\n", stderr);
        return CLI_LATER;
    }
    return cli_main(argc, argv);
}
