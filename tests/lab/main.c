/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - options, start and end of easgate-lab.
 */
#include <errno.h>
#include <getopt.h>
#include <libxml/parser.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab_run.h"

#ifndef EASGATE_VERSION
#define EASGATE_VERSION "unknown"
#endif

struct lab lab;

enum {
    O_DIR = 256,
    O_DEVICES,
    O_MANAGED,
    O_SEED,
    O_NOW,
    O_CAS,
    O_ACCESS,
    O_FAULT,
    O_EXCHANGE,
    O_PROFILE,
    O_WINRM2,
    O_COOKIE,
    O_THROTTLE,
    O_PAGE,
    O_ENVELOPE,
    O_FRAGMENT,
    O_TOKEN,
    O_SHAPES,
    O_MODE,
    O_QUIET,
    O_LOG,
    O_SECONDS,
    O_PARENT,
    O_STDIN,
    O_HELP,
    O_VERSION
};
static const struct option long_options[] = {
    {"dir",                 required_argument, NULL, O_DIR     },
    { "devices",            required_argument, NULL, O_DEVICES },
    { "managed",            required_argument, NULL, O_MANAGED },
    { "seed",               required_argument, NULL, O_SEED    },
    { "now",                required_argument, NULL, O_NOW     },
    { "cas",                required_argument, NULL, O_CAS     },
    { "default-access",     required_argument, NULL, O_ACCESS  },
    { "fault",              required_argument, NULL, O_FAULT   },
    { "exchange",           required_argument, NULL, O_EXCHANGE},
    { "profile",            required_argument, NULL, O_PROFILE },
    { "winrm2",             no_argument,       NULL, O_WINRM2  },
    { "cookie",             no_argument,       NULL, O_COOKIE  },
    { "throttle",           no_argument,       NULL, O_THROTTLE},
    { "page-size",          required_argument, NULL, O_PAGE    },
    { "envelope",           required_argument, NULL, O_ENVELOPE},
    { "fragment",           required_argument, NULL, O_FRAGMENT},
    { "token-life",         required_argument, NULL, O_TOKEN   },
    { "shapes",             required_argument, NULL, O_SHAPES  },
    { "mode",               required_argument, NULL, O_MODE    },
    { "quiet",              no_argument,       NULL, O_QUIET   },
    { "log",                no_argument,       NULL, O_LOG     },
    { "seconds",            required_argument, NULL, O_SECONDS },
    { "parent",             required_argument, NULL, O_PARENT  },
    { "until-stdin-closes", no_argument,       NULL, O_STDIN   },
    { "help",               no_argument,       NULL, O_HELP    },
    { "version",            no_argument,       NULL, O_VERSION },
    { NULL,                 0,                 NULL, 0         },
};

static const char help[] =
    "Usage: easgate-lab --dir DIR [options]\n"
    "Plays an Exchange organisation with Entra and Graph on loopback; see easgate-lab(1).\n\n"
    "  --dir DIR               where its files go (made if it does not exist)\n"
    "  --devices N             partnerships (200)\n"
    "  --managed N             managed devices (about 85 % of the devices and some more)\n"
    "  --seed S                of the population (1)\n"
    "  --now EPOCH             the instant from which all dates count (the clock)\n"
    "  --cas N                 client access servers, 1 to 16 (1)\n"
    "  --default-access LEVEL  allow, block or quarantine (allow)\n"
    "  --exchange VERSION      2010, 2016, 2019 or se (2019)\n"
    "  --profile NAME          onprem, hosted or dedicated (onprem)\n"
    "  --winrm2                ids chosen by the server, protocol 2.1, no rsp:Shell\n"
    "  --cookie                a shell is found with its MS-WSMAN cookie only\n"
    "  --throttle              micro delays and 429 now and then\n"
    "  --page-size N           largest page of Graph\n"
    "  --envelope N            largest envelope, whatever the client offers\n"
    "  --fragment N            fragment size (32768)\n"
    "  --token-life N          seconds that an access token is good for (3599)\n"
    "  --shapes SHAPE          full, mixed or string (as the URL asks)\n"
    "  --mode MODE             of the written configuration: audit or enforce (audit)\n"
    "  --fault SPEC            NAME[:ARGUMENT][@N], repeatable\n"
    "  --quiet, --log          nothing on stderr; a line a request on stderr\n"
    "  --seconds N, --parent PID, --until-stdin-closes   when to end by itself\n"
    "  --help, --version\n";

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "easgate-lab: %s '%s'; try --help\n", what, value);
    return 64;
}

