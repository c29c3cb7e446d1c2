/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_mail.c - `easgate mail preview|test ORG`: what people are going to read, and whether a mail
 * arrives. Nothing is looked up and nothing is recorded: names in it are made up.
 */
#include "verbs.h"

#include "clock.h"
#include "console.h"
#include "err.h"
#include "mail.h"
#include "modules.h"
#include "text.h"
#include "worker.h"

#include <string.h>

struct values {
    const char *what, *org, *template, *lang, *to;
    int html;
};

static easg_status render_digest(const struct org_config *org, const struct values *v,
                                 easg_time now, struct mail_values *values, struct mail_text *out,
                                 easg_error *err)
{
    char held[200];
    const struct mail_item blocked[] = {
        { "robin@contoso.example", "iPhone 15, iOS 19.1, ID APPL000000000000", "enrol", NULL,
          now - 3600000 },
        { "kim@contoso.example", "SM-G991B, Android 15, ID SEC0000000000000", "noncompliant", NULL,
          now - 1800000 }
    };
    const struct mail_item waits[] = { { NULL, NULL, NULL, held, EASG_TIME_NONE } };
    const struct mail_item failed[] = { { "lee@contoso.example", "ID APPL111111111111", NULL,
                                          "the recipient is not valid", now - 600000 } };
    const struct mail_items lists[] = { { blocked, 2, 0 }, { waits, 1, 0 }, { failed, 1, 0 } };

    (void)snprintf(held, sizeof held, "25: easgate approve %.60s RUN", org->name);
    values->lists[MAIL_LIST_BLOCKED] = &lists[0];
    values->lists[MAIL_LIST_HELD] = &lists[1];
    values->lists[MAIL_LIST_UNDELIVERED] = &lists[2];
    values->since = now - 24 * 3600000;
    values->until = now;
    values->mail = NULL;
    return mail_render(org->mail.templates, v->lang, org->mail.language, MAIL_DIGEST, values, out,
                       err);
}

static easg_status render(const struct org_config *org, const struct values *v, easg_time now,
                          struct mail_text *out, easg_error *err)
{
    int t = mail_template_find(v->template ? v->template : "about-to-be-blocked");
    struct mail_values values = { .user = "Robin Example",
                                  .device = "iPhone 15, iOS 19.1, ID APPL000000000000",
                                  .helpdesk = org->mail.helpdesk,
                                  .organization = org->name,
                                  .mail = "enrol",
                                  .deadline = EASG_TIME_NONE };

    if (t == MAIL_DIGEST)
        return render_digest(org, v, now, &values, out, err);
    if (t == MAIL_ABOUT && org->mail.wait_ms > 0)
        values.deadline = now + org->mail.wait_ms;
    return mail_render(org->mail.templates, v->lang, org->mail.language, (enum mail_template)t,
                       &values, out, err);
}

static int show(struct cli *cli, const struct values *v, const struct mail_text *m)
{
    struct jsonout j;

    if (cli->json) {
        cli_json_begin(cli, &j);
        json_text(&j, "language", m->language);
        json_text(&j, "subject", strbuf_str(&m->subject));
        json_text(&j, "text", strbuf_str(&m->text));
        json_text(&j, "html", strbuf_str(&m->html));
        return cli_json_end(cli, &j, CLI_DONE);
    }
    if (v->html)
        printf("%s", strbuf_str(&m->html));
    else
        printf("Subject: %s\nContent-Language: %s\n\n%s", strbuf_str(&m->subject), m->language,
               strbuf_str(&m->text));
    return CLI_DONE;
}

/* ---- test: through the module, once ---- */

static easg_status no_state(void *user, const char *key, easg_bytes_fn use, void *use_user,
                            easg_error *err)
{
    (void)user;
    (void)key;
    (void)use;
    (void)use_user;
    return err_set(err, EASG_E_NOTFOUND, "a test keeps no state");
}

static easg_status drop_state(void *user, const char *key, const uint8_t *ptr, size_t len,
                              easg_error *err)
{
    (void)user;
    (void)key;
    (void)ptr;
    (void)len;
    (void)err;
    return EASG_OK;
}

static easg_status deliver(struct session_ref *session, const char *run_id, const char *to,
                           const struct mail_text *m, easg_error *err)
{
    easg_message message = { .struct_size = sizeof message,
                             .idempotency_key = text_str(run_id),
                             .to_smtp = text_str(to),
                             .subject = { strbuf_str(&m->subject), m->subject.len },
                             .body_text = { strbuf_str(&m->text), m->text.len },
                             .language = text_str(m->language) };
    easg_error why = EASG_ERROR_INIT;
    easg_status st;

    if (m->html.len)
        message.body_html = (easg_str){ m->html.ptr, m->html.len };
    st = notifier_send(session, &message, err);
    if (st == EASG_E_UNCERTAIN && notifier_settle(session, &message, &why) == EASG_OK) {
        err_clear(err);
        st = EASG_OK;
    }
    return st;
}

