/* SPDX-License-Identifier: Apache-2.0
 *
 * CLIXML by hand: every shape the reader has to know, what it refuses, and the bytes of the writer.
 */
#include "check.h"

#include "clixml_record.h"
#include "clixml_value.h"
#include "clixml_writer.h"
#include "err.h"
#include "text.h"

#define MAX ((size_t)1024 * 1024)

static const char *const names[] = { "Name", "State", "Ids", "Id", "When", NULL };

/* "Name=text State=text Ids=a|b Id=text When=nil" */
static easg_status on_record(void *user, const struct clixml_record *r, easg_error *err)
{
    struct strbuf *b = user;

    (void)err;
    if (clixml_primitive(r->tag)) {
        strbuf_addf(b, "%s:", clixml_tag_name(r->tag));
        strbuf_add_safe(b, r->text.ptr, r->text.len, 200);
        return strbuf_addc(b, ';');
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct clixml_slot *s = &r->slots[i];

        if (s->kind == CLIXML_ABSENT)
            continue;
        strbuf_addf(b, "%s=", names[i]);
        if (s->kind == CLIXML_NIL)
            strbuf_adds(b, "nil");
        if (s->kind == CLIXML_OTHER)
            strbuf_adds(b, "other");
        if (s->kind == CLIXML_TEXT)
            strbuf_add_safe(b, s->text.ptr, s->text.len, 200);
        for (size_t k = 0; k < s->n_items; k++) {
            strbuf_adds(b, k ? "|" : "");
            strbuf_add_safe(b, s->items[k]->ptr, s->items[k]->len, 200);
        }
        strbuf_addc(b, ' ');
    }
    return strbuf_addc(b, ';');
}

#define ENUM                                                                                       \
    "<TN RefId=\"0\"><T>X</T><T>System.Enum</T></TN><ToString>Blocked</ToString><I32>2</I32>"

