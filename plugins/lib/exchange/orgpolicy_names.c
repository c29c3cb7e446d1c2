/* SPDX-License-Identifier: Apache-2.0
 *
 * orgpolicy_names.c - between the host's words and Exchange's, and what may be written at all.
 */
#include <string.h>

#include "exch_admin_private.h"

#include "err.h"
#include "text.h"

#define INSERT_MAX 256 /* characters, Set-ActiveSyncOrganizationSettings */

static const struct {
    const char *word, *name;
} level_names[] = { { "allow", "Allow" }, { "block", "Block" }, { "quarantine", "Quarantine" } },
  characteristic_names[] = { { "device_type", "DeviceType" },
                             { "device_model", "DeviceModel" },
                             { "device_os", "DeviceOS" },
                             { "user_agent", "UserAgent" } };

const char *exch_level_word(const easg_str *level)
{
    for (size_t i = 0; level->ptr && i < 3; i++)
        if (text_ieq(level->ptr, level->len, level_names[i].name, strlen(level_names[i].name)))
            return level_names[i].word;
    return NULL;
}

const char *exch_level_name(const char *word)
{
    for (size_t i = 0; word && i < 3; i++)
        if (strcmp(word, level_names[i].word) == 0)
            return level_names[i].name;
    return NULL;
}

void exch_characteristic_word(const easg_str *name, char out[40])
{
    size_t n = 0;

    for (size_t i = 0; i < 4; i++)
        if (text_ieq(name->ptr, name->len, characteristic_names[i].name,
                     strlen(characteristic_names[i].name))) {
            memcpy(out, characteristic_names[i].word, strlen(characteristic_names[i].word) + 1);
            return;
        }
    for (size_t i = 0; i < name->len && n < 39; i++) {
        char c = name->ptr[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[n++] = c;
    }
    out[n] = '\0';
}

const char *exch_characteristic_name(const char *word, size_t len)
{
    for (size_t i = 0; i < 4; i++)
        if (text_ieq(word, len, characteristic_names[i].word, strlen(characteristic_names[i].word)))
            return characteristic_names[i].name;
    return NULL;
}

/* The settings that both names of the cmdlet have. */
const struct exch_policy_setting exch_policy_settings[] = {
    { "allow_non_provisionable", "AllowNonProvisionableDevices", "AllowNonProvisionableDevices",
      'b' },
    { "password_required", "PasswordEnabled", "DevicePasswordEnabled", 'b' },
    { "alphanumeric_password", "AlphanumericPasswordRequired", "AlphanumericDevicePasswordRequired",
      'b' },
    { "allow_simple_password", "AllowSimplePassword", "AllowSimpleDevicePassword", 'b' },
    { "password_recovery", "PasswordRecoveryEnabled", "PasswordRecoveryEnabled", 'b' },
    { "require_device_encryption", "RequireDeviceEncryption", "RequireDeviceEncryption", 'b' },
    { "attachments", "AttachmentsEnabled", "AttachmentsEnabled", 'b' },
    { "password_min_length", "MinPasswordLength", "MinDevicePasswordLength", 'n' },
    { "password_history", "PasswordHistory", "DevicePasswordHistory", 'n' },
    { "password_max_failed", "MaxPasswordFailedAttempts", "MaxDevicePasswordFailedAttempts", 'u' },
};
const size_t exch_policy_settings_n =
    sizeof(exch_policy_settings) / sizeof(exch_policy_settings[0]);

const struct exch_policy_setting *exch_policy_setting(const char *word)
{
    for (size_t i = 0; word && i < exch_policy_settings_n; i++)
        if (strcmp(word, exch_policy_settings[i].word) == 0)
            return &exch_policy_settings[i];
    return NULL;
}

const char *exch_policy_word(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash && slash > name && slash[1] ? slash + 1 : NULL;
}

/* ---- what may be written ---- */

static size_t characters(const easg_str *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->len; i++)
        n += ((unsigned char)s->ptr[i] & 0xc0) != 0x80;
    return n;
}

