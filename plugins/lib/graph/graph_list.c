/* SPDX-License-Identifier: Apache-2.0
 *
 * From page to page. What ends without a nextLink is complete; everything that makes this doubtful
 * is an error.
 */
#include "graph_private.h"

#include <string.h>

#include "err.h"
#include "text.h"

#define DEFAULT_PAGES   20000u
#define MAX_EMPTY_PAGES 100u /* in a row; a few happen */

struct walk {
    struct graph *g;
    struct graph_list *list;
    struct strbuf next;
    unsigned empty;
};

static easg_status on_envelope(void *user, const struct json *page, easg_error *err)
{
    struct walk *w = user;
    const struct json *value = NULL;
    easg_str next;
    easg_status st;

    if (json_find(page, "error"))
        return err_set(err, EASG_E_PROTOCOL, "an error in the place of the rest of the list");
    st = json_get_array(page, "value", 1, &value, err);
    if (st == EASG_OK)
        st = json_get_str(page, "@odata.nextLink", 0, &next, err);
    if (st == EASG_OK && w->list->pages == 0)
        st = json_get_int(page, "@odata.count", 0, &w->list->count, err);
    if (st != EASG_OK)
        return st;
    strbuf_reset(&w->next);
    if (next.ptr)
        strbuf_add_str(&w->next, &next);
    if (strbuf_status(&w->next) == EASG_E_NOMEM)
        return err_nomem(err);
    if (strbuf_status(&w->next) != EASG_OK)
        return err_set(err, EASG_E_LIMIT, "a nextLink of %zu bytes", next.len);
    if (next.ptr && !next.len)
        return err_set(err, EASG_E_PROTOCOL, "an empty nextLink");
    return EASG_OK;
}

static easg_status on_element(void *user, const struct json *v, easg_error *err)
{
    struct walk *w = user;

    if (json_type(v) != JSON_OBJECT)
        return err_set(err, EASG_E_PROTOCOL, "an element of the list is %s, not an object",
                       json_type_name(v));
    w->list->items++;
    w->empty = 0;
    return w->list->item(w->list->user, v, err);
}

/* May the next page be asked for? Brent's way to notice a circle: one address is remembered, and
 * renewed at each power of two, so that any circle is met after at most twice its length. */
static easg_status go_on(struct walk *w, easg_error *err)
{
    struct graph *g = w->g;
    uint64_t n = w->list->pages;
    unsigned max = w->list->max_pages ? w->list->max_pages : DEFAULT_PAGES;
    char safe[160];

    if (!http_same_origin(g->origin, w->next.ptr))
        return err_set(err, EASG_E_PROTOCOL,
                       "the next page is said to be at %s, which is not %s: the token is not sent "
                       "there",
                       text_safe(w->next.ptr, w->next.len, safe, sizeof safe), g->origin);
    if ((w->next.len == g->anchor.len && memcmp(w->next.ptr, g->anchor.ptr, w->next.len) == 0) ||
        (w->next.len == g->url.len && memcmp(w->next.ptr, g->url.ptr, w->next.len) == 0))
        return err_set(err, EASG_E_PROTOCOL, "the pages go in a circle");
    if (n >= max)
        return err_set(err, EASG_E_LIMIT, "more than %u pages", max);
    if (w->empty > MAX_EMPTY_PAGES)
        return err_set(err, EASG_E_PROTOCOL, "%u empty pages in a row", w->empty);
    if ((n & (n - 1)) == 0) {
        strbuf_reset(&g->anchor);
        if (strbuf_add(&g->anchor, w->next.ptr, w->next.len) != EASG_OK)
            return err_nomem(err);
    }
    strbuf_reset(&g->url);
    return strbuf_add(&g->url, w->next.ptr, w->next.len) == EASG_OK ? EASG_OK : err_nomem(err);
}

static easg_status one_page(struct walk *w, easg_error *err)
{
    static const struct json_limits limits = JSON_LIMITS_SMALL;
    const struct json_each to = { on_envelope, on_element, w };
    const struct graph_ask ask = { .method = "GET",
                                   .what = w->list->what,
                                   .permission = w->list->permission,
                                   .eventual = w->list->eventual };
    easg_status st = graph_ask(w->g, &ask, err);

    if (st != EASG_OK)
        return st;
    w->empty++;
    st = json_parse_page(strbuf_str(&w->g->page), w->g->page.len, "value", &limits, &to, err);
    w->list->pages++;
    if (st == EASG_OK && w->next.len)
        st = go_on(w, err);
    if (st == EASG_E_PROTOCOL || st == EASG_E_LIMIT)
        return err_at(err, st, "%s: %s: page %llu", http_endpoint(w->g->http), w->list->what,
                      (unsigned long long)w->list->pages);
    return st;
}

easg_status graph_list(struct graph *g, struct graph_list *list, easg_error *err)
{
    struct walk w = { g, list, STRBUF_INIT(GRAPH_MAX_LINK), 0 };
    easg_status st;

    list->items = 0;
    list->pages = 0;
    list->count = -1;
    strbuf_reset(&g->anchor);
    st = graph_point(g, list->path, err);
    if (st != EASG_OK)
        return st;
    do {
        st = one_page(&w, err);
    } while (st == EASG_OK && w.next.len);
    strbuf_clear(&w.next);
    return st;
}
