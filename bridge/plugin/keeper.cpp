#include "keeper.hpp"

namespace upbeat {

namespace {

constexpr int ask_after_ms = 2000;    // a take that was named and has not come is asked for
constexpr size_t outbox_max = 16384;  // more than a whole score

}  // namespace

Keeper::Keeper(Player& player) : player_(player) {
    for (int slot = places_max; slot-- > 0;) free_slots_.push_back(slot);
}

void Keeper::recall(Score score) {
    for (auto& [id, place] : score_.places)  // the player still has them: they are taken back by their slots
        if (place.slot >= 0) score.places.insert({-1 - place.slot, place});
    score_ = std::move(score);
    recalled_ = true;
}

void Keeper::set_rate(int sample_rate_hz) {
    if (sample_rate_hz != sample_rate_hz_ && sample_rate_hz_ != 0) forget_clips();
    sample_rate_hz_ = sample_rate_hz;
}

void Keeper::greet(int64_t now_ms) {
    sheet_complete_ = all_here_ = false;
    asked_.clear();
    swaps_.clear();
    hello_ms_ = now_ms;
}

void Keeper::welcome(const std::string& said_title) {
    const std::string title = Score::one_line(said_title);
    if (frozen_) return;
    if (score_.title.empty()) score_.title = title;
    for (PadEntry& pad : score_.pads) pad.fresh = false;
    for (auto& [id, place] : score_.places) place.fresh = false;
    bridge_title_ = title;
}

bool Keeper::look() {
    bool missing = false;
    for (const std::string& take_id : score_.takes()) missing = missing || !clips_.count(take_id);
    int kept = 0;
    for (const auto& [id, place] : score_.places) kept += place.kept && place.fresh;
    all_here_ = !missing && sheet_complete_ && (kept >= sheet_entries_ || frozen_);
    return missing;
}

std::vector<std::string> Keeper::wanted(int64_t now_ms) {
    std::vector<std::string> wanted;
    for (const std::string& take_id : score_.takes()) {
        if (clips_.count(take_id) || asked_.count(take_id)) continue;
        const auto [since, first] = missing_ms_.insert({take_id, now_ms});
        const bool saved = now_ms - hello_ms_ > 300 && since->second <= hello_ms_ + 300;  // named before the bridge spoke
        if (!saved && now_ms - since->second < ask_after_ms) continue;
        asked_.insert(take_id);
        wanted.push_back(take_id);
    }
    return wanted;
}

void Keeper::take_back(const Report& report) {
    if (report.kind == Report::finished) {
        for (auto at = score_.places.begin(); at != score_.places.end(); ++at) {
            if (at->second.slot != report.slot || at->second.serial != report.serial) continue;
            score_.places.erase(at);
            free_slots_.push_back(report.slot);
            return;
        }
    } else {
        for (auto at = leaving_.begin(); at != leaving_.end(); ++at) {
            if (at->get() != report.clip) continue;
            clip_bytes_ -= static_cast<int64_t>(report.clip->samples.size() * sizeof(float));
            leaving_.erase(at);
            return;
        }
    }
}

// ---- clips, and what the player knows of them

Clip* Keeper::clip(const std::string& take_id) {
    const auto at = clips_.find(take_id);
    return at == clips_.end() ? nullptr : at->second.get();
}

void Keeper::keep(std::unique_ptr<Clip> clip) {
    const std::string take_id = clip->take_id;
    clip_bytes_ += static_cast<int64_t>(clip->samples.size() * sizeof(float));
    missing_ms_.erase(take_id);
    std::unique_ptr<Clip>& here = clips_[take_id];
    if (here) {  // the same take, at another level
        Command command;
        command.kind = Command::swap;
        command.clip = here.get();
        command.other = clip.get();
        tell(command);
        leaving_.push_back(std::move(here));
        here = std::move(clip);
        let_go(leaving_.back().get());
        return;
    }
    here = std::move(clip);
    if (const auto waits = swaps_.find(take_id); waits != swaps_.end()) {
        const std::string old_id = waits->second;
        swaps_.erase(waits);
        heard_swap(old_id, take_id);
    }
    for (int note = 0; note < pads_max; ++note)
        if (score_.pads[static_cast<size_t>(note)].take_id == take_id) tell_pad(note);
    for (auto& [id, place] : score_.places)
        if (place.take_id == take_id) tell_place(place);
}

void Keeper::let_go(Clip* clip) {
    Command command;
    command.kind = Command::drop;
    command.clip = clip;
    tell(command);
}

void Keeper::forget_clips() {
    player_.forget_all();
    Report report;
    while (player_.reports.pop(report)) {}
    while (player_.returns.pop(report)) {}
    outbox_.clear();
    behind_ = false;
    clips_.clear();
    leaving_.clear();
    missing_ms_.clear();
    clip_bytes_ = 0;
    for (auto at = score_.places.begin(); at != score_.places.end();) {
        if (at->second.slot >= 0) free_slots_.push_back(at->second.slot);
        at->second.slot = -1;
        at->second.told = false;
        at = at->second.kept ? std::next(at) : score_.places.erase(at);
    }
}

void Keeper::tell_pad(int note) {
    const PadEntry& pad = score_.pads[static_cast<size_t>(note)];
    Command command;
    command.kind = Command::pad;
    command.slot = note;
    command.clip = pad.take_id.empty() ? nullptr : clip(pad.take_id);
    command.value = pad.quantum_beats;
    command.soft_db = pad.soft_db;
    command.hard_db = pad.hard_db;
    command.loop = pad.loop;
    tell(command);
}

void Keeper::tell_place(PlaceEntry& place) {
    Clip* const with = clip(place.take_id);
    if (!with) return;  // until its clip comes; what lay there before goes on
    if (place.slot < 0) {
        if (free_slots_.empty()) return;
        place.slot = free_slots_.back();
        free_slots_.pop_back();
    }
    place.serial = ++serial_;  // so that the end of what it was before is not taken for its own
    place.told = true;
    Command command;
    command.kind = Command::place;
    command.slot = place.slot;
    command.serial = place.serial;
    command.clip = with;
    command.beat = place.beat;
    command.until_beat = place.until_beat;
    command.gain = place.gain;
    command.loop = place.loop;
    command.kept = place.kept;
    command.continues = place.continues;
    tell(command);
}

void Keeper::remove_place(std::map<int64_t, PlaceEntry>::iterator at) {
    if (at->second.slot >= 0) {
        Command command;
        command.kind = Command::unplace;
        command.slot = at->second.slot;
        tell(command);
        free_slots_.push_back(at->second.slot);
    }
    score_.places.erase(at);
}

// The whole score: at the start, and after the host has put another in its place.
void Keeper::tell_all() {
    if (recalled_) {
        for (auto at = score_.places.begin(); at != score_.places.end();) {
            const auto here = at++;
            if (here->first < 0) remove_place(here);
        }
        for (int note = 0; note < pads_max; ++note) tell_pad(note);
        for (auto& [id, place] : score_.places) tell_place(place);
        missing_ms_.clear();
        asked_.clear();
        if (!score_.title.empty()) sheet_complete_ = sheet_complete_ && score_.title == bridge_title_;
        recalled_ = false;
    }
    for (int note = 0; note < pads_max; ++note)
        if (clip(score_.pads[static_cast<size_t>(note)].take_id)) tell_pad(note);
    for (auto& [id, place] : score_.places)
        if (!place.told) tell_place(place);
}

bool Keeper::named(const std::string& take_id) const {
    for (const PadEntry& pad : score_.pads)
        if (pad.take_id == take_id) return true;
    for (const auto& [id, place] : score_.places)
        if (place.take_id == take_id) return true;
    return false;
}

void Keeper::tell(const Command& command) {
    outbox_.push_back(command);
    behind_ = behind_ || outbox_.size() > outbox_max;
}

// A host that has not come for all that for so long hears nothing of how it came to be: only how it stands now.
void Keeper::tell_anew() {
    std::deque<Command> drops;
    for (const Command& command : outbox_)
        if (command.kind == Command::drop) drops.push_back(command);
    Command command;
    command.kind = Command::forget;
    drops.push_front(command);
    outbox_ = std::move(drops);
    for (auto& [id, place] : score_.places) place.told = false;
    tell_all();
    behind_ = false;
}

void Keeper::flush() {
    if (behind_) tell_anew();
    while (!outbox_.empty() && player_.commands.push(outbox_.front())) outbox_.pop_front();
}

}  // namespace upbeat
