// SPDX-License-Identifier: Apache-2.0
// Exchange's cmdlets, as far as an agent needs them. Their class names end up in the
// FullyQualifiedErrorId, which the engine composes.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using Easgate.Peer;
using Microsoft.Exchange.Data;
using Microsoft.Exchange.Data.Directory.Management;
using Microsoft.Exchange.Data.Directory.SystemConfiguration;
using Microsoft.Exchange.Management.Mobility;

namespace Microsoft.Exchange.Management.SystemConfigurationTasks
{
    [Cmdlet("Set", "ADServerSettings", SupportsShouldProcess = true)]
    public sealed class SetADServerSettings : Task
    {
        [Parameter] public bool ViewEntireForest { get; set; }
        [Parameter] public string PreferredServer { get; set; }
        [Parameter] public string RecipientViewRoot { get; set; }

        protected override void ProcessRecord()
        {
            if (MyInvocation.BoundParameters.ContainsKey(nameof(ViewEntireForest)))
                EntireForest = ViewEntireForest;
        }
    }

    [Cmdlet("Get", "ExchangeServer")]
    public sealed class GetExchangeServer : Task
    {
        [Parameter(Position = 0)] public string Identity { get; set; }
        [Parameter] public SwitchParameter Status { get; set; }

        protected override void ProcessRecord()
        {
            bool any = false;
            foreach (ExchangeServer s in Make.Servers(Org))
                if (string.IsNullOrWhiteSpace(Identity) ||
                    new[] { s.Name, s.Fqdn, s.Guid.ToString() }.Contains(Identity, StringComparer.OrdinalIgnoreCase))
                {
                    WriteObject(s);
                    any = true;
                }
            if (!any)
                NotFound(Identity);
        }
    }

    [Cmdlet("Get", "ActiveSyncOrganizationSettings")]
    public sealed class GetActiveSyncOrganizationSettings : Task
    {
        [Parameter(Position = 0)] public string Identity { get; set; }
        protected override void ProcessRecord() => WriteObject(Make.Settings(Org));
    }

    [Cmdlet("Get", "ActiveSyncDeviceAccessRule")]
    public sealed class GetActiveSyncDeviceAccessRule : Task
    {
        [Parameter(Position = 0)] public string Identity { get; set; }
        protected override void ProcessRecord()
        {
            List<object> found = Make.Rules().Where(r => string.IsNullOrWhiteSpace(Identity) ||
                ((ActiveSyncDeviceAccessRule)r).Name.Equals(Identity, StringComparison.OrdinalIgnoreCase)).ToList();
            if (found.Count == 0)
                NotFound(Identity);
            WriteObject(found, true);
        }
    }

    [Cmdlet("Get", "ActiveSyncDeviceClass")]
    public sealed class GetActiveSyncDeviceClass : Task
    {
        [Parameter(Position = 0)] public string Identity { get; set; }
        [Parameter] public string Filter { get; set; }
        [Parameter] public string SortBy { get; set; }
        protected override void ProcessRecord() =>
            WriteObject(Make.Classes(Org).Where(Chosen(Filter, typeof(ActiveSyncDeviceClass))), true);
    }
}

namespace Microsoft.Exchange.Management.RecipientTasks
{
    public abstract class GetBox<T> : Task
    {
        [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)] public string Identity { get; set; }
        [Parameter] public string Filter { get; set; }
        [Parameter] public string SortBy { get; set; }
        [Parameter] public string OrganizationalUnit { get; set; }
        [Parameter] public string[] RecipientTypeDetails { get; set; }
        [Parameter] public Unlimited ResultSize { get; set; }
        protected abstract T Convert(Box b);

