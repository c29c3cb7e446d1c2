/* SPDX-License-Identifier: Apache-2.0
 *
 * The layout of every struct of the ABI, as this compiler makes it, against the frozen one.
 *
 *   layout FROZEN     every line of FROZEN holds: members where they were; structs only grow, and
 *                     not within a minor version
 *   layout --print    the table, to freeze a new version with
 *
 * The lists below name each member; one that was appended and is not in them is seen because a
 * struct then ends behind its last listed member.
 */
#include "check.h"

#include <stddef.h>

#include <easgate/easgate.h>

struct member {
    const char *of, *name; /* name NULL: the struct itself */
    size_t at, size;
};

#define S(t)                                                                                       \
    {                                                                                              \
#t, NULL, 0, sizeof(t)                                                                     \
    }
#define M(t, m)                                                                                    \
    {                                                                                              \
#t, #m, offsetof(t, m), sizeof(((t *)0)->m)                                                \
    }

static const struct member members[] = {
    S(easg_str),
    M(easg_str, ptr),
    M(easg_str, len),
    S(easg_kv),
    M(easg_kv, struct_size),
    M(easg_kv, reserved),
    M(easg_kv, key),
    M(easg_kv, value),
    S(easg_error),
    M(easg_error, struct_size),
    M(easg_error, domain),
    M(easg_error, native_code),
    M(easg_error, retry_after_ms),
    M(easg_error, reserved),
    M(easg_error, message),
    S(easg_device),
    M(easg_device, struct_size),
    M(easg_device, access),
    M(easg_device, key),
    M(easg_device, device_id),
    M(easg_device, mailbox_id),
    M(easg_device, identity),
    M(easg_device, type),
    M(easg_device, model),
    M(easg_device, os),
    M(easg_device, friendly_name),
    M(easg_device, user_agent),
    M(easg_device, access_reason),
    M(easg_device, first_sync),
    M(easg_device, last_sync),
    M(easg_device, changed),
    M(easg_device, extra),
    M(easg_device, n_extra),
    S(easg_mailbox),
    M(easg_mailbox, struct_size),
    M(easg_mailbox, flags),
    M(easg_mailbox, mailbox_id),
    M(easg_mailbox, ref),
    M(easg_mailbox, display_name),
    M(easg_mailbox, user_sid),
    M(easg_mailbox, user_upn),
    M(easg_mailbox, primary_smtp),
    M(easg_mailbox, smtp),
    M(easg_mailbox, n_smtp),
    M(easg_mailbox, allowed),
    M(easg_mailbox, n_allowed),
    M(easg_mailbox, blocked),
    M(easg_mailbox, n_blocked),
    S(easg_org_settings),
    M(easg_org_settings, struct_size),
    M(easg_org_settings, default_access),
    M(easg_org_settings, org_id),
    M(easg_org_settings, server_version),
    S(easg_managed_device),
    M(easg_managed_device, struct_size),
    M(easg_managed_device, flags),
    M(easg_managed_device, compliance),
    M(easg_managed_device, management),
    M(easg_managed_device, id),
    M(easg_managed_device, eas_id),
    M(easg_managed_device, user_id),
    M(easg_managed_device, os),
    M(easg_managed_device, model),
    M(easg_managed_device, serial),
    M(easg_managed_device, enrolled),
    M(easg_managed_device, last_seen),
    M(easg_managed_device, grace_until),
    S(easg_person),
    M(easg_person, struct_size),
    M(easg_person, flags),
    M(easg_person, id),
    M(easg_person, upn),
    M(easg_person, sid),
    M(easg_person, immutable_id),
    M(easg_person, smtp),
    M(easg_person, n_smtp),
    M(easg_person, watched),
    M(easg_person, language),
    S(easg_change),
    M(easg_change, struct_size),
    M(easg_change, verb),
    M(easg_change, key),
    M(easg_change, mailbox_id),
    M(easg_change, device_id),
    S(easg_item_result),
    M(easg_item_result, struct_size),
    M(easg_item_result, status),
    M(easg_item_result, listed),
    M(easg_item_result, reserved),
    M(easg_item_result, key),
    M(easg_item_result, error),
    S(easg_endpoint),
    M(easg_endpoint, struct_size),
    M(easg_endpoint, priority),
    M(easg_endpoint, id),
    M(easg_endpoint, url),
    M(easg_endpoint, last_ok),
    M(easg_endpoint, last_failed),
    M(easg_endpoint, failures),
    M(easg_endpoint, last_status),
    S(easg_message),
    M(easg_message, struct_size),
    M(easg_message, flags),
    M(easg_message, idempotency_key),
    M(easg_message, to_smtp),
    M(easg_message, subject),
    M(easg_message, body_text),
    M(easg_message, body_html),
    M(easg_message, language),
    S(easg_run_info),
    M(easg_run_info, struct_size),
    M(easg_run_info, flags),
    M(easg_run_info, attempt),
    M(easg_run_info, reserved),
    M(easg_run_info, org),
    M(easg_run_info, run_id),
    M(easg_run_info, started),
    S(easg_host),
    M(easg_host, struct_size),
    M(easg_host, abi_major),
    M(easg_host, abi_minor),
    M(easg_host, opaque),
    M(easg_host, name),
    M(easg_host, version),
    M(easg_host, log),
    M(easg_host, log_enabled),
    M(easg_host, now),
    M(easg_host, monotonic_ms),
    M(easg_host, run_info),
    M(easg_host, cancelled),
    M(easg_host, remaining_ms),
    M(easg_host, sleep_ms),
    M(easg_host, cfg_get),
    M(easg_host, cfg_type),
    M(easg_host, cfg_count),
    M(easg_host, cfg_at),
    M(easg_host, cfg_key_at),
    M(easg_host, cfg_str),
    M(easg_host, cfg_int),
    M(easg_host, cfg_bool),
    M(easg_host, cfg_where),
    M(easg_host, with_secret),
    M(easg_host, state_get),
    M(easg_host, state_put),
    M(easg_host, get_extension),
    S(easg_option),
    M(easg_option, struct_size),
    M(easg_option, type),
    M(easg_option, flags),
    M(easg_option, reserved),
    M(easg_option, name),
    M(easg_option, default_value),
    M(easg_option, allowed),
    M(easg_option, doc),
    S(easg_module),
    M(easg_module, struct_size),
    M(easg_module, flags),
    M(easg_module, kind),
    M(easg_module, id),
    M(easg_module, summary),
    M(easg_module, options),
    M(easg_module, ops),
    M(easg_module, create),
    M(easg_module, destroy),
    M(easg_module, get_extension),
    S(easg_plugin),
    M(easg_plugin, magic),
    M(easg_plugin, struct_size),
    M(easg_plugin, abi_major),
    M(easg_plugin, abi_minor),
    M(easg_plugin, abi_minor_needed),
    M(easg_plugin, reserved),
    M(easg_plugin, name),
    M(easg_plugin, version),
    M(easg_plugin, vendor),
    M(easg_plugin, license),
    M(easg_plugin, url),
    M(easg_plugin, modules),
    S(easg_offer),
    M(easg_offer, struct_size),
    M(easg_offer, abi_major),
    M(easg_offer, abi_minor),
    M(easg_offer, abi_major_min),
    M(easg_offer, reserved),
    S(easg_query),
    M(easg_query, struct_size),
    M(easg_query, scope),
    M(easg_query, since),
    M(easg_query, mailbox_id),
    M(easg_query, resume),
    S(easg_source_receiver),
    M(easg_source_receiver, struct_size),
    M(easg_source_receiver, reserved),
    M(easg_source_receiver, opaque),
    M(easg_source_receiver, org),
    M(easg_source_receiver, mailbox),
    M(easg_source_receiver, device),
    M(easg_source_receiver, checkpoint),
    S(easg_result_receiver),
    M(easg_result_receiver, struct_size),
    M(easg_result_receiver, reserved),
    M(easg_result_receiver, opaque),
    M(easg_result_receiver, emit),
    S(easg_endpoint_receiver),
    M(easg_endpoint_receiver, struct_size),
    M(easg_endpoint_receiver, reserved),
    M(easg_endpoint_receiver, opaque),
    M(easg_endpoint_receiver, emit),
    S(easg_source_ops),
    M(easg_source_ops, struct_size),
    M(easg_source_ops, verbs),
    M(easg_source_ops, open),
    M(easg_source_ops, close),
    M(easg_source_ops, list),
    M(easg_source_ops, apply),
    M(easg_source_ops, discover),
    S(easg_sink_receiver),
    M(easg_sink_receiver, struct_size),
    M(easg_sink_receiver, reserved),
    M(easg_sink_receiver, opaque),
    M(easg_sink_receiver, person),
    M(easg_sink_receiver, managed_device),
    S(easg_facts_query),
    M(easg_facts_query, struct_size),
    M(easg_facts_query, reserved),
    M(easg_facts_query, include_groups),
    M(easg_facts_query, n_include_groups),
    M(easg_facts_query, exclude_groups),
    M(easg_facts_query, n_exclude_groups),
    M(easg_facts_query, watch_groups),
    M(easg_facts_query, n_watch_groups),
    S(easg_device_delta),
    M(easg_device_delta, struct_size),
    M(easg_device_delta, delta),
    M(easg_device_delta, device),
    S(easg_run_report),
    M(easg_run_report, struct_size),
    M(easg_run_report, status),
    M(easg_run_report, scope),
    M(easg_run_report, devices),
    M(easg_run_report, changed),
    M(easg_run_report, applied),
    M(easg_run_report, held),
    M(easg_run_report, flags),
    M(easg_run_report, started),
    M(easg_run_report, finished),
    M(easg_run_report, endpoint),
    S(easg_sink_ops),
    M(easg_sink_ops, struct_size),
    M(easg_sink_ops, max_batch),
    M(easg_sink_ops, open),
    M(easg_sink_ops, close),
    M(easg_sink_ops, fetch),
    M(easg_sink_ops, publish),
    M(easg_sink_ops, report),
    S(easg_notifier_ops),
    M(easg_notifier_ops, struct_size),
    M(easg_notifier_ops, reserved),
    M(easg_notifier_ops, open),
    M(easg_notifier_ops, close),
    M(easg_notifier_ops, send),
    M(easg_notifier_ops, settle),
    S(easg_failover_ops),
    M(easg_failover_ops, struct_size),
    M(easg_failover_ops, reserved),
    M(easg_failover_ops, choose),
};

