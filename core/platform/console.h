/* SPDX-License-Identifier: Apache-2.0
 *
 * console.h - UTF-8 at every border of the process.
 */
#ifndef EASG_CONSOLE_H
#define EASG_CONSOLE_H

/* Replaces argc/argv by UTF-8 ones (Windows). 0, or -1: out of memory. */
int console_args(int *argc, char ***argv);
/* 1: the stream (1 stdout, 2 stderr) is a terminal. */
int console_is_terminal(int stream);
/* Columns of the terminal; 80 when unknown. */
int console_width(void);

#endif