static int number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return !errno && end != text && !*end && *text != '-' && *out <= max;
}

static int index_of(const char *v, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (lab_same(v, names[i]))
            return i;
    return -1;
}

/* -1: go on, else the exit code. */
static int option(int o, const char *v)
{
    static const char *const generations[4] = { "2010", "2016", "2019", "se" };
    static const char *const shapes[3] = { "full", "mixed", "string" };
    static const char *const modes[2] = { "audit", "enforce" };
    struct options *p = &lab.opt;
    uint64_t n = 0;
    int k;

    switch (o) {
    case O_DEVICES:
    case O_MANAGED:
    case O_PAGE:
    case O_ENVELOPE:
    case O_FRAGMENT:
    case O_TOKEN:
    case O_SECONDS:
    case O_NOW:
    case O_CAS:
    case O_PARENT:
        if (!number(v, o == O_CAS ? MAX_CAS : 4000000000u, &n) || (o == O_CAS && !n) ||
            (o == O_DEVICES && n > 20000000))
            return usage("not a fitting number:", v);
        break;
    case O_SEED:
        if (!number(v, UINT64_MAX, &n))
            return usage("not a number:", v);
        break;
    default: break;
    }
    switch (o) {
    case O_DIR: p->dir = v; break;
    case O_DEVICES: p->devices = (uint32_t)n; break;
    case O_MANAGED: p->managed = (uint32_t)n; break;
    case O_SEED: p->seed = n; break;
    case O_NOW: p->now = (uint32_t)n; break;
    case O_CAS: p->cas = (unsigned)n; break;
    case O_PAGE: p->page_size = (unsigned)n; break;
    case O_ENVELOPE: p->envelope = (unsigned)n; break;
    case O_FRAGMENT: p->fragment = (unsigned)n; break;
    case O_TOKEN: p->token_life = (unsigned)n; break;
    case O_SECONDS: p->seconds = (unsigned)n; break;
    case O_PARENT: p->parent = (long)n; break;
    case O_ACCESS:
        p->level = index_of(v, level_names, 3);
        return p->level < 0 ? usage("--default-access is allow, block or quarantine, not", v) : -1;
    case O_EXCHANGE:
        k = index_of(v, generations, 4);
        p->generation = (enum generation)k;
        return k < 0 ? usage("--exchange is 2010, 2016, 2019 or se, not", v) : -1;
    case O_PROFILE:
        return profile_parse(v) ? -1
                                : usage("--profile is onprem, hosted or dedicated, not", v);
    case O_SHAPES:
        p->shapes = v;
        return index_of(v, shapes, 3) < 0 ? usage("--shapes is full, mixed or string, not", v) : -1;
    case O_MODE:
        k = index_of(v, modes, 2);
        p->enforce = k == 1;
        return k < 0 ? usage("--mode is audit or enforce, not", v) : -1;
    case O_FAULT: {
        char why[160];

        if (!fault_add(v, why)) {
            fprintf(stderr, "easgate-lab: %s\n", why);
            return 64;
        }
        break;
    }
    case O_WINRM2: p->winrm2 = 1; break;
    case O_COOKIE: p->cookie = 1; break;
    case O_THROTTLE: p->throttle = 1; break;
    case O_QUIET: p->quiet = 1; break;
    case O_LOG: p->log = 1; break;
    case O_STDIN: p->until_stdin_closes = 1; break;
    case O_HELP: fputs(help, stdout); return 0;
    case O_VERSION: puts("easgate-lab " EASGATE_VERSION); return 0;
    default: return 64;
    }
    return -1;
}

