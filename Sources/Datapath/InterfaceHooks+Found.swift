// Which hooks have a program of ours now: from the pins of links, or, for filters, which have no
// pins, from the filters themselves.

internal import BPF
internal import Glibc
internal import Model

extension InterfaceHooks {
    /// The kernel keeps 15 characters of a program's name.
    private static let kernelNameLength = 15

    /// The pin's name: hook and interface, e.g. `pod_out_12`.
    static func pinName(_ interface: UInt32, _ hook: InterfaceHook) -> String {
        "\(hook.rawValue)_\(interface)"
    }

    /// The interface and hook that a pin's name stands for, nil for other pins.
    static func hook(pinName: String) -> (interface: UInt32, hook: InterfaceHook)? {
        guard let bar = pinName.lastIndex(of: "_"),
            let interface = UInt32(pinName[pinName.index(after: bar)...]),
            let hook = InterfaceHook(rawValue: String(pinName[..<bar]))
        else { return nil }
        return (interface, hook)
    }

    /// Every program of ours on interfaces of this namespace, sorted by interface.
    func found() throws(BPFError) -> [FoundHook] {
        switch kind {
        case .tcx: pinned().sorted { $0.interface < $1.interface }
        case .clsact: try filters()
        }
    }

    private func pinned() -> [FoundHook] {
        pins.linkNames().compactMap { name in
            guard let (interface, hook) = Self.hook(pinName: name) else { return nil }
            let info = try? BPFLink(pinned: pins.link(name)).info()
            return FoundHook(
                interface: interface, hook: hook, isAttached: info.map { !$0.isDefunct } ?? false)
        }
    }

    /// Costs two netlink requests an interface.
    private func filters() throws(BPFError) -> [FoundHook] {
        var found: [FoundHook] = []
        guard let list = if_nameindex() else { return [] }
        defer { if_freenameindex(list) }
        var next = list
        while next.pointee.if_index != 0 {
            let interface = next.pointee.if_index
            for direction in Direction.allCases {
                guard let id = try program(interface, direction),
                    let name = try? BPFProgram(id: id).name,
                    let hook = InterfaceHook.allCases.first(where: {
                        $0.direction == direction
                            && $0.program.prefix(Self.kernelNameLength) == name
                    })
                else { continue }
                found.append(FoundHook(interface: interface, hook: hook, isAttached: true))
            }
            next += 1
        }
        return found
    }

    private func program(
        _ interface: UInt32, _ direction: Direction
    ) throws(BPFError) -> UInt32? {
        do throws(BPFError) {
            return try Self.filter(interface, direction).programID()
        } catch  where error.errno == ENODEV {
            return nil  // it went meanwhile
        }
    }
}

extension Sequence<FoundHook> {
    /// Who carries what, of what is attached.
    var roles: [UInt32: AttachmentRole] {
        reduce(into: [:]) { if $1.isAttached { $0[$1.interface] = $1.hook.role } }
    }
}
