/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdlets_engine.c - PowerShell's own commands that implicit remoting relies on: Get-Command,
 * Select-Object, Measure-Object.
 */
#include <stdlib.h>
#include <string.h>

#include "lab_cmdlets.h"

/* ---- Get-Command ---- */

static int name_wanted(const struct stage *s, const char *name)
{
    const struct clx *v = stage_arg(s, "Name");

    if (clx_is_nil(v))
        return 1;
    if (v->kind != CLX_LIST)
        return lab_like(name, clx_text(v));
    for (size_t i = 0; i < v->n; i++)
        if (lab_like(name, clx_text(v->v[i].value)))
            return 1;
    return 0;
}

static int next_command(struct run *r, struct stage *s, struct item *out)
{
    while (cmdlets[s->at]) {
        uint32_t i = (uint32_t)s->at++;

        if (!cmdlet_visible(cmdlets[i]) || !name_wanted(s, cmdlets[i]->name))
            continue;
        *out = (struct item){ .kind = &kind_command, .index = i };
        s->given++;
        return 1;
    }
    if (!s->given && !clx_is_nil(stage_arg(s, "Name")) && !strpbrk(stage_text(s, "Name"), "*?")) {
        char message[300];

        s->given = 1;
        lab_print(message, sizeof message,
                  "The term '%.200s' is not recognized as the name of a cmdlet, function, script "
                  "file, or operable program.",
                  stage_text(s, "Name"));
        run_error(r, &(struct failure){
                         .exception = "System.Management.Automation.CommandNotFoundException",
                         .message = message,
                         .id = "CommandNotFoundException,Microsoft.PowerShell.Commands."
                               "GetCommandCommand",
                         .category = 13,
                         .category_name = "ObjectNotFound",
                         .target = stage_text(s, "Name"),
                         .activity = "Get-Command" });
    }
    return 0;
}

static const struct param command_params[] = {
    {"Name",          P_LIST,   1},
    { "CommandType",  P_ANY,    0},
    { "Module",       P_LIST,   0},
    { "ArgumentList", P_ANY,    0},
    { "TotalCount",   P_NUMBER, 0},
    { "ListImported", P_SWITCH, 0},
    { NULL,           P_ANY,    0},
};
const struct cmdlet cmd_get_command = { "Get-Command", CMD_ENGINE,   command_params,
                                        NULL,          next_command, "GetCommandCommand" };

/* ---- Select-Object ---- */

static void add_column(struct stage *s, const char *name)
{
    if (s->sel.n < MAX_COLUMNS && *name)
        s->sel.column[s->sel.n++] = lab_strdup(name);
}

static int open_select(struct run *r, struct stage *s)
{
    const struct clx *v = stage_arg(s, "Property");
    const char *first = stage_text(s, "First");

    if (!s->up) {
        run_fail(r, &(struct failure){
                        .exception = "System.Management.Automation.ParameterBindingException",
                        .message = "Cannot process command because of one or more missing "
                                   "mandatory parameters: InputObject.",
                        .id = "MissingMandatoryParameter,Select-Object",
                        .category = 5,
                        .category_name = "InvalidArgument",
                        .target = "",
                        .activity = "Select-Object" });
        return 0;
    }
    if (*first)
        s->limit = strtoull(first, NULL, 10);
    s->extra = (uint32_t)strtoul(stage_text(s, "Skip"), NULL, 10);
    if (clx_is_nil(v))
        return 1;
    if (v->kind == CLX_LIST)
        for (size_t i = 0; i < v->n; i++)
            add_column(s, clx_text(v->v[i].value));
    else
        add_column(s, clx_text(v));
    return 1;
}

static int next_select(struct run *r, struct stage *s, struct item *out)
{
    while (s->given < s->limit) {
        if (!s->up->c->next || !s->up->c->next(r, s->up, out))
            return 0;
        if (s->extra) {
            s->extra--;
            continue;
        }
        s->given++;
        if (s->sel.n)
            out->selected = &s->sel;
        return 1;
    }
    return 0;
}

static const struct param select_params[] = {
    {"Property",         P_LIST,   1},
    { "ExcludeProperty", P_LIST,   0},
    { "First",           P_NUMBER, 0},
    { "Skip",            P_NUMBER, 0},
    { "ExpandProperty",  P_TEXT,   0},
    { "Unique",          P_SWITCH, 0},
    { "InputObject",     P_ANY,    0},
    { NULL,              P_ANY,    0},
};
const struct cmdlet cmd_select = { "Select-Object", CMD_ENGINE,  select_params,
                                   open_select,     next_select, "SelectObjectCommand" };

/* ---- Measure-Object ---- */

static int next_measure(struct run *r, struct stage *s, struct item *out)
{
    uint64_t n = 0;

    if (s->at++)
        return 0;
    if (s->up && s->up->c->next)
        while (s->up->c->next(r, s->up, out))
            n++;
    if (r->state != RUN_GOING)
        return 0;
    *out = (struct item){ .kind = &kind_measure, .number = n };
    return 1;
}

static const struct param measure_params[] = {
    {"Property",     P_LIST,   1},
    { "Sum",         P_SWITCH, 0},
    { "InputObject", P_ANY,    0},
    { NULL,          P_ANY,    0}
};
const struct cmdlet cmd_measure = { "Measure-Object", CMD_ENGINE,
                                    measure_params,   NULL,
                                    next_measure,     "MeasureObjectCommand" };
