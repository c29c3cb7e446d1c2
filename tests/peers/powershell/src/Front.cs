// SPDX-License-Identifier: Apache-2.0
// The WS-Management endpoint: Create, Command, Send, Receive, Signal, Delete over HTTPS with Basic.
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using System.Xml;
using System.Xml.Linq;
using Microsoft.AspNetCore.Http;

namespace Easgate.Peer
{
    internal sealed class Front
    {
        private readonly string dir;
        private readonly string credentials;
        private readonly int shellQuota;
        private readonly int commandQuota;
        private readonly ConcurrentDictionary<Guid, Shell> shells = new();
        private int created, deleted, reaped, commands, timeouts, faults, requests, unauthorized, maxOpen;
        private readonly Timer reaper;

        public Front(string dir, string user, string password, int shellQuota, int commandQuota)
        {
            this.dir = dir;
            credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes(user + ":" + password));
            this.shellQuota = shellQuota;
            this.commandQuota = commandQuota;
            reaper = new Timer(_ => Reap(), null, 5000, 5000);
        }

        private void Reap()
        {
            foreach (Shell s in shells.Values)
                if (Environment.TickCount64 - Interlocked.Read(ref s.LastUse) > s.IdleMs &&
                    shells.TryRemove(s.Id, out _))
                {
                    Interlocked.Increment(ref reaped);
                    s.Dispose();
                }
        }

        public void Close()
        {
            reaper.Dispose();
            foreach (Shell s in shells.Values)
                s.Dispose();
        }

        public async System.Threading.Tasks.Task Handle(HttpContext http)
        {
            HttpRequest q = http.Request;
            string path = q.Path.Value ?? "";
            if (path == "/peer/stats")
            {
                await Reply(http, 200, "application/json", JsonSerializer.SerializeToUtf8Bytes(Stats()));
                return;
            }
            if (!path.TrimEnd('/').Equals("/powershell", StringComparison.OrdinalIgnoreCase))
            {
                await Reply(http, 404, "text/html", Encoding.ASCII.GetBytes("<h1>404 - not found</h1>"));
                return;
            }
            Interlocked.Increment(ref requests);
            if (q.Headers.Authorization.ToString() != "Basic " + credentials)
            {
                Interlocked.Increment(ref unauthorized);
                http.Response.Headers.WWWAuthenticate = "Basic realm=\"localhost\"";
                await Reply(http, 401, "text/html", Array.Empty<byte>());
                return;
            }
            if (q.Method != "POST")
            {
                await Reply(http, 405, "text/html", Array.Empty<byte>());
                return;
            }
            if (q.ContentType?.StartsWith("application/soap+xml", StringComparison.OrdinalIgnoreCase) != true)
            {
                await Reply(http, 415, "text/html", Array.Empty<byte>());
                return;
            }
            var body = new MemoryStream();
            await q.Body.CopyToAsync(body);
            // A pending Receive holds a thread of its own; shells are few here.
            var done = new TaskCompletionSource<(int, byte[])>();
            new Thread(() => done.SetResult(Answer(body.ToArray(), q.QueryString.Value ?? "", http.RequestAborted)))
                { IsBackground = true }.Start();
            var (status, bytes) = await done.Task;
            await Reply(http, status, "application/soap+xml;charset=UTF-8", bytes);
        }

        private static async System.Threading.Tasks.Task Reply(HttpContext http, int status, string type, byte[] body)
        {
            http.Response.StatusCode = status;
            http.Response.ContentType = type;
            http.Response.ContentLength = body.Length;
            await http.Response.Body.WriteAsync(body);
        }

