/* SPDX-License-Identifier: Apache-2.0
 *
 * One pipeline from Command to Signal Terminate. The state of it is in struct exch_pipe and each
 * step is one request, so that an event loop could keep several under way; today exch_run() walks
 * one to its end.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "exch_private.h"

#include "err.h"
#include "text.h"

#define PACE_FIRST_MS 100 /* after a warning that tells no delay */
#define PACE_MAX_MS   8000
#define PACE_MIN_MS   10
#define PACE_SMOOTH   5    /* pipelines without a warning before the pace falls by a quarter */
#define BUDGET_MS     2000 /* pause when a snapshot shows the budget used up */
#define WAITS         5    /* how often one cmdlet waits for its budget */
#define WAIT_FIRST_MS 2000 /* doubled each time, where the server does not say how long */
#define WAIT_MAX_MS   120000
#define MAX_MESSAGE   ((size_t)16 * 1024 * 1024)

struct exch_pipe {
    struct exch *x;
    const struct exch_call *call;
    const char *name; /* of the first cmdlet, for texts */
    struct psrp_pipeline *machine;
    char command_id[WSMAN_ID_SIZE];
    int started; /* the server knows the command */
    struct exch_failure failure;
    int cut; /* the server said that there are more results */
    int slowed;
    int64_t delay_ms; /* that the server says it put in */
    char warning[200];
    size_t objects;
};

struct psrp_pipeline *exch_pipe_machine(struct exch_pipe *pipe)
{
    return pipe->machine;
}

easg_status exch_pipe_output(struct exch_pipe *pipe, const char *xml, size_t len, easg_error *err)
{
    pipe->objects++;
    return pipe->call->output ? pipe->call->output(pipe->call->user, xml, len, err) : EASG_OK;
}

static int has(const char *text, const char *a)
{
    size_t n = strlen(a);

    for (; *text; text++)
        if (text_ieq(text, strnlen(text, n), a, n))
            return 1;
    return 0;
}

/* The number behind `key`, or -1. */
static int64_t number_behind(const char *text, const char *key)
{
    const char *p = strstr(text, key);
    uint64_t n;

    if (!p)
        return -1;
    p += strlen(key);
    return text_parse_u64(p, strspn(p, "0123456789"), &n) && n < 3600000 ? (int64_t)n : -1;
}

/* "Micro delay applied. Actual delayed: 12 msecs, ...; Snapshot: ... PowerShellCmdletsLeft: 0/200":
 * the budget is running out, and the server has begun to hold us back. */
static void take_throttling(struct exch_pipe *pipe, const char *text)
{
    int64_t delay = number_behind(text, "Actual delayed: ");

    pipe->slowed = 1;
    if (number_behind(text, "CmdletsLeft: ") == 0 || strstr(text, "Balance: -"))
        delay = delay > BUDGET_MS ? delay : BUDGET_MS;
    if (delay > pipe->delay_ms)
        pipe->delay_ms = delay;
    exch_log(pipe->x, pipe->x->pace_ms ? EXCH_DEBUG : EXCH_WARNING,
             "%s: the server throttles this account: %s", pipe->name, text);
}

static void take_warning(struct exch_pipe *pipe, const char *text)
{
    if (has(text, "micro delay applied")) {
        take_throttling(pipe, text);
    } else if (has(text, "more results available than are currently displayed") ||
               has(text, "resultsize")) {
        pipe->cut = 1;
        (void)snprintf(pipe->warning, sizeof(pipe->warning), "%s", text);
    } else {
        exch_log(pipe->x, EXCH_INFO, "%s: warning: %s", pipe->name, text);
    }
}

