/* SPDX-License-Identifier: Apache-2.0
 *
 * bind.c - commands and typed arguments of a pipeline to stages, as PowerShell's binder does in a
 * runspace without language: names of cmdlets that RBAC grants, abbreviated parameter names,
 * positions, switches, and the exact errors for the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_run.h"

static int fail(struct run *r, const char *exception, const char *id, int category,
                const char *category_name, const char *target, const char *activity,
                const char *message)
{
    run_fail(r, &(struct failure){ .exception = exception,
                                   .message = message,
                                   .id = id,
                                   .category = category,
                                   .category_name = category_name,
                                   .target = target,
                                   .activity = activity });
    return 0;
}

static int binding_error(struct run *r, const struct stage *s, const char *id, const char *param,
                         const char *message)
{
    char full[200];

    lab_print(full, sizeof full, "%s,%s", id, s->c->name);
    return fail(r, "System.Management.Automation.ParameterBindingException", full, 5,
                "InvalidArgument", param, s->c->name, message);
}

/* Exact name, else the only one it abbreviates. */
static const struct param *find_param(struct run *r, const struct stage *s, const char *name)
{
    const struct param *p;
    const struct param *one = NULL;
    char message[300];
    int several = 0;

    for (unsigned i = 0; (p = cmdlet_param(s->c, i)) != NULL; i++) {
        if (lab_same(p->name, name))
            return p;
        if (lab_starts(p->name, name)) {
            several = one != NULL;
            one = p;
        }
    }
    if (one && !several && *name)
        return one;
    if (several) {
        lab_print(message, sizeof message,
                  "Parameter cannot be processed because the parameter name '%s' is ambiguous.",
                  name);
        binding_error(r, s, "AmbiguousParameter", name, message);
    } else {
        lab_print(message, sizeof message,
                  "A parameter cannot be found that matches parameter name '%s'.", name);
        binding_error(r, s, "NamedParameterNotFound", name, message);
    }
    return NULL;
}

static const struct param *positional(struct run *r, const struct stage *s, int position,
                                      const struct clx *v)
{
    const struct param *p;
    char message[400];

    for (unsigned i = 0; (p = cmdlet_param(s->c, i)) != NULL; i++)
        if (p->position == position)
            return p;
    lab_print(message, sizeof message,
              "A positional parameter cannot be found that accepts argument '%.200s'.",
              clx_text(v));
    binding_error(r, s, "PositionalParameterNotFound", "", message);
    return NULL;
}

static int check_value(struct run *r, const struct stage *s, const struct param *p,
                       const struct clx *v)
{
    char message[400];

    if (p->kind == P_TEXT && (v->kind == CLX_LIST || v->kind == CLX_DICT)) {
        lab_print(message, sizeof message,
                  "Cannot process argument transformation on parameter '%s'. Cannot convert value "
                  "to type System.String.",
                  p->name);
        return binding_error(r, s, "ParameterArgumentTransformationError", p->name, message);
    }
    /* A whole object that came from another session is refused: pass string identities. */
    if ((p->kind == P_TEXT || p->kind == P_LIST) && v->kind == CLX_OBJECT) {
        lab_print(message, sizeof message,
                  "Cannot process argument transformation on parameter '%s'. Cannot convert the "
                  "\"%.100s\" value of type \"Deserialized.%.100s\" to type \"%sParameter\".",
                  p->name, clx_text(v), v->type ? v->type : "PSObject", p->name);
        return binding_error(r, s, "ParameterArgumentTransformationError", p->name, message);
    }
    return 1;
}

static int bind_args(struct run *r, struct stage *s, const struct clx *args)
{
    int position = 0;

    for (size_t i = 0; args && i < args->n; i++) {
        const struct clx *a = args->v[i].value;
        const struct clx *n = clx_get(a, "N");
        const struct clx *v = clx_get(a, "V");
        const struct param *p;
        char name[80];
        char message[300];
        size_t len;

        if (clx_is_nil(n))
            p = positional(r, s, ++position, v);
        else {
            lab_print(name, sizeof name, "%s", clx_text(n) + (clx_text(n)[0] == '-'));
            len = strlen(name);
            if (len && name[len - 1] == ':')
                name[len - 1] = 0;
            p = find_param(r, s, name);
        }
        if (!p || !v)
            return p ? binding_error(r, s, "MissingArgument", p->name, "Missing an argument.") : 0;
        for (unsigned k = 0; k < s->n_args; k++)
            if (s->param[k] == p) {
                lab_print(message, sizeof message,
                          "Cannot bind parameter because parameter '%s' is specified more than "
                          "once.",
                          p->name);
                return binding_error(r, s, "ParameterAlreadyBound", p->name, message);
            }
        if (s->n_args == MAX_ARGS)
            return binding_error(r, s, "TooManyArguments", p->name, "Too many arguments.");
        if (!check_value(r, s, p, v))
            return 0;
        s->param[s->n_args] = p;
        s->value[s->n_args++] = v;
    }
    return 1;
}

