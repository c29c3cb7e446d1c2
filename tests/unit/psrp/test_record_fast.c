/* SPDX-License-Identifier: Apache-2.0
 *
 * The record decoder's short way against libxml2: what it must take, what it must leave alone, real
 * objects, made ones, and 200,000 damaged ones. The seed is fixed; a difference prints its message.
 */
#include "recording.h"

#include "err.h"
#include "psrp_fragment.h"
#include "psrp_message.h"
#include "record_compare.h"
#include "text.h"

#define MAX       ((size_t)4 * 1024 * 1024)
#define MUTATIONS 200000u
#define BASES     512u

static const char *const names[] = { "Name", "State", "Ids", "Id", "When", NULL };
static const char *const server_names[] = { "Name",         "FQDN",
                                            "Guid",         "WhenChanged",
                                            "ServerRole",   "AdminDisplayVersion",
                                            "Component",    "LocalStates",
                                            "ServerFqdn",   "RemoteStates",
                                            "State",        "Identity",
                                            "Result",       "IsValid",
                                            "PSPath",       "CommandType",
                                            "Parameters",   "OutputType",
                                            "Major",        "Build",
                                            "NoteProperty", NULL };

static struct pair small;
static struct pair server;
static struct strbuf bases[BASES];
static struct pair *base_pair[BASES];
static size_t n_bases;

static enum pair_result compare(struct pair *p, const char *xml, size_t len)
{
    enum pair_result r = pair_compare(p, xml, len);

    if (!CHECK(r != PAIR_DIFFERS)) {
        struct strbuf b = STRBUF_INIT(65536);

        strbuf_add_safe(&b, xml, len, 8000);
        printf("# %s: %s\n# short way: %s# libxml2:   %s", p->why, strbuf_str(&b),
               strbuf_str(&p->fast_dump), strbuf_str(&p->slow_dump));
        strbuf_clear(&b);
    }
    return r;
}

static void keep(struct pair *p, const char *xml, size_t len)
{
    if (n_bases == BASES || len > 8192)
        return;
    strbuf_init(&bases[n_bases], MAX);
    CHECK_INT(strbuf_add(&bases[n_bases], xml, len), EASG_OK);
    base_pair[n_bases++] = p;
}

/* ---- by hand ---- */

#define OBJ(parts)  "<Obj RefId=\"0\">" parts "</Obj>"
#define MS(parts)   OBJ("<MS>" parts "</MS>")
#define PROP(parts) OBJ("<Props>" parts "</Props>")
#define ENUM                                                                                       \
    "<TN RefId=\"0\"><T>X</T><T>System.Enum</T></TN><ToString>Blocked</ToString><I32>2</I32>"

