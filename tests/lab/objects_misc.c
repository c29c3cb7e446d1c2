/* SPDX-License-Identifier: Apache-2.0
 *
 * objects_misc.c - settings, rules, classes, servers, policies of the organisation, and the
 * objects of PowerShell's own commands.
 */
#include <string.h>

#include "lab_objects.h"

#define CONFIG_BASES                                                                               \
    "Microsoft.Exchange.Data.Directory.ADConfigurationObject",                                     \
        "Microsoft.Exchange.Data.Directory.ADObject",                                              \
        "Microsoft.Exchange.Data.Directory.ADRawEntry",                                            \
        "Microsoft.Exchange.Data.ConfigurableObject", "System.Object", NULL

static const char *const types_level[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.DeviceAccessLevel", "System.Enum",
    "System.ValueType", "System.Object", NULL
};

/* ---- names of configuration objects ---- */

static void config_ado(struct cx *x, const char *name, const char *shown, const char *container,
                       enum guid_kind kind, uint32_t index)
{
    char rdn[140];
    char dn[420];
    guid_text guid;

    lab_print(rdn, sizeof rdn, "CN=%s", shown);
    lab_print(dn, sizeof dn, "CN=%s,%s%s", shown, container, CONFIG_DN);
    model_guid(&lab.m, kind, index, guid);
    cx_ado(x, name,
           &(struct ado){ .tostring = shown,
                          .rdn = rdn,
                          .dn = dn,
                          .domain = "contoso.example",
                          .guid = guid,
                          .depth = 7 });
}

/* ---- ActiveSyncOrganizationSettings ---- */

static void named_settings(struct item *it, char out[720])
{
    (void)it;
    lab_print(out, 720, "Mobile Mailbox Settings");
}

static void default_level(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_enum(x, name, types_level, level_names[lab.m.org.level], (int)lab.m.org.level);
}

static void user_mail(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_string(x, name, lab.m.org.user_mail);
}

static void ota_mail(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_string(x, name, lab.m.org.ota_mail);
}

static void admins(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = {
        "Microsoft.Exchange.Data.MultiValuedProperty`1[[Microsoft.Exchange.Data.SmtpAddress, "
        "Microsoft.Exchange.Data, Version=15.0.0.0, Culture=neutral, "
        "PublicKeyToken=31bf3856ad364e35]]",
        "Microsoft.Exchange.Data.MultiValuedPropertyBase", "System.Object", NULL
    };
    const char *v[8];

    (void)it;
    for (unsigned i = 0; i < lab.m.org.n_admins; i++)
        v[i] = lab.m.org.admins[i];
    cx_strings(x, name, types, v, lab.m.org.n_admins);
}

static void unsupported(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_bool(x, name, lab.m.org.allow_unsupported);
}

static void settings_identity(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    config_ado(x, name, "Mobile Mailbox Settings", "", GUID_MISC, 1);
}

static void settings_name(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_string(x, name, "Mobile Mailbox Settings");
}

static void settings_dn(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_string(x, name, "CN=Mobile Mailbox Settings," CONFIG_DN);
}

static void settings_guid(struct cx *x, const char *name, struct item *it)
{
    guid_text g;

    (void)it;
    model_guid(&lab.m, GUID_MISC, 1, g);
    cx_guid(x, name, g);
}

static const struct prop props_settings[] = {
    { "DefaultAccessLevel", default_level },
    { "UserMailInsert", user_mail },
    { "AllowAccessForUnSupportedPlatform", unsupported },
    { "AdminMailRecipients", admins },
    { "OtaNotificationMailInsert", ota_mail },
    { "DeviceFiltering", put_nil },
    { "IsIntuneManaged", put_false },
    { "TenantAdminPreference", put_nil },
    { "Name", settings_name },
    { "AdminDisplayName", put_empty },
    { "ExchangeVersion", put_version },
    { "DistinguishedName", settings_dn },
    { "Identity", settings_identity },
    { "Guid", settings_guid },
    { "OrganizationId", put_organization },
    { "OriginatingServer", put_dc },
    { "IsValid", put_true },
    { "ObjectState", put_state },
};
static const char *const types_settings[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.ActiveSyncOrganizationSettings",
    CONFIG_BASES
};
const struct kind kind_settings = { types_settings, named_settings,          NULL,
                                    props_settings, N_PROPS(props_settings), "Identity" };