int run_bind(struct run *r, const struct clx *cmds)
{
    char message[400];

    r->error_action_stop = 0;
    for (size_t i = 0; i < cmds->n; i++) {
        const struct clx *c = cmds->v[i].value;
        const char *name = clx_text(clx_get(c, "Cmd"));
        struct stage *s = &r->stages[i];
        const char *slash = strrchr(name, '\\');

        if (clx_true(clx_get(c, "IsScript")))
            return fail(r, "System.Management.Automation.ParseException", "ScriptsNotAllowed", 17,
                        "ParserError", name, "",
                        "The syntax is not supported by this runspace. This can occur if the "
                        "runspace is in no-language mode.");
        if (i == MAX_STAGES)
            return fail(r, "System.Management.Automation.RuntimeException", "PipelineTooLong", 7,
                        "InvalidOperation", name, "", "The pipeline is too long.");
        s->c = cmdlet_find(slash ? slash + 1 : name);
        if (!s->c) {
            lab_print(message, sizeof message,
                      "The term '%.200s' is not recognized as the name of a cmdlet, function, "
                      "script file, or operable program. Check the spelling of the name, or if a "
                      "path was included, verify that the path is correct and try again.",
                      name);
            return fail(r, "System.Management.Automation.CommandNotFoundException",
                        "CommandNotFoundException", 13, "ObjectNotFound", name, name, message);
        }
        s->up = i ? &r->stages[i - 1] : NULL;
        s->only = NONE;
        s->limit = UINT64_MAX;
        r->n_stages = (unsigned)i + 1;
        if (!bind_args(r, s, clx_get(c, "Args")))
            return 0;
        if (lab_same(stage_text(s, "ErrorAction"), "Stop") ||
            lab_same(stage_text(s, "ErrorAction"), "1"))
            r->error_action_stop = 1;
        if (i && !s->c->next)
            return fail(r, "System.Management.Automation.ParameterBindingException",
                        "InputObjectNotBound", 5, "InvalidArgument", name, name,
                        "The input object cannot be bound to any parameters for the command "
                        "either because the command does not take pipeline input or the input "
                        "and its properties do not match any of the parameters that take "
                        "pipeline input.");
    }
    return 1;
}

const struct clx *stage_arg(const struct stage *s, const char *name)
{
    for (unsigned i = 0; i < s->n_args; i++)
        if (lab_same(s->param[i]->name, name))
            return s->value[i];
    return NULL;
}

const char *stage_text(const struct stage *s, const char *name)
{
    const struct clx *v = stage_arg(s, name);
    const char *t = clx_text(v);

    while (*t == ' ')
        t++;
    return t;
}

int stage_switch(const struct stage *s, const char *name, int otherwise)
{
    const struct clx *v = stage_arg(s, name);

    if (!v)
        return otherwise;
    return v->kind == CLX_NIL || clx_true(v); /* a switch that is named without a value is set */
}

int stage_limit(struct run *r, struct stage *s)
{
    const struct clx *v = stage_arg(s, "ResultSize");
    const char *t = clx_text(v);
    char message[300];
    char *end;

    s->limit = 1000;
    s->defaulted = 1;
    if (clx_is_nil(v) || fault_present("limit1000"))
        if (clx_is_nil(v) || fault_strikes("limit1000", s->c->name, NULL))
            return 1;
    s->defaulted = 0;
    s->limit = UINT64_MAX;
    if (lab_same(t, "Unlimited"))
        return 1;
    s->limit = strtoull(t, &end, 10);
    if (*end || end == t) {
        lab_print(message, sizeof message,
                  "Cannot process argument transformation on parameter 'ResultSize'. Cannot "
                  "convert value \"%.60s\" to type \"Microsoft.Exchange.Data.Unlimited`1"
                  "[System.UInt32]\".",
                  t);
        return binding_error(r, s, "ParameterArgumentTransformationError", "ResultSize", message);
    }
    if (!s->limit)
        s->limit = UINT64_MAX;
    return 1;
}

int stage_room(struct run *r, struct stage *s)
{
    if (s->given < s->limit) {
        s->given++;
        return 1;
    }
    if (s->given == s->limit && s->limit != UINT64_MAX && s->limit) {
        s->given++;
        run_warn(r, s->defaulted
                        ? "By default, only the first 1000 items are returned. Use the ResultSize "
                          "parameter to specify the number of items returned. To return all "
                          "items, specify \"-ResultSize Unlimited\". Be aware that, depending on "
                          "the actual number of items, returning all items can take a long time "
                          "and consume a large amount of memory. Also, we don't recommend storing "
                          "the results in a variable. Instead, pipe the results to another task "
                          "or script to perform batch changes."
                        : "There are more results available than are currently displayed. To view "
                          "them, increase the value for the ResultSize parameter.");
    }
    return 0;
}
