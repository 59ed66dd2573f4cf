--- Event time and its windows: what a script calls. event_time() gives records their time;
--- tumbling(), sliding() and session() on pairs give a Windows, and an aggregate of that a stream
--- of (key, value, window).
local options = require "tidemill.options"
local units = require "tidemill.units"

local M = {}

local Windows = {}
Windows.__index = Windows

local function fail(name, format, ...)
   options.fail(name .. ": " .. format, ...)
end

local EVENT_OPTIONS = {
   max_delay = { type = "duration", default = "0s", min = 0 },
   idle = { type = "duration", default = "30s" },
   max_ahead = { type = "duration", default = "1d" },
}

local function event_time(add, self, field, given)
   if type(field) ~= "function" and (type(field) ~= "string" or field == "") then
      fail("event_time", "needs a field's name or a function, not %s", options.show(field))
   end
   local stage = self.node.stage and self.node or self.node.behind
   if stage then
      fail("event_time", "comes before the first shuffle, and %s at %s is one", stage.kind,
         stage.line)
   elseif self.node.event then
      fail("event_time", "the stream has a time already, from %s", self.node.event[1].line)
   end
   local checked = options.check("event_time", EVENT_OPTIONS, given)
   local is_name = type(field) == "string"
   local stream = add(self, {
      kind = "event_time", fn = not is_name and field or nil, field = is_name and field or nil,
      keyed = self.node.keyed, options = checked,
   })
   stream.node.event = { stream.node }
   return stream
end

local SIZE_MAX = 36500 * 24 * 3600 * 1000 -- ends of windows have 48 bits

local function check_duration(name, what, value)
   local ms, err = units.duration(value)
   if type(value) ~= "string" or not ms or ms < 1 then
      fail(name, "%s is a duration such as \"10s\", not %s%s", what, options.show(value),
         type(value) == "string" and err and " (" .. err .. ")" or "")
   elseif ms > SIZE_MAX then
      fail(name, "%s is at most %s, not %s", what, units.format_duration(SIZE_MAX),
         options.show(value))
   end
   return ms
end

--- The windows of a stream, before their aggregate.
local function windows_of(self, window)
   local name = window.kind
   if not self.node.keyed then
      fail(name, "works on pairs; make them with map_to_pair first")
   elseif not self.node.event then
      fail(name, "the records have no time: event_time() comes first, and a shuffle without a "
         .. "window, or a union with a stream without a time, loses it")
   end
   return setmetatable({ stream = self, window = window }, Windows)
end

local TUMBLING_OPTIONS = {
   emit = { type = "choice", default = "final", "final", "update" },
}
local NO_OPTIONS = {}

--- The other windows have no options; emit is asked for often enough to say why.
local function check_no_options(name, given)
   if type(given) == "table" and given.emit == "update" then
      fail(name, "emit = \"update\" is for tumbling windows")
   end
   if type(given) == "table" and given.emit == "final" then return end
   options.check(name, NO_OPTIONS, given)
end

local function tumbling(self, size, given)
   local ms = check_duration("tumbling", "the size", size)
   local checked = options.check("tumbling", TUMBLING_OPTIONS, given)
   return windows_of(self, { kind = "tumbling", size = ms, slide = ms, pane = ms,
      emit = checked.emit })
end

local function greatest_common_divisor(a, b)
   while b ~= 0 do a, b = b, a % b end
   return a
end

local PANES_MAX = 10000 -- of one window

local function sliding(self, size, slide, given)
   local ms = check_duration("sliding", "the size", size)
   local every = check_duration("sliding", "the slide", slide)
   check_no_options("sliding", given)
   if every > ms then
      fail("sliding", "the slide %s is larger than the size %s: records between windows would be "
         .. "in none", slide, size)
   end
   local pane = greatest_common_divisor(ms, every)
   if ms / pane > PANES_MAX then
      fail("sliding", "a window of %s every %s is made of %d parts; at most %d are possible", size,
         slide, ms / pane, PANES_MAX)
   end
   return windows_of(self, { kind = "sliding", size = ms, slide = every, pane = pane,
      emit = "final" })
end

