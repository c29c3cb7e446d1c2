/* SPDX-License-Identifier: Apache-2.0
 *
 * organization_policy and device_commands: what is read, what is refused, and that nothing is
 * spoken of unless it is written.
 */
#include "check.h"

#include "config.h"
#include "err.h"
#include "fs.h"

#include <unistd.h>

static char dir[] = "/tmp/easgate-orgpolicy-XXXXXX";

#define HEAD "organization: contoso\nsource: { module: a }\nsink: { module: b }\n"

static struct org_config *load(const char *text, easg_error *err)
{
    struct org_config *org = NULL;
    char path[300], whole[4000];

    err_clear(err);
    snprintf(path, sizeof path, "%s/contoso.yaml", dir);
    snprintf(whole, sizeof whole, HEAD "%s", text);
    CHECK_INT(fs_write(path, whole, strlen(whole), 0644, err), EASG_OK);
    return org_config_load(path, &org, err) == EASG_OK ? org : NULL;
}

static const char *value_of(const struct org_config *o, uint32_t part, const char *name)
{
    for (size_t i = 0; i < o->orgpolicy.n; i++)
        if (o->orgpolicy.items[i].part == part && strcmp(o->orgpolicy.items[i].name, name) == 0)
            return o->orgpolicy.items[i].value;
    return NULL;
}

static void test_read(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct org_config *o = load("", &err);

    CHECK(o != NULL);
    if (!o)
        return;
    CHECK_INT(o->orgpolicy.n, 0);
    CHECK_INT(o->orgpolicy.parts, 0);
    CHECK(!o->device_commands.remove && !o->device_commands.wipe);
    CHECK_INT(o->device_commands.confirm_ms, 15 * 60000);
    org_config_destroy(o);

    o = load(
        "organization_policy:\n  default_access_level: quarantine\n  user_mail_insert: \"\"\n"
        "  admin_mail_recipients: [ c@x.y, a@x.y, b@x.y ]\n"
        "  device_rules: { device_type: { iPhone: allow }, device_os: { iOS 7.0: block } }\n"
        "  mailbox_policies: { Default: { allow_simple_password: no, password_min_length: 6 } }\n"
        "device_commands: { remove: true, confirm_within: 5m }\n",
        &err);
    CHECK(o != NULL);
    if (!o)
        return;
    CHECK_INT(o->orgpolicy.n, 7);
    CHECK_INT(o->orgpolicy.parts, 7);
    CHECK(!o->orgpolicy.rules_exclusive);
    CHECK_STR(value_of(o, 0, "default_access_level"), "quarantine");
    CHECK_STR(value_of(o, 0, "user_mail_insert"), "");
    CHECK_STR(value_of(o, 0, "admin_mail_recipients"), "a@x.y, b@x.y, c@x.y");
    CHECK_STR(value_of(o, 1, "device_type:iPhone"), "allow");
    CHECK_STR(value_of(o, 1, "device_os:iOS 7.0"), "block");
    CHECK_STR(value_of(o, 2, "Default/allow_simple_password"), "false");
    CHECK_STR(value_of(o, 2, "Default/password_min_length"), "6");
    CHECK_INT(o->device_commands.remove, 1);
    CHECK_INT(o->device_commands.wipe, 0);
    CHECK_INT(o->device_commands.confirm_ms, 5 * 60000);
    org_config_destroy(o);

    /* no rule at all is a wish as well */
    o = load("organization_policy: { device_rules: {} }\n", &err);
    CHECK(o && o->orgpolicy.n == 0 && o->orgpolicy.parts == 1u << 1);
    org_config_destroy(o);
}

static void test_refused(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "organization_policy: { default_access_level: open }\n", "allow, block, quarantine" },
        { "organization_policy: { user_mail_insert: \"a\\nb\" }\n", "one line" },
        { "organization_policy: { admin_mail_recipients: [ nobody ] }\n", "a mail address" },
        { "organization_policy: { device_rules: { device: { iPhone: allow } } }\n",
          "unknown key `device`" },
        { "organization_policy: { device_rules: { device_type: { iPhone: maybe } } }\n",
          "allow, block or quarantine" },
        { "organization_policy: { device_rules: { device_type: iPhone } }\n", "must be a map" },
        { "organization_policy: { device_rules: { device_type: { A: allow, a: block } } }\n",
          "stands here twice" },
        { "organization_policy: { device_rules_exclusive: true }\n", "needs `device_rules`" },
        { "organization_policy: { default_level: allow }\n", "unknown key `default_level`" },
        { "device_commands: { confirm_within: 2d }\n", "1m to 24h" },
        { "device_commands: { erase: true }\n", "unknown key `erase`" },
    };
    easg_error err = EASG_ERROR_INIT;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct org_config *o = load(rows[i].text, &err);

        ROW(rows[i].text);
        CHECK(o == NULL);
        CHECK_HAS(err.message, rows[i].says);
        CHECK_HAS(err.message, "contoso.yaml:4:");
        org_config_destroy(o);
    }
    ROW("");
}

int main(void)
{
    char path[300];

    if (!mkdtemp(dir))
        return 1;
    test_read();
    test_refused();
    snprintf(path, sizeof path, "%s/contoso.yaml", dir);
    unlink(path);
    rmdir(dir);
    return check_done();
}
