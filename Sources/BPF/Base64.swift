// Objects travel inside the binary as base64 text, since a StaticString costs the compiler nothing.
// RFC 4648 §4; only for text that bpfc wrote, hence a trap, not an error, on anything else.

/// The bytes that `text` stands for.
func decodeBase64(_ text: StaticString) -> [UInt8] {
    text.withUTF8Buffer { text in
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for character in text where character != UInt8(ascii: "=") {
            bits = bits << 6 | sextet(character)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }
}

private func sextet(_ character: UInt8) -> UInt32 {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: preconditionFailure("not base64: \(character)")
    }
}
