/* SPDX-License-Identifier: Apache-2.0
 *
 * One pipeline: CREATE_PIPELINE, its output and records, its end.
 */
#include <string.h>

#include "psrp_machine.h"

#include "err.h"
#include "text.h"

#define MAX_REQUEST ((size_t)4 * 1024 * 1024)

static const char *const apartment_types[] = {
    "System.Management.Automation.Runspaces.ApartmentState", "System.Enum", "System.ValueType",
    "System.Object", NULL
};
static const char *const stream_types[] = {
    "System.Management.Automation.Runspaces.RemoteStreamOptions", "System.Enum", "System.ValueType",
    "System.Object", NULL
};
static const char *const list_types[] = {
    "System.Collections.Generic.List`1[[System.Management.Automation.PSObject, "
    "System.Management.Automation, Version=1.0.0.0, Culture=neutral, "
    "PublicKeyToken=31bf3856ad364e35]]",
    "System.Object", NULL
};
static const char *const result_types[] = {
    "System.Management.Automation.Runspaces.PipelineResultTypes", "System.Enum", "System.ValueType",
    "System.Object", NULL
};

static void put_none(struct clixml_writer *w, const char *name)
{
    clixml_put_enum(w, name, result_types, "None", 0);
}

static void put_arguments(struct clixml_writer *w, const struct psrp_command *c)
{
    clixml_put_obj(w, "Args", list_types);
    if (c->n == 0) {
        strbuf_adds(w->out, "<LST />");
    } else {
        clixml_open(w, "LST");
        for (size_t i = 0; i < c->n; i++) {
            const struct psrp_parameter *a = &c->parameters[i];

            clixml_put_obj(w, NULL, NULL);
            clixml_open(w, "MS");
            if (a->name)
                clixml_put(w, "S", "N", a->name, strlen(a->name));
            else
                clixml_put_nil(w, "N");
            clixml_put_value(w, "V", &a->value);
            clixml_close(w, "MS");
            clixml_close(w, "Obj");
        }
        clixml_close(w, "LST");
    }
    clixml_close(w, "Obj");
}

static void put_command(struct clixml_writer *w, const struct psrp_command *c, unsigned minor)
{
    clixml_put_obj(w, NULL, NULL);
    clixml_open(w, "MS");
    clixml_put(w, "S", "Cmd", c->name, strlen(c->name));
    clixml_put_bool(w, "IsScript", 0);
    clixml_put_nil(w, "UseLocalScope");
    put_none(w, "MergeMyResult");
    put_none(w, "MergeToResult");
    put_none(w, "MergePreviousResults");
    put_arguments(w, c);
    if (minor >= 2) {
        put_none(w, "MergeError");
        put_none(w, "MergeWarning");
        put_none(w, "MergeVerbose");
        put_none(w, "MergeDebug");
    }
    if (minor >= 3)
        put_none(w, "MergeInformation");
    clixml_close(w, "MS");
    clixml_close(w, "Obj");
}

static void put_pipeline(struct clixml_writer *w, const struct psrp_pipeline_options *o,
                         unsigned minor)
{
    clixml_put_obj(w, NULL, NULL);
    clixml_open(w, "MS");
    clixml_put_bool(w, "NoInput", 1);
    clixml_put_enum(w, "ApartmentState", apartment_types, "UNKNOWN", 2);
    /* 0 is no member of this enum, and .NET writes such a value as its number. */
    clixml_put_enum(w, "RemoteStreamOptions", stream_types,
                    o->stream_options == PSRP_ADD_INVOCATION_INFO ? "AddInvocationInfo" : "0",
                    (int32_t)o->stream_options);
    clixml_put_bool(w, "AddToHistory", 0);
    clixml_put_obj(w, "HostInfo", NULL);
    strbuf_adds(w->out,
                "<MS><B N=\"_isHostNull\">true</B><B N=\"_isHostUINull\">true</B>"
                "<B N=\"_isHostRawUINull\">true</B><B N=\"_useRunspaceHost\">true</B></MS>");
    clixml_close(w, "Obj");
    clixml_put_obj(w, "PowerShell", NULL);
    clixml_open(w, "MS");
    clixml_put_bool(w, "IsNested", 0);
    clixml_put_nil(w, "ExtraCmds");
    clixml_put_obj(w, "Cmds", list_types);
    clixml_open(w, "LST");
    for (size_t i = 0; i < o->n; i++)
        put_command(w, &o->commands[i], minor);
    clixml_close(w, "LST");
    clixml_close(w, "Obj");
    clixml_put_nil(w, "History");
    clixml_put_bool(w, "RedirectShellErrorOutputPipe", 0);
    clixml_close(w, "MS");
    clixml_close(w, "Obj");
    clixml_put_bool(w, "IsNested", 0);
    clixml_close(w, "MS");
    clixml_close(w, "Obj");
}

