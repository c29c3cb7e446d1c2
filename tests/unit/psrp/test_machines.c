/* SPDX-License-Identifier: Apache-2.0
 *
 * The runspace pool and its pipelines against a server played by this file: versions, states, host
 * calls, key requests, messages of others, and everything that a server must not do.
 */
#include "check.h"

#include "base64.h"
#include "err.h"
#include "psrp_fragment.h"
#include "psrp_message.h"
#include "psrp_pool.h"
#include "text.h"

#define CAPABILITY(v)                                                                              \
    "<Obj RefId=\"0\"><MS><Version N=\"protocolversion\">" v "</Version></MS></Obj>"
#define STATE(n) "<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">" n "</I32></MS></Obj>"
#define ENDED(n) "<Obj RefId=\"0\"><MS><I32 N=\"PipelineState\">" n "</I32></MS></Obj>"
#define CALL(ci, name)                                                                             \
    "<Obj RefId=\"0\"><MS><I64 N=\"ci\">" ci "</I64><Obj N=\"mi\" RefId=\"1\"><ToString>" name     \
    "</ToString><I32>1</I32></Obj></MS></Obj>"

static struct wsman_guid pool_id = { { 1, 2, 3 } };
static struct wsman_guid pipe_id = { { 4, 5, 6 } };
static struct wsman_guid other_id = { { 9, 9, 9 } };
static struct wsman_guid zero;

struct world {
    struct psrp_pool *pool;
    struct psrp_pipeline *pipe;
    struct strbuf events;
    uint64_t object;
};

static easg_status on_output(void *user, struct psrp_pipeline *p, const char *xml, size_t len,
                             easg_error *err)
{
    struct world *w = user;

    (void)err;
    CHECK(psrp_pipeline_user(p) == w);
    strbuf_adds(&w->events, "output ");
    strbuf_add(&w->events, xml, len);
    return strbuf_addc(&w->events, ';');
}

static easg_status on_record(void *user, struct psrp_pipeline *p, const struct psrp_record *r,
                             easg_error *err)
{
    static const char *const kinds[] = { "error", "failure",     "warning",  "verbose",
                                         "debug", "information", "progress", "prompt" };
    struct world *w = user;

    (void)err;
    strbuf_addf(&w->events, "%s%s %s", p ? "" : "pool ", kinds[r->kind],
                r->message.ptr ? r->message.ptr : "-");
    if (r->id.ptr)
        strbuf_addf(&w->events, " [%s|%s|%s]", r->id.ptr, r->exception.ptr, r->reason.ptr);
    return strbuf_addc(&w->events, ';');
}

static void on_note(void *user, const char *text)
{
    struct world *w = user;

    strbuf_addf(&w->events, "(%s);", text);
}

static const struct psrp_handler handler = { on_output, on_record, on_note };

static unsigned long fail_next; /* the n-th allocation of the next feeding fails */

static easg_status say(struct world *w, uint32_t type, const struct wsman_guid *rpid,
                       const struct wsman_guid *pid, const char *xml, easg_error *err)
{
    struct strbuf message = STRBUF_INIT(65536);
    struct strbuf fragment = STRBUF_INIT(65536);
    struct strbuf text = STRBUF_INIT(131072);
    struct psrp_cutter cutter;
    easg_status st;

    psrp_message_header(&message, type, rpid, pid);
    message.ptr[0] = PSRP_TO_CLIENT;
    strbuf_adds(&message, "\xEF\xBB\xBF");
    strbuf_adds(&message, xml);
    psrp_cutter_init(&cutter, ++w->object, message.ptr, message.len);
    (void)psrp_cutter_next(&cutter, 65536, &fragment);
    base64_encode(&text, fragment.ptr, fragment.len);
    mem_fail_at(fail_next, 0);
    fail_next = 0;
    st = psrp_feed_text(w->pool, w->pipe, text.ptr, text.len, err);
    if (st == EASG_OK)
        st = psrp_feed_end(w->pool, w->pipe, err);
    mem_fail_at(0, 0);
    strbuf_clear(&message);
    strbuf_clear(&fragment);
    strbuf_clear(&text);
    return st;
}

