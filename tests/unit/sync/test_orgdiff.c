/* SPDX-License-Identifier: Apache-2.0
 *
 * What an organisation decides for everybody against its configuration: every row of the rules in
 * the head of orgdiff.c.
 */
#include "check.h"

#include "orgpolicy.h"

enum { SETTING, RULE, MAILBOX };
#define NONE NULL

static const struct orgpolicy_entry entries[] = {
    { SETTING, "default_access_level", "quarantine", NULL },
    { SETTING, "user_mail_insert", "", NULL },
    { RULE, "device_type:iPhone", "allow", NULL },
    { MAILBOX, "Default/password_min_length", "6", NULL },
};

static char *text(const char *s)
{
    return (char *)(uintptr_t)s; /* borrowed: only read */
}

struct row {
    const char *name;
    uint32_t parts;
    int exclusive;
    struct {
        uint32_t part;
        const char *name, *value;
        int ours;
        const char *written, *before;
    } item;
    int wants;
    const char *after;
};

static void test_wants(void)
{
    static const struct row rows[] = {
        { "not spoken of", 0, 0, { SETTING, "default_access_level", "allow", 0, 0, 0 }, 0, NONE },
        { "as it is", 7, 0, { SETTING, "default_access_level", "quarantine", 0, 0, 0 }, 0, NONE },
        { "differs", 7, 0, { SETTING, "default_access_level", "allow", 0, 0, 0 }, 1, "quarantine" },
        { "to nothing", 7, 0, { SETTING, "user_mail_insert", "x", 0, 0, 0 }, 1, "" },
        { "another setting",
          7,
          0,
          { SETTING, "admin_mail_recipients", "x", 1, "x", "y" },
          0,
          NONE },
        { "a rule that is missing",
          7,
          0,
          { RULE, "DEVICE_TYPE:IPHONE", NONE, 0, 0, 0 },
          1,
          "allow" },
        { "a rule that differs",
          7,
          0,
          { RULE, "device_type:iPhone", "block", 0, 0, 0 },
          1,
          "allow" },
        { "of others", 7, 0, { RULE, "device_type:Palm", "block", 0, 0, 0 }, 0, NONE },
        { "of others, exclusive", 7, 1, { RULE, "device_type:Palm", "block", 0, 0, 0 }, 1, NONE },
        { "gone, exclusive", 7, 1, { RULE, "device_type:Palm", NONE, 1, NONE, "block" }, 0, NONE },
        { "gone by us, not exclusive any more",
          7,
          0,
          { RULE, "device_type:Palm", NONE, 1, NONE, "block" },
          1,
          "block" },
        { "ours, not named any more",
          7,
          0,
          { RULE, "device_type:Old", "allow", 1, "allow", NONE },
          1,
          NONE },
        { "ours over another's",
          7,
          0,
          { RULE, "device_type:Old", "allow", 1, "allow", "block" },
          1,
          "block" },
        { "ours, changed by somebody",
          7,
          0,
          { RULE, "device_type:Old", "block", 1, "allow", NONE },
          0,
          NONE },
        { "rules not spoken of",
          5,
          0,
          { RULE, "device_type:Old", "allow", 1, "allow", NONE },
          0,
          NONE },
        { "a policy", 7, 0, { MAILBOX, "default/password_min_length", "4", 0, 0, 0 }, 1, "6" },
        { "another of its settings",
          7,
          0,
          { MAILBOX, "Default/attachments", "true", 0, 0, 0 },
          0,
          NONE },
        { "classes", 15, 1, { 3, "device_type:Palm", "", 0, 0, 0 }, 0, NONE },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct orgpolicy_config config = { entries, 4, r->parts, r->exclusive };
        struct store_orgpolicy item = { r->item.part, text(r->item.name),    text(r->item.value),
                                        r->item.ours, text(r->item.written), text(r->item.before) };
        const char *after = "unset", *reason = NULL;
        int wants = orgpolicy_wants(&config, &item, &after, &reason);

        ROW(r->name);
        CHECK_INT(wants, r->wants);
        if (wants && r->wants) {
            CHECK(orgpolicy_same(after, r->after));
            CHECK(reason != NULL);
        }
    }
    ROW("");
}

static void test_word(void)
{
    static const struct {
        const char *name;
        uint32_t part;
        const char *item, *before, *after;
        int word;
    } rows[] = {
        { "the default", SETTING, "default_access_level", "quarantine", "allow", 1 },
        { "the text", SETTING, "user_mail_insert", "a", "b", 0 },
        { "a rule that allows", RULE, "device_type:A", NONE, "allow", 0 },
        { "a rule that blocks", RULE, "device_type:A", NONE, "block", 1 },
        { "a rule that quarantines", RULE, "device_type:A", "allow", "quarantine", 1 },
        { "from block to quarantine", RULE, "device_type:A", "block", "quarantine", 1 },
        { "from block to allow", RULE, "device_type:A", "block", "allow", 0 },
        { "allowed no more", RULE, "device_type:A", "allow", NONE, 1 },
        { "blocked no more", RULE, "device_type:A", "block", NONE, 0 },
        { "a mailbox policy", MAILBOX, "Default/attachments", "true", "false", 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ROW(rows[i].name);
        CHECK_INT(orgpolicy_needs_word(rows[i].part, rows[i].item, rows[i].before, rows[i].after),
                  rows[i].word);
    }
    ROW("");
}

int main(void)
{
    test_wants();
    test_word();
    return check_done();
}
