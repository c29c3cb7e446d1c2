/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests. Locale is always en-US: texts of faults and errors are read by people and, for want of
 * codes, by us.
 */
#include "wsman.h"

#include <inttypes.h>
#include <string.h>

#include "base64.h"
#include "err.h"
#include "wsman_names.h"

static const char *const actions[] = {
    [WSMAN_CREATE] = NS_XFER "/Create",    [WSMAN_DELETE] = NS_XFER "/Delete",
    [WSMAN_COMMAND] = NS_SHELL "/Command", [WSMAN_SEND] = NS_SHELL "/Send",
    [WSMAN_RECEIVE] = NS_SHELL "/Receive", [WSMAN_SIGNAL] = NS_SHELL "/Signal",
};

const char *wsman_op_name(enum wsman_op op)
{
    static const char *const names[] = {
        [WSMAN_CREATE] = "WS-Man Create",   [WSMAN_DELETE] = "WS-Man Delete",
        [WSMAN_COMMAND] = "WS-Man Command", [WSMAN_SEND] = "WS-Man Send",
        [WSMAN_RECEIVE] = "WS-Man Receive", [WSMAN_SIGNAL] = "WS-Man Signal",
    };

    return names[op];
}

static void put_seconds(struct strbuf *out, int64_t ms)
{
    if (ms % 1000)
        strbuf_addf(out, "PT%" PRId64 ".%03dS", ms / 1000, (int)(ms % 1000));
    else
        strbuf_addf(out, "PT%" PRId64 "S", ms / 1000);
}

static void put_header(const struct wsman_session *s, const struct wsman_request *r,
                       struct strbuf *out)
{
    char id[WSMAN_GUID_TEXT];

    strbuf_adds(out, "<s:Envelope xmlns:s=\"" NS_SOAP "\" xmlns:wsa=\"" NS_ADDR
                     "\" xmlns:w=\"" NS_WSMAN "\" xmlns:p=\"" NS_MS "\" xmlns:rsp=\"" NS_SHELL
                     "\"><s:Header><wsa:Action s:mustUnderstand=\"true\">");
    strbuf_adds(out, actions[r->op]);
    strbuf_adds(out, "</wsa:Action><p:DataLocale s:mustUnderstand=\"false\" xml:lang=\"en-US\"/>"
                     "<w:Locale s:mustUnderstand=\"false\" xml:lang=\"en-US\"/>");
    strbuf_addf(out, "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">%zu</w:MaxEnvelopeSize>",
                s->max_envelope);
    strbuf_addf(out, "<wsa:MessageID>uuid:%s</wsa:MessageID><w:OperationTimeout>",
                wsman_guid_format(&r->message_id, id));
    put_seconds(out, s->operation_timeout_ms);
    strbuf_adds(
        out, "</w:OperationTimeout><wsa:ReplyTo><wsa:Address s:mustUnderstand=\"true\">" ANONYMOUS
             "</wsa:Address></wsa:ReplyTo>"
             "<w:ResourceURI s:mustUnderstand=\"true\">");
    strbuf_add_xml(out, s->resource_uri, strlen(s->resource_uri));
    strbuf_addf(out,
                "</w:ResourceURI><p:SessionId s:mustUnderstand=\"false\">uuid:%s</p:SessionId>"
                "<wsa:To>",
                wsman_guid_format(&s->id, id));
    strbuf_add_xml(out, s->to, strlen(s->to));
    strbuf_adds(out, "</wsa:To>");
    switch (r->op) {
    case WSMAN_CREATE:
        strbuf_adds(out, "<w:OptionSet s:mustUnderstand=\"true\"><w:Option "
                         "MustComply=\"true\" Name=\"protocolversion\">2.3</w:Option>"
                         "</w:OptionSet>");
        break;
    case WSMAN_COMMAND:
        strbuf_adds(out, "<w:OptionSet s:mustUnderstand=\"true\"><w:Option "
                         "Name=\"WINRS_SKIP_CMD_SHELL\">False</w:Option></w:OptionSet>");
        break;
    case WSMAN_RECEIVE:
        strbuf_adds(out, "<w:OptionSet s:mustUnderstand=\"true\"><w:Option "
                         "Name=\"WSMAN_CMDSHELL_OPTION_KEEPALIVE\">True</w:Option>"
                         "</w:OptionSet>");
        break;
    default: break;
    }
    if (r->op != WSMAN_CREATE) {
        strbuf_adds(out, "<w:SelectorSet><w:Selector Name=\"ShellId\">");
        strbuf_add_xml(out, r->shell_id, strlen(r->shell_id));
        strbuf_adds(out, "</w:Selector></w:SelectorSet>");
    }
    strbuf_adds(out, "</s:Header><s:Body>");
}

