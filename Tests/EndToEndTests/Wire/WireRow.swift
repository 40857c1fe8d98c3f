// One row of the matrix, and what must become of it: the rules of a Service as a specification
// says them, written down once more and from no code of the product.

import Lab
import Model

/// What carries the services of the node under test.
enum WireCarrier: String, Sendable {
    /// Rules as kube-proxy writes them, which know no local senders.
    case netfilter
    /// The agent, which knows its pods.
    case needletail
}

/// What a dial must come to.
enum WireExpectation: Hashable, Sendable {
    /// One of these servers answers, and has seen one of these clients.
    case answer(Set<WireBackend>, clients: Set<IPAddress>)
    case refused
    case silence
}

/// One dial.
struct WireRow: Hashable, Sendable, CustomStringConvertible {
    let sender: WireSender
    let frontend: WireFrontend
    let service: WireService
    let family: IPFamily
    let isUDP: Bool

    var description: String {
        let policies = "\(service.external)/\(service.internal)"
        let backends = service.backends.map(\.rawValue).joined(separator: "+")
        return "\(sender.rawValue) → \(frontend.rawValue) → [\(backends)] \(policies), "
            + "\(isUDP ? "UDP" : "TCP") IPv\(family.rawValue)"
    }

    static func all(_ carrier: WireCarrier) -> [WireRow] {
        var rows: [WireRow] = []
        for family in IPFamily.allCases {
            for service in WireService.all {
                for frontend in WireFrontend.allCases {
                    for sender in WireSender.allCases {
                        for isUDP in [false, true] {
                            let row = WireRow(
                                sender: sender, frontend: frontend, service: service,
                                family: family, isUDP: isUDP)
                            if row.makesSense && (carrier == .needletail || row.netfilterCan) {
                                rows.append(row)
                            }
                        }
                    }
                }
            }
        }
        return rows
    }

    private var makesSense: Bool {
        switch (frontend, sender) {
        // The VPC carries no ClusterIP, and no private address from or to the internet.
        case (.clusterIP, _) where sender.isExternal: return false
        case (.nodePortSecondary, .internet) where family == .v4: return false
        default: break
        }
        // Each policy where it rules.
        if frontend == .clusterIP { return service.external == .cluster }
        return service.internal == .cluster
    }

    /// Walks that need the translation to decide about the ENI: with netfilter the route is chosen
    /// by the pod's address before its reply becomes the frontend's, and the VPC drops it. The
    /// CNI's connection mark mends just IPv4 to the primary ENI's own address.
    private var netfilterCan: Bool {
        // kube-proxy's rules refuse to forward what nobody serves, but the host's own goes out.
        if sender == .host && service.backends.isEmpty { return frontend == .clusterIP }
        guard sender.isExternal else { return true }
        if frontend == .nodePortSecondary { return false }
        let isMended = family == .v4 && frontend == .nodePort
        return isMended || !service.backends.contains(.hereSecondary)
    }
}

/// The addresses that expectations speak of.
struct WireAddresses: Sendable {
    let node: LabNode
    /// Of each sender by `place`.
    let own: @Sendable (String, IPFamily) -> IPAddress

    func frontend(_ row: WireRow) -> (address: IPAddress, port: UInt16) {
        switch row.frontend {
        case .clusterIP: return (row.service.clusterIP(row.family), row.service.port)
        case .nodePort: return (node.address(row.family), row.service.nodePort)
        case .nodePortSecondary:
            let eni = node.enis[1]
            return (row.family == .v4 ? eni.ipv4 : eni.ipv6, row.service.nodePort)
        case .externalIP, .loadBalancer:
            guard let address = WireFrontend.address(row.frontend, row.family) else {
                preconditionFailure("every other frontend has an address of its own")
            }
            return (address, row.service.port)
        }
    }

    /// Every address of the node's ENIs.
    func node(_ family: IPFamily) -> Set<IPAddress> {
        Set(node.enis.map { family == .v4 ? $0.ipv4 : $0.ipv6 })
    }
}

extension WireRow {
    /// What the rules of a Service want of this dial.
    func expectation(_ carrier: WireCarrier, _ addresses: WireAddresses) -> WireExpectation {
        if service.backends.isEmpty { return .refused }
        let isInternal = frontend == .clusterIP
        let policy = isInternal ? service.internal : service.external
        // Local binds whoever is outside; with pods known as such, just them.
        let isInside = sender == .host || (sender.isPodHere && carrier == .needletail)
        let isBound = policy == .local && (isInternal || !isInside)
        let backends = Set(service.backends.filter { !isBound || $0.isOnNode })
        if backends.isEmpty { return .silence }
        return .answer(backends, clients: clients(backends, carrier, addresses))
    }

    private func clients(
        _ backends: Set<WireBackend>, _ carrier: WireCarrier, _ addresses: WireAddresses
    ) -> Set<IPAddress> {
        let node = addresses.node(family)
        if sender == .host { return node }
        let own = addresses.own(sender.place, family)
        // MASQUERADE takes an address of the interface that the route of the pod leads to.
        let primary = carrier == .netfilter ? node : [addresses.node.address(family)]
        if backends.contains(where: { $0.rawValue == sender.place }) {
            // Itself: then it sees the node; with Local, another pick is possible and unhidden.
            let isCertain = backends.count == 1 && (sender.showsFrontend || carrier == .netfilter)
            return isCertain ? primary : primary.union([own])
        }
        // A server on the node itself sees who comes: there is no way to hide.
        let isMasqueraded =
            frontend != .clusterIP && service.external == .cluster && backends != [.hostHere]
        guard isMasqueraded else { return [own] }
        // A dial that was translated in the pod need not hide: its replies come by themselves.
        let isHidden = sender.showsFrontend || carrier == .netfilter
        return isHidden ? primary : primary.union([own])
    }

    /// Where a wrong pick is possible, one dial could miss it.
    func repetitions(_ wanted: WireExpectation) -> Int {
        guard case .answer(let backends, _) = wanted else { return 1 }
        return backends.count < service.backends.count ? 4 : 1
    }

    /// How many routers lie between client and backend.
    func hops(to backend: WireBackend) -> Int { sender.hopsToNode + 1 + backend.hopsFromNode }
}
