/* Goal: what each member of a script is called, and that the record of it is read back or told to
 * be damaged. Method: little graphs written in one line each. */
#include "identity_world.h"

/* --- identities --- */

static void the_identity_is_the_name_else_kind_and_ordinal(void **state)
{
    struct world *w = *state;
    accepted(w, "update=total update update map_with_state", "1new 2new 3new 4new");
    assert_string_equal(w->set.items[0].identity, "total");
    assert_string_equal(w->set.items[1].identity, "update");
    assert_string_equal(w->set.items[2].identity, "update#2");
    assert_string_equal(w->set.items[3].identity, "map_with_state");
}

static void sources_and_outputs_have_their_target_in_it(void **state)
{
    struct world *w = *state;
    struct script s;
    begin(&s);
    source_of(&s, "text_file_stream", "in");
    source_of(&s, "text_file_stream", "in");
    output_of(&s, "to_files", "out");
    output_of(&s, "to_files", "other");
    assert_int_equal(start(w, &s), 0);
    assert_string_equal(w->set.items[0].identity, "text_file_stream:in");
    assert_string_equal(w->set.items[1].identity, "text_file_stream:in#2");
    assert_string_equal(w->set.items[2].identity, "to_files:out");
    assert_string_equal(w->set.items[3].identity, "to_files:other");
    const struct identity *found = identity_find(&w->set, IDENTITY_OUTPUT, 1);
    assert_ptr_equal(found, &w->set.items[3]);
}

static void tables_keep_nothing_and_have_none(void **state)
{
    struct world *w = *state;
    struct script s;
    begin(&s);
    table_of(&s, "reduce_by_key");
    state_of(&s, "update");
    assert_int_equal(start(w, &s), 0);
    assert_int_equal(w->set.count, 1);
    assert_int_equal(identity_find(&w->set, IDENTITY_STATE, 1)->number, 1);
}

static void two_with_one_identity_are_a_script_error(void **state)
{
    struct world *w = *state;
    assert_int_equal(start_states(w, "update map_with_state=update"), MILL_ESCRIPT);
    assert_non_null(strstr(w->error.message, "update at job.lua:1 and map_with_state at job.lua:2 "
                                             "have one identity, \"update\"; name them"));
}

/* --- storing --- */

static void a_damaged_record_is_told(void **state)
{
    struct world *w = *state;
    accepted(w, "update=a@x map_with_state@y", "1new 2new");
    struct buffer b;
    buffer_init(&b, 100000);
    assert_int_equal(identity_set_encode(&w->set, &b), 0);
    for (size_t size = 0; size < b.size; size++) {
        struct identity_set read;
        struct error e = {0};
        char *cut = exact_copy(b.data, size);
        assert_int_equal(identity_set_decode((struct slice){cut, size}, &read, &e), MILL_ECORRUPT);
        assert_non_null(strstr(e.message, "graph"));
        memory_free(cut);
    }
    struct identity_set read;
    b.data[7] = 9; /* the first one's category */
    assert_int_equal(identity_set_decode((struct slice){b.data, b.size}, &read, NULL),
                     MILL_ECORRUPT);
    buffer_deinit(&b);
    buffer_init(&b, 20);
    assert_int_equal(identity_set_encode(&w->set, &b), MILL_ELIMIT);
    buffer_deinit(&b);
}

/* A record of version 1: an unnamed source and output, and a named stateful operator. */
static void an_older_record_is_read(void **state)
{
    (void)state;
    static const struct {
        uint8_t category, flags;
        const char *texts[5];
    } old[] = {
        {IDENTITY_SOURCE, 2, {"text:my in", "text", "my in", ">text", "text at job.lua:1"}},
        {IDENTITY_STATE, 3, {"sum", "update", "", ">text>update", "update at job.lua:2"}},
        {IDENTITY_OUTPUT, 2, {"to_files:my out", "to_files", "json my out", ">x", "line"}},
    };
    struct buffer b;
    buffer_init(&b, 1000);
    int rc = bytes_add_u8(&b, 1);
    rc += bytes_add_u16(&b, 4);
    rc += bytes_add_u32(&b, 3);
    for (size_t i = 0; i < 3; i++) {
        rc += bytes_add_u8(&b, old[i].category);
        rc += bytes_add_u16(&b, (uint16_t)(i + 1));
        rc += bytes_add_u8(&b, old[i].flags);
        for (size_t t = 0; t < 5; t++) {
            rc += bytes_add_string(&b, old[i].texts[t], strlen(old[i].texts[t]));
        }
    }
    assert_int_equal(rc, 0);
    struct identity_set read;
    assert_int_equal(identity_set_decode((struct slice){b.data, b.size}, &read, NULL), 0);
    const char *const targets[] = {"my in", "", "my out"};
    const char *const details[] = {"", "", "json"};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(read.items[i].target, targets[i]);
        assert_string_equal(read.items[i].detail, details[i]);
        assert_string_equal(read.items[i].line, old[i].texts[4]);
    }
    identity_set_deinit(&read);
    buffer_deinit(&b);
}

static void a_newer_record_is_refused(void **state)
{
    (void)state;
    struct identity_set read;
    struct error e = {0};
    assert_int_equal(identity_set_decode((struct slice){"\x63", 1}, &read, &e), MILL_EREFUSED);
    assert_non_null(strstr(e.message, "newer tidemill"));
}

static void a_forgotten_one_is_gone_and_its_number_is_not_given_again(void **state)
{
    struct world *w = *state;
    accepted(w, "update=a@x update=b@y", "1new 2new");
    assert_true(identity_is_used(&w->set, IDENTITY_STATE, "a"));
    assert_false(identity_is_used(&w->set, IDENTITY_OUTPUT, "a"));
    assert_int_equal(identity_forget(&w->store, IDENTITY_STATE, "a"), 1);
    assert_int_equal(identity_forget(&w->store, IDENTITY_STATE, "a"), 0);
    assert_null(identity_named(&w->store, IDENTITY_STATE, "a"));
    accepted(w, "update=b@y", "2");
    assert_false(identity_is_used(&w->set, IDENTITY_STATE, "a"));
    accepted(w, "update=a@x update=c<b@y", "3new 2");
    assert_true(identity_is_used(&w->set, IDENTITY_STATE, "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_identity_is_the_name_else_kind_and_ordinal),
        TEST(sources_and_outputs_have_their_target_in_it),
        TEST(tables_keep_nothing_and_have_none),
        TEST(two_with_one_identity_are_a_script_error),
        TEST(a_forgotten_one_is_gone_and_its_number_is_not_given_again),
        TEST(a_damaged_record_is_told),
        TEST(an_older_record_is_read),
        TEST(a_newer_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
