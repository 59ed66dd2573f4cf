--- Calls that have one home, and calls that have none.
local tree_of = require "tree"

local MEMORY = { ["engine/base/memory.c"] = true }
local WORDS = {
   ["engine/main.c"] = true, ["engine/base/check.c"] = true, ["engine/base/memory.c"] = true,
   ["engine/base/failpoint.c"] = true,
}

local function only(homes) return function(path) return homes[path] end end
local function nowhere() return false end
local function words_or_run(path) return WORDS[path] or path:find("^engine/run/") end

local RULES = {
   { calls = "malloc calloc realloc free strdup strndup asprintf vasprintf", allowed = only(MEMORY),
      says = "use base/memory.h" },
   { calls = "printf fprintf vprintf vfprintf puts fputs putchar perror", allowed = only(WORDS),
      says = "return an error, or log" },
   { calls = "exit _exit _Exit quick_exit abort", allowed = words_or_run,
      says = "return an error; check() for what cannot be" },
   { calls = "strcpy strcat stpcpy sprintf vsprintf gets", allowed = nowhere,
      says = "it knows no bound" },
   { calls = "atoi atol atoll atof", allowed = nowhere, says = "it sees no error; use strtol" },
   { calls = "strtok", allowed = nowhere, says = "it has global state" },
   { calls = "system popen fork vfork", allowed = nowhere,
      says = "the engine starts no processes" },
}

local BY_CALL = {}
for _, rule in ipairs(RULES) do
   for call in rule.calls:gmatch("%S+") do BY_CALL[call] = rule end
end

local function find_c(tree)
   local found = {}
   for path, text in tree:each(tree.is_engine) do
      for number, line in tree_of.each_line(tree_of.bare_c(text)) do
         for before, call in (" " .. line):gmatch("([^%w_])([%a_][%w_]*)%s*%f[(]") do
            local rule = BY_CALL[call]
            local is_member = before == "." or before == ">"
            if rule and not is_member and not rule.allowed(path) then
               found[#found + 1] = ("%s:%d: %s(): %s"):format(path, number, call, rule.says)
            end
         end
      end
   end
   return found
end

local function find_lua(tree)
   local found = {}
   for path, text in tree:each(function(p) return p:find("^lua/.*%.lua$") ~= nil end) do
      for number, line in tree_of.each_line(text) do
         local call = line:match("os%.execute%s*%(") or line:match("io%.popen%s*%(")
         if call then found[#found + 1] = ("%s:%d: %s"):format(path, number, call) end
      end
   end
   return found
end

local function engine_file(body) return { ["engine/io/a.c"] = body } end

return {
   {
      name = "banned: calls of the engine that have another home, or none",
      find = find_c,
      breaks = {
         engine_file("int f(void)\n{\n    void *p = malloc(1);\n}\n"),
         engine_file("x = free (p);\n"), engine_file('printf("x");\n'), engine_file("exit(1);\n"),
         engine_file('/* "fine" */ strcpy(a, b);\n'), engine_file("if (!system(x)) {\n"),
         { ["engine/run/a.c"] = 'fprintf(stderr, "x");\n' },
      },
      keeps = {
         engine_file("o->free(p); rocksdb_free(p); memory_free(p);\n"),
         engine_file('/* malloc() and "more */ add("printf(", \'"\', x); // exit(1)\n'),
         engine_file("int free_blocks(void);\nuint32_t count = a / b; /* system() */\n"),
         { ["engine/base/memory.c"] = "void *p = malloc(1); exit(1);\n" },
         { ["engine/run/a.c"] = "_exit(1);\n" },
      },
   },
   {
      name = "banned: the Lua half starts no processes",
      find = find_lua,
      breaks = { { ["lua/tidemill/a.lua"] = 'os.execute("ls")\n' } },
      keeps = { { ["lua/tidemill/a.lua"] = "os.time()\n", ["tools/a.lua"] = 'io.popen("ls")\n' } },
   },
}
