/* SPDX-License-Identifier: Apache-2.0
 *
 * args.c - reads a command line by a table. getopt_long() is not on every system, takes prefixes of
 * options (so that a new option changes what an old script means), and cannot suggest.
 */
#include "args.h"

#include "err.h"
#include "text.h"

#include <string.h>

enum { SAFE = 80, FAR = 3 };

const char *args_nearest(const char *word, const char *const *words, size_t n, char *out,
                         size_t size)
{
    unsigned best = FAR;
    unsigned d;
    const char *w, *end;
    size_t i, len;

    if (size == 0)
        return NULL;
    out[0] = '\0';
    for (i = 0; i < n; i++)
        for (w = words[i]; w; w = *end ? end + 1 : NULL) {
            char one[SAFE];

            end = w + strcspn(w, "|");
            len = (size_t)(end - w);
            if (len == 0 || len >= sizeof(one) || len >= size)
                continue;
            memcpy(one, w, len);
            one[len] = '\0';
            d = text_distance(word, one, FAR);
            if (d < best && d < len) { /* all of it replaced is no likeness */
                best = d;
                memcpy(out, one, len + 1);
            }
        }
    return out[0] ? out : NULL;
}

static void *at(void *base, const struct arg_spec *s)
{
    return (char *)base + s->offset;
}

static void defaults(const struct arg_spec *specs, void *to)
{
    for (; specs->type != ARG_END; specs++)
        if (specs->type == ARG_NUMBER)
            *(int64_t *)at(to, specs) = -1;
}

/* The first `len` bytes of `word` are the name of an option of the table. */
static const struct arg_spec *find(const struct arg_spec *specs, const char *word, size_t len)
{
    for (; specs->type != ARG_END; specs++)
        if (specs->type != ARG_OPERAND && strlen(specs->name) == len &&
            memcmp(specs->name, word, len) == 0)
            return specs;
    return NULL;
}

static easg_status unknown_option(const struct arg_spec *specs, const struct arg_spec *common,
                                  const char *word, easg_error *err)
{
    const struct arg_spec *const tables[] = { specs, common };
    char name[SAFE], near[SAFE];
    unsigned best = FAR + 1;
    unsigned d;
    const struct arg_spec *s;
    size_t i;

    near[0] = '\0';
    text_safe(word, strcspn(word, "="), name, sizeof(name));
    for (i = 0; i < 2; i++)
        for (s = tables[i]; s->type != ARG_END; s++) {
            if (s->type == ARG_OPERAND || s->hidden)
                continue;
            d = text_distance(name, s->name, FAR);
            if (d < best && d < strlen(s->name)) {
                best = d;
                text_safe(s->name, strlen(s->name), near, sizeof(near));
            }
        }
    if (near[0])
        return err_set(err, EASG_E_CONFIG, "unknown option --%s; did you mean --%s", name, near);
    return err_set(err, EASG_E_CONFIG, "unknown option --%s", name);
}

static int is_choice(const char *choices, const char *word)
{
    size_t len = strlen(word);
    const char *end;

    for (; choices; choices = *end ? end + 1 : NULL) {
        end = choices + strcspn(choices, "|");
        if ((size_t)(end - choices) == len && memcmp(choices, word, len) == 0)
            return 1;
    }
    return 0;
}

static easg_status store(const struct arg_spec *s, void *to, const char *value, easg_error *err)
{
    const char *dashes = s->type == ARG_OPERAND ? "" : "--";
    char safe[SAFE], near[SAFE];
    struct arg_list *list;
    const char **grown;
    uint64_t num;

    text_safe(value, strlen(value), safe, sizeof(safe));
    if (!*value)
        return err_set(err, EASG_E_CONFIG, "%s%s: the value is empty", dashes, s->name);
    if (s->choices && !is_choice(s->choices, value)) {
        if (args_nearest(value, &s->choices, 1, near, sizeof(near)))
            return err_set(err, EASG_E_CONFIG, "%s%s: '%s' is none of %s; did you mean %s", dashes,
                           s->name, safe, s->choices, near);
        return err_set(err, EASG_E_CONFIG, "%s%s: '%s' is none of %s", dashes, s->name, safe,
                       s->choices);
    }
    switch (s->type) {
    case ARG_NUMBER:
        if (!text_parse_u64(value, strlen(value), &num) || num > INT64_MAX)
            return err_set(err, EASG_E_CONFIG, "--%s: '%s' is no whole number", s->name, safe);
        *(int64_t *)at(to, s) = (int64_t)num;
        return EASG_OK;
    case ARG_LIST:
        list = at(to, s);
        if (list->n == ARG_LIST_MAX)
            return err_set(err, EASG_E_LIMIT, "--%s: given more than %d times", s->name,
                           ARG_LIST_MAX);
        grown = mem_grow(list->items, list->n + 1, sizeof(*list->items));
        if (!grown)
            return err_nomem(err);
        list->items = grown;
        list->items[list->n++] = value;
        return EASG_OK;
    default:
        if (*(const char **)at(to, s))
            return err_set(err, EASG_E_CONFIG, "%s%s: given twice", dashes, s->name);
        *(const char **)at(to, s) = value;
        return EASG_OK;
    }
}

struct parse {
    const struct arg_spec *specs, *common;
    void *to, *common_to;
    int argc;
    char **argv;
    int i;
};

