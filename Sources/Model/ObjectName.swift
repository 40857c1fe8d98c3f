// Names of Kubernetes objects and of what the node decides for them.

/// A namespaced Kubernetes name.
package struct ObjectName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var namespace: String
    package var name: String

    package init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    package var description: String { "\(namespace)/\(name)" }

    package static func < (a: ObjectName, b: ObjectName) -> Bool {
        (a.namespace, a.name) < (b.namespace, b.name)
    }
}

/// A service port in one family: the thing that everything is decided for
/// (Service, port name, protocol, family).
package struct ServicePortName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var service: ObjectName
    /// Empty for the single unnamed port.
    package var port: String
    package var `protocol`: L4Protocol
    package var family: IPFamily

    package init(service: ObjectName, port: String, protocol: L4Protocol, family: IPFamily) {
        self.service = service
        self.port = port
        self.protocol = `protocol`
        self.family = family
    }

    package var description: String {
        "\(service)\(port.isEmpty ? "" : ":\(port)")/\(`protocol`) (IPv\(family.rawValue))"
    }

    package static func < (a: ServicePortName, b: ServicePortName) -> Bool {
        (a.service, a.port, a.protocol, a.family) < (b.service, b.port, b.protocol, b.family)
    }
}
