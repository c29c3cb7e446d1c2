/* SPDX-License-Identifier: Apache-2.0
 *
 * org.c - orgs.d/NAME.yaml: the core's own options of an organisation, as data, and the struct made
 * from them. Options of modules are checked where the modules are known.
 */
#include "cfgtree.h"

#include "fs.h"

#include "err.h"
#include "text.h"
#include "timestamp.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define OPT(type, flags, name, value, allowed, doc)                                                \
    {                                                                                              \
        sizeof(easg_option), EASG_OPT_##type, (flags), 0, (name), (value), (allowed), (doc)        \
    }
#define REQUIRED EASG_OPTF_REQUIRED

static const easg_option table[] = {
    OPT(STRING, REQUIRED, "organization", NULL, NULL,
        "The name of the organisation: small letters, digits and hyphens; the file is NAME.yaml."),
    OPT(BOOL, 0, "enabled", "true", NULL, "false: this organisation is left alone."),
    OPT(ENUM, 0, "mode", "audit", "audit|enforce",
        "audit decides and reports and writes nothing to Exchange; enforce changes it."),
    OPT(MAP, REQUIRED, "source", NULL, NULL,
        "The Exchange organisation: `module` and the module's options."),
    OPT(MAP, 0, "failover", NULL, NULL, "Chooses among servers: `module` and its options."),
    OPT(MAP, REQUIRED, "sink", NULL, NULL, "The device manager: `module` and its options."),
    OPT(MAP, 0, "notifier", NULL, NULL, "Sends mail to people: `module` and its options."),
    OPT(DURATION, 0, "mail.wait", "10m", "0..7d",
        "How long a device that has access keeps it after its user was told."),
    OPT(INT, 0, "mail.repeat_days", "7", "0..365",
        "The same is not told again about a device before so many days."),
    OPT(INT, 0, "mail.max_per_day", "3", "1..100", "More than so many mails a day nobody gets."),
    OPT(BOOL, 0, "mail.required", "false", NULL,
        "true: a device is not blocked before its user was told; false: a mail that cannot be "
        "delivered delays no block."),
    OPT(STRING, 0, "mail.templates", NULL, NULL,
        "Directory of templates that are taken instead of the built-in ones."),
    OPT(STRING, 0, "mail.language", "en", NULL,
        "Language of those whose own is not known: en, nl, de, fr, or one of mail.templates."),
    OPT(STRING, 0, "mail.helpdesk", NULL, NULL,
        "Whom people may ask, as it stands in the mail: an address, a telephone number."),
    OPT(LIST, 0, "mail.digest.to", NULL, NULL,
        "Addresses of the help desk: they get one mail about all that was blocked or held, and "
        "about mails that could not be delivered."),
    OPT(ENUM, 0, "mail.digest.every", "day", "run|day",
        "run: after each run with something to tell; day: at most once a day."),
    OPT(ENUM, 0, "failure_policy", "hold", "hold|open|closed",
        "What becomes of devices when the device manager does not answer and its facts are older "
        "than brakes.facts_max_age: nothing, our blocks are taken back, or everybody is blocked."),
    OPT(MAP, 0, "rules", NULL, NULL,
        "Local rules by name, the first that fits decides: `match`, `action`, `owner`, `expires`, "
        "`trust_claims`."),
    OPT(MAP, 0, "rings", NULL, NULL,
        "Who is enforced first, by name: `users`, `percent`, `delay`, `blast_devices`, "
        "`blast_percent`."),
    OPT(DURATION, 0, "retention.history", "400d", "0..10000d",
        "How long old decisions, actions, mail and runs are kept; 0: for ever."),
    OPT(DURATION, 0, "retention.audit", "0", "0..10000d",
        "How long audit rows are kept; 0: for ever."),
    OPT(BOOL, 0, "policy.enabled", "true", NULL,
        "false: no device is decided upon, and what the agent wrote is withdrawn."),
    OPT(ENUM, 0, "policy.override", "auto", "auto|on|off",
        "Whether compliant devices get an allowed entry of their own: on, always; auto, where "
        "Exchange's default is block or quarantine; off, never."),
    OPT(BOOL, 0, "policy.hma", "false", NULL,
        "true: Outlook's cloud service signs on with modern authentication and is left alone."),
    OPT(ENUM, 0, "policy.unsupported_platform", "block", "block|default",
        "Devices that the device manager cannot manage: blocked, or left to Exchange's rules."),
    OPT(ENUM, 0, "policy.foreign_allow", "leave", "leave|enforce",
        "An allowed entry that somebody else wrote: left, or replaced by the decision."),
    OPT(ENUM, 0, "policy.activation", "id-match", "id-match|strict",
        "When an iOS or Android device counts as activated: its EAS id is known to the device "
        "manager, or the device manager says so besides."),
    OPT(ENUM, 0, "policy.unknown", "block", "block|compliant",
        "A managed device whose compliance is unknown after policy.unknown_grace."),
    OPT(ENUM, 0, "policy.configmanager", "block", "block|compliant",
        "A device whose compliance Configuration Manager answers for."),
    OPT(DURATION, 0, "policy.unknown_grace", "1h", "0..30d",
        "How long after enrolment unknown compliance is waited for."),
    OPT(DURATION, 0, "policy.grandfather", "0", "0..400d",
        "Devices that have access when enforcement begins and spoke within this time are not "
        "blocked before policy.grandfather_until."),
    OPT(STRING, 0, "policy.grandfather_until", NULL, NULL,
        "The day on which they are decided upon like all others; without it never."),
    OPT(STRING, 0, "policy.id_registry", NULL, NULL,
        "CSV file of user, managed device and EAS id, for devices whose id the device manager does "
        "not know; an absolute path."),
    OPT(LIST, 0, "policy.include_groups", NULL, NULL,
        "Groups of the device manager's directory whose members are decided upon."),
    OPT(LIST, 0, "policy.exclude_groups", NULL, NULL, "Groups whose members are exempt."),
    OPT(INT, 0, "brakes.shrink_percent", "80", "0..100",
        "Facts below this share of the last good count are refused."),
    OPT(INT, 0, "brakes.blast_devices", "20", "0..1000000",
        "New blocks in one run that need no approval, at least."),
    OPT(INT, 0, "brakes.blast_percent", "5", "0..100",
        "New blocks in one run that need no approval, in percent of all devices; the larger of the "
        "two counts."),
    OPT(DURATION, 0, "brakes.facts_max_age", "6h", "10m..7d", "Older facts decide nothing."),
    OPT(LIST, 0, "brakes.accept_no_eas_id", NULL, NULL,
        "Platforms (ios, android, windows) that may be enforced although no managed device of them "
        "carries an EAS id."),
    OPT(ENUM, 0, "brakes.accept_risk", "none", "none|mass-lockout",
        "Must be mass-lockout where a brake is loosened beyond 20, 500 or 50."),
    OPT(ENUM, 0, "organization_policy.default_access_level", NULL, "allow|block|quarantine",
        "Exchange's answer to a device that nothing else decides upon. Not given: left as it is."),
    OPT(STRING, 0, "organization_policy.user_mail_insert", NULL, NULL,
        "Text that Exchange adds to its own mail about a quarantined device; one line."),
    OPT(LIST, 0, "organization_policy.admin_mail_recipients", NULL, NULL,
        "Whom Exchange tells of quarantined devices: mail addresses."),
    OPT(MAP, 0, "organization_policy.device_rules", NULL, NULL,
        "Device access rules: below device_type, device_model, device_os or user_agent the exact "
        "text, and allow, block or quarantine."),
    OPT(BOOL, 0, "organization_policy.device_rules_exclusive", "false", NULL,
        "true: rules that somebody else made are taken away as well."),
    OPT(MAP, 0, "organization_policy.mailbox_policies", NULL, NULL,
        "Settings of mobile device mailbox policies that exist, by the policy's name."),
    OPT(BOOL, 0, "device_commands.remove", "false", NULL,
        "true: an operator may remove a partnership (easgate device remove)."),
    OPT(BOOL, 0, "device_commands.wipe", "false", NULL,
        "true: an operator may wipe a device (easgate device wipe)."),
    OPT(DURATION, 0, "device_commands.confirm_within", "15m", "1m..24h",
        "How long the token of such a command may be used."),
    OPT(STRING, 0, "schedule.quick", "2h", NULL,
        "Every so often a run over what changed: a duration from 1m, or off."),
    OPT(STRING, 0, "schedule.full", "daily 02:00", NULL,
        "When everything is listed anew: \"daily HH:MM\" in local time, a duration from 10m, or "
        "off."),
    OPT(DURATION, 0, "schedule.jitter", "10m", "0..12h",
        "A start is late by at most this, by an amount that stays the same for an organisation."),
};
#define N_OPTIONS (sizeof table / sizeof *table)

