// A translated connection as the flow table has it: two entries, one a direction, each with the
// whole decision. These are the values of one entry; what the table's bytes mean is in Datapath.

/// What a flow's packets carry; the raw value is the IP protocol number. Wider than a Service
/// port's protocols: echoes are flows too.
package enum FlowProtocol: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case icmp = 1
    case tcp = 6
    case udp = 17
    case icmpv6 = 58
    case sctp = 132

    package var description: String {
        switch self {
        case .icmp: "ICMP"
        case .tcp: "TCP"
        case .udp: "UDP"
        case .icmpv6: "ICMPv6"
        case .sctp: "SCTP"
        }
    }
}

/// How far a flow has come; the same in both of its entries. The raw values are the table's.
package enum FlowState: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Being made on some CPU, for less than microseconds.
    case pending = 0
    /// Nothing came back yet.
    case new = 1
    case established = 2
    /// One end has closed.
    case closeWait = 3
    /// Both ends have closed, or one has reset.
    case closed = 4

    package var description: String {
        switch self {
        case .pending: "pending"
        case .new: "new"
        case .established: "established"
        case .closeWait: "closeWait"
        case .closed: "closed"
        }
    }
}

/// Where a packet goes after its translation. The raw values are the table's.
package enum FlowRoad: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case stack = 0
    case pod = 1
    case podFiltered = 2
    case eni = 3
    case host = 4

    package var description: String {
        switch self {
        case .stack: "stack"
        case .pod: "pod"
        case .podFiltered: "podFiltered"
        case .eni: "eni"
        case .host: "host"
        }
    }
}

/// Both ends of a packet. For echoes both ports are the identifier.
package struct FlowTuple: Hashable, Sendable {
    package var `protocol`: FlowProtocol
    package var source: IPAddress
    package var destination: IPAddress
    /// Host order.
    package var sourcePort: UInt16
    /// Host order.
    package var destinationPort: UInt16

    package init(
        _ protocol: FlowProtocol, _ source: IPAddress, _ sourcePort: UInt16,
        to destination: IPAddress, _ destinationPort: UInt16
    ) {
        self.protocol = `protocol`
        self.source = source
        self.sourcePort = sourcePort
        self.destination = destination
        self.destinationPort = destinationPort
    }

    /// The same ends seen from the other side.
    package var reversed: FlowTuple {
        FlowTuple(`protocol`, destination, destinationPort, to: source, sourcePort)
    }
}

/// One entry of the flow table: one direction of a flow.
package struct FlowEntry: Hashable, Sendable {
    /// The packet as it is seen before its translation: the entry's key.
    package var seen: FlowTuple
    /// The same packet after it.
    package var translated: FlowTuple
    /// Of what came back, not of what the client sent.
    package var isReply: Bool
    package var state: FlowState
    package var road: FlowRoad
    /// Out of or into which, for the roads `eni` and `host`; else 0.
    package var interface: UInt32
    /// 0: none.
    package var service: UInt32
    /// May outlive the backend.
    package var backend: UInt32
    /// The client's address is hidden behind the node's.
    package var isMasqueraded: Bool
    /// This direction has sent FIN.
    package var hasSentFIN: Bool
    /// CLOCK_MONOTONIC, nanoseconds.
    package var created: UInt64
    /// Of this direction; CLOCK_MONOTONIC, nanoseconds, at most a second behind.
    package var lastSeen: UInt64

    package init(
        seen: FlowTuple, translated: FlowTuple, isReply: Bool, state: FlowState,
        road: FlowRoad = .stack, interface: UInt32 = 0, service: UInt32 = 0, backend: UInt32 = 0,
        isMasqueraded: Bool = false, hasSentFIN: Bool = false, created: UInt64, lastSeen: UInt64
    ) {
        self.seen = seen
        self.translated = translated
        self.isReply = isReply
        self.state = state
        self.road = road
        self.interface = interface
        self.service = service
        self.backend = backend
        self.isMasqueraded = isMasqueraded
        self.hasSentFIN = hasSentFIN
        self.created = created
        self.lastSeen = lastSeen
    }

    /// The key of the other direction: what comes back is what was sent out, seen from the far end.
    package var partner: FlowTuple { translated.reversed }
}

/// How full one family's flow table is. An established flow takes two entries.
package struct FlowTableUse: Hashable, Sendable {
    package var entries: Int
    /// The most that it takes.
    package var capacity: Int

    package init(entries: Int, capacity: Int) {
        self.entries = entries
        self.capacity = capacity
    }

    /// 0...100, rounded down.
    package var percent: Int { capacity == 0 ? 0 : entries * 100 / capacity }
}
