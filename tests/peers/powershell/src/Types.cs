// SPDX-License-Identifier: Apache-2.0
// Objects of the documented shapes. What crosses the wire is made of the public properties and the
// inheritance chain of these classes by PowerShell's own serialiser, so the chain matters as much
// as the names. Names and members are those of exported objects and of public documentation.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace Microsoft.Exchange.Data
{
    public enum ObjectState { New, Unchanged, Changed, Deleted }

    public abstract class ObjectId { }

    public abstract class ConfigurableObject
    {
        public virtual ObjectId Identity { get; set; }
        public bool IsValid => true;
        public ObjectState ObjectState => ObjectState.Unchanged;
        public override string ToString() => Identity?.ToString() ?? "";
    }

    public abstract class MultiValuedPropertyBase { }

    // A list to the serialiser; as a parameter it takes a list, or a table of Add and Remove.
    [System.ComponentModel.TypeConverter(typeof(MultiValuedPropertyConverter))]
    public class MultiValuedProperty<T> : MultiValuedPropertyBase, IList
    {
        private readonly List<T> items = new List<T>();
        public MultiValuedProperty() { }
        public MultiValuedProperty(IEnumerable<T> from) { items.AddRange(from); }

        // What a table asked for; both null when the value replaces the list.
        internal List<T> Added;
        internal List<T> Removed;
        internal List<T> Items => items;

        public IEnumerator GetEnumerator() => items.GetEnumerator();
        public int Count => items.Count;
        public bool IsSynchronized => false;
        public object SyncRoot => this;
        public bool IsReadOnly => false;
        public bool IsFixedSize => false;
        public object this[int i] { get => items[i]; set => items[i] = (T)value; }
        public void CopyTo(Array a, int i) => ((ICollection)items).CopyTo(a, i);
        public int Add(object v) => ((IList)items).Add(v);
        public void Clear() => items.Clear();
        public bool Contains(object v) => ((IList)items).Contains(v);
        public int IndexOf(object v) => ((IList)items).IndexOf(v);
        public void Insert(int i, object v) => ((IList)items).Insert(i, v);
        public void Remove(object v) => ((IList)items).Remove(v);
        public void RemoveAt(int i) => items.RemoveAt(i);
    }

    public class ADMultiValuedProperty<T> : MultiValuedProperty<T>
    {
        public ADMultiValuedProperty() { }
        public ADMultiValuedProperty(IEnumerable<T> from) : base(from) { }
    }

    public class MultiValuedPropertyConverter : PSTypeConverter
    {
        public override bool CanConvertFrom(object source, Type to) =>
            to == typeof(MultiValuedProperty<string>);
        public override bool CanConvertTo(object source, Type to) => false;
        public override object ConvertTo(object s, Type t, IFormatProvider p, bool i) =>
            throw new NotSupportedException();

        public override object ConvertFrom(object source, Type to, IFormatProvider p, bool ignoreCase)
        {
            if (source is PSObject wrapped)
                source = wrapped.BaseObject;
            var result = new MultiValuedProperty<string>();
            if (source is not IDictionary table)
            {
                result.Items.AddRange(Strings(source));
                return result;
            }
            result.Added = new List<string>();
            result.Removed = new List<string>();
            foreach (DictionaryEntry e in table)
            {
                string key = e.Key as string ?? "";
                if (key.Equals("Add", StringComparison.OrdinalIgnoreCase))
                    result.Added.AddRange(Strings(e.Value));
                else if (key.Equals("Remove", StringComparison.OrdinalIgnoreCase))
                    result.Removed.AddRange(Strings(e.Value));
                else
                    throw new PSInvalidCastException(
                        "The hash table contains the key '" + key + "'; only Add and Remove are supported.");
            }
            return result;
        }

        private static IEnumerable<string> Strings(object v)
        {
            if (v is PSObject w)
                v = w.BaseObject;
            if (v == null)
                yield break;
            if (v is string || v is not IEnumerable many)
            {
                yield return One(v);
                yield break;
            }
            foreach (object o in many)
                yield return One(o);
        }

        private static string One(object o)
        {
            if (o is PSObject w)
                o = w.BaseObject;
            // A deserialised object would become the name of its type: refuse, as a list of ids
            // made of such text would let nobody in.
            if (o is not string s)
                throw new PSInvalidCastException("Cannot convert a value of type \"" +
                    (o?.GetType().FullName ?? "null") + "\" to type \"System.String\".");
            return s;
        }
    }

    public sealed class SmtpAddress
    {
        private readonly string address;
        public SmtpAddress(string a) { address = a; }
        public int Length => address.Length;
        public bool IsValidAddress => true;
        public string Local => address.Substring(0, address.IndexOf('@'));
        public string Domain => address.Substring(address.IndexOf('@') + 1);
        public override string ToString() => address;
    }

    public abstract class ProxyAddressBase { }
    public abstract class ProxyAddress : ProxyAddressBase
    {
        public string ProxyAddressString { get; protected set; }
        public string AddressString { get; protected set; }
        public bool IsPrimaryAddress { get; protected set; }
        public string PrefixString => "SMTP";
        public override string ToString() => ProxyAddressString;
    }
    public sealed class SmtpProxyAddress : ProxyAddress
    {
        public SmtpProxyAddress(string a, bool primary)
        {
            AddressString = a;
            IsPrimaryAddress = primary;
            ProxyAddressString = (primary ? "SMTP:" : "smtp:") + a;
        }
        public string SmtpAddress => AddressString;
    }
    public class ProxyAddressCollection : MultiValuedProperty<ProxyAddress>
    {
        public ProxyAddressCollection(IEnumerable<ProxyAddress> from) : base(from) { }
    }

    public sealed class ServerVersion
    {
        public int Major { get; set; }
        public int Minor { get; set; }
        public int Build { get; set; }
        public int Revision { get; set; }
        public string FilePatchLevelDescription => null;
        public override string ToString() => $"Version {Major}.{Minor} (Build {Build}.{Revision})";
    }

    public sealed class ExchangeObjectVersion
    {
        public byte Major => 0;
        public byte Minor => 10;
        public string ExchangeBuild => "14.0.100.0";
        public bool IsNewerVersion => false;
        public override string ToString() => "0.10 (14.0.100.0)";
    }

    public enum ServerEditionType { Unknown = 0, Standard = 1, StandardEvaluation = 2, Enterprise = 3 }

    // ResultSize: a number or the word Unlimited.
    public sealed class Unlimited
    {
        public bool IsUnlimited { get; private set; }
        public uint Value { get; private set; }
        public Unlimited(uint n) { Value = n; }
        public static Unlimited Parse(string s)
        {
            if (s.Equals("Unlimited", StringComparison.OrdinalIgnoreCase))
                return new Unlimited(0) { IsUnlimited = true };
            return new Unlimited(uint.Parse(s));
        }
    }
}

