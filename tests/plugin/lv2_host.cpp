// A small LV2 host for what no real host shows: it runs the real plug-in under traps, under ThreadSanitizer, and through
// thousands of activations. It is a stand-in; jalv and Ardour are the real ones.
//
//   lv2_host PLUGIN.so play SECONDS BLOCK    one instance on a transport at 97 BPM, in real time; a note each half second
//   lv2_host PLUGIN.so trap SECONDS BLOCK    the same, and run() may neither allocate, lock, nor call the system
//   lv2_host PLUGIN.so cycle TIMES           activate, run a block, deactivate
//   lv2_host PLUGIN.so caught WHAT           commit the fault itself: lock, allocate, or call the system
#include <dlfcn.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "lv2/atom-util.h"
#include "lv2/atom.h"
#include "lv2/buf-size.h"
#include "lv2/lv2.h"
#include "lv2/midi.h"
#include "lv2/options.h"
#include "lv2/parameters.h"
#include "lv2/time.h"
#include "lv2/urid.h"
#include "lv2/worker.h"

static thread_local bool in_run = false;
static std::atomic<int> trapped{0};
static const char* volatile first_trapped = nullptr;

static void caught(const char* what) {
    if (!in_run) return;
    if (trapped.fetch_add(1) == 0) first_trapped = what;
}

#ifndef __SANITIZE_THREAD__
// In the executable they come before those of the C library, for the plug-in too.
extern "C" {
void* __libc_malloc(size_t);
void __libc_free(void*);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* malloc(size_t size) { caught("malloc"); return __libc_malloc(size); }
void free(void* at) { if (at) caught("free"); __libc_free(at); }
void* calloc(size_t count, size_t size) { caught("calloc"); return __libc_calloc(count, size); }
void* realloc(void* at, size_t size) { caught("realloc"); return __libc_realloc(at, size); }

int pthread_mutex_lock(pthread_mutex_t* mutex) {
    static auto* const real = reinterpret_cast<int (*)(pthread_mutex_t*)>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    caught("pthread_mutex_lock");
    return real(mutex);
}
int pthread_cond_signal(pthread_cond_t* condition) {
    static auto* const real = reinterpret_cast<int (*)(pthread_cond_t*)>(dlsym(RTLD_NEXT, "pthread_cond_signal"));
    caught("pthread_cond_signal");
    return real(condition);
}
}
#endif

// From here on the thread that calls it is killed at any system call but the way out.
static void forbid_system_calls() {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_yield, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        std::perror("seccomp");
        _exit(3);
    }
}

static std::map<std::string, LV2_URID> urids;
static LV2_URID urid(LV2_URID_Map_Handle, const char* uri) {
    return urids.insert({uri, static_cast<LV2_URID>(urids.size() + 1)}).first->second;
}
static LV2_Worker_Status no_work(LV2_Worker_Schedule_Handle, uint32_t, const void*) { return LV2_WORKER_SUCCESS; }

struct Instance {
    const LV2_Descriptor* plugin;
    LV2_Handle handle;
    std::vector<float> left, right;
    alignas(8) uint8_t events[8192];
    alignas(8) uint8_t told[8192];
    float controls[32] = {};

