// How many descriptors the process may have. The soft limit is 1,024 by custom, for the sake of
// programs that use select(2); whoever does not may go to the hard one (as Go's runtime does).

import Glibc

/// RLIMIT_NOFILE of this process.
package enum OpenFileLimit {
    /// Raises the soft limit to the hard one; returns what holds now.
    @discardableResult
    package static func raise() throws(KernelError) -> UInt64 {
        let kind = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
        var limit = rlimit()
        try check("getrlimit", "RLIMIT_NOFILE") { getrlimit(kind, &limit) }
        guard limit.rlim_cur < limit.rlim_max else { return UInt64(limit.rlim_cur) }
        limit.rlim_cur = limit.rlim_max
        try check("setrlimit", "RLIMIT_NOFILE") { setrlimit(kind, &limit) }
        return UInt64(limit.rlim_cur)
    }
}
