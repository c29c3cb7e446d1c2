/* SPDX-License-Identifier: Apache-2.0
 *
 * orgdiff.c - what an organisation decides for everybody, against its configuration. Pure.
 *
 * What the configuration does not speak of stays. Where it speaks of rules, those of ours that it
 * does not name any more go back to what was there before; those of others go only when it says
 * that its list is the whole list. Of settings nothing is given back by leaving them out: release
 * does that.
 */
#include "orgpolicy.h"

#include <easgate/draft/orgpolicy.h>

#include "text.h"

#include <string.h>

const char *orgpolicy_part_word(uint32_t part)
{
    return part == EASG_PART_SETTING ? "setting"
           : part == EASG_PART_RULE  ? "device_rule"
                                     : "mailbox_policy";
}

int orgpolicy_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

const struct orgpolicy_entry *orgpolicy_entry(const struct orgpolicy_config *config, uint32_t part,
                                              const char *name)
{
    for (size_t i = 0; i < config->n; i++)
        if (config->items[i].part == part &&
            text_ieq(config->items[i].name, strlen(config->items[i].name), name, strlen(name)))
            return &config->items[i];
    return NULL;
}

int orgpolicy_gives_back(const struct store_orgpolicy *item, const char **after)
{
    if (!item->ours || !orgpolicy_same(item->value, item->written) ||
        orgpolicy_same(item->value, item->before))
        return 0;
    *after = item->before;
    return 1;
}

int orgpolicy_wants(const struct orgpolicy_config *config, const struct store_orgpolicy *item,
                    const char **after, const char **reason)
{
    const struct orgpolicy_entry *e = orgpolicy_entry(config, item->part, item->name);

    if (!(config->parts & 1u << item->part))
        return 0;
    if (e) {
        *after = e->value;
        *reason = "configured";
        return !orgpolicy_same(item->value, e->value);
    }
    if (item->part != EASG_PART_RULE)
        return 0;
    if (config->rules_exclusive) {
        *after = NULL;
        *reason = "only what is configured may be there";
        return item->value != NULL;
    }
    *reason = "not configured any more";
    return orgpolicy_gives_back(item, after);
}

static int lets_in(const char *level)
{
    return level && strcmp(level, "allow") == 0;
}

int orgpolicy_needs_word(uint32_t part, const char *name, const char *before, const char *after)
{
    switch (part) {
    case EASG_PART_SETTING: return strcmp(name, "default_access_level") == 0;
    case EASG_PART_RULE: return (after && !lets_in(after)) || (lets_in(before) && !lets_in(after));
    default: return 1; /* a device that does not meet its mailbox policy is blocked */
    }
}
