--- Streams and pair streams: what a script calls. Each call adds a node to the job's graph and
--- returns the stream behind it. Nothing is computed here.
local options = require "tidemill.options"
local aggregates = require "tidemill.aggregates"
local windows = require "tidemill.windows"

local M = {}

local Stream = {}
Stream.__index = Stream

local function wrap(node)
   return setmetatable({ node = node, job = node.job }, Stream)
end

--- The stream of a node that was just added.
function M.new(node)
   return wrap(node)
end

function M.is_stream(value)
   return getmetatable(value) == Stream
end

local function fail(name, format, ...)
   options.fail(name .. ": " .. format, ...)
end

local function check_function(name, f)
   if type(f) ~= "function" then
      fail(name, "needs a function, not %s", options.show(f))
   end
end

local function check_keyed(name, self)
   if not self.node.keyed then
      fail(name, "works on pairs; make them with map_to_pair first")
   end
end

local function check_input(name, node)
   if node.output then
      fail(name, "%s at %s is an output; nothing comes after it", node.kind, node.line)
   end
end

local function add(self, node)
   check_input(node.kind, self.node)
   node.input = self.node
   windows.inherit(node, self.node)
   return wrap(self.job:add(node))
end

windows.install(Stream, add)

--- How many parameters a function takes; nil when it takes any number.
local function parameter_count(f)
   local info = debug.getinfo(f, "u")
   return not info.isvararg and info.nparams or nil
end

--- Whether a flat function takes `emit` as its last parameter, behind the record (or key, value,
--- or key, value, window).
local function takes_emit(name, self, f)
   local record = self.node.windowed and 3 or self.node.keyed and 2 or 1
   local count = parameter_count(f)
   if count == nil then
      fail(name, "cannot tell whether a function of (...) takes emit; name its parameters")
   end
   return count > record
end

function Stream:map(f)
   check_function("map", f)
   return add(self, { kind = "map", fn = f })
end

function Stream:filter(f)
   check_function("filter", f)
   return add(self, { kind = "filter", fn = f, keyed = self.node.keyed })
end

function Stream:flat_map(f)
   if aggregates.is_splitter(f) then
      if self.node.keyed then
         fail("flat_map", "%s splits strings; take them with values() first", tostring(f))
      end
      return add(self, { kind = "flat_map", splitter = f })
   end
   if f == aggregates.split then
      fail("flat_map", "mill.split needs its separator: mill.split(\",\")")
   end
   check_function("flat_map", f)
   return add(self, { kind = "flat_map", fn = f, emits = takes_emit("flat_map", self, f) })
end

function Stream:map_to_pair(f)
   check_function("map_to_pair", f)
   return add(self, { kind = "map_to_pair", fn = f, keyed = true })
end

function Stream:flat_map_to_pair(f)
   check_function("flat_map_to_pair", f)
   return add(self, {
      kind = "flat_map_to_pair", fn = f, keyed = true,
      emits = takes_emit("flat_map_to_pair", self, f),
   })
end

function Stream:map_values(f)
   check_keyed("map_values", self)
   check_function("map_values", f)
   return add(self, { kind = "map_values", fn = f, keyed = true })
end

function Stream:keys()
   check_keyed("keys", self)
   return add(self, { kind = "keys" })
end

function Stream:values()
   check_keyed("values", self)
   return add(self, { kind = "values" })
end

