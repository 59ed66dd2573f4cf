--- Running a script: its text in, a job and its plan out. Every Lua state of a job runs the same
--- text with the same arguments, so that all have the same plan.
local abi = require "tidemill.abi"
local api = require "tidemill"
local environment = require "tidemill.environment"
local job_module = require "tidemill.job"
local plan = require "tidemill.plan"

local M = {}

--- Find a module beside the script. The first state that loads it reads the file; the others get
--- what it read, so that a file that changes meanwhile cannot make them differ.
local function make_finder(spec)
   return function(name)
      local known = spec.modules[name]
      if known then return known.text, known.path end
      if not spec.read_file or not name:match("^[%w_]+[%w_.]*$") then return nil end
      local relative = name:gsub("%.", "/")
      for _, path in ipairs { relative .. ".lua", relative .. "/init.lua" } do
         path = (spec.path:match("^(.*/)") or "") .. path
         local text = spec.read_file(path)
         if text then
            spec.modules[name] = { text = text, path = path }
            return text, path
         end
      end
   end
end

--- The message of an error value that may be no string.
local function message_of(err, path)
   if type(err) == "string" then return err end
   local meta = type(err) == "table" and debug.getmetatable(err)
   if meta and meta.__tostring then return tostring(err) end
   return ("%s: the script raised %s as an error"):format(path,
      err == nil and "nothing" or "a " .. type(err))
end

--- "at job.lua:7 in f" for a frame of the script; nil for those of the library.
local function describe_frame(level)
   local info = debug.getinfo(level + 1, "Sln")
   if not info then return nil, true end
   if info.source:sub(1, 1) ~= "@" or info.currentline <= 0 then return nil end
   local named = info.what ~= "main" and info.name and info.name ~= ""
   return ("\tat %s:%d%s"):format(info.short_src, info.currentline,
      named and " in " .. info.name or "")
end

--- The message of an error that the script raised, and under it the script's own frames.
local function describe_error(path)
   return function(err)
      local lines = { message_of(err, path) }
      for level = 2, 60 do
         local frame, ended = describe_frame(level)
         if ended then break end
         lines[#lines + 1] = frame
      end
      -- A single frame is where the message says anyway.
      return #lines > 2 and table.concat(lines, "\n") or lines[1]
   end
end

local function check_bytecode(spec)
   if spec.text:byte(1) == 27 then
      error(("%s: is bytecode, not Lua text"):format(spec.path), 0)
   end
end

--- Load and run a script.
---@param spec table
---   path     string, for messages and for finding modules
---   text     string, the script
---   modules  table name -> {text=, path=}: known modules; new ones are added when read_file is set
---   args     table, from --set
---   overrides table, from --option
---   allow    table name -> true, from --allow
---   control  lightuserdata of the state's control block, or nil
---   read_file function(path) -> text, or nil
---@return table job
function M.load(spec)
   check_bytecode(spec)
   spec.control = spec.control and abi.ffi.cast("struct mill_control *", spec.control)
      or abi.ffi.new("struct mill_control")
   spec.allowed = {}
   for name in pairs(spec.allow or {}) do spec.allowed[name] = true end
   spec.labels, spec.asked, spec.tables = {}, {}, {}
   spec.find_module = make_finder(spec)
   function spec.on_job(job)
      for name in pairs(job.options.allow) do spec.allowed[name] = true end
   end
   local mill = api.make(spec)
   local env = environment.make(spec, mill)
   environment.set_string_methods(env)
   local chunk, err = load(spec.text, "@" .. spec.path, "t", env)
   if not chunk then error(err, 0) end
   local ok, job = xpcall(chunk, describe_error(spec.path))
   if not ok then
      -- A stack overflow leaves the handler no room to say where.
      if not job:find(spec.path, 1, true) then job = ("%s: %s"):format(spec.path, job) end
      error(job, 0)
   end
   if not job_module.is_job(job) then
      error(("%s: the script must end with `return job`; it returned %s"):format(spec.path,
         job == nil and "nothing" or "a " .. type(job)), 0)
   end
   return job
end

--- Load a script and plan its job.
---@return table plan, with .job
function M.plan(spec)
   local job = M.load(spec)
   local made = plan.make(job)
   made.job, made.tables = job, spec.tables
   spec.is_running = true
   for i, operator in ipairs(made.operators) do spec.labels[i] = operator.label end
   return made
end

return M
