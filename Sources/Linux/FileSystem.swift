// What kind of file system a path lies on, by the magic number that statfs(2) tells.

import CLinux
import Glibc

/// Questions about paths.
enum FileSystem {
    /// CGROUP2_SUPER_MAGIC, linux/magic.h.
    static let cgroup2: Int64 = 0x6367_7270
    /// BPF_FS_MAGIC, linux/magic.h.
    static let bpf: Int64 = 0xcafe_4a11

    /// Nil when there is no such path.
    static func type(of path: String) -> Int64? {
        let type = linux_file_system_type(path)
        return type < 0 ? nil : type
    }

    /// False when there is no such path; symlinks are followed.
    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// A regular file with no other name: whoever made it still has it open or has closed it, while
    /// a link never had a writer.
    static func isSingleFile(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && status.st_nlink == 1
    }

    /// The same, but a symlink to a directory is none.
    static func isRealDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