easg_status psrp_pipeline_create(struct psrp_pool *pool,
                                 const struct psrp_pipeline_options *options,
                                 struct psrp_pipeline **out, easg_error *err)
{
    struct psrp_pipeline *p;
    struct clixml_writer w;
    easg_status st;

    if (pool->state != PSRP_POOL_OPENED)
        return err_set(err, EASG_E_USAGE, "pipeline on a runspace pool that is not open");
    p = mem_alloc(sizeof(*p));
    if (!p)
        return err_nomem(err);
    p->pool = pool;
    p->id = options->id;
    p->user = options->user;
    strbuf_init(&p->message, MAX_REQUEST);
    psrp_defrag_init(&p->stream, pool->max_message);
    psrp_message_header(&p->message, PSRP_CREATE_PIPELINE, &pool->id, &p->id);
    clixml_writer_init(&w, &p->message);
    put_pipeline(&w, options, pool->minor);
    st = clixml_writer_status(&w);
    if (st == EASG_E_LIMIT)
        (void)err_set(err, st, "%s: parameters of more than %zu bytes", options->commands[0].name,
                      MAX_REQUEST);
    else if (st == EASG_E_USAGE)
        (void)err_set(err, st, "%s: a parameter is not UTF-8", options->commands[0].name);
    else if (st != EASG_OK)
        (void)err_nomem(err);
    p->next = pool->pipelines;
    pool->pipelines = p;
    if (st != EASG_OK) {
        psrp_pipeline_destroy(p);
        return st;
    }
    psrp_cutter_init(&p->cutter, pool->next_object++, p->message.ptr, p->message.len);
    *out = p;
    return EASG_OK;
}

void psrp_pipeline_destroy(struct psrp_pipeline *p)
{
    struct psrp_pipeline **at;

    if (!p)
        return;
    for (at = &p->pool->pipelines; *at && *at != p; at = &(*at)->next)
        ;
    if (*at)
        *at = p->next;
    strbuf_clear(&p->message);
    psrp_defrag_clear(&p->stream);
    mem_free(p);
}

easg_status psrp_pipeline_take(struct psrp_pipeline *p, size_t max, struct strbuf *out, int *more,
                               easg_error *err)
{
    *more = psrp_cutter_next(&p->cutter, max, out);
    if (!*more)
        strbuf_clear(&p->message);
    if (strbuf_status(out) != EASG_OK)
        return strbuf_status(out) == EASG_E_NOMEM
                   ? err_nomem(err)
                   : err_set(err, EASG_E_USAGE, "no room for a fragment");
    if (p->state == PSRP_NOT_STARTED)
        p->state = PSRP_RUNNING;
    return EASG_OK;
}

enum psrp_pipeline_state psrp_pipeline_state(const struct psrp_pipeline *p)
{
    return p->state;
}

unsigned psrp_pipeline_errors(const struct psrp_pipeline *p)
{
    return p->errors;
}

const struct wsman_guid *psrp_pipeline_id(const struct psrp_pipeline *p)
{
    return &p->id;
}

void *psrp_pipeline_user(const struct psrp_pipeline *p)
{
    return p->user;
}

/* ---- what comes back ---- */

/* ci -100: no answer is waited for (the screen: colours, titles, progress). Everything else wants
 * an answer, and nobody is there to give one: there is no automatic yes. */