static easg_status send(struct cli *cli, const struct org_config *org, const char *to,
                        const struct mail_text *m, easg_error *err)
{
    struct state_ops state = { no_state, drop_state, NULL };
    struct run_options options = { .org = org->name,
                                   .started = cli->now,
                                   .deadline_ms = clock_monotonic_ms() + 5 * 60 * 1000,
                                   .state = state };
    struct registry *registry = NULL;
    struct module_ref *module = NULL;
    struct instance_ref *instance = NULL;
    struct run_ref *run = NULL;
    struct session_ref *session = NULL;
    char run_id[37];
    easg_status st;

    if (!org->notifier.id || !org->notifier.enabled)
        return err_set(err, EASG_E_CONFIG, "%s.yaml has no notifier: nothing sends mail",
                       org->name);
    worker_make_run_id(run_id);
    options.run_id = run_id;
    st = modules_load(cli->agent, &registry, err);
    if (st == EASG_OK)
        st = registry_find(registry, EASG_KIND_NOTIFIER, org->notifier.id, org->notifier.node,
                           &module, err);
    if (st == EASG_OK)
        st = instance_create(registry, module, org->notifier.node, NULL, &instance, err);
    if (st == EASG_OK)
        st = run_create(&options, &run, err);
    if (st == EASG_OK)
        st = notifier_open(instance, run, &session, err);
    if (st == EASG_OK)
        st = deliver(session, run_id, to, m, err);
    session_close(session);
    run_destroy(run);
    instance_destroy(instance);
    registry_destroy(registry);
    return st;
}

static int run_mail(struct cli *cli, void *values)
{
    const struct values *v = values;
    int test = strcmp(v->what, "test") == 0;
    struct org_config *org = NULL;
    struct mail_text text;
    easg_error err = EASG_ERROR_INIT;
    int code = CLI_DONE;
    easg_status st;

    if (test && !v->to) {
        fprintf(stderr, "easgate: mail test needs --to ADDRESS\n");
        return CLI_USAGE;
    }
    mail_text_init(&text);
    st = cli_load_agent(cli, &err);
    if (st == EASG_OK)
        st = org_config_find(cli->agent, v->org, &org, &err);
    if (st == EASG_OK)
        st = render(org, v, cli->now, &text, &err);
    if (st == EASG_OK && test)
        st = send(cli, org, v->to, &text, &err);
    if (st != EASG_OK) {
        code = cli_fail(cli, st, &err);
    } else if (test && !cli->json) {
        printf("%s took a mail to %s (%s); it should arrive within a minute\n", org->notifier.id,
               v->to, text.language);
    } else {
        code = show(cli, v, &text);
    }
    mail_text_clear(&text);
    org_config_destroy(org);
    return code;
}

static const struct arg_spec args[] = {
    { .type = ARG_OPERAND,
      .name = "WHAT",
      .offset = offsetof(struct values, what),
      .choices = "preview|test",
      .required = 1,
      .doc = "preview: print a mail; test: send one" },
    { .type = ARG_OPERAND,
      .name = "ORG",
      .offset = offsetof(struct values, org),
      .required = 1,
      .doc = "the organisation" },
    { .type = ARG_TEXT,
      .name = "template",
      .offset = offsetof(struct values, template),
      .value = "T",
      .choices = "about-to-be-blocked|blocked|quarantined|allowed-again|digest",
      .doc = "which mail; about-to-be-blocked otherwise" },
    { .type = ARG_TEXT,
      .name = "lang",
      .offset = offsetof(struct values, lang),
      .value = "L",
      .doc = "en, nl, de, fr, or one of mail.templates" },
    { .type = ARG_TEXT,
      .name = "to",
      .offset = offsetof(struct values, to),
      .value = "ADDRESS",
      .doc = "test: whom to send it to" },
    { .type = ARG_FLAG,
      .name = "html",
      .offset = offsetof(struct values, html),
      .doc = "preview: print the HTML" },
    { .type = ARG_END }
};

const struct verb verb_mail = {
    .name = "mail",
    .summary = "show what people are told, or send a mail to try it",
    .text =
        "Texts come from mail.templates of the organisation's file, else from the templates that\n"
        "are compiled in. Names and devices in them are made up.",
    .args = args,
    .size = sizeof(struct values),
    .run = run_mail
};
