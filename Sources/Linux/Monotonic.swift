// The clock that BPF programs read too, so that times in maps and times here compare.

import Glibc

/// A point on CLOCK_MONOTONIC, as `bpf_ktime_get_ns` tells it: since boot, without suspend.
package struct Monotonic: Hashable, Comparable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The clock at this moment.
    package static func now() -> Monotonic {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Monotonic(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// Nanoseconds from `earlier` to here; 0 when it is later.
    package func nanoseconds(since earlier: Monotonic) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// The moment so many milliseconds later; earlier if negative.
    package func advanced(byMilliseconds milliseconds: Int) -> Monotonic {
        Monotonic(nanoseconds: nanoseconds + UInt64(max(0, milliseconds)) * 1_000_000)
    }

    package static func < (a: Monotonic, b: Monotonic) -> Bool { a.nanoseconds < b.nanoseconds }
}
