// An address prefix. Host bits are cleared on the way in, so equal prefixes are equal values.

/// An address prefix such as `10.0.0.0/16` or `fd00::/64`.
package struct CIDR: Hashable, Sendable {
    /// The first address; bits beyond the prefix are zero.
    package let address: IPAddress
    /// 0…32 or 0…128.
    package let prefixLength: Int

    /// Nil when the length is outside the family's range. Host bits are dropped, as Kubernetes
    /// does.
    package init?(_ address: IPAddress, prefixLength: Int) {
        guard (0...address.family.bits).contains(prefixLength) else { return nil }
        self.prefixLength = prefixLength
        var octets = address.octets
        for index in octets.indices {
            let kept = min(8, max(0, prefixLength - 8 * index))
            octets[index] &= UInt8(truncatingIfNeeded: 0xff00 >> kept)
        }
        self.address = IPAddress(octets: octets) ?? address
    }

    /// The prefix that holds just this address.
    package init(host address: IPAddress) {
        self.address = address
        self.prefixLength = address.family.bits
    }

    package var family: IPFamily { address.family }

    /// Whether the address lies inside; always false across families.
    package func contains(_ other: IPAddress) -> Bool {
        guard other.family == family, let same = CIDR(other, prefixLength: prefixLength) else {
            return false
        }
        return same.address == address
    }
}

extension CIDR: LosslessStringConvertible {
    /// Reads `ADDRESS/LENGTH`; a bare address is the prefix of that one address.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress(String($0)) }) else { return nil }
        switch parts.count {
        case 1: self.init(host: address)
        case 2:
            guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let length = Int(parts[1])
            else { return nil }
            self.init(address, prefixLength: length)
        default: return nil
        }
    }

    package var description: String { "\(address)/\(prefixLength)" }
}

extension CIDR: Comparable {
    package static func < (a: CIDR, b: CIDR) -> Bool {
        (a.address, a.prefixLength) < (b.address, b.prefixLength)
    }
}
