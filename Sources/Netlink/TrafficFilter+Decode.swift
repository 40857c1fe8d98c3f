// RTM_NEWTFILTER into `TrafficFilter`, RTM_NEWQDISC into `Qdisc`.

import CLibMNL
import Model

/// A queueing discipline on an interface (RTM_NEWQDISC).
package struct Qdisc: Hashable, Sendable {
    package var interface: UInt32
    /// "clsact", "ingress", "noqueue", "mq", "tbf", …
    package var kind: String
    /// Major and minor number in the high and the low half, `ffff:0` for clsact; 0 for a default.
    package var handle: UInt32
    /// TC_H_ROOT (`ffff:ffff`) for the root one, else its place in another.
    package var parent: UInt32

    /// Filters hang on it at the interface's edges and not on a queue.
    package var isAtEdge: Bool { kind == "clsact" || kind == "ingress" }

    init(_ message: Message) throws(MalformedMessage) {
        let (header, attributes) = try message.split(tcmsg.self)
        interface = UInt32(bitPattern: header.tcm_ifindex)
        kind = attributes.string(TCA_KIND)
        handle = header.tcm_handle
        parent = header.tcm_parent
    }
}

extension TrafficFilter.Direction {
    /// The parent that filters of a clsact qdisc name (TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_…)); 0, "the
    /// root qdisc, whichever", for `root`.
    var parent: UInt32 {
        switch self {
        case .ingress: TrafficHandle.clsactIngress
        case .egress: TrafficHandle.clsactEgress
        case .root: 0
        }
    }

    init(parent: UInt32) {
        switch parent {
        case TrafficHandle.clsactIngress, TrafficHandle.ingress: self = .ingress
        case TrafficHandle.clsactEgress: self = .egress
        default: self = .root
        }
    }
}

extension TrafficFilter {
    /// Nil for filters of chains other than 0: these run only if one of chain 0 jumps there.
    init?(_ message: Message) throws(MalformedMessage) {
        let (header, attributes) = try message.split(tcmsg.self)
        guard try attributes.number(TCA_CHAIN, as: UInt32.self) ?? 0 == 0 else { return nil }
        let kind = attributes.string(TCA_KIND)
        var name = ""
        var program: UInt32 = 0
        if kind == "bpf" {
            let options = try attributes.nested(TCA_OPTIONS)
            name = options.string(TCA_BPF_NAME)
            program = try options.number(TCA_BPF_ID) ?? 0
        }
        self.init(
            interface: UInt32(bitPattern: header.tcm_ifindex),
            direction: Direction(parent: header.tcm_parent),
            // The high half of tcm_info; the low half is the protocol.
            priority: UInt16(header.tcm_info >> 16),
            handle: header.tcm_handle, kind: kind, name: name, programID: program)
    }
}
