/* SPDX-License-Identifier: Apache-2.0
 *
 * WS-Management envelopes: what requests look like (read back with our XML reader), sizes, and
 * every kind of answer, good and bad, in pieces of every size.
 */
#include "check.h"

#include "err.h"
#include "text.h"
#include "wsman.h"
#include "xml.h"

#define MESSAGE_ID "00000001-0000-0000-0000-000000000000"

static const struct wsman_guid message_id = { { 1 } };

/* ---- requests ---- */

static struct wsman_session session = { .to = "https://mail.contoso.example/powershell?a=1;b=2&c",
                                        .resource_uri = WSMAN_EXCHANGE_URI,
                                        .id = { { 2 } },
                                        .max_envelope = WSMAN_ENVELOPE_3,
                                        .operation_timeout_ms = 20000 };

/* path=text pairs of the whole document, for a look with CHECK_HAS */
struct flat {
    struct strbuf path;
    struct strbuf out;
};

static easg_status on_start(void *user, const char *uri, const char *local,
                            const struct xml_attrs *attrs, easg_error *err)
{
    struct flat *f = user;

    (void)err;
    strbuf_addf(&f->path, "/%s", local);
    strbuf_addf(&f->out, "\n%s", strbuf_str(&f->path));
    CHECK(uri != NULL);
    for (size_t i = 0; i < attrs->n; i++) {
        const char *name;
        struct xml_text v = xml_attr_at(attrs, i, &name);

        strbuf_addf(&f->out, " @%s=%.*s", name, (int)v.len, v.ptr);
    }
    return strbuf_addc(&f->out, '=');
}

static easg_status on_end(void *user, const char *uri, const char *local, easg_error *err)
{
    struct flat *f = user;

    (void)uri;
    (void)err;
    f->path.len -= strlen(local) + 1;
    f->path.ptr[f->path.len] = '\0';
    return EASG_OK;
}

static easg_status on_text(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct flat *f = user;

    (void)err;
    return strbuf_add(&f->out, ptr, len);
}

static void requests(void)
{
    static const struct xml_handler handler = { on_start, on_end, on_text };
    static const struct xml_limits limits = { 1024 * 1024, 20 };
    /* clang-format off */
    static const struct {
        struct wsman_request r;
        const char *has[8];
    } rows[] = {
        { { .op = WSMAN_CREATE,
            .shell_id = "SHELL",
            .payload = "abc",
            .payload_len = 3,
            .idle_timeout_ms = 180000 },
          { "/Header/Action @mustUnderstand=true=http://schemas.xmlsoap.org/ws/2004/09/transfer/"
            "Create",
            "/OptionSet/Option @MustComply=true @Name=protocolversion=2.3",
            "/Body/Shell @ShellId=SHELL=", "/Shell/IdleTimeOut=PT180S",
            "/Shell/InputStreams=stdin pr", "/Shell/OutputStreams=stdout",
            "/Shell/creationXml=YWJj" } },
        { { .op = WSMAN_COMMAND,
            .shell_id = "SHELL",
            .command_id = "CMD",
            .payload = "abcd",
            .payload_len = 4 },
          { "=http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command",
            "/OptionSet/Option @Name=WINRS_SKIP_CMD_SHELL=False",
            "/SelectorSet/Selector @Name=ShellId=SHELL", "/Body/CommandLine @CommandId=CMD=",
            "/CommandLine/Command=", "/CommandLine/Arguments=YWJjZA==" } },
        { { .op = WSMAN_SEND,
            .shell_id = "SHELL",
            .command_id = "CMD",
            .payload = "abc",
            .payload_len = 3 },
          { "shell/Send", "/Body/Send/Stream @Name=stdin @CommandId=CMD=YWJj" } },
        { { .op = WSMAN_RECEIVE, .shell_id = "a<&\"b", .command_id = "CMD" },
          { "shell/Receive", "/OptionSet/Option @Name=WSMAN_CMDSHELL_OPTION_KEEPALIVE=True",
            "/Selector @Name=ShellId=a<&\"b", "/Receive/DesiredStream @CommandId=CMD=stdout" } },
        { { .op = WSMAN_RECEIVE, .shell_id = "SHELL" }, { "/Receive/DesiredStream=stdout" } },
        { { .op = WSMAN_SIGNAL, .shell_id = "SHELL", .command_id = "CMD" },
          { "shell/Signal", "/Signal @CommandId=CMD=",
            "/Signal/Code=http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/"
            "Terminate" } },
        { { .op = WSMAN_SIGNAL, .shell_id = "SHELL", .command_id = "CMD", .signal = WSMAN_CTRL_C },
          { "/Signal/Code=powershell/signal/ctrl_c" } },
        { { .op = WSMAN_DELETE, .shell_id = "SHELL" },
          { "ws/2004/09/transfer/Delete", "/Selector @Name=ShellId=SHELL", "/Envelope/Body=" } },
    };
    /* clang-format on */
    static const char *const all[] = {
        "/Header/MessageID=uuid:" MESSAGE_ID,
        "/Header/MaxEnvelopeSize @mustUnderstand=true=512000",
        "/Header/OperationTimeout=PT20S",
        "/Header/Locale @mustUnderstand=false @lang=en-US",
        "/Header/DataLocale @mustUnderstand=false @lang=en-US",
        "/Header/ResourceURI @mustUnderstand=true="
        "http://schemas.microsoft.com/powershell/Microsoft.Exchange",
        "/Header/SessionId @mustUnderstand=false=uuid:00000002-",
        "/Header/To=https://mail.contoso.example/powershell?a=1;b=2&c",
        "/ReplyTo/Address @mustUnderstand=true=http://schemas.xmlsoap.org/ws/2004/08/addressing/"
        "role/anonymous",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsman_request r = rows[i].r;
        struct strbuf out = STRBUF_INIT(65536);
        struct flat f = { STRBUF_INIT(65536), STRBUF_INIT(65536) };
        struct xml_reader *x = NULL;
        easg_error err = EASG_ERROR_INIT;

        ROW(wsman_op_name(r.op));
        r.message_id = message_id;
        CHECK_INT(wsman_write(&session, &r, &out, &err), EASG_OK);
        CHECK_INT(xml_reader_create(&handler, &f, "request", &limits, &x, &err), EASG_OK);
        if (!CHECK_INT(xml_parse(x, out.ptr, out.len, &err), EASG_OK))
            printf("# %s\n", err.message);
        for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
            CHECK_HAS(strbuf_str(&f.out), all[k]);
        for (size_t k = 0; k < 8 && rows[i].has[k]; k++)
            CHECK_HAS(strbuf_str(&f.out), rows[i].has[k]);
        xml_reader_destroy(x);
        strbuf_clear(&out);
        strbuf_clear(&f.path);
        strbuf_clear(&f.out);
    }
}