static void print_all(void)
{
    printf("# easgate plugin ABI %u.%u, 64-bit pointers: struct size, then member offset size\n",
           EASG_ABI_MAJOR, EASG_ABI_MINOR);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct member *m = &members[i];

        if (!m->name)
            printf("%s %zu\n", m->of, m->size);
        else
            printf("%s.%s %zu %zu\n", m->of, m->name, m->at, m->size);
    }
}

static const struct member *find(const char *name)
{
    static char full[256];

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        (void)snprintf(full, sizeof full, "%s%s%s", members[i].of, members[i].name ? "." : "",
                       members[i].name ? members[i].name : "");
        if (strcmp(full, name) == 0)
            return &members[i];
    }
    return NULL;
}

/* One line of the frozen table. */
static void check_line(const char *line)
{
    static char name[256];
    size_t a = 0;
    size_t b = 0;
    int n = sscanf(line, "%255s %zu %zu", name, &a, &b);
    const struct member *m = find(name);

    ROW(name);
    CHECK(n >= 2 && m != NULL);
    if (!m)
        return;
    if (m->name) {
        CHECK_INT(m->at, a);
        CHECK_INT(m->size, b);
    } else if (EASG_ABI_MINOR == 0) {
        CHECK_INT(m->size, a);
    } else {
        CHECK(m->size >= a);
    }
}

/* The lists above are whole: nothing stands behind the last member but padding. */
static void check_whole(void)
{
    size_t size = 0;
    size_t end = 0;

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct member *m = &members[i];

        ROW(m->of);
        if (!m->name) {
            CHECK(size - end < 8);
            size = m->size;
            end = 0;
        } else {
            CHECK(m->at >= end && m->at - end < 8); /* in order, without a hole */
            end = m->at + m->size;
        }
    }
    CHECK(size - end < 8);
}

int main(int argc, char **argv)
{
    char line[512];
    int lines = 0;
    FILE *f;

    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        print_all();
        return 0;
    }
    if (sizeof(void *) != 8)
        return check_skip("layouts are frozen for 64-bit pointers");
    f = argc == 2 ? fopen(argv[1], "r") : NULL;
    CHECK(f != NULL);
    while (f && fgets(line, sizeof line, f))
        if (line[0] != '#') {
            check_line(line);
            lines++;
        }
    if (f)
        fclose(f);
    CHECK(lines > 100);
    check_whole();
    CHECK_INT(sizeof(easg_error), 504); /* never grows */
    CHECK_INT(offsetof(easg_plugin, name), 16); /* the first 16 bytes never change */
    ROW("");
    return check_done();
}
