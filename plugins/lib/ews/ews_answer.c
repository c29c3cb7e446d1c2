/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer, read as events: response messages, or a fault, in any of the forms in which servers
 * send them (faults under 200 and under 500, codes in the detail or in the faultcode).
 */
#include "ews_private.h"

#include <string.h>

#include "err.h"
#include "text.h"
#include "xml.h"

enum field {
    F_NONE,
    F_CODE,       /* m:ResponseCode of a response message */
    F_FAULT_CODE, /* e:ResponseCode of a fault's detail */
    F_FAULTCODE,  /* faultcode */
    F_TEXT,
    F_BACKOFF,
    F_INNER,
    F_LINE,
    F_POSITION,
    F_VIOLATION
};

struct reading {
    struct ews_answer *a;
    unsigned depth;
    int soap; /* an envelope was seen */
    int in_fault;
    enum field field;
    unsigned field_depth;
    struct strbuf value;
    char faultcode[64], detail_code[64];
    char line[16], position[16];
};

static int ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);

    return n >= t && strcmp(s + n - t, tail) == 0;
}

static enum field value_of(const struct xml_attrs *attrs)
{
    static const struct {
        const char *name;
        enum field field;
    } names[] = {
        {"BackOffMilliseconds",     F_BACKOFF  },
        { "InnerErrorResponseCode", F_INNER    },
        { "LineNumber",             F_LINE     },
        { "LinePosition",           F_POSITION },
        { "Violation",              F_VIOLATION},
    };
    struct xml_text name = xml_attr(attrs, "Name");

    for (size_t i = 0; name.ptr && i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == name.len && memcmp(names[i].name, name.ptr, name.len) == 0)
            return names[i].field;
    return F_NONE;
}

static easg_status on_start(void *user, const char *uri, const char *local,
                            const struct xml_attrs *attrs, easg_error *err)
{
    struct reading *r = user;
    enum field f = F_NONE;

    (void)err;
    r->depth++;
    if (r->depth == 1)
        r->soap = xml_is(uri, local, EWS_NS_SOAP, "Envelope");
    else if (xml_is(uri, local, EWS_NS_SOAP, "Fault"))
        r->in_fault = r->a->is_fault = 1;
    else if (r->depth == 5 && uri && strcmp(uri, EWS_NS_MESSAGES) == 0 &&
             ends_with(local, "ResponseMessage"))
        r->a->n++;
    else if (xml_is(uri, local, EWS_NS_MESSAGES, "ResponseCode"))
        f = F_CODE;
    else if (xml_is(uri, local, EWS_NS_ERRORS, "ResponseCode"))
        f = F_FAULT_CODE;
    else if (xml_is(uri, local, EWS_NS_MESSAGES, "MessageText") ||
             xml_is(uri, local, EWS_NS_ERRORS, "Message") ||
             (r->in_fault && !uri && strcmp(local, "faultstring") == 0))
        f = F_TEXT;
    else if (r->in_fault && !uri && strcmp(local, "faultcode") == 0)
        f = F_FAULTCODE;
    else if (xml_is(uri, local, EWS_NS_TYPES, "Value"))
        f = value_of(attrs);
    else if (xml_is(uri, local, EWS_NS_TYPES, "ItemId") && r->a->n && r->a->n <= EWS_MAX_PARTS)
        r->a->parts[r->a->n - 1].items++;
    /* MS-OXWSCDATA has these also as elements of the errors' namespace. */
    else if (xml_is(uri, local, EWS_NS_ERRORS, "LineNumber") ||
             xml_is(uri, local, EWS_NS_TYPES, "LineNumber"))
        f = F_LINE;
    else if (xml_is(uri, local, EWS_NS_ERRORS, "LinePosition") ||
             xml_is(uri, local, EWS_NS_TYPES, "LinePosition"))
        f = F_POSITION;
    else if (xml_is(uri, local, EWS_NS_ERRORS, "Violation") ||
             xml_is(uri, local, EWS_NS_TYPES, "Violation"))
        f = F_VIOLATION;
    if (f != F_NONE) {
        r->field = f;
        r->field_depth = r->depth;
        strbuf_reset(&r->value);
    }
    return EASG_OK;
}

