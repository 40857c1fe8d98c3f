// The file system that pins live on. On a node /sys/fs/bpf is mounted; a lab or a test mounts one
// of its own, so that nothing it pins outlives it.

import Glibc

/// Mounting and recognising bpffs.
package enum BPFFileSystem {
    /// Where a node has it.
    package static let standardPath = "/sys/fs/bpf"

    /// Whether the path lies on bpffs; false when it does not exist.
    package static func contains(_ path: String) -> Bool {
        FileSystem.type(of: path) == FileSystem.bpf
    }

    /// Mounts a new, empty bpffs on a directory (made if absent), private to this mount namespace's
    /// copy of the mount. EPERM without CAP_SYS_ADMIN.
    package static func mount(at path: String) throws(KernelError) {
        try Directory.create(path, mode: 0o700)
        try check("mount", "bpf on \(path)") { Glibc.mount("bpf", path, "bpf", 0, "mode=0700") }
    }

    /// Takes the topmost mount away at once; what still uses it keeps it alive. The directory
    /// stays.
    package static func unmount(_ path: String) throws(KernelError) {
        try check("umount2", path) { umount2(path, Int32(MNT_DETACH)) }
    }
}
