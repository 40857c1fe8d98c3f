// What becomes of a flow by what the maps hold: the programs' part, played after the rules for
// Services alone. It shares no code with Resolve or Plan, and looks entries up as a program can: by
// key. Where the maps can't say what a rule needs, it tells every outcome that is left, and why.

import Model
import Plan

/// What the maps say about a flow.
struct Reading {
    /// One, or all that are left where the maps don't decide.
    var possible: [Expectation]
    /// What the maps lack; nil when they decide.
    var gap: String?
    /// Whoever dials is remembered.
    var remembersClients = false
}

/// Maps that contradict themselves.
struct BrokenImage: Error, CustomStringConvertible {
    var description: String
}

struct ImageReader {
    var image: Image
    var config: CaseConfig

    func read(_ flow: CaseFlow) throws(BrokenImage) -> Reading {
        let dialled = flow.destination
        if let head = image.frontends[dialled], head.kind != .nodePort {
            let decided =
                admits(flow.source, head)
                ? try become(flow, head) : Expectation(outcome: .drop)
            return Reading(
                possible: [decided], remembersClients: head.affinityTimeoutSeconds > 0)
        }
        if let reading = try nodePort(flow) { return reading }
        return unmatched(dialled.address)
    }

    /// Ranges come first: whom they bar is dropped, usable or not.
    private func admits(_ source: IPAddress, _ head: ServiceHead) -> Bool {
        !head.hasSourceRanges
            || (image.sourceRanges[head.id] ?? []).contains { $0.contains(source) }
    }

    // MARK: Dispatch

    /// Nil: it is no node port, or not on an address that accepts them.
    private func nodePort(_ flow: CaseFlow) throws(BrokenImage) -> Reading? {
        var wildcard = flow.destination
        wildcard.address = .unspecified(wildcard.address.family)
        guard let head = image.frontends[wildcard], head.kind == .nodePort else { return nil }
        let address = flow.destination.address
        let accepts = image.localAddresses[address] == true
        let isLoopback = address.isLoopback && address.family == .v4 && config.localhostNodePorts
        guard accepts || isLoopback else { return nil }

        var decided = try become(flow, head)
        let remembers = head.affinityTimeoutSeconds > 0
        if accepts { return Reading(possible: [decided], remembersClients: remembers) }
        // The reply to a loopback source would never leave the machine that sent it.
        decided.masqueraded = decided.backends
        return Reading(
            possible: [decided, Expectation(outcome: .pass)], gap: "loopback node ports",
            remembersClients: remembers)
    }

    /// No entry leads anywhere. Entries are found by address *and* port, so whether the address is
    /// a ClusterIP with other ports is nothing that the maps could be asked.
    private func unmatched(_ address: IPAddress) -> Reading {
        let untouched = Expectation(outcome: .pass)
        if image.frontends.contains(where: {
            $0.key.address == address && $0.value.kind == .clusterIP
        }) {
            return Reading(
                possible: [untouched, Expectation(outcome: .reject)],
                gap: "undefined ports of a ClusterIP")
        }
        if config.serviceCIDRs.contains(where: { $0.contains(address) }) {
            return Reading(
                possible: [untouched, Expectation(outcome: .drop)],
                gap: "unallocated addresses of a ServiceCIDR")
        }
        return Reading(possible: [untouched])
    }

    // MARK: Outcome

    private func become(
        _ flow: CaseFlow, _ head: ServiceHead
    ) throws(BrokenImage) -> Expectation {
        guard head.isUsableAnywhere else { return Expectation(outcome: .reject) }
        let isPod = isLocalPod(flow)
        let isHost = isHost(flow.source)
        let set: BackendSet
        let masquerades: Bool
        if head.kind == .clusterIP {
            set = head.internalPolicy == .local ? .local : .cluster
            masquerades = config.masqueradesAll || (detects && !isPod)
        } else if head.externalPolicy == .cluster {
            (set, masquerades) = (.cluster, true)
        } else if isPod {
            // Before the host's column: a detector that takes the node for a pod decides.
            (set, masquerades) = (.cluster, false)
        } else if isHost {
            (set, masquerades) = (.cluster, true)
        } else {
            (set, masquerades) = (.local, false)
        }
        let backends = try backends(of: head, in: set)
        if backends.isEmpty, set == .cluster {
            throw BrokenImage(description: "usable, but nothing in the Cluster set")
        }
        guard !backends.isEmpty else { return Expectation(outcome: .drop) }
        let masqueraded = backends.filter { masquerades || $0.address == flow.source }
        return Expectation(
            outcome: .dnat, backends: Set(backends.map(Self.text)),
            masqueraded: Set(masqueraded.map(Self.text)))
    }

    private func backends(
        of head: ServiceHead, in set: BackendSet
    ) throws(BrokenImage) -> [Backend] {
        let count = set == .cluster ? head.clusterCount : head.localCount
        var backends: [Backend] = []
        for slot in 0..<count {
            let key = SlotKey(service: head.id, set: set, slot: slot)
            guard let id = image[key] else {
                throw BrokenImage(description: "no slot \(slot) of \(count)")
            }
            guard let record = image.backends[id] else {
                throw BrokenImage(description: "slot \(slot) leads to no backend")
            }
            guard record.state == .active, !backends.contains(record.backend) else {
                throw BrokenImage(
                    description: "\(record.backend) is \(record.state), or there twice")
            }
            backends.append(record.backend)
        }
        return backends
    }

    private static func text(_ backend: Backend) -> String {
        socketText(backend.address, backend.port)
    }

    // MARK: Senders

    private func isHost(_ source: IPAddress) -> Bool {
        source.isLoopback || image.localAddresses[source] != nil
    }

    private var detects: Bool {
        if case .none = config.detection { false } else { true }
    }

    private func isLocalPod(_ flow: CaseFlow) -> Bool {
        switch config.detection {
        case .none: return false
        case .interface(let prefix):
            switch flow.sender {
            case .localPod: return "eni".hasPrefix(prefix)
            case .external, .remotePod: return "eth".hasPrefix(prefix)
            case .host: return false
            }
        case .source(let ranges):
            return ranges.first { $0.family == flow.source.family }?.contains(flow.source) == true
        }
    }
}
