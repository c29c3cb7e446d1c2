/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_release.c - `easgate release` gives everything back, `easgate adopt` takes entries over.
 */
#include "verbs.h"

#include "err.h"
#include "table.h"

#include <string.h>

struct release_values {
    const char *org;
    int64_t limit;
    int dry_run, verbose;
};

static easg_status check_org(struct cli *cli, const char *name, int release, easg_error *err)
{
    struct org_config *org = NULL;
    easg_status st = cli_check_org_name(name, err);

    if (st == EASG_OK)
        st = cli_load_agent(cli, err);
    if (st == EASG_OK) {
        st = org_config_find(cli->agent, name, &org, err);
        st = st == EASG_E_NOTFOUND ? EASG_E_CONFIG : st;
    }
    if (st == EASG_OK && release && org->mode == ORG_ENFORCE)
        st = err_set(err, EASG_E_UNSUPPORTED,
                     "%s is in mode enforce, so the next run would write everything again; set "
                     "mode: audit in %s.yaml first",
                     name, name);
    org_config_destroy(org);
    return st;
}

/* Entries that are still ours: none, when everything was given back. */
static easg_status print_difference(struct cli *cli, const char *org, int64_t *left,
                                    easg_error *err)
{
    static const struct table_column columns[] = {
        { "USER", TABLE_FLEX }, { "DEVICE ID", TABLE_FLEX }, { "LIST", 0 }, { "BEFORE", 0 }
    };
    struct records r = { 0 };
    struct store *s = NULL;
    struct table *t;
    char safe[CLI_SAFE];
    int64_t everybody = 0;
    easg_status st = cli_open_store(cli, org, &s, err);
    size_t i;

    if (st == EASG_OK)
        st = query_int(s, "SELECT count(*) FROM v_ledger", NULL, 0, 0, left, err);
    if (st == EASG_OK)
        st = query_int(s, "SELECT count(*) FROM v_org_ledger", NULL, 0, 0, &everybody, err);
    if (st == EASG_OK)
        st = query_records(s,
                           "SELECT ifnull(user, mailbox) AS user, device_id, list, before FROM"
                           " v_ledger ORDER BY 1, 2",
                           NULL, 0, 20, &r, err);
    if (st == EASG_OK && !cli->json && everybody)
        printf("decided for everybody by us, and still so: %lld items; select * from "
               "v_org_ledger\n",
               (long long)everybody);
    if (st == EASG_OK && !cli->json && *left == 0 && !everybody)
        printf("difference to what was there before: none; nothing of ours is left in Exchange\n");
    if (st == EASG_OK && !cli->json && *left) {
        printf("difference to what was there before: %lld entries of %s are still ours\n",
               (long long)*left, cli_safe(org, safe));
        t = table_create(stdout, columns, 4, cli_width(), 2);
        for (i = 0; t && i < r.n; i++)
            table_row(t, (const char *const[]){
                             record_get(&r.items[i], "user"), record_get(&r.items[i], "device_id"),
                             record_get(&r.items[i], "list"), record_get(&r.items[i], "before") });
        table_finish(t);
    }
    *left += everybody;
    records_clear(&r);
    store_close(s);
    return st;
}

static int run_release(struct cli *cli, void *values)
{
    const struct release_values *v = values;
    struct start start = {
        .org = v->org, .kind = "release", .dry_run = v->dry_run, .verbose = v->verbose
    };
    easg_error err = EASG_ERROR_INIT;
    int64_t left = 0;
    char run_id[37];
    easg_status st;
    int code = CLI_DONE;

    st = check_org(cli, v->org, 1, &err);
    if (st == EASG_OK)
        st = start_worker(cli, &start, run_id, &code, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    code = report_run(cli, &start, run_id, code, v->limit >= 0 ? v->limit : 20);
    if (code != CLI_DONE && code != CLI_CHANGES && code != CLI_FAILED)
        return code;
    st = print_difference(cli, v->org, &left, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    return code == CLI_DONE && left ? (v->dry_run ? CLI_CHANGES : CLI_FAILED) : code;
}

static const struct arg_spec release_args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct release_values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_FLAG,
      .name = "dry-run",
      .offset = offsetof(struct release_values, dry_run),
      .doc = "print what would be given back; write nothing to Exchange" },
    { .type = ARG_NUMBER,
      .name = "limit",
      .offset = offsetof(struct release_values, limit),
      .value = "N",
      .doc = "print at most N changes; 0: all (the default is 20)" },
    { .type = ARG_FLAG,
      .name = "verbose",
      .offset = offsetof(struct release_values, verbose),
      .doc = "log as the agent does, on standard error" },
    { .type = ARG_END }
};

const struct verb verb_release = {
    .name = "release",
    .summary = "give back every entry that we wrote",
    .text = "Takes every entry of ours out of the personal lists and puts back what stood there\n"
            "before, then prints the difference that is left: none. Set `mode: audit` first. The\n"
            "device manager is not asked, so this works when it is what is broken.\n",
    .args = release_args,
    .size = sizeof(struct release_values),
    .run = run_release
};

/* ---- adopt ---- */

struct adopt_values {
    const char *org, *list, *file;
    struct arg_list devices;
    int dry_run, verbose;
};

enum { ADOPTED_MAX = 20 };

#define ADOPTED                                                                                    \
    "SELECT subject AS mailbox, json_extract(detail, '$.user') AS user,"                           \
    " json_extract(detail, '$.device_id') AS device_id, json_extract(detail, '$.list') AS list"    \
    " FROM v_audit WHERE run = ?1 AND event IN ('ledger.adopted', 'ledger.would_adopt')"           \
    " ORDER BY seq"

