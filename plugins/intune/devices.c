/* SPDX-License-Identifier: Apache-2.0
 *
 * /deviceManagement/managedDevices: facts about each, in the words of the SDK. A word that Graph
 * learns later reads as unknown.
 */
#include "intune.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "text.h"
#include "timestamp.h"

struct devices {
    struct easg_session *s;
    const easg_sink_receiver *to;
    uint64_t with_eas_id;
    uint64_t unknown_words;
};

static easg_compliance compliance_of(const easg_str *s)
{
    static const struct {
        const char *word;
        easg_compliance value;
    } words[] = {
        { "compliant", EASG_COMPLIANCE_COMPLIANT },
        { "noncompliant", EASG_COMPLIANCE_NONCOMPLIANT },
        { "inGracePeriod", EASG_COMPLIANCE_GRACE },
        { "conflict", EASG_COMPLIANCE_CONFLICT },
        { "error", EASG_COMPLIANCE_ERROR },
        { "configManager", EASG_COMPLIANCE_EXTERNAL },
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (text_eq(s, words[i].word))
            return words[i].value;
    }
    return EASG_COMPLIANCE_UNKNOWN;
}

/* `unhealthy` and a wipe or retire that was cancelled leave the device managed. A state that is
 * not known here is no reason to lock somebody out: compliance still speaks. */
static easg_management management_of(const easg_str *agent, const easg_str *state, int *unknown)
{
    static const char *const managed[] = { "managed", "unhealthy", "wipeCanceled",
                                           "retireCanceled" };
    static const char *const retiring[] = { "retirePending", "retireFailed", "retireIssued",
                                            "wipePending",   "wipeFailed",   "wipeIssued",
                                            "deletePending" };

    if (text_eq(agent, "eas") || text_eq(state, "discovered"))
        return EASG_MANAGEMENT_NONE;
    for (size_t i = 0; i < sizeof retiring / sizeof *retiring; i++) {
        if (text_eq(state, retiring[i]))
            return EASG_MANAGEMENT_RETIRING;
    }
    for (size_t i = 0; i < sizeof managed / sizeof *managed; i++) {
        if (text_eq(state, managed[i]))
            return EASG_MANAGEMENT_MANAGED;
    }
    *unknown = 1;
    return EASG_MANAGEMENT_MANAGED;
}

/* A date of Graph: its years 1 and 9999 say "none". */
static easg_status get_date(const struct json *item, const char *name, easg_time *out,
                            easg_error *err)
{
    easg_str s;
    easg_status st = json_get_str(item, name, 0, &s, err);

    *out = EASG_TIME_NONE;
    if (st == EASG_OK && s.len && !timestamp_parse(s.ptr, s.len, out))
        return err_set(err, EASG_E_PROTOCOL, "member %s is not a date", name);
    return st;
}

static void absent_if(easg_str *s, const char *nothing)
{
    if (s->len == 0 || (nothing && text_eq(s, nothing)))
        *s = (easg_str){ NULL, 0 };
}

