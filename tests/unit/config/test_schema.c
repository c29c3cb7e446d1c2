/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON Schema made from declared options, and the effective configuration as YAML.
 */
#include "check.h"

#include "config.h"
#include "err.h"
#include "fs.h"

#include <cjson/cJSON.h>

#include <unistd.h>

#define O(t, f, n, d, a, doc_)                                                                     \
    {                                                                                              \
        sizeof(easg_option), EASG_OPT_##t, (f), 0, (n), (d), (a), (doc_)                           \
    }

static const easg_option server = O(STRING, EASG_OPTF_REQUIRED, "server", NULL, NULL, "a \"name\"");
static const easg_option method = O(ENUM, 0, "auth.method", "kerberos", "kerberos|basic", NULL);
static const easg_option password =
    O(SECRET, EASG_OPTF_REQUIRED, "auth.password", NULL, NULL, NULL);
static const easg_option parallel = O(INT, 0, "parallel", "1", "1..12", NULL);
static const easg_option wait = O(DURATION, 0, "wait", "15s", NULL, NULL);
static const easg_option plans = O(LIST, EASG_OPTF_DEPRECATED, "plans", "[a, b]", NULL, NULL);
static const easg_option *const onprem[] = { &server, &method, &password, &parallel,
                                             &wait,   &plans,  NULL };
static const struct cfg_schema_module modules[] = {
    {"easg.source/1",  "exchange-onprem", "an Exchange organisation", onprem},
    { "easg.source/1", "source-csv",      "a file",                   NULL  },
    { "easg.sink/1",   "intune",          "Intune",                   NULL  },
};
static easg_error err = EASG_ERROR_INIT;

static const cJSON *at(const cJSON *j, const char *path)
{
    char part[64];

    while (j && *path) {
        size_t n = strcspn(path, "/");

        snprintf(part, sizeof part, "%.*s", (int)n, path);
        j = cJSON_IsArray(j) ? cJSON_GetArrayItem(j, (int)strtol(part, NULL, 10))
                             : cJSON_GetObjectItemCaseSensitive(j, part);
        path += n + (path[n] == '/');
    }
    return j;
}

static const char *text_at(const cJSON *j, const char *path)
{
    return cJSON_GetStringValue(at(j, path));
}

static void test_schema(void)
{
    struct strbuf b = STRBUF_INIT(1 << 20);
    cJSON *j;

    CHECK_INT(cfg_schema(&b, modules, 3), EASG_OK);
    j = cJSON_Parse(b.ptr);
    CHECK(j != NULL);
    CHECK_STR(text_at(j, "$schema"), "https://json-schema.org/draft/2020-12/schema");
    CHECK_INT(cJSON_GetArraySize(at(j, "required")), 3);
    CHECK_STR(text_at(j, "required/0"), "organization");
    CHECK(cJSON_IsFalse(at(j, "additionalProperties")));
    CHECK_STR(text_at(j, "properties/mode/enum/1"), "enforce");
    CHECK_STR(text_at(j, "properties/mode/default"), "audit");
    CHECK(cJSON_IsTrue(at(j, "properties/policy/properties/enabled/default")));
    CHECK_INT(cJSON_GetNumberValue(at(j, "properties/brakes/properties/shrink_percent/maximum")),
              100);
    CHECK_INT(cJSON_GetNumberValue(at(j, "properties/brakes/properties/shrink_percent/default")),
              80);
    CHECK_STR(text_at(j, "properties/source/properties/module/enum/0"), "exchange-onprem");
    CHECK_STR(text_at(j, "properties/source/properties/module/enum/1"), "source-csv");
    CHECK_INT(cJSON_GetArraySize(at(j, "properties/sink/properties/module/enum")), 1);
    CHECK_STR(text_at(j, "properties/source/allOf/0/then/$ref"), "#/$defs/source-exchange-onprem");
    CHECK_STR(text_at(j, "$defs/source-exchange-onprem/properties/server/description"),
              "a \"name\"");
    CHECK_INT(cJSON_GetArraySize(at(j, "$defs/source-exchange-onprem/required")), 3);
    CHECK_STR(text_at(j, "$defs/source-exchange-onprem/required/2"), "auth");
    CHECK_STR(text_at(j, "$defs/source-exchange-onprem/properties/auth/required/0"), "password");
    CHECK_STR(text_at(j, "$defs/source-exchange-onprem/properties/auth/properties/method/default"),
              "kerberos");
    CHECK_INT(cJSON_GetArraySize(at(j, "$defs/source-exchange-onprem/properties/plans/default")),
              2);
    CHECK(cJSON_IsTrue(at(j, "$defs/source-exchange-onprem/properties/plans/deprecated")));
    CHECK(at(j, "$defs/sink-intune") && at(j, "$defs/source-source-csv"));
    cJSON_Delete(j);

    strbuf_reset(&b);
    CHECK_INT(cfg_schema(&b, NULL, 0), EASG_OK);
    j = cJSON_Parse(b.ptr);
    CHECK(j != NULL);
    cJSON_Delete(j);
    strbuf_reset(&b);
    CHECK_INT(cfg_schema_agent(&b), EASG_OK);
    j = cJSON_Parse(b.ptr);
    CHECK_STR(text_at(j, "properties/log/properties/level/enum/0"), "error");
    CHECK(!at(j, "required"));
    cJSON_Delete(j);
    strbuf_clear(&b);
}

