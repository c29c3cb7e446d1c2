/* SPDX-License-Identifier: Apache-2.0
 *
 * The runspace pool: opening it, its state, and which machine a message belongs to.
 */
#include "psrp_pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "psrp_machine.h"

#include "err.h"
#include "text.h"

#define MAX_MESSAGE ((size_t)16 * 1024 * 1024)
#define MAX_TREE    ((size_t)64 * 1024 * 1024)

static const char *const thread_types[] = {
    "System.Management.Automation.Runspaces.PSThreadOptions", "System.Enum", "System.ValueType",
    "System.Object", NULL
};
static const char *const apartment_types[] = {
    "System.Management.Automation.Runspaces.ApartmentState", "System.Enum", "System.ValueType",
    "System.Object", NULL
};

void psrp_note(const struct psrp_pool *pool, const char *fmt, ...)
{
    char text[256];
    va_list args;

    if (!pool->handler->note)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    pool->handler->note(pool->user, text);
}

easg_status psrp_pool_create(const struct psrp_pool_options *options, struct psrp_pool **out,
                             easg_error *err)
{
    struct psrp_pool *pool = mem_alloc(sizeof(*pool));
    easg_status st;

    if (!pool)
        return err_nomem(err);
    pool->id = options->id;
    pool->handler = options->handler;
    pool->user = options->user;
    pool->max_message = options->max_message ? options->max_message : MAX_MESSAGE;
    pool->next_object = 1;
    psrp_defrag_init(&pool->stream, pool->max_message);
    st = clixml_tree_create(pool->max_message, MAX_TREE, &pool->tree, err);
    if (st != EASG_OK) {
        psrp_pool_destroy(pool);
        return st;
    }
    *out = pool;
    return EASG_OK;
}

void psrp_pool_destroy(struct psrp_pool *pool)
{
    if (!pool)
        return;
    while (pool->pipelines)
        psrp_pipeline_destroy(pool->pipelines);
    clixml_tree_destroy(pool->tree);
    psrp_defrag_clear(&pool->stream);
    mem_free(pool);
}

enum psrp_pool_state psrp_pool_state(const struct psrp_pool *pool)
{
    return pool->state;
}

unsigned psrp_pool_minor(const struct psrp_pool *pool)
{
    return pool->minor;
}

const char *psrp_pool_engine(const struct psrp_pool *pool)
{
    return pool->engine;
}

static void put_message(struct psrp_pool *pool, uint32_t type, const struct strbuf *xml,
                        struct strbuf *out)
{
    struct strbuf message = STRBUF_INIT(64 * 1024);
    struct psrp_cutter cutter;

    psrp_message_header(&message, type, &pool->id, NULL);
    strbuf_add(&message, xml->ptr, xml->len);
    psrp_cutter_init(&cutter, pool->next_object++, message.ptr, message.len);
    if (strbuf_status(&message) == EASG_OK)
        (void)psrp_cutter_next(&cutter, PSRP_FRAGMENT_MAX, out);
    else
        out->status = message.status;
    strbuf_clear(&message);
}

easg_status psrp_pool_open(struct psrp_pool *pool, struct strbuf *out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf xml = STRBUF_INIT(64 * 1024);
    struct clixml_writer w;

    xassert(pool->state == PSRP_POOL_NEW);
    strbuf_adds(&xml, "<Obj RefId=\"0\"><MS><Version N=\"protocolversion\">2.3</Version>"
                      "<Version N=\"PSVersion\">2.0</Version>"
                      "<Version N=\"SerializationVersion\">1.1.0.1</Version></MS></Obj>");
    if (strbuf_status(&xml) != EASG_OK)
        return err_nomem(err);
    put_message(pool, PSRP_SESSION_CAPABILITY, &xml, out);

    strbuf_reset(&xml);
    clixml_writer_init(&w, &xml);
    clixml_put_obj(&w, NULL, NULL);
    clixml_open(&w, "MS");
    clixml_put_int(&w, "MinRunspaces", 1);
    clixml_put_int(&w, "MaxRunspaces", 1);
    clixml_put_enum(&w, "PSThreadOptions", thread_types, "Default", 0);
    clixml_put_enum(&w, "ApartmentState", apartment_types, "UNKNOWN", 2);
    clixml_put_obj(&w, "HostInfo", NULL);
    strbuf_adds(&xml, "<MS><B N=\"_isHostNull\">true</B><B N=\"_isHostUINull\">true</B>"
                      "<B N=\"_isHostRawUINull\">true</B><B N=\"_useRunspaceHost\">true</B></MS>");
    clixml_close(&w, "Obj");
    clixml_put_nil(&w, "ApplicationArguments");
    clixml_close(&w, "MS");
    clixml_close(&w, "Obj");
    if (clixml_writer_status(&w) != EASG_OK)
        return err_nomem(err);
    put_message(pool, PSRP_INIT_RUNSPACEPOOL, &xml, out);
    if (strbuf_status(out) != EASG_OK)
        return strbuf_status(out) == EASG_E_NOMEM
                   ? err_nomem(err)
                   : err_set(err, EASG_E_USAGE, "no room for the opening messages");
    pool->state = PSRP_POOL_OPENING;
    return EASG_OK;
}

