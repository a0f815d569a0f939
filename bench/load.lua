-- Asks, on every connection, one question after the other, each drawn at random from a file of "token path" lines, or
-- "token path form" where a form is sent.

local requests = {}

function init(arguments)
  math.randomseed(tonumber(arguments[2]))
  for line in io.lines(arguments[1]) do
    local token, path, form = line:match("^(%S+) (%S+) ?(%S*)$")
    local headers = { ["Authorization"] = "Zoho-oauthtoken " .. token }
    local method, body = "GET", nil
    if form ~= "" then
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
      method, body = "POST", form
    end
    requests[#requests + 1] = wrk.format(method, path, headers, body)
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
