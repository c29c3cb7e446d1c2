/* SPDX-License-Identifier: Apache-2.0
 *
 * service_env.h - how proc_spawn() tells service_run() of the child that standard input is the
 * control pipe. Private to this directory.
 */
#ifndef EASG_SERVICE_ENV_H
#define EASG_SERVICE_ENV_H

#define SERVICE_CONTROL_ENV "EASGATE_CONTROL_PIPE"

#endif
