// SPDX-License-Identifier: Apache-2.0
// The organisation behind the cmdlets: a population that is a pure function of its file or size,
// and a journal of changes that every session's process reads and appends to under a lock. So a
// write of one session is read back by the next, whatever process it runs in.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading;

namespace Easgate.Peer
{
    public sealed class Options
    {
        public int Devices { get; set; } = 200;
        public string Population { get; set; }
        public string Exchange { get; set; } = "2019";
        public string DefaultAccess { get; set; } = "Allow";
        public bool Prompt { get; set; }
        public bool TerminateInList { get; set; }
        public bool RestrictedSelect { get; set; }
        public bool Limit1000 { get; set; }
        public int SlowMs { get; set; }
        public List<string> Hidden { get; set; } = new List<string>();
    }

    public sealed class Box
    {
        public Guid Guid;
        public string Upn;
        public string Sid;
        public string Sam;
        public string Name;
        public bool Child;
        public bool EasDisabled;
        public List<string> Allowed = new List<string>();
        public List<string> Blocked = new List<string>();
        public List<Phone> Phones = new List<Phone>();
        public DateTime Changed;
        public string Domain => Child ? "emea.contoso.com" : "contoso.com";
        public string Dn => "CN=" + Organisation.EscapeDn(Name) + ",OU=Staff," +
                            string.Join(",", Domain.Split('.').Select(d => "DC=" + d));
        public string Canonical => Domain + "/Staff/" + Organisation.EscapeCanonical(Name);
    }

    public sealed class Phone
    {
        public Box Box;
        public int Index;
        public Guid Guid;
        public string Id;
        public string Type;
        public string Model;
        public string Os;
        public string Agent;
        public string Friendly;
        public bool Removed;
        public bool Blank;
        public DateTime First;
        public DateTime Changed;
        public string Name => Type + "\u00a7" + Id;
    }

    public sealed class Organisation
    {
        public static readonly DateTime Epoch = new DateTime(2026, 9, 1, 6, 0, 0, DateTimeKind.Utc);
        public readonly Options Options;
        public readonly List<Box> Boxes = new List<Box>();
        public readonly List<Phone> Phones = new List<Phone>();
        private readonly Dictionary<string, Box> boxNames = new(StringComparer.OrdinalIgnoreCase);
        private readonly Dictionary<string, Phone> phoneNames = new(StringComparer.OrdinalIgnoreCase);
        private readonly string dir;
        private long read;

        private static readonly (string type, string model, string os, string agent)[] Makes =
        {
            ("iPhone", "iPhone14C2", "iOS 18.6 22G86", "Apple-iPhone14C2/2207.86"),
            ("iPad", "iPad13C4", "iPadOS 18.5 22F76", "Apple-iPad13C4/2206.76"),
            ("SamsungDevice", "SM-S921B", "Android 15", "SAMSUNG-SM-S921B/101.15"),
            ("Android", "Pixel 9", "Android 16", "Android-Mail/2026.03"),
            ("WindowsMail", "Latitude 5440", "Windows 10.0.26100", "MSFT-WIN-4/10.0.26100"),
            ("Outlook", "Outlook for iOS and Android", "OutlookBasicAuth", "Outlook-iOS-Android/1.0"),
        };
        private static readonly string[] Names =
        {
            "Ada Lovelace", "Björn Åkesson", "Carlos O'Neil", "Dörte Müller", "Ελένη Παππά", "Faye, Jean",
            "Grace Hopper", "Hana/Sato", "Иван Петров", "Jörg Weiß",
        };

        public Organisation(string where)
        {
            dir = where;
            Options = JsonSerializer.Deserialize<Options>(File.ReadAllText(Path.Combine(dir, "options.json")));
            if (Options.Population != null)
                Read(Options.Population);
            else
                Make(Options.Devices);
            foreach (Box b in Boxes)
            {
                foreach (string n in new[] { b.Guid.ToString(), b.Upn, b.Dn, b.Canonical, b.Sam, b.Name })
                    boxNames[n] = b;
                foreach (Phone p in b.Phones)
                {
                    phoneNames[p.Guid.ToString()] = p;
                    phoneNames[b.Canonical + "/ExchangeActiveSyncDevices/" + p.Name] = p;
                    phoneNames["CN=" + p.Name + ",CN=ExchangeActiveSyncDevices," + b.Dn] = p;
                    phoneNames.TryAdd(p.Id, p);
                }
            }
            Refresh();
        }