function Stream:union(...)
   local inputs = { self.node }
   check_input("union", self.node)
   for i = 1, select("#", ...) do
      local other = select(i, ...)
      if not M.is_stream(other) then
         fail("union", "needs streams, not %s", options.show(other))
      elseif other.job ~= self.job then
         fail("union", "the streams belong to different jobs")
      end
      check_input("union", other.node)
      if (not other.node.keyed) ~= (not self.node.keyed) then
         fail("union", "one stream is of pairs and the other is not")
      end
      inputs[#inputs + 1] = other.node
   end
   local node = self.job:add { kind = "union", inputs = inputs, keyed = self.node.keyed }
   windows.unite(node)
   return wrap(node)
end

function Stream:count()
   return add(self, { kind = "count", stage = "table", combine = "count", global = true })
end

function Stream:reduce(f)
   if self.node.keyed then
      fail("reduce", "works on records; take values() first, or use reduce_by_key")
   end
   if aggregates.is_aggregate(f) then
      return add(self, { kind = "reduce", stage = "table", combine = f.name, global = true })
   end
   check_function("reduce", f)
   return add(self, { kind = "reduce", stage = "table", combine = "lua", fn = f, global = true })
end

function Stream:count_by_value()
   if self.node.keyed then
      fail("count_by_value", "works on records; take keys() or values() first")
   end
   return add(self, {
      kind = "count_by_value", stage = "table", combine = "count", by_value = true, keyed = true,
   })
end

function Stream:reduce_by_key(f)
   check_keyed("reduce_by_key", self)
   if aggregates.is_aggregate(f) then
      return add(self, { kind = "reduce_by_key", stage = "table", combine = f.name, keyed = true })
   end
   check_function("reduce_by_key", f)
   return add(self, {
      kind = "reduce_by_key", stage = "table", combine = "lua", fn = f, keyed = true,
   })
end

local UPDATE_OPTIONS = {
   initial = { type = "table" },
   emit = { type = "choice", default = "all", "all", "changed" },
}

function Stream:update_state_by_key(f, given)
   check_keyed("update_state_by_key", self)
   check_function("update_state_by_key", f)
   local checked = options.check("update_state_by_key", UPDATE_OPTIONS, given)
   return add(self, {
      kind = "update_state_by_key", stage = "update", fn = f, keyed = true,
      emit = checked.emit, initial = checked.initial,
   })
end

local WITH_STATE_OPTIONS = {
   initial = { type = "table" },
   timeout = { type = "duration", min = 1 },
   gives = { type = "choice", default = "records", "records", "pairs" },
}

--- f(key, value, state) for each record; state:get(), :update(v), :remove(), :exists(), and
--- state.timing_out when its key has had no record for `timeout`. Gives what f returns, or nothing.
function Stream:map_with_state(f, given)
   check_keyed("map_with_state", self)
   check_function("map_with_state", f)
   local checked = options.check("map_with_state", WITH_STATE_OPTIONS, given)
   return add(self, {
      kind = "map_with_state", stage = "with_state", fn = f, keyed = checked.gives == "pairs",
      initial = checked.initial, timeout = checked.timeout,
   })
end

function Stream:top(n, f)
   if type(n) ~= "number" or n < 1 or n > 1e6 or n ~= math.floor(n) then
      fail("top", "needs how many: a whole number from 1 to 1000000, not %s", options.show(n))
   end
   check_function("top", f)
   return add(self, { kind = "top", stage = "top", n = n, fn = f, keyed = self.node.keyed })
end

local NAMED_OPTIONS = { was = { type = "string" } }

--- Give the operator, source or output its identity; `was` says which it was before.
function Stream:named(name, given)
   local job_module = require "tidemill.job"
   if not job_module.is_name(name) then
      fail("named", "%s is not allowed; a name is %s", options.show(name), job_module.NAME_RULE)
   end
   for _, node in ipairs(self.job.nodes) do
      if node.name == name and node ~= self.node then
         fail("named", "%q is the name of the %s at %s already", name, node.kind, node.line)
      end
   end
   self.node.name = name
   self.node.was = options.check("named", NAMED_OPTIONS, given).was
   return self
end

local function add_output(self, node)
   node.output = true
   return add(self, node)
end

function Stream:print(n)
   if n ~= nil and (type(n) ~= "number" or n < 1 or n > 1e6 or n ~= math.floor(n)) then
      fail("print", "needs how many rows: a whole number from 1 to 1000000, not %s",
         options.show(n))
   end
   return add_output(self, { kind = "print", n = n or 10, target = "stdout", format = "print" })
end

local STDOUT_OPTIONS = { format = { type = "choice", default = "json", "json", "text" } }

function Stream:to_stdout(given)
   local checked = options.check("to_stdout", STDOUT_OPTIONS, given)
   return add_output(self, { kind = "to_stdout", target = "stdout", format = checked.format })
end

local FILE_OPTIONS = {
   format = { type = "choice", default = "json", "json", "text" },
   roll = { type = "roll" },
}

local function check_folder(name, dir)
   if type(dir) ~= "string" or dir == "" then
      fail(name, "the folder is a string, not %s", options.show(dir))
   end
end

function Stream:to_files(dir, given)
   check_folder("to_files", dir)
   local checked = options.check("to_files", FILE_OPTIONS, given)
   return add_output(self, {
      kind = "to_files", target = dir, format = checked.format, roll = checked.roll,
   })
end

function Stream:save_as_text_files(prefix, suffix)
   check_folder("save_as_text_files", prefix)
   if suffix ~= nil and (type(suffix) ~= "string" or not suffix:match("^[%w_%-]+$")) then
      fail("save_as_text_files", "the suffix is letters and digits, not %s", options.show(suffix))
   end
   return add_output(self, {
      kind = "save_as_text_files", target = prefix, suffix = suffix, format = "text",
   })
end

local BATCH_OPTIONS = { timeout = { type = "duration", default = "60s" } }

function Stream:for_each_batch(f, given)
   check_function("for_each_batch", f)
   local checked = options.check("for_each_batch", BATCH_OPTIONS, given)
   return add_output(self, {
      kind = "for_each_batch", fn = f, target = "", format = "rows", timeout = checked.timeout,
   })
end

local LATER = {}
for name in ([[map_partitions glom repartition transform transform_with key_by flat_map_values
   group_by_key count_by_key combine_by_key join left_outer_join right_outer_join full_outer_join
   cogroup map_with_state window reduce_by_window count_by_window count_by_value_and_window
   group_by_key_and_window reduce_by_key_and_window
   to_kafka to_sqlite to_postgres to_redis]]):gmatch("%S+") do
   LATER[name] = true
end

--- Names of the design that this version does not have: the error says so. Any other name is an
--- error too: a misspelt operator must not become "attempt to call a nil value".
setmetatable(Stream, {
   __index = function(_, name)
      if LATER[name] then
         options.fail("%s is not in this version of tidemill", name)
      elseif type(name) == "string" then
         options.fail("a stream has no operator %q", name)
      end
   end,
})

return M
