/* SPDX-License-Identifier: Apache-2.0
 *
 * What was done about a device, as a line in the notes of its record in Intune. Everything else in
 * the notes stays as it is.
 */
#include "intune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "text.h"
#include "timestamp.h"

#define MARK      "easgate "
#define MAX_NOTES 4000u

/* ---- which record a device has ---- */

struct eas_entry {
    char *eas; /* small letters */
    unsigned char id[16];
};

void eas_index_clear(struct eas_index *x)
{
    for (size_t i = 0; i < x->n; i++)
        mem_free(x->entries[i].eas);
    mem_free(x->entries);
    *x = (struct eas_index){ NULL, 0, 0, 0 };
}

static void lower(char *s)
{
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
    }
}

easg_status eas_index_add(struct eas_index *x, const easg_str *eas, const easg_str *id,
                          easg_error *err)
{
    unsigned char guid[16];

    if (!eas->ptr || !guid_parse(id, guid))
        return EASG_OK;
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 1024;
        struct eas_entry *grown = mem_grow(x->entries, cap, sizeof *grown);

        if (!grown)
            return err_nomem(err);
        x->entries = grown;
        x->cap = cap;
    }
    x->entries[x->n].eas = mem_dup(eas->ptr, eas->len);
    if (!x->entries[x->n].eas)
        return err_nomem(err);
    lower(x->entries[x->n].eas);
    memcpy(x->entries[x->n].id, guid, sizeof guid);
    x->n++;
    x->sorted = 0;
    return EASG_OK;
}

static int compare(const void *a, const void *b)
{
    const struct eas_entry *x = a, *y = b;

    return strcmp(x->eas, y->eas);
}

