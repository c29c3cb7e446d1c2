/* SPDX-License-Identifier: Apache-2.0
 *
 * What a module emits reaches the host only when it is fit, completed to the host's size.
 */
#include "check.h"
#include "fake.h"

#include "err.h"
#include "text.h"

#define WHO "source fake-source (plugin fake 1.2.3)"

static easg_device device;
static easg_mailbox mailbox;
static int emit_mailbox;

static easg_status emit(easg_instance *self, const easg_run *run, const easg_source_receiver *to,
                        easg_error *err)
{
    (void)self;
    (void)run;
    (void)err;
    return emit_mailbox ? to->mailbox(to, &mailbox) : to->device(to, &device);
}

static int got;
static easg_device last;

static easg_status on_device(void *user, const easg_device *d, easg_error *err)
{
    (void)user;
    (void)err;
    got++;
    last = *d;
    return EASG_OK;
}

static easg_status on_mailbox(void *user, const easg_mailbox *m, easg_error *err)
{
    (void)user;
    (void)err;
    (void)m;
    got++;
    return EASG_OK;
}

static char long_id[600];
static char long_text[5000];
static const char no_nul[4] = { 'a', 'b', 'c', 'd' };
static const char with_nul[] = "ab\0cd";

static void sane(void)
{
    device = (easg_device){ .struct_size = (uint32_t)sizeof device,
                            .access = EASG_ACCESS_ALLOWED,
                            .key = TEXT_LIT("k1"),
                            .device_id = TEXT_LIT("D1"),
                            .mailbox_id = TEXT_LIT("m1"),
                            .first_sync = 5,
                            .last_sync = EASG_TIME_NONE,
                            .changed = EASG_TIME_NONE };
    mailbox =
        (easg_mailbox){ .struct_size = (uint32_t)sizeof mailbox, .mailbox_id = TEXT_LIT("m1") };
}

static const easg_str one = { "A1", 2 };
static const easg_str *const with_hole[] = { &one, NULL };
static const easg_kv bad_kv = { .struct_size = 4 };
static const easg_kv *const bad_extra[] = { &bad_kv };

#define SPOIL(name, ...)                                                                           \
    static void name(void)                                                                         \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
SPOIL(no_spoil, (void)0)
SPOIL(no_key, device.key = (easg_str){ NULL, 0 })
SPOIL(blank_id, device.device_id = TEXT_LIT("  "))
SPOIL(empty_id, device.device_id = TEXT_LIT(""))
SPOIL(control, device.device_id = TEXT_LIT("A\tB"))
SPOIL(control_long, device.device_id = TEXT_LIT("ABCDEFGHIJKL\x1b[31mXYZ"))
SPOIL(del, device.device_id = TEXT_LIT("ABCDEFGH\x7fIJKLMNO"))
SPOIL(not_utf8, device.friendly_name = TEXT_LIT("phone \xff of ada"))
SPOIL(overlong, device.friendly_name = TEXT_LIT("\xc0\x80"))
SPOIL(utf8_fine, device.friendly_name = TEXT_LIT("Gr\xc3\xa4"
                                                 "fin Ada"))
SPOIL(tab_in_text, device.user_agent = TEXT_LIT("a\tb"))
SPOIL(too_long, device.key = ((easg_str){ long_id, sizeof long_id - 1 }))
SPOIL(text_too_long, device.model = ((easg_str){ long_text, sizeof long_text - 1 }))
SPOIL(unterminated, device.key = ((easg_str){ no_nul, 3 }))
SPOIL(inner_nul, device.model = ((easg_str){ with_nul, 5 }))
SPOIL(length_only, device.model = ((easg_str){ NULL, 5 }))
SPOIL(bad_access, device.access = 17)
SPOIL(too_small, device.struct_size = 8)
SPOIL(extra_missing, device.n_extra = 1)
SPOIL(extra_bad, (device.n_extra = 1, device.extra = bad_extra))
SPOIL(list_missing, (emit_mailbox = 1, mailbox.n_smtp = 1))
SPOIL(list_hole, (emit_mailbox = 1, mailbox.smtp = with_hole, mailbox.n_smtp = 2))
SPOIL(list_fine, (emit_mailbox = 1, mailbox.allowed = with_hole, mailbox.n_allowed = 1))

