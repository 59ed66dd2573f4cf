--- What a script can see: the Lua libraries without files, processes, FFI, the debug library and
--- bytecode, with the batch's time and chance in place of the machine's.
---
--- The libraries are copies: a script that changes them changes its own. This keeps honest scripts
--- deterministic and apart from the engine; it is no wall against hostile ones.
local abi = require "tidemill.abi"
local traversal = require "tidemill.traversal"
local is_view = require("tidemill.views").is_view
local ffi, C = abi.ffi, abi.C

local M = {}

local REP_MAX = 16 * 2 ^ 20 -- LIMIT_RECORD_BYTES_MAX

local SAFE = {
   "assert", "error", "pcall", "rawequal", "rawget", "rawset", "select",
   "setmetatable", "tonumber", "tostring", "type", "unpack", "_VERSION",
}

local function copy(library, without)
   local result = {}
   for name, value in pairs(library) do
      if not (without and without[name]) then result[name] = value end
   end
   return result
end

--- A library that is closed until the job allows it; the error says how.
local function closed(name, library, allowed, open)
   return setmetatable(open or {}, {
      __index = function(_, key)
         if allowed[name] then return library[key] end
         error(('%s.%s is not open to scripts; allow it with allow = {"%s"} in mill.job or '
            .. '--allow %s'):format(name, tostring(key), name, name), 2)
      end,
      __metatable = false,
   })
end

--- pairs and ipairs, which say of a view what to do instead.
local function make_walk(walk)
   return function(t)
      if is_view(t) then
         error("a view is no table; mill.fields(e) has its names, mill.copy(e) is a table", 2)
      end
      return walk(t)
   end
end

local function make_string()
   local lib = copy(string, { dump = true })
   function lib.rep(s, n, separator)
      local size = (#tostring(s) + #tostring(separator or "")) * (tonumber(n) or 0)
      if size > REP_MAX then
         error(("string.rep would make %d bytes; a string has at most 16 MiB"):format(size), 2)
      end
      return string.rep(s, n, separator)
   end
   return lib
end

--- Methods of strings, s:rep(n): the curated library, whatever a script does to its `string`; and
--- behind it what the script added there (function string.trim(s) ... end, then s:trim()).
function M.set_string_methods(env)
   local methods = setmetatable(make_string(), { __index = env.string, __metatable = false })
   local meta = debug.getmetatable("")
   meta.__index = methods
   meta.__metatable = false
end

local function make_math(control)
   local lib = copy(math)
   local floor = math.floor
   function lib.random(low, high)
      local r = C.mill_random(control)
      if not low then return r end
      if not high then low, high = 1, low end
      if high < low then error("math.random: the interval is empty", 2) end
      return floor(low + r * (high - low + 1))
   end
   -- The engine seeds: the same input gives the same numbers, whichever worker runs it.
   function lib.randomseed() end
   return lib
end

local function make_os(control, allowed)
   local date, time = os.date, os.time
   return closed("os", os, allowed, {
      time = function(t)
         if t then return time(t) end
         return math.floor(control.time_ms / 1000)
      end,
      date = function(format, t) return date(format, t or math.floor(control.time_ms / 1000)) end,
      difftime = os.difftime,
   })
end

--- load and loadstring, text only, in the script's own environment.
local function make_load(env)
   local function load_text(chunk, name, mode, chunk_env)
      if type(chunk) == "function" then
         local parts = {}
         for part in chunk do
            if part == "" then break end
            parts[#parts + 1] = part
         end
         chunk = table.concat(parts)
      end
      if mode and not mode:find("t", 1, true) then return nil, "bytecode is not loaded" end
      return load(chunk, name or "=(load)", "t", chunk_env or env)
   end
   return load_text
end

--- require: "tidemill", modules beside the script, and with allow = {"require"} all others.
local function make_require(spec, env, mill)
   local loaded = { tidemill = mill }
   return function(name)
      if type(name) ~= "string" then error("require: the name is a string", 2) end
      if loaded[name] ~= nil then return loaded[name] end
      if name == "ffi" and spec.allowed.ffi then return ffi end
      local text, path = spec.find_module(name)
      if not text then
         if spec.allowed.require then return require(name) end
         if name == "ffi" then
            error('ffi is not open to scripts; allow it with allow = {"ffi"} in mill.job, above '
               .. 'this line, or --allow ffi', 2)
         end
         error(('module %q is not beside the script; allow others with allow = {"require"} in '
            .. 'mill.job, above this line, or --allow require'):format(name), 2)
      end
      local chunk, err = load(text, "@" .. path, "t", env)
      if not chunk then error(err, 0) end
      local result = chunk(name)
      if result == nil then result = true end
      loaded[name] = result
      return result
   end
end

local function handle(handler, ok, ...)
   if ok then return true, ... end
   local _, result = pcall(handler, (...))
   return false, result
end

--- xpcall whose handler runs behind the error, not inside of it: there no hook is called, so a
--- handler without an end could not be stopped. A script has no library that would tell the two
--- apart.
function M.xpcall(f, handler, ...)
   return handle(handler, pcall(f, ...))
end

local function make_print(spec)
   return function(...)
      local parts = {}
      for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
      local label = spec.labels[spec.control.op]
      local text = (label and label .. ": " or "") .. table.concat(parts, "\t")
      if not C.mill_print(text) then io.stderr:write(text, "\n") end
   end
end

--- Make the environment of one run of a script.
---@param spec table {control=, allowed=, find_module=, labels=}
---@param mill table the API
function M.make(spec, mill)
   local env = {}
   for _, name in ipairs(SAFE) do env[name] = _G[name] end
   env._G = env
   env.next, env.pairs, env.ipairs = traversal.next, make_walk(traversal.pairs), make_walk(ipairs)
   env.bit = copy(bit)
   env.coroutine = copy(coroutine)
   env.table = copy(table)
   env.string = make_string()
   env.math = make_math(spec.control)
   env.os = make_os(spec.control, spec.allowed)
   env.io = closed("io", io, spec.allowed)
   env.load = make_load(env)
   env.loadstring = env.load
   env.getmetatable = function(v)
      if type(v) == "string" then return false end
      return getmetatable(v)
   end
   env.xpcall = M.xpcall
   env.collectgarbage = function(option)
      if option == "count" then return collectgarbage("count") end
      return 0
   end
   env.print = make_print(spec)
   env.require = make_require(spec, env, mill)
   return env
end

return M
