--- The files of the tree, as git knows them, and what checks ask about a file.
local M = {}
M.__index = M

--- @param files table<string, string>  text by path
function M.of(files)
   local paths = {}
   for path in pairs(files) do paths[#paths + 1] = path end
   table.sort(paths)
   return setmetatable({ files = files, paths = paths }, M)
end

function M.lines_of(command)
   local pipe = assert(io.popen(command))
   local lines = {}
   for line in pipe:lines() do lines[#lines + 1] = line end
   pipe:close()
   return lines
end

--- All files that are, or would be, in the repository.
function M.read()
   local files = {}
   for _, path in ipairs(M.lines_of("git ls-files -co --exclude-standard")) do
      local file = io.open(path, "rb")
      if file then -- else it was removed and that is not committed yet
         files[path] = file:read("*a")
         file:close()
      end
   end
   return M.of(files)
end

--- Iterate over path, text of the files for which `wanted(path)`.
function M:each(wanted)
   local i = 0
   return function()
      repeat i = i + 1 until not self.paths[i] or wanted(self.paths[i])
      return self.paths[i], self.files[self.paths[i]]
   end
end

function M.is_c(path) return path:find("%.[ch]$") ~= nil or path:find("%.cc$") ~= nil end

function M.is_engine(path) return path:find("^engine/") ~= nil and M.is_c(path) end

function M.is_test(path) return path:find("^tests/") ~= nil end

function M.is_shell(path)
   return path:find("^tools/[%w_-]+$") ~= nil or path == ".ci/run" or path:find("%.sh$") ~= nil
      or path:find("^tests/.*/run$") ~= nil or path == "bench/run"
end

--- What people write and read as code.
function M.is_code(path)
   return M.is_c(path) or M.is_shell(path) or path:find("%.lua$") ~= nil
      or path:find("%.cmake$") ~= nil or path:find("CMakeLists%.txt$") ~= nil
      or path:find("Makefile$") ~= nil or path:find("%.rockspec$") ~= nil
end

function M.is_text(path)
   return M.is_code(path) or path:find("%.md$") ~= nil or path:find("%.case$") ~= nil
      or path:find("%.json$") ~= nil
end

--- Iterate over number, line.
function M.each_line(text)
   local number = 0
   local next_line = (text:sub(-1) == "\n" and text or text .. "\n"):gmatch("(.-)\n")
   return function()
      local line = next_line()
      number = number + 1
      if line then return number, line end
   end
end

--- Where the string or character constant ends that begins at `start`.
local function end_of_quoted(text, start)
   local quote, at = text:sub(start, start), start + 1
   while at < #text and text:sub(at, at) ~= quote do
      at = at + (text:sub(at, at) == "\\" and 2 or 1)
   end
   return at
end

--- Where the comment ends that begins at `start`; nil when none does.
local function end_of_comment(text, start)
   local two = text:sub(start, start + 1)
   if two == "/*" then return select(2, text:find("*/", start + 2, true)) or #text end
   if two == "//" then return (text:find("\n", start, true) or #text + 1) - 1 end
end

--- C without what is in comments, strings and character constants; lines stay where they are.
function M.bare_c(text)
   local out, at = {}, 1
   local start = text:find("[\"'/]")
   while start do
      local is_slash = text:sub(start, start) == "/"
      local stop = is_slash and end_of_comment(text, start) or start
      if not is_slash then stop = end_of_quoted(text, start) end
      out[#out + 1] = text:sub(at, start - 1)
      out[#out + 1] = " " .. text:sub(start, stop):gsub("[^\n]+", "")
      at = stop + 1
      start = text:find("[\"'/]", at)
   end
   out[#out + 1] = text:sub(at)
   return table.concat(out)
end

return M
