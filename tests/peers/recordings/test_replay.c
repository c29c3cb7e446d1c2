/* SPDX-License-Identifier: Apache-2.0
 *
 * Our client talks to each recorded Windows server: http, the log-on, envelopes and the machines,
 * as in a run, against replay.py, which answers as recorded and compares what is asked. What those
 * clients did and a run never does (input for a pipeline, GET_COMMAND_METADATA) is made here of the
 * same library. A host call is refused, as in a run, so that conversation ends there.
 */
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#include "auth.h"
#include "certs.h"
#include "err.h"
#include "psrp_fragment.h"
#include "psrp_message.h"
#include "psrp_pool.h"
#include "text.h"
#include "wsman.h"

extern char **environ;

static char *dir; /* certificates */

/* ---- the server ---- */

struct server {
    pid_t pid;
    int in;    /* its standard input: closed, it ends */
    FILE *out; /* what it says */
    int port;
};

static int server_start(struct server *s, const char *name)
{
    char script[4096], recording[4096], cert[4096], line[200];
    char *argv[] = { (char[]){ "python3" },
                     (char[]){ "-B" },
                     script,
                     (char[]){ "--recording" },
                     recording,
                     (char[]){ "--cert" },
                     cert,
                     (char[]){ "--key" },
                     cert,
                     (char[]){ "--timeout" },
                     (char[]){ "60" },
                     NULL };
    posix_spawn_file_actions_t actions;
    int in[2], out[2], rc;

    memset(s, 0, sizeof *s);
    (void)snprintf(script, sizeof script, "%s/tests/peers/recordings/replay.py", check_source());
    (void)snprintf(recording, sizeof recording, "%s/tests/data/pypsrp/%s.yml", check_source(),
                   name);
    (void)snprintf(cert, sizeof cert, "%s/server.pem", dir);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    rc = posix_spawnp(&s->pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(in[0]);
    (void)close(out[1]);
    s->in = in[1];
    s->out = fdopen(out[0], "r");
    return rc == 0 && s->out && fgets(line, sizeof line, s->out) &&
           sscanf(line, "replay: ready %d", &s->port) == 1;
}

/* What it has to say about us. Lines with "was never asked for" are counted apart. */
static void server_stop(struct server *s, int *mismatches, int *unasked, char report[300])
{
    char line[600];
    int status = 0;

    *mismatches = *unasked = 0;
    report[0] = '\0';
    (void)close(s->in);
    while (s->out && fgets(line, sizeof line, s->out)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "mismatch: ", 10) == 0) {
            *unasked += strstr(line, "was never asked for") != NULL;
            *mismatches += strstr(line, "was never asked for") == NULL;
            printf("# %s\n", line);
        } else if (strncmp(line, "replay: ", 8) == 0) {
            (void)snprintf(report, 300, "%.299s", line);
        }
    }
    if (s->out)
        (void)fclose(s->out);
    (void)waitpid(s->pid, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), *mismatches + *unasked ? 1 : 0);
}

/* ---- the client ---- */

struct client {
    struct http *http;
    struct auth *auth;
    struct wsman_session ws;
    struct wsman_reader *reader;
    struct psrp_pool *pool;
    struct psrp_pipeline *pipeline; /* that the answer at hand is about */
    struct wsman_guid pool_id;
    uint64_t objects; /* of messages that a run never sends; their ids are above all others */
    char url[100], shell[WSMAN_ID_SIZE];
    unsigned outputs, records[PSRP_R_PROMPT + 1], timed_out;
    char prompt[40];
};

static easg_status on_output(void *user, struct psrp_pipeline *p, const char *xml, size_t len,
                             easg_error *err)
{
    struct client *c = user;

    (void)err;
    CHECK(p == c->pipeline && len > 0 && xml[0] == '<');
    c->outputs++;
    return EASG_OK;
}

static easg_status on_record(void *user, struct psrp_pipeline *p, const struct psrp_record *r,
                             easg_error *err)
{
    struct client *c = user;

    (void)p;
    c->records[r->kind]++;
    if (r->kind == PSRP_R_PROMPT) {
        (void)text_safe(r->message.ptr ? r->message.ptr : "", r->message.len, c->prompt,
                        sizeof c->prompt);
        return err_set(err, EASG_E_UNSUPPORTED, "nobody can answer");
    }
    return EASG_OK;
}

