// SPDX-License-Identifier: Apache-2.0
// The envelope: what a request says, what an answer or a fault looks like.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml;
using System.Xml.Linq;

namespace Easgate.Peer
{
    internal sealed class Fault : Exception
    {
        public readonly string Subcode;
        public readonly uint Code;
        public Fault(string subcode, uint code, string text) : base(text)
        {
            Subcode = subcode;
            Code = code;
        }

        public static Fault TimedOut() => new Fault("w:TimedOut", 2150858793,
            "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ");
        public static Fault Selectors() => new Fault("w:InvalidSelectors", 2150858843,
            "The request for the Windows Remote Shell with ShellId or CommandId failed because it was not found " +
            "on the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists " +
            "on the server. Provide the correct ShellId or create a new shell and retry the operation. ");
        public static Fault Header(string text) => new Fault("a:InvalidMessageInformationHeader", 2150858767, text);
        public static Fault Parameter(string text) => new Fault("w:InvalidParameter", 87, text);
        public static Fault Schema(string text) => new Fault("w:SchemaValidationError", 2150858817, text);
    }

    internal sealed class Request
    {
        public static readonly XNamespace S = "http://www.w3.org/2003/05/soap-envelope";
        public static readonly XNamespace A = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
        public static readonly XNamespace W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
        public static readonly XNamespace P = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
        public static readonly XNamespace R = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
        public static readonly XNamespace X = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
        public static readonly XNamespace F = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";
        public static readonly XNamespace Ps = "http://schemas.microsoft.com/powershell";
        public const string Resource = "http://schemas.microsoft.com/powershell/Microsoft.Exchange";

        public readonly XElement Header;
        public readonly XElement Body;
        public readonly string Action;
        public readonly string MessageId;
        public readonly int MaxEnvelope;
        public readonly TimeSpan Timeout;

        private Request(XElement header, XElement body)
        {
            Header = header;
            Body = body;
            MessageId = Text(A + "MessageID");
            Action = Text(A + "Action");
            MaxEnvelope = header.Element(W + "MaxEnvelopeSize") == null ? 153600 : Number(W + "MaxEnvelopeSize");
            string t = (string)header.Element(W + "OperationTimeout");
            try
            {
                Timeout = t == null ? TimeSpan.FromSeconds(60) : XmlConvert.ToTimeSpan(t.Trim());
            }
            catch (FormatException)
            {
                throw Fault.Header("The OperationTimeout '" + t + "' is not a duration. ");
            }
            if (Timeout <= TimeSpan.Zero)
                throw Fault.Header("The OperationTimeout has to be positive. ");
        }

        private string Text(XName n) => ((string)Header.Element(n))?.Trim() is { Length: > 0 } v ? v
            : throw Fault.Header("The header " + n.LocalName + " is missing. ");

        private int Number(XName n) => int.TryParse(Text(n), out int v) && v >= 8192 ? v
            : throw Fault.Header("The header " + n.LocalName + " is not a usable number. ");

