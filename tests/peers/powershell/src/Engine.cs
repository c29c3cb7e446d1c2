// SPDX-License-Identifier: Apache-2.0
// One session's process: the engine's own PSRP server on standard input and output, in a session
// that is configured as Exchange's is (no language, only what is granted).
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Reflection;
using System.Text;

namespace Easgate.Peer
{
    internal static class Engine
    {
        public static int Run(string configuration)
        {
            Type mediator = typeof(PSObject).Assembly.GetType(
                "System.Management.Automation.Remoting.Server.StdIOProcessMediator", true);
            mediator.GetMethod("Run", BindingFlags.Static | BindingFlags.NonPublic)
                .Invoke(null, new object[] { "", null, null, configuration, false });
            return 0;
        }

        private static IEnumerable<Type> Own(Func<Type, bool> which) =>
            typeof(Engine).Assembly.GetTypes().Where(t => t.IsPublic && !t.IsAbstract && which(t));

        public static IEnumerable<string> Cmdlets(Options o)
        {
            foreach (Type t in Own(t => t.GetCustomAttribute<CmdletAttribute>() != null).OrderBy(t => t.Name))
            {
                var a = t.GetCustomAttribute<CmdletAttribute>();
                string name = a.VerbName + "-" + a.NounName;
                if (o.Exchange == "2010" && a.NounName.StartsWith("MobileDevice", StringComparison.Ordinal))
                    continue;
                if (!o.Hidden.Contains(name, StringComparer.OrdinalIgnoreCase))
                    yield return name;
            }
        }

        // The engine's restricted session has a Select-Object that knows the properties of commands
        // only; Exchange's lets its objects be narrowed on the server.
        private const string SelectObject =
            "[CmdletBinding()] param([Parameter(Position=0)][object[]]$Property, [string[]]$ExcludeProperty, " +
            "[string]$ExpandProperty, [switch]$Unique, [int]$First, [int]$Last, [int]$Skip, " +
            "[Parameter(ValueFromPipeline=$true)]$InputObject)\n" +
            "begin { $p = { Microsoft.PowerShell.Utility\\Select-Object @PSBoundParameters }." +
            "GetSteppablePipeline($MyInvocation.CommandOrigin); $p.Begin($PSCmdlet) }\n" +
            "process { $p.Process($_) }\nend { $p.End() }";

        // Two configurations: with ?serializationLevel=Full a type file makes the serialiser go deeper.
        public static void WriteConfigurations(string dir, Options o)
        {
            string Quote(string s) => "'" + s.Replace("'", "''") + "'";
            string types = Path.Combine(dir, "full.types.ps1xml");
            foreach (bool full in new[] { false, true })
            {
                var s = new StringBuilder("@{\nSchemaVersion = '2.0.0.0'\nGUID = " + Quote(Guid.NewGuid().ToString()));
                s.Append("\nSessionType = 'RestrictedRemoteServer'\nLanguageMode = 'NoLanguage'");
                s.Append("\nModulesToImport = " + Quote(typeof(Engine).Assembly.Location));
                s.Append("\nVisibleCmdlets = " + string.Join(", ", Cmdlets(o).Select(Quote)));
                if (!o.RestrictedSelect)
                    s.Append("\nFunctionDefinitions = @{ Name = 'Select-Object'; ScriptBlock = {" + SelectObject +
                             "} }\nVisibleFunctions = 'Select-Object'");
                if (o.Prompt)
                    s.Append("\nVariableDefinitions = @{ Name = 'ConfirmPreference'; Value = 'Low' }");
                if (full)
                    s.Append("\nTypesToProcess = " + Quote(types));
                s.Append("\n}\n");
                File.WriteAllText(Path.Combine(dir, full ? "full.pssc" : "plain.pssc"), s.ToString());
            }
            var x = new StringBuilder("<Types>\n");
            foreach (Type t in Own(t => t.Namespace?.StartsWith("Microsoft.Exchange.Data", StringComparison.Ordinal) == true &&
                                        t.IsClass && !t.IsGenericType && !typeof(Exception).IsAssignableFrom(t) &&
                                        !typeof(PSTypeConverter).IsAssignableFrom(t)))
                x.Append("<Type><Name>" + t.FullName + "</Name><Members>" +
                    "<CodeProperty><Name>SerializationData</Name><GetCodeReference><TypeName>Easgate.Peer.SerializationData" +
                    "</TypeName><MethodName>Get</MethodName></GetCodeReference></CodeProperty>" +
                    "<MemberSet><Name>PSStandardMembers</Name><Members>" +
                    "<NoteProperty><Name>SerializationDepth</Name><Value>2</Value></NoteProperty>" +
                    "</Members></MemberSet></Members></Type>\n");
            File.WriteAllText(types, x.Append("</Types>\n").ToString());
        }
    }

    // Stands where a signed binary blob stands in Exchange's full answers: to be ignored by name.
    public static class SerializationData
    {
        public static object Get(PSObject o)
        {
            var b = new byte[401];
            Encoding.ASCII.GetBytes("#sig#").CopyTo(b, 0);
            BitConverter.GetBytes(360).CopyTo(b, 5);
            for (int i = 9; i < b.Length; i++)
                b[i] = (byte)(i * 37);
            return b;
        }
    }
}