static const struct {
    const char *name;
    const char *xml;
} taken[] = {
    { "Props", PROP("<S N=\"Name\">a</S>") },
    { "case", PROP("<S N=\"nAME\">a</S>") },
    { "MS behind", OBJ("<Props><S N=\"Name\">a</S></Props><MS><S N=\"Name\">b</S></MS>") },
    { "MS before", OBJ("<MS><S N=\"Name\">b</S></MS><Props><S N=\"Name\">a</S></Props>") },
    { "MS null", OBJ("<MS><Nil N=\"Name\" /></MS><Props><S N=\"Name\">a</S></Props>") },
    { "MS before a reference",
      OBJ("<MS><S N=\"Id\">b</S></MS><Props><Ref N=\"Id\" RefId=\"0\" /></Props>") },
    { "unwanted reference", MS("<Ref N=\"Other\" RefId=\"0\" /><S N=\"Name\">b</S>") },
    { "twice", MS("<S N=\"Name\">a</S><Nil N=\"Name\" /><S N=\"Name\">b</S>") },
    { "list, then text",
      MS("<Obj N=\"Ids\" RefId=\"1\"><LST><S>a</S></LST></Obj><S N=\"Ids\">b</S>") },
    { "list twice", MS("<Obj N=\"Ids\" RefId=\"1\"><LST><S>a</S></LST></Obj>"
                       "<Obj N=\"Ids\" RefId=\"2\"><LST><S>b</S><S>c</S></LST></Obj>") },
    { "two lists in one", MS("<Obj N=\"Ids\" RefId=\"1\"><LST><S>a</S></LST><IE><S>b</S></IE>"
                             "<I32>3</I32></Obj>") },
    { "enum", PROP("<Obj N=\"State\" RefId=\"1\">" ENUM "</Obj>") },
    { "number first",
      PROP("<Obj N=\"State\" RefId=\"1\"><I32>2</I32><ToString>Blocked</ToString></Obj>") },
    { "two numbers", PROP("<Obj N=\"State\" RefId=\"1\"><I32>2</I32><I32>3</I32></Obj>") },
    { "two ToString",
      PROP("<Obj N=\"State\" RefId=\"1\"><ToString>a</ToString><ToString>b</ToString></Obj>") },
    { "no ToString", PROP("<Obj N=\"State\" RefId=\"1\"><S>Blocked</S></Obj>") },
    { "list", PROP("<Obj N=\"Ids\" RefId=\"1\"><TN RefId=\"0\"><T>X</T></TN><LST><S>a</S>"
                   "<S>b_x0041_</S><S /></LST></Obj>") },
    { "empty list", PROP("<Obj N=\"Ids\" RefId=\"1\"><LST/></Obj>") },
    { "list with ToString", PROP("<Obj N=\"Ids\" RefId=\"1\"><ToString>x</ToString><LST><S>a</S>"
                                 "<Nil /></LST><ToString>y</ToString></Obj>") },
    { "list of objects",
      MS("<Obj N=\"Ids\" RefId=\"1\"><LST><Obj RefId=\"2\">" ENUM "</Obj><Nil /><S>b</S><Obj "
         "RefId=\"3\"><ToString>c</ToString><Props><S "
         "N=\"Name\">no</S></Props></Obj></LST></Obj>") },
    { "stack and queue", PROP("<Obj N=\"Ids\" RefId=\"1\"><STK><S>a</S></STK></Obj>"
                              "<Obj N=\"Id\" RefId=\"2\"><QUE><S>b</S></QUE></Obj>") },
    { "names inside", PROP("<Obj N=\"Id\" RefId=\"1\"><ToString>x</ToString><Props><S N=\"Name\">"
                           "inner</S></Props></Obj><S N=\"Name\">outer</S>") },
    { "object without text", MS("<Obj N=\"Id\" RefId=\"1\"><MS><S N=\"Name\">a</S></MS></Obj>") },
    { "dictionary", MS("<Obj N=\"Id\" RefId=\"1\"><DCT><En><S N=\"Key\">a</S><S N=\"Value\">b</S>"
                       "</En></DCT></Obj>") },
    { "unwanted wrapping", MS("<Obj N=\"Other\" RefId=\"1\"><Obj RefId=\"2\"><LST><Obj RefId=\"3\">"
                              "<Ref RefId=\"1\" /></Obj></LST></Obj></Obj>") },
    { "escapes", MS("<S N=\"Name\">a_x000A_b_X000d_c_x005F_x0041_d_xD83D__xDE00_e &amp; &lt;&gt;"
                    "&quot;&apos;&amp;amp;&amp;lt;_x0026_amp;</S>") },
    { "almost escapes", MS("<S N=\"Name\">_x00G0_ _x0041 x0041_ __x0042__ _x004</S>") },
    { "an escape by an entity", MS("<S N=\"Name\">_x0026_lt; &amp;_x0041_</S>") },
    { "half pairs", MS("<S N=\"Name\">_xD83D_a_xDE00__x0000_</S>") },
    { "UTF-8",
      MS("<S N=\"Name\">\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\xC2\x80\xEF\xBF\xBD</S>") },
    { "a foreign name", MS("<S N=\"_x004E_ame\">no</S><S N=\"It's\">no</S><S N=\"Name\">a</S>") },
    { "an empty name", MS("<S N=\"\">no</S><S>no</S><S N=\"Name\">a</S>") },
    { "empty text", MS("<S N=\"Name\"></S><S N=\"Id\"/><S N=\"When\" />") },
    { "blanks", "<Obj RefId=\"0\">\n <MS>\n\t<S N=\"Name\">\ta\n b </S>\n </MS>\n</Obj>\n \t" },
    { "text beside elements", OBJ("x<MS>y<S N=\"Name\">a</S>z</MS>") },
    { "primitives", MS("<DT N=\"When\">2021-09-28T17:32:01Z</DT><G N=\"Id\">3</G><B N=\"State\">"
                       "true</B><Version N=\"Name\">1.0</Version>") },
    { "bare string", "<S>a_x0042_&lt;</S>" },
    { "bare number", "<I32>42</I32>" },
    { "bare empty string", "<S />" },
    { "bare null", "<Nil />" },
    { "the shortest", "<S/>" },
    { "nothing wanted", OBJ("") },
};

