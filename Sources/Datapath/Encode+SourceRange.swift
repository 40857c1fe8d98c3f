// Keys of the source ranges. The trie compares the service's id first, as the 32 bits in front of
// the prefix, so that one trie a family holds every Service's ranges.

internal import CDatapath
internal import Model
internal import Plan

/// Bits of a key that name the service, all of them significant.
private let serviceBits: UInt32 = 32

extension source_range4 {
    init(_ id: ServiceID, _ range: CIDR) {
        self.init()
        prefix_length = serviceBits + UInt32(range.prefixLength)
        service_id = id.rawValue
        fill(&address, with: range.address.octets)
    }

    /// Nil for a key that we never write.
    var range: (ServiceID, CIDR)? { decode(prefix_length, service_id, addressValue(address)) }
}

extension source_range6 {
    init(_ id: ServiceID, _ range: CIDR) {
        self.init()
        prefix_length = serviceBits + UInt32(range.prefixLength)
        service_id = id.rawValue
        fill(&address, with: range.address.octets)
    }

    /// Nil for a key that we never write.
    var range: (ServiceID, CIDR)? { decode(prefix_length, service_id, addressValue(address)) }
}

private func decode(
    _ length: UInt32, _ service: UInt32, _ address: IPAddress
) -> (ServiceID, CIDR)? {
    guard length >= serviceBits,
        let range = CIDR(address, prefixLength: Int(length - serviceBits))
    else { return nil }
    return (ServiceID(rawValue: service), range)
}

extension source_verdict {
    init(allowed: Bool) {
        self.init()
        self.allowed = allowed
    }
}
