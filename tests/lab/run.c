/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c - one pipeline: from CREATE_PIPELINE to PIPELINE_STATE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_run.h"

static const char *const types_method[] = {
    "System.Management.Automation.Remoting.RemoteHostMethodId", "System.Enum", "System.ValueType",
    "System.Object", NULL
};
static const char *const types_arraylist[] = { "System.Collections.ArrayList", "System.Object",
                                               NULL };
static const char *const types_choices[] = {
    "System.Collections.ObjectModel.Collection`1[[System.Management.Automation.Host."
    "ChoiceDescription, System.Management.Automation, Version=3.0.0.0, Culture=neutral, "
    "PublicKeyToken=31bf3856ad364e35]]",
    "System.Object", NULL
};

void run_init(struct run *r, struct shell *s, const char *id)
{
    *r = (struct run){ .shell = s, .answer = -1 };
    lab_print(r->id, sizeof r->id, "%s", id);
    r->last = &r->first;
    r->started = clock_ms();
}

static void pop(struct run *r)
{
    struct queued *q = r->first;

    r->first = q->next;
    if (!r->first)
        r->last = &r->first;
    buf_clear(&q->message);
    free(q);
}

static void drop_stages(struct run *r)
{
    for (unsigned i = 0; i < r->n_stages; i++) {
        for (unsigned k = 0; k < r->stages[i].sel.n; k++)
            free(r->stages[i].sel.column[k]);
        filter_free(r->stages[i].filter);
    }
    memset(r->stages, 0, sizeof r->stages);
    r->n_stages = 0;
}

void run_clear(struct run *r)
{
    while (r->first)
        pop(r);
    drop_stages(r);
    defrag_clear(&r->in);
    clx_free(r->doc);
    r->doc = NULL;
}

struct buf *run_message(struct run *r, uint32_t type)
{
    struct queued *q = lab_alloc(sizeof *q);

    q->object = ++r->shell->next_object;
    psrp_begin(&q->message, type, r->shell->rpid, r->pid);
    *r->last = q;
    r->last = &q->next;
    return &q->message;
}

static void state_message(struct run *r, int state)
{
    buf_fmt(run_message(r, MSG_PIPELINE_STATE),
            "<Obj RefId=\"0\"><MS><I32 N=\"PipelineState\">%d</I32></MS></Obj>", state);
    r->state = RUN_DONE;
}

static void finish(struct run *r)
{
    if (fault_strikes("drop-state", r->n_stages ? r->stages[0].c->name : "", NULL)) {
        r->state = RUN_STUCK;
        return;
    }
    state_message(r, 4);
}

void run_stop(struct run *r)
{
    if (r->state == RUN_DONE)
        return;
    while (r->first)
        pop(r);
    r->offset = 0;
    r->fragment = 0;
    buf_str(run_message(r, MSG_PIPELINE_STATE),
            "<Obj RefId=\"0\"><MS><I32 N=\"PipelineState\">3</I32></MS></Obj>");
    r->state = RUN_DONE;
}

void run_emit(struct run *r, struct item *it)
{
    struct cx x;
    char arg[64] = "";

    if (fault_present("terminating-error")) {
        unsigned long after = 10;

        if (r->objects == 0 || r->objects == after) {
            if (r->objects == after && fault_strikes("terminating-error", NULL, arg)) {
                run_fail(r,
                         &(struct failure){
                             .exception = "Microsoft.Exchange.Data.Directory.ADTransientException",
                             .message = "An Active Directory error 0x51 occurred when trying to "
                                        "search. The server is not operational.",
                             .id = "[Server=CAS1,RequestId=4c0f8b59-0a19-4d47-9d4e-8b1d2f4b8b11,"
                                   "TimeStamp=11/25/2026 2:00:00 PM] [FailureCategory=Cmdlet-"
                                   "ADTransientException] 7D41C3B2,Microsoft.Exchange."
                                   "Management.Tasks.GetMobileDevice",
                             .category = 8,
                             .category_name = "ReadError",
                             .target = "",
                             .activity = r->stages[0].c->name });
                return;
            }
        }
    }
    cx_begin(&x, run_message(r, MSG_PIPELINE_OUTPUT), r->shell->shapes);
    if (fault_strikes("bad-clixml", NULL, NULL))
        BUF_LIT(x.b, "<Obj RefId=\"0\"><Props><S N=\"DeviceId\">ABC</Props><S");
    else
        item_write(&x, it);
    r->objects++;
    lab.stats.objects++;
}

