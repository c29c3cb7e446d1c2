/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.c - a JSON Schema (2020-12) from the declared options: what an editor needs to complete
 * and check a file while it is written.
 */
#include "cfgtree.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_string(struct strbuf *out, const char *s)
{
    strbuf_addc(out, '"');
    strbuf_add_json(out, s, strlen(s));
    strbuf_addc(out, '"');
}

/* Numbers and truth values as such, all else as text. */
static void add_scalar(struct strbuf *out, const easg_option *o, const char *text, size_t len)
{
    int64_t num;
    easg_node_type type = cfg_classify(text, len, &num);

    if (o->type == EASG_OPT_INT && type == EASG_NODE_INT) {
        strbuf_addf(out, "%" PRId64, num);
    } else if (o->type == EASG_OPT_BOOL && type == EASG_NODE_BOOL) {
        strbuf_adds(out, num ? "true" : "false");
    } else {
        strbuf_addc(out, '"');
        strbuf_add_json(out, text, len);
        strbuf_addc(out, '"');
    }
}

static void add_words(struct strbuf *out, const char *words)
{
    strbuf_adds(out, "\"enum\":[");
    for (int first = 1; *words; first = 0) {
        size_t n = strcspn(words, "|");

        strbuf_adds(out, first ? "\"" : ",\"");
        strbuf_add_json(out, words, n);
        strbuf_addc(out, '"');
        words += n + (words[n] == '|');
    }
    strbuf_addc(out, ']');
}

static void add_default(struct strbuf *out, const easg_option *o)
{
    const char *d = o->default_value;

    if (!d)
        return;
    strbuf_adds(out, ",\"default\":");
    if (o->type != EASG_OPT_LIST) {
        add_scalar(out, o, d, strlen(d));
        return;
    }
    strbuf_addc(out, '[');
    if (*d && *d != '[')
        add_scalar(out, o, d, strlen(d));
    else if (*d) {
        easg_error err = { .struct_size = sizeof err };
        struct cfg_doc *doc = NULL;

        if (cfg_open_memory("default", d, strlen(d), &doc, &err) == EASG_OK)
            for (size_t i = 0; i < cfg_count(doc->root); i++) {
                const struct easg_config *item = doc->root->items[i];

                strbuf_adds(out, i ? "," : "");
                if (item->text.ptr)
                    add_scalar(out, o, item->text.ptr, item->text.len);
            }
        cfg_close(doc);
    }
    strbuf_addc(out, ']');
}