static const struct {
    const char *name;
    const char *xml;
} left[] = {
    { "nothing", "" },
    { "blanks only", " \n" },
    { "a blank before", " <S>a</S>" },
    { "byte order mark", "\xEF\xBB\xBF<S>a</S>" },
    { "XML declaration", "<?xml version=\"1.0\"?><S>a</S>" },
    { "document type", "<!DOCTYPE Obj [<!ENTITY a \"b\">]><S>&a;</S>" },
    { "processing instruction", "<S>a<?b c?></S>" },
    { "comment", "<S>a<!-- b --></S>" },
    { "comment behind", "<S>a</S><!-- b -->" },
    { "CDATA", "<S><![CDATA[a]]></S>" },
    { "end of CDATA in text", "<S>a]]>b</S>" },
    { "bracket in text", "<S>a>b</S>" },
    { "number of a character", "<S>&#65;</S>" },
    { "unknown entity", "<S>&nbsp;</S>" },
    { "bare ampersand", "<S>a & b</S>" },
    { "ampersand at the end", "<S>a</S>&" },
    { "entity in an attribute", MS("<S N=\"Na&amp;me\">a</S>") },
    { "root of exports", "<Objs Version=\"1.1.0.1\"><S>a</S></Objs>" },
    { "unknown element", OBJ("<Foo/>") },
    { "name of nine letters", OBJ("<ToStringx>a</ToStringx>") },
    { "no name", "<>a</>" },
    { "blank for a name", "< />" },
    { "prefix", "<x:S xmlns:x=\"urn:x\">a</x:S>" },
    { "namespace", "<S xmlns=\"urn:x\">a</S>" },
    { "single quotes", MS("<S N='Name'>a</S>") },
    { "no quotes", MS("<S N=Name>a</S>") },
    { "quote not closed", MS("<S N=\"Name>a</S>") },
    { "attribute twice", MS("<S N=\"Name\" N=\"Name\">a</S>") },
    { "other order", MS("<Obj RefId=\"1\" N=\"Name\" />") },
    { "other attribute", MS("<S N=\"Name\" x=\"1\">a</S>") },
    { "no blank before", MS("<S N=\"Name\"RefId=\"1\">a</S>") },
    { "two blanks", MS("<S  N=\"Name\">a</S>") },
    { "blank behind", MS("<S N=\"Name\" >a</S>") },
    { "line end in a tag", MS("<S\nN=\"Name\">a</S>") },
    { "line end in a name", MS("<S N=\"Na\nme\">a</S>") },
    { "'<' in an attribute", MS("<S N=\"Na<me\">a</S>") },
    { "'>' in an attribute", MS("<S N=\"Na>me\">a</S>") },
    { "RefId no number", "<Obj RefId=\"x\"></Obj>" },
    { "RefId empty", "<Obj RefId=\"></Obj>" },
    { "end tag of another", MS("<S N=\"Name\">a</G>") },
    { "crossed", OBJ("<MS><Props></MS></Props>") },
    { "blank in an end tag", "<S>a</S >" },
    { "end tag only", "</S>" },
    { "end tag too many", "<S>a</S></S>" },
    { "end tag missing", "<Obj RefId=\"0\"><MS></MS>" },
    { "second object", "<S>a</S><S>b</S>" },
    { "text behind", "<S>a</S>b" },
    { "NUL behind", NULL },
    { "control character", "<S>\x01</S>" },
    { "carriage return", "<S>a\r\n</S>" },
    { "overlong", "<S>\xC0\xAF</S>" },
    { "surrogate", "<S>\xED\xA0\x80</S>" },
    { "U+FFFE", "<S>\xEF\xBF\xBE</S>" },
    { "U+FFFF unwanted", MS("<S N=\"x\">\xEF\xBF\xBF</S>") },
    { "character cut", "<S>\xE2\x82</S>" },
    { "continuation alone", "<S>\x80</S>" },
    { "beyond U+10FFFF", "<S>\xF4\x90\x80\x80</S>" },
    { "wanted reference",
      MS("<Obj N=\"x\" RefId=\"1\"><ToString>a</ToString></Obj><Ref N=\"Id\" RefId=\"1\" />") },
    { "wrapped object", OBJ("<Obj RefId=\"1\"><MS><S N=\"Name\">a</S></MS></Obj>") },
    { "wrapped property",
      MS("<Obj N=\"Id\" RefId=\"1\"><Obj RefId=\"2\"><ToString>a</ToString></Obj></Obj>") },
    { "list of enums, number first",
      MS("<Obj N=\"Ids\" RefId=\"1\"><LST><Obj RefId=\"2\"><I32>1</I32><ToString>a</ToString></Obj>"
         "</LST></Obj>") },
    { "list of objects without text",
      MS("<Obj N=\"Ids\" RefId=\"1\"><LST><Obj RefId=\"2\"><MS /></Obj></LST></Obj>") },
    { "list of wrapped objects", MS("<Obj N=\"Ids\" RefId=\"1\"><LST><Obj RefId=\"2\"><Obj "
                                    "RefId=\"3\" /></Obj></LST></Obj>") },
    { "list of references", MS("<Obj N=\"Ids\" RefId=\"1\"><LST><Ref RefId=\"0\" /></LST></Obj>") },
    { "element in text", MS("<S N=\"Name\">a<S>b</S></S>") },
    { "element in ToString", OBJ("<ToString><S>b</S></ToString>") },
    { "part out of place", MS("<TN RefId=\"0\" />") },
};