const char *const cfg_module_keys[4] = { "source", "failover", "sink", "notifier" };

const easg_option *const *cfg_org_options(void)
{
    /* The same pointers whoever comes first: a race writes equal values. */
    static const easg_option *list[N_OPTIONS + 1];

    for (size_t i = 0; i < N_OPTIONS; i++)
        list[i] = &table[i];
    return list;
}

/* ---- reading single things ---- */

static int is(const easg_config *root, const char *key, const char *word)
{
    easg_str text;

    return cfg_str(cfg_get(root, key), &text) && text_eq(&text, word);
}

static int64_t number(const easg_config *root, const char *key)
{
    int64_t n = 0;

    (void)cfg_int(cfg_get(root, key), &n);
    return n;
}

static int truth(const easg_config *root, const char *key)
{
    int32_t b = 0;

    (void)cfg_bool(cfg_get(root, key), &b);
    return b;
}

static int name_valid(const char *s, size_t len)
{
    if (len < 1 || len > 63 || s[0] == '-')
        return 0;
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-'))
            return 0;
    return 1;
}

static easg_status read_name(struct org_config *o, const char *path, easg_error *err)
{
    const easg_config *node = cfg_get(cfg_root(o->doc), "organization");
    const char *base = fs_name(path);
    size_t n = strlen(base);
    easg_str name;

    n = n > 5 && strcmp(base + n - 5, ".yaml") == 0 ? n - 5 : n;
    (void)cfg_str(node, &name);
    if (!name_valid(name.ptr, name.len))
        return cfg_error(err, node,
                         "`organization` must be 1 to 63 small letters, digits and hyphens, and "
                         "must not begin with a hyphen");
    if (name.len != n || memcmp(name.ptr, base, n) != 0)
        return cfg_error(err, node,
                         "`organization` is %s, but the file is %s; name the file %s.yaml",
                         name.ptr, base, name.ptr);
    o->name = name.ptr;
    return EASG_OK;
}