static const struct {
    const char *name;
    const char *xml;
    const char *record;
    unsigned slow; /* objects that take the long way */
} good[] = {
    { "Props", "<Obj RefId=\"0\"><Props><S N=\"Name\">a</S></Props></Obj>", "Name=a ;", 0 },
    { "names have no case", "<Obj RefId=\"0\"><Props><S N=\"nAME\">a</S></Props></Obj>", "Name=a ;",
      0 },
    { "MS wins, behind",
      "<Obj RefId=\"0\"><Props><S N=\"Name\">a</S></Props><MS><S N=\"Name\">b</S></MS></Obj>",
      "Name=b ;", 0 },
    { "MS wins, before",
      "<Obj RefId=\"0\"><MS><S N=\"Name\">b</S></MS><Props><S N=\"Name\">a</S></Props></Obj>",
      "Name=b ;", 0 },
    { "MS wins, null",
      "<Obj RefId=\"0\"><MS><Nil N=\"Name\"/></MS><Props><S N=\"Name\">a</S></Props>"
      "</Obj>",
      "Name=nil ;", 0 },
    { "enum", "<Obj RefId=\"0\"><Props><Obj N=\"State\" RefId=\"1\">" ENUM "</Obj></Props></Obj>",
      "State=Blocked ;", 0 },
    { "enum with its number first",
      "<Obj RefId=\"0\"><Props><Obj N=\"State\" "
      "RefId=\"1\"><I32>2</I32><ToString>Blocked</ToString>"
      "</Obj></Props></Obj>",
      "State=Blocked ;", 0 },
    { "value without ToString",
      "<Obj RefId=\"0\"><Props><Obj N=\"State\" RefId=\"1\"><S>Blocked</S></Obj></Props></Obj>",
      "State=Blocked ;", 0 },
    { "list",
      "<Obj RefId=\"0\"><Props><Obj N=\"Ids\" RefId=\"1\"><TN RefId=\"0\"><T>X</T></TN><LST>"
      "<S>a</S><S>b_x0041_</S></LST></Obj></Props></Obj>",
      "Ids=a|bA ;", 0 },
    { "empty list", "<Obj RefId=\"0\"><Props><Obj N=\"Ids\" RefId=\"1\"><LST/></Obj></Props></Obj>",
      "Ids= ;", 0 },
    { "list with ToString around it",
      "<Obj RefId=\"0\"><Props><Obj N=\"Ids\" RefId=\"1\"><ToString>System.String[]</ToString><LST>"
      "<S>a</S></LST></Obj></Props></Obj>",
      "Ids=a ;", 0 },
    { "list of objects by ToString, null left out",
      "<Obj RefId=\"0\"><Props><Obj N=\"Ids\" RefId=\"1\"><IE><Obj "
      "RefId=\"2\"><ToString>a</ToString>"
      "<Props><S N=\"Name\">no</S></Props></Obj><Nil/><S>b</S></IE></Obj></Props></Obj>",
      "Ids=a|b ;", 0 },
    { "stack and queue",
      "<Obj RefId=\"0\"><Props><Obj N=\"Ids\" RefId=\"1\"><STK><S>a</S></STK></Obj>"
      "<Obj N=\"Id\" RefId=\"2\"><QUE><S>b</S></QUE></Obj></Props></Obj>",
      "Ids=a Id=b ;", 0 },
    { "list of enums",
      "<Obj RefId=\"0\"><Props><Obj N=\"Ids\" RefId=\"1\"><LST><Obj RefId=\"2\">" ENUM
      "</Obj></LST></Obj></Props></Obj>",
      "Ids=Blocked ;", 0 },
    { "names inside a property do not count",
      "<Obj RefId=\"0\"><Props><Obj N=\"Id\" RefId=\"1\"><ToString>x</ToString><Props>"
      "<S N=\"Name\">inner</S></Props></Obj><S N=\"Name\">outer</S></Props></Obj>",
      "Name=outer Id=x ;", 0 },
    { "reference to an earlier property",
      "<Obj RefId=\"0\"><Props><Obj N=\"Identity\" RefId=\"19\"><ToString>x/y</ToString></Obj>"
      "<Ref N=\"Id\" RefId=\"19\"/></Props></Obj>",
      "Id=x/y ;", 1 },
    { "object wrapped in another",
      "<Obj RefId=\"0\"><Obj RefId=\"1\"><Props><S N=\"Name\">a</S><S "
      "N=\"Id\">1</S></Props></Obj><MS>"
      "<S N=\"Name\">b</S></MS></Obj>",
      "Name=b Id=1 ;", 1 },
    { "property wrapped in another",
      "<Obj RefId=\"0\"><MS><Obj N=\"Name\" RefId=\"1\"><Obj "
      "RefId=\"2\"><ToString>a</ToString></Obj>"
      "<MS/></Obj></MS></Obj>",
      "Name=a ;", 1 },
    { "object without text",
      "<Obj RefId=\"0\"><MS><Obj N=\"Id\" RefId=\"1\"><MS><S "
      "N=\"Name\">a</S></MS></Obj></MS></Obj>",
      "Id=other ;", 0 },
    { "dictionary is no list",
      "<Obj RefId=\"0\"><MS><Obj N=\"Id\" RefId=\"1\"><DCT><En><S N=\"Key\">a</S><S "
      "N=\"Value\">b</S>"
      "</En></DCT></Obj></MS></Obj>",
      "Id=other ;", 0 },
    { "escapes",
      "<Obj RefId=\"0\"><MS><S N=\"Name\">a_x000A_b_X000d_c_x005F_x0041_d_xD83D__xDE00_e &amp; "
      "&lt;</S></MS></Obj>",
      "Name=a\\x0ab\\x0dc_x0041_d\xF0\x9F\x98\x80"
      "e & < ;",
      0 },
    { "what looks like an escape",
      "<Obj RefId=\"0\"><MS><S N=\"Name\">_x00G0_ _x0041 x0041_ __x0042__</S></MS></Obj>",
      "Name=_x00G0_ _x0041 x0041_ _B_ ;", 0 },
    { "half a pair, and NUL, become U+FFFD",
      "<Obj RefId=\"0\"><MS><S N=\"Name\">_xD83D_a_xDE00__x0000_</S></MS></Obj>",
      "Name=\xEF\xBF\xBD"
      "a\xEF\xBF\xBD\xEF\xBF\xBD ;",
      0 },
    { "escaped name",
      "<Obj RefId=\"0\"><MS><S N=\"_x004E_ame\">no</S><S N=\"Name\">a</S></MS></Obj>", "Name=a ;",
      0 },
    { "empty text", "<Obj RefId=\"0\"><MS><S N=\"Name\"></S><S N=\"Id\"/></MS></Obj>",
      "Name= Id= ;", 0 },
    { "white space between", "<Obj RefId=\"0\">\n <MS>\n  <S N=\"Name\">a</S>\n </MS>\n</Obj>\n",
      "Name=a ;", 0 },
    { "every primitive is text",
      "<Obj RefId=\"0\"><MS><DT N=\"When\">2021-09-28T17:32:01Z</DT><G N=\"Id\">"
      "38142983-080a-4e34-90b6-401759c3f3e7</G><B N=\"State\">true</B></MS></Obj>",
      "State=true Id=38142983-080a-4e34-90b6-401759c3f3e7 When=2021-09-28T17:32:01Z ;", 0 },
    { "bare string", "<S>a_x0042_</S>", "S:aB;", 0 },
    { "bare number", "<I32>42</I32>", "I32:42;", 0 },
    { "bare null", "<Nil />", ";", 0 },
    { "exported objects",
      "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">"
      "<Obj RefId=\"0\"><MS><S N=\"Name\">a</S></MS></Obj><Obj RefId=\"1\"><MS>"
      "<Obj N=\"Id\" RefId=\"5\"><ToString>i</ToString></Obj><Ref N=\"Name\" "
      "RefId=\"5\"/></MS></Obj>"
      "<Obj RefId=\"2\"><MS><S N=\"Name\">c</S></MS></Obj></Objs>",
      "Name=a ;Name=i Id=i ;Name=c ;", 2 },
};