        public static Guid MakeGuid(string of)
        {
            byte[] h = SHA256.HashData(Encoding.UTF8.GetBytes(of));
            h[7] = (byte)(h[7] & 0x0f | 0x40);
            h[8] = (byte)(h[8] & 0x3f | 0x80);
            return new Guid(h.AsSpan(0, 16));
        }

        public static string EscapeDn(string s) => s.Replace("\\", "\\\\").Replace(",", "\\,");
        public static string EscapeCanonical(string s) => s.Replace("\\", "\\\\").Replace("/", "\\/");

        private Box AddBox(int i, string upn, Guid guid)
        {
            string name = Names[i % Names.Length] + (i < Names.Length ? "" : " " + i);
            var b = new Box
            {
                Guid = guid, Upn = upn ?? $"user{i:d6}@contoso.com", Name = name, Sam = $"user{i:d6}",
                Sid = $"S-1-5-21-1004336348-1177238915-682003330-{1100 + i}", Changed = Epoch.AddMinutes(i % 10000),
            };
            Boxes.Add(b);
            return b;
        }

        private void AddPhone(Box b, string id, Guid guid, string type)
        {
            int i = Phones.Count;
            var make = Makes[i % Makes.Length];
            foreach (var m in Makes)
                if (m.type == type)
                    make = m;
            var p = new Phone
            {
                Box = b, Index = i, Guid = guid, Id = id, Type = type ?? make.type, Model = make.model, Os = make.os,
                Agent = make.agent, First = Epoch.AddMinutes(-i % 50000), Changed = Epoch.AddMinutes(i % 50000),
                Friendly = b.Name + "'s " + make.type,
            };
            // Text that tortures escaping: surrogates, controls, what looks like an escape, mark-up.
            switch (i % 50)
            {
            case 3: p.Friendly = "Ann's \U0001F4F1 \U0001F600"; break;
            case 7: p.Friendly = "a_x0041_b _X0042_ _xZZ_ __x005F_"; break;
            case 11: p.Friendly = "line\r\nnext\ttab\u0001\u001f\u007f\u0085 end"; break;
            case 13: p.Friendly = "<Obj RefId=\"0\">&amp;</Obj> ]]> \u2028\ufeff"; break;
            case 17: p.Friendly = new string('x', 4000) + "\u00a7"; break;
            case 19: p.Blank = true; p.Friendly = p.Model = p.Os = p.Agent = null; break;
            }
            b.Phones.Add(p);
            Phones.Add(p);
        }

        private void Make(int n)
        {
            for (int i = 0; Phones.Count < n; i++)
            {
                Box b = AddBox(i, null, MakeGuid("mailbox " + i));
                b.Child = i % 10 == 9;
                b.EasDisabled = i % 40 == 21;
                int phones = i % 8 == 5 ? 0 : i % 3 == 0 ? 2 : 1;
                for (int k = 0; k < phones && Phones.Count < n; k++)
                {
                    Guid g = MakeGuid($"device {i} {k}");
                    string hex = MakeGuid($"id {i} {k}").ToString("N").ToUpperInvariant();
                    string id = (Phones.Count % 4) switch
                    {
                        0 => hex, 1 => "SEC" + hex.Substring(0, 13), 2 => "androidc" + (1000000000 + Phones.Count),
                        _ => "Appl" + hex.Substring(0, 12),
                    };
                    AddPhone(b, id, g, null);
                }
                if (i % 6 == 1 && b.Phones.Count > 0)
                    b.Allowed.Add(b.Phones[0].Id);
                if (i % 6 == 2 && b.Phones.Count > 0)
                    b.Blocked.Add(b.Phones[0].Id);
                if (i % 6 == 4)
                    b.Allowed.Add("LOSTPHONE" + i.ToString("d6"));
            }
        }

        // One partnership a line: mailbox, upn, device_id, guid, type; listed, sid if known.
        private void Read(string path)
        {
            var seen = new Dictionary<Guid, Box>();
            foreach (string line in File.ReadLines(path))
            {
                if (line.Length == 0)
                    continue;
                using JsonDocument d = JsonDocument.Parse(line);
                string Get(string n) => d.RootElement.TryGetProperty(n, out JsonElement e) &&
                                        e.ValueKind == JsonValueKind.String ? e.GetString() : null;
                Guid m = Guid.Parse(Get("mailbox"));
                if (!seen.TryGetValue(m, out Box b))
                {
                    b = seen[m] = AddBox(Boxes.Count, Get("upn"), m);
                    b.Sid = Get("sid") ?? b.Sid;
                }
                string id = Get("device_id");
                if (id == null)
                    continue;
                AddPhone(b, id, Guid.Parse(Get("guid")), Get("type"));
                string listed = Get("listed");
                if (listed is "allowed" or "both" && !b.Allowed.Contains(id))
                    b.Allowed.Add(id);
                if (listed is "blocked" or "both" && !b.Blocked.Contains(id))
                    b.Blocked.Add(id);
            }
        }