static easg_status read_module(const easg_config *root, const char *key, struct org_module *out,
                               easg_error *err)
{
    const easg_config *map = cfg_get(root, key);
    const easg_config *node;
    easg_str id;
    int32_t b;

    *out = (struct org_module){ NULL, 0, map };
    if (!map)
        return EASG_OK;
    node = cfg_get(map, "module");
    if (!cfg_str(node, &id) || text_blank(&id))
        return cfg_error(err, node ? node : map,
                         "`%s` needs `module: NAME` (easgate plugins lists them)", key);
    if (strlen(id.ptr) > 63 || strspn(id.ptr, "abcdefghijklmnopqrstuvwxyz0123456789-._") != id.len)
        return cfg_error(err, node,
                         "`module` must be the name of a module, such as exchange-onprem");
    out->id = id.ptr;
    out->enabled = 1;
    node = cfg_get(map, "enabled");
    if (node) {
        if (!cfg_bool(node, &b))
            return cfg_error(err, node, "`enabled` must be true or false");
        out->enabled = b;
    }
    return EASG_OK;
}

static easg_status read_list(struct cfg_doc *doc, const easg_config *list,
                             const easg_str *const **out, size_t *n, easg_error *err)
{
    size_t count = cfg_count(list);
    const easg_str **items;

    *n = 0;
    *out = NULL;
    if (count == 0)
        return EASG_OK;
    items = cfg_doc_alloc(doc, count * sizeof *items);
    if (!items)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++)
        items[i] = &list->items[i]->text;
    *out = items;
    *n = count;
    return EASG_OK;
}

