/* SPDX-License-Identifier: Apache-2.0
 *
 * Modules by kind and id, their order, and what a wrong name is answered with.
 */
#include "check.h"
#include "fake.h"

#include "err.h"

int main(void)
{
    struct registry *r = NULL;
    struct module_ref *m = NULL;
    struct module_info info;
    struct cfg_doc *doc = NULL;
    struct instance_ref *i = NULL;
    easg_error err = EASG_ERROR_INIT;
    const char *path;
    const char *why;
    static const char yaml[] = "sink:\n  module: fake-snik\n";
    static const char *const order[] = { "fake-failover", "fake-notifier", "fake-sink",
                                         "fake-source" };

    CHECK_INT(registry_create(NULL, &r, &err), EASG_OK);
    CHECK_INT(registry_find(r, EASG_KIND_SINK, "x", NULL, &m, &err), EASG_E_CONFIG);
    CHECK_STR(err.message, "there is no sink module named x: see easgate plugins for those that "
                           "are loaded");
    CHECK_INT(registry_add(r, "fake", fake_entry, &err), EASG_OK);
    for (size_t k = 0; k < 4; k++) {
        CHECK_INT(registry_module_at(r, k, &info), 1);
        CHECK_STR(info.id, order[k]);
        CHECK_STR(info.plugin, "fake");
        CHECK_STR(info.path, "fake");
        CHECK_INT(info.abi_major, EASG_ABI_MAJOR);
    }
    CHECK_INT(registry_module_at(r, 4, &info), 0);
    CHECK_INT(registry_refusal_at(r, 0, &path, &why), 0);

    CHECK_INT(registry_find(r, EASG_KIND_SINK, "fake-sink", NULL, &m, &err), EASG_OK);
    CHECK(module_options(m) != NULL);
    CHECK_INT(cfg_open_memory("contoso.yaml", yaml, sizeof yaml - 1, &doc, &err), EASG_OK);
    CHECK_INT(registry_find(r, EASG_KIND_SINK, "fake-snik", cfg_get(cfg_root(doc), "sink.module"),
                            &m, &err),
              EASG_E_CONFIG);
    CHECK_STR(err.message, "contoso.yaml:2:11: there is no sink module named fake-snik: did you "
                           "mean fake-sink?");
    /* of another kind it is not the same module */
    CHECK_INT(registry_find(r, EASG_KIND_SOURCE, "fake-sink", NULL, &m, &err), EASG_E_CONFIG);
    cfg_close(doc);

    /* options are checked before create() */
    CHECK_INT(registry_find(r, EASG_KIND_SINK, "fake-sink", NULL, &m, &err), EASG_OK);
    CHECK_INT(cfg_open_memory("contoso.yaml", "conut: 4", 8, &doc, &err), EASG_OK);
    CHECK_INT(instance_create(r, m, cfg_root(doc), NULL, &i, &err), EASG_E_CONFIG);
    CHECK_HAS(err.message, "contoso.yaml:1:1:");
    CHECK_HAS(err.message, "count");
    CHECK(i == NULL);
    cfg_close(doc);
    registry_destroy(r);
    return check_done();
}