static void sizes(void)
{
    struct strbuf payload = STRBUF_INIT(1024 * 1024);
    struct strbuf out = STRBUF_INIT(1024 * 1024);
    struct wsman_request r = { .op = WSMAN_COMMAND, .shell_id = "SHELL", .command_id = "CMD" };
    size_t most = wsman_payload_max(&session, &r);
    easg_error err = EASG_ERROR_INIT;

    ROW("sizes");
    while (payload.len < most + 3)
        strbuf_addc(&payload, 'x');
    r.payload = payload.ptr;
    r.payload_len = most;
    CHECK_INT(wsman_write(&session, &r, &out, &err), EASG_OK);
    CHECK(out.len <= session.max_envelope && out.len > session.max_envelope - 8);
    strbuf_reset(&out);
    r.payload_len = most + 3;
    CHECK_INT(wsman_write(&session, &r, &out, &err), EASG_E_LIMIT);
    CHECK_STR(err.message, "WS-Man Command: envelope larger than the 512000 bytes of max_envelope");
    session.max_envelope = 1000;
    CHECK_INT(wsman_payload_max(&session, &r), 0);
    session.max_envelope = WSMAN_ENVELOPE_3;
    session.operation_timeout_ms = 1500;
    strbuf_reset(&out);
    r.payload_len = 1;
    CHECK_INT(wsman_write(&session, &r, &out, &err), EASG_OK);
    CHECK_HAS(strbuf_str(&out), "PT1.500S");
    session.operation_timeout_ms = 20000;
    strbuf_clear(&payload);
    strbuf_clear(&out);
}

/* ---- answers ---- */

#define NS                                                                                         \
    "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "                                         \
    "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "                                \
    "xmlns:x=\"http://schemas.xmlsoap.org/ws/2004/09/transfer\" "                                  \
    "xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" "                                  \
    "xmlns:r=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell\""
#define RELATES(id)                                                                                \
    "<s:Envelope " NS "><s:Header><a:RelatesTo>" id "</a:RelatesTo></s:Header><s:Body>"
