--- Dependencies point one way, and each library has its home.
local tree_of = require "tree"

local RANK = {}
for rank, folder in ipairs { "base", "data", "state", "flow", "io", "script", "run" } do
   RANK[folder] = rank
end

-- Library header -> who may include it. Headers of the C library are free.
local HOMES = {
   { header = "^uv%.h", home = "^engine/run/", says = "only run/ has an event loop" },
   { header = "^rocksdb/", home = "^engine/state/store_rocksdb%.c$",
      also = { "^engine/state/store_options%.[ch]$" },
      says = "only state/store_rocksdb.c and its options know the database" },
   -- run/command and run/control are the engine as the Lua half's command line sees it: they need
   -- the runner.
   { header = "^lua", home = "^engine/script/",
      also = { "^engine/main%.c$", "^engine/run/command%.", "^engine/run/control%." },
      says = "only script/ speaks to Lua" },
   { header = "^lauxlib", home = "^engine/script/",
      also = { "^engine/main%.c$", "^engine/run/command%.", "^engine/run/control%." },
      says = "only script/ speaks to Lua" },
   { header = "^simdjson", home = "^engine/data/json_walk%.cc$",
      says = "only data/json_walk.cc knows simdjson, and C++" },
   { header = "^msgpack", home = "^engine/data/", also = { "^engine/script/" },
      says = "only data/ and script/ know msgpack" },
}

local function each_include(text, fn)
   for number, line in tree_of.each_line(text) do
      local own = line:match('^%s*#%s*include%s+"([^"]+)"')
      local system = line:match("^%s*#%s*include%s+<([^>]+)>")
      if own or system then fn(number, own, system) end
   end
end

local function find_back_edges(tree)
   local found = {}
   for path, text in tree:each(tree.is_engine) do
      local rank = RANK[path:match("^engine/(%w+)/")] or math.huge
      each_include(text, function(number, own)
         local target = own and own:match("^(%w+)/")
         if target and (not RANK[target] or RANK[target] > rank) then
            found[#found + 1] = ("%s:%d: \"%s\" is above it"):format(path, number, own)
         elseif own and not target then
            found[#found + 1] = ("%s:%d: \"%s\": write the folder too"):format(path, number, own)
         end
      end)
   end
   return found
end

local function is_at_home(rule, path)
   for _, pattern in ipairs(rule.also or {}) do
      if path:find(pattern) then return true end
   end
   return path:find(rule.home) ~= nil
end

local function find_strangers(tree)
   local found = {}
   for path, text in tree:each(tree.is_engine) do
      each_include(text, function(number, _, system)
         for _, rule in ipairs(HOMES) do
            if system and system:find(rule.header) and not is_at_home(rule, path) then
               found[#found + 1] = ("%s:%d: <%s>: %s"):format(path, number, system, rule.says)
            end
         end
      end)
   end
   return found
end

return {
   {
      name = "layers: a folder of the engine includes itself and those before it",
      find = find_back_edges,
      breaks = {
         { ["engine/base/a.c"] = '#include "data/key.h"\n' },
         { ["engine/io/a.h"] = '#include <stdio.h>\n#include "script/heap.h"\n' },
         { ["engine/io/a.c"] = '#include "a.h"\n' },
      },
      keeps = { {
         ["engine/flow/a.c"] = '#include "flow/a.h"\n#include "base/error.h"\n',
         ["engine/main.c"] = '#include "run/job.h"\n',
      } },
   },
   {
      name = "layers: each library has its home",
      find = find_strangers,
      breaks = {
         { ["engine/io/a.c"] = "#include <uv.h>\n" },
         { ["engine/state/table.c"] = "#include <rocksdb/c.h>\n" },
         { ["engine/run/a.c"] = "#include <lauxlib.h>\n" },
         { ["engine/io/a.c"] = "#include <msgpack.h>\n" },
         { ["engine/data/a.cc"] = "#include <simdjson.h>\n" },
      },
      keeps = { {
         ["engine/run/loop.c"] = "#include <uv.h>\n#include <stdio.h>\n",
         ["engine/script/a.c"] = "#include <lua.h>\n#include <msgpack.h>\n",
         ["engine/main.c"] = "#include <lua.h>\n",
      } },
   },
}
