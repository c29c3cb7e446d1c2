/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_device.c - `easgate device remove|wipe ORG DEVICE`: what an operator asks for one device, in
 * two steps. The first prints what would happen and a token; the second, with that token, does it.
 */
#include "verbs.h"

#include "err.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

struct values {
    const char *action, *org, *device, *confirm;
    int account_only, verbose;
};

enum { TOKEN_SIZE = 30, HASH_SIZE = 65 };

/* 24 characters that nobody mixes up, in groups: 120 bits. */
static easg_status make_token(char out[TOKEN_SIZE], easg_error *err)
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789-"; /* 32; the last is replaced */
    unsigned char random[24];
    size_t n = 0;

    if (RAND_bytes(random, sizeof random) != 1)
        return err_set(err, EASG_E_FAIL, "the system gives no random bytes");
    for (size_t i = 0; i < sizeof random; i++) {
        char c = letters[random[i] & 31];

        if (i && i % 6 == 0)
            out[n++] = '-';
        out[n++] = c == '-' ? '0' : c;
    }
    out[n] = '\0';
    return EASG_OK;
}

/* What the state keeps of a token: who reads the state file cannot use it. */
static easg_status hash_token(const char *token, char out[HASH_SIZE], easg_error *err)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (!EVP_Digest(token, strlen(token), md, &n, EVP_sha256(), NULL) || n != 32)
        return err_set(err, EASG_E_FAIL, "SHA-256 is not available");
    for (unsigned i = 0; i < n; i++)
        (void)snprintf(out + 2 * (size_t)i, 3, "%02x", md[i]);
    return EASG_OK;
}

/* The one partnership that is meant: its key, or a device id that only one has. */
static easg_status find_device(struct store *s, const struct values *v, char key[600],
                               easg_error *err)
{
    const struct store_arg who = STORE_ARG_TEXT(v->device);
    char safe[CLI_SAFE];
    struct records r = { 0 };
    easg_status st;

    if (!*v->device || strspn(v->device, " \t") == strlen(v->device))
        return err_set(err, EASG_E_CONFIG, "name the device by its key or its device id");
    st = query_records(s,
                       "SELECT key FROM v_devices WHERE key = ?1 OR device_id = ?1 COLLATE NOCASE",
                       &who, 1, 2, &r, err);
    if (st == EASG_OK && r.n == 0)
        st = err_set(err, EASG_E_NOTFOUND,
                     "%s has no device %s; a key or a device id is expected, as `easgate devices` "
                     "prints them",
                     v->org, cli_safe(v->device, safe));
    else if (st == EASG_OK && r.n > 1)
        st = err_set(err, EASG_E_CONFIG,
                     "several partnerships have the device id %s: name one by its key (`easgate "
                     "explain` prints it)",
                     cli_safe(v->device, safe));
    else if (st == EASG_OK)
        snprintf(key, 600, "%s", record_get(&r.items[0], "key"));
    records_clear(&r);
    return st;
}

static easg_status check(struct cli *cli, const struct values *v, char key[600], easg_error *err)
{
    struct org_config *org = NULL;
    struct store *s = NULL;
    easg_status st = cli_check_org_name(v->org, err);

    if (st == EASG_OK)
        st = cli_load_agent(cli, err);
    if (st == EASG_OK) {
        st = org_config_find(cli->agent, v->org, &org, err);
        st = st == EASG_E_NOTFOUND ? EASG_E_CONFIG : st;
    }
    org_config_destroy(org);
    if (st == EASG_OK)
        st = cli_open_store(cli, v->org, &s, err);
    if (st == EASG_OK)
        st = find_device(s, v, key, err);
    store_close(s);
    return st;
}

