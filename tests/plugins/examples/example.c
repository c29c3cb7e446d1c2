/* SPDX-License-Identifier: Apache-2.0
 *
 * What a test of an example plugin needs. POSIX: mkdtemp, and removing the directory.
 */
#include "example.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "strbuf.h"

static void must(int ok, const char *what)
{
    if (ok)
        return;
    printf("not ok - %s\n", what);
    exit(1);
}

void example_begin(struct example *e)
{
    const char *tmp = getenv("TMPDIR");
    struct run_options ro = { .org = "contoso",
                              .run_id = "11111111-2222-4333-8444-555555555555",
                              .started = 1000,
                              .deadline_ms = clock_monotonic_ms() + 3600000 };
    easg_error err = EASG_ERROR_INIT;

    memset(e, 0, sizeof *e);
    (void)snprintf(e->dir, sizeof e->dir, "%s/easgate-example-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(e->dir) != NULL, "mkdtemp");
    must(registry_create(NULL, &e->registry, &err) == EASG_OK, "registry_create");
    must(registry_add(e->registry, "linked in", easg_plugin_entry, &err) == EASG_OK, err.message);
    must(run_create(&ro, &e->run, &err) == EASG_OK, "run_create");
}

static const char *at(const struct example *e, const char *name)
{
    static char path[1024];

    (void)snprintf(path, sizeof path, "%s/%s", e->dir, name);
    return path;
}

void example_file(const struct example *e, const char *name, const char *text)
{
    FILE *f = fopen(at(e, name), "wb");

    must(f && fputs(text, f) >= 0 && fclose(f) == 0, "writing a file");
}

const char *example_read(const struct example *e, const char *name)
{
    static char text[65536];
    FILE *f = fopen(at(e, name), "rb");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

easg_status example_configure(struct example *e, const char *kind, const char *id, const char *yaml,
                              easg_error *err)
{
    EASG_CLEANUP(strbuf_clear) struct strbuf text = STRBUF_INIT(65536);
    struct module_ref *m = NULL;

    instance_destroy(e->instance);
    cfg_close(e->doc);
    e->instance = NULL;
    e->doc = NULL;
    err_clear(err);
    for (; *yaml; yaml++)
        if (*yaml == '@')
            strbuf_adds(&text, e->dir);
        else
            strbuf_addc(&text, *yaml);
    must(registry_find(e->registry, kind, id, NULL, &m, err) == EASG_OK, err->message);
    must(cfg_open_memory("contoso.yaml", strbuf_str(&text), text.len, &e->doc, err) == EASG_OK,
         err->message);
    return instance_create(e->registry, m, cfg_root(e->doc), NULL, &e->instance, err);
}

void example_end(struct example *e)
{
    DIR *d = opendir(e->dir);
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        if (entry->d_name[0] != '.')
            (void)unlink(at(e, entry->d_name));
    if (d)
        closedir(d);
    (void)rmdir(e->dir);
    instance_destroy(e->instance);
    run_destroy(e->run);
    registry_destroy(e->registry);
    cfg_close(e->doc);
}
