/* SPDX-License-Identifier: Apache-2.0
 *
 * Distinguished names, GUIDs, and single values of records.
 */
#include <string.h>

#include "exch_private.h"

#include "text.h"
#include "timestamp.h"

/* Bytes of the first part of a name with the comma behind it (RFC 4514: \, and \2C are no comma,
 * nor is one between quotes); 0 when it is the last part. */
static size_t first_part(const char *ptr, size_t len)
{
    int quoted = 0;

    for (size_t i = 0; i < len; i++) {
        if (ptr[i] == '\\')
            i++;
        else if (ptr[i] == '"')
            quoted = !quoted;
        else if (ptr[i] == ',' && !quoted)
            return i + 1;
    }
    return 0;
}

int exch_owner_dn(const easg_str *device_dn, easg_str *out)
{
    static const char container[] = "CN=ExchangeActiveSyncDevices,";
    size_t one;
    size_t two;

    if (!device_dn->ptr)
        return 0;
    one = first_part(device_dn->ptr, device_dn->len);
    if (!one)
        return 0;
    two = first_part(device_dn->ptr + one, device_dn->len - one);
    if (!text_ieq(device_dn->ptr + one, two, container, sizeof(container) - 1))
        return 0;
    out->ptr = device_dn->ptr + one + two;
    out->len = device_dn->len - one - two;
    while (out->len && *out->ptr == ' ') {
        out->ptr++;
        out->len--;
    }
    return out->len > 0;
}

int exch_guid(const easg_str *text, char out[WSMAN_GUID_TEXT])
{
    struct wsman_guid g;

    if (!text->ptr || !wsman_guid_parse(text->ptr, text->len, &g) || wsman_guid_zero(&g))
        return 0;
    wsman_guid_format(&g, out);
    for (char *p = out; *p; p++)
        if (*p >= 'A' && *p <= 'F')
            *p = (char)(*p - 'A' + 'a');
    return 1;
}

easg_str exch_slot(const struct clixml_record *r, unsigned i)
{
    const struct clixml_slot *s = &r->slots[i];

    if (s->kind != CLIXML_TEXT || text_blank(&s->text))
        return (easg_str){ NULL, 0 };
    return s->text;
}

easg_time exch_slot_time(const struct clixml_record *r, unsigned i)
{
    easg_str text = exch_slot(r, i);
    easg_time t;

    return text.ptr && timestamp_parse(text.ptr, text.len, &t) ? t : EASG_TIME_NONE;
}

int exch_slot_bool(const struct clixml_record *r, unsigned i)
{
    easg_str text = exch_slot(r, i);

    if (text.ptr && text_ieq(text.ptr, text.len, "true", 4))
        return 1;
    if (text.ptr && text_ieq(text.ptr, text.len, "false", 5))
        return 0;
    return -1;
}