/* ---- messages of the pool ---- */

easg_status psrp_emit_error(struct psrp_pool *pool, struct psrp_pipeline *p,
                            enum psrp_record_kind kind, const struct clixml_value *v,
                            easg_error *err)
{
    static const char again[] = "Deserialized.";
    const struct clixml_value *exception = clixml_get(v, "Exception");
    struct psrp_record r = { .kind = kind,
                             .message = clixml_get_text(exception, "Message"),
                             .id = clixml_get_text(v, "FullyQualifiedErrorId"),
                             .exception = clixml_type(exception),
                             .reason = clixml_get_text(v, "ErrorCategory_Reason"),
                             .category = clixml_get_text(v, "ErrorCategory_Message"),
                             .activity = clixml_get_text(v, "ErrorCategory_Activity"),
                             .target = clixml_get_text(v, "ErrorCategory_TargetName") };
    size_t n = sizeof(again) - 1;

    /* What a person reads: the record's own text, else that of the exception. */
    if (!text_blank(&(easg_str){ clixml_text(v).ptr, clixml_text(v).len }))
        r.message = clixml_text(v);
    if (r.exception.len > n && memcmp(r.exception.ptr, again, n) == 0) {
        r.exception.ptr += n;
        r.exception.len -= n;
    }
    return pool->handler->record(pool->user, p, &r, err);
}

static easg_status take_capability(struct psrp_pool *pool, const struct clixml_value *v,
                                   easg_error *err)
{
    easg_str version = clixml_get_text(v, "protocolversion");
    uint64_t minor;
    char safe[40];

    if (pool->minor)
        return err_set(err, EASG_E_PROTOCOL, "second SESSION_CAPABILITY");
    if (version.len < 3 || memcmp(version.ptr, "2.", 2) != 0 ||
        !text_parse_u64(version.ptr + 2, version.len - 2, &minor) || minor < 1)
        return err_set(err, EASG_E_UNSUPPORTED,
                       "server speaks version %s of the PowerShell remoting protocol; this agent "
                       "speaks 2.1 to 2.3",
                       text_safe(version.ptr ? version.ptr : "(none)",
                                 version.ptr ? version.len : 6, safe, sizeof(safe)));
    pool->minor = minor > 3 ? 3 : (unsigned)minor;
    return EASG_OK;
}

static easg_status take_state(struct psrp_pool *pool, const struct clixml_value *v, easg_error *err)
{
    const struct clixml_value *e = clixml_get(v, "ExceptionAsErrorRecord");
    int64_t state;

    if (!clixml_get_int(v, "RunspaceState", &state))
        return err_set(err, EASG_E_PROTOCOL, "RUNSPACEPOOL_STATE without a state");
    /* Above 5 the specification and Windows disagree: none of it means open or gone. */
    if (state == 2) {
        if (!pool->minor)
            return err_set(err, EASG_E_PROTOCOL, "pool opened without SESSION_CAPABILITY");
        pool->state = PSRP_POOL_OPENED;
    } else if (state == 3) {
        pool->state = PSRP_POOL_CLOSED;
    } else if (state == 5) {
        pool->state = PSRP_POOL_BROKEN;
    }
    return e ? psrp_emit_error(pool, NULL, PSRP_R_FAILURE, e, err) : EASG_OK;
}

