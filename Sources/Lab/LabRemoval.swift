// Taking a lab away by what is there, not by what its record says: a lab whose making was killed
// half-way has no record. Everything hangs on names: namespaces by their prefix, processes by the
// cgroup, mounts and files by the directory.

import FoundationEssentials
import Glibc
import Linux

/// Removal of labs.
enum LabRemoval {
    /// Names of labs that have left a directory, sorted.
    static func names() throws -> [String] {
        do throws(KernelError) {
            return try Directory.entries(LabPaths.base).filter { !$0.hasPrefix(".") }
        } catch {
            if error.errno == .noEntry { return [] }
            throw error
        }
    }

    /// Ends the lab's serving process, if there is one, and removes the lab. A lab that is not
    /// there is removed already.
    static func remove(_ paths: LabPaths) throws {
        try Directory.create(LabPaths.base)
        try FileLock.hold(paths.lock) {
            try removeLocked(paths)
            unlink(paths.lock)
        }
    }

    /// Removes a lab if its owner is dead; one that is being made is not, though it looks so until
    /// its maker lets go of the lock.
    /// - Returns: whether it did.
    static func removeLeftover(_ paths: LabPaths) throws -> Bool {
        try FileLock.hold(paths.lock) {
            if let owner = LabOwner.read(paths), owner.isAlive { return false }
            try removeLocked(paths)
            unlink(paths.lock)
            return true
        }
    }

    /// The same by whoever holds the lock.
    static func removeLocked(_ paths: LabPaths) throws {
        if let owner = LabOwner.read(paths), owner.servesOnly, owner.isAlive, owner.pid != getpid()
        {
            kill(owner.pid, SIGTERM)
        }
        try removeGroups(ControlGroup(path: paths.cgroup))
        for name in try NetworkNamespace.names() where name.hasPrefix(paths.namespacePrefix) {
            try NetworkNamespace.delete(named: name)
        }
        let mounts = try Mount.all().filter { $0.mountPoint.hasPrefix(paths.root + "/") }
        for mount in mounts.reversed() { try BPFFileSystem.unmount(mount.mountPoint) }
        if FileManager.default.fileExists(atPath: paths.root) {
            try FileManager.default.removeItem(atPath: paths.root)
        }
    }

    /// Ends all processes of a group and removes it with the groups below.
    static func removeGroups(_ group: ControlGroup) throws {
        guard group.isControlGroup else { return }
        try group.kill()
        for child in try group.children() { try removeGroups(child) }
        try removeEmptied(group)
    }

    /// A killed process leaves its group when its parent could reap it, a moment later: EBUSY
    /// until then.
    private static func removeEmptied(_ group: ControlGroup) throws(KernelError) {
        let deadline = Monotonic.now().advanced(byMilliseconds: removalTimeoutMilliseconds)
        while true {
            do throws(KernelError) {
                return try group.remove()
            } catch {
                if error.errno == .noEntry { return }
                guard error.errno == .busy, Monotonic.now() < deadline else { throw error }
                usleep(1000)
            }
        }
    }

    /// How long a killed process may take to leave.
    private static let removalTimeoutMilliseconds = 5000
}
