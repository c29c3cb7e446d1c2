/* SPDX-License-Identifier: Apache-2.0
 *
 * devicecommand.c - what an operator asks for one device, in two runs: the first tells what would
 * happen and keeps a token, the second does it once with that token. Nothing here is ever done by
 * itself, and nothing without `device_commands` in the configuration.
 */
#include "sync_run.h"

#include <easgate/draft/device_command.h>

#include "drafts.h"
#include "store_orgpolicy.h"
#include "text.h"

#include <string.h>

enum { TOLD_MAX = 8000 };

struct telling {
    struct strbuf lines;
};

static easg_status on_line(void *user, const char *text, easg_error *err)
{
    struct telling *t = user;

    if (t->lines.len)
        strbuf_addc(&t->lines, '\n');
    strbuf_adds(&t->lines, text);
    return strbuf_status(&t->lines) == EASG_OK
               ? EASG_OK
               : err_set(err, EASG_E_LIMIT, "the source tells more than %d bytes", TOLD_MAX);
}

static const char *word(uint32_t verb)
{
    return verb == EASG_DEVICE_REMOVE ? "remove"
           : verb == EASG_DEVICE_WIPE ? "wipe"
                                      : "wipe-account";
}

static easg_status note(struct sync *s, const char *event, const struct store_device_name *n,
                        const char *what, easg_error *err)
{
    return NOTE(s, err, EASG_LOG_INFO, event, n->key, F_STR("command", word(s->o->command->verb)),
                F_STR("device_id", n->device_id), F_STR("user", n->user), F_STR("what", what));
}

/* One row by itself, whatever else happens to the run. */
static easg_status note_now(struct sync *s, const char *event, const struct store_device_name *n,
                            const char *what, easg_error *err)
{
    easg_status st = store_begin(s->store, 1, err);

    if (st == EASG_OK)
        st = note(s, event, n, what, err);
    return st == EASG_OK ? store_commit(s->store, err) : st;
}

/* Why it may not be; NULL: it may. */
static const char *forbidden(const struct sync *s)
{
    const struct org_device_commands *allowed = &s->o->org->device_commands;

    if (s->o->command->verb == EASG_DEVICE_REMOVE ? !allowed->remove : !allowed->wipe)
        return s->o->command->verb == EASG_DEVICE_REMOVE
                   ? "removing partnerships is switched off; set device_commands.remove: true"
                   : "wiping devices is switched off; set device_commands.wipe: true";
    if (s->o->org->mode != ORG_ENFORCE)
        return "the organisation is in mode audit, nothing is written to Exchange";
    return NULL;
}

static struct device_command named(const struct sync *s, const struct store_device_name *n)
{
    struct device_command c = { s->o->command->verb, n->key, n->device_id, n->owner };

    return c;
}

/* ---- the first step ---- */

static easg_status tell(struct sync *s, const struct store_device_name *n, easg_error *err)
{
    struct telling t = { STRBUF_INIT(TOLD_MAX) };
    const struct tell_sink to = { on_line, &t };
    struct device_command c = named(s, n);
    struct store_command row;
    easg_status st = sync_connect(s, err);

    if (st == EASG_OK)
        st = device_command_call(s->source_session, &c, 0, &to, err);
    if (st == EASG_OK)
        st = store_begin(s->store, 1, err);
    if (st == EASG_OK) {
        memset(&row, 0, sizeof row);
        row.token = s->o->command->token;
        row.verb = s->o->command->verb;
        row.device = *n;
        row.expires_at = s->now + s->o->org->device_commands.confirm_ms;
        st = store_put_command(s->store, &row, strbuf_str(&t.lines), s->now, err);
    }
    if (st == EASG_OK)
        st = note(s, "device.command.told", n, NULL, err);
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    strbuf_clear(&t.lines);
    return st;
}

/* ---- the second ---- */

static const char *unfit(const struct sync *s, const struct store_command *row,
                         const struct store_device_name *n)
{
    if (strcmp(row->state, "told") != 0)
        return "the token was used already";
    if (s->now >= row->expires_at || s->now < row->expires_at - 25 * 3600 * (int64_t)1000)
        return "the token has expired";
    if (row->verb != s->o->command->verb || strcmp(row->device.key, n->key) != 0)
        return "the token is for another command or another device";
    if (strcmp(row->device.device_id, n->device_id) != 0 ||
        strcmp(row->device.owner, n->owner) != 0)
        return "the device has another id or another mailbox since the token was given";
    return NULL;
}

