/* SPDX-License-Identifier: Apache-2.0
 *
 * objects_device.c - a partnership as Get-MobileDevice (Get-ActiveSyncDevice) and the statistics
 * cmdlets return it.
 */
#include <string.h>

#include "lab_objects.h"

static const char *const types_access[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.DeviceAccessState", "System.Enum",
    "System.ValueType", "System.Object", NULL
};
static const char *const types_reason[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.DeviceAccessStateReason", "System.Enum",
    "System.ValueType", "System.Object", NULL
};
static const char *const types_client[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.MobileClientType", "System.Enum",
    "System.ValueType", "System.Object", NULL
};

static const struct device *dev(const struct item *it)
{
    return &lab.m.devices[it->index];
}

static const struct make *make_of(const struct item *it)
{
    return &makes[dev(it)->make];
}

static void load(struct item *it)
{
    text_device(&lab.m, it->index, &it->t.dev);
    if (it->blank) {
        it->t.dev.id[0] = 0;
        it->t.dev.identity[0] = 0;
        it->t.dev.dn[0] = 0;
        it->t.dev.name[0] = 0;
        lab_print(it->t.dev.guid, sizeof it->t.dev.guid, "00000000-0000-0000-0000-000000000000");
    }
}

static void tostring(struct item *it, char out[720])
{
    lab_print(out, 720, "%s", it->t.dev.identity);
}

static int silent(const struct item *it)
{
    return (dev(it)->flags & DEV_BLANK) != 0;
}

static void text(struct cx *x, const char *name, struct item *it, const char *v)
{
    if (silent(it) || !*v)
        cx_nil(x, name);
    else
        cx_string(x, name, v);
}

static void friendly(struct cx *x, const char *name, struct item *it)
{
    text(x, name, it, it->t.dev.friendly);
}

static void device_id(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.dev.id);
}

static void imei(struct cx *x, const char *name, struct item *it)
{
    text(x, name, it, it->t.dev.imei);
}

static void operator_(struct cx *x, const char *name, struct item *it)
{
    text(x, name, it, it->t.dev.carrier);
}

static void os(struct cx *x, const char *name, struct item *it)
{
    text(x, name, it, it->t.dev.os);
}

static void language(struct cx *x, const char *name, struct item *it)
{
    text(x, name, it, it->index & 1 ? "en" : "de");
}

static void type(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, make_of(it)->type);
}

static void agent(struct cx *x, const char *name, struct item *it)
{
    if (!(dev(it)->flags & DEV_BIG)) {
        text(x, name, it, make_of(it)->agent);
        return;
    }
    BUF_LIT(x->b, "<S N=\""); /* rare: larger than one 32 KiB fragment */
    buf_str(x->b, name);
    BUF_LIT(x->b, "\">");
    for (int i = 0; i < 2600; i++)
        BUF_LIT(x->b, "Mozilla/5.0_x000A_ ");
    BUF_LIT(x->b, "</S>");
}

static void model(struct cx *x, const char *name, struct item *it)
{
    text(x, name, it, make_of(it)->model);
}

static void first_sync(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, silent(it) ? 0 : dev(it)->created, 0);
}

static void user(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.dev.box.canonical);
}

static void access_state(struct cx *x, const char *name, struct item *it)
{
    cx_enum(x, name, types_access, access_names[dev(it)->access], dev(it)->access);
}

static void access_reason(struct cx *x, const char *name, struct item *it)
{
    cx_enum(x, name, types_reason, reason_names[dev(it)->reason], dev(it)->reason);
}

