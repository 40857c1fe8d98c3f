// An Ethernet address: six octets in the order they travel.

/// An Ethernet address, e.g. `02:42:ac:11:00:02`.
package struct MACAddress: Hashable, Sendable {
    /// The 48 bits in the low end, first octet highest.
    let number: UInt64

    /// From exactly six octets, else nil.
    package init?(octets: some Collection<UInt8>) {
        guard octets.count == 6 else { return nil }
        number = octets.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The six octets in the order they travel.
    package var octets: [UInt8] {
        (0..<6).map { UInt8(truncatingIfNeeded: number >> (40 - 8 * UInt64($0))) }
    }

    /// 00:00:00:00:00:00, which no neighbour has.
    package var isZero: Bool { number == 0 }
}

extension MACAddress: LosslessStringConvertible {
    /// Reads six pairs of hex digits with colons.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var octets: [UInt8] = []
        for part in parts {
            // UInt8 would take a sign.
            guard part.utf8.count == 2, part.allSatisfy(\.isHexDigit),
                let octet = UInt8(part, radix: 16)
            else { return nil }
            octets.append(octet)
        }
        self.init(octets: octets)
    }

    package var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