static void put_attribute(struct strbuf *out, const char *name, const char *value)
{
    if (!value)
        return;
    strbuf_addf(out, " %s=\"", name);
    strbuf_add_xml(out, value, strlen(value));
    strbuf_addc(out, '"');
}

static void put_body(const struct wsman_request *r, struct strbuf *out)
{
    switch (r->op) {
    case WSMAN_CREATE:
        strbuf_adds(out, "<rsp:Shell");
        put_attribute(out, "ShellId", r->shell_id);
        strbuf_addc(out, '>');
        if (r->idle_timeout_ms) {
            strbuf_adds(out, "<rsp:IdleTimeOut>");
            put_seconds(out, r->idle_timeout_ms);
            strbuf_adds(out, "</rsp:IdleTimeOut>");
        }
        strbuf_adds(out, "<rsp:InputStreams>stdin pr</rsp:InputStreams>"
                         "<rsp:OutputStreams>stdout</rsp:OutputStreams>"
                         "<creationXml xmlns=\"" NS_PWSH "\">");
        base64_encode(out, r->payload, r->payload_len);
        strbuf_adds(out, "</creationXml></rsp:Shell>");
        break;
    case WSMAN_COMMAND:
        strbuf_adds(out, "<rsp:CommandLine");
        put_attribute(out, "CommandId", r->command_id);
        strbuf_adds(out, "><rsp:Command/><rsp:Arguments>");
        base64_encode(out, r->payload, r->payload_len);
        strbuf_adds(out, "</rsp:Arguments></rsp:CommandLine>");
        break;
    case WSMAN_SEND:
        strbuf_adds(out, "<rsp:Send><rsp:Stream Name=\"stdin\"");
        put_attribute(out, "CommandId", r->command_id);
        strbuf_addc(out, '>');
        base64_encode(out, r->payload, r->payload_len);
        strbuf_adds(out, "</rsp:Stream></rsp:Send>");
        break;
    case WSMAN_RECEIVE:
        strbuf_adds(out, "<rsp:Receive><rsp:DesiredStream");
        put_attribute(out, "CommandId", r->command_id);
        strbuf_adds(out, ">stdout</rsp:DesiredStream></rsp:Receive>");
        break;
    case WSMAN_SIGNAL:
        strbuf_adds(out, "<rsp:Signal");
        put_attribute(out, "CommandId", r->command_id);
        strbuf_adds(out, "><rsp:Code>");
        strbuf_adds(out, r->signal == WSMAN_CTRL_C ? "powershell/signal/ctrl_c"
                                                   : NS_SHELL "/signal/Terminate");
        strbuf_adds(out, "</rsp:Code></rsp:Signal>");
        break;
    case WSMAN_DELETE: break;
    }
}

easg_status wsman_write(const struct wsman_session *s, const struct wsman_request *r,
                        struct strbuf *out, easg_error *err)
{
    size_t start = out->len;

    put_header(s, r, out);
    put_body(r, out);
    strbuf_adds(out, "</s:Body></s:Envelope>");
    if (strbuf_status(out) == EASG_E_NOMEM)
        return err_nomem(err);
    if (strbuf_status(out) != EASG_OK || out->len - start > s->max_envelope)
        return err_set(err, EASG_E_LIMIT, "%s: envelope larger than the %zu bytes of max_envelope",
                       wsman_op_name(r->op), s->max_envelope);
    return EASG_OK;
}

size_t wsman_payload_max(const struct wsman_session *s, const struct wsman_request *r)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(1024 * 1024);
    struct wsman_request empty = *r;

    empty.payload = "";
    empty.payload_len = 0;
    put_header(s, &empty, &b);
    put_body(&empty, &b);
    strbuf_adds(&b, "</s:Body></s:Envelope>");
    if (strbuf_status(&b) != EASG_OK || b.len >= s->max_envelope)
        return 0;
    return (s->max_envelope - b.len) / 4 * 3;
}