/* ---- ActiveSyncDeviceAccessRule ---- */

static const struct rule *rule(const struct item *it)
{
    return &lab.m.rules[it->index];
}

static void named_rule(struct item *it, char out[720])
{
    lab_print(out, 720, "%s (%s)", rule(it)->query, characteristic_names[rule(it)->by]);
}

static void rule_query(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, rule(it)->query);
}

static void rule_by(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = {
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.DeviceAccessCharacteristic",
        "System.Enum", "System.ValueType", "System.Object", NULL
    };

    cx_enum(x, name, types, characteristic_names[rule(it)->by], rule(it)->by);
}

static void rule_level(struct cx *x, const char *name, struct item *it)
{
    cx_enum(x, name, types_level, level_names[rule(it)->level], (int)rule(it)->level);
}

static void rule_name(struct cx *x, const char *name, struct item *it)
{
    char t[720];

    named_rule(it, t);
    cx_string(x, name, t);
}

static void rule_identity(struct cx *x, const char *name, struct item *it)
{
    char t[720];

    named_rule(it, t);
    t[120] = 0;
    config_ado(x, name, t, "CN=Mobile Mailbox Settings,", GUID_RULE, it->index);
}

static void rule_guid(struct cx *x, const char *name, struct item *it)
{
    guid_text g;

    model_guid(&lab.m, GUID_RULE, it->index, g);
    cx_guid(x, name, g);
}

static void rule_changed(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, rule(it)->changed, 0);
}

static const struct prop props_rule[] = {
    { "QueryString", rule_query },      { "Characteristic", rule_by },
    { "AccessLevel", rule_level },      { "Name", rule_name },
    { "AdminDisplayName", put_empty },  { "ExchangeVersion", put_version },
    { "Identity", rule_identity },      { "Guid", rule_guid },
    { "WhenChangedUTC", rule_changed }, { "OrganizationId", put_organization },
    { "OriginatingServer", put_dc },    { "IsValid", put_true },
    { "ObjectState", put_state },
};
static const char *const types_rule[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.ActiveSyncDeviceAccessRule", CONFIG_BASES
};
const struct kind kind_rule = { types_rule, named_rule,          NULL,
                                props_rule, N_PROPS(props_rule), "Identity" };

/* ---- ActiveSyncDeviceClass: index is that of a make ---- */

static void named_class(struct item *it, char out[720])
{
    lab_print(out, 720, "%s\xC2\xA7%s", makes[it->index].type, makes[it->index].model);
}

static void class_type(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, makes[it->index].type);
}

static void class_model(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, makes[it->index].model);
}

static void class_time(struct cx *x, const char *name, struct item *it)
{
    cx_date(x, name, lab.m.now0 - 86400 * (it->index + 1), 0);
}

static void class_identity(struct cx *x, const char *name, struct item *it)
{
    char t[720];

    named_class(it, t);
    t[120] = 0;
    config_ado(x, name, t, "CN=ExchangeDeviceClasses,CN=Mobile Mailbox Settings,", GUID_CLASS,
               it->index);
}

static const struct prop props_class[] = {
    { "DeviceType", class_type },     { "DeviceModel", class_model },
    { "LastUpdateTime", class_time }, { "ExchangeVersion", put_version },
    { "Identity", class_identity },   { "OrganizationId", put_organization },
    { "OriginatingServer", put_dc },  { "IsValid", put_true },
    { "ObjectState", put_state },
};
static const char *const types_class[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.ActiveSyncDeviceClass", CONFIG_BASES
};
const struct kind kind_class = { types_class, named_class,          NULL,
                                 props_class, N_PROPS(props_class), "Identity" };

/* ---- ExchangeServer ---- */

static void named_server(struct item *it, char out[720])
{
    lab_print(out, 720, "CAS%u", it->index + 1);
}

static void server_name(struct cx *x, const char *name, struct item *it)
{
    char t[720];

    named_server(it, t);
    cx_string(x, name, t);
}

/* The port stands in the name: the servers of the lab share one address. */
static void server_fqdn(struct cx *x, const char *name, struct item *it)
{
    char t[64];

    lab_print(t, sizeof t, "localhost:%u", lab.cas_port[it->index]);
    cx_string(x, name, t);
}

static void server_domain(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_string(x, name, "contoso.example");
}

