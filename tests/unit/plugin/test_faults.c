/* SPDX-License-Identifier: Apache-2.0
 *
 * Each allocation of the room fails once: every time the answer is EASG_E_NOMEM, nothing is lost
 * (the sanitizers look), and what was there still works.
 */
#include "check.h"
#include "fake.h"

#include "err.h"
#include "text.h"

static easg_status emit_all(easg_instance *self, const easg_change *const *items, size_t n,
                            const easg_result_receiver *to, easg_error *err)
{
    (void)self;
    (void)err;
    for (size_t i = 0; i < n; i++) {
        easg_item_result r = { .struct_size = (uint32_t)sizeof r, .key = items[i]->key };
        easg_status st = to->emit(to, &r);

        if (st != EASG_OK)
            return st;
    }
    return EASG_OK;
}

static easg_status on_result(void *user, const easg_item_result *r, easg_error *err)
{
    (void)r;
    (void)err;
    ++*(int *)user;
    return EASG_OK;
}

/* One life, from nothing to a change applied. */
static easg_status live(struct cfg_doc *doc, easg_error *err)
{
    static const easg_change change = {
        .struct_size = (uint32_t)sizeof change,
        .verb = EASG_VERB_BLOCK,
        .key = {"k",  1},
        .mailbox_id = { "m", 1},
        .device_id = { "d", 1}
    };
    const easg_change *items[] = { &change };
    struct run_options ro = { .org = "contoso", .run_id = "r", .deadline_ms = INT64_MAX };
    int results = 0;
    struct result_sink to = { on_result, &results };
    struct registry *r = NULL;
    struct module_ref *m = NULL;
    struct instance_ref *i = NULL;
    struct run_ref *run = NULL;
    struct session_ref *s = NULL;
    easg_status st = registry_create(NULL, &r, err);

    if (st == EASG_OK)
        st = registry_pin(r, "x.so", "00", err);
    if (st == EASG_OK)
        st = registry_add(r, "fake", fake_entry, err);
    if (st == EASG_OK)
        st = registry_find(r, EASG_KIND_SOURCE, "fake-source", NULL, &m, err);
    if (st == EASG_OK)
        st = instance_create(r, m, cfg_root(doc), NULL, &i, err);
    if (st == EASG_OK)
        st = run_create(&ro, &run, err);
    if (st == EASG_OK)
        st = source_open(i, run, NULL, &s, err);
    if (st == EASG_OK)
        st = source_apply(s, items, 1, &to, err);
    CHECK_INT(results, st == EASG_OK);
    session_close(s);
    instance_destroy(i);
    run_destroy(run);
    registry_destroy(r);
    return st;
}

int main(void)
{
    easg_error err = EASG_ERROR_INIT;
    struct cfg_doc *doc = NULL;
    unsigned long n = 0;
    easg_status st;

    CHECK_INT(cfg_open_memory("t.yaml", "name: ada", 9, &doc, &err), EASG_OK);
    fake.apply = emit_all;
    CHECK_INT(live(doc, &err), EASG_OK);
    do {
        err_clear(&err);
        (void)mem_fail_at(++n, 0);
        st = live(doc, &err);
        (void)mem_fail_at(0, 0);
        CHECK(st == EASG_OK || st == EASG_E_NOMEM);
        if (st != EASG_OK)
            CHECK_STR(err.message, "out of memory");
    } while (st != EASG_OK && n < 1000);
    CHECK(n > 15 && n < 1000);
    cfg_close(doc);
    return check_done();
}
