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

local modules = {}

local function add(name, text)
   local chunk, err = loadstring(text, "=" .. name)
   if not chunk then
      io.stderr:write(err, "\n")
      os.exit(1)
   end
   modules[#modules + 1] = { name = name, code = string.dump(chunk) }
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