/* ---- policy, brakes, schedule ---- */

static void read_policy(struct org_config *o)
{
    const easg_config *root = cfg_root(o->doc);
    struct policy_options *p = &o->policy;

    p->enabled = truth(root, "policy.enabled");
    p->override = is(root, "policy.override", "on")    ? OVERRIDE_ON
                  : is(root, "policy.override", "off") ? OVERRIDE_OFF
                                                       : OVERRIDE_AUTO;
    p->hma = truth(root, "policy.hma");
    p->unsupported_default = is(root, "policy.unsupported_platform", "default");
    p->enforce_foreign_allow = is(root, "policy.foreign_allow", "enforce");
    p->activation_strict = is(root, "policy.activation", "strict");
    p->unknown = is(root, "policy.unknown", "compliant") ? UNKNOWN_COMPLIANT : UNKNOWN_BLOCK;
    p->configmanager =
        is(root, "policy.configmanager", "compliant") ? UNKNOWN_COMPLIANT : UNKNOWN_BLOCK;
    p->unknown_grace_ms = number(root, "policy.unknown_grace");
}

/* Beyond these a brake does not hold any more. */
#define SHRINK_LOOSE  20
#define DEVICES_LOOSE 500
#define PERCENT_LOOSE 50

static easg_status read_brakes(struct org_config *o, easg_error *err)
{
    const easg_config *root = cfg_root(o->doc);
    const easg_config *loose = NULL;
    struct org_brakes *b = &o->brakes;

    b->shrink_percent = number(root, "brakes.shrink_percent");
    b->blast_devices = number(root, "brakes.blast_devices");
    b->blast_percent = number(root, "brakes.blast_percent");
    b->facts_max_age_ms = number(root, "brakes.facts_max_age");
    if (b->shrink_percent < SHRINK_LOOSE)
        loose = cfg_get(root, "brakes.shrink_percent");
    else if (b->blast_devices > DEVICES_LOOSE)
        loose = cfg_get(root, "brakes.blast_devices");
    else if (b->blast_percent > PERCENT_LOOSE)
        loose = cfg_get(root, "brakes.blast_percent");
    if (!loose)
        return EASG_OK;
    if (!is(root, "brakes.accept_risk", "mass-lockout"))
        return cfg_error(err, loose,
                         "`%s: %s` switches this brake off, so that one wrong answer can lock "
                         "everybody out; choose %s, or write `accept_risk: mass-lockout` beside it",
                         loose->key.ptr, loose->text.ptr,
                         loose->key.ptr[0] == 's'        ? "20 or more"
                         : strstr(loose->key.ptr, "dev") ? "500 or less"
                                                         : "50 or less");
    cfg_warn(o->doc, loose, "`%s: %s`: this brake is off (accept_risk: mass-lockout)",
             loose->key.ptr, loose->text.ptr);
    return EASG_OK;
}

/* "daily 02:00" -> 120; -1 */
static int daily_minute(const easg_str *s)
{
    const char *t = s->ptr + 6;

    if (s->len != 11 || memcmp(s->ptr, "daily ", 6) != 0 || t[2] != ':' || t[0] < '0' ||
        t[0] > '2' || t[1] < '0' || t[1] > '9' || t[3] < '0' || t[3] > '5' || t[4] < '0' ||
        t[4] > '9' || (t[0] == '2' && t[1] > '3'))
        return -1;
    return ((t[0] - '0') * 10 + t[1] - '0') * 60 + (t[3] - '0') * 10 + t[4] - '0';
}

