/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_policy.c - `easgate policy decide FILE`: the decision table on facts given as JSON lines,
 * without configuration, state or network. A policy can be tested before it is used, and held
 * against another implementation.
 */
#include "verbs.h"

#include "err.h"
#include "fs.h"
#include "jsonin.h"
#include "policy.h"

#include <stdlib.h>
#include <string.h>

struct values {
    const char *action;
    const char *file;
};

/* One line while it is read. */
struct line {
    struct policy_input in;
    char id[CLI_SAFE];
    char expect[32];
};

static easg_status unknown_input(const char *name, easg_error *err)
{
    const char *names[64];
    char near[CLI_SAFE], safe[CLI_SAFE];
    size_t n = 0;

    while (n < 62 && (names[n] = policy_input_name(n)) != NULL)
        n++;
    names[n++] = "expect";
    if (args_nearest(name, names, n, near, sizeof(near)))
        return err_set(err, EASG_E_CONFIG, "there is no input '%s'; did you mean %s",
                       cli_safe(name, safe), near);
    return err_set(err, EASG_E_CONFIG, "there is no input '%s'", cli_safe(name, safe));
}

static easg_status set_input(struct policy_input *in, const char *name, enum json_kind kind,
                             const char *value, easg_error *err)
{
    struct strbuf words = STRBUF_INIT(1024);
    char safe[CLI_SAFE];
    const char *known;
    size_t i, k;

    for (i = 0; (known = policy_input_name(i)) != NULL; i++)
        if (strcmp(known, name) == 0)
            break;
    if (!known)
        return unknown_input(name, err);
    if (kind == JSON_TRUE || kind == JSON_FALSE) {
        /* JSON has its own words for yes and no */
        if (policy_input_set(in, name, kind == JSON_TRUE ? "yes" : "no") ||
            policy_input_set(in, name, kind == JSON_TRUE ? "on" : "off"))
            return EASG_OK;
    } else if (kind == JSON_TEXT && policy_input_set(in, name, value)) {
        return EASG_OK;
    }
    for (k = 0; policy_input_word(i, k); k++)
        strbuf_addf(&words, "%s%s", k ? ", " : "", policy_input_word(i, k));
    err_set(err, EASG_E_CONFIG, "%s: '%s' is none of %s", name, cli_safe(value, safe),
            strbuf_str(&words));
    strbuf_clear(&words);
    return EASG_E_CONFIG;
}

static easg_status take_member(void *user, const char *name, enum json_kind kind, const char *value,
                               easg_error *err)
{
    struct line *line = user;

    if (strcmp(name, "id") == 0) {
        snprintf(line->id, sizeof(line->id), "%s", value);
        return EASG_OK;
    }
    if (strcmp(name, "expect") == 0) {
        if (kind != JSON_TEXT || strlen(value) >= sizeof(line->expect))
            return err_set(err, EASG_E_CONFIG,
                           "expect: a row (D11) or an action (block) is wanted");
        snprintf(line->expect, sizeof(line->expect), "%s", value);
        return EASG_OK;
    }
    return set_input(&line->in, name, kind, value, err);
}

/* Prints the verdict; 0 when it is not what the line expects. */
static int print_verdict(const struct line *line, long number)
{
    struct policy_verdict v = policy_decide(&line->in);
    const char *row = policy_row_name(v.row);
    const char *action = policy_action_name(v.action);
    int as_expected =
        !line->expect[0] || strcmp(line->expect, row) == 0 || strcmp(line->expect, action) == 0;
    struct jsonout j;

    json_init(&j, stdout, 1);
    json_open_object(&j, NULL);
    json_text(&j, "schema", "easgate.policy/1");
    json_int(&j, "line", number);
    if (line->id[0])
        json_text(&j, "id", line->id);
    json_text(&j, "row", row);
    json_text(&j, "action", action);
    json_text(&j, "reason", policy_reason_name(v.reason));
    json_text(&j, "mail", policy_mail_name(v.mail));
    json_text(&j, "text", policy_row_text(v.row));
    if (line->expect[0]) {
        json_text(&j, "expect", line->expect);
        json_bool(&j, "as_expected", as_expected);
    }
    json_close(&j);
    return json_end(&j) == EASG_OK && as_expected;
}

/* The next line without its end, at most JSON_LINE_MAX + 1 bytes; 0 at the end of the file. */
static int read_line(FILE *f, struct strbuf *line)
{
    int c;

    strbuf_reset(line);
    while ((c = fgetc(f)) != EOF && c != '\n')
        if (line->len <= JSON_LINE_MAX)
            strbuf_addc(line, (char)c);
    return c != EOF || line->len > 0;
}

static int decide_stream(FILE *f, const char *name)
{
    struct strbuf text = STRBUF_INIT(JSON_LINE_MAX + 16);
    easg_error err = EASG_ERROR_INIT;
    struct line line;
    long number = 0, bad = 0, unexpected = 0;

    while (read_line(f, &text)) {
        number++;
        if (strspn(strbuf_str(&text), " \t\r") == text.len)
            continue;
        memset(&line, 0, sizeof(line));
        line.in = (struct policy_input)POLICY_INPUT_DEFAULT;
        err_clear(&err);
        if (json_read_flat(text.ptr, text.len, take_member, &line, &err) != EASG_OK) {
            fflush(stdout);
            fprintf(stderr, "easgate: %s:%ld: %s\n", name, number, err.message);
            bad++;
        } else if (!print_verdict(&line, number)) {
            unexpected++;
        }
    }
    strbuf_clear(&text);
    if (ferror(f)) {
        fprintf(stderr, "easgate: %s: cannot be read to its end\n", name);
        return CLI_FAILED;
    }
    if (unexpected)
        fprintf(stderr, "easgate: %s: %ld of %ld lines are not decided as expected\n", name,
                unexpected, number);
    return bad || unexpected ? CLI_FAILED : CLI_DONE;
}

static int run_policy(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    char safe[CLI_SAFE];
    FILE *f;
    int code;

    if (strcmp(v->file, "-") == 0)
        return decide_stream(stdin, "(standard input)");
    f = fs_fopen(v->file, "rb");
    if (!f) {
        err_set(&err, EASG_E_NOTFOUND, "%s: cannot be opened for reading", cli_safe(v->file, safe));
        return cli_fail(cli, EASG_E_NOTFOUND, &err);
    }
    code = decide_stream(f, cli_safe(v->file, safe));
    fclose(f);
    return code;
}

static const struct arg_spec args[] = {
    {.type = ARG_OPERAND,
     .name = "ACTION",
     .offset = offsetof(struct values, action),
     .choices = "decide",
     .required = 1,
     .doc = "decide facts" },
    { .type = ARG_OPERAND,
     .name = "FILE",
     .offset = offsetof(struct values, file),
     .required = 1,
     .doc = "JSON lines, one device a line; '-': standard input" },
    { .type = ARG_END             }
};

const struct verb verb_policy = {
    .name = "policy",
    .summary = "decide facts given as JSON lines, offline",
    .text =
        "Each line is a flat object with inputs of the decision table, for example\n"
        "  {\"id\": \"phone 1\", \"record\": \"managed\", \"compliance\": \"noncompliant\"}\n"
        "and gives one line with row, action, reason and mail. An input that is not given is\n"
        "that of a compliant, enrolled iPhone of a licensed, targeted user under the default\n"
        "Allow. \"expect\" names the row or the action that must come out; exit code 1 when it\n"
        "does not. easgate(8) lists inputs and values.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_policy
};
