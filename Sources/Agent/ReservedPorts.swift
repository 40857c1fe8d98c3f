// The ports that a masqueraded flow may get are kept from the host's own sockets: merged into
// net.ipv4.ip_local_reserved_ports (which is IPv6's, too), and taken out again by cleanup. What we
// added, and nothing that was there before, is remembered in the state directory.

import Glibc
package import Linux
package import Model

/// Our part of the namespace's reserved ports.
package struct ReservedPorts: Sendable {
    /// A setting of the network namespace; the kernel keeps ephemeral ports out of it, not binds.
    static let setting = "net/ipv4/ip_local_reserved_ports"

    private let path: String
    private let namespace: NetworkNamespace?

    /// - Parameter namespace: nil: the calling thread's own.
    package init(stateDirectory: String, in namespace: NetworkNamespace? = nil) {
        path = ReservedPorts.path(in: stateDirectory)
        self.namespace = namespace
    }

    static func path(in stateDirectory: String) -> String { "\(stateDirectory)/reserved-ports" }

    /// Reserves the range, and gives up what an earlier agent added beyond it. Idempotent. What we
    /// will add is written down before it is added: after a crash in between, cleanup takes out at
    /// most ports that were ours to take.
    package func reserve(_ range: ClosedRange<UInt16>) throws {
        let current = try read()
        let others = current.subtracting(remembered)
        let added = PortList(range).subtracting(others)
        try File.replace(path, with: Array(added.description.utf8))
        try write(others.union(added), over: current)
    }

    /// Takes out what we added.
    /// - Returns: the ports; nil when there were none of ours.
    package func release() throws -> PortList? {
        let ours = remembered
        guard !ours.ranges.isEmpty else { return nil }
        let current = try read()
        try write(current.subtracting(ours), over: current)
        unlink(path)
        return ours
    }

    private var remembered: PortList {
        (try? File.readText(path)).flatMap { PortList($0) } ?? PortList()
    }

    private func read() throws -> PortList {
        let text = try Sysctl.read(Self.setting, in: namespace)
        guard let list = PortList(text) else { throw UnreadablePorts(text: text) }
        return list
    }

    private func write(_ list: PortList, over current: PortList) throws {
        guard list != current else { return }
        // An empty list is written as a line's end: the kernel takes no empty write.
        try Sysctl.write(Self.setting, list.description + "\n", in: namespace)
    }
}

/// The kernel shows reserved ports in a form that we do not know.
struct UnreadablePorts: Error, CustomStringConvertible {
    var text: String
    var description: String { "\(ReservedPorts.setting): \"\(text)\" is no list of ports" }
}