static easg_status on_text(void *user, const char *ptr, size_t len, easg_error *err)
{
    struct reading *r = user;
    size_t room = r->value.max - r->value.len;

    (void)err;
    if (r->field != F_NONE && r->depth == r->field_depth)
        strbuf_add(&r->value, ptr, len < room ? len : room); /* the rest is cut */
    return EASG_OK;
}

/* White space off both ends, and a prefix, where there is one. */
static void code_to(char *out, size_t size, const struct strbuf *value)
{
    const char *p = strbuf_str(value);
    const char *colon;
    size_t len;

    p += strspn(p, " \t\r\n");
    colon = strchr(p, ':');
    p = colon ? colon + 1 : p;
    len = strcspn(p, " \t\r\n");
    len = len < size ? len : size - 1;
    for (size_t i = 0; i < len; i++) /* names only: it goes into messages */
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') ||
              (p[i] >= '0' && p[i] <= '9') || p[i] == '_' || p[i] == '.'))
            len = i;
    memcpy(out, p, len);
    out[len] = '\0';
}

static int64_t number(const struct strbuf *value)
{
    char digits[24];
    uint64_t n;

    code_to(digits, sizeof digits, value);
    return text_parse_u64(digits, strlen(digits), &n) && n <= 86400000 ? (int64_t)n : -1;
}

static void take(struct reading *r)
{
    struct ews_answer *a = r->a;
    const char *text = strbuf_str(&r->value);

    switch (r->field) {
    case F_CODE:
        if (a->n && a->n <= EWS_MAX_PARTS)
            code_to(a->parts[a->n - 1].code, sizeof a->parts[0].code, &r->value);
        break;
    case F_FAULT_CODE: code_to(r->detail_code, sizeof r->detail_code, &r->value); break;
    case F_FAULTCODE: code_to(r->faultcode, sizeof r->faultcode, &r->value); break;
    case F_TEXT:
        if (!a->text[0])
            text_safe(text, r->value.len, a->text, sizeof a->text);
        break;
    case F_BACKOFF: a->backoff_ms = number(&r->value); break;
    case F_INNER: code_to(a->inner, sizeof a->inner, &r->value); break;
    case F_LINE: code_to(r->line, sizeof r->line, &r->value); break;
    case F_POSITION: code_to(r->position, sizeof r->position, &r->value); break;
    case F_VIOLATION: text_safe(text, r->value.len, a->place, sizeof a->place); break;
    case F_NONE: break;
    }
    r->field = F_NONE;
}

static easg_status on_end(void *user, const char *uri, const char *local, easg_error *err)
{
    struct reading *r = user;

    (void)err;
    if (r->field != F_NONE && r->depth == r->field_depth)
        take(r);
    if (xml_is(uri, local, EWS_NS_SOAP, "Fault"))
        r->in_fault = 0;
    r->depth--;
    return EASG_OK;
}

easg_status ews_read_answer(const char *ptr, size_t len, struct ews_answer *out, easg_error *err)
{
    static const struct xml_handler handler = { on_start, on_end, on_text };
    static const struct xml_limits limits = { EWS_MAX_ANSWER, 64 };
    struct reading r = { .a = out, .value = STRBUF_INIT(2048) };
    struct xml_reader *xml = NULL;
    easg_status st;

    memset(out, 0, sizeof *out);
    out->backoff_ms = -1;
    st = xml_reader_create(&handler, &r, "EWS answer", &limits, &xml, err);
    if (st == EASG_OK)
        st = xml_parse(xml, ptr, len, err);
    xml_reader_destroy(xml);
    strbuf_clear(&r.value);
    if (st != EASG_OK)
        return st;
    if (!r.soap)
        return err_set(err, EASG_E_PROTOCOL, "EWS answer: it is no SOAP envelope");
    if (r.detail_code[0])
        memcpy(out->fault, r.detail_code, sizeof out->fault);
    else if (strncmp(r.faultcode, "Error", 5) == 0)
        memcpy(out->fault, r.faultcode, sizeof out->fault);
    if (r.line[0] && strlen(out->place) < sizeof out->place - 40) {
        struct strbuf b = STRBUF_INIT(sizeof out->place - 1);

        strbuf_addf(&b, "line %s, position %s: %s", r.line, r.position, out->place);
        if (strbuf_status(&b) == EASG_OK)
            memcpy(out->place, strbuf_str(&b), b.len + 1);
        strbuf_clear(&b);
    }
    return EASG_OK;
}
