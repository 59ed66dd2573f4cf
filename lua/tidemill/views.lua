--- Views: a record as a script sees it, without a table for it. A view of a record of the chunk
--- that runs is its row number; its fields are read from columns that C made (data/records.h). A
--- view of a nested object, or of a record that the engine kept, is its text, where a field is
--- looked up when it is read.
---
--- What a view stands on goes when its chunk does; then its generation is not the current one any
--- more, and reading it is an error. So a view is 8 or 32 bytes, and LuaJIT makes none at all as
--- long as the script does not keep it.
local abi = require "tidemill.abi"
local marks = require "tidemill.marks"

local ffi, C = abi.ffi, abi.C
local type, error, tostring = type, error, tostring
local istype, str = ffi.istype, ffi.string
local STRING, NUMBER, EMPTY, BOOLEAN = abi.STRING, abi.NUMBER, abi.EMPTY, abi.BOOLEAN
local INT64, UINT64, RECORD, LIST = abi.INT64, abi.UINT64, abi.RECORD, abi.LIST
local null, OBJECT = marks.null, marks.OBJECT

local M = {}

local OF_CHUNK, OF_TABLE, OF_ROWS = 0, 1, 2 -- enum mill_life
local SCRATCH_MAX = 32 * 2 ^ 20 -- a member's name and its value: two records at most

-- Scripts see the fields of a record by their names, so those of these structs have names that no
-- record has.
local view_type = ffi.typeof [[
   struct { const uint32_t tidemill_row_; const uint32_t tidemill_generation_; }
]]
local document_type = ffi.typeof [[
   struct {
      const char *const tidemill_text_; /* NULL: it is a row of a side table */
      const uint32_t tidemill_size_;
      const uint32_t tidemill_generation_;
      const uint32_t tidemill_life_; /* enum mill_life */
      const uint32_t tidemill_row_;  /* of a side table; 0: it is none */
      const uint32_t tidemill_side_; /* that table */
   }
]]
local cursor_type = ffi.typeof("struct mill_cursor")
M.view = view_type

-- `hot.lives` are the generations; `columns` and `current.records` are those of the source whose
-- chunk runs. Of a state that runs no chunks, the generations are its own. Loops read them for
-- each field: a struct's address is a constant there, and each table on the way needs its tests.
local own_lives = ffi.new("struct mill_lives")
local hot = ffi.new("struct { uint32_t *lives; }", ffi.cast("uint32_t *", own_lives))
local columns = {}
local strings = {} -- of this source, by the numbers of data/common_strings.h
local current = { host = own_lives }

-- The string without a number that was read last, and where it stood in the chunk: what one
-- function looks at, the next one often reads again, and LuaJIT does not see that it is the same. A
-- long one would be garbage that is not collected.
local LAST_MAX = 4096
local last = ffi.new("struct { const char *ptr; uint32_t len; }")
local last_text = ""

local scratch = ffi.gc(C.mill_buffer_create(SCRATCH_MAX), C.mill_buffer_destroy)
local found, text_slice = cursor_type(), ffi.new("struct mill_slice")

-- Of side tables, by their numbers: {rows=, count= of rows whose fields are gathered, fields=,
-- field_count=}. fields[name][row] is a value, or NOT_GATHERED.
local sides = {}
local NOT_GATHERED = {}
local GATHERED_MAX = 64 -- names
local IS_GATHERED = {
   [STRING] = true, [NUMBER] = true, [BOOLEAN] = true, [INT64] = true, [UINT64] = true,
}

-- Texts that belong to Lua, by the views that stand on them.
local owners = setmetatable({}, { __mode = "k" })

local function stale()
   error("view used after its call; keep mill.copy(e)", 3)
end

local function bad_name(name)
   error(("a view's fields have names, which are strings, not %s"):format(type(name)), 4)
end

local function is_view(v)
   return type(v) == "cdata" and (istype(view_type, v) or istype(document_type, v))
end
M.is_view = is_view

