/* SPDX-License-Identifier: Apache-2.0
 *
 * clixml_write.c - CLIXML as Windows PowerShell writes it in a message: no root, no namespace.
 */
#include "lab_clixml.h"

#include <stdio.h>
#include <string.h>

#include "lab_model.h"

const char *const types_strings[] = {
    "Microsoft.Exchange.Data.MultiValuedProperty`1[[System.String, mscorlib, Version=4.0.0.0, "
    "Culture=neutral, PublicKeyToken=b77a5c561934e089]]",
    "Microsoft.Exchange.Data.MultiValuedPropertyBase", "System.Object", NULL
};
const char *const types_array[] = { "System.Object[]", "System.Array", "System.Object", NULL };
const char *const types_ado[] = { "Microsoft.Exchange.Data.Directory.ADObjectId",
                                  "Microsoft.Exchange.Data.ObjectId", "System.Object", NULL };

void cx_begin(struct cx *x, struct buf *b, enum shapes shapes)
{
    *x = (struct cx){ .b = b, .shapes = shapes };
}

static void escape_unit(struct buf *b, unsigned unit)
{
    char t[9];

    snprintf(t, sizeof t, "_x%04X_", unit & 0xFFFF);
    buf_put(b, t, 7);
}

static void escape_astral(struct buf *b, const unsigned char *p)
{
    unsigned cp = (p[0] & 7u) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u);

    cp -= 0x10000;
    escape_unit(b, 0xD800 + (cp >> 10));
    escape_unit(b, 0xDC00 + (cp & 0x3FF));
}

void cx_text(struct buf *b, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;

    while (*p) {
        const unsigned char *q = p;

        if (*p == '&') {
            BUF_LIT(b, "&amp;");
            p++;
        } else if (*p == '<') {
            BUF_LIT(b, "&lt;");
            p++;
        } else if (*p == '>') {
            BUF_LIT(b, "&gt;");
            p++;
        } else if (*p == '"') { /* needed in names, harmless in text */
            BUF_LIT(b, "&quot;");
            p++;
        } else if (*p < 0x20 || *p == 0x7F) {
            escape_unit(b, *p++);
        } else if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0) {
            escape_unit(b, p[1]);
            p += 2;
        } else if (*p == '_' && (p[1] == 'x' || p[1] == 'X')) {
            BUF_LIT(b, "_x005F_");
            p++;
        } else if (*p >= 0xF0 && p[1] && p[2] && p[3]) {
            escape_astral(b, p);
            p += 4;
        } else {
            while (*q >= 0x20 && *q < 0xF0 && *q != 0x7F && *q != 0xC2 && *q != '&' && *q != '<' &&
                   *q != '>' && *q != '_' && *q != '"')
                q++;
            if (q == p)
                q++;
            buf_put(b, p, (size_t)(q - p));
            p = q;
        }
    }
}

static void tag(struct cx *x, const char *t, const char *name)
{
    BUF_LIT(x->b, "<");
    buf_str(x->b, t);
    if (name) {
        BUF_LIT(x->b, " N=\"");
        cx_text(x->b, name);
        BUF_LIT(x->b, "\"");
    }
    BUF_LIT(x->b, ">");
}

static void end(struct cx *x, const char *t)
{
    BUF_LIT(x->b, "</");
    buf_str(x->b, t);
    BUF_LIT(x->b, ">");
}

void cx_types(struct cx *x, type_names types)
{
    for (unsigned i = 0; i < x->tn; i++) {
        if (x->known[i] != types)
            continue;
        BUF_LIT(x->b, "<TNRef RefId=\"");
        buf_num(x->b, i);
        BUF_LIT(x->b, "\" />");
        return;
    }
    BUF_LIT(x->b, "<TN RefId=\"");
    buf_num(x->b, x->tn);
    BUF_LIT(x->b, "\">");
    if (x->tn < CLX_TYPES)
        x->known[x->tn] = types;
    x->tn++;
    for (; *types; types++) {
        BUF_LIT(x->b, "<T>");
        cx_text(x->b, *types);
        BUF_LIT(x->b, "</T>");
    }
    BUF_LIT(x->b, "</TN>");
}

/* RefId 0 is the first Obj of a message. */
void cx_open(struct cx *x, const char *name, type_names types, const char *tostring)
{
    BUF_LIT(x->b, "<Obj");
    if (name) {
        BUF_LIT(x->b, " N=\"");
        cx_text(x->b, name);
        BUF_LIT(x->b, "\"");
    }
    BUF_LIT(x->b, " RefId=\"");
    buf_num(x->b, x->ref++);
    BUF_LIT(x->b, "\">");
    if (types)
        cx_types(x, types);
    if (tostring && *tostring) {
        BUF_LIT(x->b, "<ToString>");
        cx_text(x->b, tostring);
        BUF_LIT(x->b, "</ToString>");
    } else if (tostring)
        BUF_LIT(x->b, "<ToString></ToString>");
}

