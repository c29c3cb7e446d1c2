/* SPDX-License-Identifier: Apache-2.0
 *
 * The XML reader: the same events from push and pull however the bytes are cut, and what is
 * refused, with its text.
 */
#include "check.h"
#include "err.h"
#include "strbuf.h"
#include "xml.h"

static easg_status on_start(void *user, const char *uri, const char *local,
                            const struct xml_attrs *attrs, easg_error *err)
{
    struct strbuf *b = user;

    strbuf_addf(b, "<{%s}%s", uri ? uri : "", local);
    for (size_t i = 0; i < attrs->n; i++) {
        const char *name;
        struct xml_text v = xml_attr_at(attrs, i, &name);

        strbuf_addf(b, " %s=%.*s", name, (int)v.len, v.ptr);
    }
    strbuf_addc(b, '>');
    if (strcmp(local, "stop") == 0)
        return err_set(err, EASG_E_CANCELLED, "the handler said stop");
    return EASG_OK;
}

static easg_status on_end(void *user, const char *uri, const char *local, easg_error *err)
{
    (void)uri;
    (void)err;
    return strbuf_addf(user, "</%s>", local);
}

static easg_status on_text(void *user, const char *ptr, size_t len, easg_error *err)
{
    (void)err;
    return strbuf_add(user, ptr, len);
}

static const struct xml_handler handler = { on_start, on_end, on_text };
static const struct xml_limits limits = { 4096, 8 };

static easg_status push(struct xml_reader *r, const char *doc, size_t step, easg_error *err)
{
    easg_status st = xml_begin(r, err);
    size_t len = strlen(doc);

    for (size_t i = 0; st == EASG_OK && i < len; i += step)
        st = xml_feed(r, doc + i, len - i < step ? len - i : step, err);
    return st == EASG_OK ? xml_finish(r, err) : st;
}