static const struct psrp_handler handler = { on_output, on_record, NULL };

static easg_status on_stream(void *user, int of_pool, const char *ptr, size_t len, easg_error *err)
{
    struct client *c = user;

    return psrp_feed_text(c->pool, of_pool ? NULL : c->pipeline, ptr, len, err);
}

static easg_status on_stream_end(void *user, int of_pool, easg_error *err)
{
    struct client *c = user;

    return psrp_feed_end(c->pool, of_pool ? NULL : c->pipeline, err);
}

static const struct wsman_stream_handler streams = { on_stream, on_stream_end };

static easg_status on_body(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct client *c = user;

    return wsman_answer_feed(c->reader, ptr, len, err);
}

static void new_guid(struct wsman_guid *g)
{
    CHECK_INT(RAND_bytes(g->b, sizeof g->b), 1);
    wsman_guid_stamp(g);
}

/* One request and its answer. TimedOut is no error; other faults are left in the answer. */
static easg_status ask(struct client *c, struct wsman_request *r, const struct wsman_answer **out,
                       easg_error *err)
{
    static const char *const headers[] = { "Content-Type: application/soap+xml;charset=UTF-8" };
    EASG_CLEANUP(strbuf_clear) struct strbuf envelope = STRBUF_INIT(8u << 20);
    struct http_request request = { .method = "POST",
                                    .url = c->url,
                                    .headers = headers,
                                    .n_headers = 1,
                                    .max_response = 64u << 20,
                                    .timeout_ms = 60000,
                                    .on_body = on_body,
                                    .user = c };
    struct http_response response;
    const struct strbuf *body;
    easg_status st;

    new_guid(&r->message_id);
    st = wsman_write(&c->ws, r, &envelope, err);
    if (st == EASG_OK)
        st = wsman_answer_begin(c->reader, r, err);
    request.body = envelope.ptr;
    request.body_len = envelope.len;
    if (st == EASG_OK)
        st = auth_perform(c->auth, c->http, &request, &response, err);
    body = http_error_body(c->http);
    if (st == EASG_OK && response.status != 200) /* a fault */
        st = wsman_answer_feed(c->reader, body->ptr, body->len, err);
    if (st == EASG_OK)
        st = wsman_answer_finish(c->reader, err);
    *out = wsman_reader_answer(c->reader);
    c->timed_out += st == EASG_OK && (*out)->fault.kind == WSMAN_FAULT_TIMED_OUT;
    return st;
}

static easg_status open_shell(struct client *c, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf fragments = STRBUF_INIT(1u << 20);
    struct psrp_pool_options pool = { .handler = &handler, .user = c };
    struct wsman_request create = { .op = WSMAN_CREATE };
    struct wsman_request receive = { .op = WSMAN_RECEIVE, .shell_id = c->shell };
    const struct wsman_answer *answer;
    char proposed[WSMAN_GUID_TEXT];
    easg_status st;

    new_guid(&pool.id);
    c->pool_id = pool.id;
    new_guid(&c->ws.id);
    st = psrp_pool_create(&pool, &c->pool, err);
    if (st == EASG_OK)
        st = psrp_pool_open(c->pool, &fragments, err);
    create.shell_id = wsman_guid_format(&pool.id, proposed);
    create.payload = fragments.ptr;
    create.payload_len = fragments.len;
    if (st == EASG_OK)
        st = ask(c, &create, &answer, err);
    if (st == EASG_OK)
        (void)snprintf(c->shell, sizeof c->shell, "%s", answer->shell_id);
    for (int i = 0; st == EASG_OK && i < 20 && psrp_pool_state(c->pool) == PSRP_POOL_OPENING; i++)
        st = ask(c, &receive, &answer, err);
    return st;
}

