// The kernel's network state of one namespace as values: what rtnetlink tells, before anybody
// interprets it. Pods and ENIs are derived from these by Resolve, never by whoever observed them.

/// A network interface (RTM_NEWLINK).
package struct Link: Hashable, Sendable {
    package var index: UInt32
    package var name: String
    /// `IFLA_INFO_KIND`: "veth", "vlan", "dummy", …; empty for hardware and loopback.
    package var kind: String
    /// Nil for interfaces without an Ethernet address.
    package var mac: MACAddress?
    /// Bytes, without the Ethernet header.
    package var mtu: UInt32
    /// IFF_UP: administratively up.
    package var isUp: Bool
    /// IFF_LOOPBACK.
    package var isLoopback: Bool
    /// The peer lives in another network namespace (`IFLA_LINK_NETNSID` present).
    package var hasPeerElsewhere: Bool
    /// `IFLA_QDISC`: name of the root queueing discipline: "noqueue", "mq", "tbf", …
    package var rootQdisc: String
    /// `IFLA_LINK`: the lower or peer interface, 0 when there is none.
    package var parentIndex: UInt32

    package init(
        index: UInt32, name: String, kind: String, mac: MACAddress?, mtu: UInt32, isUp: Bool,
        isLoopback: Bool = false, hasPeerElsewhere: Bool = false, rootQdisc: String = "noqueue",
        parentIndex: UInt32 = 0
    ) {
        self.index = index
        self.name = name
        self.kind = kind
        self.mac = mac
        self.mtu = mtu
        self.isUp = isUp
        self.isLoopback = isLoopback
        self.hasPeerElsewhere = hasPeerElsewhere
        self.rootQdisc = rootQdisc
        self.parentIndex = parentIndex
    }
}

/// An address on an interface (RTM_NEWADDR).
package struct InterfaceAddress: Hashable, Sendable {
    package var interface: UInt32
    package var address: IPAddress
    package var prefixLength: Int

    package init(interface: UInt32, address: IPAddress, prefixLength: Int) {
        self.interface = interface
        self.address = address
        self.prefixLength = prefixLength
    }
}

/// A unicast route with at most one next hop (RTM_NEWROUTE). Multipath routes have `interface` nil.
package struct Route: Hashable, Sendable {
    /// What makes two routes the same route for the kernel.
    package struct Key: Hashable, Sendable {
        package var table: UInt32
        package var destination: CIDR
        package var priority: UInt32
        /// IPv6 only: `fe80::/64` is there once for each interface, all with one metric.
        package var interface: UInt32?

        package init(table: UInt32, destination: CIDR, priority: UInt32, interface: UInt32? = nil) {
            self.table = table
            self.destination = destination
            self.priority = priority
            self.interface = destination.family == .v6 ? interface : nil
        }
    }

    /// 254 is the main table.
    package var table: UInt32
    /// `0.0.0.0/0` or `::/0` for a default route.
    package var destination: CIDR
    package var gateway: IPAddress?
    package var interface: UInt32?
    /// RTA_PRIORITY; 0 when absent.
    package var priority: UInt32
    /// RT_SCOPE_LINK: the destination is on the link, no gateway.
    package var isLinkScope: Bool
    /// RTN_UNICAST; false for local, broadcast, blackhole, unreachable, …
    package var isUnicast: Bool
    /// RT_SCOPE_HOST: the IPv4 routes that the kernel keeps when their interface goes down.
    package var isHostScope: Bool

    package init(
        table: UInt32 = Route.mainTable, destination: CIDR, gateway: IPAddress? = nil,
        interface: UInt32?,
        priority: UInt32 = 0, isLinkScope: Bool = false, isUnicast: Bool = true,
        isHostScope: Bool = false
    ) {
        self.table = table
        self.destination = destination
        self.gateway = gateway
        self.interface = interface
        self.priority = priority
        self.isLinkScope = isLinkScope
        self.isUnicast = isUnicast
        self.isHostScope = isHostScope
    }

    package var key: Key {
        Key(table: table, destination: destination, priority: priority, interface: interface)
    }

    /// RT_TABLE_MAIN.
    package static let mainTable: UInt32 = 254
    /// RT_TABLE_LOCAL: the host's own addresses.
    package static let localTable: UInt32 = 255
}

