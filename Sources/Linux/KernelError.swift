// The ground floor's only error: which call, on what, which errno. Rooms above wrap it in their
// own.

import Glibc

/// A system call that failed.
package struct KernelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call, e.g. `setns`.
    package let call: String
    /// What it was called on: a path, a name, a pid. May be empty.
    package let subject: String
    package let errno: Errno

    package init(call: String, subject: String, errno: Errno) {
        self.call = call
        self.subject = subject
        self.errno = errno
    }

    /// The error that the calling thread's `errno` tells; ask at once after the call.
    package static func last(_ call: String, _ subject: String) -> KernelError {
        KernelError(call: call, subject: subject, errno: Errno(rawValue: Glibc.errno))
    }

    package var description: String {
        subject.isEmpty ? "\(call): \(errno)" : "\(call) \(subject): \(errno)"
    }
}

/// Makes a call that returns -1 on failure; EINTR is repeated.
/// - Returns: the call's result, never negative.
@discardableResult
func check<Number: SignedInteger>(
    _ call: String, _ subject: @autoclosure () -> String, _ body: () -> Number
) throws(KernelError) -> Number {
    while true {
        let result = body()
        if result >= 0 { return result }
        let error = Errno(rawValue: Glibc.errno)
        if error == .interrupted { continue }
        throw KernelError(call: call, subject: subject(), errno: error)
    }
}