#define ANSWER RELATES("uuid:" MESSAGE_ID)
#define END    "</s:Body></s:Envelope>"
#define FAULT(sub, code, text)                                                                     \
    ANSWER "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:" sub              \
           "</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang=\"en-US\">reason</s:Text>"   \
           "</s:Reason><s:Detail><f:WSManFault "                                                   \
           "xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"" code         \
           "\" Machine=\"m\"><f:Message>" text                                                     \
           "</f:Message></f:WSManFault></s:Detail></s:Fault>" END

static easg_status stream_text(void *user, int of_pool, const char *ptr, size_t len,
                               easg_error *err)
{
    struct strbuf *b = user;

    (void)err;
    if (b->len == 0 || b->ptr[b->len - 1] == ';')
        strbuf_addc(b, of_pool ? 'p' : 'c');
    return strbuf_add(b, ptr, len);
}

static easg_status stream_end(void *user, int of_pool, easg_error *err)
{
    (void)of_pool;
    (void)err;
    return strbuf_addc(user, ';');
}

static const struct wsman_stream_handler streams = { stream_text, stream_end };

struct row {
    const char *name;
    enum wsman_op op;
    const char *xml;
    easg_status status;
    const char *text;
    const char *id; /* shell or command */
    const char *streams;
    enum wsman_command_state state;
    enum wsman_fault_kind fault;
};

