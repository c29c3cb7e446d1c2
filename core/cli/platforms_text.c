/* SPDX-License-Identifier: Apache-2.0
 *
 * platforms_text.c - what an audit has to say before anybody is enforced: how many devices of each
 * platform the device manager knows by the id that Exchange knows them by.
 */
#include "platforms_text.h"

#include "err.h"
#include "policy.h"
#include "text.h"

#include <string.h>

enum { PLATFORMS = PLATFORM_OTHER + 1, ROWS_MAX = 1000 };

struct platform {
    int64_t managed, with_id, targeted, targeted_with_id;
};

static easg_status load(struct store *s, struct platform p[PLATFORMS], easg_error *err)
{
    struct records r;
    easg_status st = query_records(s, "SELECT * FROM v_platforms", NULL, 0, ROWS_MAX, &r, err);
    size_t i;

    memset(p, 0, PLATFORMS * sizeof(*p));
    if (st != EASG_OK)
        return st;
    for (i = 0; i < r.n; i++) {
        easg_str os = text_str(record_get(&r.items[i], "os"));
        struct platform *to = &p[policy_platform(&os, NULL)];

        to->managed += record_int(&r.items[i], "managed_devices");
        to->with_id += record_int(&r.items[i], "with_eas_id");
        to->targeted += record_int(&r.items[i], "targeted");
        to->targeted_with_id += record_int(&r.items[i], "targeted_with_eas_id");
    }
    records_clear(&r);
    return EASG_OK;
}

static const char *word(size_t i)
{
    static const char *const words[PLATFORMS] = { "ios", "android", "windows", "other" };

    return words[i];
}

easg_status platforms_print(struct store *s, easg_error *err)
{
    struct platform p[PLATFORMS];
    easg_status st = load(s, p, err);
    int any = 0;
    size_t i;

    for (i = 0; st == EASG_OK && i < PLATFORMS; i++) {
        if (!p[i].managed)
            continue;
        if (!any++)
            printf("managed devices whose EAS id the device manager knows, by platform:\n");
        printf("  %-8s %lld of %lld; of people the policy is about: %lld of %lld\n", word(i),
               (long long)p[i].with_id, (long long)p[i].managed, (long long)p[i].targeted_with_id,
               (long long)p[i].targeted);
        if (p[i].targeted && !p[i].targeted_with_id && i != PLATFORM_OTHER)
            printf("           none: mode enforce is refused where such devices synchronise; give "
                   "them ids\n           (policy.id_registry), or accept it "
                   "(brakes.accept_no_eas_id)\n");
    }
    return st;
}

easg_status platforms_json(struct store *s, struct jsonout *j, easg_error *err)
{
    struct platform p[PLATFORMS];
    easg_status st = load(s, p, err);
    size_t i;

    json_open_array(j, "platforms");
    for (i = 0; st == EASG_OK && i < PLATFORMS; i++) {
        if (!p[i].managed)
            continue;
        json_open_object(j, NULL);
        json_text(j, "platform", word(i));
        json_int(j, "managed_devices", p[i].managed);
        json_int(j, "with_eas_id", p[i].with_id);
        json_int(j, "targeted", p[i].targeted);
        json_int(j, "targeted_with_eas_id", p[i].targeted_with_id);
        json_close(j);
    }
    json_close(j);
    return st;
}
