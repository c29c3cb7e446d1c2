/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded conversations with Windows servers (2008 R2 to a preview of 2025, a restricted JEA
 * endpoint among them) fed to our machines: what we would have sent is compared byte for byte, what
 * the server sent must come out without a mismatch.
 */
#include "recording.h"

#include "err.h"
#include "psrp_message.h"
#include "psrp_pool.h"
#include "text.h"
#include "wsman.h"

struct replay {
    struct psrp_pool *pool;
    struct psrp_pipeline *pipeline;
    unsigned outputs;
    size_t largest;
    unsigned records[PSRP_R_PROMPT + 1];
    unsigned notes;
    char prompt[40];
    char error[200];
    char error_id[100];
    char exception[100];
    unsigned timed_out;
    unsigned gone;
    char states[8];
};

static easg_status on_output(void *user, struct psrp_pipeline *p, const char *xml, size_t len,
                             easg_error *err)
{
    struct replay *t = user;

    (void)err;
    CHECK(p == t->pipeline);
    CHECK(len > 0 && xml[0] == '<');
    t->outputs++;
    if (len > t->largest)
        t->largest = len;
    return EASG_OK;
}

static void copy(char *out, size_t size, const easg_str *s)
{
    (void)text_safe(s->ptr ? s->ptr : "", s->ptr ? s->len : 0, out, size);
}

static easg_status on_record(void *user, struct psrp_pipeline *p, const struct psrp_record *r,
                             easg_error *err)
{
    struct replay *t = user;

    (void)p;
    t->records[r->kind]++;
    if (r->kind == PSRP_R_PROMPT) {
        copy(t->prompt, sizeof(t->prompt), &r->message);
        return err_set(err, EASG_E_UNSUPPORTED, "refused");
    }
    if (r->kind == PSRP_R_ERROR || r->kind == PSRP_R_FAILURE) {
        copy(t->error, sizeof(t->error), &r->message);
        copy(t->error_id, sizeof(t->error_id), &r->id);
        copy(t->exception, sizeof(t->exception), &r->exception);
    }
    CHECK(r->message.ptr && r->message.len > 0);
    return EASG_OK;
}

static void on_note(void *user, const char *text)
{
    struct replay *t = user;

    (void)text;
    t->notes++;
}

static const struct psrp_handler handler = { on_output, on_record, on_note };

static easg_status on_stream(void *user, int of_pool, const char *ptr, size_t len, easg_error *err)
{
    struct replay *t = user;

    return psrp_feed_text(t->pool, of_pool ? NULL : t->pipeline, ptr, len, err);
}

static easg_status on_stream_end(void *user, int of_pool, easg_error *err)
{
    struct replay *t = user;

    return psrp_feed_end(t->pool, of_pool ? NULL : t->pipeline, err);
}

static const struct wsman_stream_handler streams = { on_stream, on_stream_end };

static enum wsman_op op_of(const char *request)
{
    char action[160];
    const char *last;

    between(request, "<wsa:Action s:mustUnderstand=\"true\">", action, sizeof(action));
    last = strrchr(action, '/');
    last = last ? last + 1 : "";
    if (strcmp(last, "Create") == 0)
        return WSMAN_CREATE;
    if (strcmp(last, "Delete") == 0)
        return WSMAN_DELETE;
    if (strcmp(last, "Command") == 0)
        return WSMAN_COMMAND;
    if (strcmp(last, "Send") == 0)
        return WSMAN_SEND;
    if (strcmp(last, "Signal") == 0)
        return WSMAN_SIGNAL;
    if (strcmp(last, "Receive") == 0)
        return WSMAN_RECEIVE;
    return (enum wsman_op)99;
}

static void check_open(struct replay *t, const char *request, int same_order)
{
    struct strbuf theirs = STRBUF_INIT(65536);
    struct strbuf ours = STRBUF_INIT(65536);
    struct psrp_pool_options options = { .handler = &handler, .user = t };
    easg_error err = EASG_ERROR_INIT;

    CHECK(request_payload(request, &theirs));
    if (CHECK(theirs.len > 61)) {
        memcpy(options.id.b, theirs.ptr + 21 + 8, 16);
        CHECK_INT(psrp_pool_create(&options, &t->pool, &err), EASG_OK);
        CHECK_INT(psrp_pool_open(t->pool, &ours, &err), EASG_OK);
        if (same_order) {
            CHECK_INT(ours.len, theirs.len);
            CHECK(ours.len == theirs.len && memcmp(ours.ptr, theirs.ptr, ours.len) == 0);
        }
    }
    strbuf_clear(&theirs);
    strbuf_clear(&ours);
}