easg_status exch_pipe_record(struct exch_pipe *pipe, const struct psrp_record *r, easg_error *err)
{
    char safe[200];

    text_safe(r->message.ptr ? r->message.ptr : "", r->message.len, safe, sizeof(safe));
    switch (r->kind) {
    case PSRP_R_PROMPT:
        return err_set(err, EASG_E_UNSUPPORTED,
                       "%s: the server asks a question (%s) that nobody can answer; the pipeline "
                       "was stopped",
                       pipe->name, safe);
    case PSRP_R_ERROR:
    case PSRP_R_FAILURE:
        if (!(pipe->call->flags & EXCH_TOLERATE))
            exch_log(pipe->x, EXCH_DEBUG, "%s: error: %s", pipe->name, safe);
        exch_failure_take(&pipe->failure, r);
        break;
    case PSRP_R_WARNING: take_warning(pipe, safe); break;
    default: exch_log(pipe->x, EXCH_TRACE, "%s: %s", pipe->name, safe); break;
    }
    return EASG_OK;
}

static easg_status keep_pace(struct exch *x, easg_error *err)
{
    if (x->env.cancelled(x->env.user))
        return err_set(err, EASG_E_CANCELLED, "cancelled");
    if (x->pace_ms == 0)
        return EASG_OK;
    if (x->env.sleep_ms(x->env.user, x->pace_ms) != EASG_OK)
        return err_set(err, EASG_E_CANCELLED, "cancelled while waiting for the server's budget");
    return EASG_OK;
}

/* What the server said it waited, we wait beforehand, twice; warnings that come one after the other
 * double it; peace lets it fall. */
static void judge_pace(struct exch *x, const struct exch_pipe *pipe)
{
    if (pipe->slowed) {
        int64_t pace = pipe->delay_ms > 0 ? 2 * pipe->delay_ms : PACE_FIRST_MS;

        if (x->pace_ms && x->smooth == 0)
            pace = 2 * x->pace_ms > pace ? 2 * x->pace_ms : pace;
        if (pace > x->pace_ms)
            x->pace_ms = pace < PACE_MAX_MS ? pace : PACE_MAX_MS;
        x->smooth = 0;
        exch_log(x, EXCH_DEBUG, "pausing %d ms before each cmdlet", (int)x->pace_ms);
    } else if (x->pace_ms && ++x->smooth % PACE_SMOOTH == 0) {
        x->pace_ms = x->pace_ms * 3 / 4 < PACE_MIN_MS ? 0 : x->pace_ms * 3 / 4;
    }
}

static easg_status start(struct exch_pipe *pipe, easg_error *err)
{
    struct exch *x = pipe->x;
    struct psrp_pipeline_options options = { .commands = pipe->call->commands,
                                             .n = pipe->call->n,
                                             .user = pipe };
    struct wsman_request r = { .op = WSMAN_COMMAND, .shell_id = x->shell_id };
    const struct wsman_answer *answer;
    char proposed[WSMAN_GUID_TEXT];
    int more;
    easg_status st;

    if (!exch_new_guid(&options.id))
        return err_set(err, EASG_E_FAIL, "no random numbers from OpenSSL");
    st = psrp_pipeline_create(x->pool, &options, &pipe->machine, err);
    if (st != EASG_OK)
        return st;
    r.command_id = wsman_guid_format(&options.id, proposed);
    do {
        size_t room = wsman_payload_max(&x->ws, &r);

        if (room <= 64)
            return err_set(err, EASG_E_CONFIG, "max_envelope is too small for any command");
        strbuf_reset(&x->fragments);
        st = psrp_pipeline_take(pipe->machine, room, &x->fragments, &more, err);
        if (st != EASG_OK)
            return st;
        r.payload = x->fragments.ptr;
        r.payload_len = x->fragments.len;
        st = exch_request(x, &r, &answer, err);
        if (st != EASG_OK)
            return st;
        if (r.op == WSMAN_COMMAND) {
            (void)snprintf(pipe->command_id, sizeof(pipe->command_id), "%s", answer->command_id);
            pipe->started = 1;
            r.op = WSMAN_SEND;
            r.command_id = pipe->command_id;
        }
    } while (more);
    return EASG_OK;
}

static int finished(const struct exch_pipe *pipe)
{
    return psrp_pipeline_state(pipe->machine) >= PSRP_STOPPED;
}

