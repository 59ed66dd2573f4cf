/* Goal: every Lua state of a job gets the same text, modules and arguments; the store gets back
 * what it was given, and a hash that changes with any of the text. Method: round trips, cuts,
 * hashes of neighbours. */
#include <string.h>

#include <lauxlib.h>

#include "job_world.h"

static struct slice text_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static void fill(struct source_text *s)
{
    source_text_init(s, "job.lua", "/home/x/job.lua", (struct slice){"return\0job", 10});
    named_texts_add(&s->modules, "lib.words", "lib/words.lua", text_of("return 1"));
    named_texts_add(&s->modules, "other", "other.lua", text_of("return 2"));
    named_texts_add(&s->args, "input", NULL, text_of("in"));
    named_texts_add(&s->overrides, "batch", NULL, text_of("5s"));
    named_texts_add(&s->allow, "io", NULL, text_of(""));
}

static void lua_gets_all_of_it(void **state)
{
    (void)state;
    struct source_text s;
    fill(&s);
    lua_State *L = luaL_newstate();
    source_text_push(L, &s);
    lua_setglobal(L, "spec");
    assert_int_equal(luaL_dostring(L, "return spec.path == 'job.lua'\n"
                                      "and spec.text == 'return\\0job'\n"
                                      "and spec.modules['lib.words'].text == 'return 1'\n"
                                      "and spec.modules['lib.words'].path == 'lib/words.lua'\n"
                                      "and spec.modules.other.text == 'return 2'\n"
                                      "and spec.args.input == 'in'\n"
                                      "and spec.overrides.batch == '5s'\n"
                                      "and spec.allow.io == ''"),
                     0);
    assert_true(lua_toboolean(L, -1));
    lua_close(L);
    source_text_deinit(&s);
}

static void without_a_canonical_path_it_is_the_path(void **state)
{
    (void)state;
    struct source_text s;
    source_text_init(&s, "job.lua", NULL, text_of(""));
    assert_string_equal(s.canonical, "job.lua");
    source_text_deinit(&s);
}

static void the_store_keeps_path_text_and_modules(void **state)
{
    (void)state;
    struct source_text s;
    struct source_text read;
    struct buffer b;
    buffer_init(&b, 10000);
    fill(&s);
    assert_int_equal(source_text_encode(&s, &b), 0);
    assert_int_equal(source_text_decode((struct slice){b.data, b.size}, &read, NULL), 0);
    assert_string_equal(read.canonical, "/home/x/job.lua");
    assert_int_equal(read.size, 10);
    assert_memory_equal(read.text, "return\0job", 10);
    assert_int_equal(read.modules.count, 2);
    assert_string_equal(read.modules.items[0].name, "lib.words");
    assert_string_equal(read.modules.items[0].path, "lib/words.lua");
    assert_string_equal(read.modules.items[1].text, "return 2");
    assert_int_equal(read.args.count + read.overrides.count + read.allow.count, 0);
    assert_true(source_text_hash(&read) == source_text_hash(&s));
    source_text_deinit(&read);
    source_text_deinit(&s);
    buffer_deinit(&b);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct source_text s;
    struct source_text read;
    struct buffer b;
    buffer_init(&b, 10000);
    fill(&s);
    assert_int_equal(source_text_encode(&s, &b), 0);
    for (size_t size = 0; size < b.size; size++) {
        struct error e = {0};
        char *cut = exact_copy(b.data, size);
        assert_int_equal(source_text_decode((struct slice){cut, size}, &read, &e), MILL_ECORRUPT);
        assert_non_null(strstr(e.message, "damaged"));
        memory_free(cut);
    }
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    assert_int_equal(source_text_decode((struct slice){b.data, b.size}, &read, NULL),
                     MILL_ECORRUPT);
    buffer_deinit(&b);
    buffer_init(&b, 30);
    assert_int_equal(source_text_encode(&s, &b), MILL_ELIMIT);
    buffer_deinit(&b);
    source_text_deinit(&s);
}

static void the_hash_is_of_the_text_and_all_modules(void **state)
{
    (void)state;
    struct source_text a;
    struct source_text b;
    source_text_init(&a, "job.lua", NULL, text_of("return job"));
    source_text_init(&b, "elsewhere.lua", "/x", text_of("return job"));
    assert_true(source_text_hash(&a) == source_text_hash(&b));
    named_texts_add(&a.modules, "m", "m.lua", text_of("return 1"));
    assert_false(source_text_hash(&a) == source_text_hash(&b));
    named_texts_add(&b.modules, "m", "m.lua", text_of("return 2"));
    assert_false(source_text_hash(&a) == source_text_hash(&b));
    source_text_deinit(&b);
    source_text_init(&b, "job.lua", NULL, text_of("return Job"));
    named_texts_add(&b.modules, "m", "m.lua", text_of("return 1"));
    assert_false(source_text_hash(&a) == source_text_hash(&b));
    source_text_deinit(&a);
    source_text_deinit(&b);
}

/* They come as Lua's tables give them. */
static void the_order_of_modules_does_not_count(void **state)
{
    (void)state;
    struct source_text a;
    struct source_text b;
    source_text_init(&a, "job.lua", NULL, text_of("return job"));
    source_text_init(&b, "job.lua", NULL, text_of("return job"));
    named_texts_add(&a.modules, "m", "m.lua", text_of("return 1"));
    named_texts_add(&a.modules, "n", "n.lua", text_of("return 2"));
    named_texts_add(&b.modules, "n", "n.lua", text_of("return 2"));
    named_texts_add(&b.modules, "m", "m.lua", text_of("return 1"));
    assert_true(source_text_hash(&a) == source_text_hash(&b));
    source_text_deinit(&a);
    source_text_deinit(&b);
}

static void two_modules_that_swap_their_texts_are_a_change(void **state)
{
    (void)state;
    struct source_text a;
    struct source_text b;
    source_text_init(&a, "job.lua", NULL, text_of("return job"));
    source_text_init(&b, "job.lua", NULL, text_of("return job"));
    named_texts_add(&a.modules, "m", "m.lua", text_of("return 1"));
    named_texts_add(&a.modules, "n", "n.lua", text_of("return 2"));
    named_texts_add(&b.modules, "m", "m.lua", text_of("return 2"));
    named_texts_add(&b.modules, "n", "n.lua", text_of("return 1"));
    assert_false(source_text_hash(&a) == source_text_hash(&b));
    source_text_deinit(&a);
    source_text_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lua_gets_all_of_it),
        cmocka_unit_test(without_a_canonical_path_it_is_the_path),
        cmocka_unit_test(the_store_keeps_path_text_and_modules),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(the_hash_is_of_the_text_and_all_modules),
        cmocka_unit_test(the_order_of_modules_does_not_count),
        cmocka_unit_test(two_modules_that_swap_their_texts_are_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
