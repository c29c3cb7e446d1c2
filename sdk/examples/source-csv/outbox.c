/* SPDX-License-Identifier: Apache-2.0
 *
 * The outbox in memory: entries chained by a hash of their mailbox.
 */
#include "outbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "rows.h"
#include "strbuf.h"
#include "text.h"
#include "timestamp.h"

#define HEADS     4096
#define FILE_MAX  ((size_t)256 << 20)
#define LINE_MAX_ 4096

struct entry {
    char *mailbox;
    char *device;
    easg_verb verb;
    size_t next; /* index + 1; 0: the last */
};

struct outbox {
    char *path;
    struct entry *entries;
    size_t n, cap;
    size_t heads[HEADS];
};

static const char *const verbs[] = { "", "allow", "block", "withdraw", NULL };

static size_t head(const char *mailbox, size_t len)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)mailbox[i]) * 16777619u;
    return h % HEADS;
}

static int same(const char *a, const easg_str *b)
{
    return strlen(a) == b->len && memcmp(a, b->ptr, b->len) == 0;
}

static struct entry *find(const struct outbox *box, const easg_str *mailbox, const easg_str *device)
{
    size_t i = box->heads[head(mailbox->ptr, mailbox->len)];

    for (; i; i = box->entries[i - 1].next)
        if (same(box->entries[i - 1].mailbox, mailbox) && same(box->entries[i - 1].device, device))
            return &box->entries[i - 1];
    return NULL;
}

/* Room for one more, so that what was written to the file can always be remembered. */
static easg_status make_room(struct outbox *box, easg_error *err)
{
    size_t cap = box->cap ? box->cap * 2 : 64;
    struct entry *entries;

    if (box->n < box->cap)
        return EASG_OK;
    entries = mem_grow(box->entries, cap, sizeof *entries);
    if (!entries)
        return err_nomem(err);
    box->entries = entries;
    box->cap = cap;
    return EASG_OK;
}

static easg_status remember(struct outbox *box, const easg_str *mailbox, const easg_str *device,
                            easg_verb verb, easg_error *err)
{
    struct entry *e = find(box, mailbox, device);
    size_t *first = &box->heads[head(mailbox->ptr, mailbox->len)];
    easg_status st = e ? EASG_OK : make_room(box, err);

    if (e)
        e->verb = verb;
    if (e || st != EASG_OK)
        return st;
    e = &box->entries[box->n];
    *e = (struct entry){ mem_dup(mailbox->ptr, mailbox->len), mem_dup(device->ptr, device->len),
                         verb, *first };
    if (!e->mailbox || !e->device) {
        mem_free(e->mailbox);
        mem_free(e->device);
        return err_nomem(err);
    }
    *first = ++box->n;
    return EASG_OK;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static easg_status slurp(const char *path, struct strbuf *out, easg_error *err)
{
    FILE *f = fopen(path, "rb");
    char buf[8192];
    size_t n;
    int bad;

    if (!f && errno == ENOENT)
        return EASG_OK;
    if (!f)
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_ERRNO, errno, "%s: cannot be read: %s",
                          path, strerror(errno));
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        strbuf_add(out, buf, n);
    bad = ferror(f);
    fclose(f);
    if (bad || strbuf_status(out) != EASG_OK)
        return err_set(err, bad ? EASG_E_FAIL : strbuf_status(out), "%s: cannot be read to its end",
                       path);
    return EASG_OK;
}

/* A crash may leave half a line; the host sends that change again, so the half goes. */
static easg_status drop_half_line(const char *path, struct strbuf *text, easg_error *err)
{
    size_t len = text->len;
    FILE *f;
    int bad;

    while (len > 0 && text->ptr[len - 1] != '\n')
        len--;
    if (len == text->len)
        return EASG_OK;
    text->len = len;
    f = fopen(path, "wb");
    bad = !f || fwrite(strbuf_str(text), 1, len, f) != len;
    if (f && fclose(f) != 0)
        bad = 1;
    if (bad)
        return err_native(err, EASG_E_FAIL, EASG_DOMAIN_ERRNO, errno, "%s: cannot be written: %s",
                          path, strerror(errno));
    return EASG_OK;
}

