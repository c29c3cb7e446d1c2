/* SPDX-License-Identifier: Apache-2.0
 *
 * Which cmdlets this account has, and with which parameters: RBAC takes away both. Get-Command says
 * it. Parameters come as a dictionary where Select-Object can be put behind it, else in the text of
 * the parameter sets; where neither comes, all are believed to be there and the cmdlet itself says.
 */
#include <stdio.h>
#include <string.h>

#include "exch_private.h"

#include "err.h"
#include "text.h"

const char *const exch_cmdlet_names[C_COUNT] = {
    [C_GET_MOBILE_DEVICE] = "Get-MobileDevice",
    [C_GET_EAS_DEVICE] = "Get-ActiveSyncDevice",
    [C_GET_CAS_MAILBOX] = "Get-CASMailbox",
    [C_SET_CAS_MAILBOX] = "Set-CASMailbox",
    [C_GET_SETTINGS] = "Get-ActiveSyncOrganizationSettings",
    [C_GET_USER] = "Get-User",
    [C_GET_SERVER] = "Get-ExchangeServer",
    [C_SELECT] = "Select-Object",
};

static const struct {
    const char *cmdlet;
    const char *remedy;
} remedies[] = {
    { "Get-MobileDevice",
      "give the account a role with it (Mail Recipients, View-Only Recipients)" },
    { "Get-ActiveSyncDevice",
      "give the account a role with it (Mail Recipients, View-Only Recipients)" },
    { "Get-CASMailbox", "give the account a role with it (Mail Recipients, View-Only Recipients)" },
    { "Set-CASMailbox", "give the account the role Mail Recipients, or one of your own with "
                        "-ActiveSyncAllowedDeviceIDs and -ActiveSyncBlockedDeviceIDs" },
    { "Get-ActiveSyncOrganizationSettings",
      "give the account a role with it (Organization Client Access, View-Only Configuration)" },
    { "Get-User", "give the account a role with it (Mail Recipients, View-Only Recipients)" },
    { "Get-ExchangeServer", "give the account the role View-Only Configuration" },
    { "Set-ADServerSettings", "give the account a role with it (View-Only Recipients), or set "
                              "source.view_entire_forest to false in a forest of one domain" },
    { "Get-Command", "the endpoint must let its sessions run Get-Command" },
};

const char *exch_remedy(const char *cmdlet)
{
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (strcmp(remedies[i].cmdlet, cmdlet) == 0)
            return remedies[i].remedy;
    return "look at the roles of the account";
}

static const struct {
    const char *name;
    unsigned bit;
} parameters[] = {
    { "ResultSize", P_RESULT_SIZE },
    { "Filter", P_FILTER },
    { "Mailbox", P_MAILBOX },
    { "Identity", P_IDENTITY },
    { "RecipientTypeDetails", P_TYPE_DETAILS },
    { "ActiveSyncAllowedDeviceIDs", P_ALLOWED },
    { "ActiveSyncBlockedDeviceIDs", P_BLOCKED },
    { "Confirm", P_CONFIRM },
    { "Property", P_PROPERTY },
    { "Organization", P_ORGANIZATION },
};

static unsigned bit_of(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        if (text_ieq(name, len, parameters[i].name, strlen(parameters[i].name)))
            return parameters[i].bit;
    return 0;
}

/* "Get-X [[-Identity] <Y>] [-Mailbox <Z>] ...": every word after a hyphen that begins a word. */
static unsigned bits_of_syntax(const easg_str *text)
{
    unsigned bits = 0;

    for (size_t i = 0; i + 1 < text->len; i++) {
        size_t from = i + 1;
        size_t n = 0;

        if (text->ptr[i] != '-' || (i > 0 && text->ptr[i - 1] != ' ' && text->ptr[i - 1] != '[' &&
                                    text->ptr[i - 1] != '\n'))
            continue;
        while (from + n < text->len && ((text->ptr[from + n] | 0x20) >= 'a') &&
               ((text->ptr[from + n] | 0x20) <= 'z'))
            n++;
        bits |= bit_of(text->ptr + from, n);
    }
    return bits;
}

