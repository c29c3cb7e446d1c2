/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of Exchange out of CLIXML: devices and mailboxes, whole and broken, names and people.
 */
#include "check.h"

#include "err.h"
#include "exch_private.h"
#include "text.h"

#define GUID1 "38142983-080a-4e34-90b6-401759c3f3e7"
#define GUID2 "3C5EBDAF-1885-4F22-8F60-0E8C1667ABED"
#define OWNER "CN=M\\C3\\BCller\\, J\\\"rg,OU=Users,DC=contoso,DC=example"
#define DN                                                                                         \
    "CN=iPhone\xC2\xA7"                                                                            \
    "Appl1\\,2,CN=ExchangeActiveSyncDevices," OWNER

/* ---- distinguished names ---- */

static void owners(void)
{
    static const struct {
        const char *dn;
        const char *owner; /* NULL: none */
    } rows[] = {
        { "CN=iPhone\xC2\xA7"
          "Appl1,CN=ExchangeActiveSyncDevices,CN=Foo,OU=A,DC=x",
          "CN=Foo,OU=A,DC=x" },
        { "CN=a\\,b,CN=ExchangeActiveSyncDevices,CN=Foo,DC=x", "CN=Foo,DC=x" },
        { "CN=a\\\\,CN=ExchangeActiveSyncDevices,CN=Foo,DC=x", "CN=Foo,DC=x" },
        { "CN=a\\2Cb,cn=exchangeactivesyncdevices,CN=Foo\\, Bar,DC=x", "CN=Foo\\, Bar,DC=x" },
        { "CN=\"a,b\",CN=ExchangeActiveSyncDevices,CN=Foo,DC=x", "CN=Foo,DC=x" },
        { "CN=a,CN=ExchangeActiveSyncDevices, CN=Foo,DC=x", "CN=Foo,DC=x" },
        { "CN=a,CN=Somewhere,CN=Foo,DC=x", NULL },
        { "CN=a,CN=ExchangeActiveSyncDevices", NULL },
        { "CN=a,CN=ExchangeActiveSyncDevices,", NULL },
        { "CN=a", NULL },
        { "CN=a\\", NULL },
        { "", NULL },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        easg_str dn = text_str(rows[i].dn);
        easg_str owner = { NULL, 0 };

        ROW(rows[i].dn);
        CHECK_INT(exch_owner_dn(&dn, &owner), rows[i].owner != NULL);
        if (rows[i].owner)
            CHECK_STR(owner.ptr, rows[i].owner);
    }
}

/* ---- devices ---- */

static easg_status on_device(void *user, const struct clixml_record *r, easg_error *err)
{
    struct strbuf *b = user;
    struct exch_device_room room;
    easg_device d;
    easg_status st = exch_device(r, &room, &d, err);

    if (st == EASG_OK)
        strbuf_addf(b, "%s|%s|%s|%u|%s|%s|%lld|%lld|%zu", d.key.ptr, d.device_id.ptr,
                    d.mailbox_id.ptr, d.access, d.access_reason.ptr ? d.access_reason.ptr : "-",
                    d.type.ptr ? d.type.ptr : "-", (long long)d.first_sync,
                    (long long)(d.changed == EASG_TIME_NONE ? -1 : d.changed), d.n_extra);
    return st;
}

#define DEVICE(guid, id, dn, more)                                                                 \
    "<Obj RefId=\"0\"><Props><S N=\"DeviceId\">" id "</S><G N=\"Guid\">" guid                      \
    "</G><S N=\"DistinguishedName\">" dn "</S>" more "</Props></Obj>"
#define STATE(s)                                                                                   \
    "<Obj N=\"DeviceAccessState\" RefId=\"1\"><TN RefId=\"0\"><T>X</T></TN><ToString>" s           \
    "</ToString><I32>1</I32></Obj>"

