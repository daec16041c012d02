// A ring between two threads, one that writes and one that reads. Neither ever waits: a full ring says so.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace upbeat {

template <typename Entry, uint32_t size>
class Ring {
    static_assert((size & (size - 1)) == 0, "a power of two");

public:
    // Writer only. False if there is no place.
    bool push(const Entry& entry) {
        const uint32_t at = written_.load(std::memory_order_relaxed);
        if (at - read_.load(std::memory_order_acquire) == size) return false;
        entries_[at % size] = entry;
        written_.store(at + 1, std::memory_order_release);
        return true;
    }

    // Reader only. False if there is none.
    bool pop(Entry& entry) {
        const uint32_t at = read_.load(std::memory_order_relaxed);
        if (at == written_.load(std::memory_order_acquire)) return false;
        entry = entries_[at % size];
        read_.store(at + 1, std::memory_order_release);
        return true;
    }

    // Writer only.
    bool is_half_full() const {
        return written_.load(std::memory_order_relaxed) - read_.load(std::memory_order_relaxed) >= size / 2;
    }

private:
    std::array<Entry, size> entries_{};  // touched here, so no page is missing later
    alignas(64) std::atomic<uint32_t> written_{0};
    alignas(64) std::atomic<uint32_t> read_{0};
};

}  // namespace upbeat
