-- Compiles the Lua half to bytecode and writes it as a C file, so that the program is one binary.
--   luajit tools/embed.lua SOURCE_DIR OUTPUT.c MODULE.lua...
-- Chunk names are "=tidemill.module": messages that look for the user's script skip them.
local source_dir, output = arg[1], arg[2]

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

local function byte_list(bytes)
   local out = {}
   for i = 1, #bytes do out[i] = bytes:byte(i) end
   return (table.concat(out, ","):gsub(("[^,]+,"):rep(24), "%0\n"))
end

--- A number as bytecode has it, seven bits to a byte. @return number, where it goes on
local function read_number(bytes, at)
   local value, weight = 0, 1
   while true do
      local byte = bytes:byte(at)
      value, at = value + byte % 128 * weight, at + 1
      if byte < 128 then return value, at end
      weight = weight * 128
   end
end

--- A function's lines, in its bytecode: how far each instruction is from the first.
---@param at integer where it begins
---@return integer first, integer behind; the same if there are none to change
local function find_lines(code, at, behind)
   local count, debug_size, first_line, line_count, _
   _, at = read_number(code, at + 4) -- behind flags, parameters, frame, upvalues: constants
   _, at = read_number(code, at)
   count, at = read_number(code, at)
   debug_size, at = read_number(code, at)
   if debug_size == 0 then return behind, behind end
   first_line, at = read_number(code, at)
   line_count = read_number(code, at)
   if first_line == 0 then return behind, behind end -- a module: it runs once
   local first = behind - debug_size
   return first, first + count * (line_count < 256 and 1 or line_count < 65536 and 2 or 4)
end

--- The watchdog costs a test wherever a compiled loop comes to another line (script/watchdog.h), so
--- each of our functions is one line: that in which it begins.
local function flatten(code)
   assert(code:sub(1, 4) == "\27LJ\2", "bytecode of another version")
   local _, at = read_number(code, 5) -- flags
   local size
   size, at = read_number(code, at)
   at = at + size -- the chunk's name
   local parts = { code:sub(1, at - 1) }
   while true do
      local begin = at
      size, at = read_number(code, at)
      if size == 0 then break end
      local first, behind = find_lines(code, at, at + size)
      parts[#parts + 1] = code:sub(begin, first - 1)
      parts[#parts + 1] = ("\0"):rep(behind - first)
      parts[#parts + 1] = code:sub(behind, at + size - 1)
      at = at + size
   end
   parts[#parts + 1] = code:sub(at - 1)
   return table.concat(parts)
end

local modules = {}

local function add(name, text)
   local chunk, err = loadstring(text, "=" .. name)
   if not chunk then
      io.stderr:write(err, "\n")
      os.exit(1)
   end
   modules[#modules + 1] = { name = name, code = flatten(string.dump(chunk)) }
end

for i = 3, #arg do
   local name = arg[i]:match("([%w_]+)%.lua$")
   add(name == "init" and "tidemill" or "tidemill." .. name, read(arg[i]))
end

-- ffi.cdef gets the header that the compiler got.
add("tidemill.header", ("return %q"):format(read(source_dir .. "/engine/base/tidemill_ffi.h")))

-- The command-line parser is Debian's lua-argparse.
add("argparse", read(assert(package.searchpath("argparse", package.path),
   "lua-argparse is not installed")))

-- Names of LuaJIT's byte codes and of the reasons why it gave up on a trace.
add("jit.vmdef", read(assert(package.searchpath("jit.vmdef", package.path),
   "jit.vmdef is not installed")))

local out = { '/* Made by tools/embed.lua. */\n#include "script/embedded.h"\n\n' }
for i, module in ipairs(modules) do
   out[#out + 1] = ("static const unsigned char code_%d[] = {\n%s};\n"):format(i,
      byte_list(module.code))
end
out[#out + 1] = "\nconst struct embedded_module embedded_modules[] = {\n"
for i, module in ipairs(modules) do
   out[#out + 1] = ('    {"%s", (const char *)code_%d, sizeof code_%d},\n')
      :format(module.name, i, i)
end
out[#out + 1] = "    {0, 0, 0},\n};\n"

local file = assert(io.open(output, "wb"))
file:write(table.concat(out))
file:close()
