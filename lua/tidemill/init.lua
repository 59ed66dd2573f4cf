--- The API as scripts see it: local mill = require "tidemill". One table for each run of a script.
local aggregates = require "tidemill.aggregates"
local job = require "tidemill.job"
local options = require "tidemill.options"
local records = require "tidemill.records"
local strings = require "tidemill.strings"
local tables = require "tidemill.tables"
local values = require "tidemill.values"

local M = {}

--- Make the API for one run of a script.
---@param spec table {control=, args=, overrides=, on_job=}
function M.make(spec)
   local mill = {
      words = aggregates.words, split = aggregates.split, sum = aggregates.sum,
      min = aggregates.min, max = aggregates.max, count = aggregates.count, avg = aggregates.avg,
      null = values.null,
      copy = records.copy, with = records.with, pick = records.pick, fields = records.fields,
      json = records.json, msgpack = records.msgpack,
   }

   for name, f in pairs(strings) do mill[name] = f end

   function mill.job(name, given)
      if spec.is_running then options.fail("mill.job: a job cannot be made while one runs") end
      local made = job.new(name, given, spec.overrides)
      spec.on_job(made)
      return made
   end

   --- Rows of a file, to look things up in: t[key] is a row or nil.
   function mill.table(path, given)
      if spec.is_running then
         options.fail("mill.table: a table cannot be made while a job runs")
      end
      return tables.make(spec.tables, path, given)
   end

   --- What --set NAME=VALUE gave, else the default.
   function mill.arg(name, default)
      if type(name) ~= "string" then options.fail("mill.arg: the name is a string") end
      spec.asked[name] = true
      local value = spec.args[name]
      if value == nil then return default end
      return value
   end

   --- An empty table that is written as {} and not as [].
   function mill.object() return setmetatable({}, values.OBJECT) end

   --- The batch time, in ms.
   function mill.now() return spec.control.time_ms end

   return setmetatable(mill, {
      __index = function(_, name)
         options.fail("mill has no %q", tostring(name))
      end,
   })
end

return M
