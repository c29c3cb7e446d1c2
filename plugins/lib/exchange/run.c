/* SPDX-License-Identifier: Apache-2.0
 *
 * One pipeline from Command to Signal Terminate. The state of it is in struct exch_pipe and each
 * step is one request, so that lanes.c keeps several under way; exch_run() walks one to its end.
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
    int64_t pace = exch_lead(x)->pace_ms;

    if (x->env.cancelled(x->env.user))
        return err_set(err, EASG_E_CANCELLED, "cancelled");
    if (pace == 0)
        return EASG_OK;
    if (x->env.sleep_ms(x->env.user, pace) != EASG_OK)
        return err_set(err, EASG_E_CANCELLED, "cancelled while waiting for the server's budget");
    return EASG_OK;
}

/* What the server said it waited, we wait beforehand, twice; warnings that come one after the other
 * double it; peace lets it fall. Several sessions of an account have one budget, so one pace; and
 * one of them less is at work after each warning. */
static void judge_pace(struct exch *one, const struct exch_pipe *pipe)
{
    struct exch *x = exch_lead(one);

    if (pipe->slowed) {
        int64_t pace = pipe->delay_ms > 0 ? 2 * pipe->delay_ms : PACE_FIRST_MS;

        if (x->pace_ms && x->smooth == 0)
            pace = 2 * x->pace_ms > pace ? 2 * x->pace_ms : pace;
        if (pace > x->pace_ms)
            x->pace_ms = pace < PACE_MAX_MS ? pace : PACE_MAX_MS;
        x->smooth = 0;
        if (x->most > 1)
            x->most--;
        exch_log(x, EXCH_DEBUG, "pausing %d ms before each cmdlet, %zu sessions at most",
                 (int)x->pace_ms, x->most);
    } else if (x->pace_ms && ++x->smooth % PACE_SMOOTH == 0) {
        x->pace_ms = x->pace_ms * 3 / 4 < PACE_MIN_MS ? 0 : x->pace_ms * 3 / 4;
    }
}

/* ---- step by step ---- */

static int finished(const struct exch_pipe *pipe)
{
    return psrp_pipeline_state(pipe->machine) >= PSRP_STOPPED;
}

/* The next piece of CREATE_PIPELINE: in a Command first, then in Sends. */
static easg_status put_piece(struct exch_pipe *pipe, easg_error *err)
{
    struct exch *x = pipe->x;
    struct wsman_request *r = &pipe->request;
    size_t room;
    easg_status st;

    *r = (struct wsman_request){ .op = pipe->started ? WSMAN_SEND : WSMAN_COMMAND,
                                 .shell_id = x->shell_id,
                                 .command_id = pipe->command_id };
    room = wsman_payload_max(&x->ws, r);
    if (room <= 64)
        return err_set(err, EASG_E_CONFIG, "max_envelope is too small for any command");
    strbuf_reset(&x->fragments);
    st = psrp_pipeline_take(pipe->machine, room, &x->fragments, &pipe->more, err);
    r->payload = x->fragments.ptr;
    r->payload_len = x->fragments.len;
    return st;
}

static easg_status begin(struct exch_pipe *pipe, easg_error *err)
{
    struct psrp_pipeline_options options = { .commands = pipe->call->commands,
                                             .n = pipe->call->n,
                                             .user = pipe };
    easg_status st;

    if (!exch_new_guid(&options.id))
        return err_set(err, EASG_E_FAIL, "no random numbers from OpenSSL");
    st = psrp_pipeline_create(pipe->x->pool, &options, &pipe->machine, err);
    if (st == EASG_OK)
        wsman_guid_format(&options.id, pipe->command_id);
    pipe->more = 1;
    return st;
}

/* Writes the request that comes next. Without Terminate each finished command keeps one of the
 * shell's slots. */
static easg_status next_request(struct exch_pipe *pipe, easg_error *err)
{
    struct exch *x = pipe->x;

    if (pipe->more)
        return put_piece(pipe, err);
    pipe->request = (struct wsman_request){ .op = finished(pipe) ? WSMAN_SIGNAL : WSMAN_RECEIVE,
                                            .shell_id = x->shell_id,
                                            .command_id = pipe->command_id,
                                            .signal = WSMAN_TERMINATE };
    if (!finished(pipe) && x->env.cancelled(x->env.user))
        return err_set(err, EASG_E_CANCELLED, "%s: cancelled", pipe->name);
    x->receiving = finished(pipe) ? NULL : pipe;
    return EASG_OK;
}

