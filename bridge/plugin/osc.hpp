// OSC 1.0 messages, as far as the plug-in's rows need them: i h f d s T F. Every read keeps to the bytes there are.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace upbeat {

class OscWriter {
public:
    OscWriter(std::string_view address, std::string_view tags) {
        text(address);
        text("," + std::string(tags));
    }
    OscWriter& i(int32_t value) { return number(static_cast<uint32_t>(value), 4); }
    OscWriter& h(int64_t value) { return number(static_cast<uint64_t>(value), 8); }
    OscWriter& f(float value) {
        uint32_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        return number(bits, 4);
    }
    OscWriter& d(double value) {
        uint64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        return number(bits, 8);
    }
    OscWriter& s(std::string_view value) {
        text(value);
        return *this;
    }
    const std::string& bytes() const { return bytes_; }

private:
    void text(std::string_view value) {
        bytes_.append(value);
        bytes_.append(4 - value.size() % 4, '\0');
    }
    OscWriter& number(uint64_t value, int size) {
        for (int k = size; k-- > 0;) bytes_.push_back(static_cast<char>(value >> (8 * k) & 0xff));
        return *this;
    }
    std::string bytes_;
};

// Arguments are taken in order; `good` turns false, and stays so, where one is missing or of another type.
class OscReader {
public:
    OscReader(const void* data, size_t size) : at_(static_cast<const char*>(data)), left_(size) {
        address = text();
        tags = text();
        good = good && !address.empty() && address[0] == '/' && !tags.empty() && tags[0] == ',';
        if (good) tags.remove_prefix(1);
    }
    std::string_view address, tags;
    bool good = true;

    bool more() const { return good && tag_ < tags.size(); }
    char next_tag() const { return more() ? tags[tag_] : '\0'; }
    int32_t i() { return take('i') ? static_cast<int32_t>(number(4)) : 0; }
    int64_t h() { return take('h') ? static_cast<int64_t>(number(8)) : 0; }
    double d() {
        const uint64_t bits = take('d') ? number(8) : 0;
        double value;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }
    std::string_view s() { return take('s') ? text() : std::string_view(); }
    bool yes() {
        const bool is = next_tag() == 'T';
        if (!is && next_tag() != 'F') good = false;
        ++tag_;
        return is;
    }

private:
    bool take(char tag) {
        good = good && next_tag() == tag;
        ++tag_;
        return good;
    }
    std::string_view text() {
        const void* end = good && left_ ? std::memchr(at_, 0, left_) : nullptr;
        if (!end) {
            good = false;
            return {};
        }
        const auto length = static_cast<size_t>(static_cast<const char*>(end) - at_);
        const std::string_view value(at_, length);
        skip(length / 4 * 4 + 4);
        return value;
    }
    uint64_t number(size_t size) {
        uint64_t value = 0;
        for (size_t k = 0; k < size && k < left_; ++k) value = value << 8 | static_cast<uint8_t>(at_[k]);
        skip(size);
        return value;
    }
    void skip(size_t size) {
        good = good && size <= left_;
        const size_t step = size < left_ ? size : left_;
        at_ += step;
        left_ -= step;
    }
    const char* at_;
    size_t left_;
    size_t tag_ = 0;
};

}  // namespace upbeat
