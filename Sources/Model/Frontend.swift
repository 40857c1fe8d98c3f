// Where clients dial and where it goes: the two ends of every service lookup.

/// What a client dials: address, port and protocol.
package struct Frontend: Hashable, Sendable, Comparable {
    package var address: IPAddress
    /// Host order.
    package var port: UInt16
    package var `protocol`: L4Protocol

    package init(address: IPAddress, port: UInt16, protocol: L4Protocol) {
        self.address = address
        self.port = port
        self.protocol = `protocol`
    }

    package static func < (a: Frontend, b: Frontend) -> Bool {
        (a.address, a.port, a.protocol) < (b.address, b.port, b.protocol)
    }
}

/// Where a new flow may be sent: one address and port of one EndpointSlice entry.
package struct Backend: Hashable, Sendable, Comparable {
    package var address: IPAddress
    /// Host order.
    package var port: UInt16
    package var `protocol`: L4Protocol

    package init(address: IPAddress, port: UInt16, protocol: L4Protocol) {
        self.address = address
        self.port = port
        self.protocol = `protocol`
    }

    package static func < (a: Backend, b: Backend) -> Bool {
        (a.address, a.port, a.protocol) < (b.address, b.port, b.protocol)
    }
}

extension Frontend: CustomStringConvertible {
    package var description: String { "\(socketText(address, port))/\(`protocol`)" }
}

extension Backend: CustomStringConvertible {
    package var description: String { "\(socketText(address, port))/\(`protocol`)" }
}

/// `10.0.0.1:80` or `[fd00::1]:80`.
package func socketText(_ address: IPAddress, _ port: UInt16) -> String {
    address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)"
}
