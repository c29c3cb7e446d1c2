/* SPDX-License-Identifier: Apache-2.0
 *
 * From rows to facts. A file that may have been cut off must not be taken for a whole one: a short
 * list reads as "nobody is enrolled". So a file has a least number of rows, and may have a last row
 * that says how many there are and when they were written.
 */
#include <stdio.h>
#include <string.h>

#include "sink_file.h"

#include "err.h"
#include "plugin_opt.h"
#include "text.h"
#include "timestamp.h"

#define TRAILER    "#end:"
#define POLL_EVERY 256

static const char *const people_columns[] = { "id",   "upn",    "sid",      "immutable_id",
                                              "smtp", "groups", "licensed", "language",
                                              NULL };
static const char *const device_columns[] = {
    "id",         "eas_id",    "user_id",    "os",       "model",     "serial",      "compliance",
    "management", "activated", "registered", "enrolled", "last_seen", "grace_until", NULL
};

/* One file being read. */
struct reading {
    easg_instance *self;
    const easg_run *run;
    const easg_facts_query *query;
    const easg_sink_receiver *to;
    struct rows *rows;
    struct idset ids;
    const struct idset *people; /* ids of the other file, when devices are read */
    uint64_t count;
    uint64_t with_eas_id, strangers;
    int ended; /* the trailer was seen */
};

typedef easg_status (*row_fn)(struct reading *in, const easg_str *id, easg_error *err);

static int in_groups(const easg_str *const *mine, size_t n_mine, const easg_str *const *asked,
                     size_t n_asked)
{
    for (size_t i = 0; i < n_mine; i++)
        for (size_t j = 0; j < n_asked; j++)
            if (text_ieq(mine[i]->ptr, mine[i]->len, asked[j]->ptr, asked[j]->len))
                return 1;
    return 0;
}

static easg_status person(struct reading *in, const easg_str *id, easg_error *err)
{
    const easg_str *const *groups;
    const easg_facts_query *q = in->query;
    size_t n_groups;
    int licensed = 1;
    easg_person p = { .struct_size = (uint32_t)sizeof p, .id = *id };
    easg_status st = rows_list(in->rows, "smtp", &p.smtp, &p.n_smtp, err);

    if (st == EASG_OK)
        st = rows_list(in->rows, "groups", &groups, &n_groups, err);
    if (st == EASG_OK)
        st = rows_bool(in->rows, "licensed", 1, &licensed, err);
    if (st != EASG_OK)
        return st;
    p.upn = rows_get(in->rows, "upn");
    p.sid = rows_get(in->rows, "sid");
    p.immutable_id = rows_get(in->rows, "immutable_id");
    p.language = rows_get(in->rows, "language");
    if (licensed)
        p.flags |= EASG_PERSON_LICENSED;
    if (q->n_include_groups == 0 ||
        in_groups(groups, n_groups, q->include_groups, q->n_include_groups))
        p.flags |= EASG_PERSON_TARGETED;
    if (in_groups(groups, n_groups, q->exclude_groups, q->n_exclude_groups))
        p.flags |= EASG_PERSON_EXEMPT;
    return in->to->person(in->to, &p);
}

static easg_status device(struct reading *in, const easg_str *id, easg_error *err)
{
    static const char *const compliance[] = { "unknown",  "compliant", "grace",    "noncompliant",
                                              "conflict", "error",     "external", NULL };
    static const char *const management[] = { "none", "managed", "retiring", NULL };
    easg_managed_device d = { .struct_size = (uint32_t)sizeof d, .id = *id };
    int activated = 0;
    int registered = 0;
    easg_status st;

    d.eas_id = rows_get(in->rows, "eas_id");
    d.user_id = rows_get(in->rows, "user_id");
    in->with_eas_id += d.eas_id.ptr != NULL;
    in->strangers += d.user_id.ptr && !idset_has(in->people, &d.user_id);
    d.os = rows_get(in->rows, "os");
    d.model = rows_get(in->rows, "model");
    d.serial = rows_get(in->rows, "serial");
    st = rows_word(in->rows, "compliance", compliance, EASG_COMPLIANCE_UNKNOWN, &d.compliance, err);
    if (st == EASG_OK)
        st = rows_word(in->rows, "management", management, EASG_MANAGEMENT_MANAGED, &d.management,
                       err);
    if (st == EASG_OK) /* an id that the manager knows is one that was activated */
        st = rows_bool(in->rows, "activated", d.eas_id.ptr != NULL, &activated, err);
    if (st == EASG_OK)
        st = rows_bool(in->rows, "registered", 1, &registered, err);
    if (st == EASG_OK)
        st = rows_time(in->rows, "enrolled", &d.enrolled, err);
    if (st == EASG_OK)
        st = rows_time(in->rows, "last_seen", &d.last_seen, err);
    if (st == EASG_OK)
        st = rows_time(in->rows, "grace_until", &d.grace_until, err);
    if (st != EASG_OK)
        return st;
    d.flags =
        (activated ? EASG_MANAGED_ACTIVATED : 0u) | (registered ? EASG_MANAGED_REGISTERED : 0u);
    return in->to->managed_device(in->to, &d);
}

