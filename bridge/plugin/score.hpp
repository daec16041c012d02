// What an instance is to play, by take ids: its pads and placements, as the bridge sent them or the project saved them.
// Plain data of the network thread; the text form is what a project keeps.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <locale>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "messages.hpp"
#include "routes.hpp"

namespace upbeat {

struct PadEntry {
    std::string take_id;  // "" if there is none
    double quantum_beats = 0.0;
    double soft_db = 0.0, hard_db = 0.0;  // what the softest and the hardest stroke add
    bool loop = false;
    bool fresh = false;  // came on this connection
};

struct PlaceEntry {
    std::string take_id;
    double beat = 0.0, until_beat = -1.0;
    double gain = 1.0;   // times the clip's own; 1 for all that is kept
    bool loop = false, kept = false;
    bool continues = false;  // the loop before it, in another shape
    bool fresh = false;  // came since the sheet was opened
    int slot = -1;       // where the player has it, under this serial number
    int64_t serial = 0;
    bool told = false;   // to the player
};

struct Score {
    std::string title;  // of the set that it came from
    std::array<PadEntry, pads_max> pads;
    std::map<int64_t, PlaceEntry> places;  // by id

    std::set<std::string> takes() const {
        std::set<std::string> ids;
        for (const PadEntry& pad : pads)
            if (!pad.take_id.empty()) ids.insert(pad.take_id);
        for (const auto& [id, place] : places) ids.insert(place.take_id);
        return ids;
    }

    // One line for each thing, its values between tabs; single placements are not kept.
    std::string text() const {
        std::ostringstream out;
        out.imbue(std::locale::classic());
        out.precision(17);
        out << "upbeat\t1\nset\t" << title << '\n';
        for (size_t note = 0; note < pads.size(); ++note)
            if (const PadEntry& pad = pads[note]; !pad.take_id.empty())
                out << "pad\t" << note << '\t' << pad.take_id << '\t' << plain(pad.quantum_beats) << '\t' << pad.loop
                    << '\t' << plain(pad.soft_db) << '\t' << plain(pad.hard_db) << '\n';
        for (const auto& [id, p] : places)
            if (p.kept && id >= 0)
                out << "place\t" << id << '\t' << p.take_id << '\t' << plain(p.beat) << '\t' << plain(p.until_beat)
                    << '\t'
                    << (p.continues ? 2 : p.loop ? 1 : 0) << '\n';
        return out.str();
    }

    // From what a project kept; what cannot be read is left out.
    static Score from_text(const std::string& text) {
        Score score;
        std::istringstream lines(text);
        std::string line;
        while (std::getline(lines, line)) {
            std::istringstream in(line);
            in.imbue(std::locale::classic());
            std::string what;
            std::getline(in, what, '\t');
            if (what == "set") {
                std::getline(in, score.title);
                score.title = one_line(score.title);
            }
            if (what == "pad") {
                int note = -1;
                PadEntry pad;
                in >> note;
                in.ignore();
                std::getline(in, pad.take_id, '\t');
                if (in >> pad.quantum_beats >> pad.loop && note >= 0 && note < pads_max && usable(pad.take_id) &&
                    is_quantum(pad.quantum_beats)) {
                    if (!(in >> pad.soft_db >> pad.hard_db) || !is_gain(pad.soft_db) || !is_gain(pad.hard_db))
                        pad.soft_db = pad.hard_db = 0.0;  // of an older project
                    score.pads[static_cast<size_t>(note)] = pad;
                }
            }
            if (what == "place") {
                int64_t id = -1;
                int loop = 0;
                PlaceEntry p;
                in >> id;
                in.ignore();
                std::getline(in, p.take_id, '\t');
                p.kept = true;
                if (in >> p.beat >> p.until_beat >> loop && id >= 0 && usable(p.take_id) &&
                    countable(p.beat) && countable(p.until_beat) &&
                    score.places.size() < places_max) {
                    p.loop = loop != 0;
                    p.continues = loop == 2;
                    score.places[id] = p;
                }
            }
        }
        return score;
    }

    static bool usable(const std::string& take_id) {
        return !take_id.empty() && take_id.size() <= routes::name_characters_max && one_line(take_id) == take_id;
    }

    // Without what would end its line or value, or could not stand in the host's own project file.
    static std::string one_line(std::string text) {
        text.resize(std::min<size_t>(text.size(), 1000));
        for (char& letter : text)
            if (static_cast<unsigned char>(letter) < ' ' || letter == 127) letter = ' ';
        return text;
    }

    // Whether a beat can be counted in frames without going over the edge of what a number holds.
    static bool countable(double beat) { return beat >= -routes::host_beat_max && beat <= routes::host_beat_max; }

    // Numbers too small to be read back are none.
    static double plain(double value) { return std::abs(value) < 1e-300 ? 0.0 : value; }

    static bool is_gain(double db) { return db >= routes::gain_db_low && db <= routes::gain_db_high; }

    static bool is_quantum(double beats) {
        return beats == 0.0 || (beats >= 1.0 / 1024 && beats <= routes::quantum_beats_max);
    }
};

}  // namespace upbeat
