--- Whatever the build and the tests use (programs, headers, shared libraries) comes from a package
--- that tools/setup lists, or from what such a package depends on. So a fresh machine with git and
--- make has all of it; a package that happens to be on this one helps nobody else.
local tree_of = require "tree"

local FOLDERS = { "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/" }

-- There before tools/setup runs.
local GIVEN = { "git", "make" }

-- Words in the place of a command that are none here, though a program of that name exists.
local NO_PROGRAMS = {}

-- What stands behind these is a command again.
local WRAPPERS = {
   env = true, exec = true, nice = true, setsid = true, sudo = true, time = true, timeout = true,
   xargs = true,
}
local KEYWORDS = {
   ["if"] = true, ["then"] = true, ["else"] = true, ["elif"] = true, ["while"] = true,
   ["until"] = true, ["do"] = true, ["!"] = true, ["{"] = true,
}

local function exists(path)
   local file = io.open(path, "rb")
   if file then file:close() end
   return file ~= nil
end

local function find_program(name)
   for _, folder in ipairs(FOLDERS) do
      if exists(folder .. name) then return folder .. name end
   end
end

--- Add the words of one simple command that may name a program.
local function add_command(words, command)
   local takes_next = true
   local wraps = false
   for word in command:gmatch("%S+") do
      local name = word:match("^[%w_.+-]+$")
      local is_assignment = word:find("^[%a_][%w_]*=") ~= nil
      if takes_next and not KEYWORDS[word] and not is_assignment then
         takes_next = false
         wraps = WRAPPERS[word] or false
         if name then words[name] = true end
      elseif wraps and name then
         words[name] = true
      end
   end
end

--- Words that stand in the place of a command in a shell text.
local function words_of_shell(text)
   local words = {}
   local shebang = text:match("^#!(%S+[^\n]*)")
   for word in (shebang or ""):gmatch("[^%s/]+%f[%s%z]") do words[word] = true end
   text = ("\n" .. text):gsub("\\\n", " "):gsub("\n%s*#[^\n]*", "\n"):gsub("%s#[^\n]*", "")
   for command in (text:gsub("%$%(", "\n") .. "\n"):gmatch("([^\n;|&()`]*)[\n;|&()`]") do
      add_command(words, command)
   end
   return words
end

--- Words that stand in the place of a command in the calls that a Lua text makes of programs.
local function words_of_lua(text)
   local words = {}
   local shebang = text:match("^#![^\n]*")
   if shebang then words = words_of_shell(shebang .. "\n") end
   for command in text:gmatch('[%w_.]*popen%s*%(%s*"([^"]*)"') do add_command(words, command) end
   for command in text:gmatch('os%.execute%s*%(%s*"([^"]*)"') do add_command(words, command) end
   for command in text:gmatch('lines_of%s*%(?%s*"([^"]*)"') do add_command(words, command) end
   return words
end

local function words_of(path, text)
   if path:find("%.lua$") or text:find("^#![^\n]*luajit") then return words_of_lua(text) end
   if text:find("^#![^\n]*python") then return words_of_shell(text:match("^[^\n]*")) end
   if tree_of.is_shell(path) or path == "Makefile" then
      return words_of_shell((text:gsub("\n\t@?", "\n")))
   end
   local words = {}
   for name in text:gmatch("find_program%(%S+ ([%w_+-]+)") do words[name] = true end
   return words
end

--- Benchmarks are not part of the tests; they may use more.
local function may_call(path) return not path:find("^bench/") and not path:find("%.md$") end

--- @return table<string, string>  a file that uses it, by the path of each program
local function programs_of(tree)
   local used = {}
   for path, text in tree:each(may_call) do
      for word in pairs(words_of(path, text)) do
         local program = not NO_PROGRAMS[word] and find_program(word)
         if program then used[program] = path end
      end
   end
   return used
end

--- What the compiler read, from the dependency files that it left.
local function headers_of(build)
   local used = {}
   for _, file in ipairs(tree_of.lines_of(("find %s -name '*.d'"):format(build))) do
      for line in io.lines(file) do
         for path in line:gmatch("(/usr/[^%s\\:]+)") do used[path] = file end
      end
   end
   return used
end

local function libraries_of(build)
   local used = {}
   local find = ("find build/tidemill %s -maxdepth 2 -type f "):format(build)
      .. "'(' -name 'unit_*' -o -name '*.so' -o -name tidemill ')' 2>/dev/null"
   for _, file in ipairs(tree_of.lines_of(find)) do
      for _, line in ipairs(tree_of.lines_of("ldd " .. file .. " 2>/dev/null")) do
         local path = line:match("(/%S+) %(0x%x+%)")
         if path then used[path] = file end
      end
   end
   return used
end

