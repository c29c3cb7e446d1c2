/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be written of an organisation's own decisions, before anything is asked; which cmdlets
 * a configuration needs; and that a device without a name is refused before any request.
 */
#include "check.h"

#include "exchange_admin.h"

#include "err.h"
#include "strbuf.h"
#include "text.h"

static easg_status check(uint32_t part, const char *name, const char *value, easg_error *err)
{
    const easg_orgpolicy_item item = {
        .struct_size = sizeof item, .part = part, .name = text_str(name), .value = text_str(value)
    };

    err_clear(err);
    return exch_policy_check(&item, err);
}

static void test_check(void)
{
    static const struct {
        uint32_t part;
        const char *name, *value;
        easg_status st;
    } rows[] = {
        { 0, "default_access_level", "block", EASG_OK },
        { 0, "default_access_level", "Block", EASG_E_CONFIG },
        { 0, "default_access_level", NULL, EASG_E_CONFIG },
        { 0, "admin_mail_recipients", "", EASG_OK },
        { 0, "allow_unsupported", "true", EASG_E_UNSUPPORTED },
        { 1, "device_type:iPhone", "quarantine", EASG_OK },
        { 1, "device_type:iPhone", NULL, EASG_OK },
        { 1, "device_type:iPhone", "deny", EASG_E_CONFIG },
        { 1, "device_type:", "allow", EASG_E_CONFIG },
        { 1, "device_type:   ", "allow", EASG_E_CONFIG },
        { 1, "user_agent:Apple-*", "allow", EASG_E_CONFIG },
        { 1, "xmswlheader:x", "allow", EASG_E_UNSUPPORTED },
        { 1, "iPhone", "allow", EASG_E_UNSUPPORTED },
        { 2, "Default/allow_simple_password", "false", EASG_OK },
        { 2, "Default/allow_simple_password", "0", EASG_E_CONFIG },
        { 2, "A/B/password_min_length", "6", EASG_OK },
        { 2, "Default/password_min_length", "six", EASG_E_CONFIG },
        { 2, "Default/password_min_length", "unlimited", EASG_E_CONFIG },
        { 2, "Default/password_max_failed", "unlimited", EASG_OK },
        { 2, "Default/allow_camera", "false", EASG_E_UNSUPPORTED },
        { 2, "allow_simple_password", "false", EASG_E_UNSUPPORTED },
        { 2, "Default/attachments", NULL, EASG_E_CONFIG },
        { 9, "x", "y", EASG_E_UNSUPPORTED },
        { 0, " ", "y", EASG_E_USAGE },
    };
    easg_error err = EASG_ERROR_INIT;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].name);
        CHECK_INT(check(rows[i].part, rows[i].name, rows[i].value, &err), rows[i].st);
        CHECK_INT(err.message[0] != '\0', rows[i].st != EASG_OK);
    }
    ROW("");
}

/* 256 characters, not bytes. */
static void test_insert(void)
{
    easg_error err = EASG_ERROR_INIT;
    char text[600] = "";

    for (int i = 0; i < 256; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 3);
    CHECK_INT(check(0, "user_mail_insert", text, &err), EASG_OK);
    memcpy(text + 512, "x", 2);
    CHECK_INT(check(0, "user_mail_insert", text, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "257 characters");
}

static void test_needs(void)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf script = STRBUF_INIT(16000);

    CHECK(exch_need_at(0, 0) == NULL);
    CHECK_STR(exch_need_at(EASG_NEED_ORG_SETTINGS, 0), "Set-ActiveSyncOrganizationSettings");
    CHECK(exch_need_at(EASG_NEED_ORG_SETTINGS, 1) == NULL);
    CHECK_STR(exch_need_at(EASG_NEED_DEVICE_REMOVE, 1), "Remove-ActiveSyncDevice");
    exch_need_script(0, &script);
    CHECK_INT(script.len, 0);
    exch_need_script(EASG_NEED_DEVICE_REMOVE, &script);
    CHECK_HAS(strbuf_str(&script), "'Remove-MobileDevice'");
    CHECK(strstr(strbuf_str(&script), "Clear-") == NULL);
    CHECK(strstr(strbuf_str(&script), "Set-ActiveSync") == NULL);
}

static easg_status never(void *user, const char *line)
{
    (void)user;
    CHECK_STR(line, "nothing is told");
    return EASG_OK;
}

/* No session is handed over: it would crash if anything were asked. */
static void test_blank(void)
{
    static const struct {
        const char *key, *id, *owner;
    } rows[] = { { "", "ID1", "CN=a" },
                 { NULL, "ID1", "CN=a" },
                 { "iPhone", "ID1", "CN=a" },
                 { "00000000-0000-0000-0000-000000000000", "ID1", "CN=a" },
                 { "6a1f0e2c-1111-4222-8333-444444444444", " ", "CN=a" },
                 { "6a1f0e2c-1111-4222-8333-444444444444", "ID1", "" } };
    easg_error err = EASG_ERROR_INIT;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int go = 0; go < 2; go++) {
            const easg_device_command c = { .struct_size = sizeof c,
                                            .verb = EASG_DEVICE_WIPE,
                                            .key = text_str(rows[i].key),
                                            .device_id = text_str(rows[i].id),
                                            .owner = text_str(rows[i].owner) };

            err_clear(&err);
            CHECK_INT(exch_device_command(NULL, &c, go, never, NULL, &err), EASG_E_USAGE);
            CHECK_HAS(err.message, "nothing was asked");
        }
}

int main(void)
{
    test_check();
    test_insert();
    test_needs();
    test_blank();
    return check_done();
}
