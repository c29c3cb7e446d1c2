// SPDX-License-Identifier: Apache-2.0
// What all cmdlets share: the organisation, errors with Exchange's prefixes, the size of a result.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Threading;
using Microsoft.Exchange.Configuration.Tasks;
using Microsoft.Exchange.Data;
using Microsoft.Exchange.Data.Directory;

namespace Easgate.Peer
{
    public abstract class Task : PSCmdlet
    {
        private static Organisation organisation;
        private static readonly object Gate = new object();
        protected Organisation Org { get; private set; }
        private volatile bool stopped;

        [Parameter]
        public string DomainController { get; set; }

        protected override void BeginProcessing()
        {
            lock (Gate)
                organisation ??= new Organisation(Environment.GetEnvironmentVariable("EXCHANGE_PEER_DIR"));
            Org = organisation;
            lock (Gate)
                Org.Refresh();
            Org.Called(MyInvocation.MyCommand.Name, MyInvocation.BoundParameters.Keys.OrderBy(k => k));
            WriteVerbose(MyInvocation.MyCommand.Name + " begins on " + Server + ".");
        }

        protected override void StopProcessing() => stopped = true;
        protected bool Stopped => stopped;
        protected static string Server => "EX01.contoso.com";

        // The scope belongs to the session: without it other domains are silently missing.
        protected bool EntireForest
        {
            get => SessionState.PSVariable.GetValue("global:ViewEntireForest") is true;
            set => SessionState.PSVariable.Set("global:ViewEntireForest", value);
        }
        protected bool InScope(Box b) => EntireForest || !b.Child;

        protected ErrorRecord Record(Exception e, ErrorCategory category, object target)
        {
            uint hash = 2166136261;
            foreach (char c in e.Message)
                hash = (hash ^ c) * 16777619;
            string id = "[Server=EX01,RequestId=" + Guid.NewGuid() + ",TimeStamp=" +
                        DateTime.UtcNow.ToString("M/d/yyyy h:mm:ss tt",
                            System.Globalization.CultureInfo.InvariantCulture) +
                        "] [FailureCategory=Cmdlet-" + e.GetType().Name + "] " + hash.ToString("X8");
            return new ErrorRecord(e, id, category, target);
        }

        protected void NotFound(string identity) =>
            WriteError(Record(new ManagementObjectNotFoundException(
                "The operation couldn't be performed because object '" + identity +
                "' couldn't be found on 'DC01.contoso.com'."), ErrorCategory.NotSpecified, null));

        protected void Wait(int ms)
        {
            for (int i = 0; i < ms && !stopped; i += 50)
                Thread.Sleep(50);
            if (stopped)
                throw new PipelineStoppedException();
        }

        protected Func<object, bool> Chosen(string filter, Type type)
        {
            if (string.IsNullOrEmpty(filter))
                return o => true;
            try
            {
                return Peer.Filter.Parse(filter, type);
            }
            catch (ArgumentException e)
            {
                ThrowTerminatingError(Record(e, ErrorCategory.InvalidArgument, filter));
                throw;
            }
        }

        // Writes at most what ResultSize says, and warns where Exchange does.
        protected void WriteAll(IEnumerable<object> all, Unlimited size, bool mayBreak)
        {
            uint limit = size == null || Org.Options.Limit1000 ? 1000 : size.IsUnlimited ? uint.MaxValue : size.Value;
            if (Org.Options.SlowMs > 0 && mayBreak)
                Wait(Org.Options.SlowMs);
            uint n = 0;
            uint breakAt = mayBreak && Org.Options.TerminateInList ? (uint)Org.Phones.Count / 2 : uint.MaxValue;
            foreach (object o in all)
            {
                if (stopped)
                    return;
                if (n == breakAt)
                    ThrowTerminatingError(Record(new ADTransientException(
                        "Active Directory server DC01.contoso.com is not available."),
                        ErrorCategory.ResourceUnavailable, null));
                if (n == limit)
                {
                    WriteWarning(size == null || Org.Options.Limit1000
                        ? "By default, only the first 1000 items are returned. Use the ResultSize parameter to " +
                          "specify the number of items returned. To return all items, specify \"-ResultSize " +
                          "Unlimited\". Be aware that, depending on the actual number of items, returning all " +
                          "items can take a long time and consume a large amount of memory."
                        : "There are more results available than are currently displayed. To view them, increase " +
                          "the value for the ResultSize parameter.");
                    return;
                }
                WriteObject(o);
                n++;
            }
        }
    }
}
