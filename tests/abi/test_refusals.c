/* SPDX-License-Identifier: Apache-2.0
 *
 * Malformed plugins: each refusal, with its exact text. A row spoils one thing of a sane plugin.
 */
#include "check.h"

#include <easgate/easgate.h>

#include "err.h"
#include "registry.h"

/* ---- a sane plugin, made anew for each row ---- */

static easg_status EASG_CALL create(const easg_host *host, const easg_config *cfg,
                                    easg_instance **out, easg_error *err)
{
    (void)host;
    (void)cfg;
    (void)out;
    return err_set(err, EASG_E_FAIL, "never built");
}

static void EASG_CALL destroy(easg_instance *self)
{
    (void)self;
}

static easg_status EASG_CALL open_sink(easg_instance *self, const easg_run *run, easg_session **out,
                                       easg_error *err)
{
    (void)self;
    (void)run;
    (void)out;
    return err_set(err, EASG_E_FAIL, "never opened");
}

static void EASG_CALL close_session(easg_session *session)
{
    (void)session;
}

static easg_status EASG_CALL fetch(easg_session *session, const easg_run *run,
                                   const easg_facts_query *query, const easg_sink_receiver *to,
                                   easg_error *err)
{
    (void)session;
    (void)run;
    (void)query;
    (void)to;
    return err_set(err, EASG_E_FAIL, "never fetched");
}

static easg_option opt;
static easg_option opt2;
static const easg_option *options[4];
static const easg_option *endless[200];
static easg_sink_ops ops;
static easg_source_ops source_ops;
static easg_notifier_ops notifier_ops;
static easg_failover_ops failover_ops;
static easg_module module;
static easg_module module2;
static const easg_module *modules[3];
static const easg_module *many[100];
static easg_plugin plugin;
static const easg_plugin *answer;

static void sane(void)
{
    memset(options, 0, sizeof options);
    memset(modules, 0, sizeof modules);
    opt = (easg_option){ .struct_size = (uint32_t)sizeof opt,
                         .type = EASG_OPT_STRING,
                         .name = "name",
                         .doc = "a name" };
    opt2 = opt;
    opt2.name = "other";
    options[0] = &opt;
    ops = (easg_sink_ops){ .struct_size = (uint32_t)sizeof ops,
                           .open = open_sink,
                           .close = close_session,
                           .fetch = fetch };
    source_ops =
        (easg_source_ops){ .struct_size = (uint32_t)sizeof source_ops, .close = close_session };
    notifier_ops = (easg_notifier_ops){ .struct_size = (uint32_t)sizeof notifier_ops,
                                        .open = open_sink,
                                        .close = close_session };
    failover_ops = (easg_failover_ops){ .struct_size = (uint32_t)sizeof failover_ops };
    module = (easg_module){ .struct_size = (uint32_t)sizeof module,
                            .kind = EASG_KIND_SINK,
                            .id = "sane",
                            .summary = "a sane module",
                            .options = options,
                            .ops = &ops,
                            .create = create,
                            .destroy = destroy };
    module2 = module;
    module2.id = "second";
    modules[0] = &module;
    plugin =
        (easg_plugin){ EASG_PLUGIN_HEADER(0), .name = "bad", .version = "0.1", .modules = modules };
    answer = &plugin;
}

static const easg_plugin *EASG_CALL entry(const easg_offer *offer)
{
    (void)offer;
    return answer;
}

/* ---- rows ---- */

#define P "plugin bad 0.1: "
#define M "sink sane (plugin bad 0.1): "