static const struct {
    const char *name;
    const char *xml;
    const char *text;
} bad[] = {
    { "cut", "<Obj RefId=\"0\"><Props><S N=\"DeviceId\">ABC</Props><S",
      "CLIXML: line 1: not well-formed XML: " },
    { "unknown element", "<Obj RefId=\"0\"><Foo/></Obj>", "CLIXML: unknown element Foo" },
    { "foreign namespace", "<Obj xmlns=\"urn:x\" RefId=\"0\"/>", "CLIXML: unknown element Obj" },
    { "no object", "<TN RefId=\"0\"/>", "CLIXML: TN where an object was expected" },
    { "element inside a string", "<Obj RefId=\"0\"><MS><S N=\"Name\">a<S>b</S></S></MS></Obj>",
      "CLIXML: S inside" },
    { "reference to nothing", "<Obj RefId=\"0\"><MS><Ref N=\"Name\" RefId=\"7\"/></MS></Obj>",
      "CLIXML: Ref to an object that is not there" },
    { "type names that are not there",
      "<Obj RefId=\"0\"><Obj RefId=\"1\"><TNRef RefId=\"3\"/></Obj></Obj>",
      "CLIXML: TNRef to type names that are not there" },
    { "bad RefId", "<Obj RefId=\"0\"><Obj RefId=\"x\"/></Obj>", "CLIXML: bad RefId" },
    { "huge RefId", "<Obj RefId=\"0\"><Obj RefId=\"99999999\"/></Obj>", "CLIXML: bad RefId" },
    { "two base values", "<Obj RefId=\"0\"><Obj RefId=\"1\"/><S>a</S></Obj>",
      "CLIXML: an object with two base values" },
    { "entity", "<!DOCTYPE Obj [<!ENTITY a \"b\">]><S>&a;</S>",
      "CLIXML: line 1: a document type declaration, which is never accepted" },
    { "dictionary entry without key",
      "<Obj RefId=\"0\"><Obj RefId=\"1\"><DCT><En><S N=\"Value\">b</S></En></DCT></Obj></Obj>",
      "CLIXML: a dictionary entry without Key and Value" },
};