static void by_hand(void)
{
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        size_t len = strlen(taken[i].xml);

        ROW(taken[i].name);
        CHECK_INT(compare(&small, taken[i].xml, len), PAIR_SAME);
        keep(&small, taken[i].xml, len);
        /* Cut anywhere: never accepted, unless only the blanks behind it are gone. */
        for (size_t n = 0; n < len; n++)
            if (compare(&small, taken[i].xml, n) == PAIR_SAME)
                CHECK(text_blank(&(easg_str){ taken[i].xml + n, len - n }));
    }
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        const char *xml = left[i].xml ? left[i].xml : "<S>a</S>";
        size_t len = strlen(xml) + (left[i].xml ? 0 : 1);

        ROW(left[i].name);
        CHECK_INT(compare(&small, xml, len), PAIR_DECLINED);
        keep(&small, xml, len);
    }
}

/* What is looked at in steps of 64 bytes is found wherever it lies. */
static void every_place(void)
{
    static const char *const parts[] = {
        "&amp;", "\xF0\x9F\x98\x80", "_xD83D__xDE00_", "\x02", "\xE2\x82", "&amp", "<S></S>", "]]>"
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (size_t n = 0; n < 200; n++) {
            struct strbuf b = STRBUF_INIT(4096);

            ROW(parts[i]);
            strbuf_adds(&b, "<Obj RefId=\"0\"><MS><S N=\"Name\">");
            for (size_t k = 0; k < n; k++)
                strbuf_addc(&b, (char)('a' + k % 26));
            strbuf_adds(&b, parts[i]);
            strbuf_adds(&b, "</S></MS></Obj>");
            CHECK_INT(compare(&small, b.ptr, b.len), i < 3 ? PAIR_SAME : PAIR_DECLINED);
            strbuf_clear(&b);
        }
}

static void limits(void)
{
    static const size_t counts[] = { CLIXML_FAST_ITEMS, CLIXML_FAST_ITEMS + 1 };
    struct strbuf b = STRBUF_INIT(MAX);

    for (size_t i = 0; i < 2; i++) {
        ROW(i ? "one item too many" : "as many items as go");
        strbuf_reset(&b);
        strbuf_adds(&b, "<Obj RefId=\"0\"><MS><Obj N=\"Ids\" RefId=\"1\"><LST>");
        for (size_t k = 0; k < counts[i]; k++)
            strbuf_addf(&b, "<S>%zu</S>", k);
        strbuf_adds(&b, "</LST></Obj></MS></Obj>");
        CHECK_INT(compare(&small, b.ptr, b.len), i ? PAIR_DECLINED : PAIR_SAME);
    }
    for (size_t depth = 62; depth < 66; depth++) {
        ROW("deep");
        strbuf_reset(&b);
        strbuf_adds(&b, "<Obj RefId=\"0\"><MS>");
        for (size_t k = 2; k < depth; k++)
            strbuf_adds(&b, "<Obj RefId=\"1\">");
        for (size_t k = 2; k < depth; k++)
            strbuf_adds(&b, "</Obj>");
        strbuf_adds(&b, "</MS></Obj>");
        CHECK_INT(compare(&small, b.ptr, b.len), depth > 64 ? PAIR_DECLINED : PAIR_SAME);
    }
    strbuf_clear(&b);
}

/* ---- real objects ---- */

static void without(struct strbuf *text, const char *what)
{
    size_t n = strlen(what);
    char *to = text->ptr;

    for (const char *p = text->ptr; *p;) {
        if (strncmp(p, what, n) == 0)
            p += n;
        else
            *to++ = *p++;
    }
    *to = '\0';
    text->len = (size_t)(to - text->ptr);
}

static unsigned exported(const char *path)
{
    struct strbuf text = STRBUF_INIT(MAX);
    static const char stop[] = "\n  </Obj>";
    unsigned same = 0;

    ROW(path);
    if (!CHECK(file_read(path, &text)))
        return 0;
    CHECK_INT(compare(&server, text.ptr, text.len), PAIR_DECLINED); /* <Objs> */
    without(&text, "\r");
    for (const char *p = text.ptr; (p = strstr(p, "  <Obj ")) != NULL;) {
        const char *end = strstr(p, stop);

        if (!CHECK(end))
            break;
        end += sizeof(stop) - 1;
        same += compare(&server, p + 2, (size_t)(end - p) - 2) == PAIR_SAME;
        keep(&server, p + 2, (size_t)(end - p) - 2);
        p = end;
    }
    strbuf_clear(&text);
    return same;
}

static void exports(void)
{
    CHECK_INT(exported("exchange/E16/GetServerComponentState.xml"), 35);
    CHECK_INT(exported("exchange/E19/GetServerComponentState.xml"), 34);
    CHECK_INT(exported("exchange/E16/GetExchangeServer.xml"), 1);
    CHECK_INT(exported("exchange/E19/GetExchangeServer.xml"), 1);
    CHECK_INT(exported("exchange/E16/GetOrganizationConfig.xml"), 1);
    CHECK_INT(exported("exchange/E19/GetOrganizationConfig.xml"), 1);
    CHECK_INT(exported("exchange/E19/GetExchangeDiagnosticInfo_ADTopVariantConfiguration1.xml"), 1);
    CHECK_INT(exported("exchange/E19CU11AdminDisplayVersion.xml"), 1);
}

struct seen {
    unsigned messages;
    unsigned same;
};

static easg_status on_message(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct seen *s = user;
    struct psrp_message m;
    easg_status st = psrp_message_parse(ptr, len, &m, err);

    if (st != EASG_OK)
        return st;
    s->messages++;
    s->same += compare(&server, m.xml, m.len) == PAIR_SAME;
    (void)compare(&small, m.xml, m.len);
    keep(&server, m.xml, m.len);
    return EASG_OK;
}

static void recordings(void)
{
    static const char *const files[] = {
        "test_psrp_open_runspace",
        "test_psrp_run_protocol_version_2.1",
        "test_psrp_with_jea_configuration",
        "test_psrp_small_msg_size",
        "test_psrp_long_running_cmdlet",
        "test_client_fetch_file",
        "test_psrp_error_failed",
        "test_psrp_stream_output_invocation",
        "test_psrp_pshost_raw_ui_mocked_methods",
        "test_psrp_receive_failure",
        "test_psrp_multiple_invocations",
        "test_psrp_get_command_metadata",
    };
    struct seen s = { 0, 0 };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct recording r;
        struct psrp_defrag d[2];

        ROW(files[i]);
        if (!CHECK(recording_read(files[i], &r)))
            continue;
        psrp_defrag_init(&d[0], MAX);
        psrp_defrag_init(&d[1], MAX);
        for (size_t k = 0; k < r.n; k++) {
            const char *p = strbuf_str(&r.response[k]);

            while ((p = strstr(p, "<rsp:Stream ")) != NULL) {
                const char *text = strchr(p, '>');
                size_t n = text ? strcspn(text + 1, "<") : 0;
                struct psrp_defrag *to;
                easg_error err = EASG_ERROR_INIT;

                if (!text)
                    break;
                to = &d[memchr(p, 'C', (size_t)(text - p)) ? 1 : 0]; /* CommandId */
                if (text[-1] != '/' &&
                    (psrp_defrag_text(to, text + 1, n, on_message, &s, &err) != EASG_OK ||
                     psrp_defrag_text_end(to, &err) != EASG_OK)) {
                    CHECK(0 && "a recorded stream is readable");
                    printf("# %s\n", err.message);
                }
                p = text + 1;
            }
        }
        psrp_defrag_clear(&d[0]);
        psrp_defrag_clear(&d[1]);
        recording_clear(&r);
    }
    printf("# recordings: %u of %u messages the short way\n", s.same, s.messages);
    CHECK(s.messages > 100 && s.same > s.messages / 2);
}