static easg_status report_adopted(struct cli *cli, const struct adopt_values *v, const char *run_id,
                                  int64_t *n, int64_t *missing, easg_error *err)
{
    static const struct table_column columns[] = { { "USER", TABLE_FLEX },
                                                   { "DEVICE ID", TABLE_FLEX },
                                                   { "LIST", 0 } };
    const struct store_arg run = STORE_ARG_TEXT(run_id);
    struct records r = { 0 };
    struct store *s = NULL;
    struct table *t;
    struct jsonout j;
    char safe[CLI_SAFE];
    size_t i;
    easg_status st = cli_open_store(cli, v->org, &s, err);

    if (st == EASG_OK)
        st = query_int(s, "SELECT count(*) FROM (" ADOPTED ")", &run, 1, 0, n, err);
    if (st == EASG_OK)
        st = query_int(s,
                       "SELECT count(*) FROM v_audit WHERE run = ?1 AND event = 'ledger.not_found'",
                       &run, 1, 0, missing, err);
    if (st == EASG_OK && cli->json) {
        cli_json_begin(cli, &j);
        json_text(&j, "organization", v->org);
        json_text(&j, "run", run_id);
        json_bool(&j, "dry_run", v->dry_run);
        json_int(&j, "not_found", *missing);
        st = query_json(s, ADOPTED, &run, 1, &j, "adopted", err);
        cli->failed_json = 1;
        cli_json_end(cli, &j, 0);
    } else if (st == EASG_OK) {
        st = query_records(s, ADOPTED, &run, 1, ADOPTED_MAX, &r, err);
        printf("%s: %lld entries %s\n", cli_safe(v->org, safe), (long long)*n,
               v->dry_run ? "would be adopted; nothing was changed" : "are ours from now on");
        t = table_create(stdout, columns, 3, cli_width(), 2);
        for (i = 0; t && i < r.n; i++)
            table_row(t, (const char *const[]){ *record_get(&r.items[i], "user")
                                                    ? record_get(&r.items[i], "user")
                                                    : record_get(&r.items[i], "mailbox"),
                                                record_get(&r.items[i], "device_id"),
                                                record_get(&r.items[i], "list") });
        table_finish(t);
        if (r.more)
            printf("  and %lld more; easgate audit %s --run %.8s lists them\n",
                   (long long)*n - ADOPTED_MAX, cli_safe(v->org, safe), run_id);
        fflush(stdout);
        if (*missing)
            fprintf(stderr, "easgate: %lld entries were not found in the lists, or are ours\n",
                    (long long)*missing);
    }
    records_clear(&r);
    store_close(s);
    return st;
}

static int run_adopt(struct cli *cli, void *values)
{
    const struct adopt_values *v = values;
    struct start start = { .org = v->org,
                           .kind = "adopt",
                           .devices = &v->devices,
                           .list = v->list,
                           .file = v->file,
                           .dry_run = v->dry_run,
                           .verbose = v->verbose };
    easg_error err = EASG_ERROR_INIT;
    int64_t n = 0, missing = 0;
    struct store *s = NULL;
    char run_id[37];
    easg_status st;
    int code = CLI_DONE;

    if ((v->devices.n != 0) + (v->file != NULL) + (v->list && !v->devices.n && !v->file) != 1) {
        err_set(&err, EASG_E_CONFIG,
                "say which entries: --device, --file, or --list alone for all of a list");
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    st = check_org(cli, v->org, 0, &err);
    if (st == EASG_OK)
        st =
            cli_open_store(cli, v->org, &s, &err); /* without a listing there is nothing to adopt */
    store_close(s);
    if (st == EASG_OK)
        st = start_worker(cli, &start, run_id, &code, &err);
    if (st == EASG_OK && code == 0)
        st = report_adopted(cli, v, run_id, &n, &missing, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (code)
        return report_run(cli, &start, run_id, code, 20);
    if (missing)
        return CLI_FAILED;
    return v->dry_run && n ? CLI_CHANGES : CLI_DONE;
}

static const struct arg_spec adopt_args[] = {
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct adopt_values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_LIST,
      .name = "device",
      .offset = offsetof(struct adopt_values, devices),
      .value = "ID",
      .doc = "entries of this device id; may be given several times" },
    { .type = ARG_TEXT,
      .name = "list",
      .offset = offsetof(struct adopt_values, list),
      .choices = "allowed|blocked",
      .doc = "every entry of this list, or only this list of the chosen ones" },
    { .type = ARG_TEXT,
      .name = "file",
      .offset = offsetof(struct adopt_values, file),
      .value = "CSV",
      .doc = "lines of mailbox,device_id[,allowed|blocked]" },
    { .type = ARG_FLAG,
      .name = "dry-run",
      .offset = offsetof(struct adopt_values, dry_run),
      .doc = "print what would be adopted" },
    { .type = ARG_FLAG,
      .name = "verbose",
      .offset = offsetof(struct adopt_values, verbose),
      .doc = "log as the agent does, on standard error" },
    { .type = ARG_END }
};

const struct verb verb_adopt = {
    .name = "adopt",
    .summary = "take existing entries of the personal lists into the ledger",
    .text =
        "Entries that somebody else wrote (Microsoft's connector, another device manager, an\n"
        "administrator) stand as they are: D06, D07. Those that are adopted are decided upon\n"
        "like our own from the next run on. Exchange is not written to. `easgate release` puts\n"
        "them back as they were.\n",
    .args = adopt_args,
    .size = sizeof(struct adopt_values),
    .run = run_adopt
};
