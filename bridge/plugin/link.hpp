// The network side of one instance: a thread from activate to deactivate that talks with the bridge over ZeroMQ, keeps
// the clips, and tells the player what to play. Nothing here is ever touched by the audio thread but the player's rings.
#pragma once

#include <array>
#include <atomic>
#include <cctype>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "osc.hpp"
#include "player.hpp"
#include "routes.hpp"
#include "score.hpp"

namespace upbeat {

enum class Status { away, connecting, ready, takes_missing, refused };

class Link {
public:
    Link(Player& player, const char* kind);  // kind: "instrument" or "effect"
    ~Link();

    // Host thread. A clip of another rate than this is asked for anew.
    void start(int sample_rate_hz);
    // Host thread. Within 300 ms.
    void stop();

    // Any thread but the audio thread.
    std::string instance() const;
    void set_instance(const std::string& text);
    std::string saved() const;
    void recall(const std::string& text);

    // Any thread.
    Status status() const { return status_.load(std::memory_order_relaxed); }
    void set_slot(int slot) { slot_.store(slot, std::memory_order_relaxed); }
    // Where a knob stands (routes::knobs). The bridge hears its newest place, and after each hello all that are not neutral.
    void set_knob(int which, float value) { knobs_[static_cast<size_t>(which)].store(value, std::memory_order_relaxed); }
    void set_frozen(bool frozen) { frozen_.store(frozen, std::memory_order_relaxed); }
    // Whether the sheet and all its takes are here, and in the player's ring.
    bool complete() const { return complete_.load(std::memory_order_acquire); }
    // Whether waiting may help: a bridge is there, or was looked for only shortly.
    bool connected() const { return connected_.load(std::memory_order_relaxed); }

private:
    struct Socket;
    void run();
    void open();
    void say_hello();
    void hear_socket();
    void hear_reports();
    void hear_return(const Report& report);
    bool take_turn();  // false: the instance has another name now
    bool send(const OscWriter& message);
    void say_knobs(bool anew);

    void heard(OscReader& message, const void* audio, size_t audio_bytes);
    void heard_clip(OscReader& message, const void* audio, size_t audio_bytes);
    void heard_pad(OscReader& message);
    void heard_place(OscReader& message);
    void heard_sheet(OscReader& message);
    void heard_swap(const std::string& old_id, const std::string& new_id);

    Clip* clip(const std::string& take_id);
    void keep(std::unique_ptr<Clip> clip);
    void let_go(Clip* clip);
    void forget_clips();
    void tell_pad(int note);
    void tell_place(PlaceEntry& place);
    void remove_place(std::map<int64_t, PlaceEntry>::iterator at);
    void tell_all();
    void tell_anew();
    void swap_in_score(const std::string& old_id, const std::string& new_id);
    void ask_for_missing();
    bool named(const std::string& take_id) const;
    void tell(const Command& command);
    void flush();

    Player& player_;
    const char* kind_;
    std::unique_ptr<Socket> socket_;
    std::thread thread_;
    bool was_frozen_ = false;
    std::atomic<bool> closing_{false};
    std::atomic<bool> connected_{false};
    std::atomic<bool> complete_{false};
    std::atomic<bool> frozen_{false};
    std::atomic<int> slot_{1};
    std::atomic<Status> status_{Status::away};
    std::array<std::atomic<float>, std::size(routes::knobs)> knobs_;

    mutable std::mutex mutex_;  // of the score and the instance id, which hosts read and write
    std::string instance_;
    bool renamed_ = false;
    Score score_;
    bool recalled_ = false;  // the host has put another score in its place

    // The network thread's own, or the host's while there is none.
    int sample_rate_hz_ = 0;
    int hello_slot_ = 0;
    std::array<float, std::size(routes::knobs)> said_knobs_{};
    std::string bridge_title_;  // of the set that the bridge plays
    bool welcome_ = false;
    bool refused_ = false;
    bool sheet_complete_ = false;
    int sheet_entries_ = 0;
    bool all_here_ = false;
    int nonce_ = 0;
    int64_t said_ms_ = 0, heard_ms_ = 0, hello_ms_ = 0, look_ms_ = 0;
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
    Report time_;
    bool time_due_ = false;
};

}  // namespace upbeat