/* ---- made and damaged ---- */

static uint64_t state = 0x9E3779B97F4A7C15u;

static size_t random_below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)((state >> 11) % n);
}

static const char *one_of(const char *const *list, size_t n)
{
    return list[random_below(n)];
}
#define ONE_OF(list) one_of(list, sizeof(list) / sizeof((list)[0]))

static void make_text(struct strbuf *b)
{
    static const char *const parts[] = {
        "a", "Device",   " ", "&amp;",        "&lt;",   "_x000A_",          "_xD83D__xDE00_",
        "_", "\xC3\xA9", "0", "\xE2\x82\xAC", "&quot;", "\xF0\x9F\x98\x80", "_x005F_x"
    };

    for (size_t n = random_below(8); n; n--)
        strbuf_adds(b, ONE_OF(parts));
}

static void make_value(struct strbuf *b, unsigned depth, int named)
{
    static const char *const known[] = { "Name",  "State",      "Ids",
                                         "Id",    "When",       "name",
                                         "Other", "OtherThing", "DeviceUserAgent" };
    static const char *const tags[] = { "S", "I32", "B", "DT", "G", "URI", "Version", "D" };
    static const char *const lists[] = { "LST", "IE", "STK", "QUE" };
    const char *tag = ONE_OF(tags);
    char name[64] = "";

    if (named)
        (void)snprintf(name, sizeof(name), " N=\"%s\"", ONE_OF(known));
    switch (random_below(depth > 3 ? 6 : 12)) {
    case 0: strbuf_addf(b, "<Nil%s />", name); return;
    case 1: strbuf_addf(b, "<%s%s />", tag, name); return;
    case 2:
    case 3:
    case 4:
        strbuf_addf(b, "<%s%s>", tag, name);
        make_text(b);
        strbuf_addf(b, "</%s>", tag);
        return;
    case 5:
        if (random_below(6) == 0) {
            strbuf_addf(b, "<Ref%s RefId=\"0\" />", name);
            return;
        }
        strbuf_addf(b, "<S%s>plain</S>", name);
        return;
    default: break;
    }
    strbuf_addf(b, "<Obj%s RefId=\"%u\">", name, (unsigned)random_below(40));
    if (random_below(2))
        strbuf_adds(b, "<TN RefId=\"1\"><T>A</T><T>System.Object</T></TN>");
    if (random_below(2)) {
        strbuf_adds(b, "<ToString>");
        make_text(b);
        strbuf_adds(b, "</ToString>");
    }
    if (random_below(3) == 0)
        strbuf_adds(b, "<I32>7</I32>");
    if (random_below(2)) {
        const char *list = ONE_OF(lists);

        strbuf_addf(b, "<%s>", list);
        for (size_t n = random_below(4); n; n--)
            make_value(b, depth + 2, 0);
        strbuf_addf(b, "</%s>", list);
    }
    for (size_t k = random_below(2) ? random_below(3) : 0; k; k--) {
        const char *part = random_below(2) ? "Props" : "MS";

        strbuf_addf(b, "<%s>", part);
        for (size_t n = random_below(depth ? 3 : 8); n; n--)
            make_value(b, depth + 1, 1);
        strbuf_addf(b, "</%s>", part);
    }
    strbuf_adds(b, "</Obj>");
}

