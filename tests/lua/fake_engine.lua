--- Stands in for "tidemill.engine", which only the program has: notes what the Lua half tells it,
--- and answers as a spec says. Require it before the modules that need an engine.
local half = require "half"

local M = { version = "1.2.3", launches = {}, answers = {} }

local Launch = {}
Launch.__index = Launch

function Launch:key() return self.key_buffer.pointer end
function Launch:value() return self.value_buffer.pointer end
function Launch:key_text() return self.key_buffer.text() end
function Launch:value_text() return self.value_buffer.text() end

function Launch:add_batch(source)
   table.insert(self.batches, { source, self.value_buffer.text() })
end

function Launch:add_initial(stage)
   table.insert(self.initials, { stage, self.key_buffer.text(), self.value_buffer.text() })
end

--- answers.run = {exit code, message}
function Launch:run(options)
   self.options = options
   return unpack(M.answers.run or { 0 })
end

--- answers.open = what is wrong
function Launch:open(options)
   self.options = options
   if M.answers.open then error(M.answers.open, 0) end
end

--- answers.steps = list of rows by output, or of messages
function Launch:step()
   self.step_count = self.step_count + 1
   local answer = (M.answers.steps or {})[self.step_count] or {}
   if type(answer) == "string" then return nil, answer end
   return answer, 1000 * self.step_count
end

function Launch:trace_report() return M.answers.trace_report or "" end

function Launch:close() self.is_closed = true end

function M.launch(spec, description)
   local launch = setmetatable({
      spec = spec, description = description, batches = {}, initials = {}, step_count = 0,
      key_buffer = half.buffer(half.limit("LIMIT_KEY_BYTES_MAX")), value_buffer = half.buffer(),
   }, Launch)
   table.insert(M.launches, launch)
   return launch
end

function M.real_path(path) return "/real/" .. path end

local PREFIX = { error = "", warn = "warning: ", info = "", debug = "debug: " }
local RANK = { error = 1, warn = 2, info = 3, debug = 4 }

function M.log_as(level, format)
   M.level, M.format = level, format
end

function M.log(level, text)
   if RANK[level] > RANK[M.level or "info"] then return end
   io.stderr:write("tidemill: ", PREFIX[level], text, "\n")
end

--- answers.stop = {exit code, message}
function M.stop(data)
   M.stopped = data
   return unpack(M.answers.stop or { 0 })
end

--- answers.stored = {what engine.stored gives}
function M.stored(data, number)
   M.asked_stored = { data, number }
   return unpack(M.answers.stored)
end

function M.failpoints() return M.answers.failpoints or {} end

package.loaded["tidemill.engine"] = M

return M
