-- Goal: a command line does what its help says or is refused with one line, and the exit code says
-- which: 0 good, 2 wrong usage or script, else what the engine gives.
-- Method: an engine that notes what it is given; scripts on the disk; what is written.
local half = require "half"
local engine = require "fake_engine"
local cli = require "tidemill.cli"

local SCRIPT = 'local mill = require "tidemill" local job = mill.job("test") '
   .. 'job:text_file_stream(mill.arg("input", "in")):print() return job\n'

local path

local function write(text)
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
end

before_each(function()
   path = os.tmpname()
   write(SCRIPT)
   engine.answers = {}
   engine.level, engine.format = nil, nil
end)

after_each(function() os.remove(path) end)

--- Run a command; PATH is the script's. @return exit code, standard output, standard error
local function run(...)
   local args = { ... }
   for i, word in ipairs(args) do args[i] = word:gsub("PATH", path) end
   return half.capture(half.with_own_strings, cli.main, args)
end

--- What the last launch was told to do, after `run` with these words.
local function options_of(...)
   assert.equal(0, (run("run", ...)))
   return engine.launches[#engine.launches].options
end

describe("the command line", function()
   it("tells its version", function()
      assert.same({ 0, "tidemill 1.2.3\n", "" }, { run("--version") })
   end)

   it("shows its help where no command is given", function()
      local code, out, err = run()
      assert.equal(2, code)
      assert.is_not_nil(out:find("Usage: tidemill", 1, true))
      for _, name in ipairs { "run", "explain", "stop", "test" } do
         assert.is_not_nil(out:find("\n   " .. name .. " ", 1, true), name)
      end
      assert.equal("", err)
   end)

   it("is refused with what is wrong with it", function()
      local known = {
         { "bogus", "unknown command 'bogus'" }, { "run", "missing argument 'script'" },
         { "run PATH more", "too many arguments" },
         { "run --bogus PATH", "unknown option '--bogus'" },
         { "run --allow all PATH",
            "argument for option '--allow' must be one of 'io', 'os', 'require', 'ffi'" },
         { "run --cut never PATH", "argument for option '--cut' must be one of 'time'" },
         { "run --clock sun PATH",
            "argument for option '--clock' must be one of 'machine', 'virtual'" },
         { "run --jit maybe PATH", "argument for option '--jit' must be one of 'on', 'off'" },
         { "test", "missing argument 'files'" },
         { "test --workers many PATH", "malformed argument 'many'" },
         { "test --jit maybe PATH", "argument for option '--jit' must be one of 'on', 'off'" },
         { "failpoints", "unknown command 'failpoints'" },
      }
      for _, usage in ipairs(known) do
         local words = {}
         for word in usage[1]:gmatch("%S+") do words[#words + 1] = word end
         local code, out, err = run(unpack(words))
         assert.same({ 2, "" }, { code, out })
         assert.equal(("tidemill: %s\nTry `tidemill --help`.\n"):format(usage[2]), err)
      end
   end)

   it("lists failpoints in builds that have them", function()
      engine.answers.failpoints = { "after_commit" }
      assert.same({ 0, "after_commit\n", "" }, { run("failpoints") })
      engine.answers.failpoints = { "after_commit", "before_commit" }
      assert.same({ 0, "after_commit\nbefore_commit\n", "" }, { run("failpoints") })
   end)
end)

describe("a script", function()
   it("gets arguments, options and what it is allowed", function()
      run("run", "--set", "input=a=b", "--set", "empty=", "--option", "batch=5s", "--allow", "io",
         "PATH")
      local spec = engine.launches[#engine.launches].spec
      assert.same({ path, SCRIPT }, { spec.path, spec.text })
      assert.same({ input = "a=b", empty = "" }, spec.args)
      assert.same({ batch = "5s" }, spec.overrides)
      assert.same({ io = true }, spec.allow)
   end)

   it("gets only arguments and options that have names", function()
      for _, option in ipairs { "--set", "--option" } do
         for _, wrong in ipairs { "x", "=x", "" } do
            local code, _, err = run("run", option, wrong, "PATH")
            assert.same({ 2, ("tidemill: %s %s: write NAME=VALUE\n"):format(option, wrong) },
               { code, err })
         end
      end
   end)

   it("that is not there or wrong is told in one line", function()
      assert.same({ 2, "", "tidemill: missing.lua: No such file or directory\n" },
         { run("run", "missing.lua") })
      write("local x = 1\nerror('no luck')\n")
      assert.same({ 2, "", ("tidemill: %s:2: no luck\n"):format(path) }, { run("run", "PATH") })
   end)
end)

describe("run", function()
   it("goes on in the job's folder, by the machine's clock", function()
      assert.same({ data = ".tidemill/test", cut_by_time = false, virtual_clock = false,
         jit_off = false, show_status = true, choices = {} }, options_of("PATH"))
   end)

   it("tells the engine what was asked for", function()
      assert.same({ data = "d", once = true, fresh = true, cut_by_time = true,
         virtual_clock = true, jit_off = true, show_status = false, choices = {} },
         options_of("--data", "d", "--once", "--fresh", "--cut", "time", "--clock", "virtual",
            "--jit", "off", "-q", "PATH"))
   end)

   it("says as much as is wanted, and how", function()
      assert.is_true(options_of("PATH").show_status)
      assert.same({ "info", "text" }, { engine.level, engine.format })
      assert.is_false(options_of("--log-format", "json", "PATH").show_status)
      assert.same({ "info", "json" }, { engine.level, engine.format })
      assert.is_false(options_of("--log-level", "warn", "PATH").show_status)
      assert.is_true(options_of("--log-level", "debug", "PATH").show_status)
      assert.is_false(options_of("--log-level", "debug", "-q", "PATH").show_status)
      assert.same({ "error", "text" }, { engine.level, engine.format })
   end)

   it("tells the engine what was decided about refusals, in the order of the help", function()
      assert.same({ { "--adopt", "out" }, { "--adopt", "b" }, { "--drop-state", "totals" } },
         options_of("--drop-state", "totals", "--adopt", "out", "--adopt", "b", "PATH").choices)
   end)

   it("takes a stored version of the script instead of its file", function()
      local kept = 'local m = require "kept" ' .. SCRIPT
      local modules = { kept = { text = "return 1", path = "kept.lua" } }
      for words, number in pairs { ["--stored"] = 1, ["--stored 2"] = 2, ["--stored=2"] = 2 } do
         engine.answers.stored = { { path = "/old/job.lua", text = kept, modules = modules } }
         local given = {}
         for word in (words .. " --data d --set input=x job"):gmatch("%S+") do
            given[#given + 1] = word
         end
         assert.same({ 0, "", "tidemill: running the stored version " .. number
            .. " of /old/job.lua\n" }, { run("run", unpack(given)) })
         assert.same({ "d", number }, engine.asked_stored)
         local launch = engine.launches[#engine.launches]
         assert.same({ "/old/job.lua", kept, modules, { input = "x" }, "d" }, { launch.spec.path,
            launch.spec.text, launch.spec.modules, launch.spec.args, launch.options.data })
      end
      engine.answers.stored = { nil, "the store is in use", 3 }
      assert.same({ 3, "", "tidemill: the store is in use\n" },
         { run("run", "--stored", "--data", "d", "job") })
   end)

   it("ends with the engine's code and message", function()
      engine.answers.run = { 3, "the folder is another job's" }
      assert.same({ 3, "", "tidemill: the folder is another job's\n" }, { run("run", "PATH") })
   end)
end)

describe("another command", function()
   --- What the module that does it was given, after `name` with these words.
   local function given_to(module, ...)
      local given
      package.loaded[module] = { main = function(options)
         given = options
         return 7
      end }
      assert.equal(7, (run(...)))
      package.loaded[module] = nil
      return given
   end

   it("is a test of files", function()
      local given = given_to("tidemill.tester", "test", "a.lua", "b.case")
      assert.same({ { "a.lua", "b.case" }, 1, "on" }, { given.files, given.workers, given.jit })
      assert.is_nil(given.verbose)
      given = given_to("tidemill.tester", "test", "--workers", "2", "--jit", "off", "-v", "a.lua")
      assert.same({ 2, "off", true }, { given.workers, given.jit, given.verbose })
   end)

   it("stops a job by its name or its data directory", function()
      assert.same({ 0, "", "" }, { run("stop", "totals") })
      assert.equal(".tidemill/totals", engine.stopped)
      assert.same({ 0, "", "" }, { run("stop", "--data", "d") })
      assert.equal("d", engine.stopped)
      engine.answers.stop = { 1, "no job runs in d" }
      assert.same({ 1, "", "tidemill: no job runs in d\n" }, { run("stop", "--data", "d") })
      assert.same({ 2, "", "tidemill: stop: name the job, or its data directory with --data\n" },
         { run("stop") })
   end)

   it("explains a script", function()
      local given = given_to("tidemill.explain", "explain", "--set", "a=b", "job.lua")
      assert.same({ "job.lua", { "a=b" } }, { given.script, given.set })
   end)
end)

describe("a warning", function()
   local function warnings(...) return (select(3, run("run", ...))) end

   it("tells of what is not run, not asked for, or kept where it is lost", function()
      write(SCRIPT:gsub("return job", "local n = 0 job:queue_stream({}) job:queue_stream({})"
         .. ":map(function(r) n = n + 1 return n end):print() return job"))
      local place = path .. ":1"
      assert.equal(("tidemill: warning: queue_stream at %s leads to no output and is not run\n"
         .. "tidemill: warning: --set inptu: the script does not ask for it\n"
         .. "tidemill: warning: map at %s assigns to the captured variable \"n\" (line 1): each "
         .. "worker has its own, and a crash forgets it; keep state with map_with_state\n")
         :format(place, place), warnings("--set", "inptu=x", "PATH"))
   end)

   it("is not given where all is well, nor to those who want quiet", function()
      assert.equal("", warnings("--set", "input=x", "PATH"))
      assert.equal("", warnings("-q", "--set", "inptu=x", "--allow", "io", "PATH"))
   end)

   it("names what the script may use", function()
      assert.equal("tidemill: the script may use ffi, io, os, require\n", warnings("--allow", "os",
         "--allow", "require", "--allow", "io", "--allow", "ffi", "PATH"))
      assert.equal("tidemill: the script may use ffi\n", warnings("--allow", "ffi", "PATH"))
   end)
end)