static void make_objects(unsigned n)
{
    unsigned same = 0;

    ROW("made");
    for (unsigned i = 0; i < n; i++) {
        struct strbuf b = STRBUF_INIT(MAX);

        strbuf_adds(&b, "<Obj RefId=\"0\">");
        for (unsigned k = 0; k < 2; k++) {
            const char *part = random_below(2) ? "Props" : "MS";

            strbuf_addf(&b, "<%s>", part);
            for (size_t v = random_below(6); v; v--)
                make_value(&b, 0, 1);
            strbuf_addf(&b, "</%s>", part);
        }
        strbuf_adds(&b, "</Obj>");
        same += compare(&small, b.ptr, b.len) == PAIR_SAME;
        if (i < 100 && b.len < 1500)
            keep(&small, b.ptr, b.len);
        strbuf_clear(&b);
    }
    printf("# made: %u of %u the short way\n", same, n);
    CHECK(same > n / 3 && same < n);
}

/* Bytes [at, at + n) go; `with` comes. */
static void replace(struct strbuf *b, size_t at, size_t n, const char *with, size_t with_len)
{
    size_t tail = b->len - at - n;

    if (!strbuf_reserve(b, with_len + 1))
        return;
    memmove(b->ptr + at + with_len, b->ptr + at + n, tail);
    if (with_len)
        memcpy(b->ptr + at, with, with_len);
    b->len = at + with_len + tail;
    b->ptr[b->len] = '\0';
}

