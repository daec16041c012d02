-- What Upbeat does in REAPER. Every deed takes the request as a table and gives the answer as one; what cannot be done
-- is refuse()d with a word and a sentence. No deed moves the edit cursor, the view, or what is selected.

local json = ...

local deeds = {}

local VERSION = 1 -- goes up with every change of what requests or answers say
local PROJECT = 0 -- the one whose tab is in front
local OURS = "Upbeat: " -- every undo step of ours begins so
local TRACKS_MAX = 4096
local BUILD_MISSING_PEAKS = 40047
local UNDO_ITEMS = 4 -- what an undo step of ours keeps: items, and nothing of tracks, effects or the project

local placed = {} -- items by their GUID, so that removing one need not look through all of the project

local function refuse(reason, sentence, more)
  local refusal = more or {}
  refusal.reason, refusal.sentence = reason, sentence
  error({ refusal = refusal }, 0)
end

-- What an argument of a request is, or a refusal that says what it should be.
local function wanted(request, name, kind, low, high)
  local value = request[name]
  if type(value) ~= kind then refuse("bad-request", string.format("%s must be a %s", name, kind)) end
  if kind == "number" and (value < low or value > high) then
    refuse("bad-request", string.format("%s is %g; it must be between %g and %g", name, value, low, high))
  end
  return value
end

local function track_names()
  local names = setmetatable({}, json.array)
  for index = 0, math.min(reaper.CountTracks(PROJECT), TRACKS_MAX) - 1 do
    local _, name = reaper.GetTrackName(reaper.GetTrack(PROJECT, index))
    names[#names + 1] = name
  end
  return names
end

local function track_named(wanted_name)
  local names = track_names()
  for index, name in ipairs(names) do
    if name == wanted_name then return reaper.GetTrack(PROJECT, index - 1) end
  end
  return refuse("no-track", "there is no such track", { tracks = names })
end

local function guid_of(item)
  local _, guid = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
  return guid
end

local function item_of(guid)
  local known = placed[guid]
  if known and reaper.ValidatePtr2(PROJECT, known, "MediaItem*") and guid_of(known) == guid then return known end
  for index = 0, reaper.CountMediaItems(PROJECT) - 1 do -- it has moved in memory: REAPER does so on undo
    local item = reaper.GetMediaItem(PROJECT, index)
    if guid_of(item) == guid then return item end
  end
  return nil
end

-- One undo step around `change`, closed whatever happens in it; `mend` takes away what an error left half done.
local function as_one_step(name, change, mend)
  reaper.PreventUIRefresh(1)
  reaper.Undo_BeginBlock2(PROJECT)
  local good, result = pcall(change)
  if not good and mend then pcall(mend) end
  reaper.Undo_EndBlock2(PROJECT, OURS .. name, UNDO_ITEMS)
  reaper.PreventUIRefresh(-1)
  reaper.UpdateArrange()
  if not good then error(result, 0) end
  return result
end

function deeds.hello()
  local fixed = reaper.GetSetProjectInfo(PROJECT, "PROJECT_SRATE_USE", 0, false) > 0
  return {
    version = reaper.GetAppVersion(),
    script = VERSION,
    project_rate_hz = fixed and reaper.GetSetProjectInfo(PROJECT, "PROJECT_SRATE", 0, false) or 0,
  }
end

function deeds.tracks()
  return { tracks = track_names() }
end

-- Where the music is: what is heard while it plays, else where it would start. The tempo is in quarter notes per
-- minute whatever the time signature: the slope of the project's own map.
function deeds.time()
  local state = reaper.GetPlayStateEx(PROJECT)
  local plays = state & 1 == 1 and state & 2 == 0
  local at_s = plays and reaper.GetPlayPositionEx(PROJECT) or reaper.GetCursorPositionEx(PROJECT)
  local beat = reaper.TimeMap2_timeToQN(PROJECT, at_s)
  local ahead_s = 0.001
  local tempo = (reaper.TimeMap2_timeToQN(PROJECT, at_s + ahead_s) - beat) / ahead_s * 60
  return { beat = beat, tempo_bpm = tempo, playing = plays }
end

-- Puts a file on a track, its first frame on `beat` (quarter notes). A loop is brought to the length that its beats
-- have there, one pass, and keeps to the beats; a single sound keeps its own length and its pitch.
function deeds.place(request)
  local beat = wanted(request, "beat", "number", 0, 1e6)
  local length_beats = wanted(request, "length_beats", "number", 1e-3, 1e5)
  local clip_s = wanted(request, "clip_s", "number", 1e-4, 1e5)
  local path, name = wanted(request, "path", "string"), wanted(request, "name", "string")
  local take_id, loop = wanted(request, "take_id", "string"), wanted(request, "loop", "boolean")
  local track_name = wanted(request, "track", "string")
  local track = track_named(track_name)
  if not reaper.file_exists(path) then refuse("no-file", "the file is not there: " .. path) end
  local source = reaper.PCM_Source_CreateFromFile(path)
  if not source then refuse("no-file", "REAPER cannot read the file: " .. path) end
  local source_s = reaper.GetMediaSourceLength(source)
  if source_s <= 0 then
    reaper.PCM_Source_Destroy(source)
    refuse("no-file", "there is no sound in the file: " .. path)
  end
  local start_s = reaper.TimeMap2_QNToTime(PROJECT, beat)
  local length_s, rate = source_s, 1.0
  if loop then
    length_s = reaper.TimeMap2_QNToTime(PROJECT, beat + length_beats) - start_s
    rate = clip_s / length_s
  end
  local item
  return as_one_step(string.format('place "%s" on "%s"', name, track_name), function()
    item = reaper.AddMediaItemToTrack(track)
    local take = reaper.AddTakeToMediaItem(item)
    reaper.SetMediaItemTake_Source(take, source)
    reaper.SetMediaItemInfo_Value(item, "C_BEATATTACHMODE", loop and 1 or 2) -- keeps to beats: whole, or its start only
    reaper.SetMediaItemInfo_Value(item, "D_POSITION", start_s)
    reaper.SetMediaItemInfo_Value(item, "D_LENGTH", length_s)
    reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", loop and 1 or 0)
    for _, side in ipairs({ "IN", "OUT" }) do -- the clip has its own fades, and a loop none
      reaper.SetMediaItemInfo_Value(item, "D_FADE" .. side .. "LEN", 0)
      reaper.SetMediaItemInfo_Value(item, "D_FADE" .. side .. "LEN_AUTO", -1)
    end
    if math.abs(rate - 1) > 1e-9 then
      reaper.SetMediaItemTakeInfo_Value(take, "D_PLAYRATE", rate)
      reaper.SetMediaItemTakeInfo_Value(take, "B_PPITCH", 1)
    end
    reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name, true)
    reaper.GetSetMediaItemInfo_String(item, "P_EXT:upbeat", take_id, true) -- ours, and saved with the project
    reaper.SetMediaItemInfo_Value(item, "B_UISEL", 0)
    reaper.Main_OnCommandEx(BUILD_MISSING_PEAKS, 0, PROJECT)
    local guid = guid_of(item)
    placed[guid] = item
    return { guid = guid, position_s = start_s, length_s = length_s, rate = rate }
  end, function()
    if item then reaper.DeleteTrackMediaItem(track, item) end
  end)