local function session(self, gap, given)
   local ms = check_duration("session", "the gap", gap)
   check_no_options("session", given)
   return windows_of(self, { kind = "session", size = ms, slide = ms, pane = ms, emit = "final" })
end

--- Give streams the methods.
---@param add function(stream, node): adds a node behind a stream
function M.install(Stream, add)
   M.add = add
   function Stream:event_time(field, given) return event_time(add, self, field, given) end
   Stream.tumbling, Stream.sliding, Stream.session = tumbling, sliding, session
end

local function aggregate(self, name, node)
   local event = self.stream.node.event
   node.kind = self.window.kind .. "_" .. name
   node.stage, node.window, node.keyed = "window", self.window, true
   local stream = M.add(self.stream, node)
   stream.node.event, stream.node.windowed = event, true
   return stream
end

local function check_function(name, f, is_optional)
   if type(f) ~= "function" and not (is_optional and f == nil) then
      fail(name, "needs a function, not %s", options.show(f))
   end
   return f
end

function Windows:count()
   return aggregate(self, "count", { combine = "count" })
end

for _, name in ipairs { "sum", "min", "max", "avg" } do
   --- Of f(value, key), or of the values themselves.
   Windows[name] = function(self, f)
      return aggregate(self, name, { combine = name, fn = check_function(name, f, true) })
   end
end

function Windows:reduce(f)
   return aggregate(self, "reduce", { combine = "lua", fn = check_function("reduce", f) })
end

--- How many different f(value, key) there are, or values.
function Windows:distinct(f)
   return aggregate(self, "distinct", {
      combine = "lua", gathers = true, built_in = "distinct",
      fn = check_function("distinct", f, true),
   })
end

--- The n values with the largest f(value, key), largest first; of equal ones the earlier.
function Windows:top(n, f)
   if type(n) ~= "number" or n < 1 or n > 1e6 or n ~= math.floor(n) then
      fail("top", "needs how many: a whole number from 1 to 1000000, not %s", options.show(n))
   end
   return aggregate(self, "top", {
      combine = "lua", gathers = true, built_in = "top", n = n, fn = check_function("top", f, true),
   })
end

--- All values, in order of time, then of position.
function Windows:list()
   return aggregate(self, "list", { combine = "lua", gathers = true, built_in = "list" })
end

local AGGREGATE_OPTIONS = {
   init = { type = "function" }, add = { type = "function" }, merge = { type = "function" },
   result = { type = "function" },
}

--- init(key), add(acc, value, key), merge(acc, acc), result(acc, key, window).
function Windows:aggregate(given)
   local checked = options.check("aggregate", AGGREGATE_OPTIONS, given)
   for _, name in ipairs { "init", "add", "merge" } do
      if not checked[name] then fail("aggregate", "needs %s, a function", name) end
   end
   return aggregate(self, "aggregate", { combine = "lua", gathers = true, acc = checked })
end

setmetatable(Windows, {
   __index = function(_, name)
      if type(name) == "string" then
         options.fail("windows have no aggregate %q; there are count, sum, min, max, avg, "
            .. "distinct, top, list, reduce and aggregate", name)
      end
   end,
})

--- What a node's records know behind it. A window's result has the time end_ms - 1.
local KEEPS_TIME = {
   map = true, filter = true, flat_map = true, map_to_pair = true, flat_map_to_pair = true,
   map_values = true, keys = true, values = true, event_time = true,
}
local KEEPS_WINDOW = { filter = true, map_values = true }

function M.inherit(node, input)
   if KEEPS_TIME[node.kind] then node.event = input.event end
   if KEEPS_WINDOW[node.kind] then node.windowed = input.windowed end
   node.behind = input.stage and input or input.behind -- the shuffle that it has behind it
end

--- Of a union: the time if all streams have one, from all their event_time(); the same of windows.
function M.unite(node)
   local events, seen, windowed = {}, {}, true
   for _, input in ipairs(node.inputs) do
      if not input.event then events = nil end
      node.behind = node.behind or input.stage and input or input.behind
      windowed = windowed and input.windowed or nil
      for _, event in ipairs(events and input.event or {}) do
         if not seen[event] then
            seen[event] = true
            events[#events + 1] = event
         end
      end
   end
   node.event, node.windowed = events, windowed
end

return M
