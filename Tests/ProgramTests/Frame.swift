// Builds frames octet by octet, with right checksums unless told otherwise, and takes them apart
// again: the packets that go into a program and the ones that should come out.

import Model

/// One Ethernet frame with IP and a transport header.
struct Frame: Hashable {
    var destinationMAC = MACAddress("02:00:00:00:00:01")!
    var sourceMAC = MACAddress("02:00:00:00:00:02")!
    var source: IPAddress
    var destination: IPAddress
    var `protocol`: UInt8 = 6
    var sourcePort: UInt16 = 40000
    var destinationPort: UInt16 = 80
    /// TTL or hop limit.
    var ttl: UInt8 = 64
    /// IPv4: flags and fragment offset as they travel. IPv6: non-zero adds a fragment header.
    var fragment: UInt16 = 0
    /// IPv4 options, a multiple of 4 octets.
    var options: [UInt8] = []
    /// TCP's flags: SYN by default.
    var flags: UInt8 = 0x02
    var payload: [UInt8] = []
    /// The transport header and payload as they travel, in place of what the other fields say.
    var raw: [UInt8]?
    /// Overrides the EtherType that the address family implies.
    var etherType: UInt16?

    init(from source: String, to destination: String) {
        self.source = IPAddress(source)!
        self.destination = IPAddress(destination)!
    }

    /// A copy with changes: frames in tables stay one line.
    func with(_ change: (inout Frame) -> Void) -> Frame {
        var copy = self
        change(&copy)
        return copy
    }

    var isIPv6: Bool { source.family == .v6 }

    /// The frame as it travels.
    var bytes: [UInt8] {
        let type = etherType ?? (isIPv6 ? 0x86dd : 0x0800)
        return destinationMAC.octets + sourceMAC.octets + big(type) + (isIPv6 ? ipv6 : ipv4)
    }

    private var ipv4: [UInt8] {
        let body = transport
        var header: [UInt8] =
            [UInt8(0x40 | (5 + options.count / 4)), 0]
            + big(UInt16(20 + options.count + body.count)) + [0x12, 0x34] + big(fragment)
            + [ttl, self.protocol, 0, 0] + source.octets + destination.octets + options
        let sum = big(checksum(header))
        header[10] = sum[0]
        header[11] = sum[1]
        return header + body
    }

    private var ipv6: [UInt8] {
        let body = transport
        let extra: [UInt8] =
            fragment == 0 ? [] : [self.protocol, 0] + big(fragment) + [0, 0, 0, 1]
        let next = fragment == 0 ? self.protocol : 44
        return [0x60, 0, 0, 0] + big(UInt16(extra.count + body.count)) + [next, ttl]
            + source.octets + destination.octets + extra + body
    }

    private var transport: [UInt8] {
        let ports = big(sourcePort) + big(destinationPort)
        var segment: [UInt8]
        let position: Int
        switch self.protocol {
        case 6:
            segment = ports + [0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0x20, 0, 0, 0, 0, 0] + payload
            position = 16
        case 17:
            segment = ports + big(UInt16(8 + payload.count)) + [0, 0] + payload
            position = 6
        default:
            if let raw { return raw }
            return [8, 0, 0, 0, 0, 1, 0, 1] + payload
        }
        let pseudo =
            source.octets + destination.octets + [0, self.protocol] + big(UInt16(segment.count))
        let sum = big(checksum(pseudo + segment))
        segment[position] = sum[0]
        segment[position + 1] = sum[1]
        return segment
    }
}

/// RFC 1071 over octets in network order; an odd octet counts as the high half.
func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
        let low = index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0
        sum += UInt32(bytes[index]) << 8 | low
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return ~UInt16(sum)
}

private func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