/* One "--name", "--name=value" or "--name value"; p->i stands on it and moves behind it. */
static easg_status parse_option(struct parse *p, easg_error *err)
{
    const char *word = p->argv[p->i] + 2;
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    const struct arg_spec *s = find(p->specs, word, len);
    void *to = p->to;

    p->i++;
    if (!s) {
        s = find(p->common, word, len);
        to = p->common_to;
    }
    if (!s)
        return unknown_option(p->specs, p->common, word, err);
    if (s->type == ARG_FLAG) {
        if (value)
            return err_set(err, EASG_E_CONFIG, "--%s takes no value", s->name);
        *(int *)at(to, s) = 1;
        return EASG_OK;
    }
    if (!value && p->i < p->argc)
        value = p->argv[p->i++];
    if (!value)
        return err_set(err, EASG_E_CONFIG, "--%s needs a value (%s)", s->name,
                       s->value     ? s->value
                       : s->choices ? s->choices
                                    : "VALUE");
    return store(s, to, value, err);
}

static const struct arg_spec *next_operand(const struct arg_spec *s)
{
    while (s->type != ARG_END && s->type != ARG_OPERAND)
        s++;
    return s;
}

easg_status args_parse(const struct arg_spec *specs, void *to, const struct arg_spec *common,
                       void *common_to, int argc, char **argv, easg_error *err)
{
    struct parse p = { specs, common, to, common_to, argc, argv, 0 };
    const struct arg_spec *operand = next_operand(specs);
    const struct arg_spec *help;
    char safe[SAFE];
    int plain = 0;
    easg_status st;

    defaults(specs, to);
    defaults(common, common_to);
    while (p.i < argc) {
        const char *word = argv[p.i];

        if (!plain && strcmp(word, "--") == 0) {
            plain = 1;
            p.i++;
            continue;
        }
        if (!plain && strcmp(word, "-h") == 0 && (help = find(common, "help", 4)) != NULL) {
            *(int *)at(common_to, help) = 1;
            p.i++;
            continue;
        }
        if (!plain && strncmp(word, "--", 2) == 0) {
            st = parse_option(&p, err);
        } else if (!plain && word[0] == '-' && word[1]) {
            return err_set(err, EASG_E_CONFIG, "unknown option %s; options begin with --",
                           text_safe(word, strlen(word), safe, sizeof(safe)));
        } else if (operand->type == ARG_END) {
            return err_set(err, EASG_E_CONFIG, "'%s' is one word too many",
                           text_safe(word, strlen(word), safe, sizeof(safe)));
        } else {
            st = store(operand, to, word, err);
            operand = next_operand(operand + 1);
            p.i++;
        }
        if (st != EASG_OK)
            return st;
    }
    return EASG_OK;
}

/* Whether all that is required was given: after --help was seen to. */
easg_status args_complete(const struct arg_spec *specs, void *to, easg_error *err)
{
    const struct arg_spec *s;

    for (s = specs; s->type != ARG_END; s++)
        if (s->required && (s->type == ARG_TEXT || s->type == ARG_OPERAND) &&
            !*(const char **)at(to, s))
            return err_set(err, EASG_E_CONFIG, "%s%s is missing%s%s%s",
                           s->type == ARG_OPERAND ? "" : "--", s->name, s->choices ? " (" : "",
                           s->choices ? s->choices : "", s->choices ? ")" : "");
    return EASG_OK;
}

void args_clear(const struct arg_spec *specs, void *to)
{
    struct arg_list *list;

    for (; specs->type != ARG_END; specs++)
        if (specs->type == ARG_LIST) {
            list = at(to, specs);
            mem_free(list->items);
            list->items = NULL;
            list->n = 0;
        }
}

/* "--limit N", "ORG", "check|show|schema" */
static void add_name(const struct arg_spec *s, struct strbuf *out)
{
    if (s->type == ARG_OPERAND) {
        strbuf_adds(out, s->choices ? s->choices : s->name);
        return;
    }
    strbuf_addf(out, "--%s", s->name);
    if (s->type != ARG_FLAG)
        strbuf_addf(out, " %s", s->value ? s->value : s->choices ? s->choices : "VALUE");
}

void args_usage(const struct arg_spec *specs, struct strbuf *out)
{
    const struct arg_spec *s;
    int pass;

    for (pass = 0; pass < 2; pass++) /* operands first: they say what it is about */
        for (s = specs; s->type != ARG_END; s++) {
            if ((s->type == ARG_OPERAND) != (pass == 0) || s->hidden)
                continue;
            strbuf_adds(out, s->required ? " " : " [");
            add_name(s, out);
            strbuf_adds(out, s->type == ARG_LIST ? "]..." : s->required ? "" : "]");
        }
}

void args_help(const struct arg_spec *specs, struct strbuf *out)
{
    size_t before, width;

    for (; specs->type != ARG_END; specs++) {
        if (specs->hidden)
            continue;
        strbuf_adds(out, "  ");
        before = out->len;
        add_name(specs, out);
        width = out->len - before;
        if (width > 26)
            strbuf_addf(out, "\n  %26s", "");
        else
            strbuf_addf(out, "%*s", (int)(26 - width), "");
        strbuf_addf(out, "  %s\n", specs->doc ? specs->doc : "");
    }
}
