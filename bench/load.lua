-- Asks, on every connection, one question after the other, each drawn at random from a file of "token path" lines.

local requests = {}

function init(arguments)
  math.randomseed(tonumber(arguments[2]))
  for line in io.lines(arguments[1]) do
    local token, path = line:match("^(%S+) (%S+)$")
    requests[#requests + 1] = wrk.format("GET", path, { ["Authorization"] = "Zoho-oauthtoken " .. token })
  end
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local figures = { summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99) }
  print("figures " .. table.concat(figures, " "))
end
