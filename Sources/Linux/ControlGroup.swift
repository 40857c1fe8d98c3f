// Control groups of the unified hierarchy. The socket programs hang on one, and a child process is
// born in one. Only children that we make are ever written to, never the root.

import Glibc

/// A cgroup v2 directory.
package struct ControlGroup: Hashable, Sendable {
    /// The directory, e.g. `/sys/fs/cgroup/kubepods.slice`.
    package let path: String

    /// A directory that the caller knows to be a cgroup; see `isControlGroup`.
    package init(path: String) { self.path = path }

    /// The root: where cgroup2 is mounted, wherever that is. ENOENT on a node with cgroup v1 only.
    package static func root() throws(KernelError) -> ControlGroup {
        guard let mount = try Mount.all().first(where: { $0.type == "cgroup2" }) else {
            throw KernelError(call: "mountinfo", subject: "cgroup2", errno: .noEntry)
        }
        return ControlGroup(path: mount.mountPoint)
    }

    /// Whether the path lies on cgroup2.
    package var isControlGroup: Bool { FileSystem.type(of: path) == FileSystem.cgroup2 }

    /// The group below; `name` may have several levels. Not made yet.
    package func child(_ name: String) -> ControlGroup { ControlGroup(path: "\(path)/\(name)") }

    /// Makes the group and those above it; one that exists is fine.
    package func create() throws(KernelError) { try Directory.create(path) }

    /// EBUSY while it holds a process or a group; ENOENT when it is not there.
    package func remove() throws(KernelError) {
        try check("rmdir", path) { rmdir(path) }
    }

    /// Moves a process in. A child is better born inside: `Command.cgroup`.
    package func add(_ pid: Int32) throws(KernelError) {
        try File.write("\(pid)", to: "\(path)/cgroup.procs")
    }

    /// Processes in this very group.
    package func processes() throws(KernelError) -> [Int32] {
        try File.readText("\(path)/cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
    }

    /// Groups directly below, sorted.
    package func children() throws(KernelError) -> [ControlGroup] {
        try Directory.entries(path).filter { FileSystem.isDirectory("\(path)/\($0)") }.map(child)
    }

    /// Sends SIGKILL to every process in the group and below (cgroup.kill, Linux 5.14).
    package func kill() throws(KernelError) { try File.write("1", to: "\(path)/cgroup.kill") }

    /// The number that `bpf_get_current_cgroup_id` gives: the directory's inode.
    package func id() throws(KernelError) -> UInt64 {
        var status = stat()
        try check("stat", path) { stat(path, &status) }
        return UInt64(status.st_ino)
    }

    /// A descriptor of the directory, as attaching a program wants it.
    package func open() throws(KernelError) -> FileDescriptor {
        try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    }
}