/* A tag, brackets and all, at or behind `from`; 0: none. */
static size_t tag_at(const struct strbuf *b, size_t from, size_t *at)
{
    const char *lt = memchr(b->ptr + from, '<', b->len - from);
    const char *gt = lt ? memchr(lt, '>', b->len - (size_t)(lt - b->ptr)) : NULL;

    *at = lt ? (size_t)(lt - b->ptr) : 0;
    return gt ? (size_t)(gt - lt) + 1 : 0;
}

/* A tag that ends itself, or a start tag, text and an end tag; 0: none. */
static size_t leaf_at(const struct strbuf *b, size_t from, size_t *at)
{
    size_t n = tag_at(b, from, at);
    size_t end;
    size_t end_n;

    if (n < 3 || b->ptr[*at + n - 2] == '/')
        return n;
    end_n = tag_at(b, *at + n, &end);
    return end_n && b->ptr[end + 1] == '/' ? end + end_n - *at : 0;
}

static void mutate(struct strbuf *b)
{
    static const char *const texts[] = { "a",  "&lt;", "_x000A_",     "\xC3\xA9",
                                         "\n", "_",    "&amp;_xD83D_" };
    static const char interesting[] = "<>&\"'/= ;_xX\n\t\r!?[]-:N\x80\xC3\xEF\xFF\x7F";
    static const char *const tokens[] = {
        "<S>",
        "</S>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&amp;",
        "&#65;",
        "&",
        " N=\"Id\"",
        " RefId=\"1\"",
        "<Nil />",
        "</Obj>",
        "<Obj RefId=\"1\">",
        "\xEF\xBF\xBE",
        "\xE2\x82\xAC",
        "_xD83D_",
        "<?x?>",
        "<MS>",
        "</MS>",
        "<LST>",
        "</LST>",
        "<ToString>",
        "</ToString>",
        "<Ref RefId=\"0\" />",
        "/",
        "<T/>",
        "\xEF\xBB\xBF",
    };
    char copy[512];
    size_t at = random_below(b->len);
    size_t n = random_below(random_below(4) ? 8 : 200) + 1;
    size_t other;
    size_t other_n;
    const char *token;

    n = n > b->len - at ? b->len - at : n;
    switch (random_below(12)) {
    case 0: b->ptr[at] = (char)(b->ptr[at] ^ (char)(1u << random_below(8))); break;
    case 1: b->ptr[at] = interesting[random_below(sizeof(interesting))]; break; /* and NUL */
    case 2: replace(b, at, n, "", 0); break;
    case 3:
        memcpy(copy, b->ptr + at, n);
        replace(b, at, 0, copy, n);
        break;
    case 4: replace(b, at, b->len - at, "", 0); break;
    case 5:
        token = ONE_OF(tokens);
        replace(b, at, 0, token, strlen(token));
        break;
    case 6: /* two tags change places, or the first becomes the second */
        n = tag_at(b, at, &at);
        if (n == 0 || n > sizeof(copy))
            break;
        memcpy(copy, b->ptr + at, n);
        other_n = tag_at(b, at + n, &other);
        if (other_n && other_n <= sizeof(copy)) {
            char second[512];

            memcpy(second, b->ptr + other, other_n);
            if (random_below(2))
                replace(b, other, other_n, copy, n);
            replace(b, at, n, second, other_n);
        }
        break;
    case 7: /* a tag is gone */
        n = tag_at(b, at, &at);
        replace(b, at, n, "", 0);
        break;
    case 8:
    case 9: /* a whole leaf is gone, or comes twice */
        n = leaf_at(b, at, &at);
        if (n == 0 || n > sizeof(copy))
            break;
        memcpy(copy, b->ptr + at, n);
        replace(b, at, random_below(2) ? n : 0, copy, random_below(2) ? n : 0);
        break;
    case 10: /* a text grows */
        n = tag_at(b, at, &at);
        token = ONE_OF(texts);
        replace(b, at + n, 0, token, strlen(token));
        break;
    default: b->ptr[at] = b->ptr[random_below(b->len)]; break;
    }
}

