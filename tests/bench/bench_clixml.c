/* SPDX-License-Identifier: Apache-2.0
 *
 * CLIXML to record, and the whole receive path, against a raw libxml2 SAX parse of the same bytes.
 * Prints a table, then lines "ratio NAME VALUE GOAL" for run.sh. Options: -n devices -r rounds.
 */
#include "harness.h"

#include <unistd.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "clixml_record.h"
#include "devgen.h"
#include "err.h"
#include "psrp_fragment.h"
#include "psrp_message.h"
#include "text.h"

static const char *const names[] = { "DeviceId",
                                     "Guid",
                                     "DistinguishedName",
                                     "Identity",
                                     "DeviceType",
                                     "DeviceModel",
                                     "DeviceOS",
                                     "FriendlyName",
                                     "DeviceUserAgent",
                                     "ClientType",
                                     "FirstSyncTime",
                                     "DeviceAccessState",
                                     "WhenChangedUTC",
                                     "DeviceAccessStateReason",
                                     NULL };

static dg_buf *xml;   /* one CLIXML object each */
static dg_buf *coded; /* the same as PSRP fragments in base64, one Stream each */
static size_t n_xml;
static size_t bytes, coded_bytes;
static struct clixml_decoder *decoder;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_clixml: %s: %s\n", what, why);
    exit(1);
}

/* ---- raw: a pull parse with handlers that only count ---- */

static void raw_start(void *user, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                      int n_ns, const xmlChar **ns, int n, int n_default, const xmlChar **attrs)
{
    (void)local, (void)prefix, (void)uri, (void)n_ns, (void)ns, (void)n, (void)n_default,
        (void)attrs;
    (*(uint64_t *)user)++;
}

static void raw_end(void *user, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    (void)local, (void)prefix, (void)uri;
    (*(uint64_t *)user)++;
}

static void raw_text(void *user, const xmlChar *ptr, int len)
{
    (void)ptr;
    *(uint64_t *)user += (uint64_t)len & 1u;
}

static uint64_t stage_raw(void *arg)
{
    static xmlSAXHandler handler;
    static xmlParserCtxtPtr ctxt;
    static uint64_t events;

    (void)arg;
    if (!ctxt) {
        handler.initialized = XML_SAX2_MAGIC;
        handler.startElementNs = raw_start;
        handler.endElementNs = raw_end;
        handler.characters = raw_text;
        handler.ignorableWhitespace = raw_text;
        ctxt = xmlNewParserCtxt();
        memcpy(ctxt->sax, &handler, sizeof handler);
        ctxt->userData = &events;
    }
    events = 0;
    for (size_t i = 0; i < n_xml; i++) {
        /* Builds no tree: the handlers are ours. */
        xmlCtxtReadMemory(ctxt, xml[i].p, (int)xml[i].n, NULL, NULL, XML_PARSE_NONET);
        if (!ctxt->wellFormed)
            die("raw", "not well-formed");
    }
    return events;
}

/* ---- ours ---- */

static uint64_t sum; /* of all text handed out: the same for every path */

static easg_status take(void *user, const struct clixml_record *record, easg_error *err)
{
    (void)user, (void)err;
    for (size_t i = 0; i < record->n; i++)
        if (record->slots[i].kind == CLIXML_TEXT)
            sum =
                sum * 31 + record->slots[i].text.len + (unsigned char)record->slots[i].text.ptr[0];
    return EASG_OK;
}

static uint64_t stage_record(void *arg)
{
    (void)arg;
    sum = 0;
    for (size_t i = 0; i < n_xml; i++) {
        easg_error err = EASG_ERROR_INIT;

        if (clixml_decode(decoder, xml[i].p, xml[i].n, take, NULL, &err) != EASG_OK)
            die("decode", err.message);
    }
    return sum;
}

static easg_status message(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct psrp_message m;
    easg_status st = psrp_message_parse(ptr, len, &m, err);

    (void)user;
    return st == EASG_OK ? clixml_decode(decoder, m.xml, m.len, take, NULL, err) : st;
}

