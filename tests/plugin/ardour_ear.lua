ardour {
  ["type"] = "dsp",
  name = "Upbeat Ear",
  category = "Utility",
  license = "GPL-3.0-or-later",
  author = "Upbeat",
  description = [[For tests: notes at which frame of Ardour's transport something sounds.]],
}

local rows_max = 8192
local expected  -- where the transport should be next
local running = 0  -- frames heard since this was loaded

function dsp_ioconfig ()
  return { { audio_in = -1, audio_out = -1 } }
end

function dsp_configure (ins, outs)
  self:shmem ():allocate (1 + 4 * rows_max)
  self:shmem ():clear ()
end

-- 0: the transport is here now, and was not expected to be; 1: a sample that is not silence, in 1/1024.
local function note (kind, frame, heard, value)
  local shmem = self:shmem ()
  local count = shmem:atomic_get_int (0)
  if count >= rows_max then return end
  local row = shmem:to_int (1 + 4 * count):array ()
  row[1], row[2], row[3], row[4] = kind, frame, heard, value
  shmem:atomic_set_int (0, count + 1)
end

function dsp_run (ins, outs, n_samples)
  local frame = Session:transport_sample ()
  if frame ~= expected then note (0, frame, running, 0) end
  expected = frame + (Session:transport_rolling () and n_samples or 0)
  local left = ins[1]:array ()
  for k = 1, n_samples do
    if left[k] ~= 0 then note (1, frame + k - 1, running + k - 1, math.floor (left[k] * 1024 + 0.5)) end
  end
  running = running + n_samples
  for side = 1, #outs do
    if ins[side] ~= outs[side] then ARDOUR.DSP.copy_vector (outs[side], ins[side], n_samples) end
  end
end
