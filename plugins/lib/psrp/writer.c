/* SPDX-License-Identifier: Apache-2.0
 *
 * The CLIXML writer. Spelling and order are those of Windows, byte for byte; the tests hold it
 * against recordings.
 */
#include "clixml_writer.h"

#include <inttypes.h>
#include <string.h>

#include "err.h"
#include "text.h"
#include "timestamp.h"

static const char *const array_types[] = { "System.Object[]", "System.Array", "System.Object",
                                           NULL };
static const char *const hash_types[] = { "System.Collections.Hashtable", "System.Object", NULL };

void clixml_writer_init(struct clixml_writer *w, struct strbuf *out)
{
    memset(w, 0, sizeof(*w));
    w->out = out;
}

easg_status clixml_writer_status(const struct clixml_writer *w)
{
    return w->status != EASG_OK ? w->status : strbuf_status(w->out);
}

static void escape(struct clixml_writer *w, const char *ptr, size_t len, int attribute)
{
    easg_status st = clixml_escape(w->out, ptr, len, attribute);

    if (w->status == EASG_OK)
        w->status = st;
}

static void put_name(struct clixml_writer *w, const char *name)
{
    if (!name)
        return;
    strbuf_adds(w->out, " N=\"");
    escape(w, name, strlen(name), 1);
    strbuf_addc(w->out, '"');
}

static void put_types(struct clixml_writer *w, const char *const *types)
{
    for (unsigned i = 0; i < w->n_types; i++)
        if (w->types[i] == types) {
            strbuf_addf(w->out, "<TNRef RefId=\"%u\" />", i);
            return;
        }
    xassert(w->n_types < CLIXML_WRITER_TYPES);
    strbuf_addf(w->out, "<TN RefId=\"%u\">", w->n_types);
    w->types[w->n_types++] = types;
    for (size_t i = 0; types[i]; i++)
        clixml_put(w, "T", NULL, types[i], strlen(types[i]));
    clixml_close(w, "TN");
}

void clixml_put_obj(struct clixml_writer *w, const char *name, const char *const *types)
{
    strbuf_adds(w->out, "<Obj");
    put_name(w, name);
    strbuf_addf(w->out, " RefId=\"%u\">", w->next_ref++);
    if (types)
        put_types(w, types);
}

void clixml_open(struct clixml_writer *w, const char *element)
{
    strbuf_addf(w->out, "<%s>", element);
}

void clixml_close(struct clixml_writer *w, const char *element)
{
    strbuf_addf(w->out, "</%s>", element);
}

void clixml_put(struct clixml_writer *w, const char *element, const char *name, const char *text,
                size_t len)
{
    strbuf_addf(w->out, "<%s", element);
    put_name(w, name);
    strbuf_addc(w->out, '>');
    escape(w, text, len, 0);
    clixml_close(w, element);
}

void clixml_put_bool(struct clixml_writer *w, const char *name, int value)
{
    const char *text = value ? "true" : "false";

    clixml_put(w, "B", name, text, strlen(text));
}

static void put_number(struct clixml_writer *w, const char *element, const char *name, int64_t v)
{
    strbuf_addf(w->out, "<%s", element);
    put_name(w, name);
    strbuf_addf(w->out, ">%" PRId64 "</%s>", v, element);
}

void clixml_put_int(struct clixml_writer *w, const char *name, int32_t value)
{
    put_number(w, "I32", name, value);
}

void clixml_put_nil(struct clixml_writer *w, const char *name)
{
    strbuf_adds(w->out, "<Nil");
    put_name(w, name);
    strbuf_adds(w->out, " />");
}

void clixml_put_enum(struct clixml_writer *w, const char *name, const char *const *types,
                     const char *text, int32_t value)
{
    clixml_put_obj(w, name, types);
    clixml_put(w, "ToString", NULL, text, strlen(text));
    clixml_put_int(w, NULL, value);
    clixml_close(w, "Obj");
}

static void put_array(struct clixml_writer *w, const char *name, const struct psrp_value *v)
{
    clixml_put_obj(w, name, array_types);
    if (v->n == 0) {
        strbuf_adds(w->out, "<LST />");
    } else {
        clixml_open(w, "LST");
        for (size_t i = 0; i < v->n; i++)
            clixml_put_value(w, NULL, &v->items[i]);
        clixml_close(w, "LST");
    }
    clixml_close(w, "Obj");
}

static void put_hash(struct clixml_writer *w, const char *name, const struct psrp_value *v)
{
    clixml_put_obj(w, name, hash_types);
    clixml_open(w, "DCT");
    for (size_t i = 0; i < v->n; i++) {
        clixml_open(w, "En");
        clixml_put(w, "S", "Key", v->keys[i], strlen(v->keys[i]));
        clixml_put_value(w, "Value", &v->items[i]);
        clixml_close(w, "En");
    }
    clixml_close(w, "DCT");
    clixml_close(w, "Obj");
}

void clixml_put_value(struct clixml_writer *w, const char *name, const struct psrp_value *v)
{
    char time[TIMESTAMP_SIZE];

    switch (v->kind) {
    case PSRP_NIL: clixml_put_nil(w, name); break;
    case PSRP_BOOL: clixml_put_bool(w, name, v->number != 0); break;
    case PSRP_INT: put_number(w, "I32", name, v->number); break;
    case PSRP_LONG: put_number(w, "I64", name, v->number); break;
    case PSRP_STRING: clixml_put(w, "S", name, v->text.ptr ? v->text.ptr : "", v->text.len); break;
    case PSRP_TIME:
        timestamp_format(v->number, time);
        clixml_put(w, "DT", name, time, strlen(time));
        break;
    case PSRP_ARRAY: put_array(w, name, v); break;
    case PSRP_HASH: put_hash(w, name, v); break;
    }
}
