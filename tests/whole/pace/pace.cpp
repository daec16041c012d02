// A silent plug-in that has its host play no faster than time goes by: DawDreamer, which knows no real time, becomes a
// host like those with a sound card. In a host with its parameter at 0 it does nothing.

#include <algorithm>
#include <chrono>
#include <thread>

#include "DistrhoPlugin.hpp"

START_NAMESPACE_DISTRHO

class Pace : public Plugin {
public:
    Pace() : Plugin(1, 0, 0) {}

protected:
    const char* getLabel() const override { return "Pace"; }
    const char* getMaker() const override { return "Upbeat"; }
    const char* getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(0, 1, 0); }
    int64_t getUniqueId() const override { return d_cconst('U', 'p', 'b', 'P'); }

    void initParameter(uint32_t, Parameter& parameter) override {
        parameter.name = "Real time";
        parameter.symbol = "real_time";
    }
    float getParameterValue(uint32_t) const override { return real_time_; }
    void setParameterValue(uint32_t, float value) override { real_time_ = value; }

    void activate() override { frames_ = 0; }

    void run(const float**, float** outputs, uint32_t frames) override {
        for (uint32_t side = 0; side < 2; ++side) std::fill_n(outputs[side], frames, 0.0f);
        if (real_time_ < 0.5f) return;
        const auto now = std::chrono::steady_clock::now();
        if (frames_ == 0) start_ = now;
        frames_ += frames;
        const auto over = start_ + std::chrono::nanoseconds(static_cast<int64_t>(1e9 * frames_ / getSampleRate()));
        std::this_thread::sleep_until(over);
    }

private:
    float real_time_ = 0.0f;
    int64_t frames_ = 0;
    std::chrono::steady_clock::time_point start_;
};

Plugin* createPlugin() { return new Pace(); }

END_NAMESPACE_DISTRHO
