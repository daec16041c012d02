#include "link.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>

#include "socket.hpp"

namespace upbeat {

namespace {

constexpr int turn_ms = 5;              // how long a turn of the thread waits at most; stop() waits as long
constexpr int lost_after_ms = 3000;     // without a word from the bridge
constexpr int alive_every_ms = 1000;

int64_t steady_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Link::Link(Player& player, const char* kind) : player_(player), kind_(kind), keeper_(player), instance_(random_hex(16)) {
    for (size_t k = 0; k < knobs_.size(); ++k) knobs_[k] = said_knobs_[k] = routes::knobs[k].neutral;
}

Link::~Link() {
    stop();
    keeper_.forget_clips();
}

void Link::start(int sample_rate_hz) {
    stop();
    {
        const std::lock_guard lock(mutex_);
        keeper_.set_rate(sample_rate_hz);
    }
    closing_ = false;
    thread_ = std::thread([this] { run(); });
}

void Link::stop() {
    if (!thread_.joinable()) return;
    closing_ = true;
    thread_.join();
    const std::lock_guard lock(mutex_);
    hear_reports();  // what the player has given back until now
    connected_ = complete_ = false;
    status_ = Status::away;
}

std::string Link::instance() const {
    const std::lock_guard lock(mutex_);
    return instance_;
}

void Link::set_instance(const std::string& text) {
    if (text.empty() || text.size() > routes::name_characters_max) return;
    for (const char letter : text)
        if (!std::isxdigit(static_cast<unsigned char>(letter))) return;
    const std::lock_guard lock(mutex_);
    renamed_ = renamed_ || instance_ != text;
    instance_ = text;
}

std::string Link::saved() const {
    const std::lock_guard lock(mutex_);
    return keeper_.score().text();
}

void Link::recall(const std::string& text) {
    Score score = Score::from_text(text);
    const std::lock_guard lock(mutex_);
    keeper_.recall(std::move(score));
}

// ---- the thread

void Link::run() {
    open();
    while (!closing_) {
        zmq_pollitem_t items[] = {{socket_->dealer, -1, ZMQ_POLLIN, 0}, {socket_->monitor, -1, ZMQ_POLLIN, 0}};
        if (zmq_poll(items, 2, turn_ms) < 0) std::this_thread::sleep_for(std::chrono::milliseconds(turn_ms));
        if (!take_turn()) open();  // under its new name
    }
    socket_.reset();
    welcome_ = false;
}

void Link::open() {
    std::string identity;
    {
        const std::lock_guard lock(mutex_);
        identity = instance_ + "/" + random_hex(8);
        renamed_ = false;
        keeper_.tell_all();  // what was loaded before goes on without a bridge
    }
    socket_ = std::make_unique<Socket>(identity);
    connected_ = welcome_ = refused_ = false;
    status_ = Status::connecting;
    hello_slot_ = 0;
    look_ms_ = steady_ms();
}

bool Link::take_turn() {
    const std::lock_guard lock(mutex_);
    while (const int event = socket_->event()) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) say_hello();
        if (event == ZMQ_EVENT_DISCONNECTED) connected_ = welcome_ = false;
    }
    const bool thaws = was_frozen_ && !frozen_;
    was_frozen_ = frozen_;
    keeper_.freeze(was_frozen_);
    // The bridge takes what it has sent to be here: where that was put aside, or another score put there, it sends anew.
    if (connected_ && (keeper_.is_recalled() || thaws)) say_hello();
    if (keeper_.is_recalled()) keeper_.tell_all();
    hear_socket();
    say_knobs(false);
    hear_reports();
    const int64_t now = steady_ms();
    if (connected_) {
        if (hello_slot_ != slot_.load(std::memory_order_relaxed)) say_hello();
        if (time_due_ && welcome_) {
            using namespace std::chrono;
            const int64_t clock_ns = duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
            const double age_s = std::clamp(static_cast<double>(clock_ns - time_.clock_ns) * 1e-9, 0.0, 60.0);
            send(OscWriter(routes::time.address, routes::time.tags)
                     .d(time_.beat).d(time_.tempo_bpm).i(time_.playing).d(time_.beats_per_bar).d(age_s)
                     .h(time_.frame).i(time_.epoch).i(time_.offline));
        }
        time_due_ = false;
        if (now - said_ms_ >= alive_every_ms) send(OscWriter(routes::alive.address, routes::alive.tags).i(++nonce_));
        if (now - said_ms_ >= alive_every_ms) said_ms_ = now;
    }
    const bool silent = now - heard_ms_ > lost_after_ms;
    if (now - look_ms_ >= 50) {
        look_ms_ = now;
        if (connected_ && welcome_ && !silent)
            for (const std::string& take_id : keeper_.wanted(now))
                send(OscWriter(routes::want.address, routes::want.tags).s(take_id));
        const bool missing = keeper_.look();
        if (refused_) status_ = Status::refused;
        else if (!connected_) status_ = Status::away;
        else if (silent && !welcome_) status_ = Status::connecting;
        else if (silent) status_ = Status::away;
        else if (!welcome_) status_ = Status::connecting;
        else status_ = empty_slot_ ? Status::empty_slot : missing ? Status::takes_missing : Status::ready;
    }
    keeper_.flush();
    complete_.store(welcome_ && keeper_.is_complete(), std::memory_order_release);
    return !renamed_;
}

