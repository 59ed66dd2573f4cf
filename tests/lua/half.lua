--- Loads the Lua half as the program has it: its chunks are named "=tidemill.x", by which it knows
--- that a frame is no script's. And what specs share: jobs from texts, buffers, caught words.
local ffi = require "ffi"

local M = {}

-- busted loads modules anew for each file, but remembers FFI types and their metatypes: a second
-- instance of these would have types that belong to the first.
local KEPT = { ["tidemill.views"] = true, ["tidemill.marks"] = true }

local function keep(name, chunk)
   local kept = rawget(package, "kept_tidemill") or {}
   rawset(package, "kept_tidemill", kept)
   return function(...)
      if kept[name] == nil then kept[name] = chunk(...) end
      return kept[name]
   end
end

local function search(name)
   local short = name == "tidemill" and "init" or name:match("^tidemill%.([%w_]+)$")
   local file = short and io.open(("lua/tidemill/%s.lua"):format(short), "rb")
   if not file then return nil end
   local text = file:read("*a")
   file:close()
   local chunk = assert(loadstring(text, "=" .. name))
   return KEPT[name] and keep(name, chunk) or chunk
end

if not rawget(package, "knows_tidemill") then
   rawset(package, "knows_tidemill", true)
   table.insert(package.loaders, 2, search)
end

--- Run a module's text once more, apart from the one that is loaded.
function M.load_again(name)
   return search(name)(name)
end

--- The text of a file of the repository.
function M.read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

--- The number that engine/base/limits.h gives a limit.
function M.limit(name)
   local limits = M.read("engine/base/limits.h")
   local text = limits:match("#define " .. name .. "%s+%(?([^/\n]-)%)?%s*/%*")
   local value = 1
   for factor in text:gmatch("[^%s*]+") do
      value = value * (({ KIB = 2 ^ 10, MIB = 2 ^ 20, GIB = 2 ^ 30 })[factor] or tonumber(factor))
   end
   return value
end

--- Run f as a script of that name would: its frames are the user's.
function M.as_script(text, ...)
   local chunk = assert(loadstring(text, "@job.lua"))
   return chunk(...)
end

--- The error of f(...). It runs in a coroutine, so that no frame of a spec is below it.
function M.failure(f, ...)
   local ok, err = coroutine.resume(coroutine.create(f), ...)
   assert(not ok, "it should have failed")
   return err
end

--- A script leaves its mark on the strings of its Lua state, which in specs is everyone's. It runs
--- in a coroutine, so that the frames of an error are its own.
local function with_own_strings(f, ...)
   local meta = debug.getmetatable("")
   local results = { coroutine.resume(coroutine.create(f), ...) }
   meta.__index, meta.__metatable = string, nil
   if not results[1] then error(results[2], 0) end
   return unpack(results, 2, table.maxn(results))
end
M.with_own_strings = with_own_strings

local function spec_of(text, given)
   local spec = { path = "job.lua", text = text, modules = {}, args = {}, overrides = {} }
   for name, value in pairs(given or {}) do spec[name] = value end
   return spec
end

--- Run a script that ends with `return job`. @return the job, and the spec as it was filled
function M.load(text, given)
   local spec = spec_of(text, given)
   return with_own_strings(require("tidemill.script").load, spec), spec
end

local HEAD = 'local mill = require "tidemill" local job = mill.job("test") '
   .. 'local lines = job:text_file_stream("in") local values = job:queue_stream({}) '

--- The plan of a job whose streams are built from `lines` and `values`.
function M.plan(text, given)
   local spec = spec_of(HEAD .. text .. " return job", given)
   return with_own_strings(require("tidemill.script").plan, spec)
end

--- The message with which a script fails to load.
function M.refusal(text, given)
   return M.failure(M.load, text, given)
end

--- The message with which a job is refused that is built as M.plan builds it.
function M.plan_refusal(text, given)
   return M.failure(M.plan, text, given)
end

if not pcall(ffi.typeof, "struct half_buffer") then
   ffi.cdef [[
      struct half_buffer { char *data; size_t size, capacity, max; bool failed; };
   ]]
end

--- What engine/base/buffer.h calls a buffer. @return {pointer=, struct=, text=function}
function M.buffer(max)
   local b = ffi.new("struct half_buffer", { max = max or 2 ^ 30 })
   return {
      struct = b,
      pointer = ffi.cast("struct mill_buffer *", b),
      text = function() return b.size == 0 and "" or ffi.string(b.data, b.size) end,
   }
end

--- Call f while what it writes and prints is collected.
---@return any what f returned
---@return string out, string err
function M.capture(f, ...)
   local kept = { io.stdout, io.stderr, print }
   local function collector()
      local parts = {}
      return {
         write = function(self, ...)
            for i = 1, select("#", ...) do parts[#parts + 1] = tostring((select(i, ...))) end
            return self
         end,
         text = function() return table.concat(parts) end,
      }
   end
   local out, err = collector(), collector()
   rawset(io, "stdout", out)
   rawset(io, "stderr", err)
   rawset(_G, "print", function(...)
      local words = {}
      for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
      out:write(table.concat(words, "\t"), "\n")
   end)
   local ok, result = pcall(f, ...)
   rawset(io, "stdout", kept[1])
   rawset(io, "stderr", kept[2])
   rawset(_G, "print", kept[3])
   if not ok then error(result, 0) end
   return result, out.text(), err.text()
end

return M
