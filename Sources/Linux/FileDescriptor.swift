// An owned descriptor: closed once, by whoever holds it last. Never pass the raw number on to a
// thing that outlives this value; `duplicate` makes one that may.

import CLinux
import Glibc

/// A file descriptor that closes itself. Always close-on-exec.
package struct FileDescriptor: ~Copyable, Sendable {
    /// Valid while this value lives.
    package let rawValue: Int32

    /// Takes over a descriptor that nobody else closes.
    package init(owning rawValue: Int32) { self.rawValue = rawValue }

    /// Opens a path; O_CLOEXEC is added.
    /// - Parameter mode: permissions of a file that O_CREAT makes.
    package init(
        opening path: String, flags: Int32 = O_RDONLY, mode: UInt32 = 0o600
    ) throws(KernelError) {
        rawValue = try check("open", path) { linux_open(path, flags, mode) }
    }

    deinit { close(rawValue) }

    /// Gives the number away: whoever gets it closes it.
    package consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    /// A second descriptor of the same open file.
    package func duplicate() throws(KernelError) -> FileDescriptor {
        let copy = rawValue
        return FileDescriptor(owning: try check("dup", "\(copy)") { linux_duplicate(copy) })
    }
}

extension Optional where Wrapped == FileDescriptor {
    /// The descriptor's number, -1 for none: what poll(2) and our C calls take for "not there".
    var number: Int32 {
        switch self {
        case .some(let descriptor): descriptor.rawValue
        case .none: -1
        }
    }
}
