// Whole files: read at once, or replaced so that a reader sees the old or the new, never half.

import Glibc

/// Reading and replacing whole files.
package enum File {
    /// Everything in a file; works for /proc, /sys and inside cgroups, whose sizes read as 0.
    package static func read(_ path: String) throws(KernelError) -> [UInt8] {
        try FileDescriptor(opening: path).readAll(subject: path)
    }

    /// The same as text; bytes that are no UTF-8 become U+FFFD.
    package static func readText(_ path: String) throws(KernelError) -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    /// Writes into an existing file with one write(2), as /proc and cgroup files want it.
    package static func write(_ text: String, to path: String) throws(KernelError) {
        let file = try FileDescriptor(opening: path, flags: O_WRONLY | O_TRUNC)
        try file.writeAll(Array(text.utf8), subject: path)
    }

    /// Replaces a file in one step: temporary file beside it, fsync, rename, fsync of the
    /// directory. After a crash the path holds the old bytes or the new ones.
    package static func replace(
        _ path: String, with bytes: [UInt8], mode: UInt32 = 0o600
    ) throws(KernelError) {
        let temporary = "\(path).tmp\(getpid()).\(UInt32.random(in: 0 ... .max))"
        do throws(KernelError) {
            let file = try FileDescriptor(
                opening: temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            try file.writeAll(bytes, subject: temporary)
            try check("fsync", temporary) { fsync(file.rawValue) }
            try check("rename", path) { rename(temporary, path) }
        } catch {
            unlink(temporary)
            throw error
        }
        let slash = path.lastIndex(of: "/")
        let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let directory = try FileDescriptor(opening: parent, flags: O_RDONLY | O_DIRECTORY)
        try check("fsync", parent) { fsync(directory.rawValue) }
    }
}

extension FileDescriptor {
    /// Bytes up to the end of file.
    package func readAll(subject: String) throws(KernelError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try readSome(subject: subject), !chunk.isEmpty { bytes += chunk }
        return bytes
    }

    /// What one read(2) gives: empty at the end, nil when it would block.
    package func readSome(upTo limit: Int = 65_536, subject: String) throws(KernelError) -> [UInt8]?
    {
        let number = rawValue
        var failure: KernelError?
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            do throws(KernelError) {
                count = try check("read", subject) { Glibc.read(number, buffer.baseAddress, limit) }
            } catch {
                failure = error
            }
        }
        if let failure {
            if failure.errno == .wouldBlock { return nil }
            throw failure
        }
        return bytes
    }

    /// Writes everything, in several calls if need be.
    package func writeAll(_ bytes: [UInt8], subject: String) throws(KernelError) {
        let number = rawValue
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try check("write", subject) {
                rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(count)
        }
    }
}
