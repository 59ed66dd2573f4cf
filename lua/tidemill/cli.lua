--- The command line.
local argparse = require "argparse"
local engine = require "tidemill.engine"

local M = {}

--- @param level string? "error" without one
local function message(text, level)
   engine.log(level or "error", text)
end

--- "k=v" into {k = v}.
local function pairs_of(list, option)
   local result = {}
   for _, text in ipairs(list) do
      local name, value = text:match("^([^=]+)=(.*)$")
      if not name then
         return nil, ("%s %s: write NAME=VALUE"):format(option, text)
      end
      result[name] = value
   end
   return result
end

local function add_script_options(command)
   command:argument("script", "The job's Lua script.")
   command:option("--set", "Give the script an argument, NAME=VALUE: mill.arg(\"NAME\").")
      :count("*"):argname("NAME=VALUE")
   command:option("--option", "Override an option of mill.job, NAME=VALUE."):count("*")
      :argname("NAME=VALUE")
   command:option("--allow", "Open a part of Lua to the script: io, os, require, ffi."):count("*")
      :choices { "io", "os", "require", "ffi" }
   command:option("--jit", "on (default) or off: interpret everything."):choices { "on", "off" }
      :default("on")
end

--- What decides about a refusal: option, what it is given, what it says. The order is the help's.
local CHOICES = {
   { "--adopt", "PATH", "Take over: the job's data directory goes over to the script PATH, or PATH "
      .. "is an output folder that another store has written to." },
   { "--assume-published", "FOLDER", "An output folder was emptied or is gone: go on, and take "
      .. "what is missing there as published." },
   { "--publish-again", "FOLDER", "An output folder was emptied or is gone: go on if nothing that "
      .. "waits for it is missing." },
   { "--drop-output", "NAME", "Give up the rows that wait for an output that the script no longer "
      .. "has. They are kept in the data directory's given_up/." },
   { "--drop-state", "NAME", "Remove the state of an operator that the script no longer has." },
   { "--skip-epoch", "[NAME=]N", "Give up the rows of epoch N that cannot be published, of all "
      .. "outputs or of one. They are kept in the data directory's given_up/." },
   { "--reread", "FILE", "Read a file that became smaller again from its start." },
   { "--skip-file", "FILE", "Leave a file that became smaller out." },
}

local function add_choices(command)
   for _, choice in ipairs(CHOICES) do
      command:option(choice[1], choice[3]):count("*"):argname(choice[2])
   end
end

