/* SPDX-License-Identifier: Apache-2.0
 *
 * graph_fields.c - the columns of managedDevice and user.
 */
#include <string.h>

#include "lab_graph.h"

static const struct managed *man(uint32_t i)
{
    return &lab.m.managed[i];
}

static const struct make *make_of(uint32_t i)
{
    return &makes[man(i)->make];
}

/* ---- managedDevice ---- */

static void m_id(struct buf *b, const char *name, uint32_t i)
{
    guid_text g;

    model_guid(&lab.m, GUID_MANAGED, i, g);
    json_string(b, name, g);
}

static void m_user_id(struct buf *b, const char *name, uint32_t i)
{
    guid_text g = "";

    if (man(i)->person != NONE)
        model_guid(&lab.m, GUID_PERSON, man(i)->person, g);
    json_string(b, name, g);
}

static void m_upn(struct buf *b, const char *name, uint32_t i)
{
    char upn[64] = "";
    char display[200];

    if (man(i)->person != NONE)
        text_person(&lab.m, man(i)->person, upn, display);
    json_string(b, name, upn);
}

static void m_user_name(struct buf *b, const char *name, uint32_t i)
{
    char upn[64];
    char display[200] = "";

    if (man(i)->person != NONE)
        text_person(&lab.m, man(i)->person, upn, display);
    json_string(b, name, display);
}

static const char *system_name(uint32_t i)
{
    static const char *const names[4] = { "iOS", "Android", "Windows", "Unknown" };
    const struct make *k = make_of(i);

    return strncmp(k->type, "iPad", 4) == 0 ? "iPadOS" : names[k->platform];
}

static void m_device_name(struct buf *b, const char *name, uint32_t i)
{
    char t[80];

    lab_print(t, sizeof t, "%s_%s_%u", system_name(i), make_of(i)->maker, i);
    json_string(b, name, t);
}

static void m_system(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name, system_name(i));
}

static void m_os_version(struct buf *b, const char *name, uint32_t i)
{
    const char *v = make_of(i)->os;

    v += strcspn(v, "0123456789");
    json_string(b, name, v);
}

static void m_compliance(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name, compliance_names[man(i)->compliance]);
}

static void m_state(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name, state_names[man(i)->state]);
}

static void m_agent(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name, agent_names[man(i)->agent]);
}

static void m_grace(struct buf *b, const char *name, uint32_t i)
{
    if (man(i)->grace)
        json_date(b, name, man(i)->grace);
    else
        json_string(b, name, "9999-12-31T23:59:59Z");
}

static void m_activated(struct buf *b, const char *name, uint32_t i)
{
    json_raw(b, name, man(i)->flags & MAN_ACTIVATED ? "true" : "false");
}

static void m_activation(struct buf *b, const char *name, uint32_t i)
{
    json_date(b, name, man(i)->flags & MAN_ACTIVATED ? man(i)->enrolled + 600 : 0);
}

static void m_eas_id(struct buf *b, const char *name, uint32_t i)
{
    char id[48] = "";

    if (man(i)->ident != NONE)
        text_ident(&lab.m, man(i)->ident, id);
    if (man(i)->flags & MAN_LOWER)
        for (char *p = id; *p; p++)
            if (*p >= 'A' && *p <= 'Z')
                *p = (char)(*p | 32);
    json_string(b, name, id);
}

static void m_registration(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name, man(i)->flags & MAN_REGISTERED ? "registered" : "notRegistered");
}

static void m_registered(struct buf *b, const char *name, uint32_t i)
{
    json_raw(b, name, man(i)->flags & MAN_REGISTERED ? "true" : "false");
}

static void m_entra_id(struct buf *b, const char *name, uint32_t i)
{
    guid_text g;

    model_guid(&lab.m, GUID_ENTRA_DEVICE, i, g);
    json_string(b, name, g);
}

static void m_last_sync(struct buf *b, const char *name, uint32_t i)
{
    json_date(b, name, man(i)->last_sync);
}

static void m_enrolled(struct buf *b, const char *name, uint32_t i)
{
    json_date(b, name, man(i)->enrolled);
}

static void m_never(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_date(b, name, 0);
}

static void m_none(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_string(b, name, "none");
}

static void m_null(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_string(b, name, NULL);
}

static void m_empty(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_string(b, name, "");
}

static void m_zero(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_raw(b, name, "0");
}

static void m_true(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_raw(b, name, "true");
}

static void m_owner(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name, i % 3 ? "company" : "personal");
}

static void m_model(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name, make_of(i)->marketing);
}

static void m_maker(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name, make_of(i)->maker);
}

/* A phone that was enrolled twice by one user keeps its number. */
static void m_serial(struct buf *b, const char *name, uint32_t i)
{
    const struct managed *m = man(i);
    uint64_t key = m->ident == NONE ? i : (uint64_t)m->ident << 32 | m->person;
    char t[24];

    lab_print(t, sizeof t, "F%011llX",
              (unsigned long long)(model_random(&lab.m, key, 70) & 0xFFFFFFFFFFF));
    json_string(b, name, t);
}