local function make_document(text, size, generation, life, owner)
   local document = document_type(text, size, generation, life)
   if owner then owners[document] = owner end
   return document
end

local read_list

--- The value of a cell that is neither a string nor a number.
local function other_value(c, name, generation, life, owner)
   local kind = c.kind
   if kind == EMPTY then return nil end
   if kind == BOOLEAN then return c.len ~= 0 end
   if kind == RECORD then return make_document(c.ptr, c.len, generation, life, owner) end
   if kind == LIST then return read_list(c.ptr, c.len, generation, life, owner) end
   if kind == INT64 then return c.i64 end
   if kind == UINT64 then return c.u64 end
   error(("%s: %s"):format(name, str(c.ptr, c.len)), 0)
end

local function cell_value(c, name, generation, life, owner)
   if c.kind == STRING then return str(c.ptr, c.len) end
   if c.kind == NUMBER then return c.num end
   return other_value(c, name, generation, life, owner)
end

--- An array as a list; null is mill.null there, objects are views.
function read_list(text, size, generation, life, owner)
   local c, list, n = cursor_type(), {}, 0
   C.mill_json_begin(c, text, size)
   while C.mill_json_next(c, scratch) do
      n = n + 1
      if c.value.kind == EMPTY then
         list[n] = null
      else
         list[n] = cell_value(c.value, "an element", generation, life, owner)
      end
   end
   return list
end

