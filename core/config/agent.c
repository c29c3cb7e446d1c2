/* SPDX-License-Identifier: Apache-2.0
 *
 * agent.c - easgate.yaml: the options of the agent, as data, and the struct made from them.
 */
#include "cfgtree.h"

#include "fs.h"
#include "log.h"

#include "err.h"
#include "text.h"

#include <string.h>

#define OPT(type, name, value, allowed, doc)                                                       \
    {                                                                                              \
        sizeof(easg_option), (type), 0, 0, (name), (value), (allowed), (doc)                       \
    }

static const easg_option state_dir =
    OPT(EASG_OPT_STRING, "state_dir", NULL, NULL,
        "Directory of the state files, one an organisation; an absolute path.");
static const easg_option plugin_dir =
    OPT(EASG_OPT_STRING, "plugin_dir", NULL, NULL,
        "Directory from which plugins are loaded; an absolute path, writable by root only.");
static const easg_option plugin_pins = OPT(
    EASG_OPT_MAP, "plugin_pins", NULL, NULL,
    "Files of plugins that are loaded only with this SHA-256: `NAME.so: 64 hexadecimal digits`.");
static const easg_option workers_max =
    OPT(EASG_OPT_INT, "workers.max", "4", "1..64", "Runs of different organisations at one time.");
static const easg_option workers_timeout =
    OPT(EASG_OPT_DURATION, "workers.timeout", "4h", "1m..7d",
        "Deadline of one run; then it is asked to stop, and ended 30 seconds later.");
static const easg_option log_level =
    OPT(EASG_OPT_ENUM, "log.level", "info", "error|warning|info|debug|trace",
        "Records of this level and above are kept.");
static const easg_option log_format =
    OPT(EASG_OPT_ENUM, "log.format", "auto", "auto|text|json|journal|eventlog",
        "How a record looks; auto: text on a terminal, the journal under systemd, else JSON.");
static const easg_option log_debug =
    OPT(EASG_OPT_LIST, "log.debug", NULL, NULL, "Modules whose debug records are kept as well.");
static const easg_option log_file =
    OPT(EASG_OPT_STRING, "log.file", NULL, NULL,
        "Append to this file instead of standard error; an absolute path.");

static const easg_option *const agent_options[] = { &state_dir,   &plugin_dir,      &plugin_pins,
                                                    &workers_max, &workers_timeout, &log_level,
                                                    &log_format,  &log_debug,       &log_file,
                                                    NULL };

const easg_option *const *cfg_agent_options(void)
{
    return agent_options;
}

/* An absolute path that was given, or NULL. */
static easg_status get_path(const easg_config *root, const char *key, const char **out,
                            easg_error *err)
{
    const easg_config *node = cfg_get(root, key);
    easg_str text;

    *out = NULL;
    if (!cfg_str(node, &text))
        return EASG_OK;
    if (!fs_is_absolute(text.ptr))
        return cfg_error(err, node, "`%s` must be an absolute path", key);
    *out = text.ptr;
    return EASG_OK;
}

/* "a,b" of a list; NULL when it is empty. */
static easg_status join_list(struct cfg_doc *doc, const easg_config *list, const char **out,
                             easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf b = STRBUF_INIT(CFG_MAX_BYTES);
    easg_str item;

    *out = NULL;
    for (size_t i = 0; i < cfg_count(list); i++)
        if (cfg_str(cfg_at(list, i), &item)) {
            if (strpbrk(item.ptr, ", "))
                return cfg_error(err, cfg_at(list, i), "a module's name has no comma or space");
            strbuf_addf(&b, "%s%s", i ? "," : "", item.ptr);
        }
    if (strbuf_status(&b) != EASG_OK)
        return err_nomem(err);
    if (b.len == 0)
        return EASG_OK;
    *out = cfg_doc_dup(doc, b.ptr, b.len);
    return *out ? EASG_OK : err_nomem(err);
}

/* Names of files and their SHA-256. A pin that cannot be meant is an error: silently it would keep
 * nobody out. */
static easg_status check_pins(const easg_config *map, easg_error *err)
{
    for (size_t i = 0; i < cfg_count(map); i++) {
        const easg_config *pin = cfg_at(map, i);
        easg_str file = cfg_key_at(map, i), sum = { NULL, 0 };

        if (file.len == 0 || strpbrk(file.ptr, "/\\"))
            return cfg_error_key(err, pin, "`plugin_pins` takes names of files, without directory");
        if (!cfg_str(pin, &sum) || sum.len != 64 ||
            strspn(sum.ptr, "0123456789abcdefABCDEF") != sum.len)
            return cfg_error(err, pin,
                             "expected the SHA-256 of %s: 64 hexadecimal digits, as sha256sum "
                             "prints them",
                             file.ptr);
    }
    return EASG_OK;
}

