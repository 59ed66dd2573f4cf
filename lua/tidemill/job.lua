--- A job: sources, and what the script hangs on them. Building one does nothing but make a graph
--- of nodes; plan.lua turns it into what the engine runs.
local formats = require "tidemill.formats"
local options = require "tidemill.options"
local stream = require "tidemill.stream"
local values = require "tidemill.values"

local M = {}

local Job = {}
Job.__index = Job

local JOB_OPTIONS = {
   batch = { type = "duration", default = "1s" },
   workers = { type = "integer", min = 1, max = 256 },
   batch_bytes = { type = "size", default = "1GiB", min = 4096 },
   on_error = { type = "choice", default = "dead_letter", "dead_letter", "fail", "skip" },
   late = { type = "choice", default = "dead_letter", "dead_letter", "drop" },
   max_error_ratio = { type = "number", default = 0.05, min = 0, max = 1 },
   deadline = { type = "duration", default = "5s", min = 10 },
   max_strikes = { type = "integer", default = 3, min = 0, max = 1000 },
   memory_max = { type = "size", default = "256MiB", min = 8 * 2 ^ 20 },
   allow = { type = "set", default = {}, "io", "os", "require", "ffi" },
   shuffle_memory = { type = "size", default = "64MiB", min = 2 ^ 20 },
   state_cache = { type = "size", default = "16MiB", min = 2 ^ 20 },
   rows_max = { type = "size", default = "256MiB", min = 2 ^ 20 },
   dead_letters_max = { type = "size", default = "1GiB", min = 2 ^ 20 },
   received_max = { type = "size", default = "10GiB", min = 2 ^ 28 },
}
M.JOB_OPTIONS = JOB_OPTIONS

M.NAME_RULE = "1 to 64 of A-Z a-z 0-9 _ - and '.', not beginning with '.'"

--- Whether a name may become a file name.
local function is_name(name)
   return type(name) == "string" and #name <= 64 and name:match("^[%w_%-][%w_%-.]*$") ~= nil
end
M.is_name = is_name

--- Make a job.
---@param name string also the name of its data directory
---@param given table? options, see JOB_OPTIONS
---@param overrides table? name -> text, from the command line's --option
function M.new(name, given, overrides)
   if not is_name(name) then
      options.fail("mill.job: the name %s is not allowed; it must be %s", options.show(name),
         M.NAME_RULE)
   end
   options.check("mill.job", JOB_OPTIONS, given)
   local merged = {}
   for key, value in pairs(given or {}) do merged[key] = value end
   for key, value in pairs(overrides or {}) do merged[key] = value end
   local job = setmetatable({ name = name, nodes = {}, tests = {}, handlers = {} }, Job)
   job.options = options.check("--option", JOB_OPTIONS, merged)
   return job
end

function M.is_job(value)
   return getmetatable(value) == Job
end

--- Add a node to the graph. Its number is its place in the script, the same in every Lua state.
function Job:add(node)
   if self.is_planned then
      options.fail("%s: the job runs; operators are made before it is returned", node.kind)
   end
   node.id = #self.nodes + 1
   node.job = self
   node.line = options.where():gsub(": $", "")
   self.nodes[node.id] = node
   return node
end

-- What a batch takes of a source at most: so many records, and it ends with the line in which the
-- last byte lies.
local BYTES_MAX = { type = "size", min = 1 }
local RECORDS_MAX = { type = "integer", min = 1 }

local TEXT_FILE_OPTIONS = {
   max_bytes_per_batch = BYTES_MAX, max_records_per_batch = RECORDS_MAX,
   pattern = { type = "string", default = "*" },
   new_files_only = { type = "boolean", default = false },
   order = { type = "choice", default = "time", "time", "name" },
}

--- Lines of the files in a folder.
function Job:text_file_stream(dir, given)
   if type(dir) ~= "string" or dir == "" then
      options.fail("text_file_stream: the folder is a string, not %s", options.show(dir))
   end
   local checked = options.check("text_file_stream", TEXT_FILE_OPTIONS, given)
   return stream.new(self:add {
      kind = "text_file_stream", source = "files", target = dir, options = checked,
   })