/* What the worker kept of it. */
static easg_status print_told(struct cli *cli, const struct values *v, const struct record *c,
                              const char *token)
{
    const char *line = record_get(c, "told");
    char safe[CLI_SAFE];
    struct jsonout j;

    if (cli->json) {
        cli_json_begin(cli, &j);
        json_text(&j, "organization", v->org);
        json_text(&j, "token", token);
        json_open_object(&j, "command");
        record_json(c, &j);
        json_close(&j);
        cli->failed_json = 1;
        cli_json_end(cli, &j, 0);
        return EASG_OK;
    }
    if (!token) {
        printf("%s: %s of %s: %s\n", v->org, record_get(c, "command"),
               cli_safe(record_get(c, "device_id"), safe), record_get(c, "state"));
        line = record_get(c, "result");
    } else {
        printf("%s: %s, not done yet; nothing was changed\n", v->org, record_get(c, "command"));
        printf("  of: %s\n", *record_get(c, "user") ? cli_safe(record_get(c, "user"), safe)
                                                    : "nobody that is known");
    }
    while (*line) {
        size_t n = strcspn(line, "\n");

        printf("  %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    if (token)
        printf("to do it, once, before %s:\n  easgate device %s %s %s%s --confirm %s\n",
               record_get(c, "expires_at"), v->action, v->org,
               cli_safe(record_get(c, "device"), safe), v->account_only ? " --account-only" : "",
               token);
    fflush(stdout);
    return EASG_OK;
}

static easg_status report(struct cli *cli, const struct values *v, const char *run_id,
                          const char *token, easg_error *err)
{
    const struct store_arg run = STORE_ARG_TEXT(run_id);
    struct records r = { 0 };
    struct store *s = NULL;
    easg_status st = cli_open_store(cli, v->org, &s, err);

    if (st == EASG_OK)
        st = query_records(s, "SELECT * FROM v_device_commands WHERE run = ?1 OR done_run = ?1",
                           &run, 1, 1, &r, err);
    if (st == EASG_OK)
        st = r.n ? print_told(cli, v, &r.items[0], token)
                 : err_set(err, EASG_E_FAIL, "the worker kept nothing of the command");
    records_clear(&r);
    store_close(s);
    return st;
}

static int run_device(struct cli *cli, void *values)
{
    const struct values *v = values;
    const char *keys[1];
    const struct arg_list devices = { keys, 1 };
    struct start start = { .org = v->org,
                           .kind = "device",
                           .devices = &devices,
                           .confirm = v->confirm != NULL,
                           .verbose = v->verbose };
    char token[TOKEN_SIZE] = "", hash[HASH_SIZE], key[600], run_id[37];
    easg_error err = EASG_ERROR_INIT;
    easg_status st;
    int code = 0;

    if (v->account_only && strcmp(v->action, "wipe") != 0) {
        err_set(&err, EASG_E_CONFIG, "--account-only goes with wipe");
        cli_fail(cli, EASG_E_CONFIG, &err);
        return CLI_USAGE;
    }
    start.command = v->account_only ? "wipe-account" : v->action;
    start.token = hash;
    keys[0] = key;
    st = check(cli, v, key, &err);
    if (st == EASG_OK && !v->confirm)
        st = make_token(token, &err);
    if (st == EASG_OK)
        st = hash_token(v->confirm ? v->confirm : token, hash, &err);
    if (st == EASG_OK)
        st = start_worker(cli, &start, run_id, &code, &err);
    if (st == EASG_OK && code == 0)
        st = report(cli, v, run_id, v->confirm ? NULL : token, &err);
    if (st != EASG_OK)
        return cli_fail(cli, st, &err);
    if (code)
        return report_run(cli, &start, run_id, code, 20);
    return v->confirm ? CLI_DONE : CLI_CHANGES;
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
      .name = "ACTION",
      .offset = offsetof(struct values, action),
      .choices = "remove|wipe",
      .required = 1,
      .doc = "remove: the partnership; wipe: everything on the device" },
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_OPERAND,
      .name = "DEVICE",
      .offset = offsetof(struct values, device),
      .required = 1,
      .doc = "key of the partnership, or a device id that only one has" },
    { .type = ARG_FLAG,
      .name = "account-only",
      .offset = offsetof(struct values, account_only),
      .doc = "wipe only what came from this mailbox, where Exchange offers it" },
    { .type = ARG_TEXT,
      .name = "confirm",
      .offset = offsetof(struct values, confirm),
      .value = "TOKEN",
      .doc = "do it: the token that the first step printed" },
    { .type = ARG_FLAG,
      .name = "verbose",
      .offset = offsetof(struct values, verbose),
      .doc = "log as the agent does, on standard error" },
    { .type = ARG_END }
};

const struct verb verb_device = {
    .name = "device",
    .summary = "remove a partnership or wipe a device, in two steps",
    .text = "Off unless device_commands in the organisation's file allows it, and in mode enforce\n"
            "only. Without --confirm nothing is changed: what would be sent is printed, with a\n"
            "token (exit code 2). With it the command is sent once and read back. A token is for\n"
            "one command, device and identity, and good for device_commands.confirm_within.\n",
    .args = args,
    .size = sizeof(struct values),
    .run = run_device
};
