/* SPDX-License-Identifier: Apache-2.0
 *
 * wipe.c - what an operator asks for one device: its partnership removed, or the device wiped. The
 * device is looked up first, and all three of its names have to fit; it is named by its GUID from
 * then on. A command goes out once: an answer that is lost is said to be lost.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exch_admin_private.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

#define LINE_ROOM 2000u

struct target {
    struct exch *x;
    const easg_device_command *command;
    exch_tell_fn tell;
    void *user;
    char guid[WSMAN_GUID_TEXT];
    unsigned came;
    char what[400]; /* "iPhone, iOS 17.5" */
    const char *cmdlet;
    int account_only;
    easg_time asked, sent, done; /* of a wipe */
};

EASG_PRINTF(3, 4)
static easg_status say(struct target *t, easg_error *err, const char *fmt, ...)
{
    char line[LINE_ROOM];
    easg_status st;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    st = t->tell(t->user, line);
    return st == EASG_OK ? EASG_OK : err_set(err, st, "the host refused a line");
}

/* ---- the device ---- */

static easg_status on_device(void *user, const struct clixml_record *r, easg_error *err)
{
    struct target *t = user;
    struct exch_device_room room = { .guid = "" };
    easg_device d;
    char safe[200];
    easg_status st = exch_device(r, &room, &d, err);

    if (st != EASG_OK)
        return st;
    t->came++;
    if (strcmp(room.guid, t->guid) != 0 ||
        !text_ieq(d.device_id.ptr, d.device_id.len, t->command->device_id.ptr,
                  t->command->device_id.len) ||
        !text_ieq(d.mailbox_id.ptr, d.mailbox_id.len, t->command->owner.ptr, t->command->owner.len))
        return err_set(err, EASG_E_CONFLICT,
                       "device %s is not the one that is meant any more: it has the id %s now, or "
                       "another mailbox; run easgate sync first",
                       t->guid, text_safe(d.device_id.ptr, d.device_id.len, safe, sizeof(safe)));
    (void)snprintf(t->what, sizeof(t->what), "%.120s%s%.120s%s%.120s",
                   d.type.ptr ? d.type.ptr : "device", d.model.ptr ? ", " : "",
                   d.model.ptr ? d.model.ptr : "", d.os.ptr ? ", " : "", d.os.ptr ? d.os.ptr : "");
    return EASG_OK;
}

static easg_status look(struct target *t, easg_error *err)
{
    enum exch_cmdlet get =
        t->x->known[C_GET_MOBILE_DEVICE].present ? C_GET_MOBILE_DEVICE : C_GET_EAS_DEVICE;
    struct psrp_parameter p = { "Identity", PSRP_V_TEXT(text_str(t->guid)) };
    struct psrp_command command = { exch_cmdlet_names[get], &p, 1 };
    easg_status st = exch_need(t->x, get, P_IDENTITY, err);

    t->came = 0;
    if (st == EASG_OK)
        st = exch_run_records(t->x, &command, exch_device_names, on_device, t, NULL, err);
    if (st == EASG_OK && t->came != 1)
        st = err_set(err, t->came ? EASG_E_PROTOCOL : EASG_E_NOTFOUND,
                     "%s: asked for device %s, %u came", command.name, t->guid, t->came);
    return st;
}

/* ---- a wipe, as the server sees it ---- */

enum { W_REQUEST, W_SENT, W_ACK };
static const char *const wipe_columns[] = { [W_REQUEST] = "DeviceWipeRequestTime",
                                            [W_SENT] = "DeviceWipeSentTime",
                                            [W_ACK] = "DeviceWipeAckTime",
                                            NULL };

static easg_status on_wipe(void *user, const struct clixml_record *r, easg_error *err)
{
    struct target *t = user;

    (void)err;
    t->came++;
    t->asked = exch_slot_time(r, W_REQUEST);
    t->sent = exch_slot_time(r, W_SENT);
    t->done = exch_slot_time(r, W_ACK);
    return EASG_OK;
}

static easg_status read_wipe(struct target *t, easg_error *err)
{
    const char *cmdlet =
        exch_either(t->x, "Get-MobileDeviceStatistics", "Get-ActiveSyncDeviceStatistics", err);
    struct psrp_parameter p = { "Identity", PSRP_V_TEXT(text_str(t->guid)) };
    struct psrp_command command = { cmdlet, &p, 1 };
    easg_status st;

    if (!cmdlet)
        return t->x->broken ? EASG_E_UNAVAILABLE : EASG_E_DENIED;
    t->came = 0;
    st = exch_run_records(t->x, &command, wipe_columns, on_wipe, t, NULL, err);
    if (st == EASG_OK && t->came != 1)
        st = err_set(err, EASG_E_PROTOCOL, "%s: asked for device %s, %u came", cmdlet, t->guid,
                     t->came);
    return st;
}

static const char *wipe_word(const struct target *t)
{
    return t->done != EASG_TIME_NONE    ? "done: the device said so"
           : t->sent != EASG_TIME_NONE  ? "sent to the device"
           : t->asked != EASG_TIME_NONE ? "asked for; the device gets it when it speaks next"
                                        : "not asked for";
}

/* ---- what is sent ---- */

