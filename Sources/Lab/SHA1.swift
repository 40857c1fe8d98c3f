// SHA-1 (FIPS 180-4), because the CNI names host veths by it. It secures nothing here, and must
// not be used where it would have to.

/// The SHA-1 digest of some octets.
enum SHA1 {
    /// The 20 octets of the digest.
    static func digest(_ message: some Sequence<UInt8>) -> [UInt8] {
        var padded = Array(message)
        let bits = UInt64(padded.count) * 8
        padded.append(0x80)
        while padded.count % 64 != 56 { padded.append(0) }
        padded += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) }

        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        for start in stride(from: 0, to: padded.count, by: 64) {
            let block = padded[start..<(start + 64)]
            let sum = compress(state, block)
            for index in state.indices { state[index] &+= sum[index] }
        }
        return state.flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) }
        }
    }

    private static func compress(_ state: [UInt32], _ block: ArraySlice<UInt8>) -> [UInt32] {
        var words = [UInt32](repeating: 0, count: 80)
        for index in 0..<16 {
            let at = block.startIndex + 4 * index
            words[index] = block[at..<(at + 4)].reduce(0) { $0 << 8 | UInt32($1) }
        }
        for index in 16..<80 {
            let mixed = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
            words[index] = rotate(mixed, 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
            let (choice, constant): (UInt32, UInt32)
            switch index {
            case 0..<20: (choice, constant) = (b & c | ~b & d, 0x5a82_7999)
            case 20..<40: (choice, constant) = (b ^ c ^ d, 0x6ed9_eba1)
            case 40..<60: (choice, constant) = (b & c | b & d | c & d, 0x8f1b_bcdc)
            default: (choice, constant) = (b ^ c ^ d, 0xca62_c1d6)
            }
            let next = rotate(a, 5) &+ choice &+ e &+ constant &+ words[index]
            (e, d, c, b, a) = (d, c, rotate(b, 30), a, next)
        }
        return [a, b, c, d, e]
    }

    private static func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 {
        word << bits | word >> (32 - bits)
    }
}
