/* Goal: lines of JSON become rows and cells; whatever is wrong with a line costs that line alone,
 * and no byte behind the text's padding is read.
 * Method: texts in memory that ends with them, with and without padding; a suite of spellings, each
 * as the value of a field that is read, that is not, and with strict. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "data/json_decoder.h"
#include "data/records.h"
#include "testing.h"

static const char *faults_of(const struct mill_records *r)
{
    static char shown[1000];
    size_t used = 0;
    shown[0] = '\0';
    for (uint32_t i = 0; i < r->fault_count; i++) {
        used += (size_t)snprintf(shown + used, sizeof shown - used, "%s;", r->faults[i].reason);
    }
    return shown;
}

/* Read a text whole. @return its memory, for memory_free */
static char *read_text(struct mill_records *r, const char *text, size_t padding)
{
    size_t size = strlen(text);
    char *memory = memory_alloc(size + padding + (size + padding == 0));
    memcpy(memory, text, size);
    memset(memory + size, '}', padding);
    struct slice all = {memory, size};
    records_begin(r, all, 0, padding);
    assert_int_equal(records_next(r, all, 0), size);
    return memory;
}

static void cell_is(const struct mill_cell *c, const char *meant)
{
    assert_int_equal(c->kind, MILL_STRING);
    assert_int_equal(c->len, strlen(meant));
    assert_memory_equal(c->ptr, meant, c->len);
}

static void lines_become_rows_with_and_without_padding(void **state)
{
    (void)state;
    const size_t paddings[] = {0, 1, LIMIT_TEXT_PADDING - 1, LIMIT_TEXT_PADDING, 1000};
    for (size_t i = 0; i < sizeof paddings / sizeof *paddings; i++) {
        struct mill_records *r = records_create(json_decoder_create(false));
        char *text =
            read_text(r, "{\"a\":\"x\"}\r\n{\"a\":\"y\\n\"}\n{}\n{\"a\":1.5}", paddings[i]);
        const struct mill_cell *a = mill_records_field(r, "a", 1);
        assert_int_equal(r->count, 4);
        cell_is(&a[0], "x");
        cell_is(&a[1], "y\n");
        assert_int_equal(a[2].kind, MILL_EMPTY);
        assert_true(a[3].kind == MILL_NUMBER && a[3].num == 1.5);
        assert_true(a[0].ptr == text + 6); /* where it stands, not in a copy */
        records_destroy(r);
        memory_free(text);
    }
}

/* The decoder remembers how far there is no backslash. */
static void escapes_are_undone_wherever_they_stand(void **state)
{
    (void)state;
    const char *lines = "{\"a\":\"\\n\",\"b\":\"1\"}\n{\"a\":\"2\",\"b\":\"3\"}\n"
                        "{\"\\u0061\":\"4\",\"b\":\"\\t\"}\n{\"a\":\"5\",\"b\":\"\\\\\"}";
    struct mill_records *r = records_create(json_decoder_create(false));
    char *text = read_text(r, lines, 0);
    const struct mill_cell *b = mill_records_field(r, "b", 1); /* the rows again, from the first */
    const struct mill_cell *a = mill_records_field(r, "a", 1);
    const char *a_meant[] = {"\n", "2", "4", "5"};
    const char *b_meant[] = {"1", "3", "\t", "\\"};
    for (size_t i = 0; i < 4; i++) {
        cell_is(&a[i], a_meant[i]);
        cell_is(&b[i], b_meant[i]);
    }
    /* Other texts in the same memory, the first of which has none. */
    const char *others[] = {"{\"a\":\"x\",\"b\":\".r\"}\n{\"a\":\".f\",\"b\":\"y\"}\n",
                            "{\"a\":\"x\",\"b\":\"\\r\"}\n{\"a\":\"\\f\",\"b\":\"y\"}\n"};
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(others[i]);
        memcpy(text, others[i], size);
        struct slice all = {text, size};
        records_begin(r, all, 0, 0);
        assert_int_equal(records_next(r, all, 0), size);
        cell_is(&a[0], "x");
        cell_is(&a[1], i == 0 ? ".f" : "\f");
        cell_is(&b[0], i == 0 ? ".r" : "\r");
        cell_is(&b[1], "y");
    }
    records_destroy(r);
    memory_free(text);
}

static void lines_of_blanks_are_no_records(void **state)
{
    (void)state;
    struct mill_records *r = records_create(json_decoder_create(true));
    char *text = read_text(r, "\n{}\n \t\r\n\r\n{}\n\n", 0);
    assert_int_equal(r->count, 2);
    assert_int_equal(r->fault_count, 0);
    records_destroy(r);
    memory_free(text);
}

