// What the running datapath tells about itself, read from the kernel at each call.

internal import BPF
internal import CDatapath
internal import Model

/// A part of the datapath and whether it is where it should be.
package struct AttachState: Hashable, Sendable {
    /// The hook: "cgroup connect4", "tcx ingress", "clsact ingress".
    package var hook: String
    /// The interface or cgroup.
    package var target: String
    /// The C function.
    package var program: String
    package var isAttached: Bool
}

extension Datapath {
    /// Packets and dials by reason, summed over CPUs; reasons never counted are left out.
    package func counters() throws(DatapathError) -> [Reason: Count] {
        let maps = maps
        return try asDatapath { () throws(BPFError) in try maps.readCounters() }
    }

    /// Where the socket programs and the interface programs sit now.
    package func attachments() -> [AttachState] {
        var states = filterStates()
        for name in pins.linkNames() {
            let info = try? BPFLink(pinned: pins.link(name)).info()
            let alive = info.map { !$0.isDefunct } ?? false
            if let (interface, role) = InterfaceHooks.attachment(pinName: name) {
                states.append(
                    AttachState(
                        hook: "\(interfaceHookKind) ingress", target: "interface \(interface)",
                        program: role == .pod ? "needletail_pod" : "needletail_eni",
                        isAttached: alive))
            } else if SocketHook(rawValue: name) != nil {
                states.append(
                    AttachState(
                        hook: "cgroup \(name.dropFirst("socket_".count))",
                        target: configuration.cgroup ?? "", program: name, isAttached: alive))
            }
        }
        return states
    }

    /// The same for clsact filters, which have no pins: what was attached, looked for again.
    private func filterStates() -> [AttachState] {
        guard hooks.kind == .clsact else { return [] }
        return attached.sorted { $0.key < $1.key }.map { interface, role in
            let found = try? inNamespace { () throws(BPFError) in
                try InterfaceHooks.filter(interface).programID()
            }
            return AttachState(
                hook: "clsact ingress", target: "interface \(interface)",
                program: role == .pod ? "needletail_pod" : "needletail_eni",
                isAttached: found.flatMap { $0 } != nil)
        }
    }

    /// For each interface, whether a tcx program of somebody else's sits on it, in either
    /// direction. Interfaces that are gone, and kernels without tcx, have none. Our own programs
    /// are known by id.
    package func foreignPrograms(
        on interfaces: [UInt32]
    ) throws(DatapathError) -> [UInt32: Bool] {
        var found: [UInt32: Bool] = [:]
        guard hooks.kind == .tcx else {
            for interface in interfaces { found[interface] = false }
            return found
        }
        let own: Set<UInt32> = [programs.pod.id, programs.eni.id]
        do throws(BPFError) {
            return try inNamespace { () throws(BPFError) in
                for interface in interfaces {
                    found[interface] = try Self.programs(on: interface).contains {
                        !own.contains($0)
                    }
                }
                return found
            }
        } catch {
            throw .kernel(error)
        }
    }

    private static func programs(on interface: UInt32) throws(BPFError) -> [UInt32] {
        do throws(BPFError) {
            return try ProgramQuery.tcx(interface: interface, .ingress)
                + ProgramQuery.tcx(interface: interface, .egress)
        } catch  where error.errno == 19 {  // ENODEV: the interface went meanwhile
            return []
        }
    }
}

extension MapSet {
    /// Sums the per-CPU counters.
    func readCounters() throws(BPFError) -> [Reason: Count] {
        var counts: [Reason: Count] = [:]
        for reason in Reason.all {
            guard let values = try counters.lookup(reason.number) else { continue }
            let count = values.reduce(into: Count(packets: 0, bytes: 0)) {
                $0.packets += $1.packets
                $0.bytes += $1.bytes
            }
            if count.packets > 0 { counts[reason] = count }
        }
        return counts
    }
}
