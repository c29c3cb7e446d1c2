/* SPDX-License-Identifier: Apache-2.0
 *
 * Exports of real Exchange servers (2016 and 2019), decoded completely: as exported, and as single
 * messages without root and namespace, by the record decoder and as trees. Counts and values are
 * those of the files.
 */
#include "recording.h"

#include "clixml_record.h"
#include "clixml_value.h"
#include "err.h"
#include "text.h"

#define MAX ((size_t)4 * 1024 * 1024)

/* ---- single objects out of an export ---- */

static const char *cut(struct strbuf *text, const char *what)
{
    char *p;

    while ((p = strstr(text->ptr, what)) != NULL) {
        size_t n = strlen(what);

        memmove(p, p + n, text->len - (size_t)(p + n - text->ptr) + 1);
        text->len -= n;
    }
    return text->ptr;
}

/* The next top-level object, indented by two blanks; NULL at the end. Moves *at behind it. */
static const char *next_object(const char **at, size_t *len)
{
    static const char end[] = "\n  </Obj>";
    const char *start = strstr(*at, "  <Obj ");
    const char *stop = start ? strstr(start, end) : NULL;

    if (!stop)
        return NULL;
    stop += sizeof(end) - 1;
    *at = stop;
    *len = (size_t)(stop - start - 2);
    return start + 2;
}

/* ---- GetServerComponentState ---- */

static const char *const component_names[] = { "ServerFqdn",  "Component",    "State",
                                               "LocalStates", "RemoteStates", NULL };

struct components {
    unsigned n;
    unsigned active;
    unsigned inactive;
    char first[40];
    char last[40];
    const char *fqdn;
    size_t local;
    size_t remote;
};

static easg_status on_component(void *user, const struct clixml_record *r, easg_error *err)
{
    struct components *c = user;

    (void)err;
    CHECK_INT(r->tag, CLIXML_T_OBJ);
    CHECK(text_eq(&r->slots[0].text, c->fqdn));
    CHECK_INT(r->slots[2].kind, CLIXML_TEXT);
    c->active += text_eq(&r->slots[2].text, "Active") ? 1 : 0;
    c->inactive += text_eq(&r->slots[2].text, "Inactive") ? 1 : 0;
    if (c->n++ == 0)
        (void)snprintf(c->first, sizeof(c->first), "%s", r->slots[1].text.ptr);
    (void)snprintf(c->last, sizeof(c->last), "%s", r->slots[1].text.ptr);
    CHECK_INT(r->slots[3].kind, CLIXML_LIST);
    c->local += r->slots[3].n_items;
    c->remote += r->slots[4].n_items;
    return EASG_OK;
}