        // What every request has to carry: a client that forgets one of these is told so.
        public static Request Parse(byte[] bytes, out string messageId)
        {
            messageId = null;
            XElement root;
            try
            {
                using var r = XmlReader.Create(new MemoryStream(bytes),
                    new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
                root = XDocument.Load(r, LoadOptions.PreserveWhitespace).Root;
            }
            catch (XmlException e)
            {
                throw Fault.Schema("The request is not well-formed XML: " + e.Message);
            }
            XElement header = root.Element(S + "Header"), body = root.Element(S + "Body");
            if (root.Name != S + "Envelope" || header == null || body == null)
                throw Fault.Schema("The request is not a SOAP 1.2 envelope. ");
            messageId = ((string)header.Element(A + "MessageID"))?.Trim();
            var q = new Request(header, body);
            if (!q.MessageId.StartsWith("uuid:", StringComparison.Ordinal) || !Guid.TryParse(q.MessageId[5..], out _))
                throw Fault.Header("The MessageID is not uuid: and a GUID. ");
            if ((string)header.Element(A + "ReplyTo")?.Element(A + "Address") !=
                A.NamespaceName + "/role/anonymous")
                throw Fault.Header("ReplyTo has to be the anonymous address. ");
            q.Text(A + "To");
            if (q.Text(W + "ResourceURI") != Resource)
                throw new Fault("w:DestinationUnreachable", 2150858811,
                    "The resource URI " + q.Text(W + "ResourceURI") + " was not found in the WS-Management catalog. ");
            var known = new HashSet<XName> { A + "MessageID", A + "Action", A + "To", A + "ReplyTo", W + "ResourceURI",
                W + "MaxEnvelopeSize", W + "OperationTimeout", W + "Locale", P + "DataLocale", P + "SessionId",
                P + "OperationID", P + "SequenceId", W + "OptionSet", W + "SelectorSet" };
            foreach (XElement h in header.Elements())
                if ((string)h.Attribute(S + "mustUnderstand") is "true" or "1" && !known.Contains(h.Name))
                    throw new Fault("s:MustUnderstand", 2150858769, "The header " + h.Name + " is not understood. ");
            foreach (XName n in new[] { W + "Locale", P + "DataLocale" })
                if (header.Element(n) is { } l && (string)l.Attribute(XNamespace.Xml + "lang") != "en-US")
                    throw Fault.Header(n.LocalName + " is not en-US: texts would be localised. ");
            return q;
        }

        public string Option(string name) => (string)Header.Element(W + "OptionSet")?.Elements(W + "Option")
            .FirstOrDefault(o => (string)o.Attribute("Name") == name);

        public Guid ShellId()
        {
            string v = (string)Header.Element(W + "SelectorSet")?.Elements(W + "Selector")
                .FirstOrDefault(s => (string)s.Attribute("Name") == "ShellId");
            return Guid.TryParse(v, out Guid g) ? g : throw Fault.Selectors();
        }

        public static byte[] Base64(string s)
        {
            try
            {
                return Convert.FromBase64String(s.Trim());
            }
            catch (FormatException)
            {
                throw Fault.Schema("A stream is not base64. ");
            }
        }

        private static byte[] Bytes(XElement e)
        {
            var m = new MemoryStream();
            using (var w = XmlWriter.Create(m, new XmlWriterSettings { Encoding = new System.Text.UTF8Encoding(false),
                                                                       OmitXmlDeclaration = true }))
                e.Save(w);
            return m.ToArray();
        }

        private static XElement Envelope(string action, string relates, object body) => new XElement(S + "Envelope",
            new XAttribute(XNamespace.Xml + "lang", "en-US"), new XAttribute(XNamespace.Xmlns + "s", S),
            new XAttribute(XNamespace.Xmlns + "a", A), new XAttribute(XNamespace.Xmlns + "w", W),
            new XAttribute(XNamespace.Xmlns + "x", X), new XAttribute(XNamespace.Xmlns + "rsp", R),
            new XAttribute(XNamespace.Xmlns + "p", P),
            new XElement(S + "Header",
                new XElement(A + "Action", action),
                new XElement(A + "MessageID", "uuid:" + Guid.NewGuid().ToString().ToUpperInvariant()),
                new XElement(A + "To", A.NamespaceName + "/role/anonymous"),
                relates == null ? null : new XElement(A + "RelatesTo", relates)),
            new XElement(S + "Body", body));

        public static byte[] Answer(string action, string relates, params object[] body) =>
            Bytes(Envelope(action + "Response", relates, body));

        public static byte[] FaultAnswer(Fault f, string relates)
        {
            string[] part = f.Subcode.Split(':');
            object detail = new XElement(S + "Detail", new XElement(F + "WSManFault",
                new XAttribute(XNamespace.Xmlns + "f", F), new XAttribute("Code", f.Code),
                new XAttribute("Machine", "localhost"), new XElement(F + "Message", f.Message)));
            return Bytes(Envelope(W.NamespaceName.Replace("wsman.xsd", "fault"), relates,
                new XElement(S + "Fault",
                    new XElement(S + "Code",
                        new XElement(S + "Value", part[0] == "s" ? f.Subcode :
                                     f.Code == 2150858793 ? "s:Receiver" : "s:Sender"),
                        part[0] == "s" ? null : new XElement(S + "Subcode", new XElement(S + "Value", f.Subcode))),
                    new XElement(S + "Reason", new XElement(S + "Text", new XAttribute(XNamespace.Xml + "lang", "en-US"),
                        f.Message)), detail)));
        }
    }
}