static void control_rule(struct cx *x, const char *name, struct item *it)
{
    uint32_t i = dev(it)->rule;
    const struct rule *r = i < lab.m.n_rules ? &lab.m.rules[i] : NULL;
    char shown[120];
    char rdn[128];
    char dn[320];
    guid_text guid;

    if (!r || r->removed) {
        cx_nil(x, name);
        return;
    }
    lab_print(shown, sizeof shown, "%s (%s)", r->query, characteristic_names[r->by]);
    lab_print(rdn, sizeof rdn, "CN=%s", shown);
    lab_print(dn, sizeof dn, "CN=%s,CN=Mobile Mailbox Settings,%s", shown, CONFIG_DN);
    model_guid(&lab.m, GUID_RULE, i, guid);
    cx_ado(x, name,
           &(struct ado){ .tostring = shown,
                          .rdn = rdn,
                          .dn = dn,
                          .domain = "contoso.example",
                          .guid = guid,
                          .depth = 7 });
}

static void client_version(struct cx *x, const char *name, struct item *it)
{
    text(x, name, it, it->index & 3 ? "16.1" : "14.1");
}

static void client_type(struct cx *x, const char *name, struct item *it)
{
    static const char *const names[3] = { "EAS", "Outlook", "REST" };

    cx_enum(x, name, types_client, names[make_of(it)->client], (int)make_of(it)->client);
}

static void object_name(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.dev.name);
}

static void dn(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.dev.dn);
}

static void identity(struct cx *x, const char *name, struct item *it)
{
    cx_ado(x, name,
           &(struct ado){ .tostring = it->t.dev.identity,
                          .rdn = it->t.dev.rdn,
                          .dn = it->t.dev.dn,
                          .domain = it->t.dev.box.domain,
                          .guid = it->t.dev.guid,
                          .depth = 8 });
}

static void guid_(struct cx *x, const char *name, struct item *it)
{
    cx_guid(x, name, it->t.dev.guid);
}

static void category(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    put_category(x, name, "ms-Exch-Active-Sync-Device");
}

static void class_(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    put_class(x, name, "msExchActiveSyncDevice");
}

static void changed(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, dev(it)->changed, 1);
}

static void changed_utc(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, dev(it)->changed, 0);
}

static void created(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, dev(it)->created, 1);
}

static void created_utc(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, dev(it)->created, 0);
}

static void last_sync(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, silent(it) ? 0 : dev(it)->last_sync, 0);
}

static void wipe_request(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, dev(it)->flags & DEV_WIPE_REQUESTED ? dev(it)->last_sync + 30 : 0, 0);
}

static void wipe_ack(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, dev(it)->flags & DEV_WIPE_ACKED ? dev(it)->last_sync : 0, 0);
}

static void heartbeat(struct cx *x, const char *name, struct item *it)
{
    if (silent(it))
        cx_nil(x, name);
    else
        cx_uint(x, name, 480 + it->index % 5 * 300);
}

static void folders(struct cx *x, const char *name, struct item *it)
{
    cx_int(x, name, 5 + it->index % 20);
}

static void status(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = {
        "Microsoft.Exchange.Management.Mobility.DeviceRemoteWipeStatus", "System.Enum",
        "System.ValueType", "System.Object", NULL
    };
    unsigned f = dev(it)->flags;

    if (f & DEV_WIPE_ACKED)
        cx_enum(x, name, types, "DeviceWipeSucceeded", 2);
    else if (f & DEV_WIPE_REQUESTED)
        cx_enum(x, name, types, "DeviceWipePending", 1);
    else
        cx_enum(x, name, types, "DeviceOk", 0);
}

#define SHARED                                                                                     \
    { "FriendlyName", friendly }, { "DeviceId", device_id }, { "DeviceImei", imei },               \
        { "DeviceMobileOperator", operator_ }, { "DeviceOS", os },                                 \
        { "DeviceOSLanguage", language }, { "DeviceTelephoneNumber", put_nil },                    \
        { "DeviceType", type }, { "DeviceUserAgent", agent }, { "DeviceModel", model },            \
        { "FirstSyncTime", first_sync }, { "UserDisplayName", user },                              \
        { "DeviceAccessState", access_state }, { "DeviceAccessStateReason", access_reason },       \
        { "DeviceAccessControlRule", control_rule },                                               \
    {                                                                                              \
        "ClientVersion", client_version                                                            \
    }

