// What maps, programs and links have in common: a descriptor that keeps them alive, and pins.
// A pin is a file in a bpffs that keeps the object alive after the last descriptor is closed;
// removing it is an ordinary unlink.

import CLibBPF
import Glibc
import Linux

/// What a descriptor of bpf(2) can stand for, in the kernel's words.
enum ObjectKind: String {
    case map, program = "prog", link
}

extension FileDescriptor {
    /// Opens the `kind` that is pinned at `path`.
    ///
    /// The kernel opens and describes anything that is pinned, and a map's description read as a
    /// link's is nonsense: hence the look at the kind.
    static func pinned(at path: String, _ kind: ObjectKind) throws(BPFError) -> FileDescriptor {
        let descriptor = FileDescriptor(owning: try check(bpf_obj_get(path), "bpf_obj_get", path))
        var name = [CChar](repeating: 0, count: 64)
        let length = readlink("/proc/self/fd/\(descriptor.rawValue)", &name, name.count)
        // "anon_inode:bpf-map", "anon_inode:bpf-prog", "anon_inode:bpf_link", or in brackets.
        let found = String(
            decoding: name.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if !found.hasSuffix(kind.rawValue) && !found.hasSuffix("\(kind.rawValue)]") {
            throw .mismatch(
                subject: path, property: "what is pinned", wanted: "a BPF \(kind)", found: found)
        }
        return descriptor
    }

    /// A second owner of a number that libbpf or another value owns.
    static func duplicating(_ number: Int32, _ subject: String) throws(BPFError) -> FileDescriptor {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
        if copy < 0 {
            throw .system(operation: "fcntl(F_DUPFD_CLOEXEC)", subject: subject, errno: errno)
        }
        return FileDescriptor(owning: copy)
    }
}

/// Does something of the Linux room in this one's error.
func inBPFError<Result: ~Copyable>(
    _ body: () throws(KernelError) -> Result
) throws(BPFError) -> Result {
    do throws(KernelError) {
        return try body()
    } catch {
        throw .system(operation: error.call, subject: error.subject, errno: error.errno.rawValue)
    }
}

/// A map, program or link in the kernel, alive while this value lives or a pin exists.
public protocol KernelObject: ~Copyable {
    /// The raw descriptor, for calls that this module does not have. It stays this value's own: do
    /// not close it, and do not use it after the value is gone.
    var descriptor: Int32 { get }
    /// How errors name it: "map services4".
    var subject: String { get }
}

extension KernelObject where Self: ~Copyable {
    /// Pins the object at `path`, which must not exist and lie in a bpffs.
    ///
    /// Errors: EEXIST; EPERM or EINVAL if it is no bpffs; ENOENT if the folder is missing.
    public func pin(at path: String) throws(BPFError) {
        try check(bpf_obj_pin(descriptor, path), "bpf_obj_pin", "\(subject) at \(path)")
    }
}

/// Pins, apart from what is pinned there.
public enum Pin {
    /// Removes the pin at `path`; tells if there was one. The object dies with its last user.
    @discardableResult
    public static func remove(_ path: String) throws(BPFError) -> Bool {
        if unlink(path) == 0 { return true }
        if errno == ENOENT { return false }
        throw .system(operation: "unlink", subject: path, errno: errno)
    }

    /// Whether there is a pin (or any file) at `path`.
    public static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }
}
