// SPDX-License-Identifier: Apache-2.0
// A script through the engine: parsed, then run with the functions of another one in place of the
// cmdlets that it calls. What it writes is printed; every error is.
using System;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;

namespace Easgate.Peer
{
    internal static class Script
    {
        private static bool Parses(string path)
        {
            Parser.ParseFile(Path.GetFullPath(path), out _, out ParseError[] errors);
            foreach (ParseError e in errors)
                Console.WriteLine("error: {0}:{1}:{2}: {3}", path, e.Extent.StartLineNumber, e.Extent.StartColumnNumber, e.Message);
            return errors.Length == 0;
        }

        internal static int Run(string functions, string script)
        {
            if (!Parses(functions) || !Parses(script))
                return 1;
            using Runspace space = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
            space.Open();
            using var shell = PowerShell.Create();
            shell.Runspace = space;
            foreach (string path in new[] { functions, script })
                shell.AddScript(File.ReadAllText(path), false).AddStatement();
            shell.AddScript("Show-Result", false);
            try
            {
                foreach (PSObject o in shell.Invoke())
                    Console.WriteLine(o);
            }
            catch (RuntimeException e)
            {
                Console.WriteLine("error: " + e.Message);
                return 1;
            }
            foreach (ErrorRecord e in shell.Streams.Error)
                Console.WriteLine("error: " + e + " " + e.InvocationInfo?.PositionMessage);
            return shell.HadErrors ? 1 : 0;
        }
    }
}
