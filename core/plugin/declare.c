/* SPDX-License-Identifier: Apache-2.0
 *
 * Judges option declarations, so that a wrong one is the plugin's refusal and never an
 * administrator's puzzle. What a configuration says is judged by core/config.
 */
#include <string.h>

#include "plugin_internal.h"

#include "err.h"
#include "text.h"
#include "timestamp.h"

#define OPTIONS_MAX     128
#define OPTION_NAME_MAX 128
#define OPTION_TEXT_MAX 1024
#define KNOWN_FLAGS     (EASG_OPTF_REQUIRED | EASG_OPTF_DEPRECATED)

/* 1: dotted words of a-z, 0-9, '_' and '-', each starting with a letter. */
static int name_ok(const char *s)
{
    int start = 1;

    if (!s || !*s || strnlen(s, OPTION_NAME_MAX + 1) > OPTION_NAME_MAX)
        return 0;
    for (; *s; s++) {
        if (*s == '.') {
            if (start)
                return 0;
            start = 1;
            continue;
        }
        if (!(*s >= 'a' && *s <= 'z') &&
            (start || !((*s >= '0' && *s <= '9') || *s == '_' || *s == '-')))
            return 0;
        start = 0;
    }
    return !start;
}

static int text_ok(const char *s)
{
    size_t len = s ? strnlen(s, OPTION_TEXT_MAX + 1) : 0;

    return len > 0 && len <= OPTION_TEXT_MAX && text_utf8_valid(s, len) && !strchr(s, '\n');
}

/* 1: `value` is one of the words of "a|b|c". */
static int in_words(const char *words, const char *value)
{
    size_t n = strlen(value);

    for (const char *p = words; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strcspn(p, "|") == n && memcmp(p, value, n) == 0)
            return 1;
    return 0;
}

/* 1: at least one word and no empty one. */
static int words_ok(const char *words)
{
    if (!text_ok(words))
        return 0;
    return words[0] != '|' && words[strlen(words) - 1] != '|' && !strstr(words, "||");
}

/* The number that `s` stands for; 0 when it is none of that type. */
static int number(const char *s, size_t len, easg_option_type type, int64_t *out)
{
    static const char units[] = "KMGT";
    int negative = type == EASG_OPT_INT && len > 0 && *s == '-';
    unsigned shift = 0;
    uint64_t n;

    if (type == EASG_OPT_DURATION)
        return duration_parse(s, len, out);
    if (type == EASG_OPT_SIZE && len > 1)
        for (unsigned i = 0; i < 4; i++)
            if ((s[len - 1] & ~0x20) == units[i]) {
                shift = 10 * (i + 1);
                len--;
                break;
            }
    if (!text_parse_u64(s + negative, len - (size_t)negative, &n) ||
        n > (uint64_t)INT64_MAX >> shift)
        return 0;
    *out = negative ? -(int64_t)n : (int64_t)(n << shift);
    return 1;
}

/* "1..100" of a number, and a default inside it. */
static easg_status check_range(const easg_option *o, easg_error *err)
{
    const char *dots = strstr(o->allowed, "..");
    int64_t min;
    int64_t max;
    int64_t value;

    if (!dots || !number(o->allowed, (size_t)(dots - o->allowed), o->type, &min) ||
        !number(dots + 2, strlen(dots + 2), o->type, &max) || min > max)
        return err_set(err, EASG_E_CONFIG,
                       "option %s: what is allowed must be a range, as in \"1..100\"", o->name);
    if (o->default_value && number(o->default_value, strlen(o->default_value), o->type, &value) &&
        (value < min || value > max))
        return err_set(err, EASG_E_CONFIG, "option %s: its default '%s' is outside of %s", o->name,
                       o->default_value, o->allowed);
    return EASG_OK;
}

static int is_number(easg_option_type type)
{
    return type == EASG_OPT_INT || type == EASG_OPT_SIZE || type == EASG_OPT_DURATION;
}