static easg_status choose(struct target *t, easg_error *err)
{
    struct exch_grant grants[2] = { { .cmdlet = "Clear-MobileDevice", .wants = "AccountOnly" },
                                    { .cmdlet = "Clear-ActiveSyncDevice" } };
    easg_status st;

    if (t->command->verb == EASG_DEVICE_REMOVE) {
        t->cmdlet = exch_either(t->x, "Remove-MobileDevice", "Remove-ActiveSyncDevice", err);
        return t->cmdlet ? EASG_OK : t->x->broken ? EASG_E_UNAVAILABLE : EASG_E_DENIED;
    }
    t->account_only = t->command->verb == EASG_DEVICE_WIPE_ACCOUNT;
    st = exch_grants(t->x, grants, 2, err);
    if (st != EASG_OK)
        return st;
    t->cmdlet = grants[0].present ? grants[0].cmdlet : grants[1].present ? grants[1].cmdlet : NULL;
    if (!t->cmdlet)
        return err_set(err, EASG_E_DENIED,
                       "Clear-MobileDevice: the account has neither it nor "
                       "Clear-ActiveSyncDevice; easgate check ORG --role-script prints what to "
                       "grant");
    if (t->account_only && !(grants[0].present && grants[0].parameter))
        return err_set(err, EASG_E_UNSUPPORTED,
                       "this server has no wipe of the account alone (Clear-MobileDevice "
                       "-AccountOnly); nothing was sent, for without it the whole device would be "
                       "wiped");
    return EASG_OK;
}

static easg_status describe(struct target *t, easg_error *err)
{
    easg_status st = say(t, err, "device: %s (%s)", t->command->device_id.ptr, t->what);

    if (st == EASG_OK && t->command->verb != EASG_DEVICE_REMOVE)
        st = say(t, err, "a wipe was until now: %s", wipe_word(t));
    if (st == EASG_OK)
        st = say(t, err, "sent would be: %s -Identity %s%s -Confirm:$false", t->cmdlet, t->guid,
                 t->account_only ? " -AccountOnly:$true" : "");
    if (st != EASG_OK)
        return st;
    return say(t, err, "%s",
               t->command->verb == EASG_DEVICE_REMOVE
                   ? "it removes the partnership from the mailbox; the device is not touched, and "
                     "comes back as a new partnership when it speaks again"
               : t->account_only
                   ? "it takes mail, contacts and calendar of this mailbox from the device"
                   : "it resets the WHOLE DEVICE, what is private included, when it speaks next; "
                     "that cannot be undone");
}

static easg_status send(struct target *t, easg_error *err)
{
    struct psrp_parameter p[3];
    struct psrp_command command = { t->cmdlet, p, 0 };
    struct exch_call call = { .commands = &command, .n = 1, .flags = EXCH_WRITES };

    p[command.n++] = (struct psrp_parameter){ "Identity", PSRP_V_TEXT(text_str(t->guid)) };
    if (t->account_only)
        p[command.n++] = (struct psrp_parameter){ "AccountOnly", PSRP_V_BOOL(1) };
    p[command.n++] = (struct psrp_parameter){ "Confirm", PSRP_V_BOOL(0) };
    return exch_run(t->x, &call, err);
}

static easg_status read_back(struct target *t, easg_error *err)
{
    easg_status st;

    if (t->command->verb == EASG_DEVICE_REMOVE) {
        st = look(t, err);
        if (st == EASG_E_NOTFOUND) {
            err_clear(err);
            return say(t, err, "read back: the partnership is gone");
        }
        return st != EASG_OK ? st
                             : err_set(err, EASG_E_CONFLICT,
                                       "%s reported success, but the partnership is still there; "
                                       "a domain controller may lag behind",
                                       t->cmdlet);
    }
    st = read_wipe(t, err);
    if (st != EASG_OK)
        return st;
    if (t->asked == EASG_TIME_NONE && t->sent == EASG_TIME_NONE && t->done == EASG_TIME_NONE)
        return err_set(err, EASG_E_CONFLICT,
                       "%s reported success, but the device reads back without a wipe", t->cmdlet);
    return say(t, err, "read back: the wipe was %s", wipe_word(t));
}

easg_status exch_device_command(struct exch *x, const easg_device_command *command, int go,
                                exch_tell_fn tell, void *user, easg_error *err)
{
    struct target t = { .x = x,
                        .command = command,
                        .tell = tell,
                        .user = user,
                        .asked = EASG_TIME_NONE,
                        .sent = EASG_TIME_NONE,
                        .done = EASG_TIME_NONE };
    easg_status st;

    if (!exch_guid(&command->key, t.guid) || text_blank(&command->device_id) ||
        text_blank(&command->owner))
        return err_set(err, EASG_E_USAGE,
                       "a device is named by its GUID, its id and its mailbox; one of them is "
                       "missing, and nothing was asked");
    st = look(&t, err);
    if (st == EASG_OK)
        st = choose(&t, err);
    if (st == EASG_OK && command->verb != EASG_DEVICE_REMOVE)
        st = read_wipe(&t, err);
    if (st == EASG_OK && !go)
        return describe(&t, err);
    if (st != EASG_OK)
        return st;
    st = send(&t, err);
    if (st == EASG_OK)
        st = read_back(&t, err);
    if (st != EASG_OK && x->broken)
        st = EASG_E_UNCERTAIN;
    return st;
}