static void read_mail(struct org_config *o)
{
    const easg_config *root = cfg_root(o->doc);
    struct org_mail *m = &o->mail;
    easg_str s;

    m->wait_ms = number(root, "mail.wait");
    m->repeat_days = number(root, "mail.repeat_days");
    m->max_per_day = number(root, "mail.max_per_day");
    m->required = truth(root, "mail.required");
    m->templates = cfg_str(cfg_get(root, "mail.templates"), &s) && !text_blank(&s) ? s.ptr : NULL;
    m->digest_daily = is(root, "mail.digest.every", "day");
    m->helpdesk = cfg_str(cfg_get(root, "mail.helpdesk"), &s) && !text_blank(&s) ? s.ptr : NULL;
    m->language = cfg_str(cfg_get(root, "mail.language"), &s) && !text_blank(&s) ? s.ptr : "en";
}

static int is_off(const easg_str *s)
{
    return text_eq(s, "off") || text_eq(s, "false") || text_eq(s, "no");
}

static easg_status read_schedule(struct org_config *o, easg_error *err)
{
    const easg_config *quick = cfg_get(cfg_root(o->doc), "schedule.quick");
    const easg_config *full = cfg_get(cfg_root(o->doc), "schedule.full");
    struct org_schedule *s = &o->schedule;
    easg_str text = { "", 0 };

    (void)cfg_str(quick, &text);
    if (!is_off(&text) &&
        (!duration_parse(text.ptr, text.len, &s->quick_ms) || s->quick_ms < 60000))
        return cfg_error(err, quick, "`quick` must be a duration from 1m on, such as 2h, or off");
    s->full_at_min = -1;
    text = (easg_str){ "", 0 };
    (void)cfg_str(full, &text);
    if (!is_off(&text)) {
        s->full_at_min = daily_minute(&text);
        if (s->full_at_min < 0 &&
            (!duration_parse(text.ptr, text.len, &s->full_every_ms) || s->full_every_ms < 600000))
            return cfg_error(err, full,
                             "`full` must be \"daily HH:MM\", a duration from 10m on, or off");
    }
    s->jitter_ms = number(cfg_root(o->doc), "schedule.jitter");
    if (!s->quick_ms && !s->full_every_ms && s->full_at_min < 0)
        cfg_warn(o->doc, full, "no runs are scheduled: `quick` and `full` are off");
    else if (!s->full_every_ms && s->full_at_min < 0)
        cfg_warn(o->doc, full,
                 "full runs are off: devices that went away are never seen to be gone");
    return EASG_OK;
}

/* ---- loading ---- */

static easg_status digest_of(const struct strbuf *bytes, char out[65], easg_error *err)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (!EVP_Digest(strbuf_str(bytes), bytes->len, md, &n, EVP_sha256(), NULL) || n != 32)
        return err_set(err, EASG_E_FAIL, "SHA-256 is not available");
    for (unsigned i = 0; i < n; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", md[i]);
    return EASG_OK;
}

static easg_status fill(struct org_config *o, const char *path, easg_error *err)
{
    struct org_module *const modules[] = { &o->source, &o->failover, &o->sink, &o->notifier };
    const easg_config *root = cfg_root(o->doc);
    easg_status st = read_name(o, path, err);

    o->enabled = truth(root, "enabled");
    o->mode = is(root, "mode", "enforce") ? ORG_ENFORCE : ORG_AUDIT;
    for (size_t i = 0; st == EASG_OK && i < 4; i++)
        st = read_module(root, cfg_module_keys[i], modules[i], err);
    if (st == EASG_OK)
        st = read_list(o->doc, cfg_get(root, "mail.digest.to"), &o->mail.digest_to,
                       &o->mail.n_digest_to, err);
    if (st == EASG_OK)
        st = read_list(o->doc, cfg_get(root, "policy.include_groups"), &o->include_groups,
                       &o->n_include_groups, err);
    if (st == EASG_OK)
        st = read_list(o->doc, cfg_get(root, "policy.exclude_groups"), &o->exclude_groups,
                       &o->n_exclude_groups, err);
    read_policy(o);
    read_mail(o);
    if (st == EASG_OK)
        st = cfg_read_trust(o, err);
    if (st == EASG_OK)
        st = cfg_read_orgpolicy(o, err);
    if (st == EASG_OK)
        st = read_brakes(o, err);
    return st == EASG_OK ? read_schedule(o, err) : st;
}

