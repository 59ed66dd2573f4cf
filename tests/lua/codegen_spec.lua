-- Goal: a segment becomes one loop that says where it is, makes nothing for a record but what the
-- script's functions make, and can be loaded however long the chain. Method: the text of plans.
local half = require "half"
local codegen = require "tidemill.codegen"

local function generate(text, index, checked)
   local plan = half.plan(text)
   return codegen.generate(plan, plan.segments[index or 1], checked or false)
end

local function text_of(...)
   return table.concat(generate(...).lines, " ")
end

local function count(text, pattern)
   return select(2, text:gsub(pattern, ""))
end

describe("a chain", function()
   it("is one loop that calls one function after the other", function()
      assert.equal("local ctl, cnt, C, type, inp, value_of, f3, bad_map, f4, out1 = ... "
         .. "return function() local cells = inp.cells "
         .. "for i = ctl.i, ctl.n - 1 do ctl.i = i ctl.op = 131072 "
         .. "local c = cells[i] local r = c.num if c.kind ~= 1 then r = value_of(c) end "
         .. "ctl.op = 3 local r1, x2 = f3(r) if r1 == nil or x2 ~= nil then bad_map(r1, x2) end "
         .. "ctl.op = 4 if not f4(r1) then cnt[4].filtered = cnt[4].filtered + 1 goto next0 end "
         .. "cnt[5].elements = cnt[5].elements + 1 ctl.op = 5 out1(r1) "
         .. "::next0:: end end",
         text_of "values:map(print):filter(print):print()")
   end)

   it("makes no function, no table and no string for a record", function()
      for _, job in ipairs {
         "values:map(print):filter(print):print()",
         "lines:flat_map(mill.words):map_to_pair(print):reduce_by_key(print):print()",
         "values:flat_map(mill.split(',')):flat_map(function(r) end):map(print):count():print()",
         "values:flat_map_to_pair(function(r, emit) end):map_values(print):keys():print()",
         "values:map_to_pair(print):update_state_by_key(print):print()",
         "values:top(3, print):print()",
      } do
         for _, segment in ipairs(half.plan(job).segments) do
            local text = text_of(job, segment.id)
            assert.equal(1, count(text, "function%("))
            assert.equal(0, count(text, "[{}]"))
            assert.equal(0, count(text, "[^.]%.%.[^.]"))
         end
      end
   end)

   it("names what it needs once", function()
      local code = generate [[values:map(print):map(print):map_to_pair(print):map_to_pair(print)
         :print()]]
      local seen = {}
      for _, name in ipairs(code.names) do
         assert.is_nil(seen[name], name)
         assert.is_not_nil(code.wanted[name], name)
         seen[name] = true
      end
      assert.is_true(seen.bad_map and seen.bad_pair)
   end)
end)

describe("a list that a function gave", function()
   local text = text_of "values:flat_map(function(r) end):flat_map(mill.words):map(print):print()"

   it("is a loop in the loop, and each says which element runs", function()
      assert.equal(3, count(text, "%f[%w]for%f[%W]"))
      assert.equal(1, count(text, "for j = j0, m0 %- 1 do ctl%.j0 = j ctl%.op = 196611 "))
      assert.equal(1, count(text, "for j = j1, m1 %- 1 do ctl%.j1 = j ctl%.op = 196612 "))
   end)

   it("is made only for a new record, and kept to go on in it", function()
      assert.equal(1, count(text, "if ctl%.depth <= 0 then local c = cells%[i%] .* "
         .. "else m0 = ctl%.m0 j0 = ctl%.j0 if ctl%.depth == 1 "
         .. "then ctl%.op = 65539 ctl%.depth = 0 end"))
      assert.equal(1, count(text, "if ctl%.depth <= 1 then ctl%.op = 4 .* "
         .. "else m1 = ctl%.m1 j1 = ctl%.j1 if ctl%.depth == 2 "
         .. "then ctl%.op = 65540 ctl%.depth = 0 end"))
      assert.equal(1, count(text, "saved%[1%] = list%d+"))
      assert.equal(1, count(text, "saved%[2%] = r%d+"))
   end)
end)