void run_warn(struct run *r, const char *text)
{
    static const char *const types[] = { "System.Management.Automation.WarningRecord",
                                         "System.Management.Automation.InformationalRecord",
                                         "System.Object", NULL };
    struct cx x;

    cx_begin(&x, run_message(r, MSG_WARNING_RECORD), SHAPES_FULL);
    cx_open(&x, NULL, types, text);
    BUF_LIT(x.b, "<MS>");
    cx_string(&x, "InformationalRecord_Message", text);
    cx_bool(&x, "InformationalRecord_SerializeInvocationInfo", 0);
    BUF_LIT(x.b, "</MS>");
    cx_close(&x);
}

/* The bases of the exceptions that we raise, as .NET derives them. */
static void exception_types(const char *name, const char *types[8])
{
    unsigned n = 0;

    types[n++] = name;
    if (strstr(name, "Microsoft.Exchange")) {
        types[n++] = "Microsoft.Exchange.Data.Common.LocalizedException";
    } else if (strstr(name, "ParameterBinding")) {
        types[n++] = "System.Management.Automation.RuntimeException";
        types[n++] = "System.SystemException";
    } else if (strstr(name, "CommandNotFound") || strstr(name, "ParseException") ||
               strstr(name, "HostException")) {
        types[n++] = "System.Management.Automation.RuntimeException";
        types[n++] = "System.SystemException";
    } else
        types[n++] = "System.SystemException";
    types[n++] = "System.Exception";
    types[n++] = "System.Object";
    types[n] = NULL;
}

static void error_record(struct cx *x, const char *name, const struct failure *f, int stream)
{
    static const char *const record[] = { "System.Management.Automation.ErrorRecord",
                                          "System.Object", NULL };
    static const char *const data[] = { "System.Collections.ListDictionaryInternal",
                                        "System.Object", NULL };
    static const char *const invocation[] = { "System.Management.Automation.InvocationInfo",
                                              "System.Object", NULL };
    const char *types[8];
    const char *reason = strrchr(f->exception, '.');
    char text[1200];

    reason = reason ? reason + 1 : f->exception;
    exception_types(f->exception, types);
    cx_open(x, name, record, f->message);
    BUF_LIT(x->b, "<MS>");
    if (stream)
        cx_bool(x, "writeErrorStream", 1);
    lab_print(text, sizeof text, "%s: %s", f->exception, f->message);
    cx_open(x, "Exception", types, text);
    BUF_LIT(x->b, "<Props>");
    cx_string(x, "ErrorRecord", f->message);
    cx_bool(x, "WasThrownFromThrowStatement", 0);
    cx_string(x, "Message", f->message);
    cx_open(x, "Data", data, NULL);
    BUF_LIT(x->b, "<DCT />");
    cx_close(x);
    cx_nil(x, "InnerException");
    cx_nil(x, "TargetSite");
    cx_nil(x, "StackTrace");
    cx_nil(x, "HelpLink");
    cx_nil(x, "Source");
    cx_int(x, "HResult", -2146233087);
    BUF_LIT(x->b, "</Props>");
    cx_close(x);
    if (f->target && *f->target)
        cx_string(x, "TargetObject", f->target);
    else
        cx_nil(x, "TargetObject");
    cx_string(x, "FullyQualifiedErrorId", f->id);
    if (f->activity && *f->activity) {
        cx_open(x, "InvocationInfo", invocation, "System.Management.Automation.InvocationInfo");
        BUF_LIT(x->b, "<Props>");
        cx_string(x, "MyCommand", f->activity);
        cx_int(x, "ScriptLineNumber", 0);
        cx_int(x, "OffsetInLine", 0);
        cx_string(x, "ScriptName", "");
        cx_string(x, "Line", "");
        cx_string(x, "PositionMessage", "");
        cx_string(x, "InvocationName", f->activity);
        cx_int(x, "PipelineLength", 0);
        cx_int(x, "PipelinePosition", 0);
        cx_bool(x, "ExpectingInput", 0);
        cx_string(x, "CommandOrigin", "Runspace");
        BUF_LIT(x->b, "</Props>");
        cx_close(x);
    } else
        cx_nil(x, "InvocationInfo");
    cx_int(x, "ErrorCategory_Category", f->category);
    cx_string(x, "ErrorCategory_Activity", f->activity ? f->activity : "");
    cx_string(x, "ErrorCategory_Reason", reason);
    cx_string(x, "ErrorCategory_TargetName", f->target ? f->target : "");
    cx_string(x, "ErrorCategory_TargetType", f->target && *f->target ? "String" : "");
    lab_print(text, sizeof text, "%s: (%.40s:%s) [%s], %s", f->category_name,
              f->target ? f->target : "", f->target && *f->target ? "String" : "",
              f->activity ? f->activity : "", reason);
    cx_string(x, "ErrorCategory_Message", text);
    cx_bool(x, "SerializeExtendedInfo", 0);
    BUF_LIT(x->b, "</MS>");
    cx_close(x);
}