/* 1: exactly one record has that id. */
static int find(struct eas_index *x, const easg_str *eas, char out[37])
{
    struct eas_entry key = { NULL, { 0 } };
    const struct eas_entry *hit;
    char text[256];
    size_t i;
    int n;

    if (!x->n || !eas->ptr || eas->len >= sizeof text)
        return 0;
    if (!x->sorted)
        qsort(x->entries, x->n, sizeof *x->entries, compare);
    x->sorted = 1;
    memcpy(text, eas->ptr, eas->len);
    text[eas->len] = '\0';
    lower(text);
    key.eas = text;
    hit = bsearch(&key, x->entries, x->n, sizeof *x->entries, compare);
    if (!hit)
        return 0;
    i = (size_t)(hit - x->entries);
    if ((i > 0 && compare(hit, hit - 1) == 0) || (i + 1 < x->n && compare(hit, hit + 1) == 0))
        return 0;
    for (i = 0, n = 0; i < 16; i++)
        n += snprintf(out + n, 37 - (size_t)n, "%s%02x",
                      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", hit->id[i]);
    return 1;
}

/* ---- the text ---- */

static const easg_str *extra(const easg_device *d, const char *key)
{
    static const easg_str none = { NULL, 0 };

    for (size_t i = 0; i < d->n_extra; i++) {
        if (text_eq(&d->extra[i]->key, key))
            return &d->extra[i]->value;
    }
    return &none;
}

static void our_line(const struct easg_session *s, const easg_device_delta *d, struct strbuf *out)
{
    static const char *const access[] = { "left to Exchange", "allowed", "blocked", "quarantined",
                                          "discovery" };
    const easg_str *reason = extra(d->device, "reason");
    char text[TIMESTAMP_SIZE];

    strbuf_addf(out, MARK "%.10s: %s", timestamp_format(s->in->host->now(s->in->host), text),
                access[d->device->access < 5 ? d->device->access : 0]);
    if (reason->len) {
        strbuf_adds(out, ", ");
        strbuf_add_safe(out, reason->ptr, reason->len, 60);
    }
    strbuf_adds(out, " (EAS id ");
    strbuf_add_safe(out, d->device->device_id.ptr, d->device->device_id.len, 80);
    strbuf_addc(out, ')');
}

/* `old` with our line in the place of an earlier one, or behind all others. */
void intune_merge_notes(const char *old, size_t old_len, const char *line, struct strbuf *out)
{
    int put = 0;

    for (size_t at = 0; at < old_len;) {
        const char *end = memchr(old + at, '\n', old_len - at);
        size_t len = end ? (size_t)(end - (old + at)) : old_len - at;
        int ours = len >= sizeof MARK - 1 && memcmp(old + at, MARK, sizeof MARK - 1) == 0;

        if (!ours || !put) {
            strbuf_adds(out, out->len ? "\n" : "");
            if (ours)
                strbuf_adds(out, line);
            else
                strbuf_add(out, old + at, len);
            put |= ours;
        }
        at += len + (end != NULL);
    }
    if (!put) {
        strbuf_adds(out, out->len ? "\n" : "");
        strbuf_adds(out, line);
    }
}

/* ---- a batch of them ---- */

struct note {
    const easg_device_delta *d;
    char read_path[128], path[128];
    struct strbuf body;
    int want;
};

struct notes {
    struct easg_session *s;
    struct note list[GRAPH_BATCH_MAX];
    struct graph_part parts[GRAPH_BATCH_MAX];
    struct note *part_of[GRAPH_BATCH_MAX];
    size_t n, n_parts;
};

/* The notes as they are: what to write follows. */
static easg_status on_read(void *user, size_t i, const struct json *body, easg_error *err)
{
    struct notes *n = user;
    struct note *note = n->part_of[i];
    struct strbuf line = STRBUF_INIT(1024), merged = STRBUF_INIT(MAX_NOTES);
    easg_str old;
    easg_status st = json_get_str(body, "notes", 0, &old, err);

    if (st == EASG_OK) {
        our_line(n->s, note->d, &line);
        intune_merge_notes(old.ptr ? old.ptr : "", old.len, strbuf_str(&line), &merged);
        /* Nothing to say, or no room for it: what others wrote is never cut. */
        if (strbuf_status(&merged) == EASG_OK &&
            !(merged.len == old.len && memcmp(merged.ptr, old.ptr, old.len) == 0)) {
            strbuf_adds(&note->body,
                        "{\"@odata.type\":\"#microsoft.graph.managedDevice\",\"notes\":\"");
            strbuf_add_json(&note->body, merged.ptr, merged.len);
            strbuf_adds(&note->body, "\"}");
            note->want = strbuf_status(&note->body) == EASG_OK;
        }
    }
    strbuf_clear(&line);
    strbuf_clear(&merged);
    return st;
}

/* A part that was refused for good speaks for all of them. */
static easg_status judge(const struct notes *n, easg_error *err)
{
    for (size_t i = 0; i < n->n_parts; i++) {
        const struct graph_part *p = &n->parts[i];

        if (p->status == 403 || p->status == 501 || p->status == 400 || p->status == 405)
            return err_native(err, EASG_E_DENIED, EASG_DOMAIN_HTTP, p->status,
                              "notes of a managed device: HTTP %d (%s): the permission for it is "
                              "DeviceManagementManagedDevices.ReadWrite.All",
                              p->status, p->text);
    }
    return EASG_OK; /* 404: the record is gone; 429: another time */
}

static easg_status round_trip(struct notes *n, int write, easg_error *err)
{
    easg_status st;

    n->n_parts = 0;
    for (size_t i = 0; i < n->n; i++) {
        struct note *note = &n->list[i];

        if (write && !note->want)
            continue;
        n->part_of[n->n_parts] = note;
        n->parts[n->n_parts++] =
            (struct graph_part){ .method = write ? "PATCH" : "GET",
                                 .path = write ? note->path : note->read_path,
                                 .body = write ? strbuf_str(&note->body) : NULL };
    }
    if (n->n_parts == 0)
        return EASG_OK;
    st = graph_batch(n->s->graph, n->parts, n->n_parts, "notes of managed devices",
                     write ? NULL : on_read, n, err);
    return st == EASG_OK ? judge(n, err) : st;
}

easg_status intune_write_notes(struct easg_session *s, const easg_device_delta *const *items,
                               size_t n, uint64_t *written, easg_error *err)
{
    struct notes *all = mem_alloc(sizeof *all);
    easg_status st = EASG_OK;
    char id[37];

    if (!all)
        return err_nomem(err);
    all->s = s;
    for (size_t i = 0; st == EASG_OK && (i < n || all->n);) {
        for (; i < n && all->n < GRAPH_BATCH_MAX; i++) {
            struct note *note = &all->list[all->n];

            if (!find(&s->eas, &items[i]->device->device_id, id))
                continue;
            note->d = items[i];
            note->want = 0;
            strbuf_init(&note->body, 3 * MAX_NOTES + 256);
            (void)snprintf(note->path, sizeof note->path, "/deviceManagement/managedDevices/%s",
                           id);
            (void)snprintf(note->read_path, sizeof note->read_path,
                           "/deviceManagement/managedDevices/%s?$select=id,notes", id);
            all->n++;
        }
        st = round_trip(all, 0, err);
        if (st == EASG_OK)
            st = round_trip(all, 1, err);
        for (size_t k = 0; k < all->n; k++) {
            *written += (uint64_t)(st == EASG_OK && all->list[k].want);
            strbuf_clear(&all->list[k].body);
        }
        all->n = 0;
    }
    mem_free(all);
    return st;
}

/* ---- the host's call ---- */

static easg_status answer(const easg_result_receiver *to, const easg_device_delta *d,
                          easg_status st, const easg_error *why)
{
    easg_item_result r = { .struct_size = (uint32_t)sizeof r,
                           .status = st,
                           .key = d->device->key,
                           .error = st == EASG_OK ? NULL : why };

    return to->emit(to, &r);
}

easg_status EASG_CALL intune_publish(easg_session *s, const easg_run *run,
                                     const easg_device_delta *const *items, size_t n,
                                     const easg_result_receiver *to, easg_error *err)
{
    easg_error why = EASG_ERROR_INIT;
    easg_status st = EASG_OK;
    uint64_t written = 0;

    s->run = run;
    if (s->in->report.file)
        st = intune_file_devices(s, items, n, &why);
    if (st == EASG_OK && s->in->report.notes && !intune_left_alone(s, "notes-off")) {
        st = intune_take_no(s, "notes-off", "notes on managed devices",
                            intune_write_notes(s, items, n, &written, &why), &why);
        if (written)
            intune_log(s, EASG_LOG_INFO, "notes on managed devices written", "devices", written,
                       NULL, 0);
    }
    for (size_t i = 0; i < n; i++) {
        easg_status refused = answer(to, items[i], st, &why);

        if (refused != EASG_OK)
            return err_set(err, refused, "the host does not take more results");
    }
    return EASG_OK;
}
