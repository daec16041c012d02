// Keeps the score and its clips, and has the player play them as the bridge, or the project, says. No thread and no socket:
// who calls it sees to it that one does at a time. Nothing here is touched by the audio thread but the player's rings.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "osc.hpp"
#include "player.hpp"
#include "score.hpp"

namespace upbeat {

class Keeper {
public:
    explicit Keeper(Player& player);

    // While there is neither a network nor an audio thread. A clip of another rate than this is asked for anew.
    void set_rate(int sample_rate_hz);
    void forget_clips();
    int rate_hz() const { return sample_rate_hz_; }

    const Score& score() const { return score_; }
    // The host has another score in its place; `tell_all` makes it so.
    void recall(Score score);
    bool is_recalled() const { return recalled_; }
    // As saved: what the bridge would lay stays out.
    void freeze(bool frozen) { frozen_ = frozen; }

    // The connection: hello was said; it was answered; a message came; a take cannot be had.
    void greet(int64_t now_ms);
    void welcome(const std::string& title);
    void heard(std::string_view address, OscReader& message, const void* audio, size_t audio_bytes);
    void give_up(const std::string& take_id) { asked_.insert(take_id); }

    // Look whether all is here; whether a take is missing.
    bool look();
    // Which takes to ask for, each once on a connection.
    std::vector<std::string> wanted(int64_t now_ms);
    // The sheet and its takes are here, and in the player's ring.
    bool is_complete() const { return all_here_ && outbox_.empty(); }

    // The player: the whole score; as much of all that as its ring holds; what it gives back.
    void tell_all();
    void flush();
    void take_back(const Report& report);

private:
    void heard_clip(OscReader& message, const void* audio, size_t audio_bytes);
    void heard_pad(OscReader& message);
    void heard_place(OscReader& message);
    void heard_sheet(OscReader& message);
    void heard_swap(const std::string& old_id, const std::string& new_id);

    Clip* clip(const std::string& take_id);
    void keep(std::unique_ptr<Clip> clip);
    void let_go(Clip* clip);
    void tell_pad(int note);
    void tell_place(PlaceEntry& place);
    void remove_place(std::map<int64_t, PlaceEntry>::iterator at);
    void tell_anew();
    void swap_in_score(const std::string& old_id, const std::string& new_id);
    bool named(const std::string& take_id) const;
    void tell(const Command& command);

    Player& player_;
    Score score_;
    bool recalled_ = false;
    bool frozen_ = false;
    int sample_rate_hz_ = 0;
    std::string bridge_title_;  // of the set that the bridge plays
    bool sheet_complete_ = false;
    int sheet_entries_ = 0;
    bool all_here_ = false;
    int64_t hello_ms_ = 0;
    int64_t clip_bytes_ = 0;
    std::map<std::string, std::unique_ptr<Clip>> clips_;
    std::vector<std::unique_ptr<Clip>> leaving_;          // the player may still use them
    std::map<std::string, int64_t> missing_ms_;           // since when a take is missed
    std::set<std::string> asked_;                         // on this connection
    std::map<std::string, std::string> swaps_;            // that wait for their clip
    int64_t serial_ = 0;
    std::vector<int> free_slots_;
    bool behind_ = false;
    std::deque<Command> outbox_;                          // what found the player's ring full
};

}  // namespace upbeat