static void test_rows(struct session_ref *s)
{
    static const struct {
        const char *name;
        void (*spoil)(void);
        easg_status want;
        const char *text;
    } rows[] = {
        {"sane",                  no_spoil,      EASG_OK,         ""                       },
        { "no key",               no_key,        EASG_E_USAGE,
         WHO " emitted a device whose key is required and absent in list()"                },
        { "blank",                blank_id,      EASG_E_USAGE,
         WHO " emitted a device k1 whose device_id is required and blank in list()"        },
        { "empty",                empty_id,      EASG_E_USAGE,
         WHO " emitted a device k1 whose device_id is required and blank in list()"        },
        { "control",              control,       EASG_E_PROTOCOL,
         WHO " emitted a device k1 whose device_id holds a control character in list()"    },
        { "control, long",        control_long,  EASG_E_PROTOCOL,
         WHO " emitted a device k1 whose device_id holds a control character in list()"    },
        { "DEL",                  del,           EASG_E_PROTOCOL,
         WHO " emitted a device k1 whose device_id holds a control character in list()"    },
        { "not UTF-8",            not_utf8,      EASG_E_PROTOCOL,
         WHO " emitted a device k1 whose friendly_name is not UTF-8 in list()"             },
        { "overlong",             overlong,      EASG_E_PROTOCOL,
         WHO " emitted a device k1 whose friendly_name is not UTF-8 in list()"             },
        { "UTF-8",                utf8_fine,     EASG_OK,         ""                       },
        { "tab in a text",        tab_in_text,   EASG_OK,         ""                       },
        { "long id",              too_long,      EASG_E_LIMIT,    NULL                     },
        { "long text",            text_too_long, EASG_E_LIMIT,
         WHO " emitted a device k1 whose model is too long in list()"                      },
        { "no NUL",               unterminated,  EASG_E_USAGE,    NULL                     },
        { "NUL inside",           inner_nul,     EASG_E_USAGE,
         WHO " emitted a device k1 whose model holds a NUL in list()"                      },
        { "length without bytes", length_only,   EASG_E_USAGE,
         WHO " emitted a device k1 whose model has a length and no bytes in list()"        },
        { "access",               bad_access,    EASG_E_USAGE,
         WHO " emitted a device k1 whose access is no EASG_ACCESS_ value in list()"        },
        { "too small",            too_small,     EASG_E_USAGE,
         WHO " emitted a device whose struct_size is 8, at least 56 are needed in list()"  },
        { "extra missing",        extra_missing, EASG_E_USAGE,
         WHO " emitted a device k1 whose extra has a count and no elements in list()"      },
        { "extra bad",            extra_bad,     EASG_E_USAGE,
         WHO " emitted a device k1 whose extra has an element that is no easg_kv in list()"},
        { "list missing",         list_missing,  EASG_E_USAGE,
         WHO " emitted a mailbox m1 whose smtp has a count and no elements in list()"      },
        { "list with a hole",     list_hole,     EASG_E_USAGE,
         WHO " emitted a mailbox m1 whose smtp has a NULL element in list()"               },
        { "list",                 list_fine,     EASG_OK,         ""                       },
    };
    struct source_sink to = { .device = on_device, .mailbox = on_mailbox };
    easg_query q = { .struct_size = (uint32_t)sizeof q };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        easg_error err = EASG_ERROR_INIT;

        ROW(rows[i].name);
        sane();
        emit_mailbox = 0;
        got = 0;
        rows[i].spoil();
        CHECK_INT(source_list(s, &q, &to, &err), rows[i].want);
        if (rows[i].text)
            CHECK_STR(err.message, rows[i].text);
        CHECK_INT(got, rows[i].want == EASG_OK);
    }
    ROW("");
}

/* A plugin of an older minor: its struct ends behind the required members. */
static void test_old(struct session_ref *s)
{
    struct source_sink to = { .device = on_device };
    easg_query q = { .struct_size = (uint32_t)sizeof q };
    easg_error err = EASG_ERROR_INIT;

    sane();
    emit_mailbox = 0;
    device.friendly_name = TEXT_LIT("behind the end");
    device.struct_size = (uint32_t)offsetof(easg_device, identity);
    CHECK_INT(source_list(s, &q, &to, &err), EASG_OK);
    CHECK_INT(last.struct_size, sizeof last);
    CHECK_STR(last.device_id.ptr, "D1");
    CHECK(last.friendly_name.ptr == NULL);
    CHECK(last.first_sync == EASG_TIME_NONE);
    CHECK(last.changed == EASG_TIME_NONE);
    CHECK_INT(last.n_extra, 0);
}

int main(void)
{
    struct session_ref *s = NULL;
    easg_error err = EASG_ERROR_INIT;
    struct bench b;

    memset(long_id, 'a', sizeof long_id - 1);
    memset(long_text, 'b', sizeof long_text - 1);
    bench_open(&b, EASG_KIND_SOURCE, "fake-source", "{}");
    CHECK_INT(source_open(b.instance, b.run, NULL, &s, &err), EASG_OK);
    fake.list = emit;
    test_rows(s);
    test_old(s);
    session_close(s);
    bench_close(&b);
    return check_done();
}