static int word_index(const easg_config *node, const char *const *words)
{
    easg_str text = { NULL, 0 };
    int i = 0;

    (void)cfg_str(node, &text);
    while (words[i] && !text_eq(&text, words[i]))
        i++;
    return i;
}

static easg_status fill(struct agent_config *a, const char *path, easg_error *err)
{
    static const char *const levels[] = { "error", "warning", "info", "debug", "trace", NULL };
    static const char *const formats[] = { "text", "json", "journal", "eventlog", NULL };
    const easg_config *root = cfg_root(a->doc);
    size_t n = (size_t)(fs_name(path) - path); /* of its directory, with the slash */
    easg_status st;
    int i;

    a->path = cfg_doc_dup(a->doc, path, strlen(path));
    if (!a->path)
        return err_nomem(err);
    if (!*path)
        a->config_dir = fs_config_dir();
    else
        a->config_dir = n ? cfg_doc_dup(a->doc, path, n > 1 ? n - 1 : 1) : ".";
    st = get_path(root, "state_dir", &a->state_dir, err);
    if (st == EASG_OK)
        st = get_path(root, "plugin_dir", &a->plugin_dir, err);
    if (st == EASG_OK)
        st = get_path(root, "log.file", &a->log_file, err);
    a->plugin_pins = cfg_get(root, "plugin_pins");
    if (st == EASG_OK)
        st = check_pins(a->plugin_pins, err);
    if (st == EASG_OK)
        st = join_list(a->doc, cfg_get(root, "log.debug"), &a->log_debug, err);
    if (st != EASG_OK)
        return st;
    if (!a->state_dir)
        a->state_dir = fs_state_dir();
    if (!a->plugin_dir) {
        char *dir = fs_plugin_dir();

        a->plugin_dir = dir ? cfg_doc_dup(a->doc, dir, strlen(dir)) : NULL;
        mem_free(dir);
    }
    (void)cfg_int(cfg_get(root, "workers.max"), &a->workers_max);
    (void)cfg_int(cfg_get(root, "workers.timeout"), &a->worker_timeout_ms);
    a->log_level = word_index(cfg_get(root, "log.level"), levels);
    i = word_index(cfg_get(root, "log.format"), formats);
    a->log_format = formats[i] ? LOG_TEXT + i : -1;
    return a->config_dir && a->plugin_dir ? EASG_OK : err_nomem(err);
}

/* `at`: the file that was opened; empty when there was none. */
static easg_status open_or_default(const char *path, struct strbuf *at, struct cfg_doc **out,
                                   easg_error *err)
{
    easg_status st;

    if (path)
        strbuf_addf(at, "%s", path);
    else
        strbuf_addf(at, "%s/easgate.yaml", fs_config_dir());
    if (strbuf_status(at) != EASG_OK)
        return strbuf_status(at) == EASG_E_LIMIT
                   ? err_set(err, EASG_E_CONFIG, "the path of the configuration is too long")
                   : err_nomem(err);
    st = cfg_open(strbuf_str(at), out, err);
    if (path || st != EASG_E_NOTFOUND)
        return st;
    st = cfg_open_memory(strbuf_str(at), "", 0, out, err);
    strbuf_clear(at);
    return st;
}

easg_status agent_config_load(const char *path, struct agent_config **out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf at = STRBUF_INIT(4096);
    struct cfg_doc *written = NULL;
    struct agent_config *a;
    easg_status st;

    *out = NULL;
    st = open_or_default(path, &at, &written, err);
    if (st != EASG_OK)
        return st;
    a = mem_alloc(sizeof *a);
    st = a ? cfg_check_options(cfg_root(written), agent_options, NULL, &a->doc, err)
           : err_nomem(err);
    cfg_close(written);
    if (st == EASG_OK)
        st = fill(a, strbuf_str(&at), err);
    if (st != EASG_OK) {
        agent_config_destroy(a);
        return st;
    }
    *out = a;
    return EASG_OK;
}

void agent_config_destroy(struct agent_config *agent)
{
    if (!agent)
        return;
    cfg_close(agent->doc);
    mem_free(agent);
}
