// SPDX-License-Identifier: Apache-2.0
// One shell: a process with the engine's server, and the packets of its standard input and output.
// Fragments are carried, never changed; only their headers and the types of messages are looked at,
// to learn when a pipeline has ended or waits for its host.
using System;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;

namespace Easgate.Peer
{
    // Messages of one command, or of the pool, on their way to the client.
    internal sealed class Outbox
    {
        private readonly List<byte[]> packets = new List<byte[]>();
        private readonly object gate = new object();
        private readonly StringBuilder text = new StringBuilder();
        private uint type;
        private bool closed;
        private bool ended;     // the pipeline's last state has been queued
        private bool told;      // and the client has been told
        private bool waiting;   // for an answer of the client's host

        public void Add(byte[] packet)
        {
            lock (gate)
            {
                foreach (var (start, end, blob) in Fragments(packet))
                {
                    if (start)
                    {
                        type = BinaryPrimitives.ReadUInt32LittleEndian(blob.AsSpan(4));
                        text.Clear();
                    }
                    if (type is not (0x41006 or 0x41100))
                        continue;
                    text.Append(Encoding.UTF8.GetString(blob));
                    if (!end)
                        continue;
                    string t = text.ToString();
                    if (type == 0x41006)
                        ended |= Regex.Match(t, "N=\"PipelineState\">([0-9]+)<").Groups[1].Value is "3" or "4" or "5";
                    else
                        waiting = !t.Contains(">-100</I64>");
                }
                packets.Add(packet);
                Monitor.PulseAll(gate);
            }
        }

        public void Answered()
        {
            lock (gate)
                waiting = false;
        }

        public void Close()
        {
            lock (gate)
            {
                closed = true;
                Monitor.PulseAll(gate);
            }
        }

        public static IEnumerable<(bool start, bool end, byte[] blob)> Fragments(byte[] packet)
        {
            for (int at = 0; at < packet.Length;)
            {
                if (packet.Length - at < 21)
                    throw new InvalidDataException("packet ends inside a fragment's header");
                byte flags = packet[at + 16];
                int n = BinaryPrimitives.ReadInt32BigEndian(packet.AsSpan(at + 17));
                if (n < 0 || n > packet.Length - at - 21)
                    throw new InvalidDataException("packet ends inside a fragment");
                yield return ((flags & 1) != 0, (flags & 2) != 0, packet.AsSpan(at + 21, n).ToArray());
                at += 21 + n;
            }
        }

        // Waits for data; as many packets as fit, and the state of the command. Null: time is up.
        public List<byte[]> Take(int budget, TimeSpan timeout, CancellationToken gone, out string state)
        {
            var result = new List<byte[]>();
            long until = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
            using CancellationTokenRegistration wake = gone.Register(() =>
            {
                lock (gate)
                    Monitor.PulseAll(gate);
            });
            lock (gate)
            {
                state = "Running";
                while (packets.Count == 0)
                {
                    long left = until - Environment.TickCount64;
                    if (closed || told)
                        throw Fault.Selectors();
                    if (gone.IsCancellationRequested || left <= 0)
                        return null;
                    Monitor.Wait(gate, (int)Math.Min(left, int.MaxValue));
                }
                int n = 0;
                for (; n < packets.Count; n++)
                {
                    budget -= (packets[n].Length + 2) / 3 * 4 + 200;
                    if (budget < 0)
                        break;
                }
                if (n == 0)
                    throw new Fault("w:EncodingLimit", 2150858752,
                                    "The response does not fit into MaxEnvelopeSize. ");
                result.AddRange(packets.GetRange(0, n));
                packets.RemoveRange(0, n);
                if (packets.Count == 0 && ended)
                {
                    state = "Done";
                    told = true;
                }
                else if (packets.Count == 0 && waiting)
                    state = "Pending";
                return result;
            }
        }
    }

    internal sealed class Shell : IDisposable
    {
        public readonly Guid Id;
        public readonly int IdleMs;
        public readonly DateTime Created = DateTime.UtcNow;
        public readonly Outbox Pool = new Outbox();
        public readonly ConcurrentDictionary<Guid, Outbox> Commands = new();
        public long LastUse = Environment.TickCount64;
        private readonly Process process;
        private readonly object writing = new object();
        private readonly ConcurrentDictionary<string, ManualResetEventSlim> awaited = new();
        private volatile bool dead;
        private volatile bool closing; // the engine calls the end of its input an error: not heard then
        private static readonly Regex Packet = new Regex(
            @"^<(\w+)(?: Stream='(\w+)')? PSGuid='([0-9a-fA-F-]{36})'\s*(?:/>|>([^<]*)</Data>)$");