static void devices(void)
{
    static const struct {
        const char *name;
        const char *xml;
        easg_status status;
        const char *text;
    } rows[] = {
        { "whole",
          DEVICE(GUID2, "Appl1", DN,
                 STATE("Quarantined") "<S N=\"DeviceAccessStateReason\">Global</S>"
                                      "<S N=\"DeviceType\">iPhone</S><DT N=\"FirstSyncTime\">"
                                      "1970-01-01T00:00:01Z</DT><DT N=\"WhenChangedUTC\">"
                                      "1970-01-01T00:00:02Z</DT><S N=\"ClientType\">EAS</S>"),
          EASG_OK,
          "3c5ebdaf-1885-4f22-8f60-0e8c1667abed|Appl1|" OWNER "|3|Global|iPhone|1000|2000|1" },
        { "bare", DEVICE(GUID1, "validate", DN, "<Nil N=\"DeviceType\"/>"), EASG_OK,
          GUID1 "|validate|" OWNER "|0|-|-|"
                "-9223372036854775808|-1|0" },
        { "state as a string", DEVICE(GUID1, "A", DN, "<S N=\"DeviceAccessState\">blocked</S>"),
          EASG_OK, GUID1 "|A|" OWNER "|2|" },
        { "state nobody knows", DEVICE(GUID1, "A", DN, STATE("Reconsidered")), EASG_OK,
          GUID1 "|A|" OWNER "|0|" },
        { "no Guid", DEVICE("", "A", DN, ""), EASG_E_PROTOCOL,
          "a device without Guid (DeviceId \"A\"); look at it with Get-MobileDevice; nothing was "
          "changed" },
        { "Guid of zeros", DEVICE("00000000-0000-0000-0000-000000000000", "A", DN, ""),
          EASG_E_PROTOCOL, "a device without Guid (DeviceId \"A\")" },
        { "no DeviceId", DEVICE(GUID1, "", DN, ""), EASG_E_PROTOCOL,
          "device " GUID1 " has no DeviceId" },
        { "blank DeviceId", DEVICE(GUID1, " _x000A_ ", DN, ""), EASG_E_PROTOCOL,
          "device " GUID1 " has no DeviceId" },
        { "no owner", DEVICE(GUID1, "A", "CN=A,DC=x", ""), EASG_E_PROTOCOL,
          "device " GUID1 " belongs to no mailbox (DistinguishedName \"CN=A,DC=x\")" },
        { "control characters are shown, not sent", DEVICE(GUID1, "A", "CN=_x001B_[31m,DC=x", ""),
          EASG_E_PROTOCOL, "CN=\\x1b[31m,DC=x" },
    };
    struct clixml_decoder *d = NULL;
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(clixml_decoder_create(exch_device_names, 65536, &d, &err), EASG_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct strbuf b = STRBUF_INIT(65536);

        ROW(rows[i].name);
        err_clear(&err);
        CHECK_INT(clixml_decode(d, rows[i].xml, strlen(rows[i].xml), on_device, &b, &err),
                  rows[i].status);
        CHECK_HAS(rows[i].status == EASG_OK ? strbuf_str(&b) : err.message, rows[i].text);
        strbuf_clear(&b);
    }
    clixml_decoder_destroy(d);
}

/* ---- people and mailboxes ---- */

static easg_status on_person(void *user, const struct clixml_record *r, easg_error *err)
{
    return exch_people_add(user, r, err);
}

#define PERSON(guid, sid, upn, mail)                                                               \
    "<Obj RefId=\"0\"><MS><G N=\"Guid\">" guid "</G><Obj N=\"Sid\" RefId=\"1\"><ToString>" sid     \
    "</ToString></Obj><S N=\"UserPrincipalName\">" upn "</S><S N=\"WindowsEmailAddress\">" mail    \
    "</S></MS></Obj>"

struct mailboxes {
    const struct exch_people *people;
    struct strbuf out;
};