void cx_close(struct cx *x)
{
    BUF_LIT(x->b, "</Obj>");
}

void cx_nil(struct cx *x, const char *name)
{
    if (!name) {
        BUF_LIT(x->b, "<Nil />");
        return;
    }
    BUF_LIT(x->b, "<Nil N=\"");
    cx_text(x->b, name);
    BUF_LIT(x->b, "\" />");
}

void cx_string(struct cx *x, const char *name, const char *v)
{
    if (!v) {
        cx_nil(x, name);
        return;
    }
    tag(x, "S", name);
    cx_text(x->b, v);
    end(x, "S");
}

void cx_bool(struct cx *x, const char *name, int v)
{
    tag(x, "B", name);
    buf_str(x->b, v ? "true" : "false");
    end(x, "B");
}

void cx_int(struct cx *x, const char *name, int64_t v)
{
    tag(x, "I32", name);
    if (v < 0) {
        BUF_LIT(x->b, "-");
        v = -v;
    }
    buf_num(x->b, (uint64_t)v);
    end(x, "I32");
}

void cx_uint(struct cx *x, const char *name, uint64_t v)
{
    tag(x, "U32", name);
    buf_num(x->b, v);
    end(x, "U32");
}

void cx_date(struct cx *x, const char *name, uint64_t seconds, int local)
{
    time_text t;

    if (!seconds) {
        cx_nil(x, name);
        return;
    }
    if (local)
        text_time_local(seconds, t);
    else
        text_time(seconds, t);
    tag(x, "DT", name);
    buf_str(x->b, t);
    end(x, "DT");
}

void cx_guid(struct cx *x, const char *name, const char *v)
{
    tag(x, "G", name);
    buf_str(x->b, v);
    end(x, "G");
}

void cx_version(struct cx *x, const char *name, const char *v)
{
    tag(x, "Version", name);
    buf_str(x->b, v);
    end(x, "Version");
}

void cx_enum(struct cx *x, const char *name, type_names types, const char *value, int number)
{
    if (x->shapes == SHAPES_STRING) {
        cx_string(x, name, value);
        return;
    }
    cx_open(x, name, types, value);
    cx_int(x, NULL, number);
    cx_close(x);
}

void cx_strings(struct cx *x, const char *name, type_names types, const char *const *v, size_t n)
{
    cx_open(x, name, types, NULL);
    if (!n)
        BUF_LIT(x->b, "<LST />");
    else {
        BUF_LIT(x->b, "<LST>");
        for (size_t i = 0; i < n; i++)
            cx_string(x, NULL, v[i]);
        BUF_LIT(x->b, "</LST>");
    }
    cx_close(x);
}

int cx_complex(struct cx *x, const char *name, type_names types, const char *tostring)
{
    if (x->shapes != SHAPES_FULL) {
        cx_string(x, name, tostring);
        return 0;
    }
    cx_open(x, name, types, tostring);
    return 1;
}

/* The signed form of .NET's BinaryFormatter blob begins so; the content means nothing. */
static void serialization_data(struct cx *x, const char *seed)
{
    unsigned char blob[220];
    unsigned v = 0;

    for (const char *p = seed; *p; p++)
        v = v * 31 + (unsigned char)*p;
    memcpy(blob, "#sig#\xB0\0\0\0\0\1\0\0\0\xFF\xFF\xFF\xFF\1\0\0\0\0\0\0\0\4\1\0\0\0", 31);
    for (size_t i = 31; i < sizeof blob; i++) {
        v = v * 1103515245u + 12345u;
        blob[i] = (unsigned char)(v >> 16);
    }
    BUF_LIT(x->b, "<MS><BA N=\"SerializationData\">");
    buf_base64(x->b, blob, sizeof blob);
    BUF_LIT(x->b, "</BA></MS>");
}

void cx_ado(struct cx *x, const char *name, const struct ado *a)
{
    if (!cx_complex(x, name, types_ado, a->tostring))
        return;
    BUF_LIT(x->b, "<Props>");
    cx_nil(x, "OrgHierarchyToIgnore");
    cx_bool(x, "IsDeleted", 0);
    cx_string(x, "Rdn", a->rdn);
    cx_int(x, "Depth", a->depth);
    cx_string(x, "DistinguishedName", a->dn);
    cx_bool(x, "IsRelativeDn", 0);
    cx_string(x, "DomainId", a->domain);
    cx_guid(x, "PartitionGuid", "59ce2f71-eaa2-4ddf-a4fa-f25069d0b324");
    cx_string(x, "PartitionFQDN", "contoso.example");
    cx_guid(x, "ObjectGuid", a->guid);
    cx_string(x, "Name", strncmp(a->rdn, "CN=", 3) == 0 ? a->rdn + 3 : a->rdn);
    BUF_LIT(x->b, "</Props>");
    serialization_data(x, a->dn);
    cx_close(x);
}
