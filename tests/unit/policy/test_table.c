/* SPDX-License-Identifier: Apache-2.0
 *
 * test_table.c - policy_decide() against the table as data (conditions.tsv, decision-table.tsv),
 * over every combination of the inputs and of the options, with the invariants of the table.
 */
#include "check.h"

#include "policy.h"

enum { INPUTS = 18, TABLE_INPUTS = 15, MAX_ROWS = 32, WORD = 64 };

/* One line of conditions.tsv: bit v of mask[i] says that value v of input i fits. */
struct condition {
    unsigned row;
    unsigned mask[INPUTS];
};

struct outcome {
    char action[WORD], reason[WORD], mail[WORD];
    long combinations;
};

static char names[INPUTS][WORD];
static char values[INPUTS][16][WORD];
static unsigned n_values[INPUTS];
static struct condition conditions[MAX_ROWS];
static size_t n_conditions;
static struct outcome outcomes[20];

/* Splits off the next field of `*at` up to `sep` or the end of the line; 0 at the end. */
static int next_field(char **at, char sep, char *out, size_t size)
{
    size_t n;

    if (!*at)
        return 0;
    n = strcspn(*at, sep == '\t' ? "\t\r\n" : "|");
    if (n >= size) {
        printf("# field too long: %s\n", *at);
        exit(1);
    }
    memcpy(out, *at, n);
    out[n] = '\0';
    *at = (*at)[n] == sep ? *at + n + 1 : NULL;
    return 1;
}

static FILE *data_file(const char *name)
{
    char path[1024];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", check_source(), name);
    f = fopen(path, "r");
    if (!f) {
        printf("# cannot open %s\n", path);
        exit(1);
    }
    return f;
}

static unsigned mask_of(size_t input, char *words)
{
    char word[WORD];
    unsigned mask = 0;
    unsigned v;
    int known;

    if (strcmp(words, "*") == 0)
        return ~0u;
    while (next_field(&words, '|', word, sizeof(word))) {
        known = 0;
        for (v = 0; v < n_values[input]; v++)
            if (strcmp(values[input][v], word) == 0) {
                mask |= 1u << v;
                known = 1;
            }
        if (!known) {
            printf("# conditions.tsv: %s has no value %s\n", names[input], word);
            exit(1);
        }
    }
    return mask;
}

static void read_conditions(void)
{
    FILE *f = data_file("tests/unit/policy/conditions.tsv");
    char line[2048], field[512], *at, *sub;
    int header = 0;
    size_t i;

    while (fgets(line, sizeof(line), f)) {
        if (line[0] == '#')
            continue;
        at = line;
        next_field(&at, '\t', field, sizeof(field));
        if (header == 2) {
            CHECK(n_conditions < MAX_ROWS);
            conditions[n_conditions].row = (unsigned)strtoul(field + 1, NULL, 10);
        }
        for (i = 0; i < INPUTS; i++) {
            CHECK(next_field(&at, '\t', field, sizeof(field)));
            sub = field;
            if (header == 0)
                snprintf(names[i], sizeof(names[i]), "%.60s", field);
            else if (header == 1)
                while (next_field(&sub, '|', values[i][n_values[i]], WORD))
                    n_values[i]++;
            else
                conditions[n_conditions].mask[i] = mask_of(i, field);
        }
        if (header < 2)
            header++;
        else
            n_conditions++;
    }
    fclose(f);
    CHECK_INT(n_conditions, 20); /* D16 has two lines */
}

static void read_outcomes(void)
{
    FILE *f = data_file("tests/data/decisions/decision-table.tsv");
    char line[2048], field[512], *at;
    unsigned row;
    int n = 0;

    while (fgets(line, sizeof(line), f)) {
        at = line;
        next_field(&at, '\t', field, sizeof(field));
        if (field[0] != 'D')
            continue;
        row = (unsigned)strtoul(field + 1, NULL, 10);
        if (row < 1 || row > 19) {
            printf("# decision-table.tsv: no such row: %s\n", field);
            exit(1);
        }
        next_field(&at, '\t', outcomes[row].action, WORD);
        next_field(&at, '\t', outcomes[row].reason, WORD);
        next_field(&at, '\t', outcomes[row].mail, WORD);
        next_field(&at, '\t', field, sizeof(field));
        outcomes[row].combinations = strtol(field, NULL, 10);
        n++;
    }
    fclose(f);
    CHECK_INT(n, 19);
}

/* The first line that fits, by masks alone. 0: the table is not total. */
static unsigned oracle(const unsigned v[INPUTS])
{
    size_t r, i;

    for (r = 0; r < n_conditions; r++) {
        for (i = 0; i < INPUTS; i++)
            if (!(conditions[r].mask[i] & (1u << v[i])))
                break;
        if (i == INPUTS)
            return conditions[r].row;
    }
    return 0;
}

