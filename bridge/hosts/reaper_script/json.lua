-- A small strict JSON reader and writer: REAPER's Lua has none, and a request that is not exactly JSON is refused.
-- Objects and arrays become tables, null becomes json.null. Everything wrong raises an error that says where.

local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local DEPTH_MAX = 16

local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function fail(text, at, what)
  error(string.format("no JSON at character %d of %d: %s", at, #text, what), 0)
end

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

-- The 16 bits of a \u escape whose four digits begin at `at`.
local function unit(text, at)
  local digits = text:match("^%x%x%x%x", at)
  if not digits then fail(text, at, "four hexadecimal digits belong here") end
  return tonumber(digits, 16)
end

local function read_string(text, at)
  local pieces = {}
  local from = at + 1
  while true do
    local stop = text:find('["\\%c]', from)
    if not stop then fail(text, #text, "a string is not closed") end
    pieces[#pieces + 1] = text:sub(from, stop - 1)
    local found = text:sub(stop, stop)
    if found == '"' then return table.concat(pieces), stop + 1 end
    if found == "\127" then
      pieces[#pieces + 1], from = found, stop + 1
    elseif found ~= "\\" then
      fail(text, stop, "a bare control character in a string")
    else
      local letter = text:sub(stop + 1, stop + 1)
      if letter == "u" then
        local code = unit(text, stop + 2)
        from = stop + 6
        if code >= 0xDC00 and code <= 0xDFFF then fail(text, stop, "half a surrogate pair") end
        if code >= 0xD800 and code <= 0xDBFF then
          local low = text:sub(from, from + 1) == "\\u" and unit(text, from + 2) or 0
          if low < 0xDC00 or low > 0xDFFF then fail(text, stop, "half a surrogate pair") end
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
          from = from + 6
        end
        pieces[#pieces + 1] = utf8.char(code)
      else
        if not ESCAPES[letter] then fail(text, stop, "no such escape") end
        pieces[#pieces + 1] = ESCAPES[letter]
        from = stop + 2
      end
    end
  end
end

local function read_number(text, at)
  local whole = text:match("^-?0", at) or text:match("^-?[1-9]%d*", at)
  if not whole then fail(text, at, "no value") end
  local stop = at + #whole
  if text:find("^%d", stop) then fail(text, at, "a number begins with 0") end
  local part = text:match("^%.%d+", stop)
  if part then stop = stop + #part end
  local power = text:match("^[eE][+-]?%d+", stop)
  if power then stop = stop + #power end
  local number = tonumber(text:sub(at, stop - 1))
  if not number or number ~= number or number == math.huge or number == -math.huge then
    fail(text, at, "a number beyond all bounds")
  end
  return number, stop
end

local WORDS = { ["true"] = true, ["false"] = false, ["null"] = json.null }

local read_value

local function read_object(text, at, depth)
  local object = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "}" then return object, at + 1 end
  while true do
    if text:sub(at, at) ~= '"' then fail(text, at, "a name in quotes belongs here") end
    local name
    name, at = read_string(text, at)
    if object[name] ~= nil then fail(text, at, "the same name twice") end
    at = skip(text, at)
    if text:sub(at, at) ~= ":" then fail(text, at, "a colon belongs here") end
    object[name], at = read_value(text, skip(text, at + 1), depth)
    at = skip(text, at)
    local found = text:sub(at, at)
    if found == "}" then return object, at + 1 end
    if found ~= "," then fail(text, at, "a comma or } belongs here") end
    at = skip(text, at + 1)
  end
end

local function read_array(text, at, depth)
  local array = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "]" then return array, at + 1 end
  while true do
    array[#array + 1], at = read_value(text, at, depth)
    at = skip(text, at)
    local found = text:sub(at, at)
    if found == "]" then return array, at + 1 end
    if found ~= "," then fail(text, at, "a comma or ] belongs here") end
    at = skip(text, at + 1)
  end
end

read_value = function(text, at, depth)
  if depth > DEPTH_MAX then fail(text, at, "nested too deep") end
  local found = text:sub(at, at)
  if found == '"' then return read_string(text, at) end
  if found == "{" then return read_object(text, at, depth + 1) end
  if found == "[" then return read_array(text, at, depth + 1) end
  local word = text:match("^%l+", at)
  if word then
    if WORDS[word] == nil then fail(text, at, "no value") end
    return WORDS[word], at + #word
  end
  return read_number(text, at)
end

-- The value of a whole JSON text. Raises an error for anything else.
function json.read(text)
  if not utf8.len(text) then fail(text, 1, "it is not UTF-8") end
  local value, at = read_value(text, skip(text, 1), 1)
  at = skip(text, at)
  if at <= #text then fail(text, at, "something after the end") end
  return value
end

local function quoted(text)
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end -- a name from an old file in another encoding
  return '"' .. text:gsub('[%c"\\]', function(letter) return string.format("\\u%04x", letter:byte()) end) .. '"'
end

-- A table as JSON: an array if it has a first element or is json.array(), else an object with its names sorted.
function json.write(value)
  local kind = type(value)
  if value == json.null then return "null" end
  if kind == "string" then return quoted(value) end
  if kind == "boolean" then return tostring(value) end
  if math.type(value) == "integer" then return tostring(value) end
  if kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then return "null" end
    return (string.format("%.17g", value):gsub(",", ".")) -- some systems' locales write a comma
  end
  if kind ~= "table" then error("a " .. kind .. " cannot be written as JSON", 0) end
  local parts = {}
  if value[1] ~= nil or getmetatable(value) == json.array then
    for _, element in ipairs(value) do parts[#parts + 1] = json.write(element) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = quoted(name) .. ":" .. json.write(value[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- What marks a table as an array even while it is empty: setmetatable({}, json.array).
json.array = {}

return json
