/* SPDX-License-Identifier: Apache-2.0
 *
 * children.h - what proc.c and service.c say to each other. Private to this directory.
 */
#ifndef EASG_CHILDREN_H
#define EASG_CHILDREN_H

#include <windows.h>

/* Tells a child that its standard input is the control pipe. */
#define SERVICE_CONTROL_ENV "EASGATE_CONTROL_PIPE"

/* Set when a process of proc_spawn() ends; reset by whoever waits. NULL: the system refused. */
HANDLE children_event(void);

#endif
