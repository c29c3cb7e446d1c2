/* SPDX-License-Identifier: Apache-2.0
 *
 * Message headers: little endian, unlike the fragments around them.
 */
#include "psrp_message.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

static uint32_t get_le(const char *ptr)
{
    const unsigned char *p = (const unsigned char *)ptr;

    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_le(unsigned char *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++, v >>= 8)
        p[i] = (unsigned char)v;
}

easg_status psrp_message_parse(const char *ptr, size_t len, struct psrp_message *out,
                               easg_error *err)
{
    if (len < PSRP_MESSAGE_HEADER)
        return err_set(err, EASG_E_PROTOCOL, "message of %zu bytes; its header alone has %u", len,
                       PSRP_MESSAGE_HEADER);
    out->destination = get_le(ptr);
    out->type = get_le(ptr + 4);
    memcpy(out->rpid.b, ptr + 8, 16);
    memcpy(out->pid.b, ptr + 24, 16);
    out->xml = ptr + PSRP_MESSAGE_HEADER;
    out->len = len - PSRP_MESSAGE_HEADER;
    if (out->len >= 3 && memcmp(out->xml, "\xEF\xBB\xBF", 3) == 0) {
        out->xml += 3;
        out->len -= 3;
    }
    if (out->destination != PSRP_TO_CLIENT)
        return err_set(err, EASG_E_PROTOCOL, "%s is not for a client (destination %u)",
                       psrp_type_name(out->type), (unsigned)out->destination);
    return EASG_OK;
}

void psrp_message_header(struct strbuf *out, uint32_t type, const struct wsman_guid *rpid,
                         const struct wsman_guid *pid)
{
    unsigned char head[PSRP_MESSAGE_HEADER] = { 0 };

    put_le(head, PSRP_TO_SERVER);
    put_le(head + 4, type);
    memcpy(head + 8, rpid->b, 16);
    if (pid)
        memcpy(head + 24, pid->b, 16);
    strbuf_add(out, head, sizeof(head));
}

const char *psrp_type_name(uint32_t type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } names[] = {
        { PSRP_SESSION_CAPABILITY, "SESSION_CAPABILITY" },
        { PSRP_INIT_RUNSPACEPOOL, "INIT_RUNSPACEPOOL" },
        { PSRP_PUBLIC_KEY, "PUBLIC_KEY" },
        { PSRP_ENCRYPTED_SESSION_KEY, "ENCRYPTED_SESSION_KEY" },
        { PSRP_PUBLIC_KEY_REQUEST, "PUBLIC_KEY_REQUEST" },
        { PSRP_CONNECT_RUNSPACEPOOL, "CONNECT_RUNSPACEPOOL" },
        { PSRP_RUNSPACEPOOL_INIT_DATA, "RUNSPACEPOOL_INIT_DATA" },
        { PSRP_RESET_RUNSPACE_STATE, "RESET_RUNSPACE_STATE" },
        { PSRP_SET_MAX_RUNSPACES, "SET_MAX_RUNSPACES" },
        { PSRP_SET_MIN_RUNSPACES, "SET_MIN_RUNSPACES" },
        { PSRP_RUNSPACE_AVAILABILITY, "RUNSPACE_AVAILABILITY" },
        { PSRP_RUNSPACEPOOL_STATE, "RUNSPACEPOOL_STATE" },
        { PSRP_CREATE_PIPELINE, "CREATE_PIPELINE" },
        { PSRP_GET_AVAILABLE_RUNSPACES, "GET_AVAILABLE_RUNSPACES" },
        { PSRP_USER_EVENT, "USER_EVENT" },
        { PSRP_APPLICATION_PRIVATE_DATA, "APPLICATION_PRIVATE_DATA" },
        { PSRP_GET_COMMAND_METADATA, "GET_COMMAND_METADATA" },
        { PSRP_RUNSPACEPOOL_HOST_CALL, "RUNSPACEPOOL_HOST_CALL" },
        { PSRP_RUNSPACEPOOL_HOST_RESPONSE, "RUNSPACEPOOL_HOST_RESPONSE" },
        { PSRP_PIPELINE_INPUT, "PIPELINE_INPUT" },
        { PSRP_END_OF_PIPELINE_INPUT, "END_OF_PIPELINE_INPUT" },
        { PSRP_PIPELINE_OUTPUT, "PIPELINE_OUTPUT" },
        { PSRP_ERROR_RECORD, "ERROR_RECORD" },
        { PSRP_PIPELINE_STATE, "PIPELINE_STATE" },
        { PSRP_DEBUG_RECORD, "DEBUG_RECORD" },
        { PSRP_VERBOSE_RECORD, "VERBOSE_RECORD" },
        { PSRP_WARNING_RECORD, "WARNING_RECORD" },
        { PSRP_PROGRESS_RECORD, "PROGRESS_RECORD" },
        { PSRP_INFORMATION_RECORD, "INFORMATION_RECORD" },
        { PSRP_PIPELINE_HOST_CALL, "PIPELINE_HOST_CALL" },
        { PSRP_PIPELINE_HOST_RESPONSE, "PIPELINE_HOST_RESPONSE" },
    };
    static char other[40];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].type == type)
            return names[i].name;
    (void)snprintf(other, sizeof(other), "message type 0x%08X", (unsigned)type);
    return other;
}
