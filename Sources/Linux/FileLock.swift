// A lock between processes: flock(2) on a file. A file that was deleted meanwhile locks nothing, as
// the next process makes another of its name: whoever got the lock looks whether it is still there.

import Glibc

/// An exclusive lock on a path; the kernel takes it back when its holder dies.
package enum FileLock {
    /// Makes the file if it is absent, waits for the lock on the calling thread, and holds it
    /// while the closure runs. The closure may delete the file as the last thing that it does.
    package static func hold<T>(_ path: String, _ body: () throws -> T) throws -> T {
        while true {
            let file = try FileDescriptor(opening: path, flags: O_RDWR | O_CREAT)
            try check("flock", path) { flock(file.rawValue, LOCK_EX) }
            defer { flock(file.rawValue, LOCK_UN) }
            var (held, named) = (stat(), stat())
            try check("fstat", path) { fstat(file.rawValue, &held) }
            guard stat(path, &named) == 0, held.st_ino == named.st_ino else { continue }
            return try body()
        }
    }
}
