/* Goal: what was stored as msgpack or as a key comes back into Lua as the value it was; damage
 * gives nothing. Method: bytes in, a description of the value written by Lua out; random keys and
 * bytes. */
#include <string.h>

#include <lauxlib.h>

#include "data/key.h"
#include "data/msgpack.h"
#include "job_world.h"
#include "script/values.h"

/* Writes a value so that everything about it can be seen. */
static const char describe[] =
    "local values = require 'tidemill.values'\n"
    "local function show(v)\n"
    "   if v == values.null then return 'null' end\n"
    "   if type(v) == 'string' then return ('%q'):format(v) end\n"
    "   if type(v) == 'number' then return ('%.17g'):format(v) end\n"
    "   if type(v) ~= 'table' then return tostring(v) end\n"
    "   local parts = {}\n"
    "   for i = 1, #v do parts[i] = show(v[i]) end\n"
    "   local names = {}\n"
    "   for k in pairs(v) do\n"
    "      if type(k) ~= 'number' or k > #v then names[#names + 1] = k end\n"
    "   end\n"
    "   table.sort(names, function(a, b) return tostring(a) < tostring(b) end)\n"
    "   for _, k in ipairs(names) do parts[#parts + 1] = show(k) .. '=' .. show(v[k]) end\n"
    "   local mark = debug.getmetatable(v) == values.OBJECT and 'object' or ''\n"
    "   return mark .. '{' .. table.concat(parts, ',') .. '}'\n"
    "end\n"
    "return show";

struct fixture {
    struct script_state s;
    int show;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    struct lua_options options = {.modules = embedded_modules};
    assert_int_equal(script_state_open(&x->s, &options, NULL), 0);
    assert_int_equal(luaL_dostring(x->s.L, describe), 0);
    x->show = luaL_ref(x->s.L, LUA_REGISTRYINDEX);
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    script_state_close(&x->s);
    memory_free(x);
    return 0;
}

/* The value on top of the stack, described; it is popped. */
static const char *shown(struct fixture *x)
{
    static char text[1000];
    lua_State *L = x->s.L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, x->show);
    lua_insert(L, -2);
    assert_int_equal(lua_pcall(L, 1, 1, 0), 0);
    strncpy(text, lua_tostring(L, -1), sizeof text - 1);
    lua_pop(L, 1);
    assert_int_equal(lua_gettop(L), 0);
    return text;
}

static void msgpack_is(struct fixture *x, const char *bytes, size_t size, const char *text)
{
    size_t used = 0;
    assert_int_equal(values_push_msgpack(x->s.L, (struct slice){bytes, size}, &used), 0);
    assert_int_equal(used, size);
    assert_string_equal(shown(x), text);
}

static void msgpack_values_become_lua_values(void **state)
{
    struct fixture *x = *state;
    msgpack_is(x, "\xc0", 1, "nil");
    msgpack_is(x, "\xc2", 1, "false");
    msgpack_is(x, "\x07", 1, "7");
    msgpack_is(x, "\xff", 1, "-1");
    msgpack_is(x, "\xcb\x3f\xf8\0\0\0\0\0\0", 9, "1.5");
    msgpack_is(x, "\xca\x3f\xc0\0\0", 5, "1.5");
    msgpack_is(x,
               "\xa3"
               "a\nb",
               4, "\"a\\\nb\"");
    msgpack_is(x,
               "\xc4\x02"
               "bb",
               4, "\"bb\"");
    msgpack_is(x,
               "\x93\x01\x92\xa1"
               "a\xc3\x90",
               7, "{1,{\"a\",true},{}}");
    msgpack_is(x,
               "\x82\xa1"
               "a\x01\xa1"
               "b\x91\x02",
               8, "{\"a\"=1,\"b\"={2}}");
}

static void wide_integers_stay_exact(void **state)
{
    struct fixture *x = *state;
    msgpack_is(x, "\xcf\0\x20\0\0\0\0\0\0", 9, "9007199254740992");
    msgpack_is(x, "\xcf\0\x20\0\0\0\0\0\x01", 9, "9007199254740993LL");
    msgpack_is(x, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9, "9223372036854775807LL");
    msgpack_is(x, "\xcf\x80\0\0\0\0\0\0\0", 9, "9223372036854775808ULL");
    msgpack_is(x, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "18446744073709551615ULL");
    msgpack_is(x, "\xd3\x80\0\0\0\0\0\0\0", 9, "-9223372036854775808LL");
    msgpack_is(x, "\xd3\xff\xdf\xff\xff\xff\xff\xff\xff", 9, "-9007199254740993LL");
}

static void nil_inside_is_null_and_an_empty_map_stays_one(void **state)
{
    struct fixture *x = *state;
    msgpack_is(x, "\x93\x01\xc0\x02", 4, "{1,null,2}");
    msgpack_is(x, "\x81\xa1k\xc0", 4, "{\"k\"=null}");
    msgpack_is(x, "\x80", 1, "object{}");
    msgpack_is(x, "\x90", 1, "{}");
    msgpack_is(x, "\x81\x05\x80", 3, "{5=object{}}");
}

static void a_record_is_a_view_at_any_depth(void **state)
{
    struct fixture *x = *state;
    msgpack_is(x, "\xd5\x01{}", 4, "{}");
    msgpack_is(x, "\xc7\x07\x01{\"a\":1}", 10, "{\"a\":1}");
    msgpack_is(x, "\x92\x01\x81\xa1k\xd5\x01{}", 9, "{1,{\"k\"={}}}");
}