static void a_bad_line_costs_itself_alone(void **state)
{
    (void)state;
    struct mill_records *r = records_create(json_decoder_create(false));
    char *text = read_text(r, "{\"a\":1}\n{\"a\":\n[]\n{\"a\":\"\xff\"}\n{\"a\":2}\n", 0);
    const struct mill_cell *a = mill_records_field(r, "a", 1);
    assert_int_equal(r->count, 2);
    assert_true(a[0].num == 1 && a[1].num == 2);
    assert_string_equal(faults_of(r), "it does not end with };"
                                      "a record is a JSON object, not an array;invalid UTF-8;");
    records_destroy(r);
    memory_free(text);
}

static void only_strict_looks_at_values_that_no_one_reads(void **state)
{
    (void)state;
    const char *lines = "{\"a\":1,\"b\":[nul]}\n{\"a\":1,\"b\":1e400}\n{\"a\":1,\"b\":\"\\x\"}\n";
    struct mill_records *r = records_create(json_decoder_create(false));
    char *text = read_text(r, lines, 0);
    assert_int_equal(r->count, 3);
    const struct mill_cell *b = mill_records_field(r, "b", 1);
    assert_int_equal(b[0].kind, MILL_LIST);
    assert_int_equal(b[1].kind, MILL_BAD);
    assert_int_equal(b[2].kind, MILL_BAD);
    records_destroy(r);
    memory_free(text);
    r = records_create(json_decoder_create(true));
    text = read_text(r, lines, 0);
    assert_int_equal(r->count, 0);
    assert_string_equal(faults_of(r), "no value, at byte 12;a number that is too large, at byte 11;"
                                      "a wrong escape, at byte 13;");
    records_destroy(r);
    memory_free(text);
}

static void a_record_is_its_own_json(void **state)
{
    (void)state;
    struct mill_records *r = records_create(json_decoder_create(false));
    char *text = read_text(r, " {\"a\" : 1}\n", 0);
    struct mill_slice json;
    mill_records_text(r, 0, &json);
    assert_true(json.ptr == text);
    assert_int_equal(json.len, 10);
    records_destroy(r);
    memory_free(text);
}

/* --- a suite of spellings --- */

enum verdict { TAKEN, STRICT_REFUSES, REFUSED };

