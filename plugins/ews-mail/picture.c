/* SPDX-License-Identifier: Apache-2.0
 *
 * The picture of the option `picture`: read once a session, its type by its first bytes.
 */
#include <stdio.h>
#include <string.h>

#include "ews_mail.h"

#include "err.h"
#include "text.h"

static const char *type_of(const struct strbuf *b)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *type;
    } types[] = {
        { "\x89PNG\r\n\x1a\n", 8, "image/png" },
        { "\xff\xd8\xff", 3, "image/jpeg" },
        { "GIF8", 4, "image/gif" },
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (b->len > types[i].len && memcmp(b->ptr, types[i].magic, types[i].len) == 0)
            return types[i].type;
    return NULL;
}

easg_status ews_mail_picture(struct easg_session *s, easg_error *err)
{
    const easg_str *path = &s->self->picture;
    const char *name;
    char chunk[4096];
    size_t got;
    FILE *f;

    strbuf_init(&s->picture_bytes, EWS_MAIL_MAX_PICTURE);
    if (text_blank(path))
        return EASG_OK;
    f = fopen(path->ptr, "rb");
    if (!f)
        return err_set(err, EASG_E_CONFIG, "notifier.picture: %.200s cannot be read", path->ptr);
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0)
        strbuf_add(&s->picture_bytes, chunk, got);
    (void)fclose(f);
    if (strbuf_status(&s->picture_bytes) != EASG_OK)
        return err_set(err, EASG_E_CONFIG, "notifier.picture: %.200s is larger than 256 KiB",
                       path->ptr);
    s->picture.type = type_of(&s->picture_bytes);
    if (!s->picture.type)
        return err_set(err, EASG_E_CONFIG, "notifier.picture: %.200s is no PNG, JPEG or GIF",
                       path->ptr);
    name = strrchr(path->ptr, '/');
    s->picture.content_id = "picture@easgate";
    s->picture.file_name = text_str(name ? name + 1 : path->ptr);
    s->picture.ptr = s->picture_bytes.ptr;
    s->picture.len = s->picture_bytes.len;
    return EASG_OK;
}
