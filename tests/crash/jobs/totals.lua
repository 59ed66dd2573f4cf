-- Running totals of each key, written twice: into files that end by size, and by time. A state
-- says how many values it has seen, their sum, and a hash that depends on their order.
-- Input: "KEY NUMBER" in each line; any other line is an error and becomes a dead letter.
local mill = require "tidemill"

local output = mill.arg("output")
local job = mill.job("totals", { max_error_ratio = 1 })

local totals = job:text_file_stream(mill.arg("input"))
   :map_to_pair(function(line)
      local key, number = line:match("^(%S+) (%d+)$")
      if not key then error("not a pair: " .. line) end
      return key, tonumber(number)
   end)
   :update_state_by_key(function(values, state, _, time)
      if #values == 0 then return state end
      state = state or { n = 0, sum = 0, hash = 0 }
      for _, value in ipairs(values) do
         state.n = state.n + 1
         state.sum = state.sum + value
         state.hash = (state.hash * 31 + value) % 1000003
      end
      state.time = time
      return state
   end, { emit = "changed" })

totals:to_files(output .. "/by_size", { roll = "64KiB" })
totals:to_files(output .. "/by_time", { roll = "100ms" })

return job
