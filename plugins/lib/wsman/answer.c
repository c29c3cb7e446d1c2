/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers, read while they arrive. The header comes first in SOAP, so RelatesTo is known before the
 * first byte of a stream is handed on.
 */
#include <string.h>

#include "err.h"
#include "text.h"
#include "wsman.h"
#include "wsman_fault.h"
#include "wsman_names.h"
#include "xml.h"

/* A server may exceed MaxEnvelopeSize a little; this is for one that never ends. */
#define MAX_ANSWER ((size_t)64 * 1024 * 1024)
#define MAX_TEXT   4096u

/* Where text that comes now goes. */
enum place {
    IN_NOTHING,
    IN_STREAM,
    IN_TEXT, /* collected in `text` */
};

struct wsman_reader {
    const struct wsman_stream_handler *handler;
    void *user;
    struct xml_reader *xml;
    struct wsman_answer answer;
    enum wsman_op op;
    char message_id[WSMAN_GUID_TEXT];
    char expect_command[WSMAN_ID_SIZE]; /* "": of the pool */
    unsigned depth;
    int in_header;
    int in_body;
    int related;  /* 1: RelatesTo is right */
    int answered; /* the body held what the operation returns */
    int in_fault;
    int in_subcode;
    int in_message;  /* depth of f:Message, or 0 */
    unsigned nested; /* WSManFault elements met */
    int is_shell_selector;
    int of_pool;
    enum place place;
    struct strbuf text;
};

static void collect(struct wsman_reader *r)
{
    strbuf_reset(&r->text);
    r->place = IN_TEXT;
}

static easg_status take_id(struct wsman_reader *r, const char *what, char out[WSMAN_ID_SIZE],
                           easg_error *err)
{
    const char *p = strbuf_str(&r->text);
    size_t len = r->text.len;

    while (len && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
        len--;
    }
    while (len &&
           (p[len - 1] == ' ' || p[len - 1] == '\n' || p[len - 1] == '\r' || p[len - 1] == '\t'))
        len--;
    if (len == 0 || len >= WSMAN_ID_SIZE || strbuf_status(&r->text) != EASG_OK)
        return err_set(err, EASG_E_PROTOCOL, "%s: %s is %s", wsman_op_name(r->op), what,
                       len ? "too long" : "empty");
    memcpy(out, p, len);
    out[len] = '\0';
    return EASG_OK;
}

static easg_status start_stream(struct wsman_reader *r, const struct xml_attrs *attrs,
                                easg_error *err)
{
    struct xml_text name = xml_attr(attrs, "Name");
    struct xml_text command = xml_attr(attrs, "CommandId");

    if (!name.ptr || name.len != 6 || memcmp(name.ptr, "stdout", 6) != 0)
        return err_set(err, EASG_E_PROTOCOL, "%s: a stream that is not stdout",
                       wsman_op_name(r->op));
    if (command.ptr &&
        !text_ieq(command.ptr, command.len, r->expect_command, strlen(r->expect_command)))
        return err_set(err, EASG_E_PROTOCOL, "%s: stream of another command", wsman_op_name(r->op));
    r->of_pool = !command.ptr;
    r->place = IN_STREAM;
    return EASG_OK;
}

