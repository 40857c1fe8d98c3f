// One line of the case file as values: a node, its objects in phases, flows and what is expected of
// each. Objects stay as they are written: reading them is part of what is tested.

import Model

@testable import Kubernetes

/// A case: the first phase and those that follow it.
struct ConformanceCase {
    var id: String
    var config: CaseConfig
    var phases: [CasePhase]
}

/// What the operator decided.
struct CaseConfig {
    /// How a sender is known to be a pod of this node.
    enum Detection {
        case none
        /// By the interface that its packets come in by: all whose name begins so.
        case interface(prefix: String)
        /// By its source address; the first range of a family counts.
        case source([CIDR])
    }

    var detection: Detection
    /// As in `--nodeport-addresses`; empty is all.
    var nodePortAddresses: [String]
    var localhostNodePorts: Bool
    var masqueradesAll: Bool
    var serviceCIDRs: [CIDR]
}

/// Objects that replace the current ones (nil: those stay), and what is looked at then.
struct CasePhase {
    var services: [ManifestValue]?
    var endpointSlices: [ManifestValue]?
    var node: CaseNode?
    var flows: [CaseFlow]
    var probes: [CaseProbe] = []
    var healthz: [CaseHealth] = []
    /// Sections that say something else: `metrics`, `conntrack`, …
    var sections: [String]
}

struct CaseNode {
    var name: String
    /// All local addresses but loopback; the first of each family is the Node object's.
    var addresses: [IPAddress]
    var zone: String?
}

/// A new connection.
struct CaseFlow {
    enum Sender: String {
        case localPod = "pod-local"
        case host
        case remotePod = "pod-remote"
        case external
    }

    /// Counts through the whole case.
    var number: Int
    var sender: Sender
    var source: IPAddress
    var destination: Frontend
    var wanted: Expectation
    var wantedWithoutDetection: Expectation
    /// Whose backend a flow must share; the memory of clients is asked about.
    var asksForMemory: Bool
    /// This flow must meet the backend of an earlier one.
    var isRemembered: Bool
}

enum Outcome: String, CaseIterable {
    case dnat, reject, drop, pass
}

/// What must become of a flow.
struct Expectation: Equatable {
    var outcome: Outcome
    /// The set of possible picks, as text.
    var backends: Set<String> = []
    /// The picks that get the node's source address; nil: the case doesn't say.
    var masqueraded: Set<String>? = []
}

extension Expectation: CustomStringConvertible {
    var description: String {
        guard outcome == .dnat else { return outcome.rawValue }
        let text = "dnat to \(backends.sorted().joined(separator: " "))"
        guard let masqueraded else { return text }
        if masqueraded.isEmpty { return text + " unmasqueraded" }
        if masqueraded == backends { return text + " masqueraded" }
        return text + " masqueraded to \(masqueraded.sorted().joined(separator: " "))"
    }
}
