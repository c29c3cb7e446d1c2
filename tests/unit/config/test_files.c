/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's file and an organisation's: defaults, every key, what is refused, and the samples.
 */
#include "check.h"

#include "config.h"
#include "err.h"
#include "fs.h"
#include "log.h"

#include <unistd.h>

static char dir[] = "/tmp/easgate-files-XXXXXX";
static easg_error err = EASG_ERROR_INIT;

static const char *put(const char *name, const char *text)
{
    static char path[2][300];
    static int i;

    i = !i;
    snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
    CHECK_INT(fs_write(path[i], text, strlen(text), 0644, &err), EASG_OK);
    return path[i];
}

static void test_agent(void)
{
    struct agent_config *a = NULL;

    CHECK_INT(agent_config_load(put("easgate.yaml", ""), &a, &err), EASG_OK);
    CHECK_STR(a->config_dir, dir);
    CHECK_STR(a->state_dir, fs_state_dir());
    CHECK_HAS(a->plugin_dir, "/easgate/plugins");
    CHECK_INT(a->workers_max, 4);
    CHECK_INT(a->worker_timeout_ms, 4 * 3600 * 1000);
    CHECK_INT(a->log_level, EASG_LOG_INFO);
    CHECK_INT(a->log_format, -1);
    CHECK(!a->log_debug && !a->log_file);
    agent_config_destroy(a);

    CHECK_INT(
        agent_config_load(put("easgate.yaml",
                              "state_dir: /s\nplugin_dir: /p\nworkers: {max: 9, timeout: 10m}\n"
                              "log: {level: debug, format: journal, debug: [psrp, intune], "
                              "file: /var/log/x}\n"),
                          &a, &err),
        EASG_OK);
    CHECK_STR(a->state_dir, "/s");
    CHECK_STR(a->plugin_dir, "/p");
    CHECK_INT(a->workers_max, 9);
    CHECK_INT(a->worker_timeout_ms, 600000);
    CHECK_INT(a->log_level, EASG_LOG_DEBUG);
    CHECK_INT(a->log_format, LOG_JOURNAL);
    CHECK_STR(a->log_debug, "psrp,intune");
    CHECK_STR(a->log_file, "/var/log/x");
    agent_config_destroy(a);

    CHECK_INT(
        agent_config_load(put("easgate.yaml",
                              "plugin_pins:\n  intune.so: "
                              "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
                              "\n"),
                          &a, &err),
        EASG_OK);
    CHECK_INT(cfg_count(a->plugin_pins), 1);
    CHECK_STR(cfg_key_at(a->plugin_pins, 0).ptr, "intune.so");
    agent_config_destroy(a);
    CHECK_INT(agent_config_load(put("easgate.yaml", "plugin_pins: {x.so: 00ff}\n"), &a, &err),
              EASG_E_CONFIG);
    CHECK_HAS(err.message, "easgate.yaml:1:21: expected the SHA-256 of x.so");
    CHECK_INT(agent_config_load(put("easgate.yaml", "plugin_pins: {../x.so: 00ff}\n"), &a, &err),
              EASG_E_CONFIG);
    CHECK_HAS(err.message, "without directory");

    CHECK_INT(agent_config_load(put("easgate.yaml", "state_dir: s\n"), &a, &err), EASG_E_CONFIG);
    CHECK_STR(err.message, "easgate.yaml:1:12: `state_dir` must be an absolute path");
    CHECK_INT(agent_config_load(put("easgate.yaml", "log: {levl: info}\n"), &a, &err),
              EASG_E_CONFIG);
    CHECK_STR(err.message, "easgate.yaml:1:7: unknown key `levl`; did you mean `level`?");
    CHECK_INT(agent_config_load("/nonexistent/easgate.yaml", &a, &err), EASG_E_NOTFOUND);
    CHECK(!a);
    if (!fs_exists("/etc/easgate/easgate.yaml")) {
        CHECK_INT(agent_config_load(NULL, &a, &err), EASG_OK);
        CHECK_STR(a->config_dir, "/etc/easgate");
        CHECK_STR(a->path, ""); /* there was none */
        agent_config_destroy(a);
    }
}

#define MINIMAL                                                                                    \
    "organization: contoso\nsource: {module: exchange-onprem, server: cas1}\n"                     \
    "sink: {module: intune}\n"

static struct org_config *org(const char *text)
{
    struct org_config *o = NULL;

    CHECK_INT(org_config_load(put("contoso.yaml", text), &o, &err), EASG_OK);
    return o;
}