        private Dictionary<string, object> Stats()
        {
            var cmdlets = new Dictionary<string, int>();
            string log = Path.Combine(dir, "calls.log");
            if (File.Exists(log))
            {
                using var f = new StreamReader(new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
                for (string l; (l = f.ReadLine()) != null;)
                    cmdlets[l.Split('\t')[0]] = cmdlets.GetValueOrDefault(l.Split('\t')[0]) + 1;
            }
            return new Dictionary<string, object>
            {
                ["requests"] = requests, ["unauthorized"] = unauthorized, ["faults"] = faults, ["timed_out"] = timeouts,
                ["shells_open"] = shells.Count, ["shells_created"] = created, ["shells_deleted"] = deleted,
                ["shells_reaped"] = reaped, ["shells_open_max"] = maxOpen, ["pipelines"] = commands,
                ["commands_open"] = shells.Values.Sum(s => s.Commands.Count), ["cmdlets"] = cmdlets,
            };
        }

        private (int, byte[]) Answer(byte[] body, string query, CancellationToken gone)
        {
            string id = null;
            try
            {
                Request q = Request.Parse(body, out id);
                if (body.Length > 512000)
                    throw new Fault("w:EncodingLimit", 2150858752, "The request is larger than this server takes. ");
                return (200, Dispatch(q, query, gone));
            }
            catch (Fault f)
            {
                Interlocked.Increment(ref f.Code == 2150858793 ? ref timeouts : ref faults);
                return (500, Request.FaultAnswer(f, id));
            }
            catch (Exception e)
            {
                Interlocked.Increment(ref faults);
                Console.Error.WriteLine("exchange-peer: " + e);
                return (500, Request.FaultAnswer(new Fault("w:InternalError", 2147942402, e.Message + " "), id));
            }
        }

        private byte[] Dispatch(Request q, string query, CancellationToken gone)
        {
            string x = Request.X.NamespaceName, r = Request.R.NamespaceName;
            if (q.Action == x + "/Create")
                return Create(q, query);
            if (!shells.TryGetValue(q.ShellId(), out Shell s) || s.Dead)
                throw Fault.Selectors();
            Interlocked.Exchange(ref s.LastUse, Environment.TickCount64);
            if (q.Action == x + "/Delete")
            {
                if (!shells.TryRemove(s.Id, out _))
                    throw Fault.Selectors();
                Interlocked.Increment(ref deleted);
                s.Dispose();
                return Request.Answer(q.Action, q.MessageId);
            }
            if (q.Action == r + "/Command")
                return Command(q, s);
            if (q.Action == r + "/Send")
                return Send(q, s);
            if (q.Action == r + "/Receive")
                return Receive(q, s, gone);
            if (q.Action == r + "/Signal")
                return Signal(q, s);
            throw new Fault("a:ActionNotSupported", 2150858753, "The action " + q.Action + " is not supported. ");
        }

        private static XElement Only(Request q, XName name) => q.Body.Element(name) ??
            throw Fault.Schema("The body has no " + name.LocalName + ". ");

        private static Guid Id(string v, string what) => Guid.TryParse(v, out Guid g) && g != Guid.Empty ? g
            : throw Fault.Parameter("The " + what + " is not a GUID. ");

        private byte[] Create(Request q, string query)
        {
            XElement shell = Only(q, Request.R + "Shell");
            if (q.Option("protocolversion") == null)
                throw Fault.Parameter("The option protocolversion is missing. ");
            if ((string)shell.Element(Request.R + "InputStreams") != "stdin pr" ||
                (string)shell.Element(Request.R + "OutputStreams") != "stdout")
                throw Fault.Parameter("The streams are not those of a runspace pool. ");
            string named = (string)shell.Attribute("ShellId");
            Guid id = named == null ? Guid.NewGuid() : Id(named, "ShellId");
            int idle = 7200000;
            string t = (string)shell.Element(Request.R + "IdleTimeOut");
            if (t != null)
                try
                {
                    idle = (int)XmlConvert.ToTimeSpan(t).TotalMilliseconds;
                }
                catch (FormatException)
                {
                    throw Fault.Parameter("IdleTimeOut is not a duration. ");
                }
            if (idle < 60000)
                throw Fault.Parameter("IdleTimeOut has to be 60 seconds or more. ");
            byte[] opening = Request.Base64((string)shell.Element(Request.Ps + "creationXml") ??
                                            throw Fault.Schema("creationXml is missing. "));
            if (shells.Count >= shellQuota)
                throw new Fault("w:QuotaLimit", 2150859174,
                    "This user is allowed a maximum number of " + shellQuota + " concurrent shells, which has been " +
                    "exceeded. Close existing shells or raise the quota for this user. ");
            if (shells.ContainsKey(id))
                throw Fault.Parameter("The ShellId is in use. ");
            bool full = query.Contains("serializationLevel=Full", StringComparison.OrdinalIgnoreCase);
            var s = new Shell(id, idle, dir, full);
            try
            {
                s.Data(Guid.Empty, opening, false);
            }
            catch (Exception)
            {
                s.Dispose();
                throw;
            }
            shells[id] = s;
            Interlocked.Increment(ref created);
            lock (shells)
                maxOpen = Math.Max(maxOpen, shells.Count);
            string name = id.ToString().ToUpperInvariant();
            return Request.Answer(q.Action, q.MessageId,
                new XElement(Request.X + "ResourceCreated",
                    new XElement(Request.A + "Address", (string)q.Header.Element(Request.A + "To")),
                    new XElement(Request.A + "ReferenceParameters",
                        new XElement(Request.W + "ResourceURI", Request.Resource),
                        new XElement(Request.W + "SelectorSet", new XElement(Request.W + "Selector",
                            new XAttribute("Name", "ShellId"), name)))),
                new XElement(Request.R + "Shell",
                    new XElement(Request.R + "ShellId", name),
                    new XElement(Request.R + "ResourceUri", Request.Resource),
                    new XElement(Request.R + "Owner", "CONTOSO\\svc-easgate"),
                    new XElement(Request.R + "ClientIP", "127.0.0.1"),
                    new XElement(Request.R + "IdleTimeOut", "PT" + idle / 1000 + ".000S"),
                    new XElement(Request.R + "InputStreams", "stdin pr"),
                    new XElement(Request.R + "OutputStreams", "stdout"),
                    new XElement(Request.R + "ShellRunTime", "P0DT0H0M0S"),
                    new XElement(Request.R + "ShellInactivity", "P0DT0H0M0S")));
        }

        private byte[] Command(Request q, Shell s)
        {
            XElement line = Only(q, Request.R + "CommandLine");
            if (s.Commands.Count >= commandQuota)
                throw new Fault("w:QuotaLimit", 2150859173,
                    "The WS-Management service cannot process the request. The maximum number of concurrent commands " +
                    "per shell has been exceeded. ");
            string named = (string)line.Attribute("CommandId");
            Guid id = named == null ? Guid.NewGuid() : Id(named, "CommandId");
            s.Command(id, Request.Base64(string.Concat(line.Elements(Request.R + "Arguments").Select(a => a.Value))));
            Interlocked.Increment(ref commands);
            return Request.Answer(q.Action, q.MessageId, new XElement(Request.R + "CommandResponse",
                new XElement(Request.R + "CommandId", id.ToString().ToUpperInvariant())));
        }

        private static byte[] Send(Request q, Shell s)
        {
            foreach (XElement stream in Only(q, Request.R + "Send").Elements(Request.R + "Stream"))
            {
                string named = (string)stream.Attribute("CommandId");
                Guid id = named == null ? Guid.Empty : Id(named, "CommandId");
                Outbox o = s.Pool;
                if (id != Guid.Empty && !s.Commands.TryGetValue(id, out o))
                    throw Fault.Selectors();
                string name = (string)stream.Attribute("Name");
                if (name is not ("stdin" or "pr"))
                    throw Fault.Parameter("The stream " + name + " is not an input stream. ");
                if (name == "pr")
                    o.Answered();
                s.Data(id, Request.Base64(stream.Value), name == "pr");
            }
            return Request.Answer(q.Action, q.MessageId, new XElement(Request.R + "SendResponse"));
        }

        private static byte[] Receive(Request q, Shell s, CancellationToken gone)
        {
            XElement desired = Only(q, Request.R + "Receive").Element(Request.R + "DesiredStream") ??
                               throw Fault.Schema("DesiredStream is missing. ");
            if (desired.Value != "stdout")
                throw Fault.Parameter("The stream " + desired.Value + " is not an output stream. ");
            string named = (string)desired.Attribute("CommandId");
            Outbox o = s.Pool;
            if (named != null && !s.Commands.TryGetValue(Id(named, "CommandId"), out o))
                throw Fault.Selectors();
            List<byte[]> got = o.Take(q.MaxEnvelope - 2000, q.Timeout, gone, out string state) ?? throw Fault.TimedOut();
            XAttribute Command() => named == null ? null : new XAttribute("CommandId", named.ToUpperInvariant());
            var answer = new XElement(Request.R + "ReceiveResponse", got.Select(p => new XElement(Request.R + "Stream",
                new XAttribute("Name", "stdout"), Command(), Convert.ToBase64String(p))));
            if (named != null)
                answer.Add(new XElement(Request.R + "CommandState", Command(),
                    new XAttribute("State", Request.R.NamespaceName + "/CommandState/" + state),
                    state == "Done" ? new XElement(Request.R + "ExitCode", 0) : null));
            return Request.Answer(q.Action, q.MessageId, answer);
        }

        private static byte[] Signal(Request q, Shell s)
        {
            XElement signal = Only(q, Request.R + "Signal");
            Guid id = Id((string)signal.Attribute("CommandId"), "CommandId");
            if (!s.Commands.ContainsKey(id))
                throw Fault.Selectors();
            string code = ((string)signal.Element(Request.R + "Code"))?.Trim();
            if (code == "powershell/signal/ctrl_c")
                s.Stop(id);
            else if (code == Request.R.NamespaceName + "/signal/Terminate")
                s.Release(id);
            else
                throw Fault.Parameter("The signal " + code + " is not known. ");
            return Request.Answer(q.Action, q.MessageId, new XElement(Request.R + "SignalResponse"));
        }
    }
}