static easg_status check_setting(const easg_orgpolicy_item *item, easg_error *err)
{
    if (text_eq(&item->name, "default_access_level"))
        return exch_level_name(item->value.ptr)
                   ? EASG_OK
                   : err_set(err, EASG_E_CONFIG,
                             "default_access_level must be allow, block or quarantine");
    if (text_eq(&item->name, "user_mail_insert"))
        return item->value.ptr && characters(&item->value) <= INSERT_MAX
                   ? EASG_OK
                   : err_set(err, EASG_E_CONFIG,
                             "user_mail_insert has %zu characters, Exchange takes %d: put the rest "
                             "into a mail of our own (notifier)",
                             item->value.ptr ? characters(&item->value) : 0, INSERT_MAX);
    if (text_eq(&item->name, "admin_mail_recipients"))
        return item->value.ptr
                   ? EASG_OK
                   : err_set(err, EASG_E_CONFIG, "admin_mail_recipients cannot be taken away");
    return err_set(err, EASG_E_UNSUPPORTED, "Exchange has no setting %.60s", item->name.ptr);
}

static easg_status check_rule(const easg_orgpolicy_item *item, easg_error *err)
{
    const char *colon = strchr(item->name.ptr, ':');

    if (!colon || !exch_characteristic_name(item->name.ptr, (size_t)(colon - item->name.ptr)))
        return err_set(err, EASG_E_UNSUPPORTED,
                       "a rule goes by device_type, device_model, device_os or user_agent, not by "
                       "%.60s",
                       item->name.ptr);
    if (!colon[1] || strspn(colon + 1, " ") == strlen(colon + 1))
        return err_set(err, EASG_E_CONFIG, "a rule needs the exact text that devices show");
    if (strpbrk(colon + 1, "*?"))
        return err_set(err, EASG_E_CONFIG,
                       "a rule's text is compared exactly: Exchange has no wildcards there "
                       "(%.100s)",
                       colon + 1);
    if (item->value.ptr && !exch_level_name(item->value.ptr))
        return err_set(err, EASG_E_CONFIG, "a rule says allow, block or quarantine");
    return EASG_OK;
}

static int number_up_to(const easg_str *v, uint64_t max)
{
    uint64_t n;

    return text_parse_u64(v->ptr, v->len, &n) && n <= max;
}

static easg_status check_mailbox_policy(const easg_orgpolicy_item *item, easg_error *err)
{
    const char *word = exch_policy_word(item->name.ptr);
    const struct exch_policy_setting *s = exch_policy_setting(word);
    const easg_str *v = &item->value;

    if (!s)
        return err_set(err, EASG_E_UNSUPPORTED,
                       "%.80s is no setting of a mailbox policy that can be written; "
                       "easgate-exchange-onprem(7) lists them",
                       word ? word : item->name.ptr);
    if (!v->ptr)
        return err_set(err, EASG_E_CONFIG, "%s cannot be taken away", s->word);
    if (s->kind == 'b' ? !text_eq(v, "true") && !text_eq(v, "false")
                       : !number_up_to(v, 1000) && !(s->kind == 'u' && text_eq(v, "unlimited")))
        return err_set(err, EASG_E_CONFIG, "%s must be %s", s->word,
                       s->kind == 'b'   ? "true or false"
                       : s->kind == 'u' ? "a number or unlimited"
                                        : "a number");
    return EASG_OK;
}

easg_status exch_policy_check(const easg_orgpolicy_item *item, easg_error *err)
{
    if (text_blank(&item->name))
        return err_set(err, EASG_E_USAGE, "an item without a name");
    switch (item->part) {
    case EASG_PART_SETTING: return check_setting(item, err);
    case EASG_PART_RULE: return check_rule(item, err);
    case EASG_PART_MAILBOX_POLICY: return check_mailbox_policy(item, err);
    default: return err_set(err, EASG_E_UNSUPPORTED, "unknown part %u", (unsigned)item->part);
    }
}