/* clang-format off */
static const struct row rows[] = {
    { .name = "create, WinRM 2.0",
      .op = WSMAN_CREATE,
      .xml = ANSWER "<x:ResourceCreated><a:ReferenceParameters><w:SelectorSet><w:Selector "
                    "Name=\"ShellId\"> C8CD7685 </w:Selector></w:SelectorSet>"
                    "</a:ReferenceParameters></x:ResourceCreated>" END,
      .id = "C8CD7685" },
    { .name = "create, WinRM 3.0",
      .op = WSMAN_CREATE,
      .xml = ANSWER "<x:ResourceCreated><w:SelectorSet><w:Selector Name=\"Other\">x</w:Selector>"
                    "<w:Selector Name=\"ShellId\">ABC</w:Selector></w:SelectorSet>"
                    "</x:ResourceCreated><r:Shell><r:ShellId>ABC</r:ShellId></r:Shell>" END,
      .id = "ABC" },
    { .name = "create without a shell",
      .op = WSMAN_CREATE,
      .xml = ANSWER "<x:ResourceCreated/>" END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Create: the answer names no shell" },
    { .name = "create with an empty shell id",
      .op = WSMAN_CREATE,
      .xml = ANSWER "<x:ResourceCreated><w:Selector Name=\"ShellId\"> </w:Selector>"
                    "</x:ResourceCreated>" END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Create: ShellId is empty" },
    { .name = "command",
      .op = WSMAN_COMMAND,
      .xml = ANSWER "<r:CommandResponse><r:CommandId>24864ED3</r:CommandId>"
                    "</r:CommandResponse>" END,
      .id = "24864ED3" },
    { .name = "streams",
      .op = WSMAN_RECEIVE,
      .xml = ANSWER "<r:ReceiveResponse><r:Stream Name=\"stdout\" CommandId=\"cmd\">AAA=</r:Stream>"
                    "<r:Stream Name=\"stdout\">BBB=</r:Stream><r:CommandState CommandId=\"CMD\" "
                    "State=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/"
                    "Done\"><r:ExitCode>0</r:ExitCode></r:CommandState></r:ReceiveResponse>" END,
      .streams = "cAAA=;pBBB=;",
      .state = WSMAN_COMMAND_DONE },
    { .name = "pending",
      .op = WSMAN_RECEIVE,
      .xml = ANSWER "<r:ReceiveResponse><r:CommandState State=\"http://schemas.microsoft.com/wbem/"
                    "wsman/1/windows/shell/CommandState/Pending\"/></r:ReceiveResponse>" END,
      .streams = "",
      .state = WSMAN_COMMAND_PENDING },
    { .name = "send", .op = WSMAN_SEND, .xml = ANSWER "<r:SendResponse/>" END },
    { .name = "signal", .op = WSMAN_SIGNAL, .xml = ANSWER "<r:SignalResponse/>" END },
    { .name = "delete", .op = WSMAN_DELETE, .xml = ANSWER END },
    { .name = "id as a URN",
      .op = WSMAN_SEND,
      .xml = RELATES("urn:uuid:" MESSAGE_ID) "<r:SendResponse/>" END },
    { .name = "answer to another request",
      .op = WSMAN_SEND,
      .xml = RELATES("uuid:00000002-0000-0000-0000-000000000000") "<r:SendResponse/>" END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Send: the answer belongs to another request" },
    { .name = "answer to nothing",
      .op = WSMAN_RECEIVE,
      .xml = "<s:Envelope " NS "><s:Header/><s:Body><r:ReceiveResponse><r:Stream Name=\"stdout\" "
             "CommandId=\"CMD\">AAAA</r:Stream></r:ReceiveResponse>" END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Receive: the answer does not say which request it is for" },
    { .name = "stream of another command",
      .op = WSMAN_RECEIVE,
      .xml = ANSWER "<r:ReceiveResponse><r:Stream Name=\"stdout\" CommandId=\"X\">AAAA</r:Stream>"
                    "</r:ReceiveResponse>" END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Receive: stream of another command" },
    { .name = "another stream",
      .op = WSMAN_RECEIVE,
      .xml = ANSWER "<r:ReceiveResponse><r:Stream Name=\"stderr\">AAAA</r:Stream>"
                    "</r:ReceiveResponse>" END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Receive: a stream that is not stdout" },
    { .name = "element in a stream",
      .op = WSMAN_RECEIVE,
      .xml = ANSWER "<r:ReceiveResponse><r:Stream Name=\"stdout\"><b/></r:Stream>"
                    "</r:ReceiveResponse>" END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Receive: an element inside a stream" },
    { .name = "answer of another operation",
      .op = WSMAN_RECEIVE,
      .xml = ANSWER "<r:SendResponse/>" END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Receive: unexpected SendResponse in the answer" },
    { .name = "empty body",
      .op = WSMAN_RECEIVE,
      .xml = ANSWER END,
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Receive: the answer is empty" },
    { .name = "a web page",
      .op = WSMAN_RECEIVE,
      .xml = "<html><body>Sign in</body></html>",
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man Receive: the answer is no SOAP envelope" },
    { .name = "cut",
      .op = WSMAN_RECEIVE,
      .xml = ANSWER "<r:ReceiveResponse><r:Stream Name=\"stdout\">AAAA",
      .status = EASG_E_PROTOCOL,
      .text = "WS-Man answer: line 1: not well-formed XML" },
    { .name = "timed out",
      .op = WSMAN_RECEIVE,
      .xml = FAULT("TimedOut", "2150858793", "no data"),
      .fault = WSMAN_FAULT_TIMED_OUT },
    { .name = "gone",
      .op = WSMAN_RECEIVE,
      .xml = FAULT("InvalidSelectors", "2150858843", "no such shell"),
      .fault = WSMAN_FAULT_GONE,
      .text = "WS-Man Receive: fault InvalidSelectors (2150858843): no such shell; the session is "
              "lost: behind a load balancer use cookie affinity" },
    { .name = "wrong endpoint",
      .op = WSMAN_CREATE,
      .xml = FAULT("DestinationUnreachable", "2150858811", "no such resource"),
      .fault = WSMAN_FAULT_WRONG_ENDPOINT,
      .text = "this is not Exchange's /powershell: check source.server" },
    { .name = "redirect",
      .op = WSMAN_CREATE,
      .xml = FAULT("Redirect", "2150859161", "https://other/"),
      .fault = WSMAN_FAULT_REDIRECT,
      .text = "https://other/; set source.server to the server that it names" },
    { .name = "quota, by its text",
      .op = WSMAN_CREATE,
      .xml = FAULT("InternalError", "2147942402",
                   "This user is allowed a maximum number of concurrent shells of 18, which has "
                   "been exceeded"),
      .fault = WSMAN_FAULT_QUOTA,
      .text = "close other sessions of this account or raise its throttling policy" },
    { .name = "quota, with a wait",
      .op = WSMAN_COMMAND,
      .xml = FAULT("InternalError", "1",
                   "The user load quota of 30 requests per 2 seconds has been exceeded. The next "
                   "request from this user will not be approved for at least 2500 milliseconds."),
      .fault = WSMAN_FAULT_QUOTA,
      .text = "WS-Man Command: fault InternalError (1)" },
    { .name = "denied",
      .op = WSMAN_CREATE,
      .xml = FAULT("AccessDenied", "5", "Access is denied."),
      .fault = WSMAN_FAULT_DENIED,
      .text = "WS-Man Create: fault AccessDenied (5): Access is denied.; the account needs" },
    { .name = "fault of the provider inside",
      .op = WSMAN_CREATE,
      .xml = FAULT("InternalError", "2150858757",
                   "<f:ProviderFault provider=\"p\"><f:WSManFault Code=\"995\" Machine=\"n\">"
                   "<f:Message>inner text</f:Message></f:WSManFault></f:ProviderFault>"),
      .fault = WSMAN_FAULT_OTHER,
      .text = "WS-Man Create: fault InternalError (2150858757/995): inner text" },
};
/* clang-format on */

static void answer_row(struct wsman_reader *r, struct strbuf *got, const struct row *row,
                       size_t step)
{
    struct wsman_request request = { .op = row->op, .message_id = message_id, .command_id = "CMD" };
    const struct wsman_answer *a = wsman_reader_answer(r);
    easg_error err = EASG_ERROR_INIT;
    size_t len = strlen(row->xml);
    easg_status st = wsman_answer_begin(r, &request, &err);

    strbuf_reset(got);
    for (size_t i = 0; st == EASG_OK && i < len; i += step)
        st = wsman_answer_feed(r, row->xml + i, len - i < step ? len - i : step, &err);
    if (st == EASG_OK)
        st = wsman_answer_finish(r, &err);
    CHECK_INT(st, row->status);
    if (row->status != EASG_OK) {
        CHECK_HAS(err.message, row->text);
        return;
    }
    if (st != EASG_OK)
        printf("# %s\n", err.message);
    CHECK_INT(a->fault.kind, row->fault);
    if (row->fault > WSMAN_FAULT_TIMED_OUT) {
        easg_status as = wsman_fault_error(&a->fault, row->op, &err);

        CHECK_HAS(err.message, row->text);
        CHECK_INT(as, row->fault == WSMAN_FAULT_GONE     ? EASG_E_UNAVAILABLE
                      : row->fault == WSMAN_FAULT_QUOTA  ? EASG_E_THROTTLED
                      : row->fault == WSMAN_FAULT_DENIED ? EASG_E_DENIED
                      : row->fault == WSMAN_FAULT_OTHER  ? EASG_E_FAIL
                                                         : EASG_E_CONFIG);
        CHECK_INT(err.domain, EASG_DOMAIN_HRESULT);
        if (as == EASG_E_THROTTLED)
            CHECK_INT(err.retry_after_ms, strstr(row->name, "wait") ? 2500 : 30000);
    }
    if (row->id)
        CHECK_STR(row->op == WSMAN_CREATE ? a->shell_id : a->command_id, row->id);
    if (row->streams)
        CHECK_STR(strbuf_str(got), row->streams);
    CHECK_INT(a->state, row->state);
}

static void answers(void)
{
    struct strbuf got = STRBUF_INIT(65536);
    struct wsman_reader *r = NULL;
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(wsman_reader_create(&streams, &got, &r, &err), EASG_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ROW(rows[i].name);
        for (size_t step = 1; step < 5000; step = step * 7 + 3)
            answer_row(r, &got, &rows[i], step);
    }
    wsman_reader_destroy(r);
    strbuf_clear(&got);
}

static void guids(void)
{
    static const char text[] = "76056A84-51DC-4F24-9262-CA2A55464B2B";
    static const unsigned char bytes[16] = { 0x84, 0x6A, 0x05, 0x76, 0xDC, 0x51, 0x24, 0x4F,
                                             0x92, 0x62, 0xCA, 0x2A, 0x55, 0x46, 0x4B, 0x2B };
    struct wsman_guid g;
    char out[WSMAN_GUID_TEXT];

    ROW("GUID");
    CHECK(wsman_guid_parse(text, 36, &g));
    CHECK(memcmp(g.b, bytes, 16) == 0);
    CHECK_STR(wsman_guid_format(&g, out), text);
    CHECK(wsman_guid_parse("{76056a84-51dc-4f24-9262-ca2a55464b2b}", 38, &g));
    CHECK_STR(wsman_guid_format(&g, out), text);
    CHECK(!wsman_guid_parse(text, 35, &g));
    CHECK(!wsman_guid_parse("76056A84-51DC-4F24-9262_CA2A55464B2B", 36, &g));
    CHECK(!wsman_guid_parse("76056A84-51DC-4F24-9262-CA2A55464B2G", 36, &g));
    wsman_guid_stamp(&g);
    CHECK_STR(wsman_guid_format(&g, out), "76056A84-51DC-4F24-9262-CA2A55464B2B");
    CHECK(!wsman_guid_zero(&g));
}

int main(void)
{
    requests();
    sizes();
    answers();
    guids();
    return check_done();
}
