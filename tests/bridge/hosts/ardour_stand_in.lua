-- A stand-in for the Lua inside Ardour's editor: just what our script uses, of the names and shapes that Ardour 7.3 has.
-- A real editor was run by hand; this keeps the script and the mailbox in step. Usage: lua ardour_stand_in.lua SCRIPT
-- STOP_FILE: it runs the script's hook until that file is there.

local tracks, regions, last_id, steps = {}, {}, 100, 0

local function id_of(n)
  return { to_s = function() return tostring(n) end }
end

local function list(items)
  return { iter = function()
    local at = 0
    return function()
      at = at + 1
      if items[at] then return items[at] end
    end
  end }
end

local function new_region(name, frames)
  last_id = last_id + 1
  local region = { id = last_id, called = name, at = 0, fades = true, frames = frames }
  function region:set_name(text) self.called = text end
  function region:to_audioregion() return self end
  function region:set_fade_in_active(on) self.fades = on end
  function region:set_fade_out_active(on) end
  function region:to_stateful() return { id = function() return id_of(region.id) end } end
  function region:position() return { samples = function() return region.at end } end
  return region
end

local function new_track(name, channels)
  local lies = {}
  local playlist = {}
  function playlist:region_list() return list(lies) end
  function playlist:add_region(region, position, times, partition)
    assert(times == 1 and partition == false and steps == 1, "add_region outside of an undo step")
    region.at = position:samples()
    lies[#lies + 1] = region
  end
  function playlist:remove_region(region)
    assert(steps == 1, "remove_region outside of an undo step")
    for n, one in ipairs(lies) do if one == region then table.remove(lies, n) end end
  end
  function playlist:to_stateful() return { clear_changes = function() end } end
  function playlist:to_statefuldestructible() return {} end
  local track = { lies = lies }
  function track:name() return name end
  function track:isnil() return false end
  function track:to_track() return self end
  function track:playlist() return playlist end
  function track:to_audio_track() return { isnil = function() return channels == 0 end } end
  function track:n_inputs() return { n_audio = function() return channels end } end
  tracks[#tracks + 1] = track
end

new_track("Drums", 1)
new_track("Keys", 2)
new_track("Piano", 0)

Temporal = { ticks_per_beat = 1920, TempoMap = { read = function()
  return { quarters_per_minute_at = function() return 120.0 end }
end } }
local function position(frames)
  return { samples = function() return frames end, ticks = function() return frames * 1920 // 24000 end }
end
Temporal.timepos_t = setmetatable({ from_ticks = function(ticks)
  assert(math.type(ticks) == "integer", "ticks are whole")
  return position(ticks * 24000 // 1920)
end }, { __call = function(_, frames) return position(frames) end })

ARDOUR = {
  SrcQuality = { SrcBest = 0 }, MidiTrackNameSource = { SMFTrackName = 0 },
  MidiTempoMapDisposition = { SMFTempoIgnore = 0 }, PluginInfo = function() return {} end, Track = function() return {} end,
  RegionFactory = {
    regions = function()
      return { iter = function()
        local at = 0
        return function()
          at = at + 1
          if regions[at] then return id_of(regions[at].id), regions[at] end
        end
      end }
    end,
    clone_region = function(region) return new_region(region.called, region.frames) end,
  },
}
Editing = { ImportDistinctFiles = 0, ImportAsRegion = 2 }
C = { StringVector = function()
  return { push_back = function(self, text) self[#self + 1] = text end }
end }
Editor = {}
function Editor:do_import(files, disposition, mode, ...)
  assert(select("#", ...) == 7, "Ardour 7.3 takes ten arguments")
  assert(mode == Editing.ImportAsRegion)
  local file = io.open(files[1], "rb")
  if not file then return end -- Ardour shows a dialog
  file:close()
  regions[#regions + 1] = new_region(files[1], 1)
end
Session = {}
function Session:path() return os.getenv("SESSION") end
function Session:name() return "song" end
function Session:get_tracks() return list(tracks) end
function Session:route_by_name(name)
  for _, track in ipairs(tracks) do if track:name() == name then return track end end
  return { isnil = function() return true end }
end
function Session:transport_sample() return 36000 end
function Session:transport_rolling() return true end
function Session:begin_reversible_command() steps = steps + 1 end
function Session:commit_reversible_command() steps = steps - 1 end
function Session:add_stateful_diff_command() end

function ardour(about) assert(about.type == "EditorHook") end
assert(loadfile(arg[1]))()
local hook = load(string.dump(factory, true))() -- Ardour keeps the compiled function alone
while true do
  hook()
  local stop = io.open(arg[2])
  if stop then break end
  local wait = os.clock() + 0.005
  while os.clock() < wait do end
end
for _, track in ipairs(tracks) do
  for _, region in ipairs(track.lies) do
    print(track:name(), region.called, region.at, region.fades)
  end
end
