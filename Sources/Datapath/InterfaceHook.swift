// The places on interfaces that our programs take: one table of what sits where. An interface has
// all hooks of its role or none, for half of them would translate one direction of a flow only.

internal import BPF
internal import Model

/// One hook on an interface, named as the program's file and the link's pin are.
enum InterfaceHook: String, CaseIterable, Sendable {
    /// What a pod sends, at the host's end of its pair.
    case pod
    /// What goes to a pod.
    case podOut = "pod_out"
    /// What arrives on an ENI.
    case eni
    /// What leaves by an ENI.
    case eniOut = "eni_out"

    /// The C function's name.
    var program: String { "needletail_\(rawValue)" }

    var direction: Direction {
        switch self {
        case .pod, .eni: .ingress
        case .podOut, .eniOut: .egress
        }
    }

    var role: AttachmentRole {
        switch self {
        case .pod, .podOut: .pod
        case .eni, .eniOut: .eni
        }
    }
}

extension AttachmentRole {
    /// In the order of attaching; they go the other way round. Flows begin at ingress, so what
    /// translates their replies back at egress is there first and goes last.
    var hooks: [InterfaceHook] {
        switch self {
        case .pod: [.podOut, .pod]
        case .eni: [.eniOut, .eni]
        }
    }
}

/// One of our programs as it was found on an interface.
struct FoundHook: Hashable, Sendable {
    var interface: UInt32
    var hook: InterfaceHook
    /// False: only the pin of a link is left, its interface is gone or somebody detached it.
    var isAttached: Bool
}
