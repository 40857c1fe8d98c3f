// Randomness for property tests that can be had again: the seed is printed with every failure, and
// NEEDLETAIL_SEED repeats it.

import Glibc

/// SplitMix64: fast, any seed is good.
package struct SeededRandom: RandomNumberGenerator {
    /// What the sequence began with.
    package let seed: UInt64
    private var state: UInt64

    package init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// From NEEDLETAIL_SEED, else another one in each run.
    package static func fresh() -> SeededRandom {
        let given = getenv("NEEDLETAIL_SEED").flatMap { UInt64(String(cString: $0)) }
        return SeededRandom(seed: given ?? .random(in: 0 ... .max))
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// True once in `many` times.
    package mutating func oneIn(_ many: Int) -> Bool { Int.random(in: 0..<many, using: &self) == 0 }
}