namespace Microsoft.Exchange.Data.Directory
{
    public sealed class OrganizationId
    {
        public ADObjectId OrganizationalUnit => null;
        public ADObjectId ConfigurationUnit => null;
        public override string ToString() => "";
    }

    public sealed class ADObjectId : ObjectId
    {
        private readonly string canonical;
        public ADObjectId(string dn, Guid guid, string canonicalName, string forest)
        {
            DistinguishedName = dn;
            ObjectGuid = guid;
            canonical = canonicalName;
            PartitionFQDN = forest;
        }
        public bool OrgHierarchyToIgnore => false;
        public bool IsDeleted => false;
        public string Rdn => DistinguishedName.Substring(0, Split(DistinguishedName));
        public string Parent => DistinguishedName.Substring(Split(DistinguishedName) + 1);
        public int Depth => DistinguishedName.Split(',').Length - 2;
        public string DistinguishedName { get; }
        public bool IsRelativeDn => false;
        public string DomainId => DistinguishedName.Substring(DistinguishedName.IndexOf("DC="));
        public Guid PartitionGuid => new Guid("59ce2f71-eaa2-4ddf-a4fa-f25069d0b324");
        public string PartitionFQDN { get; }
        public Guid ObjectGuid { get; }
        public string Name => Rdn.Substring(3);
        public override string ToString() => canonical;

        private static int Split(string dn)
        {
            for (int i = 0; i < dn.Length; i++)
                if (dn[i] == ',' && (i == 0 || dn[i - 1] != '\\'))
                    return i;
            return dn.Length - 1;
        }
    }

    public abstract class ADRawEntry : ConfigurableObject { }

    public abstract class ADObject : ADRawEntry
    {
        public override ObjectId Identity { get => Id; set => Id = (ADObjectId)value; }
        public ADObjectId Id { get; set; }
        public string AdminDisplayName => "";
        public ExchangeObjectVersion ExchangeVersion { get; } = new ExchangeObjectVersion();
        public string Name { get; set; }
        public string DistinguishedName => Id.DistinguishedName;
        public Guid Guid => Id.ObjectGuid;
        public string ObjectCategory { get; set; }
        public MultiValuedProperty<string> ObjectClass { get; set; }
        public DateTime? WhenChanged => WhenChangedUTC?.ToLocalTime();
        public DateTime? WhenCreated => WhenCreatedUTC?.ToLocalTime();
        public DateTime? WhenChangedUTC { get; set; }
        public DateTime? WhenCreatedUTC { get; set; }
        public OrganizationId OrganizationId { get; } = new OrganizationId();
        public string OriginatingServer { get; set; }
    }
}

