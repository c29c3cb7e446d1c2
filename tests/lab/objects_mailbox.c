/* SPDX-License-Identifier: Apache-2.0
 *
 * objects_mailbox.c - one mailbox as Get-CASMailbox, Get-Mailbox, Get-User and Get-Recipient
 * return it.
 */
#include <string.h>

#include "lab_objects.h"

static const char *const types_addresses[] = {
    "Microsoft.Exchange.Data.ProxyAddressCollection",
    "Microsoft.Exchange.Data.ProxyAddressBaseCollection`1[[Microsoft.Exchange.Data.ProxyAddress, "
    "Microsoft.Exchange.Data, Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
    "Microsoft.Exchange.Data.MultiValuedProperty`1[[Microsoft.Exchange.Data.ProxyAddress, "
    "Microsoft.Exchange.Data, Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
    "Microsoft.Exchange.Data.MultiValuedPropertyBase",
    "System.Object",
    NULL
};
static const char *const types_recipient_type[] = {
    "Microsoft.Exchange.Data.Directory.Recipient.RecipientType", "System.Enum", "System.ValueType",
    "System.Object", NULL
};
static const char *const types_details[] = {
    "Microsoft.Exchange.Data.Directory.Recipient.RecipientTypeDetails", "System.Enum",
    "System.ValueType", "System.Object", NULL
};
static const char *const types_sid[] = { "System.Security.Principal.SecurityIdentifier",
                                         "System.Security.Principal.IdentityReference",
                                         "System.Object", NULL };

static const struct mailbox *box(const struct item *it)
{
    return &lab.m.mailboxes[it->index];
}

static void load(struct item *it)
{
    text_mailbox(&lab.m, it->index, &it->t.box);
}

static void tostring(struct item *it, char out[720])
{
    lab_print(out, 720, "%s", it->t.box.canonical);
}

static void addresses(struct cx *x, const char *name, struct item *it)
{
    char smtp[80];
    char second[180];
    char x500[80];
    const char *v[3] = { smtp, second, x500 };

    lab_print(smtp, sizeof smtp, "SMTP:%s", it->t.box.primary);
    lab_print(second, sizeof second, "smtp:%s", it->t.box.second);
    lab_print(x500, sizeof x500, "X500:/o=Contoso/ou=First/cn=%s", it->t.box.alias);
    cx_strings(x, name, types_addresses, v, it->index % 5 ? 2 : 3);
}

static void legacy_dn(struct cx *x, const char *name, struct item *it)
{
    char t[120];

    lab_print(t, sizeof t, "/o=Contoso/ou=Exchange Administrative Group/cn=Recipients/cn=%s",
              it->t.box.alias);
    cx_string(x, name, t);
}

static void primary(struct cx *x, const char *name, struct item *it)
{
    put_smtp(x, name, it->t.box.primary);
}

static void sam(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.box.sam);
}

static void alias(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.box.alias);
}

static void upn(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.box.upn);
}

static void display(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.box.display);
}

static void sid(struct cx *x, const char *name, struct item *it)
{
    if (!cx_complex(x, name, types_sid, it->t.box.sid))
        return;
    BUF_LIT(x->b, "<Props>");
    cx_string(x, "Value", it->t.box.sid);
    BUF_LIT(x->b, "</Props>");
    cx_close(x);
}

static void server(struct cx *x, const char *name, struct item *it)
{
    char t[16];

    lab_print(t, sizeof t, "mbx%u", 1 + it->index % 2);
    cx_string(x, name, t);
}

static void ids(struct cx *x, const char *name, const struct idlist *l)
{
    const char *v[64];
    size_t n = 0;

    if (l->n <= 64) {
        for (; n < l->n; n++)
            v[n] = l->v[n];
        cx_strings(x, name, types_strings, v, n);
        return;
    }
    cx_open(x, name, types_strings, NULL);
    BUF_LIT(x->b, "<LST>");
    for (uint32_t i = 0; i < l->n; i++)
        cx_string(x, NULL, l->v[i]);
    BUF_LIT(x->b, "</LST>");
    cx_close(x);
}

static void allowed(struct cx *x, const char *name, struct item *it)
{
    ids(x, name, &box(it)->allowed);
}

static void blocked(struct cx *x, const char *name, struct item *it)
{
    ids(x, name, &box(it)->blocked);
}