end

-- Takes away an item of ours; one that is gone already is no error, one that is not ours stays.
function deeds.remove(request)
  local guid = wanted(request, "guid", "string")
  local item = item_of(guid)
  placed[guid] = nil
  if not item then return { removed = false } end
  local _, mark = reaper.GetSetMediaItemInfo_String(item, "P_EXT:upbeat", "", false)
  if mark == "" then refuse("not-ours", "the item is not one of ours") end
  return as_one_step("take a clip away", function()
    return { removed = reaper.DeleteTrackMediaItem(reaper.GetMediaItemTrack(item), item) }
  end)
end

-- Takes back REAPER's last step if it was ours.
function deeds.undo()
  local last = reaper.Undo_CanUndo2(PROJECT) or ""
  if last:sub(1, #OURS) ~= OURS then refuse("not-ours", "the last step is not ours", { last = last }) end
  reaper.Undo_DoUndo2(PROJECT)
  return { undone = last }
end

-- The answer to a request, whatever it is. Never raises an error.
function deeds.answer(request)
  local deed = type(request) == "table" and rawget(deeds, request.deed)
  local known = { hello = true, tracks = true, time = true, place = true, remove = true, undo = true }
  if not deed or not known[request.deed] then
    return { ok = false, reason = "bad-request", sentence = "there is no such deed" }
  end
  local good, result = pcall(deed, request)
  if good then
    result.ok = true
    return result
  end
  if type(result) == "table" and result.refusal then
    result.refusal.ok = false
    return result.refusal
  end
  return { ok = false, reason = "failed", sentence = tostring(result) }
end

return deeds
