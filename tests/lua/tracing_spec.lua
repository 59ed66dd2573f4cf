-- Goal: one learns which segments were compiled, and what kept LuaJIT from it, where.
-- Method: loops that are named as segments are, run often enough while they are watched.
local half = require "half"
local tracing = require "tidemill.tracing"
local views = require "tidemill.views"

local function run_often(text, name, ...)
   local f = assert(loadstring(text, name))
   for _ = 1, 3 do f(...) end
end

--- What is reported of segments that run while it is watched. The runner of the specs is traced
--- like all else: what LuaJIT gives up in it is left out.
local function report(plan, run)
   jit.flush()
   jit.opt.start("hotloop=56") -- counts begin anew
   tracing.start {
      segments = plan.segments or {}, operators = plan.operators or {}, sources = plan.sources,
   }
   run()
   return (tracing.report():gsub("gave up at [^\n]*busted[^\n]*\n", ""))
end

local function segments(...)
   local list = {}
   for i, native in ipairs { ... } do list[i] = { id = i, native = native } end
   return list
end

local SUM = "local n = 0 for i = 1, 1000 do n = n + i end return n"

describe("a segment", function()
   it("that ran often is compiled", function()
      assert.equal("segment 1: compiled (1 traces)\n",
         report({ segments = segments(false) }, function() run_often(SUM, "=segment1") end))
   end)

   it("that ran too little, or not at all, is not", function()
      assert.equal("segment 1: not compiled (too few records, or it cannot be) (0 traces)\n"
         .. "segment 2: compiled (1 traces)\n",
         report({ segments = segments(false, false) }, function()
            assert(loadstring("for i = 1, 3 do end", "=segment1"))()
            run_often(SUM, "=segment2")
         end))
   end)

   it("that runs in C says so", function()
      assert.equal("segment 1: runs in C\n", report({ segments = segments(true) }, function() end))
   end)

   it("that calls what is not compiled is compiled in pieces", function()
      local text = report({ segments = segments(false) }, function()
         run_often("for i = 1, 1000 do string.find('ab', 'b', 1) string.gsub('a', 'a', 'b') end",
            "=segment1")
      end)
      assert.is_not_nil(text:find("segment 1: compiled in pieces, no whole loop, with calls that "
         .. "LuaJIT cannot compile", 1, true), text)
   end)
end)

describe("a function that LuaJIT gives up on", function()
   it("is told with its line and why", function()
      local f = half.as_script("return function(r)\nlocal g = function() return r end return g end")
      local text = report({ segments = segments(false) }, function()
         run_often("local f = ... for i = 1, 1000 do f(i) end", "=segment1", f)
      end)
      assert.is_not_nil(text:find("\ngave up at job.lua:2: NYI: bytecode FNEW (a function is "
         .. "created for each record; make it once, outside), ", 1, true), text)
      assert.is_true(tonumber(text:match("outside%), (%d+) times\n")) > 1)
   end)

   it("for good runs interpreted", function()
      local f = half.as_script [[return function(r)
         local n = 0
         for i = 1, 100 do n = n + #{ function() return r end } end
         return n
      end]]
      local plan = { operators = {
         { node = { fn = f }, label = "map at job.lua:1" },
         { node = { fn = half.as_script("return function(r) return r end") }, label = "map" },
         { node = { fn = print }, label = "filter" }, { node = {}, label = "print" },
      } }
      local text = report(plan, function() for i = 1, 5000 do f(i) end end)
      assert.equal("map at job.lua:1 runs interpreted\n", text:match("^[^\n]*\n"))
      assert.equal(1, select(2, text:gsub("runs interpreted", "")))
   end)
end)

it("the fields of records that are read are named, source by source", function()
   local fields_read = views.fields_read
   finally(function() views.fields_read = fields_read end)
   views.fields_read = function(source) return source == 2 and { "ad_id", "end" } or {} end
   local source = { node = { id = 1 } }
   local plan = { sources = { source, source }, segments = segments(true),
      operators = { { node = {}, label = "file_stream at job.lua:1" } } }
   assert.equal("segment 1: runs in C\nfile_stream at job.lua:1 reads the fields ad_id, end\n",
      report(plan, function() end))
end)

it("loops in loops, which LuaJIT begins at twice, are no failure", function()
   local text = report({ segments = segments(false) }, function()
      run_often("local n = 0 for i = 1, 1000 do for j = 1, i % 3 do n = n + j end end", "=segment1")
   end)
   assert.is_nil(text:find("gave up", 1, true), text)
end)

it("a function that is compiled before the loop that calls it is no failure", function()
   local text = report({ segments = segments(false) }, function()
      local f = assert(loadstring(
         "return function(i) local n = 1 if i % 3 ~= 0 then n = 2 end return n end", "=f"))()
      local calls = assert(loadstring("local f = ... " .. ("f(3) "):rep(200), "=calls"))
      calls(f)
      run_often("local f = ... local n = 0 for i = 1, 1000 do n = n + f(i) end", "=segment1", f)
   end)
   assert.is_not_nil(text:find("segment 1: compiled (", 1, true), text)
   assert.is_nil(text:find("gave up", 1, true), text)
end)

it("nothing is noted after the report, nor from the time before", function()
   local function run() run_often(SUM, "=segment1") end
   local first = report({ segments = segments(false) }, run)
   run()
   assert.equal(first, tracing.report())
   assert.equal("segment 1: not compiled (too few records, or it cannot be) (0 traces)\n",
      report({ segments = segments(false) }, function() end))
end)
