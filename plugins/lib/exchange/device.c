/* SPDX-License-Identifier: Apache-2.0
 *
 * A device partnership: Get-MobileDevice or Get-ActiveSyncDevice, one record. LastSuccessSync is
 * not among them: it costs one cmdlet a device.
 */
#include <string.h>

#include "exch_private.h"

#include "err.h"
#include "text.h"

enum {
    D_GUID,
    D_DEVICE_ID,
    D_DN,
    D_STATE,
    D_REASON,
    D_TYPE,
    D_MODEL,
    D_OS,
    D_FRIENDLY,
    D_AGENT,
    D_FIRST_SYNC,
    D_CHANGED,
    D_CLIENT
};

const char *const exch_device_names[] = {
    [D_GUID] = "Guid",
    [D_DEVICE_ID] = "DeviceId",
    [D_DN] = "DistinguishedName",
    [D_STATE] = "DeviceAccessState",
    [D_REASON] = "DeviceAccessStateReason",
    [D_TYPE] = "DeviceType",
    [D_MODEL] = "DeviceModel",
    [D_OS] = "DeviceOS",
    [D_FRIENDLY] = "FriendlyName",
    [D_AGENT] = "DeviceUserAgent",
    [D_FIRST_SYNC] = "FirstSyncTime",
    [D_CHANGED] = "WhenChangedUTC",
    [D_CLIENT] = "ClientType",
    NULL,
};

static easg_access access_of(const easg_str *text)
{
    static const struct {
        const char *name;
        easg_access access;
    } names[] = {
        { "Allowed", EASG_ACCESS_ALLOWED },
        { "Blocked", EASG_ACCESS_BLOCKED },
        { "Quarantined", EASG_ACCESS_QUARANTINED },
        { "DeviceDiscovery", EASG_ACCESS_DISCOVERY },
    };

    for (size_t i = 0; text->ptr && i < sizeof(names) / sizeof(names[0]); i++)
        if (text_ieq(text->ptr, text->len, names[i].name, strlen(names[i].name)))
            return names[i].access;
    return EASG_ACCESS_UNKNOWN;
}

/* What the device says of itself, and may make as long as it likes: a listing must not fail for it.
 */
static easg_str claim(const struct clixml_record *r, unsigned i, char room[EXCH_CLAIM_MAX + 1])
{
    easg_str text = exch_slot(r, i);

    if (text.len <= EXCH_CLAIM_MAX)
        return text;
    text.len = text_utf8_cut(text.ptr, EXCH_CLAIM_MAX);
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    return (easg_str){ room, text.len };
}

easg_status exch_device(const struct clixml_record *r, struct exch_device_room *room,
                        easg_device *out, easg_error *err)
{
    static const char remedy[] = "look at it with Get-MobileDevice; nothing was changed";
    easg_str guid = exch_slot(r, D_GUID);
    easg_str dn = exch_slot(r, D_DN);
    easg_str state = exch_slot(r, D_STATE);
    easg_str client = exch_slot(r, D_CLIENT);
    char safe[200];

    memset(out, 0, sizeof(*out));
    out->struct_size = sizeof(*out);
    out->device_id = exch_slot(r, D_DEVICE_ID);
    if (!exch_guid(&guid, room->guid))
        return err_set(err, EASG_E_PROTOCOL, "a device without Guid (DeviceId \"%s\"); %s",
                       text_safe(out->device_id.ptr ? out->device_id.ptr : "", out->device_id.len,
                                 safe, sizeof(safe)),
                       remedy);
    if (!out->device_id.ptr)
        return err_set(err, EASG_E_PROTOCOL, "device %s has no DeviceId; %s", room->guid, remedy);
    if (!exch_owner_dn(&dn, &out->mailbox_id))
        return err_set(err, EASG_E_PROTOCOL,
                       "device %s belongs to no mailbox (DistinguishedName \"%s\"); %s", room->guid,
                       text_safe(dn.ptr ? dn.ptr : "", dn.len, safe, sizeof(safe)), remedy);
    out->access = access_of(&state);
    out->key = (easg_str){ room->guid, WSMAN_GUID_TEXT - 1 };
    out->identity = out->key;
    out->access_reason = exch_slot(r, D_REASON);
    out->type = claim(r, D_TYPE, room->claims[0]);
    out->model = claim(r, D_MODEL, room->claims[1]);
    out->os = claim(r, D_OS, room->claims[2]);
    out->friendly_name = claim(r, D_FRIENDLY, room->claims[3]);
    out->user_agent = claim(r, D_AGENT, room->claims[4]);
    out->first_sync = exch_slot_time(r, D_FIRST_SYNC);
    out->last_sync = EASG_TIME_NONE;
    out->changed = exch_slot_time(r, D_CHANGED);
    if (client.ptr) {
        room->extra = (easg_kv){ .struct_size = sizeof(room->extra),
                                 .key = TEXT_LIT("client_type"),
                                 .value = client };
        room->extras[0] = &room->extra;
        out->extra = room->extras;
        out->n_extra = 1;
    }
    return EASG_OK;
}