static void take_private_data(struct psrp_pool *pool, const struct clixml_value *v)
{
    const struct clixml_value *entry = clixml_items(clixml_get(v, "ApplicationPrivateData"));

    for (; entry; entry = entry->next) {
        const struct clixml_value *inner = clixml_items(entry);
        easg_str key = clixml_text(entry->key);

        if (!text_eq(&key, "PSVersionTable"))
            continue;
        for (; inner; inner = inner->next) {
            easg_str name = clixml_text(inner->key);
            easg_str text = clixml_text(inner);

            if (text_eq(&name, "PSVersion") && text.ptr)
                (void)text_safe(text.ptr, text.len, pool->engine, sizeof(pool->engine));
        }
    }
}

static easg_status pool_message(struct psrp_pool *pool, const struct psrp_message *m,
                                easg_error *err)
{
    const struct clixml_value *v;
    struct psrp_record r = { .kind = PSRP_R_WARNING };
    easg_status st;

    switch (m->type) {
    case PSRP_SESSION_CAPABILITY:
    case PSRP_RUNSPACEPOOL_STATE:
    case PSRP_APPLICATION_PRIVATE_DATA:
    case PSRP_WARNING_RECORD:
    case PSRP_ERROR_RECORD: break;
    case PSRP_RUNSPACEPOOL_HOST_CALL: return psrp_host_call(pool, NULL, m, err);
    case PSRP_PUBLIC_KEY_REQUEST:
        return err_set(err, EASG_E_UNSUPPORTED,
                       "server asks for a key to encrypt passwords with, which no cmdlet of this "
                       "agent needs");
    default: psrp_note(pool, "skipped %s of the pool", psrp_type_name(m->type)); return EASG_OK;
    }
    st = clixml_tree_read(pool->tree, m->xml, m->len, &v, err);
    if (st != EASG_OK)
        return st;
    switch (m->type) {
    case PSRP_SESSION_CAPABILITY: return take_capability(pool, v, err);
    case PSRP_RUNSPACEPOOL_STATE: return take_state(pool, v, err);
    case PSRP_APPLICATION_PRIVATE_DATA: take_private_data(pool, v); return EASG_OK;
    case PSRP_ERROR_RECORD: return psrp_emit_error(pool, NULL, PSRP_R_ERROR, v, err);
    default:
        r.message = clixml_get_text(v, "InformationalRecord_Message");
        if (!r.message.ptr)
            r.message = clixml_text(v);
        return pool->handler->record(pool->user, NULL, &r, err);
    }
}

static easg_status on_message(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct psrp_pool *pool = user;
    struct psrp_pipeline *p;
    struct psrp_message m;
    easg_status st = psrp_message_parse(ptr, len, &m, err);

    if (st != EASG_OK)
        return st;
    /* The first message of a server has no pool id yet. */
    if (!wsman_guid_zero(&m.rpid) && !wsman_guid_eq(&m.rpid, &pool->id))
        return err_set(err, EASG_E_PROTOCOL, "%s of another runspace pool", psrp_type_name(m.type));
    if (wsman_guid_zero(&m.pid)) {
        st = pool_message(pool, &m, err);
        return st == EASG_OK ? EASG_OK : err_at(err, st, "%s", psrp_type_name(m.type));
    }
    for (p = pool->pipelines; p; p = p->next)
        if (wsman_guid_eq(&p->id, &m.pid))
            return psrp_pipeline_message(p, &m, err);
    psrp_note(pool, "skipped %s of a pipeline that is gone", psrp_type_name(m.type));
    return EASG_OK;
}

static struct psrp_defrag *stream_of(struct psrp_pool *pool, struct psrp_pipeline *p)
{
    return p ? &p->stream : &pool->stream;
}

easg_status psrp_feed_text(struct psrp_pool *pool, struct psrp_pipeline *p, const char *ptr,
                           size_t len, easg_error *err)
{
    return psrp_defrag_text(stream_of(pool, p), ptr, len, on_message, pool, err);
}

easg_status psrp_feed_end(struct psrp_pool *pool, struct psrp_pipeline *p, easg_error *err)
{
    return psrp_defrag_text_end(stream_of(pool, p), err);
}