--- The package of each path; a file is known by its name before or after /bin became /usr/bin.
local function owners_of(used)
   local by_variant, arguments = {}, {}
   for path in pairs(used) do
      local real = tree_of.lines_of("readlink -f " .. path)[1] or path
      for _, name in ipairs { path, real } do
         for _, variant in ipairs { name, "/usr" .. name, (name:gsub("^/usr", "")) } do
            by_variant[variant] = by_variant[variant] or path
            arguments[#arguments + 1] = variant
         end
      end
   end
   local list = os.tmpname()
   local file = assert(io.open(list, "w"))
   file:write(table.concat(arguments, "\n"), "\n")
   file:close()
   local owners = {}
   for _, line in ipairs(tree_of.lines_of("xargs dpkg -S <" .. list .. " 2>/dev/null")) do
      local package, path = line:match("^([%w.+-]+)[^/]*: (/.*)$")
      if package and by_variant[path] then owners[by_variant[path]] = package end
   end
   os.remove(list)
   return owners
end

--- Names in a line of dependencies: "a (>= 1), b | c" gives a, b, c.
local function names_in(text)
   local names = {}
   for name in text:gmatch("%f[%w]([%w][%w.+-]+)[^,|]*") do names[#names + 1] = name end
   return names
end

--- All installed packages: {depends=, essential=}; a virtual one has the list of its providers.
local function read_installed()
   local format = "${Package}\\t${Essential}\\t${Provides}\\t${Pre-Depends}, ${Depends}\\n"
   local installed, providers = {}, {}
   for _, line in ipairs(tree_of.lines_of("dpkg-query -W -f '" .. format .. "'")) do
      local name, essential, provides, depends = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
      installed[name] = { depends = names_in(depends), essential = essential == "yes" }
      for _, virtual in ipairs(names_in(provides)) do
         providers[virtual] = providers[virtual] or {}
         table.insert(providers[virtual], name)
      end
   end
   return installed, providers
end

--- The packages that are there on a machine where tools/setup has run.
local function read_closure()
   local installed, providers = read_installed()
   local closure = {}
   local function visit(name)
      if closure[name] then return end
      closure[name] = true
      for _, provider in ipairs(providers[name] or {}) do visit(provider) end
      local package = installed[name]
      for _, needed in ipairs(package and package.depends or {}) do visit(needed) end
   end
   for name, package in pairs(installed) do
      if package.essential then visit(name) end
   end
   for _, name in ipairs(GIVEN) do visit(name) end
   for _, name in ipairs(tree_of.lines_of("tools/setup --list")) do visit(name) end
   return closure
end

local function find_foreign(used, closure)
   local owners, found = owners_of(used), {}
   for path, user in pairs(used) do
      if not owners[path] then
         found[#found + 1] = ("%s belongs to no package (%s)"):format(path, user)
      elseif not closure[owners[path]] then
         found[#found + 1] = ("%s (%s): tools/setup does not list %s"):format(path, user,
            owners[path])
      end
   end
   table.sort(found)
   return found
end

local function sorted_words(words)
   local list = {}
   for word in pairs(words) do list[#list + 1] = word end
   table.sort(list)
   return table.concat(list, " ")
end

local function find_misread()
   local examples = {
      { "a b | c -d && x=1 e", words_of_shell, "a c e" },
      { "if ! a; then\n  b # c | d\nfi\n", words_of_shell, "a b fi" },
      { "#!/usr/bin/env luajit\n# x\ny=$(a \"$b\") || exit 1\n", words_of_shell,
         "a env exit luajit" },
      { "find x | xargs -n 1 clang-tidy", words_of_shell, "1 clang-tidy find xargs -n" },
      { 'x = io.popen("git log")', words_of_lua, "git" },
   }
   local wrong = {}
   for _, example in ipairs(examples) do
      local got = sorted_words(example[2](example[1]))
      local wanted = {}
      for word in example[3]:gmatch("%S+") do wanted[word] = true end
      if got ~= sorted_words(wanted) then wrong[#wrong + 1] = example[1] .. " -> " .. got end
   end
   if table.concat(names_in("aa (>= 1:2), libb1.2-c | d++ <x>"), " ") ~= "aa libb1.2-c d++" then
      wrong[#wrong + 1] = "names of dependencies"
   end
   return wrong
end

return function(build)
   local checks = { { name = "packages: how scripts are read", find = find_misread } }
   if not find_program("dpkg-query") then
      print("no dpkg here: what comes from which package is not checked")
      return checks
   end
   local closure = read_closure()
   local function add(name, used_by)
      checks[#checks + 1] = {
         name = "packages: tools/setup installs each " .. name .. " that is used",
         find = function(tree) return find_foreign(used_by(tree), closure) end,
      }
   end
   add("program", programs_of)
   add("header", function() return headers_of(build) end)
   add("shared library", function() return libraries_of(build) end)
   return checks
end