static easg_status on_mailbox(void *user, const struct clixml_record *r, easg_error *err)
{
    struct mailboxes *m = user;
    struct exch_mailbox_room room = { .max_smtp = 0 };
    easg_mailbox b;
    easg_status st = exch_mailbox(r, m->people, &room, &b, err);

    if (st == EASG_OK) {
        strbuf_addf(&m->out, "%s|%s|%s|%s|", b.mailbox_id.ptr,
                    b.user_sid.ptr ? b.user_sid.ptr : "-", b.user_upn.ptr ? b.user_upn.ptr : "-",
                    b.primary_smtp.ptr ? b.primary_smtp.ptr : "-");
        for (size_t i = 0; i < b.n_smtp; i++)
            strbuf_addf(&m->out, "%s,", b.smtp[i]->ptr);
        strbuf_addc(&m->out, '|');
        for (size_t i = 0; i < b.n_allowed; i++)
            strbuf_addf(&m->out, "%s,", b.allowed[i]->ptr);
        strbuf_addc(&m->out, '|');
        for (size_t i = 0; i < b.n_blocked; i++)
            strbuf_addf(&m->out, "%s,", b.blocked[i]->ptr);
        strbuf_addf(&m->out, "|%u", b.flags);
    }
    exch_mailbox_room_clear(&room);
    return st;
}

#define LIST(name, items) "<Obj N=\"" name "\" RefId=\"7\"><LST>" items "</LST></Obj>"
#define BOX(guid, smtp, more)                                                                      \
    "<Obj RefId=\"0\"><Props><G N=\"Guid\">" guid "</G><S N=\"DistinguishedName\">CN=A,DC=x</S>"   \
    "<S N=\"PrimarySmtpAddress\">" smtp "</S>" more "</Props></Obj>"
#define EMPTY LIST("ActiveSyncAllowedDeviceIDs", "") LIST("ActiveSyncBlockedDeviceIDs", "")

static void mailboxes(void)
{
    static const char *const people[] = {
        PERSON(GUID1, "S-1-5-21-1-2-3-1104", "a@x.example", "A@X.example"),
        PERSON(GUID2, "S-1-5-21-1-2-3-4294967295", "other@y.example", "b@x.example"),
        PERSON("11111111-1111-1111-1111-111111111111", "not a SID", "", ""),
    };
    static const struct {
        const char *name;
        const char *xml;
        easg_status status;
        const char *text;
    } rows[] = {
        { "name as the mail address", BOX(GUID1, "a@x.example", EMPTY), EASG_OK,
          GUID1 "|S-1-5-21-1-2-3-1104|a@x.example|a@x.example||||0" },
        { "primary address is another: no name is better than a wrong one",
          BOX(GUID1, "new@x.example", EMPTY), EASG_OK,
          GUID1 "|S-1-5-21-1-2-3-1104|-|new@x.example||||0" },
        { "another name", BOX(GUID2, "b@x.example", EMPTY), EASG_OK,
          "3c5ebdaf-1885-4f22-8f60-0e8c1667abed|S-1-5-21-1-2-3-4294967295|other@y.example|"
          "b@x.example||||0" },
        { "no SID", BOX("11111111-1111-1111-1111-111111111111", "c@x", EMPTY), EASG_OK,
          "11111111-1111-1111-1111-111111111111|-|-|c@x||||0" },
        { "nobody knows", BOX("22222222-2222-2222-2222-222222222222", "d@x", EMPTY), EASG_OK,
          "22222222-2222-2222-2222-222222222222|-|-|d@x||||0" },
        { "lists, addresses, switched off",
          BOX(GUID1, "a@x.example",
              LIST("ActiveSyncAllowedDeviceIDs",
                   "<S>A1</S><S>A2</S>") LIST("ActiveSyncBlockedDeviceIDs", "<S>B1</S>")
                  LIST("EmailAddresses", "<S>SMTP:a@x</S><S>smtp:b@x</S><S>X500:/o=x</S>"
                                         "<S>SIP:a@x</S>") "<B N=\"ActiveSyncEnabled\">false</B>"),
          EASG_OK, "|a@x,b@x,|A1,A2,|B1,|1" },
        { "null lists are empty",
          BOX(GUID1, "a@x",
              "<Nil N=\"ActiveSyncAllowedDeviceIDs\"/>"
              "<Nil N=\"ActiveSyncBlockedDeviceIDs\"/>"),
          EASG_OK, "||||0" },
        { "a list that is not there", BOX(GUID1, "a@x", LIST("ActiveSyncAllowedDeviceIDs", "")),
          EASG_E_PROTOCOL, "mailbox " GUID1 " came without its ActiveSyncBlockedDeviceIDs" },
        { "blank entry",
          BOX(GUID1, "a@x",
              LIST("ActiveSyncAllowedDeviceIDs", "<S> </S>")
                  LIST("ActiveSyncBlockedDeviceIDs", "")),
          EASG_E_PROTOCOL, "mailbox " GUID1 " has a blank entry in ActiveSyncAllowedDeviceIDs" },
        { "no Guid", BOX("", "a@x", EMPTY), EASG_E_PROTOCOL,
          "a mailbox without Guid (\"CN=A,DC=x\"); look at it with Get-CASMailbox" },
    };
    struct clixml_decoder *d = NULL;
    struct mailboxes m = { NULL, STRBUF_INIT(65536) };
    struct exch_people *p = NULL;
    easg_error err = EASG_ERROR_INIT;

    CHECK_INT(exch_people_create(&p, &err), EASG_OK);
    CHECK_INT(clixml_decoder_create(exch_people_names, 65536, &d, &err), EASG_OK);
    for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
        CHECK_INT(clixml_decode(d, people[i], strlen(people[i]), on_person, p, &err), EASG_OK);
    exch_people_seal(p);
    CHECK_INT(exch_people_count(p), 3);
    clixml_decoder_destroy(d);
    m.people = p;
    CHECK_INT(clixml_decoder_create(exch_mailbox_names, 65536, &d, &err), EASG_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ROW(rows[i].name);
        err_clear(&err);
        strbuf_reset(&m.out);
        CHECK_INT(clixml_decode(d, rows[i].xml, strlen(rows[i].xml), on_mailbox, &m, &err),
                  rows[i].status);
        CHECK_HAS(rows[i].status == EASG_OK ? strbuf_str(&m.out) : err.message, rows[i].text);
    }
    clixml_decoder_destroy(d);
    exch_people_destroy(p);
    strbuf_clear(&m.out);
}

