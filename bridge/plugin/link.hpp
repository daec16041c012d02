// The network side of one instance: a thread from activate to deactivate that talks with the bridge over ZeroMQ, and has the
// keeper keep what comes of it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "keeper.hpp"
#include "osc.hpp"
#include "player.hpp"
#include "routes.hpp"

namespace upbeat {

struct Socket;
enum class Status { away, connecting, ready, takes_missing, refused, empty_slot };

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
    void run();
    void open();
    void say_hello();
    void hear_socket();
    void hear_reports();
    bool take_turn();  // false: the instance has another name now
    bool send(const OscWriter& message);
    void say_knobs(bool anew);

    void heard(OscReader& message, const void* audio, size_t audio_bytes);

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

    mutable std::mutex mutex_;  // of the keeper's score and the instance id, which hosts read and write
    Keeper keeper_;
    std::string instance_;
    bool renamed_ = false;

    // The network thread's own, or the host's while there is none.
    int hello_slot_ = 0;
    std::array<float, std::size(routes::knobs)> said_knobs_{};
    bool welcome_ = false;
    bool refused_ = false;
    bool empty_slot_ = false;  // the set has fewer tracks
    int nonce_ = 0;
    int64_t said_ms_ = 0, heard_ms_ = 0, hello_ms_ = 0, look_ms_ = 0;
    Report time_;
    bool time_due_ = false;
};

}  // namespace upbeat