static uint32_t number(struct xml_text t)
{
    uint64_t n;

    return t.ptr && text_parse_u64(t.ptr, t.len, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static void start_in_fault(struct wsman_reader *r, const char *uri, const char *local,
                           const struct xml_attrs *attrs)
{
    if (xml_is(uri, local, NS_SOAP, "Subcode")) {
        r->in_subcode = 1;
    } else if (xml_is(uri, local, NS_SOAP, "Value") || xml_is(uri, local, NS_SOAP, "Text")) {
        collect(r);
    } else if (xml_is(uri, local, NS_FAULT, "WSManFault")) {
        uint32_t code = number(xml_attr(attrs, "Code"));

        if (r->nested++ == 0)
            r->answer.fault.code = code;
        else if (!r->answer.fault.inner_code)
            r->answer.fault.inner_code = code;
    } else if (xml_is(uri, local, NS_FAULT, "Message") && !r->in_message) {
        r->in_message = (int)r->depth;
    }
}

static easg_status start_in_body(struct wsman_reader *r, const char *uri, const char *local,
                                 const struct xml_attrs *attrs, easg_error *err)
{
    static const struct {
        const char *uri;
        const char *local;
    } body[] = {
        [WSMAN_CREATE] = { NS_XFER, "ResourceCreated" },
        [WSMAN_DELETE] = { NS_XFER, "DeleteResponse" },
        [WSMAN_COMMAND] = { NS_SHELL, "CommandResponse" },
        [WSMAN_SEND] = { NS_SHELL, "SendResponse" },
        [WSMAN_RECEIVE] = { NS_SHELL, "ReceiveResponse" },
        [WSMAN_SIGNAL] = { NS_SHELL, "SignalResponse" },
    };
    char safe[64];

    if (r->depth == 3 && xml_is(uri, local, NS_SOAP, "Fault")) {
        r->in_fault = 1;
        r->answer.fault.kind = WSMAN_FAULT_OTHER;
    } else if (r->depth == 3 && !r->related) {
        return err_set(err, EASG_E_PROTOCOL, "%s: the answer does not say which request it is for",
                       wsman_op_name(r->op));
    } else if (r->depth == 3 && xml_is(uri, local, body[r->op].uri, body[r->op].local)) {
        r->answered = 1;
    } else if (r->depth == 3 && !(r->op == WSMAN_CREATE && xml_is(uri, local, NS_SHELL, "Shell"))) {
        return err_set(err, EASG_E_PROTOCOL, "%s: unexpected %s in the answer",
                       wsman_op_name(r->op), text_safe(local, strlen(local), safe, sizeof(safe)));
    } else if (r->op == WSMAN_RECEIVE && xml_is(uri, local, NS_SHELL, "Stream")) {
        return start_stream(r, attrs, err);
    } else if (r->op == WSMAN_RECEIVE && xml_is(uri, local, NS_SHELL, "CommandState")) {
        static const char prefix[] = NS_SHELL "/CommandState/";
        struct xml_text state = xml_attr(attrs, "State");
        size_t n = sizeof(prefix) - 1;

        if (state.ptr && state.len > n && memcmp(state.ptr, prefix, n) == 0) {
            if (text_ieq(state.ptr + n, state.len - n, "Done", 4))
                r->answer.state = WSMAN_COMMAND_DONE;
            else if (text_ieq(state.ptr + n, state.len - n, "Pending", 7))
                r->answer.state = WSMAN_COMMAND_PENDING;
            else
                r->answer.state = WSMAN_COMMAND_RUNNING;
        }
    } else if (r->op == WSMAN_CREATE && xml_is(uri, local, NS_WSMAN, "Selector")) {
        struct xml_text name = xml_attr(attrs, "Name");

        r->is_shell_selector = name.ptr && text_ieq(name.ptr, name.len, "ShellId", 7);
        collect(r);
    } else if (r->op == WSMAN_COMMAND && xml_is(uri, local, NS_SHELL, "CommandId")) {
        collect(r);
    }
    return EASG_OK;
}

static easg_status on_start(void *user, const char *uri, const char *local,
                            const struct xml_attrs *attrs, easg_error *err)
{
    struct wsman_reader *r = user;

    r->depth++;
    if (r->place == IN_STREAM)
        return err_set(err, EASG_E_PROTOCOL, "%s: an element inside a stream",
                       wsman_op_name(r->op));
    r->place = IN_NOTHING;
    if (r->depth == 1) {
        if (!xml_is(uri, local, NS_SOAP, "Envelope"))
            return err_set(err, EASG_E_PROTOCOL, "%s: the answer is no SOAP envelope",
                           wsman_op_name(r->op));
    } else if (r->depth == 2) {
        r->in_header = xml_is(uri, local, NS_SOAP, "Header");
        r->in_body = xml_is(uri, local, NS_SOAP, "Body");
    } else if (r->in_header && r->depth == 3 && xml_is(uri, local, NS_ADDR, "RelatesTo")) {
        collect(r);
    } else if (r->in_fault) {
        start_in_fault(r, uri, local, attrs);
    } else if (r->in_body) {
        return start_in_body(r, uri, local, attrs, err);
    }
    return EASG_OK;
}

static easg_status take_relates_to(struct wsman_reader *r, easg_error *err)
{
    char id[WSMAN_ID_SIZE];
    const char *p = id;
    easg_status st = take_id(r, "RelatesTo", id, err);

    if (st != EASG_OK)
        return st;
    if (text_ieq(p, strnlen(p, 9), "urn:uuid:", 9))
        p += 9;
    else if (text_ieq(p, strnlen(p, 5), "uuid:", 5))
        p += 5;
    if (!text_ieq(p, strlen(p), r->message_id, strlen(r->message_id)))
        return err_set(err, EASG_E_PROTOCOL, "%s: the answer belongs to another request",
                       wsman_op_name(r->op));
    r->related = 1;
    return EASG_OK;
}

static void end_in_fault(struct wsman_reader *r, const char *uri, const char *local)
{
    struct wsman_fault *f = &r->answer.fault;

    if (r->place == IN_TEXT && xml_is(uri, local, NS_SOAP, "Value") && r->in_subcode &&
        !f->subcode[0]) {
        const char *colon = strrchr(strbuf_str(&r->text), ':');
        const char *p = colon ? colon + 1 : strbuf_str(&r->text);

        (void)text_safe(p, strlen(p), f->subcode, sizeof(f->subcode));
    } else if (r->place == IN_TEXT && xml_is(uri, local, NS_SOAP, "Text") && f->reason.len == 0) {
        strbuf_add(&f->reason, r->text.ptr, r->text.len);
    } else if (r->in_message == (int)r->depth) {
        r->in_message = 0;
    }
}

static easg_status on_end(void *user, const char *uri, const char *local, easg_error *err)
{
    struct wsman_reader *r = user;
    easg_status st = EASG_OK;

    if (r->place == IN_STREAM)
        st = r->handler->end(r->user, r->of_pool, err);
    else if (r->in_fault)
        end_in_fault(r, uri, local);
    else if (r->place == IN_TEXT && r->in_header)
        st = take_relates_to(r, err);
    else if (r->place == IN_TEXT && r->op == WSMAN_CREATE && r->is_shell_selector)
        st = take_id(r, "ShellId", r->answer.shell_id, err);
    else if (r->place == IN_TEXT && r->op == WSMAN_COMMAND)
        st = take_id(r, "CommandId", r->answer.command_id, err);
    r->place = IN_NOTHING;
    r->depth--;
    return st;
}

static easg_status on_text(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct wsman_reader *r = user;

    if (r->place == IN_STREAM)
        return r->handler->text(r->user, r->of_pool, ptr, len, err);
    if (r->place == IN_TEXT)
        strbuf_add(&r->text, ptr, len);
    if (r->in_message) /* as much as there is room for */
        strbuf_add(&r->answer.fault.message, ptr, len);
    return EASG_OK;
}

static const struct xml_handler handler = { on_start, on_end, on_text };

easg_status wsman_reader_create(const struct wsman_stream_handler *streams, void *user,
                                struct wsman_reader **out, easg_error *err)
{
    static const struct xml_limits limits = { MAX_ANSWER, 64 };
    struct wsman_reader *r = mem_alloc(sizeof(*r));
    easg_status st;

    if (!r)
        return err_nomem(err);
    r->handler = streams;
    r->user = user;
    strbuf_init(&r->text, MAX_TEXT);
    strbuf_init(&r->answer.fault.reason, MAX_TEXT);
    strbuf_init(&r->answer.fault.message, MAX_TEXT);
    st = xml_reader_create(&handler, r, "WS-Man answer", &limits, &r->xml, err);
    if (st != EASG_OK) {
        wsman_reader_destroy(r);
        return st;
    }
    *out = r;
    return EASG_OK;
}

void wsman_reader_destroy(struct wsman_reader *r)
{
    if (!r)
        return;
    xml_reader_destroy(r->xml);
    strbuf_clear(&r->text);
    strbuf_clear(&r->answer.fault.reason);
    strbuf_clear(&r->answer.fault.message);
    mem_free(r);
}

easg_status wsman_answer_begin(struct wsman_reader *r, const struct wsman_request *request,
                               easg_error *err)
{
    struct strbuf reason = r->answer.fault.reason;
    struct strbuf message = r->answer.fault.message;

    strbuf_reset(&reason);
    strbuf_reset(&message);
    memset(&r->answer, 0, sizeof(r->answer));
    r->answer.fault.reason = reason;
    r->answer.fault.message = message;
    r->op = request->op;
    wsman_guid_format(&request->message_id, r->message_id);
    r->expect_command[0] = '\0';
    if (request->op == WSMAN_RECEIVE && request->command_id) {
        size_t n = strnlen(request->command_id, WSMAN_ID_SIZE - 1);

        memcpy(r->expect_command, request->command_id, n);
        r->expect_command[n] = '\0';
    }
    r->depth = 0;
    r->in_header = 0;
    r->in_body = 0;
    r->related = 0;
    r->answered = 0;
    r->in_fault = 0;
    r->in_subcode = 0;
    r->in_message = 0;
    r->nested = 0;
    r->place = IN_NOTHING;
    return xml_begin(r->xml, err);
}

easg_status wsman_answer_feed(struct wsman_reader *r, const char *ptr, size_t len, easg_error *err)
{
    return xml_feed(r->xml, ptr, len, err);
}

easg_status wsman_answer_finish(struct wsman_reader *r, easg_error *err)
{
    easg_status st = xml_finish(r->xml, err);

    if (st != EASG_OK)
        return err_at(err, st, "%s", wsman_op_name(r->op));
    if (r->in_fault) {
        wsman_fault_classify(&r->answer.fault);
        return EASG_OK;
    }
    if (!r->related)
        return err_set(err, EASG_E_PROTOCOL, "%s: the answer does not say which request it is for",
                       wsman_op_name(r->op));
    if (!r->answered && r->op != WSMAN_DELETE)
        return err_set(err, EASG_E_PROTOCOL, "%s: the answer is empty", wsman_op_name(r->op));
    if (r->op == WSMAN_CREATE && !r->answer.shell_id[0])
        return err_set(err, EASG_E_PROTOCOL, "%s: the answer names no shell", wsman_op_name(r->op));
    if (r->op == WSMAN_COMMAND && !r->answer.command_id[0])
        return err_set(err, EASG_E_PROTOCOL, "%s: the answer names no command",
                       wsman_op_name(r->op));
    return EASG_OK;
}

const struct wsman_answer *wsman_reader_answer(const struct wsman_reader *r)
{
    return &r->answer;
}