static void invent(void)
{
    static const char abc[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    unsigned char r[32];

    lab_print(lab.exchange_user, sizeof lab.exchange_user, "CONTOSO\\svc-easgate");
    lab_print(lab.exchange_upn, sizeof lab.exchange_upn, "svc-easgate@contoso.example");
    random_bytes(r, sizeof r);
    for (int i = 0; i < 20; i++)
        lab.exchange_password[i] = abc[r[i] % (sizeof abc - 1)];
    /* With the characters that a form must encode. */
    random_bytes(r, sizeof r);
    for (int i = 0; i < 34; i++)
        lab.client_secret[i] = abc[r[i % 32] % (sizeof abc - 1)];
    memcpy(lab.client_secret + 8, "+/=&~%", 6);
    random_bytes(lab.hmac_key, sizeof lab.hmac_key);
    model_guid(&lab.m, GUID_MISC, 10, lab.tenant);
    model_guid(&lab.m, GUID_MISC, 11, lab.client);
    model_guid(&lab.m, GUID_GROUP, 1, lab.include_group);
    model_guid(&lab.m, GUID_GROUP, 2, lab.exclude_group);
    model_guid(&lab.m, GUID_GROUP, 3, lab.nested_group);
}

/* Until a signal, the time given, the parent's end or the end of stdin. */
static void wait_for_end(int signals)
{
    uint64_t start = clock_ms();
    struct pollfd p[2] = {
        {.fd = signals,                              .events = POLLIN},
        { .fd = lab.opt.until_stdin_closes ? 0 : -1, .events = POLLIN}
    };

    for (;;) {
        char drop[256];

        if (poll(p, 2, 500) < 0 && errno != EINTR)
            return;
        if (p[0].revents)
            return;
        if (p[1].revents && read(0, drop, sizeof drop) <= 0)
            return;
        if (lab.opt.seconds && clock_ms() - start > (uint64_t)lab.opt.seconds * 1000)
            return;
        if (lab.opt.parent && kill((pid_t)lab.opt.parent, 0) != 0 && errno == ESRCH)
            return;
    }
}

static int serve(void)
{
    sigset_t set;
    int signals;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* before any thread, so that all inherit it */
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (!pki_make()) {
        fputs("easgate-lab: OpenSSL could not make the certificates\n", stderr);
        return 1;
    }
    if (!http_start()) {
        fprintf(stderr, "easgate-lab: cannot listen on 127.0.0.1: %s\n", strerror(errno));
        return 1;
    }
    if (!config_write())
        return 1;
    if (!lab.opt.quiet)
        fprintf(stderr,
                "easgate-lab: %u partnerships, %u mailboxes, %u managed devices; Exchange on "
                "https://localhost:%u/powershell, Graph on https://localhost:%u; files in %s\n",
                lab.m.n_devices, lab.m.n_mailboxes, lab.m.n_managed, lab.cas_port[0],
                lab.graph_port, lab.opt.dir);
    puts("easgate-lab: ready");
    fflush(stdout);
    wait_for_end(signals);
    lab.stopping = 1;
    shell_wake_all();
    http_stop();
    close(signals);
    return 0;
}

int main(int argc, char **argv)
{
    struct population p;
    int o;
    int rc;

    lab.opt = (struct options){ .devices = 200,
                                .managed = NONE,
                                .seed = 1,
                                .cas = 1,
                                .level = 0,
                                .generation = EXCHANGE_2019 };
    while ((o = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        rc = option(o, optarg);
        if (rc >= 0)
            return rc;
    }
    if (optind < argc)
        return usage("nothing is expected here:", argv[optind]);
    if (lab.opt.profile == PROFILE_HOSTED && lab.opt.cas == 1)
        lab.opt.cas = 2; /* the front door and one behind it */
    if (!lab.opt.dir)
        return usage("missing option", "--dir");
    if (mkdir(lab.opt.dir, 0755) != 0 && errno != EEXIST) {
        fprintf(stderr, "easgate-lab: %s: %s\n", lab.opt.dir, strerror(errno));
        return 1;
    }
    xmlInitParser();
    model_init(&lab.m, lab.opt.seed, lab.opt.now ? lab.opt.now : model_now(&lab.m));
    lab.m.org.level = (enum level)lab.opt.level;
    p = (struct population){ .devices = lab.opt.devices, .managed = lab.opt.managed };
    generate(&lab.m, &p);
    invent();
    rc = serve();
    pki_free();
    model_clear(&lab.m);
    xmlCleanupParser();
    return rc;
}
