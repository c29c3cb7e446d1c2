/* SPDX-License-Identifier: Apache-2.0
 *
 * case.c - runs one *.case: lines that build an organisation, break it, run the sync and say what
 * must have come of it. The words stand in README.md beside this file.
 *
 * Every run is a process of its own, as in life, so that cutting one off at a named point is an
 * ordinary thing to do.
 */
#include "badvfs.h"
#include "check.h"
#include "fake.h"

#include "clock.h"
#include "config.h"
#include "err.h"
#include "store.h"
#include "store_writer.h"
#include "sync.h"
#include "text.h"
#include "timestamp.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 40, LINE = 1024, CRASHED = 99 };

static char dir[64], yaml[4096], last_run[37], crash_point[40], approve_run[37];
static int disk_nth, disk_code, crash_count, last_exit = -1, line_no;
static const char *file_name;

static void fail(const char *fmt, ...) EASG_PRINTF(1, 2);
static void fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    printf("# %s:%d: ", file_name, line_no);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    check_failed++;
}

/* ---- words ---- */

static const char *value(char **w, const char *key)
{
    size_t n = strlen(key);

    for (; *w; w++)
        if (strncmp(*w, key, n) == 0 && (*w)[n] == '=')
            return *w + n + 1;
    return NULL;
}

static void copy(char **w, const char *key, char *out)
{
    const char *v = value(w, key);

    if (v)
        snprintf(out, FAKE_TEXT, "%s", v);
}

static int flag(char **w, const char *word)
{
    for (; *w; w++)
        if (strcmp(*w, word) == 0)
            return 1;
    return 0;
}

static int number(const char *text, int none)
{
    return text ? (int)strtol(text, NULL, 10) : none;
}

