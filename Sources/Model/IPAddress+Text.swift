// The text form of addresses: strict on the way in (RFC 4291 §2.2, dotted quads of exactly four
// decimal parts), canonical on the way out (RFC 5952).

extension IPAddress: LosslessStringConvertible {
    /// Reads `10.0.0.1`, `fd00::1` or `::ffff:10.0.0.1` (which stays IPv6). A leading zero in an
    /// IPv4 part is decimal, as Kubernetes' legacy objects have it. No zone, no prefix length.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.parseGroups(bytes[...]) else { return nil }
            self.init(octets: groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] })
        } else {
            guard let octets = Self.parseQuad(bytes[...]) else { return nil }
            self.init(octets: octets)
        }
    }

    package var description: String {
        switch family {
        case .v4: return octets.map(String.init).joined(separator: ".")
        case .v6: return Self.format(groups: groups)
        }
    }

    private var groups: [UInt16] {
        let octets = octets
        return (0..<8).map { UInt16(octets[2 * $0]) << 8 | UInt16(octets[2 * $0 + 1]) }
    }

    private static func parseQuad(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var octets: [UInt8] = []
        for part in parts {
            guard !part.isEmpty, part.count <= 3 else { return nil }
            var value = 0
            for byte in part {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            guard value <= 255 else { return nil }
            octets.append(UInt8(value))
        }
        return octets
    }

    private static func parseGroups(_ bytes: ArraySlice<UInt8>) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        // "::" occurs at most once and stands for at least one group of zeros.
        var halves: [ArraySlice<UInt8>] = [bytes]
        if let gap = bytes.indices.dropLast().first(where: {
            bytes[$0] == colon && bytes[$0 + 1] == colon
        }) {
            halves = [bytes[..<gap], bytes[(gap + 2)...]]
        }
        var parsed: [[UInt16]] = []
        for (index, half) in halves.enumerated() {
            if half.isEmpty {
                parsed.append([])
                continue
            }
            var groups: [UInt16] = []
            let parts = half.split(separator: colon, omittingEmptySubsequences: false)
            for (position, part) in parts.enumerated() {
                if part.contains(UInt8(ascii: ".")) {
                    guard position == parts.count - 1, index == halves.count - 1,
                        let quad = parseQuad(part)
                    else { return nil }
                    groups.append(UInt16(quad[0]) << 8 | UInt16(quad[1]))
                    groups.append(UInt16(quad[2]) << 8 | UInt16(quad[3]))
                } else {
                    guard let group = parseHex(part) else { return nil }
                    groups.append(group)
                }
            }
            parsed.append(groups)
        }
        if parsed.count == 1 { return parsed[0].count == 8 ? parsed[0] : nil }
        let missing = 8 - parsed[0].count - parsed[1].count
        guard missing >= 1 else { return nil }
        return parsed[0] + Array(repeating: 0, count: missing) + parsed[1]
    }

    private static func parseHex(_ part: ArraySlice<UInt8>) -> UInt16? {
        guard !part.isEmpty, part.count <= 4 else { return nil }
        var value: UInt16 = 0
        for byte in part {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// RFC 5952: lower case, the longest run of two or more zero groups shortened, the first if
    /// equal.
    private static func format(groups: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = max(end, start + 1)
        }
        let hex = groups.map { String($0, radix: 16) }
        if best.isEmpty { return hex.joined(separator: ":") }
        return hex[..<best.lowerBound].joined(separator: ":") + "::"
            + hex[best.upperBound...].joined(separator: ":")
    }
}