easg_status psrp_host_call(struct psrp_pool *pool, struct psrp_pipeline *p,
                           const struct psrp_message *m, easg_error *err)
{
    const struct clixml_value *v;
    struct psrp_record r = { .kind = PSRP_R_PROMPT };
    int64_t call;
    easg_status st = clixml_tree_read(pool->tree, m->xml, m->len, &v, err);

    if (st != EASG_OK)
        return st;
    r.message = clixml_get_text(v, "mi");
    if (!clixml_get_int(v, "ci", &call) || !r.message.ptr)
        return err_set(err, EASG_E_PROTOCOL, "host call without its id or method");
    if (call == -100) {
        psrp_note(pool, "ignored a host call that wants no answer");
        return EASG_OK;
    }
    if (p)
        p->state = PSRP_FAILED;
    else
        pool->state = PSRP_POOL_BROKEN;
    return pool->handler->record(pool->user, p, &r, err);
}

static easg_status take_state(struct psrp_pipeline *p, const struct clixml_value *v,
                              easg_error *err)
{
    const struct clixml_value *e = clixml_get(v, "ExceptionAsErrorRecord");
    int64_t state;

    if (!clixml_get_int(v, "PipelineState", &state) || state < 0 || state > 6)
        return err_set(err, EASG_E_PROTOCOL, "PIPELINE_STATE without a state");
    if (state == 6)
        return err_set(err, EASG_E_PROTOCOL, "pipeline was disconnected, which nobody asked for");
    p->state = (enum psrp_pipeline_state)state;
    return e ? psrp_emit_error(p->pool, p, PSRP_R_FAILURE, e, err) : EASG_OK;
}

static easg_status informational(struct psrp_pipeline *p, enum psrp_record_kind kind,
                                 const struct clixml_value *v, const char *member, easg_error *err)
{
    struct psrp_record r = { .kind = kind, .message = clixml_get_text(v, member) };

    if (!r.message.ptr)
        r.message = clixml_text(v);
    return p->pool->handler->record(p->pool->user, p, &r, err);
}

static easg_status with_tree(struct psrp_pipeline *p, const struct psrp_message *m, easg_error *err)
{
    static const char member[] = "InformationalRecord_Message";
    const struct clixml_value *v;
    easg_status st = clixml_tree_read(p->pool->tree, m->xml, m->len, &v, err);

    if (st != EASG_OK)
        return st;
    switch (m->type) {
    case PSRP_PIPELINE_STATE: return take_state(p, v, err);
    case PSRP_WARNING_RECORD: return informational(p, PSRP_R_WARNING, v, member, err);
    case PSRP_VERBOSE_RECORD: return informational(p, PSRP_R_VERBOSE, v, member, err);
    case PSRP_DEBUG_RECORD: return informational(p, PSRP_R_DEBUG, v, member, err);
    case PSRP_PROGRESS_RECORD: return informational(p, PSRP_R_PROGRESS, v, "Activity", err);
    case PSRP_INFORMATION_RECORD:
        return informational(p, PSRP_R_INFORMATION, v, "MessageData", err);
    default: p->errors++; return psrp_emit_error(p->pool, p, PSRP_R_ERROR, v, err);
    }
}

easg_status psrp_pipeline_message(struct psrp_pipeline *p, const struct psrp_message *m,
                                  easg_error *err)
{
    easg_status st;

    switch (m->type) {
    case PSRP_PIPELINE_OUTPUT:
        if (p->state >= PSRP_STOPPED)
            return err_set(err, EASG_E_PROTOCOL, "output of a pipeline that has ended");
        return p->pool->handler->output(p->pool->user, p, m->xml, m->len, err);
    case PSRP_PIPELINE_HOST_CALL: st = psrp_host_call(p->pool, p, m, err); break;
    case PSRP_ERROR_RECORD:
    case PSRP_PIPELINE_STATE:
    case PSRP_WARNING_RECORD:
    case PSRP_VERBOSE_RECORD:
    case PSRP_DEBUG_RECORD:
    case PSRP_PROGRESS_RECORD:
    case PSRP_INFORMATION_RECORD: st = with_tree(p, m, err); break;
    default:
        psrp_note(p->pool, "skipped %s of a pipeline", psrp_type_name(m->type));
        return EASG_OK;
    }
    /* The handler's own refusal keeps its text; ours gets the message's name. */
    return st == EASG_E_PROTOCOL ? err_at(err, st, "%s", psrp_type_name(m->type)) : st;
}
