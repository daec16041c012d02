#include "link.hpp"

#include <zmq.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>

#include "routes.hpp"

namespace upbeat {

namespace {

constexpr int turn_ms = 5;              // how long a turn of the thread waits at most; stop() waits as long
constexpr int lost_after_ms = 3000;     // without a word from the bridge
constexpr int alive_every_ms = 1000;
constexpr int ask_after_ms = 2000;      // a take that was named and has not come is asked for
constexpr size_t clips_max = 2048;
constexpr int64_t clip_bytes_max = int64_t{2} << 30;
constexpr size_t outbox_max = 16384;    // more than a whole score

int64_t steady_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::string random_hex(int digits) {
    static const char* const hex = "0123456789abcdef";
    std::random_device random;
    std::string text;
    for (int k = 0; k < digits; ++k) text.push_back(hex[random() % 16]);
    return text;
}

// One context for all instances of the process, for as long as there is one; each context has threads of its own.
std::shared_ptr<void> shared_context() {
    static std::mutex mutex;
    static std::weak_ptr<void> last;
    const std::lock_guard lock(mutex);
    std::shared_ptr<void> context = last.lock();
    if (!context) {
        context = std::shared_ptr<void>(zmq_ctx_new(), zmq_ctx_term);
        last = context;
    }
    return context;
}

std::string endpoint() {
    if (const char* given = std::getenv("UPBEAT_PLUGIN_ENDPOINT"); given && *given) return given;
    return "tcp://127.0.0.1:" + std::to_string(routes::port);
}

uint32_t rank_of(const std::string& text) {
    uint32_t rank = 2166136261u;
    for (const char letter : text) rank = (rank ^ static_cast<uint8_t>(letter)) * 16777619u;
    return rank;
}

}  // namespace

struct Link::Socket {
    std::shared_ptr<void> context = shared_context();
    void* dealer = nullptr;
    void* monitor = nullptr;

    explicit Socket(const std::string& identity) {
        dealer = zmq_socket(context.get(), ZMQ_DEALER);
        if (!dealer) return;
        zmq_setsockopt(dealer, ZMQ_ROUTING_ID, identity.data(), identity.size());
        set(ZMQ_HEARTBEAT_IVL, 500);
        set(ZMQ_HEARTBEAT_TIMEOUT, 1500);
        set(ZMQ_HEARTBEAT_TTL, 2000);
        set(ZMQ_IMMEDIATE, 1);
        set(ZMQ_LINGER, 100);
        set(ZMQ_RECONNECT_IVL, 50);
        set(ZMQ_RECONNECT_IVL_MAX, 500);
        set(ZMQ_SNDHWM, 1000);
        set(ZMQ_RCVHWM, 1000);
        const int64_t largest = routes::audio_bytes_max;
        zmq_setsockopt(dealer, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
        const std::string name = "inproc://upbeat-" + random_hex(16);
        zmq_socket_monitor(dealer, name.c_str(), ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
        monitor = zmq_socket(context.get(), ZMQ_PAIR);
        const int none = 0;
        zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof none);
        zmq_connect(monitor, name.c_str());
        zmq_connect(dealer, endpoint().c_str());
    }
    ~Socket() {
        if (dealer) zmq_socket_monitor(dealer, nullptr, 0);
        if (monitor) zmq_close(monitor);
        if (dealer) zmq_close(dealer);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void set(int option, int value) { zmq_setsockopt(dealer, option, &value, sizeof value); }

    // The next event of the connection, or 0.
    int event() {
        int what = 0;
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, monitor, ZMQ_DONTWAIT) >= 2) {
            uint16_t number;
            std::memcpy(&number, zmq_msg_data(&frame), sizeof number);
            what = number;
        }
        while (zmq_msg_more(&frame) && zmq_msg_recv(&frame, monitor, ZMQ_DONTWAIT) >= 0) {}
        zmq_msg_close(&frame);
        return what;
    }
};

Link::Link(Player& player, const char* kind) : player_(player), kind_(kind), instance_(random_hex(16)) {
    for (int slot = places_max; slot-- > 0;) free_slots_.push_back(slot);
    for (size_t k = 0; k < knobs_.size(); ++k) knobs_[k] = said_knobs_[k] = routes::knobs[k].neutral;
}

Link::~Link() {
    stop();
    forget_clips();
}

void Link::start(int sample_rate_hz) {
    stop();
    if (sample_rate_hz != sample_rate_hz_ && sample_rate_hz_ != 0) forget_clips();
    sample_rate_hz_ = sample_rate_hz;
    closing_ = false;
    thread_ = std::thread([this] { run(); });
}

void Link::stop() {
    if (!thread_.joinable()) return;
    closing_ = true;
    thread_.join();
    const std::lock_guard lock(mutex_);
    hear_reports();  // what the player has given back until now
    connected_ = complete_ = all_here_ = false;
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
    return score_.text();
}

void Link::recall(const std::string& text) {
    Score score = Score::from_text(text);
    const std::lock_guard lock(mutex_);
    for (auto& [id, place] : score_.places)  // the player still has them: they are taken back by their slots
        if (place.slot >= 0) score.places.insert({-1 - place.slot, place});
    score_ = std::move(score);
    recalled_ = true;
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
        tell_all();  // what was loaded before goes on without a bridge
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
    // The bridge takes what it has sent to be here: where that was put aside, or another score put there, it sends anew.
    if (connected_ && (recalled_ || thaws)) say_hello();
    if (recalled_) tell_all();
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
        if (connected_ && welcome_ && !silent) ask_for_missing();
        bool missing = false;
        for (const std::string& take_id : score_.takes()) missing = missing || !clips_.count(take_id);
        int kept = 0;
        for (const auto& [id, place] : score_.places) kept += place.kept && place.fresh;
        all_here_ = !missing && sheet_complete_ && (kept >= sheet_entries_ || frozen_);
        if (refused_) status_ = Status::refused;
        else if (!connected_) status_ = Status::away;
        else if (silent && !welcome_) status_ = Status::connecting;
        else if (silent) status_ = Status::away;
        else if (!welcome_) status_ = Status::connecting;
        else status_ = missing ? Status::takes_missing : Status::ready;
    }
    if (behind_) tell_anew();
    flush();
    complete_.store(welcome_ && all_here_ && outbox_.empty(), std::memory_order_release);
    return !renamed_;
}

