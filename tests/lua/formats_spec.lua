-- Goal: a source's format and its options are what they must be, or say what is wrong; C gets them
-- as plain values.
-- Method: sources of scripts on both sides of each rule; the plan that is made of them.
local half = require "half"
local formats = require "tidemill.formats"
local plans = require "tidemill.plan"

local function refusal(text)
   return half.refusal('local mill = require "tidemill" local job = mill.job("test") '
      .. text .. ":print() return job"):match("^job.lua:1: (.*)$")
end

--- What C is told of the first source.
local function described(text)
   local plan = half.plan("job:" .. text .. ":print()")
   return plans.describe(plan).sources[1]
end

it("a source without a format gives lines", function()
   local source = described 'file_stream("in")'
   assert.same({ "text", false, "*" }, { source.format, source.strict, source.pattern })
   assert.is_nil(source.csv)
   assert.equal("text", described('text_file_stream("in")').format)
end)

it("names of files are chosen by files, and by pattern where that is no format's", function()
   assert.equal("*.a", described('file_stream("in", { files = "*.a" })').pattern)
   assert.equal("*.a", described('file_stream("in", { pattern = "*.a", format = "csv" })').pattern)
   local source = described
      'file_stream("in", { pattern = "<a> <b>", files = "*.log", format = "pattern" })'
   assert.same({ "*.log", "<a> <b>" }, { source.pattern, source.layout })
end)

it("csv has defaults", function()
   assert.same({
      columns = {}, typed = {}, types = {}, separator = ",", header = false, multiline = false,
   }, described('file_stream("in", { format = "csv" })').csv)
end)

it("csv has columns, types, a separator, a header, and fields of several lines", function()
   assert.same({
      columns = { "b", "a" }, typed = { "a", "b" }, types = { "number", "time" }, separator = ";",
      header = true, multiline = true,
   }, described([[file_stream("in", { format = "csv", columns = { "b", "a" }, separator = ";",
      types = { b = "time", a = "number" }, header = true, multiline = true })]]).csv)
end)

it("columns are a list of names", function()
   for columns, message in pairs {
      ['{ "a", 5 }'] = "columns is a list of names",
      ['{ a = "b" }'] = "columns is a list of names",
      ['{ "" }'] = "columns is a list of names",
      ["{}"] = "columns is a list of 1 to 1024 names",
      ['{ "a", nil, "b" }'] = "columns is a list of 1 to 1024 names",
      ['{ "a", "a" }'] = 'columns has "a" twice',
   } do
      assert.equal("file_stream: " .. message,
         refusal(('job:file_stream("in", { format = "csv", columns = %s })'):format(columns)))
   end
end)

it("types are of columns, by name", function()
   for types, message in pairs {
      ['{ "number" }'] = 'types names columns: types = {price = "number"}',
      ['{ a = "int" }'] = 'types: a is one of string, number, boolean, time, not "int"',
      ["{ a = 5 }"] = "types: a is one of string, number, boolean, time, not 5",
      ['{ b = "number" }'] = 'types: there is no column "b"',
   } do
      local text = 'job:file_stream("in", { format = "csv", columns = { "a" }, types = %s })'
      assert.equal("file_stream: " .. message, refusal(text:format(types)))
   end
end)

it("a separator is one byte", function()
   for _, separator in ipairs { "", ",,", '\\"', "\\n", "\\r", "\\0" } do
      assert.equal("file_stream: separator is one byte, and no quote or line end", refusal(
         ('job:file_stream("in", { format = "csv", separator = "%s" })'):format(separator)))
   end
end)

it("what is received has columns and no header", function()
   local names = 'what is received has no first line with the names of columns; give them: '
      .. 'columns = {"time", "user"}'
   assert.equal("stdin: " .. names, refusal 'job:stdin { format = "csv" }')
   assert.equal("listen: " .. names,
      refusal 'job:listen("tcp://127.0.0.1:0", { format = "csv" })')
   assert.equal("stdin: header is an option of files",
      refusal 'job:stdin { format = "csv", columns = { "a" }, header = true }')
   assert.equal("stdin: multiline is an option of files",
      refusal 'job:stdin { format = "csv", columns = { "a" }, multiline = true }')
   assert.same({ "a" }, described('stdin { format = "csv", columns = { "a" } }').csv.columns)
end)

it("an option of another format is named", function()
   for option, owner in pairs {
      ["strict = true"] = "json", ["header = true"] = "csv", ["multiline = true"] = "csv",
      ["columns = {}"] = "csv", ["types = {}"] = "csv", ['separator = ";"'] = "csv",
   } do
      assert.equal(('stdin: %s is an option of format = "%s"'):format(option:match("%w+"), owner),
         refusal(('job:stdin { format = "access_log", %s }'):format(option)))
   end
   assert.equal('stdin: pattern is an option of format = "pattern"',
      refusal 'job:stdin { format = "json", pattern = "<a>" }')
end)

it("a pattern is compiled when the script is loaded", function()
   assert.equal("stdin: format = \"pattern\" needs one: pattern = '<ip> [<time>] <_>'",
      refusal 'job:stdin { format = "pattern" }')
   assert.equal("stdin: at byte 1 of the pattern: a field has no >; write << for a <",
      refusal 'job:stdin { format = "pattern", pattern = "<a" }')
   assert.equal("stdin: pattern has a byte 0",
      refusal 'job:stdin { format = "pattern", pattern = "<a>\\0" }')
end)

it("msgpack is read from files", function()
   assert.equal('stdin: format = "msgpack" is read from files only',
      refusal 'job:stdin { format = "msgpack" }')
   assert.equal("msgpack", described('file_stream("in", { format = "msgpack" })').format)
   assert.equal("file_stream: max_records_per_batch counts lines, and msgpack has none; "
      .. "max_bytes_per_batch limits it",
      refusal 'job:file_stream("in", { format = "msgpack", max_records_per_batch = 1 })')
end)

it("the formats are those of the header", function()
   local header = half.read("engine/flow/graph.h"):match("enum graph_record_format {(.-)};")
   local names = {}
   for name in header:gmatch("RECORDS_([%u_]+)") do names[#names + 1] = name:lower() end
   assert.same(names, { unpack(formats.schema({}).format) })
end)
