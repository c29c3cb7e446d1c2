/* SPDX-License-Identifier: Apache-2.0
 *
 * orgpolicy.c - what the organisation decides for everybody: the default access level and its mail,
 * and device access rules. Each item is read, written only where it differs, and read back.
 */
#include <stdio.h>
#include <string.h>

#include "exch_admin_private.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

#define MAX_RECIPIENTS 64u
#define TEXT_ROOM      4000u

/* ---- reading: the settings ---- */

enum { O_LEVEL, O_INSERT, O_RECIPIENTS };
static const char *const settings_columns[] = { [O_LEVEL] = "DefaultAccessLevel",
                                                [O_INSERT] = "UserMailInsert",
                                                [O_RECIPIENTS] = "AdminMailRecipients",
                                                NULL };

struct reading {
    exch_policy_fn emit;
    void *user;
    unsigned came;
};

static easg_status hand_on(struct reading *r, uint32_t part, const char *name, const char *value,
                           easg_error *err)
{
    easg_status st = r->emit(r->user, part, name, value);

    return st == EASG_OK ? EASG_OK : err_set(err, st, "the host refused an item");
}

/* Line ends and the like would not survive a configuration of one line: shown as blanks. */
static void plain(const easg_str *s, struct strbuf *out)
{
    for (size_t i = 0; s->ptr && i < s->len; i++)
        strbuf_addc(out, (unsigned char)s->ptr[i] < 0x20 || s->ptr[i] == 0x7f ? ' ' : s->ptr[i]);
}

static easg_status emit_recipients(struct reading *r, const struct clixml_slot *slot,
                                   easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(TEXT_ROOM);
    const easg_str *order[MAX_RECIPIENTS];
    size_t n = 0;

    if (slot->kind == CLIXML_LIST) {
        if (slot->n_items > MAX_RECIPIENTS)
            return err_set(err, EASG_E_LIMIT, "more than %u AdminMailRecipients", MAX_RECIPIENTS);
        for (; n < slot->n_items; n++) { /* sorted as they come */
            size_t at = n;

            for (; at > 0 && strcmp(order[at - 1]->ptr, slot->items[n]->ptr) > 0; at--)
                order[at] = order[at - 1];
            order[at] = slot->items[n];
        }
    } else if (slot->kind == CLIXML_TEXT && slot->text.len) {
        order[n++] = &slot->text;
    }
    for (size_t i = 0; i < n; i++) {
        if (i)
            strbuf_adds(&text, ", ");
        plain(order[i], &text);
    }
    if (strbuf_status(&text) != EASG_OK)
        return err_set(err, strbuf_status(&text), "AdminMailRecipients is too long");
    return hand_on(r, EASG_PART_SETTING, "admin_mail_recipients", strbuf_str(&text), err);
}

static easg_status on_settings(void *user, const struct clixml_record *rec, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf insert = STRBUF_INIT(TEXT_ROOM);
    struct reading *r = user;
    easg_str level = exch_slot(rec, O_LEVEL);
    easg_str text = exch_slot(rec, O_INSERT);
    const char *word = exch_level_word(&level);
    easg_status st;

    r->came++;
    if (!word)
        return err_set(err, EASG_E_PROTOCOL,
                       "the organisation's DefaultAccessLevel is none that is known");
    plain(&text, &insert);
    if (strbuf_status(&insert) != EASG_OK)
        return err_set(err, strbuf_status(&insert), "UserMailInsert is too long");
    st = hand_on(r, EASG_PART_SETTING, "default_access_level", word, err);
    if (st == EASG_OK)
        st = hand_on(r, EASG_PART_SETTING, "user_mail_insert", strbuf_str(&insert), err);
    return st == EASG_OK ? emit_recipients(r, &rec->slots[O_RECIPIENTS], err) : st;
}