static void server_version(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = { "Microsoft.Exchange.Data.ServerVersion", "System.Object",
                                         NULL };
    static const int parts[4][4] = {
        { 14, 3, 123, 4 }, { 15, 1, 2507, 6 }, { 15, 2, 1544, 4 }, { 15, 2, 2562, 17 }
    };
    const int *v = parts[lab.opt.generation];
    char t[64];

    (void)it;
    lab_print(t, sizeof t, "Version %d.%d (Build %d.%d)", v[0], v[1], v[2], v[3]);
    if (!cx_complex(x, name, types, t))
        return;
    BUF_LIT(x->b, "<Props>");
    cx_int(x, "Major", v[0]);
    cx_int(x, "Minor", v[1]);
    cx_int(x, "Build", v[2]);
    cx_int(x, "Revision", v[3]);
    cx_nil(x, "FilePatchLevelDescription");
    BUF_LIT(x->b, "</Props>");
    cx_close(x);
}

static void server_role(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = {
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ServerRole", "System.Enum",
        "System.ValueType", "System.Object", NULL
    };

    (void)it;
    if (lab.opt.generation == EXCHANGE_2010)
        cx_enum(x, name, types, "Mailbox, ClientAccess, HubTransport", 38);
    else
        cx_enum(x, name, types, "Mailbox", 2);
}

static void server_edition(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = { "Microsoft.Exchange.Data.ServerEditionType", "System.Enum",
                                         "System.ValueType", "System.Object", NULL };

    (void)it;
    cx_enum(x, name, types, "Standard", 1);
}

static void server_site(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    config_ado(x, name, "contoso.example/Configuration/Sites/Default-First-Site-Name", "",
               GUID_MISC, 2);
}

static void server_identity(struct cx *x, const char *name, struct item *it)
{
    char t[720];

    named_server(it, t);
    t[60] = 0;
    config_ado(x, name, t, "CN=Servers,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),",
               GUID_SERVER, it->index);
}

static void server_guid(struct cx *x, const char *name, struct item *it)
{
    guid_text g;

    model_guid(&lab.m, GUID_SERVER, it->index, g);
    cx_guid(x, name, g);
}

static const struct prop props_server[] = {
    { "Name", server_name },
    { "Domain", server_domain },
    { "Edition", server_edition },
    { "Fqdn", server_fqdn },
    { "IsHubTransportServer", put_true },
    { "IsClientAccessServer", put_true },
    { "IsExchange2007OrLater", put_true },
    { "IsEdgeServer", put_false },
    { "IsMailboxServer", put_true },
    { "IsE14OrLater", put_true },
    { "IsUnifiedMessagingServer", put_false },
    { "AdminDisplayVersion", server_version },
    { "Site", server_site },
    { "ServerRole", server_role },
    { "Identity", server_identity },
    { "Guid", server_guid },
    { "OrganizationId", put_organization },
    { "OriginatingServer", put_dc },
    { "IsValid", put_true },
    { "ObjectState", put_state },
};
static const char *const types_server[] = {
    "Microsoft.Exchange.Data.Directory.Management.ExchangeServer",
    "Microsoft.Exchange.Data.Directory.Management.ADPresentationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    "Microsoft.Exchange.Data.Directory.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    "System.Object",
    NULL
};
const struct kind kind_server = { types_server, named_server,          NULL,
                                  props_server, N_PROPS(props_server), "Identity" };

/* ---- ThrottlingPolicy ---- */

static void named_throttling(struct item *it, char out[720])
{
    (void)it;
    lab_print(out, 720, "GlobalThrottlingPolicy_1b6e5a0c");
}

static void throttling_name(struct cx *x, const char *name, struct item *it)
{
    char t[720];

    named_throttling(it, t);
    cx_string(x, name, t);
}

/* Unlimited<UInt32>. */
static void throttling_value(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = { "Microsoft.Exchange.Data.Unlimited`1[[System.UInt32, "
                                         "mscorlib, Version=4.0.0.0, Culture=neutral, "
                                         "PublicKeyToken=b77a5c561934e089]]",
                                         "System.ValueType", "System.Object", NULL };
    const char *v = lab_same(name, "PowerShellMaxConcurrency") ? "18" : "Unlimited";

    (void)it;
    if (!cx_complex(x, name, types, v))
        return;
    BUF_LIT(x->b, "<Props>");
    cx_bool(x, "IsUnlimited", *v == 'U');
    if (*v == 'U')
        cx_nil(x, "Value");
    else
        cx_uint(x, "Value", 18);
    BUF_LIT(x->b, "</Props>");
    cx_close(x);
}

