// The lock between processes, tried between threads: flock(2) belongs to the open file, and each
// `hold` opens its own.

import Glibc
import Linux
import Synchronization
import Testing

@Suite("File locks")
struct FileLockTests {
    private final class Count: Sendable {
        let inside = Atomic(0)
        let entered = Atomic(0)
    }

    @Test("one holder at a time, even when each deletes the file before it lets go")
    func exclusive() async throws {
        let path = "/tmp/needletail-lock-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let count = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await DedicatedThread.perform {
                        for _ in 0..<50 {
                            try FileLock.hold(path) {
                                #expect(count.inside.add(1, ordering: .relaxed).newValue == 1)
                                count.entered.add(1, ordering: .relaxed)
                                sched_yield()
                                count.inside.subtract(1, ordering: .relaxed)
                                unlink(path)
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(count.entered.load(ordering: .relaxed) == 400)
        #expect(access(path, F_OK) != 0)
    }
}
