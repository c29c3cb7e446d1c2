/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange.c - the /powershell endpoint: authentication, the operations of WS-Management on
 * shells and commands, and the packing of what pipelines produce into envelopes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab_run.h"
#include "lab_wsman.h"

#define ENVELOPE_TAIL 500 /* CommandState and the end of the envelope */

static const struct ws_fault fault_timeout = {
    2150858793u,
    "Receiver",
    "w:TimedOut",
    "The WS-Management service cannot complete the operation within the time specified in "
    "OperationTimeout.  ",
    NULL,
    NULL
};
static const struct ws_fault fault_no_shell = {
    2150858843u,
    "Sender",
    "w:InvalidSelectors",
    "The WS-Management service cannot process the request because the request contained invalid "
    "selectors for the resource. ",
    "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors",
    "The request for the Windows Remote Shell with ShellId failed because the shell was not found "
    "on the server. Possible causes are: the specified ShellId is incorrect or the shell no longer "
    "exists on the server. Provide the correct ShellId or create a new shell and retry the "
    "operation. "
};
static const struct ws_fault fault_no_command = {
    2150858843u,
    "Sender",
    "w:InvalidSelectors",
    "The WS-Management service cannot process the request because the request contained invalid "
    "selectors for the resource. ",
    "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors",
    "The Windows Remote Shell received a request to perform an operation on a command identifier "
    "that does not exist. Either the command has completed execution or the client specified an "
    "invalid command identifier. "
};
static const struct ws_fault fault_bad_timeout = {
    2150858767u,
    "Sender",
    "a:InvalidMessageInformationHeader",
    "A header is not valid, and the message cannot be processed.",
    NULL,
    "The WS-Management service cannot process the request. The request contains an invalid "
    "OperationTimeout. "
};
static const struct ws_fault fault_resource = {
    2150858811u,
    "Sender",
    "w:InvalidResourceURI",
    "The WS-Management service cannot process the request. The service cannot find the resource "
    "identified by the resource URI and selectors. ",
    NULL,
    "The WS-Management service cannot process the request. The resource URI is not in the "
    "WS-Management catalog. The catalog contains the metadata that describes resources, or "
    "logical endpoints. "
};
static const struct ws_fault fault_action = {
    2150858754u, "Sender", "a:ActionNotSupported", "The action is not supported by the service.",
    NULL,        NULL
};
static const struct ws_fault fault_shells = {
    2150859173u,
    "Receiver",
    "w:QuotaLimit",
    "The service cannot process the request because it exceeds a quota. ",
    NULL,
    "The WS-Management service cannot process the request. This user is allowed a maximum number "
    "of 18 concurrent shells, which has been exceeded. Close existing shells or raise the quota "
    "for this user. "
};
static const struct ws_fault fault_commands = {
    2150859174u,
    "Receiver",
    "w:QuotaLimit",
    "The service cannot process the request because it exceeds a quota. ",
    NULL,
    "The WS-Management service cannot process the request. The maximum number of concurrent "
    "commands per shell has been exceeded. Retry your request later or raise the Maximum "
    "Commands per Shell quota. "
};
static const struct ws_fault fault_aborted = { 995,
                                               "Receiver",
                                               "w:InternalError",
                                               "The I/O operation has been aborted because of "
                                               "either a thread exit or an application request. ",
                                               NULL,
                                               NULL };

static void fault(struct reply *r, const struct ws_request *q, const struct ws_fault *f)
{
    r->status = 500;
    r->body.n = 0;
    ws_fault(&r->body, q->message_id, f);
}

static void bad_request(struct reply *r, const struct ws_request *q, const char *why)
{
    struct ws_fault f = { 87,   "Sender", "w:InvalidParameter", "The parameter is incorrect. ",
                          NULL, why };

    fault(r, q, &f);
}

/* ---- Create ---- */