static int pick(const char *text, const char *const *words, int none)
{
    int i;

    if (!text)
        return none;
    for (i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    fail("no such word: %s", text);
    return none;
}

static easg_status status_of(const char *name)
{
    easg_status st;

    for (st = 0; st > -30; st--)
        if (strcmp(err_status_name(st), name) == 0)
            return st;
    fail("no such status: %s", name);
    return EASG_E_FAIL;
}

static easg_time time_of(const char *text, easg_time none)
{
    int64_t ms;

    if (!text)
        return none;
    if (text[0] == '-' && duration_parse(text + 1, strlen(text + 1), &ms))
        return fake->now - ms;
    if (text[0] == '+' && duration_parse(text + 1, strlen(text + 1), &ms))
        return fake->now + ms;
    fail("no such time: %s", text);
    return none;
}

/* ---- the organisation ---- */

#define FIND(table, field, key)                                                                    \
    static void *find_##table(const char *key)                                                     \
    {                                                                                              \
        int i, spare = -1;                                                                         \
                                                                                                   \
        for (i = 0; i < FAKE_MAX; i++) {                                                           \
            if (fake->table[i].used && strcmp(fake->table[i].field, key) == 0)                     \
                return &fake->table[i];                                                            \
            if (!fake->table[i].used && spare < 0)                                                 \
                spare = i;                                                                         \
        }                                                                                          \
        if (spare < 0)                                                                             \
            abort();                                                                               \
        memset(&fake->table[spare], 0, sizeof fake->table[spare]);                                 \
        snprintf(fake->table[spare].field, FAKE_TEXT, "%s", key);                                  \
        return &fake->table[spare];                                                                \
    }
FIND(mailboxes, id, key)
FIND(devices, key, key)
FIND(people, id, key)
FIND(managed, id, key)

static void set_list(char list[FAKE_LIST][FAKE_TEXT], const char *text)
{
    char copy_of[LINE], *save = NULL, *p;
    int n = 0;

    if (!text)
        return;
    memset(list, 0, FAKE_LIST * sizeof *list);
    snprintf(copy_of, sizeof copy_of, "%s", text);
    for (p = strtok_r(copy_of, ",", &save); p && n < FAKE_LIST; p = strtok_r(NULL, ",", &save))
        snprintf(list[n++], FAKE_TEXT, "%s", p);
}

static const char *const access_words[] = { "unknown",     "allowed",   "blocked",
                                            "quarantined", "discovery", NULL };
static const char *const compliance_words[] = { "unknown",  "compliant", "grace",    "noncompliant",
                                                "conflict", "error",     "external", NULL };
static const char *const management_words[] = { "none", "managed", "retiring", NULL };

static void do_mailbox(char **w)
{
    struct fake_mailbox *m = find_mailboxes(w[1]);

    m->used = 1;
    m->changed = fake->now;
    copy(w, "ref", m->ref);
    copy(w, "upn", m->upn);
    copy(w, "smtp", m->smtp);
    copy(w, "sid", m->sid);
    set_list(m->allowed, value(w, "allowed"));
    set_list(m->blocked, value(w, "blocked"));
}

static void do_device(char **w)
{
    struct fake_device *d = find_devices(w[1]);
    int fresh = !d->used;

    d->used = 1;
    d->changed = fake->now;
    d->twice = flag(w, "twice");
    copy(w, "mailbox", d->mailbox);
    copy(w, "id", d->id);
    if (fresh)
        snprintf(d->type, FAKE_TEXT, "iPhone");
    copy(w, "type", d->type);
    copy(w, "os", d->os);
    d->access = value(w, "access") ? (easg_access)pick(value(w, "access"), access_words, 0)
                                   : fake_access(d);
}

static void do_person(char **w)
{
    struct fake_person *p = find_people(w[1]);
    const char *flags = value(w, "flags");

    if (!p->used || flags)
        p->flags = flags ? (strstr(flags, "licensed") ? (uint32_t)EASG_PERSON_LICENSED : 0u) |
                               (strstr(flags, "targeted") ? (uint32_t)EASG_PERSON_TARGETED : 0u) |
                               (strstr(flags, "exempt") ? (uint32_t)EASG_PERSON_EXEMPT : 0u)
                         : (uint32_t)(EASG_PERSON_LICENSED | EASG_PERSON_TARGETED);
    p->used = 1;
    copy(w, "sid", p->sid);
    copy(w, "smtp", p->smtp);
    copy(w, "immutable", p->immutable);
    copy(w, "groups", p->groups);
    copy(w, "language", p->language);
}

static void do_managed(char **w)
{
    struct fake_managed *m = find_managed(w[1]);

    if (!m->used) {
        m->compliance = EASG_COMPLIANCE_COMPLIANT;
        m->management = EASG_MANAGEMENT_MANAGED;
        m->enrolled = fake->now - 86400000;
        m->grace_until = EASG_TIME_NONE;
        snprintf(m->os, FAKE_TEXT, "iOS");
    }
    m->used = 1;
    copy(w, "eas", m->eas);
    copy(w, "user", m->user);
    copy(w, "os", m->os);
    copy(w, "serial", m->serial);
    m->compliance =
        (easg_compliance)pick(value(w, "compliance"), compliance_words, (int)m->compliance);
    m->management =
        (easg_management)pick(value(w, "management"), management_words, (int)m->management);
    m->enrolled = time_of(value(w, "enrolled"), m->enrolled);
    m->grace_until = time_of(value(w, "grace"), m->grace_until);
}

static void add_registered(const char *line)
{
    char path[120];
    FILE *f;

    snprintf(path, sizeof path, "%s/registry.csv", dir);
    f = fopen(path, "a");
    if (!f || fprintf(f, "%s\n", line) < 0 || fclose(f) != 0)
        abort();
    if (!strstr(yaml, "id_registry"))
        snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), "policy: { id_registry: %s }\n",
                 path);
}

/* bulk FROM TO [enrolled]: mailboxes bF..bT, each with a person and a phone IDn, managed with
 * "enrolled". */
static void do_bulk(char **w)
{
    char name[FAKE_TEXT], words[6][FAKE_TEXT];
    int i;

    for (i = number(w[1], 0); i <= number(w[2], 0); i++) {
        char *mb[] = { words[0], words[1], words[2], words[3], NULL };

        snprintf(name, sizeof name, "b%d", i);
        snprintf(words[1], FAKE_TEXT, "b%d", i);
        snprintf(words[2], FAKE_TEXT, "sid=S-%d", i);
        snprintf(words[3], FAKE_TEXT, "smtp=b%d@contoso.example", i);
        do_mailbox(mb);
        snprintf(words[1], FAKE_TEXT, "p%d", i);
        do_person(mb);
        snprintf(words[1], FAKE_TEXT, "d%d", i);
        snprintf(words[2], FAKE_TEXT, "mailbox=b%d", i);
        snprintf(words[3], FAKE_TEXT, "id=ID%d", i);
        do_device(mb);
        snprintf(words[1], FAKE_TEXT, "g%d", i);
        snprintf(words[2], FAKE_TEXT, "eas=ID%d", i);
        snprintf(words[3], FAKE_TEXT, "user=p%d", i);
        if (flag(w, "enrolled"))
            do_managed(mb);
    }
}