static const struct spelling {
    enum verdict verdict;
    const char *text;
} spellings[] = {
    {TAKEN, "0"},
    {TAKEN, "-0"},
    {TAKEN, "-0.0e-0"},
    {TAKEN, "123e65"},
    {TAKEN, "0e+1"},
    {TAKEN, "1E22"},
    {TAKEN, "1.7976931348623157e308"},
    {TAKEN, "1e-10000"},
    {TAKEN, "123456789012345678901234567890"},
    {TAKEN, "-9223372036854775809"},
    {TAKEN, "\"\""},
    {TAKEN, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""},
    {TAKEN, "\"\\u0000\\u0060\\u012a\\u12AB\""},
    {TAKEN, "\"\\uD801\\udc37\""},
    {TAKEN, "\"\\uFFFE\\uFDD0\""},
    {TAKEN, "\"\\\\\\\\\""},
    {TAKEN, "\"a/*b*/c//d\""},
    {TAKEN, "\"[{,:}]\""},
    {TAKEN, "\"\x7f\xe2\x80\xa8\xf4\x8f\xbf\xbf\""},
    {TAKEN, "true"},
    {TAKEN, "false"},
    {TAKEN, "null"},
    {TAKEN, "[]"},
    {TAKEN, "[[]   ]"},
    {TAKEN, "[null, 1, \"1\", {}]"},
    {TAKEN, "\t[\r1 , 2\t]  "},
    {TAKEN, "{\"\":0}"},
    {TAKEN, "{\"a\":1,\"a\":1}"},
    {TAKEN, "{\"\\u0000\":[{\"a\":[]}]}"},
    {STRICT_REFUSES, "01"},
    {STRICT_REFUSES, "-01"},
    {STRICT_REFUSES, "-"},
    {STRICT_REFUSES, "--1"},
    {STRICT_REFUSES, "1."},
    {STRICT_REFUSES, "1.e5"},
    {STRICT_REFUSES, "-.5"},
    {STRICT_REFUSES, "1e"},
    {STRICT_REFUSES, "1e+"},
    {STRICT_REFUSES, "1e1.5"},
    {STRICT_REFUSES, "1+2"},
    {STRICT_REFUSES, "0x1F"},
    {STRICT_REFUSES, "1_000"},
    {STRICT_REFUSES, "1/**/"},
    {STRICT_REFUSES, "1e400"},
    {STRICT_REFUSES, "-1e400"},
    {STRICT_REFUSES, "NaN"},
    {STRICT_REFUSES, "nan"},
    {STRICT_REFUSES, "Infinity"},
    {STRICT_REFUSES, "-Infinity"},
    {STRICT_REFUSES, "True"},
    {STRICT_REFUSES, "nul"},
    {STRICT_REFUSES, "nulll"},
    {STRICT_REFUSES, "undefined"},
    {STRICT_REFUSES, "1\xc2\xa0"},
    {STRICT_REFUSES, "1\x01"},
    {STRICT_REFUSES, "\"\\x41\""},
    {STRICT_REFUSES, "\"\\'\""},
    {STRICT_REFUSES, "\"\\U0041\""},
    {STRICT_REFUSES, "\"\\u00A\""},
    {STRICT_REFUSES, "\"\\u\""},
    {STRICT_REFUSES, "\"\\\xc3\xa9\""},
    {STRICT_REFUSES, "\"\\ud800\""},
    {STRICT_REFUSES, "\"\\ud800\\n\""},
    {STRICT_REFUSES, "\"\\udc00\\ud800\""},
    {STRICT_REFUSES, "\"\\ud800\\ud800\""},
    {REFUSED, ""},
    {REFUSED, "+1"},
    {REFUSED, ".5"},
    {REFUSED, "1 000"},
    {REFUSED, "1 e5"},
    {REFUSED, "1:2"},
    {REFUSED, "'x'"},
    {REFUSED, "\"x"},
    {REFUSED, "x\""},
    {REFUSED, "\"x\\\""},
    {REFUSED, "\"x\" \"y\""},
    {REFUSED, "\"x\"y"},
    {REFUSED, "\"\t\""},
    {REFUSED, "\"\x1f\""},
    {REFUSED, "\\n"},
    {REFUSED, "tr ue"},
    {REFUSED, "\xc2\xa0"},
    {REFUSED, "\xe2\x81\xa0"},
    {REFUSED, "\x0c"},
    {REFUSED, "\xef\xbb\xbf"
              "1"},
    {REFUSED, "\xff"},
    {REFUSED, "\"\xed\xa0\x80\""},
    {REFUSED, "\"\xc0\xaf\""},
    {REFUSED, "\"\xe2\x82\""},
    {REFUSED, "["},
    {REFUSED, "]"},
    {REFUSED, "[1"},
    {REFUSED, "[1,"},
    {REFUSED, "[1,]"},
    {REFUSED, "[,]"},
    {REFUSED, "[,1]"},
    {REFUSED, "[1,,2]"},
    {REFUSED, "[1 2]"},
    {REFUSED, "[1}"},
    {REFUSED, "[\"a\":1]"},
    {REFUSED, "[]]"},
    {REFUSED, "[1]x"},
    {REFUSED, "[](1)"},
    {REFUSED, "[*]"},
    {REFUSED, "{"},
    {REFUSED, "{\"b\"}"},
    {REFUSED, "{\"b\":}"},
    {REFUSED, "{\"b\":1,}"},
    {REFUSED, "{,\"b\":1}"},
    {REFUSED, "{\"b\":1,,\"c\":2}"},
    {REFUSED, "{\"b\" 1}"},
    {REFUSED, "{\"b\",1}"},
    {REFUSED, "{\"b\"::1}"},
    {REFUSED, "{b:1}"},
    {REFUSED, "{'b':1}"},
    {REFUSED, "{1:1}"},
    {REFUSED, "{null:1}"},
    {REFUSED, "{[]:1}"},
    {REFUSED, "{\"b\":1]"},
    {REFUSED, "{\"b\":1 \"c\":2}"},
    {REFUSED, "{} {}"},
    {REFUSED, "1 // x"},
    {REFUSED, "1 # x"},
    {REFUSED, "/**/1"},
    {REFUSED, "1}}"},
    {REFUSED, "1},"},
    {REFUSED, "1}{\"a\":2"},
};

