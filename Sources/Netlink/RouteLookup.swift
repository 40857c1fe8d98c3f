// Asking the kernel where a packet would go: `ip route get`. What the pod roads in BPF answer must
// agree with this.

import CLibMNL
import Linux
package import Model

/// What `ip route get` says.
package struct RouteLookup: Hashable, Sendable {
    /// The table that the route was found in.
    package let table: UInt32
    /// Nil when the destination is on the link or local.
    package let gateway: IPAddress?
    package let interface: UInt32?
    /// The source address that the node itself would use.
    package let preferredSource: IPAddress?
    /// The destination is an address of the node.
    package let isLocal: Bool

    init?(_ message: Message) throws(MalformedMessage) {
        let (header, attributes) = try message.split(rtmsg.self)
        let family = header.rtm_family
        table = try attributes.number(RTA_TABLE) ?? UInt32(header.rtm_table)
        gateway = attributes[RTA_GATEWAY].flatMap { IPAddress(family, $0) }
        interface = try attributes.number(RTA_OIF)
        preferredSource = attributes[RTA_PREFSRC].flatMap { IPAddress(family, $0) }
        isLocal = Int(header.rtm_type) == RTN_LOCAL.number
    }
}

extension RouteSocket {
    /// The route that a packet takes, policy rules included.
    /// - Parameters:
    ///   - source: nil: the node's own choice.
    ///   - input: the interface that it arrives on; nil: the node sends it.
    /// - Throws: refused with ENETUNREACH, EHOSTUNREACH, EACCES or EINVAL (blackhole) when there is
    ///   no way; for an arriving packet EXDEV when its source address is refused.
    package func lookUp(
        _ destination: IPAddress, from source: IPAddress? = nil, input: UInt32? = nil,
        mark: UInt32 = 0
    ) throws(NetlinkError) -> RouteLookup {
        var message = MessageBuilder(RTM_GETROUTE)
        var header = rtmsg()
        header.rtm_family = destination.family.number
        header.rtm_dst_len = UInt8(destination.family.bits)
        header.rtm_src_len = source.map { UInt8($0.family.bits) } ?? 0
        // IPv6 always tells the table, and refuses the flag.
        header.rtm_flags = destination.family == .v4 ? UInt32(RTM_F_LOOKUP_TABLE) : 0
        message.append(header)
        message.attribute(RTA_DST, destination.octets)
        if let source { message.attribute(RTA_SRC, source.octets) }
        if let input { message.attribute(RTA_IIF, input) }
        if mark != 0 { message.attribute(RTA_MARK, mark) }
        let answers = try get(message, "get route", "\(destination)")
        let found = try wellFormed { () throws(MalformedMessage) in
            try answers.first.flatMap { answer throws(MalformedMessage) in try RouteLookup(answer) }
        }
        guard let found else {
            throw .refused(
                request: "get route", subject: "\(destination)", errno: .noEntry, explanation: "")
        }
        return found
    }
}