void run_fail(struct run *r, const struct failure *f)
{
    struct cx x;

    cx_begin(&x, run_message(r, MSG_PIPELINE_STATE), SHAPES_FULL);
    cx_open(&x, NULL, NULL, NULL);
    BUF_LIT(x.b, "<MS>");
    cx_int(&x, "PipelineState", 5);
    error_record(&x, "ExceptionAsErrorRecord", f, 0);
    BUF_LIT(x.b, "</MS>");
    cx_close(&x);
    r->state = RUN_DONE;
}

void run_error(struct run *r, const struct failure *f)
{
    struct cx x;

    if (r->error_action_stop) {
        run_fail(r, f);
        return;
    }
    cx_begin(&x, run_message(r, MSG_ERROR_RECORD), SHAPES_FULL);
    error_record(&x, NULL, f, 1);
}

void run_exchange_error(struct run *r, struct stage *s, const char *exception, const char *message,
                        int category, const char *category_name, const char *target)
{
    const char *shortname = strrchr(exception, '.');
    unsigned hash = 2166136261u;
    guid_text request;
    time_text when;
    char id[400];

    for (const char *p = message; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    random_guid(request, 0);
    text_us_time(model_now(&lab.m), when);
    if (lab.opt.generation == EXCHANGE_2010)
        lab_print(id, sizeof id, "%X,Microsoft.Exchange.Management.%s", hash, s->c->module_class);
    else
        lab_print(id, sizeof id,
                  "[Server=CAS%u,RequestId=%s,TimeStamp=%s] [FailureCategory=Cmdlet-%s] %X,"
                  "Microsoft.Exchange.Management.%s",
                  r->shell->cas + 1, request, when, shortname ? shortname + 1 : exception, hash,
                  s->c->module_class);
    run_error(r, &(struct failure){ .exception = exception,
                                    .message = message,
                                    .id = id,
                                    .category = category,
                                    .category_name = category_name,
                                    .target = target,
                                    .activity = s->c->name });
}

static void ask(struct run *r, const char *question)
{
    static const char *const label[4] = { "&Yes", "Yes to &All", "&No", "No to A&ll" };
    struct cx x;

    r->call_id = ++r->shell->calls;
    cx_begin(&x, run_message(r, MSG_PIPELINE_HOST_CALL), SHAPES_FULL);
    cx_open(&x, NULL, NULL, NULL);
    BUF_LIT(x.b, "<MS>");
    buf_fmt(x.b, "<I64 N=\"ci\">%lld</I64>", (long long)r->call_id);
    cx_enum(&x, "mi", types_method, "PromptForChoice", 26);
    cx_open(&x, "mp", types_arraylist, NULL);
    BUF_LIT(x.b, "<LST>");
    cx_string(&x, NULL, "Confirm");
    cx_string(&x, NULL, question);
    cx_open(&x, NULL, types_choices, NULL);
    BUF_LIT(x.b, "<LST>");
    for (int i = 0; i < 4; i++) {
        cx_open(&x, NULL, NULL, NULL);
        BUF_LIT(x.b, "<MS>");
        cx_string(&x, "helpMessage", "");
        cx_string(&x, "label", label[i]);
        BUF_LIT(x.b, "</MS>");
        cx_close(&x);
    }
    BUF_LIT(x.b, "</LST>");
    cx_close(&x);
    cx_int(&x, NULL, 0);
    BUF_LIT(x.b, "</LST>");
    cx_close(&x);
    BUF_LIT(x.b, "</MS>");
    cx_close(&x);
    r->state = RUN_ASKING;
}

int run_confirm(struct run *r, struct stage *s, const char *question, int always)
{
    int wanted = stage_switch(s, "Confirm", always || (s->c->flags & CMD_CONFIRMS));

    if (fault_strikes("host-call", s->c->name, NULL))
        wanted = 1;
    if (!wanted)
        return 1;
    if (r->answer >= 0) {
        int yes = r->answer == 0 || r->answer == 1;

        r->answer = -1;
        return yes;
    }
    if (r->shell->host_null) {
        run_fail(r, &(struct failure){
                        .exception = "System.Management.Automation.Host.HostException",
                        .message = "A command that prompts the user failed because the host "
                                   "program or the command type does not support user "
                                   "interaction. Try a host program that supports user "
                                   "interaction, such as the Windows PowerShell Console or "
                                   "Windows PowerShell ISE, and remove prompt-related commands "
                                   "from command types that do not support user interaction.",
                        .id = "HostFunctionNotImplemented",
                        .category = 6,
                        .category_name = "NotImplemented",
                        .target = "",
                        .activity = s->c->name });
        return -1;
    }
    ask(r, question);
    return -1;
}

/* What a server under load says although nothing is wrong. */
static void nuisances(struct run *r, const struct stage *s)
{
    char text[300];

    if (s->c->flags & CMD_ENGINE)
        return;
    if (fault_strikes("throttle-micro", s->c->name, NULL) ||
        (lab.opt.throttle && ++r->shell->cmdlets % 10 == 0))
        run_warn(r, "Micro delay applied. Actual delayed: 12 msecs, Enforced: True, Capped delay: "
                    "12 msecs, Required: False, Additional info: .; PolicyDN: CN="
                    "GlobalThrottlingPolicy_1b6e5a0c,CN=Global Settings; Snapshot: Owner: "
                    "svc-easgate, BudgetType: PowerShell.");
    if (fault_strikes("warning", s->c->name, NULL)) {
        lab_print(text, sizeof text,
                  "The object %s has been corrupted, and it's in an inconsistent "
                  "state.",
                  s->c->name);
        run_warn(r, text);
    }
}

void run_over_budget(struct run *r, unsigned wait_ms)
{
    char message[500];

    lab_print(message, sizeof message,
              "The user load quota of 25 requests per 5 seconds has been exceeded. The next request "
              "from this user will not be approved for at least %u milliseconds. Policy: "
              "CN=GlobalThrottlingPolicy_1b6e5a0c; Snapshot: Owner: svc-easgate, BudgetType: "
              "PowerShell, PowerShellCmdletsLeft: 0/25.",
              wait_ms);
    run_fail(r, &(struct failure){
                    .exception = "Microsoft.Exchange.Data.Directory.OverBudgetException",
                    .message = message,
                    .id = "[Server=CAS1,RequestId=0b0c1c5e-1111-4222-8333-444455556666,TimeStamp="
                          "11/25/2026 2:00:00 PM] [FailureCategory=Cmdlet-OverBudgetException] "
                          "A1B2C3D4,Microsoft.Exchange.Configuration.Tasks.Task",
                });
}

static int over_budget(struct run *r, const struct stage *s)
{
    if ((s->c->flags & CMD_ENGINE) || !fault_strikes("over-budget", s->c->name, NULL))
        return 0;
    run_over_budget(r, 1500);
    return 1;
}

static void open_from(struct run *r, unsigned first)
{
    for (unsigned i = first; i < r->n_stages; i++) {
        struct stage *s = &r->stages[i];

        r->opening = i;
        if (!s->opened) {
            s->opened = 1;
            cmdlet_count(s->c);
            nuisances(r, s);
            if (over_budget(r, s) || profile_refuses(r, s))
                return;
        }
        if (!s->c->open || s->c->open(r, s))
            continue;
        if (r->state == RUN_GOING) /* a prompt answered with no: nothing comes out */
            s->limit = 0;
        else
            return;
    }
}

static void start_statement(struct run *r)
{
    const struct clx *cmds = r->cmds;

    if (r->statements)
        cmds = clx_get(r->statements->v[r->statement].value, "Cmds");
    drop_stages(r);
    r->state = RUN_GOING;
    if (!run_bind(r, cmds))
        return;
    open_from(r, 0);
}

/* Whether any command of any statement changes the organisation. */
static int scan(const struct clx *cmds)
{
    int writes = 0;

    for (size_t i = 0; cmds && i < cmds->n; i++) {
        const struct cmdlet *c = cmdlet_find(clx_text(clx_get(cmds->v[i].value, "Cmd")));

        writes |= c && (c->flags & CMD_WRITES);
    }
    return writes;
}

/* One object, or the next statement, or the end. */
static void step(struct run *r)
{
    struct item it = { 0 };
    struct stage *last = &r->stages[r->n_stages - 1];

    if (last->c->next && last->c->next(r, last, &it)) {
        run_emit(r, &it);
        return;
    }
    if (r->state != RUN_GOING)
        return;
    if (r->statements && ++r->statement < r->statements->n)
        start_statement(r);
    else
        finish(r);
}

/* What changes something does so now, whether or not the client ever asks for the output. */
static void drain(struct run *r)
{
    while (r->writes && r->state == RUN_GOING)
        step(r);
}

static void go(struct run *r)
{
    start_statement(r);
    drain(r);
}

static int create(struct run *r, const struct psrp_message *m, const char **why)
{
    const struct clx *root;
    const struct clx *shell;
    const struct clx *host;
    const struct clx *extra;

    if (r->doc) {
        *why = "a second CREATE_PIPELINE on one command";
        return 0;
    }
    memcpy(r->pid, m->pipeline, 16);
    r->doc = clx_parse(m->data, m->n, why);
    if (!r->doc)
        return 0;
    root = clx_root(r->doc);
    shell = clx_get(root, "PowerShell");
    r->cmds = clx_get(shell, "Cmds");
    if (!r->cmds || r->cmds->kind != CLX_LIST || !r->cmds->n) {
        *why = "CREATE_PIPELINE holds no PowerShell/Cmds list";
        return 0;
    }
    r->writes = scan(r->cmds);
    extra = clx_get(shell, "ExtraCmds");
    if (extra && extra->kind == CLX_LIST && extra->n) {
        r->statements = extra;
        for (size_t i = 0; i < extra->n; i++) {
            const struct clx *c = clx_get(extra->v[i].value, "Cmds");

            if (!c || c->kind != CLX_LIST || !c->n) {
                *why = "a statement of ExtraCmds holds no Cmds list";
                return 0;
            }
            r->writes |= scan(c);
        }
    }
    host = clx_get(root, "HostInfo");
    if (host && !clx_true(clx_get(host, "_useRunspaceHost")))
        r->shell->host_null = clx_true(clx_get(host, "_isHostNull"));
    r->asks_input = !clx_true(clx_get(root, "NoInput"));
    lab.stats.pipelines++;
    if (!r->asks_input || r->ended_input)
        go(r);
    return 1;
}

/* GET_COMMAND_METADATA is a Get-Command with its own message: a count, then the commands. */
static int metadata(struct run *r, const struct psrp_message *m, const char **why)
{
    static const struct cmdlet none = { .name = "Get-Command" };
    struct stage *s = &r->stages[0];
    const struct clx *names;
    struct buf *b;
    uint64_t count = 0;

    memcpy(r->pid, m->pipeline, 16);
    r->doc = clx_parse(m->data, m->n, why);
    if (!r->doc)
        return 0;
    names = clx_get(clx_root(r->doc), "Name");
    r->n_stages = 1;
    s->c = &none;
    lab.stats.pipelines++;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; cmdlets[i]; i++) {
            int hit = clx_is_nil(names);
            struct item it = { .kind = &kind_command, .index = i };

            if (!cmdlet_visible(cmdlets[i]))
                continue;
            for (size_t k = 0; names && k < names->n; k++)
                hit |= lab_like(cmdlets[i]->name, clx_text(names->v[k].value));
            if (!hit)
                continue;
            if (pass)
                run_emit(r, &it);
            count++;
        }
        if (pass)
            break;
        b = run_message(r, MSG_PIPELINE_OUTPUT);
        buf_fmt(b,
                "<Obj RefId=\"0\"><TN RefId=\"0\"><T>Selected.Microsoft.PowerShell.Commands."
                "GenericMeasureInfo</T><T>System.Management.Automation.PSCustomObject</T>"
                "<T>System.Object</T></TN><MS><I32 N=\"Count\">%llu</I32></MS></Obj>",
                (unsigned long long)count);
    }
    if (r->state != RUN_DONE)
        state_message(r, 4);
    return 1;
}

