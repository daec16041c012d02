ardour {
  ["type"] = "EditorHook",
  name = "Upbeat",
  author = "Upbeat",
  description = [[Puts the clips that Upbeat plays onto the tracks that its set names, while this session is open.]],
}

function signals()
  return LuaSignal.Set():add({ [LuaSignal.LuaTimerDS] = true })
end

-- Ten times a second Ardour calls what `factory` gives. It looks for one file, request.txt, does what that says, and
-- writes answer.txt, both aside and then renamed, so a file that is there is whole. Lines are "name=value".
-- Ardour keeps the compiled function alone, so all that it needs stands inside it.
function factory()
  local folder = "@FOLDER@"
  local seen, told_s, busy = "", 0, false

  local function write(name, lines)
    local aside = folder .. "/" .. name .. ".part"
    local file = io.open(aside, "w")
    if not file then return end
    file:write(table.concat(lines, "\n"), "\n")
    file:close()
    os.remove(folder .. "/" .. name) -- where a rename does not write over
    os.rename(aside, folder .. "/" .. name)
  end

  local function request()
    local file = io.open(folder .. "/request.txt", "r")
    if not file then return nil end
    local words = {}
    for line in file:lines() do
      local name, value = line:match("^(%w+)=(.*)$")
      if name then words[name] = value end
    end
    file:close()
    return words
  end

  local function frame_of(beat)
    return Temporal.timepos_t.from_ticks(math.floor(beat * Temporal.ticks_per_beat + 0.5)):samples()
  end

  local function track_called(name)
    local route = Session:route_by_name(name)
    if route:isnil() then return nil end
    local track = route:to_track()
    if track:isnil() or track:to_audio_track():isnil() then return nil end
    return track
  end

  local function change(what, playlist, deed)
    Session:begin_reversible_command(what)
    playlist:to_stateful():clear_changes()
    deed()
    Session:add_stateful_diff_command(playlist:to_statefuldestructible())
    Session:commit_reversible_command(nil)
  end

  local deeds = {}

  function deeds.tracks()
    local lines = {} -- channels=name, with 0 channels for what is not of audio
    for route in Session:get_tracks():iter() do
      local audio = not route:to_track():to_audio_track():isnil()
      local channels = audio and math.max(1, math.floor(route:n_inputs():n_audio())) or 0
      lines[#lines + 1] = channels .. "=" .. route:name()
    end
    return lines
  end

  function deeds.time()
    local now = Temporal.timepos_t(Session:transport_sample())
    local map = Temporal.TempoMap.read()
    return {
      string.format("beat=%.9f", now:ticks() / Temporal.ticks_per_beat),
      string.format("tempo=%.9f", map:quarters_per_minute_at(now)),
      "playing=" .. (Session:transport_rolling() and "1" or "0"),
    }
  end

  -- The file is brought into the session first, as a region that lies nowhere; then a copy of that goes onto the track,
  -- so that neither the user's selection nor the playhead is touched.
  function deeds.place(words)
    local track = track_called(words.track)
    if not track then error("no audio track " .. words.track, 0) end
    local before = {}
    for id in ARDOUR.RegionFactory.regions():iter() do before[id:to_s()] = true end
    local files = C.StringVector()
    files:push_back(words.file)
    Editor:do_import(files, Editing.ImportDistinctFiles, Editing.ImportAsRegion, ARDOUR.SrcQuality.SrcBest,
      ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore,
      Temporal.timepos_t(0), ARDOUR.PluginInfo(), ARDOUR.Track(), false)
    local whole
    for id, region in ARDOUR.RegionFactory.regions():iter() do
      if not before[id:to_s()] then whole = region end
    end
    if not whole then error("the file was not imported", 0) end
    local playlist, region = track:playlist(), ARDOUR.RegionFactory.clone_region(whole, true, false)
    region:set_name(words.name)
    local audio = region:to_audioregion()
    audio:set_fade_in_active(false)
    audio:set_fade_out_active(false)
    local frame = frame_of(tonumber(words.beat))
    change("Upbeat: " .. words.name, playlist, function()
      playlist:add_region(region, Temporal.timepos_t(frame), 1, false)
    end)
    return { "region=" .. region:to_stateful():id():to_s(), "frame=" .. region:position():samples() }
  end

  function deeds.remove(words)
    for route in Session:get_tracks():iter() do
      local playlist = route:to_track():playlist()
      for region in playlist:region_list():iter() do
        if region:to_stateful():id():to_s() == words.region then
          change("Upbeat: take back", playlist, function() playlist:remove_region(region) end)
          return { "removed=1" }
        end
      end
    end
    return { "removed=0" }
  end

  return function()
    if busy then return end -- an import has Ardour's timers go on
    local words = request()
    local now_s = os.time()
    if now_s ~= told_s then
      told_s = now_s
      write("alive.txt", { "unix=" .. now_s, "session=" .. Session:path(), "name=" .. Session:name() })
    end
    if not words or words.id == seen then return end
    seen = words.id
    busy = true
    local done, said = pcall(function()
      if words.session ~= Session:path() then error("another session is open: " .. Session:path(), 0) end
      if os.time() > tonumber(words.latest) then error("it came too late", 0) end
      return deeds[words.deed](words)
    end)
    busy = false
    if done then
      write("answer.txt", { "id=" .. words.id, "done=1", table.unpack(said) })
    else
      write("answer.txt", { "id=" .. words.id, "done=0", "why=" .. tostring(said):gsub("[\r\n]+", " ") })
    end
  end
end
