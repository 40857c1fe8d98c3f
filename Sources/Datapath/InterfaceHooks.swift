// Our programs on an interface: by pinned tcx links from Linux 6.6 on, by clsact filters of fixed
// preference and handle below. Other people's programs and filters are never touched, and a clsact
// qdisc goes with our filters only if we made it and nobody else came to use it.

internal import BPF
internal import Glibc
internal import Model

/// How this kernel takes programs on interfaces.
enum InterfaceHookKind: String, Sendable {
    case tcx
    case clsact

    /// What this kernel can.
    static func supported() throws(BPFError) -> InterfaceHookKind {
        try Feature.tcx.isSupported() ? .tcx : .clsact
    }
}

/// Attaches and detaches on interfaces of the namespace that the calling thread is in.
struct InterfaceHooks: Sendable {
    /// "nt" as a number: far from the policy agent's preference 1 and handle 1, which it deletes.
    static let preference: UInt32 = 0x6e74
    static let handle: UInt32 = 0x6e74

    let kind: InterfaceHookKind
    let pins: Pins

    // MARK: All hooks of a role

    /// Attaches what is missing and puts the programs in the place of older ones of ours.
    /// Idempotent. If one can't be attached, those that this call attached come off again.
    func attach(
        _ programs: LoadedPrograms, to interface: UInt32, as role: AttachmentRole
    ) throws(BPFError) {
        var new: [InterfaceHook] = []
        do throws(BPFError) {
            for hook in role.hooks
            where try attach(programs.program(of: hook), at: hook, of: interface) {
                new.append(hook)
            }
        } catch {
            for hook in new.reversed() { try? detach(hook, of: interface) }
            throw error
        }
    }

    /// Takes our programs off. Idempotent: an interface or hook that is gone is fine.
    func detach(from interface: UInt32, as role: AttachmentRole) throws(BPFError) {
        for hook in role.hooks.reversed() { try detach(hook, of: interface) }
        if kind == .clsact { try releaseQdisc(of: interface) }
    }

    /// Takes over what an earlier agent left: programs are replaced in place, what is missing of a
    /// role is attached, pins of what is gone are removed. Returns who carries what.
    func adopt(_ programs: LoadedPrograms) throws(BPFError) -> [UInt32: AttachmentRole] {
        var roles: [UInt32: AttachmentRole] = [:]
        for found in try found() {
            guard found.isAttached else {
                try detach(found.hook, of: found.interface)
                continue
            }
            // Between two roles an agent died: the new one is attached last.
            if let other = roles[found.interface], other != found.hook.role {
                try detach(found.hook, of: found.interface)
            } else {
                roles[found.interface] = found.hook.role
            }
        }
        for (interface, role) in roles.sorted(by: { $0.key < $1.key }) {
            do throws(BPFError) {
                try attach(programs, to: interface, as: role)
            } catch  where error.errno == ENODEV || error.errno == ENOLINK {
                roles[interface] = nil  // it went meanwhile
            }
        }
        return roles
    }

    // MARK: One hook

    /// Returns whether the hook was empty before.
    private func attach(
        _ program: LoadedProgram, at hook: InterfaceHook, of interface: UInt32
    ) throws(BPFError) -> Bool {
        switch kind {
        case .tcx:
            let path = pins.link(Self.pinName(interface, hook))
            if Pin.exists(path) {
                let link = try BPFLink(pinned: path)
                if try !link.info().isDefunct {
                    try link.update(to: program.program)
                    return false
                }
                try Pin.remove(path)
            }
            let link = try BPFLink.tcx(program.program, interface: interface, hook.direction)
            try link.pin(at: path)
            return true
        case .clsact:
            if try TrafficControlFilter.createQdisc(interface: interface) {
                pins.markQdisc(of: interface)
            }
            let filter = Self.filter(interface, hook.direction)
            let isNew = try filter.programID() == nil
            try filter.attach(program.program)
            return isNew
        }
    }

    private func detach(_ hook: InterfaceHook, of interface: UInt32) throws(BPFError) {
        switch kind {
        case .tcx:
            let path = pins.link(Self.pinName(interface, hook))
            guard Pin.exists(path) else { return }
            let link = try BPFLink(pinned: path)
            if try !link.info().isDefunct { try link.detach() }
            try Pin.remove(path)
        case .clsact:
            do throws(BPFError) {
                _ = try Self.filter(interface, hook.direction).detach()
            } catch  where error.errno == ENODEV {
                // The interface took its filters along.
            }
        }
    }

    // MARK: clsact

    static func filter(_ interface: UInt32, _ direction: Direction) -> TrafficControlFilter {
        TrafficControlFilter(
            interface: interface, direction, preference: preference, handle: handle)
    }

    /// Takes away the qdisc that we made, unless somebody's filter is on it. Between the look and
    /// the removal somebody may come: the kernel has no "remove if empty".
    private func releaseQdisc(of interface: UInt32) throws(BPFError) {
        guard pins.hasQdiscMark(of: interface) else { return }
        if isPresent(interface) {
            guard try TrafficControlFilter.count(interface: interface) == 0 else { return }
            try TrafficControlFilter.removeQdisc(interface: interface)
        }
        pins.removeQdiscMark(of: interface)
    }

    private func isPresent(_ interface: UInt32) -> Bool {
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        return if_indextoname(interface, &name) != nil
    }

    /// Removes all filters of ours, wherever they are, and the qdiscs that we made for them.
    func removeFilters() throws(BPFError) {
        guard kind == .clsact else { return }
        for found in try found() { try detach(found.hook, of: found.interface) }
        for interface in pins.markedQdiscs() { try releaseQdisc(of: interface) }
    }
}