        // A blank Identity is no Identity: everything, as in Exchange.
        protected override void ProcessRecord()
        {
            if (!string.IsNullOrWhiteSpace(Identity))
            {
                Box b = Org.FindBox(Identity);
                if (b == null || !InScope(b))
                    NotFound(Identity);
                else
                    WriteObject(Convert(b));
                return;
            }
            Func<object, bool> chosen = Chosen(Filter, typeof(T));
            WriteAll(Org.Boxes.Where(InScope).Select(b => (object)Convert(b)).Where(chosen), ResultSize, false);
        }
    }

    [Cmdlet("Get", "CASMailbox")]
    public sealed class GetCASMailbox : GetBox<CASMailbox>
    {
        [Parameter] public string Anr { get; set; }
        [Parameter] public SwitchParameter ReadFromDomainController { get; set; }
        [Parameter] public SwitchParameter IgnoreDefaultScope { get; set; }
        [Parameter] public SwitchParameter ProtocolSettings { get; set; }
        protected override CASMailbox Convert(Box b) => Make.Cas(b);
    }

    [Cmdlet("Get", "Recipient")]
    public sealed class GetRecipient : GetBox<ReducedRecipient>
    {
        [Parameter] public string Anr { get; set; }
        [Parameter] public string[] RecipientType { get; set; }
        [Parameter] public string[] Properties { get; set; }
        protected override ReducedRecipient Convert(Box b) => Make.Recipient(b);
    }

    [Cmdlet("Get", "User")]
    public sealed class GetUser : GetBox<User>
    {
        protected override User Convert(Box b) => Make.User(b);
    }

    [Cmdlet("Get", "Mailbox")]
    public sealed class GetMailbox : GetBox<Mailbox>
    {
        protected override Mailbox Convert(Box b) => Make.Mailbox(b);
    }

    [Cmdlet("Set", "CASMailbox", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
    public sealed class SetCASMailbox : Task
    {
        [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
        [AllowEmptyString]
        public string Identity { get; set; }
        [Parameter] [AllowNull] public MultiValuedProperty<string> ActiveSyncAllowedDeviceIDs { get; set; }
        [Parameter] [AllowNull] public MultiValuedProperty<string> ActiveSyncBlockedDeviceIDs { get; set; }
        [Parameter] public bool ActiveSyncEnabled { get; set; }
        [Parameter] public bool ActiveSyncDebugLogging { get; set; }
        [Parameter] public SwitchParameter ResetAutoBlockedDevices { get; set; }

        private Func<List<string>, List<string>> Edit(string name, MultiValuedProperty<string> value)
        {
            if (!MyInvocation.BoundParameters.ContainsKey(name))
                return old => old;
            if (value == null)
                return old => new List<string>();
            if (value.Added == null)
                return old => value.Items.Distinct(StringComparer.OrdinalIgnoreCase).ToList();
            return old => old.Where(i => !value.Removed.Contains(i, StringComparer.OrdinalIgnoreCase))
                             .Concat(value.Added).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        }

        protected override void ProcessRecord()
        {
            Box b = string.IsNullOrWhiteSpace(Identity) ? null : Org.FindBox(Identity);
            if (b == null || !InScope(b))
            {
                NotFound(Identity);
                return;
            }
            if (!ShouldProcess(b.Canonical, "Setting Client Access server mailbox"))
                return;
            bool changed = Org.Change(b, Edit(nameof(ActiveSyncAllowedDeviceIDs), ActiveSyncAllowedDeviceIDs),
                                      Edit(nameof(ActiveSyncBlockedDeviceIDs), ActiveSyncBlockedDeviceIDs));
            if (!changed)
                WriteWarning("The command completed successfully but no settings of '" + b.Canonical +
                             "' have been modified.");
        }
    }
}

namespace Microsoft.Exchange.Management.Mobility
{
    public abstract class ByDevice : Task
    {
        [Parameter(Position = 0, ParameterSetName = "Identity", ValueFromPipelineByPropertyName = true)]
        public string Identity { get; set; }
        [Parameter(ParameterSetName = "Mailbox", Mandatory = true)]
        [AllowEmptyString]
        public string Mailbox { get; set; }

        // Null after an error was written.
        protected IEnumerable<Phone> Find()
        {
            if (!string.IsNullOrWhiteSpace(Identity))
            {
                Phone p = Org.FindPhone(Identity);
                if (p != null && InScope(p.Box))
                    return new[] { p };
                NotFound(Identity);
                return null;
            }
            if (!string.IsNullOrWhiteSpace(Mailbox))
            {
                Box b = Org.FindBox(Mailbox);
                if (b != null && InScope(b))
                    return b.Phones.Where(p => !p.Removed);
                NotFound(Mailbox);
                return null;
            }
            return Org.Phones.Where(p => !p.Removed && InScope(p.Box));
        }
    }

    public abstract class GetDevice<T> : ByDevice where T : MobileDevice, new()
    {
        [Parameter] public string Filter { get; set; }
        [Parameter] public string SortBy { get; set; }
        [Parameter] public string OrganizationalUnit { get; set; }
        [Parameter] public Unlimited ResultSize { get; set; }
        [Parameter] public SwitchParameter Monitoring { get; set; }

        protected override void ProcessRecord()
        {
            IEnumerable<Phone> found = Find();
            if (found == null)
                return;
            WriteProgress(new ProgressRecord(1, MyInvocation.MyCommand.Name, "Reading partnerships"));
            WriteInformation(new InformationRecord("Reading from DC01.contoso.com", MyInvocation.MyCommand.Name));
            Func<object, bool> chosen = Chosen(Filter, typeof(T));
            WriteAll(found.Select(p => (object)Make.Device(Org, p, new T())).Where(chosen), ResultSize, true);
        }
    }

    [Cmdlet("Get", "MobileDevice", DefaultParameterSetName = "Identity")]
    public sealed class GetMobileDevice : GetDevice<MobileDevice>
    {
        [Parameter] public SwitchParameter ActiveSync { get; set; }
        [Parameter] public SwitchParameter OWAforDevices { get; set; }
        [Parameter] public SwitchParameter RestApi { get; set; }
        [Parameter] public SwitchParameter UniversalOutlook { get; set; }
    }

    [Cmdlet("Get", "ActiveSyncDevice", DefaultParameterSetName = "Identity")]
    public sealed class GetActiveSyncDevice : GetDevice<ActiveSyncDevice> { }

    public abstract class GetStatistics<T> : ByDevice where T : MobileDeviceStatistics, new()
    {
        [Parameter] public SwitchParameter GetMailboxLog { get; set; }
        [Parameter] public string[] NotificationEmailAddresses { get; set; }
        [Parameter] public SwitchParameter ShowRecoveryPassword { get; set; }

        protected override void ProcessRecord()
        {
            if (string.IsNullOrWhiteSpace(Identity) && string.IsNullOrWhiteSpace(Mailbox))
                ThrowTerminatingError(Record(new ArgumentNullException(nameof(Identity)),
                                             ErrorCategory.InvalidArgument, null));
            foreach (Phone p in Find() ?? Enumerable.Empty<Phone>())
                WriteObject(Make.Statistics(Org, p, new T()));
        }
    }

    [Cmdlet("Get", "MobileDeviceStatistics", DefaultParameterSetName = "Identity")]
    public sealed class GetMobileDeviceStatistics : GetStatistics<MobileDeviceStatistics>
    {
        [Parameter] public SwitchParameter ActiveSync { get; set; }
    }

    [Cmdlet("Get", "ActiveSyncDeviceStatistics", DefaultParameterSetName = "Identity")]
    public sealed class GetActiveSyncDeviceStatistics : GetStatistics<ActiveSyncDeviceStatistics> { }

    public abstract class RemoveDevice : Task
    {
        [Parameter(Position = 0, Mandatory = true, ValueFromPipelineByPropertyName = true)]
        [AllowEmptyString]
        public string Identity { get; set; }

        protected override void ProcessRecord()
        {
            Phone p = string.IsNullOrWhiteSpace(Identity) ? null : Org.FindPhone(Identity);
            if (p == null || !InScope(p.Box))
                NotFound(Identity);
            else if (ShouldProcess(p.Box.Canonical + "/ExchangeActiveSyncDevices/" + p.Name, "Removing mobile device"))
                Org.Remove(p);
        }
    }

    [Cmdlet("Remove", "MobileDevice", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
    public sealed class RemoveMobileDevice : RemoveDevice { }

    [Cmdlet("Remove", "ActiveSyncDevice", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
    public sealed class RemoveActiveSyncDevice : RemoveDevice { }
}
