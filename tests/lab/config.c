/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c - the files in DIR: certificates, secrets, what the lab is, and a configuration of the
 * agent that fits it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab_run.h"

static int directory(const char *name, unsigned mode)
{
    char path[4096];

    lab_print(path, sizeof path, "%s%s%s", lab.opt.dir, *name ? "/" : "", name);
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return 1;
    fprintf(stderr, "easgate-lab: %s: %s\n", path, strerror(errno));
    return 0;
}

int file_write(const char *name, const char *text, size_t n, unsigned mode)
{
    char path[4096];
    int fd;
    int ok;

    lab_print(path, sizeof path, "%s/%s", lab.opt.dir, name);
    unlink(path); /* so that an older file's mode does not stay */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    ok = fd >= 0 && write(fd, text, n) == (ssize_t)n;
    if (fd >= 0 && close(fd) != 0)
        ok = 0;
    if (!ok)
        fprintf(stderr, "easgate-lab: %s: %s\n", path, strerror(errno));
    return ok;
}

static int put(const char *name, const struct buf *b, unsigned mode)
{
    return file_write(name, b->p, b->n, mode);
}

static const char *full_path(char out[4096])
{
    if (lab.opt.dir[0] == '/')
        lab_print(out, 4096, "%s", lab.opt.dir);
    else {
        char cwd[2048];

        lab_print(out, 4096, "%s/%s", getcwd(cwd, sizeof cwd) ? cwd : ".", lab.opt.dir);
    }
    return out;
}

/* How the agent gets to it, by profile. */
static void source(struct buf *b)
{
    switch (lab.opt.profile) {
    case PROFILE_ONPREM:
        buf_fmt(b, "  module: exchange-onprem\n  server: localhost:%u\n", lab.cas_port[0]);
        break;
    case PROFILE_HOSTED:
        buf_fmt(b,
                "  module: exchange-hosted\n  server: localhost:%u\n"
                "  redirect: { allow: [ localhost ] }\n  organization: contoso.example\n",
                lab.cas_port[0]);
        break;
    case PROFILE_DEDICATED:
        buf_fmt(b,
                "  module: exchange-dedicated\n"
                "  autodiscover: { server: \"localhost:%u\", mailbox: %s }\n",
                lab.cas_port[0], lab.exchange_upn);
        break;
    }
}

static void organisation(struct buf *b, const char *dir)
{
    buf_fmt(b,
            "# Written by easgate-lab for the organisation that it plays.\n"
            "organization: contoso\n"
            "mode: %s\n"
            "source:\n",
            lab.opt.enforce ? "enforce" : "audit");
    source(b);
    buf_fmt(b,
            "  auth: { method: basic, user: CONTOSO\\svc-easgate, password: "
            "\"file:%s/exchange.password\" }\n"
            "  ca_file: \"%s/ca.pem\"\n"
            "failover: { module: cas-failover, enabled: true }\n"
            "sink:\n"
            "  module: intune\n"
            "  tenant: %s\n"
            "  client_id: %s\n"
            "  certificate: \"file:%s/graph.pem\"\n"
            "  login_url: https://localhost:%u\n"
            "  graph_url: https://localhost:%u\n"
            "  ca_file: \"%s/ca.pem\"\n"
            "policy:\n"
            "  include_groups: [ %s ]\n"
            "  exclude_groups: [ %s ]\n"
            "schedule: { quick: 2h, full: \"daily 02:00\", jitter: 10m }\n",
            dir, dir, lab.tenant, lab.client, dir, lab.graph_port, lab.graph_port, dir,
            lab.include_group, lab.exclude_group);
}

static void description(struct buf *b)
{
    static const char *const generations[4] = { "2010", "2016", "2019", "se" };

    buf_fmt(b,
            "{\n  \"pid\": %ld,\n  \"exchange\": \"%s\",\n  \"profile\": "
            "\"%s\",\n  \"cas\": [",
            (long)getpid(), generations[lab.opt.generation], profile_name());
    for (unsigned i = 0; i < lab.opt.cas; i++)
        buf_fmt(b, "%s\"https://localhost:%u/powershell\"", i ? ", " : "", lab.cas_port[i]);
    buf_fmt(b, "],\n  \"cas_ports\": [");
    for (unsigned i = 0; i < lab.opt.cas; i++)
        buf_fmt(b, "%s%u", i ? ", " : "", lab.cas_port[i]);
    buf_fmt(b,
            "],\n  \"exchange_user\": \"CONTOSO\\\\svc-easgate\",\n"
            "  \"exchange_upn\": \"%s\",\n"
            "  \"graph\": \"https://localhost:%u\",\n"
            "  \"graph_port\": %u,\n"
            "  \"control\": \"https://localhost:%u/lab\",\n"
            "  \"tenant\": \"%s\",\n"
            "  \"client_id\": \"%s\",\n"
            "  \"include_group\": \"%s\",\n"
            "  \"exclude_group\": \"%s\",\n"
            "  \"nested_group\": \"%s\",\n"
            "  \"seed\": %llu,\n"
            "  \"devices\": %u,\n"
            "  \"mailboxes\": %u,\n"
            "  \"persons\": %u,\n"
            "  \"managed\": %u\n}\n",
            lab.exchange_upn, lab.graph_port, lab.graph_port, lab.graph_port, lab.tenant,
            lab.client, lab.include_group, lab.exclude_group, lab.nested_group,
            (unsigned long long)lab.opt.seed, lab.m.n_devices, lab.m.n_mailboxes, lab.m.n_persons,
            lab.m.n_managed);
}

int config_write(void)
{
    char dir[4096];
    struct buf org = { 0 };
    struct buf about = { 0 };
    struct buf agent = { 0 };
    int ok;

    full_path(dir);
    organisation(&org, dir);
    pthread_rwlock_rdlock(&lab.m.lock);
    description(&about);
    pthread_rwlock_unlock(&lab.m.lock);
    buf_fmt(&agent,
            "# Written by easgate-lab.\nstate_dir: \"%s/state\"\n"
            "log: { level: info, format: text }\n",
            dir);
    ok = directory("etc", 0755) && directory("etc/orgs.d", 0755) && directory("state", 0700) &&
         file_write("ca.pem", lab.ca_pem, strlen(lab.ca_pem), 0644) &&
         file_write("graph.pem", lab.app_pem, strlen(lab.app_pem), 0600) &&
         file_write("exchange.password", lab.exchange_password, strlen(lab.exchange_password),
                    0600) &&
         file_write("graph.secret", lab.client_secret, strlen(lab.client_secret), 0600) &&
         put("etc/easgate.yaml", &agent, 0644) && put("etc/orgs.d/contoso.yaml", &org, 0644) &&
         put("lab.json", &about, 0644);
    buf_clear(&org);
    buf_clear(&about);
    buf_clear(&agent);
    return ok;
}