        public Shell(Guid id, int idleMs, string dir, bool full)
        {
            Id = id;
            IdleMs = idleMs;
            var start = new ProcessStartInfo(Environment.ProcessPath)
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
                UseShellExecute = false,
                StandardInputEncoding = new UTF8Encoding(false), StandardOutputEncoding = new UTF8Encoding(false),
            };
            start.ArgumentList.Add(typeof(Shell).Assembly.Location);
            start.ArgumentList.Add("--engine");
            start.ArgumentList.Add(Path.Combine(dir, full ? "full.pssc" : "plain.pssc"));
            start.Environment["EXCHANGE_PEER_DIR"] = dir;
            start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
            start.Environment["POWERSHELL_UPDATECHECK"] = "Off";
            process = Process.Start(start);
            process.ErrorDataReceived += (_, e) =>
            {
                if (!closing && !string.IsNullOrEmpty(e.Data))
                    Console.Error.WriteLine("exchange-peer: engine: " + e.Data);
            };
            process.BeginErrorReadLine();
            new Thread(Read) { IsBackground = true, Name = "shell " + id }.Start();
        }

        private void Read()
        {
            try
            {
                for (string line; (line = process.StandardOutput.ReadLine()) != null;)
                {
                    Match m = Packet.Match(line);
                    if (!m.Success)
                    {
                        Console.Error.WriteLine("exchange-peer: engine said: " + line);
                        continue;
                    }
                    Guid g = Guid.Parse(m.Groups[3].Value);
                    if (m.Groups[1].Value == "Data")
                    {
                        Outbox o = g == Guid.Empty ? Pool : Commands.TryGetValue(g, out Outbox c) ? c : null;
                        o?.Add(Convert.FromBase64String(m.Groups[4].Value));
                    }
                    else if (awaited.TryRemove(m.Groups[1].Value + g, out ManualResetEventSlim e))
                        e.Set();
                }
            }
            catch (Exception e)
            {
                Console.Error.WriteLine("exchange-peer: packets of the engine: " + e.Message);
            }
            dead = true;
            Pool.Close();
            foreach (Outbox o in Commands.Values)
                o.Close();
            foreach (ManualResetEventSlim e in awaited.Values)
                e.Set();
        }

        private void Write(string packet)
        {
            if (dead)
                throw Fault.Selectors();
            lock (writing)
            {
                process.StandardInput.Write(packet + "\n");
                process.StandardInput.Flush();
            }
        }

        private bool WriteAndWait(string kind, Guid g, int ms)
        {
            var e = new ManualResetEventSlim();
            awaited[kind + "Ack" + g] = e;
            Write("<" + kind + " PSGuid='" + g + "' />");
            bool came = e.Wait(ms);
            awaited.TryRemove(kind + "Ack" + g, out _);
            return came && !dead;
        }

        public void Data(Guid g, byte[] fragments, bool promptResponse)
        {
            foreach (var _ in Outbox.Fragments(fragments))
            { /* refuses what is not whole fragments */ }
            Write("<Data Stream='" + (promptResponse ? "PromptResponse" : "Default") + "' PSGuid='" + g + "'>" +
                  Convert.ToBase64String(fragments) + "</Data>");
        }

        public void Command(Guid g, byte[] fragments)
        {
            if (!Commands.TryAdd(g, new Outbox()))
                throw Fault.Parameter("The command id is in use. ");
            if (!WriteAndWait("Command", g, 30000))
            {
                Commands.TryRemove(g, out _);
                throw new Fault("w:InternalError", 2147942402, "The engine did not take the command. ");
            }
            Data(g, fragments, false);
        }

        public void Stop(Guid g) => WriteAndWait("Signal", g, 30000);

        public void Release(Guid g)
        {
            if (!Commands.TryRemove(g, out Outbox o))
                throw Fault.Selectors();
            o.Close();
            WriteAndWait("Close", g, 30000);
        }

        public bool Dead => dead;

        public void Dispose()
        {
            try
            {
                WriteAndWait("Close", Guid.Empty, 10000);
                closing = true;
                process.StandardInput.Close();
            }
            catch (Exception e) when (e is Fault or IOException or InvalidOperationException)
            { /* it is gone already */ }
            Pool.Close();
            foreach (Outbox o in Commands.Values)
                o.Close();
            if (!process.WaitForExit(5000))
                process.Kill();
            process.Dispose();
        }
    }
}
