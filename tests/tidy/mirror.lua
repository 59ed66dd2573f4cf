--- Tests mirror the sources, so that everyone knows where the test of a thing is.

-- Sources without a test of their own, and why.
local WITHOUT_TEST = {
   ["engine/base/ffi_layout.c"] = "holds assertions for the compiler, no code",
}

local function find_untested(tree)
   local found = {}
   local pattern = "^engine/(%w+)/([%w_]+)%.cc?$"
   for path in tree:each(function(p) return p:find(pattern) ~= nil end) do
      local folder, name = path:match(pattern)
      local test = ("tests/engine/%s/test_%s.c"):format(folder, name)
      if not tree.files[test] and not WITHOUT_TEST[path] then
         found[#found + 1] = path .. " has no " .. test
      elseif tree.files[test] and WITHOUT_TEST[path] then
         found[#found + 1] = path .. " has a test: strike it from the list in tests/tidy/mirror.lua"
      end
   end
   return found
end

local function find_orphans(tree)
   local found = {}
   local pattern = "^tests/engine/(%w+)/test_([%w_]+)%.c$"
   for path in tree:each(function(p) return p:find(pattern) ~= nil end) do
      local folder, name = path:match(pattern)
      local source = ("engine/%s/%s.c"):format(folder, name)
      if not tree.files[source] and not tree.files[source .. "c"] then
         found[#found + 1] = path .. " tests no " .. source
      end
   end
   return found
end

local function find_lua_untested(tree)
   local found = {}
   for path in tree:each(function(p) return p:find("^lua/tidemill/.+%.lua$") ~= nil end) do
      local spec = "tests/lua/" .. path:match("^lua/tidemill/(.+)%.lua$") .. "_spec.lua"
      if not tree.files[spec] then found[#found + 1] = path .. " has no " .. spec end
   end
   return found
end

return {
   {
      name = "mirror: each engine/<folder>/x.c has its tests/engine/<folder>/test_x.c",
      find = find_untested,
      breaks = {
         { ["engine/io/a.c"] = "" },
         { ["engine/base/ffi_layout.c"] = "", ["tests/engine/base/test_ffi_layout.c"] = "" },
      },
      keeps = { {
         ["engine/io/a.c"] = "", ["tests/engine/io/test_a.c"] = "",
         ["engine/data/b.cc"] = "", ["tests/engine/data/test_b.c"] = "",
         ["engine/main.c"] = "",
      } },
   },
   {
      name = "mirror: each tests/engine/<folder>/test_x.c tests an engine/<folder>/x.c",
      find = find_orphans,
      breaks = { { ["tests/engine/io/test_a.c"] = "", ["engine/run/a.c"] = "" } },
      keeps = { { ["tests/engine/io/test_a.c"] = "", ["engine/io/a.c"] = "" } },
   },
   {
      name = "mirror: each lua/tidemill/x.lua has its tests/lua/x_spec.lua",
      find = find_lua_untested,
      breaks = { { ["lua/tidemill/a.lua"] = "" } },
      keeps = { { ["lua/tidemill/a.lua"] = "", ["tests/lua/a_spec.lua"] = "" } },
   },
}