/* A message that a run has no use for, through the same library, as one fragment. */
static void add_message(struct client *c, uint32_t type, const struct wsman_guid *pid,
                        const char *xml, struct strbuf *out)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf message = STRBUF_INIT(1u << 20);
    struct psrp_cutter cutter;

    psrp_message_header(&message, type, &c->pool_id, pid);
    strbuf_adds(&message, xml);
    psrp_cutter_init(&cutter, 1000 + c->objects++, message.ptr, message.len);
    CHECK_INT(psrp_cutter_next(&cutter, 16384, out), 0);
}

struct work {
    const char *argument; /* makes the command long; NULL: it has none */
    int metadata;         /* 1: GET_COMMAND_METADATA in the place of a pipeline */
    int input;            /* so many objects are fed into it */
};

/* From Command to Signal Terminate; the state at the end. */
static easg_status run(struct client *c, const struct work *w, enum psrp_pipeline_state *state,
                       easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf fragments = STRBUF_INIT(1u << 20);
    const struct psrp_parameter p = { "Filter",
                                      { .kind = PSRP_STRING, .text = text_str(w->argument) } };
    const struct psrp_command command = { "Get-CASMailbox", &p, w->argument ? 1 : 0 };
    struct psrp_pipeline_options options = { .commands = &command, .n = 1 };
    struct wsman_request r = { .op = WSMAN_COMMAND, .shell_id = c->shell };
    const struct wsman_answer *answer;
    char proposed[WSMAN_GUID_TEXT], id[WSMAN_ID_SIZE];
    int more = 1;
    easg_status st;

    new_guid(&options.id);
    st = psrp_pipeline_create(c->pool, &options, &c->pipeline, err);
    r.command_id = wsman_guid_format(&options.id, proposed);
    while (st == EASG_OK && more) {
        strbuf_reset(&fragments);
        st = psrp_pipeline_take(c->pipeline, wsman_payload_max(&c->ws, &r), &fragments, &more, err);
        if (w->metadata) {
            strbuf_reset(&fragments);
            add_message(c, PSRP_GET_COMMAND_METADATA, &options.id, "<Obj RefId=\"0\" />",
                        &fragments);
        }
        r.payload = fragments.ptr;
        r.payload_len = fragments.len;
        if (st == EASG_OK)
            st = ask(c, &r, &answer, err);
        if (st == EASG_OK && r.op == WSMAN_COMMAND) {
            (void)snprintf(id, sizeof id, "%s", answer->command_id);
            r.op = WSMAN_SEND;
            r.command_id = id;
        }
    }
    if (w->input) {
        strbuf_reset(&fragments);
        for (int i = 0; i < w->input; i++)
            add_message(c, PSRP_PIPELINE_INPUT, &options.id, "<S>1</S>", &fragments);
        add_message(c, PSRP_END_OF_PIPELINE_INPUT, &options.id, "", &fragments);
        r.payload = fragments.ptr;
        r.payload_len = fragments.len;
        if (st == EASG_OK)
            st = ask(c, &r, &answer, err);
    }
    r = (struct wsman_request){ .op = WSMAN_RECEIVE, .shell_id = c->shell, .command_id = id };
    for (int i = 0; st == EASG_OK && i < 40 && psrp_pipeline_state(c->pipeline) < PSRP_STOPPED; i++)
        st = ask(c, &r, &answer, err);
    *state = psrp_pipeline_state(c->pipeline);
    r = (struct wsman_request){
        .op = WSMAN_SIGNAL, .shell_id = c->shell, .command_id = id, .signal = WSMAN_TERMINATE
    };
    if (st == EASG_OK)
        st = ask(c, &r, &answer, err);
    psrp_pipeline_destroy(c->pipeline);
    c->pipeline = NULL;
    return st;
}

static easg_status close_shell(struct client *c, easg_error *err)
{
    struct wsman_request r = { .op = WSMAN_DELETE, .shell_id = c->shell };
    const struct wsman_answer *answer;

    return ask(c, &r, &answer, err);
}

