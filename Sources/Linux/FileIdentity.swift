// Whether a path still leads to the same bytes, without reading them: a swapped symlink leads to
// another inode, a write moves the times. Symlinks are followed.

import Glibc

/// What stat(2) tells of a file or directory.
package struct FileIdentity: Hashable, Sendable {
    package let isDirectory: Bool
    package let isRegularFile: Bool
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let modified: [Int]

    /// Nil when the path leads nowhere, e.g. a dangling symlink. One syscall.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        isRegularFile = status.st_mode & S_IFMT == S_IFREG
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        // The change time too: it moves when the modification time is set back.
        modified = [
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
            status.st_ctim.tv_nsec,
        ]
    }
}
