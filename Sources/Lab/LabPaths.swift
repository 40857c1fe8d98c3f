// Where a lab's files are. Everything of a lab lies under one directory and one cgroup, so that
// removing both removes the lab, however far making it got.

import Linux

/// The paths of one lab.
struct LabPaths: Hashable, Sendable {
    /// All labs of this machine.
    static let base = "/run/needletail-lab"

    let name: String
    /// Mount point of the cgroup2 hierarchy.
    let cgroupMount: String

    /// Throws for what is no name, and ENOENT on a machine without cgroup2.
    init(name: String) throws {
        try LabConfiguration.check(name: name)
        self.name = name
        cgroupMount = try ControlGroup.root().path
    }

    var root: String { "\(Self.base)/\(name)" }
    /// Status and configuration, rewritten at each change.
    var record: String { "\(root)/lab.json" }
    /// Written before anything else is made, removed last.
    var owner: String { "\(root)/owner.json" }
    /// Held by whoever changes the lab. It lies beside the lab, and stays when the lab goes.
    var lock: String { "\(Self.base)/.\(name).lock" }

    /// The cgroup above all labs.
    var cgroupBase: String { "\(cgroupMount)/needletail-lab" }
    var cgroup: String { "\(cgroupBase)/\(name)" }

    /// A node's directory.
    func directory(_ node: String) -> String { "\(root)/\(node)" }
    func cgroup(_ target: String) -> String { "\(cgroup)/\(target)" }
    func cgroup(_ node: String, pod: String) -> String { "\(cgroup)/\(node)/\(pod)" }

    /// Mount point of a bpffs of the node's own.
    func bpffs(_ node: String) -> String { "\(directory(node))/bpf" }
    func state(_ node: String) -> String { "\(directory(node))/state" }
    func control(_ node: String) -> String { "\(directory(node))/control.sock" }
    func checkpoint(_ node: String) -> String { "\(directory(node))/ipam.json" }

    /// What all names of the lab's network namespaces begin with. A lab's own name has no dot, so
    /// that no lab's prefix is the beginning of another's.
    var namespacePrefix: String { "needletail.\(name)." }
    /// The name of a node's or host's network namespace, for `ip -n`.
    func namespace(_ target: String) -> String { namespacePrefix + target }
    func namespace(_ node: String, pod: String) -> String { "\(namespacePrefix)\(node).\(pod)" }
}