static void policy(struct cx *x, const char *name, struct item *it)
{
    const char *p = policy_names[box(it)->policy % N_POLICIES];
    char rdn[80];
    char dn[260];
    guid_text guid;

    lab_print(rdn, sizeof rdn, "CN=%s", p);
    lab_print(dn, sizeof dn, "CN=%s,CN=Mobile Mailbox Policies,%s", p, CONFIG_DN);
    model_guid(&lab.m, GUID_POLICY, box(it)->policy, guid);
    cx_ado(x, name,
           &(struct ado){ .tostring = p,
                          .rdn = rdn,
                          .dn = dn,
                          .domain = "contoso.example",
                          .guid = guid,
                          .depth = 7 });
}

static void policy_default(struct cx *x, const char *name, struct item *it)
{
    cx_bool(x, name, box(it)->policy == 0);
}

static void enabled(struct cx *x, const char *name, struct item *it)
{
    cx_bool(x, name, !(box(it)->flags & MBX_EAS_DISABLED));
}

static void partnership(struct cx *x, const char *name, struct item *it)
{
    int has = 0;

    for (uint32_t i = box(it)->first; i != NONE && !has; i = lab.m.devices[i].next)
        has = !(lab.m.devices[i].flags & DEV_REMOVED);
    cx_bool(x, name, has);
}

static void object_name(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.box.display);
}

static void dn(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, it->t.box.dn);
}

static void identity(struct cx *x, const char *name, struct item *it)
{
    char rdn[220];

    lab_print(rdn, sizeof rdn, "CN=%s", it->t.box.display);
    cx_ado(x, name,
           &(struct ado){ .tostring = it->t.box.canonical,
                          .rdn = rdn,
                          .dn = it->t.box.dn,
                          .domain = it->t.box.domain,
                          .guid = it->t.box.guid,
                          .depth = 6 });
}

static void guid_(struct cx *x, const char *name, struct item *it)
{
    cx_guid(x, name, it->t.box.guid);
}

static void category(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    put_category(x, name, "Person");
}

static void class_(struct cx *x, const char *name, struct item *it)
{
    static const char *const v[4] = { "top", "person", "organizationalPerson", "user" };

    (void)it;
    cx_strings(x, name, types_strings, v, 4);
}

static void changed(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, box(it)->changed, 1);
}

static void changed_utc(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, box(it)->changed, 0);
}

static void created(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_date(x, name, 1420070400, 1);
}

static void created_utc(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_date(x, name, 1420070400, 0);
}

static void recipient_type(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_enum(x, name, types_recipient_type, "UserMailbox", 1);
}

static void details(struct cx *x, const char *name, struct item *it)
{
    if (box(it)->flags & MBX_SHARED)
        cx_enum(x, name, types_details, "SharedMailbox", 4);
    else
        cx_enum(x, name, types_details, "UserMailbox", 1);
}

static void unit(struct cx *x, const char *name, struct item *it)
{
    char t[420];
    char *slash;

    lab_print(t, sizeof t, "%s", it->t.box.canonical);
    slash = strstr(t, it->t.box.display);
    if (slash && slash > t)
        slash[-1] = 0;
    cx_string(x, name, t);
}

static void first_name(struct cx *x, const char *name, struct item *it)
{
    const char *comma = strstr(it->t.box.display, ", ");
    char t[200];
    char *paren;

    lab_print(t, sizeof t, "%s", comma ? comma + 2 : it->t.box.display);
    paren = strstr(t, " (user");
    if (paren)
        *paren = 0;
    cx_string(x, name, t);
}

#define DIRECTORY                                                                                  \
    { "ExchangeVersion", put_version }, { "Name", object_name }, { "DistinguishedName", dn },      \
        { "Identity", identity }, { "Guid", guid_ }, { "ObjectCategory", category },               \
        { "ObjectClass", class_ }, { "WhenChanged", changed }, { "WhenCreated", created },         \
        { "WhenChangedUTC", changed_utc }, { "WhenCreatedUTC", created_utc },                      \
        { "OrganizationId", put_organization }, { "Id", identity },                                \
        { "OriginatingServer", put_dc }, { "IsValid", put_true },                                  \
    {                                                                                              \
        "ObjectState", put_state                                                                   \
    }