static int answered(struct run *r, const struct psrp_message *m, const char **why)
{
    struct clx_doc *d = clx_parse(m->data, m->n, why);

    if (!d)
        return 0;
    if (strtoll(clx_text(clx_get(clx_root(d), "ci")), NULL, 10) == r->call_id &&
        r->state == RUN_ASKING) {
        const struct clx *mr = clx_get(clx_root(d), "mr");

        r->answer = clx_is_nil(mr) ? 2 : (int)strtol(clx_text(mr), NULL, 10);
        r->state = RUN_GOING;
        open_from(r, r->opening);
        drain(r);
    }
    clx_free(d);
    return 1;
}

int run_feed(struct run *r, const unsigned char *p, size_t n, const char **why)
{
    struct psrp_message m;

    while (n) {
        int got = defrag_feed(&r->in, &p, &n, &m, why);
        int ok = 1;

        if (got < 0)
            return 0;
        if (!got)
            continue;
        if (memcmp(m.pool, r->shell->rpid, 16) != 0) {
            *why = "a message names another runspace pool";
            return 0;
        }
        switch (m.type) {
        case MSG_CREATE_PIPELINE: ok = create(r, &m, why); break;
        case MSG_GET_COMMAND_METADATA: ok = metadata(r, &m, why); break;
        case MSG_PIPELINE_INPUT: break; /* our cmdlets take no pipeline input from outside */
        case MSG_END_OF_INPUT:
            r->ended_input = 1;
            if (r->doc && r->asks_input && r->state == RUN_COLLECTING)
                go(r);
            break;
        case MSG_PIPELINE_HOST_RESPONSE: ok = answered(r, &m, why); break;
        default: *why = "a message of a type that a server does not take here"; return 0;
        }
        if (!ok)
            return 0;
    }
    return 1;
}

int run_produce(struct run *r)
{
    while (!r->first && r->state == RUN_GOING)
        step(r);
    return r->first != NULL;
}
