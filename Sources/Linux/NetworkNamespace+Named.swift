// Names of network namespaces under /run/netns, in the manner of `ip netns`: a name is a bind
// mount of the namespace, so that it lives without a process and `ip -n NAME` finds it.

import CLinux
import Glibc

extension NetworkNamespace {
    /// Where `ip netns` keeps names.
    package static let directory = "/run/netns"

    /// Makes a namespace with a name; EEXIST when the name is taken.
    package static func create(named name: String) throws(KernelError) -> NetworkNamespace {
        let path = "\(directory)/\(name)"
        try shareDirectory()
        // The mount point; O_EXCL makes the name ours or nobody's.
        _ = try FileDescriptor(opening: path, flags: O_RDONLY | O_CREAT | O_EXCL, mode: 0)
        do throws(KernelError) {
            try DedicatedThread.run(orElse: { $0 }) { () throws(KernelError) in
                try check("unshare", path) { linux_new_network_namespace() }
                try check("mount", path) {
                    mount("/proc/thread-self/ns/net", path, "none", UInt(MS_BIND), nil)
                }
            }
            return try NetworkNamespace(opening: path)
        } catch {
            unlink(path)
            throw error
        }
    }

    /// Opens a namespace by the name that `ip netns` shows.
    package static func open(named name: String) throws(KernelError) -> NetworkNamespace {
        try NetworkNamespace(opening: "\(directory)/\(name)")
    }

    /// Takes the name away; the namespace ends with its last process, socket and descriptor.
    /// ENOENT when there is no such name.
    package static func delete(named name: String) throws(KernelError) {
        let path = "\(directory)/\(name)"
        if umount2(path, Int32(MNT_DETACH)) != 0 {
            // EINVAL: a name whose mount was never made or is gone.
            let error = KernelError.last("umount2", path)
            if error.errno != .invalidArgument { throw error }
        }
        try check("unlink", path) { unlink(path) }
    }

    /// Names in use, sorted.
    package static func names() throws(KernelError) -> [String] {
        do throws(KernelError) {
            return try Directory.entries(directory)
        } catch {
            if error.errno == .noEntry { return [] }
            throw error
        }
    }

    /// As `ip netns add`: the directory is a shared mount, so that a name removed in one mount
    /// namespace does not stay pinned in another.
    private static func shareDirectory() throws(KernelError) {
        if mkdir(directory, 0o755) != 0 && errno != EEXIST { throw .last("mkdir", directory) }
        let shared = UInt(MS_SHARED) | UInt(MS_REC)
        if mount("", directory, "none", shared, nil) == 0 { return }
        let error = KernelError.last("mount", directory)
        guard error.errno == .invalidArgument else { throw error }
        try check("mount", directory) {
            mount(directory, directory, "none", UInt(MS_BIND) | UInt(MS_REC), nil)
        }
        try check("mount", directory) { mount("", directory, "none", shared, nil) }
    }
}
