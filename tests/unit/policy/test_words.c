/* SPDX-License-Identifier: Apache-2.0
 *
 * test_words.c - the words of the table go to numbers and back; the brakes.
 */
#include "check.h"

#include "policy.h"

static void test_inputs(void)
{
    struct policy_input in = POLICY_INPUT_DEFAULT;
    const char *name, *word;
    size_t i, k;

    CHECK_STR(policy_row_name(policy_decide(&in).row), "D19");
    for (i = 0; (name = policy_input_name(i)) != NULL; i++)
        for (k = 0; (word = policy_input_word(i, k)) != NULL; k++) {
            ROW(name);
            CHECK_INT(policy_input_set(&in, name, word), 1);
            CHECK_STR(policy_input_value(&in, i), word);
        }
    ROW("");
    CHECK_INT(i, 21);
    CHECK(policy_input_value(&in, i) == NULL);
    CHECK(policy_input_word(i, 0) == NULL);
    CHECK_INT(policy_input_set(&in, "platform", "symbian"), 0);
    CHECK_INT(policy_input_set(&in, "plattform", "ios"), 0);
    CHECK_STR(policy_input_value(&in, 9), "other"); /* as it was */
    in.platform = 200;
    CHECK_STR(policy_input_value(&in, 9), "?");
    in = (struct policy_input)POLICY_INPUT_DEFAULT;
    in.compliance = 200; /* nobody's number does not open the door */
    CHECK_STR(policy_action_name(policy_decide(&in).action), "block");
    in = (struct policy_input)POLICY_INPUT_DEFAULT;
    in.record = 200;
    CHECK_STR(policy_action_name(policy_decide(&in).action), "block");
}

static void test_names(void)
{
    unsigned i;

    for (i = 1; i <= 19; i++) {
        CHECK_INT(strlen(policy_row_name(i)), 3);
        CHECK(strlen(policy_row_text(i)) > 20);
    }
    CHECK_STR(policy_row_name(POLICY_ROWS), "?");
    CHECK_STR(policy_row_text(255), "?");
    CHECK_STR(policy_action_name(4), "?");
    CHECK_STR(policy_reason_name(99), "?");
    CHECK_STR(policy_mail_name(99), "?");
    CHECK_STR(policy_reason_name(REASON_NOT_ENROLLED), "notEnrolled");
}

static void test_shrink(void)
{
    static const struct {
        const char *name;
        int64_t count, last, percent;
        int ok;
    } rows[] = {
        { "first", 0, 0, 80, 1 },
        { "all left", 0, 100, 80, 0 },
        { "just enough", 80, 100, 80, 1 },
        { "one short", 79, 100, 80, 0 },
        { "of an odd number, above", 82, 102, 80, 1 },
        { "of an odd number, below", 81, 102, 80, 0 },
        { "more", 500, 100, 80, 1 },
        { "one device gone of one", 0, 1, 80, 0 },
        { "no brake", 0, 100, 0, 1 },
        { "percent above 100 is 100", 100, 100, 400, 1 },
        { "huge", INT64_MAX - 1, INT64_MAX, 100, 0 },
        { "huge, enough", INT64_MAX, INT64_MAX, 100, 1 },
        { "negative", -5, 100, 80, 0 },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ROW(rows[i].name);
        CHECK_INT(brakes_facts_ok(rows[i].count, rows[i].last, rows[i].percent), rows[i].ok);
    }
    ROW("");
}

static void test_blast(void)
{
    CHECK_INT(brakes_blast_limit(0, 20, 5), 20);
    CHECK_INT(brakes_blast_limit(400, 20, 5), 20);
    CHECK_INT(brakes_blast_limit(420, 20, 5), 21);
    CHECK_INT(brakes_blast_limit(100000, 20, 5), 5000);
    CHECK_INT(brakes_blast_limit(100, -1, -5), 0);
    CHECK_INT(brakes_blast_limit(INT64_MAX, 20, 100), INT64_MAX);
    CHECK_INT(brakes_blast_ok(20, 100, 20, 5), 1);
    CHECK_INT(brakes_blast_ok(21, 100, 20, 5), 0);
    CHECK_INT(brakes_blast_ok(0, 0, 0, 0), 1);
    CHECK_INT(brakes_blast_ok(1, 10, 0, 0), 0);
}

/* What stands beside the table: an outage beyond facts_max_age, and local rules. */
static void test_beside(void)
{
    const struct policy_input fresh = POLICY_INPUT_DEFAULT;
    static const char *const out[] = { "licence", "targeted", "policy" };
    struct policy_input in = fresh;
    size_t i;

    in.rule = RULE_ALLOW;
    CHECK_STR(policy_row_name(policy_decide(&in).row), "R01");
    CHECK_INT(policy_decide(&in).action, ACTION_ALLOW);
    in.foreign = FOREIGN_BLOCK;
    CHECK_STR(policy_row_name(policy_decide(&in).row), "D06");
    in = fresh;
    in.data = DATA_STALE;
    in.rule = RULE_ALLOW;
    CHECK_STR(policy_row_name(policy_decide(&in).row), "D01");
    in.failure = FAILURE_OPEN;
    CHECK_STR(policy_row_name(policy_decide(&in).row), "D01");
    in.entry = ENTRY_BLOCK;
    CHECK_STR(policy_row_name(policy_decide(&in).row), "F01");
    CHECK_INT(policy_decide(&in).action, ACTION_WITHDRAW);
    in.failure = FAILURE_CLOSED;
    CHECK_STR(policy_row_name(policy_decide(&in).row), "F02");
    for (i = 0; i < sizeof out / sizeof *out; i++) {
        struct policy_input other = in;

        ROW(out[i]);
        CHECK(policy_input_set(&other, out[i], "no") || policy_input_set(&other, out[i], "off"));
        CHECK_STR(policy_row_name(policy_decide(&other).row), "D01");
    }
    ROW("");
    CHECK(policy_glob("iOS 15*", "ios 15.8.2", 10));
    CHECK(policy_glob("*@b?ard.*", "anna@board.example", 18));
    CHECK(!policy_glob("iOS 15*", "iOS 16", 6));
    CHECK(!policy_glob("", "x", 1));
}

int main(void)
{
    test_beside();
    test_inputs();
    test_names();
    test_shrink();
    test_blast();
    return check_done();
}
