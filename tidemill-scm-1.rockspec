-- The program as a rock: luarocks --lua-version=5.1 make
-- It needs the Debian packages that tools/setup lists. CMake finds LuaJIT through pkg-config and
-- never asks LuaRocks for LUA_INCDIR, which names the headers of another Lua.
rockspec_format = "3.0"
package = "tidemill"
version = "scm-1"
source = {
   url = ".", -- the tree that this file stands in
}
description = {
   summary = "Runs stream-processing jobs that are Lua scripts",
   detailed = "A stream-processing engine in one native program. Its jobs are Lua scripts in the "
      .. "manner of Spark Streaming; LuaJIT compiles them, RocksDB keeps their state, and a batch "
      .. "takes effect exactly once.",
   license = "MIT",
}
supported_platforms = { "linux" }
dependencies = {
   "lua == 5.1", -- the language; the program brings LuaJIT
}
build = {
   type = "cmake",
   variables = {
      CMAKE_BUILD_TYPE = "Release",
      CMAKE_INSTALL_PREFIX = "$(PREFIX)",
      CMAKE_INSTALL_BINDIR = "$(BINDIR)",
      CMAKE_INSTALL_DOCDIR = "$(PREFIX)/doc",
      CMAKE_INSTALL_MANDIR = "$(PREFIX)/man",
      TIDEMILL_TESTS = "OFF",
   },
}
deploy = {
   wrap_bin_scripts = false, -- it is no script
}
test = {
   type = "command",
   command = "make test",
}
