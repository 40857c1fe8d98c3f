// Our program on an interface's ingress: by a pinned tcx link from Linux 6.6 on, by a clsact filter
// of fixed preference and handle below. Other people's programs and filters are never touched.

internal import BPF
internal import Model

/// How this kernel takes programs on interfaces.
enum InterfaceHookKind: String, Sendable {
    case tcx
    case clsact
}

/// Attaches and detaches on interfaces of the namespace that the calling thread is in.
struct InterfaceHooks: Sendable {
    /// "nt" as a number: far from the policy agent's preference 1 and handle 1, which it deletes.
    static let preference: UInt32 = 0x6e74
    static let handle: UInt32 = 0x6e74

    let kind: InterfaceHookKind
    let pins: Pins

    static func filter(_ interface: UInt32) -> TrafficControlFilter {
        TrafficControlFilter(
            interface: interface, .ingress, preference: preference, handle: handle)
    }

    /// The pin's name: role and interface, e.g. `pod_12`.
    static func pinName(_ interface: UInt32, _ role: AttachmentRole) -> String {
        "\(role == .pod ? "pod" : "eni")_\(interface)"
    }

    /// The interface and role that a pin's name stands for, nil for other pins.
    static func attachment(pinName: String) -> (UInt32, AttachmentRole)? {
        let parts = pinName.split(separator: "_")
        guard parts.count == 2, let interface = UInt32(parts[1]) else { return nil }
        switch parts[0] {
        case "pod": return (interface, .pod)
        case "eni": return (interface, .eni)
        default: return nil
        }
    }

    /// Attaches, or puts the program in the place of an older one of ours. Idempotent.
    func attach(
        _ program: LoadedProgram, to interface: UInt32, as role: AttachmentRole
    ) throws(BPFError) {
        switch kind {
        case .tcx:
            let path = pins.link(Self.pinName(interface, role))
            if Pin.exists(path) {
                let link = try BPFLink(pinned: path)
                if try !link.info().isDefunct {
                    try link.update(to: program.program)
                    return
                }
                try Pin.remove(path)
            }
            let link = try BPFLink.tcx(program.program, interface: interface, .ingress)
            try link.pin(at: path)
        case .clsact:
            _ = try TrafficControlFilter.createQdisc(interface: interface)
            try Self.filter(interface).attach(program.program)
        }
    }

    /// Takes our program off. Idempotent: an interface or hook that is gone is fine.
    func detach(from interface: UInt32, as role: AttachmentRole) throws(BPFError) {
        switch kind {
        case .tcx:
            let path = pins.link(Self.pinName(interface, role))
            guard Pin.exists(path) else { return }
            let link = try BPFLink(pinned: path)
            if try !link.info().isDefunct { try link.detach() }
            try Pin.remove(path)
        case .clsact:
            // The qdisc stays: others may have come to use it, and an empty one costs nothing.
            _ = try Self.filter(interface).detach()
        }
    }
}