static void test_org_defaults(void)
{
    static const struct policy_options standard = POLICY_OPTIONS_DEFAULT;
    struct org_config *o = org(MINIMAL);
    easg_str s;

    CHECK_STR(o->name, "contoso");
    CHECK(o->enabled && o->mode == ORG_AUDIT);
    CHECK_STR(o->source.id, "exchange-onprem");
    CHECK(o->source.enabled && cfg_str(cfg_get(o->source.node, "server"), &s));
    CHECK_STR(cfg_where(cfg_get(o->source.node, "server")), "contoso.yaml:2:43");
    CHECK_STR(o->sink.id, "intune");
    CHECK(!o->failover.id && !o->failover.node && !o->notifier.id);
    CHECK(memcmp(&o->policy, &standard, sizeof standard) == 0);
    CHECK_INT(o->n_include_groups, 0);
    CHECK_INT(o->brakes.shrink_percent, 80);
    CHECK_INT(o->brakes.blast_devices, 20);
    CHECK_INT(o->brakes.blast_percent, 5);
    CHECK_INT(o->brakes.facts_max_age_ms, 6 * 3600 * 1000);
    CHECK_INT(o->schedule.quick_ms, 2 * 3600 * 1000);
    CHECK_INT(o->schedule.full_every_ms, 0);
    CHECK_INT(o->schedule.full_at_min, 120);
    CHECK_INT(o->schedule.jitter_ms, 600000);
    CHECK_INT(strlen(o->digest), 64);
    CHECK(!cfg_warning_at(o->doc, 0));
    org_config_destroy(o);
}

static void test_org_every_key(void)
{
    struct org_config *o = org(
        MINIMAL "enabled: no\nmode: enforce\nfailover: {module: cas-failover, enabled: false}\n"
                "notifier: {module: ews-mail}\n"
                "policy: {enabled: false, override: on, hma: true, unsupported_platform: default,"
                " foreign_allow: enforce, activation: strict, unknown: compliant,"
                " configmanager: compliant, unknown_grace: 90m,"
                " include_groups: [g1, 22], exclude_groups: [g3]}\n"
                "brakes: {shrink_percent: 20, blast_devices: 500, blast_percent: 50,"
                " facts_max_age: 1h}\n"
                "schedule: {quick: off, full: 12h, jitter: 0}\n");

    CHECK(!o->enabled && o->mode == ORG_ENFORCE);
    CHECK(o->failover.id && !o->failover.enabled && o->notifier.enabled);
    CHECK(!o->policy.enabled && o->policy.hma && o->policy.unsupported_default &&
          o->policy.enforce_foreign_allow && o->policy.activation_strict);
    CHECK_INT(o->policy.override, OVERRIDE_ON);
    CHECK_INT(o->policy.unknown, UNKNOWN_COMPLIANT);
    CHECK_INT(o->policy.configmanager, UNKNOWN_COMPLIANT);
    CHECK_INT(o->policy.unknown_grace_ms, 90 * 60000);
    CHECK_INT(o->n_include_groups, 2);
    CHECK_STR(o->include_groups[1]->ptr, "22");
    CHECK_INT(o->n_exclude_groups, 1);
    CHECK_INT(o->brakes.shrink_percent, 20);
    CHECK_INT(o->schedule.quick_ms, 0);
    CHECK_INT(o->schedule.full_every_ms, 12 * 3600 * 1000);
    CHECK_INT(o->schedule.full_at_min, -1);
    CHECK_INT(o->schedule.jitter_ms, 0);
    CHECK(!cfg_warning_at(o->doc, 0));
    org_config_destroy(o);

    o = org(MINIMAL "schedule: {quick: off, full: off}\n");
    CHECK_HAS(cfg_warning_at(o->doc, 0), "contoso.yaml:4:30: no runs are scheduled");
    org_config_destroy(o);
}