static easg_status read_settings(struct exch *x, struct reading *r, easg_error *err)
{
    struct psrp_command command = { "Get-ActiveSyncOrganizationSettings", NULL, 0 };
    easg_status st = exch_run_records(x, &command, settings_columns, on_settings, r, NULL, err);

    if (st == EASG_OK && r->came != 1)
        st = err_set(err, EASG_E_PROTOCOL, "%s gave %u objects instead of one", command.name,
                     r->came);
    return st;
}

/* ---- reading: the rules ---- */

enum { R_QUERY, R_BY, R_LEVEL, R_GUID };
static const char *const rule_columns[] = { [R_QUERY] = "QueryString",
                                            [R_BY] = "Characteristic",
                                            [R_LEVEL] = "AccessLevel",
                                            [R_GUID] = "Guid",
                                            NULL };

struct rules {
    struct reading *r;
    const char *want;           /* the name of one; NULL: all */
    char guid[WSMAN_GUID_TEXT]; /* of it */
    const char *level;          /* of it; NULL: there is none */
};

static easg_status on_rule(void *user, const struct clixml_record *rec, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf name = STRBUF_INIT(TEXT_ROOM);
    struct rules *all = user;
    easg_str query = exch_slot(rec, R_QUERY);
    easg_str by = exch_slot(rec, R_BY);
    easg_str level = exch_slot(rec, R_LEVEL);
    easg_str guid = exch_slot(rec, R_GUID);
    const char *word = exch_level_word(&level);
    char id[WSMAN_GUID_TEXT];
    char characteristic[40];

    if (!query.ptr || !by.ptr || !word || !exch_guid(&guid, id))
        return err_set(err, EASG_E_PROTOCOL,
                       "a device access rule without text, characteristic, level or Guid; look at "
                       "it with Get-ActiveSyncDeviceAccessRule");
    exch_characteristic_word(&by, characteristic);
    strbuf_addf(&name, "%s:", characteristic);
    plain(&query, &name);
    if (strbuf_status(&name) != EASG_OK)
        return err_set(err, strbuf_status(&name), "the text of a device access rule is too long");
    if (!all->want)
        return hand_on(all->r, EASG_PART_RULE, strbuf_str(&name), word, err);
    if (text_ieq(name.ptr, name.len, all->want, strlen(all->want))) {
        if (all->level)
            return err_set(err, EASG_E_PROTOCOL, "two rules are called %.200s", all->want);
        all->level = word;
        memcpy(all->guid, id, sizeof(all->guid));
    }
    return EASG_OK;
}

static easg_status read_rules(struct exch *x, struct rules *all, easg_error *err)
{
    struct psrp_command command = { "Get-ActiveSyncDeviceAccessRule", NULL, 0 };

    all->level = NULL;
    return exch_run_records(x, &command, rule_columns, on_rule, all, NULL, err);
}

/* ---- reading: the classes of devices that were seen ---- */

enum { C_TYPE, C_MODEL };
static const char *const class_columns[] = {
    [C_TYPE] = "DeviceType", [C_MODEL] = "DeviceModel", NULL
};

static easg_status on_class(void *user, const struct clixml_record *rec, easg_error *err)
{
    static const char *const words[] = { "device_type:", "device_model:" };
    struct reading *r = user;
    easg_status st = EASG_OK;

    for (unsigned i = C_TYPE; st == EASG_OK && i <= C_MODEL; i++) {
        EASG_CLEANUP(strbuf_clear) struct strbuf name = STRBUF_INIT(TEXT_ROOM);
        easg_str text = exch_slot(rec, i);

        strbuf_adds(&name, words[i]);
        plain(&text, &name);
        if (text.ptr && strbuf_status(&name) == EASG_OK)
            st = hand_on(r, EASG_PART_DEVICE_CLASS, strbuf_str(&name), "", err);
    }
    return st;
}