void Link::say_hello() {
    connected_ = true;
    welcome_ = refused_ = false;
    hello_slot_ = slot_.load(std::memory_order_relaxed);
    said_ms_ = heard_ms_ = hello_ms_ = steady_ms();
    keeper_.greet(hello_ms_);
    send(OscWriter(routes::hello.address, routes::hello.tags)
             .i(routes::version).s(instance_).s(kind_).i(hello_slot_).i(keeper_.rate_hz()));
}

// What the project or the host has turned. A bridge that was begun anew has all at neutral; what is there already in a
// bridge that OSC or MIDI turned, no host that was never touched undoes.
void Link::say_knobs(bool anew) {
    if (!welcome_ || !socket_) return;
    for (size_t k = 0; k < knobs_.size(); ++k) {
        const routes::Knob& knob = routes::knobs[k];
        const float value = knobs_[k].load(std::memory_order_relaxed);
        const bool neutral = std::abs(value - knob.neutral) <= 1e-4f * (knob.high - knob.low);  // a host's 0 to 1 is rough
        const bool turned = value != said_knobs_[k] && !(neutral && said_knobs_[k] == knob.neutral);
        if (!turned && !(anew && !neutral)) continue;
        const float place = neutral ? knob.neutral : value;
        if (send(OscWriter(routes::turn.address, routes::turn.tags).s(knob.name).f(place))) said_knobs_[k] = place;
    }
}

bool Link::send(const OscWriter& message) {
    // A full queue loses what is said: time comes again, and a take that was asked for in vain is asked for again.
    return zmq_send(socket_->dealer, message.bytes().data(), message.bytes().size(), ZMQ_DONTWAIT) >= 0;
}

void Link::hear_socket() {
    for (int taken = 0; taken < 256; ++taken) {
        zmq_msg_t first, second;
        zmq_msg_init(&first);
        zmq_msg_init(&second);
        const bool any = zmq_msg_recv(&first, socket_->dealer, ZMQ_DONTWAIT) >= 0;
        if (any && zmq_msg_more(&first)) zmq_msg_recv(&second, socket_->dealer, ZMQ_DONTWAIT);
        if (any) {
            OscReader message(zmq_msg_data(&first), zmq_msg_size(&first));
            if (message.good) heard(message, zmq_msg_data(&second), zmq_msg_size(&second));
        }
        while (any && zmq_msg_more(&second) && zmq_msg_recv(&second, socket_->dealer, ZMQ_DONTWAIT) >= 0) {}
        zmq_msg_close(&first);
        zmq_msg_close(&second);
        if (!any) return;
    }
}

void Link::hear_reports() {
    std::vector<Report> come_back;  // taken out first and looked at last, as a report from before may name the clip
    Report report;
    while (player_.returns.pop(report)) come_back.push_back(report);
    while (player_.reports.pop(report)) {
        if (report.kind == Report::note || report.kind == Report::turn) say_knobs(false);  // what was turned before it
        switch (report.kind) {
            case Report::time:
                time_ = report;
                time_due_ = true;
                break;
            case Report::note:
                if (welcome_ && socket_)
                    send(OscWriter(routes::note.address, routes::note.tags)
                             .i(report.note_number).i(report.velocity).i(report.channel).i(report.played));
                break;
            case Report::turn: {
                if (!welcome_ || !socket_) break;
                const char* what = report.slot == fire_turn ? "fire" : "panic";
                send(OscWriter(routes::turn.address, routes::turn.tags).s(what).f(static_cast<float>(report.value)));
                break;
            }
            case Report::launched:
                if (welcome_ && socket_)
                    send(OscWriter(routes::launched.address, routes::launched.tags)
                             .s(report.clip->take_id).d(report.beat).i(report.error_frames));
                break;
            case Report::finished:
            case Report::unused: break;  // these come back by themselves
        }
    }
    for (const Report& back : come_back) keeper_.take_back(back);
}

// ---- what the bridge says

void Link::heard(OscReader& message, const void* audio, size_t audio_bytes) {
    heard_ms_ = steady_ms();
    const std::string_view address = message.address;
    if (address == routes::hello_reply.address) {
        message.i();
        welcome_ = true;
        refused_ = false;
        say_knobs(true);
        const std::string title(message.s());
        empty_slot_ = message.s().empty();
        keeper_.welcome(title);
    } else if (address == routes::refused.address) {
        const std::string what(message.s()), reason(message.s());
        if (reason == "version" || reason == "full") refused_ = true;
        if (reason == "no-hello" && steady_ms() - hello_ms_ > 200) say_hello();
        if (reason == "missing") keeper_.give_up(what);
    } else {
        keeper_.heard(address, message, audio, audio_bytes);
    }
}

}  // namespace upbeat
