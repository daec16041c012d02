-- Upbeat in REAPER: does what Upbeat asks for, as long as this script runs. Start it once from the action list.
--
-- Requests are JSON files in spool/requests, written aside and then renamed, so a file that is there is whole; their
-- names sort by number. A request is taken by renaming it, and its answer is put into spool/answers under its name. One
-- that is older than it may be is answered, not done. spool/heartbeat is written twice a second, so that
-- Upbeat sees that we are there.

local HERE = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or "./"
local json = dofile(HERE .. "json.lua")
local deeds = assert(loadfile(HERE .. "deeds.lua"))(json)

local SPOOL = HERE .. "spool/"
local REQUESTS, ANSWERS, HEARTBEAT = SPOOL .. "requests/", SPOOL .. "answers/", SPOOL .. "heartbeat"
local EVERY_S = 1 / 30 -- how often we look
local BEAT_S = 0.5
local REQUESTS_MAX = 4 -- in one turn: REAPER draws and answers its user in between
local WORK_S = 0.01 -- and no longer than this
local BYTES_MAX = 65536

local run = string.format("%.6f %s", reaper.time_precise(), tostring(deeds)) -- which run of this script is the last
local looked_s, beat_s, beats = -math.huge, -math.huge, 0

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read(BYTES_MAX + 1)
  file:close()
  return text or ""
end

-- Whole or not at all: an answer that does not fit on the disk is no answer.
local function write(path, text)
  local aside = path .. ".part"
  local file = io.open(aside, "wb")
  if not file then return false end
  local good = file:write(text)
  good = file:close() and good
  if not good or not os.rename(aside, path) then
    os.remove(aside)
    return false
  end
  return true
end

local function answer_to(text)
  if not text or #text > BYTES_MAX then
    return { ok = false, reason = "bad-request", sentence = "the request is too long" }
  end
  local good, request = pcall(json.read, text)
  if not good then return { ok = false, reason = "bad-request", sentence = tostring(request) } end
  local until_s = type(request) == "table" and request.until_unix_s
  if type(until_s) ~= "number" then
    return { ok = false, reason = "bad-request", sentence = "until_unix_s must be a number" }
  end
  if os.time() > until_s then
    return { ok = false, reason = "too-late", sentence = "the request came too late to be carried out" }
  end
  return deeds.answer(request)
end

-- The names of the requests that lie there, the first one first.
local function names()
  local found = {}
  reaper.EnumerateFiles(REQUESTS, -1) -- forget what it knew of the folder
  local index = 0
  while true do
    local name = reaper.EnumerateFiles(REQUESTS, index)
    if not name or name == "" then break end
    if name:match("^[%w%-]+%.json$") then found[#found + 1] = name end
    index = index + 1
  end
  table.sort(found)
  return found
end

local function turn()
  local now_s = reaper.time_precise()
  if now_s - beat_s >= BEAT_S then
    beat_s, beats = now_s, beats + 1
    local file = io.open(HEARTBEAT, "wb") -- in place: only its age is looked at
    if file then
      file:write(string.format("%d\n", beats))
      file:close()
    end
  end
  if now_s - looked_s < EVERY_S then return end
  looked_s = now_s
  for count, name in ipairs(names()) do
    local taken = REQUESTS .. name .. ".taken"
    if os.rename(REQUESTS .. name, taken) then -- else it has been called back
      local text = read(taken)
      os.remove(taken)
      write(ANSWERS .. name, json.write(answer_to(text)))
    end
    if count >= REQUESTS_MAX or reaper.time_precise() - now_s > WORK_S then break end
  end
end

local function cycle()
  if reaper.GetExtState("Upbeat", "run") ~= run then return end -- started again: the new run goes on
  pcall(turn) -- whatever goes wrong in one turn, there is another
  reaper.defer(cycle)
end

reaper.RecursiveCreateDirectory(REQUESTS, 0)
reaper.RecursiveCreateDirectory(ANSWERS, 0)
for _, name in ipairs(names()) do os.remove(REQUESTS .. name) end -- nobody waits for what is older than this run
reaper.SetExtState("Upbeat", "run", run, false)
reaper.atexit(function()
  if reaper.GetExtState("Upbeat", "run") == run then os.remove(HEARTBEAT) end
end)
cycle()
