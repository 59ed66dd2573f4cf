--- A batch's rows, as for_each_batch functions get them: a sequence that may be larger than memory.
--- It is read from the store or from a file each time that it is gone through.
local options = require "tidemill.options"
local views = require "tidemill.views"

local M = {}

local Rows = {}
Rows.__index = Rows
Rows.__tostring = function(rows) return ("%d rows"):format(rows.row_count) end

--- for record in rows:each(), or for key, value in rows:each(), or for key, value, window
function Rows:each()
   return self.open()
end

function Rows:count()
   return self.row_count
end

--- The first n rows as a list; a pair is {key, value}, a result of a window {key, value, window}.
function Rows:take(n)
   if type(n) ~= "number" or n < 0 then
      options.fail("rows:take: needs how many, not %s", options.show(n))
   end
   local list = {}
   if n < 1 then return list end
   for a, b, window in self:each() do
      list[#list + 1] = self.keyed and { a, b, window } or a
      if #list >= n then break end
   end
   return list
end

function Rows:first()
   return self:take(1)[1]
end

local function check_size(self, what)
   if self.byte_count > self.collect_max then
      error(("rows:%s: the batch has %d bytes of rows, more than the %d that fit into memory; "
         .. "use each(), or raise rows_max"):format(what, self.byte_count, self.collect_max), 0)
   end
end

--- All rows as a list; a pair is {key, value}.
function Rows:collect()
   check_size(self, "collect")
   return self:take(math.huge)
end

--- Pairs as a table key -> value; of equal keys the last counts.
function Rows:to_table()
   if not self.keyed then options.fail("rows:to_table: the rows are not pairs") end
   check_size(self, "to_table")
   local result = {}
   for key, value in self:each() do result[key] = value end
   return result
end

setmetatable(Rows, {
   __index = function(_, name)
      options.fail("rows:%s is not in this version of tidemill; there are each, count, take, "
         .. "first, collect and to_table", tostring(name))
   end,
})

--- Make the rows of one batch.
---@param native table from C: open() gives an iterator; row_count, byte_count, keyed, collect_max
function M.make(native)
   return setmetatable(native, Rows)
end

--- What C calls (script/batch_call.c): one batch of one output.
function M.call(plan, output, native, time_ms, epoch)
   local f = plan.outputs[output].node.fn
   views.end_rows()
   views.copy_from_c(true)
   return f(M.make(native), time_ms, epoch) -- a tail call: `f` is in no traceback
end

return M
