--- What LuaJIT made of a job: which loops were compiled, and which user functions kept a loop from
--- it. For `explain`, and for tests that assert it.
local jutil = require "jit.util"
local vmdef = require "jit.vmdef"
local views = require "tidemill.views"

local M = {}

local band = bit.band

--- The state of one Lua state's tracing: made by start, read by report.
local state

local function place(info)
   local source = info.source or "?"
   if source:sub(1, 1) == "@" then return ("%s:%d"):format(source:sub(2), info.currentline or 0) end
   return source:gsub("^=", "")
end

local function reason(code, detail)
   local text = vmdef.traceerr[code] or "unknown reason"
   if type(detail) == "function" then
      local info = jutil.funcinfo(detail)
      detail = info.loc or (info.ffid and vmdef.ffnames[info.ffid]) or "a function"
   end
   -- What compiles not, by its number: bytecode 51 is FNEW.
   if text:find("bytecode") and type(detail) == "number" then
      detail = vmdef.bcnames:sub(detail * 6 + 1, detail * 6 + 6):gsub("%s+$", "")
      text = text:gsub("%%d", "%%s")
   end
   return (text:format(detail))
end

local hints = {
   FNEW = "a function is created for each record; make it once, outside",
   UCLO = "a function that captures a loop's variable is created for each record",
}

local function is_segment(where) return where:find("^segment%d") ~= nil end

--- A function that is compiled before the loop that calls it has traces of its own, and these may
--- come back to the loop. The loop gets its own, in which the function is once more: what happens
--- there to those of the function is nothing to it.
local function came_back(root, where) return is_segment(where) and not is_segment(root) end

local function on_trace(what, trace, func, pc, other, extra)
   if what == "start" then
      local where = place(jutil.funcinfo(func, pc))
      state.starting = { place = where, root = other and state.roots[other] or where }
   elseif what == "stop" then
      local info = jutil.traceinfo(trace)
      table.insert(state.traces, { place = state.starting.place, link = info.linktype })
      state.roots[trace] = state.starting.root
   elseif what == "abort" then
      local where = place(jutil.funcinfo(func, pc))
      if came_back(state.starting.root, where) then return end
      local text = reason(other, extra)
      for name, hint in pairs(hints) do
         if text:find(name, 1, true) then text = text .. " (" .. hint .. ")" end
      end
      local key = where .. ": " .. text
      state.aborts[key] = (state.aborts[key] or 0) + 1
   end
end

--- Byte codes of loops that LuaJIT has given up on.
local BLACKLISTED = { IFORL = true, IITERL = true, ILOOP = true, IFUNCF = true, IFUNCV = true }

local function is_blacklisted(f)
   if not jutil.funcinfo(f).proto then return false end
   local pc = 0
   while true do
      local ins = jutil.funcbc(f, pc)
      if not ins then return false end
      local op = vmdef.bcnames:sub(band(ins, 255) * 6 + 1, band(ins, 255) * 6 + 6):gsub("%s+$", "")
      if BLACKLISTED[op] then return true end
      pc = pc + 1
   end
end

--- Begin to note. @param plan table the state's plan
function M.start(plan)
   state = { plan = plan, traces = {}, roots = {}, aborts = {} }
   jit.attach(on_trace, "trace")
end

local function segment_line(segment)
   local name = "segment" .. segment.id
   if segment.native then return ("segment %d: runs in C"):format(segment.id) end
   local loops, traces, stitched = 0, 0, false
   for _, trace in ipairs(state.traces) do
      if trace.place == name then
         traces = traces + 1
         if trace.link == "loop" then loops = loops + 1 end
         stitched = stitched or trace.link == "stitch"
      end
   end
   local text = traces == 0 and "not compiled (too few records, or it cannot be)"
      or loops == 0 and "compiled in pieces, no whole loop"
      or "compiled"
   if stitched then text = text .. ", with calls that LuaJIT cannot compile" end
   return ("segment %d: %s (%d traces)"):format(segment.id, text, traces)
end

--- What of records the job's functions read: nothing else is made of them.
local function add_fields(lines)
   for i, source in ipairs(state.plan.sources or {}) do
      local names = views.fields_read(i)
      if #names > 0 then
         lines[#lines + 1] = ("%s reads the fields %s"):format(
            state.plan.operators[source.node.id].label, table.concat(names, ", "))
      end
   end
end

--- How LuaJIT finds its way to loops: it begins at an outer one, or at a function that gets hot
--- before the loop that calls it, and leaves that to the trace that is better.
local HARMLESS = {
   "leaving loop in root trace", "inner loop in root trace", "down-recursion",
   "return to lower frame",
}

local function is_harmless(abort)
   for _, text in ipairs(HARMLESS) do
      if abort:find(text, 1, true) then return true end
   end
   return false
end

--- Lines of text: segments, the fields of records that are read, then what could not be compiled
--- and where.
function M.report()
   jit.attach(on_trace)
   local lines = {}
   for _, segment in ipairs(state.plan.segments) do lines[#lines + 1] = segment_line(segment) end
   add_fields(lines)
   for _, operator in ipairs(state.plan.operators) do
      local f = operator.node.fn
      if f and is_blacklisted(f) then
         lines[#lines + 1] = ("%s runs interpreted"):format(operator.label)
      end
   end
   local aborts = {}
   for key, count in pairs(state.aborts) do
      if not is_harmless(key) then
         aborts[#aborts + 1] = ("gave up at %s, %d times"):format(key, count)
      end
   end
   table.sort(aborts)
   for _, line in ipairs(aborts) do lines[#lines + 1] = line end
   return table.concat(lines, "\n") .. "\n"
end

return M
