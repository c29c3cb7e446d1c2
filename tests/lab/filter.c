/* SPDX-License-Identifier: Apache-2.0
 *
 * filter.c - the OPATH filters that a client of this organisation needs: comparisons of a
 * property with a quoted value, joined by -and, -or, with parentheses and -not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_run.h"

enum op { OP_AND, OP_OR, OP_NOT, OP_TEST };
struct filter {
    enum op op;
    struct filter *a;
    struct filter *b;
    char property[40];
    char compare[12];
    char *value;
    uint64_t seconds; /* of a date */
};

struct parser {
    const char *p;
    char *why;
    unsigned depth;
};

void filter_free(struct filter *f)
{
    if (!f)
        return;
    filter_free(f->a);
    filter_free(f->b);
    free(f->value);
    free(f);
}

static void space(struct parser *q)
{
    while (*q->p == ' ' || *q->p == '\t')
        q->p++;
}

static struct filter *bad(struct parser *q, const char *what)
{
    if (!*q->why)
        lab_print(q->why, 160, "Invalid filter syntax: %s at \"%.40s\".", what, q->p);
    return NULL;
}

static int word(struct parser *q, char *out, size_t size)
{
    size_t n = 0;

    while ((*q->p >= 'a' && *q->p <= 'z') || (*q->p >= 'A' && *q->p <= 'Z') || *q->p == '-' ||
           (*q->p >= '0' && *q->p <= '9')) {
        if (n + 1 < size)
            out[n++] = *q->p;
        q->p++;
    }
    out[n] = 0;
    return n > 0;
}