static int client_begin(struct client *c, int port)
{
    char ca[4096];
    struct http_options options = { .ca_file = ca };
    easg_error err = EASG_ERROR_INIT;
    int ok;

    memset(c, 0, sizeof *c);
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", dir);
    (void)snprintf(c->url, sizeof c->url, "https://localhost:%d/wsman", port);
    c->ws =
        (struct wsman_session){ .to = c->url,
                                .resource_uri =
                                    "http://schemas.microsoft.com/powershell/Microsoft.PowerShell",
                                .max_envelope = WSMAN_ENVELOPE_2,
                                .operation_timeout_ms = 20000 };
    ok = http_create(&options, &c->http, &err) == EASG_OK &&
         auth_create_basic("u", 1, "p", 1, &c->auth, &err) == EASG_OK &&
         wsman_reader_create(&streams, c, &c->reader, &err) == EASG_OK;
    if (!CHECK(ok))
        printf("# %s\n", err.message);
    return ok;
}

static void client_end(struct client *c)
{
    psrp_pool_destroy(c->pool);
    wsman_reader_destroy(c->reader);
    auth_destroy(c->auth);
    http_destroy(c->http);
}

/* ---- the recordings ---- */

enum way { TALK, PROMPT, STRANGER };

static const struct row {
    const char *name, *server;
    enum way way;
    int pipelines;
    const char *states; /* how each ended: 4 completed, 5 failed */
    unsigned outputs, errors, failures, warnings, verbose, debug, information, timed_out, minor;
    size_t envelope, argument; /* 0: as usual; a command so long that it takes two messages */
    int metadata, input;       /* see struct work */
} rows[] = {
    { .name = "test_psrp_open_runspace", .server = "2016", .minor = 3 },
    { .name = "test_psrp_long_running_cmdlet",
      .server = "2016",
      .pipelines = 1,
      .states = "4",
      .outputs = 1,
      .timed_out = 2,
      .minor = 3 },
    { .name = "test_psrp_error_failed",
      .server = "2016",
      .pipelines = 1,
      .states = "5",
      .outputs = 1,
      .failures = 1,
      .minor = 3 },
    { .name = "test_psrp_stream_output_invocation",
      .server = "2016",
      .pipelines = 1,
      .states = "4",
      .outputs = 1,
      .errors = 1,
      .warnings = 1,
      .verbose = 1,
      .debug = 1,
      .information = 1,
      .minor = 3 },
    { .name = "test_psrp_with_jea_configuration",
      .server = "2016, JEA",
      .pipelines = 2,
      .states = "45",
      .outputs = 1,
      .errors = 1,
      .failures = 1,
      .minor = 3 },
    { .name = "test_psrp_multiple_invocations",
      .server = "2025 preview",
      .pipelines = 2,
      .states = "44",
      .outputs = 2,
      .minor = 3 },
    { .name = "test_client_fetch_file",
      .server = "2019",
      .pipelines = 1,
      .states = "4",
      .outputs = 2,
      .minor = 3 },
    { .name = "test_psrp_small_msg_size",
      .server = "2016",
      .pipelines = 1,
      .states = "4",
      .outputs = 3,
      .minor = 3,
      .envelope = 32768,
      .argument = 30000,
      .input = 1 },
    { .name = "test_psrp_receive_failure", .server = "2016", .way = STRANGER, .minor = 3 },
    { .name = "test_psrp_pshost_raw_ui_mocked_methods",
      .server = "2016",
      .way = PROMPT,
      .pipelines = 1,
      .outputs = 16,
      .minor = 3 },
    { .name = "test_psrp_run_protocol_version_2.1",
      .server = "2008 R2",
      .pipelines = 1,
      .states = "4",
      .outputs = 4,
      .debug = 2,
      .minor = 1,
      .input = 3 },
    { .name = "test_psrp_get_command_metadata",
      .server = "1803",
      .pipelines = 3,
      .states = "444",
      .outputs = 10,
      .minor = 3,
      .metadata = 1 },
};

