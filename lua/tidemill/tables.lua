--- Side tables as scripts see them: t[key] is a row, a view that may be read until the call ends,
--- or nil. Their rows are in C, once for all workers (script/side_tables.h); what a script has is a
--- table's number.
local abi = require "tidemill.abi"
local formats = require "tidemill.formats"
local options = require "tidemill.options"
local views = require "tidemill.views"
local ffi, C = abi.ffi, abi.C

local type, error, band, cast = type, error, bit.band, ffi.cast
local new_table = require "table.new"

local M = {}

local TABLES_MAX = 64 -- LIMIT_SIDE_TABLES_MAX
local FORMAT_OF = { csv = "csv", json = "json", jsonl = "json", ndjson = "json" }

local handle_type = ffi.typeof("struct mill_lookup")
local slice_type = ffi.typeof("struct mill_slice")
local head_pointer = ffi.typeof("const struct mill_side_head *")

-- All string keys of a table of up to so many rows are known by their Lua strings, so that looking
-- one up costs neither a hash of its bytes nor a string that is made and collected again; and if
-- its text is not too long, so are the fields of its rows (views.lua). All or none: a loop that is
-- compiled while they are gathered would be compiled for the way that is hardly taken later.
local KNOWN_MAX, KNOWN_BYTES_MAX = 65536, 16 * 2 ^ 20

-- Of a larger table, strings of keys that were found last are kept: one for each row, up to so
-- many. It is a store without a branch for the same reason.
local KEPT_MAX = 65536

-- By the table's number: what this Lua state knows of it, as far as C can hold it: a lookup reads
-- that without a test at each step. `newest` is NULL where no records run.
local side_type = ffi.typeof [[
   struct {
      const struct mill_side *const *newest; /* which C keeps up to date */
      uint32_t serial; /* of the one that was the newest at the last look */
   }
]]
local side_array = ffi.new(ffi.typeof("$[$]", side_type, TABLES_MAX))
local sides = cast(ffi.typeof("$ *", side_type), side_array)

-- Of each table, the numbers of its rows by their keys; or, of a large one, keys found last, which
-- nobody reads: they are not collected there.
local numbers_of = {}
local kept_of = {} -- luacheck: ignore 241

local view_of_row = views.of_side

local function no_rows()
   error("a mill.table has rows while the job runs, not while the script is loaded", 3)
end

local function bad_key(key)
   error(("a mill.table has strings and numbers as keys, not %s"):format(type(key)), 3)
end

--- The file was replaced, or the rows are seen for the first time.
local function renew(index, newest)
   local rows, count = C.mill_side_rows(newest), C.mill_side_count(newest)
   numbers_of[index], kept_of[index] = false, false
   local gathered = 0
   if count <= KNOWN_MAX then
      local numbers, key, bytes = {}, slice_type(), 0
      for number = 1, count do
         bytes = bytes + rows[number].len
         if C.mill_side_key(newest, number, key) then
            numbers[ffi.string(key.ptr, key.len)] = number
         end
      end
      numbers_of[index] = numbers
      gathered = bytes <= KNOWN_BYTES_MAX and count or 0
   else
      local kept = new_table(KEPT_MAX, 0)
      for i = 1, KEPT_MAX do kept[i] = false end
      kept_of[index] = kept
   end
   views.set_side(index, rows, gathered)
   sides[index].serial = cast(head_pointer, newest).serial -- last: what fails before is done again
end

local handle = {}

function handle.__index(self, key)
   local index = self.tidemill_index_
   local side = sides[index]
   if side.newest == nil then no_rows() end
   local newest = side.newest[0]
   if cast(head_pointer, newest).serial ~= side.serial then renew(index, newest) end
   local number
   if type(key) == "string" then
      local numbers = numbers_of[index]
      if numbers then
         number = numbers[key]
         if not number then return nil end
      else
         number = C.mill_side_find(newest, key, #key)
         kept_of[index][band(number, KEPT_MAX - 1) + 1] = key
      end
   elseif type(key) == "number" then
      number = C.mill_side_find_number(newest, key)
   elseif key == nil then
      return nil
   else
      bad_key(key)
   end
   if number == 0 then return nil end
   local view = view_of_row(number, index)
   return view -- a tail call would end a trace that begins here
end

function handle.__newindex()
   error("a mill.table is read only; its file can be replaced while the job runs", 2)
end

function handle.__len() error("a mill.table does not say how many rows it has", 2) end

function handle.__tostring(self) return ("mill.table %d"):format(self.tidemill_index_ + 1) end

ffi.metatype(handle_type, handle)

--- From now on rows are found.
---@param pointer userdata? the rows of all tables, which C keeps up to date; nil: there are none
---@param count integer
local function bind(pointer, count, view)
   ffi.fill(side_array, ffi.sizeof(side_array))
   view_of_row = view
   if pointer == nil then return end
   local newest = cast("const struct mill_side *const *", pointer)
   for i = 0, count - 1 do
      sides[i].newest = newest + i
      renew(i, newest[i])
   end
end

--- In a worker: rows are views of the chunk that runs.
function M.bind(pointer, count) bind(pointer, count, views.of_side) end

--- In the state of for_each_batch.
function M.bind_rows(pointer, count) bind(pointer, count, views.of_side_rows) end

local SCHEMA = formats.schema { key = { type = "string" } }
SCHEMA.format = { type = "choice", "csv", "json" }
SCHEMA.pattern = nil

--- mill.table(path, options): a table for the job that is being made.
---@param tables table the script's list of tables, for the plan
function M.make(tables, path, given)
   if type(path) ~= "string" or path == "" or path:find("%z") then
      options.fail("mill.table: the path is a string, not %s", options.show(path))
   elseif #tables == TABLES_MAX then
      options.fail("mill.table: a job has at most %d tables", TABLES_MAX)
   end
   local checked = options.check("mill.table", SCHEMA, given)
   if not checked.key or checked.key == "" or checked.key:find("%z") then
      options.fail('mill.table: key = "NAME" says which field has the key')
   end
   checked.format = checked.format or FORMAT_OF[path:match("%.(%w+)$") or ""]
   if not checked.format then
      options.fail('mill.table: format = "csv" or "json" says how %s is to be read',
         options.show(path))
   end
   formats.check("mill.table", checked, true)
   tables[#tables + 1] = {
      path = path, options = checked,
      label = ("mill.table at %s"):format((options.where():gsub(": $", ""))),
   }
   return handle_type(#tables - 1)
end

--- The tables as plain values, for C.
function M.describe(tables)
   local list = {}
   for i, t in ipairs(tables) do
      list[i] = formats.describe(t.options, { path = t.path, key = t.options.key, label = t.label })
   end
   return list
end

return M