static int64_t days(int64_t y, unsigned m, unsigned d)
{
    int64_t era;
    unsigned yoe;
    unsigned doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = (unsigned)(y - era * 400);
    doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

/* 2026-11-25T14:00:00Z, 2026-11-25 14:00:00, 11/25/2026 2:00:00 PM, or a date alone. */
static uint64_t read_date(const char *s)
{
    unsigned y = 0;
    unsigned m = 0;
    unsigned d = 0;
    unsigned h = 0;
    unsigned mi = 0;
    unsigned se = 0;
    char half[4] = "";

    if (sscanf(s, "%4u-%2u-%2u%*1[T ]%2u:%2u:%2u", &y, &m, &d, &h, &mi, &se) < 3 &&
        sscanf(s, "%2u/%2u/%4u %2u:%2u:%2u %3s", &m, &d, &y, &h, &mi, &se, half) < 3)
        return 0;
    if (m < 1 || m > 12 || d < 1 || d > 31 || y < 1970)
        return 0;
    if (lab_same(half, "PM") && h < 12)
        h += 12;
    if (lab_same(half, "AM") && h == 12)
        h = 0;
    return (uint64_t)days(y, m, d) * 86400 + h * 3600 + mi * 60 + se;
}

static struct filter *test(struct parser *q)
{
    static const char *const known[] = { "WhenChangedUTC",
                                         "WhenChanged",
                                         "WhenCreatedUTC",
                                         "WhenCreated",
                                         "FirstSyncTime",
                                         "DeviceAccessState",
                                         "DeviceAccessStateReason",
                                         "DeviceId",
                                         "DeviceType",
                                         "DeviceModel",
                                         "DeviceOS",
                                         "DeviceUserAgent",
                                         "ClientType",
                                         "UserDisplayName",
                                         "Alias",
                                         "DisplayName",
                                         "SamAccountName",
                                         "PrimarySmtpAddress",
                                         "ActiveSyncEnabled",
                                         "Guid",
                                         "DistinguishedName",
                                         "FriendlyName",
                                         "HasActiveSyncDevicePartnership",
                                         "DeviceImei",
                                         NULL };
    struct filter *f = lab_alloc(sizeof *f);
    char quote;
    struct buf v = { 0 };
    int ok = 0;

    f->op = OP_TEST;
    word(q, f->property, sizeof f->property);
    for (size_t i = 0; known[i]; i++)
        ok |= lab_same(known[i], f->property);
    if (!ok) {
        bad(q, "a property that cannot be filtered");
        goto fail;
    }
    space(q);
    word(q, f->compare, sizeof f->compare);
    if (!strstr("-eq-ne-gt-ge-lt-le-like-notlike", f->compare) || f->compare[0] != '-') {
        bad(q, "an operator is expected");
        goto fail;
    }
    space(q);
    quote = *q->p;
    buf_str(&v, "");
    if (quote == '\'' || quote == '"') {
        q->p++;
        while (*q->p && (*q->p != quote || q->p[1] == quote)) {
            if (*q->p == quote)
                q->p++;
            buf_put(&v, q->p++, 1);
        }
        if (!*q->p) {
            buf_clear(&v);
            bad(q, "a quote is not closed");
            goto fail;
        }
        q->p++;
    } else
        while (*q->p && *q->p != ' ' && *q->p != ')')
            buf_put(&v, q->p++, 1);
    f->value = v.p;
    if (lab_starts(f->property, "When") || lab_same(f->property, "FirstSyncTime")) {
        f->seconds = read_date(f->value);
        if (!f->seconds && *f->value && !lab_same(f->value, "$null")) {
            bad(q, "a date cannot be read");
            goto fail;
        }
    }
    return f;
fail:
    filter_free(f);
    return NULL;
}

static struct filter *expression(struct parser *q);

static struct filter *term(struct parser *q)
{
    struct filter *f;

    space(q);
    if (++q->depth > 32)
        return bad(q, "nested too deeply");
    if (lab_starts(q->p, "-not")) {
        q->p += 4;
        f = lab_alloc(sizeof *f);
        f->op = OP_NOT;
        f->a = term(q);
        if (!f->a) {
            filter_free(f);
            return NULL;
        }
    } else if (*q->p == '(' || *q->p == '{') {
        q->p++;
        f = expression(q);
        space(q);
        if (f && *q->p != ')' && *q->p != '}') {
            filter_free(f);
            return bad(q, "a parenthesis is not closed");
        }
        if (f)
            q->p++;
    } else
        f = test(q);
    q->depth--;
    return f;
}

static struct filter *expression(struct parser *q)
{
    struct filter *f = term(q);

    for (;;) {
        struct filter *j;
        int is_and;

        space(q);
        is_and = lab_starts(q->p, "-and");
        if (!f || (!is_and && !lab_starts(q->p, "-or")))
            return f;
        q->p += is_and ? 4 : 3;
        j = lab_alloc(sizeof *j);
        j->op = is_and ? OP_AND : OP_OR;
        j->a = f;
        j->b = term(q);
        if (!j->b) {
            filter_free(j);
            return NULL;
        }
        f = j;
    }
}

struct filter *filter_parse(const char *text, char why[160])
{
    struct parser q = { .p = text, .why = why };
    struct filter *f;

    *why = 0;
    f = expression(&q);
    space(&q);
    if (f && *q.p) {
        filter_free(f);
        return bad(&q, "more than one expression");
    }
    return f;
}

static int compare_number(const char *op, uint64_t a, uint64_t b)
{
    if (lab_same(op, "-gt"))
        return a > b;
    if (lab_same(op, "-ge"))
        return a >= b;
    if (lab_same(op, "-lt"))
        return a < b;
    if (lab_same(op, "-le"))
        return a <= b;
    return lab_same(op, "-ne") ? a != b : a == b;
}

static int compare_text(const char *op, const char *a, const char *b)
{
    if (lab_same(op, "-like"))
        return lab_like(a, b);
    if (lab_same(op, "-notlike"))
        return !lab_like(a, b);
    return lab_same(op, "-ne") ? !lab_same(a, b) : lab_same(a, b);
}

static int device_test(const struct filter *f, const struct model *m, uint32_t i)
{
    const struct device *d = &m->devices[i];
    const struct make *k = &makes[d->make];
    static const char *const clients[3] = { "EAS", "Outlook", "REST" };
    struct device_text t;

    if (lab_starts(f->property, "WhenChanged"))
        return compare_number(f->compare, d->changed, f->seconds);
    if (lab_starts(f->property, "WhenCreated"))
        return compare_number(f->compare, d->created, f->seconds);
    if (lab_same(f->property, "FirstSyncTime"))
        return compare_number(f->compare, d->flags & DEV_BLANK ? 0 : d->created, f->seconds);
    if (lab_same(f->property, "DeviceAccessState"))
        return compare_text(f->compare, access_names[d->access], f->value);
    if (lab_same(f->property, "DeviceAccessStateReason"))
        return compare_text(f->compare, reason_names[d->reason], f->value);
    if (lab_same(f->property, "DeviceType"))
        return compare_text(f->compare, k->type, f->value);
    if (lab_same(f->property, "DeviceModel"))
        return compare_text(f->compare, k->model, f->value);
    if (lab_same(f->property, "DeviceUserAgent"))
        return compare_text(f->compare, k->agent, f->value);
    if (lab_same(f->property, "ClientType"))
        return compare_text(f->compare, clients[k->client], f->value);
    text_device(m, i, &t);
    if (lab_same(f->property, "DeviceId"))
        return compare_text(f->compare, t.id, f->value);
    if (lab_same(f->property, "DeviceOS"))
        return compare_text(f->compare, t.os, f->value);
    if (lab_same(f->property, "UserDisplayName"))
        return compare_text(f->compare, t.box.canonical, f->value);
    if (lab_same(f->property, "FriendlyName"))
        return compare_text(f->compare, t.friendly, f->value);
    if (lab_same(f->property, "DeviceImei"))
        return compare_text(f->compare, t.imei, f->value);
    return lab_same(f->property, "Guid") && compare_text(f->compare, t.guid, f->value);
}

static int mailbox_test(const struct filter *f, const struct model *m, uint32_t i)
{
    const struct mailbox *b = &m->mailboxes[i];
    struct mailbox_text t;
    int on;

    if (lab_starts(f->property, "WhenChanged"))
        return compare_number(f->compare, b->changed, f->seconds);
    if (lab_same(f->property, "ActiveSyncEnabled") ||
        lab_same(f->property, "HasActiveSyncDevicePartnership")) {
        on = f->property[0] == 'A' ? !(b->flags & MBX_EAS_DISABLED) : b->first != NONE;
        return compare_text(f->compare, on ? "true" : "false",
                            f->value[0] == '$' ? f->value + 1 : f->value);
    }
    text_mailbox(m, i, &t);
    if (lab_same(f->property, "Alias") || lab_same(f->property, "SamAccountName"))
        return compare_text(f->compare, t.alias, f->value);
    if (lab_same(f->property, "DisplayName"))
        return compare_text(f->compare, t.display, f->value);
    if (lab_same(f->property, "PrimarySmtpAddress"))
        return compare_text(f->compare, t.primary, f->value);
    if (lab_same(f->property, "DistinguishedName"))
        return compare_text(f->compare, t.dn, f->value);
    return lab_same(f->property, "Guid") && compare_text(f->compare, t.guid, f->value);
}

static int holds(const struct filter *f, const struct model *m, uint32_t i,
                 int (*one)(const struct filter *, const struct model *, uint32_t))
{
    switch (f->op) {
    case OP_AND: return holds(f->a, m, i, one) && holds(f->b, m, i, one);
    case OP_OR: return holds(f->a, m, i, one) || holds(f->b, m, i, one);
    case OP_NOT: return !holds(f->a, m, i, one);
    default: return one(f, m, i);
    }
}

int filter_device(const struct filter *f, const struct model *m, uint32_t device)
{
    return holds(f, m, device, device_test);
}

int filter_mailbox(const struct filter *f, const struct model *m, uint32_t mailbox)
{
    return holds(f, m, mailbox, mailbox_test);
}