static void begin(struct world *w)
{
    struct psrp_pool_options options = { .id = pool_id, .handler = &handler, .user = w };
    struct strbuf out = STRBUF_INIT(65536);
    easg_error err = EASG_ERROR_INIT;

    memset(w, 0, sizeof(*w));
    strbuf_init(&w->events, 65536);
    CHECK_INT(psrp_pool_create(&options, &w->pool, &err), EASG_OK);
    CHECK_INT(psrp_pool_open(w->pool, &out, &err), EASG_OK);
    CHECK_INT(psrp_pool_state(w->pool), PSRP_POOL_OPENING);
    strbuf_clear(&out);
}

static void end(struct world *w)
{
    psrp_pool_destroy(w->pool);
    strbuf_clear(&w->events);
}

static void open_and_run(struct world *w, const char *version)
{
    static const struct psrp_command commands[2] = { { "Get-MobileDevice", NULL, 0 },
                                                     { "Select-Object", NULL, 0 } };
    struct psrp_pipeline_options options = {
        .id = pipe_id, .commands = commands, .n = 2, .user = w
    };
    struct strbuf out = STRBUF_INIT(65536);
    easg_error err = EASG_ERROR_INIT;
    char capability[200];
    int more;

    begin(w);
    (void)snprintf(capability, sizeof(capability), CAPABILITY("%s"), version);
    CHECK_INT(say(w, PSRP_SESSION_CAPABILITY, &zero, &zero, capability, &err), EASG_OK);
    CHECK_INT(say(w, PSRP_RUNSPACEPOOL_STATE, &pool_id, &zero, STATE("2"), &err), EASG_OK);
    CHECK_INT(psrp_pool_state(w->pool), PSRP_POOL_OPENED);
    CHECK_INT(psrp_pipeline_create(w->pool, &options, &w->pipe, &err), EASG_OK);
    CHECK_INT(psrp_pipeline_take(w->pipe, 65536, &out, &more, &err), EASG_OK);
    CHECK_INT(more, 0);
    /* Merge flags came with 2.2, MergeInformation with 2.3. */
    CHECK((memmem(out.ptr, out.len, "MergeError", 10) != NULL) == (strcmp(version, "2.1") != 0));
    CHECK((memmem(out.ptr, out.len, "MergeInformation", 16) != NULL) ==
          (strcmp(version, "2.3") == 0));
    CHECK(memmem(out.ptr, out.len, "<B N=\"NoInput\">true</B>", 23) != NULL);
    CHECK(memmem(out.ptr, out.len, "Get-MobileDevice", 16) <
          memmem(out.ptr, out.len, "Select-Object", 13));
    strbuf_clear(&out);
}

/* ---- opening ---- */