static void pool_message(struct shell *s, uint32_t type, int with_pool, const char *xml)
{
    struct run *r = &s->pool;
    struct queued *q = lab_alloc(sizeof *q);

    q->object = ++s->next_object;
    psrp_begin(&q->message, type, with_pool ? s->rpid : NULL, NULL);
    buf_str(&q->message, xml);
    *r->last = q;
    r->last = &q->next;
}

static void greet(struct shell *s)
{
    static const char *const ps[4] = { "2.0", "5.1.14393.7428", "5.1.17763.6414",
                                       "5.1.20348.2849" };
    const char *v = lab.opt.winrm2 ? "2.0" : ps[lab.opt.generation];
    struct buf b = { 0 };

    buf_fmt(&b,
            "<Obj RefId=\"0\"><MS><Version N=\"protocolversion\">%s</Version><Version "
            "N=\"PSVersion\">2.0</Version><Version N=\"SerializationVersion\">1.1.0.1</Version>"
            "</MS></Obj>",
            s->version);
    pool_message(s, MSG_SESSION_CAPABILITY, 0, b.p);
    b.n = 0;
    buf_fmt(&b,
            "<Obj RefId=\"0\"><MS><Obj N=\"ApplicationPrivateData\" RefId=\"1\"><TN RefId=\"0\">"
            "<T>System.Management.Automation.PSPrimitiveDictionary</T><T>System.Collections."
            "Hashtable</T><T>System.Object</T></TN><DCT><En><S N=\"Key\">PSVersionTable</S>"
            "<Obj N=\"Value\" RefId=\"2\"><TNRef RefId=\"0\" /><DCT><En><S N=\"Key\">PSVersion"
            "</S><Version N=\"Value\">%s</Version></En><En><S N=\"Key\">PSCompatibleVersions</S>"
            "<Obj N=\"Value\" RefId=\"3\"><TN RefId=\"1\"><T>System.Version[]</T><T>System.Array"
            "</T><T>System.Object</T></TN><LST><Version>1.0</Version><Version>2.0</Version>",
            v);
    if (!lab.opt.winrm2)
        buf_fmt(&b,
                "<Version>3.0</Version><Version>4.0</Version><Version>5.0</Version><Version>%s"
                "</Version>",
                v);
    buf_fmt(&b,
            "</LST></Obj></En><En><S N=\"Key\">CLRVersion</S><Version N=\"Value\">4.0.30319.42000"
            "</Version></En><En><S N=\"Key\">WSManStackVersion</S><Version N=\"Value\">%s"
            "</Version></En><En><S N=\"Key\">PSRemotingProtocolVersion</S><Version N=\"Value\">%s"
            "</Version></En><En><S N=\"Key\">SerializationVersion</S><Version N=\"Value\">1.1.0.1"
            "</Version></En></DCT></Obj></En></DCT></Obj></MS></Obj>",
            lab.opt.winrm2 ? "2.0" : "3.0", s->version);
    pool_message(s, MSG_APPLICATION_PRIVATE_DATA, 1, b.p);
    pool_message(s, MSG_RUNSPACEPOOL_STATE, 1,
                 "<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">2</I32></MS></Obj>");
    buf_clear(&b);
}

static int take_capability(struct shell *s, const struct psrp_message *m, const char **why)
{
    struct clx_doc *d = clx_parse(m->data, m->n, why);
    const char *v;
    int ok;

    if (!d)
        return 0;
    v = clx_text(clx_get(clx_root(d), "protocolversion"));
    ok = strncmp(v, "2.", 2) == 0;
    if (!ok)
        *why = "SESSION_CAPABILITY names no protocolversion 2.x";
    if (lab.opt.winrm2)
        v = "2.1";
    else if (strcmp(v, "2.1") != 0 && strcmp(v, "2.2") != 0)
        v = "2.3"; /* the smaller of the client's and ours */
    lab_print(s->version, sizeof s->version, "%s", v);
    memcpy(s->rpid, m->pool, 16);
    clx_free(d);
    return ok;
}

static int take_init(struct shell *s, const struct psrp_message *m, const char **why)
{
    struct clx_doc *d = clx_parse(m->data, m->n, why);
    const struct clx *host;

    if (!d)
        return 0;
    host = clx_get(clx_root(d), "HostInfo");
    s->host_null = clx_true(clx_get(host, "_isHostNull"));
    if (!host)
        *why = "INIT_RUNSPACEPOOL holds no HostInfo";
    clx_free(d);
    return host != NULL;
}

static int open_pool(struct shell *s, const struct buf *b, const char **why)
{
    const unsigned char *p = (const unsigned char *)b->p;
    size_t n = b->n;
    struct psrp_message m;
    unsigned seen = 0;

    while (n) {
        int got = defrag_feed(&s->pool.in, &p, &n, &m, why);

        if (got < 0)
            return 0;
        if (!got)
            continue;
        if (m.type == MSG_SESSION_CAPABILITY && !seen) {
            if (!take_capability(s, &m, why))
                return 0;
            seen = 1;
        } else if (m.type == MSG_INIT_RUNSPACEPOOL && seen == 1) {
            if (!take_init(s, &m, why))
                return 0;
            seen = 2;
        } else {
            *why = "creationXml holds something other than SESSION_CAPABILITY and "
                   "INIT_RUNSPACEPOOL";
            return 0;
        }
    }
    if (seen != 2)
        *why = "creationXml lacks SESSION_CAPABILITY or INIT_RUNSPACEPOOL";
    return seen == 2;
}

static void create(const struct call *c, const struct ws_request *q, struct reply *r)
{
    const char *why = "";
    struct shell *s = shell_create(c->cas, q->shell, &why);
    struct buf *b = &r->body;

    if (!s) {
        if (strcmp(why, "shells") == 0)
            fault(r, q, &fault_shells);
        else
            bad_request(r, q, "A shell with this ShellId exists already. ");
        return;
    }
    if (q->idle_ms > 0)
        s->idle_ms = q->idle_ms < 60000 ? 60000 : (uint64_t)q->idle_ms;
    s->shapes = strstr(c->query, "erializationLevel=Full") ? SHAPES_FULL : SHAPES_MIXED;
    if (lab.opt.shapes)
        s->shapes = lab_same(lab.opt.shapes, "full")     ? SHAPES_FULL
                    : lab_same(lab.opt.shapes, "string") ? SHAPES_STRING
                                                         : SHAPES_MIXED;
    profile_enter(s, c->query);
    if (!open_pool(s, &q->creation, &why)) {
        bad_request(r, q, why);
        shell_delete(s);
        shell_release(s);
        return;
    }
    greet(s);
    reply_header(r, "Set-Cookie", "MS-WSMAN=%s; path=%s; secure; HttpOnly", s->cookie, c->path);
    ws_begin(b, NS_TRANSFER "/CreateResponse", q->message_id);
    BUF_LIT(b, "<x:ResourceCreated><a:Address>");
    buf_xml(b, q->to);
    buf_fmt(b,
            "</a:Address><a:ReferenceParameters><w:ResourceURI>" RESOURCE
            "</w:ResourceURI><w:SelectorSet><w:Selector Name=\"ShellId\">%s</w:Selector>"
            "</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>",
            s->id);
    if (!lab.opt.winrm2)
        buf_fmt(b,
                "<rsp:Shell xmlns:rsp=\"" NS_SHELL "\"><rsp:ShellId>%s</rsp:ShellId>"
                "<rsp:ResourceUri>" RESOURCE "</rsp:ResourceUri><rsp:Owner>%s</rsp:Owner>"
                "<rsp:ClientIP>127.0.0.1</rsp:ClientIP><rsp:IdleTimeOut>PT%llu.000S"
                "</rsp:IdleTimeOut><rsp:InputStreams>stdin pr</rsp:InputStreams>"
                "<rsp:OutputStreams>stdout</rsp:OutputStreams><rsp:MaxIdleTimeOut>"
                "PT2147483.647S</rsp:MaxIdleTimeOut><rsp:Locale>en-US</rsp:Locale>"
                "<rsp:DataLocale>en-US</rsp:DataLocale><rsp:CompressionMode>NoCompression"
                "</rsp:CompressionMode><rsp:ProfileLoaded>Yes</rsp:ProfileLoaded><rsp:Encoding>"
                "UTF8</rsp:Encoding><rsp:BufferMode>Block</rsp:BufferMode><rsp:State>Connected"
                "</rsp:State><rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime>"
                "<rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity></rsp:Shell>",
                s->id, lab.exchange_user, (unsigned long long)s->idle_ms / 1000);
    ws_end(b);
    shell_release(s);
}

/* ---- Command, Send, Signal ---- */

static void command(struct shell *s, const struct ws_request *q, struct reply *r)
{
    const char *why = "";
    char id[40];
    char arg[64];
    struct run *run;
    unsigned max = 1000;

    if (fault_strikes("quota-commands", NULL, arg))
        max = (unsigned)strtoul(arg, NULL, 10);
    if (s->commands >= max) {
        fault(r, q, &fault_commands);
        return;
    }
    if (*q->command && !lab.opt.winrm2)
        lab_print(id, sizeof id, "%s", q->command);
    else
        random_guid(id, 1);
    if (shell_run(s, id)) {
        bad_request(r, q, "The command id is in use. ");
        return;
    }
    run = shell_add_run(s, id);
    pthread_rwlock_wrlock(&lab.m.lock);
    if (!run_feed(run, (const unsigned char *)q->arguments.p, q->arguments.n, &why)) {
        pthread_rwlock_unlock(&lab.m.lock);
        bad_request(r, q, why);
        shell_drop_run(s, run);
        return;
    }
    pthread_rwlock_unlock(&lab.m.lock);
    pthread_cond_broadcast(&s->wake);
    ws_begin(&r->body, NS_SHELL "/CommandResponse", q->message_id);
    buf_fmt(&r->body,
            "<rsp:CommandResponse><rsp:CommandId>%s</rsp:CommandId></rsp:CommandResponse>", id);
    ws_end(&r->body);
}

static void send_(struct shell *s, const struct ws_request *q, struct reply *r)
{
    for (unsigned i = 0; i < q->n_streams; i++) {
        const struct ws_stream *st = &q->stream[i];
        struct run *run = *st->command ? shell_run(s, st->command) : NULL;
        const char *why = "";
        int ok;

        /* An answer to a prompt may come without CommandId: it goes to whoever asked. */
        if (!run && !*st->command)
            for (run = s->runs; run && run->state != RUN_ASKING;)
                run = run->next;
        if (!run) {
            fault(r, q, &fault_no_command);
            return;
        }
        pthread_rwlock_wrlock(&lab.m.lock);
        ok = run_feed(run, (const unsigned char *)st->bytes.p, st->bytes.n, &why);
        pthread_rwlock_unlock(&lab.m.lock);
        if (!ok) {
            bad_request(r, q, why);
            return;
        }
    }
    pthread_cond_broadcast(&s->wake);
    ws_begin(&r->body, NS_SHELL "/SendResponse", q->message_id);
    BUF_LIT(&r->body, "<rsp:SendResponse/>");
    ws_end(&r->body);
}

static void signal_(struct shell *s, const struct ws_request *q, struct reply *r)
{
    struct run *run = shell_run(s, q->command);

    if (!run) {
        fault(r, q, &fault_no_command);
        return;
    }
    if (strstr(q->signal, "signal/Terminate") || strstr(q->signal, "signal/terminate")) {
        shell_drop_run(s, run);
        lab.stats.pipelines_terminated++;
    } else if (strstr(q->signal, "ctrl_c"))
        run_stop(run);
    else {
        bad_request(r, q, "The signal code is unknown. ");
        return;
    }
    pthread_cond_broadcast(&s->wake);
    ws_begin(&r->body, NS_SHELL "/SignalResponse", q->message_id);
    BUF_LIT(&r->body, "<rsp:SignalResponse/>");
    ws_end(&r->body);
}

/* ---- Receive ---- */

static size_t fragment_limit(size_t envelope)
{
    size_t limit = lab.opt.fragment ? lab.opt.fragment : 32768;
    size_t room = envelope > 2600 ? (envelope - 2000) / 4 * 3 : 450;

    if (limit > room)
        limit = room;
    return limit > 64 ? limit - 21 : 43;
}

/* Spoils a fragment as a fault asks. */
static void spoil(uint64_t *fragment, int *start, int *end, int *twice)
{
    if (fault_strikes("fragment-gap", NULL, NULL)) {
        *fragment += 1;
        *start = 0;
    }
    if (fault_strikes("fragment-dup-start", NULL, NULL)) {
        *end = 0;
        *twice = 1;
    }
}

/* One Stream element of whole fragments, at most `room` bytes on the wire; 0: nothing fitted. */
static int stream(struct run *r, struct buf *out, struct buf *raw, size_t limit, size_t room)
{
    /* Of the pool each message comes alone, as recorded; of pipelines several in one. */
    unsigned per_stream = *r->id ? 4 : 1;
    unsigned in_it = 0;

    raw->n = 0;
    while (run_produce(r)) {
        struct queued *q = r->first;
        size_t n = q->message.n - r->offset;
        uint64_t fragment = r->fragment;
        int start = r->offset == 0;
        int end;
        int twice = 0;

        if (n > limit)
            n = limit;
        end = r->offset + n == q->message.n;
        if ((raw->n + n + 21 + 2) / 3 * 4 + 120 > room || (in_it && raw->n + n + 21 > limit + 21) ||
            in_it == per_stream)
            break;
        spoil(&fragment, &start, &end, &twice);
        psrp_fragment(raw, q->object, fragment, start, end, q->message.p + r->offset, n);
        if (twice)
            psrp_fragment(raw, q->object, fragment, start, end, q->message.p + r->offset, n);
        in_it++;
        r->fragment++;
        r->offset += n;
        if (r->offset == q->message.n) {
            r->first = q->next;
            if (!r->first)
                r->last = &r->first;
            buf_clear(&q->message);
            free(q);
            r->offset = 0;
            r->fragment = 0;
        }
    }
    if (!in_it)
        return 0;
    BUF_LIT(out, "<rsp:Stream Name=\"stdout\"");
    if (*r->id) {
        BUF_LIT(out, " CommandId=\"");
        buf_str(out, r->id);
        BUF_LIT(out, "\"");
    }
    BUF_LIT(out, ">");
    buf_base64(out, raw->p, raw->n);
    BUF_LIT(out, "</rsp:Stream>");
    return 1;
}

static void command_state(struct run *r, struct buf *b)
{
    const char *state = r->state == RUN_ASKING                               ? "Pending"
                        : r->state == RUN_DONE && !r->first && !r->done_sent ? "Done"
                                                                             : "Running";

    if (!*r->id)
        return;
    if (*state == 'D')
        r->done_sent = 1;
    buf_fmt(b,
            "<rsp:CommandState CommandId=\"%s\" State=\"" NS_SHELL "/CommandState/%s\">%s"
            "</rsp:CommandState>",
            r->id, state, *state == 'D' ? "<rsp:ExitCode>0</rsp:ExitCode>" : "");
}

static void deadline_after(struct timespec *t, long ms)
{
    clock_gettime(CLOCK_MONOTONIC, t);
    t->tv_sec += ms / 1000;
    t->tv_nsec += ms % 1000 * 1000000;
    if (t->tv_nsec >= 1000000000) {
        t->tv_sec++;
        t->tv_nsec -= 1000000000;
    }
}

static int has_output(struct run *r)
{
    int some;

    if (r->writes)
        pthread_rwlock_wrlock(&lab.m.lock);
    else
        pthread_rwlock_rdlock(&lab.m.lock);
    some = run_produce(r);
    pthread_rwlock_unlock(&lab.m.lock);
    return some;
}

static void receive(struct shell *s, const struct ws_request *q, struct reply *r)
{
    size_t envelope = (size_t)(q->envelope > 2000 ? q->envelope : 2000);
    struct buf raw = { 0 };
    struct timespec until;
    struct run *run;
    unsigned streams = 0;

    if (lab.opt.envelope && envelope > lab.opt.envelope)
        envelope = lab.opt.envelope;
    if (lab.opt.winrm2 && envelope > 153600)
        envelope = 153600;
    deadline_after(&until, q->timeout_ms);
    for (;;) {
        if (s->gone || lab.stopping) {
            fault(r, q, &fault_aborted);
            return;
        }
        run = *q->command ? shell_run(s, q->command) : &s->pool;
        if (!run || run->done_sent) {
            fault(r, q, &fault_no_command);
            return;
        }
        if (has_output(run))
            break;
        if (pthread_cond_timedwait(&s->wake, &s->lock, &until) != 0) {
            fault(r, q, &fault_timeout);
            return;
        }
    }
    buf_reserve(&r->body, envelope < 65536 ? envelope : 65536);
    ws_begin(&r->body, NS_SHELL "/ReceiveResponse", q->message_id);
    BUF_LIT(&r->body, "<rsp:ReceiveResponse>");
    if (run->writes)
        pthread_rwlock_wrlock(&lab.m.lock);
    else
        pthread_rwlock_rdlock(&lab.m.lock);
    while (r->body.n + ENVELOPE_TAIL < envelope && (*run->id || streams++ < 2)) {
        size_t room = envelope - ENVELOPE_TAIL - r->body.n;

        if (!stream(run, &r->body, &raw, fragment_limit(envelope), room))
            break;
    }
    pthread_rwlock_unlock(&lab.m.lock);
    command_state(run, &r->body);
    BUF_LIT(&r->body, "</rsp:ReceiveResponse>");
    ws_end(&r->body);
    buf_clear(&raw);
}

/* ---- the whole ---- */

static void get(struct shell *s, const struct ws_request *q, struct reply *r)
{
    ws_begin(&r->body, NS_TRANSFER "/GetResponse", q->message_id);
    buf_fmt(&r->body,
            "<rsp:Shell xmlns:rsp=\"" NS_SHELL "\"><rsp:ShellId>%s</rsp:ShellId><rsp:State>"
            "Connected</rsp:State></rsp:Shell>",
            s->id);
    ws_end(&r->body);
}

static int cookie_missing(const struct call *c, const struct shell *s)
{
    const char *cookie = c->header(c, "Cookie");

    return lab.opt.cookie && (!cookie || !strstr(cookie, s->cookie));
}

static void operate(const struct call *c, const struct ws_request *q, struct reply *r)
{
    struct shell *s;

    if (q->action == WS_CREATE) {
        create(c, q, r);
        return;
    }
    s = shell_find(c->cas, q->shell);
    if (!s || cookie_missing(c, s) ||
        fault_strikes("lost-shell", ws_action_names[q->action], NULL)) {
        fault(r, q, &fault_no_shell);
        if (s)
            shell_release(s);
        return;
    }
    if (q->action == WS_DELETE) {
        lab.stats.shells_deleted++;
        shell_delete(s);
        ws_begin(&r->body, NS_TRANSFER "/DeleteResponse", q->message_id);
        ws_end(&r->body);
    } else {
        pthread_mutex_lock(&s->lock);
        switch (q->action) {
        case WS_COMMAND: command(s, q, r); break;
        case WS_SEND: send_(s, q, r); break;
        case WS_RECEIVE: receive(s, q, r); break;
        case WS_SIGNAL: signal_(s, q, r); break;
        default: get(s, q, r); break;
        }
        pthread_mutex_unlock(&s->lock);
    }
    shell_release(s);
}

static int authorised(const struct call *c)
{
    const char *a = c->header(c, "Authorization");
    struct buf b = { 0 };
    char want[160];
    int ok = 0;

    if (!a || !lab_starts(a, "Basic ") || !buf_unbase64(&b, a + 6, strlen(a + 6))) {
        buf_clear(&b);
        return 0;
    }
    lab_print(want, sizeof want, "%s:%s", lab.exchange_user, lab.exchange_password);
    ok = strcmp(b.p, want) == 0;
    lab_print(want, sizeof want, "%s:%s", lab.exchange_upn, lab.exchange_password);
    ok |= strcmp(b.p, want) == 0;
    buf_clear(&b);
    return ok;
}

static void plain(struct reply *r, unsigned status, const char *text)
{
    r->status = status;
    r->type = "text/html";
    buf_str(&r->body, text);
}

/* Faults that strike before the request is looked at. 1: answered. */
static int early(const struct call *c, const char *op, struct reply *r)
{
    char arg[64] = "";

    if (fault_strikes("slow", NULL, arg))
        http_pause(*arg ? (unsigned)strtoul(arg, NULL, 10) : 200);
    if (fault_strikes("stall", op, NULL))
        http_pause(600000);
    if (fault_strikes("reset", op, NULL)) {
        r->delivery = DELIVER_RESET;
        return 1;
    }
    if (fault_strikes("401", op, NULL)) {
        reply_header(r, "WWW-Authenticate", "Basic realm=\"%s\"", c->host);
        plain(r, 401,
              "<html>401 - Unauthorized: Access is denied due to invalid credentials."
              "</html>");
        return 1;
    }
    if (fault_strikes("403", op, NULL)) {
        plain(r, 403, "<html>403 - Forbidden: Access is denied.</html>");
        return 1;
    }
    if (fault_strikes("503", op, NULL)) {
        reply_header(r, "Retry-After", "1");
        plain(r, 503, "<html>Service Unavailable</html>");
        return 1;
    }
    if (fault_strikes("redirect", op, arg)) {
        reply_header(r, "Location", "https://outlook.example/PowerShell-LiveID?PSVersion=5.1");
        plain(r, 302, "<html>Object moved</html>");
        return 1;
    }
    return 0;
}

static void late(const char *op, struct reply *r)
{
    if (r->status == 200 && fault_strikes("truncate-envelope", op, NULL))
        r->delivery = DELIVER_TRUNCATED;
    if (r->status == 200 && r->body.n > 40 && fault_strikes("malformed-xml", op, NULL)) {
        r->body.n -= 30;
        buf_str(&r->body, "<oops & </s:Body>");
    }
}

void exchange_handle(const struct call *c, struct reply *r)
{
    struct ws_request q;
    const char *why = "";
    const char *op;
    const char *type = c->header(c, "Content-Type");

    if (strcmp(c->method, "POST") != 0) {
        plain(r, 405, "<html>405 - HTTP verb used to access this page is not allowed.</html>");
        return;
    }
    if (!authorised(c)) {
        lab.stats.auth_failures++;
        reply_header(r, "WWW-Authenticate", "Basic realm=\"%s\"", c->host);
        plain(r, 401,
              "<html>401 - Unauthorized: Access is denied due to invalid credentials."
              "</html>");
        return;
    }
    if (!type || !lab_starts(type, "application/soap+xml")) {
        plain(r, 415, "<html>415 - Unsupported Media Type</html>");
        return;
    }
    r->type = "application/soap+xml;charset=UTF-8";
    if (!ws_parse(c->body, c->body_n, &q, &why)) {
        q = (struct ws_request){ .action = WS_UNKNOWN };
        bad_request(r, &q, why);
        return;
    }
    op = ws_action_names[q.action];
    if (early(c, op, r) || profile_send_on(c, r))
        ;
    else if (q.action == WS_UNKNOWN)
        fault(r, &q, &fault_action);
    else if (q.timeout_ms < 0)
        fault(r, &q, &fault_bad_timeout);
    else if (!lab_same(q.resource, RESOURCE) &&
             !(q.action == WS_GET && lab_same(q.resource, NS_SHELL)))
        fault(r, &q, &fault_resource);
    else
        operate(c, &q, r);
    late(op, r);
    if (lab.opt.log)
        fprintf(stderr, "easgate-lab: %s on CAS%u: HTTP %u, %zu bytes\n", op, c->cas + 1, r->status,
                r->body.n);
    ws_clear(&q);
}