easg_status org_config_load(const char *path, struct org_config **out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf bytes = STRBUF_INIT(CFG_MAX_BYTES + 16);
    struct cfg_doc *written = NULL;
    struct org_config *o = NULL;
    easg_status st = fs_read(path, CFG_MAX_BYTES + 3, &bytes, err);

    *out = NULL;
    if (st == EASG_OK)
        st = cfg_open_memory(path, strbuf_str(&bytes), bytes.len, &written, err);
    if (st != EASG_OK)
        return st;
    o = mem_alloc(sizeof *o);
    st = o ? cfg_check_options(cfg_root(written), cfg_org_options(), NULL, &o->doc, err)
           : err_nomem(err);
    cfg_close(written);
    if (st == EASG_OK)
        st = fill(o, path, err);
    if (st == EASG_OK)
        st = digest_of(&bytes, o->digest, err);
    if (st != EASG_OK) {
        org_config_destroy(o);
        return st;
    }
    *out = o;
    return EASG_OK;
}

/* ---- what decides, alone ---- */

static const char *const deciding[] = { "policy", "failure_policy", "brakes", "rules", "rings" };

/* The same options, none of them required. */
static const easg_option *const *optional(void)
{
    static easg_option copy[N_OPTIONS];
    static const easg_option *list[N_OPTIONS + 1];

    for (size_t i = 0; i < N_OPTIONS; i++) {
        copy[i] = table[i];
        copy[i].flags &= ~(uint32_t)REQUIRED;
        list[i] = &copy[i];
    }
    return list;
}

easg_status cfg_policy_parse(const char *name, const char *ptr, size_t len, struct org_config **out,
                             easg_error *err)
{
    struct cfg_doc *written = NULL;
    struct org_config *o = NULL;
    easg_status st = cfg_open_memory(name, ptr, len, &written, err);

    *out = NULL;
    if (st != EASG_OK)
        return st;
    o = mem_alloc(sizeof *o);
    st = o ? cfg_check_options(cfg_root(written), optional(), NULL, &o->doc, err) : err_nomem(err);
    cfg_close(written);
    if (st == EASG_OK)
        st = read_list(o->doc, cfg_get(cfg_root(o->doc), "policy.include_groups"),
                       &o->include_groups, &o->n_include_groups, err);
    if (st == EASG_OK)
        st = read_list(o->doc, cfg_get(cfg_root(o->doc), "policy.exclude_groups"),
                       &o->exclude_groups, &o->n_exclude_groups, err);
    if (st == EASG_OK) {
        read_policy(o);
        st = cfg_read_trust(o, err);
    }
    if (st == EASG_OK)
        st = read_brakes(o, err);
    if (st != EASG_OK) {
        org_config_destroy(o);
        return st;
    }
    *out = o;
    return EASG_OK;
}

easg_status cfg_policy_load(const char *path, struct org_config **out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf bytes = STRBUF_INIT(CFG_MAX_BYTES + 16);
    easg_status st = fs_read(path, CFG_MAX_BYTES + 3, &bytes, err);

    *out = NULL;
    return st == EASG_OK ? cfg_policy_parse(path, strbuf_str(&bytes), bytes.len, out, err) : st;
}

easg_status cfg_policy_text(const struct org_config *org, struct strbuf *out, char digest[65],
                            easg_error *err)
{
    const easg_config *root = cfg_root(org->doc);

    for (size_t i = 0; i < sizeof deciding / sizeof *deciding; i++)
        cfg_show_key(cfg_get(root, deciding[i]), out);
    if (strbuf_status(out) != EASG_OK)
        return err_nomem(err);
    return digest_of(out, digest, err);
}

void org_config_destroy(struct org_config *org)
{
    if (!org)
        return;
    cfg_close(org->doc);
    mem_free(org);
}