/* remove KIND NAME, remove KIND FROM TO of a bulk. */
static void do_remove(char **w)
{
    char name[FAKE_TEXT];
    int from = number(w[3] ? w[2] : NULL, 0), to = number(w[3], 0), i;

    for (i = from; i <= to; i++) {
        snprintf(name, sizeof name, "%s", w[2]);
        if (strcmp(w[1], "mailbox") == 0) {
            if (w[3])
                snprintf(name, sizeof name, "b%d", i);
            ((struct fake_mailbox *)find_mailboxes(name))->used = 0;
        } else if (strcmp(w[1], "device") == 0) {
            if (w[3])
                snprintf(name, sizeof name, "d%d", i);
            ((struct fake_device *)find_devices(name))->used = 0;
        } else if (strcmp(w[1], "person") == 0) {
            if (w[3])
                snprintf(name, sizeof name, "p%d", i);
            ((struct fake_person *)find_people(name))->used = 0;
        } else if (strcmp(w[1], "managed") == 0) {
            if (w[3])
                snprintf(name, sizeof name, "g%d", i);
            ((struct fake_managed *)find_managed(name))->used = 0;
        } else {
            fail("nothing to remove: %s", w[1]);
        }
    }
}

static void do_fail(char **w)
{
    struct fake_fault *f = fake->faults;
    int i;

    while (f < fake->faults + FAKE_FAULTS - 1 && f->times > 0)
        f++;
    memset(f, 0, sizeof *f);
    for (i = 0; i < FAKE_CALLS && strcmp(fake_call_names[i], w[1]) != 0; i++)
        ;
    if (i == FAKE_CALLS)
        fail("no such call: %s", w[1]);
    f->call = (enum fake_call)i;
    f->status = status_of(w[2]);
    f->times = number(value(w, "times"), 1);
    f->after = number(value(w, "after"), 0);
    f->retry_ms = (uint32_t)number(value(w, "retry"), 0);
    copy(w, "at", f->endpoint);
}

static void do_item(char **w)
{
    struct fake_item *it = fake->items;

    while (it < fake->items + FAKE_FAULTS - 1 && strcmp(it->id, w[1]) != 0)
        it++;
    if (strcmp(it->id, w[1]) != 0)
        for (it = fake->items; it < fake->items + FAKE_FAULTS - 1 && it->id[0];)
            it++;
    snprintf(it->id, FAKE_TEXT, "%s", w[1]);
    if (strcmp(w[2], "well") == 0)
        it->id[0] = '\0';
    else if (strcmp(w[2], "lie") == 0)
        it->how = ITEM_LIE;
    else if (strcmp(w[2], "blind") == 0)
        it->how = ITEM_BLIND;
    else {
        it->how = ITEM_STATUS;
        it->status = status_of(w[2]);
    }
}

/* ---- runs
 * ------------------------------------------------------------------------------------------------
 */

static void at_point(void *user, const char *point)
{
    (void)user;
    if (crash_point[0] && strcmp(point, crash_point) == 0 && --crash_count == 0)
        _exit(CRASHED);
}

static void log_line(void *user, const char *line, size_t len)
{
    (void)user;
    if (getenv("EASGATE_CASE_LOG"))
        fprintf(stderr, "%.*s\n", (int)len, line);
}

static void write_config(char *path, size_t size)
{
    FILE *f;

    snprintf(path, size, "%s/contoso.yaml", dir);
    f = fopen(path, "w");
    if (!f || fputs(yaml, f) < 0 || fclose(f) != 0)
        abort();
}

