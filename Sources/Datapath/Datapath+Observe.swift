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

    /// Where the socket programs and the interface programs sit now, and where they should.
    package func attachments() -> [AttachState] {
        let found = (try? foundHooks()) ?? []
        var states: [AttachState] = []
        for (interface, role) in attached.sorted(by: { $0.key < $1.key }) {
            for hook in role.hooks {
                let isAttached = found.contains {
                    $0.interface == interface && $0.hook == hook && $0.isAttached
                }
                states.append(state(of: hook, on: interface, isAttached))
            }
        }
        for stray in found where stray.isAttached && attached[stray.interface] != stray.hook.role {
            states.append(state(of: stray.hook, on: stray.interface, true))
        }
        return states + xdpStates() + socketStates()
    }

    private func state(
        of hook: InterfaceHook, on interface: UInt32, _ isAttached: Bool
    ) -> AttachState {
        AttachState(
            hook: "\(interfaceHookKind) \(hook.direction)", target: "interface \(interface)",
            program: hook.program, isAttached: isAttached)
    }

    private func xdpStates() -> [AttachState] {
        xdp.found().map {
            AttachState(
                hook: "xdp", target: "interface \($0)", program: "needletail_xdp",
                isAttached: true)
        }
    }

    private func socketStates() -> [AttachState] {
        pins.linkNames().filter { SocketHook(rawValue: $0) != nil }.map { name in
            let info = try? BPFLink(pinned: pins.link(name)).info()
            return AttachState(
                hook: "cgroup \(name.dropFirst("socket_".count))",
                target: configuration.cgroup ?? "", program: name,
                isAttached: info.map { !$0.isDefunct } ?? false)
        }
    }

    /// Our programs on this namespace's interfaces, as the kernel tells.
    func foundHooks() throws(DatapathError) -> [FoundHook] {
        let hooks = hooks
        do throws(BPFError) {
            return try inNamespace { () throws(BPFError) in try hooks.found() }
        } catch {
            throw .kernel(error)
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
        let own = Set(InterfaceHook.allCases.map { programs.program(of: $0).id })
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