/* Whether a line between two others is a record. @param a  out: its field of this name */
static bool is_record(const char *line, bool strict, struct mill_cell *a)
{
    struct mill_records *r = records_create(json_decoder_create(strict));
    char text[300];
    snprintf(text, sizeof text, "{\"a\":1}\n%s\n{\"a\":2}", line);
    char *memory = read_text(r, text, 0);
    const struct mill_cell *column = mill_records_field(r, "a", 1);
    uint32_t last = r->count - 1;
    assert_int_equal(r->count + r->fault_count, 3);
    assert_true(column[0].num == 1 && column[last].num == 2); /* the others are unharmed */
    *a = column[1];
    if (r->fault_count > 0) {
        assert_int_equal(r->faults[0].row.size, strlen(line));
        assert_memory_equal(r->faults[0].row.data, line, strlen(line));
        assert_true(strlen(r->faults[0].reason) > 0);
    }
    records_destroy(r);
    memory_free(memory);
    return last == 2;
}

static void is_judged(const struct spelling *s, const char *line)
{
    struct mill_cell a;
    struct mill_cell strict;
    bool is_taken = is_record(line, false, &a);
    bool is_strict = is_record(line, true, &strict);
    if (is_taken != (s->verdict != REFUSED) || is_strict != (s->verdict == TAKEN)) {
        fail_msg("taken %d, strict %d: %s", is_taken, is_strict, line);
    }
    if (s->verdict == STRICT_REFUSES) {
        assert_int_equal(a.kind, MILL_BAD); /* where it is read, it is the record's fault */
    }
    if (s->verdict == TAKEN) {
        assert_int_not_equal(a.kind, MILL_BAD);
        assert_int_equal(a.kind, strict.kind);
    }
}

static void each_spelling_is_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        char line[200];
        snprintf(line, sizeof line, "{\"a\":%s}", spellings[i].text);
        is_judged(&spellings[i], line);
        snprintf(line, sizeof line, " { \"z\" : [0] , \"a\" : %s , \"b\" : \"\" } ",
                 spellings[i].text);
        is_judged(&spellings[i], line);
    }
}

/* --- chunks --- */

static void a_mark_before_the_first_line_is_no_part_of_it(void **state)
{
    (void)state;
    struct mill_records *r = records_create(json_decoder_create(true));
    char *text = read_text(r, "\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf{\"a\":2}\n", 0);
    assert_int_equal(r->count, 1);
    assert_int_equal(r->fault_count, 1); /* in the middle it is one */
    records_destroy(r);
    memory_free(text);
}

static char *long_line(const char *start, char fill, size_t size, const char *end)
{
    char *text = memory_alloc(strlen(start) + size + strlen(end) + 1);
    memcpy(text, start, strlen(start));
    memset(text + strlen(start), fill, size);
    memcpy(text + strlen(start) + size, end, strlen(end) + 1);
    return text;
}

/* Without padding it is copied, twice: to be found good, and for its field. */
static void a_field_of_10_mb_is_read_with_and_without_escapes(void **state)
{
    (void)state;
    const char *starts[] = {"{\"a\":\"", "{\"a\":\"\\n"};
    size_t size = 10 * MIB;
    for (size_t i = 0; i < 4; i++) {
        struct mill_records *r = records_create(json_decoder_create(i < 2));
        char *line = long_line(starts[i % 2], 'x', size, "\"}");
        char *text = read_text(r, line, 0);
        const struct mill_cell *a = mill_records_field(r, "a", 1);
        assert_int_equal(r->count, 1);
        assert_int_equal(a[0].kind, MILL_STRING);
        assert_int_equal(a[0].len, size + i % 2);
        records_destroy(r);
        memory_free(text);
        memory_free(line);
    }
}

static void deep_lines_and_endless_ones_cost_themselves_alone(void **state)
{
    (void)state;
    const char *starts[] = {"{\"a\":1}\n{\"a\":", "{\"a\":1}\n{\"a\":\""};
    const char *reasons[] = {"nested deeper than 64", "a string that does not end"};
    for (size_t i = 0; i < 4; i++) {
        struct mill_records *r = records_create(json_decoder_create(i < 2));
        char *line = long_line(starts[i % 2], '[', 100000, "}\n{\"a\":2}\n");
        char *text = read_text(r, line, 0);
        const struct mill_cell *a = mill_records_field(r, "a", 1);
        assert_int_equal(r->count, 2);
        assert_true(a[0].num == 1 && a[1].num == 2);
        assert_non_null(strstr(faults_of(r), reasons[i % 2]));
        records_destroy(r);
        memory_free(text);
        memory_free(line);
    }
}

static bool is_same(const struct mill_cell *x, const struct mill_cell *y)
{
    if (x->kind != y->kind || x->len != y->len) {
        return false;
    }
    bool has_bytes = x->kind == MILL_STRING || x->kind == MILL_BAD || x->kind == MILL_RECORD ||
                     x->kind == MILL_LIST;
    return has_bytes ? memcmp(x->ptr, y->ptr, x->len) == 0
                     : x->kind == MILL_EMPTY || x->u64 == y->u64;
}