end

local FILE_OPTIONS = formats.schema {
   max_bytes_per_batch = BYTES_MAX, max_records_per_batch = RECORDS_MAX,
   files = { type = "string" },
   new_files_only = TEXT_FILE_OPTIONS.new_files_only, order = TEXT_FILE_OPTIONS.order,
}

--- Records of the files in a folder.
function Job:file_stream(dir, given)
   if type(dir) ~= "string" or dir == "" then
      options.fail("file_stream: the folder is a string, not %s", options.show(dir))
   end
   local checked = options.check("file_stream", FILE_OPTIONS, given)
   return stream.new(self:add {
      kind = "file_stream", source = "files", target = dir,
      options = formats.check("file_stream", checked, true),
   })
end

local STDIN_OPTIONS = formats.schema {
   max_bytes_per_batch = BYTES_MAX, max_records_per_batch = RECORDS_MAX,
}
local SOCKET_OPTIONS = {
   format = { type = "choice", default = "text", "text" },
   max_bytes_per_batch = BYTES_MAX, max_records_per_batch = RECORDS_MAX,
}

--- Lines or records of standard input. There is one, so a job reads it once.
function Job:stdin(given)
   for _, node in ipairs(self.nodes) do
      if node.kind == "stdin" then
         options.fail("stdin: the job reads it already, at %s; use that stream again", node.line)
      end
   end
   local checked = options.check("stdin", STDIN_OPTIONS, given)
   return stream.new(self:add {
      kind = "stdin", source = "stdin", target = "",
      options = formats.check("stdin", checked, false),
   })
end

local function check_port(what, port, min)
   local number = tonumber(port)
   if not number or number ~= math.floor(number) or number < min or number > 65535 then
      options.fail("%s: the port is a whole number from %d to 65535, not %s", what, min,
         options.show(port))
   end
   return number
end

--- Lines that a TCP server sends, to which the job connects.
function Job:socket_text_stream(host, port, given)
   if type(host) ~= "string" or host == "" or host:find("[%z%s/]") then
      options.fail("socket_text_stream: the host is a name or an address, not %s",
         options.show(host))
   end
   port = check_port("socket_text_stream", port, 1)
   local shown = host:find(":", 1, true) and "[" .. host .. "]" or host
   return stream.new(self:add {
      kind = "socket_text_stream", source = "socket", target = ("%s:%d"):format(shown, port),
      host = host, port = port,
      options = options.check("socket_text_stream", SOCKET_OPTIONS, given),
   })
end

local LISTEN_OPTIONS = formats.schema {
   max_bytes_per_batch = BYTES_MAX, max_records_per_batch = RECORDS_MAX,
   clients = { type = "integer", default = 1024, min = 1, max = 65536 },
   token = { type = "string" },
}

local PATH_BYTES_MAX = 107 -- what a unix socket's address has room for