static void records(void)
{
    struct clixml_decoder *d = NULL;
    struct strbuf b = STRBUF_INIT(65536);
    easg_error err = EASG_ERROR_INIT;
    uint64_t slow = 0;
    char deep[4096] = "";

    CHECK_INT(clixml_decoder_create(names, MAX, &d, &err), EASG_OK);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ROW(good[i].name);
        strbuf_reset(&b);
        if (!CHECK_INT(clixml_decode(d, good[i].xml, strlen(good[i].xml), on_record, &b, &err),
                       EASG_OK))
            printf("# %s\n", err.message);
        CHECK_STR(strbuf_str(&b), good[i].record);
        slow += good[i].slow;
        CHECK_INT(clixml_decoder_slow(d), slow);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ROW(bad[i].name);
        err_clear(&err);
        CHECK_INT(clixml_decode(d, bad[i].xml, strlen(bad[i].xml), on_record, &b, &err),
                  EASG_E_PROTOCOL);
        CHECK_HAS(err.message, bad[i].text);
    }
    ROW("too deep");
    for (int i = 0; i < 200; i++)
        strcat(deep, "<Obj RefId=\"0\">");
    CHECK_INT(clixml_decode(d, deep, strlen(deep), on_record, &b, &err), EASG_E_LIMIT);
    CHECK_HAS(err.message, "CLIXML: line 1: more than 128 elements inside each other");
    clixml_decoder_destroy(d);
    strbuf_clear(&b);
}

static void trees(void)
{
    static const char xml[] =
        "<Obj RefId=\"0\"><TN RefId=\"0\"><T>Deserialized.A.B</T><T>System.Object</T></TN>"
        "<ToString>me</ToString><Props><S N=\"One\">p</S><I64 N=\"Big\">-5</I64></Props><MS>"
        "<S N=\"one\">m</S><Obj N=\"Dict\" RefId=\"1\"><TNRef RefId=\"0\"/><DCT><En><S "
        "N=\"Key\">k</S>"
        "<Obj N=\"Value\" RefId=\"2\"><LST><I32>1</I32><I32>2</I32></LST></Obj></En><En>"
        "<S N=\"Key\">l</S><Nil N=\"Value\"/></En></DCT></Obj><Ref N=\"Loop\" "
        "RefId=\"0\"/></MS></Obj>";
    struct clixml_tree *t = NULL;
    const struct clixml_value *v = NULL;
    const struct clixml_value *item;
    easg_error err = EASG_ERROR_INIT;
    struct strbuf big = STRBUF_INIT(MAX);
    int64_t n = 0;

    ROW("tree");
    CHECK_INT(clixml_tree_create(MAX, (size_t)256 * 1024, &t, &err), EASG_OK);
    if (!CHECK_INT(clixml_tree_read(t, xml, sizeof(xml) - 1, &v, &err), EASG_OK))
        printf("# %s\n", err.message);
    CHECK_STR(clixml_text(v).ptr, "me");
    CHECK_STR(clixml_get_text(v, "ONE").ptr, "m");
    CHECK(clixml_get_int(v, "Big", &n));
    CHECK_INT(n, -5);
    CHECK(!clixml_get_int(v, "One", &n));
    CHECK(clixml_is_type(v, "A.B"));
    CHECK(clixml_is_type(clixml_get(v, "Dict"), "A.B"));
    CHECK(!clixml_is_type(v, "A"));
    CHECK_STR(clixml_type(v).ptr, "Deserialized.A.B");
    item = clixml_items(clixml_get(v, "Dict"));
    CHECK_STR(clixml_text(item->key).ptr, "k");
    CHECK_STR(clixml_text(clixml_items(item)->next).ptr, "2");
    CHECK_STR(clixml_text(item->next->key).ptr, "l");
    CHECK(!clixml_text(item->next).ptr);
    CHECK(!item->next->next);
    CHECK(clixml_get(v, "Loop") == v); /* a loop is followed, not copied */
    CHECK_STR(clixml_get_text(clixml_get(v, "Loop"), "one").ptr, "m");
    CHECK(!clixml_get(v, "None") && !clixml_text(NULL).ptr && !clixml_items(NULL));

    ROW("nothing");
    CHECK_INT(clixml_tree_read(t, "", 0, &v, &err), EASG_OK);
    CHECK(!v);

    ROW("tree over its limit");
    strbuf_adds(&big, "<Obj RefId=\"0\"><LST>");
    for (int i = 0; i < 9000; i++)
        strbuf_adds(&big, "<S>x</S>");
    strbuf_adds(&big, "</LST></Obj>");
    CHECK_INT(clixml_tree_read(t, big.ptr, big.len, &v, &err), EASG_E_LIMIT);
    CHECK_STR(err.message, "CLIXML: one object takes more than 262144 bytes");
    CHECK(!v);
    clixml_tree_destroy(t);
    strbuf_clear(&big);
}

