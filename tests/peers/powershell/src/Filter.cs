// SPDX-License-Identifier: Apache-2.0
// -Filter: comparisons joined by -and, -or, -not and parentheses, on public properties.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace Easgate.Peer
{
    public sealed class Filter
    {
        private static readonly Regex Token = new Regex(
            @"\G\s*(\(|\)|-[a-zA-Z]+|'(?:[^']|'')*'|""[^""]*""|\$\w+|[\w.:+-]+)", RegexOptions.CultureInvariant);
        private readonly List<string> tokens = new List<string>();
        private readonly Type type;
        private int at;

        private Filter(string text, Type t)
        {
            type = t;
            int pos = 0;
            for (Match m; (m = Token.Match(text, pos)).Success; pos = m.Index + m.Length)
                tokens.Add(m.Groups[1].Value);
            if (text.Substring(pos).Trim().Length != 0)
                throw Bad(text.Substring(pos));
        }

        public static Func<object, bool> Parse(string text, Type type)
        {
            var f = new Filter(text, type);
            Func<object, bool> result = f.Or();
            if (f.at != f.tokens.Count)
                throw f.Bad(f.tokens[f.at]);
            return result;
        }

        private Exception Bad(string near) =>
            new ArgumentException("Invalid filter syntax near \"" + near + "\".");

        private string Next() => at < tokens.Count ? tokens[at++] : throw Bad("end of filter");
        private bool Take(string t)
        {
            if (at >= tokens.Count || !tokens[at].Equals(t, StringComparison.OrdinalIgnoreCase))
                return false;
            at++;
            return true;
        }

        private Func<object, bool> Or()
        {
            Func<object, bool> l = And();
            while (Take("-or"))
            {
                Func<object, bool> a = l, b = And();
                l = o => a(o) || b(o);
            }
            return l;
        }

        private Func<object, bool> And()
        {
            Func<object, bool> l = One();
            while (Take("-and"))
            {
                Func<object, bool> a = l, b = One();
                l = o => a(o) && b(o);
            }
            return l;
        }

        private Func<object, bool> One()
        {
            if (Take("-not"))
            {
                Func<object, bool> n = One();
                return o => !n(o);
            }
            if (Take("("))
            {
                Func<object, bool> n = Or();
                if (!Take(")"))
                    throw Bad("end of filter");
                return n;
            }
            string name = Next(), op = Next().ToLowerInvariant(), value = Next();
            var p = type.GetProperty(name, System.Reflection.BindingFlags.IgnoreCase |
                                           System.Reflection.BindingFlags.Public |
                                           System.Reflection.BindingFlags.Instance);
            if (p == null)
                throw new ArgumentException("\"" + name + "\" isn't a recognized filterable property.");
            if (value[0] == '\'' || value[0] == '"')
                value = value.Substring(1, value.Length - 2).Replace("''", "'");
            else if (value[0] == '$')
                value = value.Substring(1);
            return o => Compare(p.GetValue(o), op, value);
        }

        private bool Compare(object have, string op, string want)
        {
            if (op == "-like")
                return have != null && new WildcardPattern(want, WildcardOptions.IgnoreCase).IsMatch(have.ToString());
            int c;
            if (have == null)
                return op == "-ne" ? want != "null" : op == "-eq" && want == "null";
            if (have is DateTime d)
                c = d.ToUniversalTime().CompareTo(DateTime.Parse(want, CultureInfo.InvariantCulture,
                        DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal));
            else
                c = string.Compare(have.ToString(), want, StringComparison.OrdinalIgnoreCase);
            return op switch
            {
                "-eq" => c == 0, "-ne" => c != 0, "-gt" => c > 0, "-ge" => c >= 0, "-lt" => c < 0,
                "-le" => c <= 0, _ => throw Bad(op),
            };
        }
    }
}