static void m_storage(struct buf *b, const char *name, uint32_t i)
{
    char t[24];

    lab_print(t, sizeof t, "%llu", 127989493760ull - (unsigned long long)(i % 97) * 1000000000ull);
    json_raw(b, name, t);
}

static void m_profile(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_string(b, name,
                "Corp \"DEP\" d\xC3\xA9"
                "faut");
}

static const struct field managed_fields[] = {
    {"id",                                       m_id,           1},
    { "userId",                                  m_user_id,      1},
    { "deviceName",                              m_device_name,  1},
    { "managedDeviceOwnerType",                  m_owner,        1},
    { "enrolledDateTime",                        m_enrolled,     1},
    { "lastSyncDateTime",                        m_last_sync,    1},
    { "operatingSystem",                         m_system,       1},
    { "complianceState",                         m_compliance,   1},
    { "jailBroken",                              m_none,         1},
    { "managementAgent",                         m_agent,        1},
    { "osVersion",                               m_os_version,   1},
    { "easActivated",                            m_activated,    1},
    { "easDeviceId",                             m_eas_id,       1},
    { "easActivationDateTime",                   m_activation,   1},
    { "azureADRegistered",                       m_registered,   1},
    { "deviceEnrollmentType",                    m_none,         1},
    { "activationLockBypassCode",                m_null,         1},
    { "emailAddress",                            m_upn,          1},
    { "azureADDeviceId",                         m_entra_id,     1},
    { "deviceRegistrationState",                 m_registration, 1},
    { "deviceCategoryDisplayName",               m_empty,        1},
    { "isSupervised",                            m_true,         1},
    { "exchangeLastSuccessfulSyncDateTime",      m_never,        1},
    { "exchangeAccessState",                     m_none,         1},
    { "exchangeAccessStateReason",               m_none,         1},
    { "isEncrypted",                             m_true,         1},
    { "userPrincipalName",                       m_upn,          1},
    { "model",                                   m_model,        1},
    { "manufacturer",                            m_maker,        1},
    { "imei",                                    m_empty,        1},
    { "complianceGracePeriodExpirationDateTime", m_grace,        1},
    { "serialNumber",                            m_serial,       1},
    { "phoneNumber",                             m_empty,        1},
    { "androidSecurityPatchLevel",               m_empty,        1},
    { "userDisplayName",                         m_user_name,    1},
    { "wiFiMacAddress",                          m_empty,        1},
    { "subscriberCarrier",                       m_empty,        1},
    { "meid",                                    m_empty,        1},
    { "totalStorageSpaceInBytes",                m_storage,      1},
    { "freeStorageSpaceInBytes",                 m_zero,         1},
    { "managedDeviceName",                       m_device_name,  1},
    { "partnerReportedThreatState",              m_none,         1},
    { "managementState",                         m_state,        1},
    { "managementCertificateExpirationDate",     m_never,        1},
    { "iccid",                                   m_null,         1},
    { "udid",                                    m_null,         1},
    { "notes",                                   m_null,         1},
    { "ethernetMacAddress",                      m_null,         1},
    { "physicalMemoryInBytes",                   m_zero,         1},
    { "enrollmentProfileName",                   m_profile,      1},
};

static uint32_t managed_count(void)
{
    return lab.m.n_managed;
}

static int managed_wanted(uint32_t i, const struct call *c, const char *what)
{
    (void)c;
    (void)what;
    return !(man(i)->flags & MAN_REMOVED);
}

const struct entity entity_managed = {
    .type = "managedDevice",
    .context = "deviceManagement/managedDevices",
    .fields = managed_fields,
    .n_fields = sizeof managed_fields / sizeof managed_fields[0],
    .count = managed_count,
    .wanted = managed_wanted,
    .page = 1000,
};

/* ---- user ---- */

static const struct person *per(uint32_t i)
{
    return &lab.m.persons[i];
}

static void u_id(struct buf *b, const char *name, uint32_t i)
{
    guid_text g;

    model_guid(&lab.m, GUID_PERSON, i, g);
    json_string(b, name, g);
}

static void u_upn(struct buf *b, const char *name, uint32_t i)
{
    char upn[64];
    char display[200];

    text_person(&lab.m, i, upn, display);
    json_string(b, name, upn);
}

static void u_display(struct buf *b, const char *name, uint32_t i)
{
    char upn[64];
    char display[200];

    text_person(&lab.m, i, upn, display);
    json_string(b, name, display);
}

static int linked(uint32_t i, unsigned flag)
{
    return per(i)->mailbox != NONE && (per(i)->flags & flag);
}

static void u_mail(struct buf *b, const char *name, uint32_t i)
{
    struct mailbox_text t;

    if (!linked(i, PER_PROXY)) {
        json_string(b, name, NULL);
        return;
    }
    text_mailbox(&lab.m, per(i)->mailbox, &t);
    json_string(b, name, t.primary);
}