/* Only a help for whoever writes rules: an account or a server without the cmdlet does without. */
static easg_status read_classes(struct exch *x, struct reading *r, easg_error *err)
{
    struct psrp_command command = { "Get-ActiveSyncDeviceClass", NULL, 0 };
    easg_status st = exch_run_records(x, &command, class_columns, on_class, r, NULL, err);

    if (st != EASG_E_DENIED || x->broken)
        return st;
    exch_log(x, EXCH_INFO, "classes of devices not known: %s", err->message);
    err_clear(err);
    return EASG_OK;
}

/* A tenant that is only named in a parameter must not be mistaken for the whole organisation. */
static easg_status own_organization(const struct exch *x, easg_error *err)
{
    return x->organization ? err_set(err, EASG_E_UNSUPPORTED,
                                     "what the organisation decides for everybody is not written "
                                     "by an account that names its organisation by "
                                     "source.organization")
                           : EASG_OK;
}

easg_status exch_policy_read(struct exch *x, uint32_t parts, exch_policy_fn emit, void *user,
                             easg_error *err)
{
    struct reading r = { emit, user, 0 };
    struct rules rules = { .r = &r };
    easg_status st = own_organization(x, err);

    if (st == EASG_OK && (parts & 1u << EASG_PART_SETTING))
        st = read_settings(x, &r, err);
    if (st == EASG_OK && (parts & 1u << EASG_PART_RULE))
        st = read_rules(x, &rules, err);
    if (st == EASG_OK && (parts & 1u << EASG_PART_DEVICE_CLASS))
        st = read_classes(x, &r, err);
    if (st == EASG_OK && (parts & 1u << EASG_PART_MAILBOX_POLICY))
        st = exch_mailbox_policies_read(x, emit, user, err);
    return st;
}

/* ---- writing ---- */

static easg_status send(struct exch *x, struct psrp_command *command, easg_error *err)
{
    struct exch_call call = { .commands = command, .n = 1, .flags = EXCH_WRITES };

    return exch_run(x, &call, err);
}

static easg_status set_setting(struct exch *x, const easg_orgpolicy_item *item, easg_error *err)
{
    struct psrp_value addresses[MAX_RECIPIENTS];
    struct psrp_parameter p[2];
    struct psrp_command command = { "Set-ActiveSyncOrganizationSettings", p, 2 };
    size_t n = 0;

    p[1] = (struct psrp_parameter){ "Confirm", PSRP_V_BOOL(0) };
    if (text_eq(&item->name, "default_access_level")) {
        p[0] = (struct psrp_parameter){ "DefaultAccessLevel",
                                        PSRP_V_TEXT(text_str(exch_level_name(item->value.ptr))) };
        return send(x, &command, err);
    }
    if (text_eq(&item->name, "user_mail_insert")) {
        p[0] = (struct psrp_parameter){ "UserMailInsert", PSRP_V_TEXT(item->value) };
        if (!item->value.len)
            p[0].value = (struct psrp_value){ .kind = PSRP_NIL };
        return send(x, &command, err);
    }
    for (const char *at = item->value.ptr; *at;) {
        size_t len = strcspn(at, ",");

        if (n == MAX_RECIPIENTS)
            return err_set(err, EASG_E_LIMIT, "more than %u recipients", MAX_RECIPIENTS);
        addresses[n++] = PSRP_V_TEXT(((easg_str){ at, len }));
        at += len;
        at += strspn(at, ", ");
    }
    p[0] = (struct psrp_parameter){ "AdminMailRecipients", PSRP_V_ARRAY(addresses, n) };
    if (!n)
        p[0].value = (struct psrp_value){ .kind = PSRP_NIL };
    return send(x, &command, err);
}