static void component_state(const char *version, unsigned n, unsigned active, unsigned inactive,
                            const char *fqdn)
{
    struct strbuf text = STRBUF_INIT(MAX);
    struct clixml_decoder *d = NULL;
    struct clixml_tree *tree = NULL;
    const struct clixml_value *v = NULL;
    struct components c = { .fqdn = fqdn };
    struct components again = { .fqdn = fqdn };
    easg_error err = EASG_ERROR_INIT;
    char path[80];
    const char *at;
    const char *object;
    size_t len;
    unsigned objects = 0;

    ROW(version);
    (void)snprintf(path, sizeof(path), "exchange/%s/GetServerComponentState.xml", version);
    if (!CHECK(file_read(path, &text)))
        return;
    CHECK_INT(clixml_decoder_create(component_names, MAX, &d, &err), EASG_OK);
    if (!CHECK_INT(clixml_decode(d, text.ptr, text.len, on_component, &c, &err), EASG_OK))
        printf("# %s\n", err.message);
    CHECK_INT(c.n, n);
    CHECK_INT(c.active, active);
    CHECK_INT(c.inactive, inactive);
    CHECK_STR(c.first, "ServerWideOffline");
    CHECK_STR(c.last, "LogExportProvider");

    CHECK_INT(clixml_tree_create(MAX, MAX * 8, &tree, &err), EASG_OK);
    CHECK_INT(clixml_tree_read(tree, text.ptr, text.len, &v, &err), EASG_OK);
    for (; v; v = v->next, objects++) {
        int64_t state;

        CHECK(clixml_is_type(
            v,
            "Microsoft.Exchange.Data.Directory.Management.ServerComponentStatePresentationObject"));
        CHECK(clixml_get_int(v, "State", &state) && (state == 0 || state == 1));
    }
    CHECK_INT(objects, n);

    /* The same as messages. */
    at = cut(&text, " xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"");
    while ((object = next_object(&at, &len)) != NULL)
        if (!CHECK_INT(clixml_decode(d, object, len, on_component, &again, &err), EASG_OK))
            printf("# %s\n", err.message);
    CHECK_INT(again.n, n);
    CHECK_INT(again.local, c.local);
    CHECK_INT(again.remote, c.remote);
    CHECK(c.local > 0);
    clixml_decoder_destroy(d);
    clixml_tree_destroy(tree);
    strbuf_clear(&text);
}

/* ---- GetExchangeServer ---- */

static const char *const server_names[] = { "name",
                                            "FQDN",
                                            "Guid",
                                            "WhenChanged",
                                            "ServerRole",
                                            "AdminDisplayVersion",
                                            "Id",
                                            "Identity",
                                            "IsClientAccessServer",
                                            "SerializationData",
                                            "NoSuchProperty",
                                            NULL };

struct expect {
    const char *const *want;
    unsigned n;
};

static easg_status on_expected(void *user, const struct clixml_record *r, easg_error *err)
{
    struct expect *e = user;

    (void)err;
    e->n++;
    for (size_t i = 0; e->want[i]; i++) {
        const struct clixml_slot *s = &r->slots[i];

        if (strcmp(e->want[i], "-") == 0) {
            CHECK_INT(s->kind, CLIXML_ABSENT);
        } else if (strcmp(e->want[i], "*") == 0) {
            CHECK(s->kind == CLIXML_TEXT && s->text.len > 0);
        } else {
            CHECK_INT(s->kind, CLIXML_TEXT);
            CHECK_STR(s->text.ptr, e->want[i]);
        }
    }
    return EASG_OK;
}

static void one_object(const char *path, const char *const *names, const char *const *want,
                       uint64_t slow)
{
    struct strbuf text = STRBUF_INIT(MAX);
    struct clixml_decoder *d = NULL;
    struct expect e = { want, 0 };
    easg_error err = EASG_ERROR_INIT;
    const char *at;
    const char *object;
    size_t len;

    ROW(path);
    if (!CHECK(file_read(path, &text)))
        return;
    CHECK_INT(clixml_decoder_create(names, MAX, &d, &err), EASG_OK);
    if (!CHECK_INT(clixml_decode(d, text.ptr, text.len, on_expected, &e, &err), EASG_OK))
        printf("# %s\n", err.message);
    at = cut(&text, " xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"");
    object = next_object(&at, &len);
    CHECK(object && !next_object(&at, &len));
    object = strstr(text.ptr, "  <Obj ");
    at = text.ptr;
    object = next_object(&at, &len);
    if (object)
        CHECK_INT(clixml_decode(d, object, len, on_expected, &e, &err), EASG_OK);
    CHECK_INT(e.n, 2);
    CHECK_INT(clixml_decoder_slow(d), slow * 2);
    clixml_decoder_destroy(d);
    strbuf_clear(&text);
}

static void servers(void)
{
    static const char *const e16[] = { "SOLO-E16A",
                                       "Solo-E16A.Solo.local",
                                       "38142983-080a-4e34-90b6-401759c3f3e7",
                                       "2021-09-28T12:20:23-05:00",
                                       "Mailbox",
                                       "Version 15.1 (Build 2375.7)",
                                       "SOLO-E16A",
                                       "SOLO-E16A",
                                       "true",
                                       "*",
                                       "-",
                                       NULL };
    static const char *const e19[] = { "SOLO-E19A",
                                       "Solo-E19A.Solo.com",
                                       "3c5ebdaf-1885-4f22-8f60-0e8c1667abed",
                                       "2021-09-28T10:32:01-07:00",
                                       "Mailbox",
                                       "Version 15.2 (Build 986.5)",
                                       "SOLO-E19A",
                                       "SOLO-E19A",
                                       "true",
                                       "*",
                                       "-",
                                       NULL };

    /* Id is a Ref to Identity: the record goes over the tree. */
    one_object("exchange/E16/GetExchangeServer.xml", server_names, e16, 1);
    one_object("exchange/E19/GetExchangeServer.xml", server_names, e19, 1);
}

/* ---- GetOrganizationConfig ---- */

static void organizations(void)
{
    static const char *const names[] = { "Name", "Guid", "WhenChangedUTC", "IsValid", NULL };
    static const char *const e16[] = { "SoloORG", "caa261bf-5660-4562-9848-1bdc78841a63",
                                       "2021-09-28T16:39:25Z", "true", NULL };
    static const char *const e19[] = { "SoloORG", "76fd9fb1-54f2-4fc8-8b04-97ca4824a55b",
                                       "2021-09-28T16:53:39Z", "true", NULL };

    one_object("exchange/E16/GetOrganizationConfig.xml", names, e16, 0);
    one_object("exchange/E19/GetOrganizationConfig.xml", names, e19, 0);
}

/* ---- the small ones ---- */

static void diagnostic_info(void)
{
    struct strbuf text = STRBUF_INIT(MAX);
    struct clixml_tree *tree = NULL;
    const struct clixml_value *v = NULL;
    easg_error err = EASG_ERROR_INIT;
    easg_str result;
    unsigned escapes = 0;
    unsigned lines = 0;

    ROW("272 escapes");
    if (!CHECK(file_read("exchange/E19/GetExchangeDiagnosticInfo_ADTopVariantConfiguration1.xml",
                         &text)))
        return;
    for (const char *p = text.ptr; (p = strstr(p, "_x00")) != NULL; p++)
        escapes++;
    CHECK_INT(escapes, 272);
    CHECK_INT(clixml_tree_create(MAX, MAX, &tree, &err), EASG_OK);
    CHECK_INT(clixml_tree_read(tree, text.ptr, text.len, &v, &err), EASG_OK);
    result = clixml_text(v);
    CHECK(result.ptr && !memchr(result.ptr, '_', 40));
    for (size_t i = 0; result.ptr && i + 1 < result.len; i++)
        lines += result.ptr[i] == '\r' && result.ptr[i + 1] == '\n';
    CHECK_INT(lines, 68); /* two escapes a line, and the text is there twice */
    CHECK(result.ptr &&
          strncmp(result.ptr, "<Diagnostics>\r\n  <ProcessInfo>\r\n    <id>4516</id>", 49) == 0);
    /* The object says it twice: as ToString and as its property Result. */
    result = clixml_get_text(v, "Result");
    CHECK(result.ptr && strstr(result.ptr, "<serverName>VNEXT-E19A</serverName>"));
    CHECK(result.ptr && !strstr(result.ptr, "_x00"));
    clixml_tree_destroy(tree);
    strbuf_clear(&text);
}

static void version(void)
{
    struct strbuf text = STRBUF_INIT(MAX);
    struct clixml_tree *tree = NULL;
    const struct clixml_value *v = NULL;
    easg_error err = EASG_ERROR_INIT;
    int64_t n = -1;

    ROW("E19CU11AdminDisplayVersion.xml");
    if (!CHECK(file_read("exchange/E19CU11AdminDisplayVersion.xml", &text)))
        return;
    CHECK_INT(clixml_tree_create(MAX, MAX, &tree, &err), EASG_OK);
    CHECK_INT(clixml_tree_read(tree, text.ptr, text.len, &v, &err), EASG_OK);
    CHECK_STR(clixml_text(v).ptr, "Version 15.2 (Build 986.5)");
    CHECK(clixml_get_int(v, "build", &n));
    CHECK_INT(n, 986);
    CHECK_INT(clixml_get(v, "FilePatchLevelDescription")->tag, CLIXML_T_NIL);
    CHECK(clixml_is_type(v, "Microsoft.Exchange.Data.ServerVersion"));
    CHECK_INT(clixml_get(v, "SerializationData")->tag, CLIXML_T_BA);
    clixml_tree_destroy(tree);
    strbuf_clear(&text);
}

int main(void)
{
    component_state("E16", 35, 33, 2, "Solo-E16A.Solo.local");
    component_state("E19", 34, 32, 2, "Solo-E19A.Solo.com");
    servers();
    organizations();
    diagnostic_info();
    version();
    return check_done();
}