/* A brake is never switched off by one number alone, and never silently. */
static void test_brakes(void)
{
    static const struct {
        const char *key;
        const char *at;
    } rows[] = { { "shrink_percent: 0", "contoso.yaml:4:26: " },
                 { "shrink_percent: 19", "contoso.yaml:4:26: " },
                 { "blast_devices: 501", "contoso.yaml:4:25: " },
                 { "blast_percent: 100", "contoso.yaml:4:25: " } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct org_config *o = NULL;
        char text[400];

        ROW(rows[i].key);
        snprintf(text, sizeof text, MINIMAL "brakes: {%s}\n", rows[i].key);
        CHECK_INT(org_config_load(put("contoso.yaml", text), &o, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, "switches this brake off");
        CHECK_HAS(err.message, "write `accept_risk: mass-lockout` beside it");
        snprintf(text, sizeof text, MINIMAL "brakes: {%s, accept_risk: mass-lockout}\n",
                 rows[i].key);
        o = org(text);
        CHECK_HAS(cfg_warning_at(o->doc, 0), rows[i].at);
        CHECK_HAS(cfg_warning_at(o->doc, 0), "this brake is off");
        org_config_destroy(o);
    }
    ROW("");
}

static void test_org_refusals(void)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        { "", "`organization` is missing" },
        { "organization: contoso\n", "`source` is missing" },
        { "organization: contoso\nsource: {module: a}\n", "`sink` is missing" },
        { "organization: fabrikam\nsource: {module: a}\nsink: {module: b}\n",
          "contoso.yaml:1:15: `organization` is fabrikam, but the file is contoso.yaml; name the "
          "file "
          "fabrikam.yaml" },
        { "organization: Contoso\nsource: {module: a}\nsink: {module: b}\n",
          "`organization` must be 1 to 63 small letters" },
        { "organization: contoso\nsource: {modul: a}\nsink: {module: b}\n",
          "contoso.yaml:2:9: `source` needs `module: NAME`" },
        { "organization: contoso\nsource: a\nsink: {module: b}\n",
          "`source` must be a map, not `a`" },
        { "organization: contoso\nsource: {module: a b}\nsink: {module: b}\n",
          "contoso.yaml:2:18: `module` must be the name of a module" },
        { "organization: contoso\nsource: {module: a, enabled: 1}\nsink: {module: b}\n",
          "contoso.yaml:2:30: `enabled` must be true or false" },
        { MINIMAL "mode: enforced\n", "must be one of audit, enforce, not `enforced`; did you mean "
                                      "`enforce`?" },
        { MINIMAL "policy: {unknwon: block}\n", "did you mean `unknown`?" },
        { MINIMAL "schedule: {quick: 30s}\n", "`quick` must be a duration from 1m on" },
        { MINIMAL "schedule: {full: daily 24:00}\n", "`full` must be \"daily HH:MM\"" },
        { MINIMAL "schedule: {full: daily 2:00}\n", "`full` must be" },
        { MINIMAL "schedule: {full: 5m}\n", "`full` must be" },
        { MINIMAL "brakes: {facts_max_age: 8d}\n",
          "`facts_max_age` must be a duration from 10m to 7d" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct org_config *o = NULL;

        ROW(rows[i].message);
        err_clear(&err);
        CHECK_INT(org_config_load(put("contoso.yaml", rows[i].text), &o, &err), EASG_E_CONFIG);
        CHECK_HAS(err.message, rows[i].message);
        CHECK(!o);
    }
    ROW("");
}

struct seen {
    char text[400];
};

static easg_status note(void *user, const char *path, const struct org_config *o,
                        const easg_error *why)
{
    struct seen *s = user;
    size_t n = strlen(s->text);

    snprintf(s->text + n, sizeof s->text - n, "%s=%s;", strrchr(path, '/') + 1,
             o ? o->name : why->message);
    return EASG_OK;
}

static void test_orgs_dir(void)
{
    struct agent_config *a = NULL;
    struct org_config *o = NULL;
    struct seen s = { "" };
    char path[300];

    CHECK_INT(agent_config_load(put("easgate.yaml", ""), &a, &err), EASG_OK);
    CHECK_INT(org_config_each(a, note, &s, &err), EASG_E_NOTFOUND);
    snprintf(path, sizeof path, "%s/orgs.d", dir);
    CHECK_INT(fs_mkdir(path, &err), EASG_OK);
    put("orgs.d/contoso.yaml", MINIMAL);
    put("orgs.d/bad.yaml", "organization: [\n");
    put("orgs.d/fabrikam.yaml.example", "organization: [\n");
    CHECK_INT(org_config_each(a, note, &s, &err), EASG_OK);
    CHECK_HAS(s.text, "bad.yaml=bad.yaml:2:1: ");
    CHECK_HAS(s.text, ";contoso.yaml=contoso;");
    CHECK(!strstr(s.text, "fabrikam"));

    CHECK_INT(org_config_find(a, "contoso", &o, &err), EASG_OK);
    CHECK_STR(o->name, "contoso");
    org_config_destroy(o);
    CHECK_INT(org_config_find(a, "contso", &o, &err), EASG_E_NOTFOUND);
    CHECK_HAS(err.message, "no organisation `contso` in /tmp/");
    CHECK_HAS(err.message, "did you mean `contoso`?");
    CHECK_INT(org_config_find(a, "../easgate", &o, &err), EASG_E_NOTFOUND);
    CHECK_INT(org_config_find(a, "", &o, &err), EASG_E_NOTFOUND);
    CHECK_INT(org_config_find(a, "bad", &o, &err), EASG_E_CONFIG);
    agent_config_destroy(a);
}

