// Where a command runs: any namespace of a lab together with the cgroup that belongs to it.

package import Linux

/// A node, a pod or another host of a lab, as a place to run something in.
package struct LabTarget: Sendable {
    /// `node1`, `node1/pod2`, `router`, `client` or `internet`.
    package let name: String
    package let namespace: NetworkNamespace
    package let cgroup: ControlGroup

    init(name: String, netns: String, cgroup: String) throws(KernelError) {
        self.name = name
        namespace = try NetworkNamespace(opening: netns)
        self.cgroup = ControlGroup(path: cgroup)
    }

    /// A program to start there. Mounts are the caller's, so that bpffs and cgroup2 are seen.
    package func command(_ arguments: [String], input: [UInt8]? = nil) -> Command {
        Command(arguments, input: input, namespace: namespace, cgroup: cgroup)
    }
}

extension Lab {
    /// A place by name; pods by `NODE/POD`.
    package func target(_ text: String) throws -> LabTarget {
        let status = status
        if let host = status.hosts.first(where: { $0.name == text }) { return try host.target() }
        let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
        guard let first = parts.first, let node = status.nodes.first(where: { $0.name == first })
        else { throw LabError.notFound("node or host \(text) in lab \(name)") }
        guard parts.count == 2 else { return try node.target() }
        guard let pod = node.pod(parts[1]) else { throw LabError.notFound("pod \(text)") }
        return try pod.target()
    }

    /// Runs a program at a target to its end and captures what it writes.
    package func execute(
        _ target: String, _ arguments: [String], timeoutMilliseconds: Int = 60_000
    ) async throws -> Command.Result {
        let command = try self.target(target).command(arguments)
        return try await command.perform(timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension LabNode {
    /// The node's own network, for what runs on the host.
    package func target() throws(KernelError) -> LabTarget {
        try LabTarget(name: name, netns: netns, cgroup: cgroup)
    }
}

extension LabPod {
    /// The pod's own network.
    package func target() throws(KernelError) -> LabTarget {
        try LabTarget(name: name, netns: netns, cgroup: cgroup)
    }
}

extension LabHost {
    /// The host's own network.
    package func target() throws(KernelError) -> LabTarget {
        try LabTarget(name: name, netns: netns, cgroup: cgroup)
    }
}