static void good(struct xml_reader *r, struct strbuf *b)
{
    static const struct {
        const char *name;
        const char *doc;
        const char *events;
    } rows[] = {
        { "one element", "<a/>", "<{}a></a>" },
        { "namespaces by URI", "<x:a xmlns:x='urn:1'><b xmlns='urn:2' k='v'/></x:a>",
          "<{urn:1}a><{urn:2}b k=v></b></a>" },
        { "the five entities and characters by number",
          "<a t='&lt;&quot;&#65;'>&amp;&lt;&gt;&apos;&quot;&#x20AC;</a>",
          "<{}a t=<\"A>&<>'\"\xE2\x82\xAC</a>" },
        { "CDATA is text", "<a><![CDATA[<&]]></a>", "<{}a><&</a>" },
        { "comments and instructions do not come", "<?xml version='1.0'?><!-- x --><a><?p i?>t</a>",
          "<{}a>t</a>" },
        { "byte order mark", "\xEF\xBB\xBF<a>\xC3\xBC</a>", "<{}a>\xC3\xBC</a>" },
        { "declared encoding is not believed",
          "<?xml version='1.0' encoding='utf-16'?><a>\xC3\xBC</a>", "<{}a>\xC3\xBC</a>" },
        { "white space is text", "<a> <b/>\n</a>", "<{}a> <{}b></b>\n</a>" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        strbuf_reset(b);
        if (!CHECK_INT(xml_parse(r, rows[i].doc, strlen(rows[i].doc), &err), EASG_OK))
            printf("# %s\n", err.message);
        CHECK_STR(strbuf_str(b), rows[i].events);
        for (size_t step = 1; step < 70; step += 7) {
            strbuf_reset(b);
            if (!CHECK_INT(push(r, rows[i].doc, step, &err), EASG_OK))
                printf("# step %zu: %s\n", step, err.message);
            CHECK_STR(strbuf_str(b), rows[i].events);
        }
    }
}

static void bad(struct xml_reader *r, struct strbuf *b)
{
    static char deep[64];
    static char big[6000];
    static const struct {
        const char *name;
        const char *doc;
        easg_status status;
        const char *text;
    } rows[] = {
        { "empty", "", EASG_E_PROTOCOL, "test document: " },
        { "no element", "   ", EASG_E_PROTOCOL, "test document: " },
        { "cut", "<a><b>", EASG_E_PROTOCOL, "test document: line 1: not well-formed XML: " },
        { "wrong end", "<a>\n<b></a></b>", EASG_E_PROTOCOL,
          "line 2: not well-formed XML: Opening and ending tag mismatch: b line 2 and a" },
        { "two roots", "<a/><b/>", EASG_E_PROTOCOL, "Extra content" },
        { "DTD", "<!DOCTYPE a><a/>", EASG_E_PROTOCOL,
          "line 1: a document type declaration, which is never accepted" },
        { "billion laughs", "<!DOCTYPE a [<!ENTITY l 'ha'><!ENTITY m '&l;&l;'>]><a>&m;</a>",
          EASG_E_PROTOCOL, "a document type declaration, which is never accepted" },
        { "external entity", "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
          EASG_E_PROTOCOL, "a document type declaration, which is never accepted" },
        { "unknown entity", "<a>&nbsp;</a>", EASG_E_PROTOCOL, "Entity 'nbsp' not defined" },
        { "prefix without a namespace", "<x:a/>", EASG_E_PROTOCOL, "Namespace prefix x" },
        { "attribute twice", "<a k='1' k='2'/>", EASG_E_PROTOCOL, "Attribute k redefined" },
        { "not UTF-8", "<a>\xFF\xFE</a>", EASG_E_PROTOCOL, "not well-formed XML" },
        { "half a byte order mark", "\xEF\xBB<a/>", EASG_E_PROTOCOL, "test document: line 1: " },
        { "control character", "<a>\x01</a>", EASG_E_PROTOCOL, "test document: line 1: " },
        { "too deep", deep, EASG_E_LIMIT,
          "test document: line 1: more than 8 elements inside each other" },
        { "too long", big, EASG_E_LIMIT, "test document: more than 4096 bytes" },
        { "the handler's own", "<a><stop/><b/></a>", EASG_E_CANCELLED, "the handler said stop" },
    };

    for (int i = 0; i < 9; i++)
        memcpy(deep + 3 * i, "<a>", 3);
    memset(big, ' ', sizeof(big) - 1);
    memcpy(big, "<a>", 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        strbuf_reset(b);
        CHECK_INT(xml_parse(r, rows[i].doc, strlen(rows[i].doc), &err), rows[i].status);
        CHECK_HAS(err.message, rows[i].text);
        for (size_t step = 1; step < 5000; step += 1 + step * 5) {
            err_clear(&err);
            strbuf_reset(b);
            CHECK_INT(push(r, rows[i].doc, step, &err), rows[i].status);
            CHECK_HAS(err.message, rows[i].text);
        }
        /* Nothing comes after the element at which the handler gave up. */
        CHECK(!strstr(strbuf_str(b), "<{}b>") || strcmp(rows[i].name, "the handler's own") != 0);
    }
}

int main(void)
{
    struct strbuf b = STRBUF_INIT(65536);
    struct xml_reader *r = NULL;
    easg_error err = EASG_ERROR_INIT;

    if (!CHECK_INT(xml_reader_create(&handler, &b, "test document", &limits, &r, &err), EASG_OK))
        return check_done();
    ROW("feeding before xml_begin()");
    CHECK_INT(xml_feed(r, "<a/>", 4, &err), EASG_E_USAGE);
    good(r, &b);
    bad(r, &b);
    good(r, &b); /* a failed document leaves nothing behind */
    xml_reader_destroy(r);
    mem_fail_at(1, 0);
    ROW("no memory");
    CHECK_INT(xml_reader_create(&handler, &b, "test document", &limits, &r, &err), EASG_E_NOMEM);
    strbuf_clear(&b);
    return check_done();
}
