/* SPDX-License-Identifier: Apache-2.0
 *
 * synccase.h - what the files of sync_case share: the case that runs, and the handlers of its
 * lines. A handler gets the words of its line, the first of them being its own.
 */
#ifndef EASG_TEST_SYNCCASE_H
#define EASG_TEST_SYNCCASE_H

#include "fake.h"

#include "err.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1024, CRASHED = 99 };

/* One process, one case. */
struct running_case {
    char dir[64], yaml[4096], last_run[37], crash_point[40];
    int disk_nth, disk_code, crash_count, last_exit;
};
extern struct running_case the_case;

/* ---- case.c ---- */

void case_checked(void);
void case_fail(const char *fmt, ...) EASG_PRINTF(1, 2);
void case_expect(const char *what, const char *got, const char *want);

/* ---- case_words.c ---- */

const char *word_value(char **w, const char *key); /* of KEY=VALUE; NULL: not there */
void word_copy(char **w, const char *key, char *out);
int word_flag(char **w, const char *word);
int word_number(const char *text, int none);
int word_pick(const char *text, const char *const *words, int none);
easg_status word_status(const char *name);
easg_time word_time(const char *text, easg_time none); /* -2h, +1d: from the case's now */

/* ---- case_world.c ---- */

easg_access world_access(const char *text);
void world_registered(const char *line);
void world_mailbox(char **w);
void world_device(char **w);
void world_person(char **w);
void world_managed(char **w);
void world_bulk(char **w);
void world_remove(char **w);
void world_fail(char **w);
void world_item(char **w);
uint32_t world_part(const char *word); /* of what is decided for everybody */
void world_policy(char **w);

/* ---- case_runs.c ---- */

struct store *case_reader(void); /* NULL: said why */
void case_run(char **w);

/* ---- case_expect.c ---- */

void expect_sql(char *rest);
void expect_lists(char **w);
void expect_calls(char **w);
void expect_exit(char **w);
void expect_error(char *rest);
void expect_audit(char **w);
void expect_everybody(char **w);

#endif