/// A policy rule (RTM_NEWRULE).
package struct Rule: Hashable, Sendable {
    package var family: IPFamily
    package var priority: UInt32
    /// Nil means "from all".
    package var source: CIDR?
    /// Nil means "to all".
    package var destination: CIDR?
    package var mark: UInt32
    package var markMask: UInt32
    /// FRA_IIFNAME; empty when absent.
    package var inputInterface: String
    /// FRA_TABLE for FR_ACT_TO_TBL, 0 for other actions.
    package var table: UInt32
    /// `not`: the selector is inverted (FIB_RULE_INVERT).
    package var isInverted: Bool
    /// It selects by more than the above (protocol, ports, user, outgoing interface, …), so that it
    /// holds for fewer packets than it seems.
    package var hasOtherSelectors: Bool

    package init(
        family: IPFamily, priority: UInt32, source: CIDR? = nil, destination: CIDR? = nil,
        mark: UInt32 = 0, markMask: UInt32 = 0, inputInterface: String = "", table: UInt32,
        isInverted: Bool = false, hasOtherSelectors: Bool = false
    ) {
        self.family = family
        self.priority = priority
        self.source = source
        self.destination = destination
        self.mark = mark
        self.markMask = markMask
        self.inputInterface = inputInterface
        self.table = table
        self.isInverted = isInverted
        self.hasOtherSelectors = hasOtherSelectors
    }
}

/// A neighbour (ARP or ND) entry (RTM_NEWNEIGH).
package struct Neighbor: Hashable, Sendable {
    /// What tells entries apart: one address on one interface.
    package struct Key: Hashable, Sendable {
        package var interface: UInt32
        package var address: IPAddress

        package init(interface: UInt32, address: IPAddress) {
            self.interface = interface
            self.address = address
        }
    }

    package var interface: UInt32
    package var address: IPAddress
    /// Nil while unresolved.
    package var mac: MACAddress?
    /// The entry may be used to send: REACHABLE, STALE, DELAY, PROBE or PERMANENT. The kernel does
    /// not announce entries in other states reliably; those that it does are told as removed.
    package var isValid: Bool

    package init(interface: UInt32, address: IPAddress, mac: MACAddress?, isValid: Bool) {
        self.interface = interface
        self.address = address
        self.mac = mac
        self.isValid = isValid
    }

    package var key: Key { Key(interface: interface, address: address) }
}

/// A legacy tc filter on an interface (RTM_NEWTFILTER).
package struct TrafficFilter: Hashable, Sendable {
    /// The side of the interface on which it hangs.
    package enum Direction: UInt8, Hashable, Sendable {
        case ingress
        case egress
        /// On a qdisc that is not clsact.
        case root
    }

    package var interface: UInt32
    package var direction: Direction
    /// "pref" in tc's words.
    package var priority: UInt16
    package var handle: UInt32
    /// "bpf", "u32", …
    package var kind: String
    /// TCA_BPF_NAME of a bpf filter, e.g. "handle_ingress"; empty otherwise.
    package var name: String
    /// TCA_BPF_ID of a bpf filter, 0 otherwise.
    package var programID: UInt32

    /// Every filter that we attach is named so; everybody else's makes a pod watched.
    package static let ownNamePrefix = "needletail_"

    package init(
        interface: UInt32, direction: Direction, priority: UInt16, handle: UInt32, kind: String,
        name: String = "", programID: UInt32 = 0
    ) {
        self.interface = interface
        self.direction = direction
        self.priority = priority
        self.handle = handle
        self.kind = kind
        self.name = name
        self.programID = programID
    }
}

/// Everything above for one namespace, keyed as the kernel keys it. A dump makes a whole one,
/// events change it.
package struct NetworkState: Equatable, Sendable {
    package var links: [UInt32: Link] = [:]
    package var addresses: Set<InterfaceAddress> = []
    package var routes: [Route.Key: Route] = [:]
    package var rules: Set<Rule> = []
    package var neighbors: [Neighbor.Key: Neighbor] = [:]
    package var filters: Set<TrafficFilter> = []
    /// Interfaces that carry a tcx program that is not ours, as last queried.
    package var foreignPrograms: Set<UInt32> = []
    /// Interfaces whose tcx hooks were ever queried: tells "clean" from "nobody looked". A dump of
    /// the kernel fills neither of these two; what they say outlives it
    /// (`NetworkState.events(to:)`).
    package var queriedPrograms: Set<UInt32> = []

    package init() {}
}

/// One thing that the kernel said changed. Folding it into a `NetworkState` is
/// `NetworkState.apply`.
package enum NetworkEvent: Equatable, Sendable {
    case linkChanged(Link)
    case linkRemoved(UInt32)
    case addressAdded(InterfaceAddress)
    case addressRemoved(InterfaceAddress)
    case routeChanged(Route)
    case routeRemoved(Route.Key)
    case ruleAdded(Rule)
    case ruleRemoved(Rule)
    case neighborChanged(Neighbor)
    case neighborRemoved(Neighbor.Key)
    case filterAdded(TrafficFilter)
    case filterRemoved(TrafficFilter)
    /// A query of an interface's tcx hooks found a program of somebody else's, or found none.
    case foreignProgram(interface: UInt32, present: Bool)
}