namespace Microsoft.Exchange.Data.Directory.SystemConfiguration
{
    public enum DeviceAccessState { Unknown, Allowed, Blocked, Quarantined, DeviceDiscovery }
    public enum DeviceAccessStateReason { Unknown, Global, Individual, DeviceRule, Upgrade, Policy }
    public enum MobileClientType { EAS, MOWA, REST, Outlook }
    public enum DeviceAccessLevel { Allow, Block, Quarantine }
    public enum DeviceAccessCharacteristic { DeviceType, DeviceModel, DeviceOS, UserAgent, XMSWLHeader }
    [Flags]
    public enum ServerRole { None = 0, Mailbox = 2, ClientAccess = 4 }

    public class MobileDevice : ADObject
    {
        public string FriendlyName { get; set; }
        public string DeviceMobileOperator { get; set; }
        public string DeviceOS { get; set; }
        public string DeviceOSLanguage { get; set; }
        public string DeviceTelephoneNumber { get; set; }
        public string DeviceType { get; set; }
        public string DeviceUserAgent { get; set; }
        public string DeviceModel { get; set; }
        public string DeviceImei { get; set; }
        public DateTime? FirstSyncTime { get; set; }
        public string UserDisplayName { get; set; }
        public DeviceAccessState DeviceAccessState { get; set; }
        public DeviceAccessStateReason DeviceAccessStateReason { get; set; }
        public ADObjectId DeviceAccessControlRule { get; set; }
        public string DeviceActiveSyncVersion { get; set; }
        public string DeviceId { get; set; }
        public string ClientVersion { get; set; }
        public MobileClientType ClientType { get; set; }
        public bool IsManaged => false;
        public bool IsCompliant => false;
        public bool IsDisabled => false;
    }
    public class ActiveSyncDevice : MobileDevice { }

    public class ActiveSyncOrganizationSettings : ADObject
    {
        public DeviceAccessLevel DefaultAccessLevel { get; set; }
        public string UserMailInsert { get; set; }
        public bool AllowAccessForUnSupportedPlatform => false;
        public MultiValuedProperty<SmtpAddress> AdminMailRecipients { get; set; }
        public string OtaNotificationMailInsert { get; set; }
        public object DeviceFiltering => null;
        public bool IsIntuneManaged => false;
    }

    public class ActiveSyncDeviceAccessRule : ADObject
    {
        public string QueryString { get; set; }
        public DeviceAccessCharacteristic Characteristic { get; set; }
        public DeviceAccessLevel AccessLevel { get; set; }
    }

    public class ActiveSyncDeviceClass : ADObject
    {
        public string DeviceType { get; set; }
        public string DeviceModel { get; set; }
        public DateTime? LastUpdateTime { get; set; }
    }
}

namespace Microsoft.Exchange.Data.Directory.Management
{
    public abstract class ADPresentationObject : ADObject { }

    public class CASMailbox : ADPresentationObject
    {
        public ProxyAddressCollection EmailAddresses { get; set; }
        public string LegacyExchangeDN { get; set; }
        public string LinkedMasterAccount => "";
        public SmtpAddress PrimarySmtpAddress { get; set; }
        public string SamAccountName { get; set; }
        public string ServerLegacyDN => null;
        public string ServerName { get; set; }
        public string DisplayName { get; set; }
        public MultiValuedProperty<string> ActiveSyncAllowedDeviceIDs { get; set; }
        public MultiValuedProperty<string> ActiveSyncBlockedDeviceIDs { get; set; }
        public ADObjectId ActiveSyncMailboxPolicy { get; set; }
        public bool ActiveSyncMailboxPolicyIsDefaulted => true;
        public bool ActiveSyncDebugLogging => false;
        public bool ActiveSyncEnabled { get; set; }
        public bool HasActiveSyncDevicePartnership { get; set; }
        public string ExternalImapSettings => null;
        public ADObjectId OwaMailboxPolicy => null;
        public bool OWAEnabled => true;
        public bool ECPEnabled => true;
        public bool EwsEnabled => true;
        public bool? EwsAllowOutlook => null;
        public bool ImapEnabled => false;
        public bool PopEnabled => false;
        public bool MAPIEnabled => true;
        public bool? MapiHttpEnabled => null;
        public bool UniversalOutlookEnabled => true;
    }