static uint64_t stage_path(void *arg)
{
    struct psrp_defrag d;

    (void)arg;
    sum = 0;
    psrp_defrag_init(&d, 16u << 20);
    for (size_t i = 0; i < n_xml; i++) {
        easg_error err = EASG_ERROR_INIT;

        if (psrp_defrag_text(&d, coded[i].p, coded[i].n, message, NULL, &err) != EASG_OK ||
            psrp_defrag_text_end(&d, &err) != EASG_OK)
            die("path", err.message);
    }
    psrp_defrag_clear(&d);
    return sum;
}

static void make(size_t n, int select)
{
    dg_conf c;
    uint64_t object = 0;

    dg_defaults(&c);
    c.clx_select = select;
    n_xml = n;
    xml = calloc(n, sizeof *xml);
    coded = calloc(n, sizeof *coded);
    if (!xml || !coded)
        die("generate", "out of memory");
    bytes = coded_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        struct strbuf fragment = STRBUF_INIT(1u << 24);
        struct strbuf text = STRBUF_INIT(1u << 25);
        struct psrp_cutter cut;
        dg_buf m = { 0 };
        int more;

        dg_clixml(&c, i, &xml[i]);
        dg_message(&c, i, &m);
        psrp_cutter_init(&cut, ++object, m.p, m.n);
        do
            more = psrp_cutter_next(&cut, 32768, &fragment);
        while (more);
        if (base64_encode(&text, fragment.ptr, fragment.len) != EASG_OK)
            die("generate", "too large");
        dg_put(&coded[i], text.ptr, text.len);
        bytes += xml[i].n;
        coded_bytes += coded[i].n;
        strbuf_clear(&fragment);
        strbuf_clear(&text);
        dg_free(&m);
    }
}

static double ratio(const hs_stage *ref, const hs_stage *s)
{
    double r[64];

    for (int i = 0; i < s->nt; i++)
        r[i] = ref->t[i] / s->t[i];
    return hs_median(r, s->nt);
}

int main(int argc, char **argv)
{
    size_t n = 2000;
    int rounds = 9;
    int option;
    easg_error err = EASG_ERROR_INIT;
    static const char *const shapes[] = { "full", "select" };

    while ((option = getopt(argc, argv, "n:r:")) != -1) {
        if (option == 'n')
            n = strtoul(optarg, NULL, 10);
        else if (option == 'r')
            rounds = (int)strtol(optarg, NULL, 10);
        else
            return 64;
    }
    if (clixml_decoder_create(names, 16u << 20, &decoder, &err) != EASG_OK)
        die("decoder", err.message);
    for (int select = 0; select <= 1; select++) {
        make(n, select);
        {
            hs_stage stages[] = {
                {.name = "libxml2 SAX pull, raw",
                 .fn = stage_raw,
                 .bytes = (double)bytes,
                 .items = (double)n},
                { .name = "CLIXML to record",
                 .fn = stage_record,
                 .bytes = (double)bytes,
                 .items = (double)n},
                { .name = "base64 + fragments + record",
                 .fn = stage_path,
                 .bytes = (double)coded_bytes,
                 .items = (double)n},
            };

            printf("%s objects, %zu of %.0f bytes\n", shapes[select], n, (double)bytes / (double)n);
            hs_run(stages, 3, rounds);
            hs_report(stages, 3, 0);
            if (stages[1].last != stages[2].last)
                die("compare", "the two paths gave different records");
            printf("ratio clixml_record_%s %.2f 0.80\n", shapes[select],
                   ratio(&stages[0], &stages[1]));
            printf("ratio receive_path_%s %.2f 0.60\n", shapes[select],
                   ratio(&stages[0], &stages[2]));
            printf("slow objects %llu\n\n", (unsigned long long)clixml_decoder_slow(decoder));
        }
    }
    clixml_decoder_destroy(decoder);
    return 0;
}