/* All members of one element, so that each is one line. */
static easg_status read_device(struct devices *d, const struct json *item, easg_managed_device *out,
                               easg_error *err)
{
    easg_str compliance, agent, state, registration;
    int activated = 0, registered = 0, unknown = 0;
    easg_status st = EASG_OK;

#define GET(call)                                                                                  \
    do {                                                                                           \
        if (st == EASG_OK)                                                                         \
            st = (call);                                                                           \
    } while (0)
    GET(json_get_str(item, "id", 1, &out->id, err));
    GET(json_get_str(item, "easDeviceId", 0, &out->eas_id, err));
    GET(json_get_bool(item, "easActivated", 0, &activated, err));
    GET(json_get_str(item, "complianceState", 0, &compliance, err));
    GET(json_get_str(item, "managementState", 0, &state, err));
    GET(json_get_str(item, "managementAgent", 0, &agent, err));
    GET(get_date(item, "complianceGracePeriodExpirationDateTime", &out->grace_until, err));
    GET(get_date(item, "enrolledDateTime", &out->enrolled, err));
    GET(get_date(item, "lastSyncDateTime", &out->last_seen, err));
    GET(json_get_str(item, "deviceRegistrationState", 0, &registration, err));
    GET(json_get_bool(item, "azureADRegistered", 0, &registered, err));
    GET(json_get_str(item, "userId", 0, &out->user_id, err));
    GET(json_get_str(item, "operatingSystem", 0, &out->os, err));
    GET(json_get_str(item, "model", 0, &out->model, err));
    GET(json_get_str(item, "serialNumber", 0, &out->serial, err));
#undef GET
    if (st != EASG_OK)
        return st;
    if (text_blank(&out->id))
        return err_set(err, EASG_E_PROTOCOL, "a managed device without an id");
    absent_if(&out->eas_id, NULL);
    absent_if(&out->user_id, "00000000-0000-0000-0000-000000000000"); /* no primary user */
    absent_if(&out->os, NULL);
    absent_if(&out->model, NULL);
    absent_if(&out->serial, NULL);
    out->compliance = compliance_of(&compliance);
    unknown = out->compliance == EASG_COMPLIANCE_UNKNOWN && compliance.ptr &&
              !text_eq(&compliance, "unknown");
    out->management = management_of(&agent, &state, &unknown);
    if (activated)
        out->flags |= EASG_MANAGED_ACTIVATED;
    if (registered || text_eq(&registration, "registered"))
        out->flags |= EASG_MANAGED_REGISTERED;
    d->with_eas_id += out->eas_id.ptr != NULL;
    d->unknown_words += (uint64_t)unknown;
    return EASG_OK;
}

static easg_status on_device(void *user, const struct json *item, easg_error *err)
{
    struct devices *d = user;
    easg_managed_device out = { .struct_size = (uint32_t)sizeof out };
    easg_status st = read_device(d, item, &out, err);

    if (st != EASG_OK)
        return st;
    if (d->s->in->report.notes)
        st = eas_index_add(&d->s->eas, &out.eas_id, &out.id, err);
    if (st != EASG_OK)
        return st;
    st = d->to->managed_device(d->to, &out);
    return st == EASG_OK ? st : err_set(err, st, "the host does not take more managed devices");
}

easg_status intune_fetch_devices(struct easg_session *s, const easg_sink_receiver *to,
                                 easg_error *err)
{
    char path[512];
    struct devices d = { .s = s, .to = to };
    struct graph_list list = { .path = path,
                               .what = "managed devices",
                               .permission = "DeviceManagementManagedDevices.Read.All",
                               .item = on_device,
                               .user = &d };
    easg_status st;

    (void)snprintf(path, sizeof path,
                   "/v1.0/deviceManagement/managedDevices?$select=id,easDeviceId,easActivated,"
                   "complianceState,managementState,managementAgent,"
                   "complianceGracePeriodExpirationDateTime,enrolledDateTime,lastSyncDateTime,"
                   "deviceRegistrationState,azureADRegistered,userId,operatingSystem,model,"
                   "serialNumber&$top=%d",
                   (int)s->in->page_size);
    st = graph_list(s->graph, &list, err);
    if (st != EASG_OK)
        return st;
    /* Its count is that of the first page or of all: fewer than either is a list that was cut. */
    if (list.count > 0 && (uint64_t)list.count > list.items)
        return err_set(
            err, EASG_E_UNAVAILABLE,
            "%s: managed devices: %llu of %lld came: the list is cut, nothing is decided "
            "on it",
            s->in->graph_url, (unsigned long long)list.items, (long long)list.count);
    intune_log(s, EASG_LOG_INFO, "managed devices read", "devices", list.items, "with_eas_id",
               d.with_eas_id);
    if (d.unknown_words)
        intune_log(s, EASG_LOG_WARNING,
                   "managed devices with a compliance or management state that is not known here",
                   "devices", d.unknown_words, NULL, 0);
    return EASG_OK;
}
