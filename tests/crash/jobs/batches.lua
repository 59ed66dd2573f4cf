-- Every batch is appended to a file: a line "begin EPOCH TIME", its rows, a line "end COUNT".
-- A kill may cut what is being written anywhere; therefore a batch begins with a line end.
local mill = require "tidemill"

local path = mill.arg("output")
local job = mill.job("batches", { allow = { "io" } })

job:text_file_stream(mill.arg("input"))
   :for_each_batch(function(rows, time, epoch)
      local file = assert(io.open(path, "a"))
      file:write(("\nbegin %d %d\n"):format(epoch, time))
      for line in rows:each() do file:write(line, "\n") end
      file:write("end ", rows:count(), "\n")
      file:close()
   end)

return job