static void a_string_of_msgpack_is_unpacked_for_scripts(void **state)
{
    struct fixture *x = *state;
    lua_State *L = x->s.L;
    assert_int_equal(luaL_dostring(L, "local u = require('tidemill.values').unpack\n"
                                      "local function bad(s) return select('#', u(s)) == 1 and\n"
                                      "   u(s) == false end\n"
                                      "local ok, v = u('\\147\\1\\2\\3')\n"
                                      "assert(ok and #v == 3 and v[3] == 3)\n"
                                      "ok, v = u('\\192') assert(ok and v == nil)\n"
                                      "assert(bad('') and bad('\\1\\1') and bad('\\147\\1'))\n"
                                      "assert(not pcall(u))"),
                     0);
}

static void the_first_value_of_several_is_taken(void **state)
{
    struct fixture *x = *state;
    size_t used = 0;
    assert_int_equal(values_push_msgpack(x->s.L, (struct slice){"\x91\x01\x02", 3}, &used), 0);
    assert_int_equal(used, 2);
    assert_string_equal(shown(x), "{1}");
    assert_int_equal(values_push_msgpack(x->s.L, (struct slice){"\x05", 1}, NULL), 0);
    assert_string_equal(shown(x), "5");
}

static void damaged_msgpack_pushes_nothing(void **state)
{
    struct fixture *x = *state;
    static const char deep[40] = "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
                                 "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
                                 "\x91\x91\x91\x91\x91";
    const struct slice damaged[] = {{"", 0},
                                    {"\xdd\xff\0\0\0", 5},
                                    {"\x92\x01", 2},
                                    {"\xa5"
                                     "abc",
                                     4},
                                    {"\xc1", 1},
                                    {"\xd4\x02\x01", 3},
                                    {deep, 38}};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        assert_int_equal(values_push_msgpack(x->s.L, damaged[i], NULL), MILL_ECORRUPT);
        assert_int_equal(lua_gettop(x->s.L), 0);
    }
}

static void random_bytes_never_push_half_a_value(void **state)
{
    struct fixture *x = *state;
    struct chance chance = {1};
    for (uint32_t i = 0; i < rounds(20000); i++) {
        size_t size = chance_below(&chance, 24);
        char *bytes = exact_copy("", 0);
        bytes = memory_grow(bytes, size + 1);
        chance_bytes(&chance, bytes, size);
        if (size > 1 && i % 2 == 0) {
            bytes[0] = (char)(0x90 + (bytes[0] & 0x1f));
        }
        char *exact = exact_copy(bytes, size);
        int rc = values_push_msgpack(x->s.L, (struct slice){exact, size}, NULL);
        assert_int_equal(lua_gettop(x->s.L), rc == 0 ? 1 : 0);
        lua_settop(x->s.L, 0);
        rc = values_push_key(x->s.L, (struct slice){exact, size});
        assert_int_equal(lua_gettop(x->s.L), rc == 0 ? 1 : 0);
        lua_settop(x->s.L, 0);
        memory_free(exact);
        memory_free(bytes);
    }
}

static void key_is(struct fixture *x, const struct buffer *key, const char *text)
{
    assert_int_equal(values_push_key(x->s.L, (struct slice){key->data, key->size}), 0);
    assert_string_equal(shown(x), text);
}

static void keys_become_lua_values(void **state)
{
    struct fixture *x = *state;
    struct buffer b;
    buffer_init(&b, 1000);
    key_add_string(&b, "a\0b", 3);
    key_is(x, &b, "\"a\\0b\"");
    buffer_clear(&b);
    assert_true(key_add_number(&b, -1.5));
    key_is(x, &b, "-1.5");
    buffer_clear(&b);
    key_add_boolean(&b, true);
    key_is(x, &b, "true");
    buffer_clear(&b);
    key_add_int64(&b, INT64_MIN);
    key_is(x, &b, "-9.2233720368547758e+18");
    buffer_clear(&b);
    key_add_int64(&b, 9007199254740993);
    key_is(x, &b, "9007199254740993LL");
    buffer_clear(&b);
    key_add_uint64(&b, UINT64_MAX);
    key_is(x, &b, "18446744073709551615ULL");
    buffer_clear(&b);
    key_add_array_begin(&b);
    key_add_part_string(&b, "x\0\xff", 3);
    key_add_array_begin(&b);
    assert_true(key_add_number(&b, 2));
    key_add_array_end(&b);
    key_add_boolean(&b, false);
    key_add_array_end(&b);
    key_is(x, &b, "{\"x\\0\xff\",{2},false}");
    buffer_deinit(&b);
}

static void a_damaged_key_pushes_nothing(void **state)
{
    struct fixture *x = *state;
    const struct slice damaged[] = {{"", 0},
                                    {"\x30\x01", 2},
                                    {"\x10\0\0", 3},
                                    {"\x99", 1},
                                    {"\x01\x01", 2},
                                    {"\x00", 1},
                                    {"\x30\x20"
                                     "a",
                                     3}};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        assert_int_equal(values_push_key(x->s.L, damaged[i]), MILL_ECORRUPT);
        assert_int_equal(lua_gettop(x->s.L), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(msgpack_values_become_lua_values),
        TEST(wide_integers_stay_exact),
        TEST(nil_inside_is_null_and_an_empty_map_stays_one),
        TEST(the_first_value_of_several_is_taken),
        TEST(a_record_is_a_view_at_any_depth),
        TEST(a_string_of_msgpack_is_unpacked_for_scripts),
        TEST(damaged_msgpack_pushes_nothing),
        TEST(random_bytes_never_push_half_a_value),
        TEST(keys_become_lua_values),
        TEST(a_damaged_key_pushes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