static const struct prop props_throttling[] = {
    { "PowerShellMaxConcurrency", throttling_value },
    { "PowerShellMaxTenantConcurrency", throttling_value },
    { "PowerShellMaxCmdlets", throttling_value },
    { "PowerShellMaxCmdletsTimePeriod", throttling_value },
    { "ExchangeMaxCmdlets", throttling_value },
    { "PowerShellMaxCmdletQueueDepth", throttling_value },
    { "PowerShellMaxOperations", throttling_value },
    { "PowerShellMaxRunspaces", throttling_value },
    { "PowerShellMaxDestructiveCmdlets", throttling_value },
    { "PowerShellMaxDestructiveCmdletsTimePeriod", throttling_value },
    { "PowerShellMaxBurst", throttling_value },
    { "Name", throttling_name },
    { "ExchangeVersion", put_version },
    { "OrganizationId", put_organization },
    { "OriginatingServer", put_dc },
    { "IsValid", put_true },
    { "ObjectState", put_state },
};
static const char *const types_throttling[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.ThrottlingPolicy", CONFIG_BASES
};
const struct kind kind_throttling = { types_throttling, named_throttling,          NULL,
                                      props_throttling, N_PROPS(props_throttling), "Name" };

/* ---- MobileDeviceMailboxPolicy ---- */

static void named_policy(struct item *it, char out[720])
{
    lab_print(out, 720, "%s", policy_names[it->index]);
}

static void policy_name(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, policy_names[it->index]);
}

static void policy_default(struct cx *x, const char *name, struct item *it)
{
    cx_bool(x, name, it->index == 0);
}

static void policy_identity(struct cx *x, const char *name, struct item *it)
{
    config_ado(x, name, policy_names[it->index], "CN=Mobile Mailbox Policies,", GUID_POLICY,
               it->index);
}

/* Of a setting, by whichever of its two names. */
static void policy_field(struct cx *x, const char *name, struct item *it)
{
    for (int f = 0; f < N_POLICY_FIELDS; f++) {
        int value = lab.m.policies[it->index][f];

        if (strcmp(name, policy_fields[f].mobile) != 0 &&
            strcmp(name, policy_fields[f].legacy) != 0)
            continue;
        if (policy_fields[f].kind == 'b')
            cx_bool(x, name, value);
        else if (value < 0)
            cx_string(x, name, "Unlimited");
        else
            cx_int(x, name, value);
        return;
    }
}

static const struct prop props_policy[] = {
    { "AllowNonProvisionableDevices", policy_field },
    { "PasswordEnabled", policy_field },
    { "AlphanumericPasswordRequired", policy_field },
    { "AllowSimplePassword", policy_field },
    { "PasswordRecoveryEnabled", policy_field },
    { "RequireDeviceEncryption", policy_field },
    { "AttachmentsEnabled", policy_field },
    { "MinPasswordLength", policy_field },
    { "PasswordHistory", policy_field },
    { "MaxPasswordFailedAttempts", policy_field },
    { "IsDefault", policy_default },
    { "Name", policy_name },
    { "Identity", policy_identity },
    { "ExchangeVersion", put_version },
    { "OrganizationId", put_organization },
    { "OriginatingServer", put_dc },
    { "IsValid", put_true },
    { "ObjectState", put_state },
};
static const struct prop props_policy_2010[] = {
    { "AllowNonProvisionableDevices", policy_field },
    { "DevicePasswordEnabled", policy_field },
    { "AlphanumericDevicePasswordRequired", policy_field },
    { "AllowSimpleDevicePassword", policy_field },
    { "PasswordRecoveryEnabled", policy_field },
    { "RequireDeviceEncryption", policy_field },
    { "AttachmentsEnabled", policy_field },
    { "MinDevicePasswordLength", policy_field },
    { "DevicePasswordHistory", policy_field },
    { "MaxDevicePasswordFailedAttempts", policy_field },
    { "IsDefault", policy_default },
    { "Name", policy_name },
    { "Identity", policy_identity },
    { "ExchangeVersion", put_version },
    { "OrganizationId", put_organization },
    { "OriginatingServer", put_dc },
    { "IsValid", put_true },
    { "ObjectState", put_state },
};
static const char *const types_policy_2010[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.ActiveSyncMailboxPolicy", CONFIG_BASES
};
const struct kind kind_policy_2010 = {
    types_policy_2010, named_policy, NULL, props_policy_2010, N_PROPS(props_policy_2010), "Identity"
};
static const char *const types_policy[] = {
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.MobileMailboxPolicy", CONFIG_BASES
};
const struct kind kind_policy = { types_policy, named_policy,          NULL,
                                  props_policy, N_PROPS(props_policy), "Identity" };