static void test_show(void)
{
    static const char text[] =
        "a: 1\nb: 'yes'\nc: [x y, \"it's\", ~]\nd: {}\ne: []\nf: CONTOSO\\svc\n"
        "password: hunter2\nclient_secret: file:/x\ng: \"two\\nlines\"\nh: '@x'\ni: http://h:1/p\n"
        "j: ''\n'k: l': [{m: n}]\n";
    struct strbuf out = STRBUF_INIT(100000);
    struct strbuf again = STRBUF_INIT(100000);
    struct cfg_doc *doc = NULL;

    CHECK_INT(cfg_open_memory("t.yaml", text, strlen(text), &doc, &err), EASG_OK);
    CHECK_INT(cfg_show(cfg_root(doc), &out), EASG_OK);
    cfg_close(doc);
    CHECK_HAS(out.ptr, "a: 1\nb: 'yes'\nc:\n  - 'x y'\n  - 'it''s'\n  - null\nd: {}\ne: []\n");
    CHECK_HAS(out.ptr, "password: \"********\"\nclient_secret: file:/x\n");
    CHECK(!strstr(out.ptr, "hunter2"));
    /* what is shown reads as the same again */
    CHECK_INT(cfg_open_memory("t.yaml", out.ptr, out.len, &doc, &err), EASG_OK);
    CHECK_INT(cfg_show(cfg_root(doc), &again), EASG_OK);
    CHECK_STR(again.ptr, out.ptr);
    cfg_close(doc);
    strbuf_clear(&out);
    strbuf_clear(&again);
}

static void test_org_show(void)
{
    static const char text[] = "organization: contoso\nsource:\n  module: exchange-onprem\n"
                               "  server: cas1\n  auth: {password: 'credential:pw'}\n"
                               "sink: {module: other, client_secret: hunter2}\n";
    static const char bad[] = "organization: contoso\nsource: {module: exchange-onprem, sever: x}\n"
                              "sink: {module: intune}\n";
    struct strbuf out = STRBUF_INIT(100000);
    struct org_config *o = NULL;
    char dir[] = "/tmp/easgate-show-XXXXXX";
    char path[100];

    if (!mkdtemp(dir))
        return;
    snprintf(path, sizeof path, "%s/contoso.yaml", dir);
    CHECK_INT(fs_write(path, text, strlen(text), 0600, &err), EASG_OK);
    CHECK_INT(org_config_load(path, &o, &err), EASG_OK);
    CHECK_INT(org_config_show(o, modules, 3, &out, &err), EASG_OK);
    CHECK_HAS(out.ptr, "organization: contoso\n");
    CHECK_HAS(out.ptr, "source:\n  module: exchange-onprem\n  server: cas1\n  auth:\n"
                       "    password: credential:pw\n    method: kerberos  # default\n"
                       "  parallel: 1  # default\n  wait: 15s  # default\n");
    CHECK_HAS(out.ptr, "sink:\n  module: other\n  client_secret: \"********\"\n");
    CHECK_HAS(out.ptr, "mode: audit  # default\n");
    org_config_destroy(o);

    CHECK_INT(fs_write(path, bad, strlen(bad), 0600, &err), EASG_OK);
    CHECK_INT(org_config_load(path, &o, &err), EASG_OK);
    CHECK_INT(org_config_show(o, modules, 3, &out, &err), EASG_E_CONFIG);
    CHECK_STR(err.message, "contoso.yaml:2:35: unknown key `sever`; did you mean `server`?");
    org_config_destroy(o);
    strbuf_clear(&out);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    test_schema();
    test_show();
    test_org_show();
    return check_done();
}
