// While one lives, numbers too small to be heard count as zero: computing with them can be a hundred times slower.
#pragma once

#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace upbeat {

class QuietFloats {
public:
#if defined(__SSE2__) || defined(_M_X64)
    QuietFloats() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~QuietFloats() { _mm_setcsr(before_); }

private:
    unsigned before_;
#elif defined(__aarch64__)
    QuietFloats() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" ::"r"(before_ | (uint64_t{1} << 24)));
    }
    ~QuietFloats() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

private:
    uint64_t before_;
#else
    QuietFloats() {}
#endif
};

}  // namespace upbeat