static void damaged(void)
{
    unsigned same = 0;
    struct strbuf b = STRBUF_INIT(MAX);

    ROW("damaged");
    for (unsigned i = 0; i < MUTATIONS; i++) {
        size_t base = random_below(n_bases);

        if (bases[base].len == 0 || (bases[base].len > 2000 && random_below(8)))
            base = random_below(sizeof(taken) / sizeof(taken[0])); /* speed */
        strbuf_reset(&b);
        strbuf_add(&b, bases[base].ptr, bases[base].len);
        for (size_t n = random_below(4) ? 1 : 1 + random_below(4); n && b.len; n--)
            mutate(&b);
        same += compare(base_pair[base], strbuf_str(&b), b.len) == PAIR_SAME;
        if (check_failed > 10)
            break;
    }
    printf("# damaged: %zu bases, %u of %u the short way\n", n_bases, same, MUTATIONS);
    CHECK(n_bases >= 200);
    CHECK(same > MUTATIONS / 10 && same < MUTATIONS / 10 * 9);
    strbuf_clear(&b);
}

/* ---- both ways together ---- */

static void together(void)
{
    static const char odd[] = "<S>a<!-- --></S>";
    static const char plain[] = MS("<S N=\"Name\">a&amp;</S><Obj N=\"Ids\" RefId=\"1\"><LST><S>b"
                                   "</S></LST></Obj>");
    struct clixml_decoder *d = NULL;
    struct strbuf b = STRBUF_INIT(MAX);
    struct strbuf want = STRBUF_INIT(MAX);
    easg_error err = EASG_ERROR_INIT;
    unsigned failures = 0;

    ROW("a listing that is always declined, and one that is not");
    CHECK_INT(clixml_decoder_create(names, MAX, &d, &err), EASG_OK);
    for (unsigned i = 0; i < 200; i++) {
        const char *xml = i < 100 ? odd : plain;

        strbuf_reset(&b);
        strbuf_reset(&want);
        CHECK_INT(clixml_decode(small.slow, xml, strlen(xml), pair_dump, &want, &err), EASG_OK);
        CHECK_INT(clixml_decode(d, xml, strlen(xml), pair_dump, &b, &err), EASG_OK);
        CHECK_STR(strbuf_str(&b), strbuf_str(&want));
    }
    ROW("longer than allowed");
    clixml_decoder_destroy(d);
    d = NULL;
    CHECK_INT(clixml_decoder_create(names, 20, &d, &err), EASG_OK);
    CHECK_INT(clixml_decode(d, plain, sizeof(plain) - 1, pair_dump, &b, &err), EASG_E_LIMIT);
    clixml_decoder_destroy(d);

    ROW("no memory");
    for (unsigned long n = 1; n < 30; n++) {
        easg_status st;

        d = NULL;
        strbuf_reset(&b);
        strbuf_reserve(&b, 2000);
        mem_fail_at(n, 0);
        st = clixml_decoder_create(names, MAX, &d, &err);
        if (st == EASG_OK)
            st = clixml_decode(d, plain, sizeof(plain) - 1, pair_dump, &b, &err);
        mem_fail_at(0, 0);
        if (st != EASG_OK) {
            failures++;
            CHECK_INT(st, EASG_E_NOMEM);
        } else {
            CHECK_STR(strbuf_str(&b), strbuf_str(&want));
        }
        clixml_decoder_destroy(d);
    }
    CHECK(failures > 3 && failures < 29);
    strbuf_clear(&b);
    strbuf_clear(&want);
}

int main(void)
{
    easg_error err = EASG_ERROR_INIT;

    if (!CHECK_INT(pair_create(&small, names, &err), EASG_OK) ||
        !CHECK_INT(pair_create(&server, server_names, &err), EASG_OK))
        return check_done();
    by_hand();
    every_place();
    limits();
    make_objects(3000);
    exports();
    recordings();
    together();
    damaged();
    for (size_t i = 0; i < n_bases; i++)
        strbuf_clear(&bases[i]);
    pair_destroy(&small);
    pair_destroy(&server);
    return check_done();
}