/* The digest is that of the bytes: sha256sum says the same. */
static void test_digest(void)
{
    struct org_config *o = org(MINIMAL);
    char cmd[400];

    snprintf(cmd, sizeof cmd, "test \"$(sha256sum < %s/contoso.yaml | cut -c1-64)\" = %s", dir,
             o->digest);
    CHECK_INT(system(cmd), 0);
    org_config_destroy(o);
}

/* ---- the samples in etc/ ---- */

static char *slurp(const char *name)
{
    struct strbuf b = STRBUF_INIT(1 << 20);
    char path[500];

    snprintf(path, sizeof path, "%s/%s", check_source(), name);
    CHECK_INT(fs_read(path, 1 << 20, &b, &err), EASG_OK);
    return strbuf_take(&b);
}

/* Every option stands in the sample (its last part, as a key, perhaps commented out) and in the
 * manual page (its whole name). */
static void covered(const char *sample, const char *page, const easg_option *const *options)
{
    char *s = slurp(sample);
    char *p = slurp(page);

    for (size_t i = 0; s && p && options[i]; i++) {
        const char *dot = strrchr(options[i]->name, '.');
        char key[80];

        ROW(options[i]->name);
        snprintf(key, sizeof key, "%s:", dot ? dot + 1 : options[i]->name);
        CHECK_HAS(s, key);
        CHECK_HAS(p, options[i]->name);
    }
    ROW("");
    mem_free(s);
    mem_free(p);
}

static void test_samples(void)
{
    struct agent_config *a = NULL;
    struct org_config *o = NULL;
    struct org_config *m = org(MINIMAL);
    char path[500];
    char *text = slurp("etc/orgs.d/contoso.yaml.example");

    snprintf(path, sizeof path, "%s/etc/easgate.yaml", check_source());
    CHECK_INT(agent_config_load(path, &a, &err), EASG_OK);
    CHECK_STR(err.message, "");
    CHECK_INT(a->workers_max, 4);
    agent_config_destroy(a);
    CHECK_INT(org_config_load(put("contoso.yaml", text), &o, &err), EASG_OK);
    CHECK_STR(err.message, "");
    /* what it writes out are the defaults */
    CHECK(memcmp(&o->policy, &m->policy, sizeof o->policy) == 0);
    CHECK(memcmp(&o->brakes, &m->brakes, sizeof o->brakes) == 0);
    CHECK(memcmp(&o->schedule, &m->schedule, sizeof o->schedule) == 0);
    CHECK_INT(o->mode, ORG_AUDIT);
    CHECK(!cfg_warning_at(o->doc, 0));
    org_config_destroy(o);
    org_config_destroy(m);
    mem_free(text);
    for (size_t i = 0; i < 2; i++) {
        static const char *const names[] = { "tenant", "dedicated" };
        char name[40];

        snprintf(path, sizeof path, "etc/orgs.d/%s.yaml.example", names[i]);
        snprintf(name, sizeof name, "%s.yaml", names[i]);
        text = slurp(path);
        ROW(names[i]);
        CHECK_INT(org_config_load(put(name, text), &o, &err), EASG_OK);
        CHECK_STR(err.message, "");
        CHECK_INT(o->mode, ORG_AUDIT);
        org_config_destroy(o);
        mem_free(text);
    }
    ROW("");
    covered("etc/easgate.yaml", "core/man/easgate.yaml.5", cfg_agent_options());
    covered("etc/orgs.d/contoso.yaml.example", "core/man/easgate-org.yaml.5", cfg_org_options());
}

int main(void)
{
    char cmd[100];

    if (!mkdtemp(dir))
        return 1;
    test_agent();
    test_org_defaults();
    test_org_every_key();
    test_brakes();
    test_org_refusals();
    test_orgs_dir();
    test_digest();
    err_clear(&err);
    test_samples();
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    CHECK_INT(system(cmd), 0);
    return check_done();
}
