// What translation needs to know of the node itself: its own addresses, its ENIs, and what may come
// out of each veth.

/// How senders on this node are told from the rest; decides who is masqueraded and who may reach
/// backends of other nodes under policy Local.
package enum LocalDetection: UInt8, Hashable, Sendable, CaseIterable {
    /// No sender is known to be a pod of this node: what stock EKS has.
    case none
    /// What comes in by a pod's veth.
    case interfaces
}

/// One node's answers to what every translation asks.
package struct DesiredNode: Hashable, Sendable {
    /// The ENI that owns the two addresses; nil: unknown, nothing is masqueraded.
    package var primaryInterface: UInt32?
    /// What a masqueraded client's address becomes; nil: that family is not masqueraded.
    package var masqueradeV4: IPAddress?
    package var masqueradeV6: IPAddress?
    package var localDetection: LocalDetection
    /// For each CPU; 0: no limit.
    package var newFlowsPerSecond: UInt32
    /// The only ports that a masqueraded flow's source port may become.
    package var masqueradePorts: ClosedRange<UInt16>
    /// Every translated flow is masqueraded.
    package var masqueradesAll: Bool

    package init(
        primaryInterface: UInt32? = nil, masqueradeV4: IPAddress? = nil,
        masqueradeV6: IPAddress? = nil, localDetection: LocalDetection = .interfaces,
        newFlowsPerSecond: UInt32 = Settings.defaultNewFlowsPerSecond,
        masqueradePorts: ClosedRange<UInt16> = Settings.defaultMasqueradePorts,
        masqueradesAll: Bool = false
    ) {
        self.primaryInterface = primaryInterface
        self.masqueradeV4 = masqueradeV4
        self.masqueradeV6 = masqueradeV6
        self.localDetection = localDetection
        self.newFlowsPerSecond = newFlowsPerSecond
        self.masqueradePorts = masqueradePorts
        self.masqueradesAll = masqueradesAll
    }

    /// What a masqueraded client's address becomes; nil: the family is not masqueraded.
    package func masquerade(_ family: IPFamily) -> IPAddress? {
        family == .v4 ? masqueradeV4 : masqueradeV6
    }
}

/// One family's way out of an ENI.
package struct ENIKey: Hashable, Sendable, Comparable {
    package var interface: UInt32
    package var family: IPFamily

    package init(interface: UInt32, family: IPFamily) {
        self.interface = interface
        self.family = family
    }

    package static func < (a: Self, b: Self) -> Bool {
        (a.interface, a.family) < (b.interface, b.family)
    }
}

/// How a packet leaves by an ENI when the flow, not the pod, names it.
package struct ENIEgress: Hashable, Sendable {
    package var mac: MACAddress
    /// Bytes, without the Ethernet header.
    package var mtu: UInt32
    /// Nil until the neighbour is resolved.
    package var nextHopMAC: MACAddress?

    package init(mac: MACAddress, mtu: UInt32, nextHopMAC: MACAddress?) {
        self.mac = mac
        self.mtu = mtu
        self.nextHopMAC = nextHopMAC
    }
}

/// The addresses that the pod behind a veth may send from, at most one of a family. A family
/// without one says nothing.
package struct VethAddresses: Hashable, Sendable {
    package var v4: IPAddress?
    package var v6: IPAddress?

    package init(v4: IPAddress? = nil, v6: IPAddress? = nil) {
        self.v4 = v4
        self.v6 = v6
    }

    package var isEmpty: Bool { v4 == nil && v6 == nil }
}
