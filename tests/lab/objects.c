/* SPDX-License-Identifier: Apache-2.0
 *
 * objects.c - an object on the wire: whole, or the columns that Select-Object chose.
 */
#include <string.h>

#include "lab_objects.h"

static const struct prop *find(const struct kind *k, const char *name)
{
    for (unsigned i = 0; i < k->n_props; i++)
        if (lab_same(k->props[i].name, name))
            return &k->props[i];
    return NULL;
}

static void column(struct cx *x, struct item *it, const char *name)
{
    const struct prop *p = find(it->kind, name);

    if (p)
        p->write(x, p->name, it);
    else
        cx_nil(x, name);
}

static void selected(struct cx *x, struct item *it)
{
    const struct selection *sel = it->selected;
    char top[240];
    const char *types[4] = { top, "System.Management.Automation.PSCustomObject", "System.Object",
                             NULL };

    lab_print(top, sizeof top, "Selected.%s", it->kind->types[0]);
    cx_open(x, NULL, types, NULL);
    BUF_LIT(x->b, "<MS>");
    for (unsigned i = 0; i < sel->n; i++) {
        int wild = strpbrk(sel->column[i], "*?") != NULL;

        if (!wild) {
            column(x, it, sel->column[i]);
            continue;
        }
        for (unsigned k = 0; k < it->kind->n_props; k++)
            if (lab_like(it->kind->props[k].name, sel->column[i]))
                it->kind->props[k].write(x, it->kind->props[k].name, it);
    }
    BUF_LIT(x->b, "</MS>");
    cx_close(x);
}

void item_write(struct cx *x, struct item *it)
{
    char tostring[720];

    if (it->kind->load)
        it->kind->load(it);
    if (it->selected && it->selected->n) {
        selected(x, it);
        return;
    }
    it->kind->tostring(it, tostring);
    cx_open(x, NULL, it->kind->types, tostring);
    BUF_LIT(x->b, "<Props>");
    for (unsigned i = 0; i < it->kind->n_props; i++)
        it->kind->props[i].write(x, it->kind->props[i].name, it);
    BUF_LIT(x->b, "</Props>");
    cx_close(x);
}

/* ---- properties that every directory object has ---- */

const char *const types_state[] = { "Microsoft.Exchange.Data.ObjectState", "System.Enum",
                                    "System.ValueType", "System.Object", NULL };
const char *const types_organization[] = { "Microsoft.Exchange.Data.Directory.OrganizationId",
                                           "System.Object", NULL };
const char *const types_version[] = { "Microsoft.Exchange.Data.ExchangeObjectVersion",
                                      "System.Object", NULL };
const char *const types_smtp[] = { "Microsoft.Exchange.Data.SmtpAddress", "System.ValueType",
                                   "System.Object", NULL };

void put_nil(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_nil(x, name);
}

void put_empty(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_string(x, name, "");
}

void put_true(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_bool(x, name, 1);
}

void put_false(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_bool(x, name, 0);
}

void put_state(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_enum(x, name, types_state, "Unchanged", 1);
}

void put_organization(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    if (!cx_complex(x, name, types_organization, ""))
        return;
    BUF_LIT(x->b, "<Props>");
    cx_nil(x, "OrganizationalUnit");
    cx_nil(x, "ConfigurationUnit");
    BUF_LIT(x->b, "</Props>");
    cx_close(x);
}

void put_version(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    if (!cx_complex(x, name, types_version, "0.20 (15.0.0.0)"))
        return;
    BUF_LIT(x->b, "<Props>");
    cx_string(x, "NextMajorVersion", "1.0 (0.0.0.0)");
    cx_string(x, "NextMinorVersion", "0.21 (0.0.0.0)");
    BUF_LIT(x->b, "<By N=\"Major\">0</By><By N=\"Minor\">20</By>");
    cx_string(x, "ExchangeBuild", "15.0.0.0");
    BUF_LIT(x->b, "</Props>");
    cx_close(x);
}

void put_dc(struct cx *x, const char *name, struct item *it)
{
    (void)it;
    cx_string(x, name, "dc01.contoso.example");
}

void put_class(struct cx *x, const char *name, const char *cls)
{
    const char *v[2] = { "top", cls };

    cx_strings(x, name, types_strings, v, 2);
}

void put_category(struct cx *x, const char *name, const char *cls)
{
    char tostring[160];
    char rdn[80];
    char dn[200];

    lab_print(tostring, sizeof tostring, "contoso.example/Configuration/Schema/%s", cls);
    lab_print(rdn, sizeof rdn, "CN=%s", cls);
    lab_print(dn, sizeof dn, "CN=%s,CN=Schema,CN=Configuration,DC=contoso,DC=example", cls);
    cx_ado(x, name,
           &(struct ado){ .tostring = tostring,
                          .rdn = rdn,
                          .dn = dn,
                          .domain = "contoso.example",
                          .guid = "5f0d4b7a-9f57-4d43-9c92-2a11f1be9a43",
                          .depth = 4 });
}

void put_smtp(struct cx *x, const char *name, const char *address)
{
    const char *at = strchr(address, '@');

    if (!cx_complex(x, name, types_smtp, address))
        return;
    BUF_LIT(x->b, "<Props>");
    cx_int(x, "Length", (int64_t)strlen(address));
    {
        char local[80];

        lab_print(local, sizeof local, "%.*s", at ? (int)(at - address) : 0, address);
        cx_string(x, "Local", local);
    }
    cx_string(x, "Domain", at ? at + 1 : "");
    cx_bool(x, "IsUTF8", 0);
    cx_bool(x, "IsValidAddress", 1);
    BUF_LIT(x->b, "</Props>");
    cx_close(x);
}
