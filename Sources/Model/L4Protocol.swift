// The transport protocols that a Service port can have.

/// A transport protocol of a Service port; the raw value is the IP protocol number.
package enum L4Protocol: UInt8, Hashable, Sendable, CaseIterable, Comparable {
    case tcp = 6
    case udp = 17
    case sctp = 132

    package static func < (a: L4Protocol, b: L4Protocol) -> Bool { a.rawValue < b.rawValue }
}

extension L4Protocol: LosslessStringConvertible {
    /// Reads Kubernetes' spelling: `TCP`, `UDP`, `SCTP`, exactly.
    package init?(_ text: String) {
        switch text {
        case "TCP": self = .tcp
        case "UDP": self = .udp
        case "SCTP": self = .sctp
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .tcp: "TCP"
        case .udp: "UDP"
        case .sctp: "SCTP"
        }
    }
}
