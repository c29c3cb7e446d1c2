// SPDX-License-Identifier: Apache-2.0
// From the population to the objects that cmdlets return.
using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.Exchange.Data;
using Microsoft.Exchange.Data.Directory;
using Microsoft.Exchange.Data.Directory.Management;
using Microsoft.Exchange.Data.Directory.SystemConfiguration;
using Microsoft.Exchange.Management.Mobility;

namespace Easgate.Peer
{
    internal static class Make
    {
        private const string Config = "CN=Contoso,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=contoso,DC=com";

        private static T Fill<T>(T o, ADObjectId id, DateTime created, DateTime changed, params string[] classes)
            where T : ADObject
        {
            o.Id = id;
            o.Name = id.Name.Replace("\\,", ",");
            o.ObjectCategory = "contoso.com/Configuration/Schema/" + classes[^1];
            o.ObjectClass = new MultiValuedProperty<string>(classes);
            o.WhenCreatedUTC = created;
            o.WhenChangedUTC = changed;
            o.OriginatingServer = "DC01.contoso.com";
            return o;
        }

        private static ADObjectId Setting(string container, string name) => new ADObjectId(
            "CN=" + name + ",CN=" + container + "," + Config, Organisation.MakeGuid(container + name), name,
            "contoso.com");

        private static ADObjectId Id(Box b) => new ADObjectId(b.Dn, b.Guid, b.Canonical, "contoso.com");

        private static ADObjectId Id(Phone p) => new ADObjectId(
            "CN=" + p.Name + ",CN=ExchangeActiveSyncDevices," + p.Box.Dn, p.Guid,
            p.Box.Canonical + "/ExchangeActiveSyncDevices/" + p.Name, "contoso.com");

        private static ProxyAddressCollection Addresses(Box b) => new ProxyAddressCollection(new ProxyAddress[]
        {
            new SmtpProxyAddress(b.Upn, true), new SmtpProxyAddress(b.Sam + "@alias.contoso.com", false),
        });

        public static MobileDevice Device(Organisation org, Phone p, MobileDevice d)
        {
            var (state, reason, rule) = org.Verdict(p);
            Fill(d, Id(p), p.First, p.Changed > p.Box.Changed ? p.Changed : p.Box.Changed,
                 "top", "msExchActiveSyncDevice");
            d.FriendlyName = p.Friendly;
            d.DeviceMobileOperator = p.Blank ? null : "";
            d.DeviceOS = p.Os;
            d.DeviceOSLanguage = p.Blank ? null : "en-GB";
            d.DeviceTelephoneNumber = p.Blank ? null : "******" + (1000 + p.Index % 9000);
            d.DeviceType = p.Type;
            d.DeviceUserAgent = p.Agent;
            d.DeviceModel = p.Model;
            d.DeviceImei = p.Blank ? null : (350000000000000L + p.Index).ToString();
            d.FirstSyncTime = p.Blank ? null : p.First;
            d.UserDisplayName = p.Box.Canonical;
            d.DeviceAccessState = Enum.Parse<DeviceAccessState>(state);
            d.DeviceAccessStateReason = Enum.Parse<DeviceAccessStateReason>(reason);
            d.DeviceAccessControlRule = rule == null ? null : Setting("Mobile Mailbox Settings", rule);
            d.DeviceActiveSyncVersion = p.Blank ? null : "16.1";
            d.DeviceId = p.Id;
            d.ClientVersion = p.Blank ? null : "16.1";
            d.ClientType = p.Type == "Outlook" ? MobileClientType.Outlook : MobileClientType.EAS;
            return d;
        }

        public static MobileDeviceStatistics Statistics(Organisation org, Phone p, MobileDeviceStatistics s)
        {
            var (state, reason, _) = org.Verdict(p);
            s.Identity = Id(p);
            s.Guid = p.Guid;
            s.FirstSyncTime = p.Blank ? null : p.First;
            s.LastPolicyUpdateTime = p.Blank ? null : p.First.AddSeconds(2);
            s.LastSyncAttemptTime = p.Blank ? null : p.Changed.AddTicks(1234567);
            s.LastSuccessSync = p.Blank ? null : p.Changed.AddTicks(7654321);
            s.DeviceWipeSentTime = null;
            s.LastPingHeartbeat = p.Blank ? null : 900;
            s.DeviceType = p.Type;
            s.DeviceID = p.Id;
            s.DeviceUserAgent = p.Agent;
            s.DeviceModel = p.Model;
            s.DeviceFriendlyName = p.Friendly;
            s.DeviceOS = p.Os;
            s.DeviceAccessState = Enum.Parse<DeviceAccessState>(state);
            s.DeviceAccessStateReason = Enum.Parse<DeviceAccessStateReason>(reason);
            s.ClientType = p.Type == "Outlook" ? MobileClientType.Outlook : MobileClientType.EAS;
            return s;
        }