static easg_status receive(struct exch_pipe *pipe, easg_error *err)
{
    struct exch *x = pipe->x;
    struct wsman_request r = { .op = WSMAN_RECEIVE,
                               .shell_id = x->shell_id,
                               .command_id = pipe->command_id };
    const struct wsman_answer *answer;
    easg_status st;

    if (x->env.cancelled(x->env.user))
        return err_set(err, EASG_E_CANCELLED, "%s: cancelled", pipe->name);
    x->receiving = pipe;
    st = exch_request(x, &r, &answer, err);
    x->receiving = NULL;
    if (st == EASG_OK && answer->state == WSMAN_COMMAND_DONE && !finished(pipe))
        st = err_set(err, EASG_E_PROTOCOL,
                     "%s: the server calls the command done but did not say how it ended",
                     pipe->name);
    if (st == EASG_OK && answer->state == WSMAN_COMMAND_PENDING && !finished(pipe))
        st = err_set(err, EASG_E_UNSUPPORTED, "%s: the server waits for an answer", pipe->name);
    return st;
}

/* Without it each finished command keeps one of the shell's slots. */
static easg_status terminate(struct exch_pipe *pipe, easg_error *err)
{
    struct exch *x = pipe->x;
    struct wsman_request r = { .op = WSMAN_SIGNAL,
                               .shell_id = x->shell_id,
                               .command_id = pipe->command_id,
                               .signal = WSMAN_TERMINATE };
    const struct wsman_answer *answer;

    if (!pipe->started || x->broken)
        return EASG_OK;
    return exch_request(x, &r, &answer, err);
}

static easg_status verdict(const struct exch_pipe *pipe, easg_error *err)
{
    enum psrp_pipeline_state state = psrp_pipeline_state(pipe->machine);

    if (state != PSRP_COMPLETED || pipe->failure.fatal) {
        if (pipe->failure.set)
            return exch_failure_error(&pipe->failure, pipe->name, err);
        return err_set(err, EASG_E_FAIL, "%s: the server %s it without saying why", pipe->name,
                       state == PSRP_STOPPED ? "stopped" : "failed");
    }
    if (psrp_pipeline_errors(pipe->machine) && !(pipe->call->flags & EXCH_TOLERATE))
        return exch_failure_error(&pipe->failure, pipe->name, err);
    if (pipe->cut)
        return err_set(err, EASG_E_LIMIT,
                       "%s: the server cut the list after %zu objects although all were asked for "
                       "(\"%s\"); nothing was changed; look at the account's throttling policy",
                       pipe->name, pipe->objects, pipe->warning);
    return EASG_OK;
}

static easg_status run_once(struct exch *x, const struct exch_call *call, size_t *objects,
                            easg_error *err)
{
    struct exch_pipe pipe = { .x = x, .call = call, .name = call->commands[0].name };
    easg_error ignored = EASG_ERROR_INIT;
    easg_status st;

    if (x->broken)
        return err_set(err, EASG_E_UNAVAILABLE, "%s: the session was lost before", pipe.name);
    st = keep_pace(x, err);
    if (st == EASG_OK)
        st = start(&pipe, err);
    while (st == EASG_OK && !finished(&pipe))
        st = receive(&pipe, err);
    if (st == EASG_OK) {
        easg_status end = terminate(&pipe, &ignored);

        st = verdict(&pipe, err);
        if (st == EASG_OK && end != EASG_OK)
            exch_log(x, EXCH_WARNING, "%s: %s", pipe.name, ignored.message);
    } else {
        /* A listing can be asked again elsewhere; a change whose answer is lost cannot. */
        if (call->flags & EXCH_WRITES) {
            if (x->uncertain && (st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT ||
                                 st == EASG_E_CANCELLED || st == EASG_E_PROTOCOL))
                st = EASG_E_UNCERTAIN;
        } else {
            st = exch_reading_status(st, err);
        }
        if (!strstr(err->message, pipe.name))
            (void)err_at(err, st, "%s", pipe.name);
    }
    if (call->failure)
        *call->failure = pipe.failure;
    if (st == EASG_E_THROTTLED)
        pipe.slowed = 1;
    if (pipe.machine)
        judge_pace(x, &pipe);
    *objects = pipe.objects;
    psrp_pipeline_destroy(pipe.machine);
    return st;
}

