/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_policy.c - `easgate policy decide FILE`: the decision table on facts given as JSON lines,
 * without configuration, state or network. A policy can be tested before it is used, and held
 * against another implementation. Every line is read before the first one is answered, so that a
 * file with a mistake in it gives errors and nothing else.
 */
#include "verbs.h"

#include "asof.h"
#include "clock.h"
#include "err.h"
#include "fs.h"
#include "jsonin.h"
#include "policy.h"
#include "text.h"
#include "timestamp.h"

#include <stdlib.h>
#include <string.h>

struct values {
    const char *action;
    const char *file;
    const char *policy;
};

/* What a local rule may look at besides the inputs. */
enum { USER, DEVICE_ID, TYPE, MODEL, OS, USER_AGENT, GROUPS, AT, SUBJECTS };
static const char *const subjects[SUBJECTS] = { "user", "device_id",  "type",   "model",
                                                "os",   "user_agent", "groups", "at" };

/* One line while it is read. */
struct line {
    struct policy_input in;
    uint64_t given; /* bit i: input i stands in the line */
    char id[CLI_SAFE];
    char expect[32];
    char subject[SUBJECTS][CLI_SAFE];
    easg_time at; /* EASG_TIME_NONE: now */
};

/* Where the lines come from; standard input is kept, because it is read twice. */
struct source {
    const char *name;
    FILE *f;
    struct strbuf kept;
    size_t at;
    const struct org_config *policy; /* NULL: options stand in the lines */
    easg_time now;
};

static easg_status unknown_input(const char *name, easg_error *err)
{
    const char *names[64];
    char near[CLI_SAFE], safe[CLI_SAFE];
    size_t n = 0;

    while (n < 64 - SUBJECTS - 1 && (names[n] = policy_input_name(n)) != NULL)
        n++;
    names[n++] = "expect";
    for (size_t i = 0; i < SUBJECTS && n < 64; i++)
        names[n++] = subjects[i];
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

static easg_status set_subject(struct line *line, size_t i, enum json_kind kind, const char *value,
                               easg_error *err)
{
    if (kind != JSON_TEXT || strlen(value) >= CLI_SAFE)
        return err_set(err, EASG_E_CONFIG, "%s: a text of less than %d bytes is wanted",
                       subjects[i], CLI_SAFE);
    if (i == AT && !timestamp_parse(value, strlen(value), &line->at))
        return err_set(err, EASG_E_CONFIG, "at: a time such as 2026-11-25T08:30:00Z is wanted");
    snprintf(line->subject[i], CLI_SAFE, "%s", value);
    return EASG_OK;
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
    for (size_t i = 0; i < SUBJECTS; i++)
        if (strcmp(name, subjects[i]) == 0)
            return set_subject(line, i, kind, value, err);
    for (size_t i = 0; policy_input_name(i); i++)
        if (strcmp(name, policy_input_name(i)) == 0)
            line->given |= (uint64_t)1 << i;
    return set_input(&line->in, name, kind, value, err);
}

static int is_given(const struct line *line, const char *name)
{
    for (size_t i = 0; policy_input_name(i); i++)
        if (strcmp(name, policy_input_name(i)) == 0)
            return (int)(line->given >> i & 1);
    return 0;
}

/* The rule of --policy that fits, unless the line says itself which one does; NULL: none. */
static const char *apply_rules(const struct source *src, struct line *line)
{
    easg_time now = line->at == EASG_TIME_NONE ? src->now : line->at;
    struct policy_subject s;

    if (!src->policy || is_given(line, "rule"))
        return NULL;
    memset(&s, 0, sizeof(s));
    s.user = text_str(line->subject[USER]);
    s.device_id = text_str(line->subject[DEVICE_ID]);
    s.type = text_str(line->subject[TYPE]);
    s.model = text_str(line->subject[MODEL]);
    s.os = text_str(line->subject[OS]);
    s.user_agent = text_str(line->subject[USER_AGENT]);
    s.groups = text_str(line->subject[GROUPS]);
    return asof_apply_rules(src->policy, &s, now, clock_local_offset_min(now), &line->in);
}

/* Prints the verdict; 0 when it is not what the line expects. */
static int print_verdict(const struct line *line, long number, const char *rule)
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
    if (rule && v.row == POLICY_ROW_RULE)
        json_text(&j, "rule", rule);
    json_text(&j, "text", policy_row_text(v.row));
    if (line->expect[0]) {
        json_text(&j, "expect", line->expect);
        json_bool(&j, "as_expected", as_expected);
    }
    json_close(&j);
    return json_end(&j) == EASG_OK && as_expected;
}

/* ---- two passes over the lines ---- */

enum { KEPT_MAX = 256 * 1024 * 1024 };

static easg_status keep_input(struct source *src, easg_error *err)
{
    char chunk[65536];
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), src->f)) > 0)
        if (strbuf_add(&src->kept, chunk, n) != EASG_OK)
            return err_set(err, EASG_E_LIMIT, "%s: more than %d MiB; give a file instead",
                           src->name, KEPT_MAX / 1024 / 1024);
    return EASG_OK;
}

