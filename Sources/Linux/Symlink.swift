// Symbolic links: making them and reading where they lead, without following them.

import Glibc

/// Symbolic links.
package enum Symlink {
    /// Makes a link at `path` to `target`, which is kept as it is written. EEXIST when there is
    /// anything at `path`.
    package static func create(at path: String, to target: String) throws(KernelError) {
        if symlink(target, path) != 0 { throw .last("symlink", path) }
    }

    /// Where a link leads, as it was written; nil when there is no link at `path`.
    package static func target(of path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        if count < 0 { return nil }
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
