-- Counts the words that a server sends, in each batch of a second.
--
--   nc -lk 9999                                  # in another terminal: type lines there
--   tidemill run scripts/network_wordcount.lua
--   tidemill run --set host=HOST --set port=PORT --set output=OUT scripts/network_wordcount.lua
--
-- It connects to localhost:9999, and again when the server goes away. With an output folder the
-- counts are written there as JSON rows: ["word", 3].
local mill = require "tidemill"

local host = mill.arg("host", "localhost")
local port = mill.arg("port", "9999")
local output = mill.arg("output")

local job = mill.job("network_wordcount", { batch = "1s" })

local counts = job:socket_text_stream(host, port)
   :flat_map(mill.words)
   :map_to_pair(function(word) return word, 1 end)
   :reduce_by_key(function(a, b) return a + b end)

if output then
   counts:to_files(output, { format = "json" })
else
   counts:print()
end

job:test("words are counted in each batch", function(t)
   t:input("high tide", "low tide")
   t:advance("1s")
   t:expect { { "high", 1 }, { "low", 1 }, { "tide", 2 } }
   t:input("tide")
   t:advance("1s")
   t:expect { { "tide", 1 } }
end)

job:test("a batch in which the server is silent gives no rows", function(t)
   t:input("tide")
   t:advance("3s")
   t:expect { { "tide", 1 } }
end)

return job