static easg_status load(struct outbox *box, const struct strbuf *text, easg_error *err)
{
    static const char *const columns[] = { "time", "verb", "mailbox_id", "device_id", NULL };
    struct rows *rows = NULL;
    unsigned verb = 0;
    easg_str mailbox;
    easg_str device;
    int more = 1;
    easg_status st = rows_open_memory("outbox.jsonl", strbuf_str(text), text->len, &rows, err);

    if (st != EASG_OK)
        return st;
    rows_expect(rows, columns);
    while (st == EASG_OK) {
        st = rows_next(rows, &more, err);
        if (st != EASG_OK || !more)
            break;
        st = rows_required(rows, "mailbox_id", &mailbox, err);
        if (st == EASG_OK)
            st = rows_required(rows, "device_id", &device, err);
        if (st == EASG_OK)
            st = rows_word(rows, "verb", verbs, 0, &verb, err);
        if (st == EASG_OK && verb == 0)
            st = rows_error(rows, EASG_E_CONFIG, err, "column 'verb' is required and empty");
        if (st == EASG_OK)
            st = remember(box, &mailbox, &device, verb, err);
    }
    rows_close(rows);
    return st;
}

easg_status outbox_open(const char *path, struct outbox **out, easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(FILE_MAX);
    struct outbox *box = mem_alloc(sizeof *box);
    easg_status st = EASG_OK;

    if (!box || !(box->path = mem_strdup(path)))
        st = err_nomem(err);
    if (st == EASG_OK)
        st = slurp(path, &text, err);
    if (st == EASG_OK)
        st = drop_half_line(path, &text, err);
    if (st == EASG_OK)
        st = load(box, &text, err);
    if (st != EASG_OK) {
        outbox_close(box);
        return st;
    }
    *out = box;
    return EASG_OK;
}

void outbox_close(struct outbox *box)
{
    if (!box)
        return;
    for (size_t i = 0; i < box->n; i++) {
        mem_free(box->entries[i].mailbox);
        mem_free(box->entries[i].device);
    }
    mem_free(box->entries);
    mem_free(box->path);
    mem_free(box);
}

/* ---- asking and writing ------------------------------------------------------------------------
 */

easg_verb outbox_verb(const struct outbox *box, const easg_str *mailbox_id,
                      const easg_str *device_id)
{
    const struct entry *e = find(box, mailbox_id, device_id);

    return e ? e->verb : 0;
}

void outbox_each(const struct outbox *box, const easg_str *mailbox_id,
                 void (*fn)(void *user, const easg_str *device_id, easg_verb verb), void *user)
{
    size_t i = box->heads[head(mailbox_id->ptr, mailbox_id->len)];

    for (; i; i = box->entries[i - 1].next)
        if (same(box->entries[i - 1].mailbox, mailbox_id)) {
            easg_str device = text_str(box->entries[i - 1].device);

            fn(user, &device, box->entries[i - 1].verb);
        }
}

static easg_status append(const struct outbox *box, const struct strbuf *line, easg_error *err)
{
    FILE *f = fopen(box->path, "ab");
    int bad = !f || fwrite(strbuf_str(line), 1, line->len, f) != line->len;

    if (f && fclose(f) != 0)
        bad = 1;
    if (bad)
        return err_native(err, EASG_E_FAIL, EASG_DOMAIN_ERRNO, errno, "%s: cannot be written: %s",
                          box->path, strerror(errno));
    return EASG_OK;
}

easg_status outbox_put(struct outbox *box, const easg_change *change, easg_time now,
                       easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf line = STRBUF_INIT(LINE_MAX_);
    char when[TIMESTAMP_SIZE];
    easg_status st;

    if (outbox_verb(box, &change->mailbox_id, &change->device_id) == change->verb)
        return EASG_OK;
    strbuf_addf(&line, "{\"time\":\"%s\",\"verb\":\"%s\",\"mailbox_id\":\"",
                timestamp_format(now, when), verbs[change->verb]);
    strbuf_add_json(&line, change->mailbox_id.ptr, change->mailbox_id.len);
    strbuf_adds(&line, "\",\"device_id\":\"");
    strbuf_add_json(&line, change->device_id.ptr, change->device_id.len);
    strbuf_adds(&line, "\"}\n");
    if (strbuf_status(&line) != EASG_OK)
        return err_set(err, strbuf_status(&line), "a change is too long to be written");
    st = append(box, &line, err);
    return st == EASG_OK ? remember(box, &change->mailbox_id, &change->device_id, change->verb, err)
                         : st;
}