--- Host and port, or a path, of what listen() is given.
local function parse_url(url)
   local path = type(url) == "string" and url:match("^unix://(.+)$")
   if path then
      if #path > PATH_BYTES_MAX or path:find("%z") then
         options.fail("listen: the path of a unix socket has at most %d bytes, %s has %d",
            PATH_BYTES_MAX, options.show(path), #path)
      end
      return nil, 0, path
   end
   local host, port
   if type(url) == "string" then
      host, port = url:match("^tcp://%[([%x:.]+)%]:(%d+)$")
      if not host then host, port = url:match("^tcp://(%d+%.%d+%.%d+%.%d+):(%d+)$") end
      if not host then host, port = url:match("^tcp://(localhost):(%d+)$") end
   end
   if not host then
      options.fail('listen: write "tcp://127.0.0.1:9999" or "unix:///path/to.sock", not %s',
         options.show(url))
   end
   return host == "localhost" and "127.0.0.1" or host, check_port("listen", port, 0)
end

local function is_loopback(host)
   return host == "::1" or host:match("^127%.%d+%.%d+%.%d+$") ~= nil
end

--- Lines or records that clients send, who connect to the job.
function Job:listen(url, given)
   local host, port, path = parse_url(url)
   local checked = formats.check("listen", options.check("listen", LISTEN_OPTIONS, given), false)
   local token = checked.token
   if token and (token == "" or #token > 256 or token:find("[%z\r\n]")) then
      options.fail("listen: token is 1 to 256 bytes without a line end")
   elseif host and not is_loopback(host) and not token then
      options.fail('listen: %s can be reached from other machines; set token = "...", which each '
         .. "client must send as its first line, or listen on 127.0.0.1", host)
   end
   return stream.new(self:add {
      kind = "listen", source = "listen", target = url, host = host, port = port, path = path,
      options = checked,
   })
end

local function check_batches(batches)
   if type(batches) ~= "table" then
      options.fail("queue_stream: the batches are a list of lists, not %s", options.show(batches))
   elseif not values.list_length(batches) then
      options.fail("queue_stream: the batches have names or holes; they are a list of lists")
   end
   for i, batch in ipairs(batches) do
      if type(batch) ~= "table" then
         options.fail("queue_stream: batch %d is %s, not a list", i, options.show(batch))
      elseif not values.list_length(batch) then
         options.fail("queue_stream: batch %d has names or holes; it is a list of records", i)
      end
   end
end

--- Each list is the input of one batch, whole: so there are no limits on what a batch takes.
function Job:queue_stream(batches, given)
   check_batches(batches)
   if given ~= nil then
      options.fail("queue_stream: it has no options; each list is one batch, so a batch that is to "
         .. "be smaller is a shorter list")
   end
   return stream.new(self:add {
      kind = "queue_stream", source = "queue", target = "", options = {}, batches = batches,
   })
end

local RATE_OPTIONS = {
   max_records_per_batch = RECORDS_MAX,
   rows_per_second = { type = "integer", default = 1, min = 1, max = 1e9 },
   rows = { type = "integer", min = 1, max = 2 ^ 53 },
}

--- Records {value =, time =} that the engine makes, so many a second: value counts from 0, time is
--- when it is due. `rows` ends them. With max_records_per_batch they may come later than that.
function Job:rate_stream(given)
   return stream.new(self:add {
      kind = "rate_stream", source = "rate", target = "",
      options = options.check("rate_stream", RATE_OPTIONS, given),
   })
end

--- Add a test that `tidemill test` runs.
function Job:test(name, f)
   if type(name) ~= "string" or type(f) ~= "function" then
      options.fail('job:test: write job:test("what it shows", function(t) ... end)')
   end
   self.tests[#self.tests + 1] = { name = name, run = f, line = options.where():gsub(": $", "") }
end

local EVENTS = { batch_started = true, batch_completed = true, error = true, stopped = true }

--- Hear of the job's course: f(info) runs beside the workers, for a second at most. What goes wrong
--- in it is a warning.
function Job:on(event, f)
   if not EVENTS[event] then
      options.fail("job:on: there are batch_started, batch_completed, error and stopped, not %s",
         options.show(event))
   elseif type(f) ~= "function" then
      options.fail('job:on: write job:on("%s", function(info) ... end)', event)
   elseif self.is_planned then
      options.fail("job:on: the job runs; handlers are made before it is returned")
   end
   local label = ("job:on(%q) at %s"):format(event, (options.where():gsub(": $", "")))
   self.handlers[#self.handlers + 1] = { event = event, fn = f, label = label }
end

--- What C calls (run/events.c).
function M.call_handler(plan, index, info)
   return plan.job.handlers[index].fn(info) -- a tail call: `fn` is in no traceback
end

local LATER = {
   kafka = true,
}

--- Names of the design that this version does not have: the error says so.
setmetatable(Job, {
   __index = function(_, name)
      if LATER[name] then
         options.fail("%s is not in this version of tidemill", name)
      elseif name ~= "is_planned" and type(name) == "string" then
         options.fail("a job has no source %q", name)
      end
   end,
})

return M