static void fill(const unsigned v[INPUTS], struct policy_input *in)
{
    uint8_t *const at[INPUTS] = { &in->data,
                                  &in->policy,
                                  &in->licensed,
                                  &in->targeted,
                                  &in->exempt,
                                  &in->foreign,
                                  &in->hma,
                                  &in->unsupported_default,
                                  &in->client,
                                  &in->platform,
                                  &in->record,
                                  &in->activated,
                                  &in->compliance,
                                  &in->override,
                                  &in->default_access,
                                  &in->enforce_foreign_allow,
                                  &in->unknown_compliant,
                                  &in->configmanager_compliant };
    size_t i;

    for (i = 0; i < INPUTS; i++)
        *at[i] = (uint8_t)v[i];
}

/* The invariants that the table promises whatever the inputs are. */
static int invariants(const struct policy_input *in, const struct policy_verdict *got, int defaults)
{
    int in_scope = in->data == DATA_OK && in->policy && in->licensed && in->targeted && !in->exempt;
    int compliant = in->compliance == COMPLIANCE_COMPLIANT || in->compliance == COMPLIANCE_GRACE;
    int counts =
        compliant ||
        (!defaults && in->unknown_compliant && in->compliance == COMPLIANCE_UNKNOWN_OLD) ||
        (!defaults && in->configmanager_compliant && in->compliance == COMPLIANCE_CONFIGMANAGER);
    int foreign = in->foreign == FOREIGN_NONE ||
                  (!defaults && in->foreign == FOREIGN_ALLOW && in->enforce_foreign_allow);

    if (got->action == ACTION_ALLOW &&
        !(in_scope && in->record == RECORD_MANAGED && counts && foreign))
        return 0;
    if (got->action == ACTION_BLOCK && !(in_scope && foreign))
        return 0;
    if (got->mail != MAIL_NONE && got->action != ACTION_BLOCK)
        return 0;
    return 1;
}

struct tally {
    long total, wrong_row, wrong_words, broken;
    long rows[20];
};

static void judge(const unsigned v[INPUTS], int defaults, struct tally *t)
{
    struct policy_input in = POLICY_INPUT_DEFAULT;
    struct policy_verdict got;
    const struct outcome *want;
    unsigned row = oracle(v);
    size_t i;

    fill(v, &in);
    got = policy_decide(&in);
    t->total++;
    t->rows[got.row < 20 ? got.row : 0]++;
    if (got.row != row || row == 0) {
        if (t->wrong_row++ == 0) {
            printf("# D%02u, the table says D%02u, for", got.row, row);
            for (i = 0; i < INPUTS; i++)
                printf(" %s=%s", names[i], values[i][v[i]]);
            printf("\n");
        }
        return;
    }
    want = &outcomes[row];
    if (strcmp(policy_action_name(got.action), want->action) != 0 ||
        strcmp(policy_reason_name(got.reason), want->reason) != 0 ||
        strcmp(policy_mail_name(got.mail), want->mail) != 0)
        t->wrong_words++;
    if (!invariants(&in, &got, defaults))
        t->broken++;
}

/* Every combination of inputs [first, INPUTS), where input i takes n[i] values. */
static void enumerate(const unsigned n[INPUTS], int defaults, struct tally *t)
{
    unsigned v[INPUTS] = { 0 };
    size_t i;

    do {
        judge(v, defaults, t);
        for (i = 0; i < INPUTS && ++v[i] == n[i]; i++)
            v[i] = 0;
    } while (i < INPUTS);
}

int main(void)
{
    struct tally table = { 0 }, all = { 0 };
    unsigned n[INPUTS];
    char row[8];
    unsigned i;

    read_conditions();
    read_outcomes();
    for (i = 0; i < INPUTS; i++)
        CHECK_STR(policy_input_name(i), names[i]);

    /* the table's own inputs, options at their defaults */
    for (i = 0; i < INPUTS; i++)
        n[i] = i < TABLE_INPUTS ? n_values[i] : 1;
    n[13] = 2; /* override: no, yes */
    enumerate(n, 1, &table);
    ROW("table");
    CHECK_INT(table.total, 1474560);
    CHECK_INT(table.wrong_row, 0);
    CHECK_INT(table.wrong_words, 0);
    CHECK_INT(table.broken, 0);
    for (i = 1; i < 20; i++) {
        snprintf(row, sizeof(row), "D%02u", i);
        ROW(row);
        CHECK_INT(table.rows[i], outcomes[i].combinations);
        printf("D%02u %ld\n", i, table.rows[i]);
    }

    /* and every option */
    for (i = 0; i < INPUTS; i++)
        n[i] = n_values[i];
    enumerate(n, 0, &all);
    ROW("with options");
    CHECK_INT(all.total, 1474560L / 2 * 3 * 8);
    CHECK_INT(all.wrong_row, 0);
    CHECK_INT(all.wrong_words, 0);
    CHECK_INT(all.broken, 0);
    ROW("");
    return check_done();
}
