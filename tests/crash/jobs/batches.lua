-- Every batch is appended to a file: "EPOCH TIME LINE" for each row, "EPOCH TIME end COUNT" last.
local mill = require "tidemill"

local path = mill.arg("output")
local job = mill.job("batches", { allow = { "io" } })

job:text_file_stream(mill.arg("input"))
   :for_each_batch(function(rows, time, epoch)
      local file = assert(io.open(path, "a"))
      local head = ("%d %d "):format(epoch, time)
      for line in rows:each() do file:write(head, line, "\n") end
      file:write(head, "end ", rows:count(), "\n")
      file:close()
   end)

return job