        public Box FindBox(string name) => boxNames.TryGetValue(name, out Box b) ? b : null;
        public Phone FindPhone(string name) =>
            phoneNames.TryGetValue(name, out Phone p) && !p.Removed ? p : null;

        // ---- the journal ----

        private sealed class Entry
        {
            public string mailbox { get; set; }
            public List<string> allowed { get; set; }
            public List<string> blocked { get; set; }
            public string removed { get; set; }
            public DateTime when { get; set; }
        }

        private string JournalPath => Path.Combine(dir, "journal.jsonl");

        private FileStream Lock()
        {
            for (int i = 0; ; i++)
            {
                try
                {
                    return new FileStream(Path.Combine(dir, "journal.lock"), FileMode.OpenOrCreate,
                                          FileAccess.ReadWrite, FileShare.None);
                }
                catch (IOException) when (i < 2000)
                {
                    Thread.Sleep(5);
                }
            }
        }

        public void Refresh()
        {
            if (!File.Exists(JournalPath))
                return;
            using var f = new FileStream(JournalPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            f.Seek(read, SeekOrigin.Begin);
            using var all = new MemoryStream();
            f.CopyTo(all);
            byte[] b = all.ToArray();
            int start = 0;
            for (int nl; (nl = Array.IndexOf(b, (byte)'\n', start)) >= 0; start = nl + 1)
                Apply(JsonSerializer.Deserialize<Entry>(b.AsSpan(start, nl - start)));
            read += start;
        }

        private void Apply(Entry e)
        {
            if (e.removed != null)
            {
                if (phoneNames.TryGetValue(e.removed, out Phone p))
                    p.Removed = true;
                return;
            }
            Box x = boxNames[e.mailbox];
            x.Allowed = e.allowed;
            x.Blocked = e.blocked;
            x.Changed = e.when;
        }

        private void Append(Entry e)
        {
            using (var f = new FileStream(JournalPath, FileMode.Append, FileAccess.Write, FileShare.ReadWrite))
                f.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(e) + "\n"));
            Refresh();
        }

        // False when nothing changed.
        public bool Change(Box b, Func<List<string>, List<string>> allowed, Func<List<string>, List<string>> blocked)
        {
            using FileStream held = Lock();
            Refresh();
            List<string> a = allowed(b.Allowed), d = blocked(b.Blocked);
            if (a.SequenceEqual(b.Allowed) && d.SequenceEqual(b.Blocked))
                return false;
            Append(new Entry { mailbox = b.Guid.ToString(), allowed = a, blocked = d, when = DateTime.UtcNow });
            return true;
        }

        public void Remove(Phone p)
        {
            using FileStream held = Lock();
            Refresh();
            Append(new Entry { removed = p.Guid.ToString() });
        }

        // What was executed, for tests that count.
        public void Called(string cmdlet, IEnumerable<string> parameters)
        {
            using FileStream held = Lock();
            File.AppendAllText(Path.Combine(dir, "calls.log"),
                               cmdlet + "\t" + string.Join(" ", parameters) + "\t" + Environment.ProcessId + "\n");
        }

        // The verdict as for a device that speaks all the time (order of Exchange's own evaluation).
        public (string state, string reason, string rule) Verdict(Phone p)
        {
            bool Has(List<string> l) => l.Contains(p.Id, StringComparer.OrdinalIgnoreCase);
            if (Has(p.Box.Blocked))
                return ("Blocked", "Individual", null);
            if (Has(p.Box.Allowed))
                return ("Allowed", "Individual", null);
            foreach (var r in Rules)
                if (p.Type == r.query)
                    return (State(r.level), "DeviceRule", r.name);
            return (State(Options.DefaultAccess), "Global", null);
        }

        private static string State(string level) => level switch
        {
            "Block" => "Blocked", "Quarantine" => "Quarantined", _ => "Allowed",
        };

        public static readonly (string name, string query, string level)[] Rules =
        {
            ("WindowsMail (DeviceType)", "WindowsMail", "Block"),
            ("Outlook (DeviceType)", "Outlook", "Quarantine"),
        };
    }
}