static int run_child(char **w)
{
    static const char *const kinds[] = { "full",    "quick", "user",   "apply",
                                         "release", "adopt", "device", NULL };
    struct log *log = log_open_sink(EASG_LOG_DEBUG, log_line, NULL);
    const char *devices[8];
    static const char *const list_words[] = { "none", "allowed", "blocked", "both", NULL };
    struct sync_adopt_item entry = { NULL, NULL, 0 };
    struct sync_adopt adopt = { 0, NULL, 0 };
    struct sync_options o;
    struct run_options r;
    easg_error err = EASG_ERROR_INIT;
    struct org_config *org = NULL;
    struct registry *registry = NULL;
    struct store *store = NULL;
    struct run_ref *run = NULL;
    char path[120];
    static const char *const commands[] = { "remove", "wipe", "wipe-account", NULL };
    struct sync_command command = { 0 };
    char token[65] = "";
    int code;

    if (disk_nth)
        badvfs_install(0, 0);
    clock_set(fake->now);
    write_config(path, sizeof path);
    memset(&o, 0, sizeof o);
    memset(&r, 0, sizeof r);
    if (org_config_load(path, &org, &err) != EASG_OK ||
        store_open_writer(dir, org->name, log, &store, &err) != EASG_OK ||
        registry_create(log, &registry, &err) != EASG_OK ||
        registry_add(registry, "fake", fake_entry, &err) != EASG_OK) {
        printf("# %s:%d: %s\n", file_name, line_no, err.message);
        return 98;
    }
    store_set_hook(store, at_point, NULL);
    if (disk_nth)
        badvfs_install(badvfs_writes() + disk_nth, disk_code);
    r.org = org->name;
    r.run_id = last_run;
    r.started = fake->now;
    r.deadline_ms = clock_monotonic_ms() + 60000;
    r.flags = flag(w, "dry") ? EASG_RUN_DRY : 0;
    r.state = sync_state_ops(store);
    r.log = log;
    if (run_create(&r, &run, &err) != EASG_OK) {
        printf("# %s:%d: %s\n", file_name, line_no, err.message);
        return 98;
    }
    if (flag(w, "cancelled"))
        run_cancel(run);
    o.org = org;
    o.registry = registry;
    o.store = store;
    o.run = run;
    o.log = log;
    o.kind = (enum sync_kind)pick(w[1], kinds, 0);
    o.run_id = last_run;
    if (o.kind == SYNC_ADOPT) {
        adopt.lists = value(w, "list") ? (uint32_t)pick(value(w, "list"), list_words, 0) : 3u;
        entry.device_id = value(w, "device") ? strdup(value(w, "device")) : NULL;
        adopt.items = entry.device_id ? &entry : NULL;
        adopt.n = entry.device_id ? 1 : 0;
        o.adopt = &adopt;
    }
    o.trigger = "operator";
    o.user = value(w, "user");
    if (o.kind == SYNC_APPLY)
        o.approve_run = approve_run;
    if (value(w, "device")) {
        devices[0] = value(w, "device");
        o.approve_devices = devices;
        o.n_approve_devices = 1;
    }
    o.approve_policy = flag(w, "policy");
    if (o.kind == SYNC_DEVICE) {
        memset(token, value(w, "token") ? value(w, "token")[0] : 'x', 64);
        command.verb = (uint32_t)pick(value(w, "command"), commands, 0);
        command.device = value(w, "device") ? value(w, "device") : "";
        command.token = token;
        command.confirm = flag(w, "confirm");
        o.command = &command;
    }
    o.dry_run = flag(w, "dry");
    o.retry = flag(w, "retry");
    code = sync_run(&o);
    free((char *)entry.device_id);
    run_destroy(run);
    registry_destroy(registry);
    store_close(store);
    org_config_destroy(org);
    log_close(log);
    return code;
}

static struct store *reader(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = NULL;

    if (store_open_readonly(dir, "contoso", &s, &err) != EASG_OK)
        fail("%s", err.message);
    return s;
}

static void check_chain(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = reader();
    int64_t rows = 0, bad = 0;

    if (s && (store_audit_verify(s, &rows, &bad, &err) != EASG_OK || bad))
        fail("the audit chain breaks at row %d: %s", (int)bad, err.message);
    check_made++;
    store_close(s);
}

