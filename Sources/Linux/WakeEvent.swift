// Waking a thread that waits in poll(2): the only way to stop one that blocks on a descriptor
// without a polling interval.

import CLinux
import Glibc

/// An eventfd that makes `Readiness.wait` return.
package struct WakeEvent: ~Copyable, Sendable {
    package let descriptor: FileDescriptor

    package init() throws(KernelError) {
        descriptor = FileDescriptor(owning: try check("eventfd", "") { linux_event() })
    }

    /// Makes the descriptor readable for good. From any thread, any number of times.
    package func signal() {
        var one: UInt64 = 1
        // Only a full counter refuses, and that one is readable already.
        _ = write(descriptor.rawValue, &one, MemoryLayout<UInt64>.size)
    }
}

/// Waiting for descriptors.
package enum Readiness {
    /// Blocks the calling thread until one of the descriptors has something to read (or an error or
    /// hang-up to tell), or the deadline has come. Never on a thread of Swift's pool.
    /// - Returns: for each descriptor in turn, whether to look at it; all false at the deadline.
    package static func wait(
        reading descriptors: [Int32], until deadline: Monotonic? = nil
    ) throws(KernelError) -> [Bool] {
        var list = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            var timeout: Int32 = -1
            if let deadline {
                // Rounded up: waking a fraction early would only spin.
                let left = deadline.nanoseconds(since: .now())
                timeout = Int32(clamping: (left + 999_999) / 1_000_000)
            }
            if poll(&list, nfds_t(list.count), timeout) >= 0 { return list.map { $0.revents != 0 } }
            let error = KernelError.last("poll", "")
            if error.errno != .interrupted { throw error }
        }
    }
}
