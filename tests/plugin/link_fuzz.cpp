// The link and its player with a bridge that says anything at all, under AddressSanitizer and UBSan. Every number comes out
// of the seed; what threads do meanwhile does not.
//
//   link_fuzz SEED SECONDS      prints what was said and heard, as JSON
#include <zmq.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "link.hpp"

using namespace upbeat;

// libzmq 4.3.4 itself now and then keeps the last buffer (18160 bytes) of a socket that is closed while messages flow to it:
// so does a program of a DEALER and a ROUTER without a line of ours. All else that is not freed is ours, and ends the run.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libzmq.so"; }

static std::mt19937 rng;
static int below(int count) { return static_cast<int>(rng() % static_cast<unsigned>(count)); }
static bool one_in(int count) { return below(count) == 0; }

static std::string take() { return "take " + std::to_string(below(one_in(10) ? 3000 : 12)); }

static std::string text() {
    const std::string some[] = {"", std::string(100000, 'x'), "a\tb", "line\nline", "\xff\xfe\x80", "a set", take(), take()};
    return some[below(8)];
}
static double real() {
    const double some[] = {0,    -1,   1,      4,     1e-310, 1e300, -1e300, 1e18, -1e18, NAN, INFINITY, -INFINITY,
                           0.25, 1e6,  -1e6,   1024,  1.0 / 1024, 60};
    return one_in(3) ? some[below(18)] : below(4000) / 250.0 - 2;
}
static int32_t whole() {
    const int32_t some[] = {0, 1, -1, 127, 128, 4095, 4096, INT32_MAX, INT32_MIN, 64};
    return one_in(3) ? some[below(10)] : below(140);
}
static int64_t huge() {
    const int64_t some[] = {0, -1, INT64_MAX, INT64_MIN, 4096, int64_t{1} << 33};
    return one_in(6) ? some[below(6)] : below(6000);
}

static std::string flawed(std::string bytes) {
    if (one_in(2) && !bytes.empty()) bytes.resize(static_cast<size_t>(below(static_cast<int>(bytes.size()))));
    for (int k = below(4); k > 0 && !bytes.empty(); --k) bytes[rng() % bytes.size()] = static_cast<char>(rng());
    return bytes;
}

// Any message, its audio in `audio`.
static std::string message(std::string& audio) {
    using namespace routes;
    switch (below(12)) {
        case 0:
        case 1:
        case 2: {
            const int64_t frames = one_in(8) ? huge() : 1 + below(3000), tail = one_in(8) ? huge() : below(2000);
            const int channels = one_in(8) ? whole() : 1 + below(2);
            const int64_t bytes = frames > 0 && frames < 100000 && tail >= 0 && tail < 100000 && channels > 0 && channels < 9
                                      ? (frames + tail) * channels * 4 : below(1000);
            audio.resize(static_cast<size_t>(one_in(10) ? below(5000) : bytes));
            for (size_t k = 0; k + 4 <= audio.size(); k += 4) {
                const float value = one_in(50) ? static_cast<float>(real()) : static_cast<float>(below(200) - 100) / 100.0f;
                std::memcpy(&audio[k], &value, 4);
            }
            OscWriter out(clip.address, "sssh" "shsisisdsdsd" + std::string(one_in(2) ? "sT" : "sF") + (one_in(2) ? "sT" : "sF"));
            return out.s("take_id").s(take()).s("frames").h(frames).s("tail_frames").h(tail).s("channels").i(channels)
                .s("sample_rate_hz").i(one_in(10) ? whole() : 48000).s("gain").d(one_in(5) ? real() : 0.5)
                .s("length_beats").d(real()).s("tempo_bpm").d(one_in(5) ? real() : 120).s("loop").s("sustained").bytes();
        }
        case 3: return OscWriter(pad.address, pad.tags).i(whole()).s(one_in(9) ? text() : take()).d(real()).i(below(3)).d(real()).d(real()).bytes();
        case 4:
        case 5:
        case 6:
            return OscWriter(place.address, place.tags).h(huge()).s(one_in(9) ? text() : take()).d(real()).i(below(2))
                .d(real()).i(below(3)).d(real()).bytes();
        case 7: return OscWriter(unplace.address, unplace.tags).h(huge()).bytes();
        case 8: return OscWriter(swap.address, swap.tags).s(take()).s(take()).bytes();
        case 9: return OscWriter(drop.address, drop.tags).s(take()).bytes();
        case 10:
            if (one_in(2)) return OscWriter(stop.address, stop.tags).d(real()).bytes();
            return OscWriter(sheet.address, sheet.tags).h(huge()).i(whole()).i(below(2)).bytes();
        default: {
            const char* const reasons[] = {"no-hello", "missing", "full", "version", "slot"};
            if (one_in(2)) return OscWriter(refused.address, refused.tags).s(take()).s(reasons[below(5)]).s(text()).bytes();
            return OscWriter(hello_reply.address, hello_reply.tags).i(whole()).s(one_in(4) ? text() : "a set").s("a").bytes();
        }
    }
}