/* The rest of the conversation, the pool being open. */
static void talk(struct client *c, const struct row *row)
{
    easg_error err = EASG_ERROR_INIT;
    char states[8] = "";
    char *argument = row->argument ? mem_alloc(row->argument + 1) : NULL;
    const struct work work = { argument, row->metadata, row->input };
    easg_status st = EASG_OK;

    if (argument)
        memset(argument, 'x', row->argument);
    for (int i = 0; st == EASG_OK && i < row->pipelines; i++) {
        enum psrp_pipeline_state state = PSRP_NOT_STARTED;

        st = run(c, &work, &state, &err);
        if (st == EASG_OK)
            states[i] = (char)('0' + state);
    }
    mem_free(argument);
    if (row->way == PROMPT) { /* refused, and that is right: a service has nobody to ask */
        CHECK_INT(st, EASG_E_UNSUPPORTED);
        CHECK_STR(c->prompt, "ReadKey");
    } else if (!CHECK_INT(st, EASG_OK)) {
        printf("# %s\n", err.message);
    }
    CHECK_STR(states, row->states ? row->states : "");
    CHECK_INT(c->outputs, row->outputs);
    CHECK_INT(c->records[PSRP_R_ERROR], row->errors);
    CHECK_INT(c->records[PSRP_R_FAILURE], row->failures);
    CHECK_INT(c->records[PSRP_R_WARNING], row->warnings);
    CHECK_INT(c->records[PSRP_R_VERBOSE], row->verbose);
    CHECK_INT(c->records[PSRP_R_DEBUG], row->debug);
    CHECK_INT(c->records[PSRP_R_INFORMATION], row->information);
    CHECK_INT(c->timed_out, row->timed_out);
}

/* A command that the server never heard of. */
static void stranger(struct client *c)
{
    struct wsman_request r = { .op = WSMAN_RECEIVE, .shell_id = c->shell };
    const struct wsman_answer *answer;
    struct wsman_guid guid;
    char id[WSMAN_GUID_TEXT];
    easg_error err = EASG_ERROR_INIT;

    new_guid(&guid);
    r.command_id = wsman_guid_format(&guid, id);
    CHECK_INT(ask(c, &r, &answer, &err), EASG_OK);
    CHECK_INT(answer->fault.kind, WSMAN_FAULT_GONE);
}

static int replay(const struct row *row)
{
    struct server server;
    struct client c;
    easg_error err = EASG_ERROR_INIT;
    char report[300];
    int mismatches, unasked, before = check_failed;

    ROW(row->name);
    if (!CHECK(server_start(&server, row->name)) || !client_begin(&c, server.port))
        return 0;
    if (row->envelope)
        c.ws.max_envelope = row->envelope;
    if (CHECK_INT(open_shell(&c, &err), EASG_OK)) {
        CHECK_INT(psrp_pool_state(c.pool), PSRP_POOL_OPENED);
        CHECK_INT(psrp_pool_minor(c.pool), row->minor);
        if (row->way == STRANGER)
            stranger(&c);
        else
            talk(&c, row);
        if (row->way != PROMPT)
            CHECK_INT(close_shell(&c, &err), EASG_OK);
    }
    if (err.message[0])
        printf("# %s\n", err.message);
    client_end(&c);
    server_stop(&server, &mismatches, &unasked, report);
    CHECK_INT(mismatches, 0);
    CHECK((unasked == 0) == (row->way != PROMPT));
    CHECK_HAS(report, " 0 in another order");
    printf("# replayed %s (Windows %s): %s\n", row->name, row->server, report);
    return check_failed == before;
}

int main(void)
{
    static const struct cert_wish wishes[] = {
        { .name = "ca", .cn = "replay", .ca = 1, .from_days = -1, .to_days = 30 },
        { .name = "server",
          .san = "DNS:localhost,IP:127.0.0.1",
          .issuer = "ca",
          .from_days = -1,
          .to_days = 30 }
    };
    size_t n = sizeof rows / sizeof *rows, done = 0;

    (void)signal(SIGPIPE, SIG_IGN);
    dir = certs_tempdir();
    if (!CHECK(dir && certs_make(dir, wishes, 2) == 0))
        return check_done();
    for (size_t i = 0; i < n; i++)
        done += replay(&rows[i]) ? 1 : 0;
    ROW("");
    CHECK_INT(n, 12); /* all that there are */
    CHECK_INT(done, n);
    certs_remove(dir);
    printf("# %zu of %zu recordings replayed\n", done, n);
    return check_done();
}