static void do_run(char **w)
{
    static int count;
    int status;
    pid_t pid;

    /* held actions are approved in the run that held them */
    if (strcmp(w[1], "apply") == 0 && !value(w, "of"))
        snprintf(approve_run, sizeof approve_run, "%s", last_run);
    if (value(w, "of"))
        snprintf(approve_run, sizeof approve_run, "00000000-0000-4000-8000-%012d",
                 number(value(w, "of"), 0));
    snprintf(last_run, sizeof last_run, "00000000-0000-4000-8000-%012d", ++count);
    memset(fake->calls, 0, sizeof fake->calls);
    fake->writes = fake->mails = fake->mails_before = 0;
    fake->last_endpoint[0] = fake->languages[0] = '\0';
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int code = run_child(w);

        fflush(stdout);
        exit(code);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status)) {
        fail("the run died: status %d", pid < 0 ? -1 : status);
        last_exit = -1;
    } else {
        last_exit = WEXITSTATUS(status);
    }
    if (crash_point[0] && last_exit != CRASHED)
        fail("the run never came to the point %s", crash_point);
    crash_point[0] = '\0';
    disk_nth = 0;
    fake->now += 60000;
    check_chain();
}

/* ---- what must have come of it ---- */

struct got {
    char text[2000];
};

static easg_status add_row(void *user, const struct store_row *row, easg_error *err)
{
    struct got *g = user;
    size_t i, at = strlen(g->text);

    (void)err;
    if (at)
        at += (size_t)snprintf(g->text + at, sizeof g->text - at, ", ");
    for (i = 0; i < store_row_count(row) && at < sizeof g->text; i++) {
        const char *t = store_row_text(row, i);

        at +=
            (size_t)snprintf(g->text + at, sizeof g->text - at, "%s%s", i ? " " : "", t ? t : "-");
    }
    return EASG_OK;
}

/* $RUN is the last run. */
static void query(const char *sql, struct got *g)
{
    easg_error err = EASG_ERROR_INIT;
    struct store *s = reader();
    struct store_arg run = STORE_ARG_TEXT(last_run);
    char text[LINE];
    const char *p = strstr(sql, "$RUN");

    g->text[0] = '\0';
    if (!s)
        return;
    if (p)
        snprintf(text, sizeof text, "%.*s?1%s", (int)(p - sql), sql, p + 4);
    else
        snprintf(text, sizeof text, "%s", sql);
    if (store_query(s, text, &run, p ? 1 : 0, add_row, g, &err) != EASG_OK)
        fail("%s", err.message);
    store_close(s);
}

static void expect(const char *what, const char *got, const char *want)
{
    check_made++;
    if (strcmp(got, want) != 0)
        fail("%s is\n#   %s\n# not\n#   %s", what, got, want);
}