/* Lines of few fields in any order, some cut, some misspelt; none is left empty. */
static void lines_by_chance(struct chance *c, char *text)
{
    static const char *members[] = {
        "\"a\":#",  "\"b\":\"#\\n\"", "\"c\":{\"a\":#}",         "\"d\":[#]",
        "\"a\":x#", "\"\\u0062\":#",  "\"e\":1844674407#000000", "\"f\":-#.5"};
    char *at = text;
    for (int line = 0; line < 40; line++) {
        char *start = at;
        *at++ = '{';
        for (uint32_t n = chance_below(c, 8); n > 0; n--) {
            const char *m = members[chance_below(c, sizeof members / sizeof *members)];
            const char *mark = strchr(m, '#');
            at += sprintf(at, "%.*s%u%s%s", (int)(mark - m), m, 1000 + chance_below(c, 9000),
                          mark + 1, n > 1 ? "," : "");
        }
        *at++ = '}';
        at -= chance_below(c, 10) == 0 ? chance_below(c, (uint32_t)(at - start)) : 0;
        *at++ = '\n';
    }
    *at = '\0';
}

/* Whenever a field is asked for, and with whichever others: it is the same. */
static void a_field_is_the_same_whenever_it_is_asked_for(void **state)
{
    (void)state;
    static const char names[] = "abcdefg";
    struct chance c = {9};
    char first[8000];
    char second[8000];
    for (uint32_t i = 0; i < rounds(200); i++) {
        struct mill_records *early = records_create(json_decoder_create(false));
        struct mill_records *late = records_create(json_decoder_create(false));
        lines_by_chance(&c, first);
        lines_by_chance(&c, second);
        char *texts[3] = {read_text(early, first, chance_below(&c, 100))};
        for (size_t f = 0; names[f] != '\0'; f++) {
            mill_records_field(early, &names[f], 1);
        }
        texts[1] = read_text(early, second, chance_below(&c, 100));
        texts[2] = read_text(late, second, chance_below(&c, 100));
        assert_int_equal(early->count, late->count);
        assert_int_equal(early->count + early->fault_count, 40);
        for (size_t f = sizeof names - 1; f-- > 0;) {
            const struct mill_cell *x = mill_records_field(early, &names[f], 1);
            const struct mill_cell *y = mill_records_field(late, &names[f], 1);
            for (uint32_t row = 0; row < early->count; row++) {
                assert_true(is_same(&x[row], &y[row]));
            }
        }
        records_destroy(early);
        records_destroy(late);
        for (size_t t = 0; t < 3; t++) {
            memory_free(texts[t]);
        }
    }
}

/* Strings point into the text, numbers stand in cells: rows cost no memory of their own. */
static void rows_are_read_without_allocating(void **state)
{
    (void)state;
    struct mill_records *r = records_create(json_decoder_create(true));
    const char *lines =
        "{\"a\":1,\"b\":\"x\"}\n{\"a\":1.5e3,\"b\":\"\\n\"}\n{\"b\":[1],\"a\":{}}\n";
    char *text = read_text(r, lines, LIMIT_TEXT_PADDING);
    mill_records_field(r, "a", 1);
    mill_records_field(r, "b", 1);
    struct slice all = {text, strlen(lines)};
    records_next(r, all, 0);
    uint64_t before = memory_allocation_count();
    for (int i = 0; i < 1000; i++) {
        records_next(r, all, 0);
    }
    assert_int_equal(memory_allocation_count(), before);
    assert_int_equal(r->count, 3);
    records_destroy(r);
    memory_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_rows_with_and_without_padding),
        cmocka_unit_test(escapes_are_undone_wherever_they_stand),
        cmocka_unit_test(lines_of_blanks_are_no_records),
        cmocka_unit_test(a_bad_line_costs_itself_alone),
        cmocka_unit_test(only_strict_looks_at_values_that_no_one_reads),
        cmocka_unit_test(a_record_is_its_own_json),
        cmocka_unit_test(each_spelling_is_judged),
        cmocka_unit_test(a_mark_before_the_first_line_is_no_part_of_it),
        cmocka_unit_test(a_field_of_10_mb_is_read_with_and_without_escapes),
        cmocka_unit_test(deep_lines_and_endless_ones_cost_themselves_alone),
        cmocka_unit_test(a_field_is_the_same_whenever_it_is_asked_for),
        cmocka_unit_test(rows_are_read_without_allocating),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