easg_status exch_pipe_begin(struct exch_pipe *pipe, struct exch *x, const struct exch_call *call,
                            easg_error *err)
{
    easg_status st;

    *pipe = (struct exch_pipe){ .x = x, .call = call, .name = call->commands[0].name };
    if (x->broken)
        return err_set(err, EASG_E_UNAVAILABLE, "%s: the session was lost before", pipe->name);
    if (x->env.cancelled(x->env.user))
        return err_set(err, EASG_E_CANCELLED, "%s: cancelled", pipe->name);
    st = begin(pipe, err);
    if (st == EASG_OK)
        st = next_request(pipe, err);
    return st == EASG_OK ? exch_request_begin(x, &pipe->request, err) : st;
}

easg_status exch_pipe_step(struct exch_pipe *pipe, int *through, easg_error *err)
{
    struct exch *x = pipe->x;
    const struct wsman_answer *answer = NULL;
    easg_error ignored = EASG_ERROR_INIT;
    easg_status st =
        exch_request_end(x, &answer, pipe->request.op == WSMAN_SIGNAL ? &ignored : err);

    x->receiving = NULL;
    *through = pipe->request.op == WSMAN_SIGNAL;
    if (*through) {
        if (st != EASG_OK)
            exch_log(x, EXCH_WARNING, "%s: %s", pipe->name, ignored.message);
        return EASG_OK;
    }
    if (st != EASG_OK)
        return st;
    if (pipe->request.op == WSMAN_COMMAND) {
        (void)snprintf(pipe->command_id, sizeof(pipe->command_id), "%s", answer->command_id);
        pipe->started = 1;
    }
    if (pipe->request.op == WSMAN_RECEIVE && !finished(pipe)) {
        if (answer->state == WSMAN_COMMAND_DONE)
            return err_set(err, EASG_E_PROTOCOL,
                           "%s: the server calls the command done but did not say how it ended",
                           pipe->name);
        if (answer->state == WSMAN_COMMAND_PENDING)
            return err_set(err, EASG_E_UNSUPPORTED, "%s: the server waits for an answer",
                           pipe->name);
    }
    st = next_request(pipe, err);
    return st == EASG_OK ? exch_request_begin(x, &pipe->request, err) : st;
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

/* A listing can be asked again elsewhere; a change whose answer is lost cannot. */
static easg_status failed(const struct exch_pipe *pipe, easg_status st, easg_error *err)
{
    if (!(pipe->call->flags & EXCH_WRITES))
        st = exch_reading_status(st, err);
    else if (pipe->x->uncertain && (st == EASG_E_UNREACHABLE || st == EASG_E_TIMEOUT ||
                                    st == EASG_E_CANCELLED || st == EASG_E_PROTOCOL))
        st = EASG_E_UNCERTAIN;
    if (!strstr(err->message, pipe->name))
        (void)err_at(err, st, "%s", pipe->name);
    return st;
}

easg_status exch_pipe_end(struct exch_pipe *pipe, easg_status st, easg_error *err)
{
    st = st == EASG_OK ? verdict(pipe, err) : failed(pipe, st, err);
    if (pipe->call->failure)
        *pipe->call->failure = pipe->failure;
    if (st == EASG_E_THROTTLED)
        pipe->slowed = 1;
    if (pipe->machine)
        judge_pace(pipe->x, pipe);
    psrp_pipeline_destroy(pipe->machine);
    pipe->machine = NULL;
    return st;
}

static easg_status run_once(struct exch *x, const struct exch_call *call, size_t *objects,
                            easg_error *err)
{
    struct exch_pipe pipe = { .x = x, .call = call, .name = call->commands[0].name };
    int through = 0;
    easg_status st = x->broken ? EASG_OK : keep_pace(x, err);

    if (st == EASG_OK)
        st = exch_pipe_begin(&pipe, x, call, err);
    while (st == EASG_OK && !through) {
        exch_request_wait(x);
        st = exch_pipe_step(&pipe, &through, err);
    }
    st = exch_pipe_end(&pipe, st, err);
    *objects = pipe.objects;
    return st;
}

/* How long to wait for the budget; 0: not any more. */
int64_t exch_budget_wait(struct exch *x, unsigned tries, const char *what, const easg_error *err)
{
    int64_t wait = err->retry_after_ms ? err->retry_after_ms : (int64_t)WAIT_FIRST_MS << tries;
    unsigned char jitter = 0;

    if (tries >= WAITS || wait > WAIT_MAX_MS || wait >= x->env.remaining_ms(x->env.user))
        return 0;
    (void)RAND_bytes(&jitter, 1);
    wait += wait * jitter / 1024; /* up to a quarter, so that two agents do not meet again */
    exch_log(x, EXCH_WARNING, "%s: throttled, waiting %d ms: %s", what, (int)wait, err->message);
    return wait;
}

int exch_wait_budget(struct exch *x, unsigned tries, const char *what, easg_error *err)
{
    int64_t wait = exch_budget_wait(x, tries, what, err);

    if (!wait || x->env.sleep_ms(x->env.user, wait) != EASG_OK)
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

static easg_status on_object(void *user, const char *xml, size_t len, easg_error *err)
{
    struct exch_listing *l = user;

    l->objects++;
    return clixml_decode(l->decoder, xml, len, l->fn, l->user, err);
}

/* The engine's own restricted sessions have a Select-Object of that name, but with few parameters
 * and few values; it refuses while it is bound, before the cmdlet in front of it has run. */
int exch_select_refused(const struct exch *x, const struct exch_failure *f)
{
    return !x->broken && f->set &&
           (strstr(f->id, "Select-Object") || strstr(f->message, "Select-Object"));
}

easg_status exch_listing_begin(struct exch_listing *l, struct exch *x,
                               const struct psrp_command *command, const char *const *names,
                               clixml_record_fn fn, void *user, easg_error *err)
{
    memset(l, 0, sizeof(*l));
    l->fn = fn;
    l->user = user;
    l->property =
        (struct psrp_parameter){ "Property", { .kind = PSRP_ARRAY, .items = l->columns, .n = 0 } };
    l->commands[0] = *command;
    l->commands[1] = (struct psrp_command){ exch_cmdlet_names[C_SELECT], &l->property, 1 };
    l->call = (struct exch_call){
        .commands = l->commands, .n = 1, .output = on_object, .user = l, .failure = &l->failure
    };
    if (x->select_columns && exch_has(x, C_SELECT, P_PROPERTY)) {
        for (; names[l->property.value.n]; l->property.value.n++) {
            xassert(l->property.value.n < EXCH_MAX_COLUMNS);
            l->columns[l->property.value.n] = PSRP_V_TEXT(text_str(names[l->property.value.n]));
        }
        l->call.n = 2;
    }
    return clixml_decoder_create(names, MAX_MESSAGE, &l->decoder, err);
}

int exch_listing_again(struct exch_listing *l, struct exch *x, easg_status st, easg_error *err)
{
    if (st == EASG_OK || l->call.n != 2 || l->objects || !exch_select_refused(x, &l->failure))
        return 0;
    exch_log(x, EXCH_INFO, "whole objects from now on, answers are larger: %s", err->message);
    err_clear(err);
    x->select_columns = 0;
    l->call.n = 1;
    return 1;
}

void exch_listing_end(struct exch_listing *l)
{
    clixml_decoder_destroy(l->decoder);
    l->decoder = NULL;
}

easg_status exch_run_records(struct exch *x, struct psrp_command *command, const char *const *names,
                             clixml_record_fn fn, void *user, struct exch_failure *failure,
                             easg_error *err)
{
    struct exch_listing l;
    easg_status st = exch_listing_begin(&l, x, command, names, fn, user, err);

    if (st != EASG_OK)
        return st;
    do {
        st = exch_run(x, &l.call, err);
    } while (exch_listing_again(&l, x, st, err));
    if (failure)
        *failure = l.failure;
    exch_listing_end(&l);
    return st;
}