static void do_sql(char *rest)
{
    char *arrow = strstr(rest, " => ");
    struct got g;

    if (!arrow) {
        fail("sql QUERY => ROWS");
        return;
    }
    *arrow = '\0';
    query(rest, &g);
    expect(rest, g.text, strcmp(arrow + 4, "nothing") == 0 ? "" : arrow + 4);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list_text(char list[FAKE_LIST][FAKE_TEXT], char *out, size_t size)
{
    char sorted[FAKE_LIST][FAKE_TEXT];
    int i;

    memcpy(sorted, list, sizeof sorted);
    qsort(sorted, FAKE_LIST, FAKE_TEXT, by_name);
    out[0] = '\0';
    for (i = 0; i < FAKE_LIST; i++)
        if (sorted[i][0])
            snprintf(out + strlen(out), size - strlen(out), "%s%s", out[0] ? "," : "", sorted[i]);
}

static void do_lists(char **w)
{
    struct fake_mailbox *m = fake_mailbox(w[1]);
    char text[LINE];

    if (!m) {
        fail("no mailbox %s", w[1]);
        return;
    }
    list_text(m->allowed, text, sizeof text);
    expect("the allowed list", text, value(w, "allowed") ? value(w, "allowed") : "");
    list_text(m->blocked, text, sizeof text);
    expect("the blocked list", text, value(w, "blocked") ? value(w, "blocked") : "");
}

static void do_calls(char **w)
{
    int i;

    for (i = 0; i < FAKE_CALLS; i++) {
        const char *want = value(w, fake_call_names[i]);

        check_made++;
        if (want && number(want, -1) != fake->calls[i])
            fail("%d calls of %s, not %s", fake->calls[i], fake_call_names[i], want);
    }
    check_made++;
    if (value(w, "writes") && number(value(w, "writes"), -1) != fake->writes)
        fail("%d items were written, not %s", fake->writes, value(w, "writes"));
    if (value(w, "mails-before") && number(value(w, "mails-before"), -1) != fake->mails_before)
        fail("%d mails before the first write, not %s", fake->mails_before,
             value(w, "mails-before"));
    if (value(w, "languages")) {
        char sorted[FAKE_LIST][FAKE_TEXT] = { "" }, text[LINE], *save = NULL, *p;
        int n = 0;

        for (p = strtok_r(fake->languages, ",", &save); p && n < FAKE_LIST;
             p = strtok_r(NULL, ",", &save))
            snprintf(sorted[n++], FAKE_TEXT, "%s", p);
        list_text(sorted, text, sizeof text);
        expect("the languages of the mails", text, value(w, "languages"));
    }
    if (value(w, "endpoint"))
        expect("the endpoint", fake->last_endpoint, value(w, "endpoint"));
}

static void do_exit(char **w)
{
    static const char *const names[] = { "done", "failed", "nothing", "later",
                                         "hold", "bug",    "crashed" };
    static const int codes[] = { 0, 1, 10, 20, 30, 70, CRASHED };
    size_t i;

    check_made++;
    for (i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(names[i], w[1]) == 0 && codes[i] == last_exit)
            return;
    {
        struct got g;

        query("SELECT error FROM v_runs WHERE run = $RUN", &g);
        fail("the run ended with %d, not %s: %s", last_exit, w[1], g.text);
    }
}

static void do_error(char *rest)
{
    struct got g;

    query("SELECT error FROM v_runs WHERE run = $RUN", &g);
    check_made++;
    if (!strstr(g.text, rest))
        fail("the error is\n#   %s\n# and lacks\n#   %s", g.text, rest);
}

static void do_audit(char **w)
{
    char sql[200];
    struct got g;

    snprintf(sql, sizeof sql, "SELECT count(*) FROM v_audit WHERE run = $RUN AND event = '%s'",
             w[1]);
    query(sql, &g);
    expect(w[1], g.text, w[2]);
}

/* ---- what is decided for everybody ---- */

static uint32_t part_of(const char *word)
{
    static const char *const words[] = { "setting", "rule", "mailbox-policy", NULL };

    return (uint32_t)pick(word, words, 0);
}

/* policy PART NAME VALUE|-|lie */
static void do_policy(char **w)
{
    struct fake_policy *p = fake_policy(part_of(w[1]), w[2]);

    if (strcmp(w[3], "lie") == 0) {
        p->lie = 1;
        return;
    }
    p->used = strcmp(w[3], "-") != 0;
    snprintf(p->value, sizeof p->value, "%s", w[3]);
}

static void do_everybody(char **w)
{
    const struct fake_policy *p = fake_policy(part_of(w[1]), w[2]);

    expect(w[2], p->used ? p->value : "-", w[3]);
}

/* ---- lines
 * ------------------------------------------------------------------------------------------------
 */

static const char yaml_default[] = "organization: contoso\n"
                                   "mode: enforce\n"
                                   "source: { module: fake, server: cas1 }\n"
                                   "sink: { module: fake-mdm }\n"
                                   "failover: { module: fake-order }\n";

static void do_line(char **w, int n, char *rest)
{
    if (strcmp(w[0], "title") == 0)
        printf("# %s\n", rest);
    else if (strcmp(w[0], "yaml") == 0)
        snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), "%s\n", rest);
    else if (strcmp(w[0], "yaml-clear") == 0)
        yaml[0] = '\0';
    else if (strcmp(w[0], "yaml-default") == 0)
        snprintf(yaml, sizeof yaml, "%s", yaml_default);
    else if (strcmp(w[0], "audit-mode") == 0)
        memcpy(strstr(yaml, "enforce"), "audit  ", 7);
    else if (strcmp(w[0], "default") == 0)
        fake->default_access = (easg_access)pick(w[1], access_words, 1);
    else if (strcmp(w[0], "no-groups") == 0)
        fake->deaf = 1;
    else if (strcmp(w[0], "registry") == 0)
        add_registered(rest);
    else if (strcmp(w[0], "mailbox") == 0)
        do_mailbox(w);
    else if (strcmp(w[0], "device") == 0)
        do_device(w);
    else if (strcmp(w[0], "person") == 0)
        do_person(w);
    else if (strcmp(w[0], "managed") == 0)
        do_managed(w);
    else if (strcmp(w[0], "bulk") == 0 && n >= 3)
        do_bulk(w);
    else if (strcmp(w[0], "remove") == 0 && n >= 3)
        do_remove(w);
    else if (strcmp(w[0], "server") == 0)
        snprintf(fake->servers[number(w[2], 0)], FAKE_TEXT, "%s", w[1]);
    else if (strcmp(w[0], "fail") == 0 && n >= 3)
        do_fail(w);
    else if (strcmp(w[0], "item") == 0 && n >= 3)
        do_item(w);
    else if (strcmp(w[0], "short-list") == 0) {
        fake->short_list = number(w[1], 0);
        fake->short_list_times = number(w[2], 1);
    } else if (strcmp(w[0], "short-fetch") == 0) {
        fake->short_fetch = number(w[1], 0);
        fake->short_fetch_times = number(w[2], 1);
    } else if (strcmp(w[0], "crash") == 0) {
        snprintf(crash_point, sizeof crash_point, "%s", w[1]);
        crash_count = number(n > 2 ? w[2] : NULL, 1);
    } else if (strcmp(w[0], "disk") == 0 && n >= 3) {
        disk_nth = number(w[2], 1);
        disk_code = strcmp(w[1], "full") == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    } else if (strcmp(w[0], "wait") == 0)
        fake->now = time_of(w[1], fake->now);
    else if (strcmp(w[0], "run") == 0)
        do_run(w);
    else if (strcmp(w[0], "exit") == 0)
        do_exit(w);
    else if (strcmp(w[0], "error") == 0)
        do_error(rest);
    else if (strcmp(w[0], "sql") == 0)
        do_sql(rest);
    else if (strcmp(w[0], "lists") == 0)
        do_lists(w);
    else if (strcmp(w[0], "calls") == 0)
        do_calls(w);
    else if (strcmp(w[0], "policy") == 0 && n >= 4)
        do_policy(w);
    else if (strcmp(w[0], "everybody") == 0 && n >= 4)
        do_everybody(w);
    else if (strcmp(w[0], "no-policy") == 0)
        fake->no_policy = 1;
    else if (strcmp(w[0], "audit") == 0 && n >= 3)
        do_audit(w);
    else
        fail("no such line: %s", w[0]);
}