static easg_status change_rule(struct exch *x, const struct rules *now,
                               const easg_orgpolicy_item *item, easg_error *err)
{
    const char *colon = strchr(item->name.ptr, ':');
    struct psrp_parameter p[4];
    struct psrp_command command = { "New-ActiveSyncDeviceAccessRule", p, 0 };
    easg_str level = text_str(exch_level_name(item->value.ptr));

    if (now->level) {
        command.name = item->value.ptr ? "Set-ActiveSyncDeviceAccessRule"
                                       : "Remove-ActiveSyncDeviceAccessRule";
        p[command.n++] = (struct psrp_parameter){ "Identity", PSRP_V_TEXT(text_str(now->guid)) };
    } else {
        p[command.n++] = (struct psrp_parameter){ "QueryString", PSRP_V_TEXT(text_str(colon + 1)) };
        p[command.n++] = (struct psrp_parameter){
            "Characteristic",
            PSRP_V_TEXT(text_str(
                exch_characteristic_name(item->name.ptr, (size_t)(colon - item->name.ptr))))
        };
    }
    if (item->value.ptr)
        p[command.n++] = (struct psrp_parameter){ "AccessLevel", PSRP_V_TEXT(level) };
    p[command.n++] = (struct psrp_parameter){ "Confirm", PSRP_V_BOOL(0) };
    return send(x, &command, err);
}

/* ---- one item, as it is ---- */

struct seeking {
    const easg_orgpolicy_item *item;
    struct strbuf value;
    int came;
};

static easg_status on_item(void *user, uint32_t part, const char *name, const char *value)
{
    struct seeking *s = user;

    if (part == s->item->part &&
        text_ieq(name, strlen(name), s->item->name.ptr, s->item->name.len)) {
        strbuf_reset(&s->value);
        strbuf_adds(&s->value, value);
        s->came = 1;
    }
    return strbuf_status(&s->value);
}

static easg_status look(struct exch *x, struct seeking *s, struct rules *rules, easg_error *err)
{
    easg_status st;

    s->came = 0;
    if (s->item->part != EASG_PART_RULE)
        return exch_policy_read(x, 1u << s->item->part, on_item, s, err);
    st = read_rules(x, rules, err);
    if (st == EASG_OK && rules->level)
        st = on_item(s, EASG_PART_RULE, s->item->name.ptr, rules->level);
    return st;
}

static int is_so(const struct seeking *s)
{
    return s->item->value.ptr ? s->came && text_eq(&s->item->value, strbuf_str(&s->value))
                              : !s->came;
}

easg_status exch_policy_write(struct exch *x, const easg_orgpolicy_item *item, exch_policy_fn emit,
                              void *user, easg_error *err)
{
    struct seeking s = { item, STRBUF_INIT(TEXT_ROOM), 0 };
    struct rules rules = { .want = item->name.ptr };
    easg_status st = exch_policy_check(item, err);

    if (st == EASG_OK)
        st = own_organization(x, err);
    if (st == EASG_OK)
        st = look(x, &s, &rules, err);
    if (st == EASG_OK && item->part == EASG_PART_MAILBOX_POLICY && !s.came)
        st = err_set(err, EASG_E_NOTFOUND,
                     "there is no mailbox policy with the setting %.200s: policies are neither "
                     "made nor removed here",
                     item->name.ptr);
    if (st == EASG_OK && !is_so(&s)) {
        st = item->part == EASG_PART_SETTING ? set_setting(x, item, err)
             : item->part == EASG_PART_RULE
                 ? change_rule(x, &rules, item, err)
                 : exch_mailbox_policy_set(x, item->name.ptr, item->value.ptr, err);
        if (st == EASG_OK)
            st = look(x, &s, &rules, err);
        if (st != EASG_OK && x->broken && st != EASG_E_UNCERTAIN)
            st = EASG_E_UNCERTAIN; /* it went out: without the read-back nobody knows */
    }
    if (st == EASG_OK) {
        st = emit(user, item->part, item->name.ptr, s.came ? strbuf_str(&s.value) : NULL);
        if (st != EASG_OK)
            st = err_set(err, st, "the host refused an item");
    }
    strbuf_clear(&s.value);
    return st;
}
