-- Goal: a job has a name, options and sources that are what they must be, or says what is wrong.
-- Method: values on both sides of each rule; the nodes that sources make.
local half = require "half"
local job_module = require "tidemill.job"

--- A source's node, from the method's arguments as a script writes them.
local function node_of(text)
   local job = half.load('local mill = require "tidemill" local job = mill.job("test") '
      .. text .. " return job")
   return job.nodes[#job.nodes]
end

local function refusal(text)
   return half.refusal('local mill = require "tidemill" local job = mill.job("test") '
      .. text .. " return job"):match("^job.lua:1: (.*)$")
end

describe("a job's name", function()
   it("may be that of a folder", function()
      for _, name in ipairs { "a", "A-Z_0.9", "0", "-", "_", "a..b", ("x"):rep(64) } do
         assert.equal(name, job_module.new(name).name)
      end
   end)

   it("is nothing else", function()
      for _, name in ipairs { "", ".", "..", ".a", "a b", "a/b", "a\n", "\228", ("x"):rep(65) } do
         assert.equal(("mill.job: the name %q is not allowed; it must be 1 to 64 of A-Z a-z 0-9 _ "
            .. "- and '.', not beginning with '.'"):format(name),
            half.failure(job_module.new, name))
      end
      assert.is_false(job_module.is_name(5))
      assert.is_false(job_module.is_name(nil))
   end)
end)

describe("a job's options", function()
   it("have defaults", function()
      assert.same({
         batch = 1000, batch_bytes = 2 ^ 30, on_error = "dead_letter", max_error_ratio = 0.05,
         late = "dead_letter", deadline = 5000, max_strikes = 3, memory_max = 2 ^ 28, allow = {},
         shuffle_memory = 2 ^ 26, state_cache = 2 ^ 24, rows_max = 2 ^ 28,
         dead_letters_max = 2 ^ 30, received_max = 10 * 2 ^ 30,
      }, job_module.new("a").options)
   end)

   it("are those of the script, and those of the command line first", function()
      local given = { batch = "2s", workers = 2 }
      local options = job_module.new("a", given, { batch = "50ms", allow = "io,os" }).options
      assert.same({ 50, 2, { io = true, os = true } },
         { options.batch, options.workers, options.allow })
      assert.same({ batch = "2s", workers = 2 }, given)
   end)

   it("have bounds", function()
      local bounds = {
         { "batch", "1ms", "0ms", "at least 1ms" }, { "deadline", "10ms", "9ms", "at least 10ms" },
         { "workers", 1, 0, "a whole number from 1 to 256" },
         { "workers", 256, 257, "a whole number from 1 to 256" },
         { "max_strikes", 1000, 1001, "a whole number from 0 to 1000" },
         { "max_error_ratio", 0, -0.01, "a number from 0 to 1" },
         { "max_error_ratio", 1, 1.01, "a number from 0 to 1" },
         { "batch_bytes", "4KiB", "4095B", "at least 4KiB" },
         { "memory_max", "8MiB", "8191KiB", "at least 8MiB" },
         { "shuffle_memory", "1MiB", "1023KiB", "at least 1MiB" },
         { "state_cache", "1MiB", "1023KiB", "at least 1MiB" },
         { "late", "drop", "keep", 'one of "dead_letter", "drop"' },
         { "rows_max", "1MiB", "1023KiB", "at least 1MiB" },
         { "dead_letters_max", "1MiB", "1023KiB", "at least 1MiB" },
         { "received_max", "256MiB", "255MiB", "at least 256MiB" },
         { "on_error", "skip", "stop", 'one of "dead_letter", "fail", "skip"' },
         { "allow", "ffi", "debug", "a list of io, os, require, ffi" },
      }
      for _, bound in ipairs(bounds) do
         local name, good, bad, allowed = unpack(bound)
         assert.is_not_nil(job_module.new("a", { [name] = good }).options[name])
         local shown = type(bad) == "string" and ("%q"):format(bad) or tostring(bad)
         local says = ("%s = %s is not allowed; it must be %s"):format(name, shown, allowed)
         assert.equal("mill.job: " .. says, half.failure(job_module.new, "a", { [name] = bad }))
         assert.equal("--option: " .. says,
            half.failure(job_module.new, "a", nil, { [name] = bad }))
      end
   end)

   it("are a table of known names", function()
      assert.equal("mill.job: the options are a table, not a string",
         half.failure(job_module.new, "a", "1s"))
      local known = "known are: allow, batch, batch_bytes, dead_letters_max, deadline, late, "
         .. "max_error_ratio, max_strikes, memory_max, on_error, received_max, rows_max, "
         .. "shuffle_memory, state_cache, workers"
      assert.equal('mill.job: unknown option "bach"; ' .. known,
         half.failure(job_module.new, "a", { bach = "1s" }))
      assert.equal('--option: unknown option "bach"; ' .. known,
         half.failure(job_module.new, "a", nil, { bach = "1s" }))
   end)
end)

it("only a job is one", function()
   assert.is_true(job_module.is_job(job_module.new("a")))
   for _, other in ipairs { {}, "a", 1, print } do assert.is_false(job_module.is_job(other)) end
end)

describe("text_file_stream", function()
   it("reads a folder's files", function()
      local node = node_of('\njob:text_file_stream("in/")')
      assert.same({ "text_file_stream", "files", "in/", "job.lua:2", 1 },
         { node.kind, node.source, node.target, node.line, node.id })
      assert.same({ pattern = "*", new_files_only = false, order = "time" }, node.options)
      node = node_of('job:text_file_stream("in", { pattern = "*.log", new_files_only = true, '
         .. 'order = "name" })')
      assert.same({ pattern = "*.log", new_files_only = true, order = "name" }, node.options)
   end)

   it("says what it cannot", function()
      assert.equal("text_file_stream: the folder is a string, not nil",
         refusal("job:text_file_stream()"))
      assert.equal('text_file_stream: the folder is a string, not ""',
         refusal("job:text_file_stream('')"))
      assert.equal('text_file_stream: unknown option "patern"; known are: '
         .. 'max_bytes_per_batch, max_records_per_batch, new_files_only, order, pattern',
         refusal('job:text_file_stream("in", { patern = "*" })'))
   end)
end)

describe("file_stream", function()
   it("gives records of a format", function()
      local node = node_of('\njob:file_stream("in", { format = "json", strict = true })')
      assert.same({ "file_stream", "files", "in", "job.lua:2" },
         { node.kind, node.source, node.target, node.line })
      assert.same({ "json", true, "*" },
         { node.options.format, node.options.strict, node.options.pattern })
      assert.equal("text", node_of('job:file_stream("in")').options.format)
      assert.equal("time", node_of('job:file_stream("in")').options.order)
      assert.equal("name", node_of('job:file_stream("in", { order = "name" })').options.order)
   end)

   it("says what it cannot", function()
      assert.equal('file_stream: the folder is a string, not ""', refusal('job:file_stream("")'))
      assert.equal('file_stream: strict is an option of format = "json"',
         refusal('job:file_stream("in", { strict = false })'))
   end)
end)

describe("stdin", function()
   it("gives lines", function()
      local node = node_of('\njob:stdin()')
      assert.same({ "stdin", "stdin", "", "job.lua:2", { format = "text" } },
         { node.kind, node.source, node.target, node.line, node.options })
      assert.equal("text", node_of('job:stdin{ format = "text" }').options.format)
   end)

   it("says what it cannot", function()
      assert.equal("stdin: the job reads it already, at job.lua:1; use that stream again",
         refusal("job:stdin() job:stdin()"))
      assert.equal('stdin: format = "xml" is not allowed; it must be one of "text", "json", "csv", '
         .. '"pattern", "access_log", "msgpack"',
         refusal('job:stdin{ format = "xml" }'))
      assert.equal('stdin: strict is an option of format = "json"',
         refusal('job:stdin{ strict = true }'))
      assert.equal('stdin: unknown option "fromat"; known are: columns, format, header, '
         .. "max_bytes_per_batch, max_records_per_batch, multiline, pattern, separator, strict, "
         .. "types",
         refusal('job:stdin{ fromat = "text" }'))
   end)
end)

describe("socket_text_stream", function()
   it("gives lines of a server", function()
      local node = node_of('\njob:socket_text_stream("example.org", 9999)')
      assert.same({ "socket_text_stream", "socket", "example.org:9999", "example.org", 9999 },
         { node.kind, node.source, node.target, node.host, node.port })
      assert.same({ format = "text" }, node.options)
      assert.equal("[::1]:1", node_of('job:socket_text_stream("::1", "1")').target)
      assert.equal(65535, node_of('job:socket_text_stream("a", 65535)').port)
   end)

   it("says what it cannot", function()
      for _, wrong in ipairs { 'nil', '""', '"a b"', '"a/b"', '"a\\n"', "5" } do
         assert.truthy(refusal(("job:socket_text_stream(%s, 1)"):format(wrong))
            :find("^socket_text_stream: the host is a name or an address, not "))
      end
      for _, wrong in ipairs { "nil", "0", "65536", "1.5", '"x"', "{}" } do
         assert.truthy(refusal(('job:socket_text_stream("a", %s)'):format(wrong))
            :find("^socket_text_stream: the port is a whole number from 1 to 65535, not "))
      end
      assert.equal('socket_text_stream: unknown option "retry"; known are: format, '
         .. 'max_bytes_per_batch, max_records_per_batch',
         refusal('job:socket_text_stream("a", 1, { retry = true })'))
   end)
end)

describe("listen", function()
   it("gives lines of clients", function()
      local node = node_of('\njob:listen("tcp://127.0.0.1:9999")')
      assert.same({ "listen", "listen", "tcp://127.0.0.1:9999", "127.0.0.1", 9999 },
         { node.kind, node.source, node.target, node.host, node.port })
      assert.same({ format = "text", clients = half.limit("LIMIT_CLIENTS_DEFAULT") },
         node.options)
      node = node_of('job:listen("unix:///run/a b.sock", { clients = 2, token = "x y" })')
      assert.same({ "/run/a b.sock", 0 }, { node.path, node.port })
      assert.same({ format = "text", clients = 2, token = "x y" }, node.options)
      assert.equal("127.0.0.1", node_of('job:listen("tcp://localhost:0")').host)
      assert.equal("::1", node_of('job:listen("tcp://[::1]:1")').host)
      assert.equal("rel.sock", node_of('job:listen("unix://rel.sock")').path)
   end)

   it("says what it cannot", function()
      for _, wrong in ipairs { "nil", "5", '"127.0.0.1:1"', '"udp://127.0.0.1:1"',
         '"tcp://127.0.0.1"', '"tcp://example.org:1"', '"tcp://:1"', '"unix://"',
         '"tcp://127.0.0.1:1/x"' } do
         assert.truthy(refusal(("job:listen(%s)"):format(wrong))
            :find('^listen: write "tcp://127.0.0.1:9999" or "unix:///path/to.sock", not '), wrong)
      end
      assert.equal('listen: the port is a whole number from 0 to 65535, not "65536"',
         refusal('job:listen("tcp://127.0.0.1:65536")'))
      local path = ("x"):rep(108)
      assert.equal(('listen: the path of a unix socket has at most 107 bytes, %q has 108')
         :format(path), refusal(('job:listen("unix://%s")'):format(path)))
      assert.equal("listen: clients = 0 is not allowed; it must be a whole number from 1 to 65536",
         refusal('job:listen("unix://a", { clients = 0 })'))
   end)

   it("asks for a token where others can come", function()
      for _, host in ipairs { "0.0.0.0", "192.168.1.2", "[::]", "[::2]", "128.0.0.1" } do
         local url = ("tcp://%s:1"):format(host)
         assert.equal(('listen: %s can be reached from other machines; set token = "...", which '
            .. "each client must send as its first line, or listen on 127.0.0.1")
            :format((host:gsub("[%[%]]", ""))), refusal(('job:listen("%s")'):format(url)))
         assert.equal(1, node_of(('job:listen("%s", { token = "t" })'):format(url)).port)
      end
      assert.equal("127.9.9.9", node_of('job:listen("tcp://127.9.9.9:1")').host)
      for _, wrong in ipairs { "", ("x"):rep(257), "a\\nb", "a\\r" } do
         assert.equal("listen: token is 1 to 256 bytes without a line end",
            refusal(('job:listen("unix://a", { token = "%s" })'):format(wrong)))
      end
   end)
end)

describe("queue_stream", function()
   it("has a list of records for each batch", function()
      local node = node_of('job:queue_stream({ { 1, "a" }, {}, { { b = 1 } } })')
      assert.same({ "queue_stream", "queue" }, { node.kind, node.source })
      assert.same({ { 1, "a" }, {}, { { b = 1 } } }, node.batches)
   end)

   it("says what it cannot", function()
      assert.equal("queue_stream: the batches are a list of lists, not nil",
         refusal("job:queue_stream()"))
      assert.equal("queue_stream: it has no options; each list is one batch, so a batch that is to "
         .. "be smaller is a shorter list",
         refusal("job:queue_stream({ {} }, { max_records_per_batch = 5 })"))
      assert.equal("queue_stream: batch 2 is 5, not a list", refusal("job:queue_stream({ {}, 5 })"))
      for _, wrong in ipairs { "{ a = { 1 } }", "{ { 1 }, nil, { 3 } }" } do
         assert.equal("queue_stream: the batches have names or holes; they are a list of lists",
            refusal(("job:queue_stream(%s)"):format(wrong)))
      end
      for _, wrong in ipairs { "{ a = 1 }", "{ 1, nil, 3 }" } do
         assert.equal("queue_stream: batch 2 has names or holes; it is a list of records",
            refusal(("job:queue_stream({ {}, %s })"):format(wrong)))
      end
   end)
end)

describe("job:test", function()
   it("notes the tests in order, with their lines", function()
      local job = half.load('local job = require("tidemill").job("a")\njob:test("one", print)\n'
         .. 'job:test("two", print) return job')
      assert.same({ "one", "job.lua:2", "two", "job.lua:3" },
         { job.tests[1].name, job.tests[1].line, job.tests[2].name, job.tests[2].line })
      assert.equal("function", type(job.tests[1].run))
   end)

   it("needs a name and a function", function()
      for _, wrong in ipairs { '"one"', "print", '"one", 5', "nil, print" } do
         assert.equal('job:test: write job:test("what it shows", function(t) ... end)',
            refusal(("job:test(%s)"):format(wrong)))
      end
   end)
end)

it("on notes a handler with its line, and takes nothing else", function()
   local handlers = half.plan('job:on("error", print) lines:print()').job.handlers
   assert.equal("error", handlers[1].event)
   assert.equal(1, #handlers)
   assert.matches('^job:on%("error"%) at ', handlers[1].label)
   assert.equal('job:on: there are batch_started, batch_completed, error and stopped, not "end"',
      refusal('job:on("end", print)'))
   assert.equal('job:on: write job:on("stopped", function(info) ... end)',
      refusal('job:on("stopped", 5)'))
end)

it("rate_stream has a rate, and perhaps an end", function()
   local source = half.plan("job:rate_stream{rows_per_second = 5, rows = 7}:print()").sources[1]
   assert.same({ 5, 7 }, { source.node.options.rows_per_second, source.node.options.rows })
   assert.equal(1, half.plan("job:rate_stream():print()").sources[1].node.options.rows_per_second)
   for _, wrong in ipairs { "rows_per_second = 0", "rows_per_second = 1.5", "rows = 0",
      "rows_per_second = 2e9", "max_records_per_batch = 0", "max_bytes_per_batch = '1MiB'" } do
      assert.matches("^rate_stream: ", refusal(("job:rate_stream{%s}"):format(wrong)))
   end
end)

it("a source that there is not, now or ever, is named", function()
   assert.equal("kafka is not in this version of tidemill", refusal("job:kafka {}"))
   assert.equal('a job has no source "text_files"', refusal('job:text_files("in")'))
end)

it("nothing is added to a job that runs", function()
   local job = half.plan("lines:print()").job
   assert.equal("print: the job runs; operators are made before it is returned",
      half.failure(job.add, job, { kind = "print" }))
end)