int exch_wait_budget(struct exch *x, unsigned tries, const char *what, easg_error *err)
{
    int64_t wait = err->retry_after_ms ? err->retry_after_ms : (int64_t)WAIT_FIRST_MS << tries;
    unsigned char jitter = 0;

    if (tries >= WAITS || wait > WAIT_MAX_MS || wait >= x->env.remaining_ms(x->env.user))
        return 0;
    (void)RAND_bytes(&jitter, 1);
    wait += wait * jitter / 1024; /* up to a quarter, so that two agents do not meet again */
    exch_log(x, EXCH_WARNING, "%s: throttled, waiting %d ms: %s", what, (int)wait, err->message);
    if (x->env.sleep_ms(x->env.user, wait) != EASG_OK)
        return 0;
    err_clear(err);
    return 1;
}

/* A cmdlet that is refused for lack of budget did not begin: it is asked again, as long as nothing
 * of its output was handed on. */
easg_status exch_run(struct exch *x, const struct exch_call *call, easg_error *err)
{
    for (unsigned tries = 0;; tries++) {
        size_t objects = 0;
        easg_status st = run_once(x, call, &objects, err);

        if (st != EASG_E_THROTTLED || objects || x->broken ||
            !exch_wait_budget(x, tries, call->commands[0].name, err))
            return st;
    }
}

/* ---- listings ---- */

struct listing {
    struct clixml_decoder *decoder;
    clixml_record_fn fn;
    void *user;
    size_t objects;
};

static easg_status on_object(void *user, const char *xml, size_t len, easg_error *err)
{
    struct listing *l = user;

    l->objects++;
    return clixml_decode(l->decoder, xml, len, l->fn, l->user, err);
}

#define MAX_COLUMNS 32u

/* The engine's own restricted sessions have a Select-Object of that name, but with few parameters
 * and few values; it refuses while it is bound, before the cmdlet in front of it has run. */
int exch_select_refused(const struct exch *x, const struct exch_failure *f)
{
    return !x->broken && f->set &&
           (strstr(f->id, "Select-Object") || strstr(f->message, "Select-Object"));
}

easg_status exch_run_records(struct exch *x, struct psrp_command *command, const char *const *names,
                             clixml_record_fn fn, void *user, struct exch_failure *failure,
                             easg_error *err)
{
    struct psrp_value columns[MAX_COLUMNS];
    struct psrp_parameter property = { "Property",
                                       { .kind = PSRP_ARRAY, .items = columns, .n = 0 } };
    struct psrp_command commands[2] = { *command, { exch_cmdlet_names[C_SELECT], &property, 1 } };
    struct listing l = { NULL, fn, user, 0 };
    struct exch_failure own = { 0 };
    struct exch_call call = { .commands = commands,
                              .n = 1,
                              .output = on_object,
                              .user = &l,
                              .failure = failure ? failure : &own };
    easg_status st = clixml_decoder_create(names, MAX_MESSAGE, &l.decoder, err);

    if (st != EASG_OK)
        return st;
    if (x->select_columns && exch_has(x, C_SELECT, P_PROPERTY)) {
        for (; names[property.value.n]; property.value.n++) {
            xassert(property.value.n < MAX_COLUMNS);
            columns[property.value.n] = PSRP_V_TEXT(text_str(names[property.value.n]));
        }
        call.n = 2;
    }
    st = exch_run(x, &call, err);
    if (call.n == 2 && st != EASG_OK && l.objects == 0 && exch_select_refused(x, call.failure)) {
        exch_log(x, EXCH_INFO, "whole objects from now on, answers are larger: %s", err->message);
        err_clear(err);
        x->select_columns = 0;
        call.n = 1;
        st = exch_run(x, &call, err);
    }
    clixml_decoder_destroy(l.decoder);
    return st;
}