static void opening(void)
{
    static const struct {
        const char *name;
        uint32_t type;
        const char *xml;
        easg_status status;
        const char *text;
    } rows[] = {
        { "version 3", PSRP_SESSION_CAPABILITY, CAPABILITY("3.0"), EASG_E_UNSUPPORTED,
          "SESSION_CAPABILITY: server speaks version 3.0 of the PowerShell remoting protocol; this "
          "agent speaks 2.1 to 2.3" },
        { "version 2.0", PSRP_SESSION_CAPABILITY, CAPABILITY("2.0"), EASG_E_UNSUPPORTED,
          "version 2.0" },
        { "no version", PSRP_SESSION_CAPABILITY, "<Obj RefId=\"0\"><MS/></Obj>", EASG_E_UNSUPPORTED,
          "version (none)" },
        { "open before the capability", PSRP_RUNSPACEPOOL_STATE, STATE("2"), EASG_E_PROTOCOL,
          "RUNSPACEPOOL_STATE: pool opened without SESSION_CAPABILITY" },
        { "no state", PSRP_RUNSPACEPOOL_STATE, "<Obj RefId=\"0\"><MS/></Obj>", EASG_E_PROTOCOL,
          "RUNSPACEPOOL_STATE without a state" },
        { "key request", PSRP_PUBLIC_KEY_REQUEST, "", EASG_E_UNSUPPORTED,
          "server asks for a key to encrypt passwords with" },
        { "broken CLIXML", PSRP_APPLICATION_PRIVATE_DATA, "<Obj RefId=\"0\">", EASG_E_PROTOCOL,
          "APPLICATION_PRIVATE_DATA: CLIXML: line 1: not well-formed XML" },
        { "empty message", PSRP_RUNSPACEPOOL_STATE, "", EASG_E_PROTOCOL,
          "RUNSPACEPOOL_STATE without a state" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        begin(&w);
        CHECK_INT(say(&w, rows[i].type, &zero, &zero, rows[i].xml, &err), rows[i].status);
        CHECK_HAS(err.message, rows[i].text);
        CHECK_INT(psrp_pool_state(w.pool), PSRP_POOL_OPENING);
        end(&w);
    }
}

static void twice_and_foreign(void)
{
    for (int foreign = 0; foreign < 2; foreign++) {
        struct world w;
        easg_error err = EASG_ERROR_INIT;

        ROW(foreign ? "message of another pool" : "second capability");
        begin(&w);
        CHECK_INT(say(&w, PSRP_SESSION_CAPABILITY, &zero, &zero, CAPABILITY("2.2"), &err), EASG_OK);
        if (foreign)
            CHECK_INT(say(&w, PSRP_RUNSPACEPOOL_STATE, &other_id, &zero, STATE("2"), &err),
                      EASG_E_PROTOCOL);
        else
            CHECK_INT(say(&w, PSRP_SESSION_CAPABILITY, &pool_id, &zero, CAPABILITY("2.2"), &err),
                      EASG_E_PROTOCOL);
        CHECK_STR(err.message, foreign ? "RUNSPACEPOOL_STATE of another runspace pool"
                                       : "SESSION_CAPABILITY: second SESSION_CAPABILITY");
        end(&w);
    }
}

static void pool_life(void)
{
    struct world w;
    easg_error err = EASG_ERROR_INIT;

    ROW("pool");
    begin(&w);
    CHECK_INT(say(&w, PSRP_SESSION_CAPABILITY, &zero, &zero, CAPABILITY("2.2"), &err), EASG_OK);
    CHECK_INT(psrp_pool_minor(w.pool), 2);
    CHECK_INT(say(&w, PSRP_RUNSPACEPOOL_STATE, &pool_id, &zero, STATE("1"), &err), EASG_OK);
    CHECK_INT(say(&w, PSRP_RUNSPACEPOOL_STATE, &pool_id, &zero, STATE("8"), &err), EASG_OK);
    CHECK_INT(psrp_pool_state(w.pool), PSRP_POOL_OPENING);
    CHECK_INT(say(&w, PSRP_USER_EVENT, &pool_id, &zero, "<S>x</S>", &err), EASG_OK);
    CHECK_INT(say(&w, 0x00077777, &pool_id, &zero, "<S>x</S>", &err), EASG_OK);
    CHECK_INT(say(&w, PSRP_WARNING_RECORD, &pool_id, &zero,
                  "<Obj RefId=\"0\"><ToString>careful</ToString></Obj>", &err),
              EASG_OK);
    CHECK_INT(say(&w, PSRP_RUNSPACEPOOL_HOST_CALL, &pool_id, &zero, CALL("-100", "WriteLine"),
                  &err),
              EASG_OK);
    CHECK_STR(strbuf_str(&w.events),
              "(skipped USER_EVENT of the pool);(skipped message type 0x00077777 of the pool);"
              "pool warning careful;(ignored a host call that wants no answer);");
    strbuf_reset(&w.events);
    CHECK_INT(
        say(&w, PSRP_RUNSPACEPOOL_STATE, &pool_id, &zero,
            "<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">5</I32><Obj "
            "N=\"ExceptionAsErrorRecord\" RefId=\"1\"><ToString>no more</ToString><MS><Obj "
            "N=\"Exception\" RefId=\"2\"><TN RefId=\"0\"><T>Deserialized.My.Exception</T></TN>"
            "</Obj><S N=\"FullyQualifiedErrorId\">id</S><S N=\"ErrorCategory_Reason\">why</S>"
            "</MS></Obj></MS></Obj>",
            &err),
        EASG_OK);
    CHECK_STR(strbuf_str(&w.events), "pool failure no more [id|My.Exception|why];");
    CHECK_INT(psrp_pool_state(w.pool), PSRP_POOL_BROKEN);
    end(&w);
}

/* ---- pipelines ---- */

static void pipeline_life(void)
{
    static const char *const versions[] = { "2.1", "2.2", "2.3" };

    for (size_t i = 0; i < 3; i++) {
        struct world w;
        easg_error err = EASG_ERROR_INIT;

        ROW(versions[i]);
        open_and_run(&w, versions[i]);
        CHECK_INT(psrp_pipeline_state(w.pipe), PSRP_RUNNING);
        CHECK_INT(say(&w, PSRP_PIPELINE_OUTPUT, &pool_id, &pipe_id, "<S>a</S>", &err), EASG_OK);
        CHECK_INT(
            say(&w, PSRP_ERROR_RECORD, &pool_id, &pipe_id,
                "<Obj RefId=\"0\"><MS><Obj N=\"Exception\" RefId=\"1\"><TN RefId=\"0\"><T>E</T>"
                "</TN><Props><S N=\"Message\">bad</S></Props></Obj><S "
                "N=\"FullyQualifiedErrorId\">id</S><S N=\"ErrorCategory_Reason\">R</S></MS>"
                "</Obj>",
                &err),
            EASG_OK);
        CHECK_INT(say(&w, PSRP_PROGRESS_RECORD, &pool_id, &pipe_id,
                      "<Obj RefId=\"0\"><MS><S N=\"Activity\">reading</S></MS></Obj>", &err),
                  EASG_OK);
        CHECK_INT(say(&w, PSRP_PIPELINE_HOST_CALL, &pool_id, &pipe_id,
                      CALL("-100", "SetWindowTitle"), &err),
                  EASG_OK);
        CHECK_INT(say(&w, PSRP_PIPELINE_OUTPUT, &pool_id, &other_id, "<S>x</S>", &err), EASG_OK);
        CHECK_INT(say(&w, PSRP_PIPELINE_STATE, &pool_id, &pipe_id, ENDED("4"), &err), EASG_OK);
        CHECK_INT(psrp_pipeline_state(w.pipe), PSRP_COMPLETED);
        CHECK_INT(psrp_pipeline_errors(w.pipe), 1);
        CHECK_STR(strbuf_str(&w.events),
                  "output <S>a</S>;error bad [id|E|R];progress reading;(ignored a host call that "
                  "wants no answer);(skipped PIPELINE_OUTPUT of a pipeline that is gone);");
        CHECK_INT(say(&w, PSRP_PIPELINE_OUTPUT, &pool_id, &pipe_id, "<S>late</S>", &err),
                  EASG_E_PROTOCOL);
        CHECK_STR(err.message, "output of a pipeline that has ended");
        end(&w);
    }
}

static void pipeline_trouble(void)
{
    static const struct {
        const char *name;
        uint32_t type;
        const char *xml;
        easg_status status;
        enum psrp_pipeline_state state;
        const char *text; /* of the error, or the events */
    } rows[] = {
        { "prompt", PSRP_PIPELINE_HOST_CALL, CALL("1", "PromptForChoice"), EASG_OK, PSRP_FAILED,
          "prompt PromptForChoice;" },
        { "host call without its id", PSRP_PIPELINE_HOST_CALL,
          "<Obj RefId=\"0\"><MS><S N=\"mi\">Prompt</S></MS></Obj>", EASG_E_PROTOCOL, PSRP_RUNNING,
          "PIPELINE_HOST_CALL: host call without its id or method" },
        { "stopped", PSRP_PIPELINE_STATE, ENDED("3"), EASG_OK, PSRP_STOPPED, "" },
        { "state out of range", PSRP_PIPELINE_STATE, ENDED("7"), EASG_E_PROTOCOL, PSRP_RUNNING,
          "PIPELINE_STATE: PIPELINE_STATE without a state" },
        { "disconnected", PSRP_PIPELINE_STATE, ENDED("6"), EASG_E_PROTOCOL, PSRP_RUNNING,
          "PIPELINE_STATE: pipeline was disconnected, which nobody asked for" },
        { "state is no object", PSRP_PIPELINE_STATE, "<S>4</S>", EASG_E_PROTOCOL, PSRP_RUNNING,
          "PIPELINE_STATE: PIPELINE_STATE without a state" },
        { "unknown", 0x00041999, "<S/>", EASG_OK, PSRP_RUNNING,
          "(skipped message type 0x00041999 of a pipeline);" },
        { "failed with its reason", PSRP_PIPELINE_STATE,
          "<Obj RefId=\"0\"><MS><I32 N=\"PipelineState\">5</I32><Obj N=\"ExceptionAsErrorRecord\" "
          "RefId=\"1\"><ToString>gone</ToString></Obj></MS></Obj>",
          EASG_OK, PSRP_FAILED, "failure gone;" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        open_and_run(&w, "2.3");
        CHECK_INT(say(&w, rows[i].type, &pool_id, &pipe_id, rows[i].xml, &err), rows[i].status);
        CHECK_INT(psrp_pipeline_state(w.pipe), rows[i].state);
        CHECK_STR(rows[i].status == EASG_OK ? strbuf_str(&w.events) : err.message, rows[i].text);
        end(&w);
    }
}

static void large_command(void)
{
    struct psrp_value *ids = calloc(2000, sizeof(*ids));
    struct psrp_parameter p = { "Name", { .kind = PSRP_ARRAY, .items = ids, .n = 2000 } };
    struct psrp_command command = { "Get-Command", &p, 1 };
    struct psrp_pipeline_options options = { .id = other_id, .commands = &command, .n = 1 };
    struct strbuf got = STRBUF_INIT(1024 * 1024);
    struct psrp_pipeline *pipe = NULL;
    struct world w;
    easg_error err = EASG_ERROR_INIT;
    unsigned pieces = 0;
    int more = 1;

    ROW("command in several fragments");
    for (size_t i = 0; ids && i < 2000; i++)
        ids[i] = PSRP_V_LIT("0123456789012345");
    open_and_run(&w, "2.3");
    CHECK_INT(psrp_pipeline_create(w.pool, &options, &pipe, &err), EASG_OK);
    while (more && pipe) {
        struct strbuf out = STRBUF_INIT(1024 * 1024);

        CHECK_INT(psrp_pipeline_take(pipe, 10000, &out, &more, &err), EASG_OK);
        CHECK(out.len <= 10000);
        CHECK_INT((unsigned char)out.ptr[7], 4); /* object: after the opening and one pipeline */
        CHECK_INT((unsigned char)out.ptr[15], pieces);
        CHECK_INT(out.ptr[16], (pieces == 0 ? 1 : 0) | (more ? 0 : 2));
        strbuf_add(&got, out.ptr + PSRP_FRAGMENT_HEADER, out.len - PSRP_FRAGMENT_HEADER);
        strbuf_clear(&out);
        pieces++;
    }
    CHECK(pieces > 4);
    CHECK(got.len > 40000 && memcmp(got.ptr + got.len - 11, "</MS></Obj>", 11) == 0);
    strbuf_clear(&got);
    end(&w);
    free(ids);
}

static void no_memory(void)
{
    unsigned failed = 0;

    ROW("no memory");
    for (unsigned long n = 1; n < 60; n++) {
        static const struct psrp_command command = { "Get-X", NULL, 0 };
        struct psrp_pipeline_options options = { .id = pipe_id, .commands = &command, .n = 1 };
        struct world w;
        easg_error err = EASG_ERROR_INIT;
        struct strbuf out = STRBUF_INIT(65536);
        easg_status st;
        int more;

        begin(&w);
        strbuf_reserve(&w.events, 4096);
        CHECK_INT(say(&w, PSRP_SESSION_CAPABILITY, &zero, &zero, CAPABILITY("2.3"), &err), EASG_OK);
        fail_next = n;
        st = say(&w, PSRP_RUNSPACEPOOL_STATE, &pool_id, &zero, STATE("2"), &err);
        if (st != EASG_OK) {
            CHECK_INT(st, EASG_E_NOMEM);
            failed++;
            end(&w);
            continue;
        }
        mem_fail_at(n, 0);
        st = psrp_pipeline_create(w.pool, &options, &w.pipe, &err);
        if (st == EASG_OK && w.pipe)
            st = psrp_pipeline_take(w.pipe, 30000, &out, &more, &err);
        mem_fail_at(0, 0);
        if (st != EASG_OK)
            CHECK_INT(st, EASG_E_NOMEM);
        failed += st != EASG_OK;
        strbuf_clear(&out);
        end(&w);
    }
    CHECK(failed > 3);
}

int main(void)
{
    opening();
    twice_and_foreign();
    pool_life();
    pipeline_life();
    pipeline_trouble();
    large_command();
    no_memory();
    return check_done();
}