static void start_pipeline(struct replay *t, const char *request, const char *cmdlet,
                           const struct psrp_parameter *parameters, size_t n)
{
    struct strbuf theirs = STRBUF_INIT(65536);
    struct strbuf ours = STRBUF_INIT(65536);
    struct psrp_command command = { cmdlet ? cmdlet : "Get-Date", parameters, n };
    struct psrp_pipeline_options options = { .commands = &command, .n = 1 };
    easg_error err = EASG_ERROR_INIT;
    int more = 0;

    options.stream_options = PSRP_ADD_INVOCATION_INFO;
    psrp_pipeline_destroy(t->pipeline);
    t->pipeline = NULL;
    if (CHECK(request_payload(request, &theirs)) && CHECK(theirs.len > 61)) {
        memcpy(options.id.b, theirs.ptr + 21 + 24, 16);
        if (!CHECK_INT(psrp_pipeline_create(t->pool, &options, &t->pipeline, &err), EASG_OK))
            printf("# %s\n", err.message);
    }
    if (t->pipeline) {
        CHECK_INT(psrp_pipeline_take(t->pipeline, 32768, &ours, &more, &err), EASG_OK);
        CHECK_INT(more, 0);
        if (cmdlet) { /* the recorded request is this very command */
            CHECK_INT(ours.len, theirs.len);
            CHECK(ours.len == theirs.len && memcmp(ours.ptr, theirs.ptr, ours.len) == 0);
        }
    }
    strbuf_clear(&theirs);
    strbuf_clear(&ours);
}

struct row {
    const char *name;
    const char *states;
    unsigned outputs;
    size_t largest;
    unsigned errors;
    unsigned failures;
    unsigned warnings;
    unsigned verbose;
    unsigned debug;
    unsigned information;
    unsigned progress;
    unsigned notes;
    unsigned timed_out;
    unsigned gone;
    unsigned minor;
    const char *engine;
    const char *prompt;
    const char *error;
    const char *error_id;
    const char *exception;
    int other_order; /* that client wrote its attributes in another order */
};

static const struct row rows[] = {
    { .name = "test_psrp_open_runspace", .minor = 3, .engine = "5.1.14393.2248" },
    { .name = "test_psrp_run_protocol_version_2.1",
      .states = "4",
      .outputs = 4,
      .largest = 2511,
      .debug = 2,
      .minor = 1,
      .engine = "2.0" },
    { .name = "test_psrp_with_jea_configuration",
      .states = "45",
      .outputs = 1,
      .largest = 2558,
      .errors = 1,
      .failures = 1,
      .minor = 3,
      .engine = "5.1.14393.2248",
      .error = "The syntax is not supported by this runspace. This can occur if the runspace is in "
               "no-language mode.",
      .error_id = "ScriptsNotAllowed",
      .exception = "System.Management.Automation.ParseException" },
    { .name = "test_psrp_small_msg_size",
      .states = "4",
      .outputs = 3,
      .largest = 20007,
      .minor = 3,
      .engine = "5.1.14393.2248" },
    { .name = "test_psrp_long_running_cmdlet",
      .states = "4",
      .outputs = 1,
      .largest = 9,
      .timed_out = 2,
      .minor = 3,
      .engine = "5.1.14393.2248" },
    { .name = "test_client_fetch_file",
      .states = "4",
      .outputs = 2,
      .largest = 333343,
      .progress = 2,
      .minor = 3,
      .engine = "5.1.17763.771" },
    { .name = "test_psrp_error_failed",
      .states = "5",
      .outputs = 1,
      .largest = 13,
      .failures = 1,
      .progress = 1,
      .minor = 3,
      .engine = "5.1.14393.2248",
      .error = "error" },
    { .name = "test_psrp_stream_output_invocation",
      .states = "4",
      .outputs = 1,
      .largest = 20,
      .errors = 1,
      .warnings = 1,
      .verbose = 1,
      .debug = 1,
      .information = 1,
      .progress = 1,
      .minor = 3,
      .engine = "5.1.14393.2248",
      .error = "error stream",
      .error_id = "Microsoft.PowerShell.Commands.WriteErrorException" },
    { .name = "test_psrp_pshost_raw_ui_mocked_methods",
      .outputs = 16,
      .largest = 216,
      .progress = 1,
      .notes = 9,
      .minor = 3,
      .engine = "5.1.14393.2248",
      .prompt = "ReadKey",
      .other_order = 1 }, /* and it described a host of its own */
    { .name = "test_psrp_receive_failure", .gone = 1, .minor = 3, .engine = "5.1.14393.2248" },
    { .name = "test_psrp_multiple_invocations",
      .states = "44",
      .outputs = 2,
      .largest = 12,
      .minor = 3,
      .engine = "5.1.26236.5000",
      .other_order = 1 },
    { .name = "test_psrp_get_command_metadata",
      .states = "444",
      .outputs = 10,
      .largest = 18121,
      .minor = 3,
      .engine = "5.1.17134.1" },
};