void Link::say_hello() {
    connected_ = true;
    welcome_ = refused_ = sheet_complete_ = all_here_ = false;
    asked_.clear();
    swaps_.clear();
    hello_slot_ = slot_.load(std::memory_order_relaxed);
    said_ms_ = heard_ms_ = hello_ms_ = steady_ms();
    send(OscWriter(routes::hello.address, routes::hello.tags)
             .i(routes::version).s(instance_).s(kind_).i(hello_slot_).i(sample_rate_hz_));
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
    for (const Report& back : come_back) hear_return(back);
}

void Link::hear_return(const Report& report) {
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

// ---- what the bridge says

void Link::heard(OscReader& message, const void* audio, size_t audio_bytes) {
    heard_ms_ = steady_ms();
    const std::string_view address = message.address;
    if (address == routes::hello_reply.address) {
        message.i();
        const std::string title = Score::one_line(std::string(message.s()));
        welcome_ = true;
        refused_ = false;
        say_knobs(true);
        if (frozen_) return;
        if (score_.title.empty()) score_.title = title;
        for (PadEntry& pad : score_.pads) pad.fresh = false;
        for (auto& [id, place] : score_.places) place.fresh = false;
        bridge_title_ = title;
    } else if (address == routes::refused.address) {
        const std::string what(message.s()), reason(message.s());
        if (reason == "version" || reason == "full") refused_ = true;
        if (reason == "no-hello" && steady_ms() - hello_ms_ > 200) say_hello();
        if (reason == "missing") asked_.insert(what);
    } else if (address == routes::clip.address) {
        heard_clip(message, audio, audio_bytes);
    } else if (address == routes::pad.address) {
        heard_pad(message);
    } else if (address == routes::place.address) {
        heard_place(message);
    } else if (address == routes::unplace.address) {
        const auto at = score_.places.find(message.h());
        if (message.good && at != score_.places.end()) remove_place(at);
    } else if (address == routes::swap.address) {
        const std::string old_id(message.s()), new_id(message.s());
        if (message.good) heard_swap(old_id, new_id);
    } else if (address == routes::drop.address) {
        const std::string take_id(message.s());
        if (const auto at = clips_.find(take_id); at != clips_.end() && !named(take_id)) {
            Clip* const gone = at->second.get();
            leaving_.push_back(std::move(at->second));
            clips_.erase(at);
            let_go(gone);
        }
    } else if (address == routes::stop.address) {
        Command command;
        command.kind = Command::stop;
        command.value = message.d();
        if (message.good && command.value >= 0.0 && command.value <= 60.0) tell(command);
    } else if (address == routes::sheet.address) {
        heard_sheet(message);
    }
}

void Link::heard_clip(OscReader& message, const void* audio, size_t audio_bytes) {
    auto clip = std::make_unique<Clip>();
    while (message.more()) {
        const std::string_view key = message.s();
        if (key == "take_id") clip->take_id = message.s();
        else if (key == "frames") clip->frames = message.h();
        else if (key == "tail_frames") clip->tail_frames = message.h();
        else if (key == "channels") clip->channels = message.i();
        else if (key == "sample_rate_hz") clip->sample_rate_hz = message.i();
        else if (key == "gain") clip->gain = message.d();
        else if (key == "length_beats") clip->length_beats = message.d();
        else if (key == "tempo_bpm") clip->tempo_bpm = message.d();
        else if (key == "loop") clip->loop = message.yes();
        else if (key == "sustained") clip->sustained = message.yes();
        else return;  // a key of another version
    }
    constexpr int64_t most = routes::audio_bytes_max / sizeof(float);
    if (!message.good || !Score::usable(clip->take_id) || clip->channels < 1 || clip->channels > 2) return;
    if (clip->frames < 1 || clip->tail_frames < 0 || clip->frames > most || clip->tail_frames > most) return;
    if (!(clip->gain >= 0.0 && clip->gain <= 1e4) || clip->sample_rate_hz != sample_rate_hz_) return;
    if (audio_bytes != static_cast<size_t>(clip->all_frames() * clip->channels) * sizeof(float)) return;
    if (!(clip->tempo_bpm >= 1.0 && clip->tempo_bpm <= routes::host_tempo_bpm_high)) clip->tempo_bpm = 120.0;
    if (!(clip->length_beats > 1.0 / 1024 && clip->length_beats <= routes::length_beats_max))
        clip->length_beats = static_cast<double>(clip->frames) * clip->tempo_bpm / 60.0 / sample_rate_hz_;
    if (clip->length_beats < 1.0 / 1024 || clip->length_beats > routes::length_beats_max) return;
    if (const auto at = clips_.find(clip->take_id); at != clips_.end()) {
        const Clip& had = *at->second;
        if (had.gain == clip->gain && had.loop == clip->loop && had.sustained == clip->sustained &&
            had.frames == clip->frames && had.tail_frames == clip->tail_frames && had.length_beats == clip->length_beats)
            return;
    }
    if (clips_.size() + leaving_.size() >= clips_max ||
        clip_bytes_ + static_cast<int64_t>(audio_bytes) > clip_bytes_max)
        return;
    clip->samples.resize(audio_bytes / sizeof(float));
    std::memcpy(clip->samples.data(), audio, audio_bytes);
    for (float& sample : clip->samples)
        if (!(sample >= -1e6f && sample <= 1e6f)) sample = 0.0f;  // not a number, or no sound
    clip->rank = rank_of(clip->take_id);
    keep(std::move(clip));
}

void Link::heard_pad(OscReader& message) {
    const int note = message.i();
    PadEntry pad;
    pad.take_id = message.s();
    pad.quantum_beats = message.d();
    pad.loop = message.i() != 0;
    if (message.more()) {
        pad.soft_db = message.d();
        pad.hard_db = message.d();
    }
    pad.fresh = true;
    if (!message.good || frozen_ || note < 0 || note >= pads_max) return;
    if (!pad.take_id.empty() && !Score::usable(pad.take_id)) return;
    if (!Score::is_quantum(pad.quantum_beats)) return;
    for (const double db : {pad.soft_db, pad.hard_db})
        if (!Score::is_gain(db)) return;
    score_.pads[static_cast<size_t>(note)] = pad;
    // Its last good take goes on until the new one has come.
    if (pad.take_id.empty() || clip(pad.take_id)) tell_pad(note);
}

void Link::heard_place(OscReader& message) {
    const int64_t id = message.h();
    PlaceEntry place;
    place.take_id = message.s();
    place.beat = message.d();
    place.loop = message.i() != 0;
    place.until_beat = message.d();
    const int kept = message.i();
    place.kept = kept != 0;
    place.continues = kept == 2 && place.loop;
    if (message.more()) place.gain = message.d();
    place.fresh = true;
    if (!message.good || id < 0 || !Score::usable(place.take_id)) return;
    if (!(place.gain >= 0.0 && place.gain <= routes::gain_max)) return;
    if (!Score::countable(place.beat) || !Score::countable(place.until_beat) || (frozen_ && place.kept)) return;
    if (const auto at = score_.places.find(id); at != score_.places.end()) {
        place.slot = at->second.slot;
        place.serial = at->second.serial;
        place.told = at->second.told;
    }
    if (place.slot < 0 && score_.places.size() >= places_max) return;
    tell_place(score_.places[id] = place);
}

// A sheet is opened, then come its placements, then it is complete: what did not come since is forgotten.
void Link::heard_sheet(OscReader& message) {
    message.h();
    const int entries = message.i();
    const bool complete = message.i() != 0;
    if (!message.good) return;
    sheet_entries_ = entries;
    sheet_complete_ = complete;
    if (frozen_) return;
    if (!complete) {
        for (auto& [id, place] : score_.places) place.fresh = false;
        return;
    }
    // Another set that has nothing for this track leaves the project what it saved.
    if (entries == 0 && score_.title != bridge_title_) return;
    if (score_.title != bridge_title_)
        for (int note = 0; note < pads_max; ++note)
            if (PadEntry& pad = score_.pads[static_cast<size_t>(note)]; !pad.fresh && !pad.take_id.empty()) {
                pad = PadEntry();
                tell_pad(note);
            }
    score_.title = bridge_title_;
    for (auto at = score_.places.begin(); at != score_.places.end();) {
        const auto here = at++;
        if (here->second.kept && !here->second.fresh) remove_place(here);
    }
}

void Link::heard_swap(const std::string& old_id, const std::string& new_id) {
    if (old_id == new_id || !Score::usable(new_id)) return;
    Clip* const with = clip(new_id);
    if (!with) {
        if (swaps_.size() < clips_max) swaps_[new_id] = old_id;
        return;
    }
    if (Clip* const old = clip(old_id)) {
        Command command;
        command.kind = Command::swap;
        command.clip = old;
        command.other = with;
        tell(command);
    }
    swap_in_score(old_id, new_id);
}

void Link::swap_in_score(const std::string& old_id, const std::string& new_id) {
    for (PadEntry& pad : score_.pads)
        if (pad.take_id == old_id) pad.take_id = new_id;
    for (auto& [id, place] : score_.places)
        if (place.take_id == old_id) place.take_id = new_id;
}

// ---- clips, and what the player knows of them

Clip* Link::clip(const std::string& take_id) {
    const auto at = clips_.find(take_id);
    return at == clips_.end() ? nullptr : at->second.get();
}

void Link::keep(std::unique_ptr<Clip> clip) {
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

void Link::let_go(Clip* clip) {
    Command command;
    command.kind = Command::drop;
    command.clip = clip;
    tell(command);
}

// Only while there is neither a network nor an audio thread.
void Link::forget_clips() {
    player_.forget_all();
    Report report;
    while (player_.reports.pop(report)) {}
    while (player_.returns.pop(report)) {}
    const std::lock_guard lock(mutex_);
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

void Link::tell_pad(int note) {
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

void Link::tell_place(PlaceEntry& place) {
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

void Link::remove_place(std::map<int64_t, PlaceEntry>::iterator at) {
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
void Link::tell_all() {
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

bool Link::named(const std::string& take_id) const {
    for (const PadEntry& pad : score_.pads)
        if (pad.take_id == take_id) return true;
    for (const auto& [id, place] : score_.places)
        if (place.take_id == take_id) return true;
    return false;
}

void Link::ask_for_missing() {
    const int64_t now = steady_ms();
    for (const std::string& take_id : score_.takes()) {
        if (clips_.count(take_id) || asked_.count(take_id)) continue;
        const auto [since, first] = missing_ms_.insert({take_id, now});
        const bool saved = now - hello_ms_ > 300 && since->second <= hello_ms_ + 300;  // named before the bridge spoke
        if (!saved && now - since->second < ask_after_ms) continue;
        asked_.insert(take_id);
        send(OscWriter(routes::want.address, routes::want.tags).s(take_id));
    }
}

void Link::tell(const Command& command) {
    outbox_.push_back(command);
    behind_ = behind_ || outbox_.size() > outbox_max;
}

// A host that has not come for all that for so long hears nothing of how it came to be: only how it stands now.
void Link::tell_anew() {
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

void Link::flush() {
    while (!outbox_.empty() && player_.commands.push(outbox_.front())) outbox_.pop_front();
}

}  // namespace upbeat
