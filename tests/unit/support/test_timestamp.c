/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates and durations from and to text.
 */
#include "timestamp.h"

#include "check.h"

static void test_parse(void)
{
    static const struct {
        const char *text;
        int ok;
        easg_time want;
    } rows[] = {
        { "1970-01-01T00:00:00Z", 1, 0 },
        { "2021-09-28T17:32:01Z", 1, 1632850321000 },
        { "2021-09-28T10:32:01-07:00", 1, 1632850321000 },
        { "2021-09-28T17:32:01", 1, 1632850321000 },
        { "2021-09-28T17:32:01.1234567Z", 1, 1632850321123 },
        { "2021-09-28T17:32:01.5+02:00", 1, 1632843121500 },
        { "2024-02-29T00:00:00Z", 1, 1709164800000 },
        { "1969-12-31T23:59:59Z", 1, -1000 },
        { "0001-01-01T00:00:00", 1, EASG_TIME_NONE },
        { "0001-01-01T00:00:00Z", 1, EASG_TIME_NONE },
        { "9999-12-31T23:59:59Z", 1, EASG_TIME_NONE },
        { "9999-12-31T23:59:59.9999999", 1, EASG_TIME_NONE },
        { "2023-02-29T00:00:00Z", 0, 0 },
        { "2021-13-01T00:00:00Z", 0, 0 },
        { "2021-09-28T24:00:00Z", 0, 0 },
        { "2021-09-28 17:32:01Z", 0, 0 },
        { "2021-09-28T17:32:01.Z", 0, 0 },
        { "2021-09-28T17:32:01+99:00", 0, 0 },
        { "2021-09-28T17:32:01Zx", 0, 0 },
        { "21-09-28T17:32:01Z", 0, 0 },
        { "", 0, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_time t = 42;

        ROW(rows[i].text);
        CHECK_INT(timestamp_parse(rows[i].text, strlen(rows[i].text), &t), rows[i].ok);
        if (rows[i].ok)
            CHECK_INT(t, rows[i].want);
    }
    ROW("");
}

static void test_round_trip(void)
{
    char out[TIMESTAMP_SIZE];

    for (easg_time t = -62135596800000 + 86400000LL * 400; t < 253402214400000;
         t += 86399999LL * 97) {
        easg_time back;

        timestamp_format(t, out);
        if (!timestamp_parse(out, strlen(out), &back) || back != t)
            CHECK_STR(out, "the time it was made from");
    }
    CHECK_STR(timestamp_format(EASG_TIME_NONE, out), "");
    CHECK_STR(timestamp_format(INT64_MAX, out), "");
    CHECK_STR(timestamp_format(1632850321000, out), "2021-09-28T17:32:01Z");
    CHECK_STR(timestamp_format(-1, out), "1969-12-31T23:59:59.999Z");
}

static void test_duration(void)
{
    static const struct {
        const char *text;
        int ok;
        int64_t ms;
        const char *again;
    } rows[] = {
        { "90s", 1, 90000, "1m30s" },
        { "2h", 1, 7200000, "2h" },
        { "1h30m", 1, 5400000, "1h30m" },
        { "500ms", 1, 500, "500ms" },
        { "7d", 1, 604800000, "7d" },
        { "0s", 1, 0, "0s" },
        { "", 0, 0, "" },
        { "5", 0, 0, "" },
        { "h", 0, 0, "" },
        { "5 m", 0, 0, "" },
        { "-5m", 0, 0, "" },
        { "99999999999d", 0, 0, "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        char out[TIMESTAMP_SIZE];

        ROW(rows[i].text);
        CHECK_INT(duration_parse(rows[i].text, strlen(rows[i].text), &ms), rows[i].ok);
        if (rows[i].ok) {
            CHECK_INT(ms, rows[i].ms);
            CHECK_STR(duration_format(ms, out), rows[i].again);
        }
    }
    ROW("");
}

int main(void)
{
    test_parse();
    test_round_trip();
    test_duration();
    return check_done();
}