static int next_byte(struct source *src)
{
    if (src->f != stdin)
        return fgetc(src->f);
    return src->at < src->kept.len ? (unsigned char)src->kept.ptr[src->at++] : EOF;
}

static void again_from_start(struct source *src)
{
    if (src->f != stdin)
        rewind(src->f);
    src->at = 0;
}

/* The next line without its end, at most JSON_LINE_MAX + 1 bytes; 0 at the end. */
static int read_line(struct source *src, struct strbuf *line)
{
    int c;

    strbuf_reset(line);
    while ((c = next_byte(src)) != EOF && c != '\n')
        if (line->len <= JSON_LINE_MAX)
            strbuf_addc(line, (char)c);
    return c != EOF || line->len > 0;
}

struct pass {
    int print;
    long lines, bad, unexpected;
};

static void one_pass(struct source *src, struct pass *p)
{
    struct strbuf text = STRBUF_INIT(JSON_LINE_MAX + 16);
    struct line *line = mem_alloc(sizeof(*line));
    easg_error err = EASG_ERROR_INIT;
    const char *rule;

    again_from_start(src);
    for (p->lines = 0; line && read_line(src, &text);) {
        p->lines++;
        if (strspn(strbuf_str(&text), " \t\r") == text.len)
            continue;
        memset(line, 0, sizeof(*line));
        line->in = (struct policy_input)POLICY_INPUT_DEFAULT;
        line->at = EASG_TIME_NONE;
        if (src->policy)
            policy_from_options(&src->policy->policy, &line->in);
        err_clear(&err);
        if (json_read_flat(text.ptr, text.len, take_member, line, &err) != EASG_OK) {
            if (!p->print)
                fprintf(stderr, "easgate: %s:%ld: %s\n", src->name, p->lines, err.message);
            p->bad++;
        } else if (p->print) {
            rule = apply_rules(src, line);
            p->unexpected += !print_verdict(line, p->lines, rule);
        }
    }
    if (!line)
        p->bad++;
    mem_free(line);
    strbuf_clear(&text);
}

static int decide_all(struct cli *cli, struct source *src)
{
    struct pass check = { 0, 0, 0, 0 }, out = { 1, 0, 0, 0 };
    easg_error err = EASG_ERROR_INIT;
    easg_status st = src->f == stdin ? keep_input(src, &err) : EASG_OK;

    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    one_pass(src, &check);
    if (ferror(src->f)) {
        err_set(&err, EASG_E_FAIL, "%s: cannot be read to its end", src->name);
        return cli_fail(cli, EASG_E_FAIL, &err);
    }
    if (check.bad) {
        fprintf(stderr, "easgate: %s: %ld of %ld lines cannot be read, nothing was decided\n",
                src->name, check.bad, check.lines);
        return CLI_FAILED;
    }
    one_pass(src, &out);
    if (out.unexpected)
        fprintf(stderr, "easgate: %s: %ld of %ld lines are not decided as expected\n", src->name,
                out.unexpected, out.lines);
    return out.bad || out.unexpected || fflush(stdout) != 0 ? CLI_FAILED : CLI_DONE;
}

static int run_policy(struct cli *cli, void *values)
{
    const struct values *v = values;
    easg_error err = EASG_ERROR_INIT;
    struct org_config *policy = NULL;
    struct source src;
    char safe[CLI_SAFE];
    easg_status st = EASG_OK;
    int code;

    memset(&src, 0, sizeof(src));
    src.kept = (struct strbuf)STRBUF_INIT(KEPT_MAX);
    src.now = cli->now;
    src.name = strcmp(v->file, "-") == 0 ? "(standard input)" : cli_safe(v->file, safe);
    if (v->policy)
        st = cfg_policy_load(v->policy, &policy, &err);
    src.policy = policy;
    src.f = strcmp(v->file, "-") == 0 ? stdin : fs_fopen(v->file, "rb");
    if (st == EASG_OK && !src.f)
        st = err_set(&err, EASG_E_NOTFOUND, "%s: cannot be opened for reading", src.name);
    code = st == EASG_OK ? decide_all(cli, &src) : cli_fail(cli, st, &err);
    if (src.f && src.f != stdin)
        fclose(src.f);
    strbuf_clear(&src.kept);
    org_config_destroy(policy);
    return code;
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
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
    { .type = ARG_TEXT,
      .name = "policy",
      .offset = offsetof(struct values, policy),
      .value = "POLICY",
      .doc = "options and rules from this file: an organisation's, or those parts of it alone" },
    { .type = ARG_END }
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
        "does not. easgate(8) lists inputs and values. With --policy the options are those of the\n"
        "file, where a line does not give them, and its rules are asked; for them a line may give\n"
        "user, device_id, type, model, os, user_agent, groups and at. A line that cannot be read\n"
        "is named, and then nothing is decided at all.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_policy
};