#define ROWS(X)                                                                                    \
    X(declined, answer = NULL,                                                                     \
      "declined plugin ABI 1.0: install a newer easgate, or another release of the plugin")        \
    X(magic, plugin.magic = 0x12345678u,                                                           \
      "its descriptor starts with 0x12345678 instead of 0x31474145: not an easgate plugin, or "    \
      "built for a machine of another byte order")                                                 \
    X(newer_major, plugin.abi_major = 2,                                                           \
      "built for plugin ABI 2.0, this easgate speaks 1.0: install a newer easgate, or an older "   \
      "release of the plugin")                                                                     \
    X(older_major, plugin.abi_major = 0,                                                           \
      "built for plugin ABI 0.0, this easgate speaks 1.0: install a newer release of the plugin")  \
    X(minor_needed, (plugin.abi_minor = 9, plugin.abi_minor_needed = 7),                           \
      "needs plugin ABI 1.7, this easgate speaks 1.0: install a newer easgate, or an older "       \
      "release of the plugin")                                                                     \
    X(size, plugin.struct_size = 24,                                                               \
      "its descriptor has 24 bytes, plugin ABI 1.0 has 64: set struct_size to "                    \
      "sizeof(easg_plugin)")                                                                       \
    X(name, plugin.name = NULL, "its descriptor has no name of 1 to 64 characters")                \
    X(name_control, plugin.name = "a\nb", "its descriptor has no name of 1 to 64 characters")      \
    X(version, plugin.version = "",                                                                \
      "plugin bad: its descriptor has no version of 1 to 64 characters")                           \
    X(no_modules, modules[0] = NULL, "plugin bad 0.1: describes no module")                        \
    X(null_modules, plugin.modules = NULL, "plugin bad 0.1: describes no module")                  \
    X(endless_modules, plugin.modules = many,                                                      \
      "plugin bad 0.1: more than 64 modules, or a list without NULL at its end")                   \
    X(module_size, module.struct_size = 40,                                                        \
      P "easg_module has 40 bytes, its required members need 64: set struct_size to its size")     \
    X(module_id, module.id = "Bad_Id", P "a module id must be 1 to 63 of a-z, 0-9 and inner '-'")  \
    X(module_no_id, module.id = NULL, P "a module id must be 1 to 63 of a-z, 0-9 and inner '-'")   \
    X(no_kind, module.kind = NULL, P "module sane has no kind")                                    \
    X(no_summary, module.summary = NULL, M "has no summary")                                       \
    X(no_ops, module.ops = NULL, M "has no functions (ops is NULL)")                               \
    X(no_create, module.create = NULL, M "easg_module: required function create() is missing")     \
    X(no_destroy, module.destroy = NULL, M "easg_module: required function destroy() is missing")  \
    X(ops_size, ops.struct_size = 16,                                                              \
      M "easg_sink_ops has 16 bytes, its required members need 32: set struct_size to its size")   \
    X(no_open, ops.open = NULL, M "easg_sink_ops: required function open() is missing")            \
    X(no_close, ops.close = NULL, M "easg_sink_ops: required function close() is missing")         \
    X(no_fetch, ops.fetch = NULL, M "easg_sink_ops: required function fetch() is missing")         \
    X(source, (module.kind = EASG_KIND_SOURCE, module.ops = &source_ops),                          \
      "source sane (plugin bad 0.1): easg_source_ops: required function open() is missing")        \
    X(notifier, (module.kind = EASG_KIND_NOTIFIER, module.ops = &notifier_ops),                    \
      "notifier sane (plugin bad 0.1): easg_notifier_ops: required function send() is missing")    \
    X(failover, (module.kind = EASG_KIND_FAILOVER, module.ops = &failover_ops),                    \
      "failover sane (plugin bad 0.1): easg_failover_ops: required function choose() is missing")  \
    X(same_id, (modules[1] = &module2, module2.id = "sane"),                                       \
      M "plugin bad 0.1 (spoiled) already brings sink sane: remove one")                           \
    X(opt_size, opt.struct_size = 8,                                                               \
      M "an option declaration has 8 bytes, plugin ABI 1.0 has 48: set struct_size to "            \
        "sizeof(easg_option)")                                                                     \
    X(opt_name, opt.name = "No.Good",                                                              \
      M "an option's name must be words of a-z, 0-9, '_' and '-' joined by '.'")                   \
    X(opt_dots, opt.name = "a..b",                                                                 \
      M "an option's name must be words of a-z, 0-9, '_' and '-' joined by '.'")                   \
    X(opt_no_name, opt.name = NULL,                                                                \
      M "an option's name must be words of a-z, 0-9, '_' and '-' joined by '.'")                   \
    X(opt_ours, opt.name = "module", M "option module: this name belongs to easgate itself")       \
    X(opt_type, opt.type = 77, M "option name: unknown type 77")                                   \
    X(opt_flags, opt.flags = 0x90, M "option name: unknown flags 0x90")                            \
    X(opt_doc, opt.doc = NULL, M "option name: has no description of one line")                    \
    X(opt_doc_lines, opt.doc = "a\nb", M "option name: has no description of one line")            \
    X(opt_enum, opt.type = EASG_OPT_ENUM,                                                          \
      M "option name: an enumeration must list its words, as in \"a|b\"")                          \
    X(opt_enum_empty, (opt.type = EASG_OPT_ENUM, opt.allowed = "a||b"),                            \
      M "option name: an enumeration must list its words, as in \"a|b\"")                          \
    X(opt_enum_default, (opt.type = EASG_OPT_ENUM, opt.allowed = "a|b", opt.default_value = "c"),  \
      M "option name: its default 'c' is not a value of its own type")                             \
    X(opt_required, (opt.flags = EASG_OPTF_REQUIRED, opt.default_value = "x"),                     \
      M "option name: required, and yet it has a default")                                         \
    X(opt_int, (opt.type = EASG_OPT_INT, opt.default_value = "many"),                              \
      M "option name: its default 'many' is not a value of its own type")                          \
    X(opt_bool, (opt.type = EASG_OPT_BOOL, opt.default_value = "maybe"),                           \
      M "option name: its default 'maybe' is not a value of its own type")                         \
    X(opt_size_default, (opt.type = EASG_OPT_SIZE, opt.default_value = "10X"),                     \
      M "option name: its default '10X' is not a value of its own type")                           \
    X(opt_duration, (opt.type = EASG_OPT_DURATION, opt.default_value = "5 parsecs"),               \
      M "option name: its default '5 parsecs' is not a value of its own type")                     \
    X(opt_url, (opt.type = EASG_OPT_URL, opt.default_value = "nowhere"),                           \
      M "option name: its default 'nowhere' is not a value of its own type")                       \
    X(opt_range, (opt.type = EASG_OPT_INT, opt.allowed = "few"),                                   \
      M "option name: what is allowed must be a range, as in \"1..100\"")                          \
    X(opt_range_back, (opt.type = EASG_OPT_DURATION, opt.allowed = "1h..1m"),                      \
      M "option name: what is allowed must be a range, as in \"1..100\"")                          \
    X(opt_outside, (opt.type = EASG_OPT_SIZE, opt.allowed = "1K..1M", opt.default_value = "2M"),   \
      M "option name: its default '2M' is outside of 1K..1M")                                      \
    X(opt_secret, (opt.type = EASG_OPT_SECRET, opt.default_value = "x"),                           \
      M "option name: a secret cannot have a default")                                             \
    X(opt_twice, (options[1] = &opt2, opt2.name = "name"),                                         \
      M "option name: declared twice, or beside its own name")                                     \
    X(opt_below, (options[1] = &opt2, opt2.name = "name.first"),                                   \
      M "option name: declared twice, or beside its own name.first")                               \
    X(opt_endless, module.options = endless,                                                       \
      M "more than 128 options, or a list without NULL at its end")