/* "#end:1234" or "#end:1234:2026-01-31T08:00:00Z". */
static easg_status trailer(struct reading *in, const easg_str *id, easg_error *err)
{
    const char *p = id->ptr + strlen(TRAILER);
    size_t digits = strspn(p, "0123456789");
    easg_time written = EASG_TIME_NONE;
    char age[TIMESTAMP_SIZE];
    uint64_t n;

    if (!text_parse_u64(p, digits, &n))
        return rows_error(in->rows, EASG_E_CONFIG, err, "its last row must be " TRAILER "COUNT");
    if (n != in->count)
        return rows_error(
            in->rows, EASG_E_PROTOCOL, err,
            "its last row counts %llu rows, there are %llu: written or copied in part",
            (unsigned long long)n, (unsigned long long)in->count);
    if (p[digits] == ':' && !timestamp_parse(p + digits + 1, strlen(p + digits + 1), &written))
        return rows_error(in->rows, EASG_E_CONFIG, err,
                          "its last row must be " TRAILER "COUNT:TIME, as 2026-01-31T08:00:00Z");
    in->ended = 1;
    if (in->self->max_age_ms == 0)
        return EASG_OK;
    if (written == EASG_TIME_NONE)
        return rows_error(in->rows, EASG_E_CONFIG, err,
                          "max_age is set, so its last row must be " TRAILER "COUNT:TIME");
    if (in->self->host->now(in->self->host) - written > in->self->max_age_ms)
        return rows_error(in->rows, EASG_E_UNAVAILABLE, err, "was written more than %s ago",
                          duration_format(in->self->max_age_ms, age));
    return EASG_OK;
}

static easg_status one_row(struct reading *in, row_fn fn, easg_error *err)
{
    unsigned long same = 0;
    char safe[64];
    easg_str id;
    easg_status st = rows_required(in->rows, "id", &id, err);

    if (st == EASG_OK && in->ended)
        st = rows_error(in->rows, EASG_E_PROTOCOL, err, "stands behind the last row");
    if (st != EASG_OK)
        return st;
    if (strncmp(id.ptr, TRAILER, strlen(TRAILER)) == 0)
        return trailer(in, &id, err);
    st = idset_add(&in->ids, &id, rows_line(in->rows), &same, err);
    if (st == EASG_OK && same)
        st = rows_error(in->rows, EASG_E_CONFIG, err, "id '%s' was given in line %lu",
                        text_safe(id.ptr, id.len, safe, sizeof safe), same);
    if (st != EASG_OK)
        return st;
    in->count++;
    if (in->count % POLL_EVERY == 0)
        st = plugin_may_go_on(in->self->host, in->run, err);
    return st == EASG_OK ? fn(in, &id, err) : st;
}

static easg_status whole(struct reading *in, int64_t least, easg_error *err)
{
    if (in->self->trailer && !in->ended)
        return rows_error(in->rows, EASG_E_PROTOCOL, err,
                          "ends without its last row (" TRAILER
                          "COUNT): written or copied in part");
    if ((int64_t)in->count < least)
        return rows_error(in->rows, EASG_E_PROTOCOL, err,
                          "the file has %llu rows, at least %lld are expected",
                          (unsigned long long)in->count, (long long)least);
    return EASG_OK;
}

/* Without a trailer the time of the file is all there is to go by: a copy has that of the copying
 * unless it was told to keep it. */
static easg_status fresh(const struct reading *in, const char *path, easg_time written,
                         easg_error *err)
{
    char age[TIMESTAMP_SIZE];

    if (in->self->host->now(in->self->host) - written <= in->self->max_age_ms)
        return EASG_OK;
    return err_set(err, EASG_E_UNAVAILABLE,
                   "%s: was written more than %s ago: does what makes it still run", path,
                   duration_format(in->self->max_age_ms, age));
}

static easg_status read_file(struct reading *in, const easg_str *path, const char *const *columns,
                             row_fn fn, int64_t least, easg_error *err)
{
    easg_time written = EASG_TIME_NONE;
    easg_status st = file_look(path->ptr, &written, err);
    int more = 1;

    if (st == EASG_OK && in->self->max_age_ms && !in->self->trailer)
        st = fresh(in, path->ptr, written, err);
    if (st == EASG_OK)
        st = rows_open(path->ptr, &in->rows, err);
    if (st != EASG_OK)
        return st;
    rows_expect(in->rows, columns);
    while (st == EASG_OK) {
        st = rows_next(in->rows, &more, err);
        if (st != EASG_OK || !more)
            break;
        st = one_row(in, fn, err);
    }
    if (st == EASG_OK)
        st = whole(in, least, err);
    rows_close(in->rows);
    return st;
}

easg_status facts_fetch(easg_instance *self, const easg_run *run, const easg_facts_query *query,
                        const easg_sink_receiver *to, easg_error *err)
{
    struct reading people = { .self = self, .run = run, .query = query, .to = to };
    struct reading devices = people;
    easg_status st = plugin_may_go_on(self->host, run, err);

    if (st == EASG_OK)
        st = read_file(&people, &self->people, people_columns, person, self->min_people, err);
    devices.people = &people.ids;
    if (st == EASG_OK)
        st = read_file(&devices, &self->devices, device_columns, device, self->min_devices, err);
    idset_clear(&people.ids);
    idset_clear(&devices.ids);
    if (st != EASG_OK)
        return st;
    plugin_log(self->host, EASG_LOG_INFO, "%llu people and %llu devices read, %llu with an EAS id",
               (unsigned long long)people.count, (unsigned long long)devices.count,
               (unsigned long long)devices.with_eas_id);
    if (devices.strangers)
        plugin_log(self->host, EASG_LOG_WARNING,
                   "%llu devices have a user_id that is not in the file of people",
                   (unsigned long long)devices.strangers);
    return st;
}