static std::string garbage(const std::string& saved) {
    if (one_in(3)) return flawed(saved);
    std::string lines;
    for (int k = below(40); k > 0; --k) {
        const std::string words[] = {"pad", "place", "set", "upbeat", "", "1e999", "-1", "99999999999999999999", "nan", "inf", "1e300",
                                     take(), std::to_string(below(200)), std::to_string(real()), text()};
        for (int j = below(8); j > 0; --j) lines += words[below(15)] + (one_in(6) ? " " : "\t");
        lines += '\n';
    }
    return lines;
}

static std::atomic<bool> done{false};
static std::atomic<bool> runs{false};
static std::atomic<long> blocks{0};

static void play(Player* player, unsigned seed) {
    std::mt19937 own(seed);
    std::vector<float> left(8192), right(8192);
    BlockTime time;
    time.known = true;
    while (!done) {
        if (!runs) {
            std::this_thread::yield();
            continue;
        }
        const int frames = own() % 9 ? 64 : static_cast<int>(own() % 8192);
        std::fill(left.begin(), left.end(), 0.0f);
        std::fill(right.begin(), right.end(), 0.0f);
        if (own() % 40 == 0) time.beat = static_cast<double>(own() % 32) - 4;
        if (own() % 60 == 0) time.playing = !time.playing;
        if (own() % 50 == 0) time.tempo_bpm = 20 + own() % 900;
        if (own() % 100 == 0) player->set_mode(static_cast<Mode>(own() % 4));
        NoteOn notes[3] = {};
        for (NoteOn& note : notes) {
            note.frame = static_cast<int>(own() % 9000) - 200;
            note.note = static_cast<int>(own() % 140);
            note.velocity = 100;
        }
        player->take_commands(frames);
        player->process(time, notes, static_cast<int>(own() % 4), left.data(), right.data(), frames, 0.5f, 0, false);
        for (int k = 0; k < frames; ++k)
            if (!std::isfinite(left[static_cast<size_t>(k)]) || !std::isfinite(right[static_cast<size_t>(k)])) {
                std::fprintf(stderr, "sounds %g\n", static_cast<double>(left[static_cast<size_t>(k)]));
                std::abort();
            }
        if (time.playing) time.beat += frames * time.tempo_bpm / 60 / 48000;
        ++blocks;
        if (own() % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

int main(int, char** words) {
    const auto seed = static_cast<unsigned>(std::atoi(words[1]));
    const double seconds = std::atof(words[2]);
    rng.seed(seed);
    void* context = zmq_ctx_new();
    void* router = zmq_socket(context, ZMQ_ROUTER);
    const int none = 0;
    zmq_setsockopt(router, ZMQ_LINGER, &none, sizeof none);
    zmq_bind(router, "tcp://127.0.0.1:*");
    char endpoint[64];
    size_t length = sizeof endpoint;
    zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &length);
    setenv("UPBEAT_PLUGIN_ENDPOINT", endpoint, 1);

    auto player = std::make_unique<Player>();
    player->reset(48000);
    auto link = std::make_unique<Link>(*player, "instrument");
    link->start(48000);
    runs = true;
    std::thread audio(play, player.get(), seed);
    long said = 0, heard = 0;
    std::string identity;
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
        char buffer[4096];
        for (;;) {
            const int size = zmq_recv(router, buffer, sizeof buffer, ZMQ_DONTWAIT);
            if (size < 0) break;
            int more = 0;
            size_t width = sizeof more;
            zmq_getsockopt(router, ZMQ_RCVMORE, &more, &width);
            if (more) identity.assign(buffer, static_cast<size_t>(size));
            else ++heard;
        }
        for (int k = 0; k < 40 && !identity.empty(); ++k) {
            std::string audio_bytes, packet = message(audio_bytes);
            if (one_in(5)) packet = flawed(packet);
            zmq_send(router, identity.data(), identity.size(), ZMQ_SNDMORE);
            const bool second = !audio_bytes.empty() || one_in(20), third = second && one_in(50);
            zmq_send(router, packet.data(), packet.size(), second ? ZMQ_SNDMORE : 0);
            if (second) zmq_send(router, audio_bytes.data(), audio_bytes.size(), third ? ZMQ_SNDMORE : 0);
            if (third) zmq_send(router, "", 0, 0);
            ++said;
        }
        const std::string saved = link->saved();
        if (Score::from_text(saved).text() != saved) {
            std::fprintf(stderr, "saved what cannot be read back:\n%s\nis read as\n%s\n", saved.c_str(), Score::from_text(saved).text().c_str());
            std::abort();
        }
        if (one_in(20)) link->recall(garbage(saved));
        if (one_in(60)) link->set_instance(one_in(2) ? text() : "0123456789abcdef");
        if (one_in(30)) link->set_frozen(one_in(2));
        if (one_in(30)) link->set_slot(1 + below(64));
        if (one_in(100)) runs = !runs;
        if (one_in(150)) {  // deactivated, and activated at this or another rate
            done = true;
            audio.join();
            player->reset(48000);
            link->stop();
            link->start(one_in(3) ? 44100 : 48000);
            done = false;
            runs = true;
            identity.clear();
            audio = std::thread(play, player.get(), rng());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    done = true;
    audio.join();
    link.reset();
    player.reset();
    zmq_close(router);
    zmq_ctx_term(context);
    std::printf("{\"said\": %ld, \"heard\": %ld, \"blocks\": %ld}\n", said, heard, blocks.load());
    return 0;
}
