// Directories: what is in them, and making them with their parents. No recursion, no removal.

import Glibc

/// Listing and making directories.
package enum Directory {
    /// Names in a directory without `.` and `..`, sorted.
    package static func entries(_ path: String) throws(KernelError) -> [String] {
        guard let stream = opendir(path) else { throw .last("opendir", path) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw .last("readdir", path) }
        return names.sorted()
    }

    /// Makes a directory and those above it; one that exists is fine.
    package static func create(_ path: String, mode: UInt32 = 0o755) throws(KernelError) {
        if mkdir(path, mode) == 0 { return }
        let error = KernelError.last("mkdir", path)
        switch error.errno {
        case .exists: return
        case .noEntry:
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { throw error }
            try create(String(path[..<slash]), mode: mode)
            if mkdir(path, mode) != 0 && errno != EEXIST { throw .last("mkdir", path) }
        default: throw error
        }
    }
}