static easg_status check_default(const easg_option *o, easg_error *err)
{
    const char *v = o->default_value;
    int64_t n;
    int ok = 1;

    switch (o->type) {
    case EASG_OPT_BOOL: ok = in_words("true|false|yes|no|on|off", v); break;
    case EASG_OPT_INT:
    case EASG_OPT_SIZE:
    case EASG_OPT_DURATION: ok = number(v, strlen(v), o->type, &n); break;
    case EASG_OPT_URL: ok = strstr(v, "://") != NULL; break;
    case EASG_OPT_ENUM: ok = in_words(o->allowed, v); break;
    case EASG_OPT_SECRET:
        return err_set(err, EASG_E_CONFIG, "option %s: a secret cannot have a default", o->name);
    default: break; /* STRING, LIST, MAP: any text; lists and maps are read as YAML */
    }
    if (ok)
        return EASG_OK;
    return err_set(err, EASG_E_CONFIG, "option %s: its default '%s' is not a value of its own type",
                   o->name, v);
}

static easg_status check_one(const easg_option *o, easg_error *err)
{
    if (o->struct_size < offsetof(easg_option, doc) + sizeof o->doc)
        return err_set(err, EASG_E_CONFIG,
                       "an option declaration has %u bytes, plugin ABI 1.0 has %u: set struct_size "
                       "to sizeof(easg_option)",
                       (unsigned)o->struct_size, (unsigned)sizeof(easg_option));
    if (!name_ok(o->name))
        return err_set(err, EASG_E_CONFIG,
                       "an option's name must be words of a-z, 0-9, '_' and '-' joined by '.'");
    if (strcmp(o->name, "module") == 0 || strcmp(o->name, "enabled") == 0)
        return err_set(err, EASG_E_CONFIG, "option %s: this name belongs to easgate itself",
                       o->name);
    if (o->type < EASG_OPT_STRING || o->type > EASG_OPT_MAP)
        return err_set(err, EASG_E_CONFIG, "option %s: unknown type %u", o->name,
                       (unsigned)o->type);
    if (o->flags & ~(uint32_t)KNOWN_FLAGS)
        return err_set(err, EASG_E_CONFIG, "option %s: unknown flags 0x%x", o->name,
                       (unsigned)(o->flags & ~(uint32_t)KNOWN_FLAGS));
    if (!text_ok(o->doc))
        return err_set(err, EASG_E_CONFIG, "option %s: has no description of one line", o->name);
    if (o->type == EASG_OPT_ENUM && !words_ok(o->allowed))
        return err_set(err, EASG_E_CONFIG,
                       "option %s: an enumeration must list its words, as in \"a|b\"", o->name);
    if ((o->flags & EASG_OPTF_REQUIRED) && o->default_value)
        return err_set(err, EASG_E_CONFIG, "option %s: required, and yet it has a default",
                       o->name);
    if (is_number(o->type) && o->allowed) {
        easg_status st = check_range(o, err);

        if (st != EASG_OK)
            return st;
    }
    return o->default_value ? check_default(o, err) : EASG_OK;
}

/* 1: one of them is the other, or a member of it: `proxy` beside `proxy.url` has no meaning. */
static int overlap(const char *a, const char *b)
{
    size_t n = strlen(a);
    size_t m = strlen(b);

    if (n > m)
        return overlap(b, a);
    return memcmp(a, b, n) == 0 && (m == n || b[n] == '.');
}

easg_status declare_check(const easg_option *const *options, easg_error *err)
{
    easg_status st = EASG_OK;

    for (size_t i = 0; options && options[i] && st == EASG_OK; i++) {
        if (i == OPTIONS_MAX)
            return err_set(err, EASG_E_CONFIG,
                           "more than %d options, or a list without NULL at its end", OPTIONS_MAX);
        st = check_one(options[i], err);
        for (size_t j = 0; j < i && st == EASG_OK; j++)
            if (overlap(options[i]->name, options[j]->name))
                st = err_set(err, EASG_E_CONFIG, "option %s: declared twice, or beside its own %s",
                             options[j]->name, options[i]->name);
    }
    return st;
}
