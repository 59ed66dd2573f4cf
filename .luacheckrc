std = "luajit"
codes = true
max_line_length = 100
max_cyclomatic_complexity = 12
ignore = {"212/_.*", "212/self", "213/_.*", "411/err", "421/err", "431/err"}
files["tests/**/*_spec.lua"] = {std = "+busted"}
files["*.rockspec"] = {std = "+rockspec"}
exclude_files = {"build/**", "lua_modules/**"}