    Instance(const LV2_Descriptor* descriptor, double rate, int block) : plugin(descriptor), left(block), right(block) {
        static LV2_URID_Map map = {nullptr, urid};
        static LV2_Worker_Schedule worker = {nullptr, no_work};
        static int32_t longest;
        longest = block;
        const LV2_URID whole = urid(nullptr, LV2_ATOM__Int);
        static LV2_Options_Option options[2];
        options[0] = {LV2_OPTIONS_INSTANCE, 0, urid(nullptr, LV2_BUF_SIZE__maxBlockLength), sizeof(int32_t), whole, &longest};
        options[1] = {};
        static const LV2_Feature features[] = {
            {LV2_URID__map, &map}, {LV2_OPTIONS__options, options}, {LV2_WORKER__schedule, &worker}};
        static const LV2_Feature* const all[] = {&features[0], &features[1], &features[2], nullptr};
        handle = plugin->instantiate(plugin, rate, "/tmp/", all);
        if (!handle) { std::fprintf(stderr, "not instantiated\n"); std::exit(4); }
        // The instrument's ports: left, right, events in, events out, then the parameters in their order.
        const float defaults[] = {1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
        plugin->connect_port(handle, 0, left.data());
        plugin->connect_port(handle, 1, right.data());
        plugin->connect_port(handle, 2, events);
        plugin->connect_port(handle, 3, told);
        for (uint32_t k = 0; k < sizeof defaults / sizeof defaults[0]; ++k) {
            controls[k] = defaults[k];
            plugin->connect_port(handle, 4 + k, &controls[k]);
        }
    }
    ~Instance() { plugin->cleanup(handle); }

    template <typename Body>
    uint8_t* event(uint8_t* at, uint32_t type, uint32_t size, Body write) {
        auto* head = reinterpret_cast<LV2_Atom_Event*>(at);
        head->time.frames = 0;
        head->body.size = size;
        head->body.type = type;
        write(at + sizeof(LV2_Atom_Event));
        auto* sequence = reinterpret_cast<LV2_Atom_Sequence*>(events);
        const uint32_t padded = (sizeof(LV2_Atom_Event) + size + 7) & ~7u;
        sequence->atom.size += padded;
        return at + padded;
    }

    struct Property { LV2_Atom_Property_Body head; double value; };

    // Ready a block: the transport's place with `tell`, a note with `note` >= 0.
    void ready(bool tell, double beat, int64_t frame, int note) {
        auto* sequence = reinterpret_cast<LV2_Atom_Sequence*>(events);
        sequence->atom.type = urids.at(LV2_ATOM__Sequence);
        sequence->atom.size = sizeof(LV2_Atom_Sequence_Body);
        sequence->body = {};
        uint8_t* at = events + sizeof(LV2_Atom_Sequence);
        if (tell) {
            const std::pair<const char*, double> values[] = {
                {LV2_TIME__bar, std::floor(beat / 4)}, {LV2_TIME__barBeat, std::fmod(beat, 4)}, {LV2_TIME__beatUnit, 4},
                {LV2_TIME__beatsPerBar, 4}, {LV2_TIME__beatsPerMinute, 97}, {LV2_TIME__speed, 1},
                {LV2_TIME__frame, static_cast<double>(frame)}};
            const uint32_t size = sizeof(LV2_Atom_Object_Body) + 7 * sizeof(Property);
            at = event(at, urids.at(LV2_ATOM__Object), size, [&](uint8_t* body) {
                auto* object = reinterpret_cast<LV2_Atom_Object_Body*>(body);
                object->id = 0;
                object->otype = urids.at(LV2_TIME__Position);
                auto* property = reinterpret_cast<Property*>(body + sizeof(LV2_Atom_Object_Body));
                for (const auto& [key, value] : values) {
                    property->head.key = urids.at(key);
                    property->head.context = 0;
                    property->head.value = {sizeof(double), urids.at(LV2_ATOM__Double)};
                    property->value = value;
                    ++property;
                }
            });
        }
        if (note >= 0)
            event(at, urids.at(LV2_MIDI__MidiEvent), 3, [&](uint8_t* body) {
                body[0] = 0x90;
                body[1] = static_cast<uint8_t>(note);
                body[2] = 100;
            });
        auto* out = reinterpret_cast<LV2_Atom_Sequence*>(told);
        out->atom.type = urids.at(LV2_ATOM__Sequence);
        out->atom.size = sizeof told - sizeof(LV2_Atom);
    }
};

static long kilobytes() {
    long pages = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return resident * sysconf(_SC_PAGESIZE) / 1024;
}

static long open_files() {
    long count = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

static long threads() {
    long count = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator("/proc/self/task")) ++count;
    return count;
}

static int play(const LV2_Descriptor* plugin, double seconds, int block, bool trap) {
    const double rate = 48000;
    Instance instance(plugin, rate, block);
    plugin->activate(instance.handle);
    std::atomic<int> turn{0};  // even: the host readies a block; odd: the audio thread runs it; -1: the end
    std::atomic<long> heard{0};
    std::atomic<bool> prepared{false};
    std::thread audio([&] {
        instance.ready(true, 0, 0, -1);
        plugin->run(instance.handle, 0);  // whatever the thread itself sets up the first time
        prepared.store(true, std::memory_order_release);
        if (trap) forbid_system_calls();
        for (;;) {
            const int now = turn.load(std::memory_order_acquire);
            if (now < 0) break;
            if (now % 2 == 0) {
                if (trap) sched_yield(); else std::this_thread::sleep_for(std::chrono::microseconds(100));
                continue;
            }
            in_run = trap;
            plugin->run(instance.handle, static_cast<uint32_t>(block));
            in_run = false;
            long sounding = 0;
            for (const float sample : instance.left) sounding += sample != 0;
            heard.fetch_add(sounding, std::memory_order_relaxed);
            turn.store(now + 1, std::memory_order_release);
        }
        if (trap) syscall(SYS_exit, 0);
    });
    const long blocks = static_cast<long>(seconds * rate / block);
    while (!prepared.load(std::memory_order_acquire)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto start = std::chrono::steady_clock::now();
    for (long k = 0; k < blocks; ++k) {
        const bool jump = k % 400 == 399;  // back to the start, as a host loops
        static long origin = 0;
        if (jump) origin = k;
        const int64_t frame = (k - origin) * block;
        const int note = (k * block) % 24000 < block ? 60 : -1;
        if (k % 200 == 50) instance.controls[1] = instance.controls[1] == 0 ? -6 : 0;  // gain
        if (k % 300 == 150) instance.controls[8] += 0.5f;                               // pitch
        instance.ready(k == 0 || jump, 97.0 / 60 * static_cast<double>(frame) / rate, frame, note);
        turn.store(static_cast<int>(2 * k + 1), std::memory_order_release);
        while (turn.load(std::memory_order_acquire) != 2 * k + 2) std::this_thread::sleep_for(std::chrono::microseconds(50));
        std::this_thread::sleep_until(start + std::chrono::duration<double>(static_cast<double>((k + 1) * block) / rate));
    }
    const float status = instance.controls[14];
    turn = -1;
    if (trap) audio.detach(); else audio.join();
    const auto stopped = std::chrono::steady_clock::now();
    plugin->deactivate(instance.handle);
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - stopped).count();
    std::printf("{\"blocks\": %ld, \"heard\": %ld, \"trapped\": %d, \"first\": \"%s\", \"status\": %g, \"deactivated_ms\": %.1f}\n",
                blocks, heard.load(), trapped.load(), first_trapped ? first_trapped : "", static_cast<double>(status), ms);
    std::fflush(stdout);
    return 0;
}

static int cycle(const LV2_Descriptor* plugin, long times) {
    Instance instance(plugin, 48000, 256);
    double worst_ms = 0;
    long early_kb = 0, early_files = 0, early_threads = 0;
    for (long k = 0; k < times; ++k) {
        plugin->activate(instance.handle);
        for (int blocks = 0; blocks < 2; ++blocks) {
            instance.ready(blocks == 0, 0, 0, 60);
            plugin->run(instance.handle, 256);
        }
        if (k % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(30));  // let some of them connect
        const auto start = std::chrono::steady_clock::now();
        plugin->deactivate(instance.handle);
        worst_ms = std::max(worst_ms, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
        if (k == times / 10) {
            early_kb = kilobytes();
            early_files = open_files();
            early_threads = threads();
        }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    std::printf("{\"early_kb\": %ld, \"kb\": %ld, \"early_files\": %ld, \"files\": %ld, \"early_threads\": %ld, \"threads\": %ld, \"worst_ms\": %.1f}\n",
                early_kb, kilobytes(), early_files, open_files(), early_threads, threads(), worst_ms);
    std::fflush(stdout);
    return 0;
}

// The traps themselves, caught in the act.
static int caught_at(const std::string& what) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    std::thread([&] {
        if (what == "call") forbid_system_calls();
        in_run = true;
        if (what == "allocate") {
            void* volatile at = malloc(64);
            free(at);
        }
        if (what == "lock") {
            pthread_mutex_lock(&mutex);
            pthread_mutex_unlock(&mutex);
        }
        if (what == "call") getppid();
        in_run = false;
    }).join();
    std::printf("{\"trapped\": %d}\n", trapped.load());
    return 0;
}

int main(int count, char** words) {
    if (count < 4) return 2;
    void* library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) { std::fprintf(stderr, "%s\n", dlerror()); return 4; }
    const auto descriptor = reinterpret_cast<LV2_Descriptor_Function>(dlsym(library, "lv2_descriptor"));
    const LV2_Descriptor* const plugin = descriptor(0);
    for (const char* uri : {LV2_ATOM__Sequence, LV2_ATOM__Object, LV2_ATOM__Double, LV2_TIME__Position, LV2_TIME__bar,
                            LV2_TIME__barBeat, LV2_TIME__beatUnit, LV2_TIME__beatsPerBar, LV2_TIME__beatsPerMinute,
                            LV2_TIME__speed, LV2_TIME__frame, LV2_MIDI__MidiEvent})
        urid(nullptr, uri);
    const std::string mode = words[2];
    if (mode == "caught") return caught_at(words[3]);
    if (mode == "cycle") return cycle(plugin, std::atol(words[3]));
    return play(plugin, std::atof(words[3]), count > 4 ? std::atoi(words[4]) : 256, mode == "trap");
}