static void clean(void)
{
    static const char *const names[] = { "contoso.db",   "contoso.db-wal", "contoso.db-shm",
                                         "contoso.lock", "contoso.yaml",   "secret",
                                         "registry.csv" };
    char path[120];
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* All of it at once: the child processes of the runs must share no open file with us. */
static char *read_case(const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n;

    if (!f)
        return NULL;
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void run_line(char *line)
{
    char words[LINE], *w[WORDS + 1], *save = NULL;
    int n = 0;

    line += strspn(line, " ");
    if (!*line || *line == '#')
        return;
    snprintf(words, sizeof words, "%s", line);
    memset(w, 0, sizeof w);
    for (w[n] = strtok_r(words, " ", &save); w[n] && n < WORDS; w[n] = strtok_r(NULL, " ", &save))
        n++;
    line += strcspn(line, " ");
    do_line(w, n, *line ? line + 1 : line);
}

int main(int argc, char **argv)
{
    char *text = argc == 2 ? read_case(argv[1]) : NULL;
    char *end;

    if (!text) {
        printf("usage: sync_case FILE.case\n");
        return 64;
    }
    file_name = strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1];
    snprintf(dir, sizeof dir, "/tmp/easg-case.XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    fake_create();
    fake->now = 1795000000000; /* 2026-11-18 */
    snprintf(yaml, sizeof yaml, "%s", yaml_default);
    for (; *text; text = end) {
        line_no++;
        end = text + strcspn(text, "\n");
        if (*end)
            *end++ = '\0';
        run_line(text);
    }
    clean();
    return check_done();
}