#define SPOILER(id, code, text)                                                                    \
    static void spoil_##id(void)                                                                   \
    {                                                                                              \
        code;                                                                                      \
    }
#define ROW_OF(id, code, text) { #id, spoil_##id, text },
ROWS(SPOILER)

static char names[200][8];
static easg_option many_options[200];

static void fill_endless(void)
{
    for (size_t i = 0; i < 100; i++)
        many[i] = &module;
    for (size_t i = 0; i < 200; i++) {
        (void)snprintf(names[i], sizeof names[i], "o%zu", i);
        many_options[i] = (easg_option){ .struct_size = (uint32_t)sizeof(easg_option),
                                         .type = EASG_OPT_STRING,
                                         .name = names[i],
                                         .doc = "x" };
        endless[i] = &many_options[i];
    }
}

static void test_rows(void)
{
    static const struct {
        const char *name;
        void (*spoil)(void);
        const char *text;
    } rows[] = { ROWS(ROW_OF) };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct registry *r = NULL;
        struct module_info info;
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        sane();
        rows[i].spoil();
        CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
        CHECK_INT(registry_add(r, "spoiled", entry, &err), EASG_E_CONFIG);
        CHECK_STR(err.message, rows[i].text);
        CHECK_INT(registry_module_at(r, 0, &info), 0);
        registry_destroy(r);
    }
    ROW("");
}

/* A kind of tomorrow is passed over; the other modules of the plugin serve. */
static char last_line[2048];

static void keep(void *user, const char *line, size_t len)
{
    (void)user;
    (void)snprintf(last_line, sizeof last_line, "%.*s", (int)len, line);
}

static void test_unknown_kind(void)
{
    struct log *log = log_open_sink(EASG_LOG_WARNING, keep, NULL);
    struct registry *r = NULL;
    struct module_info info;
    easg_error err = EASG_ERROR_INIT;

    sane();
    modules[1] = &module2;
    module2.kind = "easg.oracle/1";
    CHECK_INT(registry_create(log, &r, &err), EASG_OK);
    CHECK_INT(registry_add(r, "tomorrow", entry, &err), EASG_OK);
    CHECK_HAS(last_line,
              "module second is of kind easg.oracle/1, which this easgate does not know");
    CHECK_INT(registry_module_at(r, 0, &info), 1);
    CHECK_STR(info.id, "sane");
    CHECK_INT(registry_module_at(r, 1, &info), 0);

    /* the same plugin from another file */
    CHECK_INT(registry_add(r, "copy", entry, &err), EASG_E_CONFIG);
    CHECK_STR(err.message, M "plugin bad 0.1 (tomorrow) already brings sink sane: remove one");
    /* the same id of another kind is another module */
    modules[1] = NULL;
    module.kind = EASG_KIND_FAILOVER;
    module.ops = &failover_ops;
    registry_destroy(r);
    log_close(log);
}

int main(void)
{
    fill_endless();
    test_rows();
    test_unknown_kind();
    return check_done();
}