static void learn_parameters(struct exch_known *k, const struct clixml_value *object)
{
    const struct clixml_value *p = clixml_get(object, "Parameters");
    const struct clixml_value *sets = clixml_get(object, "ParameterSets");
    easg_str definition = clixml_get_text(object, "Definition");

    for (p = clixml_items(p); p; p = p->next) {
        easg_str name = p->key ? clixml_text(p->key) : clixml_get_text(p, "Name");

        if (!name.ptr)
            name = clixml_text(p);
        if (!name.ptr)
            continue;
        k->told = 1;
        k->parameters |= bit_of(name.ptr, name.len);
    }
    if (k->told)
        return;
    for (sets = clixml_items(sets); sets; sets = sets->next) {
        easg_str text = clixml_text(sets);

        if (text.ptr && memchr(text.ptr, '-', text.len)) {
            k->told = 1;
            k->parameters |= bits_of_syntax(&text);
        }
    }
    if (!k->told && definition.ptr && strstr(definition.ptr, " [-")) {
        k->told = 1;
        k->parameters |= bits_of_syntax(&definition);
    }
}

static easg_status on_command(void *user, const char *xml, size_t len, easg_error *err)
{
    struct exch *x = user;
    const struct clixml_value *v;
    easg_status st = clixml_tree_read(x->tree, xml, len, &v, err);
    easg_str name;

    if (st != EASG_OK)
        return st;
    name = clixml_get_text(v, "Name");
    if (!name.ptr)
        return EASG_OK;
    for (int c = 0; c < C_COUNT; c++)
        if (text_ieq(name.ptr, name.len, exch_cmdlet_names[c], strlen(exch_cmdlet_names[c]))) {
            x->known[c].present = 1;
            learn_parameters(&x->known[c], v);
        }
    return EASG_OK;
}

easg_status exch_learn(struct exch *x, easg_error *err)
{
    struct psrp_value names[C_COUNT];
    struct psrp_value columns[2] = { PSRP_V_LIT("Name"), PSRP_V_LIT("Parameters") };
    struct psrp_parameter name = { "Name", PSRP_V_ARRAY(names, C_COUNT) };
    struct psrp_parameter property = { "Property", PSRP_V_ARRAY(columns, 2) };
    struct psrp_command commands[2] = { { "Get-Command", &name, 1 },
                                        { "Select-Object", &property, 1 } };
    struct exch_failure failure = { 0 };
    struct exch_call call = { .commands = commands,
                              .n = 2,
                              .flags = EXCH_TOLERATE, /* one error a cmdlet that is not there */
                              .output = on_command,
                              .user = x,
                              .failure = &failure };
    int any = 0;
    easg_status st;

    for (int c = 0; c < C_COUNT; c++)
        names[c] = PSRP_V_TEXT(text_str(exch_cmdlet_names[c]));
    st = exch_run(x, &call, err);
    if ((st != EASG_OK || failure.fatal) && exch_select_refused(x, &failure)) {
        exch_log(x, EXCH_INFO, "no Select-Object for this account: answers are larger");
        err_clear(err);
        x->select_columns = 0;
        call.n = 1;
        st = exch_run(x, &call, err);
    }
    if (st != EASG_OK)
        return st;
    for (int c = 0; c < C_COUNT; c++)
        any |= c != C_SELECT && x->known[c].present;
    if (!any)
        return err_set(err, EASG_E_DENIED,
                       "Get-Command: the account has none of the cmdlets that are needed; give it "
                       "the roles Mail Recipients and View-Only Configuration");
    return EASG_OK;
}

int exch_has(const struct exch *x, enum exch_cmdlet c, unsigned parameter)
{
    const struct exch_known *k = &x->known[c];

    return k->present && (!k->told || (k->parameters & parameter) == parameter);
}

easg_status exch_need(const struct exch *x, enum exch_cmdlet c, unsigned wanted, easg_error *err)
{
    const char *name = exch_cmdlet_names[c];

    if (!x->known[c].present)
        return err_set(err, EASG_E_DENIED, "%s: the account may not use it; %s", name,
                       exch_remedy(name));
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        if ((wanted & parameters[i].bit) && !exch_has(x, c, parameters[i].bit))
            return err_set(err, EASG_E_DENIED, "%s: the account may not use its parameter -%s; %s",
                           name, parameters[i].name, exch_remedy(name));
    return EASG_OK;
}

easg_status exch_confine(const struct exch *x, enum exch_cmdlet c, int must,
                         struct psrp_parameter *p, size_t *n, easg_error *err)
{
    if (!x->organization)
        return EASG_OK;
    if (exch_has(x, c, P_ORGANIZATION)) {
        p[(*n)++] =
            (struct psrp_parameter){ "Organization", PSRP_V_TEXT(text_str(x->organization)) };
        return EASG_OK;
    }
    return must ? err_set(err, EASG_E_DENIED,
                          "%s: the account may not use its parameter -Organization, so nothing can "
                          "be confined to %s: grant it, or leave source.organization out if the "
                          "account belongs to that organisation",
                          exch_cmdlet_names[c], x->organization)
                : EASG_OK;
}