/* One pair of the recording. 0: the conversation ends here for us. */
static int step(struct replay *t, struct wsman_reader *reader, const struct row *row,
                const char *request, const struct strbuf *response, size_t chunk)
{
    struct wsman_request r = { .op = op_of(request) };
    const struct wsman_answer *answer = wsman_reader_answer(reader);
    char id[80];
    char command[80];
    easg_error err = EASG_ERROR_INIT;
    easg_status st;

    if (r.op > WSMAN_SIGNAL) /* Get: asks the server for its limits, which we do not */
        return 1;
    CHECK(wsman_guid_parse(between(request, "MessageID>uuid:", id, sizeof(id)), 36, &r.message_id));
    if (*between(request, "DesiredStream CommandId=\"", command, sizeof(command)))
        r.command_id = command;
    if (r.op == WSMAN_CREATE)
        check_open(t, request, !row->other_order);
    if (r.op == WSMAN_COMMAND) {
        static const struct psrp_parameter jea = {
            "Path",
            { .kind = PSRP_STRING, .text = { "WSMan:\\localhost\\Service\\AllowUnencrypted", 41 } }
        };
        int is_jea = strcmp(row->name, "test_psrp_with_jea_configuration") == 0 && !t->pipeline;

        start_pipeline(t, request, is_jea ? "Get-Item" : NULL, &jea, is_jea ? 1 : 0);
    }
    st = wsman_answer_begin(reader, &r, &err);
    for (size_t i = 0; st == EASG_OK && i < response->len; i += chunk)
        st = wsman_answer_feed(reader, response->ptr + i,
                               response->len - i < chunk ? response->len - i : chunk, &err);
    if (row->prompt && st == EASG_E_UNSUPPORTED)
        return 0;
    if (st == EASG_OK)
        st = wsman_answer_finish(reader, &err);
    if (!CHECK_INT(st, EASG_OK)) {
        printf("# %s\n", err.message);
        return 0;
    }
    if (answer->fault.kind == WSMAN_FAULT_TIMED_OUT)
        t->timed_out++;
    else if (answer->fault.kind == WSMAN_FAULT_GONE)
        t->gone++;
    else
        CHECK_INT(answer->fault.kind, WSMAN_FAULT_NONE);
    if (r.op == WSMAN_CREATE)
        CHECK_INT(strlen(answer->shell_id), 36);
    if (r.op == WSMAN_COMMAND)
        CHECK_INT(strlen(answer->command_id), 36);
    if (answer->state == WSMAN_COMMAND_DONE) {
        char state[2] = { (char)('0' + psrp_pipeline_state(t->pipeline)), '\0' };

        CHECK(psrp_pipeline_state(t->pipeline) >= PSRP_STOPPED);
        strncat(t->states, state, sizeof(t->states) - strlen(t->states) - 1);
    }
    return 1;
}

static void replay(const struct row *row, size_t chunk)
{
    struct recording rec;
    struct replay t = { .pool = NULL };
    struct wsman_reader *reader = NULL;
    easg_error err = EASG_ERROR_INIT;

    ROW(row->name);
    if (!CHECK(recording_read(row->name, &rec)))
        return;
    CHECK_INT(wsman_reader_create(&streams, &t, &reader, &err), EASG_OK);
    for (size_t i = 0; i < rec.n; i++)
        if (!step(&t, reader, row, strbuf_str(&rec.request[i]), &rec.response[i], chunk))
            break;
    if (t.pool) {
        CHECK_INT(psrp_pool_state(t.pool), PSRP_POOL_OPENED);
        CHECK_INT(psrp_pool_minor(t.pool), row->minor);
        CHECK_STR(psrp_pool_engine(t.pool), row->engine);
    }
    CHECK_STR(t.states, row->states ? row->states : "");
    CHECK_INT(t.outputs, row->outputs);
    CHECK_INT(t.largest, row->largest);
    CHECK_INT(t.records[PSRP_R_ERROR], row->errors);
    CHECK_INT(t.records[PSRP_R_FAILURE], row->failures);
    CHECK_INT(t.records[PSRP_R_WARNING], row->warnings);
    CHECK_INT(t.records[PSRP_R_VERBOSE], row->verbose);
    CHECK_INT(t.records[PSRP_R_DEBUG], row->debug);
    CHECK_INT(t.records[PSRP_R_INFORMATION], row->information);
    CHECK_INT(t.records[PSRP_R_PROGRESS], row->progress);
    CHECK_INT(t.notes, row->notes);
    CHECK_INT(t.timed_out, row->timed_out);
    CHECK_INT(t.gone, row->gone);
    CHECK_STR(t.prompt, row->prompt ? row->prompt : "");
    if (row->error)
        CHECK_STR(t.error, row->error);
    if (row->error_id)
        CHECK_STR(t.error_id, row->error_id);
    if (row->exception)
        CHECK_STR(t.exception, row->exception);
    wsman_reader_destroy(reader);
    psrp_pool_destroy(t.pool);
    recording_clear(&rec);
}

int main(void)
{
    static const size_t chunks[] = { 16384, 1021, (size_t)4 * 1024 * 1024 };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++)
            replay(&rows[i], chunks[k]);
    return check_done();
}
