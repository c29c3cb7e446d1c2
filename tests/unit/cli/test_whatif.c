/* SPDX-License-Identifier: Apache-2.0
 *
 * test_whatif.c - which facts would change a verdict, as the table itself says.
 */
#include "check.h"

#include "whatif.h"

static const struct whatif *find(const struct whatif *w, size_t n, const char *text)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (strstr(w[i].text, text))
            return &w[i];
    return NULL;
}

static void test_whatif(void)
{
    struct policy_input in = POLICY_INPUT_DEFAULT;
    struct whatif w[WHATIF_MAX];
    const struct whatif *hit;
    struct policy_verdict now;
    size_t n, i;

    in.record = RECORD_NONE;
    in.compliance = COMPLIANCE_UNKNOWN_OLD;
    now = policy_decide(&in);
    n = whatif(&in, w);
    hit = find(w, n, "enrolled by this user, and compliant");
    CHECK(hit != NULL);
    CHECK_INT(hit ? hit->then.action : 99, ACTION_WITHDRAW);
    CHECK(find(w, n, "reports it compliant") == NULL); /* alone that does nothing */
    CHECK(find(w, n, "one of the two") == NULL);
    for (i = 0; i < n; i++) {
        ROW(w[i].text);
        CHECK(w[i].then.action != now.action);
    }
    ROW("");

    in.data = DATA_STALE;
    n = whatif(&in, w);
    CHECK_INT(n, 1); /* nothing else counts before there are facts */
    hit = find(w, n, "fresh");
    CHECK_INT(hit ? hit->then.action : 99, ACTION_BLOCK);

    in = (struct policy_input)POLICY_INPUT_DEFAULT;
    in.record = RECORD_AMBIGUOUS;
    n = whatif(&in, w);
    hit = find(w, n, "one of the two");
    CHECK_INT(hit ? hit->then.action : 99, ACTION_WITHDRAW);
}

int main(void)
{
    test_whatif();
    return check_done();
}
