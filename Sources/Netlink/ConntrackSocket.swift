// The kernel's connection tracking of one namespace, read only: which flows netfilter knows and
// which of them it translates. Opening the socket does not switch conntrack on.

import CLibMNL
package import Linux
package import Model
import Synchronization

/// One end-to-end direction of a tracked flow.
package struct ConntrackTuple: Hashable, Sendable {
    package var source: IPAddress
    package var destination: IPAddress
    /// IP protocol number.
    package var `protocol`: UInt8
    /// Host order; 0 for protocols without ports.
    package var sourcePort: UInt16
    /// Host order; 0 for protocols without ports.
    package var destinationPort: UInt16

    package init(
        source: IPAddress, destination: IPAddress, protocol: UInt8, sourcePort: UInt16,
        destinationPort: UInt16
    ) {
        self.source = source
        self.destination = destination
        self.protocol = `protocol`
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
    }
}

/// One tracked flow.
package struct ConntrackEntry: Hashable, Sendable {
    /// As the first packet came.
    package var original: ConntrackTuple
    /// As an answer comes: differs from the mirrored original where netfilter translates.
    package var reply: ConntrackTuple
    /// IPS_* bits, linux/netfilter/nf_conntrack_common.h.
    package var status: UInt32
    /// The connection's mark; 0 where the kernel keeps none.
    package var mark: UInt32

    /// IPS_SRC_NAT: the source is translated.
    package var isSourceTranslated: Bool { status & 1 << 4 != 0 }
    /// IPS_DST_NAT: the destination is translated.
    package var isDestinationTranslated: Bool { status & 1 << 5 != 0 }
    /// IPS_SEEN_REPLY: both sides have spoken.
    package var hasSeenReply: Bool { status & 1 << 1 != 0 }

    package init(original: ConntrackTuple, reply: ConntrackTuple, status: UInt32, mark: UInt32) {
        self.original = original
        self.reply = reply
        self.status = status
        self.mark = mark
    }

    /// Nil for families other than IPv4 and IPv6.
    init?(_ message: Message) throws(MalformedMessage) {
        let (_, attributes) = try message.split(nfgenmsg.self)
        guard let original = try ConntrackTuple(attributes.nested(CTA_TUPLE_ORIG)),
            let reply = try ConntrackTuple(attributes.nested(CTA_TUPLE_REPLY))
        else { return nil }
        self.original = original
        self.reply = reply
        status = try attributes.number(CTA_STATUS, as: UInt32.self)?.byteSwapped ?? 0
        mark = try attributes.number(CTA_MARK, as: UInt32.self)?.byteSwapped ?? 0
    }
}

extension ConntrackTuple {
    fileprivate init?(_ attributes: Attributes) throws(MalformedMessage) {
        let ip = try attributes.nested(CTA_TUPLE_IP)
        let transport = try attributes.nested(CTA_TUPLE_PROTO)
        guard
            let source = (ip[CTA_IP_V4_SRC] ?? ip[CTA_IP_V6_SRC]).flatMap({ IPAddress(octets: $0) }
            ),
            let destination = (ip[CTA_IP_V4_DST] ?? ip[CTA_IP_V6_DST])
                .flatMap({ IPAddress(octets: $0) })
        else { return nil }
        // nfnetlink carries its numbers in network order.
        self.init(
            source: source, destination: destination,
            protocol: try transport.number(CTA_PROTO_NUM) ?? 0,
            sourcePort: try transport.number(CTA_PROTO_SRC_PORT, as: UInt16.self)?.byteSwapped ?? 0,
            destinationPort: try transport.number(CTA_PROTO_DST_PORT, as: UInt16.self)?.byteSwapped
                ?? 0)
    }
}

/// A conntrack socket of one namespace.
package final class ConntrackSocket: Sendable {
    private let conversation: Mutex<Conversation>

    /// Opens a socket in a namespace, or in the calling thread's own. EPROTONOSUPPORT where the
    /// kernel has no nfnetlink.
    package init(in namespace: NetworkNamespace? = nil) throws(NetlinkError) {
        conversation = Mutex(try Conversation.open(NETLINK_NETFILTER, in: namespace))
    }

    /// Every flow of both families. A full table of 262,144 flows takes some 100 ms; a table that
    /// changes meanwhile is not read again, for it always does: a flow may be missed or be there
    /// twice.
    package func entries() throws(NetlinkError) -> [ConntrackEntry] {
        var message = MessageBuilder(
            NFNL_SUBSYS_CTNETLINK.number << 8 | IPCTNL_MSG_CT_GET.number)
        message.append(nfgenmsg())
        let answers = try conversation.withLock { conversation throws(NetlinkError) in
            try conversation.dump(message, "dump conntrack")
        }
        return try wellFormed { () throws(MalformedMessage) in
            var entries: [ConntrackEntry] = []
            for answer in answers {
                if let entry = try ConntrackEntry(answer) { entries.append(entry) }
            }
            return entries
        }
    }
}