static const struct prop props_cas[] = {
    {"EmailAddresses",                      addresses     },
    { "LegacyExchangeDN",                   legacy_dn     },
    { "LinkedMasterAccount",                put_empty     },
    { "PrimarySmtpAddress",                 primary       },
    { "SamAccountName",                     sam           },
    { "ServerLegacyDN",                     put_nil       },
    { "ServerName",                         server        },
    { "DisplayName",                        display       },
    { "ActiveSyncAllowedDeviceIDs",         allowed       },
    { "ActiveSyncBlockedDeviceIDs",         blocked       },
    { "ActiveSyncMailboxPolicy",            policy        },
    { "ActiveSyncMailboxPolicyIsDefaulted", policy_default},
    { "ActiveSyncDebugLogging",             put_false     },
    { "ActiveSyncEnabled",                  enabled       },
    { "HasActiveSyncDevicePartnership",     partnership   },
    { "ActiveSyncSuppressReadReceipt",      put_false     },
    { "ExternalImapSettings",               put_nil       },
    { "OwaMailboxPolicy",                   put_nil       },
    { "OWAEnabled",                         put_true      },
    { "OWAforDevicesEnabled",               put_true      },
    { "ECPEnabled",                         put_true      },
    { "PopEnabled",                         put_true      },
    { "ImapEnabled",                        put_true      },
    { "MAPIEnabled",                        put_true      },
    { "MapiHttpEnabled",                    put_nil       },
    { "EwsEnabled",                         put_nil       },
    DIRECTORY,
};
static const struct prop props_mailbox[] = {
    {"Alias",                          alias         },
    { "DisplayName",                   display       },
    { "UserPrincipalName",             upn           },
    { "PrimarySmtpAddress",            primary       },
    { "EmailAddresses",                addresses     },
    { "SamAccountName",                sam           },
    { "Sid",                           sid           },
    { "MasterAccountSid",              put_nil       },
    { "ServerName",                    server        },
    { "RecipientType",                 recipient_type},
    { "RecipientTypeDetails",          details       },
    { "OrganizationalUnit",            unit          },
    { "LegacyExchangeDN",              legacy_dn     },
    { "HiddenFromAddressListsEnabled", put_false     },
    DIRECTORY,
};
static const struct prop props_user[] = {
    {"DisplayName",              display       },
    { "UserPrincipalName",       upn           },
    { "SamAccountName",          sam           },
    { "Sid",                     sid           },
    { "SidHistory",              put_nil       },
    { "WindowsEmailAddress",     primary       },
    { "FirstName",               first_name    },
    { "RecipientType",           recipient_type},
    { "RecipientTypeDetails",    details       },
    { "OrganizationalUnit",      unit          },
    { "RemotePowerShellEnabled", put_false     },
    DIRECTORY,
};
static const struct prop props_recipient[] = {
    {"Alias",                           alias         },
    { "DisplayName",                    display       },
    { "EmailAddresses",                 addresses     },
    { "PrimarySmtpAddress",             primary       },
    { "SamAccountName",                 sam           },
    { "WindowsLiveID",                  put_empty     },
    { "ExternalDirectoryObjectId",      put_empty     },
    { "RecipientType",                  recipient_type},
    { "RecipientTypeDetails",           details       },
    { "OrganizationalUnit",             unit          },
    { "HasActiveSyncDevicePartnership", partnership   },
    { "ActiveSyncMailboxPolicy",        policy        },
    { "ServerName",                     server        },
    DIRECTORY,
};

#define BASES                                                                                      \
    "Microsoft.Exchange.Data.Directory.ADObject", "Microsoft.Exchange.Data.Directory.ADRawEntry",  \
        "Microsoft.Exchange.Data.ConfigurableObject", "System.Object", NULL

static const char *const types_cas[] = {
    "Microsoft.Exchange.Data.Directory.Management.CASMailbox",
    "Microsoft.Exchange.Data.Directory.Management.ADPresentationObject", BASES
};
static const char *const types_mailbox[] = {
    "Microsoft.Exchange.Data.Directory.Management.Mailbox",
    "Microsoft.Exchange.Data.Directory.Management.MailEnabledOrgPerson",
    "Microsoft.Exchange.Data.Directory.Management.MailEnabledRecipient",
    "Microsoft.Exchange.Data.Directory.Management.ADPresentationObject", BASES
};
static const char *const types_user[] = {
    "Microsoft.Exchange.Data.Directory.Management.User",
    "Microsoft.Exchange.Data.Directory.Management.OrgPersonPresentationObject",
    "Microsoft.Exchange.Data.Directory.Management.ADPresentationObject", BASES
};
static const char *const types_recipient[] = {
    "Microsoft.Exchange.Data.Directory.Management.ReducedRecipient", BASES
};

const struct kind kind_cas_mailbox = { types_cas, tostring,           load,
                                       props_cas, N_PROPS(props_cas), "Identity" };
const struct kind kind_mailbox = { types_mailbox,          tostring,  load, props_mailbox,
                                   N_PROPS(props_mailbox), "Identity" };
const struct kind kind_user = { types_user,          tostring,  load, props_user,
                                N_PROPS(props_user), "Identity" };
const struct kind kind_recipient = { types_recipient,          tostring,  load, props_recipient,
                                     N_PROPS(props_recipient), "Identity" };
