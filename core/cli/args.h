/* SPDX-License-Identifier: Apache-2.0
 *
 * args.h - options and operands of a verb, declared as data: parsed, checked, and printed as help
 * from one table. "--name value" and "--name=value", anywhere; "--" ends the options.
 */
#ifndef EASG_ARGS_H
#define EASG_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

#include <easgate/types.h>

enum arg_type {
    ARG_END = 0,
    ARG_FLAG,   /* int: 1 when given */
    ARG_TEXT,   /* const char *, not empty */
    ARG_NUMBER, /* int64_t, 0 and above; -1 when not given */
    ARG_LIST,   /* struct arg_list: may be given several times */
    ARG_OPERAND /* const char *: the next word that is no option */
};

enum { ARG_LIST_MAX = 1024 };
struct arg_list {
    const char **items; /* owned; the words are the caller's */
    size_t n;
};

struct arg_spec {
    enum arg_type type;
    const char *name;    /* "dry-run"; of an operand: "ORG" */
    size_t offset;       /* where in the verb's struct the value goes */
    const char *value;   /* how help names the value: "FILE" */
    const char *choices; /* "allow|block": the only words; NULL: any */
    const char *doc;     /* one line */
    int required;
    int hidden; /* parsed, not in help: for processes that we start */
};

/* Parses argv[0..argc) into the struct at `to` by `specs` and into the one at `common_to` by
 * `common`; both tables end in ARG_END. A word that is not known, a value that is missing or none
 * of the choices: EASG_E_CONFIG, and the text names the nearest one that exists. */
easg_status args_parse(const struct arg_spec *specs, void *to, const struct arg_spec *common,
                       void *common_to, int argc, char **argv, easg_error *err);
/* EASG_E_CONFIG when something required was not given. Apart from args_parse(), so that --help can
 * be answered first. */
easg_status args_complete(const struct arg_spec *specs, void *to, easg_error *err);
/* Frees what ARG_LIST holds. */
void args_clear(const struct arg_spec *specs, void *to);
/* "[--full] [--user WHO] ORG" */
void args_usage(const struct arg_spec *specs, struct strbuf *out);
/* A line an option and operand. */
void args_help(const struct arg_spec *specs, struct strbuf *out);

/* The nearest word of a list ("a|b|c" when `words` has one element, else each element a word) that
 * could have been meant; NULL: none is near. `out` keeps it. */
const char *args_nearest(const char *word, const char *const *words, size_t n, char *out,
                         size_t size);

#endif
