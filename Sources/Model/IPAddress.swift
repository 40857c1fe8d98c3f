// IPv4 and IPv6 addresses as values. An address is kept in network order: `octets` reads left to
// right as it is printed, and is what the maps hold. No number here is a "__be32".

/// One of the two families that Needletail always handles together.
package enum IPFamily: UInt8, Hashable, Sendable, CaseIterable, Comparable {
    case v4 = 4
    case v6 = 6

    /// Bits of an address: 32 or 128.
    package var bits: Int { self == .v4 ? 32 : 128 }

    package static func < (a: IPFamily, b: IPFamily) -> Bool { a.rawValue < b.rawValue }
}

/// An IP address of either family. Unlike a socket address it has no port and no scope id.
///
/// Stored as 128 bits with the numeric value in `high` and `low` (IPv4 in the lowest 32 bits of
/// `low`), so that comparing two addresses of a family orders them as people sort them.
package struct IPAddress: Hashable, Sendable {
    package let family: IPFamily
    let high: UInt64
    let low: UInt64

    init(family: IPFamily, high: UInt64, low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }

    /// An address from its octets in network order: 4 make IPv4, 16 make IPv6, anything else nil.
    package init?(octets: some Collection<UInt8>) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for octet in octets {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(octet)
        }
        switch octets.count {
        case 4: self.init(family: .v4, high: 0, low: low)
        case 16: self.init(family: .v6, high: high, low: low)
        default: return nil
        }
    }

    /// IPv4 from four octets as printed.
    package init(v4 a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        let low = UInt64(a) << 24 | UInt64(b) << 16 | UInt64(c) << 8 | UInt64(d)
        self.init(family: .v4, high: 0, low: low)
    }

    /// The octets in network order: 4 or 16.
    package var octets: [UInt8] {
        switch family {
        case .v4:
            return (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * UInt64($0))) }
        case .v6:
            return (0..<16).map {
                let word = $0 < 8 ? high : low
                return UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0 % 8)))
            }
        }
    }

    /// 127.0.0.0/8 or ::1.
    package var isLoopback: Bool {
        family == .v4 ? low >> 24 == 127 : high == 0 && low == 1
    }

    /// 169.254.0.0/16 or fe80::/10.
    package var isLinkLocal: Bool {
        family == .v4 ? low >> 16 == 0xa9fe : high >> 54 == 0xfe80 >> 6
    }

    /// 224.0.0.0/4 or ff00::/8.
    package var isMulticast: Bool {
        family == .v4 ? low >> 28 == 0xe : high >> 56 == 0xff
    }

    /// 0.0.0.0 or ::, which stands for "any address of this family".
    package static func unspecified(_ family: IPFamily) -> IPAddress {
        IPAddress(family: family, high: 0, low: 0)
    }

    /// 0.0.0.0 or ::.
    package var isUnspecified: Bool { high == 0 && low == 0 }

    /// The address `offset` places further on, without wrapping out of the family; nil beyond the
    /// end.
    package func advanced(by offset: UInt64) -> IPAddress? {
        let (sum, carry) = low.addingReportingOverflow(offset)
        switch family {
        case .v4:
            return carry || sum > 0xffff_ffff ? nil : IPAddress(family: .v4, high: 0, low: sum)
        case .v6:
            if carry && high == .max { return nil }
            return IPAddress(family: .v6, high: carry ? high + 1 : high, low: sum)
        }
    }
}

extension IPAddress {
    /// Addresses are hashed a lot; the family adds nothing to what the number tells.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(low)
        hasher.combine(high)
    }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6, then by number.
    package static func < (a: IPAddress, b: IPAddress) -> Bool {
        (a.family.rawValue, a.high, a.low) < (b.family.rawValue, b.high, b.low)
    }
}
