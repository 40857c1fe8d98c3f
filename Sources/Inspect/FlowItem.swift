// `needletail flows`: one item for each translated connection, put together from its two entries,
// with the names that the maps do not have.

package import Datapath
package import Model
import Plan

/// One flow.
package struct FlowItem: DocumentItem {
    package static let kind = "Flow"
    package static let columns = [
        "PROTOCOL", "STATE", "SOURCE", "DESTINATION", "BACKEND", "SOURCE-SEEN", "SERVICE", "ROADS",
        "IDLE",
    ]

    /// 4 or 6.
    package var family: UInt8
    /// `TCP`, `UDP`, `SCTP`, `ICMP`, `ICMPv6`.
    package var `protocol`: String
    /// `pending`, `new`, `established`, `closeWait`, `closed`.
    package var state: String
    /// The client.
    package var source: String
    package var sourcePort: UInt16
    /// What it dialled.
    package var destination: String
    package var destinationPort: UInt16
    package var backend: String
    package var backendPort: UInt16
    /// The client as the backend sees it: another than `source` if the flow is masqueraded.
    package var sourceSeen: String
    package var sourceSeenPort: UInt16
    package var masqueraded: Bool
    /// `namespace/name`; absent when the address belongs to no pod that somebody told of.
    package var sourcePod: String?
    package var backendPod: String?
    /// What the maps call the service.
    package var serviceID: UInt32
    /// Absent when only the maps are known, or the service is gone.
    package var namespace: String?
    package var name: String?
    /// Empty for the single unnamed port.
    package var port: String?
    /// Where the client's packets go: `stack`, `pod`, `podFiltered`, `eni`, `host`.
    package var road: String
    /// Where the backend's packets go; absent when that entry is missing.
    package var replyRoad: String?
    /// The interfaces of the roads `eni` and `host`.
    package var interface: String?
    package var replyInterface: String?
    /// Seconds since the flow was made.
    package var ageSeconds: UInt64
    /// Seconds since a packet of either direction; may be one too many.
    package var idleSeconds: UInt64

    package var rows: [[String]] {
        let service = namespace.flatMap { namespace in name.map { "\(namespace)/\($0)" } }
        let portName = port.flatMap { $0.isEmpty ? nil : ":\($0)" } ?? ""
        return [
            [
                `protocol`, state, joined(source, sourcePort), joined(destination, destinationPort),
                joined(backend, backendPort),
                masqueraded ? joined(sourceSeen, sourceSeenPort) : "",
                service.map { $0 + portName } ?? "id \(serviceID)",
                "\(road)/\(replyRoad ?? "none")", "\(idleSeconds)s",
            ]
        ]
    }

    private func joined(_ address: String, _ port: UInt16) -> String {
        family == 4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}

extension DocumentList where Item == FlowItem {
    /// Every flow that has an entry of the client's direction, by its ends. A lone reply entry is
    /// what the collector is about to remove and no flow.
    package init(_ dump: FlowDump, _ view: NodeView) {
        let names = ServiceNames(view)
        let pods = view.podNamesByVeth
        var replies: [FlowTuple: FlowEntry] = [:]
        for entry in dump.entries where entry.isReply { replies[entry.seen] = entry }
        self.init(
            dump.entries.filter { !$0.isReply }.sorted { $0.seen.order < $1.seen.order }.map {
                let reply = replies[$0.partner].flatMap { [key = $0.seen] reply in
                    reply.partner == key ? reply : nil
                }
                return FlowItem($0, reply, dump.now, view, names, pods)
            })
    }
}

extension FlowTuple {
    /// As people look for a flow: by what was dialled, then by who dialled.
    fileprivate var order: (IPAddress, UInt16, UInt8, IPAddress, UInt16) {
        (destination, destinationPort, `protocol`.rawValue, source, sourcePort)
    }
}

extension FlowItem {
    fileprivate init(
        _ forward: FlowEntry, _ reply: FlowEntry?, _ now: UInt64, _ view: NodeView,
        _ names: ServiceNames, _ pods: [UInt32: ObjectName]
    ) {
        func pod(_ address: IPAddress) -> String? {
            let name = view.podNames[address] ?? view.image.pods[address].flatMap { pods[$0.veth] }
            return name?.description
        }
        func seconds(since stamp: UInt64) -> UInt64 {
            now > stamp ? (now - stamp) / 1_000_000_000 : 0
        }
        func interface(_ entry: FlowEntry) -> String? {
            entry.interface == 0 ? nil : view.interfaceName(entry.interface, nil)
        }
        let (seen, translated) = (forward.seen, forward.translated)
        family = seen.source.family.rawValue
        `protocol` = seen.protocol.description
        state = forward.state.description
        source = seen.source.description
        sourcePort = seen.sourcePort
        destination = seen.destination.description
        destinationPort = seen.destinationPort
        backend = translated.destination.description
        backendPort = translated.destinationPort
        sourceSeen = translated.source.description
        sourceSeenPort = translated.sourcePort
        masqueraded = forward.isMasqueraded
        sourcePod = pod(seen.source)
        backendPod = pod(translated.destination)
        serviceID = forward.service
        let service = names[forward.service]
        namespace = service?.service.namespace
        name = service?.service.name
        port = service?.port
        road = forward.road.description
        replyRoad = reply?.road.description
        self.interface = interface(forward)
        replyInterface = reply.flatMap(interface)
        ageSeconds = seconds(since: forward.created)
        idleSeconds = seconds(since: max(forward.lastSeen, reply?.lastSeen ?? 0))
    }
}

/// Service ports by what the maps call them.
package struct ServiceNames: Sendable {
    package private(set) var all: [UInt32: ServicePortName] = [:]

    /// From the frontends that the maps hold and whose names somebody told.
    package init(_ view: NodeView) {
        for (frontend, head) in view.image.frontends {
            if let name = view.serviceNames[frontend] { all[head.id.rawValue] = name }
        }
    }

    /// Nil for 0 and for a service that is gone.
    package subscript(id: UInt32) -> ServicePortName? { all[id] }
}
