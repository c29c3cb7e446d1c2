/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration tree as YAML again: flow style, every string quoted.
 */
#include <stdio.h>
#include <string.h>

#include "conform.h"

static void quote(struct strbuf *out, const easg_str *s)
{
    strbuf_addc(out, '"');
    strbuf_add_json(out, s->ptr, s->len);
    strbuf_addc(out, '"');
}

static void scalar(struct strbuf *out, const easg_config *node)
{
    easg_str s = { NULL, 0 };

    (void)cfg_str(node, &s);
    if (cfg_type(node) == EASG_NODE_STRING)
        quote(out, &s);
    else if (cfg_type(node) == EASG_NODE_NULL)
        strbuf_adds(out, "null");
    else
        strbuf_add_str(out, &s);
}

static int is_secret(const char *path, const easg_option *const *options)
{
    for (; options && *options; options++)
        if ((*options)->type == EASG_OPT_SECRET && strcmp((*options)->name, path) == 0)
            return 1;
    return 0;
}

struct writing {
    struct strbuf *out;
    const char *drop;
    const easg_option *const *options;
    int canary;
};

static void write_node(const struct writing *w, const easg_config *node, const char *path)
{
    int map = cfg_type(node) == EASG_NODE_MAP;
    int first = 1;

    if (!map && cfg_type(node) != EASG_NODE_LIST) {
        if (w->canary && is_secret(path, w->options))
            strbuf_adds(w->out, "\"env:" CANARY_VARIABLE "\"");
        else
            scalar(w->out, node);
        return;
    }
    strbuf_addc(w->out, map ? '{' : '[');
    for (size_t i = 0; i < cfg_count(node); i++) {
        char below[256] = "";

        if (map) {
            easg_str key = cfg_key_at(node, i);

            (void)snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key.ptr);
            if (w->drop && strcmp(below, w->drop) == 0)
                continue;
        }
        strbuf_adds(w->out, first ? "" : ", ");
        first = 0;
        if (map) {
            easg_str key = cfg_key_at(node, i);

            quote(w->out, &key);
            strbuf_adds(w->out, ": ");
        }
        write_node(w, cfg_at(node, i), below);
    }
    strbuf_addc(w->out, map ? '}' : ']');
}

void yaml_write(struct strbuf *out, const easg_config *node, const char *drop,
                const easg_option *const *options, int canary)
{
    struct writing w = { out, drop, options, canary };

    write_node(&w, node, "");
    strbuf_addc(out, '\n');
}