describe("an operator", function()
   it("says that it runs before its function is called", function()
      local text = text_of [[values:map(print):filter(print):flat_map(function(r) end)
         :map_to_pair(print):map_values(print):reduce_by_key(print):print()]]
      for id = 3, 8 do
         local _, said = text:find(("ctl.op = %d "):format(id), 1, true)
         assert.is_true(said < text:find(("f%d("):format(id), said, true), id)
         assert.equal(1, count(text, ("ctl%%.op = %d "):format(id)))
      end
   end)

   it("that a record comes to without another is counted there when it is read", function()
      local text = text_of "values:flat_map(mill.words):print()"
      assert.equal(1, count(text, "fill%(id1, j%) ctl%.op = 65539 cnt%[4%]%.elements"))
      text = text_of "values:print()"
      assert.equal(1, count(text, "value_of%(c%) end ctl%.op = 0 cnt%[3%]%.elements"))
   end)

   it("that folds or updates the values of a key is named by the loop's head", function()
      for _, job in ipairs {
         "values:map_to_pair(print):reduce_by_key(print):print()",
         "values:map_to_pair(print):update_state_by_key(print):print()",
      } do
         local text = text_of(job, 2)
         assert.equal(1, count(text, "ctl%.i = i ctl%.op = 131076 "))
         assert.equal(1, count(text, "ctl%.op = 4 .- f4%("))
         assert.equal(3, count(text, "ctl%.op = %d"), "and for the output")
      end
   end)

   it("is passed by for an element that is skipped, in a checked loop only", function()
      local job = "values:map(print):flat_map(function(r) end):filter(print):print()"
      assert.equal(0, count(text_of(job), "skip"))
      local text = text_of(job, 1, true)
      for id, depth in pairs { [3] = 0, [4] = 0, [5] = 1, [6] = 1 } do
         local call = ("if ctl%%.skip_op == %d then skipped%%(%d%%) end"):format(id, depth)
         assert.equal(1, count(text, call), id)
      end
   end)
end)

describe("a word", function()
   it("that is itself the key finds its slot by its number", function()
      local text = text_of [[lines:flat_map(mill.words):map_to_pair(print)
         :reduce_by_key(mill.sum):print()]]
      assert.equal(1, count(text, "if k1 == r then q = known1%[id%]"))
   end)

   it("that a map replaced finds it by its text", function()
      local text = text_of [[lines:flat_map(mill.words):map(print):map_to_pair(print)
         :reduce_by_key(mill.sum):print()]]
      assert.equal(0, count(text, "known"))
      assert.equal(1, count(text, "q = t1_cache%[k%d+%] or t1_slot%(k%d+%)"))
   end)
end)

describe("a tee", function()
   local job = "local v = values:map(print) v:filter(print):print() v:print()"

   it("asks to be emptied when it has the records of a chunk", function()
      local full = "if c %+ 1 == " .. half.limit("LIMIT_CHUNK_RECORDS_MAX") .. " then return 1 end"
      assert.equal(1, count(text_of(job), full))
   end)

   it("has a record only when nothing can fail any more", function()
      assert.equal(1, count(text_of(job),
         "tee1_a%[c%] = r1 tee1_pointer%.origin%[c%] = i tee1_pointer%.count = c %+ 1 if c %+ 1 "))
   end)

   it("is told from the reading of what comes to it", function()
      local function in_tee(text, op)
         text = text_of("local v = values:" .. text .. " v:print() v:print()")
         return count(text, "ctl%.op = " .. op .. " local c = tee1_")
      end
      assert.equal(1, in_tee("flat_map(mill.words)", 65539))
      assert.equal(1, in_tee("union(values)", 0))
      assert.equal(0, in_tee("flat_map(mill.words):map(print)", "%d+"))
   end)

   it("gives copies of tables to all readers but the last", function()
      assert.equal(1, count(text_of(job, 2), "if type%(r%) == 'table' then r = copy%(r%) end"))
      assert.equal(0, count(text_of(job, 3), "copy"))
   end)
end)

it("the longest chain, with the most that it can need, is loaded", function()
   local parts = { [[values:map_to_pair(print):update_state_by_key(print)
      :flat_map_to_pair(function(k, v, emit) end):flat_map(function(k, v, emit) end)
      :flat_map(mill.words)]] }
   for _ = 1, 5 do parts[#parts + 1] = ":map(print):filter(print):map_to_pair(print)" end
   for _ = 1, 6 do parts[#parts + 1] = ":map_values(print)" end
   local job = table.concat(parts) .. ":reduce_by_key(print):print()"
   local plan = half.plan(job)
   assert.equal(24, #plan.segments[2].operators)
   assert.equal("stage", plan.segments[2].terminal.kind)
   local code = codegen.generate(plan, plan.segments[2], true)
   assert.is_true(#code.names > 50)
   assert.is_function(loadstring(table.concat(code.lines, " ")))
end)