static easg_status finish(struct sync *s, const struct store_command *row, easg_status st,
                          const char *result, easg_error *why, easg_error *err)
{
    const char *state = st == EASG_OK ? "done" : st == EASG_E_UNCERTAIN ? "uncertain" : "failed";
    easg_status put = store_begin(s->store, 1, err);

    if (put == EASG_OK)
        put = store_set_command(s->store, row->id, state, result,
                                st == EASG_OK ? NULL : why->message, s->now, err);
    if (put == EASG_OK)
        put = note(s,
                   st == EASG_OK            ? "device.command.done"
                   : st == EASG_E_UNCERTAIN ? "device.command.uncertain"
                                            : "device.command.failed",
                   &row->device, st == EASG_OK ? NULL : why->message, err);
    return put == EASG_OK ? store_commit(s->store, err) : put;
}

static easg_status carry_out(struct sync *s, const struct store_command *row, easg_error *err)
{
    struct telling t = { STRBUF_INIT(TOLD_MAX) };
    const struct tell_sink to = { on_line, &t };
    struct device_command c = named(s, &row->device);
    easg_error why = EASG_ERROR_INIT;
    easg_status st = sync_connect(s, err), put;

    if (st != EASG_OK) /* nothing was begun: the token stays good */
        return st;
    st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = store_set_command(s->store, row->id, "started", NULL, NULL, s->now, err);
    if (st == EASG_OK)
        st = note(s, "device.command.started", &row->device, NULL, err);
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    if (st != EASG_OK)
        return st;
    store_at(s->store, "device-command");
    st = device_command_call(s->source_session, &c, 1, &to, &why);
    put = finish(s, row, st, strbuf_str(&t.lines), &why, err);
    strbuf_clear(&t.lines);
    if (put != EASG_OK)
        return put;
    if (st != EASG_OK)
        err_copy(err, &why);
    s->counts.applied = st == EASG_OK;
    return st == EASG_E_DENIED ? EASG_E_FAIL : st; /* no reason to hold the organisation */
}

static easg_status confirm(struct sync *s, const struct store_device_name *n, easg_error *err)
{
    struct store_command row;
    const char *why;
    easg_status st = store_find_command(s->store, s->o->command->token, &row, err);

    if (st == EASG_E_NOTFOUND) {
        st = note_now(s, "device.command.refused", n, "no such token", err);
        return st != EASG_OK ? st
                             : err_set(err, EASG_E_CONFLICT,
                                       "there is no such token; run the command without --confirm "
                                       "to get one");
    }
    if (st != EASG_OK)
        return st;
    why = unfit(s, &row, n);
    if (why) {
        st = note_now(s, "device.command.refused", n, why, err);
        if (st == EASG_OK)
            st = err_set(err, EASG_E_CONFLICT,
                         "%s; nothing was sent, run the command without --confirm for a new one",
                         why);
    } else {
        st = carry_out(s, &row, err);
    }
    store_clear_device_name(&row.device);
    return st;
}

easg_status sync_device_command(struct sync *s, easg_error *err)
{
    const struct sync_command *c = s->o->command;
    const char *why = forbidden(s);
    struct store_device_name n;
    easg_str key = text_str(c->device);
    easg_status st;

    if (text_blank(&key) || !c->token || strlen(c->token) != 64)
        return err_set(err, EASG_E_USAGE, "a device command without a device or a token");
    st = store_begin(s->store, 1, err);
    if (st == EASG_OK)
        st = store_doubt_commands(s->store, s->now, err);
    if (st == EASG_OK)
        st = store_commit(s->store, err);
    if (st == EASG_OK)
        st = store_name_device(s->store, c->device, &n, err);
    if (st != EASG_OK)
        return st;
    if (why) {
        st = note_now(s, "device.command.refused", &n, why, err);
        if (st == EASG_OK)
            st = err_set(err, EASG_E_UNSUPPORTED, "%s", why);
    } else if (!device_command_known(s->source, c->verb)) {
        st = err_set(err, EASG_E_UNSUPPORTED, "the module %s cannot do this to a device",
                     instance_id(s->source));
    } else {
        st = c->confirm ? confirm(s, &n, err) : tell(s, &n, err);
    }
    store_clear_device_name(&n);
    return st;
}