/* ---- Get-Command ---- */

static void named_command(struct item *it, char out[720])
{
    lab_print(out, 720, "%s", cmdlets[it->index]->name);
}

static void command_name(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name, cmdlets[it->index]->name);
}

static void command_verb(struct cx *x, const char *name, struct item *it)
{
    char t[80];
    char *dash;

    lab_print(t, sizeof t, "%s", cmdlets[it->index]->name);
    dash = strchr(t, '-');
    if (dash)
        *dash = 0;
    cx_string(x, name, lab_same(name, "Verb") || !dash ? t : dash + 1);
}

static void command_type(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = { "System.Management.Automation.CommandTypes", "System.Enum",
                                         "System.ValueType", "System.Object", NULL };
    int engine = (cmdlets[it->index]->flags & CMD_ENGINE) != 0;

    cx_enum(x, name, types, engine ? "Function" : "Cmdlet", engine ? 2 : 8);
}

static void command_module(struct cx *x, const char *name, struct item *it)
{
    cx_string(x, name,
              cmdlets[it->index]->flags & CMD_ENGINE
                  ? ""
                  : "Microsoft.Exchange.Management.PowerShell.E2010");
}

static void command_parameters(struct cx *x, const char *name, struct item *it)
{
    static const char *const types[] = {
        "System.Collections.Generic.Dictionary`2[[System.String, mscorlib, Version=4.0.0.0, "
        "Culture=neutral, PublicKeyToken=b77a5c561934e089],[System.Management.Automation."
        "ParameterMetadata, System.Management.Automation, Version=3.0.0.0, Culture=neutral, "
        "PublicKeyToken=31bf3856ad364e35]]",
        "System.Object", NULL
    };
    const struct param *p;

    cx_open(x, name, types, NULL);
    BUF_LIT(x->b, "<DCT>");
    for (unsigned i = 0; (p = cmdlet_param(cmdlets[it->index], i)) != NULL; i++) {
        BUF_LIT(x->b, "<En>");
        cx_string(x, "Key", p->name);
        cx_string(x, "Value", "System.Management.Automation.ParameterMetadata");
        BUF_LIT(x->b, "</En>");
    }
    BUF_LIT(x->b, "</DCT>");
    cx_close(x);
}

static const struct prop props_command[] = {
    { "HelpUri", put_empty },     { "Verb", command_verb },
    { "Noun", command_verb },     { "Definition", put_empty },
    { "Name", command_name },     { "CommandType", command_type },
    { "Source", command_module }, { "ModuleName", command_module },
    { "Module", put_nil },        { "Parameters", command_parameters },
};
static const char *const types_command[] = { "System.Management.Automation.CmdletInfo",
                                             "System.Management.Automation.CommandInfo",
                                             "System.Object", NULL };
const struct kind kind_command = { types_command, named_command,          NULL,
                                   props_command, N_PROPS(props_command), "Name" };

/* ---- Measure-Object ---- */

static void named_measure(struct item *it, char out[720])
{
    (void)it;
    lab_print(out, 720, "Microsoft.PowerShell.Commands.GenericMeasureInfo");
}

static void measure_count(struct cx *x, const char *name, struct item *it)
{
    cx_int(x, name, (int64_t)it->number);
}

static const struct prop props_measure[] = {
    { "Count", measure_count }, { "Average", put_nil }, { "Sum", put_nil },
    { "Maximum", put_nil },     { "Minimum", put_nil }, { "Property", put_nil },
};
static const char *const types_measure[] = { "Microsoft.PowerShell.Commands.GenericMeasureInfo",
                                             "Microsoft.PowerShell.Commands.MeasureInfo",
                                             "System.Object", NULL };
const struct kind kind_measure = { types_measure, named_measure,          NULL,
                                   props_measure, N_PROPS(props_measure), "Count" };
