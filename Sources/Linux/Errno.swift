// The kernel's error numbers. A struct and not an enum, so that a number that this build does not
// know survives and prints. Never compare with a bare Int32.

import CLinux

/// An error number such as `ENOENT`. Prints as `ENOENT (No such file or directory)`.
package struct Errno: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Positive, as in errno.h.
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// `ENOENT`; `errno 4711` for a number that libc does not know.
    package var name: String {
        linux_errno_name(rawValue).map { String(cString: $0) } ?? "errno \(rawValue)"
    }

    package var description: String {
        guard let text = linux_errno_description(rawValue) else { return name }
        return "\(name) (\(String(cString: text)))"
    }
}

extension Errno {
    package static let notPermitted = Errno(rawValue: 1)
    package static let noEntry = Errno(rawValue: 2)
    package static let noProcess = Errno(rawValue: 3)
    package static let interrupted = Errno(rawValue: 4)
    package static let badDescriptor = Errno(rawValue: 9)
    package static let wouldBlock = Errno(rawValue: 11)
    package static let noMemory = Errno(rawValue: 12)
    package static let accessDenied = Errno(rawValue: 13)
    package static let busy = Errno(rawValue: 16)
    package static let exists = Errno(rawValue: 17)
    package static let noDevice = Errno(rawValue: 19)
    package static let notDirectory = Errno(rawValue: 20)
    package static let invalidArgument = Errno(rawValue: 22)
    package static let fileTooBig = Errno(rawValue: 27)
    package static let noSpace = Errno(rawValue: 28)
    package static let outOfRange = Errno(rawValue: 34)
    package static let notSupported = Errno(rawValue: 95)
    package static let addressNotAvailable = Errno(rawValue: 99)
    package static let networkUnreachable = Errno(rawValue: 101)
    package static let noBuffers = Errno(rawValue: 105)
    package static let timedOut = Errno(rawValue: 110)
    package static let hostUnreachable = Errno(rawValue: 113)
}
