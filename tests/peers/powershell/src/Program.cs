// SPDX-License-Identifier: Apache-2.0
// exchange-peer: the front (default), or one session's engine (--engine, started by the front).
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Threading;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Easgate.Peer
{
    internal static class Program
    {
        private const string Usage =
            "usage: exchange-peer --dir DIR --cert FILE.pem --key FILE.pem [options]\n" +
            "  --user NAME             (CONTOSO\\svc-easgate)\n" +
            "  --password-file FILE    (DIR/exchange.password; made when absent)\n" +
            "  --port N                (0: any)\n" +
            "  --devices N             partnerships of a made-up organisation (200)\n" +
            "  --population FILE       partnerships as JSON lines instead\n" +
            "  --exchange 2010|2016|2019|se   names of cmdlets, version of the servers (2019)\n" +
            "  --default-access allow|block|quarantine   (allow)\n" +
            "  --hide CMDLET           not granted; repeatable\n" +
            "  --restricted-select     Select-Object only for the properties of commands\n" +
            "  --shells N --commands N quotas (18, 1000)\n" +
            "  --prompt                every change asks unless -Confirm:$false\n" +
            "  --terminate-in-list     a listing of devices ends with an error half-way\n" +
            "  --limit1000             ResultSize is ignored: 1000 objects and a warning\n" +
            "  --slow MS               a listing of devices says nothing for so long\n" +
            "  --until-stdin-closes    end when standard input does\n" +
            "       exchange-peer --script FUNCTIONS.ps1 SCRIPT.ps1   runs a script, prints what it writes\n";

        private static int Main(string[] args)
        {
            if (args.Length == 2 && args[0] == "--engine")
                return Engine.Run(args[1]);
            if (args.Length == 3 && args[0] == "--script")
                return Script.Run(args[1], args[2]);
            try
            {
                return Serve(args);
            }
            catch (Exception e) when (e is ArgumentException or IOException or FormatException)
            {
                Console.Error.WriteLine("exchange-peer: " + e.Message);
                return 2;
            }
        }

        private static int Serve(string[] args)
        {
            var o = new Options();
            var v = new Dictionary<string, string> { ["user"] = "CONTOSO\\svc-easgate", ["port"] = "0",
                                                     ["shells"] = "18", ["commands"] = "1000" };
            bool untilClosed = false;
            for (int i = 0; i < args.Length; i++)
            {
                string Value() => i + 1 < args.Length ? args[++i]
                    : throw new ArgumentException(args[i] + " needs a value\n" + Usage);
                switch (args[i])
                {
                case "--help": Console.Write(Usage); return 0;
                case "--restricted-select": o.RestrictedSelect = true; break;
                case "--prompt": o.Prompt = true; break;
                case "--terminate-in-list": o.TerminateInList = true; break;
                case "--limit1000": o.Limit1000 = true; break;
                case "--until-stdin-closes": untilClosed = true; break;
                case "--slow": o.SlowMs = int.Parse(Value()); break;
                case "--devices": o.Devices = int.Parse(Value()); break;
                case "--population": o.Population = Path.GetFullPath(Value()); break;
                case "--exchange": o.Exchange = Value(); break;
                case "--default-access": o.DefaultAccess = Value(); break;
                case "--hide": o.Hidden.Add(Value()); break;
                case "--dir": case "--cert": case "--key": case "--user": case "--password-file": case "--port":
                case "--shells": case "--commands":
                    string name = args[i][2..];
                    v[name] = Value();
                    break;
                default: throw new ArgumentException("unknown option " + args[i] + "\n" + Usage);
                }
            }
            foreach (string need in new[] { "dir", "cert", "key" })
                if (!v.ContainsKey(need))
                    throw new ArgumentException("--" + need + " is required\n" + Usage);
            o.DefaultAccess = o.DefaultAccess.ToLowerInvariant() switch
            {
                "allow" => "Allow", "block" => "Block", "quarantine" => "Quarantine",
                _ => throw new ArgumentException("--default-access " + o.DefaultAccess + " is not known"),
            };
            string dir = Path.GetFullPath(v["dir"]);
            Directory.CreateDirectory(dir);
            File.WriteAllText(Path.Combine(dir, "options.json"), JsonSerializer.Serialize(o));
            Engine.WriteConfigurations(dir, o);
            var org = new Organisation(dir);
            string passwordFile = v.GetValueOrDefault("password-file", Path.Combine(dir, "exchange.password"));
            if (!File.Exists(passwordFile))
            {
                var create = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows())
                    create.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                using var f = new FileStream(passwordFile, create);
                f.Write(System.Text.Encoding.ASCII.GetBytes(Guid.NewGuid().ToString("N")));
            }
            string password = File.ReadAllText(passwordFile).TrimEnd('\r', '\n');
            var front = new Front(dir, v["user"], password, int.Parse(v["shells"]), int.Parse(v["commands"]));

            WebApplicationBuilder b = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = dir });
            b.Logging.ClearProviders();
            b.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(k =>
            {
                k.AddServerHeader = false;
                k.Limits.MaxRequestBodySize = 4 << 20;
                k.Listen(IPAddress.Loopback, int.Parse(v["port"]), l =>
                {
                    l.Protocols = HttpProtocols.Http1;
                    l.UseHttps(X509Certificate2.CreateFromPemFile(v["cert"], v["key"]));
                });
            });
            WebApplication app = b.Build();
            app.Run(front.Handle);
            app.Start();
            int port = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()
                                   .Addresses.First()).Port;
            File.WriteAllText(Path.Combine(dir, "peer.json"), JsonSerializer.Serialize(new Dictionary<string, object>
            {
                ["port"] = port, ["pid"] = Environment.ProcessId, ["url"] = "https://localhost:" + port + "/powershell",
                ["user"] = v["user"], ["password_file"] = Path.GetFullPath(passwordFile),
                ["mailboxes"] = org.Boxes.Count, ["devices"] = org.Phones.Count,
                ["mailboxes_of_own_domain"] = org.Boxes.Count(x => !x.Child),
                ["devices_of_own_domain"] = org.Phones.Count(p => !p.Box.Child),
                ["rules"] = Organisation.Rules.Length, ["cmdlets"] = Engine.Cmdlets(o).ToList(),
            }, new JsonSerializerOptions { WriteIndented = true }));
            Console.WriteLine("exchange-peer: ready");
            Console.Out.Flush();
            if (untilClosed)
                new Thread(() =>
                {
                    while (Console.In.Read() >= 0)
                    { /* nothing is expected here */ }
                    app.Lifetime.StopApplication();
                }) { IsBackground = true }.Start();
            app.WaitForShutdown();
            front.Close();
            return 0;
        }
    }
}