static void add_type(struct strbuf *out, const easg_option *o)
{
    int64_t min;
    int64_t max;

    switch (o->type) {
    case EASG_OPT_BOOL: strbuf_adds(out, "\"type\":\"boolean\""); break;
    case EASG_OPT_INT:
        strbuf_adds(out, "\"type\":\"integer\"");
        if (cfg_option_range(o, &min, &max))
            strbuf_addf(out, ",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64, min, max);
        break;
    case EASG_OPT_SIZE:
        strbuf_adds(out, "\"type\":[\"string\",\"integer\"],\"pattern\":\"^[0-9]+[KMG]?$\"");
        break;
    case EASG_OPT_DURATION:
        strbuf_adds(out, "\"type\":[\"string\",\"integer\"],"
                         "\"pattern\":\"^(0|([0-9]+(ms|s|m|h|d))+)$\",\"maximum\":0");
        break;
    case EASG_OPT_URL: strbuf_adds(out, "\"type\":\"string\",\"pattern\":\"^https?://\""); break;
    case EASG_OPT_ENUM: add_words(out, o->allowed ? o->allowed : ""); break;
    case EASG_OPT_SECRET:
        strbuf_adds(out, "\"type\":\"string\",\"pattern\":\"^(credential:|file:|env:|dpapi:).+\"");
        break;
    case EASG_OPT_LIST:
        strbuf_adds(out, "\"type\":[\"array\",\"null\"],\"uniqueItems\":true,\"items\":{");
        if (o->allowed)
            add_words(out, o->allowed);
        else
            strbuf_adds(out, "\"type\":[\"string\",\"integer\"]");
        strbuf_addc(out, '}');
        break;
    case EASG_OPT_MAP: strbuf_adds(out, "\"type\":\"object\""); break;
    default: strbuf_adds(out, "\"type\":[\"string\",\"number\",\"boolean\"]"); break;
    }
}

static void add_option(struct strbuf *out, const easg_option *o)
{
    strbuf_addc(out, '{');
    add_type(out, o);
    add_default(out, o);
    if (o->doc) {
        strbuf_adds(out, ",\"description\":");
        add_string(out, o->doc);
    }
    if (o->flags & EASG_OPTF_DEPRECATED)
        strbuf_adds(out, ",\"deprecated\":true");
    strbuf_addc(out, '}');
}

/* ---- maps ---- */

/* Length of the part of `name` below `prefix`; 0: it does not stand there. */
static size_t part_of(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(name, prefix, n) == 0 ? strcspn(name + n, ".") : 0;
}

/* 1: an earlier option has begun the same part. */
static int seen(const easg_option *const *options, size_t i, const char *prefix)
{
    const char *part = options[i]->name + strlen(prefix);
    size_t len = part_of(options[i]->name, prefix);

    for (size_t k = 0; k < i; k++)
        if (part_of(options[k]->name, prefix) == len &&
            memcmp(options[k]->name + strlen(prefix), part, len) == 0)
            return 1;
    return 0;
}

/* 1: something required stands at or below the part that option i begins. */
static int part_required(const easg_option *const *options, size_t i, const char *prefix)
{
    size_t whole = strlen(prefix) + part_of(options[i]->name, prefix);

    for (size_t k = 0; options[k]; k++)
        if ((options[k]->flags & EASG_OPTF_REQUIRED) &&
            strncmp(options[k]->name, options[i]->name, whole) == 0 &&
            (options[k]->name[whole] == '\0' || options[k]->name[whole] == '.'))
            return 1;
    return 0;
}

static void add_required(struct strbuf *out, const easg_option *const *options, const char *prefix,
                         const char *also)
{
    int any = also != NULL;

    if (also)
        strbuf_addf(out, ",\"required\":[\"%s\"", also);
    for (size_t i = 0; options[i]; i++) {
        size_t len = part_of(options[i]->name, prefix);

        if (!len || seen(options, i, prefix) || !part_required(options, i, prefix))
            continue;
        strbuf_adds(out, any ? ",\"" : ",\"required\":[\"");
        strbuf_add_json(out, options[i]->name + strlen(prefix), len);
        strbuf_addc(out, '"');
        any = 1;
    }
    if (any)
        strbuf_addc(out, ']');
}

/* The inside of "properties"; the depth is that of the dots in a name. `override` may write an
 * option itself: 1 when it did. */
static void add_properties(struct strbuf *out, const easg_option *const *options,
                           const char *prefix,
                           int (*override)(struct strbuf *, const easg_option *, void *),
                           void *user)
{
    int first = 1;

    for (size_t i = 0; options[i]; i++) {
        const char *part = options[i]->name + strlen(prefix);
        size_t len = part_of(options[i]->name, prefix);

        if (!len || seen(options, i, prefix))
            continue;
        strbuf_adds(out, first ? "\"" : ",\"");
        strbuf_add_json(out, part, len);
        strbuf_adds(out, "\":");
        first = 0;
        if (part[len] == '.') {
            char below[160];

            (void)snprintf(below, sizeof below, "%s%.*s.", prefix, (int)len, part);
            strbuf_adds(out, "{\"type\":[\"object\",\"null\"],\"additionalProperties\":false");
            add_required(out, options, below, NULL);
            strbuf_adds(out, ",\"properties\":{");
            add_properties(out, options, below, override, user);
            strbuf_adds(out, "}}");
        } else if (!override || !override(out, options[i], user)) {
            add_option(out, options[i]);
        }
    }
}

/* ---- modules ---- */

struct modules {
    const struct cfg_schema_module *list;
    size_t n;
};

/* "easg.source/1" and "source" are of key "source". */
int cfg_of_kind(const struct cfg_schema_module *m, const char *key)
{
    const char *kind = strncmp(m->kind, "easg.", 5) == 0 ? m->kind + 5 : m->kind;
    size_t n = strcspn(kind, "/");

    return n == strlen(key) && memcmp(kind, key, n) == 0;
}

/* source: { module: one of these } and, by its value, the module's own options. */
static int add_module_key(struct strbuf *out, const easg_option *o, void *user)
{
    const struct modules *m = user;
    int any = 0;

    if (o->type != EASG_OPT_MAP)
        return 0;
    strbuf_adds(out, "{\"type\":\"object\",\"description\":");
    add_string(out, o->doc);
    strbuf_adds(out, ",\"required\":[\"module\"],\"properties\":{\"module\":{\"enum\":[");
    for (size_t i = 0; i < m->n; i++) {
        if (!cfg_of_kind(&m->list[i], o->name))
            continue;
        strbuf_adds(out, any ? "," : "");
        add_string(out, m->list[i].id);
        any = 1;
    }
    strbuf_adds(out, "]},\"enabled\":{\"type\":\"boolean\",\"default\":true}}");
    for (size_t i = 0, first = 1; any && i < m->n; i++) {
        if (!cfg_of_kind(&m->list[i], o->name))
            continue;
        strbuf_adds(out, first ? ",\"allOf\":[" : ",");
        first = 0;
        strbuf_adds(out, "{\"if\":{\"properties\":{\"module\":{\"const\":");
        add_string(out, m->list[i].id);
        strbuf_addf(out, "}}},\"then\":{\"$ref\":\"#/$defs/%s-", o->name);
        strbuf_add_json(out, m->list[i].id, strlen(m->list[i].id));
        strbuf_adds(out, "\"}}");
    }
    strbuf_adds(out, any ? "]}" : "}");
    return 1;
}

static void add_definition(struct strbuf *out, const char *key, const struct cfg_schema_module *m)
{
    static const easg_option *const none[] = { NULL };
    const easg_option *const *options = m->options ? m->options : none;

    strbuf_addf(out, "\"%s-", key);
    strbuf_add_json(out, m->id, strlen(m->id));
    strbuf_adds(out, "\":{\"type\":\"object\",\"description\":");
    add_string(out, m->summary ? m->summary : "");
    strbuf_adds(out, ",\"additionalProperties\":false");
    add_required(out, options, "", "module");
    strbuf_adds(out, ",\"properties\":{\"module\":true,\"enabled\":true");
    if (options[0])
        strbuf_addc(out, ',');
    add_properties(out, options, "", NULL, NULL);
    strbuf_adds(out, "}}");
}

static void begin(struct strbuf *out, const char *title, const easg_option *const *options)
{
    strbuf_adds(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":");
    add_string(out, title);
    strbuf_adds(out, ",\"type\":\"object\",\"additionalProperties\":false");
    add_required(out, options, "", NULL);
    strbuf_adds(out, ",\"properties\":{");
}

easg_status cfg_schema(struct strbuf *out, const struct cfg_schema_module *modules, size_t n)
{
    struct modules m = { modules, n };
    int first = 1;

    begin(out, "easgate organisation", cfg_org_options());
    add_properties(out, cfg_org_options(), "", add_module_key, &m);
    strbuf_adds(out, "},\"$defs\":{");
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < n; i++) {
            if (!cfg_of_kind(&modules[i], cfg_module_keys[k]))
                continue;
            strbuf_adds(out, first ? "" : ",");
            first = 0;
            add_definition(out, cfg_module_keys[k], &modules[i]);
        }
    strbuf_adds(out, "}}\n");
    return strbuf_status(out);
}

easg_status cfg_schema_agent(struct strbuf *out)
{
    begin(out, "easgate agent", cfg_agent_options());
    add_properties(out, cfg_agent_options(), "", NULL, NULL);
    strbuf_adds(out, "}}\n");
    return strbuf_status(out);
}