--- @return list of {option, name}
local function choices_of(options)
   local list = {}
   for _, choice in ipairs(CHOICES) do
      for _, name in ipairs(options[choice[1]:sub(3):gsub("-", "_")]) do
         list[#list + 1] = { choice[1], name }
      end
   end
   return list
end

local function add_log_options(command)
   command:flag("-q --quiet", "Say nothing but errors: --log-level error.")
   command:option("--log-level", "The least that is said on standard error: error, warn, info "
      .. "(default) or debug."):choices { "error", "warn", "info", "debug" }:default("info")
   command:option("--log-format", "text (default), or json: one object a line on standard error.")
      :choices { "text", "json" }:default("text")
end

local function make_parser()
   local parser = argparse("tidemill", "Runs stream-processing jobs that are Lua scripts.")
   parser:flag("--version", "Print the version and exit.")
   parser:require_command(false)
   parser:command_target("command")

   local run = parser:command("run", "Run a job until it is stopped.")
   add_script_options(run)
   run:flag("--once", "Process what is there, commit, publish and exit.")
   run:flag("--fresh", "Forget what was processed before, and its results; start over.")
   run:flag("--keep-open", "With --once: leave open windows for the next run.")
   run:option("--cut", "With --once: `time` ends epochs by the interval, too."):choices { "time" }
   run:option("--clock", "machine (default) or virtual: time steps without waiting.")
      :choices { "machine", "virtual" }:default("machine")
   run:option("--data", "The data directory (default: .tidemill/<job>).")
   run:option("--stored", "Run the script as the store keeps it, not its file: 1, the newest "
      .. "(default), or 2, the one before. A job's name will do for SCRIPT."):argname("[N]")
      :convert(tonumber)
   add_choices(run)
   add_log_options(run)

   local explain = parser:command("explain",
      "Show a job's graph, its generated code, and what was compiled.")
   add_script_options(explain)

   local stop = parser:command("stop", "End a running job, as SIGTERM does, and wait for its end.")
   stop:argument("job", "The job's name."):args("?")
   stop:option("--data", "The data directory (default: .tidemill/<job>).")
   add_log_options(stop)

   local test = parser:command("test", "Run the tests in job scripts and golden cases.")
   test:argument("files", "Job scripts (*.lua) and cases (*.case)."):args("+")
   test:option("--workers", "How many workers run each job."):default("1"):convert(tonumber)
   test:option("--jit", "on (default) or off."):choices { "on", "off" }:default("on")
   test:flag("-v --verbose", "Name every test.")

   if #engine.failpoints() > 0 then
      parser:command("failpoints", "List the failpoints of this test build.")
   end
   return parser
end

--- Fill a spec for tidemill.launch from the parsed options. @return table? spec, string? err
---@param known_text string? of the script; else it is read
local function make_spec(options, known_text)
   local launch = require "tidemill.launch"
   local args, err = pairs_of(options.set, "--set")
   if not args then return nil, err end
   local overrides
   overrides, err = pairs_of(options.option, "--option")
   if not overrides then return nil, err end
   local text = known_text
   if not text then
      text, err = launch.read_file(options.script)
      if not text then return nil, err end
   end
   local allow = {}
   for _, name in ipairs(options.allow) do allow[name] = true end
   return { path = options.script, text = text, args = args, overrides = overrides, allow = allow }
end
M.make_spec = make_spec

--- Where the job's data is whose stored script is to be run: the script may be the job's name, or
--- its file, which says the name when it can be run.
---@return string? data, string? err
local function stored_data(options)
   if options.data then return options.data end
   local named = ".tidemill/" .. options.script
   if engine.real_path(named .. "/store") then return named end
   local spec, err = make_spec(options)
   if not spec then
      return nil, ("%s; with --stored give the job's name, or --data"):format(err)
   end
   local ok, launch, plan = pcall(require("tidemill.launch").prepare, spec)
   if not ok then
      return nil, ("%s\nWith --stored give the job's name, or --data"):format(launch)
   end
   return ".tidemill/" .. plan.name
end

--- As make_spec, of a version that the store keeps. Sets options.data.
---@return table? spec, string? err, integer? exit code
local function make_stored_spec(options)
   local data, err = stored_data(options)
   if not data then return nil, err, 2 end
   local stored, code
   stored, err, code = engine.stored(data, options.stored)
   if not stored then return nil, err, code end
   options.data = data
   local spec
   spec, err = make_spec(options, stored.text)
   if not spec then return nil, err, 2 end
   spec.path, spec.modules = stored.path, stored.modules
   message(("running the stored version %d of %s"):format(options.stored, stored.path), "info")
   return spec
end

local function warn_about(plan, spec)
   for _, label in ipairs(plan.unused) do
      message(("%s leads to no output and is not run"):format(label), "warn")
   end
   for name in pairs(spec.args) do
      if not spec.asked[name] then
         message(("--set %s: the script does not ask for it"):format(name), "warn")
      end
   end
   local allowed = {}
   for name in pairs(spec.allowed) do allowed[#allowed + 1] = name end
   table.sort(allowed)
   if #allowed > 0 then
      message("the script may use " .. table.concat(allowed, ", "), "info")
   end
   for _, warning in ipairs(require("tidemill.upvalues").check(plan)) do
      message(warning, "warn")
   end
end

--- From here on what is said is said as the options want it.
local function begin_log(options)
   if not options.log_level then return end
   local level = options.quiet and "error" or options.log_level
   engine.log_as(level, options.log_format)
   -- A line that is written over is for people, and says what is of level info.
   options.shows_status = options.log_format == "text" and (level == "info" or level == "debug")
end

local commands = {}

function commands.run(options)
   local spec, err, code = (options.stored and make_stored_spec or make_spec)(options)
   if not spec then
      message(err)
      return code or 2
   end
   local launch_module = require "tidemill.launch"
   local ok, launch, plan = pcall(launch_module.prepare, spec)
   if not ok then
      message(tostring(launch))
      return 2
   end
   warn_about(plan, spec)
   local text
   code, text = launch:run {
      data = options.data or ".tidemill/" .. plan.name, once = options.once,
      fresh = options.fresh, keep_open = options.keep_open, cut_by_time = options.cut == "time",
      virtual_clock = options.clock == "virtual", jit_off = options.jit == "off",
      show_status = options.shows_status, choices = choices_of(options),
   }
   if text then message(text) end
   return code
end

function commands.explain(options)
   return require("tidemill.explain").main(options)
end

function commands.stop(options)
   if not options.job and not options.data then
      message("stop: name the job, or its data directory with --data")
      return 2
   end
   local data = options.data or ".tidemill/" .. options.job
   local code, text = engine.stop(data)
   if text then message(text) end
   return code
end

function commands.test(options)
   return require("tidemill.tester").main(options)
end

function commands.failpoints()
   print(table.concat(engine.failpoints(), "\n"))
   return 0
end

--- Give --stored its number where it has none, so that what follows stays what it is.
local function with_numbers(args)
   local result = {}
   for i, word in ipairs(args) do
      local bare = word == "--stored" and not (args[i + 1] or ""):match("^%d+$")
      result[i] = bare and "--stored=1" or word
   end
   return result
end

--- Run a command. @param args list of strings @return integer exit code
function M.main(args)
   local parser = make_parser()
   local ok, options = parser:pparse(with_numbers(args))
   if not ok then
      message(options)
      io.stderr:write("Try `tidemill --help`.\n")
      return 2
   end
   if options.version then
      print("tidemill " .. engine.version)
      return 0
   end
   if not options.command then
      print(parser:get_help())
      return 2
   end
   begin_log(options)
   return commands[options.command](options)
end

return M