static void writer(void)
{
    static const struct psrp_value ids[] = { { .kind = PSRP_STRING, .text = { "id1", 3 } },
                                             { .kind = PSRP_STRING, .text = { "id2", 3 } } };
    static const struct psrp_value parts[] = { { .kind = PSRP_ARRAY, .items = ids, .n = 2 },
                                               { .kind = PSRP_STRING, .text = { "id3", 3 } } };
    static const char *const keys[] = { "Add", "Remove" };
    static const struct {
        const char *name;
        struct psrp_value v;
        const char *xml;
    } rows[] = {
        { "switch", { .kind = PSRP_BOOL, .number = 1 }, "<B N=\"V\">true</B>" },
        { "-Confirm:$false", { .kind = PSRP_BOOL, .number = 0 }, "<B N=\"V\">false</B>" },
        { "$null", { .kind = PSRP_NIL }, "<Nil N=\"V\" />" },
        { "Unlimited",
          { .kind = PSRP_STRING, .text = { "Unlimited", 9 } },
          "<S N=\"V\">Unlimited</S>" },
        { "integers", { .kind = PSRP_INT, .number = -7 }, "<I32 N=\"V\">-7</I32>" },
        { "long", { .kind = PSRP_LONG, .number = 1LL << 40 }, "<I64 N=\"V\">1099511627776</I64>" },
        { "date",
          { .kind = PSRP_TIME, .number = 1632850321000 },
          "<DT N=\"V\">2021-09-28T17:32:01Z</DT>" },
        { "array",
          { .kind = PSRP_ARRAY, .items = ids, .n = 2 },
          "<Obj N=\"V\" RefId=\"1\"><TN RefId=\"0\"><T>System.Object[]</T><T>System.Array</T>"
          "<T>System.Object</T></TN><LST><S>id1</S><S>id2</S></LST></Obj>" },
        { "empty array",
          { .kind = PSRP_ARRAY },
          "<Obj N=\"V\" RefId=\"1\"><TN RefId=\"0\"><T>System.Object[]</T><T>System.Array</T>"
          "<T>System.Object</T></TN><LST /></Obj>" },
        { "@{Add=..; Remove=..}",
          { .kind = PSRP_HASH, .items = parts, .keys = keys, .n = 2 },
          "<Obj N=\"V\" RefId=\"1\"><TN RefId=\"0\"><T>System.Collections.Hashtable</T>"
          "<T>System.Object</T></TN><DCT><En><S N=\"Key\">Add</S><Obj N=\"Value\" RefId=\"2\">"
          "<TN RefId=\"1\"><T>System.Object[]</T><T>System.Array</T><T>System.Object</T></TN><LST>"
          "<S>id1</S><S>id2</S></LST></Obj></En><En><S N=\"Key\">Remove</S><S "
          "N=\"Value\">id3</S></En>"
          "</DCT></Obj>" },
        { "escapes",
          { .kind = PSRP_STRING,
            .text = { "a\r\n_x_X<>&\"'\x7F\xC2\x85\xF0\x9F\x98\x80_y\xC2\xA7", 23 } },
          "<S N=\"V\">a_x000D__x000A__x005F_x_x005F_X&lt;&gt;&amp;\"'_x007F__x0085__xD83D__xDE00_"
          "_y\xC2\xA7</S>" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct strbuf b = STRBUF_INIT(65536);
        struct clixml_writer w;

        ROW(rows[i].name);
        clixml_writer_init(&w, &b);
        w.next_ref = 1; /* inside an object */
        clixml_put_value(&w, "V", &rows[i].v);
        CHECK_INT(clixml_writer_status(&w), EASG_OK);
        CHECK_STR(strbuf_str(&b), rows[i].xml);
        strbuf_clear(&b);
    }
    {
        struct strbuf b = STRBUF_INIT(65536);
        struct clixml_writer w;

        ROW("text that is not UTF-8");
        clixml_writer_init(&w, &b);
        clixml_put_value(&w, "V", &PSRP_V_TEXT(((easg_str){ "\xFF", 1 })));
        clixml_put_value(&w, "V", &PSRP_V_LIT("good"));
        CHECK_INT(clixml_writer_status(&w), EASG_E_USAGE);
        ROW("names are escaped too");
        strbuf_reset(&b);
        clixml_writer_init(&w, &b);
        clixml_put_value(&w, "a\"<_x", &PSRP_V_BOOL(1));
        CHECK_STR(strbuf_str(&b), "<B N=\"a&quot;&lt;_x005F_x\">true</B>");
        strbuf_clear(&b);
    }
}

/* What the writer writes, the reader reads as it was: over every character that matters. */
static void there_and_back(void)
{
    struct clixml_tree *t = NULL;
    easg_error err = EASG_ERROR_INIT;

    ROW("there and back");
    CHECK_INT(clixml_tree_create(MAX, MAX, &t, &err), EASG_OK);
    for (uint32_t cp = 1; cp < 0x11000; cp += cp < 0x300 ? 1 : 97) {
        char c[16] = "_x0041_";
        struct strbuf b = STRBUF_INIT(65536);
        struct clixml_writer w;
        const struct clixml_value *v = NULL;
        size_t n = 7 + text_utf8_put(cp, c + 7);

        if (n == 7)
            continue;
        clixml_writer_init(&w, &b);
        clixml_put_value(&w, NULL, &PSRP_V_TEXT(((easg_str){ c, n })));
        if (!CHECK_INT(clixml_tree_read(t, strbuf_str(&b), b.len, &v, &err), EASG_OK) ||
            !CHECK(clixml_text(v).len == n && memcmp(clixml_text(v).ptr, c, n) == 0))
            printf("# U+%04X: %s\n", (unsigned)cp, err.message);
        strbuf_clear(&b);
    }
    clixml_tree_destroy(t);
}

/* Every allocation fails once: the status says so, nothing leaks (the sanitizer looks). */
static void no_memory(void)
{
    static const char xml[] = "<Obj RefId=\"0\"><MS><S N=\"Name\">a</S><Obj N=\"Ids\" "
                              "RefId=\"1\"><LST><S>a</S><S>b</S></LST>"
                              "</Obj><Obj N=\"X\" RefId=\"2\"><ToString>i</ToString></Obj><Ref "
                              "N=\"Id\" RefId=\"2\"/></MS></Obj>";
    unsigned failures = 0;

    ROW("no memory");
    for (unsigned long n = 1; n < 40; n++) {
        struct clixml_decoder *d = NULL;
        struct strbuf b = STRBUF_INIT(4096);
        easg_error err = EASG_ERROR_INIT;
        easg_status st;

        strbuf_reserve(&b, 1000);
        mem_fail_at(n, 0);
        st = clixml_decoder_create(names, MAX, &d, &err);
        if (st == EASG_OK)
            st = clixml_decode(d, xml, sizeof(xml) - 1, on_record, &b, &err);
        mem_fail_at(0, 0);
        if (st != EASG_OK) {
            failures++;
            CHECK_INT(st, EASG_E_NOMEM);
            CHECK_STR(err.message, "out of memory");
        } else {
            CHECK_STR(strbuf_str(&b), "Name=a Ids=a|b Id=i ;");
        }
        clixml_decoder_destroy(d);
        strbuf_clear(&b);
    }
    CHECK(failures > 5 && failures < 39);
}

int main(void)
{
    records();
    trees();
    writer();
    there_and_back();
    no_memory();
    return check_done();
}