    public class ReducedRecipient : ADPresentationObject
    {
        public string Alias { get; set; }
        public string DisplayName { get; set; }
        public ProxyAddressCollection EmailAddresses { get; set; }
        public SmtpAddress PrimarySmtpAddress { get; set; }
        public string SamAccountName { get; set; }
        public RecipientType RecipientType => RecipientType.UserMailbox;
        public RecipientTypeDetails RecipientTypeDetails => RecipientTypeDetails.UserMailbox;
        public string ExternalDirectoryObjectId => "";
        public string WindowsLiveID => "";
    }
    public enum RecipientType { Invalid, User, UserMailbox }
    public enum RecipientTypeDetails : long { None = 0, UserMailbox = 1 }

    public class User : ADPresentationObject
    {
        public string DisplayName { get; set; }
        public string SamAccountName { get; set; }
        public SecurityIdentifier Sid { get; set; }
        public MultiValuedProperty<SecurityIdentifier> SidHistory { get; } =
            new MultiValuedProperty<SecurityIdentifier>();
        public string UserPrincipalName { get; set; }
        public SmtpAddress WindowsEmailAddress { get; set; }
        public RecipientType RecipientType => RecipientType.UserMailbox;
        public RecipientTypeDetails RecipientTypeDetails => RecipientTypeDetails.UserMailbox;
    }

    public class Mailbox : ADPresentationObject
    {
        public Guid ExchangeGuid { get; set; }
        public string Alias { get; set; }
        public string DisplayName { get; set; }
        public ProxyAddressCollection EmailAddresses { get; set; }
        public SmtpAddress PrimarySmtpAddress { get; set; }
        public string SamAccountName { get; set; }
        public string UserPrincipalName { get; set; }
        public string ServerName { get; set; }
        public RecipientType RecipientType => RecipientType.UserMailbox;
        public RecipientTypeDetails RecipientTypeDetails => RecipientTypeDetails.UserMailbox;
    }

    // Named as the framework's own, which this platform does not have.
    public sealed class SecurityIdentifier
    {
        public SecurityIdentifier(string s) { Value = s; }
        public int BinaryLength => 28;
        public string Value { get; }
        public override string ToString() => Value;
    }

    public class ExchangeServer : ADPresentationObject
    {
        public string Domain { get; set; }
        public ServerEditionType Edition => ServerEditionType.Enterprise;
        public string Fqdn { get; set; }
        public bool IsHubTransportServer => true;
        public bool IsClientAccessServer { get; set; }
        public bool IsMailboxServer => true;
        public bool IsEdgeServer => false;
        public bool IsE14OrLater => true;
        public bool IsE15OrLater { get; set; }
        public MultiValuedProperty<string> NetworkAddress { get; set; }
        public string OrganizationalUnit { get; set; }
        public ServerVersion AdminDisplayVersion { get; set; }
        public ADObjectId Site { get; set; }
        public SystemConfiguration.ServerRole ServerRole { get; set; }
    }
}

namespace Microsoft.Exchange.Management.Mobility
{
    using Microsoft.Exchange.Data.Directory.SystemConfiguration;

    public class MobileDeviceStatistics : Microsoft.Exchange.Data.ConfigurableObject
    {
        public DateTime? FirstSyncTime { get; set; }
        public DateTime? LastPolicyUpdateTime { get; set; }
        public DateTime? LastSyncAttemptTime { get; set; }
        public DateTime? LastSuccessSync { get; set; }
        public string DeviceType { get; set; }
        public string DeviceID { get; set; }
        public string DeviceUserAgent { get; set; }
        public DateTime? DeviceWipeSentTime { get; set; }
        public DateTime? DeviceWipeRequestTime { get; set; }
        public DateTime? DeviceWipeAckTime { get; set; }
        public uint? LastPingHeartbeat { get; set; }
        public string RecoveryPassword => "********";
        public string DeviceModel { get; set; }
        public string DeviceImei { get; set; }
        public string DeviceFriendlyName { get; set; }
        public string DeviceOS { get; set; }
        public string DeviceOSLanguage { get; set; }
        public string DevicePhoneNumber { get; set; }
        public DeviceAccessState DeviceAccessState { get; set; }
        public DeviceAccessStateReason DeviceAccessStateReason { get; set; }
        public MobileClientType ClientType { get; set; }
        public string Status => "DeviceOk";
        public string StatusNote => null;
        public Guid Guid { get; set; }
    }
    public class ActiveSyncDeviceStatistics : MobileDeviceStatistics { }
}

namespace Microsoft.Exchange.Configuration.Tasks
{
    public class ManagementObjectNotFoundException : Exception
    {
        public ManagementObjectNotFoundException(string m) : base(m) { }
    }
}

namespace Microsoft.Exchange.Data.Directory
{
    public class ADTransientException : Exception
    {
        public ADTransientException(string m) : base(m) { }
    }
}