/* Many people: found, each with its own, and what it costs. */
static void many(void)
{
    struct clixml_decoder *d = NULL;
    struct exch_people *p = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_str nothing = { NULL, 0 };

    ROW("many");
    CHECK_INT(exch_people_create(&p, &err), EASG_OK);
    CHECK_INT(clixml_decoder_create(exch_people_names, 65536, &d, &err), EASG_OK);
    for (unsigned i = 1; i <= 5000; i++) {
        char xml[600];

        (void)snprintf(xml, sizeof(xml),
                       PERSON("%08x-0000-0000-0000-%012x", "S-1-5-21-%u-2-3-%u", "u%u@x", ""),
                       i * 2654435761u, i, i % 7, 1000 + i, i);
        if (!CHECK_INT(clixml_decode(d, xml, strlen(xml), on_person, p, &err), EASG_OK))
            break;
    }
    exch_people_seal(p);
    for (unsigned i = 1; i <= 5000; i += 37) {
        char guid[40];
        char sid[192];
        char upn[512];
        char want[80];

        (void)snprintf(guid, sizeof(guid), "%08x-0000-0000-0000-%012x", i * 2654435761u, i);
        CHECK_INT(exch_people_find(p, guid, &nothing, sid, sizeof(sid), upn, sizeof(upn)), 1);
        (void)snprintf(want, sizeof(want), "S-1-5-21-%u-2-3-%u", i % 7, 1000 + i);
        CHECK_STR(sid, want);
        (void)snprintf(want, sizeof(want), "u%u@x", i);
        CHECK_STR(upn, want);
    }
    clixml_decoder_destroy(d);
    exch_people_destroy(p);
}

int main(void)
{
    owners();
    devices();
    mailboxes();
    many();
    return check_done();
}
