/* SPDX-License-Identifier: Apache-2.0
 *
 * Autodiscover's answers, and the order of SRV records. The search itself is tested against the
 * lab.
 */
#include "check.h"
#include "discover_private.h"
#include "err.h"

static struct strbuf file = STRBUF_INIT((size_t)1 << 20);

static void slurp(const char *name)
{
    char path[4096], chunk[4096];
    size_t n;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/tests/data/ews/%s", check_source(), name);
    strbuf_reset(&file);
    f = fopen(path, "rb");
    if (!CHECK(f != NULL))
        return;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        strbuf_add(&file, chunk, n);
    (void)fclose(f);
}

static void answers(void)
{
#define A "samples/autodiscover/"
#define G "recorded-gromox-3.10/"
    static const struct {
        const char *name;
        easg_status (*read)(const char *, size_t, struct discover_answer *, easg_error *);
        enum discover_kind kind;
        const char *internal, *external, *target;
    } rows[] = {
        { A "pox-response-settings.xml", discover_read_pox, DISCOVER_SETTINGS,
          "https://cas1.corp.example.test/EWS/Exchange.asmx",
          "https://mail.example.test/EWS/Exchange.asmx", "" },
        { A "pox-response-redirectAddr.xml", discover_read_pox, DISCOVER_ADDRESS, "", "",
          "notify@other.example.test" },
        { A "pox-response-redirectUrl.xml", discover_read_pox, DISCOVER_URL, "", "",
          "https://autodiscover2.example.test/autodiscover/autodiscover.xml" },
        { A "pox-response-error600.xml", discover_read_pox, DISCOVER_NOTHING, "", "", "" },
        { A "soap-getusersettings-response.xml", discover_read_soap, DISCOVER_SETTINGS,
          "https://cas1.corp.example.test/EWS/Exchange.asmx",
          "https://mail.example.test/EWS/Exchange.asmx", "" },
        { A "soap-getusersettings-redirectaddr.xml", discover_read_soap, DISCOVER_ADDRESS, "", "",
          "notify@other.example.test" },
        { A "v2-ok.json", discover_read_json, DISCOVER_SETTINGS, "",
          "https://mail.example.test/EWS/Exchange.asmx", "" },
        { G "autodiscover-pox-ok.response.body", discover_read_pox, DISCOVER_SETTINGS,
          "https://mail.example.test/EWS/Exchange.asmx",
          "https://mail.example.test/EWS/Exchange.asmx", "" },
        { G "autodiscover-pox-bad-schema.response.body", discover_read_pox, DISCOVER_NOTHING, "",
          "", "" },
        { G "autodiscover-pox-unknown-user.response.body", discover_read_pox, DISCOVER_NOTHING, "",
          "", "" },
        { G "autodiscover-soap-404.response.body", discover_read_soap, DISCOVER_NOTHING, "", "",
          "" },
        { G "autodiscover-v2-ok.response.body", discover_read_json, DISCOVER_SETTINGS, "",
          "https://mail.example.test/EWS/Exchange.asmx", "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;
        struct discover_answer a;

        ROW(rows[i].name);
        slurp(rows[i].name);
        CHECK_INT(rows[i].read(strbuf_str(&file), file.len, &a, &err), EASG_OK);
        CHECK_INT(a.kind, rows[i].kind);
        CHECK_STR(a.internal, rows[i].internal);
        CHECK_STR(a.external, rows[i].external);
        CHECK_STR(a.target, rows[i].target);
        CHECK(a.kind != DISCOVER_NOTHING || a.why[0]);
    }
}

static uint32_t draws[8];
static size_t n_draws;

static uint32_t drawn(void *user)
{
    (void)user;
    return draws[n_draws++ % 8];
}

static void order(void)
{
    const struct ews_srv given[4] = {
        { 20, 0, 443, "c" },
        { 10, 60, 443, "b" },
        { 10, 40, 443, "a" },
        { 10, 0, 443, "z" },
    };
    struct ews_srv list[4];

    ROW("drawn 0: the one without weight, then by order");
    memcpy(list, given, sizeof list);
    memset(draws, 0, sizeof draws);
    ews_order_srv(list, 4, drawn, NULL);
    CHECK_STR(list[0].host, "z");
    CHECK_STR(list[3].host, "c");
    ROW("drawn 40 of 100: a");
    memcpy(list, given, sizeof list);
    draws[0] = 40;
    n_draws = 0;
    ews_order_srv(list, 4, drawn, NULL);
    CHECK_STR(list[0].host, "a");
    ROW("drawn 41 of 100: b");
    memcpy(list, given, sizeof list);
    draws[0] = 41;
    n_draws = 0;
    ews_order_srv(list, 4, drawn, NULL);
    CHECK_STR(list[0].host, "b");
    CHECK_STR(list[3].host, "c");
    ROW("weights are shares");
    {
        unsigned first_a = 0;

        for (uint32_t i = 0; i < 101; i++) {
            memcpy(list, given, sizeof list);
            draws[0] = i;
            n_draws = 0;
            ews_order_srv(list, 4, drawn, NULL);
            first_a += list[0].host[0] == 'a';
        }
        CHECK_INT(first_a, 40);
    }
    ews_order_srv(list, 0, drawn, NULL);
}

int main(void)
{
    answers();
    order();
    strbuf_clear(&file);
    return check_done();
}