        public static CASMailbox Cas(Box b) => Fill(new CASMailbox
        {
            EmailAddresses = Addresses(b),
            LegacyExchangeDN = "/o=Contoso/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=" + b.Sam,
            PrimarySmtpAddress = new SmtpAddress(b.Upn),
            SamAccountName = b.Sam,
            ServerName = "ex01",
            DisplayName = b.Name,
            ActiveSyncAllowedDeviceIDs = new MultiValuedProperty<string>(b.Allowed),
            ActiveSyncBlockedDeviceIDs = new MultiValuedProperty<string>(b.Blocked),
            ActiveSyncMailboxPolicy = Setting("Mobile Mailbox Policies", "Default"),
            ActiveSyncEnabled = !b.EasDisabled,
            HasActiveSyncDevicePartnership = b.Phones.Exists(p => !p.Removed),
        }, Id(b), Organisation.Epoch, b.Changed, "top", "person", "organizationalPerson", "user");

        public static ReducedRecipient Recipient(Box b) => Fill(new ReducedRecipient
        {
            Alias = b.Sam, DisplayName = b.Name, EmailAddresses = Addresses(b),
            PrimarySmtpAddress = new SmtpAddress(b.Upn), SamAccountName = b.Sam,
        }, Id(b), Organisation.Epoch, b.Changed, "top", "person", "organizationalPerson", "user");

        public static User User(Box b) => Fill(new User
        {
            DisplayName = b.Name, SamAccountName = b.Sam, Sid = new SecurityIdentifier(b.Sid),
            UserPrincipalName = b.Upn, WindowsEmailAddress = new SmtpAddress(b.Upn),
        }, Id(b), Organisation.Epoch, b.Changed, "top", "person", "organizationalPerson", "user");

        public static Mailbox Mailbox(Box b) => Fill(new Mailbox
        {
            ExchangeGuid = Organisation.MakeGuid("exchange " + b.Guid), Alias = b.Sam, DisplayName = b.Name,
            EmailAddresses = Addresses(b), PrimarySmtpAddress = new SmtpAddress(b.Upn), SamAccountName = b.Sam,
            UserPrincipalName = b.Upn, ServerName = "ex01",
        }, Id(b), Organisation.Epoch, b.Changed, "top", "person", "organizationalPerson", "user");

        public static ActiveSyncOrganizationSettings Settings(Organisation org) => Fill(
            new ActiveSyncOrganizationSettings
            {
                DefaultAccessLevel = Enum.Parse<DeviceAccessLevel>(org.Options.DefaultAccess, true),
                UserMailInsert = "Ask the help desk.\r\nPhone: 4711", OtaNotificationMailInsert = null,
                AdminMailRecipients = new MultiValuedProperty<SmtpAddress>(
                    new[] { new SmtpAddress("mobile-admins@contoso.com") }),
            }, Setting("Mobile Mailbox Settings", "Mobile Mailbox Settings"), Organisation.Epoch, Organisation.Epoch,
            "top", "container", "msExchActiveSyncSettings");

        public static IEnumerable<object> Rules() => Organisation.Rules.Select(r => Fill(
            new ActiveSyncDeviceAccessRule
            {
                QueryString = r.query, Characteristic = DeviceAccessCharacteristic.DeviceType,
                AccessLevel = Enum.Parse<DeviceAccessLevel>(r.level),
            }, Setting("Mobile Mailbox Settings", r.name), Organisation.Epoch, Organisation.Epoch,
            "top", "msExchDeviceAccessRule"));

        public static IEnumerable<object> Classes(Organisation org) =>
            org.Phones.Where(p => !p.Blank).Select(p => (p.Type, p.Model)).Distinct().Select(c => Fill(
                new ActiveSyncDeviceClass { DeviceType = c.Type, DeviceModel = c.Model, LastUpdateTime = Organisation.Epoch },
                Setting("Mobile Mailbox Settings", c.Type + "\u00a7" + c.Model), Organisation.Epoch, Organisation.Epoch,
                "top", "msExchActiveSyncDeviceClass"));

        public static IEnumerable<object> Servers(Organisation org)
        {
            var version = org.Options.Exchange switch
            {
                "2010" => new ServerVersion { Major = 14, Minor = 3, Build = 123, Revision = 4 },
                "2016" => new ServerVersion { Major = 15, Minor = 1, Build = 2375, Revision = 7 },
                "se" => new ServerVersion { Major = 15, Minor = 2, Build = 2562, Revision = 17 },
                _ => new ServerVersion { Major = 15, Minor = 2, Build = 1544, Revision = 4 },
            };
            foreach (string name in new[] { "EX01", "EX02" })
                yield return Fill(new ExchangeServer
                {
                    Domain = "contoso.com", Fqdn = name.ToLowerInvariant() + ".contoso.com",
                    IsClientAccessServer = name == "EX01", IsE15OrLater = version.Major >= 15,
                    NetworkAddress = new MultiValuedProperty<string>(new[]
                        { "netbios:" + name, "ncacn_ip_tcp:" + name.ToLowerInvariant() + ".contoso.com" }),
                    OrganizationalUnit = "contoso.com/" + name, AdminDisplayVersion = version,
                    Site = Setting("Sites", "Default-First-Site-Name"),
                    ServerRole = name == "EX01" ? ServerRole.Mailbox | ServerRole.ClientAccess : ServerRole.Mailbox,
                }, Setting("Servers", name), Organisation.Epoch, Organisation.Epoch, "top", "server", "msExchExchangeServer");
        }
    }
}
