--- Durations and sizes as users write them: "200ms", "5s", "10m", "1h", "7d"; "64KiB", "1GiB".
local M = {}

local MS = { ms = 1, s = 1000, m = 60 * 1000, h = 3600 * 1000, d = 24 * 3600 * 1000 }
local BYTES = { B = 1, KiB = 2 ^ 10, MiB = 2 ^ 20, GiB = 2 ^ 30, TiB = 2 ^ 40 }

-- Beyond this a double counts no single units.
local EXACT_MAX = 2 ^ 53

local function parse(text, pattern, factors, example)
   local count, unit = tostring(text):match(pattern)
   local factor = factors[unit]
   local value = count and factor and tonumber(count) * factor
   if not value or value > EXACT_MAX then
      return nil, ("write for example %s"):format(example)
   end
   return value
end

--- Parse a duration.
---@param text string a whole number and a unit, e.g. "5s"
---@return integer? ms milliseconds, >= 0; nil when the text is not a duration
---@return string? err what would be right
function M.duration(text)
   return parse(text, "^(%d+)(%a+)$", MS, '"5s" (ms, s, m, h, d)')
end

--- Parse a size.
---@param text string a whole number and a unit, e.g. "64MiB"
---@return integer? bytes >= 0; nil when the text is not a size
---@return string? err what would be right
function M.size(text)
   return parse(text, "^(%d+)(%a+)$", BYTES, '"64MiB" (B, KiB, MiB, GiB, TiB)')
end

--- The shortest way to write a number of milliseconds.
function M.format_duration(ms)
   for _, unit in ipairs { "d", "h", "m", "s" } do
      if ms >= MS[unit] and ms % MS[unit] == 0 then return ("%d%s"):format(ms / MS[unit], unit) end
   end
   return ("%dms"):format(ms)
end

--- The shortest way to write a number of bytes.
function M.format_size(bytes)
   for _, unit in ipairs { "TiB", "GiB", "MiB", "KiB" } do
      if bytes >= BYTES[unit] and bytes % BYTES[unit] == 0 then
         return ("%d%s"):format(bytes / BYTES[unit], unit)
      end
   end
   return ("%dB"):format(bytes)
end

return M
