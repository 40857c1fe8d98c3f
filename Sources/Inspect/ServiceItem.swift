// `needletail services`: one item per service port and family, with the addresses that clients dial
// and the backends that they get.

import Model
import Plan

/// One service port in one family.
package struct ServiceItem: DocumentItem {
    package static let kind = "Service"
    package static let columns = [
        "SERVICE", "PORT", "FRONTEND", "KIND", "POLICY", "HEALTH", "BACKENDS",
    ]

    /// An address that clients dial.
    package struct Frontend: Codable, Sendable, Equatable {
        package var address: String
        package var port: UInt16
        /// `clusterIP`, `externalIP`, `loadBalancer` or `nodePort`.
        package var kind: String
    }

    /// Where a dial goes.
    package struct Backend: Codable, Sendable, Equatable {
        package var address: String
        package var port: UInt16
        /// `active` or `draining`.
        package var state: String
        /// In which of the service's lists it stands: `cluster`, `local`.
        package var sets: [String]
    }

    /// What a load balancer asks whether this node has a ready endpoint of its own.
    package struct HealthCheck: Codable, Sendable, Equatable {
        /// `healthCheckNodePort`.
        package var port: UInt16
        package var readyLocalEndpoints: Int
        /// `listening`, or `failed` where at least one address can't be listened at.
        package var state: String
        /// Why it failed.
        package var reason: String?
    }

    /// Absent when only the maps are known.
    package var namespace: String?
    package var name: String?
    /// Empty for the single unnamed port; absent when only the maps are known.
    package var port: String?
    /// `TCP`, `UDP` or `SCTP`.
    package var `protocol`: String
    /// 4 or 6.
    package var family: UInt8
    /// What the maps call it.
    package var id: UInt32
    package var frontends: [Frontend]
    /// `cluster` or `local`.
    package var internalPolicy: String
    package var externalPolicy: String
    /// Seconds; absent without affinity.
    package var affinityTimeoutSeconds: UInt32?
    /// Absent without a health port, and while no agent serves it.
    package var healthCheck: HealthCheck?
    package var backends: [Backend]
    /// What a client gets when there is no backend: `reject` at once or `drop`.
    package var withoutBackends: String

    package var rows: [[String]] {
        let service = namespace.flatMap { namespace in name.map { "\(namespace)/\($0)" } }
        let policy =
            internalPolicy == externalPolicy
            ? internalPolicy : "\(internalPolicy)/\(externalPolicy)"
        let affinity = affinityTimeoutSeconds.map { ",affinity=\($0)s" } ?? ""
        let shown = backends.map {
            let text = joined($0.address, $0.port)
            return $0.state == "active" ? text : "\(text)(\($0.state))"
        }
        let health =
            healthCheck.map { check in
                check.state == "listening"
                    ? "\(check.port)=\(check.readyLocalEndpoints)"
                    : "\(check.port) \(check.state)"
            } ?? "-"
        return frontends.map { frontend in
            [
                service ?? "id \(id)", port ?? "",
                "\(joined(frontend.address, frontend.port))/\(`protocol`)", frontend.kind,
                policy + affinity, health,
                shown.isEmpty ? "none (\(withoutBackends))" : shown.joined(separator: ","),
            ]
        }
    }

    private func joined(_ address: String, _ port: UInt16) -> String {
        family == 4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}

extension DocumentList where Item == ServiceItem {
    /// Every service that the maps hold, named ones first and in the order of their names.
    package init(_ view: NodeView) {
        let frontends = Dictionary(grouping: view.image.frontends) { $0.value.id }
        let healthPorts = Dictionary(grouping: view.healthPorts, by: \.desired.service)
        self.init(
            frontends.map { id, entries in
                ServiceItem(id, entries.sorted { $0.key < $1.key }, view, healthPorts)
            }
            .sorted { $0.order < $1.order })
    }
}

extension ServiceItem {
    /// Sorts unnamed items last.
    fileprivate var order: (Int, String, String, String, UInt8, UInt32) {
        (name == nil ? 1 : 0, namespace ?? "", name ?? "", port ?? "", family, id)
    }

    fileprivate init(
        _ id: ServiceID, _ entries: [(key: Model.Frontend, value: ServiceHead)], _ view: NodeView,
        _ healthPorts: [ObjectName: [HealthPortState]]
    ) {
        let head = entries[0].value
        let known = entries.lazy.compactMap { view.serviceNames[$0.key] }.first
        namespace = known?.service.namespace
        name = known?.service.name
        port = known?.port
        `protocol` = entries[0].key.protocol.description
        family = entries[0].key.address.family.rawValue
        self.id = id.rawValue
        frontends = entries.map {
            Frontend(
                address: $0.key.address.description, port: $0.key.port, kind: "\($0.value.kind)")
        }
        internalPolicy = "\(head.internalPolicy)"
        externalPolicy = "\(head.externalPolicy)"
        affinityTimeoutSeconds =
            head.affinityTimeoutSeconds == 0 ? nil : head.affinityTimeoutSeconds
        healthCheck = known.flatMap { name in
            healthPorts[name.service]?.first { $0.desired.family == name.family }
        }.map(HealthCheck.init)
        backends = Self.backends(of: id, in: view.image)
        withoutBackends = head.isUsableAnywhere ? "drop" : "reject"
    }

    private static func backends(of id: ServiceID, in image: Image) -> [Backend] {
        var sets: [BackendID: [String]] = [:]
        for set in BackendSet.allCases {
            for backend in Set((image.slots[SlotList(service: id, set: set)] ?? [:]).values) {
                sets[backend, default: []].append("\(set)")
            }
        }
        let records = sets.compactMap { id, sets in image.backends[id].map { ($0, sets) } }
        return records.sorted { $0.0.backend < $1.0.backend }.map { record, sets in
            Backend(
                address: record.backend.address.description, port: record.backend.port,
                state: "\(record.state)", sets: sets)
        }
    }
}

extension ServiceItem.HealthCheck {
    fileprivate init(_ port: HealthPortState) {
        self.port = port.desired.port
        readyLocalEndpoints = port.desired.readyLocalEndpoints
        state = port.failures.isEmpty ? "listening" : "failed"
        reason = port.failures.min { $0.key < $1.key }?.value
    }
}