#define DIRECTORY                                                                                  \
    { "AdminDisplayName", put_empty }, { "ExchangeVersion", put_version },                         \
        { "Name", object_name }, { "DistinguishedName", dn }, { "Identity", identity },            \
        { "Guid", guid_ }, { "ObjectCategory", category }, { "ObjectClass", class_ },              \
        { "WhenChanged", changed }, { "WhenCreated", created }, { "WhenChangedUTC", changed_utc }, \
        { "WhenCreatedUTC", created_utc }, { "OrganizationId", put_organization },                 \
        { "Id", identity }, { "OriginatingServer", put_dc }, { "IsValid", put_true },              \
    {                                                                                              \
        "ObjectState", put_state                                                                   \
    }

static const struct prop props[] = {
    SHARED,
    {"ClientType",   client_type},
    { "IsManaged",   put_false  },
    { "IsCompliant", put_false  },
    { "IsDisabled",  put_false  },
    DIRECTORY
};
static const struct prop props_2010[] = { SHARED, DIRECTORY };
static const struct prop props_statistics[] = {
    {"FirstSyncTime",            first_sync    },
    { "LastPolicyUpdateTime",    first_sync    },
    { "LastSyncAttemptTime",     last_sync     },
    { "LastSuccessSync",         last_sync     },
    { "DeviceType",              type          },
    { "DeviceID",                device_id     },
    { "DeviceUserAgent",         agent         },
    { "DeviceWipeSentTime",      put_nil       },
    { "DeviceWipeRequestTime",   wipe_request  },
    { "DeviceWipeAckTime",       wipe_ack      },
    { "LastPingHeartbeat",       heartbeat     },
    { "RecoveryPassword",        put_nil       },
    { "DeviceModel",             model         },
    { "DeviceImei",              imei          },
    { "DeviceFriendlyName",      friendly      },
    { "DeviceOS",                os            },
    { "DeviceOSLanguage",        language      },
    { "DevicePhoneNumber",       put_nil       },
    { "MailboxLogReport",        put_nil       },
    { "DeviceEnableOutboundSMS", put_false     },
    { "DeviceMobileOperator",    operator_     },
    { "Identity",                identity      },
    { "Guid",                    guid_         },
    { "IsRemoteWipeSupported",   put_true      },
    { "Status",                  status        },
    { "StatusNote",              put_nil       },
    { "DeviceAccessState",       access_state  },
    { "DeviceAccessStateReason", access_reason },
    { "DeviceAccessControlRule", control_rule  },
    { "DevicePolicyApplied",     put_nil       },
    { "LastDeviceWipeRequestor", put_nil       },
    { "DeviceActiveSyncVersion", client_version},
    { "NumberOfFoldersSynced",   folders       },
    { "SyncStateUpgradeTime",    put_nil       },
    { "ClientType",              client_type   },
};

#define BASES                                                                                      \
    "Microsoft.Exchange.Data.Directory.ADConfigurationObject",                                     \
        "Microsoft.Exchange.Data.Directory.ADLegacyVersionableObject",                             \
        "Microsoft.Exchange.Data.Directory.ADVersionableObject",                                   \
        "Microsoft.Exchange.Data.Directory.ADObject",                                              \
        "Microsoft.Exchange.Data.Directory.ADRawEntry",                                            \
        "Microsoft.Exchange.Data.ConfigurableObject", "System.Object", NULL

static const char *const types[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.MobileDevice", BASES
};
static const char *const types_2010[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.ActiveSyncDevice", BASES
};
static const char *const types_statistics[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.MobileDeviceConfiguration",
    "Microsoft.Exchange.Data.ConfigurableObject", "System.Object", NULL
};

const struct kind kind_device = { types, tostring, load, props, N_PROPS(props), "DeviceId" };
const struct kind kind_device_2010 = { types_2010,          tostring,  load, props_2010,
                                       N_PROPS(props_2010), "DeviceId" };
const struct kind kind_statistics = { types_statistics,          tostring,  load, props_statistics,
                                      N_PROPS(props_statistics), "DeviceID" };
