// What is measured: which topology a packet crosses, what the client dials, where the server is
// and what the two do. Every combination has a stable name, for files that are read years later.

/// A whole lab of its own, so that paths can be measured in turn without reloading anything.
package enum Topology: Hashable, Sendable, CustomStringConvertible {
    /// The CNI's routes and rules, no netfilter.
    case bare
    /// The same once more: what differs between the two is noise.
    case bareAgain
    /// With the CNI's iptables chains.
    case cni
    /// As `cni`, and our agent without any service: the limit of our pod road.
    case limit
    /// As `cni`, and our agent with that many services.
    case ours(services: Int)
    /// As `cni`, and the rules that kube-proxy writes in iptables mode for that many services.
    case kubeProxy(services: Int)

    package var description: String {
        switch self {
        case .bare: "bare"
        case .bareAgain: "bare-again"
        case .cni: "cni"
        case .limit: "limit"
        case .ours: "ours"
        case .kubeProxy(let services): "ipt-\(services)"
        }
    }

    /// The CNI's iptables chains are there.
    package var hasCNIChains: Bool { self != .bare && self != .bareAgain }

    /// Our agent runs on every node.
    package var hasAgent: Bool {
        switch self {
        case .limit, .ours: true
        case .bare, .bareAgain, .cni, .kubeProxy: false
        }
    }

    /// Services that are there; the last is the dialled one.
    package var serviceCount: Int {
        switch self {
        case .bare, .bareAgain, .cni, .limit: 0
        case .ours(let services), .kubeProxy(let services): services
        }
    }
}

/// What the client dials: a pod, or the service in front of it.
package enum Dial: String, Hashable, Sendable {
    case pod
    case service
}

/// One line of the comparison.
package struct Path: Hashable, Sendable, CustomStringConvertible {
    package let topology: Topology
    package let dial: Dial

    package init(_ topology: Topology, _ dial: Dial) {
        self.topology = topology
        self.dial = dial
    }

    package var description: String { "\(topology)/\(dial.rawValue)" }
}

/// Where the server pod is, seen from the client pod.
package enum Placement: String, Hashable, Sendable, CaseIterable {
    case same
    case across
}

/// What client and server do.
package enum Load: String, Hashable, Sendable, CaseIterable {
    /// Request and response on one connection: median time.
    case requestResponse = "rr"
    /// Connect, request, response, close: median time.
    case connectRequestResponse = "crr"
    /// One way in 64 KiB steps: CPU time of the thread that does everything.
    case bulk
    /// connect() of a UDP socket, which sends nothing: the socket hook's price.
    case connect
}