static void u_proxies(struct buf *b, const char *name, uint32_t i)
{
    struct mailbox_text t;

    buf_fmt(b, "\"%s\":[", name);
    if (linked(i, PER_PROXY)) {
        text_mailbox(&lab.m, per(i)->mailbox, &t);
        buf_fmt(b, "\"SMTP:%s\",\"smtp:%s\"", t.primary, t.second);
        if ((per(i)->flags & PER_CLASH) && per(i)->mailbox + 1 < lab.m.n_mailboxes) {
            text_mailbox(&lab.m, per(i)->mailbox + 1, &t);
            buf_fmt(b, ",\"smtp:%s\",\"smtp:%s\"", t.second, t.primary);
        }
    }
    BUF_LIT(b, "],");
}

static void u_sid(struct buf *b, const char *name, uint32_t i)
{
    struct mailbox_text t;

    if (!linked(i, PER_SID)) {
        json_string(b, name, NULL);
        return;
    }
    text_mailbox(&lab.m, per(i)->mailbox, &t);
    json_string(b, name, t.sid);
}

/* Base64 of the on-premises objectGUID, as Entra Connect makes it. */
static void u_immutable(struct buf *b, const char *name, uint32_t i)
{
    guid_text g;
    unsigned char raw[16];

    if (!linked(i, PER_IMMUTABLE)) {
        json_string(b, name, NULL);
        return;
    }
    model_guid(&lab.m, GUID_MAILBOX, per(i)->mailbox, g);
    guid_bytes(g, raw);
    buf_fmt(b, "\"%s\":\"", name);
    buf_base64(b, raw, sizeof raw);
    BUF_LIT(b, "\",");
}

static void u_sam(struct buf *b, const char *name, uint32_t i)
{
    char t[24];

    lab_print(t, sizeof t, "user%07u", per(i)->mailbox);
    json_string(b, name, linked(i, PER_SID) ? t : NULL);
}

static void u_domain(struct buf *b, const char *name, uint32_t i)
{
    json_string(b, name,
                !linked(i, PER_SID)                                  ? NULL
                : lab.m.mailboxes[per(i)->mailbox].flags & MBX_CHILD ? "emea.contoso.example"
                                                                     : "contoso.example");
}

static void u_enabled(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_raw(b, name, "true");
}

static void u_synced(struct buf *b, const char *name, uint32_t i)
{
    json_raw(b, name, linked(i, PER_SID | PER_IMMUTABLE) ? "true" : "null");
}

static void u_plans(struct buf *b, const char *name, uint32_t i)
{
    static const char *const status[3] = { "Deleted", "Enabled", "Suspended" };

    buf_fmt(b,
            "\"%s\":[{\"assignedDateTime\":\"2024-03-01T08:00:00Z\",\"capabilityStatus\":"
            "\"Enabled\",\"service\":\"exchange\",\"servicePlanId\":"
            "\"efb87545-963c-4e0d-99df-69c6916d9eb0\"}",
            name);
    if (per(i)->plan != PLAN_NONE)
        buf_fmt(b,
                ",{\"assignedDateTime\":\"2024-03-01T08:00:00Z\",\"capabilityStatus\":\"%s\","
                "\"service\":\"SCO\",\"servicePlanId\":\"c1ec4a95-1f05-45b3-a911-aa3fa01094f5\"}",
                status[per(i)->plan]);
    BUF_LIT(b, "],");
}

static void u_licences(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    buf_fmt(b,
            "\"%s\":[{\"disabledPlans\":[],\"skuId\":\"05e9a617-0261-4cee-bb44-138d3ef5d965\"}],",
            name);
}

/* One in three has a language, not always one that a template is there for. */
static void u_language(struct buf *b, const char *name, uint32_t i)
{
    static const char *const tags[] = { "nl", "de-AT", "fr-CA", "en-GB", "ja" };

    if (i % 3)
        buf_fmt(b, "\"%s\":null,", name);
    else
        json_string(b, name, tags[i / 3 % 5]);
}

static void u_type(struct buf *b, const char *name, uint32_t i)
{
    (void)i;
    json_string(b, name, "Member");
}

static const struct field user_fields[] = {
    {"id",                            u_id,        1},
    { "displayName",                  u_display,   1},
    { "userPrincipalName",            u_upn,       1},
    { "mail",                         u_mail,      1},
    { "proxyAddresses",               u_proxies,   0},
    { "accountEnabled",               u_enabled,   0},
    { "userType",                     u_type,      0},
    { "onPremisesSecurityIdentifier", u_sid,       0},
    { "onPremisesImmutableId",        u_immutable, 0},
    { "onPremisesSamAccountName",     u_sam,       0},
    { "onPremisesDomainName",         u_domain,    0},
    { "onPremisesSyncEnabled",        u_synced,    0},
    { "preferredLanguage",            u_language,  0},
    { "assignedPlans",                u_plans,     0},
    { "assignedLicenses",             u_licences,  0},
};

static uint32_t user_count(void)
{
    return lab.m.n_persons;
}

static int user_wanted(uint32_t i, const struct call *c, const char *what)
{
    (void)c;
    (void)what;
    return !(per(i)->flags & PER_REMOVED);
}

const struct entity entity_user = {
    .type = "user",
    .context = "users",
    .fields = user_fields,
    .n_fields = sizeof user_fields / sizeof user_fields[0],
    .count = user_count,
    .wanted = user_wanted,
    .page = 100,
};