--- The first read of a field makes it a column. Nil: there are as many as there may be.
local function column_of(name)
   if type(name) ~= "string" then bad_name(name) end
   local column = C.mill_records_field(current.records, name, #name)
   if column == nil then return nil end
   columns[name] = column
   return column
end

local function find(text, size, name, generation, life, owner)
   if type(name) ~= "string" then bad_name(name) end
   if not C.mill_json_find(found, text, size, name, #name, scratch) then return nil end
   local value = cell_value(found.value, name, generation, life, owner)
   return value
end

local view = {}

function view.__index(self, name)
   local row, generation = self.tidemill_row_, self.tidemill_generation_
   if generation ~= hot.lives[OF_CHUNK] then stale() end
   local column = columns[name] or column_of(name)
   if not column then
      C.mill_records_text(current.records, row, text_slice)
      local value = find(text_slice.ptr, text_slice.len, name, generation, OF_CHUNK)
      return value
   end
   local c = column[row]
   local kind = c.kind
   if kind == STRING then
      local known, text = c.known
      if known == 0 then
         local ptr, len = c.ptr, c.len
         if ptr == last.ptr and len == last.len then return last_text end
         text = str(ptr, len)
         if len <= LAST_MAX then
            last.ptr = nil -- a call that is stopped in the middle of this may be made again
            last_text = text
            last.len = len
            last.ptr = ptr
         end
         return text
      end
      text = strings[known]
      if not text then
         text = str(c.ptr, c.len)
         strings[known] = text
      end
      return text
   end
   if kind == NUMBER then return c.num end
   if kind == EMPTY then return nil end
   local value = other_value(c, name, generation, OF_CHUNK)
   return value
end

--- A field of a record of the chunk that is a string, without making one.
---@return ffi.cdata*? pointer, integer? bytes; nil: it is something else, or the view another
function M.text_field(v, name)
   if type(v) == "cdata" and istype(view_type, v) and
      v.tidemill_generation_ == hot.lives[OF_CHUNK] then
      local column = columns[name] or column_of(name)
      if column then
         local c = column[v.tidemill_row_]
         if c.kind == STRING then return c.ptr, c.len end
      end
   end
   return nil
end

--- The JSON text of a document. @return pointer, bytes
local function text_of_document(v)
   local row = v.tidemill_row_
   if row == 0 then return v.tidemill_text_, v.tidemill_size_ end
   local text = sides[v.tidemill_side_].rows[row]
   return text.ptr, text.len
end

local document = {}

--- The first read of a field in a side table gathers it of all rows: later ones need neither their
--- texts nor new strings. What is nested, missing or spelled wrong is looked up in the text always.
local function gather(side, name)
   if type(name) ~= "string" then bad_name(name) end
   local values, c = {}, found.value
   for row = 1, side.count do
      local text, value = side.rows[row], NOT_GATHERED
      if C.mill_json_find(found, text.ptr, text.len, name, #name, scratch) then
         if IS_GATHERED[c.kind] then value = cell_value(c, name) end
      end
      values[row] = value
   end
   side.fields[name] = values
   side.field_count = side.field_count + 1
   return values
end

function document.__index(self, name)
   local life, generation = self.tidemill_life_, self.tidemill_generation_
   if generation ~= hot.lives[life] then stale() end
   local row = self.tidemill_row_
   if row ~= 0 then
      local side = sides[self.tidemill_side_]
      local values = side.fields[name]
      if not values and row <= side.count and side.field_count < GATHERED_MAX then
         values = gather(side, name)
      end
      if values then
         local value = values[row]
         if value ~= NOT_GATHERED then return value end
      end
   end
   local owner = life == OF_ROWS and owners[self] or nil
   local text, size = text_of_document(self)
   local value = find(text, size, name, generation, life, owner)
   return value
end

--- The JSON text that a view stands on. @return pointer, bytes
local function text_of(v)
   if istype(view_type, v) then
      if v.tidemill_generation_ ~= hot.lives[OF_CHUNK] then stale() end
      C.mill_records_text(current.records, v.tidemill_row_, text_slice)
      return text_slice.ptr, text_slice.len
   end
   if v.tidemill_generation_ ~= hot.lives[v.tidemill_life_] then stale() end
   local text, size = text_of_document(v)
   return text, size -- a tail call would end a trace that begins here
end
M.text_of = text_of

for _, meta in ipairs { view, document } do
   function meta.__newindex(_, name)
      error(("a view cannot be changed; mill.with(e, {%s = ...}) makes a table with it")
         :format(tostring(name)), 2)
   end

   function meta.__len()
      error("a view has no length; #mill.fields(e) is the number of its fields", 2)
   end

   function meta.__eq(a, b)
      if type(a) == "cdata" and type(b) == "cdata" and is_view(a) and is_view(b) then
         error("views cannot be compared; compare their fields", 2)
      end
      return false
   end

   local function refuse_operator()
      error("a view is a record, neither a number nor a string; read its fields", 2)
   end
   for name in ("add sub mul div mod pow unm concat lt le"):gmatch("%a+") do
      meta["__" .. name] = refuse_operator
   end

   function meta.__call()
      error("a view is a record, no function; read its fields with a dot", 2)
   end

   function meta.__tostring(self)
      local text, size = text_of(self)
      return str(text, size)
   end
end
ffi.metatype(view_type, view)
ffi.metatype(document_type, document)

--- A view of a record that stands in memory as long as the chunk that runs.
function M.of_chunk(text, size)
   return document_type(text, size, hot.lives[OF_CHUNK], OF_CHUNK)
end

--- A view of a row of a side table, valid as long as the chunk that runs.
---@param row integer its number
---@param side integer the table's number
function M.of_side(row, side)
   return document_type(nil, 0, hot.lives[OF_CHUNK], OF_CHUNK, row, side)
end

--- The same, valid as long as the rows of for_each_batch.
function M.of_side_rows(row, side)
   return document_type(nil, 0, hot.lives[OF_ROWS], OF_ROWS, row, side)
end

--- A side table has other rows than it had.
---@param rows ffi.cdata* struct mill_slice *, by their numbers
---@param count integer of rows whose fields are to be gathered: all or 0
function M.set_side(side, rows, count)
   sides[side] = { rows = rows, count = count, fields = {}, field_count = 0 }
end

--- A view of a running value in a table.
function M.of_table(text, size)
   return document_type(text, size, hot.lives[OF_TABLE], OF_TABLE)
end

--- A view of a record in a text that Lua keeps.
function M.of_string(text)
   return make_document(text, #text, hot.lives[OF_ROWS], OF_ROWS, text)
end

--- The same, valid as long as the chunk that runs.
function M.of_kept(text)
   return make_document(text, #text, hot.lives[OF_CHUNK], OF_CHUNK, text)
end

--- What C makes of a record that it finds among other values; in memory of the chunk, or not.
function M.from_c(pointer, size)
   local text, copies = ffi.cast("const char *", pointer), current.copies
   if not copies then return M.of_chunk(text, size) end
   return copies == true and M.of_string(str(text, size)) or copies(str(text, size))
end

--- Whether records that C finds lie in memory that goes before the call ends: then they are copied.
---@param copies boolean|function what makes the value of a text that need not be JSON
---@return boolean|function what held before
function M.copy_from_c(copies)
   local before = current.copies
   current.copies = copies
   return before
end

--- The views of rows that were handed out so far may not be read any more.
function M.end_rows() hot.lives[OF_ROWS] = hot.lives[OF_ROWS] + 1 end

--- A worker's views. @return function open(source): its chunk runs; the generation of its views
function M.bind(host)
   hot.lives, current.host = ffi.cast("uint32_t *", host.lives), host
   local sources = {}
   current.sources = sources
   for i, pointer in ipairs(host.records) do
      sources[i] = {
         records = ffi.cast("struct mill_records *", pointer), columns = {}, strings = {},
      }
   end
   return function(source)
      local s = sources[source]
      last.ptr = nil -- other bytes may stand there
      current.records, columns, strings = s.records, s.columns, s.strings
      return hot.lives[OF_CHUNK]
   end
end

--- The names of the fields that the chunks of a source are read for, in order.
---@param source integer
function M.fields_read(source)
   local names, s = {}, current.sources and current.sources[source]
   for name in pairs(s and s.columns or {}) do names[#names + 1] = name end
   table.sort(names)
   return names
end

local function name_of(c)
   if c.key.ptr == nil then error("a field's name has a wrong escape", 0) end
   return str(c.key.ptr, c.key.len)
end

local read_object

local function plain_value(c, name, nulls)
   if c.kind == RECORD then return read_object(c.ptr, c.len, nulls) end
   if c.kind == LIST then
      local inner, list, n = cursor_type(), {}, 0
      C.mill_json_begin(inner, c.ptr, c.len)
      while C.mill_json_next(inner, scratch) do
         n = n + 1
         if inner.value.kind == EMPTY then
            list[n] = null
         else
            list[n] = plain_value(inner.value, "an element", nulls)
         end
      end
      return list
   end
   return cell_value(c, name)
end

--- A JSON object as a table, and all that is in it. The first of members of one name counts; null
--- is mill.null, or (`nulls` is nil) no member at all.
function read_object(text, size, nulls)
   local c, object, seen = cursor_type(), {}, {}
   C.mill_json_begin(c, text, size)
   while C.mill_json_next(c, scratch) do
      local name = name_of(c)
      if not seen[name] then
         seen[name] = true
         if c.value.kind == EMPTY then
            object[name] = nulls
         else
            object[name] = plain_value(c.value, name, nulls)
         end
      end
   end
   if next(object) == nil then return setmetatable(object, OBJECT) end
   return object
end

--- A view's fields as a table without views.
function M.to_table(v)
   local text, size = text_of(v)
   return read_object(text, size, nil)
end

--- The names of a view's fields, in order.
function M.fields(v)
   local text, size = text_of(v)
   local c, names, seen = cursor_type(), {}, {}
   C.mill_json_begin(c, text, size)
   while C.mill_json_next(c, scratch) do
      local name = name_of(c)
      if not seen[name] then
         seen[name] = true
         names[#names + 1] = name
      end
   end
   return names
end

--- Any JSON text as a value: objects are tables, null is mill.null.
---@return any value, string? error
function M.decode(text)
   local c = cursor_type()
   local wrong = C.mill_json_value(c, text, #text, scratch)
   if wrong ~= nil then return nil, str(wrong) end
   if c.value.kind == EMPTY then return null end
   return plain_value(c.value, "the value", null)
end

return M
